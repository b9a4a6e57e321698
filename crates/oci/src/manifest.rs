//! Image manifests, OCI's and Docker's v2 schema 2.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Descriptor;
use crate::media_type;

/// One image or artifact: a config and its layers (OCI image spec, manifest.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub(crate) schema_version: u32,
    /// The manifest's own media type; older OCI writers leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The kind of artifact, where this is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config; `application/vnd.oci.empty.v1+json` for artifacts without one.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// The manifest this one refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free-form facts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// A manifest with nothing but the fields every image has.
    #[must_use]
    pub fn new(media_type: &str, config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type.to_owned()),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Whether this is a runnable image: an image config, and either no layer or a root filesystem layer.
    ///
    /// Artifacts and attestations are carried, but have no platform and no diffIDs to check.
    #[must_use]
    pub fn is_image(&self) -> bool {
        media_type::is_image_config(&self.config.media_type)
            && self.artifact_type.is_none()
            && (self.layers.is_empty() || self.layers.iter().any(|l| media_type::is_layer(&l.media_type)))
    }

    /// The config, then the layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}
