//! Archives of a daemon that have been read by way of a store: all of them together, as if they were one.

use std::collections::HashMap;

use barge_core::archive::Checks;
use barge_core::content::{Blob, Documents, Image, Provider};
use barge_core::error::{Error, Result};
use barge_core::graph::Tree;
use barge_core::ops::{LoadOptions, Source, Staged, has_all, stage};
use barge_core::progress::Progress;
use barge_core::store::{Ingest, Store};
use barge_oci::{Descriptor, Digest};

use super::ask::Ask;
use super::engine::Engine;

/// What has come. Dropped, it leaves nothing in the store.
pub struct Fetched {
    /// The images that were asked for.
    pub images: Vec<Image>,
    parts: Vec<Staged<Ingest>>,
}

impl Engine {
    /// Gets everything that is asked for; it stands beside the store's content until it is dropped, what the store has
    /// already excepted.
    ///
    /// # Errors
    /// `NotFound` and `Unavailable` in the daemon's words; `Refused`, `Mismatch` for what is not what was asked for; `Io`.
    pub fn fetch(&self, ask: &Ask, store: &Store, progress: &dyn Progress) -> Result<Fetched> {
        let mut fetched = Fetched { images: Vec::new(), parts: Vec::new() };
        let mut roots = HashMap::new();
        for request in &ask.requests {
            let mut archive = self.export(&request.ids, request.platform.as_ref())?;
            let options = LoadOptions { checks: Checks::Digests, unbroken: true, ..LoadOptions::default() };
            progress.start(None);
            let staged = stage(store, Source::Stream(&mut archive), &options, progress);
            let staged = staged.map_err(|error| archive.explain(error))?;
            for image in &staged.images {
                roots.insert(image.target.digest, image.target.clone());
                // A daemon that keeps no manifests calls images by their configs.
                let tree = Tree::walk(&staged, &image.target)?;
                let configs = tree.manifests.iter().filter_map(|m| Some(m.manifest.as_ref()?.config.digest));
                roots.extend(configs.map(|config| (config, image.target.clone())));
            }
            fetched.parts.push(staged);
        }
        for image in &ask.images {
            let root = match roots.get(&image.target.digest) {
                // What the daemon has told of it counts, if it has told anything.
                Some(_) if !image.target.media_type.is_empty() => image.target.clone(),
                Some(root) => Descriptor::new(&root.media_type, root.digest, root.size),
                None => return Err(missing(&image.target.digest)),
            };
            fetched.images.push(Image { name: image.name.clone(), target: root });
        }
        let came = fetched.parts.iter().flat_map(|part| part.whole.iter().copied());
        has_all(&came.collect(), &ask.expected)?;
        Ok(fetched)
    }
}

impl Fetched {
    /// Makes it a part of the store, under the names that `images` have; `now` is when, RFC 3339.
    ///
    /// # Errors
    /// `Io`; the store is as before then, or has all that came with some of the requests.
    pub fn commit(self, images: &[Image], now: &str) -> Result<()> {
        for mut part in self.parts {
            let came =
                |image: &&Image| part.images.iter().any(|here| here.target.digest == image.target.digest);
            part.images = images.iter().filter(came).cloned().collect();
            part.commit(now)?;
        }
        Ok(())
    }
}

fn missing(digest: &Digest) -> Error {
    Error::not_found(format!("{digest} was asked for, and is not in what the daemon sent"))
}

impl Documents for Fetched {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        for part in &self.parts {
            if part.has(descriptor)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        for part in &self.parts {
            if let Some(document) = part.document(descriptor)? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }
}

impl Provider for Fetched {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        for part in &self.parts {
            if part.has(descriptor)? {
                return part.open(descriptor);
            }
        }
        Err(missing(&descriptor.digest))
    }
}
