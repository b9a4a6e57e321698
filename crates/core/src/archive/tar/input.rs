//! Where a tar is read from: pipes, which are read through, and files, which need not be; and how far it was read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use super::block::BLOCK;
use crate::archive::decompress::read_error;
use crate::error::Result;

/// Where a tar is read from.
pub(crate) trait Input: Read {
    /// Passes over up to `n` bytes without reading them; returns how many.
    ///
    /// # Errors
    /// Those of the file.
    fn skip(&mut self, n: u64) -> io::Result<u64>;
}

/// A pipe or a decompressed stream: everything has to be read.
pub(crate) struct Streamed<R>(pub R);

impl<R: Read> Read for Streamed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Input for Streamed<R> {
    fn skip(&mut self, _n: u64) -> io::Result<u64> {
        Ok(0)
    }
}

/// A regular file: what is not wanted is passed over by seeking, never beyond its end.
pub(crate) struct SeekableFile<'a> {
    file: BufReader<&'a File>,
    left: u64,
}

impl<'a> SeekableFile<'a> {
    /// Reads `file` from where it stands.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn new(mut file: &'a File) -> io::Result<Self> {
        let left = file.metadata()?.len().saturating_sub(file.stream_position()?);
        Ok(Self { file: BufReader::with_capacity(16 << 10, file), left })
    }
}

impl Read for SeekableFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

impl Input for SeekableFile<'_> {
    fn skip(&mut self, n: u64) -> io::Result<u64> {
        let n = n.min(self.left);
        self.file.seek_relative(n.cast_signed())?;
        self.left -= n;
        Ok(n)
    }
}

/// Input that knows how far it was read.
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
