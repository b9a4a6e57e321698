//! `tag`: another name for an image.

use barge_oci::Reference;

use crate::content::Image;
use crate::error::{Error, Result, printable};
use crate::resolve::one;
use crate::store::{Store, assign};

/// Gives the image `source` the name `target`, taking it from whichever image had it; `now` is RFC 3339.
///
/// # Errors
/// `InvalidArgument` in docker's words if `target` is no name; `NotFound`.
pub fn tag(store: &Store, source: &str, target: &str, now: &str) -> Result<()> {
    let name = Reference::parse(target).map_err(|e| {
        let why = printable(&e.to_string());
        Error::invalid(format!(
            "error parsing reference: {:?} is not a valid repository/tag: {why}",
            printable(target)
        ))
    })?;
    if name.digest().is_some() {
        return Err(Error::invalid("refusing to create a tag with a digest reference"));
    }
    if name.familiar_name() == "sha256" {
        return Err(Error::invalid("refusing to create an ambiguous tag using digest algorithm as name"));
    }
    if store.is_absent() {
        return one(&[], source).map(drop);
    }
    store.update(|images| {
        let target = one(images, source)?.image.target;
        assign(images, vec![Image { name: Some(name.or_latest()), target }], now);
        Ok(())
    })
}
