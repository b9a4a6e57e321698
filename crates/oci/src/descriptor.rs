//! Descriptors: what content is called, how big it is, what it means.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Digest, Platform, annotation, media_type};

/// A pointer to content, in the field order of Go's `specs-go` (OCI image spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is; may be empty in documents of careless writers.
    #[serde(default)]
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's length in bytes.
    pub size: u64,
    /// Where else the content may be had; never followed unless asked.
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Free-form facts, sorted by key.
    #[serde(default, deserialize_with = "null_as_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The content itself, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The platform an image in an index is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Box<Platform>>,
    /// The kind of artifact a manifest is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor with nothing but the three required fields.
    #[must_use]
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            data: None,
            platform: None,
            artifact_type: None,
        }
    }

    /// A descriptor of `content`, by sha256.
    #[must_use]
    pub fn of(media_type: &str, content: &[u8]) -> Self {
        Self::new(media_type, Digest::sha256(content), content.len() as u64)
    }

    /// Whether this points to a document that has to be read to know what belongs to it.
    #[must_use]
    pub fn has_children(&self) -> bool {
        let media_type = &self.media_type;
        media_type::is_index(media_type)
            || media_type::is_manifest(media_type)
            || media_type::is_schema1(media_type)
    }

    /// The annotations that tell which repositories the content came from, by [`annotation::SOURCE`] and a host.
    pub fn sources(&self) -> impl Iterator<Item = (String, String)> {
        let told = self.annotations.iter().filter(|(key, _)| key.starts_with(annotation::SOURCE));
        told.map(|(key, repositories)| (key.clone(), repositories.clone()))
    }

    /// The digest of the image this manifest attests, if it is a `BuildKit` attestation in an index.
    #[must_use]
    pub fn attests(&self) -> Option<&str> {
        self.annotations.get(annotation::REFERENCE_TYPE)?;
        Some(self.annotations.get(annotation::REFERENCE_DIGEST).map_or("", String::as_str))
    }

    /// Whether this is an attestation, by annotation or by the `unknown/unknown` pseudo platform.
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        self.annotations.contains_key(annotation::REFERENCE_TYPE)
            || self.platform.as_ref().is_some_and(|p| p.is_unknown())
    }
}

/// Go writes absent slices and maps as `null`; they mean the same as empty ones.
pub(crate) fn null_as_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
