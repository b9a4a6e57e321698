//! Image stores that keep layers unpacked: docker's with a graph driver, and that of podman, buildah and CRI-O.
//!
//! Such a store has no layer as it was pulled. It has the files in a folder, for an overlay file system to mount, and
//! beside it what of the layer's tar is not in them (tar-split data). The tar is put together again from both while
//! it is read, and comes out bit by bit as it went in: its digest is the diffID that the config lists.
//!
//! So every image has a manifest that is *made*: the config as the store has it, and the layers uncompressed under
//! their diffIDs. Docker's images have the one that `docker save` makes of them, in OCI's types; podman's have one in
//! the types of the manifest that they came with. The same image has the same one every time, and never the one that
//! it had in a registry.
//!
//! # Listing is quick, making is not
//! A manifest says how large its layers are, and that is only known when their tar-split data has been read from the
//! first byte to the last. Opening a store therefore reads lists of names and IDs and nothing else
//! ([`Unpacked::listed`]). [`Unpacked::select`] finds what is asked for among them and makes the manifests of only
//! these images; what it learns of a layer it keeps for the next image that has it. The blobs of an image, its
//! manifest among them, are there once it was selected. [`Unpacked::inventory`] does so for all images, and with it
//! [`Resolver::images`].
//!
//! # What is trusted
//! Nothing. Names out of a store are plain or refused, folders are held open and no link is followed below them, and
//! what is read is bounded. Configs are verified here. Layers are not: what is put together may be anything that the
//! files and the tar-split data make, and whoever reads it checks size and digest, as with every [`Provider`].
//!
//! An image that is broken fails when it is asked for, and is no obstacle to the others.

mod diff;
mod docker;
mod folder;
mod layer;
mod lock;
mod made;
mod podman;
#[cfg(test)]
mod sample;
mod storage;
mod tar_split;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use barge_core::content::{Blob, Documents, Image, Provider, Resolver};
use barge_core::error::{Error, ErrorKind, Refusal, Result, printable};
use barge_core::resolve::{all_tags, one};
use barge_oci::{Descriptor, Digest, Reference, media_type};

use made::Made;
use storage::{Listing, Storage};

const OWNER: &str = "only its owner can read the store: try `sudo`, or `podman unshare`, or `--via api`";
const VIA_API: &str = "its own program may know better: try `--via api`";

/// A store of unpacked images, held open.
///
/// A podman store is also locked until this is dropped: nothing is removed from it meanwhile, and podman waits with
/// whatever changes it.
pub struct Unpacked {
    listed: Vec<Listed>,
    strange: Vec<String>,
    made: Made,
    /// Whether names may be without their registry, which is `localhost`.
    localhost: bool,
}

/// An image as its store lists it, once for every name, or once without any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// With a tag; or with the digest that it had where it was pulled from.
    pub name: Option<Reference>,
    /// Its ID in the store, nearly always the digest of its config.
    pub id: Digest,
}

/// Every image of a store.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Those that can be had: by name, then nameless ones by digest.
    pub images: Vec<Image>,
    /// The others.
    pub broken: Vec<Broken>,
}

/// An image that cannot be had.
#[derive(Debug)]
pub struct Broken {
    /// A name of it, or its ID.
    pub name: String,
    /// Why.
    pub error: Error,
}

impl Listed {
    /// What its store's own program calls it by when it is not by name.
    fn digest(&self) -> Digest {
        self.name.as_ref().and_then(Reference::digest).copied().unwrap_or(self.id)
    }

    /// As an image by whose name or ID it is found.
    fn stand_in(&self) -> Image {
        Image {
            name: self.name.clone(),
            target: Descriptor::new(media_type::DOCKER_CONFIG, self.digest(), 0),
        }
    }

    fn shown(&self) -> String {
        self.name.as_ref().map_or_else(|| self.id.short(), Reference::familiar)
    }
}

impl Unpacked {
    /// Opens docker's store in its data root (`/var/lib/docker`), that of the overlay2 driver.
    ///
    /// # Errors
    /// `NotFound` if there is none, as where docker keeps its images in containerd; `Refused` if it is damaged as a
    /// whole; `Io`.
    pub fn docker(root: &Path) -> Result<Self> {
        docker::open(root, docker::OVERLAY2)
            .map(|(storage, listing)| Self::of(storage, listing, false))
            .map_err(advised)
    }

    /// Opens the store of podman in these graph roots (`/var/lib/containers/storage`): the one that is written to
    /// first, then others that it stands on. A process opens each root once at a time, or loses its locks.
    ///
    /// # Errors
    /// As [`Self::docker`]; `Conflict` if somebody changes the store and does not come to an end.
    pub fn podman(roots: &[PathBuf]) -> Result<Self> {
        podman::open(roots).map(|(storage, listing)| Self::of(storage, listing, true)).map_err(advised)
    }

    /// The names and IDs in the store of podman, each ID in the place of what the image is: for a look that leaves nobody
    /// waiting for its locks.
    ///
    /// # Errors
    /// As [`Self::podman`].
    pub fn names(roots: &[PathBuf]) -> Result<Vec<Image>> {
        let store = Self::podman(roots)?;
        Ok(store.listed.iter().map(Listed::stand_in).collect())
    }

    fn of(storage: impl Storage + 'static, listing: Listing, localhost: bool) -> Self {
        let mut listed = Vec::new();
        for (id, names) in listing.images {
            if names.iter().all(|name| name.digest().is_some()) {
                listed.push(Listed { name: None, id });
            }
            listed.extend(names.into_iter().map(|name| Listed { name: Some(name), id }));
        }
        listed.sort_by(|a, b| order((&a.name, &a.id), (&b.name, &b.id)));
        Self { listed, strange: listing.strange, made: Made::new(storage), localhost }
    }

    /// Every name and every nameless image, by name, then by ID. Nothing of them has been read.
    #[must_use]
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// The images that arguments mean, in docker's order of resolution, where an ID is the store's own. In podman's store
    /// what has no registry may be podman's own, `localhost/...`. Each is there to be read from now on.
    ///
    /// # Errors
    /// `InvalidArgument`, `NotFound`; if one of them is broken, why.
    pub fn select(&self, arguments: &[String]) -> Result<Vec<Image>> {
        let stand_ins: Vec<Image> = self.listed.iter().map(Listed::stand_in).collect();
        let (mut images, mut asked) = (Vec::new(), BTreeSet::new());
        for argument in arguments {
            let found = self.resolved(argument, |argument| all_tags(&stand_ins, argument));
            for found in found? {
                let listed = self.listed.iter().find(|listed| listed.digest() == found.target.digest);
                let target = self.target(&listed.map_or(found.target.digest, |listed| listed.id))?;
                if asked.insert((found.name.clone(), target.digest)) {
                    images.push(Image { name: found.name, target });
                }
            }
        }
        Ok(images)
    }

    /// The one image that an argument means, once for each of its names; it is there to be read from now on.
    ///
    /// # Errors
    /// As [`Self::select`].
    pub fn one(&self, argument: &str) -> Result<Vec<Image>> {
        let stand_ins: Vec<Image> = self.listed.iter().map(Listed::stand_in).collect();
        let found = self.resolved(argument, |argument| one(&stand_ins, argument))?.image.target.digest;
        let id = self.listed.iter().find(|listed| listed.digest() == found).map_or(found, |listed| listed.id);
        let target = self.target(&id)?;
        let names = self.listed.iter().filter(|listed| listed.id == id).map(|listed| listed.name.clone());
        Ok(names.map(|name| Image { name, target: target.clone() }).collect())
    }

    /// What a resolution finds, also behind podman's own `localhost/`.
    fn resolved<T>(&self, argument: &str, resolve: impl Fn(&str) -> Result<T>) -> Result<T> {
        match resolve(argument) {
            Err(e) if self.localhost && e.kind() == ErrorKind::NotFound => {
                resolve(&format!("localhost/{argument}")).map_err(|_| e)
            }
            found => found,
        }
    }

    /// Makes the manifests of all images, and says which could not be made.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::default();
        for id in &self.strange {
            let error = Error::refused(Refusal::DigestInvalid, format!("`{}` is no image ID", printable(id)));
            inventory.broken.push(Broken { name: printable(id), error });
        }
        let by_digest = |listed: &&Listed| listed.name.as_ref().is_some_and(|name| name.digest().is_some());
        for listed in self.listed.iter().filter(|listed| !by_digest(listed)) {
            match self.target(&listed.id) {
                Ok(target) => inventory.images.push(Image { name: listed.name.clone(), target }),
                Err(error) => inventory.broken.push(Broken { name: listed.shown(), error }),
            }
        }
        inventory.images.sort_by(|a, b| order((&a.name, &a.target.digest), (&b.name, &b.target.digest)));
        inventory.images.dedup();
        inventory
    }

    fn target(&self, id: &Digest) -> Result<Descriptor> {
        self.made.manifest(id).map_err(|e| {
            let name = self.listed.iter().find(|listed| listed.id == *id).map(Listed::shown);
            advised(e.context(&format!("image {}", name.unwrap_or_else(|| id.short()))))
        })
    }
}

impl Documents for Unpacked {
    /// What was selected is here; whether every file of a layer is turns out when it is read.
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.made.has(descriptor))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        self.made.document(descriptor)
    }
}

impl Provider for Unpacked {
    /// Layers are not verified, as no blob is: size and digest are for the reader to check.
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        let blob = self.made.open(descriptor).map_err(advised)?;
        blob.ok_or_else(|| Error::not_found(format!("content digest {}: not found", descriptor.digest)))
    }
}

impl Resolver for Unpacked {
    /// The images of [`Unpacked::inventory`], without the broken ones.
    fn images(&self) -> Result<Vec<Image>> {
        Ok(self.inventory().images)
    }
}

/// By name, then the nameless by digest.
fn order(a: (&Option<Reference>, &Digest), b: (&Option<Reference>, &Digest)) -> Ordering {
    (a.0.is_none(), a).cmp(&(b.0.is_none(), b))
}

/// The error with advice, if it has none: another way to the same images.
fn advised(error: Error) -> Error {
    if error.advice().is_some() {
        return error;
    }
    let advice = if error.is_read_only() { OWNER } else { VIA_API };
    error.hint(advice)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use barge_core::error::ErrorKind;
    use barge_oci::Document;

    use super::sample::{DockerStore, PodmanStore, Sample, config};
    use super::*;

    fn select(store: &Unpacked, argument: &str) -> Result<Vec<Image>> {
        store.select(&[argument.to_owned()])
    }

    fn read(store: &Unpacked, descriptor: &Descriptor) -> Vec<u8> {
        let mut bytes = Vec::new();
        store.open(descriptor).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!((Digest::sha256(&bytes), bytes.len() as u64), (descriptor.digest, descriptor.size));
        bytes
    }

    /// Reads the whole image, everything verified, and returns its layers.
    fn whole(store: &Unpacked, target: &Descriptor) -> Vec<Vec<u8>> {
        let manifest = Document::manifest(store.document(target).unwrap().unwrap()).unwrap();
        assert_eq!(read(store, target), manifest.bytes());
        let config = &manifest.parsed().config;
        assert_eq!(store.document(config).unwrap().unwrap(), read(store, config));
        assert!(manifest.parsed().is_image());
        assert!(manifest.parsed().blobs().all(|blob| store.has(blob).unwrap()));
        manifest.parsed().layers.iter().map(|layer| read(store, layer)).collect()
    }

    fn samples() -> (Sample, Sample) {
        (Sample::new(&[("etc/one", b"1"), ("etc/two", b"22")]), Sample::new(&[("usr/three", &[3; 5000])]))
    }

    #[test]
    fn it_may_be_shared_by_threads() {
        fn is_sync<T: Sync + Send>() {}
        is_sync::<Unpacked>();
    }

    #[test]
    fn docker_images_have_the_manifest_of_docker_save() {
        let (one, two) = samples();
        let mut store = DockerStore::new();
        store.image(&[&one, &two], &["busybox:1"]);
        let unpacked = Unpacked::docker(store.root()).unwrap();
        let images = select(&unpacked, "busybox:1").unwrap();
        assert_eq!(whole(&unpacked, &images[0].target), [one.tar.clone(), two.tar.clone()]);
        let config = config(&[&one, &two]);
        let expected = format!(
            concat!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"#,
                r#""mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":["#,
                r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}},"#,
                r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}}"#,
            ),
            Digest::sha256(config.as_bytes()),
            config.len(),
            one.diff_id(),
            one.tar.len(),
            two.diff_id(),
            two.tar.len(),
        );
        assert_eq!(String::from_utf8(read(&unpacked, &images[0].target)).unwrap(), expected);
    }

    #[test]
    fn podman_images_are_whole() {
        let (one, two) = samples();
        let mut store = PodmanStore::new();
        store.layer("aa", None, &one);
        store.layer("bb", Some("aa"), &two);
        let id = store.image(&[&one, &two], Some("bb"), &["localhost/app:latest"]);
        let unpacked = Unpacked::podman(&[store.root()]).unwrap();
        for argument in ["localhost/app".to_owned(), id.hex(), id.short()] {
            let images = select(&unpacked, &argument).unwrap();
            assert_eq!(whole(&unpacked, &images[0].target), [one.tar.clone(), two.tar.clone()], "{argument}");
        }
    }

    #[test]
    fn what_arguments_mean() {
        let (one, two) = samples();
        let pulled = format!("busybox@{}", Digest::sha256(b"in a registry"));
        let mut store = DockerStore::new();
        let named = store.image(&[&one], &["busybox:1", "busybox:2", &pulled]);
        let nameless = store.image(&[&two], &[]);
        let unpacked = Unpacked::docker(store.root()).unwrap();
        let listed: Vec<String> = unpacked.listed().iter().map(Listed::shown).collect();
        assert_eq!(listed, [pulled.clone(), "busybox:1".into(), "busybox:2".into(), nameless.short()]);
        let names = |argument: &str| -> Vec<String> {
            let images = select(&unpacked, argument).unwrap();
            images
                .iter()
                .map(|i| i.name.as_ref().map_or_else(|| "-".to_owned(), Reference::familiar))
                .collect()
        };
        assert_eq!(names("busybox"), ["busybox:1", "busybox:2"]);
        assert_eq!(names("busybox:2"), ["busybox:2"]);
        for argument in [&pulled, &named.to_string(), &named.hex(), &named.short(), &nameless.short()] {
            assert_eq!(names(argument), ["-"], "{argument}");
        }
        let target = |argument: &str| select(&unpacked, argument).unwrap().remove(0).target;
        assert_eq!(target(&pulled), target("busybox:1"));
        assert_eq!(target(&named.short()), target("busybox:2"));
        assert_eq!(select(&unpacked, "gone").unwrap_err().to_string(), "No such image: gone:latest");
        let twice = unpacked.select(&["busybox:1".to_owned(), "busybox".to_owned()]).unwrap();
        assert_eq!(twice.len(), 2);
    }

    #[test]
    fn nothing_is_read_before_it_is_asked_for() {
        let (one, _) = samples();
        let mut store = DockerStore::new();
        let id = store.image(&[&one], &["a"]);
        let unpacked = Unpacked::docker(store.root()).unwrap();
        let config = config(&[&one]);
        let descriptor = Descriptor::of(media_type::OCI_CONFIG, config.as_bytes());
        assert_eq!(descriptor.digest, id);
        assert!(!unpacked.has(&descriptor).unwrap());
        assert_eq!(unpacked.open(&descriptor).unwrap_err().kind(), ErrorKind::NotFound);
        select(&unpacked, "a").unwrap();
        assert!(unpacked.has(&descriptor).unwrap());
        let other_size = Descriptor { size: 1, ..descriptor };
        assert!(!unpacked.has(&other_size).unwrap());
    }

    #[test]
    fn a_broken_image_is_no_obstacle() {
        let (one, two) = samples();
        let mut store = DockerStore::new();
        store.image(&[&one], &["whole"]);
        let broken = store.image(&[&two], &["damaged"]);
        store.name("dangling", Digest::sha256(b"nothing"));
        let layer = format!("image/overlay2/layerdb/sha256/{}", two.diff_id().hex());
        store.write(&format!("{layer}/cache-id"), b"../../etc");
        let unpacked = Unpacked::docker(store.root()).unwrap();
        let inventory = unpacked.inventory();
        assert_eq!(inventory.images, select(&unpacked, "whole").unwrap());
        assert_eq!(inventory.images, unpacked.images().unwrap());
        let names: Vec<&str> = inventory.broken.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(names, ["damaged:latest", "dangling:latest"]);
        let error = select(&unpacked, &broken.short()).unwrap_err();
        assert_eq!(error.to_string(), "image damaged:latest: `../../etc` is no ID of a layer");
        assert_eq!(error.advice(), Some(VIA_API));
    }

    #[test]
    fn a_config_that_is_not_its_id() {
        let (one, two) = samples();
        let mut store = DockerStore::new();
        let id = store.image(&[&one], &["a"]);
        store.write(
            &format!("image/overlay2/imagedb/content/sha256/{}", id.hex()),
            config(&[&two]).as_bytes(),
        );
        let unpacked = Unpacked::docker(store.root()).unwrap();
        assert_eq!(select(&unpacked, "a").unwrap_err().kind(), ErrorKind::Mismatch);
    }

    #[test]
    fn a_layer_that_was_tampered_with_has_another_digest() {
        let (one, _) = samples();
        let mut store = DockerStore::new();
        store.image(&[&one], &["a"]);
        let cache_id = Digest::sha256(one.diff_id().to_string().as_bytes()).hex();
        let unpacked = Unpacked::docker(store.root()).unwrap();
        let target = select(&unpacked, "a").unwrap().remove(0).target;
        let manifest = Document::manifest(read(&unpacked, &target)).unwrap().into_parsed();
        let content = || {
            let mut bytes = Vec::new();
            let read = unpacked.open(&manifest.layers[0]).unwrap().read_to_end(&mut bytes);
            read.map(|_| Digest::sha256(&bytes)).map_err(|e| e.to_string())
        };
        assert_eq!(content().unwrap(), one.diff_id());
        store.write(&format!("overlay2/{cache_id}/diff/etc/one"), b"2");
        assert_ne!(content().unwrap(), one.diff_id());
        store.write(&format!("overlay2/{cache_id}/diff/etc/one"), b"longer");
        let text = content().unwrap_err();
        assert!(text.contains(&one.diff_id().to_string()) && text.contains("etc/one"), "{text}");
    }

    #[test]
    fn a_manifest_list_of_podman_is_no_image() {
        let mut store = PodmanStore::new();
        let id = store.image(&[], None, &["localhost/list"]);
        let list = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::OCI_INDEX);
        store.write(&format!("overlay-images/{}/manifest", id.hex()), list.as_bytes());
        let unpacked = Unpacked::podman(&[store.root()]).unwrap();
        let error = select(&unpacked, "localhost/list").unwrap_err();
        assert_eq!(error.refusal(), Some(Refusal::NotAnImage));
    }
}
