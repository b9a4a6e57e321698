//! A tar front to back, entry by entry.

use std::io::Read;

use super::block::{BLOCK, bad, check, content_size, padded, truncated};
use super::entry::Entry;
use super::input::{Counted, Input, Streamed};
use super::records::{Pending, Record};
use crate::error::{Error, Refusal, Result};

/// The largest PAX or GNU name record that is read; Go's limit.
const MAX_META_BYTES: u64 = 1 << 20;

/// Reads a tar front to back.
pub(crate) struct Reader<R> {
    input: Counted<R>,
    /// Bytes of the current entry that have not been read, padding included.
    remaining: u64,
    /// Whether blocks of zeros, or the end of the input, were seen.
    ended: bool,
    /// Whether it ended in any other way than with a marker and nothing behind it.
    pub odd_end: bool,
    /// Oddities that are accepted.
    pub warnings: Vec<String>,
}

impl<R: Input> Reader<R> {
    /// Starts at the first byte of an archive.
    pub(crate) fn new(input: R) -> Self {
        Self { input: Counted::new(input), remaining: 0, ended: false, odd_end: false, warnings: Vec::new() }
    }

    /// The next entry; what is left of the one before is skipped. `None` at the end of the archive.
    ///
    /// # Errors
    /// `TarTruncated` or `TarBad`, with the offset.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry>> {
        self.skip_rest()?;
        let mut pending = Pending::default();
        loop {
            let offset = self.input.at;
            let Some(header) = self.header()? else {
                if pending.any() {
                    return Err(bad(offset, "a PAX or GNU record that describes no entry"));
                }
                return Ok(None);
            };
            let size = content_size(&header, offset)?;
            let Some(record) = Record::of(header[156]) else {
                return self.entry(&header, pending, size, offset).map(Some);
            };
            pending.admit(record, offset)?;
            pending.take(record, &self.meta(size, offset)?, offset)?;
        }
    }

    /// How far it has read: where the content of the current entry begins.
    pub(crate) fn position(&self) -> u64 {
        self.input.at
    }

    /// Reads content of the current entry; 0 at its end.
    ///
    /// # Errors
    /// `TarTruncated` if the input ends first; `Io`.
    pub(crate) fn read_content(&mut self, size: u64, read: &mut u64, buffer: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(size - *read).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..left).filter(|b| !b.is_empty()) else { return Ok(0) };
        let n = self.input.read(buffer)?;
        if n == 0 {
            let place = format!("{} bytes before the end of an entry", size - *read);
            return Err(truncated(self.input.at, &place));
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
    pub(crate) fn drain(&mut self) -> Result<()> {
        const MOST: u64 = 1 << 30;
        let (start, mut garbage) = (self.input.at, false);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = self.input.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            garbage |= buffer.iter().take(n).any(|b| *b != 0);
            if self.input.at - start > MOST {
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
        let offset = self.input.at;
        let mut block = [0; BLOCK];
        match self.input.fill(&mut block)? {
            0 => {
                (self.ended, self.odd_end) = (true, true);
                self.warnings.push("the archive has no end marker".to_owned());
                return Ok(None);
            }
            BLOCK => {}
            _ => return Err(truncated(self.input.at, "inside a header")),
        }
        if block == [0; BLOCK] {
            self.ended = true;
            let mut second = [0; BLOCK];
            let n = self.input.fill(&mut second)?;
            if n < BLOCK {
                self.odd_end = true;
                self.warnings.push("the archive has half an end marker".to_owned());
            } else if second != [0; BLOCK] {
                return Err(bad(offset, "a lone block of zeros between entries"));
            }
            return Ok(None);
        }
        check(&block, offset)?;
        Ok(Some(block))
    }

    fn entry(&mut self, header: &[u8; BLOCK], pending: Pending, size: u64, offset: u64) -> Result<Entry> {
        let entry = Entry::new(header, pending, size, offset)?;
        skip_map(header, &mut self.input, offset)?;
        if entry.size.checked_add(self.input.at).is_none_or(|end| end > i64::MAX as u64) {
            return Err(bad(offset, "a size beyond any file"));
        }
        self.remaining = padded(entry.size);
        Ok(entry)
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
            self.remaining -= self.input.skip(self.remaining)?;
        }
        let mut buffer = [0; 8 << 10];
        while self.remaining > 0 {
            let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
            let n = self.input.read(buffer.get_mut(..most).unwrap_or_default())?;
            if n == 0 {
                // The padding of the last entry may be missing: nothing is lost with it.
                if self.remaining < BLOCK as u64 {
                    self.remaining = 0;
                    return Ok(());
                }
                return Err(truncated(self.input.at, "inside an entry"));
            }
            self.remaining -= n as u64;
        }
        Ok(())
    }
}

/// Reads a whole tar, whatever its entries are, and what follows its end. Their paths are handed to `seen`.
///
/// # Errors
/// As [`Reader::next_entry`] and [`Reader::drain`].
pub(crate) fn read_through(input: impl Read, mut seen: impl FnMut(&str)) -> Result<()> {
    let mut reader = Reader::new(Streamed(input));
    while let Some(entry) = reader.next_entry()? {
        seen(&entry.path);
    }
    reader.drain()
}

/// Passes over the blocks that continue the map of the header at `offset`, if it is one of GNU's old sparse files.
///
/// # Errors
/// `TarTruncated`, or `TarBad` for a map that never ends.
fn skip_map<R: Input>(header: &[u8; BLOCK], input: &mut Counted<R>, offset: u64) -> Result<()> {
    /// Each block maps 21 pieces of the file.
    const MOST: usize = 4096;
    if header[156] != b'S' || header[482] == 0 {
        return Ok(());
    }
    let mut block = [0; BLOCK];
    for _ in 0..MOST {
        if input.fill(&mut block)? < BLOCK {
            return Err(truncated(input.at, "inside a sparse map"));
        }
        if block[504] == 0 {
            return Ok(());
        }
    }
    Err(bad(offset, "a sparse map without end"))
}
