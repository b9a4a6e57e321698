//! `prune`: removes images that nobody asked to keep.

use barge_oci::Reference;

use super::filters::Filters;
use super::list::list;
use super::remove::Removed;
use crate::content::Image;
use crate::error::Result;
use crate::store::{Freed, Store};

/// Removes dangling images, or with `all` every image the filters let through, and collects the garbage. What was
/// removed is gone even if the collecting fails.
///
/// # Errors
/// `Io`, `Mismatch`, before anything is removed.
pub fn prune(store: &Store, all: bool, filters: &Filters) -> Result<(Vec<Removed>, Result<Freed>)> {
    let mut chosen = Vec::new();
    for listing in list(store, filters)?.0 {
        if all || listing.names.is_empty() {
            chosen.push(listing.target.digest);
        }
    }
    if chosen.is_empty() {
        return Ok((Vec::new(), store.gc()));
    }
    let removed = store.update(|images| {
        let goes = |i: &Image| !i.is_referrer() && chosen.contains(&i.target.digest);
        // A dangling image may have got a name since.
        let still = |i: &Image, images: &[Image]| {
            goes(i) && (all || images.iter().all(|o| o.target.digest != i.target.digest || o.name.is_none()))
        };
        let before = images.clone();
        let mut removed = Vec::new();
        for digest in &chosen {
            let going = before.iter().filter(|i| i.target.digest == *digest && still(i, &before));
            let names: Vec<Option<&Reference>> = going.map(|i| i.name.as_ref()).collect();
            if !names.is_empty() {
                removed.extend(names.into_iter().flatten().map(|n| Removed::Untagged(n.familiar())));
                removed.push(Removed::Deleted(*digest));
            }
        }
        images.retain(|i| !still(i, &before));
        Ok(removed)
    })?;
    Ok((removed, store.gc()))
}
