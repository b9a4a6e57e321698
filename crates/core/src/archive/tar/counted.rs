//! Input that knows how far it was read.

use std::io;

use super::block::BLOCK;
use super::input::Input;
use crate::archive::decompress::read_error;
use crate::error::Result;

pub(super) struct Counted<R> {
    input: R,
    /// How many bytes were read or passed over.
    pub at: u64,
}

impl<R: Input> Counted<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, at: 0 }
    }

    /// Some bytes; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.input.read(buffer) {
                Ok(n) => {
                    self.at += n as u64;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(read_error(self.at, e)),
            }
        }
    }

    /// A whole block, or as much of it as there is.
    pub(super) fn fill(&mut self, block: &mut [u8; BLOCK]) -> Result<usize> {
        let mut at = 0;
        while let Some(rest) = block.get_mut(at..).filter(|r| !r.is_empty()) {
            match self.read(rest)? {
                0 => break,
                n => at += n,
            }
        }
        Ok(at)
    }

    /// Passes over up to `n` bytes, if the input can do so without reading them; returns how many.
    pub(super) fn skip(&mut self, n: u64) -> Result<u64> {
        let skipped = self.input.skip(n).map_err(|e| read_error(self.at, e))?;
        self.at += skipped;
        Ok(skipped)
    }
}
