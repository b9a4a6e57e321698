//! `ls`: the images of a store or an archive, with what of them is present.

use std::collections::BTreeMap;

use barge_oci::{Config, Descriptor, Digest, Document, Reference, media_type};
use jiff::Timestamp;

use super::filters::{Filters, reference_matches};
use crate::archive::Archive;
use crate::content::{Documents, Image, total};
use crate::error::{Error, Result};
use crate::graph::{Listed, State, Tree, read_config};
use crate::host::HostPreference;
use crate::resolve::one;
use crate::store::{Part, PartKind, Store, Summary};

/// An image as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The root; its digest is the image ID.
    pub target: Descriptor,
    /// Its names, sorted.
    pub names: Vec<Reference>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// What the platform that suits this host best is labelled with.
    pub labels: BTreeMap<String, String>,
    /// Bytes of it that are present; what several platforms share counts for each.
    pub size: u64,
    /// Its platforms in the order listed.
    pub platforms: Vec<PlatformRow>,
}

/// One platform of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRow {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// The manifest.
    pub digest: Digest,
    /// Whether all of it is present.
    pub present: bool,
    /// Bytes of it that are present.
    pub size: u64,
}

/// The images of a store, the newest first, and what is wrong with those that cannot be read.
///
/// # Errors
/// `Io`, `Mismatch`; `NotFound` for images that filters name.
pub fn list(store: &Store, filters: &Filters) -> Result<(Vec<Listing>, Vec<Error>)> {
    let (mut images, cache) = store.images_with_cache()?;
    images.retain(|i| !i.is_referrer());
    let mut names: BTreeMap<Digest, (Vec<Reference>, &Image)> = BTreeMap::new();
    for image in &images {
        let entry = names.entry(image.target.digest).or_insert_with(|| (Vec::new(), image));
        entry.0.extend(image.name.clone());
    }
    let overview = store.overview_with(names.values().map(|(_, image)| *image), cache)?;
    let bounds = Bounds::of(store, &images, filters)?;
    let (mut listings, host) = (Vec::new(), HostPreference::new());
    for (summary, (names, image)) in overview.summaries.iter().zip(names.into_values()) {
        let mut listing = listing(summary, &image.target, names, &|d| overview.present.has(d), &host);
        if !filters.references.is_empty() {
            listing.names.retain(|n| filters.references.iter().any(|p| reference_matches(n, p)));
            if listing.names.is_empty() {
                continue;
            }
        }
        if bounds.let_through(&listing) && has_labels(summary, filters) {
            listings.push(listing);
        }
    }
    listings.sort_by(|a, b| {
        let newest_first = b.created.cmp(&a.created);
        newest_first
            .then_with(|| a.names.first().cmp(&b.names.first()))
            .then_with(|| a.target.digest.cmp(&b.target.digest))
    });
    Ok((listings, overview.damaged))
}

/// The images of an archive, in its order.
///
/// # Errors
/// As reading the archive.
pub fn list_archive(archive: &Archive) -> Result<Vec<Listing>> {
    let mut listings: Vec<Listing> = Vec::new();
    for found in &archive.images {
        if let Some(listing) = listings.iter_mut().find(|l| l.target.digest == found.target.digest) {
            listing.names.extend(found.name.clone());
            continue;
        }
        let names = found.name.clone().into_iter().collect();
        listings.push(list_tree(archive, &found.tree, names)?);
    }
    Ok(listings)
}

/// One image, as far as its documents tell; what they list is taken to be there.
///
/// # Errors
/// As reading them.
pub fn list_remote(source: &impl Documents, image: &Image) -> Result<Listing> {
    list_tree(source, &Tree::walk(source, &image.target)?, image.name.clone().into_iter().collect())
}

fn list_tree(source: &impl Documents, tree: &Tree, names: Vec<Reference>) -> Result<Listing> {
    let platforms = tree.images().map(|m| PlatformRow {
        platform: m.platform.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string),
        digest: m.descriptor.digest,
        present: m.state == State::Whole,
        size: total(m.present_blobs().map(|b| b.size)),
    });
    let config = config(source, tree)?;
    Ok(Listing {
        target: tree.root.clone(),
        names,
        created: config.as_ref().and_then(|c| c.created.as_deref()).and_then(timestamp),
        labels: config.map(|c| c.labels()).unwrap_or_default(),
        size: total(tree.manifests.iter().flat_map(Listed::present_blobs).map(|b| b.size)),
        platforms: platforms.collect(),
    })
}

/// The config of the first image that is whole.
fn config(source: &impl Documents, tree: &Tree) -> Result<Option<Config>> {
    let Some(best) = tree.whole().find(|m| m.manifest.is_some()) else { return Ok(None) };
    match &best.manifest {
        Some(manifest) if media_type::is_image_config(&manifest.config.media_type) => {
            Ok(read_config(source, manifest)?.map(Document::into_parsed))
        }
        _ => Ok(None),
    }
}

fn listing(
    summary: &Summary,
    target: &Descriptor,
    mut names: Vec<Reference>,
    present: &impl Fn(&Digest) -> bool,
    host: &HostPreference,
) -> Listing {
    names.sort();
    let images = || summary.parts.iter().filter(|p| p.kind == PartKind::Image);
    let platforms = images().map(|part| PlatformRow {
        platform: part.platform.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string),
        digest: part.digest,
        present: part.is_whole(present),
        size: part.present_bytes(present),
    });
    let best = best(images(), host);
    Listing {
        target: target.clone(),
        names,
        created: best.and_then(|p| p.created.as_deref()).and_then(timestamp),
        labels: best.and_then(|p| p.labels.clone()).unwrap_or_default(),
        size: total(summary.parts.iter().map(|p| p.present_bytes(present))),
        platforms: platforms.collect(),
    }
}

/// The part that suits this host best, among those whose config was read.
fn best<'a>(parts: impl Iterator<Item = &'a Part>, host: &HostPreference) -> Option<&'a Part> {
    let rank = |p: &&Part| host.rank(p.platform.as_ref());
    parts.filter(|p| p.labels.is_some()).min_by_key(rank)
}

/// Filters that compare times.
struct Bounds {
    dangling: Option<bool>,
    before: Option<Timestamp>,
    since: Option<Timestamp>,
}

impl Bounds {
    fn of(store: &Store, images: &[Image], filters: &Filters) -> Result<Self> {
        let when = |argument: &Option<String>| -> Result<Option<Timestamp>> {
            let Some(argument) = argument else { return Ok(None) };
            let image = one(images, argument)?.image;
            let summary = Summary::read(store, &image.target)?;
            let part = best(summary.parts.iter(), &HostPreference::new()).and_then(|p| p.created.as_deref());
            Ok(part.and_then(timestamp))
        };
        let before = [when(&filters.before)?, filters.until].into_iter().flatten().min();
        Ok(Self { dangling: filters.dangling, before, since: when(&filters.since)? })
    }

    fn let_through(&self, listing: &Listing) -> bool {
        let created = listing.created.unwrap_or(Timestamp::UNIX_EPOCH);
        self.dangling.is_none_or(|d| d == listing.names.is_empty())
            && self.before.is_none_or(|t| created < t)
            && self.since.is_none_or(|t| created > t)
    }
}

fn has_labels(summary: &Summary, filters: &Filters) -> bool {
    let labels: Vec<(&String, &String)> =
        summary.parts.iter().filter_map(|p| p.labels.as_ref()).flatten().collect();
    let has = |wanted: &String| match wanted.split_once('=') {
        Some((key, value)) => labels.iter().any(|(k, v)| *k == key && *v == value),
        None => labels.iter().any(|(k, _)| *k == wanted),
    };
    filters.labels.iter().all(has) && !filters.without_labels.iter().any(has)
}

/// An RFC 3339 time; configs of other tools may hold anything.
fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
