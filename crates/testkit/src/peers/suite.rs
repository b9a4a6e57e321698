//! Where a peer's programs come from: a Debian suite, unpacked as a root file system.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// A release of Debian. Its versions are the point: old peers from one, new ones from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suite {
    /// Debian 12: docker 20.10, containerd 1.6, podman 4.3, skopeo 1.9, umoci 0.4.
    Bookworm,
    /// Debian unstable: docker 28, containerd 2, podman 5, skopeo 1.22, umoci 0.6, crane, oras, qemu.
    Sid,
}

impl Suite {
    pub(super) const ALL: [Self; 2] = [Self::Bookworm, Self::Sid];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Sid => "sid",
        }
    }

    /// Where [`install`](super::install()) puts this suite.
    pub(super) fn folder(self) -> PathBuf {
        peers().join(self.name())
    }

    /// The root file system to run this suite's programs in: its folder, or the machine's own root when
    /// the machine is of this suite.
    pub(super) fn root(self) -> Option<PathBuf> {
        if let Ok(folder) = self.folder().canonicalize() {
            return Some(folder);
        }
        (host().as_deref() == Some(self.name())).then(|| PathBuf::from("/"))
    }

    /// Why `programs` cannot be run, or nothing if they can.
    pub(super) fn lacks(self, programs: &[&str]) -> Option<String> {
        let name = self.name();
        let Some(root) = self.root() else {
            return Some(format!("no {name} root in {}, run `cargo xtask peers`", peers().display()));
        };
        let missing: Vec<_> = programs.iter().filter(|program| !has(&root, program)).copied().collect();
        (!missing.is_empty())
            .then(|| format!("{name} has no {}, run `cargo xtask peers`", missing.join(", ")))
    }
}

/// The folder that holds the suites: `$BARGE_PEERS`, or `/var/tmp/barge-peers`.
pub(super) fn peers() -> PathBuf {
    env::var_os("BARGE_PEERS").map_or_else(|| PathBuf::from("/var/tmp/barge-peers"), PathBuf::from)
}

fn has(root: &Path, program: &str) -> bool {
    ["usr/bin", "usr/sbin"].iter().any(|folder| root.join(folder).join(program).is_file())
}

/// The code name of the machine's own suite, if it is a Debian.
fn host() -> Option<String> {
    let release = fs::read_to_string("/etc/os-release").ok()?;
    let value = |key: &str| release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    if value("ID")? != "debian" {
        return None;
    }
    value("VERSION_CODENAME").map(str::to_owned)
}
