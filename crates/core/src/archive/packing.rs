//! Compresses an archive while it is written, block by block on several threads, in order.
//!
//! A gzip file is one member a block, a zstd file one frame a block and the table that says where they begin. What is
//! compressed already goes in as it is, in stored or raw blocks: that costs a copy. Where a block ends follows from the
//! archive alone, so the bytes do not depend on the number of threads.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use libdeflater::{CompressionLvl, Compressor};
use zstd::zstd_safe::CParameter;

use super::decompress::MAX_RATIO;
use super::seekable::{SEEKABLE, SKIPPABLE};
use super::threads::Taken;

/// How much is compressed at once: beyond this little is gained, and each thread holds it twice.
const GZIP_BLOCK: usize = 1 << 20;
const ZSTD_BLOCK: usize = 2 << 20;
/// The most threads.
const MOST: usize = 6;
/// What a stored block of deflate, and a raw block of zstd, may hold.
const STORED: usize = 0xffff;
const RAW: usize = 128 << 10;
/// The header of a gzip member without a name or a time, and the start of a zstd frame that says its size in four
/// bytes and needs no window but itself.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const ZSTD_HEADER: [u8; 5] = [0x28, 0xb5, 0x2f, 0xfd, 0xa0];

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    format: Format,
    level: i32,
    /// `None` means as many as there are cores.
    threads: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Gzip,
    Zstd,
}

impl Packing {
    /// gzip, `level` 1 to 12.
    #[must_use]
    pub fn gzip(level: Option<i32>) -> Option<Self> {
        let level = level.unwrap_or(6);
        (1..=12).contains(&level).then_some(Self { format: Format::Gzip, level, threads: None })
    }

    /// zstd, `level` 1 to 19.
    #[must_use]
    pub fn zstd(level: Option<i32>) -> Option<Self> {
        let level = level.unwrap_or(3);
        (1..=19).contains(&level).then_some(Self { format: Format::Zstd, level, threads: None })
    }

    /// The same with so many threads; `None` means as many as there are cores.
    #[must_use]
    pub fn with_threads(self, threads: Option<usize>) -> Self {
        Self { threads, ..self }
    }

    fn block(self) -> usize {
        match self.format {
            Format::Gzip => GZIP_BLOCK,
            Format::Zstd => ZSTD_BLOCK,
        }
    }
}

/// A part of the archive.
struct Block {
    bytes: Vec<u8>,
    /// Whether it is compressed already.
    packed: bool,
}

type Done = io::Result<Vec<u8>>;

/// Compresses what is written to it.
pub(super) struct Packer<'a> {
    output: &'a mut dyn Write,
    packing: Packing,
    block: Block,
    pool: Pool,
    /// Blocks on their way, the oldest first, each with the length it had.
    pending: VecDeque<(usize, Receiver<Done>)>,
    /// What each frame became, and what it was.
    table: Vec<(u32, u32)>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(output: &'a mut dyn Write, packing: Packing) -> io::Result<Self> {
        let block = Block { bytes: Vec::with_capacity(packing.block()), packed: false };
        let (pool, pending, table) = (Pool::start(packing)?, VecDeque::new(), Vec::new());
        Ok(Self { output, packing, block, pool, pending, table })
    }

    /// Says whether what comes next is compressed already.
    pub(super) fn packed(&mut self, packed: bool) -> io::Result<()> {
        if self.block.packed != packed {
            self.end_block()?;
            self.block.packed = packed;
        }
        Ok(())
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = self.packing.block() - self.block.bytes.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.bytes.extend_from_slice(now);
            bytes = later;
            if self.block.bytes.len() == self.packing.block() {
                self.end_block()?;
            }
        }
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.block.bytes.is_empty() {
            return Ok(());
        }
        let next = Block { bytes: Vec::with_capacity(self.packing.block()), packed: self.block.packed };
        let block = std::mem::replace(&mut self.block, next);
        if self.pending.len() > self.pool.lanes {
            self.receive()?;
        }
        self.pending.push_back((block.bytes.len(), self.pool.add(block)));
        Ok(())
    }

    /// Writes the oldest block that is on its way.
    fn receive(&mut self) -> io::Result<()> {
        let Some((length, done)) = self.pending.pop_front() else { return Ok(()) };
        let gone = |_| io::Error::other("the thread that compresses is gone");
        let bytes = done.recv().map_err(gone)??;
        self.table.push((small(bytes.len()), small(length)));
        self.output.write_all(&bytes)
    }

    /// Writes what is left, and the table.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.end_block()?;
        while !self.pending.is_empty() {
            self.receive()?;
        }
        if self.packing.format == Format::Zstd {
            let table = seek_table(&self.table);
            self.output.write_all(&table)?;
        }
        self.output.flush()
    }
}

/// Lengths of blocks; far below 4 GiB.
fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn seek_table(frames: &[(u32, u32)]) -> Vec<u8> {
    let entries = frames.iter().flat_map(|(packed, plain)| [packed.to_le_bytes(), plain.to_le_bytes()]);
    let mut content: Vec<u8> = entries.flatten().collect();
    content.extend(small(frames.len()).to_le_bytes());
    // No checksums: blobs have their digests, and compressed frames their own.
    content.push(0);
    content.extend(SEEKABLE.to_le_bytes());
    [&SKIPPABLE.to_le_bytes(), &small(content.len()).to_le_bytes(), content.as_slice()].concat()
}

/// Threads that compress.
struct Pool {
    queue: Option<SyncSender<(Block, SyncSender<Done>)>>,
    threads: Vec<JoinHandle<()>>,
    lanes: usize,
    _taken: Option<Taken>,
}

impl Pool {
    fn start(packing: Packing) -> io::Result<Self> {
        let taken = if packing.threads.is_none() { Taken::all_cores(MOST) } else { None };
        let lanes = packing.threads.or(taken.as_ref().map(Taken::count)).unwrap_or(1).clamp(1, MOST);
        let (queue, blocks) = sync_channel::<(Block, SyncSender<Done>)>(lanes);
        let blocks = Arc::new(Mutex::new(blocks));
        let thread = |_| {
            let blocks = Arc::clone(&blocks);
            Builder::new().spawn(move || {
                let mut packer = Lane::new(packing);
                let next = || blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok((block, done)) = next() {
                    // Nobody wants it any more when the writing has failed.
                    let _ = done.send(
                        packer
                            .as_mut()
                            .map_err(|e| io::Error::other(e.to_string()))
                            .and_then(|p| p.pack(&block)),
                    );
                }
            })
        };
        // As many as can be had, but one at least.
        let first = thread(0)?;
        let threads: Vec<_> =
            std::iter::once(first).chain((1..lanes).map_while(|n| thread(n).ok())).collect();
        Ok(Self { queue: Some(queue), lanes: threads.len(), threads, _taken: taken })
    }

    fn add(&self, block: Block) -> Receiver<Done> {
        let (done, outcome) = sync_channel(1);
        if let Some(queue) = &self.queue {
            // A thread that is gone is missed by whoever waits for the outcome.
            let _ = queue.send((block, done));
        }
        outcome
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

/// What one thread needs.
enum Lane {
    Gzip(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Lane {
    fn new(packing: Packing) -> io::Result<Self> {
        Ok(match packing.format {
            Format::Gzip => {
                Self::Gzip(Compressor::new(CompressionLvl::new(packing.level).unwrap_or_default()))
            }
            Format::Zstd => {
                let mut compressor = zstd::bulk::Compressor::new(packing.level)?;
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                Self::Zstd(compressor)
            }
        })
    }

    fn pack(&mut self, block: &Block) -> Done {
        match (self, block.packed) {
            (Self::Gzip(_), true) => Ok(stored(&block.bytes)),
            (Self::Zstd(_), true) => Ok(raw(&block.bytes)),
            (Self::Zstd(compressor), false) => {
                compressor.compress(&block.bytes).map(|frame| reasonable(frame, block.bytes.len()))
            }
            (Self::Gzip(compressor), false) => {
                let mut out = vec![0; compressor.gzip_compress_bound(block.bytes.len())];
                let n = compressor
                    .gzip_compress(&block.bytes, &mut out)
                    .map_err(|e| io::Error::other(e.to_string()))?;
                out.truncate(n);
                Ok(out)
            }
        }
    }
}

/// A frame that expands no further than readers believe, this one among them: what is too small has a frame behind it
/// that is passed over.
fn reasonable(mut frame: Vec<u8>, length: usize) -> Vec<u8> {
    const HEAD: usize = 8;
    let least = usize::try_from(length as u64 / (MAX_RATIO / 2)).unwrap_or(usize::MAX);
    if let Some(lacking) = least.checked_sub(frame.len() + HEAD) {
        frame.extend(SKIPPABLE.to_le_bytes());
        frame.extend(small(lacking).to_le_bytes());
        frame.resize(frame.len() + lacking, 0);
    }
    frame
}

/// A gzip member that holds bytes as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / STORED * 5 + 64);
    out.extend(GZIP_HEADER);
    let mut pieces = bytes.chunks(STORED).peekable();
    while let Some(piece) = pieces.next() {
        out.push(u8::from(pieces.peek().is_none()));
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(piece);
    }
    out.extend(libdeflater::crc32(bytes).to_le_bytes());
    out.extend(small(bytes.len()).to_le_bytes());
    out
}

/// A zstd frame that holds bytes as they are.
fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / RAW * 3 + 64);
    out.extend(ZSTD_HEADER);
    out.extend(small(bytes.len()).to_le_bytes());
    let mut pieces = bytes.chunks(RAW).peekable();
    while let Some(piece) = pieces.next() {
        let header = small(piece.len()) << 3 | u32::from(pieces.peek().is_none());
        out.extend(header.to_le_bytes().iter().take(3));
        out.extend(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::archive::Compression;

    fn packed(packing: Packing, parts: &[(bool, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut packer = Packer::new(&mut out, packing).unwrap();
        for (is_packed, bytes) in parts {
            packer.packed(*is_packed).unwrap();
            packer.write(bytes).unwrap();
        }
        packer.finish().unwrap();
        out
    }

    fn parts() -> Vec<(bool, Vec<u8>)> {
        let noise = |n: u32| (0..n).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
        vec![
            (false, b"header".repeat(100)),
            (true, noise(5_000_000)),
            (false, b"text and text ".repeat(300_000)),
            (true, noise(1)),
            (true, Vec::new()),
            (false, vec![0; 512]),
        ]
    }

    #[test]
    fn what_is_packed_is_unpacked_by_every_reader() {
        let plain: Vec<u8> = parts().into_iter().flat_map(|(_, bytes)| bytes).collect();
        for packing in
            [Packing::gzip(None), Packing::gzip(Some(1)), Packing::zstd(None), Packing::zstd(Some(19))]
        {
            let packing = packing.unwrap();
            let out = packed(packing, &parts());
            assert!(out.len() < 5_300_000, "{packing:?}: {}", out.len());
            let mut back = Vec::new();
            Compression::detect(&out).decoder(out.as_slice()).unwrap().read_to_end(&mut back).unwrap();
            assert!(back == plain, "{packing:?}");
            for threads in [1, 3] {
                assert!(packed(packing.with_threads(Some(threads)), &parts()) == out);
            }
        }
        assert_eq!((Packing::gzip(Some(13)), Packing::zstd(Some(0))), (None, None));
    }

    #[test]
    fn the_seek_table_says_where_every_frame_is() {
        let out = packed(Packing::zstd(None).unwrap(), &parts());
        let number = |at: usize| u32::from_le_bytes(*out[at..].first_chunk().unwrap());
        assert_eq!(number(out.len() - 4), SEEKABLE);
        let frames = number(out.len() - 9) as usize;
        let table = out.len() - 9 - frames * 8;
        assert_eq!((number(table - 8), number(table - 4) as usize), (SKIPPABLE, frames * 8 + 9));
        let (mut at, mut plain) = (0, Vec::new());
        for n in 0..frames {
            let (packed, length) = (number(table + n * 8) as usize, number(table + n * 8 + 4) as usize);
            let frame = zstd::decode_all(&out[at..at + packed]).unwrap();
            assert_eq!(frame.len(), length);
            plain.extend(frame);
            at += packed;
        }
        assert_eq!(at, table - 8);
        assert!(plain == parts().into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>());
    }

    #[test]
    fn nothing_expands_beyond_what_is_believed() {
        let zeros = vec![0; 9 << 20];
        for packing in [Packing::gzip(Some(12)), Packing::zstd(Some(19))] {
            let out = packed(packing.unwrap(), &[(false, zeros.clone())]);
            assert!(out.len() as u64 * MAX_RATIO > zeros.len() as u64, "{}", out.len());
            let mut back = Vec::new();
            Compression::detect(&out).decoder(out.as_slice()).unwrap().read_to_end(&mut back).unwrap();
            assert!(back == zeros);
        }
    }

    #[test]
    fn a_writer_that_fails_ends_it() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut full = Full;
        let mut packer = Packer::new(&mut full, Packing::gzip(None).unwrap()).unwrap();
        let failed = packer.write(&vec![0; 50 << 20]).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    }
}
