//! crane, which reads `manifest.json` archives.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Reader, Registry, Seen, jail::Jail, seen::text};

/// crane, and the registry it pushes to: it tells about an image in a registry only.
#[derive(Debug)]
pub(super) struct Crane {
    name: String,
    registry: Registry,
}

impl Crane {
    pub(super) fn start(jail: Jail) -> Result<Self> {
        Ok(Self { name: format!("crane {}", jail.version("crane")?), registry: Registry::open(jail)? })
    }

    fn crane(&self, args: &[&str]) -> Result<String> {
        self.registry.jail().run(&[&["crane"], args].concat())
    }
}

impl Reader for Crane {
    fn name(&self) -> &str {
        &self.name
    }

    /// Without a reference the archive must have one image, of which all is read. With one, a tag as in
    /// `RepoTags`, crane can only be asked for the digest of the manifest that it makes up.
    fn read(&self, archive: &Path, reference: Option<&str>) -> Result<Vec<Seen>> {
        let file = self.registry.jail().path(archive)?;
        if let Some(tag) = reference {
            let digest = self.crane(&["digest", "--tarball", &file, tag])?;
            return Ok(vec![Seen { id: digest.trim().to_owned(), ..Seen::default() }]);
        }
        self.crane(&["validate", "--tarball", &file])?;
        let pushed = self.crane(&["push", &file, &format!("{}/crane:read", self.registry.address())])?;
        let pushed = pushed.trim();
        let (_, id) = pushed.split_once('@').context("crane printed no digest")?;
        let manifest: Value = serde_json::from_str(&self.crane(&["manifest", pushed])?)?;
        let config: Value = serde_json::from_str(&self.crane(&["config", pushed])?)?;
        Ok(vec![Seen::from_config(id, &text(&manifest, "/config/digest"), &config)])
    }
}
