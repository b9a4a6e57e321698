//! What every kind of store says of its images: a list of them, and of each the config and where its layers are.

use std::collections::{BTreeMap, BTreeSet};

use barge_core::error::{Error, Refusal, Result};
use barge_oci::{Algorithm, Descriptor, Digest, Manifest, Reference, media_type, to_go_json};

use super::layer::Layer;

/// How many images a store may list; as many as an archive.
pub(super) const MAX_IMAGES: usize = 25_000;
/// How large a file that lists images or layers may be.
pub(super) const MAX_LIST_BYTES: u64 = 64 << 20;
/// The longest plain name: IDs have 64 characters.
const MAX_NAME: usize = 128;

/// A kind of store.
pub(super) trait Storage: Send + Sync {
    /// The config of an image, not verified.
    ///
    /// # Errors
    /// `Io`, `Refused`.
    fn config(&self, id: &Digest) -> Result<StoredConfig>;

    /// The layers of an image whose config lists these, lowest first.
    ///
    /// # Errors
    /// `Refused` if the store has others, or does not have one of them; `Io`.
    fn layers(&self, id: &Digest, diff_ids: &[Digest]) -> Result<Vec<Layer>>;
}

/// A config as a store keeps it.
pub(super) struct StoredConfig {
    /// What it should be.
    pub digest: Digest,
    pub bytes: Vec<u8>,
    /// How its manifest is made.
    pub form: Form,
}

/// The media types of a manifest that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// OCI's, as `docker save` makes it since docker 25.
    Oci,
    /// Docker's, as it is made of a `manifest.json`.
    Docker,
}

impl Form {
    const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

    /// The manifest of an image with this config and these layers, uncompressed, of so many bytes each. Made of the
    /// same facts it has the same bytes.
    ///
    /// # Errors
    /// None in practice: everything in it is plain data.
    pub(super) fn manifest(
        self,
        config: (Digest, u64),
        layers: &[(Digest, u64)],
    ) -> Result<(Descriptor, Vec<u8>)> {
        let (of_manifest, of_config, of_layer) = match self {
            Self::Oci => (media_type::OCI_MANIFEST, media_type::OCI_CONFIG, Self::OCI_LAYER),
            Self::Docker => {
                (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG, media_type::DOCKER_LAYER)
            }
        };
        let config = Descriptor::new(of_config, config.0, config.1);
        let layers = layers.iter().map(|(digest, size)| Descriptor::new(of_layer, *digest, *size)).collect();
        let bytes = to_go_json(&Manifest::new(of_manifest, config, layers))
            .map_err(|e| Error::refused(Refusal::JsonInvalid, e.to_string()))?;
        Ok((Descriptor::of(of_manifest, &bytes), bytes))
    }
}

/// The images of a store by ID, before anything of them is read.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Each with its names; one that is no reference is left out, the image stays.
    pub images: BTreeMap<Digest, Vec<Reference>>,
    taken: BTreeSet<Reference>,
}

impl Listing {
    /// Adds an image, or names to one. A name stays with the first image that has it. `None`, and nothing is added, if
    /// the ID is none.
    ///
    /// # Errors
    /// `LimitExceeded` beyond [`MAX_IMAGES`].
    pub(super) fn add<'a>(
        &mut self,
        id: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<Digest>> {
        let Some(digest) = Digest::from_hex(Algorithm::Sha256, id) else { return Ok(None) };
        if self.images.len() == MAX_IMAGES && !self.images.contains_key(&digest) {
            let message = format!("the store lists more than {MAX_IMAGES} images");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let known = self.images.entry(digest).or_default();
        let names = names.into_iter().filter_map(|name| Reference::parse(name).ok());
        known.extend(names.map(Reference::or_latest).filter(|name| self.taken.insert(name.clone())));
        Ok(Some(digest))
    }
}

/// An ID out of a store that names a file or folder, and nothing else.
///
/// # Errors
/// `PathUnsafe`.
pub(super) fn plain(id: &str) -> Result<&str> {
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-');
    if (1..=MAX_NAME).contains(&id.len()) && id.bytes().all(hex) {
        return Ok(id);
    }
    let message = format!("`{}` is no ID of a layer", barge_core::error::printable(id));
    Err(Error::refused(Refusal::PathUnsafe, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain() {
        for id in ["0123456789abcdef", "0a1b-2c3d"] {
            assert_eq!(plain(id).unwrap(), id);
        }
        let long = "a".repeat(129);
        for id in ["", ".", "..", "../../etc", "/etc", "ABC", "a\0b", "a b", long.as_str()] {
            assert_eq!(plain(id).unwrap_err().refusal(), Some(Refusal::PathUnsafe), "{id}");
        }
    }

    #[test]
    fn a_name_has_one_image() {
        let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
        let mut listing = Listing::default();
        assert_eq!(listing.add(&one.hex(), ["a", "NoName"]).unwrap(), Some(one));
        assert_eq!(listing.add(&two.hex(), ["docker.io/library/a:latest", "b:1"]).unwrap(), Some(two));
        assert_eq!(listing.add("../x", ["c"]).unwrap(), None);
        let names = |id: &Digest| listing.images[id].iter().map(Reference::familiar).collect::<Vec<_>>();
        assert_eq!((names(&one), names(&two)), (vec!["a:latest".to_owned()], vec!["b:1".to_owned()]));
    }
}
