//! Docker's store of a graph driver, as it lies in its data root.
//!
//! ```text
//! image/overlay2/repositories.json                        names, and the IDs of their images
//! image/overlay2/imagedb/content/sha256/<ID>              the config; its digest is the image's ID
//! image/overlay2/layerdb/sha256/<chainID>/diff            the layer's diffID
//! image/overlay2/layerdb/sha256/<chainID>/cache-id        the name of the folder of its files
//! image/overlay2/layerdb/sha256/<chainID>/tar-split.json.gz
//! overlay2/<cache ID>/diff/                               the files
//! ```
//!
//! The daemon has no lock that others could take. Whoever reads while it removes an image finds a file missing, and
//! an error is what comes of it: what was read is verified in any case.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_core::error::{Error, ErrorKind, Refusal, Result, printable};
use barge_oci::{Algorithm, Digest, MAX_CONFIG_BYTES, chain_ids};
use serde::Deserialize;

use super::folder::{Folder, shown};
use super::layer::Layer;
use super::storage::{Form, Listing, MAX_IMAGES, MAX_LIST_BYTES, Storage, StoredConfig, plain};

/// The driver that every docker with a graph driver has by default.
pub(super) const OVERLAY2: &str = "overlay2";
/// A digest or an ID in a file of its own is shorter.
const MAX_FACT_BYTES: u64 = 256;

/// The store.
#[derive(Debug)]
pub(super) struct Docker {
    root: Arc<Folder>,
    driver: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Names {
    /// By repository and full name, the ID.
    repositories: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

/// Opens the store of `driver` in a data root and lists its images.
///
/// # Errors
/// `NotFound` if there is none; `Io`; `Refused` if it is not docker's.
pub(super) fn open(root: &Path, driver: &str) -> Result<(Docker, Listing)> {
    let docker = Docker { root: Arc::new(Folder::open(root)?), driver: driver.to_owned() };
    let mut listing = Listing::default();
    for hex in docker.ids()? {
        listing.add(&hex, [])?;
    }
    for (name, id) in docker.names()? {
        listing.add(id.strip_prefix("sha256:").unwrap_or(&id), [name.as_str()])?;
    }
    Ok((docker, listing))
}

impl Docker {
    fn image(&self) -> PathBuf {
        Path::new("image").join(&self.driver)
    }

    fn configs(&self) -> PathBuf {
        self.image().join("imagedb/content/sha256")
    }

    /// The IDs of all images, also of those that have no name.
    fn ids(&self) -> Result<Vec<String>> {
        let path = self.configs();
        let listed = self.root.folder(&path).and_then(|folder| folder.list(MAX_IMAGES));
        let mut ids = listed.map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                let root = shown(self.root.path());
                Error::not_found(format!("{root}: no images of the {} driver", self.driver))
            }
            _ => Error::io("list", &self.root.at(path), e),
        })?;
        // What is being written has another name.
        ids.retain(|hex| Digest::from_hex(Algorithm::Sha256, hex).is_some());
        Ok(ids)
    }

    fn names(&self) -> Result<Vec<(String, String)>> {
        let path = self.image().join("repositories.json");
        let Some(bytes) = self.root.content_if_there(&path, MAX_LIST_BYTES)? else { return Ok(Vec::new()) };
        let names: Names = serde_json::from_slice(&bytes).map_err(|e| {
            let message = format!("{}: {}", shown(&self.root.at(path)), printable(&e.to_string()));
            Error::refused(Refusal::JsonInvalid, message)
        })?;
        Ok(names.repositories.into_iter().flatten().flat_map(|(_, names)| names).collect())
    }

    fn layer(&self, chain_id: &Digest, diff_id: &Digest) -> Result<Layer> {
        let (algorithm, hex) = (chain_id.algorithm().name(), chain_id.hex());
        let place = self.image().join("layerdb").join(algorithm).join(hex);
        let found = self.fact(&place.join("diff"))?;
        if found != diff_id.to_string() {
            let message = format!("layer {diff_id}: the store has {} in its place", printable(&found));
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        let cache_id = self.fact(&place.join("cache-id"))?;
        Ok(Layer {
            diff_id: *diff_id,
            root: Arc::clone(&self.root),
            split: place.join("tar-split.json.gz"),
            diff: Path::new(&self.driver).join(plain(&cache_id)?).join("diff"),
        })
    }

    /// A file of one word.
    fn fact(&self, path: &Path) -> Result<String> {
        let bytes = self.root.content(path, MAX_FACT_BYTES)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }
}

impl Storage for Docker {
    fn config(&self, id: &Digest) -> Result<StoredConfig> {
        let bytes = self.root.content(self.configs().join(id.hex()), MAX_CONFIG_BYTES)?;
        Ok(StoredConfig { digest: *id, bytes, form: Form::Oci })
    }

    fn layers(&self, _id: &Digest, diff_ids: &[Digest]) -> Result<Vec<Layer>> {
        chain_ids(diff_ids)
            .iter()
            .zip(diff_ids)
            .map(|(chain_id, diff_id)| self.layer(chain_id, diff_id))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::sample::{DockerStore, Sample, config};
    use super::*;

    fn layers(store: &DockerStore, samples: &[&Sample]) -> Result<Vec<Layer>> {
        let diff_ids: Vec<Digest> = samples.iter().map(|s| s.diff_id()).collect();
        let id = Digest::sha256(config(samples).as_bytes());
        open(store.root(), OVERLAY2)?.0.layers(&id, &diff_ids)
    }

    #[test]
    fn layers_are_found_by_chain() {
        let (one, two) = (Sample::new(&[("a", b"1")]), Sample::new(&[("b", b"22")]));
        let mut store = DockerStore::new();
        let id = store.image(&[&one, &two, &one], &["busybox:1"]);
        let (docker, listing) = open(store.root(), OVERLAY2).unwrap();
        assert_eq!(listing.images[&id][0].familiar(), "busybox:1");
        assert_eq!(docker.config(&id).unwrap().bytes, config(&[&one, &two, &one]).into_bytes());
        for (layer, sample) in layers(&store, &[&one, &two, &one]).unwrap().iter().zip([&one, &two, &one]) {
            let mut tar = Vec::new();
            layer.open().unwrap().read_to_end(&mut tar).unwrap();
            assert!(tar == sample.tar);
            assert_eq!(layer.size().unwrap(), tar.len() as u64);
        }
        // The same layers in another order are not there.
        assert_eq!(layers(&store, &[&two, &one]).unwrap_err().refusal(), Some(Refusal::BlobMissing));
    }

    #[test]
    fn what_a_store_says_of_a_layer_is_checked() {
        let sample = Sample::new(&[("a", b"1")]);
        let mut store = DockerStore::new();
        store.image(&[&sample], &[]);
        let place = format!("image/overlay2/layerdb/sha256/{}", sample.diff_id().hex());
        let with = |file: &str, content: &str| {
            store.write(&format!("{place}/{file}"), content.as_bytes());
            layers(&store, &[&sample]).map(drop)
        };
        let cache_id = std::fs::read_to_string(store.root().join(&place).join("cache-id")).unwrap();
        for id in ["../../etc", "/etc", "", ".."] {
            assert_eq!(with("cache-id", id).unwrap_err().refusal(), Some(Refusal::PathUnsafe), "{id}");
        }
        let long = "a".repeat(300);
        assert_eq!(with("cache-id", &long).unwrap_err().refusal(), Some(Refusal::LimitExceeded));
        with("cache-id", &cache_id).unwrap();
        let other = Digest::sha256(b"other").to_string();
        assert_eq!(with("diff", &other).unwrap_err().kind(), ErrorKind::Mismatch);
    }

    #[test]
    fn a_layer_in_pieces() {
        let sample = Sample::new(&[("a", b"1")]);
        let mut store = DockerStore::new();
        store.image(&[&sample], &[]);
        let split = store
            .root()
            .join(format!("image/overlay2/layerdb/sha256/{}/tar-split.json.gz", sample.diff_id().hex()));
        let packed = std::fs::read(&split).unwrap();
        let refusal = || layers(&store, &[&sample]).unwrap()[0].size().unwrap_err().refusal();
        std::fs::write(&split, &packed[..packed.len() - 9]).unwrap();
        assert_eq!(refusal(), Some(Refusal::StreamCorrupt));
        std::fs::remove_file(&split).unwrap();
        assert_eq!(refusal(), Some(Refusal::BlobMissing));
        std::fs::write(&split, packed).unwrap();
        std::fs::remove_dir_all(store.root().join("overlay2")).unwrap();
        assert_eq!(layers(&store, &[&sample]).unwrap()[0].size().unwrap_err().kind(), ErrorKind::Io);
    }

    #[test]
    fn a_folder_that_is_no_store() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(open(place.path(), OVERLAY2).map(drop).unwrap_err().kind(), ErrorKind::NotFound);
        let store = DockerStore::new();
        store.write("image/overlay2/repositories.json", b"{\"Repositories\":[]}");
        let refusal = open(store.root(), OVERLAY2).map(drop).unwrap_err().refusal();
        assert_eq!(refusal, Some(Refusal::JsonInvalid));
    }
}
