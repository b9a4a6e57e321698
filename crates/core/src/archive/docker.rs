//! Docker's own archive format: `manifest.json`, and the manifests that stand in for what it does not keep.

use std::collections::BTreeSet;

use barge_oci::{Descriptor, Digest, Document, Manifest, Reference, folded_key, media_type, to_go_json};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::decompress::Compression;
use super::facts::Facts;
use super::listing::MAX_IMAGES;
use super::members::{Members, normal};
use crate::error::{Error, Refusal, Result, printable, quoted};
use crate::graph::unreadable;

/// How many layers all images of a `manifest.json` may have together.
const MAX_LAYERS: usize = 200_000;

/// One image of a `manifest.json`, in the order of fields docker writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Item {
    /// Path of the config.
    pub config: String,
    /// Familiar names with their tags; `None` if the image is nameless.
    pub repo_tags: Option<Vec<String>>,
    /// Paths of the layers, lowest first; `None` if there is none.
    pub layers: Option<Vec<String>>,
}

/// As Go decodes it: keys in any case (early jib wrote `config`), two that differ only in case refused.
impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct ItemVisitor;
        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = Item;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an image of a manifest.json")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Item, A::Error> {
                use serde::de::Error as _;
                let (mut seen, mut item) = (BTreeSet::new(), Item::default());
                while let Some(key) = map.next_key::<String>()? {
                    let folded = folded_key(&key);
                    match folded.as_str() {
                        "config" => item.config = map.next_value::<Option<String>>()?.unwrap_or_default(),
                        "repotags" => item.repo_tags = map.next_value()?,
                        "layers" => item.layers = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                    if !seen.insert(folded) {
                        return Err(A::Error::custom(format!("the key `{}` twice", printable(&key))));
                    }
                }
                Ok(item)
            }
        }
        deserializer.deserialize_map(ItemVisitor)
    }
}

/// An image as `manifest.json` tells it.
pub(super) struct DockerImage {
    pub names: Vec<Reference>,
    pub manifest: Document<Manifest>,
    /// The members that are its config and layers.
    pub blobs: Vec<(Digest, String)>,
}

/// Parses `manifest.json`.
///
/// # Errors
/// `JsonInvalid`, `NotAnImage` for lists of something else.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Item>> {
    let items: Vec<Item> = serde_json::from_slice(bytes).map_err(|e| {
        let text = printable(&e.to_string());
        Error::refused(
            Refusal::JsonInvalid,
            format!("invalid archive: failed to decode manifest.json: {text}"),
        )
    })?;
    let layers: usize = items.iter().flat_map(|i| &i.layers).map(Vec::len).sum();
    let tags: usize = items.iter().flat_map(|i| &i.repo_tags).map(Vec::len).sum();
    if items.len().max(tags) > MAX_IMAGES || layers > MAX_LAYERS {
        let message =
            format!("manifest.json lists {} images with {tags} names and {layers} layers", items.len());
        return Err(Error::refused(Refusal::LimitExceeded, message));
    }
    if items.iter().any(|i| i.config.is_empty()) {
        return Err(Error::refused(Refusal::NotAnImage, "manifest.json lists something that has no Config"));
    }
    Ok(items)
}

/// Finds an item's config and layers among the members and makes the manifest containerd would make of them.
///
/// # Errors
/// `PathUnsafe`, `BlobMissing`, `DigestMismatch`, `RefInvalid`.
pub(super) fn image(item: &Item, members: &Members) -> Result<DockerImage> {
    let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
    for tag in item.repo_tags.iter().flatten() {
        let name = repo_tag(tag)?;
        if seen.insert(name.clone()) {
            names.push(name);
        }
    }
    let config = blob(members, &item.config, "image config")?;
    if let Some(claimed) = config_digest(&item.config).filter(|hex| *hex != config.1.hex()) {
        let message = format!(
            "{} is not what its name says: its digest is {}, not {claimed}",
            quoted(&item.config),
            config.1
        );
        return Err(Error::refused(Refusal::DigestMismatch, message));
    }
    let mut blobs = vec![(config.1, item.config.clone())];
    let mut layers = Vec::new();
    for path in item.layers.iter().flatten() {
        let (facts, digest) = blob(members, path, "layer")?;
        layers.push(Descriptor::new(layer_type(facts), digest, facts.size));
        blobs.push((digest, path.clone()));
    }
    let config = Descriptor::new(media_type::DOCKER_CONFIG, config.1, config.0.size);
    Ok(DockerImage { names, manifest: synthesised(config, layers)?, blobs })
}

/// The manifest of an image whose own manifest is lost, byte for byte as containerd's importer makes it.
///
/// # Errors
/// None in practice: everything in it is plain data.
pub(super) fn synthesised(config: Descriptor, layers: Vec<Descriptor>) -> Result<Document<Manifest>> {
    let manifest = Manifest::new(media_type::DOCKER_MANIFEST, config, layers);
    let bytes = to_go_json(&manifest).map_err(|e| Error::refused(Refusal::JsonInvalid, e.to_string()))?;
    let of = Descriptor::of(media_type::DOCKER_MANIFEST, &bytes);
    Document::manifest(bytes).map_err(|e| unreadable(&of, &e))
}

/// The media type that tells the truth about a layer's compression.
pub(super) fn layer_type(facts: &Facts) -> &'static str {
    match facts.compression {
        Compression::Gzip => media_type::DOCKER_LAYER_GZIP,
        Compression::Zstd => media_type::DOCKER_LAYER_ZSTD,
        _ => media_type::DOCKER_LAYER,
    }
}

fn repo_tag(tag: &str) -> Result<Reference> {
    let refuse = |why: &str| {
        Error::refused(Refusal::RefInvalid, format!("normalize image ref {}: {why}", quoted(tag)))
    };
    let name = Reference::parse(tag).map_err(|e| refuse(&printable(&e.to_string())))?;
    if name.digest().is_some() {
        return Err(refuse("a tag cannot have a digest"));
    }
    Ok(name.or_latest())
}

fn blob<'a>(members: &'a Members, path: &str, what: &str) -> Result<(&'a Facts, Digest)> {
    if normal(path).is_none() {
        let message = format!("manifest.json names an unsafe path, {}", quoted(path));
        return Err(Error::refused(Refusal::PathUnsafe, message));
    }
    let missing =
        || Error::refused(Refusal::BlobMissing, format!("{what} {} not found in the archive", quoted(path)));
    let facts = members.file(path).ok_or_else(missing)?;
    // Below blobs/sha512 index.json knows it by that digest.
    facts.sha512.as_deref().copied().or(facts.sha256).map(|digest| (facts, digest)).ok_or_else(missing)
}

/// The digest that a config's file name promises: `<hex>`, `<hex>.json` or `sha256:<hex>`.
fn config_digest(path: &str) -> Option<&str> {
    let name = path.rsplit(['/', ':']).next()?;
    let hex = name.strip_suffix(".json").unwrap_or(name);
    Digest::from_hex(barge_oci::Algorithm::Sha256, hex).map(|_| hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_any_case_but_only_once() {
        let items = parse(br#"[{"config":"c","repoTags":null,"layers":["l"],"x":{}}]"#).unwrap();
        assert_eq!(items[0], Item { config: "c".into(), repo_tags: None, layers: Some(vec!["l".into()]) });
        let twice = parse(br#"[{"Config":"a","config":"b"}]"#).unwrap_err();
        assert_eq!(twice.refusal(), Some(Refusal::JsonInvalid));
    }

    #[test]
    fn only_a_list_of_images() {
        let refusal = |json: &[u8]| parse(json).unwrap_err().refusal();
        assert_eq!(refusal(b"null"), Some(Refusal::JsonInvalid));
        assert_eq!(refusal(b"{}"), Some(Refusal::JsonInvalid));
        assert_eq!(refusal(br#"[{"name":"x"}]"#), Some(Refusal::NotAnImage));
    }
}
