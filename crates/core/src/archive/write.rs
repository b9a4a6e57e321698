//! Writes a planned archive, every blob hashed.

use std::io::Write;
use std::path::Path;

use super::hashing::{Copier, copying};
use super::header::{header, padded};
use super::plan::{Body, END, Plan, Record};
use super::tar::BLOCK;
use crate::content::Provider;
use crate::error::{Error, Result};
use crate::progress::Progress;

impl Plan {
    /// Writes the archive; the bytes are those of [`Plan::size`]. `name` is what errors call the output.
    ///
    /// # Errors
    /// `Mismatch` if a blob is not its digest or size: what was written is then no archive, and the end
    /// marker is missing. `Io`.
    pub fn write(
        &self,
        source: &impl Provider,
        output: &mut dyn Write,
        name: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.start(Some(self.size()));
        let mut writer = Writer { output, name, progress };
        let blobs = self.blobs().map(|b| b.size).sum();
        copying(blobs, |copier| {
            self.records.iter().try_for_each(|(path, record)| writer.record(path, record, source, copier))
        })?;
        writer.write(&END)?;
        writer.output.flush().map_err(|e| Error::io("write", name, e))
    }
}

struct Writer<'a> {
    output: &'a mut dyn Write,
    name: &'a Path,
    progress: &'a dyn Progress,
}

impl Writer<'_> {
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
            Body::Blob(descriptor) => copier.copy(source, descriptor, |bytes| self.write(bytes))?,
        }
        let padding = padded(record.size()) - record.size();
        self.write([0; BLOCK].get(..usize::try_from(padding).unwrap_or_default()).unwrap_or_default())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.output.write_all(bytes).map_err(|e| Error::io("write", self.name, e))?;
        self.progress.add(bytes.len() as u64);
        Ok(())
    }
}
