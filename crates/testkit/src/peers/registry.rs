//! A registry.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{jail::Jail, start::jail, suite::Suite};

/// The port is the kernel's choice; the log tells which.
const CONFIG: &str = r#"{
  "version": "0.1",
  "storage": {"filesystem": {"rootdirectory": "/peer/registry"}, "delete": {"enabled": true}},
  "http": {"addr": "127.0.0.1:0"}
}"#;

/// docker-registry, empty, on a loopback port, without TLS and without passwords.
#[derive(Debug)]
pub struct Registry {
    address: String,
    jail: Jail,
}

impl Registry {
    /// `None` when it is not available here, as with [`start`](super::start()).
    pub fn start() -> Result<Option<Self>> {
        jail("Registry", Suite::Sid, &["docker-registry", "oras"])?.map(Self::open).transpose()
    }

    pub(super) fn open(mut jail: Jail) -> Result<Self> {
        fs::write(jail.home().join("registry.yml"), CONFIG)?;
        jail.spawn(&["docker-registry", "serve", "/peer/registry.yml"])?;
        let address = jail.ready("docker-registry", |jail| {
            let log = fs::read_to_string(jail.home().join("log"))?;
            let (_, address) = log.split_once("listening on ").context("no address in its log")?;
            let end = address.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
            Ok(end.and_then(|end| address.get(..end)).context("no address in its log")?.to_owned())
        })?;
        Ok(Self { address, jail })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Puts what `tag` is in an OCI layout, a folder or a tar, into the registry with its own digests, and
    /// returns what it is called there: `127.0.0.1:PORT/REPOSITORY:TAG`.
    pub fn push(&self, layout: &Path, tag: &str, repository: &str) -> Result<String> {
        let source = format!("{}:{tag}", self.jail.path(layout)?);
        let target = format!("{}/{repository}:{tag}", self.address);
        self.jail.run(&[
            "oras",
            "cp",
            "--no-tty",
            "--from-oci-layout",
            &source,
            "--to-plain-http",
            &target,
        ])?;
        Ok(target)
    }

    pub(super) fn jail(&self) -> &Jail {
        &self.jail
    }
}
