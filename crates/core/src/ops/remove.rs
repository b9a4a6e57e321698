//! `rm`: takes names away; content that no name leads to any more goes with the last one.

use barge_oci::{Digest, Platform};

use crate::content::Image;
use crate::error::{Error, ErrorKind, Result};
use crate::resolve::{Resolved, one};
use crate::store::{DigestSet, PartKind, Store};

/// How images are removed.
#[derive(Debug, Clone, Default)]
pub struct RemoveOptions {
    /// Remove an image by ID though it has several names, or a platform that other images share.
    pub force: bool,
    /// Keep what has lost its last name, as a dangling image.
    pub no_prune: bool,
    /// Remove only these platforms, and keep the names.
    pub platforms: Vec<Platform>,
}

/// What was done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A name is gone.
    Untagged(String),
    /// An image, or one platform's manifest, is gone.
    Deleted(Digest),
}

/// Removes what `argument` means: one name, or an image with its names. The content goes with the next
/// [`Store::gc`].
///
/// # Errors
/// `NotFound`; `Conflict` in docker's words if force is needed.
pub fn remove(store: &Store, argument: &str, options: &RemoveOptions) -> Result<Vec<Removed>> {
    if argument.is_empty() {
        return Err(Error::invalid("image name cannot be blank"));
    }
    if store.is_absent() {
        one(&[], argument)?;
    }
    if !options.platforms.is_empty() {
        return remove_platforms(store, argument, options);
    }
    let removed = store.update(|images| {
        let Resolved { image, by_digest } = one(images, argument)?;
        let digest = image.target.digest;
        let names = |images: &[Image]| images.iter().filter(|i| i.target.digest == digest && i.name.is_some()).count();
        if by_digest && names(images) > 1 && !options.force {
            let message = format!(
                "conflict: unable to delete {} (must be forced) - image is referenced in multiple repositories",
                digest.short()
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let goes = |i: &Image| i.target.digest == digest && (by_digest || i.name == image.name);
        let mut removed: Vec<Removed> = images
            .iter()
            .filter(|i| goes(i))
            .filter_map(|i| i.name.as_ref().map(|n| Removed::Untagged(n.familiar())))
            .collect();
        images.retain(|i| !goes(i));
        if images.iter().all(|i| i.target.digest != digest) {
            if options.no_prune {
                images.push(Image { name: None, target: image.target });
            } else {
                removed.push(Removed::Deleted(digest));
            }
        }
        Ok(removed)
    })?;
    Ok(removed)
}

/// Deletes the content of platforms; the image's index goes on listing them, as absent.
fn remove_platforms(store: &Store, argument: &str, options: &RemoveOptions) -> Result<Vec<Removed>> {
    let going = store.discard(|images, summaries| {
        let image = one(images, argument)?.image;
        let shown = image.shown();
        let Some(summary) = summaries.iter().find(|s| s.root == image.target.digest) else {
            return Err(Error::not_found(format!("No such image: {argument}")));
        };
        let mut going = DigestSet::default();
        for wanted in &options.platforms {
            let part = summary.parts.iter().find(|p| {
                p.kind == PartKind::Image
                    && store.holds(&p.digest)
                    && p.platform.as_ref().is_some_and(|p| wanted.matches(p))
            });
            let missing = || {
                Error::not_found(format!(
                    "image with reference {shown} was found but does not provide the specified platform ({wanted})"
                ))
            };
            let part = part.ok_or_else(missing)?;
            let subject = part.digest.to_string();
            let statements = summary.parts.iter().filter(|p| p.attests.as_deref() == Some(subject.as_str()));
            going.extend(statements.map(|p| p.digest).chain([part.digest]).filter(|d| store.holds(d)));
        }
        let others = summaries.iter().filter(|s| s.root != summary.root);
        if !options.force && others.flat_map(|s| &s.parts).any(|p| going.contains(&p.digest)) {
            let text = "Content will be removed from all images referencing this variant. Use --force to force delete.";
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        if images.iter().any(|i| going.contains(&i.target.digest)) {
            let text = format!("{shown}: an image of this platform alone has its own name");
            return Err(Error::new(ErrorKind::Conflict, text).hint("remove that image instead"));
        }
        Ok(going)
    })?;
    let mut deleted: Vec<Digest> = going.into_iter().collect();
    deleted.sort();
    Ok(deleted.into_iter().map(Removed::Deleted).collect())
}
