//! Interoperability: the real engines and tools take what barge saves, and barge takes what they save.
//!
//! [`cases`] lists the archives. Of each, an engine lists the same images with the same IDs, configs,
//! platforms and diffIDs, and what it saves again barge loads and finds the same; a reader finds the same.
//! [`terms`] has how each differs, down to the words in which it refuses an archive. Engines that keep all of
//! an image save the same bytes. What `barge archive verify` says of them is held against what they do.

mod barge;
mod bytes;
mod cases;
mod depot;
mod engines;
mod expect;
mod image;
mod inspect;
mod itself;
mod platforms;
mod readers;
mod tarball;
mod terms;
mod verdicts;

use anyhow::Result;
use barge_testkit::peers::{Peer, Tool};

#[test]
fn barge_takes_its_own_archives() -> Result<()> {
    itself::identity()
}

#[test]
fn docker_inspects_the_same() -> Result<()> {
    inspect::same()
}

#[test]
fn docker_20() -> Result<()> {
    engines::interop(Peer::Docker20, &terms::DOCKER_20)
}

#[test]
fn docker_overlay2() -> Result<()> {
    engines::interop(Peer::DockerOverlay2, &terms::DOCKER_OVERLAY2)
}

#[test]
fn docker_containerd() -> Result<()> {
    engines::interop(Peer::DockerContainerd, &terms::DOCKER_CONTAINERD)
}

#[test]
fn docker_containerd_saves_the_same_bytes() -> Result<()> {
    bytes::docker()
}

#[test]
fn containerd_16() -> Result<()> {
    engines::interop(Peer::Containerd16, &terms::CONTAINERD_16)
}

#[test]
fn containerd_16_takes_one_platform() -> Result<()> {
    // An amd64 machine runs 386 as well, and 1.6 wants both.
    platforms::one_of(Peer::Containerd16, Some("ctr: content digest"))
}

#[test]
fn containerd() -> Result<()> {
    engines::interop(Peer::Containerd, &terms::CONTAINERD)
}

#[test]
fn containerd_takes_one_platform() -> Result<()> {
    platforms::one_of(Peer::Containerd, None)
}

#[test]
fn podman_4() -> Result<()> {
    engines::interop(Peer::Podman4, &terms::PODMAN_4)
}

#[test]
fn podman() -> Result<()> {
    engines::interop(Peer::Podman, &terms::PODMAN)
}

#[test]
fn skopeo_19_docker_archive() -> Result<()> {
    readers::read(Tool::Skopeo19Docker, &terms::SKOPEO_DOCKER)
}

#[test]
fn skopeo_19_oci_archive() -> Result<()> {
    readers::read(Tool::Skopeo19Oci, &terms::SKOPEO_19_OCI)
}

#[test]
fn skopeo_docker_archive() -> Result<()> {
    readers::read(Tool::SkopeoDocker, &terms::SKOPEO_DOCKER)
}

#[test]
fn skopeo_oci_archive() -> Result<()> {
    readers::read(Tool::SkopeoOci, &terms::SKOPEO_OCI)
}

#[test]
fn umoci_04() -> Result<()> {
    readers::read(Tool::Umoci04, &terms::UMOCI_04)
}

#[test]
fn umoci() -> Result<()> {
    readers::read(Tool::Umoci, &terms::UMOCI)
}

#[test]
fn oras() -> Result<()> {
    readers::read(Tool::Oras, &terms::ORAS)
}

#[test]
fn crane() -> Result<()> {
    readers::read(Tool::Crane, &terms::CRANE)
}

#[test]
fn archive_verify_knows_the_engines() -> Result<()> {
    verdicts::engines()
}

#[test]
fn archive_verify_knows_the_readers() -> Result<()> {
    verdicts::readers()
}
