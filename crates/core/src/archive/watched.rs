//! Input that tells how much of it was read, counted as it is on disk.

use std::io::{self, Read};

use super::seekable::Frames;
use super::tar::Input;
use crate::progress::Progress;

/// Bytes as they are on disk, compressed or not.
pub(super) struct Watched<'a, R> {
    pub input: R,
    pub progress: &'a dyn Progress,
}

/// Frames whose lengths in the file are told as they are decompressed, and what else is in it at the end.
pub(super) struct WatchedFrames<'a> {
    pub frames: Frames,
    /// How many bytes of the file were not told yet.
    pub left: u64,
    pub progress: &'a dyn Progress,
}

impl Read for WatchedFrames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.frames.read(buffer)?;
        let packed =
            if n == 0 && !buffer.is_empty() { self.left } else { self.frames.packed().min(self.left) };
        self.left -= packed;
        self.progress.add(packed);
        Ok(n)
    }
}

impl Input for WatchedFrames<'_> {
    fn skip(&mut self, n: u64) -> io::Result<u64> {
        self.frames.skip(n)
    }
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
