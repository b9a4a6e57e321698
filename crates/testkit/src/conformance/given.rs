//! The images that places are given: small, and with everything in them that is easily forgotten.
//!
//! ```text
//! index ─┬─ linux/amd64 ── config, large, own          large: one byte more than documents may have, in both
//!        └─ linux/arm64 ── config, large, empty        empty: a layer without a byte
//! statement ── {}, a text                              it refers to the index
//! ```
//!
//! Layers are uncompressed tars, so that engines that unpack them have them under the same digests. Every byte is made
//! here from constants.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use barge_core::content::Image;
use barge_oci::{
    Descriptor, Digest, Document, Index, MAX_CONFIG_BYTES, Manifest, Platform, Reference, annotation,
    media_type, to_go_json,
};
use serde_json::json;

use crate::sample::tar;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const STATEMENT: &str = "application/vnd.example.statement";
const CREATED: &str = "2026-01-01T00:00:00Z";
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The end of a tar and the header of its one file.
const AROUND: u64 = 3 * 512;

/// The images, and all that is in them.
#[derive(Debug)]
pub struct Given {
    blobs: BTreeMap<Digest, Vec<u8>>,
    /// Everything, in the order in which a place takes it: what is listed comes before what lists it.
    descriptors: Vec<Descriptor>,
    /// The manifest for linux/amd64, with its platform.
    amd64: Descriptor,
    index: Descriptor,
    statement: Descriptor,
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A bit of it is turned.
    Turned,
    /// It has a byte more.
    Longer,
    /// It lacks its last byte.
    Shorter,
}

impl Damage {
    pub(super) const ALL: [Self; 3] = [Self::Turned, Self::Longer, Self::Shorter];
}

impl Default for Given {
    fn default() -> Self {
        Self::new()
    }
}

impl Given {
    /// The name of the index, in a layout and in an archive.
    pub const NAME: &str = "example.org/team/given:1";
    /// Another name of it, in a layout.
    pub const OTHER: &str = "example.org/team/given:2";

    /// Makes them.
    #[must_use]
    pub fn new() -> Self {
        let mut parts = Parts::default();
        let large = parts.put(LAYER, large());
        let own = parts.put(LAYER, tar::archive("own", 0, b"linux/amd64"));
        let empty = parts.put(LAYER, Vec::new());
        let amd64 = parts.image(&Platform::new("linux", "amd64", ""), &[&large, &own]);
        let arm64 = parts.image(&Platform::new("linux", "arm64", "v8"), &[&large, &empty]);
        let index = to_go_json(&Index::new(vec![amd64.clone(), arm64])).unwrap();
        let index = parts.put(media_type::OCI_INDEX, index);
        let statement = parts.statement(&index);
        let Parts { blobs, descriptors } = parts;
        Self { blobs, descriptors, amd64, index, statement }
    }

    /// The index of two platforms.
    #[must_use]
    pub fn index(&self) -> &Descriptor {
        &self.index
    }

    /// The manifest that refers to the index.
    #[must_use]
    pub fn statement(&self) -> &Descriptor {
        &self.statement
    }

    /// What nothing else lists: the index and the statement.
    #[must_use]
    pub fn roots(&self) -> Vec<Descriptor> {
        vec![self.index.clone(), self.statement.clone()]
    }

    /// The images as a layout lists them.
    #[must_use]
    pub fn images(&self) -> Vec<Image> {
        let named = |name: &str| Image {
            name: Some(Reference::parse(name).unwrap()),
            target: listed(&self.index, &[(annotation::IMAGE_NAME, name), (annotation::REF_NAME, name)]),
        };
        let subject = self.index.digest.to_string();
        let statement = listed(&self.statement, &[(annotation::MANIFEST_SUBJECT, &subject)]);
        vec![named(Self::NAME), named(Self::OTHER), Image { name: None, target: statement }]
    }

    /// Everything, each digest once; what is listed comes before what lists it.
    #[must_use]
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    /// What a descriptor of theirs means.
    #[must_use]
    pub fn content(&self, descriptor: &Descriptor) -> &[u8] {
        &self.blobs[&descriptor.digest]
    }

    /// Writes everything as an OCI layout into a folder, which is made if it is not there.
    pub fn write(&self, layout: &Path) {
        for (digest, content) in &self.blobs {
            put(&layout.join(digest.blob_path()), content);
        }
        let images = self.images().into_iter().map(|image| image.target);
        put(&layout.join("index.json"), &to_go_json(&Index::new(images.collect())).unwrap());
        put(&layout.join("oci-layout"), LAYOUT);
    }

    /// Writes what every engine loads: the index under its first name and no statement, and docker's `manifest.json`,
    /// which knows one platform.
    pub fn archive(&self, file: &Path) {
        let named = self.images().remove(0).target;
        let manifest = Document::manifest(self.content(&self.amd64).to_vec()).unwrap().into_parsed();
        let layers: Vec<String> = manifest.layers.iter().map(|layer| layer.digest.blob_path()).collect();
        let docker = json!([{
            "Config": manifest.config.digest.blob_path(), "RepoTags": [Self::NAME], "Layers": layers
        }]);
        let index = to_go_json(&Index::new(vec![named])).unwrap();
        let mut bytes = tar::entry("oci-layout", 0, LAYOUT);
        bytes.extend(tar::entry("index.json", 0, &index));
        bytes.extend(tar::entry("manifest.json", 0, docker.to_string().as_bytes()));
        // The statement is the last that was made, and the two that it lists are before it.
        let image = self.descriptors.iter().take_while(|d| d.media_type != EMPTY);
        for blob in image {
            bytes.extend(tar::entry(&blob.digest.blob_path(), 0, self.content(blob)));
        }
        bytes.resize(bytes.len() + 2 * 512, 0);
        fs::write(file, bytes).unwrap();
    }

    /// Spoils every one of the files below `blobs/` of a layout that is there, and says which; a file without a byte
    /// can only become longer.
    pub fn damage(&self, layout: &Path, how: Damage) -> Vec<Descriptor> {
        let mut damaged = Vec::new();
        for descriptor in &self.descriptors {
            let path = layout.join(descriptor.digest.blob_path());
            let mut content = self.content(descriptor).to_vec();
            match how {
                Damage::Longer => content.push(0),
                _ if content.is_empty() => continue,
                Damage::Turned => content[0] ^= 1,
                Damage::Shorter => content.truncate(content.len() - 1),
            }
            if path.exists() {
                fs::write(path, content).unwrap();
                damaged.push(descriptor.clone());
            }
        }
        assert!(!damaged.is_empty(), "{} has none of it", layout.display());
        damaged
    }
}

/// What was made so far.
#[derive(Default)]
struct Parts {
    blobs: BTreeMap<Digest, Vec<u8>>,
    descriptors: Vec<Descriptor>,
}

impl Parts {
    fn put(&mut self, media_type: &str, content: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &content);
        self.blobs.insert(descriptor.digest, content);
        self.descriptors.push(descriptor.clone());
        descriptor
    }

    /// The manifest for a platform; the descriptor says which, as an index needs it.
    fn image(&mut self, platform: &Platform, layers: &[&Descriptor]) -> Descriptor {
        let diff_ids: Vec<Digest> = layers.iter().map(|layer| layer.digest).collect();
        let history: Vec<_> =
            layers.iter().map(|_| json!({"created": CREATED, "created_by": "given"})).collect();
        let mut config = serde_json::to_value(platform).unwrap();
        config["created"] = json!(CREATED);
        config["config"] = json!({});
        config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
        config["history"] = json!(history);
        let config = self.put(media_type::OCI_CONFIG, config.to_string().into_bytes());
        let layers = layers.iter().map(|layer| (*layer).clone()).collect();
        let manifest = Manifest::new(media_type::OCI_MANIFEST, config, layers);
        let mut manifest = self.put(media_type::OCI_MANIFEST, to_go_json(&manifest).unwrap());
        manifest.platform = Some(Box::new(platform.clone()));
        manifest
    }

    fn statement(&mut self, subject: &Descriptor) -> Descriptor {
        let config = self.put(EMPTY, b"{}".to_vec());
        let text = self.put("text/plain", b"this is so".to_vec());
        let mut manifest = Manifest::new(media_type::OCI_MANIFEST, config, vec![text]);
        manifest.artifact_type = Some(STATEMENT.to_owned());
        manifest.subject = Some(subject.clone());
        self.put(media_type::OCI_MANIFEST, to_go_json(&manifest).unwrap())
    }
}

/// A layer of one file and of one byte more than documents may have; the last one stands behind the end of the tar.
fn large() -> Vec<u8> {
    let bytes = (0..MAX_CONFIG_BYTES - AROUND).map(|n| (n ^ (n >> 8) ^ (n >> 16)).to_le_bytes()[0]);
    let mut layer = tar::archive("large", 0, &bytes.collect::<Vec<u8>>());
    layer.push(0);
    assert_eq!(layer.len() as u64, MAX_CONFIG_BYTES + 1);
    layer
}

fn listed(target: &Descriptor, annotations: &[(&str, &str)]) -> Descriptor {
    let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Descriptor { annotations: annotations.collect(), ..target.clone() }
}

fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
