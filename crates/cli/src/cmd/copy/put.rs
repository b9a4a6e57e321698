//! Puts what was found into its new place.

use std::path::Path;
use std::sync::Arc;

use barge_core::archive::{Plan, WriteOptions};
use barge_core::content::Image;
use barge_core::ops::{PullOptions, PushOptions, plan_images, pull, tag};
use barge_core::output::Output;
use barge_core::select::Selection;
use barge_oci::{Digest, Reference};
use barge_server::wire::PULL;
use barge_sources::registry::{Gathered, Registry, siblings};

use super::names::{is_name, moved, one_name, renamed, tagged};
use super::{Copier, Found};
use crate::args::Engine;
use crate::cmd::load_engine::Outgoing;
use crate::cmd::origin::Origin;
use crate::cmd::place::Place;
use crate::cmd::{Failure, Outcome, note, now, push, reference, save, wanted};
use crate::render::{progress, transfers};

impl Copier<'_> {
    pub(super) fn put(&self, found: Found, to: &Place) -> Outcome {
        match to {
            Place::Store(name) => self.keep(found, &reference(name)?),
            Place::Registry(name) => self.send(&found, name),
            Place::Engine(engine, name) => self.to_engine(found, *engine, reference(name)?),
            Place::Layout(folder, reference) => self.to_layout(found, folder, reference.as_deref()),
            Place::Archive(file, name) => {
                self.to_archive(found, file, name.as_deref().map(reference).transpose()?)
            }
        }
    }

    /// A plan of all of it; a registry is asked for every blob, as what is missing is better known before the
    /// first byte.
    fn plan(&self, origin: &Origin, images: Vec<Image>, companions: Vec<Image>) -> Result<Plan, Failure> {
        let plan = plan_images(&origin.provider(), images, companions, &self.options())?;
        if let Origin::Registry(gathered) = origin {
            gathered.check(plan.blobs(), self.args.registries.reach.parallel.into())?;
        }
        Ok(plan)
    }

    fn to_engine(&self, found: Found, engine: Engine, name: Reference) -> Outcome {
        is_name(&name)?;
        let outgoing = Outgoing {
            source: found.origin.provider(),
            companions: moved(found.companions, Some(&name))?,
            images: renamed(found.images, Some(name))?,
            selection: Selection { keep_index: true, ..self.options().selection },
            parallel: self.args.registries.reach.parallel.into(),
            mode: self.mode(),
        };
        outgoing.into_engine(engine, &self.args.engines)
    }

    fn to_layout(&self, found: Found, folder: &Path, reference: Option<&str>) -> Outcome {
        if reference.is_some() && found.images.len() > 1 {
            return Err(one_name());
        }
        let plan = self.plan(&found.origin, found.images, found.companions)?;
        plan.notes.iter().for_each(|text| note("note", text));
        let bar = progress::new(self.mode(), "Copying");
        plan.write_layout(&found.origin.provider(), folder, reference, bar.as_ref())?;
        drop(bar);
        self.say(plan.images.iter().map(|image| image.root.digest))
    }

    fn to_archive(&self, found: Found, file: &Path, name: Option<Reference>) -> Outcome {
        let companions = moved(found.companions, name.as_ref())?;
        let images = renamed(found.images, name)?;
        let output = Output::open(file)?;
        let plan = self.plan(&found.origin, images, companions)?;
        save::write(&plan, found.origin.provider(), output, &WriteOptions::default(), self.mode())?;
        self.say(plan.images.iter().map(|image| image.root.digest))
    }

    /// Into the store, under `name`, or all tags under its repository.
    fn keep(&self, found: Found, name: &Reference) -> Outcome {
        is_name(name)?;
        let companions = moved(found.companions, Some(name))?;
        let images = if self.args.all_tags {
            tagged(found.images, name)?
        } else {
            renamed(found.images, Some(name.clone()))?
        };
        let digests: Vec<Digest> = images.iter().map(|i| i.target.digest).collect();
        match found.origin {
            Origin::Registry(gathered) => self.pull(&gathered, &images)?,
            Origin::Fetched(fetched) => fetched.commit(&images, &now())?,
            Origin::Engine(blobs, _lease) => {
                let mut options = self.options();
                // As a pull does it.
                options.selection.keep_index = true;
                let source = blobs.provider();
                let plan = plan_images(&source, images, Vec::new(), &options)?;
                plan.notes.iter().for_each(|text| note("note", text));
                let bar = progress::new(self.mode(), "Copying");
                plan.keep(&source, &self.store, &now(), bar.as_ref())?;
            }
            // What goes into the store was staged there.
            Origin::InPlace(_) => {}
            Origin::Staged(mut staged) => {
                let (referrers, named) = companions.into_iter().partition(Image::is_referrer);
                staged.images = images.into_iter().chain::<Vec<_>>(named).collect();
                staged.referrers = referrers;
                staged.commit(&now())?;
            }
            Origin::Store(store, _lease) => {
                for image in &images {
                    let target = image.name.as_ref().map(ToString::to_string).unwrap_or_default();
                    tag(&store, &image.target.digest.to_string(), &target, &now())?;
                }
            }
        }
        self.say(digests)
    }

    fn pull(&self, gathered: &Gathered, images: &[Image]) -> Outcome {
        let options = PullOptions {
            wanted: wanted(self.platforms.clone()),
            referrers: self.referrers.clone(),
            foreign: self.args.include_foreign,
            parallel: self.args.registries.reach.parallel.into(),
            now: now(),
            stop: Arc::default(),
        };
        for image in images {
            let transfers = transfers::new(PULL, self.mode());
            pull(&self.store, gathered, image, &options, transfers.as_ref())?;
        }
        Ok(())
    }

    /// Into a registry.
    fn send(&self, found: &Found, name: &Reference) -> Outcome {
        is_name(name)?;
        let registry = Registry::new(name.domain(), Arc::clone(&self.settings))?;
        let (repository, source) = (registry.repository(name.path()), found.origin.provider());
        for image in &found.images {
            let of_image = image.name.as_ref().and_then(Reference::tag);
            let tag = if self.args.all_tags { of_image } else { name.tag().or(Some("latest")) };
            let options = PushOptions {
                selection: self.options().selection,
                parallel: self.args.registries.reach.parallel.into(),
                siblings: siblings(image, std::slice::from_ref(image), name),
                companions: found.companions.clone(),
                stop: Arc::default(),
            };
            let root = push::send(&source, image, &repository, tag, &options, self.mode())?;
            self.say([root.digest])?;
        }
        Ok(())
    }
}
