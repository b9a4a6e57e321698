//! Documents: the bytes are the truth, the parsed value is only a reading of them.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::{Config, Digest, Index, Manifest, media_type};

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

    /// The sha256 digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.bytes)
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

/// The fields by which readers tell documents apart.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<IgnoredAny>,
}

impl Document<Manifest> {
    /// Reads a manifest, refusing whatever another reader could take for an index or for schema 1.
    ///
    /// # Errors
    /// [`InvalidDocument`], with containerd's wording for confused documents.
    pub fn manifest(bytes: Vec<u8>) -> Result<Self, InvalidDocument> {
        let shape: Shape = parse(&bytes, MAX_MANIFEST_BYTES)?;
        if shape.fs_layers.is_some() || shape.media_type.as_deref().is_some_and(media_type::is_schema1) {
            return Err(InvalidDocument::Schema1);
        }
        let found = shape.media_type.as_deref().filter(|t| !media_type::is_manifest(t));
        if shape.manifests.is_some() || found.is_some_and(media_type::is_index) {
            return Err(InvalidDocument::Confused { expected: "manifest", found: "index".to_owned() });
        }
        if let Some(found) = found {
            return Err(InvalidDocument::Confused { expected: "manifest", found: escape(found) });
        }
        let parsed: Manifest = parse(&bytes, MAX_MANIFEST_BYTES)?;
        schema_version(parsed.schema_version)?;
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
        let shape: Shape = parse(&bytes, limit)?;
        let found = shape.media_type.as_deref().filter(|t| !media_type::is_index(t));
        if shape.config.is_some()
            || shape.layers.is_some()
            || shape.fs_layers.is_some()
            || found.is_some_and(media_type::is_manifest)
        {
            return Err(InvalidDocument::Confused { expected: "index", found: "manifest".to_owned() });
        }
        if let Some(found) = found {
            return Err(InvalidDocument::Confused { expected: "index", found: escape(found) });
        }
        let parsed: Index = parse(&bytes, limit)?;
        schema_version(parsed.schema_version)?;
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

fn schema_version(version: u32) -> Result<(), InvalidDocument> {
    match version {
        2 => Ok(()),
        1 => Err(InvalidDocument::Schema1),
        other => Err(InvalidDocument::Json(format!("schemaVersion is {other}, not 2"))),
    }
}

/// Text from a document, made safe to show.
fn escape(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
