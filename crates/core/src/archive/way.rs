//! By which way the content of an archive is read: a folder, a pipe, a file, or a compressed one by whatever reads it
//! fastest. All come to the same.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use super::beside::Decompressed;
use super::decompress::{Compression, bounded, peek, read_error};
use super::frames::{Frames, WatchedFrames};
use super::pass::Pass;
use super::read::Archive;
use super::scan::{Origin, Scan, Scanned};
use super::scan_folder::folder;
use super::seek_table::Table;
use super::tar::{SeekableFile, Streamed};
use super::watched::Watched;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// A compressed archive that is smaller is decompressed by whoever reads it.
const WORTH_A_THREAD: u64 = 1 << 20;
/// How many of the first bytes are kept, to say what a file is that is no archive.
const START: usize = 512;

impl Archive {
    /// Reads the archive at `path`: a tar, compressed or not, or a directory with the same content.
    ///
    /// # Errors
    /// `Refused` with the first reason found; `Io`.
    pub fn open<'a>(path: &Path, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Self> {
        Self::interpret(place(path, pass, progress)?)
    }

    /// Reads an archive from a pipe or anything else that has to be read front to back.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn stream<'a, R: Read>(input: R, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Self> {
        Self::interpret(once(input, pass, progress)?)
    }
}

/// Reads whatever is at `path`. A list of what cannot be told without digests is made by computing them.
///
/// A fault of the archive itself ends the pass; [`Members::faults`](super::members::Members::faults) then has it, after
/// what was read before.
fn place<'a>(path: &Path, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let doing = |e| Error::io("open", path, e);
    if path.metadata().map_err(doing)?.is_dir() {
        return listed_twice(pass, |pass| folder(path, pass, progress));
    }
    let mut file = File::open(path).map_err(doing)?;
    let meta = file.metadata().map_err(doing)?;
    if !meta.is_file() {
        return once(file, pass, progress);
    }
    if !matches!(pass, Pass::List) {
        progress.start(Some(meta.len()));
    }
    let (start, _) = peek(&file, 6)?;
    let compression = Compression::detect(&start);
    listed_twice(pass, |pass| {
        file.rewind().map_err(doing)?;
        let file = file.try_clone().map_err(doing)?;
        match compression {
            Compression::None => plain(file, pass, progress),
            _ if meta.len() < WORTH_A_THREAD => tar(file, pass, progress),
            Compression::Zstd => match file.try_clone().and_then(Table::of).map_err(doing)? {
                Some(table) => frames(table, pass, progress),
                None => beside(file, compression, pass, progress),
            },
            _ => beside(file, compression, pass, progress),
        }
    })
}

/// Lists what is read, and if that does not tell enough, reads it again for its digests.
fn listed_twice<'a>(pass: Pass<'a>, mut scan: impl FnMut(Pass<'a>) -> Result<Scanned>) -> Result<Scanned> {
    let listing = matches!(pass, Pass::List);
    let scanned = scan(pass)?;
    if listing && scanned.members.need_digests() { scan(Pass::Verify) } else { Ok(scanned) }
}

/// Reads a tar that comes once: there is no second pass, so digests are computed in the first.
fn once<'a, R: Read>(input: R, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    tar(input, if matches!(pass, Pass::List) { Pass::Verify } else { pass }, progress)
}

/// Reads a tar, compressed or not, front to back.
fn tar<'a, R: Read>(input: R, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let (start, input) = peek(Watched { input, progress }, START)?;
    let compression = Compression::detect(&start);
    let input = bounded(compression, input).map_err(|e| read_error(0, e))?;
    front_to_back(input, compression, Scan::new(Origin::Stream, pass, progress))
}

/// Reads a tar in a compressed file; a thread of its own decompresses it, if there can be one.
fn beside<'a>(
    file: File,
    compression: Compression,
    pass: Pass<'a>,
    progress: &'a dyn Progress,
) -> Result<Scanned> {
    match Decompressed::new(&file, compression, progress) {
        Some(input) => front_to_back(input, compression, Scan::new(Origin::Stream, pass, progress)),
        None => tar(file, pass, progress),
    }
}

fn front_to_back(input: impl Read, compression: Compression, scan: Scan<'_>) -> Result<Scanned> {
    match peek(input, START) {
        Ok((start, input)) => scan.read(Streamed(input), compression, start),
        Err(e) => {
            let members = scan.finish(Err(e), Vec::new())?;
            Ok(Scanned { members, compression, start: Vec::new() })
        }
    }
}

/// Reads an uncompressed tar in a regular file. What is not wanted is passed over, and what is may be read again.
fn plain<'a>(file: File, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let reading = |e| Error::io("read", Path::new("the archive"), e);
    let (start, _) = peek(&file, START)?;
    let mut rewound = &file;
    rewound.rewind().map_err(reading)?;
    let file = Arc::new(file);
    let scan = Scan::new(Origin::File(Arc::clone(&file)), pass, progress);
    let input = SeekableFile::new(&file).map_err(reading)?;
    scan.read(Watched { input, progress }, Compression::None, start)
}

/// Reads a tar in a zstd file that has a table of its frames.
fn frames<'a>(table: Table, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let left = table.file_length();
    let (table, listing) = (Arc::new(table), matches!(pass, Pass::List));
    // What fails now fails again when it is read.
    let start =
        peek(Frames::new(Arc::clone(&table), 0), START).map_or_else(|_| Vec::new(), |(start, _)| start);
    let scan = Scan::new(Origin::Frames(Arc::clone(&table)), pass, progress);
    // A list is made of few of them.
    let frames = if listing { Frames::new(table, 0) } else { Frames::whole(table) };
    scan.read(WatchedFrames { frames, left, progress }, Compression::Zstd, start)
}
