//! Where a tar is read from: pipes, which are read through, and files, which need not be.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

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
