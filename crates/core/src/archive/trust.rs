//! What a save may trust.

use std::fs::File;

use barge_oci::Descriptor;

use super::pieces::{changed, has_size};
use crate::error::Result;
use crate::store::Verified;

/// Which blobs are hashed while they are saved. Those under 64 KiB always are.
#[derive(Debug, Default)]
pub enum Verify {
    /// All of them.
    #[default]
    Always,
    /// Those whose files are not what they were when the store verified them. The source has to be that store.
    Changed(Verified),
    /// None; their sizes have to be right.
    Never,
}

impl Verify {
    /// Whether a file need not be hashed; asked before it is read.
    pub(super) fn trusts(&self, blob: &Descriptor, file: &File) -> bool {
        match self {
            Self::Always => false,
            Self::Changed(verified) => verified.vouches(&blob.digest, file),
            Self::Never => true,
        }
    }

    /// Makes sure that a file that was trusted is still what it was, when all of it was read.
    ///
    /// # Errors
    /// `Mismatch` if it is not.
    pub(super) fn still_trusts(&self, blob: &Descriptor, file: &File) -> Result<()> {
        match self {
            Self::Changed(verified) if !verified.knows(&blob.digest, file) => {
                Err(changed(&blob.digest, "its file was changed while it was saved"))
            }
            _ => has_size(file, blob),
        }
    }

    /// Everything that was not trusted is right.
    pub(super) fn confirm(&self) {
        if let Self::Changed(verified) = self {
            verified.confirm();
        }
    }

    /// How many of so many bytes are going to be hashed, at the most.
    pub(super) fn hashed(&self, bytes: u64) -> u64 {
        if matches!(self, Self::Never) { 0 } else { bytes }
    }
}
