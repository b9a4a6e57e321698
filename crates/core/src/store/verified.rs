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
use std::fs::File;
use std::hash::BuildHasherDefault;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use barge_oci::Digest;
use rustix::fs::{FileType, Stat};

use super::blobs::PartOfDigest;
use super::{Area, Store};

const LIST: &str = "verified";
/// As much of the list as is read, a line of which is 150 to 220 bytes.
const MAX_LIST_BYTES: u64 = 256 << 20;
/// How many lines too many are not worth the trouble.
const SPARE: usize = 16;

/// How a file looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    device: u64,
    inode: u64,
    /// Whether it is a regular file.
    pub(super) is_file: bool,
    pub(super) size: u64,
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
        let list = store.list_of_verified();
        let looks = String::from_utf8_lossy(&list).lines().filter_map(parse).collect();
        Self { store: store.clone(), looks, hashed: Mutex::default() }
    }

    /// Whether this file is the blob that was verified, unchanged. If not, it is noted as one that is hashed now.
    pub(crate) fn vouches(&self, digest: &Digest, file: &File) -> bool {
        let Ok(look) = Look::at(file) else { return false };
        let known = self.knows(digest, file);
        if !known {
            self.hashed.lock().unwrap_or_else(PoisonError::into_inner).push((*digest, look));
        }
        known
    }

    /// Whether this file looks now as it did when it was verified.
    pub(crate) fn knows(&self, digest: &Digest, file: &File) -> bool {
        Look::at(file).is_ok_and(|look| self.looks.get(digest) == Some(&look))
    }

    /// Remembers that everything that was hashed was right.
    pub(crate) fn confirm(&self) {
        let hashed = std::mem::take(&mut *self.hashed.lock().unwrap_or_else(PoisonError::into_inner));
        self.store.append(&hashed);
    }
}

impl Look {
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        reason = "the types are others on other systems"
    )]
    pub(super) fn of(stat: &Stat) -> Self {
        let nanoseconds = |s, ns| i128::from(s) * 1_000_000_000 + ns;
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            is_file: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: nanoseconds(stat.st_mtime, i128::from(stat.st_mtime_nsec)),
            changed: nanoseconds(stat.st_ctime, i128::from(stat.st_ctime_nsec)),
        }
    }

    /// How an open file looks.
    pub(super) fn at(file: &File) -> io::Result<Self> {
        Ok(Self::of(&rustix::fs::fstat(file)?))
    }

    /// Whether this is how the same file looks, at whatever time.
    pub(super) fn is_file_of(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether nothing was written to a file between two looks. Its ctime may differ: it was renamed.
    fn has_content_of(&self, before: &Self) -> bool {
        Self { changed: before.changed, ..*self } == *before
    }
}

fn parse(line: &str) -> Option<(Digest, Look)> {
    let mut words = line.split(' ');
    let digest = words.next()?.parse().ok()?;
    let [device, inode, size] = [(); 3].map(|()| words.next().and_then(|w| w.parse().ok()));
    let [modified, changed] = [(); 2].map(|()| words.next().and_then(|w| w.parse().ok()));
    let (modified, changed) = (modified?, changed?);
    let look = Look { device: device?, inode: inode?, is_file: true, size: size?, modified, changed };
    words.next().is_none().then_some((digest, look))
}

fn line(digest: &Digest, look: &Look) -> String {
    let Look { device, inode, size, modified, changed, .. } = look;
    format!("{digest} {device} {inode} {size} {modified} {changed}\n")
}

impl Store {
    /// Remembers blobs that were hashed while they came in, now that they have their names, unless they were written
    /// to since they looked like this.
    pub(super) fn verified(&self, hashed: impl Iterator<Item = (Digest, Look)>) {
        let looks = hashed.filter_map(|(digest, before)| {
            let now = self.look(&digest).ok()??;
            now.has_content_of(&before).then_some((digest, now))
        });
        self.append(&looks.collect::<Vec<_>>());
    }

    /// What cannot be remembered costs time later, nothing else.
    fn append(&self, looks: &[(Digest, Look)]) {
        if looks.is_empty() {
            return;
        }
        // A line that a crash has cut must not run into the next.
        let lines: String =
            std::iter::once("\n".to_owned()).chain(looks.iter().map(|(d, l)| line(d, l))).collect();
        let file = self.try_folder(Area::Private).and_then(|private| private.append(LIST));
        let _ = file.and_then(|mut file| file.write_all(lines.as_bytes()));
    }

    fn list_of_verified(&self) -> Vec<u8> {
        let list = self.try_folder(Area::Private).and_then(|private| private.content(LIST, MAX_LIST_BYTES));
        list.unwrap_or_default()
    }

    /// Writes the list anew when most of it is of blobs that are gone, or looked otherwise once.
    pub(super) fn tidy_verified(&self) {
        let list = self.list_of_verified();
        let lines = list.iter().filter(|byte| **byte == b'\n').count();
        let known = Verified::of(self).looks;
        let here: Vec<_> = known.iter().filter(|(digest, _)| self.holds(digest)).collect();
        if lines <= 2 * here.len() + SPARE {
            return;
        }
        let lines: String = here.iter().map(|(digest, look)| line(digest, look)).collect();
        let _ = self.replace_private(LIST, lines.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_wrote_to_since_it_was_hashed_is_vouched_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        store.create().unwrap();
        let (one, two) = (Digest::sha256(b"one"), Digest::sha256(b"two"));
        let received = |digest: &Digest| {
            let path = folder.path().join(digest.hex());
            std::fs::write(&path, "content").unwrap();
            (*digest, Look::at(&File::open(path).unwrap()).unwrap())
        };
        let hashed = [received(&one), received(&two)];
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(folder.path().join(two.hex()), "CONTENT").unwrap();
        for digest in [&one, &two] {
            std::fs::rename(folder.path().join(digest.hex()), store.blob_path(digest)).unwrap();
        }
        store.verified(hashed.into_iter());
        let verified = Verified::of(&store);
        let known = |digest| verified.knows(digest, &File::open(store.blob_path(digest)).unwrap());
        assert_eq!((known(&one), known(&two)), (true, false));
    }
}
