//! The narrow waist: how operations get at content, wherever it is.

use std::fs::File;
use std::io::{self, Read};

use barge_oci::{Descriptor, Reference};

use crate::error::Result;

/// A place that holds documents, and knows which blobs it has.
pub trait Documents {
    /// Whether the whole blob is here.
    ///
    /// # Errors
    /// `Mismatch` or `Refused` if a blob of that digest is here with another size or other content.
    fn has(&self, descriptor: &Descriptor) -> Result<bool>;

    /// The bytes of a small document, verified against its digest; `None` if it is not here.
    ///
    /// # Errors
    /// As [`Self::has`]; also if the document is larger than documents may be.
    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>>;
}

/// A place that can hand out its blobs, in any order, any number of times.
pub trait Provider: Documents {
    /// Opens a blob; what is read from it is not verified yet.
    ///
    /// # Errors
    /// `NotFound` if it is not here.
    fn open(&self, descriptor: &Descriptor) -> Result<Blob>;
}

/// A place that has names for some of its content.
pub trait Resolver {
    /// Every image, named ones by name first, then nameless ones by digest.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn images(&self) -> Result<Vec<Image>>;
}

/// A root that somebody keeps, under a name or without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The full reference with its tag or digest; `None` for what is only known by its digest.
    pub name: Option<Reference>,
    /// The index or manifest, with the annotations of its place.
    pub target: Descriptor,
}

/// Content on its way; the receiver chooses how to move it.
#[derive(Debug)]
pub enum Blob {
    /// Small content in memory.
    Bytes(io::Cursor<Vec<u8>>),
    /// A whole file.
    File(File),
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Bytes(bytes) => bytes.read(buffer),
            Self::File(file) => file.read(buffer),
        }
    }
}
