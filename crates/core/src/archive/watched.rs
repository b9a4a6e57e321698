//! Input that tells how much of it was read, counted as it is on disk.

use std::io::{self, Read};

use super::tar::Input;
use crate::progress::Progress;

/// Bytes as they are on disk, compressed or not.
pub(super) struct Watched<'a, R> {
    pub input: R,
    pub progress: &'a dyn Progress,
}

impl<R: Input> Input for Watched<'_, R> {
    fn skip(&mut self, n: u64) -> io::Result<u64> {
        let skipped = self.input.skip(n)?;
        self.progress.add(skipped);
        Ok(skipped)
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.progress.add(n as u64);
        Ok(n)
    }
}
