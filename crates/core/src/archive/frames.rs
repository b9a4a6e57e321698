//! Reads a zstd file by its seek table: frames are decompressed on several cores, ahead of whoever reads them, and
//! those that nobody wants are passed over.
//!
//! Each frame that is read has to be, and to hold, exactly as many bytes as the table says; so whoever reads all of
//! them reads what is read without a table. Whoever passes over some believes what it says of those.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::decompress::{ZSTD_WINDOW_LOG, zstd_window_log};
use super::lanes::Lanes;
use super::seek_table::{Place, Table};
use super::tar::Input;
use super::threads::Taken;
use crate::progress::Progress;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The most threads.
const MOST: usize = 4;
/// How many frames wait to be read, beyond those that are decompressed.
const AHEAD: usize = 2;

/// The content of a frame, and how long the frame is.
type Done = io::Result<(Vec<u8>, u64)>;

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
        let (frame, begins) = self.table.frame_of(self.at);
        self.next = frame;
        self.read = usize::try_from(self.at - begins).unwrap_or_default();
    }
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read >= self.current.len() {
            let begins = if self.current.is_empty() { self.read } else { 0 };
            let done = match &mut self.ahead {
                Some(ahead) => ahead.take(),
                None => self.decoder.frame(&self.table, self.next),
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

/// Frames whose lengths in the file are told as they are decompressed, and what else is in it at the end.
pub(super) struct WatchedFrames<'a> {
    pub frames: Frames,
    /// How many bytes of the file were not told yet.
    pub left: u64,
    pub progress: &'a dyn Progress,
}

impl Read for WatchedFrames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.frames.read(buffer)?;
        let decompressed = std::mem::take(&mut self.frames.packed);
        let told = if n == 0 && !buffer.is_empty() { self.left } else { decompressed.min(self.left) };
        self.left -= told;
        self.progress.add(told);
        Ok(n)
    }
}

impl Input for WatchedFrames<'_> {
    fn skip(&mut self, n: u64) -> io::Result<u64> {
        self.frames.skip(n)
    }
}

/// Threads that decompress what will be read next.
struct Ahead {
    lanes: Lanes<usize, Option<Done>>,
    /// The first frame that was not asked for.
    asked: usize,
    _taken: Taken,
}

impl Ahead {
    /// `None` if there is one core, or if others are busy already.
    fn start(table: &Arc<Table>) -> Option<Self> {
        let taken = Taken::all_cores(MOST)?;
        let table = Arc::clone(table);
        let lane = move || {
            let (table, mut decoder) = (Arc::clone(&table), Decoder::default());
            move |frame| decoder.frame(&table, frame)
        };
        let lanes = Lanes::start(taken.count(), AHEAD, lane).ok()?;
        Some(Self { lanes, asked: 0, _taken: taken })
    }

    /// What the next frame holds; asks for those behind it.
    fn take(&mut self) -> Option<Done> {
        while !self.lanes.is_full() {
            self.lanes.add(self.asked);
            self.asked += 1;
        }
        let gone = || Some(Err(io::Error::other("the thread that decompresses is gone")));
        self.lanes.take().and_then(Result::ok).unwrap_or_else(gone)
    }
}

/// Decompresses one frame after the other.
#[derive(Default)]
struct Decoder {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    packed: Vec<u8>,
}

impl Decoder {
    /// What a frame holds; `None` behind the last one.
    fn frame(&mut self, table: &Table, frame: usize) -> Option<Done> {
        let place = table.place(frame)?;
        Some(self.decompress(&table.file, &place).map(|content| (content, place.packed as u64)))
    }

    /// What the frame at a place holds, if that is exactly as much as the table says.
    fn decompress(&mut self, file: &File, place: &Place) -> io::Result<Vec<u8>> {
        self.packed.resize(place.packed, 0);
        file.read_exact_at(&mut self.packed, place.from)?;
        if self.packed.starts_with(&ZSTD_MAGIC) && zstd_window_log(&self.packed) > ZSTD_WINDOW_LOG {
            return Err(io::Error::other("Frame requires too much memory for decoding"));
        }
        let decoder = match self.zstd.take() {
            Some(decoder) => decoder,
            None => zstd::bulk::Decompressor::new()?,
        };
        let mut plain = vec![0; place.plain];
        // A slice: of a vector, what is not filled would be cut off without a word.
        let n = self.zstd.insert(decoder).decompress_to_buffer(&self.packed, plain.as_mut_slice())?;
        if n == place.plain {
            return Ok(plain);
        }
        Err(io::Error::other(format!("a frame holds {n} bytes, the seek table says {}", place.plain)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::seek_table::tests::file;
    use super::*;

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
}
