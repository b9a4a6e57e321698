//! A regular file that is written at any place, by any thread.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::behind::Behind;
use crate::copy;
use crate::error::{Error, Result};

/// A regular file that is written at any place, by any thread.
pub struct Placed {
    file: Arc<File>,
    /// What errors call it.
    name: PathBuf,
    behind: Behind,
    /// Behind everything that was written.
    end: AtomicU64,
}

impl Placed {
    pub(super) fn new(file: File, name: &Path) -> Self {
        let (behind, end) = (Behind::default(), AtomicU64::new(0));
        Self { file: Arc::new(file), name: name.to_path_buf(), behind, end }
    }

    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The file, to be read.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Fails early if the file system cannot hold `size` more bytes. What stands where it may share them takes no room:
    /// then nobody knows.
    ///
    /// # Errors
    /// `Io` with the numbers.
    pub(crate) fn reserve(&self, size: u64, aligned: bool) -> Result<()> {
        if aligned && copy::may_share(&self.file) {
            return Ok(());
        }
        let Ok(space) = rustix::fs::fstatvfs(&self.file) else { return Ok(()) };
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        if size <= free {
            return Ok(());
        }
        let full = io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        Err(Error::io("write", &self.name, full)
            .hint(format!("the archive takes {size} bytes, {free} are free")))
    }

    /// Writes all of `bytes` from byte `at` on.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)?;
        self.wrote(at, bytes.len() as u64);
        Ok(())
    }

    /// Writes all of `bytes` behind everything that was written.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.write_at(bytes, self.end.load(Ordering::Relaxed))
    }

    fn wrote(&self, at: u64, length: u64) {
        self.end.fetch_max(at + length, Ordering::Relaxed);
        self.behind.wrote(&self.file, length);
    }

    /// Whether what stands at byte `at` may share its blocks with `from`.
    #[must_use]
    pub fn shares(&self, from: &File, at: u64) -> bool {
        at.is_multiple_of(copy::ALIGNMENT) && copy::shares_blocks(from, &self.file)
    }

    /// Makes up to `length` bytes of `from`, from byte `from_at` on, part of it, from byte `at` on; returns how many.
    /// None means that they have to be written.
    ///
    /// # Errors
    /// Those of both files.
    pub fn share(&self, from: &File, from_at: u64, at: u64, length: u64) -> io::Result<u64> {
        let n = copy::share(from, from_at, &self.file, at, length)?;
        // A file system of that kind may have copied them nevertheless.
        self.wrote(at, n);
        Ok(n)
    }

    /// Makes what was written durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.behind.end()?;
        self.file.sync_all()
    }
}
