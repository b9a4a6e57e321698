//! One pass over an archive or a layout directory: every byte is hashed and handed to whoever keeps it, or taken over
//! by them and hashed where they have it; layers are decompressed for their diffIDs on the way, or later where they can
//! be read again. The outcome is the same from a pipe and from a file.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use barge_oci::{Algorithm, Digest};

use super::beside::Decompressed;
use super::decompress::{Compression, peek};
use super::diff_ids::{Layer, Pool};
use super::digests::Hashers;
use super::inflate::Inflater;
use super::members::{Facts, Inside, MAX_MEMBERS, MAX_PATH_BYTES, Members, link_target, normal};
use super::part::Part;
use super::seekable::{Frames, Table};
use super::tar::{EntryKind, Input, Reader, SeekableFile, Streamed, shown};
use super::watched::{Watched, WatchedFrames};
use crate::content::Blob;
use crate::copy;
use crate::error::{Error, Refusal, Result};
use crate::folder::Folder;
use crate::progress::Progress;

const CHUNK: usize = 1 << 20;
/// What is smaller is decompressed on its way.
const WORTH: u64 = 1 << 20;
/// So many bytes tell how a file is compressed, and whether it may be a document.
const ENOUGH: usize = 512;
/// How many of the first bytes are kept, to say what a file is that is no archive.
const START: usize = 512;

/// What a pass found.
pub(super) struct Scanned {
    pub members: Members,
    pub compression: Compression,
    /// The first bytes, decompressed.
    pub start: Vec<u8>,
}

/// What a pass is for.
pub enum Pass<'a> {
    /// Documents only; blobs are taken at their word.
    List,
    /// Everything is hashed, nothing kept.
    Verify,
    /// Everything is hashed and written to the keeper.
    Keep(&'a mut dyn Keeper, Checks),
}

/// What of an archive that is kept is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checks {
    /// Digests, and what layers are when they are decompressed.
    #[default]
    DiffIds,
    /// Digests alone, for what has one; what has none is checked as ever.
    Digests,
}

/// Where the files of an archive go while it is read.
pub trait Keeper {
    /// A file begins; `claimed` is the digest its path promises. `false` if its bytes are not wanted.
    ///
    /// # Errors
    /// `Io`.
    fn begin(&mut self, claimed: Option<&Digest>, size: u64, standing: Standing<'_>) -> Result<bool>;

    /// Takes the whole file over from where it stands, byte `at` of `from`, instead of having it written. What was
    /// taken can be read from the file that is returned; `None` if it has to be written.
    ///
    /// # Errors
    /// `Io`.
    fn take(&mut self, _from: &File, _at: u64, _size: u64) -> Result<Option<File>> {
        Ok(None)
    }

    /// More bytes of the file.
    ///
    /// # Errors
    /// `Io`.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// The file is complete and has these digests.
    ///
    /// # Errors
    /// `Io`.
    fn end(&mut self, digests: &[Digest]) -> Result<()>;

    /// Whether [`Self::reopen`] can be relied upon.
    fn reopens(&self) -> bool {
        false
    }

    /// A file that has ended, to be read again while the pass goes on.
    ///
    /// # Errors
    /// `Io`.
    fn reopen(&self, _digest: &Digest) -> Result<Option<Blob>> {
        Ok(None)
    }
}

/// Where the bytes of a file of an archive are.
#[derive(Debug, Clone, Copy)]
pub enum Standing<'a> {
    /// From this byte of the tar on, counted behind its compression.
    At(u64),
    /// In a file of a folder.
    File(&'a Path),
}

impl Standing<'_> {
    /// Whether a file system may share what is there.
    pub(crate) fn is_aligned(self) -> bool {
        self.start().is_multiple_of(copy::ALIGNMENT)
    }

    /// The byte with which it begins.
    fn start(self) -> u64 {
        match self {
            Self::At(at) => at,
            Self::File(_) => 0,
        }
    }
}

/// Reads a tar, compressed or not, front to back.
///
/// A fault of the tar itself ends the pass; [`Members::faults`] then has it, after what was read before.
///
/// # Errors
/// `Io`.
pub(super) fn tar<'a, R: Read>(input: R, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let (start, input) = peek(Watched { input, progress }, START)?;
    let compression = Compression::detect(&start);
    let input =
        super::decompress::bounded(compression, input).map_err(|e| super::decompress::read_error(0, e))?;
    front_to_back(input, compression, Scan::new(pass, progress))
}

/// Reads a tar in a compressed file; a thread of its own decompresses it, if there can be one.
///
/// # Errors
/// As [`tar`].
pub(super) fn tar_beside<'a>(
    file: File,
    compression: Compression,
    pass: Pass<'a>,
    progress: &'a dyn Progress,
) -> Result<Scanned> {
    match Decompressed::new(&file, compression, progress) {
        Some(input) => front_to_back(input, compression, Scan::new(pass, progress)),
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

/// Reads an uncompressed tar in a regular file, from its beginning. What is not wanted is passed over, and what is
/// may be read again.
///
/// # Errors
/// As [`tar`].
pub(super) fn tar_file<'a>(file: File, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let reading = |e| Error::io("read", Path::new("the archive"), e);
    let (start, _) = peek(&file, START)?;
    let mut rewound = &file;
    rewound.rewind().map_err(reading)?;
    let mut scan = Scan::new(pass, progress);
    let file = Arc::new(file);
    scan.again = Some(Again::File(Arc::clone(&file)));
    let input = SeekableFile::new(&file).map_err(reading)?;
    scan.read(Watched { input, progress }, Compression::None, start)
}

/// Reads a tar in a zstd file that has a table of its frames.
///
/// # Errors
/// As [`tar`].
pub(super) fn tar_frames<'a>(table: Table, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let length = table.file_length();
    let (table, listing) = (Arc::new(table), matches!(pass, Pass::List));
    let mut scan = Scan::new(pass, progress);
    // What fails now fails again when it is read.
    let start =
        peek(Frames::new(Arc::clone(&table), 0), START).map_or_else(|_| Vec::new(), |(start, _)| start);
    scan.again = Some(Again::Frames(Arc::clone(&table)));
    // A list is made of few of them.
    let frames = if listing { Frames::new(table, 0) } else { Frames::whole(table) };
    scan.read(WatchedFrames { frames, left: length, progress }, Compression::Zstd, start)
}

/// Reads a directory: an OCI layout or an unpacked archive. Links are followed only inside it.
///
/// # Errors
/// As [`tar`].
pub(super) fn directory<'a>(root: &Path, pass: Pass<'a>, progress: &'a dyn Progress) -> Result<Scanned> {
    let mut scan = Scan::new(pass, progress);
    scan.members.folder = true;
    let outcome = scan.directory(root);
    let members = scan.finish(outcome, Vec::new())?;
    Ok(Scanned { members, compression: Compression::None, start: Vec::new() })
}

/// When a file is decompressed for its diffID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inflation {
    /// Never: it is not compressed.
    None,
    /// Never, as it has a digest and that will do.
    Unasked,
    /// While it is read.
    Here,
    /// When it can be read again.
    Later,
}

/// A tar that can be read again, from any byte on.
enum Again {
    File(Arc<File>),
    Frames(Arc<Table>),
}

struct Scan<'a> {
    members: Members,
    pass: Pass<'a>,
    inflater: Inflater,
    /// Those who decompress what can be read again.
    pool: Option<Pool>,
    again: Option<Again>,
    progress: &'a dyn Progress,
    buffer: Vec<u8>,
    entries: usize,
    path_bytes: usize,
}

impl<'a> Scan<'a> {
    fn new(pass: Pass<'a>, progress: &'a dyn Progress) -> Self {
        Self {
            members: Members::default(),
            pass,
            inflater: Inflater::default(),
            pool: None,
            again: None,
            progress,
            buffer: vec![0; CHUNK],
            entries: 0,
            path_bytes: 0,
        }
    }

    /// Faults of the content belong to the members; failures of the system are errors.
    fn finish(mut self, outcome: Result<()>, warnings: Vec<String>) -> Result<Members> {
        match outcome {
            Err(e) if e.refusal().is_none() => return Err(e),
            Err(e) => self.members.fault(e),
            Ok(()) => {}
        }
        for (path, inner) in self.pool.take().map(Pool::finish).unwrap_or_default() {
            self.members.decompressed(&path, inner);
        }
        if let Some(path) = self.members.below_link() {
            let message = format!("{} lies below a link", shown(path));
            self.members.fault(Error::refused(Refusal::LinkUnsafe, message));
        }
        self.members.warnings.extend(warnings);
        Ok(self.members)
    }

    /// Reads a tar to its end; `start` is what it begins with.
    fn read(mut self, input: impl Input, compression: Compression, start: Vec<u8>) -> Result<Scanned> {
        let mut reader = Reader::new(input);
        let outcome = self.entries(&mut reader);
        self.members.odd_end = reader.odd_end;
        Ok(Scanned { members: self.finish(outcome, reader.warnings)?, compression, start })
    }

    fn entries<R: Input>(&mut self, reader: &mut Reader<R>) -> Result<()> {
        while let Some(entry) = reader.next_entry()? {
            self.count(&entry.path)?;
            let Some(path) = normal(&entry.path) else {
                let message = format!("an unsafe path, {}, at byte {}", shown(&entry.path), entry.offset);
                self.members.fault(Error::refused(Refusal::PathUnsafe, message));
                continue;
            };
            match entry.kind {
                EntryKind::Directory => self.members.add_directory(&path),
                EntryKind::File => {
                    let mut read = 0;
                    let standing = Standing::At(reader.position());
                    let origin = match &self.again {
                        Some(Again::File(file)) => Some(Arc::clone(file)),
                        _ => None,
                    };
                    self.file(&path, entry.size, standing, origin.as_deref(), |buffer| {
                        reader.read_content(entry.size, &mut read, buffer)
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
                        shown(&entry.path),
                        entry.offset
                    );
                    self.members.fault(Error::refused(Refusal::SpecialFile, message));
                }
            }
        }
        reader.drain()
    }

    fn directory(&mut self, root: &Path) -> Result<()> {
        let canonical = root.canonicalize().map_err(|e| Error::io("open", root, e))?;
        let within = Folder::open(&canonical).map_err(|e| Error::io("open", root, e))?;
        let mut pending = vec![(root.to_path_buf(), String::new())];
        while let Some((folder, prefix)) = pending.pop() {
            let listing = std::fs::read_dir(&folder).map_err(|e| Error::io("open", &folder, e))?;
            let mut names = Vec::new();
            for item in listing {
                names.push(item.map_err(|e| Error::io("read", &folder, e))?.file_name());
            }
            names.sort();
            for name in names {
                let (place, name) = (folder.join(&name), name.to_string_lossy().into_owned());
                let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
                self.count(&path)?;
                let link = place.is_symlink();
                let target = match place.canonicalize() {
                    Ok(target) if target.starts_with(&canonical) => target,
                    Ok(target) => {
                        self.unsafe_link(&path, &target.to_string_lossy());
                        continue;
                    }
                    // A dangling link is a member that is not there.
                    Err(_) if link => continue,
                    Err(e) => return Err(Error::io("open", &place, e)),
                };
                let meta = target.metadata().map_err(|e| Error::io("open", &place, e))?;
                if meta.is_dir() && !link {
                    self.members.add_directory(&path);
                    pending.push((place, path));
                } else if meta.is_file() {
                    let progress = self.progress;
                    // Whoever changes the folder meanwhile must not have a file from elsewhere read.
                    let below = target.strip_prefix(&canonical).unwrap_or(&target);
                    if below.to_str().is_none() {
                        // Nothing in an image has such a name.
                        continue;
                    }
                    let file = within.read_below(below).map_err(|e| Error::io("open", &place, e))?;
                    let mut content = &file;
                    self.file(&path, meta.len(), Standing::File(&target), Some(&file), |buffer| {
                        let n = content.read(buffer).map_err(|e| Error::io("read", &place, e))?;
                        progress.add(n as u64);
                        Ok(n)
                    })?;
                } else {
                    let message = format!("a special file, {}", shown(&path));
                    self.members.fault(Error::refused(Refusal::SpecialFile, message));
                }
            }
        }
        Ok(())
    }

    /// Counts an entry, also one that repeats another or is refused.
    fn count(&mut self, path: &str) -> Result<()> {
        self.entries += 1;
        self.path_bytes += path.len();
        let message = if self.entries > MAX_MEMBERS {
            format!("more than {MAX_MEMBERS} members, the next one is {}", shown(path))
        } else if self.path_bytes > MAX_PATH_BYTES {
            format!("the paths of the members take more than {MAX_PATH_BYTES} bytes")
        } else {
            return Ok(());
        };
        Err(Error::refused(Refusal::LimitExceeded, message))
    }

    fn unsafe_link(&mut self, path: &str, target: &str) {
        let message = format!("a link that leaves the archive, {} -> {}", shown(path), shown(target));
        self.members.fault(Error::refused(Refusal::LinkUnsafe, message));
    }

    /// Reads one file to its end; `origin` has its content where it stands.
    fn file(
        &mut self,
        path: &str,
        size: u64,
        standing: Standing<'_>,
        origin: Option<&File>,
        mut read: impl FnMut(&mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut first = begin(&mut read, &mut buffer)?;
        let start = buffer.get(..first).unwrap_or_default();
        let limit = Members::document_limit(path, start);
        let mut document =
            (limit > 0 && size <= limit).then(|| Vec::with_capacity(size.min(CHUNK as u64) as usize));
        if matches!(self.pass, Pass::List) && document.is_none() {
            self.buffer = buffer;
            self.members.add_file(path, Facts::unread(size));
            return Ok(());
        }
        let claimed = claimed_digest(path);
        let wide = claimed.is_some_and(|d| d.algorithm() == Algorithm::Sha512);
        let mut hashers = Hashers::new(wide);
        let keep = match &mut self.pass {
            Pass::Keep(keeper, _) => keeper.begin(claimed.as_ref(), size, standing)?,
            _ => false,
        };
        let taken = match (&mut self.pass, origin) {
            (Pass::Keep(keeper, _), Some(origin)) if keep && size >= copy::WORTH => {
                keeper.take(origin, standing.start(), size)?
            }
            _ => None,
        };
        let mut next = |buffer: &mut [u8]| match &taken {
            Some(taken) => {
                let mut taken: &File = taken;
                taken.read(buffer).map_err(|e| Error::io("read", Path::new("the store"), e))
            }
            None => read(buffer),
        };
        if taken.is_some() {
            // The archive may change meanwhile: what counts is what was taken, from its beginning.
            first = begin(&mut next, &mut buffer)?;
        }
        let compression = Compression::detect(buffer.get(..first).unwrap_or_default());
        let inflation = self.inflation(compression, size, standing, claimed.is_some());
        if inflation == Inflation::Here {
            self.inflater.begin(compression, size, wide)?;
        }
        while let Some(bytes) = buffer.get(..first).filter(|b| !b.is_empty()) {
            if inflation == Inflation::Here {
                self.inflater.write(bytes);
            }
            hashers.update(bytes);
            if let Some(document) = &mut document {
                document.extend_from_slice(bytes);
            }
            if let (Pass::Keep(keeper, _), true) = (&mut self.pass, keep && taken.is_none()) {
                keeper.write(bytes)?;
            }
            first = next(&mut buffer)?;
        }
        self.buffer = buffer;
        let (sha256, sha512) = hashers.finish();
        if let (Pass::Keep(keeper, _), true) = (&mut self.pass, keep) {
            let digests: Vec<Digest> = std::iter::once(sha256).chain(sha512).collect();
            keeper.end(&digests)?;
        }
        let inside = match inflation {
            Inflation::None => Inside::Itself,
            Inflation::Unasked => Inside::Unknown,
            Inflation::Here => self.inflater.end().into(),
            Inflation::Later => {
                let known = if keep { sha256 } else { claimed.unwrap_or(sha256) };
                let content = self.read_again(&known, standing, size)?;
                self.inflate_later(Layer { path: path.to_owned(), content, compression, size, wide })?;
                Inside::Broken("the decompressing thread is gone".into())
            }
        };
        if let Some(claimed) = claimed {
            let actual = if wide { sha512.unwrap_or(sha256) } else { sha256 };
            if claimed != actual {
                let message = format!("{} is not what its name says: its digest is {actual}", shown(path));
                self.members.fault(Error::refused(Refusal::DigestMismatch, message));
            }
        }
        let document = document.map(|bytes| self.members.keep_document(&bytes)).transpose()?;
        let sha512 = sha512.map(Box::new);
        let facts = Facts { sha256: Some(sha256), sha512, compression, inside, size, document };
        self.members.add_file(path, facts);
        Ok(())
    }
}

/// Reads what a file begins with: as much as tells its compression, however little comes at a time.
fn begin(read: &mut impl FnMut(&mut [u8]) -> Result<usize>, buffer: &mut [u8]) -> Result<usize> {
    let mut n = 0;
    while n < ENOUGH {
        match read(buffer.get_mut(n..).unwrap_or_default())? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

impl Scan<'_> {
    /// What is to become of a file that begins like this.
    fn inflation(
        &self,
        compression: Compression,
        size: u64,
        standing: Standing<'_>,
        has_digest: bool,
    ) -> Inflation {
        match (&self.pass, compression) {
            (_, Compression::None) => Inflation::None,
            (Pass::Keep(_, Checks::Digests), _) if has_digest => Inflation::Unasked,
            // Layers are compressed in these ways only.
            (_, Compression::Xz | Compression::Bzip2) | (Pass::List, _) => Inflation::None,
            _ if size >= WORTH && self.may_read_again(standing) => Inflation::Later,
            _ => Inflation::Here,
        }
    }

    /// Leaves a layer to threads that read it again.
    fn inflate_later(&mut self, layer: Layer) -> Result<()> {
        let pool = match self.pool.take() {
            Some(pool) => pool,
            None => Pool::start(&self.inflater.free)?,
        };
        self.pool.insert(pool).add(layer);
        Ok(())
    }

    /// Whether a file can be had a second time.
    fn may_read_again(&self, standing: Standing<'_>) -> bool {
        match &self.pass {
            Pass::Keep(keeper, _) => keeper.reopens(),
            Pass::Verify => self.again.is_some() || matches!(standing, Standing::File(_)),
            Pass::List => false,
        }
    }

    /// What was kept is what counts; without a keeper it is the archive itself.
    fn read_again(&self, digest: &Digest, standing: Standing<'_>, size: u64) -> Result<Blob> {
        let missing = || Error::not_found(format!("content digest {digest}: not found"));
        match (&self.pass, standing) {
            (Pass::Keep(keeper, _), _) => keeper.reopen(digest)?.ok_or_else(missing),
            (_, Standing::File(path)) => {
                File::open(path).map(Blob::File).map_err(|e| Error::io("open", path, e))
            }
            (_, Standing::At(at)) => {
                let content: Box<dyn Read + Send> = match self.again.as_ref().ok_or_else(missing)? {
                    Again::File(file) => Box::new(Part { file: Arc::clone(file), at, end: at + size }),
                    Again::Frames(table) => Box::new(Frames::new(Arc::clone(table), at).take(size)),
                };
                Ok(Blob::Stream(content))
            }
        }
    }
}

/// The digest that the path of an OCI blob promises.
fn claimed_digest(path: &str) -> Option<Digest> {
    let (folder, hex) = path.rsplit_once('/')?;
    let of_folder = |a: &Algorithm| folder.strip_suffix(a.name()).is_some_and(|f| f.ends_with("blobs/"));
    Digest::from_hex(Algorithm::ALL.into_iter().find(of_folder)?, hex)
}
