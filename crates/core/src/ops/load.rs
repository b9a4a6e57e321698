//! `load`: an archive into the store, all of it or nothing.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use barge_oci::{Descriptor, Digest, Platform, Reference};

use crate::archive::{Archive, Checks, Found, InPlace, Pass};
use crate::content::{Blob, Documents, Image, Provider};
use crate::error::{Error, Result};
use crate::graph::{Listed, State, Tree};
use crate::image;
use crate::progress::Progress;
use crate::store::{Ingest, Store};

/// Where an archive comes from.
pub enum Source<'a> {
    /// A file or a directory.
    Path(&'a Path),
    /// A pipe.
    Stream(&'a mut dyn Read),
}

/// What of an archive is wanted, and how it is called.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Only these platforms; empty means everything that is there.
    pub platforms: Vec<Platform>,
    /// The repository for names that are only a tag.
    pub base_name: Option<Reference>,
    /// What of it is checked.
    pub checks: Checks,
    /// Whether it has to end with its marker and nothing behind it, as what an engine sends does unless the engine has
    /// failed.
    pub unbroken: bool,
}

/// What was loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The images, in the archive's order.
    pub images: Vec<LoadedImage>,
    /// Oddities of the archive, each a sentence.
    pub warnings: Vec<String>,
}

/// One image that was loaded.
#[derive(Debug)]
pub struct LoadedImage {
    /// Its name, if it has one now.
    pub name: Option<Reference>,
    /// The tag it has in the archive, where there is no repository before it.
    pub bare_tag: Option<String>,
    /// Its ID.
    pub digest: Digest,
    /// Platforms that it lists and the archive does not hold.
    pub absent: Vec<String>,
}

/// An archive that was read and verified, and that nobody sees yet. Dropped, it leaves nothing behind.
pub struct Staged<C> {
    /// What is in it.
    pub loaded: Loaded,
    /// Its images, as they would be named.
    pub images: Vec<Image>,
    /// What refers to one of them.
    pub referrers: Vec<Image>,
    /// Manifests of which the archive itself has everything.
    pub whole: BTreeSet<Digest>,
    content: C,
    wanted: Vec<Digest>,
}

/// Reads and verifies an archive; what the store does not have is kept beside it.
///
/// # Errors
/// `Refused` for what is no sound archive, `NotFound` for a platform it does not have, `Io`; the store is
/// as before then.
pub fn stage(
    store: &Store,
    source: Source<'_>,
    options: &LoadOptions,
    progress: &dyn Progress,
) -> Result<Staged<Ingest>> {
    let mut ingest = Ingest::new(store)?;
    let archive = match source {
        Source::Path(path) => Archive::open(path, Pass::Keep(&mut ingest, options.checks), progress)?,
        Source::Stream(stream) => Archive::stream(stream, Pass::Keep(&mut ingest, options.checks), progress)?,
    };
    if options.unbroken {
        archive.ends_well()?;
    }
    for (digest, bytes) in archive.made() {
        ingest.put(*digest, bytes)?;
    }
    let wanted = Wanted::of(&archive, options)?;
    // Together with what the store has already, an image may be more than the archive alone shows.
    wanted.staged(ingest)
}

/// Reads and verifies an archive that goes on to somewhere else; its content stays where it is. `None` if it can
/// only be had by way of a store.
///
/// # Errors
/// As [`stage`].
pub fn stage_in_place(
    path: &Path,
    options: &LoadOptions,
    progress: &dyn Progress,
) -> Result<Option<Staged<InPlace>>> {
    let Some(content) = InPlace::open(path, options.checks, progress)? else { return Ok(None) };
    let wanted = Wanted::of(&content.archive, options)?;
    wanted.staged(content).map(Some)
}

/// What of an archive is wanted.
struct Wanted {
    loaded: Loaded,
    images: Vec<Image>,
    referrers: Vec<Image>,
    whole: BTreeSet<Digest>,
    blobs: Vec<Digest>,
}

impl Wanted {
    fn of(archive: &Archive, options: &LoadOptions) -> Result<Self> {
        let mut loaded = Loaded { images: Vec::new(), warnings: archive.warnings.clone() };
        let (mut wanted, mut images) = (Vec::new(), Vec::new());
        for found in &archive.images {
            let parts = wanted_parts(found, &options.platforms)?;
            wanted.extend(found.tree.indexes.keys().copied());
            wanted.extend(parts.iter().flat_map(|m| blobs(archive, m)));
            let name = named(found, options, &mut loaded.warnings);
            let digest = found.target.digest;
            let (bare_tag, absent) = (found.bare_tag.clone(), found.absent());
            loaded.images.push(LoadedImage { name: name.clone(), bare_tag, digest, absent });
            images.push(Image { name, target: found.target.clone() });
        }
        let referrers = archive.referrers.iter().map(|target| Image { name: None, target: target.clone() });
        let referrers = referrers.collect();
        let whole = archive.images.iter().flat_map(|found| found.tree.whole()).map(|m| m.descriptor.digest);
        let whole = whole.collect();
        Ok(Self { loaded, images, referrers, whole, blobs: wanted })
    }

    /// Looks at every image as `content` has it. What refers to one comes along whole or not at all.
    fn staged<C: Documents>(self, content: C) -> Result<Staged<C>> {
        let Self { mut loaded, images, mut referrers, whole, blobs: mut wanted } = self;
        let mut walked = BTreeSet::new();
        for image in images.iter().filter(|i| walked.insert(i.target.digest)) {
            Tree::walk(&content, &image.target)?;
        }
        let mut left = BTreeSet::new();
        for image in &referrers {
            let tree = Tree::walk(&content, &image.target)?;
            let digest = image.target.digest;
            // What a referrer refers to is listed before it.
            if !tree.is_closed() || image.subject().is_some_and(|s| left.contains(&s)) {
                loaded
                    .warnings
                    .push(format!("referrer {digest} is left out: not all of it is in the archive"));
                left.insert(digest);
                continue;
            }
            wanted.extend(tree.indexes.keys().copied());
            wanted.extend(tree.whole().flat_map(Listed::present_blobs).map(|b| b.digest));
        }
        referrers.retain(|image| !left.contains(&image.target.digest));
        wanted.sort();
        wanted.dedup();
        Ok(Staged { loaded, images, referrers, whole, content, wanted })
    }
}

impl Staged<Ingest> {
    /// Makes it a part of the store, under the names in `images`; `now` is when, RFC 3339.
    ///
    /// # Errors
    /// `Io`; the store is as before then.
    pub fn commit(self, now: &str) -> Result<Loaded> {
        let images = self.images.into_iter().chain(self.referrers).collect();
        self.content.commit(&self.wanted, images, now)?;
        Ok(self.loaded)
    }
}

impl<C: Documents> Documents for Staged<C> {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        self.content.has(descriptor)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        self.content.document(descriptor)
    }
}

impl<C: Provider> Provider for Staged<C> {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        self.content.open(descriptor)
    }
}

/// The manifests to take: all that are whole and the mere documents of others, or the platforms asked for.
fn wanted_parts<'a>(found: &'a Found, platforms: &[Platform]) -> Result<Vec<&'a Listed>> {
    if platforms.is_empty() {
        return Ok(found.tree.manifests.iter().filter(|m| m.state != State::Absent).collect());
    }
    let mut parts: Vec<&Listed> = Vec::new();
    for wanted in platforms {
        let candidates: Vec<&Listed> = found.tree.images().filter(|m| m.is_for(wanted)).collect();
        let Some(whole) = candidates.iter().find(|m| m.state == State::Whole) else {
            let name = image::shown(found.name.as_ref(), &found.target.digest);
            let how = if candidates.is_empty() { "not found" } else { "found, but some content is missing" };
            let present = found.tree.present_platforms().join(", ");
            return Err(Error::not_found(format!("requested platform(s) ([{wanted}]) {how}: {name}"))
                .hint(format!("the archive has: {present}; nothing was loaded")));
        };
        let subject = whole.descriptor.digest.to_string();
        let statements = found.tree.whole().filter(|m| m.descriptor.attests() == Some(subject.as_str()));
        parts.extend(std::iter::once(*whole).chain(statements));
    }
    Ok(parts)
}

/// A whole manifest's blobs; of a partial one only the manifest, so that nothing of it looks damaged.
fn blobs<'a>(archive: &'a Archive, listed: &'a Listed) -> Vec<Digest> {
    if listed.state == State::Whole {
        // Foreign layers may be absent.
        let here = listed.present_blobs().filter(|b| archive.has(b).unwrap_or(false));
        return here.map(|b| b.digest).collect();
    }
    vec![listed.descriptor.digest]
}

fn named(found: &Found, options: &LoadOptions, warnings: &mut Vec<String>) -> Option<Reference> {
    if found.name.is_some() {
        return found.name.clone();
    }
    let tag = found.bare_tag.as_ref()?;
    match &options.base_name {
        Some(base) => base.with_tag(tag).ok(),
        None => {
            let tag = crate::error::printable(tag);
            warnings.push(format!("`{tag}` is a tag without a repository, the image stays nameless; `--base-name NAME` names it NAME:{tag}"));
            None
        }
    }
}
