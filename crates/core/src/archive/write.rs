//! Writes a planned archive, every blob hashed unless it need not be.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use barge_oci::Descriptor;

use super::hashing::{Copier, copying};
use super::packing::Packing;
use super::part::Part;
use super::pieces::{copy_trusted, has_size};
use super::plan::{Body, Plan, Record};
use super::tape::{Tape, Target};
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
        let tape = Tape::new(output, options.packing, self.layout(), name, progress)?;
        let verify = &options.verify;
        let mut writer = Writer { tape, verify };
        let bytes = verify.hashed(self.blobs().map(|b| b.size).sum());
        copying(bytes, |copier| {
            self.content().try_for_each(|(path, record)| writer.record(path, record, source, copier))
        })?;
        verify.confirm();
        self.lists()
            .try_for_each(|(path, record)| writer.record(path, record, source, &mut Copier::here()))?;
        writer.tape.finish()
    }
}

struct Writer<'a> {
    tape: Tape<'a>,
    verify: &'a Verify,
}

impl Writer<'_> {
    fn record(
        &mut self,
        path: &str,
        record: &Record,
        source: &impl Provider,
        copier: &mut Copier<'_>,
    ) -> Result<()> {
        self.tape.header(path, record)?;
        match &record.body {
            Body::Directory => {}
            Body::Bytes(bytes) => self.tape.write(bytes)?,
            Body::Blob(descriptor) => match source.open(descriptor)? {
                Blob::File(file) if descriptor.size >= copy::WORTH => self.file(file, descriptor, copier)?,
                blob => copier.copy(blob, descriptor, self.tape.content(descriptor.size))?,
            },
        }
        self.tape.end(record.size())
    }

    /// A large blob that is a file: if it is trusted, the kernel may be able to move it.
    fn file(&mut self, file: File, blob: &Descriptor, copier: &mut Copier<'_>) -> Result<()> {
        if !self.verify.trusts(blob, &file) {
            return copier.copy(file, blob, self.tape.content(blob.size));
        }
        has_size(&file, blob)?;
        let name = self.tape.name;
        let mut moved = 0;
        if let Target::Plain(sink) = &mut self.tape.target {
            moved = copy::all(blob.size, |moved, length| {
                let n = sink.take(&file, moved, length).map_err(|e| Error::io("write", name, e))?;
                self.tape.progress.add(n);
                Ok(n)
            })?;
        }
        self.tape.skip(moved);
        let file = Arc::new(file);
        let rest = Part { file: Arc::clone(&file), at: moved, end: u64::MAX };
        copy_trusted(rest, &blob.digest, blob.size - moved, self.tape.content(blob.size))?;
        self.verify.still_trusts(blob, &file)
    }
}
