//! `store check`: every blob hashed, every image walked, every fault listed.

use std::collections::BTreeSet;
use std::fmt;

use barge_oci::{Digest, Manifest};

use super::{DigestSet, Store};
use crate::content::total;
use crate::error::Result;
use crate::graph::{State, Tree};
use crate::image::Image;
use crate::progress::Progress;

/// The outcome of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Blobs that were hashed.
    pub blobs: u64,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Images that were walked, one for each of their names.
    pub images: u64,
    /// Blobs that no image leads to; `None` if an image cannot be read, and so nobody knows.
    pub garbage: Option<u64>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// With what.
    pub subject: Subject,
    /// What is wrong with it.
    pub what: String,
}

/// What something may be wrong with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A blob.
    Blob(Digest),
    /// An image, by the first of its names, or by its digest.
    Image(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob(digest) => digest.fmt(f),
            Self::Image(name) => name.fmt(f),
        }
    }
}

impl Store {
    /// Hashes every blob and walks every image.
    ///
    /// A platform that was never loaded is no fault; a manifest that is here without its blobs is one.
    ///
    /// # Errors
    /// `Io` only; what is wrong with the content is in [`Checked::faults`].
    pub fn check(&self, progress: &dyn Progress) -> Result<Checked> {
        let mut checked = Checked::default();
        let mut blobs: Vec<Digest> = self.blobs()?.into_iter().collect();
        blobs.sort();
        let sizes = blobs.iter().filter_map(|d| self.look(d).ok().flatten());
        progress.start(Some(total(sizes.map(|look| look.size))));
        let mut damaged = DigestSet::default();
        for digest in &blobs {
            match self.hash(digest, progress) {
                Ok((actual, size)) => {
                    checked.blobs += 1;
                    checked.bytes = total([checked.bytes, size]);
                    if actual != *digest {
                        damaged.insert(*digest);
                        checked.fault(Subject::Blob(*digest), format!("its content is {actual}"));
                    }
                }
                Err(e) => checked.fault(Subject::Blob(*digest), e.to_string()),
            }
        }
        let images = self.images()?;
        checked.images = images.len() as u64;
        let (mut walked, mut wanted, mut all_read) = (BTreeSet::new(), DigestSet::default(), true);
        for image in &images {
            let target = &image.target;
            if !walked.insert((target.digest, target.size, &target.media_type)) {
                continue;
            }
            match checked.image(self, image, &damaged) {
                Some(tree) => wanted.extend(leads_to(&tree)),
                None => all_read = false,
            }
        }
        let garbage = blobs.iter().filter(|digest| !wanted.contains(*digest)).count() as u64;
        checked.garbage = all_read.then_some(garbage);
        Ok(checked)
    }
}

impl Checked {
    /// Walks an image, and says of each of its blobs once what is wrong with it; returns what it lists, if that can
    /// be read.
    fn image(&mut self, store: &Store, image: &Image, damaged: &DigestSet) -> Option<Tree> {
        let mut fault = |what| self.fault(Subject::Image(image.shown()), what);
        let tree = match Tree::walk(store, &image.target) {
            Ok(tree) => tree,
            Err(e) => {
                fault(e.to_string());
                return None;
            }
        };
        if tree.whole().next().is_none() {
            fault("nothing of it is whole".to_owned());
        }
        let mut said = BTreeSet::new();
        for listed in &tree.manifests {
            for blob in listed.present_blobs().filter(|b| damaged.contains(&b.digest)) {
                if said.insert(blob.digest) {
                    fault(format!("{} is damaged", blob.digest));
                }
            }
            let State::Partial(missing) = &listed.state else { continue };
            let config = listed.manifest.as_ref().map(|m| m.config.digest);
            if missing.iter().any(|m| Some(m.digest) == config) {
                continue;
            }
            for blob in missing {
                if said.insert(blob.digest) {
                    fault(format!("{} is not in the store", blob.digest));
                }
            }
        }
        Some(tree)
    }

    fn fault(&mut self, subject: Subject, what: String) {
        self.faults.push(Fault { subject, what });
    }
}

/// Everything that an image lists, here or not.
fn leads_to(tree: &Tree) -> Vec<Digest> {
    let absent = tree.absent_indexes.iter().map(|d| d.digest);
    let manifests = tree.manifests.iter().map(|m| m.descriptor.digest);
    let blobs = tree.manifests.iter().filter_map(|m| m.manifest.as_ref()).flat_map(Manifest::blobs);
    let all = tree.indexes.keys().copied().chain(absent).chain(manifests);
    all.chain(blobs.map(|b| b.digest)).collect()
}
