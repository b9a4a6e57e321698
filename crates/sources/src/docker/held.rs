//! What a daemon has: its images, the manifests of each, and which of them are there.

use std::collections::BTreeMap;

use barge_core::content::Image;
use barge_core::error::Result;
use barge_core::ops::{Listing, PlatformRow};
use barge_oci::{Descriptor, Digest, Platform, Reference};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::engine::{Engine, escaped};

/// What stands where an image has no name.
const NO_NAME: &str = "<none>";

/// One image of a daemon.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its ID: with containerd the digest of its index or manifest, else of its config.
    pub id: Digest,
    /// Its index or manifest; `None` if the daemon keeps only the config.
    pub(super) target: Option<Descriptor>,
    /// Its names, sorted.
    pub names: Vec<Reference>,
    /// Every manifest that its index lists, as far as the daemon tells.
    pub(super) manifests: Vec<HeldManifest>,
    created: Option<Timestamp>,
    size: u64,
    labels: BTreeMap<String, String>,
}

/// One manifest of an image.
#[derive(Debug, Clone)]
pub(super) struct HeldManifest {
    /// As its index lists it.
    pub(super) descriptor: Descriptor,
    /// Whether all of it is there.
    pub(super) available: bool,
    /// What it runs on; `None` if it is no image.
    pub(super) platform: Option<Platform>,
    size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    id: Digest,
    #[serde(default, deserialize_with = "null_as_empty")]
    repo_tags: Vec<String>,
    #[serde(default)]
    created: i64,
    #[serde(default)]
    size: i64,
    #[serde(default, deserialize_with = "null_as_empty")]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    descriptor: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_as_empty")]
    manifests: Vec<ManifestSummary>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ManifestSummary {
    descriptor: Descriptor,
    #[serde(default)]
    available: bool,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    size: Sizes,
    #[serde(default)]
    image_data: Option<ImageData>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Sizes {
    #[serde(default)]
    content: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageData {
    #[serde(default)]
    platform: Option<Platform>,
}

fn null_as_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> std::result::Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Engine {
    /// Every image of the daemon that its `filters`, each a key and a value, let through; the newest first.
    ///
    /// # Errors
    /// `InvalidArgument` for filters that it does not know, `Unavailable`.
    pub fn images(&self, filters: &[(&str, &str)]) -> Result<Vec<Held>> {
        let mut path = "images/json?manifests=1".to_owned();
        if !filters.is_empty() {
            let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            filters.iter().for_each(|(key, value)| all.entry(key).or_default().push(value));
            let json = serde_json::to_string(&all).map_err(|e| self.broken("list images", &e.to_string()))?;
            path.push_str(&format!("&filters={}", escaped(&json)));
        }
        let summaries: Vec<Summary> = self.json("list images", &path)?;
        let mut images: Vec<Held> = summaries.into_iter().map(Held::of).collect();
        images.sort_by_key(|held| (std::cmp::Reverse(held.created), held.id));
        Ok(images)
    }
}

impl Held {
    fn of(summary: Summary) -> Self {
        let size = |n: i64| u64::try_from(n).unwrap_or_default();
        let names = summary.repo_tags.iter().filter(|name| !name.contains(NO_NAME));
        let mut names: Vec<Reference> =
            names.filter_map(|name| Some(Reference::parse(name).ok()?.or_latest())).collect();
        names.sort_by_key(ToString::to_string);
        names.dedup();
        let manifests = summary.manifests.into_iter().map(|manifest| {
            let said = manifest.image_data.and_then(|data| data.platform);
            let platform = said.or_else(|| manifest.descriptor.platform.as_deref().cloned());
            let is_image = manifest.kind == "image"
                || (manifest.kind.is_empty() && !manifest.descriptor.is_attestation());
            HeldManifest {
                platform: platform.filter(|_| is_image),
                available: manifest.available,
                size: size(manifest.size.content),
                descriptor: manifest.descriptor,
            }
        });
        Self {
            id: summary.id,
            target: summary.descriptor,
            names,
            manifests: manifests.collect(),
            created: Timestamp::from_second(summary.created).ok(),
            size: size(summary.size),
            labels: summary.labels,
        }
    }

    /// All of them as they are resolved by name and ID: once for each name, by name, then what has none by digest.
    #[must_use]
    pub fn images(all: &[Self]) -> Vec<Image> {
        let mut images: Vec<Image> = all.iter().flat_map(Self::named).collect();
        images.sort_by_cached_key(|i| {
            (i.name.is_none(), i.name.as_ref().map(ToString::to_string), i.target.digest)
        });
        images
    }

    fn named(&self) -> Vec<Image> {
        let target = self.target.clone().unwrap_or_else(|| Descriptor::new("", self.id, 0));
        if self.names.is_empty() {
            return vec![Image { name: None, target }];
        }
        let named = |name: &Reference| Image { name: Some(name.clone()), target: target.clone() };
        self.names.iter().map(named).collect()
    }

    /// Its platforms that are there, in the order listed.
    pub(super) fn available(&self) -> impl Iterator<Item = &HeldManifest> {
        self.manifests.iter().filter(|m| m.available && m.platform.is_some())
    }

    /// Whether the daemon has all of it.
    pub(super) fn is_whole(&self) -> bool {
        self.manifests.iter().all(|m| m.available)
    }

    /// As lists show it. With containerd the sizes are those of the content, as the store's are; else the daemon tells
    /// only how large it is when it is unpacked.
    #[must_use]
    pub fn listing(&self) -> Listing {
        let platforms = self.manifests.iter().filter_map(|m| {
            let platform = m.platform.as_ref()?.to_string();
            Some(PlatformRow { platform, digest: m.descriptor.digest, present: m.available, size: m.size })
        });
        let content: u64 = barge_core::content::total(self.manifests.iter().map(|m| m.size));
        Listing {
            target: self.target.clone().unwrap_or_else(|| Descriptor::new("", self.id, 0)),
            names: self.names.clone(),
            created: self.created,
            labels: self.labels.clone(),
            size: if self.manifests.is_empty() { self.size } else { content },
            platforms: platforms.collect(),
        }
    }
}
