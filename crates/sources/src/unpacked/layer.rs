//! A layer as a store keeps it: the files in one place, the rest of its tar in another.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_core::error::{Error, Refusal, Result};
use barge_oci::Digest;
use flate2::read::MultiGzDecoder;

use super::diff::Diff;
use super::folder::{Folder, shown};
use super::tar_split::{Entries, Rebuilt, size};

/// Where a layer is. Nothing is open but the store's folder.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// The digest of its tar.
    pub diff_id: Digest,
    /// The store's folder; the other paths are taken from it on.
    pub root: Arc<Folder>,
    /// The tar-split data.
    pub split: PathBuf,
    /// The folder of its files.
    pub diff: PathBuf,
}

impl Layer {
    /// How many bytes its tar has, which takes one pass over the tar-split data. The files are not looked at, only
    /// that their folder is there.
    ///
    /// # Errors
    /// `BlobMissing` if there is no tar-split data, `StreamCorrupt` if it is damaged; `Io`.
    pub(super) fn size(&self) -> Result<u64> {
        self.diff()?;
        size(self.entries()?).map_err(|e| match e.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                let message = format!("layer {}: {}: {e}", self.diff_id, shown(&self.root.at(&self.split)));
                Error::refused(Refusal::StreamCorrupt, message)
            }
            _ => self.failed("read", &self.split, e),
        })
    }

    /// Its tar, which nobody has verified.
    ///
    /// # Errors
    /// As [`Self::size`]; those of reading name the layer and the file.
    pub(super) fn open(&self) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(Rebuilt::new(self.entries()?, self.diff()?, self.diff_id.to_string())))
    }

    fn diff(&self) -> Result<Diff> {
        self.root.folder(&self.diff).map(Diff::new).map_err(|e| self.failed("open", &self.diff, e))
    }

    fn entries(&self) -> Result<Entries<BufReader<MultiGzDecoder<File>>>> {
        match self.root.file(&self.split) {
            Ok(file) => Ok(Entries::gunzip(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let message =
                    format!("layer {}: no tar-split data, of which its tar could be rebuilt", self.diff_id);
                Err(Error::refused(Refusal::BlobMissing, message))
            }
            Err(e) => Err(self.failed("open", &self.split, e)),
        }
    }

    fn failed(&self, doing: &str, path: &Path, error: io::Error) -> Error {
        Error::io(doing, &self.root.at(path), error).context(&format!("layer {}", self.diff_id))
    }
}
