//! What lists the content of an archive and stands behind it: `index.json`, docker's `manifest.json`, and `oci-layout`,
//! without which nothing is taken for an archive.

use std::collections::BTreeMap;

use barge_oci::{Descriptor, Digest, Index, OCI_LAYOUT, Reference, annotation, media_type, to_go_json};

use super::docker::Item;
use super::header::header;
use crate::content::Image;
use crate::error::{Error, Refusal, Result};
use crate::graph::{Kind, Listed};
use crate::host::HostPreference;
use crate::image::is_private;
use crate::narrow::Narrowed;

/// One document that lists.
#[derive(Debug)]
pub(super) struct List {
    path: &'static str,
    mode: u32,
    /// What it says.
    pub bytes: Vec<u8>,
}

impl List {
    /// All that an archive has, in the order written.
    ///
    /// # Errors
    /// `Refused` for what cannot be said in JSON.
    pub(super) fn all(index: &Index, items: &Items) -> Result<Vec<Self>> {
        let json = |e: serde_json::Error| Error::refused(Refusal::JsonInvalid, e.to_string());
        let list = |path, mode, bytes| Self { path, mode, bytes };
        let mut lists = vec![list("index.json", 0o644, to_go_json(index).map_err(json)?)];
        if !items.items.is_empty() {
            lists.push(list("manifest.json", 0o644, to_go_json(&items.items).map_err(json)?));
        }
        lists.push(list("oci-layout", 0o444, OCI_LAYOUT.to_vec()));
        Ok(lists)
    }

    /// Its header.
    pub(super) fn header(&self) -> Vec<u8> {
        header(self.path, self.mode, self.size())
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// The entries of manifest.json.
#[derive(Default)]
pub(super) struct Items {
    items: Vec<Item>,
    /// Which entry stands for which manifest.
    of: BTreeMap<Digest, usize>,
    host: HostPreference,
}

impl Items {
    /// One image of an index is docker's choice: the host's platform first, then the order listed.
    pub(super) fn add(&mut self, narrowed: &Narrowed<'_>, name: Option<&Reference>) {
        let images = narrowed.kept.iter().filter(|m| m.kind == Kind::Image || narrowed.kept.len() == 1);
        let rank = |m: &&&Listed| {
            let platform = m.descriptor.platform.as_deref();
            (platform.is_none(), self.host.rank(platform))
        };
        let Some(chosen) = images.min_by_key(rank) else { return };
        let Some(manifest) = chosen.manifest.as_ref() else { return };
        let digest = chosen.descriptor.digest;
        let tag = name.filter(|n| n.tag().is_some()).map(Reference::familiar);
        match self.of.get(&digest).and_then(|n| self.items.get_mut(*n)) {
            Some(item) => {
                if let Some(tag) = tag.filter(|t| !item.repo_tags.iter().flatten().any(|old| old == t)) {
                    item.repo_tags.get_or_insert_default().push(tag);
                }
            }
            None => {
                let layers: Vec<String> = manifest.layers.iter().map(|l| l.digest.blob_path()).collect();
                let item = Item {
                    config: manifest.config.digest.blob_path(),
                    repo_tags: tag.map(|t| vec![t]),
                    layers: (!layers.is_empty()).then_some(layers),
                };
                self.of.insert(digest, self.items.len());
                self.items.push(item);
            }
        }
    }
}

/// What index.json says of an image: its annotations, the name last given to it.
pub(super) fn index_entry(image: &Image, narrowed: &Narrowed<'_>) -> Descriptor {
    let mut entry = narrowed.root.clone();
    if narrowed.root.digest == image.target.digest {
        entry.annotations.clone_from(&image.target.annotations);
    } else {
        // Where an image came from stays known when only one platform of it goes along.
        entry.annotations.extend(image.target.sources());
    }
    let mut entry = nameless(entry);
    if let Some(name) = &image.name {
        let reference = name.tag().map_or_else(|| name.to_string(), str::to_owned);
        entry.annotations.insert(annotation::IMAGE_NAME.to_owned(), name.to_string());
        entry.annotations.insert(annotation::REF_NAME.to_owned(), reference);
    }
    if entry.media_type.is_empty() {
        media_type::OCI_MANIFEST.clone_into(&mut entry.media_type);
    }
    entry
}

/// What index.json says of something that has no name: neither a name, nor what is a store's own business.
pub(super) fn nameless(mut entry: Descriptor) -> Descriptor {
    let naming = [annotation::IMAGE_NAME, annotation::REF_NAME];
    entry.annotations.retain(|key, _| !is_private(key) && !naming.contains(&key.as_str()));
    entry
}
