//! Ingests: content on its way into the store, invisible until all of it is verified.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};

use barge_oci::{Algorithm, Descriptor, Digest};

use super::verified::Look;
use super::{Area, Lease, Store, assign, random_name};
use crate::archive::{Begun, Keeper, Standing};
use crate::behind::Behind;
use crate::cleanup::Temporary;
use crate::content::{Blob, Documents, Image, Provider, read_document};
use crate::copy;
use crate::error::{Error, Result};
use crate::folder::Folder;

/// From this many new blobs on, one sync of the file system is cheaper than one a blob.
const SYNC_ALL_FROM: usize = 16;
const BUFFER: usize = 256 << 10;

/// Content received but not yet part of the store; dropped, it leaves nothing behind.
pub struct Ingest {
    store: Store,
    lease: Lease,
    // Dropped before the folder goes: a folder whose lock is free is stale.
    lock: File,
    folder: Folder,
    _place: Temporary,
    /// The files that were received, and how they looked when they were complete.
    received: BTreeMap<Digest, Look>,
    /// The file being written.
    current: Option<(BufWriter<File>, String)>,
    count: u64,
    behind: Behind,
}

impl Ingest {
    /// Begins with nothing received.
    ///
    /// # Errors
    /// `Io`.
    pub fn new(store: &Store) -> Result<Self> {
        store.create()?;
        let lease = Lease::new(store)?;
        store.tidy()?;
        let _shared = store.lock("gc.lock", false)?;
        let ingests = store.folder(Area::Ingest)?;
        let place = Temporary::within(ingests, &random_name());
        let made = ingests.make_folder(place.name()).and_then(|()| ingests.folder(place.name()));
        let folder = made.map_err(|e| Error::io("create", place.path(), e))?;
        let path = folder.path("lock");
        let lock = folder.write("lock").map_err(|e| Error::io("create", &path, e))?;
        lock.lock().map_err(|e| Error::io("lock", &path, e))?;
        let store = store.clone();
        let (received, behind) = (BTreeMap::new(), Behind::default());
        Ok(Self { store, lease, lock, folder, _place: place, received, current: None, count: 0, behind })
    }

    /// Receives a whole small document.
    ///
    /// # Errors
    /// `Io`.
    pub fn put(&mut self, digest: Digest, bytes: &[u8]) -> Result<()> {
        match self.begin(Some(&digest), bytes.len() as u64, Standing::Passing)? {
            Begun::Unwanted => Ok(()),
            Begun::Taken(_) | Begun::Written => {
                self.write(bytes)?;
                self.end(&[digest])
            }
        }
    }

    /// Whether a blob has to be received: it is neither here nor in the store. What the store has is kept from now on.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn wants(&mut self, digest: &Digest) -> Result<bool> {
        let store = &self.store;
        let here = self.lease.protect(|| {
            let here = store.holds(digest);
            Ok((here, if here { vec![*digest] } else { Vec::new() }))
        })?;
        // What is relied upon is looked at first: a blob that has rotted is replaced by the one arriving.
        let known = self.received.contains_key(digest) || (here && store.holds_sound(digest)?);
        Ok(!known)
    }

    /// Takes over all of a large file from where it stands, if the file system can share its blocks.
    fn take(&self, name: &str, file: &File, size: u64, standing: Standing<'_>) -> Result<Option<File>> {
        let (from, at) = match standing {
            Standing::In(from, at) => (from, at),
            Standing::Of(from, _) => (from, 0),
            Standing::Passing => return Ok(None),
        };
        if size < copy::WORTH || !at.is_multiple_of(copy::ALIGNMENT) || !copy::shares_blocks(from, file) {
            return Ok(None);
        }
        let doing = |e| Error::io("write", &self.folder.path(name), e);
        let taken = copy::all(size, |taken, length| copy::share(from, at + taken, file, taken, length));
        if taken.map_err(doing)? < size {
            file.set_len(0).map_err(doing)?;
            return Ok(None);
        }
        self.folder.read(name).map(Some).map_err(|e| Error::io("open", &self.folder.path(name), e))
    }

    /// Moves `wanted` into the store and gives the images their names, all or nothing: content that is not named is
    /// garbage, so only the change of names, one rename, can be seen. `now` is when, RFC 3339.
    ///
    /// # Errors
    /// `Io`; the names are as before then.
    pub fn commit(self, wanted: &[Digest], images: Vec<Image>, now: &str) -> Result<()> {
        let moving: Vec<(&Digest, &Look)> =
            wanted.iter().filter_map(|d| self.received.get_key_value(d)).collect();
        self.sync(&moving)?;
        let _shared = self.store.lock("gc.lock", false)?;
        if let Some(lost) = wanted.iter().find(|d| !self.received.contains_key(d) && !self.store.holds(d)) {
            return Err(Error::no_content(lost));
        }
        for (digest, _) in &moving {
            let blobs = self.store.folder(Area::of(digest.algorithm()))?;
            let moved = self.folder.rename(&digest.hex(), blobs, &digest.hex());
            moved.map_err(|e| Error::io("write", &self.store.blob_path(digest), e))?;
        }
        for algorithm in Algorithm::ALL {
            if moving.iter().any(|(d, _)| d.algorithm() == algorithm) {
                self.store.sync(Area::of(algorithm))?;
            }
        }
        // A name fewer changes how a file looks: what is known under two digests has but the one from now on.
        let moved: BTreeSet<&Digest> = moving.iter().map(|(digest, _)| *digest).collect();
        for digest in self.received.keys().filter(|digest| !moved.contains(digest)) {
            // What stays goes with the folder.
            let _ = self.folder.remove(&digest.hex());
        }
        self.store.verified(moving.iter().map(|(digest, look)| (**digest, **look)));
        self.store.update(|names| {
            assign(names, images, now);
            Ok(())
        })
    }

    /// One that was received, to be read.
    fn open_received(&self, digest: &Digest) -> Result<Option<File>> {
        if !self.received.contains_key(digest) {
            return Ok(None);
        }
        let name = digest.hex();
        self.folder.read(&name).map(Some).map_err(|e| Error::io("open", &self.folder.path(&name), e))
    }

    /// Makes the content durable before it gets its name.
    fn sync(&self, moving: &[(&Digest, &Look)]) -> Result<()> {
        self.behind.end().map_err(|e| Error::io("sync", &self.folder.path(""), e))?;
        #[cfg(target_os = "linux")]
        if moving.len() >= SYNC_ALL_FROM {
            return rustix::fs::syncfs(&self.lock)
                .map_err(|e| Error::io("sync", self.store.root(), e.into()));
        }
        for (digest, _) in moving {
            let synced = self.folder.read(&digest.hex()).and_then(|file| file.sync_all());
            synced.map_err(|e| Error::io("sync", &self.folder.path(&digest.hex()), e))?;
        }
        Ok(())
    }
}

/// The store as it would be with what was received: what is going to be named can be looked at before.
impl Documents for Ingest {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        match self.received.get(&descriptor.digest) {
            Some(look) => Ok(look.size == descriptor.size),
            None => self.store.has(descriptor),
        }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        match self.received.get(&descriptor.digest) {
            Some(look) if look.size != descriptor.size => Ok(None),
            Some(_) => {
                let received = self.open_received(&descriptor.digest)?;
                received.map(|file| read_document("the store", descriptor, file)).transpose()
            }
            None => self.store.document(descriptor),
        }
    }
}

impl Provider for Ingest {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        match self.open_received(&descriptor.digest)? {
            Some(file) => Ok(Blob::File(file)),
            None => self.store.open(descriptor),
        }
    }
}

impl Keeper for Ingest {
    fn begin(&mut self, claimed: Option<&Digest>, size: u64, standing: Standing<'_>) -> Result<Begun> {
        if let Some(digest) = claimed
            && !self.wants(digest)?
        {
            return Ok(Begun::Unwanted);
        }
        self.count += 1;
        let name = self.count.to_string();
        let file = self.folder.write(&name).map_err(|e| Error::io("create", &self.folder.path(&name), e))?;
        let taken = self.take(&name, &file, size, standing)?;
        // What is taken takes no room.
        if taken.is_none() {
            self.store.room_for(size)?;
        }
        self.current = Some((BufWriter::with_capacity(BUFFER, file), name));
        Ok(taken.map_or(Begun::Written, Begun::Taken))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.current {
            Some((file, name)) => {
                file.write_all(bytes).map_err(|e| Error::io("write", &self.folder.path(name), e))?;
                self.behind.wrote(file.get_ref(), bytes.len() as u64);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn reopens(&self) -> bool {
        true
    }

    fn reopen(&self, digest: &Digest) -> Result<Option<Blob>> {
        let file = match self.open_received(digest)? {
            None => self.store.open_blob(digest)?,
            file => file,
        };
        Ok(file.map(Blob::File))
    }

    fn end(&mut self, digests: &[Digest]) -> Result<()> {
        let Some((file, name)) = self.current.take() else { return Ok(()) };
        let path = self.folder.path(&name);
        let file = file.into_inner().map_err(|e| Error::io("write", &path, e.into_error()))?;
        let look = Look::at(&file).map_err(|e| Error::io("read", &path, e))?;
        for (n, digest) in digests.iter().enumerate() {
            let hex = digest.hex();
            // The same content may be wanted under both of its digests.
            let moved = if n + 1 == digests.len() {
                self.folder.rename(&name, &self.folder, &hex)
            } else {
                self.folder.link(&name, &hex)
            };
            match moved {
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(Error::io("write", &self.folder.path(&hex), e));
                }
                _ => drop(self.received.insert(*digest, look)),
            }
        }
        Ok(())
    }
}
