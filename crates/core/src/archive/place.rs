//! Writes an archive into a regular file: where each blob belongs is known beforehand, so that every core copies and
//! hashes blobs of its own, and what the file system can share is not copied at all.

use std::cmp::Reverse;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use barge_oci::Descriptor;

use super::hashing::Copier;
use super::lists::List;
use super::part::Part;
use super::pieces::{copy_trusted, has_size};
use super::plan::Plan;
use super::record::{END, Layout, Record};
use super::tar::padded;
use super::threads::Taken;
use super::trust::Verify;
use crate::content::{Blob, Provider};
use crate::copy;
use crate::error::{Error, Result};
use crate::output::Placed;
use crate::parallel::{each, stopped};
use crate::progress::{Progress, Silent};

/// The most threads for one archive.
const MOST: usize = 8;
/// With less there is no second thread.
const WORTH: u64 = 8 << 20;

impl Plan {
    /// Writes the archive into `file`; [`Plan::write`] says what has to hold.
    pub(super) fn place(
        &self,
        source: &(impl Provider + Sync),
        file: &Placed,
        verify: &Verify,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.start(Some(self.size()));
        let placer = Placer { layout: self.layout, source, file, verify, progress };
        let (mut at, mut large, mut copier) = (0, Vec::new(), Copier::here());
        for record in &self.content {
            at = placer.record(record, at, &mut copier, &mut large)?;
        }
        placer.blobs(large)?;
        verify.confirm();
        for list in &self.lists {
            at = placer.list(list, at)?;
        }
        placer.write(&END, at)
    }
}

/// A blob, and the byte from which on it belongs.
type Due<'a> = (&'a Descriptor, u64);

struct Placer<'a, P> {
    layout: Layout,
    source: &'a P,
    file: &'a Placed,
    verify: &'a Verify,
    progress: &'a dyn Progress,
}

impl<'a, P: Provider + Sync> Placer<'a, P> {
    /// Writes a record at byte `at`, the content of large blobs excepted; returns where the next one begins.
    fn record(
        &self,
        record: &'a Record,
        at: u64,
        copier: &mut Copier<'_>,
        large: &mut Vec<Due<'a>>,
    ) -> Result<u64> {
        let at = self.header(&self.layout.header(record, at), at)?;
        match record {
            Record::Folder(_) => {}
            Record::Made(_, bytes) => self.write(bytes, at)?,
            Record::Blob(blob) if blob.size >= copy::WORTH => large.push((blob, at)),
            Record::Blob(blob) => copier.copy(self.source.open(blob)?, blob, self.writing(at))?,
        }
        Ok(self.end(record.size(), at))
    }

    /// The same for what lists the content.
    fn list(&self, list: &List, at: u64) -> Result<u64> {
        let at = self.header(&list.header(), at)?;
        self.write(&list.bytes, at)?;
        Ok(self.end(list.size(), at))
    }

    /// Writes a header; returns where the content begins.
    fn header(&self, header: &[u8], at: u64) -> Result<u64> {
        self.write(header, at)?;
        Ok(at + header.len() as u64)
    }

    /// The end of a content of `size` bytes that begins at byte `at`. Padding need not be written: a file that becomes
    /// longer does so by zeros.
    fn end(&self, size: u64, at: u64) -> u64 {
        self.progress.add(padded(size) - size);
        at + padded(size)
    }

    /// Puts large blobs where they belong, the largest ones first: so the cores are done at about the same time.
    fn blobs(&self, mut large: Vec<Due<'_>>) -> Result<()> {
        large.sort_by_key(|(blob, _)| Reverse(blob.size));
        let bytes: u64 = large.iter().map(|(blob, _)| blob.size).sum();
        let taken = (bytes >= WORTH).then(|| Taken::all_cores(MOST)).flatten();
        let threads = taken.as_ref().map_or(1, Taken::count);
        each(large, threads, &Arc::default(), |(blob, at), stop| self.blob(blob, at, stop))
    }

    fn blob(&self, blob: &Descriptor, at: u64, stop: &AtomicBool) -> Result<()> {
        let go_on = || if stop.load(Ordering::Relaxed) { Err(stopped()) } else { Ok(()) };
        let mut write = self.writing(at);
        let content = match self.source.open(blob)? {
            Blob::File(file) if self.verify.trusts(blob, &file) => {
                let file = self.share(file, blob, at, &go_on)?;
                return self.verify.still_trusts(blob, &file);
            }
            Blob::File(file) if self.file.shares(&file, at) => {
                Placer { progress: &Silent, ..*self }.share(file, blob, at, &go_on)?;
                // What is hashed is what is in the archive.
                let shared = Part { file: Arc::clone(self.file.file()), at, end: at + blob.size };
                return Copier::here().copy(shared, blob, |bytes| {
                    self.progress.add(bytes.len() as u64);
                    go_on()
                });
            }
            content => content,
        };
        Copier::here().copy(content, blob, |bytes| go_on().and_then(|()| write(bytes)))
    }

    /// Shares as much of a blob's blocks as can be, and copies the rest.
    fn share(
        &self,
        from: File,
        blob: &Descriptor,
        at: u64,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Arc<File>> {
        has_size(&from, blob)?;
        let shares = self.file.shares(&from, at);
        let shared = copy::all(if shares { blob.size } else { 0 }, |shared, length| {
            go_on()?;
            let step = self.file.share(&from, shared, at + shared, length);
            let n = step.map_err(|e| Error::io("write", self.file.name(), e))?;
            self.progress.add(n);
            Ok(n)
        })?;
        let from = Arc::new(from);
        let rest = Part { file: Arc::clone(&from), at: shared, end: u64::MAX };
        let mut write = self.writing(at + shared);
        copy_trusted(rest, &blob.digest, blob.size - shared, |bytes| go_on().and_then(|()| write(bytes)))?;
        Ok(from)
    }

    /// Writes pieces one behind the other, from byte `at` on.
    fn writing(&self, mut at: u64) -> impl FnMut(&[u8]) -> Result<()> {
        move |bytes| {
            self.write(bytes, at)?;
            at += bytes.len() as u64;
            Ok(())
        }
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<()> {
        self.file.write_at(bytes, at).map_err(|e| Error::io("write", self.file.name(), e))?;
        self.progress.add(bytes.len() as u64);
        Ok(())
    }
}
