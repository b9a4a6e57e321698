//! The images of a store: those it lists, those that are asked for, and what is read of them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use barge_core::content::{Blob, Documents, Image, Provider};
use barge_core::error::{Error, ErrorKind, Result};
use barge_core::resolve::{all_tags, one};
use barge_oci::{Descriptor, Digest, Reference, media_type};

use super::made::Made;
use super::storage::{Listing, Storage};
use super::{docker, podman};

const OWNER: &str = "only its owner can read the store: try `sudo`, or `podman unshare`, or `--via api`";
pub(super) const VIA_API: &str = "its own program may know better: try `--via api`";

/// A store of unpacked images, held open.
///
/// A podman store is also locked until this is dropped: nothing is removed from it meanwhile, and podman waits with
/// whatever changes it.
pub struct Unpacked {
    listed: Vec<Listed>,
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

impl Listed {
    /// What its store's own program calls it by when it is not by name.
    fn digest(&self) -> Digest {
        self.name.as_ref().and_then(Reference::digest).copied().unwrap_or(self.id)
    }

    /// By name, then the nameless by ID.
    fn order(&self, other: &Self) -> Ordering {
        (self.name.is_none(), &self.name, &self.id).cmp(&(other.name.is_none(), &other.name, &other.id))
    }

    /// As an image by whose name or ID it is found.
    fn stand_in(&self) -> Image {
        Image {
            name: self.name.clone(),
            target: Descriptor::new(media_type::DOCKER_CONFIG, self.digest(), 0),
        }
    }

    pub(super) fn shown(&self) -> String {
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
        listed.sort_by(Listed::order);
        Self { listed, made: Made::new(storage), localhost }
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
        blob.ok_or_else(|| Error::no_content(&descriptor.digest))
    }
}

/// The error with advice, if it has none: another way to the same images.
fn advised(error: Error) -> Error {
    if error.advice().is_some() {
        return error;
    }
    let advice = if error.is_read_only() { OWNER } else { VIA_API };
    error.hint(advice)
}
