//! `df`: which bytes of a store are whose.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use barge_oci::{Digest, Reference};

use crate::content::{Documents, Image, total};
use crate::error::Result;
use crate::graph::{Listed, Tree};
use crate::store::{DigestSet, Store, Summary};

/// How a store's bytes are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Each image, by its first name.
    pub images: Vec<ImageUsage>,
    /// Bytes of all blobs.
    pub total: u64,
    /// Bytes that only dangling images need; prune removes them.
    pub dangling: u64,
    /// Bytes that no image leads to; gc removes them.
    pub garbage: u64,
}

/// The bytes of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUsage {
    /// The image ID.
    pub digest: Digest,
    /// Its first name.
    pub name: Option<Reference>,
    /// Bytes that no other image uses: what removing it frees.
    pub unique: u64,
    /// Bytes that others use too.
    pub shared: u64,
}

/// Adds up what a store holds.
///
/// # Errors
/// `Io`, `Mismatch`.
pub fn usage(store: &Store) -> Result<Usage> {
    let sizes = store.sizes()?;
    let images: Vec<Image> = store.images()?;
    let names = first_names(&images);
    let summaries = store.summaries(names.values().copied())?;
    let held = |summary: &Summary| -> BTreeMap<Digest, u64> {
        summary.digests().filter_map(|digest| Some((digest, *sizes.get(&digest)?))).collect()
    };
    let all: Vec<_> =
        summaries.iter().zip(names.values()).map(|(summary, image)| (*image, held(summary))).collect();
    let (images, used) = whose(&all);
    let lasting = lasting(names.values().copied().zip(&summaries).collect());
    let lasting = total(lasting.iter().filter_map(|digest| sizes.get(digest).copied()));
    let total = total(sizes.values().copied());
    Ok(Usage { images, total, dangling: used - lasting, garbage: total - used })
}

/// The same of images that are somewhere else, of which only documents are read: what nobody leads to is not seen, nor
/// is anybody asked what would be pruned there.
///
/// # Errors
/// Those of the source.
pub fn usage_elsewhere(source: &impl Documents, images: &[Image]) -> Result<Usage> {
    let mut all = Vec::new();
    for image in first_names(images).into_values() {
        let tree = Tree::walk(source, &image.target)?;
        let listed =
            tree.listed_indexes().into_iter().chain(tree.manifests.iter().flat_map(Listed::present_blobs));
        all.push((image, listed.map(|blob| (blob.digest, blob.size)).collect()));
    }
    let (images, total) = whose(&all);
    Ok(Usage { images, total, dangling: 0, garbage: 0 })
}

/// What is needed when no dangling image is left: what images with names lead to, and what refers to that.
fn lasting(images: Vec<(&Image, &Arc<Summary>)>) -> DigestSet {
    let mut needed = DigestSet::default();
    let (mut staying, mut others): (Vec<_>, Vec<_>) =
        images.into_iter().partition(|(image, _)| image.name.is_some());
    while !staying.is_empty() {
        needed.extend(staying.iter().flat_map(|(_, summary)| summary.digests()));
        let refers =
            |(image, _): &mut (&Image, &Arc<Summary>)| image.subject().is_some_and(|s| needed.contains(&s));
        staying = others.extract_if(.., refers).collect();
    }
    needed
}

/// Each image once, by its first name.
fn first_names(images: &[Image]) -> BTreeMap<Digest, &Image> {
    let mut names = BTreeMap::new();
    for image in images {
        names.entry(image.target.digest).or_insert(image);
    }
    names
}

/// Which bytes of each image, whose blobs and sizes these are, are its own; and the bytes of all of them together.
fn whose(all: &[(&Image, BTreeMap<Digest, u64>)]) -> (Vec<ImageUsage>, u64) {
    let mut users: HashMap<Digest, (u32, u64)> = HashMap::new();
    for (digest, size) in all.iter().flat_map(|(_, held)| held) {
        users.entry(*digest).or_insert((0, *size)).0 += 1;
    }
    let alone = |digest: &Digest| users.get(digest).is_some_and(|(n, _)| *n == 1);
    let sum = |held: &BTreeMap<Digest, u64>, own: bool| {
        total(held.iter().filter(|(digest, _)| alone(digest) == own).map(|(_, size)| *size))
    };
    let mut images: Vec<ImageUsage> = all
        .iter()
        .map(|(image, held)| ImageUsage {
            digest: image.target.digest,
            name: image.name.clone(),
            unique: sum(held, true),
            shared: sum(held, false),
        })
        .collect();
    images.sort_by_cached_key(|i| (i.name.is_none(), i.name.as_ref().map(ToString::to_string), i.digest));
    (images, total(users.values().map(|(_, size)| *size)))
}
