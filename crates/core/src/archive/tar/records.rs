//! The records before an entry, PAX's and GNU's long names, and which may stand beside which.

use super::block::{bad, text};
use crate::error::Result;

/// What a header is whose content describes entries.
#[derive(Clone, Copy)]
pub(super) enum Record {
    Pax,
    /// PAX for every entry that follows.
    Global,
    /// GNU's long name.
    Name,
    /// GNU's long link name.
    Link,
}

impl Record {
    /// What a header of this type is, if it is none of an entry.
    pub(super) fn of(kind: u8) -> Option<Self> {
        match kind {
            b'x' => Some(Self::Pax),
            b'g' => Some(Self::Global),
            b'L' => Some(Self::Name),
            b'K' => Some(Self::Link),
            _ => None,
        }
    }
}

/// Records that describe the next entry.
#[derive(Default)]
pub(super) struct Pending {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub sparse: bool,
    /// A PAX record was read.
    pax: bool,
}

impl Pending {
    /// Whether an entry has to follow.
    pub(super) fn any(&self) -> bool {
        self.pax || self.path.is_some() || self.link.is_some()
    }

    /// Whether a record may stand behind those before it. Readers disagree on which of several counts, so there may be
    /// one kind only, and PAX once.
    ///
    /// # Errors
    /// `TarBad`, with the offset.
    pub(super) fn admit(&self, record: Record, offset: u64) -> Result<()> {
        let why = match record {
            Record::Pax if self.any() => "several records for one entry",
            Record::Global if self.any() => "a global record between a record and its entry",
            Record::Name | Record::Link if self.pax => "a GNU name beside a PAX record",
            Record::Name if self.path.is_some() => "two long names for one entry",
            Record::Link if self.link.is_some() => "two long link names for one entry",
            _ => return Ok(()),
        };
        Err(bad(offset, why))
    }

    /// Takes in what a record says.
    ///
    /// # Errors
    /// `TarBad`, with the offset.
    pub(super) fn take(&mut self, record: Record, content: &[u8], offset: u64) -> Result<()> {
        match record {
            Record::Pax => self.describe(content, offset)?,
            Record::Global => check_global(content, offset)?,
            Record::Name => self.path = Some(long_name(content, offset)?),
            Record::Link => self.link = Some(long_name(content, offset)?),
        }
        Ok(())
    }

    fn describe(&mut self, content: &[u8], offset: u64) -> Result<()> {
        self.pax = true;
        for (key, value) in pax_records(content, offset)? {
            match key.as_slice() {
                b"path" => self.path = Some(value),
                b"linkpath" => self.link = Some(value),
                b"size" => self.size = Some(pax_size(&value, offset)?),
                key if is_sparse(key) => self.sparse = true,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Of global records only comments and the like are accepted, not what changes entries.
fn check_global(content: &[u8], offset: u64) -> Result<()> {
    if pax_records(content, offset)?.iter().any(|(key, _)| is_field(key) || is_sparse(key)) {
        return Err(bad(offset, "a global PAX record that overrides entries"));
    }
    Ok(())
}

fn long_name(content: &[u8], offset: u64) -> Result<Vec<u8>> {
    let name = text(content);
    if name.is_empty() { Err(bad(offset, "an empty long name")) } else { Ok(name.to_vec()) }
}

/// The keys and values of a PAX header's content: `length key=value\n`, again and again.
///
/// # Errors
/// `TarBad`, with the offset.
fn pax_records(content: &[u8], offset: u64) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    parse(content).ok_or_else(|| bad(offset, "a malformed PAX record"))
}

/// The value of a `size`.
///
/// # Errors
/// `TarBad`, with the offset.
fn pax_size(value: &[u8], offset: u64) -> Result<u64> {
    let digits = std::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
    let size = digits.and_then(|v| v.parse().ok());
    size.ok_or_else(|| bad(offset, "a PAX size that is no number"))
}

/// Whether a record of this key belongs to a sparse file.
fn is_sparse(key: &[u8]) -> bool {
    key.starts_with(b"GNU.sparse.")
}

/// Whether a record of this key comes in place of what the header says.
fn is_field(key: &[u8]) -> bool {
    matches!(key, b"path" | b"linkpath" | b"size")
}

fn parse(mut data: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
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
        if is_field(key) && (value.is_empty() || value.contains(&0) || out.iter().any(|(k, _)| k == key)) {
            return None;
        }
        out.push((key.to_vec(), value.to_vec()));
        data = data.get(length..)?;
    }
    Some(out)
}
