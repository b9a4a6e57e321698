//! Garbage collection: what no name and no lease leads to goes.

use std::io::{self, Read};
use std::sync::Arc;

use barge_oci::Digest;

use super::verified::Look;
use super::{Area, DigestSet, Store, Summary, is_random_name};
use crate::content::{Image, total};
use crate::error::{Error, Result};

/// As much of a lease as is read: millions of digests.
const MAX_LEASE_BYTES: u64 = 512 << 20;

/// What gc removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freed {
    /// The blobs that are gone, in order.
    pub blobs: Vec<Digest>,
    /// Bytes they took.
    pub bytes: u64,
}

impl Store {
    /// Removes every blob that neither an image nor a running process needs, and what killed processes left.
    ///
    /// # Errors
    /// `Io`; `Mismatch` or `Refused` if a document is damaged, since what it refers to is unknown then.
    /// Nothing that is needed is ever removed.
    pub fn gc(&self) -> Result<Freed> {
        if self.is_absent() {
            return Ok(Freed::default());
        }
        self.create()?;
        let _exclusive = self.lock("gc.lock", true)?;
        self.remove_stale_ingests()?;
        self.remove_stale_partials()?;
        self.remove_stale_files()?;
        let mut needed = self.leased()?;
        let images = self.images()?;
        for summary in self.summaries(images.iter().filter(|i| !i.is_referrer()))? {
            needed.extend(summary.digests());
        }
        let mut waiting: Vec<&Image> = images.iter().filter(|i| i.is_referrer()).collect();
        loop {
            let refers = |i: &mut &Image| i.subject().is_some_and(|s| needed.contains(&s));
            let now: Vec<&Image> = waiting.extract_if(.., refers).collect();
            if now.is_empty() {
                break;
            }
            // What refers to a referrer is needed as long as that is.
            for summary in self.summaries(now.into_iter())? {
                needed.extend(summary.digests());
            }
        }
        if !waiting.is_empty() {
            let orphans: Vec<Image> = waiting.into_iter().cloned().collect();
            self.update(|images| {
                images.retain(|i| !orphans.contains(i));
                Ok(())
            })?;
        }
        let freed = self.sweep(&needed);
        self.tidy_verified();
        freed
    }

    /// Deletes manifests with whatever only they use, though an index goes on listing them. `choose` says
    /// which, with gc locked out and nothing else coming in.
    ///
    /// # Errors
    /// Those of `choose`; `Io`, `Mismatch`.
    pub(crate) fn discard(
        &self,
        choose: impl FnOnce(&[Image], &[Arc<Summary>]) -> Result<DigestSet>,
    ) -> Result<DigestSet> {
        self.create()?;
        let _exclusive = self.lock("gc.lock", true)?;
        let images = self.images()?;
        let summaries = self.summaries(images.iter())?;
        let manifests = choose(&images, &summaries)?;
        let mut needed = self.leased()?;
        for summary in summaries {
            needed.extend(summary.indexes.iter().map(|(digest, _)| *digest));
            for part in summary.parts.iter().filter(|p| !manifests.contains(&p.digest)) {
                needed.insert(part.digest);
                needed.extend(part.blobs.iter().map(|(digest, _, _)| *digest));
            }
        }
        self.sweep(&needed)?;
        Ok(manifests)
    }

    fn sweep(&self, needed: &DigestSet) -> Result<Freed> {
        let mut freed = Freed::default();
        let mut garbage: Vec<Digest> = self.blobs()?.into_iter().filter(|d| !needed.contains(d)).collect();
        garbage.sort();
        for digest in garbage {
            freed.bytes = total([freed.bytes, self.look(&digest)?.map_or(0, |look| look.size)]);
            let removed = self.folder(Area::of(digest.algorithm()))?.remove(&digest.hex());
            removed.map_err(|e| Error::io("remove", &self.blob_path(&digest), e))?;
            freed.blobs.push(digest);
        }
        if !freed.blobs.is_empty() {
            self.settle()?;
        }
        Ok(freed)
    }

    /// What living processes hold; the leases of dead ones are removed.
    fn leased(&self) -> Result<DigestSet> {
        let mut held = DigestSet::default();
        for name in self.names_in(Area::Leases)? {
            let Some(file) = self.open_if_there(Area::Leases, &name)? else { continue };
            if file.try_lock().is_ok() {
                self.remove_if_there(Area::Leases, &name)?;
                continue;
            }
            let mut lines = String::new();
            let read = file.take(MAX_LEASE_BYTES).read_to_string(&mut lines);
            read.map_err(|e| Error::io("read", &self.area_path(Area::Leases).join(name), e))?;
            held.extend(lines.lines().filter_map(|l| l.parse::<Digest>().ok()));
        }
        Ok(held)
    }

    fn remove_stale_ingests(&self) -> Result<()> {
        let Some(ingests) = self.folder_if_there(Area::Ingest)? else { return Ok(()) };
        let gone = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
        for name in self.names_in(Area::Ingest)? {
            let doing = |e| Error::io("remove", &ingests.path(&name), e);
            let folder = match ingests.folder(&name) {
                Err(e) if gone(&e) => continue,
                folder => folder.map_err(doing)?,
            };
            let stale = match folder.write("lock") {
                Ok(lock) => lock.try_lock().is_ok(),
                Err(e) if gone(&e) => false,
                Err(e) => return Err(Error::io("lock", &folder.path("lock"), e)),
            };
            if stale {
                match ingests.remove_folder(&name) {
                    Err(e) if !gone(&e) => return Err(doing(e)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Removes temporary files whose process is gone.
    fn remove_stale_files(&self) -> Result<()> {
        // Whoever replaces index.json holds this, so no file of theirs is between its making and its lock.
        let _guard = self.lock("index.lock", true)?;
        let temporary = |name: &&String| {
            let random = name.rsplit_once('.').map(|(_, random)| random);
            random.is_some_and(is_random_name)
        };
        let private = self.folder(Area::Private)?;
        let regular = |name: &&String| private.look(name).is_ok_and(|stat| Look::of(&stat).is_file);
        for name in self.names_in(Area::Private)?.iter().filter(temporary).filter(regular) {
            // It stays locked until it is gone.
            if let Some(file) = self.open_if_there(Area::Private, name)?
                && file.try_lock().is_ok()
            {
                self.remove_if_there(Area::Private, name)?;
            }
        }
        Ok(())
    }

    /// Removes what killed processes left behind, unless gc is at work already.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn tidy(&self) -> Result<()> {
        if self.names_in(Area::Ingest)?.is_empty() {
            return Ok(());
        }
        let private = self.folder(Area::Private)?;
        let file = private.lock("gc.lock").map_err(|e| Error::io("lock", &private.path("gc.lock"), e))?;
        if file.try_lock().is_err() {
            return Ok(());
        }
        self.remove_stale_ingests()
    }
}
