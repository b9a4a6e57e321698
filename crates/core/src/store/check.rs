//! `store check`: every blob hashed, every image walked, every fault listed.

use std::io::Read;

use barge_oci::{Digest, Hasher, Reference};

use super::Store;
use crate::content::total;
use crate::error::{Error, Result};
use crate::graph::{State, Tree};
use crate::progress::Progress;

const CHUNK: usize = 1 << 20;

/// The outcome of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Blobs that were hashed.
    pub blobs: u64,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Images that were walked.
    pub images: u64,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The blob or image concerned.
    pub subject: String,
    /// What is wrong with it.
    pub what: String,
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
        for digest in blobs {
            match self.hash(&digest, progress) {
                Ok((actual, size)) => {
                    checked.blobs += 1;
                    checked.bytes = total([checked.bytes, size]);
                    if actual != digest {
                        checked.fault(&digest.to_string(), format!("its content is {actual}"));
                    }
                }
                Err(e) => checked.fault(&digest.to_string(), e.to_string()),
            }
        }
        for image in self.names()? {
            checked.images += 1;
            let subject =
                image.name.as_ref().map_or_else(|| image.target.digest.to_string(), Reference::familiar);
            match Tree::walk(self, &image.target) {
                Err(e) => checked.fault(&subject, e.to_string()),
                Ok(tree) => {
                    if tree.whole().next().is_none() {
                        checked.fault(&subject, "nothing of it is whole".to_owned());
                    }
                    for listed in &tree.manifests {
                        let State::Partial(missing) = &listed.state else { continue };
                        let config = listed.manifest.as_ref().map(|m| m.config.digest);
                        if missing.iter().any(|m| Some(m.digest) == config) {
                            continue;
                        }
                        for blob in missing {
                            checked.fault(&subject, format!("{} is not in the store", blob.digest));
                        }
                    }
                }
            }
        }
        Ok(checked)
    }

    /// What a blob's content really is, and how many bytes.
    pub(super) fn hash(&self, digest: &Digest, progress: &dyn Progress) -> Result<(Digest, u64)> {
        let path = self.blob_path(digest);
        let missing = || Error::not_found(format!("content digest {digest}: not found"));
        let mut file = self.open_blob(digest)?.ok_or_else(missing)?;
        let (mut hasher, mut buffer, mut size) = (Hasher::new(digest.algorithm()), vec![0; CHUNK], 0);
        loop {
            let n = file.read(&mut buffer).map_err(|e| Error::io("read", &path, e))?;
            let Some(bytes) = buffer.get(..n).filter(|b| !b.is_empty()) else { break };
            hasher.update(bytes);
            progress.add(n as u64);
            size += n as u64;
        }
        Ok((hasher.finish(), size))
    }
}

impl Checked {
    fn fault(&mut self, subject: &str, what: String) {
        self.faults.push(Fault { subject: subject.to_owned(), what });
    }
}
