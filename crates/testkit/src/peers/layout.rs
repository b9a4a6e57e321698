//! umoci and oras, which read OCI layouts.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    Reader, Seen,
    jail::Jail,
    registry::in_layout,
    seen::{hex, text, walk},
};

/// umoci, on the archive unpacked. References are tags; without one, every tag there is.
#[derive(Debug)]
pub(super) struct Umoci {
    name: String,
    jail: Jail,
}

impl Umoci {
    pub(super) fn start(jail: Jail) -> Result<Self> {
        Ok(Self { name: format!("umoci {}", jail.version("umoci")?), jail })
    }
}

impl Reader for Umoci {
    fn name(&self) -> &str {
        &self.name
    }

    /// Unpacks each image's root file system: only then does umoci read layers and check their digests.
    fn read(&self, archive: &Path, reference: Option<&str>) -> Result<Vec<Seen>> {
        let scratch = self.jail.scratch()?;
        let layout = format!("{}/layout", scratch.inside);
        self.jail.run(&["mkdir", &layout])?;
        self.jail.run(&["tar", "-xf", &self.jail.path(archive)?, "-C", &layout])?;
        let tags = match reference {
            Some(tag) => tag.to_owned(),
            None => self.jail.run(&["umoci", "ls", "--layout", &layout])?,
        };
        let mut seen = Vec::new();
        for (number, tag) in tags.lines().enumerate() {
            let (image, bundle) = (format!("{layout}:{tag}"), format!("{}/{number}", scratch.inside));
            self.jail.run(&["umoci", "unpack", "--image", &image, &bundle])?;
            let from = fs::read(scratch.path().join(number.to_string()).join("umoci.json"))?;
            let from: Value = serde_json::from_slice(&from)?;
            let path = from.pointer("/from_descriptor_path/descriptor_walk").and_then(Value::as_array);
            let manifest = path.and_then(|path| path.last()).context("umoci.json names no manifest")?;
            seen.extend(walk_layout(&text(manifest, "/digest"), &scratch.path().join("layout"))?);
        }
        Ok(seen)
    }
}

/// oras, which takes a layout in a tar for a layout. A reference is needed: a tag or a digest.
#[derive(Debug)]
pub(super) struct Oras {
    name: String,
    jail: Jail,
}

impl Oras {
    pub(super) fn start(jail: Jail) -> Result<Self> {
        Ok(Self { name: format!("oras {} layout", jail.version("oras")?), jail })
    }
}

impl Reader for Oras {
    fn name(&self) -> &str {
        &self.name
    }

    /// Copies the whole graph, every platform and all else that an index lists.
    fn read(&self, archive: &Path, reference: Option<&str>) -> Result<Vec<Seen>> {
        let reference = reference.context("oras needs a reference")?;
        let scratch = self.jail.scratch()?;
        let source = in_layout(&self.jail.path(archive)?, reference);
        let target = format!("{}/out:copy", scratch.inside);
        let copy = ["oras", "cp", "--no-tty", "--from-oci-layout", &source, "--to-oci-layout", &target];
        let printed = self.jail.run(&copy)?;
        let digest = printed.lines().find_map(|line| line.strip_prefix("Digest: "));
        walk_layout(digest.context("oras printed no digest")?, &scratch.path().join("out"))
    }
}

fn walk_layout(root: &str, layout: &Path) -> Result<Vec<Seen>> {
    walk(root, |digest| fs::read(layout.join("blobs/sha256").join(hex(digest)?)).ok())
}
