//! Summaries: what an image's documents say, kept beside the store so that listing ten thousand images
//! reads one file instead of thirty thousand. Only facts that follow from digests are kept; what is
//! present is asked anew each time. The cache may be lost or deleted: it is made again.

use std::collections::{BTreeMap, HashMap, HashSet};

use barge_oci::{Descriptor, Digest, Platform};
use serde::{Deserialize, Serialize};

use super::{Store, private_file};
use crate::content::Image;
use crate::error::Result;
use crate::graph::{Kind, Tree, may_be_absent, read_config};

/// Changes whenever the meaning of the cached bytes does.
const VERSION: u32 = 1;

/// What an image is made of, present or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The root's digest.
    pub root: Digest,
    /// Every index, with its size.
    pub indexes: Vec<(Digest, u64)>,
    /// Every manifest listed, each once.
    pub parts: Vec<Part>,
    /// Documents that could not be read because they were not here.
    unread: Vec<Digest>,
}

/// A manifest of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The manifest's descriptor fields.
    pub digest: Digest,
    /// The manifest's media type.
    pub media_type: String,
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
    /// Config and layers with their sizes; the flag says that it may be absent (foreign layers).
    pub blobs: Vec<(Digest, u64, bool)>,
}

/// [`Kind`], as it is cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartKind {
    /// A container image.
    Image,
    /// A statement about another manifest.
    Attestation,
    /// Anything else.
    Artifact,
}

impl Summary {
    /// Every digest that belongs to the image.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
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
    pub fn read(store: &Store, root: &Descriptor) -> Result<Self> {
        let tree = Tree::walk(store, root)?;
        let mut unread: Vec<Digest> = tree.absent_indexes.iter().map(|d| d.digest).collect();
        let mut indexes: Vec<(Digest, u64)> =
            tree.indexes.iter().map(|(digest, index)| (*digest, index.bytes().len() as u64)).collect();
        indexes.extend(tree.absent_indexes.iter().map(|d| (d.digest, d.size)));
        let mut parts = Vec::new();
        for listed in tree.manifests {
            let mut created = None;
            let mut blobs = Vec::new();
            match &listed.manifest {
                None => unread.push(listed.descriptor.digest),
                Some(manifest) => {
                    blobs.extend(manifest.parsed().blobs().map(|b| (b.digest, b.size, may_be_absent(b))));
                    if listed.kind == Kind::Image {
                        match read_config(store, manifest)? {
                            Some(config) => created.clone_from(&config.parsed().created),
                            None => unread.push(manifest.parsed().config.digest),
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
                media_type: listed.descriptor.media_type,
                created,
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
    pub fn is_whole(&self, present: &impl Fn(&Digest) -> bool) -> bool {
        present(&self.digest) && self.blobs.iter().all(|(digest, _, optional)| *optional || present(digest))
    }

    /// Bytes of it that are present.
    pub fn present_bytes(&self, present: &impl Fn(&Digest) -> bool) -> u64 {
        let blobs = self.blobs.iter().map(|(digest, size, _)| (digest, size));
        let mut seen = HashSet::new();
        let all = std::iter::once((&self.digest, &self.size)).chain(blobs);
        all.filter(|(digest, _)| seen.insert(**digest) && present(digest)).map(|(_, size)| size).sum()
    }
}

impl Store {
    /// The summaries of `images`, in their order, from the cache where it has them.
    ///
    /// # Errors
    /// `Mismatch` or `Refused` if a document is damaged; a cache that cannot be used is none.
    pub fn summaries<'a>(&self, images: impl Iterator<Item = &'a Image>) -> Result<Vec<Summary>> {
        /// Reading the cache pays from here on.
        const WORTH_CACHING: usize = 64;
        let images: Vec<&Image> = images.collect();
        if images.len() < WORTH_CACHING {
            return images.iter().map(|i| Summary::read(self, &i.target)).collect();
        }
        let mut cache = self.cached().unwrap_or_default();
        let known = cache.len();
        let mut changed = false;
        let mut out = Vec::with_capacity(images.len());
        for image in images {
            let current = cache.get(&image.target.digest).filter(|s| !s.unread.iter().any(|d| self.holds(d)));
            let summary = match current {
                Some(summary) => summary.clone(),
                None => {
                    changed = true;
                    let summary = Summary::read(self, &image.target)?;
                    cache.insert(summary.root, summary.clone());
                    summary
                }
            };
            out.push(summary);
        }
        if changed || known > 2 * out.len() {
            let kept: HashSet<Digest> = out.iter().map(|s| s.root).collect();
            cache.retain(|root, _| kept.contains(root));
            self.cache(cache.into_values().map(|s| (s.root, s)).collect());
        }
        Ok(out)
    }

    /// The cache; `None` if there is none, or none that this version can read.
    fn cached(&self) -> Option<HashMap<Digest, Summary>> {
        let bytes = std::fs::read(self.private("summaries")).ok()?;
        let (version, all): (u32, Vec<Summary>) = postcard::from_bytes(&bytes).ok()?;
        (version == VERSION).then(|| all.into_iter().map(|s| (s.root, s)).collect())
    }

    /// Failing to write the cache costs time later, nothing else.
    fn cache(&self, all: BTreeMap<Digest, Summary>) {
        let all: Vec<Summary> = all.into_values().collect();
        let Ok(bytes) = postcard::to_allocvec(&(VERSION, all)) else { return };
        let Ok(name) = super::random_name() else { return };
        let place = crate::cleanup::Temporary::new(self.private(&format!("summaries.{name}")));
        let written = private_file(place.path()).and_then(|mut f| std::io::Write::write_all(&mut f, &bytes));
        if written.is_ok() && std::fs::rename(place.path(), self.private("summaries")).is_ok() {
            place.kept();
        }
    }
}
