//! skopeo, as a reader of its two kinds of archive.

use std::{fs, path::Path};

use anyhow::Result;

use super::{
    Reader, Seen,
    jail::Jail,
    seen::{hex, walk},
};

/// skopeo with one of its transports. References: for `docker-archive` a name and tag or `@` and a number,
/// for `oci-archive` the exact `org.opencontainers.image.ref.name`.
#[derive(Debug)]
pub(super) struct Skopeo {
    name: String,
    transport: &'static str,
    jail: Jail,
}

impl Skopeo {
    pub(super) fn start(jail: Jail, transport: &'static str) -> Result<Self> {
        let name = format!("skopeo {} {transport}", jail.version("skopeo")?);
        Ok(Self { name, transport, jail })
    }

    /// `skopeo inspect` never looks at a layer, so this copies: to a `dir:`, which takes any manifest as it
    /// is and holds `manifest.json`, `<hex>.manifest.json` for what an index lists, and `<hex>` for blobs.
    fn copy(&self, archive: &Path, reference: Option<&str>, all: bool) -> Result<Vec<Seen>> {
        let scratch = self.jail.scratch()?;
        let colon = if reference.is_some() { ":" } else { "" };
        let source = [self.transport, ":", &self.jail.path(archive)?, colon, reference.unwrap_or_default()];
        let (source, inside) = (source.concat(), &scratch.inside);
        let mut command = vec!["skopeo", "--insecure-policy", "copy", "--quiet", "--preserve-digests"];
        command.extend(all.then_some("--all"));
        let (digest, target) = (format!("{inside}/digest"), format!("dir:{inside}/out"));
        command.extend(["--digestfile", &digest, &source, &target]);
        self.jail.run(&command)?;

        let root = fs::read_to_string(scratch.path().join("digest"))?;
        let out = scratch.path().join("out");
        walk(root.trim(), |digest| {
            if digest == root.trim() {
                return fs::read(out.join("manifest.json")).ok();
            }
            let hex = hex(digest)?;
            fs::read(out.join(format!("{hex}.manifest.json"))).or_else(|_| fs::read(out.join(hex))).ok()
        })
    }
}

impl Reader for Skopeo {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&self, archive: &Path, reference: Option<&str>) -> Result<Vec<Seen>> {
        self.copy(archive, reference, false)
    }

    fn read_all(&self, archive: &Path, reference: Option<&str>) -> Result<Vec<Seen>> {
        self.copy(archive, reference, true)
    }
}
