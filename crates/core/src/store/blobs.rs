//! The blobs: what is here, and what is in it.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Read};
use std::path::PathBuf;

use barge_oci::{Algorithm, Descriptor, Digest};

use super::verified::Look;
use super::{Area, Store};
use crate::content::{Blob, Documents, Provider, read_document};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Progress, Silent};

/// How much of a blob is hashed at once.
const CHUNK: usize = 1 << 20;

/// A set of digests; they are random already, so a part of one serves as its hash.
pub(crate) type DigestSet = HashSet<Digest, BuildHasherDefault<PartOfDigest>>;

/// Takes the first bytes of a digest for its hash.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PartOfDigest(u64);

impl Hasher for PartOfDigest {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Store {
    /// Whether a blob is here, of whatever size.
    #[must_use]
    pub(crate) fn holds(&self, digest: &Digest) -> bool {
        self.look(digest).is_ok_and(|look| look.is_some())
    }

    /// Every blob that is here.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn blobs(&self) -> Result<DigestSet> {
        let mut all = DigestSet::default();
        for algorithm in Algorithm::ALL {
            let names = self.names_in(Area::of(algorithm))?;
            all.extend(names.iter().filter_map(|hex| Digest::from_hex(algorithm, hex)));
        }
        Ok(all)
    }

    /// Every blob that is here, with its size in bytes.
    ///
    /// # Errors
    /// `Io`.
    pub fn sizes(&self) -> Result<HashMap<Digest, u64>> {
        // A blob that goes away meanwhile is not here.
        let size = |d: Digest| Some((d, self.look(&d).ok()??.size));
        Ok(self.blobs()?.into_iter().filter_map(size).collect())
    }

    /// Makes durable under which names blobs came in.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn settle(&self) -> Result<()> {
        for area in Algorithm::ALL.map(Area::of) {
            if self.folder_if_there(area)?.is_some() {
                self.sync(area)?;
            }
        }
        Ok(())
    }

    /// Whether a blob is here and is what its digest says; one that is damaged may be replaced.
    pub(super) fn holds_sound(&self, digest: &Digest) -> Result<bool> {
        if !self.look(digest)?.is_some_and(|look| look.is_file) {
            return Ok(false);
        }
        self.hash(digest, &Silent).map(|(actual, _)| actual == *digest)
    }

    /// What a blob's content really is, and how many bytes.
    pub(super) fn hash(&self, digest: &Digest, progress: &dyn Progress) -> Result<(Digest, u64)> {
        let path = self.blob_path(digest);
        let mut file = self.open_blob(digest)?.ok_or_else(|| Error::no_content(digest))?;
        let (mut hasher, mut buffer, mut size) =
            (barge_oci::Hasher::new(digest.algorithm()), vec![0; CHUNK], 0);
        loop {
            let n = file.read(&mut buffer).map_err(|e| Error::io("read", &path, e))?;
            let Some(bytes) = buffer.get(..n).filter(|b| !b.is_empty()) else { break };
            hasher.update(bytes);
            progress.add(n as u64);
            size += n as u64;
        }
        Ok((hasher.finish(), size))
    }

    /// Opens the file of a blob; `None` if it is not there.
    pub(super) fn open_blob(&self, digest: &Digest) -> Result<Option<File>> {
        let Some(folder) = self.folder_if_there(Area::of(digest.algorithm()))? else { return Ok(None) };
        match folder.read(&digest.hex()) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &self.blob_path(digest), e)),
        }
    }

    /// How the file of a blob looks; `None` if it is not there.
    pub(super) fn look(&self, digest: &Digest) -> Result<Option<Look>> {
        let Some(folder) = self.folder_if_there(Area::of(digest.algorithm()))? else { return Ok(None) };
        match folder.look(&digest.hex()) {
            Ok(stat) => Ok(Some(Look::of(&stat))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &self.blob_path(digest), e)),
        }
    }

    /// Where a blob is, for messages.
    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root().join(digest.blob_path())
    }
}

impl Documents for Store {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        // Another size is other content: what the descriptor means is not here.
        let look = self.look(&descriptor.digest)?;
        Ok(look.is_some_and(|look| look.is_file && look.size == descriptor.size))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        if !self.has(descriptor)? {
            return Ok(None);
        }
        let Some(file) = self.open_blob(&descriptor.digest)? else { return Ok(None) };
        read_document("the store", descriptor, file).map(Some).map_err(damaged)
    }
}

impl Provider for Store {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        self.open_blob(&descriptor.digest)?
            .map(Blob::File)
            .ok_or_else(|| Error::no_content(&descriptor.digest))
    }
}

/// The error with advice, if a blob is not what it was when it came in.
fn damaged(error: Error) -> Error {
    if error.kind() != ErrorKind::Mismatch {
        return error;
    }
    error.hint("`barge store check` lists every fault; remove the images that use it and load them again")
}
