//! `barge save`

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use super::compress::{self, Compress};
use super::engines::{Engines, From};
use super::numbers::within;
use super::output::{PlanFormat, ProgressMode};
use super::registries::Registries;

#[derive(Debug, Args)]
pub(crate) struct Save {
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Write to a file, instead of STDOUT
    #[arg(short, long, value_name = "string", allow_hyphen_values = true)]
    pub(crate) output: Option<OsString>,
    /// Save only the given platform(s). Formatted as a comma-separated list of "os[/arch[/variant]]"
    /// (e.g., "linux/amd64,linux/arm64/v8"), "host" or "all"
    #[arg(long, value_name = "strings")]
    pub(crate) platform: Vec<String>,
    /// Name the one image that would be saved without a name
    #[arg(long, value_name = "NAME[:TAG]")]
    pub(crate) name: Option<String>,
    /// Keep the original index and its digest, even where it lists platforms that are not saved
    #[arg(long)]
    pub(crate) keep_index: bool,
    /// Take non-distributable layers along
    #[arg(long)]
    pub(crate) include_foreign: bool,
    /// Where the images are: in the store, in a registry (docker://NAME is such an image, too), or in an engine of this
    /// host
    #[arg(long, value_name = "PLACE", default_value = "store")]
    pub(crate) from: From,
    /// Save every image there is
    #[arg(long)]
    pub(crate) all: bool,
    /// Leave out images whose name matches this pattern
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Compress the archive: gzip or zstd, with a level behind a colon, or none [default: what the file's name says:
    /// .tar.gz, .tgz, .tar.zst, .tzst]
    #[arg(long, value_name = "FORMAT[:LEVEL]", value_parser = compress::parse)]
    pub(crate) compress: Option<Compress>,
    /// How many threads compress, 1 to 6 [default: one a core]
    #[arg(long, value_name = "N", value_parser = within::<u16>(1..=6))]
    pub(crate) threads: Option<u16>,
    /// Where the content of large blobs begins: right behind its header, the bytes that docker writes, or aligned to
    /// 4096 bytes, so that XFS and btrfs share it with the store instead of copying it
    #[arg(long, value_name = "LAYOUT", default_value = "docker")]
    pub(crate) layout: Layout,
    /// Which large blobs are hashed while they are saved: always all, those that have changed since the store
    /// verified them, or never any
    #[arg(long, value_name = "WHEN", default_value = "always")]
    pub(crate) verify: Verify,
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Format of the dry run's output: table or json
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<PlanFormat>,
    /// How progress is shown on STDERR
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) progress: ProgressMode,
    /// What refers to the image comes along: all (what cosign has under tags, too), none, or an artifact type
    #[arg(long, value_name = "all|none|TYPE")]
    pub(crate) referrers: Option<String>,
    #[command(flatten)]
    pub(crate) engines: Engines,
    #[command(flatten)]
    pub(crate) registries: Registries,
}

/// Where in an archive content begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    Docker,
    Aligned,
}

/// What a save hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verify {
    Always,
    Changed,
    Never,
}
