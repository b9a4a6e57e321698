//! Images as an archive or a layout has them, read by a second pair of eyes: nothing here is barge's own
//! code. Blobs are not hashed: that is what the peers are for.

use std::{
    fmt::{self, Display, Formatter},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use barge_testkit::peers::Seen;
use serde_json::Value;

use crate::tarball::files;

/// The tables of this suite are for such a machine, as the peers are.
const HERE: &str = "linux/amd64";

/// One line of an `index.json`: an image under one of its names, or under none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// The full name.
    pub(crate) name: Option<String>,
    /// The digest of its index or manifest.
    pub(crate) id: String,
    /// What is there of it for each platform, in the index's order; ids are the manifests' digests.
    pub(crate) platforms: Vec<Seen>,
}

impl Image {
    /// Whether it is an index and not a manifest.
    pub(crate) fn is_index(&self) -> bool {
        !self.platforms.is_empty() && self.platforms.iter().all(|seen| seen.id != self.id)
    }

    /// Whether there is something of it for this machine.
    pub(crate) fn runs_here(&self) -> bool {
        self.platforms.iter().any(|seen| seen.platform() == HERE)
    }

    /// The platform that a peer keeps if it keeps one: this machine's, or else the first.
    pub(crate) fn one(&self) -> Option<&Seen> {
        self.platforms.iter().find(|seen| seen.platform() == HERE).or(self.platforms.first())
    }
}

impl Display for Image {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name.as_deref().unwrap_or("<none>"), self.id)?;
        for seen in &self.platforms {
            let config = seen.config.as_deref().unwrap_or("?");
            write!(f, "\n  {} {} config {config} {}", seen.platform(), seen.id, seen.diff_ids.join(" "))?;
        }
        Ok(())
    }
}

/// Several images, for a message.
pub(crate) fn shown(images: &[Image]) -> String {
    images.iter().map(|image| format!("\n{image}")).collect()
}

/// The images of an archive, in the order of its `index.json`.
pub(crate) fn images(archive: &Path) -> Result<Vec<Image>> {
    let files = files(archive)?;
    read(|name| files.get(name).cloned())
}

/// The images of a layout that is a folder.
pub(crate) fn layout(folder: &Path) -> Result<Vec<Image>> {
    read(|name| fs::read(folder.join(name)).ok())
}

fn read(file: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<Image>> {
    let blob = |digest: &str| file(&format!("blobs/{}", digest.replace(':', "/")));
    let index = file("index.json").context("no index.json")?;
    let index: Value = serde_json::from_slice(&index)?;
    let mut images = Vec::new();
    for descriptor in list(&index, "/manifests") {
        let annotation = |key: &str| {
            let value = descriptor.get("annotations").and_then(|annotations| annotations.get(key));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        let name = annotation("io.containerd.image.name")
            .or_else(|| annotation("org.opencontainers.image.ref.name"));
        let id = text(descriptor, "/digest");
        images.push(Image { name, platforms: platforms(&id, &blob)?, id });
    }
    Ok(images)
}

/// Every image below the document `id` that is there, depth first: an attestation or an artifact is none.
fn platforms(id: &str, blob: &impl Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<Seen>> {
    let document: Value = serde_json::from_slice(&blob(id).with_context(|| format!("{id} is not there"))?)?;
    let mut seen = Vec::new();
    for child in list(&document, "/manifests") {
        let digest = text(child, "/digest");
        if blob(&digest).is_some() {
            seen.extend(platforms(&digest, blob)?);
        }
    }
    let digest = text(&document, "/config/digest");
    let Some(bytes) = (!digest.is_empty()).then(|| blob(&digest)).flatten() else { return Ok(seen) };
    let config: Value = serde_json::from_slice(&bytes)?;
    if matches!(text(&config, "/os").as_str(), "" | "unknown") {
        return Ok(seen);
    }
    seen.push(Seen {
        id: id.to_owned(),
        config: Some(digest),
        os: text(&config, "/os"),
        architecture: text(&config, "/architecture"),
        variant: text(&config, "/variant"),
        diff_ids: texts(&config, "/rootfs/diff_ids"),
    });
    Ok(seen)
}

/// A string in a JSON value, or an empty one.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The strings of a list in a JSON value.
pub(crate) fn texts(value: &Value, pointer: &str) -> Vec<String> {
    list(value, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
