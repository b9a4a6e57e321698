//! The embedded store: an OCI image layout that any tool can read, and a private folder beside it.
//!
//! ```text
//! STORE/oci-layout  index.json             the layout; index.json holds every name, as a full reference
//! STORE/blobs/<algorithm>/<hex>            content, immutable once it is there
//! STORE/.barge/index.lock                  held exclusively while index.json is replaced
//! STORE/.barge/gc.lock                     held shared while content is relied upon, exclusively by gc
//! STORE/.barge/ingest/<random>/            content on its way in, one folder a load, locked while it lives
//! STORE/.barge/partial/<algorithm>-<hex>   a blob from a registry, as far as it came; taken up by the next pull
//! STORE/.barge/leases/<random>             digests that a running process needs, locked while it lives
//! STORE/.barge/serve.lock                  held exclusively by the process that serves the store, its number inside
//! STORE/.barge/verified                    how blobs looked when they were hashed; may be deleted at any time
//! STORE/.barge/summaries                   a cache of what the documents say; may be deleted at any time
//! ```
//!
//! `docs/store.md` has the crash argument.

mod cache;
mod check;
mod gc;
mod ingest;
mod lease;
mod names;
mod partial;
mod summary;
mod verified;

use std::collections::HashSet;
use std::fs::{DirBuilder, File};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use barge_oci::{Algorithm, Descriptor, Digest, MAX_CONFIG_BYTES};

use crate::cleanup::Temporary;
use crate::content::{Blob, Documents, Image, Provider, Resolver};
use crate::error::{Error, ErrorKind, Result, printable};
use crate::folder::Folder;

pub use cache::{Overview, Presence};
pub use check::{Checked, Fault};
pub use gc::Freed;
pub use ingest::Ingest;
pub use lease::Lease;
pub(crate) use names::{TAGGED, assign, is_private};
pub use partial::Partial;
pub use summary::{Part, PartKind, Summary};
use verified::Look;
pub use verified::Verified;

/// The folders of a store.
#[derive(Debug, Clone, Copy)]
enum Area {
    Root,
    Private,
    Ingest,
    Leases,
    Partial,
    Blobs,
    Sha256,
    Sha512,
}

impl Area {
    /// In an order in which each comes after the one that it is in.
    const MADE: [Self; 6] =
        [Self::Private, Self::Ingest, Self::Leases, Self::Blobs, Self::Sha256, Self::Sha512];

    fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256,
            Algorithm::Sha512 => Self::Sha512,
        }
    }

    /// Where it is, and what it is called there.
    fn place(self) -> Option<(Self, &'static str)> {
        match self {
            Self::Root => None,
            Self::Private => Some((Self::Root, PRIVATE)),
            Self::Ingest => Some((Self::Private, "ingest")),
            Self::Leases => Some((Self::Private, "leases")),
            Self::Partial => Some((Self::Private, "partial")),
            Self::Blobs => Some((Self::Root, "blobs")),
            Self::Sha256 => Some((Self::Blobs, "sha256")),
            Self::Sha512 => Some((Self::Blobs, "sha512")),
        }
    }
}

/// The folders of a store that have been opened.
type Folders = [OnceLock<Arc<Folder>>; 8];

const LAYOUT: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";
const PRIVATE: &str = ".barge";
/// How much of a file with a process' number in it is read.
const PID_DIGITS: u64 = 20;

/// A set of digests; they are random already, so a part of one serves as its hash.
pub type DigestSet = HashSet<Digest, BuildHasherDefault<PartOfDigest>>;

/// Takes the first bytes of a digest for its hash.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartOfDigest(u64);

impl Hasher for PartOfDigest {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A store on disk; cheap to open, shared by any number of processes.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    folders: Arc<Folders>,
}

impl Store {
    /// The store at `root`, which need not exist: a store that was never written to is empty.
    ///
    /// # Errors
    /// `InvalidArgument` if something else is there, or a store that has lost its names.
    pub fn open(root: &Path) -> Result<Self> {
        let store = Self { root: root.to_path_buf(), folders: Arc::default() };
        match std::fs::read_dir(root) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(store),
            Err(e) => Err(Error::io("open store", root, e)),
            Ok(mut entries) => {
                // In this order: what is made meanwhile is seen by the second look.
                let empty = entries.next().is_none();
                let is_layout = root.join("oci-layout").exists();
                // It is made before oci-layout and only ever replaced; without it all content would pass for garbage.
                if is_layout && !root.join("index.json").exists() {
                    let text = format!(
                        "open store {}: index.json is missing, but oci-layout is there",
                        printable(&root.to_string_lossy())
                    );
                    let hint = "put index.json back from a backup, or begin anew with another `--store DIR`; nothing was removed";
                    return Err(Error::invalid(text).hint(hint));
                }
                if empty || is_layout || root.join(PRIVATE).is_dir() {
                    return Ok(store);
                }
                let message = format!(
                    "{} is neither an image store nor an empty folder",
                    printable(&root.to_string_lossy())
                );
                Err(Error::invalid(message).hint("choose another place with `--store DIR` or BARGE_STORE"))
            }
        }
    }

    /// The same store with its folders looked for again, for whoever has it for longer than one piece of work.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { root: self.root.clone(), folders: Arc::default() }
    }

    /// Where the store is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether nothing was ever written here; what only reads leaves it so.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        !self.root.exists()
    }

    /// One of the folders, opened the first time it is asked for.
    fn try_folder(&self, area: Area) -> io::Result<&Arc<Folder>> {
        let Some(cell) = self.folders.get(area as usize) else { return Err(io::ErrorKind::NotFound.into()) };
        if let Some(folder) = cell.get() {
            return Ok(folder);
        }
        let folder = match area.place() {
            None => Folder::open(&self.root),
            Some((parent, name)) => self.try_folder(parent)?.folder(name),
        };
        folder.map(|folder| cell.get_or_init(|| Arc::new(folder)))
    }

    fn folder(&self, area: Area) -> Result<&Arc<Folder>> {
        if let Some((parent, _)) = area.place() {
            self.folder(parent)?;
        }
        self.try_folder(area).map_err(|e| Error::io("open", &self.area_path(area), e))
    }

    /// The same, if it is there.
    fn folder_if_there(&self, area: Area) -> Result<Option<&Arc<Folder>>> {
        match self.try_folder(area) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => self.folder(area).map(Some),
        }
    }

    /// Where a folder is, for messages.
    fn area_path(&self, area: Area) -> PathBuf {
        match area.place() {
            None => self.root.clone(),
            Some((parent, name)) => self.area_path(parent).join(name),
        }
    }

    /// The names of what is in a folder, none if it is not there.
    fn names_in(&self, area: Area) -> Result<Vec<String>> {
        let Some(folder) = self.folder_if_there(area)? else { return Ok(Vec::new()) };
        folder.names().map_err(|e| Error::io("read", &self.area_path(area), e))
    }

    /// Makes durable under which names blobs came in.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn settle(&self) -> Result<()> {
        for area in Algorithm::ALL.map(Area::of) {
            if self.folder_if_there(area)?.is_some() {
                self.sync(area)?;
            }
        }
        Ok(())
    }

    /// Makes the names in a folder durable.
    fn sync(&self, area: Area) -> Result<()> {
        self.folder(area)?.sync().map_err(|e| Error::io("sync", &self.area_path(area), e))
    }

    /// Makes the folders and files of an empty store, where they are missing.
    pub(crate) fn create(&self) -> Result<()> {
        let there = |name| self.try_folder(Area::Root).is_ok_and(|root| root.look(name).is_ok());
        let made = |area: &Area| self.try_folder(*area).is_ok();
        if Area::MADE.iter().all(made) && there("index.json") && there("oci-layout") {
            return Ok(());
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.root);
        made.map_err(|e| Error::io("create store", &self.root, e))?;
        // The private folder comes first: whoever looks meanwhile sees that this is going to be a store.
        for area in Area::MADE {
            self.make(area)?;
        }
        let _guard = self.lock("index.lock", true)?;
        if !there("index.json") {
            self.replace("index.json", &names::empty()?)?;
        }
        if !there("oci-layout") {
            self.replace("oci-layout", LAYOUT)?;
        }
        Ok(())
    }

    /// Makes a folder, if it is not there; the one it is in is.
    fn make(&self, area: Area) -> Result<&Arc<Folder>> {
        if let Some((parent, name)) = area.place() {
            let made = self.folder(parent)?.make_folder(name);
            made.map_err(|e| Error::io("create store", &self.area_path(area), e))?;
        }
        self.folder(area)
    }

    /// Where a blob is, for messages.
    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join(digest.blob_path())
    }

    /// Where a private file is, for messages.
    fn private_path(&self, name: &str) -> PathBuf {
        self.area_path(Area::Private).join(name)
    }

    /// Refuses what the file system has no room for, before it is full.
    pub(crate) fn room_for(&self, size: u64) -> Result<()> {
        if self.folder(Area::Root)?.free().is_ok_and(|free| size > free) {
            let full = io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
            return Err(Error::io("write", &self.root, full));
        }
        Ok(())
    }

    /// Takes a lock; it is released when the file is dropped.
    fn lock(&self, name: &str, exclusive: bool) -> Result<File> {
        let path = self.private_path(name);
        let file = self.folder(Area::Private)?.lock(name).map_err(|e| Error::io("lock", &path, e))?;
        let locked = if exclusive { file.lock() } else { file.lock_shared() };
        locked.map_err(|e| Error::io("lock", &path, e))?;
        Ok(file)
    }

    /// Makes this process the one that serves the store, for as long as the file is kept. Other commands work
    /// on the store all the same.
    ///
    /// # Errors
    /// `Conflict` if another process serves it; `Io`.
    pub fn serving(&self) -> Result<File> {
        self.create()?;
        let path = self.private_path("serve.lock");
        let doing = |e| Error::io("lock", &path, e);
        let mut file = self.folder(Area::Private)?.write("serve.lock").map_err(doing)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::Error(e)) => return Err(doing(e)),
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who it is may not be written yet, or not be readable: it is somebody.
                let _ = file.take(PID_DIGITS).read_to_string(&mut pid);
                let store = printable(&self.root.to_string_lossy());
                let text =
                    format!("the store {store} is served already, by process {}", printable(pid.trim()));
                let hint = "connect to that one, or stop it first; two stores can be served side by side";
                return Err(Error::new(ErrorKind::Conflict, text).hint(hint));
            }
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(doing)?;
        Ok(file)
    }

    /// Replaces a file of the layout in one step that a crash cannot split.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (root, private) = (self.folder(Area::Root)?, self.folder(Area::Private)?);
        let temporary = Temporary::within(private, &format!("{name}.{}", random_name()?));
        let doing = |e| Error::io("write", &root.path(name), e);
        let mut file = private.write(temporary.name()).map_err(doing)?;
        file.lock().map_err(doing)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(doing)?;
        private.rename(temporary.name(), root, name).map_err(doing)?;
        temporary.kept();
        self.sync(Area::Root)
    }

    /// Whether a blob is here, of whatever size.
    #[must_use]
    pub fn holds(&self, digest: &Digest) -> bool {
        self.look(digest).is_ok_and(|look| look.is_some())
    }

    /// Every blob that is here.
    ///
    /// # Errors
    /// `Io`.
    pub fn blobs(&self) -> Result<DigestSet> {
        let mut all = DigestSet::default();
        for algorithm in Algorithm::ALL {
            let names = self.names_in(Area::of(algorithm))?;
            all.extend(names.iter().filter_map(|hex| Digest::from_hex(algorithm, hex)));
        }
        Ok(all)
    }

    /// Every blob that is here, with its size in bytes.
    ///
    /// # Errors
    /// `Io`.
    pub fn sizes(&self) -> Result<std::collections::HashMap<Digest, u64>> {
        // A blob that goes away meanwhile is not here.
        let size = |d: Digest| Some((d, self.look(&d).ok()??.size));
        Ok(self.blobs()?.into_iter().filter_map(size).collect())
    }

    /// Whether a blob is here and is what its digest says; one that is damaged may be replaced.
    fn holds_sound(&self, digest: &Digest) -> Result<bool> {
        if !self.look(digest)?.is_some_and(|look| look.is_file) {
            return Ok(false);
        }
        self.hash(digest, &crate::progress::Silent).map(|(actual, _)| actual == *digest)
    }

    fn open_blob(&self, digest: &Digest) -> Result<Option<File>> {
        let Some(folder) = self.folder_if_there(Area::of(digest.algorithm()))? else { return Ok(None) };
        match folder.read(&digest.hex()) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &self.blob_path(digest), e)),
        }
    }

    /// How the file of a blob looks; `None` if it is not there.
    fn look(&self, digest: &Digest) -> Result<Option<Look>> {
        let Some(folder) = self.folder_if_there(Area::of(digest.algorithm()))? else { return Ok(None) };
        match folder.look(&digest.hex()) {
            Ok(stat) => Ok(Some(Look::of(&stat))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &self.blob_path(digest), e)),
        }
    }
}

impl Documents for Store {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        // Another size is other content: what the descriptor means is not here.
        let look = self.look(&descriptor.digest)?;
        Ok(look.is_some_and(|look| look.is_file && look.size == descriptor.size))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        if !self.has(descriptor)? {
            return Ok(None);
        }
        let Some(file) = self.open_blob(&descriptor.digest)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let path = self.blob_path(&descriptor.digest);
        file.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes).map_err(|e| Error::io("read", &path, e))?;
        let mut hasher = barge_oci::Hasher::new(descriptor.digest.algorithm());
        hasher.update(&bytes);
        if hasher.finish() != descriptor.digest {
            return Err(damaged(&descriptor.digest, "its content has another digest"));
        }
        Ok(Some(bytes))
    }
}

impl Provider for Store {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        let missing = || Error::not_found(format!("content digest {}: not found", descriptor.digest));
        self.open_blob(&descriptor.digest)?.map(Blob::File).ok_or_else(missing)
    }
}

impl Resolver for Store {
    fn images(&self) -> Result<Vec<Image>> {
        self.names()
    }
}

/// A blob that is not what it was when it came in.
pub(crate) fn damaged(digest: &Digest, how: &str) -> Error {
    Error::new(ErrorKind::Mismatch, format!("blob {digest} in the store is damaged: {how}"))
        .hint("`barge store check` lists every fault; remove the images that use it and load them again")
}

/// 16 hex characters that no other process has drawn.
pub(crate) fn random_name() -> Result<String> {
    let mut bytes = [0; 8];
    let path = Path::new("/dev/urandom");
    File::open(path).and_then(|mut f| f.read_exact(&mut bytes)).map_err(|e| Error::io("read", path, e))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
