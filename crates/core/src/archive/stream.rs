//! Writes an archive front to back, as a pipe wants it: one blob behind the other, while other threads hash them.

use std::fs::File;
use std::sync::Arc;

use barge_oci::Descriptor;

use super::hashing::{Copier, copying};
use super::part::Part;
use super::pieces::{copy_trusted, has_size};
use super::plan::Plan;
use super::record::Record;
use super::tape::Tape;
use super::trust::Verify;
use super::write::WriteOptions;
use crate::content::{Blob, Provider};
use crate::copy;
use crate::error::Result;
use crate::output::Sink;
use crate::progress::Progress;

impl Plan {
    /// Writes the archive into `output`; [`Plan::write`] says what has to hold.
    pub(super) fn stream(
        &self,
        source: &impl Provider,
        output: &mut dyn Sink,
        options: &WriteOptions,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.start(Some(self.size()));
        let verify = &options.verify;
        let tape = Tape::new(output, options.packing, self.layout, progress)?;
        let mut writer = Writer { tape, verify };
        let bytes = verify.hashed(self.blobs().map(|b| b.size).sum());
        copying(bytes, |copier| {
            self.content.iter().try_for_each(|record| writer.record(record, source, copier))
        })?;
        verify.confirm();
        self.lists.iter().try_for_each(|list| writer.tape.list(list))?;
        writer.tape.finish()
    }
}

struct Writer<'a> {
    tape: Tape<'a>,
    verify: &'a Verify,
}

impl Writer<'_> {
    fn record(&mut self, record: &Record, source: &impl Provider, copier: &mut Copier<'_>) -> Result<()> {
        self.tape.header(record)?;
        match record {
            Record::Folder(_) => {}
            Record::Made(_, bytes) => self.tape.write(bytes)?,
            Record::Blob(descriptor) => match source.open(descriptor)? {
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
        let moved = self.tape.take(&file, blob.size)?;
        let file = Arc::new(file);
        let rest = Part { file: Arc::clone(&file), at: moved, end: u64::MAX };
        copy_trusted(rest, &blob.digest, blob.size - moved, self.tape.content(blob.size))?;
        self.verify.still_trusts(blob, &file)
    }
}
