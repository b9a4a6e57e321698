//! Reads a zstd file by its seek table: frames are decompressed on several cores, ahead of whoever reads them, and those
//! that nobody wants are passed over.
//!
//! ```text
//! frame, frame, ... | skippable frame: LE32 0x184D2A5E | LE32 size
//!                     for each frame LE32 its length | LE32 length of its content | LE32 checksum, if there are any
//!                     LE32 number of frames | flags: 0x80 checksums | LE32 0x8F92EAB1
//! ```
//!
//! The format is zstd's (`contrib/seekable_format`). A table that does not account for every byte of the file, or has
//! frames that are larger than need be, is none: then the file is read front to back like any other. Each frame that is
//! read has to be, and to hold, exactly as many bytes as the table says; so whoever reads all of them reads what is read
//! without a table. Whoever passes over some believes what it says of those.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::decompress::{FREE_BYTES, MAX_RATIO, ZSTD_WINDOW_LOG, zstd_window_log};
use super::tar::Input;
use super::threads::Taken;

/// A frame that readers pass over, and the end of a seek table.
pub(super) const SKIPPABLE: u32 = 0x184d_2a5e;
pub(super) const SEEKABLE: u32 = 0x8f92_eab1;
const CHECKSUMS: u8 = 0x80;
/// Number of frames, flags and magic number.
const FOOTER: u64 = 9;
/// What is before a skippable frame's content.
const HEAD: u64 = 8;
/// How many frames are read by their table: 2 TiB of those that barge writes.
const MAX_FRAMES: u64 = 1 << 20;
/// How large a frame may be, and its content: each is in memory as a whole.
const MAX_FRAME: u64 = 3 << 20;
/// How much frames have to hold, one with another, and how many may hold nothing.
const LEAST_FRAME: u64 = 16 << 10;
const SPARE_FRAMES: u64 = 256;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The most threads.
const MOST: usize = 4;
/// How many frames wait to be read, beyond those that are decompressed.
const AHEAD: usize = 2;

/// Where the frames of a file are.
pub(super) struct Table {
    file: File,
    /// Where each frame begins in the file and in the content; one more stands for the end.
    frames: Vec<(u64, u64)>,
    /// How long an entry of the table is.
    entry: u64,
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
    fn length(&self) -> u64 {
        self.frames.last().map_or(0, |(_, plain)| *plain)
    }

    /// The frame in which byte `at` of the content is.
    fn frame_of(&self, at: u64) -> usize {
        self.frames.partition_point(|(_, plain)| *plain <= at).saturating_sub(1)
    }

    /// How long the file is.
    pub(super) fn file_length(&self) -> u64 {
        let count = self.frames.len().saturating_sub(1) as u64;
        self.frames.last().map_or(0, |(end, _)| *end) + HEAD + count * self.entry + FOOTER
    }

    /// What a frame holds; `None` behind the last one.
    fn decompress(&self, frame: usize, decoder: &mut Decoder) -> Option<Done> {
        let (&(from, plain_from), &(to, plain_to)) = (self.frames.get(frame)?, self.frames.get(frame + 1)?);
        let (packed, plain) = (to - from, plain_to - plain_from);
        Some(
            decoder
                .decompress(&self.file, from, small(packed), small(plain))
                .map(|content| (content, packed)),
        )
    }
}

/// Lengths that [`MAX_FRAME`] bounds.
fn small(length: u64) -> usize {
    usize::try_from(length).unwrap_or_default()
}

/// Decompresses one frame after the other.
#[derive(Default)]
struct Decoder {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    packed: Vec<u8>,
}

impl Decoder {
    /// What a frame of `packed` bytes at byte `from` of the file holds, if that is exactly `length` bytes.
    fn decompress(&mut self, file: &File, from: u64, packed: usize, length: usize) -> io::Result<Vec<u8>> {
        self.packed.resize(packed, 0);
        file.read_exact_at(&mut self.packed, from)?;
        if self.packed.starts_with(&ZSTD_MAGIC) && zstd_window_log(&self.packed) > ZSTD_WINDOW_LOG {
            return Err(io::Error::other("Frame requires too much memory for decoding"));
        }
        let decoder = match self.zstd.take() {
            Some(decoder) => decoder,
            None => zstd::bulk::Decompressor::new()?,
        };
        let mut plain = vec![0; length];
        // A slice: of a vector, what is not filled would be cut off without a word.
        let n = self.zstd.insert(decoder).decompress_to_buffer(&self.packed, plain.as_mut_slice())?;
        if n == length {
            return Ok(plain);
        }
        Err(io::Error::other(format!("a frame holds {n} bytes, the seek table says {length}")))
    }
}

/// The content of a frame, and how long the frame is.
type Done = io::Result<(Vec<u8>, u64)>;

/// The four bytes from `at` on.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The content of a file, from any byte on.
pub(super) struct Frames {
    table: Arc<Table>,
    /// Where in the content the next byte is read.
    at: u64,
    /// The frame it is in, if it was decompressed already, and how much of it was read.
    current: Vec<u8>,
    read: usize,
    /// The frame behind it.
    next: usize,
    ahead: Option<Ahead>,
    whole: bool,
    decoder: Decoder,
    /// How many bytes of the file were decompressed since somebody asked.
    packed: u64,
}

impl Frames {
    /// From byte `at` on; each frame is decompressed when it is read.
    pub(super) fn new(table: Arc<Table>, at: u64) -> Self {
        let mut frames = Self {
            table,
            at: 0,
            current: Vec::new(),
            read: 0,
            next: 0,
            ahead: None,
            whole: false,
            decoder: Decoder::default(),
            packed: 0,
        };
        frames.seek(at);
        frames
    }

    /// All of the content, front to back: nothing is passed over, so that nothing is believed that the table says.
    /// Frames are decompressed ahead where the process has threads for it.
    pub(super) fn whole(table: Arc<Table>) -> Self {
        let ahead = Ahead::start(&table);
        Self { ahead, whole: true, ..Self::new(table, 0) }
    }

    fn seek(&mut self, at: u64) {
        self.at = at.min(self.table.length());
        self.current = Vec::new();
        self.next = self.table.frame_of(self.at);
        let begins = self.table.frames.get(self.next).map_or(0, |(_, plain)| *plain);
        self.read = usize::try_from(self.at - begins).unwrap_or_default();
    }

    /// How many bytes of the file were decompressed since this was asked last.
    pub(super) fn packed(&mut self) -> u64 {
        std::mem::take(&mut self.packed)
    }
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read >= self.current.len() {
            let begins = if self.current.is_empty() { self.read } else { 0 };
            let done = match &mut self.ahead {
                Some(ahead) => ahead.take(),
                None => self.table.decompress(self.next, &mut self.decoder),
            };
            let Some(done) = done else { return Ok(0) };
            let (plain, packed) = done?;
            self.next += 1;
            self.packed += packed;
            (self.current, self.read) = (plain, begins);
            if self.current.is_empty() {
                self.read = 0;
            }
        }
        let n = self.current.get(self.read..).unwrap_or_default().read(buffer)?;
        self.read += n;
        self.at += n as u64;
        Ok(n)
    }
}

impl Input for Frames {
    fn skip(&mut self, n: u64) -> io::Result<u64> {
        let before = self.at;
        let left = self.current.len().saturating_sub(self.read) as u64;
        if self.whole {
            return Ok(0);
        }
        if n <= left {
            self.read += usize::try_from(n).unwrap_or_default();
            self.at += n;
        } else {
            self.seek(self.at.saturating_add(n));
        }
        Ok(self.at - before)
    }
}

/// Threads that decompress what will be read next. Dropped, they stop.
struct Ahead {
    queue: Option<SyncSender<(usize, SyncSender<Option<Done>>)>>,
    /// What is on its way, the next one first.
    pending: VecDeque<Receiver<Option<Done>>>,
    /// The first frame that was not asked for.
    asked: usize,
    threads: Vec<JoinHandle<()>>,
    _taken: Taken,
}

impl Ahead {
    /// `None` if there is one core, or if others are busy already.
    fn start(table: &Arc<Table>) -> Option<Self> {
        let taken = Taken::all_cores(MOST)?;
        let (queue, asked) = sync_channel::<(usize, SyncSender<Option<Done>>)>(taken.count() + AHEAD);
        let asked = Arc::new(Mutex::new(asked));
        let thread = |_| {
            let (asked, table) = (Arc::clone(&asked), Arc::clone(table));
            let next = move || asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let work = move || {
                let mut decoder = Decoder::default();
                while let Ok((frame, done)) = next() {
                    // Nobody wants it any more when the reading has ended.
                    let _ = done.send(table.decompress(frame, &mut decoder));
                }
            };
            Builder::new().spawn(work).ok()
        };
        let threads: Vec<_> = (0..taken.count()).map_while(thread).collect();
        (!threads.is_empty()).then_some(Self {
            queue: Some(queue),
            pending: VecDeque::new(),
            asked: 0,
            threads,
            _taken: taken,
        })
    }

    /// What the next frame holds; asks for those behind it.
    fn take(&mut self) -> Option<Done> {
        let gone = || Some(Err(io::Error::other("the thread that decompresses is gone")));
        while self.pending.len() < self.threads.len() + AHEAD {
            let (done, outcome) = sync_channel(1);
            if self.queue.as_ref().is_none_or(|queue| queue.send((self.asked, done)).is_err()) {
                return gone();
            }
            self.pending.push_back(outcome);
            self.asked += 1;
        }
        self.pending.pop_front().map_or_else(gone, |outcome| outcome.recv().unwrap_or_else(|_| gone()))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.queue = None;
        self.pending.clear();
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// A file of frames with a table that says this of them.
    fn file(frames: &[Vec<u8>], table: &[(u32, u32)], checksums: bool) -> File {
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

    fn all(mut frames: impl Read) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        frames.read_to_end(&mut content).map(|_| content)
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_is_there(
            lengths in prop::collection::vec(0..5000_usize, 1..12),
            lies in prop::collection::vec((0..12_usize, any::<bool>(), -3..4_i64), 0..4),
            at in 0..30_000_u64,
            checksums: bool,
        ) {
            let contents: Vec<Vec<u8>> =
                lengths.iter().enumerate().map(|(n, length)| vec![n as u8; *length]).collect();
            let frames: Vec<Vec<u8>> = contents.iter().map(|c| zstd::encode_all(c.as_slice(), 1).unwrap()).collect();
            let truth: Vec<(u32, u32)> =
                frames.iter().zip(&contents).map(|(f, c)| (f.len() as u32, c.len() as u32)).collect();
            let mut table = truth.clone();
            for (n, packed, by) in lies {
                let n = n % table.len();
                let what = if packed { &mut table[n].0 } else { &mut table[n].1 };
                *what = (i64::from(*what) + by).max(0) as u32;
            }
            let content = contents.concat();
            let read = Table::of(file(&frames, &table, checksums)).unwrap();
            if table == truth {
                let read = Arc::new(read.unwrap());
                prop_assert_eq!(read.file_length(), read.file.metadata().unwrap().len());
                let at = at.min(content.len() as u64);
                prop_assert_eq!(all(Frames::new(Arc::clone(&read), at)).unwrap(), &content[at as usize..]);
                let mut skipping = Frames::new(Arc::clone(&read), 0);
                let mut first = [0; 7];
                let n = skipping.read(&mut first).unwrap() as u64;
                prop_assert_eq!(skipping.skip(at).unwrap(), at.min(content.len() as u64 - n));
                prop_assert_eq!(all(skipping).unwrap(), &content[(n + at).min(content.len() as u64) as usize..]);
                prop_assert_eq!(all(Frames::whole(read)).unwrap(), content);
            } else if let Some(read) = read {
                // A table that lies is found out by whoever reads all of it.
                prop_assert!(all(Frames::whole(Arc::new(read))).is_err());
            }
        }
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
