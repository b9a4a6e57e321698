//! Summaries: what an image's documents say, present or not.

use std::collections::BTreeMap;

use barge_oci::{Descriptor, Digest, Platform};
use serde::{Deserialize, Serialize};

use super::{DigestSet, Store};
use crate::content::total;
use crate::error::Result;
use crate::graph::{Kind, Tree, may_be_absent, read_config};

/// What an image is made of, present or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The root's digest.
    pub root: Digest,
    /// Every index, with its size.
    pub indexes: Vec<(Digest, u64)>,
    /// Every manifest listed, each once.
    pub parts: Vec<Part>,
    /// Documents that could not be read because they were not here.
    pub(super) unread: Vec<Digest>,
}

/// A manifest of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// The manifest.
    pub digest: Digest,
    /// The manifest's size in bytes.
    pub size: u64,
    /// What it runs on, for images.
    #[serde(with = "cached_platform")]
    pub platform: Option<Platform>,
    /// What it is for.
    pub kind: PartKind,
    /// The manifest it attests, for attestations.
    pub attests: Option<String>,
    /// When the image was made, RFC 3339 as its config says.
    pub created: Option<String>,
    /// What its config is labelled with; `None` if the config could not be read.
    pub labels: Option<BTreeMap<String, String>>,
    /// Config and layers, each once, with their sizes; the flag says that it may be absent (foreign layers).
    pub blobs: Vec<(Digest, u64, bool)>,
}

/// [`Kind`], as it is cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PartKind {
    /// A container image.
    Image,
    /// A statement about another manifest.
    Attestation,
    /// Anything else.
    Artifact,
}

impl Summary {
    /// Stands for an image whose documents cannot be read.
    pub(super) fn unreadable(root: Digest) -> Self {
        Self { root, indexes: Vec::new(), parts: Vec::new(), unread: Vec::new() }
    }

    /// Every digest that belongs to the image.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        let parts = self
            .parts
            .iter()
            .flat_map(|p| std::iter::once(p.digest).chain(p.blobs.iter().map(|(digest, _, _)| *digest)));
        self.indexes.iter().map(|(digest, _)| *digest).chain(parts)
    }

    /// Reads the documents below `root`.
    ///
    /// # Errors
    /// `Mismatch`, `Refused`, `Io`.
    pub(crate) fn read(store: &Store, root: &Descriptor) -> Result<Self> {
        let tree = Tree::walk(store, root)?;
        let mut unread: Vec<Digest> = tree.absent_indexes.iter().map(|d| d.digest).collect();
        let mut indexes: Vec<(Digest, u64)> =
            tree.indexes.iter().map(|(digest, index)| (*digest, index.bytes().len() as u64)).collect();
        indexes.extend(tree.absent_indexes.iter().map(|d| (d.digest, d.size)));
        let mut parts = Vec::new();
        for listed in tree.manifests {
            let (mut created, mut labels) = (None, None);
            let mut blobs = Vec::new();
            match &listed.manifest {
                None => unread.push(listed.descriptor.digest),
                Some(manifest) => {
                    let mut seen = DigestSet::default();
                    let each_once = manifest.blobs().filter(|b| seen.insert(b.digest));
                    blobs.extend(each_once.map(|b| (b.digest, b.size, may_be_absent(b))));
                    if listed.kind == Kind::Image {
                        match read_config(store, manifest)? {
                            Some(config) => {
                                created.clone_from(&config.parsed().created);
                                labels = Some(config.parsed().labels());
                            }
                            None => unread.push(manifest.config.digest),
                        }
                    }
                }
            }
            parts.push(Part {
                digest: listed.descriptor.digest,
                size: listed.descriptor.size,
                platform: listed.platform,
                kind: match listed.kind {
                    Kind::Image => PartKind::Image,
                    Kind::Attestation => PartKind::Attestation,
                    Kind::Artifact => PartKind::Artifact,
                },
                attests: listed.descriptor.attests().map(str::to_owned),
                created,
                labels,
                blobs,
            });
        }
        Ok(Self { root: root.digest, indexes, parts, unread })
    }
}

/// A platform without the fields that its JSON leaves out: the cache's format has no names to tell them by.
mod cached_platform {
    use barge_oci::Platform;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Fields = (String, String, String, Vec<String>, String);

    pub(super) fn serialize<S: Serializer>(
        platform: &Option<Platform>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let fields = |p: &Platform| -> Fields {
            (
                p.architecture.clone(),
                p.os.clone(),
                p.os_version.clone(),
                p.os_features.clone(),
                p.variant.clone(),
            )
        };
        platform.as_ref().map(fields).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Platform>, D::Error> {
        let fields = Option::<Fields>::deserialize(deserializer)?;
        Ok(fields.map(|(architecture, os, os_version, os_features, variant)| Platform {
            architecture,
            os,
            os_version,
            os_features,
            variant,
        }))
    }
}

impl Part {
    /// Whether all of it is present.
    pub(crate) fn is_whole(&self, present: &impl Fn(&Digest) -> bool) -> bool {
        present(&self.digest) && self.blobs.iter().all(|(digest, _, optional)| *optional || present(digest))
    }

    /// Bytes of it that are present; a layer that is there twice takes its bytes once.
    pub(crate) fn present_bytes(&self, present: &impl Fn(&Digest) -> bool) -> u64 {
        let blobs = self.blobs.iter().map(|(digest, size, _)| (digest, size));
        let all = std::iter::once((&self.digest, &self.size)).chain(blobs);
        total(all.filter(|(digest, _)| present(digest)).map(|(_, size)| *size))
    }
}
