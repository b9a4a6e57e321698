//! Which peers there are, what each needs, and what happens where they are not.

use std::env;

use anyhow::{Result, ensure};

use super::{
    Engine, Reader,
    containerd::Containerd,
    crane::Crane,
    docker::{Docker, Store},
    jail::Jail,
    layout::{Oras, Umoci},
    podman::Podman,
    skopeo::Skopeo,
    suite::Suite,
};

/// An engine with a store of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// docker 20.10, overlay2 store: writes `<id>/layer.tar`, has no `--platform`.
    Docker20,
    /// docker 28, overlay2 store.
    DockerOverlay2,
    /// docker 28, containerd store.
    DockerContainerd,
    /// containerd 1.6.
    Containerd16,
    /// containerd 2.
    Containerd,
    /// podman 4.3.
    Podman4,
    /// podman 5.
    Podman,
}

/// A reader of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// skopeo 1.9 reading `docker-archive:`.
    Skopeo19Docker,
    /// skopeo 1.9 reading `oci-archive:`.
    Skopeo19Oci,
    /// skopeo 1.22 reading `docker-archive:`.
    SkopeoDocker,
    /// skopeo 1.22 reading `oci-archive:`.
    SkopeoOci,
    /// umoci 0.4 on the unpacked archive.
    Umoci04,
    /// umoci 0.6 on the unpacked archive.
    Umoci,
    /// oras 1.3 on the archive as a layout.
    Oras,
    /// crane 0.20 on the archive's `manifest.json`.
    Crane,
}

/// Starts an engine. `None`, and a line on standard error, when it is not available here; with
/// `BARGE_REQUIRE_PEERS=1` that is an error. An engine that is there and does not start always is.
pub fn start(peer: Peer) -> Result<Option<Box<dyn Engine>>> {
    let (suite, programs) = peer.needs();
    let Some(jail) = jail(&format!("{peer:?}"), suite, programs)? else { return Ok(None) };
    Ok(Some(match peer {
        Peer::Docker20 | Peer::DockerOverlay2 => Box::new(Docker::start(jail, Store::Overlay2)?),
        Peer::DockerContainerd => Box::new(Docker::start(jail, Store::Containerd)?),
        Peer::Containerd16 | Peer::Containerd => Box::new(Containerd::start(jail)?),
        Peer::Podman4 | Peer::Podman => Box::new(Podman::start(jail)?),
    }))
}

/// Makes a reader ready, on the same terms as [`start()`].
pub fn reader(tool: Tool) -> Result<Option<Box<dyn Reader>>> {
    let (suite, programs) = tool.needs();
    let Some(jail) = jail(&format!("{tool:?}"), suite, programs)? else { return Ok(None) };
    Ok(Some(match tool {
        Tool::Skopeo19Docker | Tool::SkopeoDocker => Box::new(Skopeo::start(jail, "docker-archive")?),
        Tool::Skopeo19Oci | Tool::SkopeoOci => Box::new(Skopeo::start(jail, "oci-archive")?),
        Tool::Umoci04 | Tool::Umoci => Box::new(Umoci::start(jail)?),
        Tool::Oras => Box::new(Oras::start(jail)?),
        Tool::Crane => Box::new(Crane::start(jail)?),
    }))
}

/// A jail in which `programs` are there, or what [`start()`] says about one that cannot be had.
pub(super) fn jail(peer: &str, suite: Suite, programs: &[&str]) -> Result<Option<Jail>> {
    let why = match suite.lacks(programs) {
        Some(why) => why,
        None => match Jail::open(suite) {
            Ok(jail) => return Ok(Some(jail)),
            Err(why) => format!("{why:#}"),
        },
    };
    lacking(peer, &why)?;
    Ok(None)
}

/// User mode emulation of an architecture in qemu's spelling, linked statically; on the same terms as
/// [`start()`].
#[cfg(test)]
pub(crate) fn emulator(architecture: &str) -> Result<Option<std::path::PathBuf>> {
    let program = format!("qemu-{architecture}");
    if let Some(why) = Suite::Sid.lacks(&[&program]) {
        lacking(&program, &why)?;
        return Ok(None);
    }
    Ok(Suite::Sid.root().map(|root| root.join("usr/bin").join(program)))
}

/// Says what cannot be had and why, as an error if everything has to be.
fn lacking(peer: &str, why: &str) -> Result<()> {
    ensure!(env::var_os("BARGE_REQUIRE_PEERS").is_none_or(|value| value != "1"), "peer {peer}: {why}");
    crate::skip(&format!("peer {peer}"), why);
    Ok(())
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Docker20,
        Self::DockerOverlay2,
        Self::DockerContainerd,
        Self::Containerd16,
        Self::Containerd,
        Self::Podman4,
        Self::Podman,
    ];

    fn needs(self) -> (Suite, &'static [&'static str]) {
        const DOCKER: &[&str] = &["dockerd", "docker", "containerd", "ctr", "runc"];
        match self {
            Self::Docker20 => (Suite::Bookworm, DOCKER),
            Self::DockerOverlay2 | Self::DockerContainerd => (Suite::Sid, DOCKER),
            Self::Containerd16 => (Suite::Bookworm, &["containerd", "ctr"]),
            Self::Containerd => (Suite::Sid, &["containerd", "ctr"]),
            Self::Podman4 => (Suite::Bookworm, &["podman"]),
            Self::Podman => (Suite::Sid, &["podman"]),
        }
    }
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Skopeo19Docker,
        Self::Skopeo19Oci,
        Self::SkopeoDocker,
        Self::SkopeoOci,
        Self::Umoci04,
        Self::Umoci,
        Self::Oras,
        Self::Crane,
    ];

    fn needs(self) -> (Suite, &'static [&'static str]) {
        match self {
            Self::Skopeo19Docker | Self::Skopeo19Oci => (Suite::Bookworm, &["skopeo"]),
            Self::SkopeoDocker | Self::SkopeoOci => (Suite::Sid, &["skopeo"]),
            Self::Umoci04 => (Suite::Bookworm, &["umoci"]),
            Self::Umoci => (Suite::Sid, &["umoci"]),
            Self::Oras => (Suite::Sid, &["oras"]),
            Self::Crane => (Suite::Sid, &["crane", "docker-registry"]),
        }
    }
}
