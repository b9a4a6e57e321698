//! The documents of an archive, kept while it is read: nobody knows before its end which of them are needed.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use barge_oci::{MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES};
use tempfile::SpooledTempFile;

use crate::error::{Error, Refusal, Result};

/// The largest `index.json`, `manifest.json` and `repositories`; containerd's limit.
pub(super) const MAX_ROOT_BYTES: u64 = 20 << 20;
/// Documents up to this much together stay in memory, more go to an unlinked temporary file.
const SPOOL_BYTES: usize = 8 << 20;
/// How much of them the temporary folder takes.
const MAX_SPOOLED_BYTES: u64 = 1 << 30;

/// How large a document under this path may be that begins like this; 0 for what cannot be one.
pub(super) fn worth_keeping(path: &str, start: &[u8]) -> u64 {
    match start.trim_ascii_start().first() {
        _ if is_root(path) => MAX_ROOT_BYTES,
        Some(b'{' | b'[') => MAX_CONFIG_BYTES.max(MAX_MANIFEST_BYTES),
        None if !start.is_empty() => MAX_CONFIG_BYTES,
        _ => 0,
    }
}

/// How large a document under this path may be.
pub(super) fn largest(path: &str) -> u64 {
    if is_root(path) { MAX_ROOT_BYTES } else { MAX_CONFIG_BYTES }
}

/// Whether an archive has a document of this name at its top.
fn is_root(path: &str) -> bool {
    matches!(path, "index.json" | "manifest.json" | "repositories" | "oci-layout")
}

/// Documents, one behind the other.
pub(super) struct Spool {
    file: Mutex<SpooledTempFile>,
    length: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self { file: Mutex::new(SpooledTempFile::new(SPOOL_BYTES)), length: 0 }
    }
}

impl Spool {
    /// Keeps the bytes of a document; returns where they are.
    ///
    /// # Errors
    /// `LimitExceeded` if they are too many together; `Io`.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Result<u64> {
        let at = self.length;
        if at + bytes.len() as u64 > MAX_SPOOLED_BYTES {
            let message = format!("more than {MAX_SPOOLED_BYTES} bytes of what may be documents");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.write_all(bytes).map_err(|e| Error::io("write", &std::env::temp_dir(), e))?;
        self.length += bytes.len() as u64;
        Ok(at)
    }

    /// The `size` bytes of the document that is kept at `at`.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn read(&self, at: u64, size: u64) -> Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
        let back = file.seek(SeekFrom::End(0));
        read.and(back.map(drop)).map_err(|e| Error::io("read", Path::new("temporary documents"), e))?;
        Ok(bytes)
    }
}
