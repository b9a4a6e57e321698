//! Leases: content that a running process relies on, and that gc must leave alone.

use std::fs::File;
use std::io::Write;

use barge_oci::Digest;

use super::{Area, Store, random_name};
use crate::cleanup::Temporary;
use crate::error::{Error, Result};
use crate::graph::{Listed, Tree};
use crate::image::Image;

/// Protects the digests written into it for as long as it lives; a lease of a killed process ends with it.
#[derive(Debug)]
pub struct Lease {
    store: Store,
    /// `None` for a store that is not there, and for one that must not be written to: no lease can be left in it.
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    // Dropped first: a lease that is no longer locked is stale.
    file: File,
    place: Temporary,
}

impl Lease {
    /// A lease on nothing yet. It makes no store where there is none.
    ///
    /// # Errors
    /// `Io`.
    pub fn new(store: &Store) -> Result<Self> {
        let held = match (!store.is_absent()).then(|| Held::new(store)) {
            None => None,
            Some(Err(e)) if e.is_read_only() => None,
            Some(held) => Some(held?),
        };
        Ok(Self { store: store.clone(), held })
    }

    /// A lease on everything the store has of these images, for as long as they are read.
    ///
    /// # Errors
    /// As [`Tree::walk`]; `Io`.
    pub fn on<'a>(store: &Store, images: impl IntoIterator<Item = &'a Image>) -> Result<Self> {
        let mut lease = Self::new(store)?;
        lease.protect(|| {
            let mut digests = Vec::new();
            for image in images {
                let tree = Tree::walk(store, &image.target)?;
                digests.extend(tree.indexes.keys().copied());
                digests.extend(tree.manifests.iter().flat_map(Listed::present_blobs).map(|b| b.digest));
            }
            Ok(((), digests))
        })?;
        Ok(lease)
    }

    /// Runs `find`, which decides what is needed, and protects that before gc can run again.
    ///
    /// # Errors
    /// Those of `find`, and `Io`.
    pub(crate) fn protect<T>(&mut self, find: impl FnOnce() -> Result<(T, Vec<Digest>)>) -> Result<T> {
        let Some(held) = &mut self.held else { return find().map(|(found, _)| found) };
        let _shared = self.store.lock("gc.lock", false)?;
        let (found, digests) = find()?;
        let lines: String = digests.iter().map(|d| format!("{d}\n")).collect();
        held.file.write_all(lines.as_bytes()).map_err(|e| Error::io("write", held.place.path(), e))?;
        Ok(found)
    }
}

impl Held {
    fn new(store: &Store) -> Result<Self> {
        store.create()?;
        let _shared = store.lock("gc.lock", false)?;
        let leases = store.folder(Area::Leases)?;
        let place = Temporary::within(leases, &random_name());
        let file = leases.write(place.name()).map_err(|e| Error::io("create", place.path(), e))?;
        file.lock().map_err(|e| Error::io("lock", place.path(), e))?;
        Ok(Self { file, place })
    }
}
