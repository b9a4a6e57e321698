//! Writes a planned archive, every blob hashed.

use std::io::{self, Write};
use std::path::Path;

use super::decompress::Compression;
use super::hashing::{Copier, copying};
use super::header::{header, padded};
use super::packing::{Packer, Packing};
use super::plan::{Body, END, Plan, Record};
use super::tar::BLOCK;
use crate::content::Provider;
use crate::error::{Error, Result};
use crate::progress::Progress;

impl Plan {
    /// Writes the archive; the bytes are those of [`Plan::size`]. `name` is what errors call the output.
    ///
    /// # Errors
    /// `Mismatch` if a blob is not its digest or size: what was written is then no archive, and everything behind
    /// the blobs is missing. `Io`.
    pub fn write(
        &self,
        source: &impl Provider,
        output: &mut dyn Write,
        name: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        self.write_to(source, Target::Plain(output), name, progress)
    }

    /// Writes the archive compressed; its bytes are the same for any number of threads.
    ///
    /// # Errors
    /// As [`Plan::write`].
    pub fn write_packed(
        &self,
        source: &impl Provider,
        output: &mut dyn Write,
        packing: Packing,
        name: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        let packer = Packer::new(output, packing).map_err(|e| Error::io("write", name, e))?;
        self.write_to(source, Target::Packed(packer), name, progress)
    }

    fn write_to(
        &self,
        source: &impl Provider,
        target: Target<'_>,
        name: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.start(Some(self.size()));
        let mut writer = Writer { target, name, progress };
        let bytes = self.blobs().map(|b| b.size).sum();
        // Until every blob is known to be right there is nothing that could be taken for an archive: what lists
        // them stands behind them.
        let (blobs, rest): (Vec<_>, Vec<_>) =
            self.records.iter().partition(|(path, _)| path.starts_with("blobs/"));
        copying(bytes, |copier| {
            blobs.into_iter().try_for_each(|(path, record)| writer.record(path, record, source, copier))
        })?;
        let mut copier = Copier::here();
        rest.into_iter().try_for_each(|(path, record)| writer.record(path, record, source, &mut copier))?;
        writer.write(&END)?;
        writer.target.finish().map_err(|e| Error::io("write", name, e))
    }
}

/// Where the bytes of an archive go.
enum Target<'a> {
    Plain(&'a mut dyn Write),
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

/// Whatever is smaller is compressed with what stands around it.
const WORTH: u64 = 4096;

struct Writer<'a, 't> {
    target: Target<'t>,
    name: &'a Path,
    progress: &'a dyn Progress,
}

impl Writer<'_, '_> {
    fn record(
        &mut self,
        path: &str,
        record: &Record,
        source: &impl Provider,
        copier: &mut Copier<'_>,
    ) -> Result<()> {
        self.write(&header(path, record.mode, record.size()))?;
        match &record.body {
            Body::Directory => {}
            Body::Bytes(bytes) => self.write(bytes)?,
            Body::Blob(descriptor) => {
                let mut first = true;
                copier.copy(source, descriptor, |bytes| {
                    if std::mem::take(&mut first) {
                        self.begin(bytes, descriptor.size)?;
                    }
                    self.write(bytes)
                })?;
                self.begin(&[], 0)?;
            }
        }
        let padding = padded(record.size()) - record.size();
        self.write([0; BLOCK].get(..usize::try_from(padding).unwrap_or_default()).unwrap_or_default())
    }

    fn begin(&mut self, start: &[u8], size: u64) -> Result<()> {
        self.target.begin(start, size).map_err(|e| Error::io("write", self.name, e))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.target.write(bytes).map_err(|e| Error::io("write", self.name, e))?;
        self.progress.add(bytes.len() as u64);
        Ok(())
    }
}
