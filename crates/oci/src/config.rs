//! Image configs: the platform, the root filesystem's diffIDs, the history.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::descriptor::null_as_empty;
use crate::{Digest, Platform};

/// The parsed view of an image config (OCI image spec, config.md); what is not named here stays in the bytes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    /// When the image was made, RFC 3339 as written.
    #[serde(default)]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub author: String,
    /// The CPU architecture in Go's naming.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub architecture: String,
    /// The CPU variant.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub variant: String,
    /// The operating system in Go's naming.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub os: String,
    /// The operating system's version (Windows).
    #[serde(default, rename = "os.version", deserialize_with = "null_as_empty")]
    pub os_version: String,
    /// Features the operating system must have.
    #[serde(default, rename = "os.features", deserialize_with = "null_as_empty")]
    pub os_features: Vec<String>,
    /// How a container is run from it: `Cmd`, `Env`, `Labels` and so on.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub config: Map<String, Value>,
    /// The layers' uncompressed digests.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub rootfs: RootFs,
    /// How each layer came to be, oldest first.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub history: Vec<History>,
    /// A comment of the one who made it.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub comment: String,
    /// The docker that committed it.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub docker_version: String,
}

/// The `rootfs` of a config.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(default, rename = "type", deserialize_with = "null_as_empty")]
    pub kind: String,
    /// Digests of the uncompressed layers, lowest first.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub diff_ids: Vec<Digest>,
}

/// What layers are called, each together with everything below it (spec, config.md, "Layer `ChainID`"); `diff_ids` are
/// those of the layers, lowest first.
#[must_use]
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut below: Option<Digest> = None;
    let chained = diff_ids.iter().map(|diff_id| {
        let chain_id =
            below.map_or(*diff_id, |below| Digest::sha256(format!("{below} {diff_id}").as_bytes()));
        below = Some(chain_id);
        chain_id
    });
    chained.collect()
}

/// One step of a config's history.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct History {
    /// When, RFC 3339 as written.
    #[serde(default)]
    pub created: Option<String>,
    /// The command.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub created_by: String,
    /// Who.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub author: String,
    /// A comment.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub comment: String,
    /// Whether the step made no layer.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub empty_layer: bool,
}

impl Config {
    /// The platform the image runs on, as written.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
            variant: self.variant.clone(),
        }
    }

    /// What the image is labelled with; a label that is no text counts as empty.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.config.get("Labels").and_then(Value::as_object).into_iter().flatten();
        labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains() {
        let diff_ids = [b"a", b"b", b"c"].map(|content| Digest::sha256(content));
        let expected = [
            "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
            "sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676",
            "sha256:2fce7f8ce91bcf0a1428b36e1024639fdbd9469eea762dba98aa749631885106",
        ];
        assert_eq!(chain_ids(&diff_ids).iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        assert!(chain_ids(&[]).is_empty());
    }
}
