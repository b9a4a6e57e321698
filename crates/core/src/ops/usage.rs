//! `df`: which bytes of a store are whose.

use std::collections::{BTreeMap, HashMap};

use barge_oci::{Digest, Reference};

use crate::content::{Image, total};
use crate::error::Result;
use crate::store::{Store, Summary};

/// How a store's bytes are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Each image, by its first name.
    pub images: Vec<ImageUsage>,
    /// Bytes of all blobs.
    pub total: u64,
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
    let images: Vec<Image> = store.names()?;
    let mut names: BTreeMap<Digest, &Image> = BTreeMap::new();
    for image in &images {
        names.entry(image.target.digest).or_insert(image);
    }
    let summaries = store.summaries(names.values().copied())?;
    let mut users: HashMap<Digest, u32> = HashMap::new();
    for summary in &summaries {
        for digest in held(summary, &sizes) {
            *users.entry(digest).or_default() += 1;
        }
    }
    let mut usage = Usage { total: total(sizes.values().copied()), ..Usage::default() };
    let used = sizes.iter().filter(|(digest, _)| users.contains_key(digest));
    usage.garbage = usage.total - total(used.map(|(_, size)| *size));
    for (summary, image) in summaries.iter().zip(names.values()) {
        let (mut unique, mut shared) = (0, 0);
        for digest in held(summary, &sizes) {
            let alone = users.get(&digest) == Some(&1);
            let sum = if alone { &mut unique } else { &mut shared };
            *sum = total([*sum].into_iter().chain(sizes.get(&digest).copied()));
        }
        usage.images.push(ImageUsage { digest: summary.root, name: image.name.clone(), unique, shared });
    }
    usage
        .images
        .sort_by_cached_key(|i| (i.name.is_none(), i.name.as_ref().map(ToString::to_string), i.digest));
    Ok(usage)
}

/// What of an image is in the store, each blob once.
fn held(summary: &Summary, sizes: &HashMap<Digest, u64>) -> Vec<Digest> {
    let mut digests: Vec<Digest> = summary.digests().filter(|d| sizes.contains_key(d)).collect();
    digests.sort();
    digests.dedup();
    digests
}
