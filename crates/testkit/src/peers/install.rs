//! Fetching the peers, once, from Debian.
//!
//! A suite is a root file system in a folder of its own, so that nothing of it is ever installed on the
//! machine, where it would start daemons. Only `mmdebstrap`, which makes the folders, is.

use std::{
    fmt, fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use super::suite::{Suite, peers};

/// What [`install()`] found and did.
#[derive(Clone, Debug)]
pub struct Report {
    /// Each suite's name, its root, and whether it was made just now.
    pub suites: Vec<(&'static str, PathBuf, bool)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, root, made) in &self.suites {
            writeln!(f, "{name}: {} {}", if *made { "made" } else { "found" }, root.display())?;
        }
        Ok(())
    }
}

/// Makes the peers available: for each suite a root in `$BARGE_PEERS`, by default `/var/tmp/barge-peers`,
/// unless one is there or the machine itself has the programs. About a minute and 0.6 GB a suite. Needs root
/// and Debian; elsewhere an error says which is missing.
pub fn install() -> Result<Report> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "the peers need root: they mount, and so does `mmdebstrap`"
    );
    ensure!(run("apt-get", &["--version"]).is_ok(), "the peers need Debian: there is no `apt-get`");
    let mut suites = Vec::new();
    for suite in Suite::ALL {
        let missing = suite.lacks(programs(suite)).is_some();
        if missing {
            make(suite).with_context(|| format!("make the {} root", suite.name()))?;
        }
        let root = suite.root().context("the root that was just made is gone")?;
        suites.push((suite.name(), root, missing));
    }
    Ok(Report { suites })
}

/// Unpacks a suite beside its place and renames it there when it is complete.
fn make(suite: Suite) -> Result<()> {
    if run("mmdebstrap", &["--version"]).is_err() {
        run("apt-get", &["-q", "update"])?;
        run("apt-get", &["-q", "install", "--yes", "--no-install-recommends", "mmdebstrap"])?;
    }
    let mirror = mirror()?;
    fs::create_dir_all(peers())?;
    let folder = tempfile::Builder::new().prefix(".making-").tempdir_in(peers())?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let target = folder.path().to_str().context("path is not UTF-8")?;
    run(
        "mmdebstrap",
        &[
            "--variant=minbase",
            "--mode=root",
            // An unstable suite may be past its valid-until date on a mirror that stands still.
            "--aptopt=Acquire::Check-Valid-Until \"false\"",
            "--aptopt=APT::Install-Recommends \"false\"",
            &format!("--include={}", packages(suite)),
            suite.name(),
            target,
            &mirror,
        ],
    )?;
    let place = suite.folder();
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("remove the incomplete {}", place.display()))?;
    }
    fs::rename(folder.path(), &place)?;
    let _ = folder.keep();
    Ok(())
}

/// The mirror of Debian that the machine's own sources name.
///
/// # Errors
/// If this is no Debian, or its sources name none.
pub fn mirror() -> Result<String> {
    let list =
        run("apt-get", &["indextargets", "--format", "$(REPO_URI)", "Label: Debian", "Component: main"])?;
    let mirror = list.lines().next().context("apt's sources name no mirror of Debian")?;
    Ok(mirror.to_owned())
}

fn run(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {program}"))?;
    if !output.status.success() {
        bail!("{program}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn programs(suite: Suite) -> &'static [&'static str] {
    match suite {
        Suite::Bookworm => {
            &["dockerd", "docker", "containerd", "ctr", "runc", "podman", "skopeo", "umoci", "bsdtar"]
        }
        Suite::Sid => &[
            "dockerd",
            "docker",
            "containerd",
            "ctr",
            "runc",
            "podman",
            "skopeo",
            "umoci",
            "crane",
            "oras",
            "docker-registry",
            "qemu-s390x",
            // With it comes docker's library for it.
            "python3",
            "systemd-analyze",
        ],
    }
}

fn packages(suite: Suite) -> &'static str {
    match suite {
        Suite::Bookworm => {
            "ca-certificates,docker.io,containerd,runc,iptables,procps,podman,crun,conmon,fuse-overlayfs,skopeo,\
             golang-github-containers-common,umoci,libarchive-tools,xz-utils,bzip2,zstd"
        }
        Suite::Sid => {
            "ca-certificates,docker.io,docker-cli,containerd,runc,iptables,procps,podman,crun,conmon,netavark,\
             fuse-overlayfs,skopeo,golang-github-containers-common,umoci,crane,oras,docker-registry,xz-utils,\
             bzip2,zstd,qemu-user,python3-docker,curl,systemd"
        }
    }
}
