//! `ImageSummary`: an image as lists tell it.

use std::collections::{BTreeMap, HashMap};

use barge_core::graph::Tree;
use barge_core::ops::{Listing, Usage};
use barge_oci::{Digest, Reference};
use serde_json::{Map, Value, json};

use super::inspect::repo_digests;
use super::manifests::manifests;
use crate::version::ApiVersion;

const NONE: &str = "<none>";

/// How many bytes of each image others use, too.
pub(crate) struct Sizes(HashMap<Digest, u64>);

impl From<&Usage> for Sizes {
    fn from(usage: &Usage) -> Self {
        Self(usage.images.iter().map(|image| (image.digest, image.shared)).collect())
    }
}

/// One image. `tree` tells its manifests, `sizes` what it shares; each where that was asked for.
pub(crate) fn summary(
    listing: &Listing,
    tree: Option<&Tree>,
    sizes: Option<&Sizes>,
    version: ApiVersion,
) -> Value {
    let digest = listing.target.digest;
    let mut tags: Vec<String> = listing.names.iter().map(Reference::familiar).collect();
    let mut digests = repo_digests(&listing.names, &digest);
    if version < ApiVersion(1, 43) && tags.is_empty() {
        (tags, digests) = (vec![format!("{NONE}:{NONE}")], vec![format!("{NONE}@{NONE}")]);
    }
    let labels = (!listing.labels.is_empty()).then_some(&listing.labels);
    let shared = sizes.map(|sizes| sizes.0.get(&digest).copied().unwrap_or_default());
    let mut target = listing.target.clone();
    (target.annotations, target.platform) = (BTreeMap::new(), None);
    let mut object = Map::from_iter([
        // Nothing runs here; before 1.51 nobody was told how many do.
        ("Containers".to_owned(), json!(if version < ApiVersion(1, 51) { -1 } else { 0 })),
        ("Created".to_owned(), json!(listing.created.map_or(0, jiff::Timestamp::as_second))),
        ("Id".to_owned(), json!(digest)),
        ("Labels".to_owned(), json!(labels)),
        ("ParentId".to_owned(), json!("")),
        ("RepoDigests".to_owned(), json!(digests)),
        ("RepoTags".to_owned(), json!(tags)),
        ("SharedSize".to_owned(), shared.map_or(json!(-1), Value::from)),
        ("Size".to_owned(), json!(listing.size)),
    ]);
    if version < ApiVersion(1, 44) {
        object.insert("VirtualSize".to_owned(), json!(listing.size));
    }
    if version >= ApiVersion(1, 48) {
        object.insert("Descriptor".to_owned(), json!(target));
    }
    object.extend(tree.map(|tree| ("Manifests".to_owned(), manifests(tree))));
    Value::Object(object)
}
