//! Images of several repositories as one place, to be archived or sent on without a store.

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use barge_core::content::{Blob, Documents, Provider, Remote};
use barge_core::error::{Error, Result};
use barge_core::graph::may_be_absent;
use barge_core::parallel::each;
use barge_core::select::Wanted;
use barge_oci::{Descriptor, Digest, Document, media_type};

use super::Repository;

/// The repositories, and which content is in which. What was read of documents is kept.
#[derive(Debug)]
pub struct Gathered {
    repositories: Vec<Repository>,
    wanted: Wanted,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By digest, the repository's number: whatever it is listed by is there too.
    places: HashMap<Digest, usize>,
    documents: HashMap<Digest, Arc<Vec<u8>>>,
}

impl Gathered {
    /// Nothing yet. Manifests of platforms that are not wanted are taken to be absent, and not fetched.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { repositories: Vec::new(), wanted, known: Mutex::default() }
    }

    /// Adds an image that a repository has just resolved.
    ///
    /// # Errors
    /// Those of [`Documents::document`].
    pub fn add(&mut self, repository: Repository, root: &Descriptor) -> Result<()> {
        let place = self.repositories.len();
        self.repositories.push(repository);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).places.entry(root.digest).or_insert(place);
        self.document(root).map(drop)
    }

    /// Asks for every one of these blobs whether it is there, several at once.
    ///
    /// # Errors
    /// `NotFound` naming one that is missing; `Unauthorized`, `Unavailable`.
    pub fn check<'a>(&self, blobs: impl Iterator<Item = &'a Descriptor>, parallel: usize) -> Result<()> {
        let unread = blobs.filter(|b| !b.has_children() && !self.is_read(&b.digest)).collect();
        each(unread, parallel, &Arc::default(), |blob, _| {
            let repository = self.repository(blob)?;
            // A foreign layer may be where it is published.
            if repository.holds(blob)? || (may_be_absent(blob) && !blob.urls.is_empty()) {
                return Ok(());
            }
            let message = format!("{}: blob {}: not found", repository.place(), blob.digest);
            Err(Error::not_found(message).hint("the registry lists it and does not have it"))
        })
    }

    /// A document that was read; with another size it is another one.
    fn read(&self, descriptor: &Descriptor) -> Option<Arc<Vec<u8>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = known.documents.get(&descriptor.digest).cloned();
        bytes.filter(|bytes| bytes.len() as u64 == descriptor.size)
    }

    fn is_read(&self, digest: &Digest) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).documents.contains_key(digest)
    }

    fn repository(&self, descriptor: &Descriptor) -> Result<&Repository> {
        self.of_digest(&descriptor.digest)
    }

    fn of_digest(&self, digest: &Digest) -> Result<&Repository> {
        let unknown = || Error::no_content(digest);
        self.listing(digest).ok_or_else(unknown)
    }

    /// Where a digest is listed, if anywhere.
    fn listing(&self, digest: &Digest) -> Option<&Repository> {
        let place = self.known.lock().unwrap_or_else(PoisonError::into_inner).places.get(digest).copied();
        place.and_then(|place| self.repositories.get(place))
    }

    /// These are where `parent` is.
    fn learn_places(&self, parent: &Digest, children: impl Iterator<Item = Digest>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = known.places.get(parent).copied() else { return };
        for child in children {
            known.places.entry(child).or_insert(place);
        }
    }

    /// What a document lists is where it is.
    fn learn(&self, descriptor: &Descriptor, bytes: &Arc<Vec<u8>>) {
        let children: Vec<Digest> = if media_type::is_index(&descriptor.media_type) {
            let index = Document::index(bytes.to_vec());
            index.map(|i| i.parsed().manifests.iter().map(|m| m.digest).collect()).unwrap_or_default()
        } else {
            let manifest = Document::manifest(bytes.to_vec());
            manifest.map(|m| m.parsed().blobs().map(|b| b.digest).collect()).unwrap_or_default()
        };
        self.learn_places(&descriptor.digest, children.into_iter());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.documents.insert(descriptor.digest, Arc::clone(bytes));
    }
}

impl Documents for Gathered {
    /// Content is taken to be where it is listed; [`Self::check`] finds out.
    fn has(&self, _descriptor: &Descriptor) -> Result<bool> {
        Ok(true)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.read(descriptor) {
            return Ok(Some(bytes.to_vec()));
        }
        if media_type::is_manifest(&descriptor.media_type) && !self.wanted.may_want(descriptor) {
            return Ok(None);
        }
        let Some(repository) = self.listing(&descriptor.digest) else { return Ok(None) };
        let bytes = repository.document(descriptor)?.map(Arc::new);
        // What else is read now and then is read again; it might be a lot.
        if let Some(bytes) = bytes.as_ref().filter(|_| descriptor.has_children()) {
            self.learn(descriptor, bytes);
        }
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }
}

impl Provider for Gathered {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        if let Some(bytes) = self.read(descriptor) {
            return Ok(Blob::Bytes(std::io::Cursor::new(bytes.to_vec())));
        }
        self.repository(descriptor)?.open(descriptor)
    }
}

impl Remote for Gathered {
    fn place(&self) -> String {
        let places: Vec<String> = self.repositories.iter().map(Remote::place).collect();
        places.join(", ")
    }

    fn holds(&self, blob: &Descriptor) -> Result<bool> {
        self.listing(&blob.digest).map_or(Ok(false), |repository| repository.holds(blob))
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let found = self.of_digest(subject)?.referrers(subject)?;
        self.learn_places(subject, found.iter().map(|d| d.digest));
        Ok(found)
    }

    fn tagged(&self, subject: &Digest, tag: &str) -> Result<Option<Descriptor>> {
        let found = self.of_digest(subject)?.tagged(subject, tag)?;
        self.learn_places(subject, found.iter().map(|d| d.digest));
        Ok(found)
    }

    fn read_from(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>> {
        self.repository(descriptor)?.read_from(descriptor, offset)
    }

    fn distrust(&self) -> bool {
        self.repositories.iter().filter(|repository| repository.distrust()).count() > 0
    }

    fn read_range(&self, descriptor: &Descriptor, range: Range<u64>) -> Result<Option<Box<dyn Read + Send>>> {
        self.repository(descriptor)?.read_range(descriptor, range)
    }
}
