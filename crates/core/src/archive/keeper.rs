//! Where the files of an archive go while it is read, and where they come from.

use std::fs::File;
use std::path::Path;

use barge_oci::Digest;

use crate::content::Blob;
use crate::error::Result;

/// Keeps what is in an archive while it is read.
pub trait Keeper {
    /// A file of so many bytes begins; `claimed` is the digest its path promises.
    ///
    /// # Errors
    /// `Io`.
    fn begin(&mut self, claimed: Option<&Digest>, size: u64, standing: Standing<'_>) -> Result<Begun>;

    /// More bytes of a file that is [`Begun::Written`].
    ///
    /// # Errors
    /// `Io`.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// The file is complete and has these digests; one that is [`Begun::Unwanted`] has no end.
    ///
    /// # Errors
    /// `Io`.
    fn end(&mut self, digests: &[Digest]) -> Result<()>;

    /// Whether [`Self::reopen`] can be relied upon.
    fn reopens(&self) -> bool {
        false
    }

    /// A file that has ended, to be read again while the pass goes on.
    ///
    /// # Errors
    /// `Io`.
    fn reopen(&self, _digest: &Digest) -> Result<Option<Blob>> {
        Ok(None)
    }
}

/// Where the bytes of a file of an archive are.
#[derive(Debug, Clone, Copy)]
pub enum Standing<'a> {
    /// Nowhere that can be gone back to: they pass by in a pipe, or come out of a decoder.
    Passing,
    /// In this file, from this byte on.
    In(&'a File, u64),
    /// They are all of this file, which is at this path.
    Of(&'a File, &'a Path),
}

/// What becomes of a file that begins.
#[derive(Debug)]
pub enum Begun {
    /// Nobody wants its bytes.
    Unwanted,
    /// Its bytes are to be written.
    Written,
    /// All of it was taken from where it stands, and is read from this file now. What counts is what was taken: where it
    /// stood it may have changed meanwhile.
    Taken(File),
}
