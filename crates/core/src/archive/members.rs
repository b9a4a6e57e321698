//! What an archive or layout directory holds: its members by path, and what one pass over them told.

use std::collections::HashMap;

use barge_oci::Descriptor;

use super::facts::Facts;
use super::inflate::Outcome;
use super::spool::{Spool, largest};
use crate::content::Documents;
use crate::error::{Error, Refusal, Result, quoted};

/// How many members are read; an archive of ten thousand multi-platform images has fewer.
pub(super) const MAX_MEMBERS: usize = 200_000;
/// How long all paths together may be.
pub(super) const MAX_PATH_BYTES: usize = 32 << 20;
/// How many faults and warnings are kept; the first ones tell.
const MAX_TOLD: usize = 20;
/// How many links are followed from one to the next.
const MAX_LINKS: usize = 40;

/// The members of an archive.
#[derive(Default)]
pub(super) struct Members {
    by_path: HashMap<String, Member>,
    /// The bytes of those that may be documents.
    pub documents: Spool,
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

impl Members {
    /// Notes what makes the archive unacceptable.
    pub(super) fn fault(&mut self, fault: Error) {
        if self.faults.len() < MAX_TOLD {
            self.faults.push(fault);
        }
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
                self.warnings.push(format!("{} is in the archive twice", quoted(path)));
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
        let message = format!("{} is in the archive twice, with different content", quoted(path));
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
    pub(super) fn decompressed(&mut self, path: &str, inner: Outcome) {
        if let Some(Member::File(facts)) = self.by_path.get_mut(path) {
            facts.inside = inner.into();
        }
    }

    /// The bytes of a document that was kept.
    ///
    /// # Errors
    /// `LimitExceeded` if it was too large to be kept, `JsonInvalid` if it is nothing like JSON; `Io`.
    pub(super) fn read(&self, path: &str, facts: &Facts) -> Result<Vec<u8>> {
        if let Some(at) = facts.document {
            return self.documents.read(at, facts.size);
        }
        let limit = largest(path);
        if facts.size > limit {
            let message = format!("{} is {} bytes, {limit} at most are read", quoted(path), facts.size);
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        Err(Error::refused(Refusal::JsonInvalid, format!("{} is not JSON", quoted(path))))
    }

    /// The bytes of a document at the top of the archive, if it is there.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub(super) fn root(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.file(path).map(|facts| self.read(path, facts)).transpose()
    }

    /// Whether the blobs' digests have to be computed before the archive can be interpreted.
    pub(super) fn need_digests(&self) -> bool {
        self.undecided || self.file("index.json").is_none() || self.file("oci-layout").is_none()
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
