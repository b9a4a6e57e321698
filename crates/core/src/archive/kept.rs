//! What was planned, kept in a store and not written as an archive.

use barge_oci::Descriptor;

use super::hashing::Copier;
use super::keeper::{Begun, Keeper, Standing};
use super::plan::Plan;
use super::record::Record;
use crate::content::{Blob, Image, Provider};
use crate::error::Result;
use crate::progress::Progress;
use crate::store::{Ingest, Store};

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
        for record in &self.content {
            match record {
                Record::Folder(_) => {}
                Record::Blob(blob) => {
                    receive(&mut ingest, source, blob)?;
                    wanted.push(blob.digest);
                    progress.add(blob.size);
                }
                Record::Made(digest, bytes) => {
                    ingest.put(*digest, bytes)?;
                    wanted.push(*digest);
                }
            }
        }
        let images =
            self.images.iter().map(|image| Image { name: image.name.clone(), target: image.root.clone() });
        ingest.commit(&wanted, images.collect(), now)
    }
}

/// One blob, hashed where it is received.
fn receive(ingest: &mut Ingest, source: &impl Provider, blob: &Descriptor) -> Result<()> {
    if !ingest.wants(&blob.digest)? {
        return Ok(());
    }
    let content = source.open(blob)?;
    let standing = match &content {
        Blob::File(file) => Standing::In(file, 0),
        Blob::Bytes(_) | Blob::Stream(_) => Standing::Passing,
    };
    let mut copier = Copier::here();
    match ingest.begin(Some(&blob.digest), blob.size, standing)? {
        Begun::Unwanted => return Ok(()),
        Begun::Taken(taken) => copier.copy(taken, blob, |_| Ok(()))?,
        Begun::Written => copier.copy(content, blob, |bytes| ingest.write(bytes))?,
    }
    ingest.end(&[blob.digest])
}
