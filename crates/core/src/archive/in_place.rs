//! An archive that is read where it is: a plain tar in a file, or a folder. Its content is looked up in it and not kept
//! elsewhere; whoever receives it hashes it again, as the file may have changed since it was verified.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_oci::{Descriptor, Digest};

use super::decompress::Compression;
use super::keeper::{Begun, Keeper, Standing};
use super::part::Part;
use super::pass::{Checks, Pass};
use super::read::Archive;
use crate::content::{Blob, Documents, Provider};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// A verified archive and where its content stands.
pub struct InPlace {
    /// What is in it.
    pub archive: Archive,
    path: PathBuf,
    file: Arc<File>,
    places: HashMap<Digest, Place>,
}

/// Where a blob is.
#[derive(Debug, Clone)]
enum Place {
    /// From this byte of the tar on, so many bytes.
    At(u64, u64),
    /// All of this file.
    File(PathBuf),
}

impl InPlace {
    /// Reads and verifies an archive; `None` if its content can only be had by reading all of it again, as it is
    /// compressed or no file.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open(path: &Path, checks: Checks, progress: &dyn Progress) -> Result<Option<Self>> {
        let doing = |e| Error::io("open", path, e);
        let meta = path.metadata().map_err(doing)?;
        if !meta.is_file() && !meta.is_dir() {
            return Ok(None);
        }
        let file = File::open(path).map_err(doing)?;
        if meta.is_file() {
            let (start, _) = super::decompress::peek(&file, 6)?;
            if Compression::detect(&start) != Compression::None {
                return Ok(None);
            }
        }
        let mut places = Places::default();
        let archive = Archive::open(path, Pass::Keep(&mut places, checks), progress)?;
        Ok(Some(Self { archive, path: path.to_path_buf(), file: Arc::new(file), places: places.known }))
    }
}

/// Notes where content stands instead of keeping it.
#[derive(Default)]
struct Places {
    known: HashMap<Digest, Place>,
    current: Option<Place>,
}

impl Keeper for Places {
    fn begin(&mut self, _claimed: Option<&Digest>, size: u64, standing: Standing<'_>) -> Result<Begun> {
        self.current = match standing {
            Standing::Passing => None,
            Standing::In(_, offset) => Some(Place::At(offset, size)),
            Standing::Of(_, path) => Some(Place::File(path.to_path_buf())),
        };
        Ok(Begun::Written)
    }

    fn write(&mut self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, digests: &[Digest]) -> Result<()> {
        if let Some(place) = self.current.take() {
            self.known.extend(digests.iter().map(|digest| (*digest, place.clone())));
        }
        Ok(())
    }
}

impl Documents for InPlace {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        self.archive.has(descriptor)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        self.archive.document(descriptor)
    }
}

impl Provider for InPlace {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        match self.places.get(&descriptor.digest) {
            Some(Place::At(offset, size)) => {
                let part = Part { file: Arc::clone(&self.file), at: *offset, end: offset + size };
                Ok(Blob::Stream(Box::new(part)))
            }
            Some(Place::File(path)) => {
                File::open(path).map(Blob::File).map_err(|e| Error::io("open", path, e))
            }
            None => {
                let made =
                    self.archive.document(descriptor)?.map(|bytes| Blob::Bytes(io::Cursor::new(bytes)));
                let shown = self.path.display();
                made.ok_or_else(|| Error::not_found(format!("{shown}: {}: not found", descriptor.digest)))
            }
        }
    }
}
