//! What an archive or layout directory holds: its members by path, and what one pass over them told.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use barge_oci::{Algorithm, Descriptor, Digest, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES};
use tempfile::SpooledTempFile;

use super::decompress::Compression;
use super::tar::shown;
use crate::content::Documents;
use crate::error::{Error, Refusal, Result};

/// How many members are read; an archive of ten thousand multi-platform images has fewer.
pub(super) const MAX_MEMBERS: usize = 200_000;
/// How long all paths together may be.
pub(super) const MAX_PATH_BYTES: usize = 32 << 20;
/// How many faults and warnings are kept; the first ones tell.
const MAX_TOLD: usize = 20;
/// The largest `index.json`, `manifest.json` and `repositories`; containerd's limit.
pub(super) const MAX_ROOT_BYTES: u64 = 20 << 20;
/// Documents up to this much together stay in memory, more go to an unlinked temporary file.
const SPOOL_BYTES: usize = 8 << 20;
/// How much of them the temporary folder takes.
const MAX_SPOOLED_BYTES: u64 = 1 << 30;
/// How many links are followed from one to the next.
const MAX_LINKS: usize = 40;

/// The members of an archive.
pub(super) struct Members {
    by_path: HashMap<String, Member>,
    documents: std::sync::Mutex<SpooledTempFile>,
    spooled: u64,
    /// What makes the whole archive unacceptable, first found first.
    pub faults: Vec<Error>,
    /// Oddities that are accepted.
    pub warnings: Vec<String>,
    /// Whether a path stands twice for files that were not hashed, so that nobody can say whether it may.
    pub undecided: bool,
    /// Whether they are those of a directory.
    pub folder: bool,
    /// Whether the tar ended in any other way than with a marker and nothing behind it.
    pub odd_end: bool,
}

/// One member.
#[derive(Debug, Clone)]
pub(super) enum Member {
    /// A file; boxed, since the table of members grows by doubling.
    File(Box<Facts>),
    /// A link to another member, by its path.
    Link(String),
    /// A directory.
    Directory,
}

/// What is known of a file after reading it once.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Its length in bytes.
    pub size: u64,
    /// Its sha256 digest; `None` if the pass did not hash.
    pub sha256: Option<Digest>,
    /// Its sha512 digest, for members below `blobs/sha512/`.
    pub sha512: Option<Box<Digest>>,
    /// How its content is compressed, as its first bytes tell; none if it was not read.
    pub compression: Compression,
    /// What it is when decompressed.
    pub inside: Inside,
    /// Where its bytes are kept, for documents.
    pub document: Option<u64>,
}

/// What is known of a file's content behind its compression.
#[derive(Debug, Clone)]
pub(super) enum Inside {
    /// Nobody looked.
    Unknown,
    /// It is not compressed.
    Itself,
    /// It could be decompressed.
    Content(Box<Inner>),
    /// It could not, and why.
    Broken(Box<str>),
}

impl From<std::result::Result<Inner, String>> for Inside {
    fn from(outcome: std::result::Result<Inner, String>) -> Self {
        match outcome {
            Ok(inner) => Self::Content(Box::new(inner)),
            Err(why) => Self::Broken(why.into()),
        }
    }
}

/// A file's content behind its compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inner {
    /// sha256 of the uncompressed bytes: a layer's diffID.
    pub sha256: Digest,
    /// sha512 of the uncompressed bytes, for members below `blobs/sha512/`.
    pub sha512: Option<Digest>,
}

impl Default for Members {
    fn default() -> Self {
        Self {
            by_path: HashMap::new(),
            documents: std::sync::Mutex::new(SpooledTempFile::new(SPOOL_BYTES)),
            spooled: 0,
            faults: Vec::new(),
            warnings: Vec::new(),
            undecided: false,
            folder: false,
            odd_end: false,
        }
    }
}

impl Members {
    /// Notes what makes the archive unacceptable.
    pub(super) fn fault(&mut self, fault: Error) {
        if self.faults.len() < MAX_TOLD {
            self.faults.push(fault);
        }
    }

    /// The largest document worth keeping under this path; 0 for what cannot be one.
    pub(super) fn document_limit(path: &str, start: &[u8]) -> u64 {
        match path {
            "index.json" | "manifest.json" | "repositories" | "oci-layout" => MAX_ROOT_BYTES,
            _ => match start.trim_ascii_start().first() {
                Some(b'{' | b'[') => MAX_CONFIG_BYTES.max(MAX_MANIFEST_BYTES),
                None if !start.is_empty() => MAX_CONFIG_BYTES,
                _ => 0,
            },
        }
    }

    /// Keeps the bytes of a document; the position goes into its [`Facts`].
    pub(super) fn keep_document(&mut self, bytes: &[u8]) -> Result<u64> {
        let at = self.spooled;
        if at + bytes.len() as u64 > MAX_SPOOLED_BYTES {
            let message = format!("more than {MAX_SPOOLED_BYTES} bytes of what may be documents");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let spool = self.documents.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        spool.write_all(bytes).map_err(|e| Error::io("write", &std::env::temp_dir(), e))?;
        self.spooled += bytes.len() as u64;
        Ok(at)
    }

    /// Adds a file. The same content twice is an oddity, two contents under one path are a fault.
    pub(super) fn add_file(&mut self, path: &str, facts: Facts) {
        let same = match self.by_path.get(path) {
            None => None,
            Some(Member::File(old)) if old.sha256.is_none() || facts.sha256.is_none() => {
                self.undecided = true;
                None
            }
            Some(Member::File(old)) => Some(old.sha256 == facts.sha256),
            Some(_) => Some(false),
        };
        match same {
            Some(false) => self.duplicate(path),
            Some(true) if self.warnings.len() < MAX_TOLD => {
                self.warnings.push(format!("{} is in the archive twice", shown(path)));
            }
            None | Some(true) => {}
        }
        self.by_path.insert(path.to_owned(), Member::File(Box::new(facts)));
    }

    /// Adds a link; the target is a path inside the archive.
    pub(super) fn add_link(&mut self, path: &str, target: String) {
        if path.is_empty() {
            self.fault(Error::refused(
                Refusal::LinkUnsafe,
                "a link in the place of the archive's own root, `.`",
            ));
        }
        if self.by_path.contains_key(path) {
            self.duplicate(path);
        }
        self.by_path.insert(path.to_owned(), Member::Link(target));
    }

    /// Adds a directory; naming one twice is common and harmless.
    pub(super) fn add_directory(&mut self, path: &str) {
        if matches!(self.by_path.get(path), Some(Member::File(_) | Member::Link(_))) {
            self.duplicate(path);
        }
        self.by_path.insert(path.to_owned(), Member::Directory);
    }

    fn duplicate(&mut self, path: &str) {
        let message = format!("{} is in the archive twice, with different content", shown(path));
        self.fault(Error::refused(Refusal::DuplicateEntry, message));
    }

    /// Whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// The paths of all members, in no order.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.by_path.keys().map(String::as_str)
    }

    /// Files that lie below a link: a reader that extracts would write through it.
    pub(super) fn below_link(&self) -> Option<&str> {
        let links: Vec<&str> = self
            .by_path
            .iter()
            .filter(|(_, m)| matches!(m, Member::Link(_)))
            .map(|(p, _)| p.as_str())
            .collect();
        if links.is_empty() {
            return None;
        }
        let parents = |path: &str| {
            path.match_indices('/')
                .filter_map(|(at, _)| path.get(..at))
                .any(|p| matches!(self.by_path.get(p), Some(Member::Link(_))))
        };
        self.by_path.keys().map(String::as_str).filter(|path| parents(path)).min()
    }

    /// The file at `path`, links followed inside the archive.
    #[must_use]
    pub(super) fn file(&self, path: &str) -> Option<&Facts> {
        let mut path = normal(path)?;
        for _ in 0..MAX_LINKS {
            match self.by_path.get(&path)? {
                Member::File(facts) => return Some(facts),
                Member::Link(target) => path.clone_from(target),
                Member::Directory => return None,
            }
        }
        None
    }

    /// Notes what a file holds that was decompressed beside the pass.
    pub(super) fn decompressed(&mut self, path: &str, inner: std::result::Result<Inner, String>) {
        if let Some(Member::File(facts)) = self.by_path.get_mut(path) {
            facts.inside = inner.into();
        }
    }

    /// The bytes of a document that was kept.
    ///
    /// # Errors
    /// `LimitExceeded` if it was too large to be kept, `JsonInvalid` if it is nothing like JSON; `Io`.
    pub(super) fn read(&self, path: &str, facts: &Facts) -> Result<Vec<u8>> {
        let Some(at) = facts.document else {
            let limit = match path {
                "index.json" | "manifest.json" | "repositories" | "oci-layout" => MAX_ROOT_BYTES,
                _ => MAX_CONFIG_BYTES,
            };
            if facts.size > limit {
                let message = format!("{} is {} bytes, {limit} at most are read", shown(path), facts.size);
                return Err(Error::refused(Refusal::LimitExceeded, message));
            }
            return Err(Error::refused(Refusal::JsonInvalid, format!("{} is not JSON", shown(path))));
        };
        let mut spool = self.documents.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut bytes = vec![0; usize::try_from(facts.size).unwrap_or_default()];
        let read = spool.seek(SeekFrom::Start(at)).and_then(|_| spool.read_exact(&mut bytes));
        let back = spool.seek(SeekFrom::End(0));
        read.and(back.map(drop)).map_err(|e| Error::io("read", Path::new("temporary documents"), e))?;
        Ok(bytes)
    }

    /// The facts of the blob a descriptor points to, checked against it.
    ///
    /// # Errors
    /// `DigestMismatch`, `SizeMismatch`.
    pub(super) fn blob(&self, descriptor: &Descriptor) -> Result<Option<&Facts>> {
        let path = descriptor.digest.blob_path();
        let Some(facts) = self.file(&path) else { return Ok(None) };
        let actual = facts.digest(descriptor.digest.algorithm());
        if let Some(actual) = actual.filter(|a| *a != descriptor.digest) {
            let message = format!("{path} is not what its name says: its digest is {actual}");
            return Err(Error::refused(Refusal::DigestMismatch, message));
        }
        if facts.size != descriptor.size {
            let message = format!("{path} is {} bytes, its descriptor says {}", facts.size, descriptor.size);
            return Err(Error::refused(Refusal::SizeMismatch, message));
        }
        Ok(Some(facts))
    }
}

impl Facts {
    /// A file that was not read.
    pub(super) fn unread(size: u64) -> Self {
        Self {
            size,
            sha256: None,
            sha512: None,
            compression: Compression::None,
            inside: Inside::Unknown,
            document: None,
        }
    }

    /// The sha256 of its content, decompressed: a layer's diffID.
    pub(super) fn diff_id(&self) -> Option<Digest> {
        match &self.inside {
            Inside::Itself => self.sha256,
            Inside::Content(inner) => Some(inner.sha256),
            Inside::Unknown | Inside::Broken(_) => None,
        }
    }

    /// The digest by `algorithm`, if the pass computed it.
    #[must_use]
    pub(super) fn digest(&self, algorithm: Algorithm) -> Option<Digest> {
        match algorithm {
            Algorithm::Sha256 => self.sha256,
            Algorithm::Sha512 => self.sha512.as_deref().copied(),
        }
    }
}

impl Documents for Members {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.blob(descriptor)?.is_some())
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        let Some(facts) = self.blob(descriptor)? else { return Ok(None) };
        self.read(&descriptor.digest.blob_path(), facts).map(Some)
    }
}

/// `path` without `.` and empty components; `None` if it leaves the archive or is no Unix path.
pub(super) fn normal(path: &str) -> Option<String> {
    let drive =
        path.as_bytes().get(1) == Some(&b':') && path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if path.starts_with('/') || path.contains(['\\', '\0']) || drive {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|p| !matches!(*p, "" | ".")).collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}

/// The member a link at `path` points to; `None` if that is outside the archive.
pub(super) fn link_target(path: &str, target: &str, from_root: bool) -> Option<String> {
    if target.starts_with('/') || target.contains(['\\', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = if from_root { Vec::new() } else { path.split('/').collect() };
    if !from_root {
        parts.pop();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(normal("./a//b/."), Some("a/b".into()));
        for bad in ["/etc/passwd", "../x", "a/../../b", "C:x", "a\\b"] {
            assert_eq!(normal(bad), None, "{bad}");
        }
    }

    #[test]
    fn links_stay_inside() {
        assert_eq!(link_target("a/layer.tar", "../b/layer.tar", false), Some("b/layer.tar".into()));
        assert_eq!(link_target("a/layer.tar", "../../etc/passwd", false), None);
        assert_eq!(link_target("x", "/etc/passwd", true), None);
        assert_eq!(link_target("deep/x", "blobs/y", true), Some("blobs/y".into()));
    }
}
