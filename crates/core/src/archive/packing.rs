//! Compresses an archive while it is written, block by block on several threads, in order.
//!
//! A gzip file is one member a block, a zstd file one frame a block and the table that says where they begin. Where a
//! block ends follows from the archive alone, so the bytes do not depend on the number of threads.

use std::io::{self, Write};

use super::lanes::Lanes;
use super::packed::{Format, Lane};
use super::seek_table::{self, small};
use super::threads::Taken;

/// How much is compressed at once: beyond this little is gained, and each thread holds it twice.
const GZIP_BLOCK: usize = 1 << 20;
const ZSTD_BLOCK: usize = 2 << 20;
/// The most threads.
const MOST: usize = 6;
/// How many blocks wait, beyond those that are compressed.
const WAITING: usize = 1;

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    format: Format,
    level: i32,
    /// `None` means as many as there are cores.
    threads: Option<usize>,
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

    /// The threads that compress, and the claim on them.
    fn lanes(self) -> io::Result<(Packers, Option<Taken>)> {
        let taken = if self.threads.is_none() { Taken::all_cores(MOST) } else { None };
        let threads = self.threads.or(taken.as_ref().map(Taken::count)).unwrap_or(1).clamp(1, MOST);
        let lane = move || {
            let mut lane = Lane::new(self.format, self.level);
            move |block: Block| -> io::Result<Packed> {
                let lane = lane.as_mut().map_err(|e| io::Error::other(e.to_string()))?;
                let bytes = if block.packed { lane.wrap(&block.bytes) } else { lane.compress(&block.bytes)? };
                Ok(Packed { bytes, length: block.bytes.len() })
            }
        };
        Ok((Lanes::start(threads, WAITING, lane)?, taken))
    }
}

/// Threads that compress.
type Packers = Lanes<Block, io::Result<Packed>>;

/// A part of the archive.
struct Block {
    bytes: Vec<u8>,
    /// Whether it is compressed already.
    packed: bool,
}

/// What became of a block, and the length that it had.
struct Packed {
    bytes: Vec<u8>,
    length: usize,
}

/// Compresses what is written to it.
pub(super) struct Packer<'a> {
    output: &'a mut dyn Write,
    packing: Packing,
    block: Block,
    lanes: Packers,
    _taken: Option<Taken>,
    /// What each frame became, and what it was.
    frames: Vec<(u32, u32)>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(output: &'a mut dyn Write, packing: Packing) -> io::Result<Self> {
        let block = Block { bytes: Vec::with_capacity(packing.block()), packed: false };
        let (lanes, taken) = packing.lanes()?;
        Ok(Self { output, packing, block, lanes, _taken: taken, frames: Vec::new() })
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
        if self.lanes.is_full() {
            self.receive()?;
        }
        self.lanes.add(block);
        Ok(())
    }

    /// Writes the oldest block that is on its way; whether there was one.
    fn receive(&mut self) -> io::Result<bool> {
        let Some(done) = self.lanes.take() else { return Ok(false) };
        let gone = |_| io::Error::other("the thread that compresses is gone");
        let Packed { bytes, length } = done.map_err(gone)??;
        self.frames.push((small(bytes.len()), small(length)));
        self.output.write_all(&bytes)?;
        Ok(true)
    }

    /// Writes what is left, and the table.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.end_block()?;
        while self.receive()? {}
        if self.packing.format == Format::Zstd {
            self.output.write_all(&seek_table::written(&self.frames))?;
        }
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::archive::Compression;
    use crate::archive::decompress::MAX_RATIO;
    use crate::archive::seek_table::{SEEKABLE, SKIPPABLE};

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
