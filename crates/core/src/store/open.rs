//! A store that is opened, and one that is made.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_oci::OCI_LAYOUT;

use super::Area;
use super::areas::{Folders, PRIVATE};
use super::names::{INDEX, empty};
use crate::error::{Error, ErrorKind, Result, printable};
use crate::folder::make_folders;

const LAYOUT: &str = "oci-layout";

/// A store on disk; cheap to open, shared by any number of processes.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    pub(super) folders: Arc<Folders>,
}

impl Store {
    /// The store at `root`, which need not exist: a store that was never written to is empty.
    ///
    /// # Errors
    /// `InvalidArgument` if something else is there; `Io`, also if the list of its images is gone.
    pub fn open(root: &Path) -> Result<Self> {
        let store = Self { root: root.to_path_buf(), folders: Arc::default() };
        match std::fs::read_dir(root) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(store),
            Err(e) => Err(Error::io("open store", root, e)),
            Ok(mut entries) => {
                // In this order: what is made meanwhile is seen by the second look.
                let empty = entries.next().is_none();
                if empty || root.join(LAYOUT).exists() || root.join(PRIVATE).is_dir() {
                    store.refuse_without_names()?;
                    return Ok(store);
                }
                let message = format!("{} is neither an image store nor an empty folder", store.shown());
                Err(Error::invalid(message).hint("choose another place with `--store DIR` or BARGE_STORE"))
            }
        }
    }

    /// The same store with its folders looked for again, for whoever has it for longer than one piece of work.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { root: self.root.clone(), folders: Arc::default() }
    }

    /// Where the store is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where it is, safe for a terminal.
    pub(super) fn shown(&self) -> String {
        printable(&self.root.to_string_lossy())
    }

    /// Whether nothing was ever written here; what only reads leaves it so.
    #[must_use]
    pub(crate) fn is_absent(&self) -> bool {
        !self.root.exists()
    }

    /// Makes the folders and files of an empty store, where they are missing.
    ///
    /// # Errors
    /// `Io`, also if the list of its images is gone.
    pub(crate) fn create(&self) -> Result<()> {
        let made = |area: &Area| self.try_folder(*area).is_ok();
        if Area::MADE.iter().all(made) && self.has_file(INDEX)? && self.has_file(LAYOUT)? {
            return Ok(());
        }
        make_folders(&self.root, 0o700).map_err(|e| Error::io("create store", &self.root, e))?;
        // The private folder comes first: whoever looks meanwhile sees that this is going to be a store.
        for area in Area::MADE {
            self.make(area)?;
        }
        let _guard = self.lock("index.lock", true)?;
        // Before anything names what is in them.
        self.sync(Area::Blobs)?;
        self.refuse_without_names()?;
        if !self.has_file(INDEX)? {
            self.replace(INDEX, &empty()?)?;
        }
        // Behind index.json, which is on the disk by now: a layout without it has lost it.
        if !self.has_file(LAYOUT)? {
            self.replace(LAYOUT, OCI_LAYOUT)?;
        }
        Ok(())
    }

    /// Whether a file of the layout is there. What cannot be told is an error: it would be made anew.
    fn has_file(&self, name: &str) -> Result<bool> {
        let Some(root) = self.folder_if_there(Area::Root)? else { return Ok(false) };
        match root.look(name) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io("open", &root.path(name), e)),
        }
    }

    /// Refuses a store that has lost its index.json: it would look empty, and everything in it like garbage.
    ///
    /// # Errors
    /// `Io`, in words that say what is there.
    pub(super) fn refuse_without_names(&self) -> Result<()> {
        if self.is_absent() || self.has_file(INDEX)? {
            return Ok(());
        }
        let there = if !self.blobs()?.is_empty() {
            "blobs are"
        } else if self.has_file(LAYOUT)? {
            "oci-layout is"
        } else {
            // Somebody makes it just now, or was killed while they did.
            return Ok(());
        };
        // Whoever makes a store puts index.json there before either: it may have come since the first look.
        if self.has_file(INDEX)? {
            return Ok(());
        }
        let message = format!("open store {}: {INDEX} is missing, but {there} there", self.shown());
        let hint = "put index.json back from a backup, or begin anew with another `--store DIR`; nothing was removed";
        Err(Error::new(ErrorKind::Io, message).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use barge_oci::Digest;

    use super::*;
    use crate::store::Lease;

    #[test]
    fn what_has_lost_its_names_is_not_taken_for_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        // A server has opened it long before.
        let store = Store::open(&path).unwrap();
        store.create().unwrap();
        let digest = Digest::sha256(b"blob");
        fs::write(path.join(digest.blob_path()), "blob").unwrap();
        fs::remove_file(path.join(INDEX)).unwrap();
        let refused = |there: &str| {
            let expected = format!("open store {}: index.json is missing, but {there} there", path.display());
            let tried = [
                Store::open(&path).map(drop),
                store.images().map(drop),
                store.gc().map(drop),
                store.update(|_| Ok(())),
                store.serving().map(drop),
                Lease::new(&store).map(drop),
            ];
            for tried in tried {
                assert_eq!(tried.unwrap_err().to_string(), expected);
            }
            assert!(!path.join(INDEX).exists());
        };
        refused("blobs are");
        fs::remove_file(path.join(LAYOUT)).unwrap();
        refused("blobs are");
        assert!(store.holds(&digest));
        fs::remove_file(path.join(digest.blob_path())).unwrap();
        fs::write(path.join(LAYOUT), OCI_LAYOUT).unwrap();
        refused("oci-layout is");
    }

    #[test]
    fn what_was_half_made_is_made_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        Store::open(&path).unwrap().create().unwrap();
        for file in [LAYOUT, INDEX] {
            fs::remove_file(path.join(file)).unwrap();
        }
        let store = Store::open(&path).unwrap();
        assert!(store.images().unwrap().is_empty());
        store.gc().unwrap();
        assert!(path.join(INDEX).exists() && path.join(LAYOUT).exists());
    }
}
