//! What was planned, kept in a store and not written as an archive.

use std::fs::File;

use barge_oci::{Algorithm, Descriptor, Digest};

use super::hashing::Copier;
use super::plan::{Body, Plan};
use super::scan::{Keeper, Standing};
use crate::content::{Blob, Image, Provider};
use crate::copy;
use crate::error::Result;
use crate::progress::Progress;
use crate::store::{Ingest, Store, TAGGED};

impl Plan {
    /// Makes the planned images a part of `store`, under their names; `now` is when, RFC 3339. What the store has already
    /// is not read, and what shares its blocks with the store's file system is not copied.
    ///
    /// # Errors
    /// `Mismatch` for a blob that is not its digest; `Io`. The store is as before then.
    pub fn keep(
        &self,
        source: &impl Provider,
        store: &Store,
        now: &str,
        progress: &dyn Progress,
    ) -> Result<()> {
        progress.start(Some(self.size()));
        let (mut ingest, mut wanted) = (Ingest::new(store)?, Vec::new());
        for (path, record) in self.content() {
            match &record.body {
                Body::Directory => {}
                Body::Blob(blob) => {
                    receive(&mut ingest, source, blob)?;
                    wanted.push(blob.digest);
                    progress.add(blob.size);
                }
                Body::Bytes(bytes) => {
                    let hex = path.rsplit('/').next().unwrap_or_default();
                    if let Some(digest) = Digest::from_hex(Algorithm::Sha256, hex) {
                        ingest.put(digest, bytes)?;
                        wanted.push(digest);
                    }
                }
            }
        }
        let images = self.images.iter().map(|image| {
            let mut target = image.root.clone();
            target.annotations.insert(TAGGED.to_owned(), now.to_owned());
            Image { name: image.name.clone(), target }
        });
        let images = images.collect();
        ingest.commit(&wanted, images)
    }
}

/// One blob, hashed where it is received.
fn receive(ingest: &mut Ingest, source: &impl Provider, blob: &Descriptor) -> Result<()> {
    if !ingest.begin(Some(&blob.digest), blob.size, Standing::At(0))? {
        return Ok(());
    }
    let content = source.open(blob)?;
    let taken: Option<File> = match &content {
        Blob::File(file) if blob.size >= copy::WORTH => ingest.take(file, 0, blob.size)?,
        _ => None,
    };
    let mut copier = Copier::here();
    match taken {
        Some(taken) => copier.copy(taken, blob, |_| Ok(()))?,
        None => copier.copy(content, blob, |bytes| ingest.write(bytes))?,
    }
    ingest.end(&[blob.digest])
}
