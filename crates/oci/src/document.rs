//! Documents: the bytes are the truth, the parsed value is only a reading of them.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::descriptor::null_as_empty;
use crate::keys::Shape;
use crate::{Config, Descriptor, Index, Manifest, media_type};

/// The largest manifest or index that is read: the limit registries set (distribution spec, "Pushing manifests").
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// The largest image config that is read.
pub const MAX_CONFIG_BYTES: u64 = 8 << 20;

/// A JSON document with its original bytes; it is never serialised again, so its digest never drifts.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<T> {
    bytes: Vec<u8>,
    parsed: T,
}

impl<T> Document<T> {
    /// The bytes as they were found.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the bytes say.
    #[must_use]
    pub fn parsed(&self) -> &T {
        &self.parsed
    }

    /// What the bytes say, without the bytes.
    #[must_use]
    pub fn into_parsed(self) -> T {
        self.parsed
    }
}

/// Why bytes are not the document they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocument {
    /// Not JSON, too deep, a key twice, or fields of the wrong shape.
    #[error("invalid JSON: {0}")]
    Json(String),
    /// Content that another reader would take for another kind (CVE-2021-41190).
    #[error("media-type: expected {expected} but found {found}")]
    Confused {
        /// What the descriptor says.
        expected: &'static str,
        /// What the content is.
        found: String,
    },
    /// A docker schema 1 manifest.
    #[error("media-type: schema 1 not supported")]
    Schema1,
    /// Larger than any such document may be.
    #[error("the document is {size} bytes, {limit} at most are read")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Every field by which readers tell documents apart, and those of the documents themselves; read in one pass.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: Option<u32>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "present")]
    layers: Option<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "present")]
    manifests: Option<Vec<Descriptor>>,
    fs_layers: Option<IgnoredAny>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

/// `null` is present, and empty: Go writes a nil slice so.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Descriptor>>, D::Error> {
    null_as_empty(deserializer).map(Some)
}

impl Wire {
    /// Reads a document that should be of the kind `expected`.
    fn read(
        bytes: &[u8],
        limit: u64,
        is_kind: fn(&str) -> bool,
        expected: &'static str,
    ) -> Result<Self, InvalidDocument> {
        // Schema 1 has other types in the fields it shares, so it must be known before they are read.
        let schema1 = || parse::<Schema1>(bytes, limit).is_ok_and(|s| s.is());
        let wire: Self = match parse(bytes, limit) {
            Err(InvalidDocument::Json(_)) if schema1() => return Err(InvalidDocument::Schema1),
            wire => wire?,
        };
        let found = wire.media_type.as_deref();
        if wire.fs_layers.is_some() || found.is_some_and(media_type::is_schema1) {
            return Err(InvalidDocument::Schema1);
        }
        match found.filter(|t| !is_kind(t)) {
            Some(t) if media_type::is_index(t) => return Err(confused(expected, "index")),
            Some(t) if media_type::is_manifest(t) => return Err(confused(expected, "manifest")),
            Some(t) => return Err(confused(expected, t)),
            None => {}
        }
        match wire.schema_version {
            Some(2) => Ok(wire),
            Some(1) => Err(InvalidDocument::Schema1),
            Some(other) => Err(InvalidDocument::Json(format!("schemaVersion is {other}, not 2"))),
            None => Err(missing("schemaVersion")),
        }
    }
}

/// What tells schema 1 apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema1 {
    media_type: Option<String>,
    fs_layers: Option<IgnoredAny>,
}

impl Schema1 {
    fn is(&self) -> bool {
        self.fs_layers.is_some() || self.media_type.as_deref().is_some_and(media_type::is_schema1)
    }
}

fn confused(expected: &'static str, found: &str) -> InvalidDocument {
    InvalidDocument::Confused { expected, found: escape(found) }
}

fn missing(field: &str) -> InvalidDocument {
    InvalidDocument::Json(format!("missing field `{field}`"))
}

impl Document<Manifest> {
    /// Reads a manifest, refusing whatever another reader could take for an index or for schema 1.
    ///
    /// # Errors
    /// [`InvalidDocument`], with containerd's wording for confused documents.
    pub fn manifest(bytes: Vec<u8>) -> Result<Self, InvalidDocument> {
        let wire = Wire::read(&bytes, MAX_MANIFEST_BYTES, media_type::is_manifest, "manifest")?;
        if wire.manifests.is_some() {
            return Err(confused("manifest", "index"));
        }
        Shape::Document.check(&bytes).map_err(|e| InvalidDocument::Json(escape(&e.to_string())))?;
        let parsed = Manifest {
            schema_version: 2,
            media_type: wire.media_type,
            artifact_type: wire.artifact_type,
            config: wire.config.ok_or_else(|| missing("config"))?,
            layers: wire.layers.unwrap_or_default(),
            subject: wire.subject,
            annotations: wire.annotations.unwrap_or_default(),
        };
        Ok(Self { bytes, parsed })
    }
}

impl Document<Index> {
    /// Reads an index, refusing whatever another reader could take for a manifest.
    ///
    /// # Errors
    /// [`InvalidDocument`], with containerd's wording for confused documents.
    pub fn index(bytes: Vec<u8>) -> Result<Self, InvalidDocument> {
        Self::index_up_to(bytes, MAX_MANIFEST_BYTES)
    }

    /// [`Self::index`] with another limit, for the `index.json` of a layout, which lists every image.
    ///
    /// # Errors
    /// As [`Self::index`].
    pub fn index_up_to(bytes: Vec<u8>, limit: u64) -> Result<Self, InvalidDocument> {
        let index = Self::index_of_our_own(bytes, limit)?;
        Shape::Document.check(&index.bytes).map_err(|e| InvalidDocument::Json(escape(&e.to_string())))?;
        Ok(index)
    }

    /// [`Self::index_up_to`] for what this program wrote itself: the spelling of keys is not in doubt.
    ///
    /// # Errors
    /// As [`Self::index`].
    pub fn index_of_our_own(bytes: Vec<u8>, limit: u64) -> Result<Self, InvalidDocument> {
        let wire = Wire::read(&bytes, limit, media_type::is_index, "index")?;
        if wire.config.is_some() || wire.layers.is_some() {
            return Err(confused("index", "manifest"));
        }
        let parsed = Index {
            schema_version: 2,
            media_type: wire.media_type,
            artifact_type: wire.artifact_type,
            manifests: wire.manifests.ok_or_else(|| missing("manifests"))?,
            subject: wire.subject,
            annotations: wire.annotations.unwrap_or_default(),
        };
        Ok(Self { bytes, parsed })
    }
}

impl Document<Config> {
    /// Reads an image config.
    ///
    /// # Errors
    /// [`InvalidDocument::Json`] or [`InvalidDocument::TooLarge`].
    pub fn config(bytes: Vec<u8>) -> Result<Self, InvalidDocument> {
        let parsed = parse(&bytes, MAX_CONFIG_BYTES)?;
        Shape::Config.check(&bytes).map_err(|e| InvalidDocument::Json(escape(&e.to_string())))?;
        Ok(Self { bytes, parsed })
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8], limit: u64) -> Result<T, InvalidDocument> {
    let size = bytes.len() as u64;
    if size > limit {
        return Err(InvalidDocument::TooLarge { size, limit });
    }
    serde_json::from_slice(bytes).map_err(|e| InvalidDocument::Json(escape(&e.to_string())))
}

/// Text from a document, made safe to show.
fn escape(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(|c| if is_invisible(c) { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// Whether a character is one that a terminal acts upon instead of showing it: it moves the cursor, hides, or turns the
/// direction of writing.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    fn manifest_json(extra: &str) -> Vec<u8> {
        let d = Digest::sha256(b"");
        format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"x","digest":"{d}","size":0}},"layers":[]{extra}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn keeps_the_bytes() {
        let bytes = manifest_json(r#", "unknown" : 1"#);
        assert_eq!(Document::manifest(bytes.clone()).unwrap().bytes(), bytes);
    }

    #[test]
    fn refuses_polyglots() {
        let text = |r: Result<Document<Manifest>, InvalidDocument>| r.unwrap_err().to_string();
        assert_eq!(
            text(Document::manifest(manifest_json(r#","manifests":[]"#))),
            "media-type: expected manifest but found index"
        );
        assert_eq!(
            text(Document::manifest(manifest_json(r#","fsLayers":[]"#))),
            "media-type: schema 1 not supported"
        );
        let index = Document::index(manifest_json(r#","manifests":[]"#)).unwrap_err().to_string();
        assert_eq!(index, "media-type: expected index but found manifest");
    }

    #[test]
    fn refuses_keys_given_twice_and_deep_nesting() {
        let twice = manifest_json(r#","layers":[]"#);
        assert!(matches!(Document::manifest(twice), Err(InvalidDocument::Json(_))));
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(matches!(Document::config(deep), Err(InvalidDocument::Json(_))));
    }

    #[test]
    fn says_how_large() {
        let error = Document::index(vec![b' '; (4 << 20) + 1]).unwrap_err();
        assert_eq!(error, InvalidDocument::TooLarge { size: (4 << 20) + 1, limit: 4 << 20 });
    }
}
