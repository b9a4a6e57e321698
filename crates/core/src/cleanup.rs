//! Temporary files that must not outlive the process, wherever it is when a signal ends it.
//!
//! Whoever makes one registers it; dropping the registration removes it. A program that catches SIGINT and
//! SIGTERM calls [`remove_all`] before it exits. What SIGKILL leaves is recognised as stale by its lock and
//! removed by the next run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static PENDING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary file or directory; removed when this is dropped, unless it was kept.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    kept: bool,
}

impl Temporary {
    /// Takes charge of `path`, which need not exist yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        PENDING.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        Self { path, kept: false }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// It has got its final name: there is nothing to remove any more.
    pub(crate) fn kept(mut self) {
        self.kept = true;
    }

    fn forget(&self) {
        PENDING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            remove(&self.path);
        }
        self.forget();
    }
}

/// Removes every temporary file of this process.
pub fn remove_all() {
    for path in PENDING.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        remove(path);
    }
}

/// Removal that fails leaves something for the next run to clean up.
fn remove(path: &Path) {
    let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
}
