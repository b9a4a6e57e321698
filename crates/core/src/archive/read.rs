//! What an archive holds: the images its lists name, checked against each other and against every byte that was read.

use barge_oci::{Descriptor, Digest};

use super::check::check;
use super::content::Content;
use super::decompress::Compression;
use super::explain::{not_an_image, with_hint};
use super::found::Found;
use super::listing::{Forms, Listing};
use super::scan::Scanned;
use crate::content::Documents;
use crate::error::{Error, Refusal, Result};

/// An archive whose content is known and, unless it was only listed, verified.
pub struct Archive {
    /// The images it names, in its own order.
    pub images: Vec<Found>,
    /// Manifests that refer to one of the images and come along with it.
    pub referrers: Vec<Descriptor>,
    /// In which forms the images are written.
    pub forms: Forms,
    /// The compression around the whole archive.
    pub compression: Compression,
    /// Oddities that are accepted, each a sentence.
    pub warnings: Vec<String>,
    content: Content,
    /// Whether its tar ended in any other way than with a marker and nothing behind it.
    odd_end: bool,
}

impl Archive {
    /// What was found, as images.
    ///
    /// # Errors
    /// `Refused` with the first reason found; `Io`.
    pub(super) fn interpret(scanned: Scanned) -> Result<Self> {
        let Scanned { mut members, compression, start } = scanned;
        let (index, manifest) = (members.root("index.json")?, members.root("manifest.json")?);
        let (layout, repositories) = (members.root("oci-layout")?, members.root("repositories")?);
        if index.is_none() && manifest.is_none() && layout.is_none() && repositories.is_none() {
            return Err(not_an_image(&start, compression, &members));
        }
        if !members.faults.is_empty() {
            return Err(with_hint(members.faults.remove(0)));
        }
        let (odd_end, warnings) = (members.odd_end, std::mem::take(&mut members.warnings));
        let mut listing = Listing::new(Content::new(members), warnings);
        let listed = match (index, &layout, &manifest) {
            (Some(index), _, _) => listing.index(index, layout.as_deref())?,
            (None, Some(_), None) => {
                return Err(Error::refused(Refusal::NotAnImage, "missing index.json in OCI layout 1.0.0"));
            }
            _ => 0,
        };
        if let Some(manifest) = manifest {
            listing.manifest(&manifest, listed)?;
        } else if let (0, Some(repositories)) = (listed, repositories) {
            listing.repositories(&repositories)?;
        }
        let Listing { images, referrers, forms, warnings, content, trees, .. } = listing;
        if images.is_empty() && referrers.is_empty() {
            return Err(Error::refused(Refusal::NotAnImage, "the archive lists no image"));
        }
        check(&images, trees.values().map(|tree| &**tree), &content)?;
        Ok(Self { images, referrers, forms, compression, warnings, content, odd_end })
    }

    /// That it ends with a marker and nothing behind it. Most readers do without: what has come is sound. But whoever
    /// sends an archive and fails may leave it like that.
    ///
    /// # Errors
    /// `TarTruncated`.
    pub(crate) fn ends_well(&self) -> Result<()> {
        if !self.odd_end {
            return Ok(());
        }
        Err(Error::refused(Refusal::TarTruncated, "the archive does not end as archives end"))
    }

    /// The path under which a blob stands in the archive.
    #[must_use]
    pub fn place(&self, digest: &Digest) -> String {
        self.content.place(digest)
    }

    /// The documents that are not in the archive but belong to its images.
    pub fn made(&self) -> impl Iterator<Item = (&Digest, &[u8])> {
        self.content.made()
    }
}

impl Documents for Archive {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        self.content.has(descriptor)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        self.content.document(descriptor)
    }
}
