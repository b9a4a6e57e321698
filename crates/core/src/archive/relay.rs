//! An archive that is written while another one is read: blobs go from one to the other and are kept nowhere.
//!
//! That works if they come in the order in which archives have them here, which is docker's: by path. What lists them
//! stands at the end of both, so it can be written when everything is known: [`Relay::finish`] compares what has gone by
//! with what a plan says should be there. Until then there is nothing that could be taken for an archive.

use std::collections::BTreeSet;

use barge_oci::{Algorithm, Descriptor, Digest};

use super::keeper::{Begun, Keeper, Standing};
use super::packing::Packing;
use super::plan::Plan;
use super::record::{Layout, Record};
use super::tape::Tape;
use crate::error::{Error, ErrorKind, Result};
use crate::output::Sink;
use crate::progress::Silent;

/// Writes the blobs of an archive that is being read.
pub struct Relay<'a> {
    tape: Tape<'a>,
    /// What is not passed on.
    omitted: BTreeSet<Digest>,
    /// Paths and sizes of everything that was.
    written: Vec<(String, u64)>,
    /// The folder they are in now.
    folder: Option<Algorithm>,
    current: Option<(Digest, u64)>,
    /// Whether the current blob has no bytes yet.
    first: bool,
    unordered: bool,
}

impl<'a> Relay<'a> {
    /// Begins an archive in `output`. What is `omitted` is read and not written.
    ///
    /// # Errors
    /// `Io`.
    pub fn new(
        output: &'a mut dyn Sink,
        packing: Option<Packing>,
        layout: Layout,
        omitted: BTreeSet<Digest>,
    ) -> Result<Self> {
        let mut relay = Self {
            // Whoever reads the other archive tells the progress.
            tape: Tape::new(output, packing, layout, &Silent)?,
            omitted,
            written: Vec::new(),
            folder: None,
            current: None,
            first: true,
            unordered: false,
        };
        relay.folder(&Record::root())?;
        Ok(relay)
    }

    /// Whether it failed because blobs came in another order than archives have them in.
    #[must_use]
    pub(crate) fn is_unordered(&self) -> bool {
        self.unordered
    }

    /// Everything was read and is right: writes what lists it.
    ///
    /// # Errors
    /// `Mismatch` if the plan has other blobs than those that were written; `Io`.
    pub fn finish(mut self, plan: &Plan) -> Result<()> {
        let planned: Vec<(String, u64)> =
            plan.content.iter().map(|record| (record.path(), record.size())).collect();
        // Both are sorted by path.
        let lacks = |all: &[(String, u64)], one: &(String, u64)| all.binary_search(one).is_err();
        let absent = planned.iter().find(|one| lacks(&self.written, one));
        let stray = self.written.iter().find(|one| lacks(&planned, one));
        let why = match (absent, stray) {
            (Some((path, _)), _) => format!("{path} did not come"),
            (None, Some((path, _))) => format!("{path} is of no image that was asked for"),
            (None, None) => String::new(),
        };
        if !why.is_empty() {
            return Err(Error::new(ErrorKind::Mismatch, format!("not what was planned: {why}")));
        }
        plan.lists.iter().try_for_each(|list| self.tape.list(list))?;
        self.tape.finish()
    }

    fn folder(&mut self, folder: &Record) -> Result<()> {
        self.tape.header(folder)?;
        self.written.push((folder.path(), 0));
        Ok(())
    }
}

impl Keeper for Relay<'_> {
    fn begin(&mut self, claimed: Option<&Digest>, size: u64, _standing: Standing<'_>) -> Result<Begun> {
        let Some(digest) = claimed.filter(|digest| !self.omitted.contains(digest)) else {
            return Ok(Begun::Unwanted);
        };
        let path = digest.blob_path();
        if self.written.last().is_some_and(|(last, _)| *last >= path) {
            self.unordered = true;
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("{path} comes behind what should follow it"),
            ));
        }
        if self.folder.replace(digest.algorithm()) != Some(digest.algorithm()) {
            self.folder(&Record::folder(digest.algorithm()))?;
        }
        let blob = Descriptor { size, ..Descriptor::of("", &[]) };
        self.tape.header(&Record::Blob(Descriptor { digest: *digest, ..blob }))?;
        self.written.push((path, size));
        self.current = Some((*digest, size));
        self.first = true;
        Ok(Begun::Written)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let (Some((_, size)), true) = (self.current, std::mem::take(&mut self.first)) {
            self.tape.begin(bytes, size)?;
        }
        self.tape.write(bytes)
    }

    fn end(&mut self, digests: &[Digest]) -> Result<()> {
        let Some((digest, size)) = self.current.take() else { return Ok(()) };
        if !digests.contains(&digest) {
            let actual = digests.last().map(ToString::to_string).unwrap_or_default();
            let text = format!("{} is not what its name says: its digest is {actual}", digest.blob_path());
            return Err(Error::new(ErrorKind::Mismatch, text));
        }
        self.tape.end(size)
    }
}
