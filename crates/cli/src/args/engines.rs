//! Where images are, besides the store: engines and registries.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

/// Where images come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    Store,
    Registry,
    Docker,
}

/// Which engine is meant.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine options")]
pub(crate) struct Engines {
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
