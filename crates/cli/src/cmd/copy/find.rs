//! Finds the images that are meant, wherever they are.

use std::path::Path;
use std::sync::Arc;

use barge_core::content::{Documents, Image};
use barge_core::error::printable;
use barge_core::ops::{LoadOptions, Source, Staged, stage, stage_in_place};
use barge_core::referrers::Referrers;
use barge_core::resolve::{all_tags, one};
use barge_core::store::Lease;
use barge_oci::Reference;
use barge_sources::docker::{Engine, Held};
use barge_sources::registry::Registry;

use super::names::Archived;
use super::{Copier, Found};
use crate::cmd::local::{self, Blobs, Opened};
use crate::cmd::origin::Origin;
use crate::cmd::place::Place;
use crate::cmd::{Failure, missing, note, reference, registry, wanted};
use crate::render::progress;

impl Copier<'_> {
    /// The images that are meant, and where they are.
    pub(super) fn find(&self, from: &Place, to_store: bool) -> Result<Found, Failure> {
        match from {
            Place::Store(text) => self.in_store(text),
            Place::Registry(name) => self.in_registry(name, to_store),
            Place::Engine(engine, name) => match local::open(&self.args.engines, *engine)? {
                Opened::Archives(daemon) => self.in_daemon(&daemon, name),
                Opened::Blobs(blobs) => self.in_engine(blobs, name),
            },
            Place::Layout(path, reference) | Place::Archive(path, reference) => {
                self.in_archive(path, reference.as_deref(), to_store)
            }
        }
    }

    fn in_store(&self, text: &str) -> Result<Found, Failure> {
        let names = self.store.images()?;
        let found = if self.args.all_tags {
            all_tags(&names, text)
        } else {
            one(&names, text).map(|found| vec![found.image])
        };
        let images = found.map_err(|error| missing::advise(error, &self.store))?;
        let companions = self.options().companions(&self.store, &images, &names)?;
        let lease = Lease::on(&self.store, images.iter().chain(&companions))?;
        Ok(Found { origin: Origin::Store(self.store.clone(), lease), images, companions })
    }

    fn in_registry(&self, name: &Reference, to_store: bool) -> Result<Found, Failure> {
        let names = if self.args.all_tags {
            let repository =
                Registry::new(name.domain(), Arc::clone(&self.settings))?.repository(name.path());
            repository.tags()?.iter().filter_map(|tag| name.with_tag(tag).ok()).collect()
        } else {
            vec![name.clone()]
        };
        let (gathered, images) = registry::gather(&names, &self.settings, wanted(self.platforms.clone()))?;
        // A pull finds its own.
        let referrers = if to_store { &Referrers::None } else { &self.referrers };
        let companions = registry::find_all(&gathered, &images, referrers)?;
        Ok(Found { origin: Origin::Registry(gathered), images, companions })
    }

    /// In an engine that hands out blobs.
    fn in_engine(&self, blobs: Blobs, name: &str) -> Result<Found, Failure> {
        let (images, lease) = blobs.select(&[name.to_owned()])?;
        // A bare name is every tag of a repository to `save`.
        let wanted = reference(name).ok().map(Reference::or_latest);
        let tag = |image: &Image| image.name.as_ref().and_then(Reference::tag).map(str::to_owned);
        let one = |image: &Image| {
            image.name.is_none() || tag(image).as_deref() == wanted.as_ref().and_then(Reference::tag)
        };
        let images: Vec<Image> =
            images.into_iter().filter(|image| self.args.all_tags || one(image)).collect();
        if images.is_empty() {
            return Err(Failure::Text(format!("No such image: {}", printable(name)), 1));
        }
        let companions = self.options().companions(&blobs.provider(), &images, &blobs.candidates()?)?;
        Ok(Found { origin: Origin::Engine(Box::new(blobs), lease), images, companions })
    }

    /// In one that hands out archives.
    fn in_daemon(&self, daemon: &Engine, name: &str) -> Result<Found, Failure> {
        let held = daemon.images(&[])?;
        let all = Held::images(&held);
        let images = if self.args.all_tags { all_tags(&all, name)? } else { vec![one(&all, name)?.image] };
        let ask = daemon.ask(&held, &images, &self.options().selection)?;
        ask.notes.iter().for_each(|text| note("note", text));
        let bar = progress::new(self.mode(), "Fetching");
        let fetched = daemon.fetch(&ask, &self.store, bar.as_ref())?;
        let images = fetched.images.clone();
        Ok(Found { origin: Origin::Fetched(Box::new(fetched)), images, companions: Vec::new() })
    }

    fn in_archive(&self, path: &Path, reference: Option<&str>, to_store: bool) -> Result<Found, Failure> {
        let options = LoadOptions { platforms: self.platforms.clone(), ..LoadOptions::default() };
        let bar = progress::new(self.mode(), "Reading");
        let in_place = if to_store { None } else { stage_in_place(path, &options, bar.as_ref())? };
        match in_place {
            Some(staged) => self.of_archive(staged, reference, path, Origin::InPlace),
            None => {
                let staged = stage(&self.store, Source::Path(path), &options, bar.as_ref())?;
                self.of_archive(staged, reference, path, Origin::Staged)
            }
        }
    }

    fn of_archive<C: Documents>(
        &self,
        staged: Staged<C>,
        reference: Option<&str>,
        path: &Path,
        origin: fn(Box<Staged<C>>) -> Origin,
    ) -> Result<Found, Failure> {
        let typed = self.args.places.first().and_then(|typed| typed.split_once(':'));
        let archived = Archived { staged: &staged, scheme: typed.map_or("oci", |(scheme, _)| scheme), path };
        let images = archived.chosen(reference, self.args.all_tags)?;
        let all: Vec<Image> = staged.images.iter().chain(&staged.referrers).cloned().collect();
        let companions = self.options().companions(&staged, &images, &all)?;
        Ok(Found { origin: origin(Box::new(staged)), images, companions })
    }
}
