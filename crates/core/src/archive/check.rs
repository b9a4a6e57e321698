//! Holds the images of an archive against every byte that was read of it.

use std::collections::BTreeSet;

use barge_oci::{Descriptor, Manifest, media_type};

use super::content::Content;
use super::facts::Inside;
use super::found::Found;
use crate::error::{Error, Refusal, Result, quoted};
use crate::graph::{Kind, Listed, State, Tree, read_config};
use crate::image::shown;

/// How many of the blobs that are missing are named.
const NAMED: usize = 3;

/// Every image in `trees` that is whole must be what its config says; every name must have something whole.
///
/// # Errors
/// `BlobMissing`, `LayerCountMismatch`, `DiffIdMismatch`; what its layers are refused for; `Io`.
pub(super) fn check<'a>(
    images: &[Found],
    trees: impl Iterator<Item = &'a Tree>,
    content: &Content,
) -> Result<()> {
    let mut checked = BTreeSet::new();
    for listed in trees.flat_map(Tree::whole) {
        if checked.insert(listed.descriptor.digest) {
            image(listed, content)?;
        }
    }
    let nothing_whole = |found: &&Found| found.tree.whole().next().is_none();
    let hollow = images.iter().filter(|found| found.name.is_some()).find(nothing_whole);
    let all_hollow = images.iter().all(|found| nothing_whole(&found));
    match hollow.or_else(|| images.first().filter(|_| all_hollow)) {
        Some(found) => Err(missing(found)),
        None => Ok(()),
    }
}

/// The config's diffIDs against what the layers really are, for whatever has a config and layers of an image, however
/// it is labelled.
fn image(listed: &Listed, content: &Content) -> Result<()> {
    let image = |m: &&Manifest| {
        media_type::is_image_config(&m.config.media_type)
            && (m.layers.iter().any(|l| media_type::is_layer(&l.media_type)) || listed.kind == Kind::Image)
    };
    let Some(manifest) = listed.manifest.as_ref().filter(image) else { return Ok(()) };
    let Some(config) = read_config(content, manifest)? else { return Ok(()) };
    let (layers, diff_ids) = (&manifest.layers, &config.parsed().rootfs.diff_ids);
    if layers.len() != diff_ids.len() {
        let message = format!(
            "invalid manifest, layers length mismatch: expected {}, got {} ({})",
            diff_ids.len(),
            layers.len(),
            listed.descriptor.digest
        );
        return Err(Error::refused(Refusal::LayerCountMismatch, message));
    }
    for (n, (layer, expected)) in layers.iter().zip(diff_ids).enumerate() {
        let Some(facts) = content.facts(&layer.digest) else { continue };
        let place = quoted(&content.place(&layer.digest));
        if let Some(error) = facts.broken(format_args!("layer {n} ({place})")) {
            return Err(error);
        }
        if matches!(facts.inside, Inside::Unknown) {
            continue;
        }
        let actual = facts.diff_id(expected.algorithm());
        if actual != Some(*expected) {
            let actual = actual.map_or_else(|| "unknown".to_owned(), |d| d.to_string());
            let message =
                format!("invalid diffID for layer {n}: expected \"{expected}\", got \"{actual}\" ({place})");
            return Err(Error::refused(Refusal::DiffIdMismatch, message));
        }
    }
    Ok(())
}

/// The error for an image of which nothing is whole; names what is missing.
fn missing(found: &Found) -> Error {
    let name = shown(found.name.as_ref(), &found.target.digest);
    let absent = found.tree.absent_indexes.iter().map(|d| ("index", d));
    let manifests = found.tree.manifests.iter().flat_map(|m| match &m.state {
        State::Absent => vec![("manifest", &m.descriptor)],
        State::Partial(blobs) => {
            let config = m.manifest.as_ref().map(|m| m.config.digest);
            let what = |b: &Descriptor| if Some(b.digest) == config { "config" } else { "layer" };
            blobs.iter().map(|b| (what(b), b)).collect()
        }
        State::Whole => Vec::new(),
    });
    let all: Vec<String> = absent.chain(manifests).map(|(what, d)| format!("{what} {}", d.digest)).collect();
    let more = all.len().saturating_sub(NAMED);
    let mut list = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        list = format!("{list} and {more} more");
    }
    Error::refused(Refusal::BlobMissing, format!("{name}: not in the archive: {list}"))
        .hint("the save that wrote it dropped content; save the image again")
}
