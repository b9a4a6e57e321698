//! Partial blobs: content from afar that stays when the process ends, so that the next one goes on from there.
//!
//! A file below `.barge/partial/`, named after the digest, locked by whoever receives it: of several processes
//! that want one blob, one fetches it and the others wait. Nothing in it is believed before all of it is hashed.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use barge_oci::{Descriptor, Digest, Hasher};

use super::verified::Look;
use super::{Area, Store};
use crate::content::Documents;
use crate::error::{Error, ErrorKind, Result};
use crate::folder::Folder;
use crate::parallel::stopped;

/// How long an interrupted download may wait to be taken up again.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
const BUFFER: usize = 256 << 10;
/// How often whoever waits for another's download looks again.
const WAIT: Duration = Duration::from_millis(50);

/// A blob of which a part is here.
pub(crate) struct Partial<'a> {
    store: &'a Store,
    descriptor: &'a Descriptor,
    /// What it is called among its like.
    name: String,
    file: File,
    hasher: Hasher,
    received: u64,
    /// Whether the file is no longer ours.
    over: bool,
}

impl Store {
    /// Begins to receive a blob, or goes on where it ended the last time; waits while somebody else does, until
    /// `stop` is set. `None` if all of it is here.
    ///
    /// # Errors
    /// `Io`; `Conflict` if it was stopped.
    pub(crate) fn receive<'a>(
        &'a self,
        descriptor: &'a Descriptor,
        stop: &AtomicBool,
    ) -> Result<Option<Partial<'a>>> {
        let folder = self.make(Area::Partial)?;
        let digest = &descriptor.digest;
        let name = name(digest);
        let path = folder.path(&name);
        let file = loop {
            if self.has(descriptor)? {
                return Ok(None);
            }
            let doing = |e| Error::io("lock", &path, e);
            let file = folder.write(&name).map_err(doing)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if stop.load(Ordering::Relaxed) => return Err(stopped()),
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(WAIT);
                    continue;
                }
                Err(TryLockError::Error(e)) => return Err(doing(e)),
            }
            // Whoever had it before may have finished it: then this is a file that has moved on.
            if is_at(&file, folder, &name).map_err(doing)? {
                break file;
            }
        };
        let mut partial = Partial {
            store: self,
            descriptor,
            name,
            file,
            hasher: Hasher::new(digest.algorithm()),
            received: 0,
            over: false,
        };
        partial.take_up()?;
        self.room_for(descriptor.size - partial.received)?;
        Ok(Some(partial))
    }

    /// How many bytes of a blob have yet to come, as far as the length of what is here tells.
    pub(crate) fn lacks(&self, descriptor: &Descriptor) -> u64 {
        let partials = self.try_folder(Area::Partial);
        let here = partials.and_then(|folder| folder.look(&name(&descriptor.digest)));
        descriptor.size.saturating_sub(here.map_or(0, |stat| Look::of(&stat).size))
    }

    /// Removes what nobody came back for.
    pub(super) fn remove_stale_partials(&self) -> Result<()> {
        for name in self.names_in(Area::Partial)? {
            let Some(file) = self.open_if_there(Area::Partial, &name)? else { continue };
            let modified = file.metadata().and_then(|m| m.modified());
            let modified =
                modified.map_err(|e| Error::io("read", &self.area_path(Area::Partial).join(&name), e))?;
            let old = SystemTime::now().duration_since(modified).is_ok_and(|age| age > KEPT);
            if old && file.try_lock().is_ok() {
                self.remove_if_there(Area::Partial, &name)?;
            }
        }
        Ok(())
    }
}

impl Partial<'_> {
    /// Where it is, for messages.
    fn path(&self) -> PathBuf {
        self.store.area_path(Area::Partial).join(&self.name)
    }

    /// How many bytes are here.
    #[must_use]
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Hashes what was received before.
    fn take_up(&mut self) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let n = match self.file.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::io("read", &self.path(), e)),
            };
            self.hasher.update(buffer.get(..n).unwrap_or_default());
            self.received += n as u64;
        }
        if self.received > self.descriptor.size {
            self.start_over()?;
        }
        Ok(())
    }

    /// Forgets what was received.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn start_over(&mut self) -> Result<()> {
        use std::io::Seek;
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|e| Error::io("write", &self.path(), e))?;
        self.hasher = Hasher::new(self.descriptor.digest.algorithm());
        self.received = 0;
        Ok(())
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `Mismatch` if they are more than there should be; `Io`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.received + bytes.len() as u64 > self.descriptor.size {
            let message = format!("{}: more than its {} bytes", self.descriptor.digest, self.descriptor.size);
            self.discard();
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        self.file.write_all(bytes).map_err(|e| Error::io("write", &self.path(), e))?;
        self.hasher.update(bytes);
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Makes the blob a part of the store. The caller has a lease on it, or gc may take it.
    ///
    /// # Errors
    /// `Mismatch` if it is not what its digest says: what was received is thrown away. `Io`.
    pub(crate) fn finish(mut self) -> Result<()> {
        let wanted = self.descriptor.digest;
        let actual = self.hasher.clone().finish();
        if self.received != self.descriptor.size || actual != wanted {
            let size = self.descriptor.size;
            let message =
                format!("{wanted}: {} of {size} bytes came, their digest is {actual}", self.received);
            self.discard();
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        let to = self.store.blob_path(&wanted);
        let look = Look::at(&self.file);
        let (from, blobs) =
            (self.store.folder(Area::Partial)?, self.store.folder(Area::of(wanted.algorithm()))?);
        let moved = self.file.sync_all().and_then(|()| from.rename(&self.name, blobs, &wanted.hex()));
        moved.map_err(|e| Error::io("write", &to, e))?;
        self.over = true;
        self.store.verified(look.ok().map(|look| (wanted, look)).into_iter());
        Ok(())
    }

    /// What fails to go away is found wanting the next time.
    fn discard(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            let _ = self.store.try_folder(Area::Partial).and_then(|folder| folder.remove(&self.name));
        }
    }
}

impl Drop for Partial<'_> {
    /// Nothing is no beginning.
    fn drop(&mut self) {
        if self.received == 0 {
            self.discard();
        }
    }
}

/// Whether that name still leads to this very file.
fn is_at(file: &File, folder: &Folder, name: &str) -> io::Result<bool> {
    let mine = Look::at(file)?;
    match folder.look(name) {
        Ok(stat) => Ok(Look::of(&stat).is_file_of(&mine)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// What the part of a blob is called.
fn name(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm().name(), digest.hex())
}
