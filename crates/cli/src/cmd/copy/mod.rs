//! `barge copy`: finds images in one place and puts them into another.

mod find;
mod names;
mod put;

use std::sync::Arc;

use barge_core::content::Image;
use barge_core::ops::{SaveOptions, tag};
use barge_core::referrers::Referrers;
use barge_core::resolve::one;
use barge_core::select::Selection;
use barge_core::store::Store;
use barge_oci::{Digest, Platform};
use barge_sources::registry::Settings;

use super::origin::Origin;
use super::place::Place;
use super::{Failure, Outcome, missing, now, platforms, print, referrers, registry};
use crate::args::{Copy, Engine, ProgressMode};
use crate::usage::{Arity, check};

/// Prints the digest of what is there now, one a line.
pub(crate) fn run(args: &Copy, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::Exactly(2), args.places.len(), typed)?;
    let [from, to] = args.places.as_slice() else { return Ok(()) };
    let (from, to) = (Place::parse(from)?, Place::parse(to)?);
    go_together(args, &from, &to)?;
    let platforms = platforms(&args.platform)?;
    let hosts = [&from, &to].into_iter().filter_map(|place| match place {
        Place::Registry(name) => Some(name),
        _ => None,
    });
    let settings = registry::settings(&args.registries, hosts)?;
    let referrers = referrers(args.referrers.as_deref()).unwrap_or_default();
    let copier = Copier { args, platforms, settings, referrers, store: store()? };
    if let (Place::Store(source), Place::Store(target), false) = (&from, &to, args.all_tags) {
        return copier.name(source, target);
    }
    let found = copier.find(&from, matches!(to, Place::Store(_)))?;
    copier.put(found, &to)
}

/// Refuses places and flags that make no sense with each other.
fn go_together(args: &Copy, from: &Place, to: &Place) -> Outcome {
    let text = match (from, to) {
        (Place::Engine(Engine::Podman, _), Place::Engine(Engine::Podman, _)) => {
            // It would wait for the locks that the other end holds.
            "from podman's store to podman nothing is copied: `podman tag` gives another name".to_owned()
        }
        (Place::Store(_), Place::Store(_)) => {
            let given = [
                ("--platform", !args.platform.is_empty()),
                ("--keep-index", args.keep_index),
                ("--referrers", args.referrers.is_some()),
            ];
            let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
            format!(
                "{flag} cannot be used within the store: a copy there is another name for the whole image"
            )
        }
        _ => return Ok(()),
    };
    Err(Failure::Text(text, 1))
}

/// What is copied.
struct Found {
    origin: Origin,
    images: Vec<Image>,
    /// Images among which are those that refer to them.
    companions: Vec<Image>,
}

struct Copier<'a> {
    args: &'a Copy,
    platforms: Vec<Platform>,
    settings: Arc<Settings>,
    referrers: Referrers,
    store: Store,
}

impl Copier<'_> {
    /// Another name in the store.
    fn name(&self, source: &str, target: &str) -> Outcome {
        let tagged = tag(&self.store, source, target, &now());
        tagged.map_err(|error| missing::advise(error, &self.store))?;
        let named = one(&self.store.images()?, target)?.image;
        self.say([named.target.digest])
    }

    fn options(&self) -> SaveOptions {
        let selection = Selection {
            platforms: self.platforms.clone(),
            keep_index: self.args.keep_index,
            foreign: self.args.include_foreign,
        };
        SaveOptions { selection, referrers: Some(self.referrers.clone()), ..SaveOptions::default() }
    }

    fn mode(&self) -> ProgressMode {
        if self.args.quiet { ProgressMode::None } else { self.args.progress }
    }

    fn say(&self, digests: impl IntoIterator<Item = Digest>) -> Outcome {
        digests.into_iter().try_for_each(|digest| print(&format!("{digest}\n")))
    }
}
