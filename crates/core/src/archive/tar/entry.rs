//! What a header and the records before it say of one entry.

use super::block::{BLOCK, bad, field, text};
use super::records::Pending;
use crate::error::{Error, Refusal, Result};

/// The longest path that is read; Linux's `PATH_MAX`.
const MAX_PATH_BYTES: usize = 4096;

/// What an entry is, as far as image archives are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A regular file; its content follows.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; the target is relative to the link's directory.
    Symlink,
    /// A hard link; the target is relative to the archive's root.
    Hardlink,
    /// A device, a FIFO, a sparse file or a type no image archive has.
    Special(u8),
}

/// One entry's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The path as written; bytes that are no UTF-8 are shown escaped.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of content that follow.
    pub size: u64,
    /// Where the header stands in the archive, in bytes.
    pub offset: u64,
    /// The target, for links.
    pub link: String,
}

impl Entry {
    /// The entry whose header stands at `offset` and tells `size`.
    ///
    /// # Errors
    /// `TarBad`, with the offset; `LimitExceeded` for long paths.
    pub(super) fn new(header: &[u8; BLOCK], pending: Pending, size: u64, offset: u64) -> Result<Self> {
        let ustar = field(header, 257, 6) == b"ustar\0";
        let mut path = text(field(header, 0, 100)).to_vec();
        let prefix = text(field(header, 345, 155));
        if ustar && !prefix.is_empty() {
            path = [prefix, b"/", &path].concat();
        } else if !prefix.is_empty() && header[156] != b'S' {
            // GNU's headers have times here; some readers take them for a part of the path.
            return Err(bad(offset, "a prefix in a header of a format that has none"));
        }
        let path = pending.path.unwrap_or(path);
        let link = pending.link.unwrap_or_else(|| text(field(header, 157, 100)).to_vec());
        if path.len() > MAX_PATH_BYTES || link.len() > MAX_PATH_BYTES {
            return Err(Error::refused(
                Refusal::LimitExceeded,
                format!("a path of {} bytes at byte {offset}", path.len().max(link.len())),
            ));
        }
        if let Some(pax) = pending.size.filter(|pax| size != 0 && *pax != size) {
            return Err(bad(offset, &format!("two sizes for one entry, {size} and {pax}")));
        }
        let size = pending.size.unwrap_or(size);
        let kind = match header[156] {
            _ if pending.sparse => EntryKind::Special(b'S'),
            // Before POSIX a directory was a file whose name ends in a slash, and many readers still think so.
            0 | b'0' | b'7' if path.ends_with(b"/") => EntryKind::Directory,
            0 | b'0' | b'7' => EntryKind::File,
            b'1' => EntryKind::Hardlink,
            b'2' => EntryKind::Symlink,
            b'5' => EntryKind::Directory,
            other => EntryKind::Special(other),
        };
        let has_content = matches!(kind, EntryKind::File | EntryKind::Special(_));
        if !has_content && size != 0 {
            return Err(bad(offset, "a link or directory with content"));
        }
        // Devices and FIFOs have no content whatever their size says.
        let size = if matches!(kind, EntryKind::Special(b'3' | b'4' | b'6')) { 0 } else { size };
        Ok(Self { path: lossless(&path), kind, size, offset, link: lossless(&link) })
    }
}

/// The path as text; bytes that are no UTF-8 become `�NN`, so that distinct paths stay distinct.
fn lossless(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\u{fffd}{byte:02x}"));
        }
    }
    out
}
