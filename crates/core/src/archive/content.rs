//! What an archive has, by digest, wherever in it that stands.

use std::collections::{BTreeMap, HashMap};

use barge_oci::{Algorithm, Descriptor, Digest};

use super::facts::Facts;
use super::members::Members;
use crate::content::Documents;
use crate::error::Result;

/// The members of an archive, and the documents that were made because it does not keep them.
pub(super) struct Content {
    pub members: Members,
    made: BTreeMap<Digest, Vec<u8>>,
    /// Blobs that stand under other paths than an OCI layout's.
    elsewhere: HashMap<Digest, String>,
}

impl Content {
    /// What is in the archive itself.
    pub(super) fn new(members: Members) -> Self {
        Self { members, made: BTreeMap::new(), elsewhere: HashMap::new() }
    }

    /// Adds a document that was made.
    pub(super) fn make(&mut self, digest: Digest, bytes: Vec<u8>) {
        self.made.insert(digest, bytes);
    }

    /// Says where blobs stand that are not where an OCI layout has them.
    pub(super) fn find(&mut self, blobs: Vec<(Digest, String)>) {
        self.elsewhere.extend(blobs);
    }

    /// The documents that were made.
    pub(super) fn made(&self) -> impl Iterator<Item = (&Digest, &[u8])> {
        self.made.iter().map(|(digest, bytes)| (digest, bytes.as_slice()))
    }

    /// The path under which a blob stands.
    pub(super) fn place(&self, digest: &Digest) -> String {
        self.elsewhere.get(digest).cloned().unwrap_or_else(|| digest.blob_path())
    }

    /// What is known of a blob.
    pub(super) fn facts(&self, digest: &Digest) -> Option<&Facts> {
        self.members.file(&self.place(digest))
    }

    /// What a layer is when decompressed; `None` if that is not known.
    pub(super) fn diff_id(&self, digest: &Digest) -> Option<Digest> {
        self.facts(digest)?.diff_id(Algorithm::Sha256)
    }

    /// A blob that does not stand where an OCI layout has it: its path, and what is known of it.
    fn stray(&self, digest: &Digest) -> Option<(&str, &Facts)> {
        let path = self.elsewhere.get(digest)?;
        Some((path, self.members.file(path)?))
    }
}

impl Documents for Content {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        if let Some(made) = self.made.get(&descriptor.digest) {
            return Ok(made.len() as u64 == descriptor.size);
        }
        match self.stray(&descriptor.digest) {
            Some((_, facts)) => Ok(facts.size == descriptor.size),
            None => self.members.has(descriptor),
        }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.made.get(&descriptor.digest) {
            return Ok((bytes.len() as u64 == descriptor.size).then(|| bytes.clone()));
        }
        match self.stray(&descriptor.digest) {
            Some((_, facts)) if facts.size != descriptor.size => Ok(None),
            Some((path, facts)) => self.members.read(path, facts).map(Some),
            None => self.members.document(descriptor),
        }
    }
}
