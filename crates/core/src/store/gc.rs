//! Garbage collection: what no name and no lease leads to goes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use barge_oci::Digest;

use super::{DigestSet, Store, Summary, private_file, sync_folder};
use crate::content::Image;
use crate::error::{Error, Result};

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
        let images = self.names()?;
        for summary in self.summaries(images.iter().filter(|i| !i.is_referrer()))? {
            needed.extend(summary.digests());
        }
        let mut waiting: Vec<&Image> = images.iter().filter(|i| i.is_referrer()).collect();
        loop {
            let here = |i: &&Image| i.subject().is_some_and(|s| needed.contains(&s));
            let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(here);
            waiting = later;
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
        let images = self.names()?;
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
            let path = self.blob_path(&digest);
            let size = std::fs::symlink_metadata(&path).map_or(0, |m| m.len());
            std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            freed.bytes += size;
            freed.blobs.push(digest);
        }
        if !freed.blobs.is_empty() {
            sync_folder(&self.root().join("blobs/sha256"))?;
        }
        Ok(freed)
    }

    /// What living processes hold; the leases of dead ones are removed.
    fn leased(&self) -> Result<DigestSet> {
        let mut held = DigestSet::default();
        for path in entries(&self.private("leases"))? {
            let Some(mut file) = open_if_there(&path)? else { continue };
            if file.try_lock().is_ok() {
                std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
                continue;
            }
            let mut lines = String::new();
            file.read_to_string(&mut lines).map_err(|e| Error::io("read", &path, e))?;
            held.extend(lines.lines().filter_map(|l| l.parse::<Digest>().ok()));
        }
        Ok(held)
    }

    fn remove_stale_ingests(&self) -> Result<()> {
        for folder in entries(&self.private("ingest"))? {
            let lock = folder.join("lock");
            let stale = match private_file(&lock) {
                Ok(file) => file.try_lock().is_ok(),
                Err(e) if e.kind() == io::ErrorKind::NotFound => false,
                Err(e) => return Err(Error::io("lock", &lock, e)),
            };
            if stale {
                match std::fs::remove_dir_all(&folder) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::io("remove", &folder, e));
                    }
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
        let temporary = |p: &Path| {
            let name = p.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let random = name
                .rsplit_once('.')
                .is_some_and(|(_, r)| r.len() == 16 && u64::from_str_radix(r, 16).is_ok());
            random && p.is_file()
        };
        for path in entries(&self.root().join(super::PRIVATE))?.into_iter().filter(|p| temporary(p)) {
            if open_if_there(&path)?.is_some_and(|f| f.try_lock().is_ok()) {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    /// Removes what killed processes left behind, unless gc is at work already.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn tidy(&self) -> Result<()> {
        if entries(&self.private("ingest"))?.is_empty() {
            return Ok(());
        }
        let path = self.private("gc.lock");
        let file = private_file(&path).map_err(|e| Error::io("lock", &path, e))?;
        if file.try_lock().is_err() {
            return Ok(());
        }
        self.remove_stale_ingests()
    }
}

pub(super) fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let doing = |e| Error::io("read", folder, e);
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|e| e.map(|e| e.path()).map_err(doing)).collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(doing(e)),
    }
}

pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}

pub(super) fn open_if_there(path: &Path) -> Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("open", path, e)),
    }
}
