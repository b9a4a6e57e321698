//! A tar as others see it, to hold this reader against them.

use super::entry::EntryKind;
use super::input::Streamed;
use super::reader::Reader;
use crate::error::Result;

/// What the entries of a tar are, for whoever holds it against another reader: path, type, size and where the content
/// begins. No path ends in a slash, an empty file is a directory, and of what no image has there is only the type, `S`.
///
/// # Errors
/// As [`Reader::next_entry`].
pub fn entries(tar: &[u8]) -> Result<Vec<(String, char, u64, u64)>> {
    let mut reader = Reader::new(Streamed(tar));
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let (kind, size) = match entry.kind {
            EntryKind::File if entry.size > 0 => ('0', entry.size),
            EntryKind::Hardlink => ('1', 0),
            EntryKind::Symlink => ('2', 0),
            EntryKind::File | EntryKind::Directory => ('5', 0),
            EntryKind::Special(_) => {
                all.push((String::new(), 'S', 0, 0));
                continue;
            }
        };
        // Bytes that are no UTF-8 as Python shows them.
        let path = entry.path.trim_end_matches('/').replace('\u{fffd}', "\\x");
        all.push((path, kind, size, reader.position()));
    }
    Ok(all)
}
