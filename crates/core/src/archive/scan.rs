//! One pass over an archive or a layout directory: every byte is hashed and handed to whoever keeps it, or taken over
//! by them and hashed where they have it; layers are decompressed for their diffIDs on the way, or later where they can
//! be read again. The outcome is the same from a pipe and from a file.

use std::fs::File;
use std::sync::Arc;

use super::decompress::Compression;
use super::diff_ids::Pool;
use super::inflate::Inflater;
use super::keeper::Standing;
use super::members::{MAX_MEMBERS, MAX_PATH_BYTES, Members, link_target, normal};
use super::pass::Pass;
use super::scan_file::{CHUNK, Coming};
use super::seek_table::Table;
use super::tar::{EntryKind, Input, Reader};
use crate::error::{Error, Refusal, Result, quoted};
use crate::progress::Progress;

/// What a pass found.
pub(super) struct Scanned {
    pub members: Members,
    pub compression: Compression,
    /// The first bytes, decompressed.
    pub start: Vec<u8>,
}

/// Where a tar is read from.
#[derive(Clone)]
pub(super) enum Origin {
    /// Wherever it comes from, it comes once.
    Stream,
    /// A file that holds it as it is.
    File(Arc<File>),
    /// A compressed file that can be read from anywhere on.
    Frames(Arc<Table>),
}

/// A pass that is under way.
pub(super) struct Scan<'a> {
    pub members: Members,
    pub pass: Pass<'a>,
    pub origin: Origin,
    pub progress: &'a dyn Progress,
    pub inflater: Inflater,
    /// Those who decompress what can be read again.
    pub pool: Option<Pool>,
    pub buffer: Vec<u8>,
    entries: usize,
    path_bytes: usize,
}

impl<'a> Scan<'a> {
    /// Begins with nothing read.
    pub(super) fn new(origin: Origin, pass: Pass<'a>, progress: &'a dyn Progress) -> Self {
        Self {
            members: Members::default(),
            pass,
            origin,
            progress,
            inflater: Inflater::default(),
            pool: None,
            buffer: vec![0; CHUNK],
            entries: 0,
            path_bytes: 0,
        }
    }

    /// Everything that was found. Faults of the content belong to the members; failures of the system are errors.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn finish(mut self, outcome: Result<()>, warnings: Vec<String>) -> Result<Members> {
        match outcome {
            Err(e) if e.refusal().is_none() => return Err(e),
            Err(e) => self.members.fault(e),
            Ok(()) => {}
        }
        for (path, inner) in self.pool.take().map(Pool::finish).unwrap_or_default() {
            self.members.decompressed(&path, inner);
        }
        if let Some(path) = self.members.below_link() {
            let message = format!("{} lies below a link", quoted(path));
            self.members.fault(Error::refused(Refusal::LinkUnsafe, message));
        }
        self.members.warnings.extend(warnings);
        Ok(self.members)
    }

    /// Reads a tar to its end; `start` is what it begins with.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn read(
        mut self,
        input: impl Input,
        compression: Compression,
        start: Vec<u8>,
    ) -> Result<Scanned> {
        let mut reader = Reader::new(input);
        let outcome = self.entries(&mut reader);
        self.members.odd_end = reader.odd_end;
        Ok(Scanned { members: self.finish(outcome, reader.warnings)?, compression, start })
    }

    fn entries<R: Input>(&mut self, reader: &mut Reader<R>) -> Result<()> {
        let origin = self.origin.clone();
        while let Some(entry) = reader.next_entry()? {
            self.count(&entry.path)?;
            let Some(path) = normal(&entry.path) else {
                let message = format!("an unsafe path, {}, at byte {}", quoted(&entry.path), entry.offset);
                self.members.fault(Error::refused(Refusal::PathUnsafe, message));
                continue;
            };
            match entry.kind {
                EntryKind::Directory => self.members.add_directory(&path),
                EntryKind::File => {
                    let (size, at, mut read) = (entry.size, reader.position(), 0);
                    let standing = match &origin {
                        Origin::File(file) => Standing::In(file, at),
                        Origin::Stream | Origin::Frames(_) => Standing::Passing,
                    };
                    self.file(&Coming { path: &path, size, standing, at }, |buffer| {
                        reader.read_content(size, &mut read, buffer)
                    })?;
                }
                EntryKind::Symlink | EntryKind::Hardlink => {
                    let hard = entry.kind == EntryKind::Hardlink;
                    match link_target(&path, &entry.link, hard) {
                        Some(target) => self.members.add_link(&path, target),
                        None => self.unsafe_link(&entry.path, &entry.link),
                    }
                }
                EntryKind::Special(kind) => {
                    let kind = char::from(kind).escape_default();
                    let message = format!(
                        "a special file of type `{kind}`, {}, at byte {}",
                        quoted(&entry.path),
                        entry.offset
                    );
                    self.members.fault(Error::refused(Refusal::SpecialFile, message));
                }
            }
        }
        reader.drain()
    }

    /// Counts an entry, also one that repeats another or is refused.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn count(&mut self, path: &str) -> Result<()> {
        self.entries += 1;
        self.path_bytes += path.len();
        let message = if self.entries > MAX_MEMBERS {
            format!("more than {MAX_MEMBERS} members, the next one is {}", quoted(path))
        } else if self.path_bytes > MAX_PATH_BYTES {
            format!("the paths of the members take more than {MAX_PATH_BYTES} bytes")
        } else {
            return Ok(());
        };
        Err(Error::refused(Refusal::LimitExceeded, message))
    }

    /// Notes a link that is refused.
    pub(super) fn unsafe_link(&mut self, path: &str, target: &str) {
        let message = format!("a link that leaves the archive, {} -> {}", quoted(path), quoted(target));
        self.members.fault(Error::refused(Refusal::LinkUnsafe, message));
    }
}
