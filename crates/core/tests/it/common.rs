//! Content in memory, and random images to put into it.

use std::collections::HashMap;
use std::io::Cursor;

use barge_core::content::{Blob, Documents, Image, Provider, read_document};
use barge_core::error::{Error, Result};
use barge_oci::{Descriptor, Digest, Index, Manifest, Platform, Reference, media_type, to_go_json};
use proptest::prelude::*;

/// A provider whose blobs are bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(pub(crate) HashMap<Digest, Vec<u8>>);

impl Memory {
    /// Keeps `content` and says what it is called.
    pub(crate) fn put(&mut self, media_type: &str, content: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &content);
        self.0.insert(descriptor.digest, content);
        descriptor
    }

    /// Keeps an image of plain layers.
    pub(crate) fn image(&mut self, layers: &[Vec<u8>], platform: &Platform) -> Descriptor {
        let diff_ids: Vec<Digest> = layers.iter().map(|l| Digest::sha256(l)).collect();
        let config = serde_json::json!({
            "architecture": platform.architecture, "os": platform.os, "variant": platform.variant,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = self.put(media_type::OCI_CONFIG, config.to_string().into_bytes());
        let layers =
            layers.iter().map(|l| self.put("application/vnd.oci.image.layer.v1.tar", l.clone())).collect();
        let manifest = Manifest::new(media_type::OCI_MANIFEST, config, layers);
        let mut descriptor = self.put(media_type::OCI_MANIFEST, to_go_json(&manifest).unwrap());
        descriptor.platform = Some(Box::new(platform.clone()));
        descriptor
    }

    /// Keeps an index.
    pub(crate) fn index(&mut self, children: Vec<Descriptor>) -> Descriptor {
        self.put(media_type::OCI_INDEX, to_go_json(&Index::new(children)).unwrap())
    }
}

impl Documents for Memory {
    fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.0.get(&descriptor.digest).is_some_and(|bytes| bytes.len() as u64 == descriptor.size))
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        let bytes = self.0.get(&descriptor.digest).filter(|bytes| bytes.len() as u64 == descriptor.size);
        bytes.map(|bytes| read_document("memory", descriptor, bytes.as_slice())).transpose()
    }
}

impl Provider for Memory {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        let bytes = self.0.get(&descriptor.digest).cloned();
        bytes.map(|b| Blob::Bytes(Cursor::new(b))).ok_or_else(|| Error::not_found("not in memory"))
    }
}

/// Platforms that images are made for.
pub(crate) const PLATFORMS: [(&str, &str); 4] =
    [("amd64", ""), ("arm64", "v8"), ("arm", "v7"), ("riscv64", "")];

/// A few images of some platforms with shared layers, named, some of them several times, some nested.
pub(crate) fn images() -> impl Strategy<Value = (Memory, Vec<Image>)> {
    // Never with the first bytes of a compressed file, which a tar cannot have.
    let any_bytes =
        prop::collection::vec(any::<u8>(), 0..1200).prop_map(|bytes| [b"tar".to_vec(), bytes].concat());
    let layer = prop_oneof![any_bytes, Just(b"shared".to_vec())];
    let one = (
        prop::collection::vec(prop::collection::vec(layer, 0..4), 1..=PLATFORMS.len()),
        1..3_usize,
        any::<bool>(),
        any::<bool>(),
    );
    prop::collection::vec(one, 1..4).prop_map(|specs| {
        let (mut memory, mut images) = (Memory::default(), Vec::new());
        for (n, (platforms, names, nested, nameless)) in specs.into_iter().enumerate() {
            let made = platforms.iter().zip(PLATFORMS);
            let mut children: Vec<Descriptor> = made
                .map(|(layers, (architecture, variant))| {
                    memory.image(layers, &Platform::new("linux", architecture, variant))
                })
                .collect();
            if nested && children.len() > 1 {
                let rest = children.split_off(1);
                children.push(memory.index(rest));
            }
            let target = memory.index(children);
            for tag in 0..names {
                let name = Reference::parse(&format!("example.org/app{n}:t{tag}")).unwrap();
                let image = Image { name: (!nameless || tag > 0).then_some(name), target: target.clone() };
                // Asked for twice, an image is saved once.
                if !images.contains(&image) {
                    images.push(image);
                }
            }
        }
        (memory, images)
    })
}
