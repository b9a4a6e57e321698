//! Which blobs the store has verified, and how their files looked then.
//!
//! `STORE/.barge/verified` is a list of lines, each `DIGEST DEVICE INODE SIZE MTIME CTIME` with times in nanoseconds,
//! of which the last for a digest counts. Lines are added when a blob has been hashed on its way in; what is no such
//! line is passed over. The list may be lost or deleted at any time: then blobs are hashed again.
//!
//! A file that looks as it did then has not been written to through the file system since: that sets the ctime, which
//! no program can set back. Bits that rot on the disk, writes past the file system and a clock that was turned back
//! are not seen.

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions};
use std::hash::BuildHasherDefault;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::{Mutex, PoisonError};

use barge_oci::Digest;

use super::{PartOfDigest, Store, private_file, random_name};
use crate::cleanup::Temporary;

/// How a file looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    device: u64,
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

/// The blobs of a store that it has verified.
#[derive(Debug)]
pub struct Verified {
    store: Store,
    looks: HashMap<Digest, Look, BuildHasherDefault<PartOfDigest>>,
    /// Blobs being hashed now, as they looked before.
    hashed: Mutex<Vec<(Digest, Look)>>,
}

impl Verified {
    /// What `store` remembers; nothing if its list cannot be read.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        let list = std::fs::read(store.private("verified")).unwrap_or_default();
        let looks = String::from_utf8_lossy(&list).lines().filter_map(parse).collect();
        Self { store: store.clone(), looks, hashed: Mutex::default() }
    }

    /// Whether this file is the blob that was verified, unchanged. If not, it is noted as one that is hashed now.
    pub(crate) fn vouches(&self, digest: &Digest, file: &File) -> bool {
        let Ok(meta) = file.metadata() else { return false };
        let look = Look::of(&meta);
        let known = self.looks.get(digest) == Some(&look);
        if !known {
            self.hashed.lock().unwrap_or_else(PoisonError::into_inner).push((*digest, look));
        }
        known
    }

    /// Remembers that everything that was hashed was right.
    pub(crate) fn confirm(&self) {
        let hashed = std::mem::take(&mut *self.hashed.lock().unwrap_or_else(PoisonError::into_inner));
        self.store.append(&hashed);
    }
}

impl Look {
    fn of(meta: &Metadata) -> Self {
        let nanoseconds = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            changed: nanoseconds(meta.ctime(), meta.ctime_nsec()),
        }
    }
}

fn parse(line: &str) -> Option<(Digest, Look)> {
    let mut words = line.split(' ');
    let digest = words.next()?.parse().ok()?;
    let [device, inode, size] = [(); 3].map(|()| words.next().and_then(|w| w.parse().ok()));
    let [modified, changed] = [(); 2].map(|()| words.next().and_then(|w| w.parse().ok()));
    let look = Look { device: device?, inode: inode?, size: size?, modified: modified?, changed: changed? };
    words.next().is_none().then_some((digest, look))
}

fn line(digest: &Digest, look: &Look) -> String {
    let Look { device, inode, size, modified, changed } = look;
    format!("{digest} {device} {inode} {size} {modified} {changed}\n")
}

impl Store {
    /// Remembers blobs that were hashed while they came in, now that they have their names.
    pub(super) fn verified<'a>(&self, digests: impl Iterator<Item = &'a Digest>) {
        let look = |d: &Digest| Some((*d, Look::of(&std::fs::symlink_metadata(self.blob_path(d)).ok()?)));
        let looks: Vec<(Digest, Look)> = digests.filter_map(look).collect();
        self.append(&looks);
    }

    /// What cannot be remembered costs time later, nothing else.
    fn append(&self, looks: &[(Digest, Look)]) {
        if looks.is_empty() {
            return;
        }
        // A line that a crash has cut must not run into the next.
        let lines: String =
            std::iter::once("\n".to_owned()).chain(looks.iter().map(|(d, l)| line(d, l))).collect();
        let path = self.private("verified");
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let _ = file.and_then(|mut file| file.write_all(lines.as_bytes()));
    }

    /// Forgets blobs that are gone, once they are most of the list.
    pub(super) fn forget_gone(&self) {
        let known = Verified::of(self).looks;
        let (here, gone): (Vec<_>, Vec<_>) = known.iter().partition(|(digest, _)| self.holds(digest));
        if gone.len() <= here.len() {
            return;
        }
        let Ok(name) = random_name() else { return };
        let place = Temporary::new(self.private(&format!("verified.{name}")));
        let Ok(mut file) = private_file(place.path()) else { return };
        let lines: String = here.iter().map(|(digest, look)| line(digest, look)).collect();
        // Held while it is written, so that nobody takes it for what a killed process left.
        let written = file.lock().and_then(|()| file.write_all(lines.as_bytes()));
        if written.is_ok() && std::fs::rename(place.path(), self.private("verified")).is_ok() {
            place.kept();
        }
    }
}
