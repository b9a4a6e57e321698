//! Skips that are seen.

use std::{env, io::Write, path::PathBuf};

/// Says on the real standard error, which the test runner does not capture, what was not tested and why.
pub fn skip(what: &str, why: &str) {
    // A test without anybody to tell is still skipped.
    let _ = writeln!(std::io::stderr(), "SKIP {what}: {why}");
}

/// A file or folder in the one that `BARGE_SHARED` names; `None`, and a line that says so, if it is not there.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let Some(folder) = env::var_os("BARGE_SHARED") else {
        skip(path, "BARGE_SHARED is not set");
        return None;
    };
    let found = PathBuf::from(folder).join(path);
    if !found.exists() {
        skip(path, "BARGE_SHARED does not have it");
        return None;
    }
    Some(found)
}
