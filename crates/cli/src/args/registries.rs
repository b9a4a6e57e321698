//! How registries are reached, which every command that may ask one has.

use std::ffi::OsString;

use clap::Args;

use super::numbers::within;

/// How registries are reached, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct Registries {
    /// Who to be at the registry, instead of whom the files say; without a password it is asked for
    #[arg(long, value_name = "USER[:PASSWORD]")]
    pub(crate) creds: Option<String>,
    /// The only file with credentials that counts
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE", hide_env_values = true)]
    pub(crate) authfile: Option<OsString>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// How registries are reached, whoever asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct Reach {
    /// Insist on sound certificates; without, plain HTTP will do as well
    #[arg(long, default_value = "true")]
    pub(crate) tls_verify: bool,
    /// Where to ask first for what a registry has, docker.io if no other is named
    #[arg(long, value_name = "[HOST=]URL")]
    pub(crate) mirror: Vec<String>,
    /// How often what fails in passing is tried [default: 5, 2 where this machine refuses a connection]
    #[arg(long, value_name = "N", value_parser = within::<u32>(1..=100))]
    pub(crate) attempts: Option<u32>,
    /// How many seconds a registry may say nothing
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = within::<u64>(1..=86400))]
    pub(crate) timeout: u64,
    /// How many blobs are moved at once
    #[arg(long, value_name = "N", default_value = "4", value_parser = within::<u16>(1..=64))]
    pub(crate) parallel: u16,
}
