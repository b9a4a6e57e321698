//! Writes a planned archive, every blob hashed unless it need not be.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use barge_oci::Descriptor;

use super::decompress::Compression;
use super::hashing::{Copier, copying};
use super::header::padded;
use super::packing::{Packer, Packing};
use super::part::Part;
use super::pieces::{copy_trusted, has_size};
use super::plan::{Body, END, Plan, Record};
use super::tar::BLOCK;
use super::verify::Verify;
use crate::content::{Blob, Provider};
use crate::copy;
use crate::error::{Error, Result};
use crate::output::Sink;
use crate::progress::Progress;

/// How an archive is written.
#[derive(Debug, Default)]
pub struct WriteOptions {
    /// How it is compressed, if it is: the bytes are the same for any number of threads.
    pub packing: Option<Packing>,
    /// Which blobs are hashed on their way.
    pub verify: Verify,
}

impl Plan {
    /// Writes the archive; uncompressed its bytes are those of [`Plan::size`]. `name` is what errors call the output.
    ///
    /// # Errors
    /// `Mismatch` if a blob is not its digest or size: what was written is then no archive, and everything behind
    /// the blobs is missing. `Io`.
    pub fn write(
        &self,
        source: &(impl Provider + Sync),
        output: &mut dyn Sink,
        options: &WriteOptions,
        name: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.start(Some(self.size()));
        if options.packing.is_none()
            && let Some(file) = output.placed()
        {
            return self.place(source, file, &options.verify, name, progress);
        }
        let target = match options.packing {
            None => Target::Plain(output),
            Some(packing) => {
                Target::Packed(Packer::new(output, packing).map_err(|e| Error::io("write", name, e))?)
            }
        };
        let verify = &options.verify;
        let mut writer = Writer { plan: self, target, at: 0, verify, name, progress };
        let bytes = verify.hashed(self.blobs().map(|b| b.size).sum());
        copying(bytes, |copier| {
            self.content().try_for_each(|(path, record)| writer.record(path, record, source, copier))
        })?;
        verify.confirm();
        let mut copier = Copier::here();
        self.lists().try_for_each(|(path, record)| writer.record(path, record, source, &mut copier))?;
        writer.write(&END)?;
        writer.target.finish().map_err(|e| Error::io("write", name, e))
    }
}

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

/// Whatever is smaller is compressed with what stands around it.
const WORTH: u64 = 4096;

struct Writer<'a, 't> {
    plan: &'a Plan,
    target: Target<'t>,
    /// How far it is in the archive.
    at: u64,
    verify: &'a Verify,
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
        self.write(&self.plan.header(path, record, self.at))?;
        match &record.body {
            Body::Directory => {}
            Body::Bytes(bytes) => self.write(bytes)?,
            Body::Blob(descriptor) => match source.open(descriptor)? {
                Blob::File(file) if descriptor.size >= copy::WORTH => self.file(file, descriptor, copier)?,
                blob => copier.copy(blob, descriptor, self.content(descriptor.size))?,
            },
        }
        self.begin(&[], 0)?;
        let padding = padded(record.size()) - record.size();
        self.write([0; BLOCK].get(..usize::try_from(padding).unwrap_or_default()).unwrap_or_default())
    }

    /// A large blob that is a file: if it is trusted, the kernel may be able to move it.
    fn file(&mut self, file: File, blob: &Descriptor, copier: &mut Copier<'_>) -> Result<()> {
        if !self.verify.trusts(blob, &file) {
            return copier.copy(file, blob, self.content(blob.size));
        }
        has_size(&file, blob)?;
        let moved = match &mut self.target {
            Target::Packed(_) => 0,
            Target::Plain(sink) => copy::all(blob.size, |moved, length| {
                let n = sink.take(&file, moved, length).map_err(|e| Error::io("write", self.name, e))?;
                self.progress.add(n);
                Ok(n)
            })?,
        };
        self.at += moved;
        let file = Arc::new(file);
        let rest = Part { file: Arc::clone(&file), at: moved, end: u64::MAX };
        copy_trusted(rest, &blob.digest, blob.size - moved, self.content(blob.size))?;
        self.verify.still_trusts(blob, &file)
    }

    /// Takes the content of a blob of `size` bytes.
    fn content(&mut self, size: u64) -> impl FnMut(&[u8]) -> Result<()> {
        let mut first = true;
        move |bytes| {
            if std::mem::take(&mut first) {
                self.begin(bytes, size)?;
            }
            self.write(bytes)
        }
    }

    fn begin(&mut self, start: &[u8], size: u64) -> Result<()> {
        self.target.begin(start, size).map_err(|e| Error::io("write", self.name, e))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.target.write(bytes).map_err(|e| Error::io("write", self.name, e))?;
        self.at += bytes.len() as u64;
        self.progress.add(bytes.len() as u64);
        Ok(())
    }
}
