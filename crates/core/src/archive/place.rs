//! Writes an archive into a regular file: where each blob belongs is known beforehand, so that every core copies and
//! hashes blobs of its own, and what the file system can share is not copied at all.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use barge_oci::{Descriptor, Digest};

use super::hashing::Copier;
use super::header::padded;
use super::part::Part;
use super::pieces::{copy_trusted, has_size};
use super::plan::{Body, END, Plan, Record};
use super::threads::Taken;
use super::verify::Verify;
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
        name: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        let placer = Placer { plan: self, source, file, verify, name, progress };
        let (mut at, mut large, mut copier) = (0, Vec::new(), Copier::here());
        for (path, record) in self.content() {
            at = placer.record(path, record, at, &mut copier, &mut large)?;
        }
        placer.blobs(&mut large)?;
        verify.confirm();
        for (path, record) in self.lists() {
            at = placer.record(path, record, at, &mut copier, &mut large)?;
        }
        placer.write(&END, at)
    }
}

struct Placer<'a, P> {
    plan: &'a Plan,
    source: &'a P,
    file: &'a Placed,
    verify: &'a Verify,
    name: &'a Path,
    progress: &'a dyn Progress,
}

impl<'a, P: Provider + Sync> Placer<'a, P> {
    /// Writes a record at byte `at`, the content of large blobs excepted; returns where the next one begins.
    fn record(
        &self,
        path: &str,
        record: &'a Record,
        at: u64,
        copier: &mut Copier<'_>,
        large: &mut Vec<(&'a Descriptor, u64)>,
    ) -> Result<u64> {
        let header = self.plan.layout().header(path, record, at);
        self.write(&header, at)?;
        let at = at + header.len() as u64;
        match &record.body {
            Body::Directory => {}
            Body::Bytes(bytes) => self.write(bytes, at)?,
            Body::Blob(blob) if blob.size >= copy::WORTH => large.push((blob, at)),
            Body::Blob(blob) => copier.copy(self.source.open(blob)?, blob, self.writing(at))?,
        }
        // Padding need not be written: a file that becomes longer does so by zeros.
        self.progress.add(padded(record.size()) - record.size());
        Ok(at + padded(record.size()))
    }

    /// Puts large blobs where they belong, the largest ones first: so the cores are done at about the same time.
    fn blobs(&self, large: &mut [(&Descriptor, u64)]) -> Result<()> {
        large.sort_by_key(|(blob, _)| std::cmp::Reverse(blob.size));
        let places: HashMap<Digest, u64> = large.iter().map(|(blob, at)| (blob.digest, *at)).collect();
        let blobs: Vec<&Descriptor> = large.iter().map(|(blob, _)| *blob).collect();
        let bytes: u64 = blobs.iter().map(|blob| blob.size).sum();
        let taken = (bytes >= WORTH).then(|| Taken::all_cores(MOST)).flatten();
        let threads = taken.as_ref().map_or(1, Taken::count);
        each(blobs, threads, &Arc::default(), |blob, stop| {
            let at = places.get(&blob.digest).copied().unwrap_or_default();
            self.blob(blob, at, stop)
        })
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
            let n = step.map_err(|e| Error::io("write", self.name, e))?;
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
        self.file.write_at(bytes, at).map_err(|e| Error::io("write", self.name, e))?;
        self.progress.add(bytes.len() as u64);
        Ok(())
    }
}
