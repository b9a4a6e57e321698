//! `history`: how an image came to be, the latest step first.

use barge_oci::{Digest, Platform};
use jiff::Timestamp;

use super::inspect::choose;
use crate::error::{Error, Result};
use crate::graph::{Tree, read_config};
use crate::resolve::one;
use crate::store::Store;

/// One step of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryStep {
    /// The image ID, for the latest step only.
    pub id: Option<Digest>,
    /// When.
    pub created: Option<Timestamp>,
    /// The command.
    pub created_by: String,
    /// Bytes of the layer it made, as stored; 0 if it made none.
    pub size: u64,
    /// A comment.
    pub comment: String,
}

/// The history of an image, for this host's platform or the one asked for.
///
/// # Errors
/// `NotFound` for the image or the platform.
pub fn history(store: &Store, argument: &str, platform: Option<&Platform>) -> Result<Vec<HistoryStep>> {
    let image = one(&store.images()?, argument)?.image;
    let tree = Tree::walk(store, &image.target)?;
    let listed = choose(&tree, argument, platform)?;
    let missing = || Error::no_content(&listed.descriptor.digest);
    let manifest = listed.manifest.as_ref().ok_or_else(missing)?;
    let config = read_config(store, manifest)?.ok_or_else(missing)?;
    let mut layers = manifest.layers.iter();
    let mut steps: Vec<HistoryStep> = config
        .parsed()
        .history
        .iter()
        .map(|step| HistoryStep {
            id: None,
            created: step.created.as_deref().and_then(|t| t.parse().ok()),
            created_by: step.created_by.clone(),
            size: if step.empty_layer { 0 } else { layers.next().map_or(0, |l| l.size) },
            comment: step.comment.clone(),
        })
        .collect();
    steps.reverse();
    if let Some(latest) = steps.first_mut() {
        latest.id = Some(image.target.digest);
    }
    Ok(steps)
}
