//! Archives of docker before 1.10: `repositories` and `<id>/{json,layer.tar}`; images are rebuilt from them.
//!
//! The config is the top layer's `json` without what only the old graph needed, with `rootfs` and `history`
//! gathered along the chain of parents, as docker's own migration did it.

use std::collections::BTreeMap;

use barge_oci::{Algorithm, Descriptor, Digest, Document, Manifest, Reference, media_type, to_go_json};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::docker::{layer_type, synthesised};
use super::facts::{Facts, Inside};
use super::listing::MAX_IMAGES;
use super::members::Members;
use crate::error::{Error, Refusal, Result, printable, quoted};

/// How many layers an old image may have; docker's own limit was 127.
const MAX_LAYERS: usize = 512;
/// How many bytes of history all layers together may have, and of configs all images that are made.
const MAX_HISTORY_BYTES: usize = 16 << 20;
const MAX_MADE_BYTES: usize = 64 << 20;

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
                let name = quoted(&format!("{repository}:{tag}"));
                Error::refused(
                    Refusal::RefInvalid,
                    format!("repositories: {name}: {}", printable(&e.to_string())),
                )
            })?;
            names.entry(id.clone()).or_default().push(name);
        }
    }
    if names.len() > MAX_IMAGES {
        let message = format!("repositories lists {} images, {MAX_IMAGES} at most are read", names.len());
        return Err(Error::refused(Refusal::LimitExceeded, message));
    }
    let (mut known, mut images, mut made) = (Known::default(), Vec::new(), 0);
    for (id, names) in names {
        let image = image(&id, names, members, &mut known)?;
        made += image.config.len();
        if made > MAX_MADE_BYTES {
            let message = format!("the configs of its images take more than {MAX_MADE_BYTES} bytes");
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        images.push(image);
    }
    Ok(images)
}

/// The layers that were read, by ID, and how many bytes of history they have.
#[derive(Default)]
struct Known<'a> {
    layers: BTreeMap<String, Old<'a>>,
    history: usize,
}

impl<'a> Known<'a> {
    fn read(&mut self, id: &str, members: &'a Members) -> Result<()> {
        if self.layers.contains_key(id) {
            return Ok(());
        }
        let old = old_layer(id, members)?;
        self.history += old.facts.len();
        if self.history > MAX_HISTORY_BYTES {
            let message =
                format!("the history up to {} takes more than {MAX_HISTORY_BYTES} bytes", quoted(id));
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        self.layers.insert(id.to_owned(), old);
        Ok(())
    }
}

/// One layer of the old graph: of its `json` only what the history needs.
struct Old<'a> {
    facts: OldJson,
    layer: &'a Facts,
    digest: Digest,
    path: String,
}

#[derive(Deserialize)]
struct OldJson {
    parent: Option<String>,
    created: Option<String>,
    author: Option<String>,
    comment: Option<String>,
    container_config: Option<ContainerConfig>,
}

impl OldJson {
    /// How many bytes it keeps.
    fn len(&self) -> usize {
        let texts = [&self.parent, &self.created, &self.author, &self.comment].into_iter().flatten();
        let words = self.container_config.iter().flat_map(|c| &c.cmd).flatten();
        texts.chain(words).map(|text| text.len() + size_of::<String>()).sum()
    }
}

#[derive(Deserialize)]
struct ContainerConfig {
    #[serde(rename = "Cmd")]
    cmd: Option<Vec<String>>,
}

fn image<'a>(
    top: &str,
    names: Vec<Reference>,
    members: &'a Members,
    known: &mut Known<'a>,
) -> Result<LegacyImage> {
    let mut chain = Vec::new();
    let mut next = Some(top.to_owned());
    while let Some(id) = next.take() {
        if chain.len() == MAX_LAYERS {
            let message = format!("the image {} has more than {MAX_LAYERS} layers", quoted(top));
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        known.read(&id, members)?;
        next = known.layers.get(&id).and_then(|old| old.facts.parent.clone()).filter(|p| !p.is_empty());
        chain.push(id);
    }
    chain.reverse();
    let chain: Vec<&Old<'_>> = chain.iter().filter_map(|id| known.layers.get(id)).collect();
    let mut diff_ids = Vec::new();
    for old in &chain {
        if let Some(error) = old.layer.broken(format_args!("layer {}", quoted(&old.path))) {
            return Err(error);
        }
        if let Inside::Unknown = &old.layer.inside {
            let message = format!("layer {}: nobody says its diffID", quoted(&old.path));
            return Err(Error::invalid(message).hint("load it without `--verify digests`"));
        }
        diff_ids.extend(old.layer.diff_id(Algorithm::Sha256).map(|id| id.to_string()));
    }
    let config = config(top, members, &diff_ids, chain.iter().map(|old| history(&old.facts)).collect())?;
    let layers: Vec<Descriptor> =
        chain.iter().map(|old| Descriptor::new(layer_type(old.layer), old.digest, old.layer.size)).collect();
    let manifest = synthesised(Descriptor::of(media_type::DOCKER_CONFIG, &config), layers)?;
    let layers = chain.iter().map(|old| (old.digest, old.path.clone())).collect();
    Ok(LegacyImage { names, manifest, config, layers })
}

/// The top layer's `json` without what only the old graph needed, with what it did not have.
fn config(top: &str, members: &Members, diff_ids: &[String], history: Vec<Value>) -> Result<Vec<u8>> {
    let mut fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(&old_json(top, members)?).map_err(|e| json_error(top, &e))?;
    for graph_only in ["id", "parent", "Size", "parent_id", "layer_id", "throwaway"] {
        fields.remove(graph_only);
    }
    let rootfs = serde_json::json!({ "type": "layers", "diff_ids": diff_ids });
    for (key, value) in [("rootfs", rootfs), ("history", Value::Array(history))] {
        let raw = RawValue::from_string(value.to_string()).map_err(|e| json_error(top, &e))?;
        fields.insert(key.to_owned(), raw);
    }
    to_go_json(&fields).map_err(|e| json_error(top, &e))
}

fn old_layer<'a>(id: &str, members: &'a Members) -> Result<Old<'a>> {
    let json = old_json(id, members)?;
    if !json.trim_ascii_start().starts_with(b"{") {
        let message = format!("{}: no object", quoted(&format!("{id}/json")));
        return Err(Error::refused(Refusal::JsonInvalid, message));
    }
    let facts = serde_json::from_slice(&json).map_err(|e| json_error(id, &e))?;
    let path = format!("{id}/layer.tar");
    let layer = members.file(&path).ok_or_else(|| missing(&path))?;
    let digest = layer.sha256.ok_or_else(|| missing(&path))?;
    Ok(Old { facts, layer, digest, path })
}

fn old_json(id: &str, members: &Members) -> Result<Vec<u8>> {
    if Digest::from_hex(Algorithm::Sha256, id).is_none() {
        return Err(Error::refused(Refusal::DigestInvalid, format!("{} is not an image ID", quoted(id))));
    }
    let path = format!("{id}/json");
    members.read(&path, members.file(&path).ok_or_else(|| missing(&path))?)
}

fn missing(path: &str) -> Error {
    Error::refused(Refusal::BlobMissing, format!("{} not found in the archive", quoted(path)))
}

/// What one old layer says of its making.
fn history(old: &OldJson) -> Value {
    let command = old.container_config.as_ref().and_then(|c| c.cmd.as_ref()).map(|words| words.join(" "));
    let fields = [
        ("created", &old.created),
        ("author", &old.author),
        ("comment", &old.comment),
        ("created_by", &command),
    ];
    let given = fields.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    Value::Object(
        given.filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.to_owned(), v.clone().into())).collect(),
    )
}

fn json_error(id: &str, error: &serde_json::Error) -> Error {
    Error::refused(
        Refusal::JsonInvalid,
        format!("{}: {}", quoted(&format!("{id}/json")), printable(&error.to_string())),
    )
}
