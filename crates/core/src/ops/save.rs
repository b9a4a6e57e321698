//! `save`: from names to a plan; writing it is [`Plan::write`].

use std::collections::BTreeSet;

use barge_oci::{Digest, Reference};

use crate::archive::{Layout, Plan};
use crate::content::{Documents, Image};
use crate::error::{Error, Result};
use crate::referrers::{Referrers, companions};
use crate::resolve::all_tags;
use crate::select::Selection;
use crate::store::{Lease, Store};

/// How images are saved.
#[derive(Debug, Clone, Default)]
pub struct SaveOptions {
    /// Which platforms, and in which form.
    pub selection: Selection,
    /// The name for the one image that would be nameless.
    pub name: Option<Reference>,
    /// What of that which refers to the images comes along; by default what docker takes along: everything but
    /// what has a tag of its own.
    pub referrers: Option<Referrers>,
    /// Where in the archive the content of large blobs begins.
    pub layout: Layout,
}

/// Plans an archive of the images that `arguments` mean. The lease keeps them whole until it is dropped.
///
/// # Errors
/// `NotFound` for an image, a platform or a blob that is not there.
pub fn plan_save(store: &Store, arguments: &[String], options: &SaveOptions) -> Result<(Plan, Lease)> {
    let mut lease = Lease::new(store)?;
    let plan = lease.protect(|| {
        let all = store.images()?;
        let plan = plan_among(store, asked_for(&all, arguments)?, &all, options)?;
        let needed: Vec<Digest> = plan.blobs().map(|b| b.digest).collect();
        Ok((plan, needed))
    })?;
    Ok((plan, lease))
}

/// The images that `arguments` mean, each once: one, or every tag of a bare repository.
///
/// # Errors
/// As [`one`](crate::resolve::one).
pub fn asked_for(all: &[Image], arguments: &[String]) -> Result<Vec<Image>> {
    let (mut images, mut asked) = (Vec::new(), BTreeSet::new());
    for argument in arguments {
        let found = all_tags(all, argument)?;
        images.extend(found.into_iter().filter(|i| asked.insert((i.name.clone(), i.target.digest))));
    }
    Ok(images)
}

/// Plans an archive of images, and of what of `all` comes along with them.
///
/// # Errors
/// As [`plan_save`].
pub fn plan_among(
    source: &impl Documents,
    images: Vec<Image>,
    all: &[Image],
    options: &SaveOptions,
) -> Result<Plan> {
    // What cosign has is found by the name.
    let images = options.named(images)?;
    let companions = options.companions(source, &images, all)?;
    planned(source, images, companions, options)
}

/// Plans an archive of images, and of exactly those companions, that somebody else has found.
///
/// # Errors
/// As [`plan_save`].
pub fn plan_images(
    source: &impl Documents,
    images: Vec<Image>,
    companions: Vec<Image>,
    options: &SaveOptions,
) -> Result<Plan> {
    planned(source, options.named(images)?, companions, options)
}

/// A companion that has a name is one image more.
fn planned(
    source: &impl Documents,
    mut images: Vec<Image>,
    companions: Vec<Image>,
    options: &SaveOptions,
) -> Result<Plan> {
    let (nameless, named): (Vec<Image>, Vec<Image>) = companions.into_iter().partition(Image::is_referrer);
    images.extend(named);
    Plan::new(source, &images, &nameless, &options.selection, options.layout)
}

impl SaveOptions {
    /// Those of `all` that come along with `images`.
    ///
    /// # Errors
    /// As [`companions`](crate::referrers::companions).
    pub fn companions(&self, source: &impl Documents, images: &[Image], all: &[Image]) -> Result<Vec<Image>> {
        let wanted = self.referrers.as_ref().unwrap_or(&Referrers::All);
        let mut found = companions(source, images, all, wanted)?;
        found.retain(|image| self.referrers.is_some() || image.is_referrer());
        Ok(found)
    }

    /// The images, with a name for the one that would be nameless.
    fn named(&self, mut images: Vec<Image>) -> Result<Vec<Image>> {
        if let Some(name) = &self.name {
            give_name(&mut images, name)?;
        }
        Ok(images)
    }
}

fn give_name(images: &mut [Image], name: &Reference) -> Result<()> {
    let mut nameless = images.iter_mut().filter(|i| i.name.is_none());
    let (Some(image), None) = (nameless.next(), nameless.next()) else {
        return Err(Error::invalid("`--name` needs exactly one image that has no name of its own")
            .hint("images given by ID or digest are saved without a name"));
    };
    if name.digest().is_some() {
        return Err(Error::invalid("refusing to create a tag with a digest reference"));
    }
    image.name = Some(name.clone().or_latest());
    Ok(())
}
