//! Where images are, besides the store: engines and registries.

use std::ffi::OsString;

use clap::{Args, ValueEnum};
use serde::Deserialize;

/// Where images come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum From {
    Store,
    Registry,
    Docker,
    Containerd,
    Podman,
}

/// An engine of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Docker,
    Containerd,
    Podman,
}

impl From {
    /// The engine, if it is one.
    pub(crate) fn engine(self) -> Option<Engine> {
        match self {
            Self::Store | Self::Registry => None,
            Self::Docker => Some(Engine::Docker),
            Self::Containerd => Some(Engine::Containerd),
            Self::Podman => Some(Engine::Podman),
        }
    }
}

/// How an engine's content is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Via {
    Auto,
    Api,
    Disk,
}

/// Which engine is meant.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Engine options")]
pub(crate) struct Engines {
    /// How content is read: over the engine's API, from its disk, or from its disk where that can be (auto)
    #[arg(long, value_name = "WAY", default_value = "auto")]
    pub(crate) via: Via,
    /// The folder that the engine keeps its files in, where this host sees it [default: where the engine says]
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<OsString>,
    /// Socket of containerd [default: /run/containerd/containerd.sock]
    #[arg(long, value_name = "PATH")]
    pub(crate) address: Option<OsString>,
    /// Namespace of containerd: Kubernetes' images are in k8s.io, Docker's in moby
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) namespace: String,
    /// Say how content is read, and why
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// The daemon to connect to: unix://, tcp:// or ssh://, for Docker [default: what DOCKER_HOST or the context says]
    #[arg(long, value_name = "string")]
    pub(crate) host: Option<String>,
    /// Name of the docker context to connect to the daemon by (overrides DOCKER_HOST)
    #[arg(long, value_name = "string")]
    pub(crate) context: Option<String>,
    /// Use TLS and verify the daemon [default: what DOCKER_TLS_VERIFY says]
    #[arg(long)]
    pub(crate) tlsverify: bool,
    /// Trust only daemons certified by this authority [default: ca.pem in DOCKER_CERT_PATH or ~/.docker]
    #[arg(long, value_name = "FILE")]
    pub(crate) tlscacert: Option<OsString>,
    /// Our certificate [default: cert.pem in the same folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) tlscert: Option<OsString>,
    /// The key to it [default: key.pem in the same folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) tlskey: Option<OsString>,
}
