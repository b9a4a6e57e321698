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
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use barge_oci::{Algorithm, Descriptor, Digest, MAX_CONFIG_BYTES};

use crate::cleanup::Temporary;
use crate::content::{Blob, Documents, Image, Provider, Resolver};
use crate::error::{Error, ErrorKind, Result, printable};

pub use cache::{Overview, Presence};
pub use check::{Checked, Fault};
pub use gc::Freed;
pub use ingest::Ingest;
pub use lease::Lease;
pub(crate) use names::{TAGGED, assign, is_private};
pub use partial::Partial;
pub use summary::{Part, PartKind, Summary};
pub use verified::Verified;

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
}

impl Store {
    /// The store at `root`, which need not exist: a store that was never written to is empty.
    ///
    /// # Errors
    /// `InvalidArgument` if something else is there.
    pub fn open(root: &Path) -> Result<Self> {
        let store = Self { root: root.to_path_buf() };
        match std::fs::read_dir(root) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(store),
            Err(e) => Err(Error::io("open store", root, e)),
            Ok(mut entries) => {
                // In this order: what is made meanwhile is seen by the second look.
                let empty = entries.next().is_none();
                if empty || store.path("oci-layout").exists() || store.path(PRIVATE).is_dir() {
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

    /// Makes durable under which names blobs came in.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn settle(&self) -> Result<()> {
        Algorithm::ALL.iter().try_for_each(|a| sync_folder(&self.root.join("blobs").join(a.name())))
    }

    /// Makes the folders and files of an empty store, where they are missing.
    pub(crate) fn create(&self) -> Result<()> {
        if self.private("leases").is_dir()
            && self.path("index.json").exists()
            && self.path("oci-layout").exists()
        {
            return Ok(());
        }
        // The private folder comes first: whoever looks meanwhile sees that this is going to be a store.
        let folders = [".barge/ingest", ".barge/leases", "blobs/sha256", "blobs/sha512"];
        for folder in folders.map(|f| self.path(f)) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.map_err(|e| Error::io("create store", &folder, e))?;
        }
        let _guard = self.lock("index.lock", true)?;
        if !self.path("index.json").exists() {
            self.replace("index.json", &names::empty()?)?;
        }
        if !self.path("oci-layout").exists() {
            self.replace("oci-layout", LAYOUT)?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn private(&self, name: &str) -> PathBuf {
        self.root.join(PRIVATE).join(name)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join(digest.blob_path())
    }

    /// Refuses what the file system has no room for, before it is full.
    pub(crate) fn room_for(&self, size: u64) -> Result<()> {
        let free = rustix::fs::statvfs(&self.root).map(|s| s.f_bavail.saturating_mul(s.f_frsize));
        if free.is_ok_and(|free| size > free) {
            let full = io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
            return Err(Error::io("write", &self.root, full));
        }
        Ok(())
    }

    /// Takes a lock; it is released when the file is dropped.
    fn lock(&self, name: &str, exclusive: bool) -> Result<File> {
        let path = self.private(name);
        let file = private_file(&path).map_err(|e| Error::io("lock", &path, e))?;
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
        let path = self.private("serve.lock");
        let doing = |e| Error::io("lock", &path, e);
        let mut file = private_file(&path).map_err(doing)?;
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
        let temporary = Temporary::new(self.private(&format!("{name}.{}", random_name()?)));
        let doing = |e| Error::io("write", &self.path(name), e);
        let mut file = private_file(temporary.path()).map_err(doing)?;
        file.lock().map_err(doing)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(doing)?;
        std::fs::rename(temporary.path(), self.path(name)).map_err(doing)?;
        temporary.kept();
        sync_folder(&self.root)
    }

    /// Whether a blob is here, of whatever size.
    #[must_use]
    pub fn holds(&self, digest: &Digest) -> bool {
        self.blob_path(digest).exists()
    }

    /// Every blob that is here.
    ///
    /// # Errors
    /// `Io`.
    pub fn blobs(&self) -> Result<DigestSet> {
        let mut all = DigestSet::default();
        for algorithm in Algorithm::ALL {
            let folder = self.root.join("blobs").join(algorithm.name());
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Error::io("read", &folder, e)),
            };
            for entry in entries {
                let name = entry.map_err(|e| Error::io("read", &folder, e))?.file_name();
                all.extend(name.to_str().and_then(|hex| Digest::from_hex(algorithm, hex)));
            }
        }
        Ok(all)
    }

    /// Every blob that is here, with its size in bytes.
    ///
    /// # Errors
    /// `Io`.
    pub fn sizes(&self) -> Result<std::collections::HashMap<Digest, u64>> {
        // A blob that goes away meanwhile is not here.
        let size = |d: Digest| Some((d, std::fs::symlink_metadata(self.blob_path(&d)).ok()?.len()));
        Ok(self.blobs()?.into_iter().filter_map(size).collect())
    }

    /// Whether a blob is here and is what its digest says; one that is damaged may be replaced.
    fn holds_sound(&self, digest: &Digest) -> Result<bool> {
        if !self.holds(digest) {
            return Ok(false);
        }
        self.hash(digest, &crate::progress::Silent).map(|(actual, _)| actual == *digest)
    }

    fn open_blob(&self, digest: &Digest) -> Result<Option<File>> {
        let path = self.blob_path(digest);
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        match OpenOptions::new().read(true).custom_flags(no_follow).open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &path, e)),
        }
    }
}

impl Documents for Store {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        let path = self.blob_path(&descriptor.digest);
        match std::fs::symlink_metadata(&path) {
            // Another size is other content: what the descriptor means is not here.
            Ok(meta) => Ok(meta.is_file() && meta.len() == descriptor.size),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io("open", &path, e)),
        }
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

/// A file only its owner can read.
fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes a rename or a removal in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|f| f.sync_all());
    synced.map_err(|e| Error::io("sync", folder, e))
}

/// 16 hex characters that no other process has drawn.
pub(crate) fn random_name() -> Result<String> {
    let mut bytes = [0; 8];
    let path = Path::new("/dev/urandom");
    File::open(path).and_then(|mut f| f.read_exact(&mut bytes)).map_err(|e| Error::io("read", path, e))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
