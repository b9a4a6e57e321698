//! `inspect`: everything docker tells about an image, from its documents.

use barge_oci::{Config, Descriptor, Digest, Manifest, Platform, Reference};

use crate::content::{Documents, Image, total};
use crate::error::{Error, Result, printable};
use crate::graph::{Kind, Listed, State, Tree, read_config};
use crate::host::HostPreference;
use crate::resolve::one;

/// What is known of one image.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// What the ID is the digest of: the root, or the manifest of the platform asked for.
    pub target: Descriptor,
    /// What the names lead to: the root, whichever platform was asked for.
    pub root: Digest,
    /// Every name of the image.
    pub names: Vec<Reference>,
    /// The config of the platform shown; `None` if it is not here or the image is an artifact.
    pub config: Option<Config>,
    /// Bytes of the root and of the platform shown, as listed.
    pub size: u64,
    /// When it got its last name, RFC 3339.
    pub tagged: Option<String>,
}

/// Looks at one of these images: as a whole with this host's config, or one platform of it.
///
/// # Errors
/// `NotFound` for the image or the platform, in docker's words.
pub fn inspect(
    source: &impl Documents,
    images: &[Image],
    argument: &str,
    platform: Option<&Platform>,
) -> Result<Inspected> {
    let image = one(images, argument)?.image;
    let tree = Tree::walk(source, &image.target)?;
    let of_it = || images.iter().filter(|i| i.target.digest == image.target.digest);
    let names = of_it().filter_map(|i| i.name.clone()).collect();
    let tagged = of_it().filter_map(|i| i.tagged().map(str::to_owned)).max();
    let listed = match platform {
        Some(_) => Some(choose(&tree, argument, platform)?),
        None => choose(&tree, argument, None).ok(),
    };
    let config = match listed.filter(|l| l.kind == Kind::Image).and_then(|l| l.manifest.as_ref()) {
        Some(manifest) => read_config(source, manifest)?.map(|c| c.parsed().clone()),
        None => None,
    };
    let target = match (platform, listed) {
        (Some(_), Some(listed)) => listed.descriptor.clone(),
        _ => image.target.clone(),
    };
    let size = size(&image.target, listed);
    Ok(Inspected { target, root: image.target.digest, names, config, size, tagged })
}

/// As docker counts: the index, and one manifest with its config and layers.
fn size(root: &Descriptor, listed: Option<&Listed>) -> u64 {
    let index = listed.is_none_or(|l| l.descriptor.digest != root.digest).then_some(root.size);
    let manifest = listed.map(|l| l.descriptor.size);
    let blobs = listed.and_then(|l| l.manifest.as_ref()).into_iter().flat_map(Manifest::blobs);
    total(index.into_iter().chain(manifest).chain(blobs.map(|b| b.size)))
}

/// The manifest of the platform asked for, or the one that suits this host best.
/// `argument` is what errors call the image, as docker has it.
pub(super) fn choose<'a>(tree: &'a Tree, argument: &str, platform: Option<&Platform>) -> Result<&'a Listed> {
    let shown = printable(argument);
    let Some(wanted) = platform else {
        let host = HostPreference::new();
        let rank = |m: &&Listed| host.rank(m.platform.as_ref());
        let best =
            tree.whole().filter(|m| m.kind == Kind::Image).min_by_key(rank).or_else(|| tree.whole().next());
        return best.ok_or_else(|| Error::not_found(format!("{shown}: no platform of it is in the store")));
    };
    tree.images().find(|m| m.state == State::Whole && m.is_for(wanted)).ok_or_else(|| {
        let message = format!(
            "image with reference {shown} was found but does not provide the specified platform ({wanted})"
        );
        let present = tree.present_platforms();
        Error::not_found(message).hint(format!(
            "present: {}",
            if present.is_empty() { "none".to_owned() } else { present.join(", ") }
        ))
    })
}
