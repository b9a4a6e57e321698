//! `barge rmi`

use barge_core::error::ErrorKind;
use barge_core::ops::{RemoveOptions, Removed, remove};
use barge_core::store::Store;

use super::{Failure, Outcome, missing, platforms, print, say};
use crate::args::Remove;
use crate::usage::{Arity, check};

/// Goes on after an error, as docker does; with force a missing image is no failure.
pub(crate) fn run(args: &Remove, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::AtLeast(1), args.images.len(), typed)?;
    let options =
        RemoveOptions { force: args.force, no_prune: args.no_prune, platforms: platforms(&args.platform)? };
    let store = store()?;
    let (mut failed, mut fatal, mut deleted) = (Vec::new(), false, false);
    for image in &args.images {
        match remove(&store, image, &options) {
            Ok(removed) => {
                deleted |= removed.iter().any(|r| matches!(r, Removed::Deleted(_)));
                print(&lines(&removed))?;
            }
            Err(error) => {
                fatal |= error.kind() != ErrorKind::NotFound;
                // Whoever forces it, or has just emptied the store, knows.
                failed.push(if args.force || deleted { error } else { missing::advise(error, &store) });
            }
        }
    }
    if deleted {
        store.gc()?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    if args.force && !fatal {
        say(&missing::lines(&failed));
        return Ok(());
    }
    Err(missing::failure(failed))
}

fn lines(removed: &[Removed]) -> String {
    let line = |r: &Removed| match r {
        Removed::Untagged(name) => format!("Untagged: {name}\n"),
        Removed::Deleted(digest) => format!("Deleted: {digest}\n"),
    };
    removed.iter().map(line).collect()
}
