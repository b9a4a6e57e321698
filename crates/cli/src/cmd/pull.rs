//! `barge pull`

use std::sync::Arc;

use barge_core::content::Image;
use barge_core::ops::{PullOptions, Pulled, pull};
use barge_core::select::Wanted;
use barge_core::store::Store;
use barge_oci::Reference;
use barge_server::wire::PULL;
use barge_sources::registry::{Registry, Repository};

use super::{Failure, Outcome, now, platforms, print, reference, referrers, registry, wanted};
use crate::args::{ProgressMode, Pull};
use crate::render::transfers;
use crate::usage::{Arity, check};

/// Says what docker says, image by image.
pub(crate) fn run(args: &Pull, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::Exactly(1), args.names.len(), typed)?;
    let typed_name = args.names.first().map(String::as_str).unwrap_or_default();
    let name = reference(typed_name)?;
    if args.all_tags && !name.is_name_only() {
        return Err(Failure::Text("tag can't be used with --all-tags/-a".to_owned(), 1));
    }
    let given: Vec<String> = args.platform.iter().filter(|p| !p.is_empty()).cloned().collect();
    let wanted = match given.as_slice() {
        [] => Wanted::Host,
        given => wanted(platforms(given)?),
    };
    let settings = registry::settings(&args.transfer.registries, [&name])?;
    let repository = Registry::new(name.domain(), settings)?.repository(name.path());
    let referrers = referrers(args.transfer.referrers.as_deref()).unwrap_or_default();
    let options = PullOptions {
        wanted,
        referrers,
        foreign: args.include_foreign,
        parallel: args.transfer.registries.reach.parallel.into(),
        now: now(),
        stop: Arc::default(),
    };
    let puller = Puller {
        store: &store()?,
        repository,
        options,
        quiet: args.transfer.quiet,
        progress: args.transfer.progress,
    };
    if args.all_tags {
        for tag in puller.repository.tags()? {
            // What the registry lists and no reference can say cannot be kept under a name.
            let Ok(tagged) = name.with_tag(&tag) else { continue };
            puller.pull(&tagged)?;
        }
        return print(&format!("{}\n", name.name()));
    }
    if name.is_name_only() {
        puller.say("Using default tag: latest")?;
    }
    // A name with both is one by digest: the tag may be another image's here.
    let name = match name.digest() {
        Some(digest) => reference(&format!("{}@{digest}", name.name()))?,
        None => name.or_latest(),
    };
    puller.pull(&name)?;
    print(&format!("{name}\n"))
}

struct Puller<'a> {
    store: &'a Store,
    repository: Repository,
    options: PullOptions,
    quiet: bool,
    progress: ProgressMode,
}

impl Puller<'_> {
    fn pull(&self, name: &Reference) -> Outcome {
        let root = self.repository.resolve(name)?;
        let what =
            name.digest().map_or_else(|| name.tag().unwrap_or_default().to_owned(), ToString::to_string);
        self.say(&format!("{what}: Pulling from {}", name.path()))?;
        let digest = root.digest;
        let image = Image { name: Some(name.clone()), target: root };
        let mode = if self.quiet { ProgressMode::None } else { self.progress };
        let transfers = transfers::new(PULL, mode);
        let pulled = pull(self.store, &self.repository, &image, &self.options, transfers.as_ref())?;
        drop(transfers);
        let status = match pulled {
            Pulled::Newer => "Downloaded newer image",
            Pulled::UpToDate => "Image is up to date",
        };
        self.say(&format!("Digest: {digest}"))?;
        self.say(&format!("Status: {status} for {}", name.familiar()))
    }

    fn say(&self, text: &str) -> Outcome {
        if self.quiet { Ok(()) } else { print(&format!("{text}\n")) }
    }
}
