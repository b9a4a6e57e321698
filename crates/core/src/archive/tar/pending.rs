//! The records before an entry, PAX's and GNU's long names, and which may stand beside which.

use super::block::text;
use super::fault::bad;
use super::pax;
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
        for (key, value) in pax::records(content, offset)? {
            match key.as_slice() {
                b"path" => self.path = Some(value),
                b"linkpath" => self.link = Some(value),
                b"size" => self.size = Some(pax::size(&value, offset)?),
                key if pax::is_sparse(key) => self.sparse = true,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Of global records only comments and the like are accepted, not what changes entries.
fn check_global(content: &[u8], offset: u64) -> Result<()> {
    if pax::records(content, offset)?.iter().any(|(key, _)| pax::overrides(key)) {
        return Err(bad(offset, "a global PAX record that overrides entries"));
    }
    Ok(())
}

fn long_name(content: &[u8], offset: u64) -> Result<Vec<u8>> {
    let name = text(content);
    if name.is_empty() { Err(bad(offset, "an empty long name")) } else { Ok(name.to_vec()) }
}
