//! Archives of docker before 1.10: `repositories` and `<id>/{json,layer.tar}`; images are rebuilt from them.
//!
//! The config is the top layer's `json` without what only the old graph needed, with `rootfs` and `history`
//! gathered along the chain of parents, as docker's own migration did it.

use std::collections::BTreeMap;

use barge_oci::{Algorithm, Descriptor, Digest, Document, Manifest, Reference, media_type, to_go_json};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::docker::{layer_type, synthesised};
use super::members::{Facts, Members};
use super::tar::shown;
use crate::error::{Error, Refusal, Result, printable};

/// How many layers an old image may have; docker's own limit was 127.
const MAX_LAYERS: usize = 512;

/// An image rebuilt from an old archive.
pub(super) struct LegacyImage {
    pub names: Vec<Reference>,
    pub manifest: Document<Manifest>,
    /// The config that was made for it.
    pub config: Vec<u8>,
    /// The members that are its layers.
    pub layers: Vec<(Digest, String)>,
}

/// Rebuilds every image that `repositories` names.
///
/// # Errors
/// `Refused` if the chain of parents is broken, endless or of strange IDs.
pub(super) fn images(repositories: &[u8], members: &Members) -> Result<Vec<LegacyImage>> {
    let invalid =
        |why: &str| Error::refused(Refusal::JsonInvalid, format!("repositories: {}", printable(why)));
    let repositories: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_slice(repositories).map_err(|e| invalid(&e.to_string()))?;
    let mut names: BTreeMap<String, Vec<Reference>> = BTreeMap::new();
    for (repository, tags) in &repositories {
        for (tag, id) in tags {
            let name = Reference::parse(repository).and_then(|r| r.with_tag(tag)).map_err(|e| {
                let name = shown(&format!("{repository}:{tag}"));
                Error::refused(
                    Refusal::RefInvalid,
                    format!("repositories: {name}: {}", printable(&e.to_string())),
                )
            })?;
            names.entry(id.clone()).or_default().push(name);
        }
    }
    names.into_iter().map(|(id, names)| image(&id, names, members)).collect()
}

/// One layer of the old graph.
struct Old<'a> {
    json: Map<String, Value>,
    raw: BTreeMap<String, Box<RawValue>>,
    layer: &'a Facts,
    digest: Digest,
    path: String,
}

fn image(top: &str, names: Vec<Reference>, members: &Members) -> Result<LegacyImage> {
    let mut chain: Vec<Old<'_>> = Vec::new();
    let mut next = Some(top.to_owned());
    while let Some(id) = next.take() {
        if chain.len() == MAX_LAYERS {
            let message = format!("the image {} has more than {MAX_LAYERS} layers", shown(top));
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let old = old_layer(&id, members)?;
        next = old.json.get("parent").and_then(Value::as_str).filter(|p| !p.is_empty()).map(str::to_owned);
        chain.push(old);
    }
    let mut fields = chain.first().map(|old| old.raw.clone()).unwrap_or_default();
    for graph_only in ["id", "parent", "Size", "parent_id", "layer_id", "throwaway"] {
        fields.remove(graph_only);
    }
    chain.reverse();
    let mut diff_ids = Vec::new();
    for old in &chain {
        match &old.layer.inner {
            Some(Ok(inner)) => diff_ids.push(inner.sha256.to_string()),
            Some(Err(why)) => {
                let message = format!("layer {}: {}", shown(&old.path), printable(why));
                return Err(Error::refused(Refusal::StreamCorrupt, message));
            }
            None => {}
        }
    }
    let history: Vec<Value> = chain.iter().map(|old| history(&old.json)).collect();
    let rootfs = serde_json::json!({ "type": "layers", "diff_ids": diff_ids });
    for (key, value) in [("rootfs", rootfs), ("history", Value::Array(history))] {
        let raw = RawValue::from_string(value.to_string()).map_err(|e| json_error(top, &e))?;
        fields.insert(key.to_owned(), raw);
    }
    let config = to_go_json(&fields).map_err(|e| json_error(top, &e))?;
    let layers: Vec<Descriptor> =
        chain.iter().map(|old| Descriptor::new(layer_type(old.layer), old.digest, old.layer.size)).collect();
    let manifest = synthesised(Descriptor::of(media_type::DOCKER_CONFIG, &config), layers)?;
    let layers = chain.into_iter().map(|old| (old.digest, old.path)).collect();
    Ok(LegacyImage { names, manifest, config, layers })
}

fn old_layer<'a>(id: &str, members: &'a Members) -> Result<Old<'a>> {
    if Digest::from_hex(Algorithm::Sha256, id).is_none() {
        return Err(Error::refused(Refusal::DigestInvalid, format!("{} is not an image ID", shown(id))));
    }
    let (json_path, path) = (format!("{id}/json"), format!("{id}/layer.tar"));
    let missing = |path: &str| {
        Error::refused(Refusal::BlobMissing, format!("{} not found in the archive", shown(path)))
    };
    let facts = members.file(&json_path).ok_or_else(|| missing(&json_path))?;
    let bytes = members.read(&json_path, facts)?;
    let json = serde_json::from_slice(&bytes).map_err(|e| json_error(id, &e))?;
    let raw = serde_json::from_slice(&bytes).map_err(|e| json_error(id, &e))?;
    let layer = members.file(&path).ok_or_else(|| missing(&path))?;
    let digest = layer.sha256.ok_or_else(|| missing(&path))?;
    Ok(Old { json, raw, layer, digest, path })
}

/// What one old layer says of its making.
fn history(json: &Map<String, Value>) -> Value {
    let mut entry = Map::new();
    let text = |key: &str| json.get(key).and_then(Value::as_str).filter(|s| !s.is_empty());
    for key in ["created", "author", "comment"] {
        if let Some(value) = text(key) {
            entry.insert(key.to_owned(), value.into());
        }
    }
    let command = json.get("container_config").and_then(|c| c.get("Cmd")).and_then(Value::as_array);
    let words: Vec<&str> = command.into_iter().flatten().filter_map(Value::as_str).collect();
    if !words.is_empty() {
        entry.insert("created_by".to_owned(), words.join(" ").into());
    }
    Value::Object(entry)
}

fn json_error(id: &str, error: &serde_json::Error) -> Error {
    Error::refused(
        Refusal::JsonInvalid,
        format!("{}: {}", shown(&format!("{id}/json")), printable(&error.to_string())),
    )
}
