//! Programs that speak docker's Engine API: docker's CLI, docker's library for Python, skopeo and curl.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, ensure};

use super::jail::Jail;
use super::start::jail;
use super::suite::Suite;

/// How long one script may take, in seconds.
const SECONDS: &str = "300";

/// Clients of whatever server they are pointed at.
#[derive(Debug)]
pub struct Clients {
    jail: Jail,
}

impl Clients {
    /// `None` when they are not available here, as with [`start`](super::start()).
    pub fn start() -> Result<Option<Self>> {
        let programs = ["docker", "python3", "skopeo", "curl", "bash", "openssl"];
        Ok(jail("Clients", Suite::Sid, &programs)?.map(|jail| Self { jail }))
    }

    /// Runs a script by bash in `folder`, with `DOCKER_HOST` set to the socket, and returns what became of it.
    pub fn run(&self, folder: &Path, socket: &Path, script: &str) -> Result<Output> {
        let folder = self.path(folder)?;
        let host = format!("DOCKER_HOST=unix://{}", self.path(socket)?);
        let home = format!("HOME={folder}");
        let command =
            ["timeout", "--kill-after=5", SECONDS, "env", "-C", &folder, &home, &host, "bash", "-c"];
        self.jail.output(&[&command[..], &[script]].concat())
    }

    /// The same, which must exit with 0; what it printed on its standard output.
    pub fn ok(&self, folder: &Path, socket: &Path, script: &str) -> Result<String> {
        let output = self.run(folder, socket, script)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{script}`: {}: {}", output.status, said.trim());
        String::from_utf8(output.stdout).context("no UTF-8")
    }

    /// A folder with the certificates and keys of an authority (`ca`), a server and a client, PEM.
    pub fn certificates(&self) -> Result<PathBuf> {
        self.jail.certificates()?;
        Ok(self.jail.home().to_path_buf())
    }

    /// What a file of the machine is called by the clients.
    pub fn path(&self, file: &Path) -> Result<String> {
        self.jail.path(file)
    }
}
