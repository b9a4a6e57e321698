//! The records of an archive: what each is, how large, and where its content begins.

use barge_oci::{Algorithm, Descriptor, Digest};

use super::header::{aligned_header, header};
use super::tar::BLOCK;
use crate::copy;

/// Two zero blocks, as Go's writer ends an archive; no padding to tape records.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// One entry of an archive, below `blobs/`.
#[derive(Debug)]
pub(super) enum Record {
    /// A folder, by its path.
    Folder(String),
    /// A document that was made for this archive.
    Made(Digest, Vec<u8>),
    /// What a source has.
    Blob(Descriptor),
}

impl Record {
    /// The folder of them all.
    pub(super) fn root() -> Self {
        Self::Folder("blobs/".to_owned())
    }

    /// The folder of those with digests of this algorithm.
    pub(super) fn folder(algorithm: Algorithm) -> Self {
        Self::Folder(format!("blobs/{}/", algorithm.name()))
    }

    /// Where it is in the archive; a folder's ends with `/`.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Folder(path) => path.clone(),
            Self::Made(digest, _) => digest.blob_path(),
            Self::Blob(descriptor) => descriptor.digest.blob_path(),
        }
    }

    /// Its content's size in bytes.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Folder(_) => 0,
            Self::Made(_, bytes) => bytes.len() as u64,
            Self::Blob(descriptor) => descriptor.size,
        }
    }

    fn mode(&self) -> u32 {
        match self {
            Self::Folder(_) => 0o755,
            Self::Made(..) | Self::Blob(_) => 0o444,
        }
    }
}

/// Where the content of large blobs begins in an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// Right behind its header: docker's bytes.
    #[default]
    Docker,
    /// At a multiple of 4096, where file systems can share blocks: a PAX comment before it makes up the distance.
    Aligned,
}

impl Layout {
    /// The header of a record that begins at byte `at`.
    pub(super) fn header(self, record: &Record, at: u64) -> Vec<u8> {
        let (path, size) = (record.path(), record.size());
        match (self, record) {
            (Self::Aligned, Record::Blob(_)) if size >= copy::WORTH => {
                aligned_header(&path, record.mode(), size, at)
            }
            _ => header(&path, record.mode(), size),
        }
    }
}
