//! `barge push`

use std::sync::Arc;

use barge_core::content::{Image, Provider};
use barge_core::error::Error;
use barge_core::ops::{PushOptions, push};
use barge_core::referrers::{Referrers, companions};
use barge_core::select::Selection;
use barge_core::store::{Lease, Store};
use barge_oci::{Descriptor, Reference};
use barge_server::wire::PUSH;
use barge_sources::registry::{Registry, Repository, siblings};

use super::{Failure, Outcome, missing, note, platforms, print, reference, referrers, registry};
use crate::args::{ProgressMode, Push};
use crate::render::transfers;
use crate::usage::{Arity, check};

/// Says what docker says, tag by tag.
pub(crate) fn run(args: &Push, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::Exactly(1), args.names.len(), typed)?;
    let typed_name = args.names.first().map(String::as_str).unwrap_or_default();
    let name = reference(typed_name)?;
    if name.digest().is_some() {
        return Err(Failure::Text("cannot push a digest reference".to_owned(), 1));
    }
    if args.all_tags && !name.is_name_only() {
        return Err(Failure::Text("tag can't be used with --all-tags/-a".to_owned(), 1));
    }
    let selection = Selection {
        platforms: platforms(&args.platform)?,
        keep_index: args.keep_index,
        foreign: args.include_foreign,
    };
    let referrers = referrers(args.transfer.referrers.as_deref()).unwrap_or(Referrers::All);
    let settings = registry::settings(&args.transfer.registries, [&name])?;
    let repository = Registry::new(name.domain(), settings)?.repository(name.path());
    let store = store()?;
    let images = store.images()?;
    let same_repository =
        |i: &&Image| i.name.as_ref().is_some_and(|n| n.name() == name.name() && n.tag().is_some());
    let chosen: Vec<&Image> = if args.all_tags {
        images.iter().filter(same_repository).collect()
    } else {
        if name.is_name_only() && !args.transfer.quiet {
            print("Using default tag: latest\n")?;
        }
        let wanted = name.clone().or_latest();
        images.iter().filter(|i| i.name.as_ref() == Some(&wanted)).collect()
    };
    if chosen.is_empty() {
        let what = if args.all_tags { name.familiar_name() } else { name.clone().or_latest().familiar() };
        let error = Error::not_found(format!("tag does not exist: {what}"));
        return Err(missing::advise_of(error, &store, &what).into());
    }
    if !args.transfer.quiet {
        print(&format!("The push refers to repository [{}]\n", name.name()))?;
    }
    let of = |image: &Image| companions(&store, std::slice::from_ref(image), &images, &referrers);
    let chosen: Vec<(&Image, Vec<Image>)> =
        chosen.into_iter().map(|image| Ok((image, of(image)?))).collect::<Result<_, Failure>>()?;
    let _lease =
        Lease::on(&store, chosen.iter().flat_map(|(image, more)| std::iter::once(*image).chain(more)))?;
    for (image, companions) in chosen {
        let options = PushOptions {
            selection: selection.clone(),
            parallel: args.transfer.registries.reach.parallel.into(),
            siblings: siblings(image, &images, &name),
            companions,
            stop: Arc::default(),
        };
        let tag = image.name.as_ref().and_then(Reference::tag);
        let mode = if args.transfer.quiet { ProgressMode::None } else { args.transfer.progress };
        let root = send(&store, image, &repository, tag, &options, mode)?;
        let tag = tag.unwrap_or_default();
        match args.transfer.quiet {
            true => print(&format!("{}:{tag}\n", name.name()))?,
            false => print(&format!("{tag}: digest: {} size: {}\n", root.digest, root.size))?,
        }
    }
    Ok(())
}

/// Sends one image to a repository, and says what it went without.
///
/// # Returns
/// What the tag leads to now.
pub(super) fn send(
    source: &(impl Provider + Sync),
    image: &Image,
    repository: &Repository,
    tag: Option<&str>,
    options: &PushOptions,
    mode: ProgressMode,
) -> Result<Descriptor, Failure> {
    let transfers = transfers::new(PUSH, mode);
    let pushed = push(source, image, repository, tag, options, transfers.as_ref());
    drop(transfers);
    let pushed = pushed?;
    pushed.note.iter().for_each(|text| note("note", text));
    Ok(pushed.root)
}
