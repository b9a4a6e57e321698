//! The folders of a store, each opened once and then held open: what is in them is reached by its name in them.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use barge_oci::Algorithm;

use super::Store;
use crate::cleanup::Temporary;
use crate::error::{Error, Result};
use crate::folder::Folder;

/// What is the store's own, and no part of the layout.
pub(super) const PRIVATE: &str = ".barge";

/// The folders of a store.
#[derive(Debug, Clone, Copy)]
pub(super) enum Area {
    Root,
    Private,
    Ingest,
    Leases,
    Partial,
    Blobs,
    Sha256,
    Sha512,
}

/// The folders of a store that have been opened.
pub(super) type Folders = [OnceLock<Arc<Folder>>; 8];

impl Area {
    /// In an order in which each comes after the one that it is in.
    pub(super) const MADE: [Self; 6] =
        [Self::Private, Self::Ingest, Self::Leases, Self::Blobs, Self::Sha256, Self::Sha512];

    /// Where blobs of an algorithm are.
    pub(super) fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256,
            Algorithm::Sha512 => Self::Sha512,
        }
    }

    /// Where it is, and what it is called there.
    fn place(self) -> Option<(Self, &'static str)> {
        match self {
            Self::Root => None,
            Self::Private => Some((Self::Root, PRIVATE)),
            Self::Ingest => Some((Self::Private, "ingest")),
            Self::Leases => Some((Self::Private, "leases")),
            Self::Partial => Some((Self::Private, "partial")),
            Self::Blobs => Some((Self::Root, "blobs")),
            Self::Sha256 => Some((Self::Blobs, "sha256")),
            Self::Sha512 => Some((Self::Blobs, "sha512")),
        }
    }
}

impl Store {
    /// One of the folders, opened the first time it is asked for.
    pub(super) fn try_folder(&self, area: Area) -> io::Result<&Arc<Folder>> {
        let Some(cell) = self.folders.get(area as usize) else { return Err(io::ErrorKind::NotFound.into()) };
        if let Some(folder) = cell.get() {
            return Ok(folder);
        }
        let folder = match area.place() {
            None => Folder::open(self.root()),
            Some((parent, name)) => self.try_folder(parent)?.folder(name),
        };
        folder.map(|folder| cell.get_or_init(|| Arc::new(folder)))
    }

    /// The same, with an error that says which.
    pub(super) fn folder(&self, area: Area) -> Result<&Arc<Folder>> {
        if let Some((parent, _)) = area.place() {
            self.folder(parent)?;
        }
        self.try_folder(area).map_err(|e| Error::io("open", &self.area_path(area), e))
    }

    /// The same, if it is there.
    pub(super) fn folder_if_there(&self, area: Area) -> Result<Option<&Arc<Folder>>> {
        match self.try_folder(area) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => self.folder(area).map(Some),
        }
    }

    /// Where a folder is, for messages.
    pub(super) fn area_path(&self, area: Area) -> PathBuf {
        match area.place() {
            None => self.root().to_path_buf(),
            Some((parent, name)) => self.area_path(parent).join(name),
        }
    }

    /// Where a private file is, for messages.
    pub(super) fn private_path(&self, name: &str) -> PathBuf {
        self.area_path(Area::Private).join(name)
    }

    /// The names of what is in a folder, none if it is not there.
    pub(super) fn names_in(&self, area: Area) -> Result<Vec<String>> {
        let Some(folder) = self.folder_if_there(area)? else { return Ok(Vec::new()) };
        folder.names().map_err(|e| Error::io("read", &self.area_path(area), e))
    }

    /// Makes a folder, if it is not there; the one it is in is.
    pub(super) fn make(&self, area: Area) -> Result<&Arc<Folder>> {
        if let Some((parent, name)) = area.place() {
            let made = self.folder(parent)?.make_folder(name);
            made.map_err(|e| Error::io("create store", &self.area_path(area), e))?;
        }
        self.folder(area)
    }

    /// Makes the names in a folder durable.
    pub(super) fn sync(&self, area: Area) -> Result<()> {
        self.folder(area)?.sync().map_err(|e| Error::io("sync", &self.area_path(area), e))
    }

    /// Takes a lock; it is released when the file is dropped.
    pub(super) fn lock(&self, name: &str, exclusive: bool) -> Result<File> {
        let path = self.private_path(name);
        let file = self.folder(Area::Private)?.lock(name).map_err(|e| Error::io("lock", &path, e))?;
        let locked = if exclusive { file.lock() } else { file.lock_shared() };
        locked.map_err(|e| Error::io("lock", &path, e))?;
        Ok(file)
    }

    /// Replaces a file of the layout in one step that a crash cannot split.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_anew(Area::Root, name, |file| file.write_all(bytes).and_then(|()| file.sync_all()))?;
        self.sync(Area::Root)
    }

    /// Replaces a private file in one step; it may be lost in a crash.
    pub(super) fn replace_private(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_anew(Area::Private, name, |file| file.write_all(bytes))
    }

    /// Writes a file under a temporary name, and puts it in the place of the one that has its name.
    fn write_anew(
        &self,
        area: Area,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<()> {
        let (to, private) = (self.folder(area)?, self.folder(Area::Private)?);
        let temporary = Temporary::within(private, &format!("{name}.{}", random_name()));
        let doing = |e| Error::io("write", &to.path(name), e);
        let mut file = private.write(temporary.name()).map_err(doing)?;
        // Held while it is written, so that nobody takes it for what a killed process left.
        file.lock().and_then(|()| write(&mut file)).map_err(doing)?;
        private.rename(temporary.name(), to, name).map_err(doing)?;
        temporary.kept();
        Ok(())
    }

    /// Opens a file to read it, if it is there.
    pub(super) fn open_if_there(&self, area: Area, name: &str) -> Result<Option<File>> {
        match self.folder(area)?.read(name) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &self.area_path(area).join(name), e)),
        }
    }

    /// Removes a file, if it is there.
    pub(super) fn remove_if_there(&self, area: Area, name: &str) -> Result<()> {
        match self.folder(area)?.remove(name) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &self.area_path(area).join(name), e))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what the file system has no room for, before it is full.
    ///
    /// # Errors
    /// `Io` with the numbers.
    pub(crate) fn room_for(&self, size: u64) -> Result<()> {
        let Ok(free) = self.folder(Area::Root)?.free() else { return Ok(()) };
        if size <= free {
            return Ok(());
        }
        let full = io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        let error = Error::io("write", self.root(), full);
        Err(error.hint(format!("{size} bytes more are needed, {free} are free")))
    }
}

/// 16 hex characters that no other process has drawn. Their seed comes from the system, and needs no file of it: a static
/// program has to work in a root without `/dev`.
pub(crate) fn random_name() -> String {
    format!("{:016x}", fastrand::u64(..))
}

/// Whether a name is of that kind.
pub(crate) fn is_random_name(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit())
}
