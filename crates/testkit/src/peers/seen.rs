//! What a peer says about one image for one platform.

use std::env::consts::ARCH;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// An image as a peer sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What the peer knows the image by, `sha256:…`: the digest of an index or a manifest, or of the config
    /// for docker's overlay2 store and podman. docker's containerd store tells an index's digest when it is
    /// not asked for a platform, and that of the platform's manifest when it is.
    pub id: String,
    /// Digest of the config, where the peer lets it be known.
    pub config: Option<String>,
    /// Operating system.
    pub os: String,
    /// Architecture as Go calls it.
    pub architecture: String,
    /// Variant of the architecture; empty if there is none or, from podman, always.
    pub variant: String,
    /// Digests of the uncompressed layers, lowest first.
    pub diff_ids: Vec<String>,
}

impl Seen {
    /// `os/architecture[/variant]`.
    #[must_use]
    pub fn platform(&self) -> String {
        let slash = if self.variant.is_empty() { "" } else { "/" };
        format!("{}/{}{slash}{}", self.os, self.architecture, self.variant)
    }

    /// From a config's own JSON.
    pub(super) fn from_config(id: &str, digest: &str, config: &Value) -> Self {
        Self {
            id: id.to_owned(),
            config: Some(digest.to_owned()),
            os: text(config, "/os"),
            architecture: text(config, "/architecture"),
            variant: text(config, "/variant"),
            diff_ids: texts(config, "/rootfs/diff_ids"),
        }
    }

    /// From what `image inspect` of docker and podman prints, except for the config's digest.
    pub(super) fn from_inspect(image: &Value) -> Self {
        Self {
            id: sha256(&text(image, "/Id")),
            config: None,
            os: text(image, "/Os"),
            architecture: text(image, "/Architecture"),
            variant: text(image, "/Variant"),
            diff_ids: texts(image, "/RootFS/Layers"),
        }
    }
}

/// Every image below the document `root` whose manifest and config are there: what a sparse index lacks
/// is passed over, and so is what is no image, such as an attestation. Ids are the manifests' digests.
pub(super) fn walk(root: &str, blob: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    let mut digests = vec![root.to_owned()];
    while let Some(digest) = digests.pop() {
        let Some(bytes) = blob(&digest) else {
            ensure!(digest != root, "{root}: not there");
            continue;
        };
        let document: Value = serde_json::from_slice(&bytes).with_context(|| digest.clone())?;
        let children = document.pointer("/manifests").and_then(Value::as_array).into_iter().flatten();
        digests.extend(children.rev().map(|child| text(child, "/digest")));
        let config = text(&document, "/config/digest");
        let Some(bytes) = (!config.is_empty()).then(|| blob(&config)).flatten() else { continue };
        let Ok(parsed) = serde_json::from_slice(&bytes) else { continue };
        let image = Seen::from_config(&digest, &config, &parsed);
        if !matches!(image.os.as_str(), "" | "unknown") {
            seen.push(image);
        }
    }
    Ok(seen)
}

/// The image for `platform`, or for this machine. Without a variant, any variant will do.
pub(super) fn choose(seen: Vec<Seen>, platform: Option<&str>) -> Result<Seen> {
    let wanted = platform.map_or_else(host, str::to_owned);
    let found: Vec<_> = seen.iter().map(Seen::platform).collect();
    seen.into_iter()
        .find(|image| image.platform() == wanted || format!("{}/{}", image.os, image.architecture) == wanted)
        .with_context(|| format!("no {wanted} among {}", found.join(", ")))
}

/// A string in a JSON value, or an empty one.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The strings of a list in a JSON value.
pub(super) fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The part of a digest that is a file's name in a layout.
pub(super) fn hex(digest: &str) -> Option<&str> {
    digest.strip_prefix("sha256:").filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// An id with its algorithm, which podman leaves out.
pub(super) fn sha256(id: &str) -> String {
    if id.contains(':') { id.to_owned() } else { format!("sha256:{id}") }
}

fn host() -> String {
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walk_passes_over_what_is_missing_and_what_is_no_image() {
        let blob = |digest: &str| {
            let json = match digest {
                "index" => {
                    r#"{"manifests":[{"digest":"a"},{"digest":"gone"},{"digest":"attestation"},{"digest":"b"}]}"#
                }
                "a" => r#"{"config":{"digest":"ca"}}"#,
                "b" => r#"{"config":{"digest":"cb"}}"#,
                "attestation" => r#"{"config":{"digest":"cc"}}"#,
                "ca" => r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["one","two"]}}"#,
                "cb" => r#"{"os":"linux","architecture":"arm","variant":"v7"}"#,
                "cc" => r#"{"os":"unknown","architecture":"unknown"}"#,
                _ => return None,
            };
            Some(json.as_bytes().to_vec())
        };
        let seen = walk("index", blob).unwrap();
        let platforms: Vec<_> = seen.iter().map(Seen::platform).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm/v7"]);
        assert_eq!(seen[0].diff_ids, ["one", "two"]);
        assert_eq!(choose(seen.clone(), Some("linux/arm")).unwrap().id, "b");
        assert!(choose(seen, Some("linux/s390x")).is_err());
        assert!(walk("gone", blob).is_err());
    }
}
