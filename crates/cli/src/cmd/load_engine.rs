//! Images into engines: `barge load --to docker|containerd|podman`, `barge copy` to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use barge_core::archive::{Plan, Planned, WriteOptions};
use barge_core::content::{Image, Provider};
use barge_core::error::Error;
use barge_core::graph::Tree;
use barge_core::image;
use barge_core::ops::{PushOptions, SaveOptions, plan_images};
use barge_core::output::Output;
use barge_core::progress::Progress;
use barge_core::select::Selection;
use barge_oci::{Descriptor, Digest};
use barge_server::wire::PUSH;
use barge_sources::containerd::Containerd;
use barge_sources::docker::{Engine, Held};
use barge_sources::unpacked::Unpacked;

use super::{Failure, Outcome, engine, local, note, podman, print};
use crate::args::{Engine as Kind, Engines, ProgressMode};
use crate::render::{progress, transfers};

/// What goes into an engine.
pub(super) struct Outgoing<'a> {
    pub(super) source: &'a (dyn Provider + Sync),
    pub(super) images: Vec<Image>,
    /// What refers to them.
    pub(super) companions: Vec<Image>,
    pub(super) selection: Selection,
    /// How many blobs at once, where blobs are sent.
    pub(super) parallel: usize,
    pub(super) mode: ProgressMode,
}

impl Outgoing<'_> {
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
        let options = PushOptions {
            selection: self.selection,
            parallel: self.parallel,
            siblings: Vec::new(),
            companions: self.companions,
            stop: Arc::default(),
        };
        let transfers = transfers::new(PUSH, self.mode);
        let put = containerd.put(&self.source, &self.images, &options, transfers.as_ref());
        drop(transfers);
        for image in put? {
            image.note.iter().for_each(|text| note("note", text));
            print(&format!("Loaded image: {}\n", image.name))?;
        }
        Ok(())
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let options = SaveOptions { selection: self.selection.clone(), ..SaveOptions::default() };
        let plan = plan_images(&self.source, self.images.clone(), self.companions.clone(), &options)?;
        plan.notes.iter().for_each(|text| note("note", text));
        Ok(plan)
    }

    fn write(&self, plan: &Plan, mut output: Output, bar: &dyn Progress) -> Result<(), Error> {
        plan.write(&self.source, &mut output, &WriteOptions::default(), bar)
    }

    /// As an archive, to whatever answers docker's API. It calls everything a success, so it is looked whether it has
    /// what was sent; `names` is whether it keeps names as they are.
    fn into_daemon(self, engine: &Engine, names: bool) -> Outcome {
        let plan = self.plan()?;
        let bar = progress::new(self.mode, "Sending");
        let said = engine.load(|output| self.write(&plan, output, bar.as_ref()));
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
        let bar = progress::new(self.mode, "Sending");
        let root = engines.root.as_deref();
        let loaded = barge_sources::podman::load(root, |output| self.write(&plan, output, bar.as_ref()));
        drop(bar);
        loaded?;
        let there = Unpacked::names(&podman::roots(engines)?)?;
        self.arrived(&plan, "podman", |_, ids| there.iter().any(|held| ids.contains(&held.target.digest)))
    }

    /// Sees to it that an engine has every image, by one of the digests that it may be called by, and says so.
    fn arrived(&self, plan: &Plan, who: &str, has: impl Fn(&Planned, &BTreeSet<Digest>) -> bool) -> Outcome {
        let shown = |image: &Planned| image::shown(image.name.as_ref(), &image.root.digest);
        for image in &plan.images {
            if !has(image, &ids(&self.source, &image.root)?) {
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
