//! The tar container, read strictly.
//!
//! ```text
//! 0 name 100 | mode 8 | uid 8 | gid 8 | size 12 | mtime 12 | checksum 8 | type 1 | link 100
//! 257 magic 6 | version 2 | uname 32 | gname 32 | devmajor 8 | devminor 8 | prefix 155
//! ```
//!
//! The reader refuses what readers are known to disagree on (TARmageddon, CVE-2025-62518): a PAX size that
//! contradicts the header, global overrides, records that describe nothing. It knows offsets, so an error
//! can say where. It never extracts. What is written is in [`super::header`].

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use super::header::padded;
use crate::error::{Error, Refusal, Result, printable};

/// The numbers of a header that say nothing about an image, where they are and how long. Other readers refuse a header
/// with one that is none.
const NUMBERS: [(&str, usize, usize); 6] = [
    ("mode", 100, 8),
    ("user", 108, 8),
    ("group", 116, 8),
    ("time", 136, 12),
    ("device", 329, 8),
    ("minor device", 337, 8),
];
/// The unit of everything in a tar.
pub(crate) const BLOCK: usize = 512;
/// The largest PAX or GNU name record that is read; Go's limit.
const MAX_META_BYTES: u64 = 1 << 20;
/// The longest path that is read; Linux's `PATH_MAX`.
const MAX_PATH_BYTES: usize = 4096;

/// What an entry is, as far as image archives are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
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
pub(super) struct Entry {
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

/// Where a tar is read from.
pub(super) trait Input: Read {
    /// Passes over up to `n` bytes without reading them; returns how many.
    ///
    /// # Errors
    /// Those of the file.
    fn skip(&mut self, n: u64) -> io::Result<u64>;
}

/// A pipe or a decompressed stream: everything has to be read.
pub(super) struct Streamed<R>(pub R);

impl<R: Read> Read for Streamed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Input for Streamed<R> {
    fn skip(&mut self, _n: u64) -> io::Result<u64> {
        Ok(0)
    }
}

/// A regular file: what is not wanted is passed over by seeking, never beyond its end.
pub(super) struct SeekableFile<'a> {
    file: BufReader<&'a File>,
    left: u64,
}

impl<'a> SeekableFile<'a> {
    /// Reads `file` from where it stands.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn new(mut file: &'a File) -> io::Result<Self> {
        let left = file.metadata()?.len().saturating_sub(file.stream_position()?);
        Ok(Self { file: BufReader::with_capacity(16 << 10, file), left })
    }
}

impl Read for SeekableFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

impl Input for SeekableFile<'_> {
    fn skip(&mut self, n: u64) -> io::Result<u64> {
        let n = n.min(self.left);
        self.file.seek_relative(n.cast_signed())?;
        self.left -= n;
        Ok(n)
    }
}

/// Reads a tar front to back.
pub(super) struct Reader<R> {
    input: R,
    offset: u64,
    /// Bytes of the current entry that have not been read, padding included.
    remaining: u64,
    /// Whether blocks of zeros, or the end of the input, were seen.
    ended: bool,
    /// Whether it ended in any other way than with a marker and nothing behind it.
    pub odd_end: bool,
    /// Oddities that are accepted.
    pub warnings: Vec<String>,
}

/// Records that describe the next entry.
#[derive(Default)]
struct Pending {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
    /// A PAX record was read.
    pax: bool,
    /// A GNU name record was read.
    gnu: bool,
}

impl<R: Input> Reader<R> {
    /// Starts at the first byte of an archive.
    pub(super) fn new(input: R) -> Self {
        Self { input, offset: 0, remaining: 0, ended: false, odd_end: false, warnings: Vec::new() }
    }

    /// The next entry; what is left of the one before is skipped. `None` at the end of the archive.
    ///
    /// # Errors
    /// `TarTruncated` or `TarBad`, with the offset.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>> {
        self.skip_rest()?;
        let mut pending = Pending::default();
        loop {
            let offset = self.offset;
            let Some(header) = self.header()? else {
                if pending.pax || pending.gnu {
                    return Err(bad(offset, "a PAX or GNU record that describes no entry"));
                }
                return Ok(None);
            };
            let size =
                number(field(&header, 124, 12)).ok_or_else(|| bad(offset, "a size that is no number"))?;
            let size = u64::try_from(size).map_err(|_| bad(offset, "a negative size"))?;
            match header[156] {
                // Readers disagree on which of several records counts, so there may be one kind only, and PAX once.
                b'x' if pending.pax || pending.gnu => {
                    return Err(bad(offset, "several records for one entry"));
                }
                b'g' if pending.pax || pending.gnu => {
                    return Err(bad(offset, "a global record between a record and its entry"));
                }
                b'L' | b'K' if pending.pax => return Err(bad(offset, "a GNU name beside a PAX record")),
                b'L' if pending.path.is_some() => return Err(bad(offset, "two long names for one entry")),
                b'K' if pending.link.is_some() => {
                    return Err(bad(offset, "two long link names for one entry"));
                }
                b'x' => self.pax(&mut pending, size, offset)?,
                b'g' => self.global(size, offset)?,
                b'L' => pending.path = Some(self.long_name(&mut pending, size, offset)?),
                b'K' => pending.link = Some(self.long_name(&mut pending, size, offset)?),
                _ => return self.entry(&header, pending, size, offset).map(Some),
            }
        }
    }

    /// How far it has read: where the content of the current entry begins.
    pub(super) fn position(&self) -> u64 {
        self.offset
    }

    /// Reads content of the current entry; 0 at its end.
    ///
    /// # Errors
    /// `TarTruncated` if the input ends first; `Io`.
    pub(super) fn read_content(&mut self, size: u64, read: &mut u64, buffer: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(size - *read).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..left).filter(|b| !b.is_empty()) else { return Ok(0) };
        let n = self.read_some(buffer)?;
        if n == 0 {
            let message = format!(
                "the archive ends at byte {}, {} bytes before the end of an entry",
                self.offset,
                size - *read
            );
            return Err(Error::refused(Refusal::TarTruncated, message));
        }
        *read += n as u64;
        self.remaining -= n as u64;
        Ok(n)
    }

    /// Reads what follows the end marker, so that a writer on a pipe is not cut off and a compressed
    /// stream's checksum is checked.
    ///
    /// # Errors
    /// `LimitExceeded` beyond 1 GiB; `Io`.
    pub(super) fn drain(&mut self) -> Result<()> {
        const MOST: u64 = 1 << 30;
        let (start, mut garbage) = (self.offset, false);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = self.read_some(&mut buffer)?;
            if n == 0 {
                break;
            }
            garbage |= buffer.iter().take(n).any(|b| *b != 0);
            if self.offset - start > MOST {
                return Err(Error::refused(
                    Refusal::LimitExceeded,
                    "more than 1 GiB after the end of the archive",
                ));
            }
        }
        if garbage {
            self.odd_end = true;
            self.warnings.push(format!("data after the end of the archive, at byte {start}, ignored"));
        }
        Ok(())
    }

    /// The next header block; `None` at the end marker or the end of the input.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>> {
        if self.ended {
            return Ok(None);
        }
        let offset = self.offset;
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => {
                (self.ended, self.odd_end) = (true, true);
                self.warnings.push("the archive has no end marker".to_owned());
                return Ok(None);
            }
            BLOCK => {}
            n => {
                let message = format!("the archive ends at byte {}, inside a header", offset + n as u64);
                return Err(Error::refused(Refusal::TarTruncated, message));
            }
        }
        if block == [0; BLOCK] {
            self.ended = true;
            let mut second = [0; BLOCK];
            let n = self.fill(&mut second)?;
            if n < BLOCK {
                self.odd_end = true;
                self.warnings.push("the archive has half an end marker".to_owned());
            } else if second != [0; BLOCK] {
                return Err(bad(offset, "a lone block of zeros between entries"));
            }
            return Ok(None);
        }
        if !is_header(&block) {
            return Err(bad(offset, "a header with a wrong checksum"));
        }
        if let Some((what, ..)) =
            NUMBERS.iter().find(|(_, at, len)| number(field(&block, *at, *len)).is_none())
        {
            return Err(bad(offset, &format!("a {what} that is no number")));
        }
        Ok(Some(block))
    }

    fn entry(&mut self, header: &[u8; BLOCK], pending: Pending, size: u64, offset: u64) -> Result<Entry> {
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
        if header[156] == b'S' && header[482] != 0 {
            self.skip_sparse_map(offset)?;
        }
        let has_content = matches!(kind, EntryKind::File | EntryKind::Special(_));
        if !has_content && size != 0 {
            return Err(bad(offset, "a link or directory with content"));
        }
        // Devices and FIFOs have no content whatever their size says.
        let size = if matches!(kind, EntryKind::Special(b'3' | b'4' | b'6')) { 0 } else { size };
        if size.checked_add(self.offset).is_none_or(|end| end > i64::MAX as u64) {
            return Err(bad(offset, "a size beyond any file"));
        }
        self.remaining = padded(size);
        Ok(Entry { path: lossless(&path), kind, size, offset, link: lossless(&link) })
    }

    /// Passes over the blocks that continue an old GNU sparse map.
    fn skip_sparse_map(&mut self, offset: u64) -> Result<()> {
        /// Each block maps 21 pieces of the file.
        const MOST: usize = 4096;
        let mut block = [0; BLOCK];
        for _ in 0..MOST {
            if self.fill(&mut block)? < BLOCK {
                let message = format!("the archive ends at byte {}, inside a sparse map", self.offset);
                return Err(Error::refused(Refusal::TarTruncated, message));
            }
            if block[504] == 0 {
                return Ok(());
            }
        }
        Err(bad(offset, "a sparse map without end"))
    }

    /// A PAX record for the next entry.
    fn pax(&mut self, pending: &mut Pending, size: u64, offset: u64) -> Result<()> {
        pending.pax = true;
        for (key, value) in
            records(&self.meta(size, offset)?).ok_or_else(|| bad(offset, "a malformed PAX record"))?
        {
            match key.as_slice() {
                b"path" => pending.path = Some(value),
                b"linkpath" => pending.link = Some(value),
                b"size" => {
                    let size =
                        std::str::from_utf8(&value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
                    let size = size.and_then(|v| v.parse().ok());
                    pending.size = Some(size.ok_or_else(|| bad(offset, "a PAX size that is no number"))?);
                }
                key if key.starts_with(b"GNU.sparse.") => pending.sparse = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// A global PAX record; only comments and the like are accepted, not what changes entries.
    fn global(&mut self, size: u64, offset: u64) -> Result<()> {
        let records =
            records(&self.meta(size, offset)?).ok_or_else(|| bad(offset, "a malformed PAX record"))?;
        let overrides =
            |key: &[u8]| matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse.");
        if records.iter().any(|(key, _)| overrides(key)) {
            return Err(bad(offset, "a global PAX record that overrides entries"));
        }
        Ok(())
    }

    fn long_name(&mut self, pending: &mut Pending, size: u64, offset: u64) -> Result<Vec<u8>> {
        pending.gnu = true;
        let name = text(&self.meta(size, offset)?).to_vec();
        if name.is_empty() { Err(bad(offset, "an empty long name")) } else { Ok(name) }
    }

    /// The whole content of a record. Some readers go on reading in its padding, so nothing may be there.
    fn meta(&mut self, size: u64, offset: u64) -> Result<Vec<u8>> {
        if size > MAX_META_BYTES {
            let message = format!(
                "a PAX or GNU record of {size} bytes at byte {offset}, {MAX_META_BYTES} at most are read"
            );
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let whole = padded(size);
        self.remaining = whole;
        let mut content = vec![0; usize::try_from(whole).unwrap_or_default()];
        let (mut read, mut at) = (0, 0);
        while let Some(rest) = content.get_mut(at..).filter(|r| !r.is_empty()) {
            at += self.read_content(whole, &mut read, rest)?;
        }
        let padding = content.split_off(usize::try_from(size).unwrap_or_default());
        if padding.iter().any(|byte| *byte != 0) {
            return Err(bad(offset, "a PAX or GNU record that goes on in its padding"));
        }
        Ok(content)
    }

    fn skip_rest(&mut self) -> Result<()> {
        if self.remaining > 0 {
            let skipped = self.input.skip(self.remaining);
            let skipped = skipped.map_err(|e| super::decompress::read_error(self.offset, e))?;
            self.offset += skipped;
            self.remaining -= skipped;
        }
        let mut buffer = [0; 8 << 10];
        while self.remaining > 0 {
            let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
            let n = self.read_some(buffer.get_mut(..most).unwrap_or_default())?;
            if n == 0 {
                // The padding of the last entry may be missing: nothing is lost with it.
                if self.remaining < BLOCK as u64 {
                    self.remaining = 0;
                    return Ok(());
                }
                let message = format!("the archive ends at byte {}, inside an entry", self.offset);
                return Err(Error::refused(Refusal::TarTruncated, message));
            }
            self.remaining -= n as u64;
        }
        Ok(())
    }

    fn fill(&mut self, block: &mut [u8; BLOCK]) -> Result<usize> {
        let mut at = 0;
        while let Some(rest) = block.get_mut(at..).filter(|r| !r.is_empty()) {
            match self.read_some(rest)? {
                0 => break,
                n => at += n,
            }
        }
        Ok(at)
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.input.read(buffer) {
                Ok(n) => {
                    self.offset += n as u64;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(super::decompress::read_error(self.offset, e)),
            }
        }
    }
}

fn bad(offset: u64, what: &str) -> Error {
    Error::refused(Refusal::TarBad, format!("not a sound tar: {what}, at byte {offset}"))
}

fn field(header: &[u8; BLOCK], at: usize, len: usize) -> &[u8] {
    header.get(at..at + len).unwrap_or_default()
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

/// Octal digits between spaces, up to the first NUL, or GNU's base-256; nothing at all is 0, and what is too large for
/// anything is the largest number. What Go and Python do not read alike is no number: digits behind nothing but a NUL, and base-256
/// that does not begin with 0x80 or 0xff.
fn number(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    let binary = |start| {
        let shifted = |n: i64, b: &u8| n.saturating_mul(256).saturating_add(i64::from(*b));
        rest.iter().fold(start, shifted)
    };
    match first {
        0x80 => return Some(binary(0)),
        0xff => return Some(binary(-1)),
        _ => {}
    }
    let digits = text(field);
    let behind = field.get(digits.len()..).unwrap_or_default();
    let blanks = digits.iter().take_while(|b| **b == b' ').count();
    let digits = digits.get(blanks..).unwrap_or_default();
    if digits.is_empty() {
        return behind.iter().all(|b| matches!(b, 0 | b' ')).then_some(0);
    }
    let blanks = digits.iter().rev().take_while(|b| **b == b' ').count();
    let digits = digits.get(..digits.len() - blanks).unwrap_or_default();
    digits.iter().try_fold(0_i64, |n, b| match b {
        b'0'..=b'7' => n.checked_mul(8)?.checked_add(i64::from(b - b'0')),
        _ => None,
    })
}

/// Reads a whole tar, whatever its entries are, and what follows its end.
///
/// # Errors
/// As [`Reader::next_entry`] and [`Reader::drain`].
pub(crate) fn read_through(input: impl Read) -> Result<()> {
    let mut reader = Reader::new(Streamed(input));
    while reader.next_entry()?.is_some() {}
    reader.drain()
}

/// What the entries of a tar are, for whoever holds it against another reader: path, type, size and where the content
/// begins. No path ends in a slash, an empty file is a directory, and of what no image has there is only the type, `S`.
///
/// # Errors
/// As [`Reader::next_entry`].
#[cfg(fuzzing)]
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

/// Whether what begins with these bytes is a tar: its first block is a header, or the end of an empty one.
pub(crate) fn begins_tar(start: &[u8]) -> bool {
    start.first_chunk().is_some_and(|block| is_header(block) || *block == [0; BLOCK])
}

/// Whether a block has the checksum of a header; none is not 0.
fn is_header(block: &[u8; BLOCK]) -> bool {
    if field(block, 148, 8).iter().all(|b| matches!(b, 0 | b' ')) {
        return false;
    }
    let sum = number(field(block, 148, 8));
    sum == Some(i64::from(checksum(block, u32::from))) || sum == Some(signed_checksum(block))
}

pub(super) fn checksum(header: &[u8; BLOCK], value: impl Fn(u8) -> u32) -> u32 {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, b)| if (148..156).contains(&at) { u32::from(b' ') } else { value(*b) }).sum()
}

/// As computed by historic tars whose characters were signed.
fn signed_checksum(header: &[u8; BLOCK]) -> i64 {
    let bytes = header.iter().enumerate();
    bytes
        .map(|(at, b)| if (148..156).contains(&at) { i64::from(b' ') } else { i64::from(b.cast_signed()) })
        .sum()
}

/// `length key=value\n`, again and again.
fn records(mut data: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut out: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    while !data.is_empty() {
        let space = data.iter().take(20).position(|b| *b == b' ')?;
        let length = std::str::from_utf8(data.get(..space)?).ok()?;
        if !length.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let length: usize = length.parse().ok()?;
        let record = data.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|b| *b == b'=')?;
        let (key, value) = (record.get(..equals)?, record.get(equals + 1..)?);
        let naming = matches!(key, b"path" | b"linkpath" | b"size");
        if naming && (value.is_empty() || value.contains(&0) || out.iter().any(|(k, _)| k == key)) {
            return None;
        }
        out.push((key.to_vec(), value.to_vec()));
        data = data.get(length..)?;
    }
    Some(out)
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

/// Makes a path safe to print inside an error.
pub(super) fn shown(path: &str) -> String {
    format!("`{}`", printable(path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::archive::header::{header, sealed, ustar};

    fn read(archive: &[u8]) -> Result<Vec<Entry>> {
        let mut reader = Reader::new(Streamed(archive));
        std::iter::from_fn(|| reader.next_entry().transpose()).collect()
    }

    fn archive(path: &str, content: &[u8]) -> Vec<u8> {
        let mut out = header(path, 0o444, content.len() as u64);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
        out
    }

    #[test]
    fn large_sizes_and_long_names_survive() {
        let mut reader = Reader::new(Streamed(io::Cursor::new(header("blobs/x", 0o444, 9_663_676_416))));
        assert_eq!(reader.next_entry().unwrap().unwrap().size, 9_663_676_416);
        let long = format!("blobs/sha512/{}", "a".repeat(128));
        assert_eq!(read(&archive(&long, b"x")).unwrap()[0].path, long);
    }

    #[test]
    fn base_256_and_negative_sizes() {
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x04\0"), Some(1024));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfc\0"), Some(-1024));
        assert_eq!(number(b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Some(i64::MAX));
        for odd in [&b"\xbf\xff\xff\xff\xff\xff\xff\xff"[..], b"12\x0034", b"1 2", b"\x00\x0012", b"+7"] {
            let expected = (odd == b"12\x0034").then_some(0o12);
            assert_eq!(number(odd), expected, "{odd:?}");
        }
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"9"), None);
    }

    #[test]
    fn refuses_contradicting_sizes() {
        let mut out = sealed(ustar("x", 0, 12, b'x')).to_vec();
        out.extend_from_slice(b"12 size=999\n");
        out.resize(2 * BLOCK, 0);
        out.extend_from_slice(&archive("a", b"abc"));
        assert_eq!(read(&out).unwrap_err().refusal(), Some(Refusal::TarBad));
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(path in "[a-z]{1,40}(/[a-z0-9]{1,90}){0,2}", content: Vec<u8>) {
            let bytes = archive(&path, &content);
            let mut reader = Reader::new(Streamed(bytes.as_slice()));
            let entry = reader.next_entry().unwrap().unwrap();
            prop_assert_eq!(&entry.path, &path);
            let (mut read, mut back, mut buffer) = (0, Vec::new(), [0; 7]);
            loop {
                let n = reader.read_content(entry.size, &mut read, &mut buffer).unwrap();
                if n == 0 { break; }
                back.extend_from_slice(&buffer[..n]);
            }
            prop_assert_eq!(back, content);
            prop_assert!(reader.next_entry().unwrap().is_none());
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
            let _ = read(&bytes);
        }
    }
}
