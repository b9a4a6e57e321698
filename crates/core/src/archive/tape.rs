//! An archive on its way out, front to back: headers, contents, padding, and whatever compresses them.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::decompress::Compression;
use super::lists::List;
use super::packing::{Packer, Packing};
use super::record::{END, Layout, Record};
use super::tar::{BLOCK, padded};
use crate::copy;
use crate::error::{Error, Result};
use crate::output::Sink;
use crate::progress::Progress;

/// Whatever is smaller is compressed with what stands around it.
const WORTH: u64 = 4096;

/// Where the bytes of an archive go.
enum Target<'a> {
    Plain(&'a mut dyn Sink),
    Packed(Packer<'a>),
}

impl Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.write_all(bytes),
            Self::Packed(packer) => packer.write(bytes),
        }
    }

    /// A blob begins with these bytes, or something else with none.
    fn begin(&mut self, start: &[u8], size: u64) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Packed(packer) => {
                packer.packed(size >= WORTH && Compression::detect(start) != Compression::None)
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Packed(packer) => packer.finish(),
        }
    }
}

/// What is written, and how far it is.
pub(super) struct Tape<'a> {
    target: Target<'a>,
    layout: Layout,
    /// How many bytes there are, before they are compressed.
    at: u64,
    /// What errors call it.
    name: PathBuf,
    progress: &'a dyn Progress,
}

impl<'a> Tape<'a> {
    /// Begins an archive.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn new(
        output: &'a mut dyn Sink,
        packing: Option<Packing>,
        layout: Layout,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let name = output.name().to_path_buf();
        let target = match packing {
            None => Target::Plain(output),
            Some(packing) => {
                Target::Packed(Packer::new(output, packing).map_err(|e| Error::io("write", &name, e))?)
            }
        };
        Ok(Self { target, layout, at: 0, name, progress })
    }

    /// The header of a record.
    pub(super) fn header(&mut self, record: &Record) -> Result<()> {
        let header = self.layout.header(record, self.at);
        self.write(&header)
    }

    /// Takes the content of a blob of `size` bytes.
    pub(super) fn content(&mut self, size: u64) -> impl FnMut(&[u8]) -> Result<()> {
        let mut first = true;
        move |bytes| {
            if std::mem::take(&mut first) {
                self.begin(bytes, size)?;
            }
            self.write(bytes)
        }
    }

    /// Has the kernel move the content of a blob of `size` bytes, as far as it can; returns how many bytes it moved.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn take(&mut self, file: &File, size: u64) -> Result<u64> {
        let Target::Plain(sink) = &mut self.target else { return Ok(0) };
        let moved = copy::all(size, |moved, length| {
            let n = sink.take(file, moved, length).map_err(|e| Error::io("write", &self.name, e))?;
            self.progress.add(n);
            Ok(n)
        })?;
        self.at += moved;
        Ok(moved)
    }

    /// A blob of `size` bytes begins with these.
    pub(super) fn begin(&mut self, start: &[u8], size: u64) -> Result<()> {
        self.target.begin(start, size).map_err(|e| Error::io("write", &self.name, e))
    }

    /// The end of a record whose content has `size` bytes.
    pub(super) fn end(&mut self, size: u64) -> Result<()> {
        self.begin(&[], 0)?;
        let padding = padded(size) - size;
        self.write([0; BLOCK].get(..usize::try_from(padding).unwrap_or_default()).unwrap_or_default())
    }

    /// One of the documents that list what is there.
    pub(super) fn list(&mut self, list: &List) -> Result<()> {
        self.write(&list.header())?;
        self.write(&list.bytes)?;
        self.end(list.size())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.target.write(bytes).map_err(|e| Error::io("write", &self.name, e))?;
        self.at += bytes.len() as u64;
        self.progress.add(bytes.len() as u64);
        Ok(())
    }

    /// The end of the archive.
    pub(super) fn finish(mut self) -> Result<()> {
        self.write(&END)?;
        self.target.finish().map_err(|e| Error::io("write", &self.name, e))
    }
}
