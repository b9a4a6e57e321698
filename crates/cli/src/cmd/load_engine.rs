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
use barge_oci::{Descriptor, Digest, Reference};
use barge_server::wire::PUSH;
use barge_sources::containerd::{Containerd, PutOptions};
use barge_sources::docker::{Engine, Held};
use barge_sources::unpacked::Unpacked;

use super::{Failure, Outcome, engine, local, note, podman, print};
use crate::args::{Engine as Kind, Engines, ProgressMode};
use crate::render::{progress, transfers};

/// What goes into an engine.
pub(super) struct Outgoing<'a, P> {
    pub(super) source: &'a P,
    pub(super) images: Vec<Image>,
    /// What refers to them.
    pub(super) companions: Vec<Image>,
    pub(super) selection: Selection,
    pub(super) mode: ProgressMode,
}

impl<P: Provider + Sync> Outgoing<'_, P> {
    /// Into the engine that is meant, and says of each image that it is there.
    pub(super) fn into_engine(self, to: Kind, engines: &Engines) -> Outcome {
        match to {
            Kind::Containerd => self.into_containerd(&local::containerd(engines)?),
            Kind::Docker => self.into_daemon(&engine::docker(engines)?, true),
            // A host has podman without its service far more often than with it.
            Kind::Podman if engines.root.is_some() || !(podman::is_said(engines) || podman::is_there()) => {
                self.into_podman(engines)
            }
            Kind::Podman => self.into_daemon(&podman::service(engines)?, false),
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
        self.arrived(&plan, "the daemon", |image, ids| {
            let called = |held: &Held| image.name.as_ref().is_none_or(|name| held.names.contains(name));
            held.iter().any(|held| ids.contains(&held.id) && (!names || called(held)))
        })
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
        self.arrived(&plan, "podman", |_, ids| there.iter().any(|held| ids.contains(&held.target.digest)))
    }

    /// Sees to it that an engine has every image, by one of the digests that it may be called by, and says so.
    fn arrived(&self, plan: &Plan, who: &str, has: impl Fn(&Planned, &BTreeSet<Digest>) -> bool) -> Outcome {
        let shown = |image: &Planned| {
            image.name.as_ref().map_or_else(|| image.root.digest.to_string(), Reference::familiar)
        };
        for image in &plan.images {
            if !has(image, &ids(self.source, &image.root)?) {
                let text =
                    format!("{}: {who} says that it has loaded it, and does not have it", shown(image));
                return Err(Failure::Text(text, 1));
            }
        }
        plan.images.iter().try_for_each(|image| match &image.name {
            Some(_) => print(&format!("Loaded image: {}\n", shown(image))),
            None => print(&format!("Loaded image ID: {}\n", shown(image))),
        })
    }
}

/// What an engine may call an image: by its root, by a manifest, or by a config.
fn ids(source: &impl Provider, root: &Descriptor) -> Result<BTreeSet<Digest>, Failure> {
    let tree = Tree::walk(source, root)?;
    let manifests = tree.whole().flat_map(|m| {
        let config = m.manifest.as_ref().map(|m| m.config.digest);
        std::iter::once(m.descriptor.digest).chain(config)
    });
    Ok(manifests.chain([root.digest]).collect())
}
