//! `barge copy`

use std::path::Path;
use std::sync::Arc;

use barge_core::archive::Plan;
use barge_core::archive::WriteOptions;
use barge_core::content::{Documents, Image};
use barge_core::error::printable;
use barge_core::ops::{
    LoadOptions, PullOptions, PushOptions, SaveOptions, Source, Staged, hold, plan_images, pull, push, stage,
    stage_in_place, tag,
};
use barge_core::output::Output;
use barge_core::progress::Transfers;
use barge_core::referrers::{Referrers, companions};
use barge_core::resolve::{all_tags, one};
use barge_core::select::{Selection, Wanted};
use barge_core::store::{Lease, Store};
use barge_oci::{Digest, Platform, Reference};
use barge_server::wire::{PULL, PUSH, Words};
use barge_sources::containerd::LeaseGuard;
use barge_sources::docker::{Ask, Held};
use barge_sources::registry::{Registry, Settings, siblings};

use super::load_engine::Outgoing;
use super::local::{self, Opened};
use super::place::{Origin, Place, find_all, gather, reference};
use super::{Failure, Outcome, note, now, platforms, print, referrers, registry, save};
use crate::args::{Copy, Engine, ProgressMode};
use crate::render::{progress, transfers};
use crate::usage::{Arity, check};

/// Prints the digest of what is there now, one a line.
pub(crate) fn run(args: &Copy, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::Exactly(2), args.places.len(), typed)?;
    let [from, to] = args.places.as_slice() else { return Ok(()) };
    let (from, to) = (Place::parse(from)?, Place::parse(to)?);
    if let (Place::Engine(Engine::Podman, _), Place::Engine(Engine::Podman, _)) = (&from, &to) {
        // It would wait for the locks that the other end holds.
        let text = "from podman's store to podman nothing is copied: `podman tag` gives another name";
        return Err(Failure::Text(text.to_owned(), 1));
    }
    let platforms = platforms(&args.platform)?;
    let hosts = [&from, &to].into_iter().filter_map(|place| match place {
        Place::Registry(name) => Some(name),
        _ => None,
    });
    let settings = registry::settings(&args.registries, hosts)?;
    let referrers = referrers(args.referrers.as_deref()).unwrap_or_default();
    let copier = Copier { args, platforms, settings, referrers, store: store()? };
    if let (Place::Store(source), Place::Store(target), false) = (&from, &to, args.all_tags) {
        if !args.platform.is_empty() || args.keep_index || args.referrers.is_some() {
            let text = "from the store to the store a copy is another name, of the whole image";
            return Err(Failure::Text(text.to_owned(), 1));
        }
        return Ok(tag(&copier.store, source, target, &now())?);
    }
    let found = copier.find(&from, matches!(to, Place::Store(_)))?;
    copier.put(found, &to)
}

/// What is copied.
struct Found {
    origin: Origin,
    images: Vec<Image>,
    /// Images among which are those that refer to them.
    companions: Vec<Image>,
    /// What keeps it from going away meanwhile.
    _kept: Kept,
}

/// Who sees to it that content stays.
enum Kept {
    Itself,
    Store(#[expect(dead_code, reason = "held until it is dropped")] Lease),
    Engine(#[expect(dead_code, reason = "held until it is dropped")] Option<LeaseGuard>),
}

struct Copier<'a> {
    args: &'a Copy,
    platforms: Vec<Platform>,
    settings: Arc<Settings>,
    referrers: Referrers,
    store: Store,
}

impl Copier<'_> {
    fn options(&self) -> SaveOptions {
        let selection = Selection {
            platforms: self.platforms.clone(),
            keep_index: self.args.keep_index,
            foreign: self.args.include_foreign,
        };
        SaveOptions { selection, referrers: Some(self.referrers.clone()), ..SaveOptions::default() }
    }

    fn wanted(&self) -> Wanted {
        if self.platforms.is_empty() { Wanted::All } else { Wanted::These(self.platforms.clone()) }
    }

    /// The images that are meant, and where they are.
    fn find(&self, from: &Place, to_store: bool) -> Result<Found, Failure> {
        match from {
            Place::Store(text) => {
                let names = self.store.names()?;
                let images =
                    if self.args.all_tags { all_tags(&names, text)? } else { vec![one(&names, text)?.image] };
                let companions = companions(&self.store, &images, &names, &self.referrers)?;
                let lease = hold(&self.store, images.iter().chain(&companions))?;
                Ok(Found {
                    origin: Origin::Store(self.store.clone()),
                    images,
                    companions,
                    _kept: Kept::Store(lease),
                })
            }
            Place::Registry(name) => {
                let names = if self.args.all_tags {
                    let repository =
                        Registry::new(name.domain(), Arc::clone(&self.settings))?.repository(name.path());
                    repository.tags()?.iter().filter_map(|tag| name.with_tag(tag).ok()).collect()
                } else {
                    vec![name.clone()]
                };
                let (gathered, images) = gather(&names, &self.settings, self.wanted())?;
                // A pull finds its own.
                let wanted = if to_store { &Referrers::None } else { &self.referrers };
                let companions = find_all(&gathered, &images, wanted)?;
                Ok(Found { origin: Origin::Registry(gathered), images, companions, _kept: Kept::Itself })
            }
            Place::Engine(engine, name) => self.find_in_engine(*engine, name),
            Place::Layout(path, reference) | Place::Archive(path, reference) => {
                let options =
                    LoadOptions { platforms: self.platforms.clone(), now: now(), ..LoadOptions::default() };
                let bar = progress::new(self.mode(), "Reading");
                let in_place = match to_store {
                    true => None,
                    false => stage_in_place(path, &options, bar.as_ref())?,
                };
                match in_place {
                    Some(staged) => self.of_archive(staged, reference.as_deref(), path, Origin::InPlace),
                    None => {
                        let staged = stage(&self.store, Source::Path(path), &options, bar.as_ref())?;
                        self.of_archive(staged, reference.as_deref(), path, Origin::Staged)
                    }
                }
            }
        }
    }

    fn find_in_engine(&self, engine: Engine, name: &str) -> Result<Found, Failure> {
        let daemon = match local::open(&self.args.engines, engine)? {
            Opened::Archives(daemon) => daemon,
            Opened::Blobs(blobs) => {
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
                let companions = blobs.companions(&images, &self.referrers)?;
                return Ok(Found {
                    origin: Origin::Engine(blobs),
                    images,
                    companions,
                    _kept: Kept::Engine(lease),
                });
            }
        };
        let held = daemon.images(&[])?;
        let all = Held::images(&held);
        let images = if self.args.all_tags { all_tags(&all, name)? } else { vec![one(&all, name)?.image] };
        let ask = Ask::new(&held, &images, &self.options().selection, daemon.exports_platforms())?;
        ask.notes.iter().for_each(|text| note("note", text));
        let bar = progress::new(self.mode(), "Fetching");
        let fetched = daemon.fetch(&ask, &self.store, bar.as_ref())?;
        let images = fetched.images.clone();
        let origin = Origin::Fetched(Box::new(fetched));
        Ok(Found { origin, images, companions: Vec::new(), _kept: Kept::Itself })
    }

    fn of_archive<C: Documents>(
        &self,
        staged: Staged<C>,
        reference: Option<&str>,
        path: &Path,
        origin: fn(Box<Staged<C>>) -> Origin,
    ) -> Result<Found, Failure> {
        let images = chosen(&staged, reference, path, self.args.all_tags)?;
        let all: Vec<Image> = staged.images.iter().chain(&staged.referrers).cloned().collect();
        let companions = companions(&staged, &images, &all, &self.referrers)?;
        Ok(Found { origin: origin(Box::new(staged)), images, companions, _kept: Kept::Itself })
    }

    fn put(&self, found: Found, to: &Place) -> Outcome {
        match to {
            Place::Store(name) => self.keep(found, name),
            Place::Registry(name) => found.images.iter().try_for_each(|image| self.send(&found, image, name)),
            Place::Engine(engine, name) => {
                let name = reference(name)?;
                if name.digest().is_some() {
                    return Err(by_digest());
                }
                let companions = moved(found.companions, Some(&name))?;
                let outgoing = Outgoing {
                    source: &found.origin,
                    images: renamed(found.images, Some(name))?,
                    companions,
                    selection: Selection { keep_index: true, ..self.options().selection },
                    mode: self.mode(),
                };
                outgoing.into_engine(*engine, &self.args.engines)
            }
            Place::Layout(_, Some(_)) if found.images.len() > 1 => Err(one_name()),
            Place::Layout(folder, reference) => {
                let plan = self.plan(&found.origin, found.images, found.companions)?;
                plan.notes.iter().for_each(|text| note("note", text));
                let bar = progress::new(self.mode(), "Copying");
                plan.write_layout(&found.origin, folder, reference.as_deref(), bar.as_ref())?;
                drop(bar);
                self.say(plan.images.iter().map(|image| image.root.digest))
            }
            Place::Archive(file, name) => {
                let name = name.as_deref().map(reference).transpose()?;
                let companions = moved(found.companions, name.as_ref())?;
                let images = renamed(found.images, name)?;
                let output = Output::open(file)?;
                let plan = self.plan(&found.origin, images, companions)?;
                save::write(&plan, &found.origin, output, Some(file), &WriteOptions::default(), self.mode())?;
                self.say(plan.images.iter().map(|image| image.root.digest))
            }
        }
    }

    /// A plan of all of it; a registry is asked for every blob, as what is missing is better known before the
    /// first byte.
    fn plan(&self, origin: &Origin, images: Vec<Image>, companions: Vec<Image>) -> Result<Plan, Failure> {
        let plan = plan_images(origin, images, companions, &self.options())?;
        if let Origin::Registry(gathered) = origin {
            gathered.check(plan.blobs(), self.args.registries.reach.parallel.into())?;
        }
        Ok(plan)
    }

    /// Into the store, under `name`, or all tags under its repository.
    fn keep(&self, found: Found, name: &str) -> Outcome {
        let (name, images) = (reference(name)?, found.images);
        if name.digest().is_some() {
            return Err(by_digest());
        }
        let companions = moved(found.companions, Some(&name))?;
        let images: Vec<Image> = if self.args.all_tags {
            let tagged = |i: Image| {
                let tag = i.name.as_ref().and_then(Reference::tag).unwrap_or("latest");
                Ok(Image {
                    name: Some(name.with_tag(tag).map_err(|e| Failure::Text(e.to_string(), 1))?),
                    ..i
                })
            };
            images.into_iter().map(tagged).collect::<Result<_, Failure>>()?
        } else {
            renamed(images, Some(name.or_latest()))?
        };
        let digests: Vec<Digest> = images.iter().map(|i| i.target.digest).collect();
        match found.origin {
            Origin::Registry(gathered) => {
                let parallel = self.args.registries.reach.parallel.into();
                let referrers = self.referrers.clone();
                let foreign = self.args.include_foreign;
                let options = PullOptions {
                    wanted: self.wanted(),
                    referrers,
                    foreign,
                    parallel,
                    now: now(),
                    stop: Arc::default(),
                };
                for image in &images {
                    pull(&self.store, &gathered, image, &options, self.transfers(PULL).as_ref())?;
                }
            }
            Origin::Fetched(fetched) => fetched.commit(&images)?,
            Origin::Engine(blobs) => {
                let mut options = self.options();
                // As a pull does it.
                options.selection.keep_index = true;
                let plan = plan_images(&blobs, images, Vec::new(), &options)?;
                plan.notes.iter().for_each(|text| note("note", text));
                let bar = progress::new(self.mode(), "Copying");
                plan.keep(&blobs, &self.store, &now(), bar.as_ref())?;
            }
            // What goes into the store was staged there.
            Origin::InPlace(_) => {}
            Origin::Staged(mut staged) => {
                let (referrers, named) = companions.into_iter().partition(Image::is_referrer);
                staged.images = images.into_iter().chain::<Vec<_>>(named).collect();
                staged.referrers = referrers;
                staged.commit()?;
            }
            Origin::Store(store) => {
                for image in &images {
                    let target = image.name.as_ref().map(ToString::to_string).unwrap_or_default();
                    tag(&store, &image.target.digest.to_string(), &target, &now())?;
                }
            }
        }
        self.say(digests.into_iter())
    }

    /// Into a registry.
    fn send(&self, found: &Found, image: &Image, name: &Reference) -> Outcome {
        if name.digest().is_some() {
            return Err(by_digest());
        }
        let repository = Registry::new(name.domain(), Arc::clone(&self.settings))?.repository(name.path());
        let of_image = image.name.as_ref().and_then(Reference::tag);
        let tag = if self.args.all_tags { of_image } else { name.tag().or(Some("latest")) };
        let options = PushOptions {
            selection: self.options().selection,
            parallel: self.args.registries.reach.parallel.into(),
            siblings: siblings(image, std::slice::from_ref(image), name),
            companions: found.companions.clone(),
            ..PushOptions::default()
        };
        let pushed = push(&found.origin, image, &repository, tag, &options, self.transfers(PUSH).as_ref())?;
        if let Some(text) = &pushed.note {
            note("note", text);
        }
        self.say(std::iter::once(pushed.root.digest))
    }

    fn transfers(&self, words: Words) -> Box<dyn Transfers> {
        transfers::new(words, self.mode())
    }

    fn mode(&self) -> ProgressMode {
        if self.args.quiet { ProgressMode::None } else { self.args.progress }
    }

    fn say(&self, mut digests: impl Iterator<Item = Digest>) -> Outcome {
        digests.try_for_each(|digest| print(&format!("{digest}\n")))
    }
}

/// The images of an archive that are meant: the one that is called so, the only one, or all.
fn chosen<C>(
    staged: &Staged<C>,
    wanted: Option<&str>,
    path: &Path,
    all: bool,
) -> Result<Vec<Image>, Failure> {
    let called = |n: usize, wanted: &str| {
        let bare = staged.loaded.images.get(n).and_then(|i| i.bare_tag.as_deref());
        let name = staged.images.get(n).and_then(|i| i.name.as_ref());
        bare == Some(wanted)
            || name.is_some_and(|name| {
                let full = Reference::parse(wanted).map(Reference::or_latest);
                name.tag() == Some(wanted) || full.is_ok_and(|full| full == *name)
            })
    };
    let numbered = staged.images.iter().enumerate();
    let images: Vec<Image> = match wanted {
        Some(wanted) => {
            numbered.filter(|(n, _)| called(*n, wanted)).map(|(_, image)| image.clone()).collect()
        }
        None => staged.images.clone(),
    };
    let shown = path.display();
    match (images.len(), wanted) {
        (1, _) => Ok(images),
        (0, Some(wanted)) => Err(Failure::Text(format!("{shown}: no image `{wanted}` in it"), 1)),
        (_, None) if all => Ok(images),
        (n, _) => Err(Failure::Text(
            format!(
                "{shown}: {n} images may be meant: put the name of one behind the path, or give `--all-tags`"
            ),
            1,
        )),
    }
}

/// The images with this name instead of their own, which only one can have.
fn renamed(images: Vec<Image>, name: Option<Reference>) -> Result<Vec<Image>, Failure> {
    let Some(name) = name else { return Ok(images) };
    if images.len() > 1 {
        return Err(one_name());
    }
    let name = name.or_latest();
    Ok(images.into_iter().map(|image| Image { name: Some(name.clone()), ..image }).collect())
}

/// What has a tag of its own has it in this repository now.
fn moved(images: Vec<Image>, to: Option<&Reference>) -> Result<Vec<Image>, Failure> {
    let Some(to) = to else { return Ok(images) };
    let name = |image: &Image| {
        let tag = image.name.as_ref().and_then(Reference::tag);
        tag.map(|tag| to.with_tag(tag).map_err(|e| Failure::Text(e.to_string(), 1))).transpose()
    };
    images.into_iter().map(|image| Ok(Image { name: name(&image)?, ..image })).collect()
}

fn one_name() -> Failure {
    Failure::Text("one name for several images".to_owned(), 1)
}

fn by_digest() -> Failure {
    Failure::Text("refusing to create a tag with a digest reference".to_owned(), 1)
}
