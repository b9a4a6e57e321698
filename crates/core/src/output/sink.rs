//! What an archive is written to, whatever it is.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::placed::Placed;

/// What errors call an output that has no name.
pub(super) const NAMELESS: &str = "the archive";

/// What an archive is written to.
pub trait Sink: Write {
    /// What errors call it.
    fn name(&self) -> &Path {
        Path::new(NAMELESS)
    }

    /// The file it is, if any part of it may be written at any time.
    fn placed(&self) -> Option<&Placed> {
        None
    }

    /// Takes over up to `length` bytes of `from`, from byte `at` on, without this process seeing them; returns how
    /// many. None means that they have to be written. Whoever changes `from` before they are read changes them.
    ///
    /// # Errors
    /// Those of both files.
    fn take(&mut self, _from: &File, _at: u64, _length: u64) -> io::Result<u64> {
        Ok(0)
    }
}

impl Sink for Vec<u8> {}
