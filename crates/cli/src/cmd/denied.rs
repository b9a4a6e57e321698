//! What is said beside `permission denied`, where the store is what this user may not use.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Failure;

/// The failure, and if the system keeps this user from the store at `root`, what helps.
pub(super) fn advise(failure: Failure, root: &Path) -> Failure {
    match failure {
        Failure::Core(error)
            if error.advice().is_none() && error.denied().is_some_and(|path| path.starts_with(root)) =>
        {
            Failure::Core(match hint(root) {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
        failure => failure,
    }
}

fn hint(root: &Path) -> Option<&'static str> {
    match std::fs::metadata(root) {
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            Some("this store is another user's: run as that user, or take a store of your own, `--store DIR`")
        }
        Ok(_) => None,
        Err(_) => Some("no store can be had there: choose another place with `--store DIR` or BARGE_STORE"),
    }
}
