//! The files of one layer, unpacked in its `diff` folder.

use std::fs::File;
use std::io::{self, Read, Take};
use std::path::{Path, PathBuf};

use super::folder::{Folder, names};

/// The folder of a layer's files. Files of one folder follow each other in a tar, so the last one stays open.
pub(super) struct Diff {
    root: Folder,
    last: Option<(PathBuf, Folder)>,
}

impl Diff {
    /// The files below `root`.
    pub(super) fn new(root: Folder) -> Self {
        Self { root, last: None }
    }

    /// Opens a file of exactly `size` bytes, of which no more are read, whatever becomes of it meanwhile.
    ///
    /// # Errors
    /// As [`Folder::file`]; `InvalidData` if it has another size.
    pub(super) fn open(&mut self, path: &Path, size: u64) -> io::Result<Take<File>> {
        let names = names(path)?;
        let Some((name, folders)) = names.split_last() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "names no file"));
        };
        let parent: PathBuf = folders.iter().collect();
        if self.last.as_ref().is_none_or(|(path, _)| *path != parent) {
            let folder = self.root.folder(&parent)?;
            self.last = Some((parent, folder));
        }
        let folder = self.last.as_ref().map_or(&self.root, |(_, folder)| folder);
        let file = folder.file(name)?;
        let found = file.metadata()?.len();
        if found != size {
            let message = format!("is {found} bytes, where there should be {size}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(file.take(size))
    }
}
