//! Images into engines: `barge load --to docker|containerd|podman`, `barge copy` to them.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use barge_core::archive::{Plan, Planned, WriteOptions};
use barge_core::content::{Image, Provider};
use barge_core::error::Error;
use barge_core::graph::Tree;
use barge_core::ops::{PushOptions, SaveOptions, plan_images};
use barge_core::output::Output;
use barge_core::progress::Progress;
use barge_core::select::Selection;
use barge_oci::{Digest, Reference};
use barge_server::wire::PUSH;
use barge_sources::containerd::{Containerd, PutOptions};
use barge_sources::docker::{Engine, Held};
use barge_sources::unpacked::Unpacked;

use super::{Failure, Outcome, engine, local, note, podman, print};
use crate::args::{Engines, From, ProgressMode};
use crate::render::{progress, transfers};

/// What goes into an engine.
pub(super) struct Cargo<'a, P> {
    pub(super) source: &'a P,
    pub(super) images: Vec<Image>,
    /// What refers to them.
    pub(super) companions: Vec<Image>,
    pub(super) selection: Selection,
    pub(super) mode: ProgressMode,
}

impl<P: Provider + Sync> Cargo<'_, P> {
    /// Into the engine that is meant, and says of each image that it is there.
    pub(super) fn into_engine(self, to: From, engines: &Engines) -> Outcome {
        match to {
            From::Containerd => self.into_containerd(&local::containerd(engines)?),
            // A host has podman without its service far more often than with it.
            From::Podman if engines.root.is_some() => self.into_podman(engines),
            From::Podman if !engine::podman_is_said(engines) && !engine::podmans_socket().exists() => {
                self.into_podman(engines)
            }
            From::Podman => self.into_daemon(&engine::podman(engines)?, false),
            From::Docker | From::Store | From::Registry => self.into_daemon(&engine::docker(engines)?, true),
        }
    }

    /// Blob by blob, only what is missing.
    fn into_containerd(self, containerd: &Containerd) -> Outcome {
        let push =
            PushOptions { selection: self.selection, companions: self.companions, ..PushOptions::default() };
        let options = PutOptions { push, unpack: true, snapshotter: None };
        let transfers = transfers::new(PUSH, self.mode);
        let put = containerd.put(self.source, &self.images, &options, transfers.as_ref());
        drop(transfers);
        for image in put? {
            image.note.iter().for_each(|text| note("note", text));
            print(&format!("Loaded image: {}\n", image.name))?;
        }
        Ok(())
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let options = SaveOptions { selection: self.selection.clone(), ..SaveOptions::default() };
        let plan = plan_images(self.source, self.images.clone(), self.companions.clone(), &options)?;
        plan.notes.iter().for_each(|text| note("note", text));
        Ok(plan)
    }

    fn write(&self, plan: &Plan, output: &mut Output, bar: &dyn Progress) -> Result<(), Error> {
        plan.write(self.source, output, &WriteOptions::default(), Path::new("the archive"), bar)
    }

    /// As an archive, to whatever answers docker's API. It calls everything a success, so it is looked whether it has
    /// what was sent; `names` is whether it keeps names as they are.
    fn into_daemon(self, engine: &Engine, names: bool) -> Outcome {
        let plan = self.plan()?;
        let bar = progress::new(self.mode, "Sending");
        let said = engine.load(|mut output| self.write(&plan, &mut output, bar.as_ref()));
        drop(bar);
        for line in said?.iter().filter(|line| !line.starts_with("Loaded image")) {
            note("warning", &format!("the daemon says: {line}"));
        }
        let held = engine.images(&[])?;
        for image in &plan.images {
            let ids = ids(self.source, &Image { name: image.name.clone(), target: image.root.clone() })?;
            let called = |held: &Held| image.name.as_ref().is_none_or(|name| held.names.contains(name));
            if !held.iter().any(|held| ids.contains(&held.id) && (!names || called(held))) {
                let text = "the daemon says that it has loaded it, and does not have it";
                return Err(Failure::Text(format!("{}: {text}", shown(image)), 1));
            }
        }
        loaded(&plan)
    }

    /// As an archive, to podman itself: the last resort.
    fn into_podman(self, engines: &Engines) -> Outcome {
        let plan = self.plan()?;
        let mut command = Command::new("podman");
        if let Some(root) = &engines.root {
            command.arg("--root").arg(root);
        }
        let doing = |e| Error::io("run", Path::new("podman"), e);
        let mut loading = command
            .args(["load", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(doing)?;
        let bar = progress::new(self.mode, "Sending");
        let written = match loading.stdin.take() {
            Some(stdin) => {
                let mut output = Output::Stream(File::from(OwnedFd::from(stdin)));
                self.write(&plan, &mut output, bar.as_ref())
            }
            None => Ok(()),
        };
        drop(bar);
        if written.as_ref().is_err_and(|e| !e.is_broken_pipe()) {
            // It must not take what it has for all there is.
            let _ = loading.kill();
        }
        let ended = loading.wait().map_err(doing)?;
        if !ended.success() {
            return Err(Failure::Text(format!("podman load: {ended}"), 1));
        }
        written.map_err(|e| {
            if e.is_broken_pipe() {
                Failure::Text("podman load stopped reading".to_owned(), 1)
            } else {
                e.into()
            }
        })?;
        let there = Unpacked::names(&podman::roots(engines)?)?;
        for image in &plan.images {
            let ids = ids(self.source, &Image { name: image.name.clone(), target: image.root.clone() })?;
            if !there.iter().any(|held| ids.contains(&held.target.digest)) {
                let text = "podman says that it has loaded it, and does not have it";
                return Err(Failure::Text(format!("{}: {text}", shown(image)), 1));
            }
        }
        loaded(&plan)
    }
}

fn shown(image: &Planned) -> String {
    image.name.as_ref().map_or_else(|| image.root.digest.to_string(), Reference::familiar)
}

fn loaded(plan: &Plan) -> Outcome {
    plan.images.iter().try_for_each(|image| match &image.name {
        Some(name) => print(&format!("Loaded image: {}\n", name.familiar())),
        None => print(&format!("Loaded image ID: {}\n", image.root.digest)),
    })
}

/// What a daemon may call an image: by its root, by a manifest, or by a config.
fn ids(source: &impl Provider, image: &Image) -> Result<BTreeSet<Digest>, Failure> {
    let tree = Tree::walk(source, &image.target)?;
    let manifests = tree.whole().flat_map(|m| {
        let config = m.manifest.as_ref().map(|m| m.config.digest);
        std::iter::once(m.descriptor.digest).chain(config)
    });
    Ok(manifests.chain([image.target.digest]).collect())
}
