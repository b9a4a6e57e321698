//! The store of containers/storage (podman, buildah, CRI-O), as it lies in a graph root.
//!
//! ```text
//! overlay-images/images.json                      IDs, names, and the ID of each image's top layer
//! overlay-images/<ID>/manifest                    the manifest it was pulled or built with
//! overlay-images/<ID>/=<base64 of the digest>     the config
//! overlay-layers/layers.json                      layers by ID, each with its parent and its diffID
//! overlay-layers/volatile-layers.json             the same for those that nobody minds losing
//! overlay-layers/<ID>.tar-split.gz
//! overlay/<ID>/diff/                              the files
//! ```
//!
//! Several graph roots are one store: an image of the first may stand on layers of the others, which are then stores
//! that are shared and read only.
//!
//! Both lists have a lock, of layers first and of images second, as its own programs take them. They are held until
//! the store is dropped and not only while the lists are read: nobody could remove a layer then before it is read.
//! Meanwhile podman can read, but waits with what changes the store.
//!
//! Layers that were pulled in part (zstd:chunked) or lie in a composefs are not unpacked tars, and refused by name.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_core::error::{Error, ErrorKind, Refusal, Result, printable};
use barge_oci::{Digest, Document, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, media_type};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::folder::{Folder, shown};
use super::layer::Layer;
use super::lock::Lock;
use super::storage::{Form, Listing, MAX_LIST_BYTES, Storage, StoredConfig, plain};

const IMAGES: &str = "overlay-images";
const LAYERS: &str = "overlay-layers";
const FILES: &str = "overlay";

/// The store.
#[derive(Debug, Default)]
pub(super) struct Podman {
    images: HashMap<Digest, KnownImage>,
    layers: HashMap<String, KnownLayer>,
    locks: Vec<Lock>,
}

#[derive(Debug)]
struct KnownImage {
    root: Arc<Folder>,
    top: Option<String>,
}

#[derive(Debug)]
struct KnownLayer {
    root: Arc<Folder>,
    parent: Option<String>,
    diff_id: Option<String>,
}

/// An image in `images.json`.
#[derive(Deserialize)]
struct ListedImage {
    id: String,
    names: Option<Vec<String>>,
    layer: Option<String>,
}

/// A layer in `layers.json`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ListedLayer {
    id: String,
    parent: Option<String>,
    diff_digest: Option<String>,
}

/// Opens the store that these graph roots are together and lists its images. What several of them have is taken from
/// the first.
///
/// # Errors
/// `NotFound` if one of them is none; `Conflict` if somebody changes one and does not come to an end; `Io`;
/// `Refused` if one is not of containers/storage.
pub(super) fn open(roots: &[PathBuf]) -> Result<(Podman, Listing)> {
    if roots.is_empty() {
        return Err(Error::invalid("no graph root is given"));
    }
    let (mut podman, mut listing) = (Podman::default(), Listing::default());
    let mut opened: Vec<Arc<Folder>> = Vec::new();
    for path in roots {
        let root = Arc::new(Folder::open(path)?);
        // A lock that is taken twice is lost as soon as one is given back.
        let mut known = false;
        for other in &opened {
            known |= root.is(other).map_err(|e| Error::io("open", path, e))?;
        }
        if !known {
            podman.read(&root, &mut listing)?;
            opened.push(root);
        }
    }
    Ok((podman, listing))
}

impl Podman {
    /// Adds what is in one graph root.
    fn read(&mut self, root: &Arc<Folder>, listing: &mut Listing) -> Result<()> {
        root.folder(IMAGES).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                Error::not_found(format!("{}: no images of the overlay driver", shown(root.path())))
            }
            _ => Error::io("open", &root.at(IMAGES), e),
        })?;
        self.locks.extend(Lock::shared(root, &format!("{LAYERS}/layers.lock"))?);
        self.locks.extend(Lock::shared(root, &format!("{IMAGES}/images.lock"))?);
        for name in ["layers.json", "volatile-layers.json"] {
            for listed in list::<ListedLayer>(root, &Path::new(LAYERS).join(name))? {
                let (parent, diff_id) = (listed.parent, listed.diff_digest);
                let layer = KnownLayer { root: Arc::clone(root), parent, diff_id };
                self.layers.entry(listed.id).or_insert(layer);
            }
        }
        for listed in list::<ListedImage>(root, &Path::new(IMAGES).join("images.json"))? {
            let names = listed.names.iter().flatten().map(String::as_str);
            if let Some(id) = listing.add(&listed.id, names)? {
                let image = KnownImage { root: Arc::clone(root), top: listed.layer };
                self.images.entry(id).or_insert(image);
            }
        }
        Ok(())
    }

    fn image(&self, id: &Digest) -> Result<&KnownImage> {
        self.images.get(id).ok_or_else(|| Error::not_found(format!("{id}: not in the store")))
    }

    /// The layers below an image's top one and itself, lowest first, of which there are so many.
    fn chain(&self, id: &Digest, length: usize) -> Result<Vec<(&str, &KnownLayer)>> {
        let mut chain = Vec::new();
        let mut next = given(self.image(id)?.top.as_deref());
        while let Some(id) = next {
            let Some(layer) = self.layers.get(id) else {
                let message = format!("layer {} is not in the store", printable(id));
                return Err(Error::refused(Refusal::BlobMissing, message));
            };
            next = given(layer.parent.as_deref());
            chain.push((id, layer));
            // Also what ends a chain that goes round.
            if chain.len() > length {
                break;
            }
        }
        if chain.len() != length {
            let more = if chain.len() > length { "more" } else { "fewer" };
            let message = format!("its config lists {length} layers, the store has {more}");
            return Err(Error::refused(Refusal::LayerCountMismatch, message));
        }
        chain.reverse();
        Ok(chain)
    }
}

impl Storage for Podman {
    fn config(&self, id: &Digest) -> Result<StoredConfig> {
        let root = &self.image(id)?.root;
        let folder = Path::new(IMAGES).join(id.hex());
        let manifest = root.content(folder.join("manifest"), MAX_MANIFEST_BYTES)?;
        let manifest = Document::manifest(manifest)
            .map_err(|e| Error::refused(Refusal::NotAnImage, format!("its manifest: {e}")))?
            .into_parsed();
        let form = match manifest.media_type.as_deref() {
            Some(media_type::DOCKER_MANIFEST) => Form::Docker,
            _ => Form::Oci,
        };
        let digest = manifest.config.digest;
        let bytes = root.content(folder.join(file_name(&digest.to_string())), MAX_CONFIG_BYTES)?;
        Ok(StoredConfig { digest, bytes, form })
    }

    fn layers(&self, id: &Digest, diff_ids: &[Digest]) -> Result<Vec<Layer>> {
        let chain = self.chain(id, diff_ids.len())?;
        chain.into_iter().zip(diff_ids).map(|((id, known), diff_id)| layer(id, known, diff_id)).collect()
    }
}

fn layer(id: &str, known: &KnownLayer, diff_id: &Digest) -> Result<Layer> {
    let id = plain(id)?;
    let place = Path::new(FILES).join(id);
    let unfit = |why: &str| Err(Error::refused(Refusal::BlobMissing, format!("layer {diff_id}: {why}")));
    match given(known.diff_id.as_deref()) {
        None => return unfit("it was pulled in part (zstd:chunked), and nobody knows its tar"),
        Some(found) if found != diff_id.to_string() => {
            let message = format!("layer {diff_id}: the store has {} in its place", printable(found));
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        Some(_) if known.root.folder(place.join("composefs-data")).is_ok() => {
            return unfit("its files are kept in a composefs");
        }
        Some(_) => {}
    }
    Ok(Layer {
        diff_id: *diff_id,
        root: Arc::clone(&known.root),
        split: Path::new(LAYERS).join(format!("{id}.tar-split.gz")),
        diff: place.join("diff"),
    })
}

/// An empty ID is none.
fn given(id: Option<&str>) -> Option<&str> {
    id.filter(|id| !id.is_empty())
}

/// The file that the content called `key` is kept in: only keys of dots, digits and small letters name it themselves.
fn file_name(key: &str) -> String {
    let plain = |b: u8| b == b'.' || b.is_ascii_digit() || b.is_ascii_lowercase();
    if key.bytes().all(plain) { key.to_owned() } else { format!("={}", STANDARD.encode(key)) }
}

/// A list; empty if there is none.
fn list<T: DeserializeOwned>(root: &Folder, path: &Path) -> Result<Vec<T>> {
    let bytes = root.content_if_there(path, MAX_LIST_BYTES)?.filter(|bytes| !bytes.is_empty());
    let Some(bytes) = bytes else { return Ok(Vec::new()) };
    let listed: Option<Vec<T>> = serde_json::from_slice(&bytes).map_err(|e| {
        let message = format!("{}: {}", shown(&root.at(path)), printable(&e.to_string()));
        Error::refused(Refusal::JsonInvalid, message)
    })?;
    Ok(listed.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::sample::{PodmanStore, Sample, config};
    use super::*;

    fn layers(roots: &[PathBuf], id: &Digest, samples: &[&Sample]) -> Result<Vec<Layer>> {
        let diff_ids: Vec<Digest> = samples.iter().map(|s| s.diff_id()).collect();
        open(roots)?.0.layers(id, &diff_ids)
    }

    fn tar(layer: &Layer) -> Vec<u8> {
        let mut tar = Vec::new();
        layer.open().unwrap().read_to_end(&mut tar).unwrap();
        tar
    }

    #[test]
    fn file_names() {
        assert_eq!(file_name("manifest"), "manifest");
        assert_eq!(file_name("sha256:ab"), "=c2hhMjU2OmFi");
        assert_eq!(file_name("../x"), "=Li4veA==");
    }

    #[test]
    fn layers_are_found_by_parent_in_all_roots() {
        let (one, two) = (Sample::new(&[("a", b"1")]), Sample::new(&[("b", b"22")]));
        let (mut store, mut shared) = (PodmanStore::new(), PodmanStore::new());
        shared.layer("aa", None, &one);
        store.layer("bb", Some("aa"), &two);
        let id = store.image(&[&one, &two], Some("bb"), &["docker.io/library/busybox:1"]);
        let roots = [store.root(), shared.root(), store.root().join(".")];
        let (podman, listing) = open(&roots).unwrap();
        assert_eq!(listing.images[&id][0].familiar(), "busybox:1");
        let stored = podman.config(&id).unwrap();
        assert_eq!((stored.bytes, stored.form), (config(&[&one, &two]).into_bytes(), Form::Oci));
        let found = layers(&roots, &id, &[&one, &two]).unwrap();
        assert!(found.iter().map(tar).eq([&one, &two].map(|s| s.tar.clone())));
        let alone = layers(&roots[..1], &id, &[&one, &two]).unwrap_err();
        assert_eq!(alone.refusal(), Some(Refusal::BlobMissing));
    }

    #[test]
    fn chains_that_are_wrong() {
        let sample = Sample::new(&[("a", b"1")]);
        let refusal = |parent: Option<&str>, top: Option<&str>, asked: &[&Sample]| {
            let mut store = PodmanStore::new();
            store.layer("aa", parent, &sample);
            let id = store.image(&[&sample], top, &[]);
            layers(&[store.root()], &id, asked).map(|l| l.len()).map_err(|e| e.refusal())
        };
        assert_eq!(refusal(None, Some("aa"), &[&sample]), Ok(1));
        assert_eq!(refusal(None, None, &[]), Ok(0));
        assert_eq!(refusal(None, Some(""), &[]), Ok(0));
        let count = Err(Some(Refusal::LayerCountMismatch));
        assert_eq!(refusal(Some("aa"), Some("aa"), &[&sample]), count);
        assert_eq!(refusal(None, Some("aa"), &[&sample, &sample]), count);
        assert_eq!(refusal(Some("gone"), Some("aa"), &[&sample]), Err(Some(Refusal::BlobMissing)));
    }

    #[test]
    fn layers_that_cannot_be_rebuilt() {
        let (one, two) = (Sample::new(&[("a", b"1")]), Sample::new(&[("a", b"2")]));
        let mut store = PodmanStore::new();
        store.layer("aa", None, &one);
        let id = store.image(&[&one], Some("aa"), &[]);
        let found = || layers(&[store.root()], &id, &[&one]);
        assert_eq!(layers(&[store.root()], &id, &[&two]).unwrap_err().kind(), ErrorKind::Mismatch);
        std::fs::create_dir(store.root().join("overlay/aa/composefs-data")).unwrap();
        assert!(found().unwrap_err().to_string().contains("composefs"));
        std::fs::remove_dir(store.root().join("overlay/aa/composefs-data")).unwrap();
        std::fs::remove_file(store.root().join("overlay-layers/aa.tar-split.gz")).unwrap();
        assert!(found().unwrap()[0].size().unwrap_err().to_string().contains("no tar-split data"));
        store.write("overlay-layers/layers.json", br#"[{"id":"aa","toc-digest":"sha256:00"}]"#);
        assert!(found().unwrap_err().to_string().contains("zstd:chunked"));
    }

    #[test]
    fn ids_that_lead_out() {
        let sample = Sample::new(&[("a", b"1")]);
        let mut store = PodmanStore::new();
        store.layer("../../aa", None, &sample);
        let id = store.image(&[&sample], Some("../../aa"), &[]);
        let refusal = layers(&[store.root()], &id, &[&sample]).unwrap_err().refusal();
        assert_eq!(refusal, Some(Refusal::PathUnsafe));
        store.write("overlay-images/images.json", br#"[{"id":"../../etc"}]"#);
        assert!(open(&[store.root()]).unwrap().1.images.is_empty());
    }

    #[test]
    fn a_folder_that_is_no_store() {
        let place = tempfile::tempdir().unwrap();
        let kind = |roots: &[PathBuf]| open(roots).map(drop).unwrap_err().kind();
        assert_eq!(kind(&[place.path().to_path_buf()]), ErrorKind::NotFound);
        assert_eq!(kind(&[]), ErrorKind::InvalidArgument);
        let store = PodmanStore::new();
        store.write("overlay-layers/layers.json", b"{}");
        assert_eq!(kind(&[store.root()]), ErrorKind::Refused(Refusal::JsonInvalid));
        store.write("overlay-layers/layers.json", b"null");
        assert!(open(&[store.root()]).unwrap().1.images.is_empty());
    }
}
