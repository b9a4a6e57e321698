//! One file of an archive, read, hashed and kept in one go.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use barge_oci::{Algorithm, Digest};

use super::decompress::Compression;
use super::diff_ids::{Layer, Pool};
use super::digests::Hashers;
use super::facts::{Facts, Inside};
use super::frames::Frames;
use super::keeper::{Begun, Standing};
use super::part::Part;
use super::pass::{Checks, Pass};
use super::scan::{Origin, Scan};
use super::spool::worth_keeping;
use crate::content::Blob;
use crate::error::{Error, Refusal, Result, quoted};

/// How much is read at once.
pub(super) const CHUNK: usize = 1 << 20;
/// What is smaller is decompressed on its way.
const WORTH: u64 = 1 << 20;
/// So many bytes tell how a file is compressed, and whether it may be a document.
const ENOUGH: usize = 512;

/// A file that comes next.
pub(super) struct Coming<'a> {
    /// Its path in the archive.
    pub path: &'a str,
    pub size: u64,
    pub standing: Standing<'a>,
    /// How many bytes of the tar are before it.
    pub at: u64,
}

/// A file that is being read.
struct Reading {
    /// The digest that its path promises.
    claimed: Option<Digest>,
    begun: Begun,
    /// How much of the buffer is what it begins with.
    filled: usize,
    compression: Compression,
    inflation: Inflation,
    hashers: Hashers,
    /// Its bytes, if it may be a document.
    document: Option<Vec<u8>>,
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

impl Scan<'_> {
    /// Reads one file to its end.
    ///
    /// # Errors
    /// Those of `read`; `LimitExceeded`; `Io`.
    pub(super) fn file(
        &mut self,
        file: &Coming<'_>,
        mut read: impl FnMut(&mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        if let Some(mut reading) = self.begin(file, &mut read, &mut buffer)? {
            self.pour(&mut reading, &mut read, &mut buffer)?;
            self.end(file, reading)?;
        }
        self.buffer = buffer;
        Ok(())
    }

    /// Reads what it begins with, and asks whoever keeps it; `None` if that is all that is read.
    fn begin(
        &mut self,
        file: &Coming<'_>,
        read: &mut impl FnMut(&mut [u8]) -> Result<usize>,
        buffer: &mut [u8],
    ) -> Result<Option<Reading>> {
        let mut filled = first(read, buffer)?;
        let most = worth_keeping(file.path, buffer.get(..filled).unwrap_or_default());
        let document = (most > 0 && file.size <= most)
            .then(|| Vec::with_capacity(usize::try_from(file.size).unwrap_or(CHUNK).min(CHUNK)));
        if matches!(self.pass, Pass::List) && document.is_none() {
            self.members.add_file(file.path, Facts::unread(file.size));
            return Ok(None);
        }
        let claimed = claimed_digest(file.path);
        let begun = match &mut self.pass {
            Pass::Keep(keeper, _) => keeper.begin(claimed.as_ref(), file.size, file.standing)?,
            Pass::List | Pass::Verify => Begun::Unwanted,
        };
        if let Begun::Taken(taken) = &begun {
            filled = first(&mut |buffer: &mut [u8]| read_taken(taken, buffer), buffer)?;
        }
        let compression = Compression::detect(buffer.get(..filled).unwrap_or_default());
        let inflation = self.inflation(file, compression, claimed.is_some());
        if inflation == Inflation::Here {
            self.inflater.begin(compression, file.size, is_wide(claimed))?;
        }
        let hashers = Hashers::new(is_wide(claimed));
        Ok(Some(Reading { claimed, begun, filled, compression, inflation, hashers, document }))
    }

    /// Hands all of it on, to everybody who wants it.
    fn pour(
        &mut self,
        reading: &mut Reading,
        read: &mut impl FnMut(&mut [u8]) -> Result<usize>,
        buffer: &mut [u8],
    ) -> Result<()> {
        let mut filled = reading.filled;
        while let Some(bytes) = buffer.get(..filled).filter(|b| !b.is_empty()) {
            if reading.inflation == Inflation::Here {
                self.inflater.write(bytes);
            }
            reading.hashers.update(bytes);
            if let Some(document) = &mut reading.document {
                document.extend_from_slice(bytes);
            }
            if let (Pass::Keep(keeper, _), Begun::Written) = (&mut self.pass, &reading.begun) {
                keeper.write(bytes)?;
            }
            filled = match &reading.begun {
                Begun::Taken(taken) => read_taken(taken, buffer)?,
                Begun::Unwanted | Begun::Written => read(buffer)?,
            };
        }
        Ok(())
    }

    /// Notes what it is.
    fn end(&mut self, file: &Coming<'_>, reading: Reading) -> Result<()> {
        let Reading { claimed, begun, compression, inflation, hashers, document, .. } = reading;
        let (sha256, sha512) = hashers.finish();
        let kept = !matches!(begun, Begun::Unwanted);
        if let (Pass::Keep(keeper, _), true) = (&mut self.pass, kept) {
            let digests: Vec<Digest> = std::iter::once(sha256).chain(sha512).collect();
            keeper.end(&digests)?;
        }
        let inside = match inflation {
            Inflation::None => Inside::Itself,
            Inflation::Unasked => Inside::Unknown,
            Inflation::Here => self.inflater.end().into(),
            Inflation::Later => {
                let known = if kept { sha256 } else { claimed.unwrap_or(sha256) };
                let (path, size, wide) = (file.path.to_owned(), file.size, is_wide(claimed));
                let content = self.read_again(&known, file)?;
                self.inflate_later(Layer { path, content, compression, size, wide })?;
                Inside::Pending
            }
        };
        if let Some(claimed) = claimed {
            let actual = sha512.unwrap_or(sha256);
            if claimed != actual {
                let path = quoted(file.path);
                let message = format!("{path} is not what its name says: its digest is {actual}");
                self.members.fault(Error::refused(Refusal::DigestMismatch, message));
            }
        }
        let document = document.map(|bytes| self.members.documents.keep(&bytes)).transpose()?;
        let (sha256, sha512) = (Some(sha256), sha512.map(Box::new));
        let facts = Facts { size: file.size, sha256, sha512, compression, inside, document };
        self.members.add_file(file.path, facts);
        Ok(())
    }

    /// What is to become of a file that begins like this.
    fn inflation(&self, file: &Coming<'_>, compression: Compression, has_digest: bool) -> Inflation {
        match (&self.pass, compression) {
            (_, Compression::None) => Inflation::None,
            (Pass::Keep(_, Checks::Digests), _) if has_digest => Inflation::Unasked,
            // Layers are compressed in these ways only.
            (_, Compression::Xz | Compression::Bzip2) | (Pass::List, _) => Inflation::None,
            _ if file.size >= WORTH && self.may_read_again(file) => Inflation::Later,
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
    fn may_read_again(&self, file: &Coming<'_>) -> bool {
        match &self.pass {
            Pass::Keep(keeper, _) => keeper.reopens(),
            Pass::Verify => {
                matches!(self.origin, Origin::Frames(_)) || !matches!(file.standing, Standing::Passing)
            }
            Pass::List => false,
        }
    }

    /// What was kept is what counts; without a keeper it is the archive itself.
    fn read_again(&self, digest: &Digest, file: &Coming<'_>) -> Result<Blob> {
        let missing = || Error::no_content(digest);
        if let Pass::Keep(keeper, _) = &self.pass {
            return keeper.reopen(digest)?.ok_or_else(missing);
        }
        let content: Box<dyn Read + Send> = match (file.standing, &self.origin) {
            (Standing::In(from, at), _) => Box::new(part(from, at, file.size)?),
            (Standing::Of(from, _), _) => Box::new(part(from, 0, file.size)?),
            (Standing::Passing, Origin::Frames(table)) => {
                Box::new(Frames::new(Arc::clone(table), file.at).take(file.size))
            }
            (Standing::Passing, Origin::Stream | Origin::File(_)) => return Err(missing()),
        };
        Ok(Blob::Stream(content))
    }
}

/// Reads what a file begins with: as much as tells its compression, however little comes at a time.
fn first(read: &mut impl FnMut(&mut [u8]) -> Result<usize>, buffer: &mut [u8]) -> Result<usize> {
    let mut n = 0;
    while n < ENOUGH {
        match read(buffer.get_mut(n..).unwrap_or_default())? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

fn read_taken(mut taken: &File, buffer: &mut [u8]) -> Result<usize> {
    taken.read(buffer).map_err(|e| Error::io("read", Path::new("the store"), e))
}

/// A part of a file that is read on meanwhile.
fn part(file: &File, at: u64, size: u64) -> Result<Part> {
    let file = file.try_clone().map_err(|e| Error::io("open", Path::new("the archive"), e))?;
    Ok(Part { file: Arc::new(file), at, end: at + size })
}

/// Whether it is called by its sha512 digest.
fn is_wide(claimed: Option<Digest>) -> bool {
    claimed.is_some_and(|digest| digest.algorithm() == Algorithm::Sha512)
}

/// The digest that the path of an OCI blob promises.
fn claimed_digest(path: &str) -> Option<Digest> {
    let (folder, hex) = path.rsplit_once('/')?;
    let of_folder = |a: &Algorithm| folder.strip_suffix(a.name()).is_some_and(|f| f.ends_with("blobs/"));
    Digest::from_hex(Algorithm::ALL.into_iter().find(of_folder)?, hex)
}
