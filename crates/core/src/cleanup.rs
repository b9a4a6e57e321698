//! Temporary files that must not outlive the process, wherever it is when a signal ends it.
//!
//! Whoever makes one registers it; dropping the registration removes it. A program that catches SIGINT and
//! SIGTERM calls [`remove_all`] before it exits. What SIGKILL leaves is recognised as stale by its lock and
//! removed by the next run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::folder::Folder;

/// What is in a folder that is held open is removed from there, wherever its path leads by then.
static PENDING: Mutex<BTreeMap<PathBuf, Option<Arc<Folder>>>> = Mutex::new(BTreeMap::new());

/// A temporary file or directory; removed when this is dropped, unless it was kept.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    folder: Option<Arc<Folder>>,
    kept: bool,
}

impl Temporary {
    /// Takes charge of `path`, which need not exist yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self::register(path, None)
    }

    /// Takes charge of `name` in a folder; it need not exist yet.
    pub(crate) fn within(folder: &Arc<Folder>, name: &str) -> Self {
        Self::register(folder.path(name), Some(Arc::clone(folder)))
    }

    fn register(path: PathBuf, folder: Option<Arc<Folder>>) -> Self {
        PENDING.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), folder.clone());
        Self { path, folder, kept: false }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it is called in its folder.
    pub(crate) fn name(&self) -> &str {
        name(&self.path)
    }

    /// It has got its final name: there is nothing to remove any more.
    pub(crate) fn kept(mut self) {
        self.kept = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            remove(&self.path, self.folder.as_deref());
        }
        PENDING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
    }
}

/// Removes every temporary file of this process.
pub fn remove_all() {
    for (path, folder) in PENDING.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        remove(path, folder.as_deref());
    }
}

/// Removal that fails leaves something for the next run to clean up.
fn remove(path: &Path, folder: Option<&Folder>) {
    let _ = match folder {
        Some(folder) => folder.remove(name(path)).or_else(|_| folder.remove_folder(name(path))),
        None if path.is_dir() => std::fs::remove_dir_all(path),
        None => std::fs::remove_file(path),
    };
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
