//! `barge load`

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use super::engines::Engines;
use super::output::ProgressMode;
use super::registries::Registries;

#[derive(Debug, Args)]
pub(crate) struct Load {
    #[arg(value_name = "ARG", hide = true)]
    pub(crate) rest: Vec<String>,
    /// Read from a tar archive file or a directory, instead of STDIN ("-")
    #[arg(short, long, value_name = "string", allow_hyphen_values = true)]
    pub(crate) input: Option<OsString>,
    /// Suppress the load output
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Load only the given platform(s). Formatted as a comma-separated list of "os[/arch[/variant]]"
    /// (e.g., "linux/amd64,linux/arm64/v8"), "host" or "all"
    #[arg(long, value_name = "strings")]
    pub(crate) platform: Vec<String>,
    /// Repository for images that the archive names by a tag alone
    #[arg(long, value_name = "NAME")]
    pub(crate) base_name: Option<String>,
    /// What is checked: digests and what layers are when decompressed (diffids), or digests alone
    #[arg(long, value_name = "CHECKS", default_value = "diffids")]
    pub(crate) verify: Checks,
    /// How progress is shown on STDERR
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) progress: ProgressMode,
    /// Where images go: store, docker, containerd, podman, or REGISTRY[/PREFIX] for a registry, below this name
    /// [default: store]
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: Option<String>,
    /// What refers to the image comes along: all (what cosign has under tags, too), none, or an artifact type
    #[arg(long, value_name = "all|none|TYPE")]
    pub(crate) referrers: Option<String>,
    #[command(flatten)]
    pub(crate) engines: Engines,
    #[command(flatten)]
    pub(crate) registries: Registries,
}

/// What a load checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Checks {
    #[value(name = "diffids")]
    DiffIds,
    Digests,
}
