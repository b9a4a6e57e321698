//! The table at the end of a zstd file that says where its frames are: read, and written.
//!
//! ```text
//! frame, frame, ... | skippable frame: LE32 0x184D2A5E | LE32 size
//!                     for each frame LE32 its length | LE32 length of its content | LE32 checksum, if there are any
//!                     LE32 number of frames | flags: 0x80 checksums | LE32 0x8F92EAB1
//! ```
//!
//! The format is zstd's (`contrib/seekable_format`). A table that does not account for every byte of the file, or has
//! frames that are larger than need be, is none: then the file is read front to back like any other. What is written
//! has no checksums: blobs have their digests, and compressed frames their own.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::decompress::{FREE_BYTES, MAX_RATIO};

/// What a frame begins with that readers pass over, and what a seek table ends with.
pub(super) const SKIPPABLE: u32 = 0x184d_2a5e;
pub(super) const SEEKABLE: u32 = 0x8f92_eab1;
const CHECKSUMS: u8 = 0x80;
/// Number of frames, flags and magic number.
const FOOTER: u64 = 9;
/// What is before a skippable frame's content.
pub(super) const HEAD: u64 = 8;
/// How many frames are read by their table: 2 TiB of those that barge writes.
const MAX_FRAMES: u64 = 1 << 20;
/// How large a frame may be, and its content: each is in memory as a whole.
const MAX_FRAME: u64 = 3 << 20;
/// How much frames have to hold, one with another, and how many may hold nothing.
const LEAST_FRAME: u64 = 16 << 10;
const SPARE_FRAMES: u64 = 256;

/// Where the frames of a file are.
pub(super) struct Table {
    pub file: File,
    /// Where each frame begins in the file and in the content; one more stands for the end.
    frames: Vec<(u64, u64)>,
    /// How long an entry of the table is.
    entry: u64,
}

/// Where a frame is in the file, how long it is, and how long its content.
pub(super) struct Place {
    pub from: u64,
    pub packed: usize,
    pub plain: usize,
}

impl Table {
    /// The table of a file; `None` if it has none, or none that can be used.
    ///
    /// # Errors
    /// Those of reading the file.
    pub(super) fn of(file: File) -> io::Result<Option<Self>> {
        let length = file.metadata()?.len();
        let Some(footer_at) = length.checked_sub(FOOTER) else { return Ok(None) };
        let mut footer = [0; FOOTER as usize];
        file.read_exact_at(&mut footer, footer_at)?;
        let (count, flags) = (u64::from(number(&footer, 0)), footer[4]);
        let entry = if flags == CHECKSUMS { 12 } else { 8 };
        let size = count * entry + FOOTER;
        let Some(at) = length.checked_sub(size + HEAD) else { return Ok(None) };
        if number(&footer, 5) != SEEKABLE || flags & !CHECKSUMS != 0 || count > MAX_FRAMES {
            return Ok(None);
        }
        let mut table = vec![0; usize::try_from(HEAD + size - FOOTER).unwrap_or_default()];
        file.read_exact_at(&mut table, at)?;
        if number(&table, 0) != SKIPPABLE || u64::from(number(&table, 4)) != size {
            return Ok(None);
        }
        let (mut frames, mut end) = (Vec::with_capacity(count as usize + 1), (0, 0));
        for entry in table.get(HEAD as usize..).unwrap_or_default().chunks_exact(entry as usize) {
            frames.push(end);
            let (packed, plain) = (u64::from(number(entry, 0)), u64::from(number(entry, 4)));
            if packed > MAX_FRAME || plain > MAX_FRAME {
                return Ok(None);
            }
            end = (end.0 + packed, end.1 + plain);
        }
        frames.push(end);
        let reasonable = end.1 <= length.saturating_mul(MAX_RATIO).saturating_add(FREE_BYTES)
            // Each frame takes a while, whatever is in it.
            && count <= SPARE_FRAMES + end.1 / LEAST_FRAME;
        Ok((end.0 == at && reasonable).then_some(Self { file, frames, entry }))
    }

    /// How long the content is.
    pub(super) fn length(&self) -> u64 {
        self.frames.last().map_or(0, |(_, plain)| *plain)
    }

    /// How long the file is.
    pub(super) fn file_length(&self) -> u64 {
        let count = self.frames.len().saturating_sub(1) as u64;
        self.frames.last().map_or(0, |(end, _)| *end) + HEAD + count * self.entry + FOOTER
    }

    /// The frame in which byte `at` of the content is, and where in the content it begins.
    pub(super) fn frame_of(&self, at: u64) -> (usize, u64) {
        let frame = self.frames.partition_point(|(_, plain)| *plain <= at).saturating_sub(1);
        (frame, self.frames.get(frame).map_or(0, |(_, plain)| *plain))
    }

    /// Where a frame is; `None` behind the last one.
    pub(super) fn place(&self, frame: usize) -> Option<Place> {
        let (&(from, plain_from), &(to, plain_to)) = (self.frames.get(frame)?, self.frames.get(frame + 1)?);
        // What `MAX_FRAME` bounds.
        let length = |n: u64| usize::try_from(n).unwrap_or_default();
        Some(Place { from, packed: length(to - from), plain: length(plain_to - plain_from) })
    }
}

/// The table of frames with these lengths, and these of what they hold.
pub(super) fn written(frames: &[(u32, u32)]) -> Vec<u8> {
    let entries = frames.iter().flat_map(|(packed, plain)| [packed.to_le_bytes(), plain.to_le_bytes()]);
    let mut content: Vec<u8> = entries.flatten().collect();
    content.extend(small(frames.len()).to_le_bytes());
    content.push(0);
    content.extend(SEEKABLE.to_le_bytes());
    let mut table = skippable(content.len());
    table.extend(content);
    table
}

/// What is before the content of a frame that readers pass over.
pub(super) fn skippable(length: usize) -> Vec<u8> {
    [SKIPPABLE.to_le_bytes(), small(length).to_le_bytes()].concat()
}

/// Lengths of blocks, and of tables; far below 4 GiB.
pub(super) fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The four bytes from `at` on.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    /// A file of frames with a table that says this of them.
    pub(in crate::archive) fn file(frames: &[Vec<u8>], table: &[(u32, u32)], checksums: bool) -> File {
        let mut out = frames.concat();
        let mut content: Vec<u8> = Vec::new();
        for (packed, plain) in table {
            content.extend(packed.to_le_bytes());
            content.extend(plain.to_le_bytes());
            content.extend(if checksums { &[1, 2, 3, 4][..] } else { &[] });
        }
        content.extend((table.len() as u32).to_le_bytes());
        content.push(if checksums { CHECKSUMS } else { 0 });
        content.extend(SEEKABLE.to_le_bytes());
        out.extend(SKIPPABLE.to_le_bytes());
        out.extend((content.len() as u32).to_le_bytes());
        out.extend(content);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&out).unwrap();
        file
    }

    #[test]
    fn tables_that_are_not_worth_it_are_none() {
        let empty = zstd::encode_all(&[][..], 1).unwrap();
        let many = vec![empty.clone(); SPARE_FRAMES as usize + 1];
        let table: Vec<(u32, u32)> = many.iter().map(|frame| (frame.len() as u32, 0)).collect();
        assert!(Table::of(file(&many, &table, false)).unwrap().is_none());
        assert!(Table::of(file(&many[1..], &table[1..], false)).unwrap().is_some());
        let large = zstd::encode_all(vec![0; 4 << 20].as_slice(), 1).unwrap();
        let table = [(large.len() as u32, 4 << 20)];
        assert!(Table::of(file(&[large], &table, false)).unwrap().is_none());
        assert!(Table::of(tempfile::tempfile().unwrap()).unwrap().is_none());
    }
}
