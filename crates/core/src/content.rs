//! The narrow waist: how operations get at content, wherever it is.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use barge_oci::{Descriptor, Digest, MAX_CONFIG_BYTES};

use crate::error::{Error, ErrorKind, Refusal, Result};
pub use crate::image::Image;

/// A place that holds documents, and knows which blobs it has.
pub trait Documents {
    /// Whether the whole blob is here. Another size is other content: it is `Ok(false)` or an error, never `Ok(true)`.
    /// A place far away may take for granted what verified documents list, and whoever opens it finds out.
    ///
    /// # Errors
    /// `Mismatch` or `Refused` if a blob of that digest is known to have another size or other content.
    fn has(&self, descriptor: &Descriptor) -> Result<bool>;

    /// The bytes of a small document, verified against its size and digest ([`read_document`]); `None` if it is not here,
    /// as it may be said of another size.
    ///
    /// # Errors
    /// As [`Self::has`]; `Mismatch` if its content is other content; `Refused` if what is here is larger than documents
    /// may be, or known to be none.
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

impl<D: Documents + ?Sized> Documents for &D {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        (**self).has(descriptor)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        (**self).document(descriptor)
    }
}

impl<P: Provider + ?Sized> Provider for &P {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        (**self).open(descriptor)
    }
}

/// A place far away: answers are slow, and a blob may be asked for from any byte on.
pub trait Remote: Documents + Sync {
    /// How errors call it, without anything secret: `docker.io/library/alpine`.
    fn place(&self) -> String;

    /// Whether a blob is there, by asking; [`Documents::has`] may only believe it.
    ///
    /// # Errors
    /// `Unauthorized`, `Unavailable`.
    fn holds(&self, blob: &Descriptor) -> Result<bool>;

    /// Manifests that refer to `subject`, as the place lists them: not verified, and of every type.
    ///
    /// # Errors
    /// `Unauthorized`, `Unavailable`.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>>;

    /// What a tag leads to, where `subject` is; `None` if there is no such tag.
    ///
    /// # Errors
    /// `Unauthorized`, `Unavailable`, `Mismatch`.
    fn tagged(&self, subject: &Digest, tag: &str) -> Result<Option<Descriptor>>;

    /// What is in a blob from byte `offset` on, not verified. A connection that breaks is not the reader's
    /// business: it is made again.
    ///
    /// # Errors
    /// `NotFound`, `Unauthorized`, `Unavailable`.
    fn read_from(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>>;

    /// Says that what came was not what it should be. Whether that may have come from somebody who is not asked
    /// again.
    fn distrust(&self) -> bool {
        false
    }

    /// These bytes of a blob and no others; `None` if only whole blobs can be had.
    ///
    /// # Errors
    /// As [`Self::read_from`].
    fn read_range(&self, descriptor: &Descriptor, range: Range<u64>) -> Result<Option<Box<dyn Read + Send>>>;
}

/// A place far away that takes content: blobs first, then the manifests that list them, then the index.
pub trait Destination: Sync {
    /// How errors call it, without anything secret: `docker.io/library/alpine`.
    fn place(&self) -> String;

    /// Whether it has a blob already.
    ///
    /// # Errors
    /// `Unauthorized`, `Unavailable`.
    fn has_blob(&self, blob: &Descriptor) -> Result<bool>;

    /// Takes a blob over from another repository of the same place, if that is possible.
    ///
    /// # Errors
    /// As [`Self::has_blob`].
    fn mount(&self, blob: &Descriptor, from: &str) -> Result<bool>;

    /// Takes a blob; `open` begins at a byte, and is asked again where a connection breaks. `sent` is told of
    /// so many more bytes.
    ///
    /// # Errors
    /// As [`Self::has_blob`]; those of `open`.
    fn put_blob(
        &self,
        blob: &Descriptor,
        open: &dyn Fn(u64) -> Result<Blob>,
        sent: &dyn Fn(u64),
    ) -> Result<()>;

    /// Takes a manifest or index, under a tag or without one.
    ///
    /// # Errors
    /// As [`Self::has_blob`]; `Mismatch` if it calls the document by another digest.
    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8], tag: Option<&str>) -> Result<()>;
}

/// Reads a small document to its end and verifies it; `place` is where it is, as errors call it.
///
/// # Errors
/// `LimitExceeded` for what is too large, of which nothing is read; `Mismatch` for another size or digest; `Io`.
pub fn read_document(place: &str, descriptor: &Descriptor, from: impl Read) -> Result<Vec<u8>> {
    may_be_document(place, descriptor)?;
    let (digest, size) = (&descriptor.digest, descriptor.size);
    let mut bytes = Vec::new();
    // One byte more than there should be is let through, so that it is noticed.
    let read = from.take(size + 1).read_to_end(&mut bytes);
    read.map_err(|e| Error::io("read", Path::new(&format!("blob {digest} in {place}")), e))?;
    let (actual, length) = (digest.algorithm().digest(&bytes), bytes.len() as u64);
    let how = match length.cmp(&size) {
        Ordering::Equal if actual == *digest => return Ok(bytes),
        Ordering::Equal => format!("its content is {actual}"),
        Ordering::Less => format!("it is {length} bytes, its descriptor says {size}"),
        Ordering::Greater => format!("it is longer than the {size} bytes that its descriptor says"),
    };
    Err(Error::new(ErrorKind::Mismatch, format!("blob {digest} in {place} is damaged: {how}")))
}

/// That something is small enough for a document, before it is asked for.
///
/// # Errors
/// `LimitExceeded`.
pub fn may_be_document(place: &str, descriptor: &Descriptor) -> Result<()> {
    let Descriptor { digest, size, .. } = descriptor;
    if *size <= MAX_CONFIG_BYTES {
        return Ok(());
    }
    let message = format!(
        "blob {digest} in {place} is {size} bytes, too large for a document: {MAX_CONFIG_BYTES} at most are read"
    );
    Err(Error::refused(Refusal::LimitExceeded, message))
}

/// Sizes together, in bytes. What is listed, and how large a file is, is whatever somebody made it: it never overflows.
pub fn total(sizes: impl IntoIterator<Item = u64>) -> u64 {
    sizes.into_iter().fold(0, u64::saturating_add)
}

/// Content on its way; the receiver chooses how to move it.
pub enum Blob {
    /// Small content in memory.
    Bytes(io::Cursor<Vec<u8>>),
    /// A whole file.
    File(File),
    /// What comes from afar.
    Stream(Box<dyn Read + Send>),
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bytes(_) => "Bytes(..)",
            Self::File(_) => "File(..)",
            Self::Stream(_) => "Stream(..)",
        })
    }
}

impl Blob {
    /// Goes on from byte `offset`, of one that was just opened.
    ///
    /// # Errors
    /// Those of reading and seeking; `UnexpectedEof` if a stream is shorter.
    pub fn skip(mut self, offset: u64) -> io::Result<Self> {
        match &mut self {
            Self::Bytes(bytes) => bytes.set_position(offset),
            Self::File(file) => drop(file.seek(SeekFrom::Start(offset))?),
            Self::Stream(stream) => {
                if io::copy(&mut stream.take(offset), &mut io::sink())? < offset {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        Ok(self)
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Bytes(bytes) => bytes.read(buffer),
            Self::File(file) => file.read(buffer),
            Self::Stream(stream) => stream.read(buffer),
        }
    }
}
