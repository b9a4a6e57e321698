//! `barge pull` and `barge push`

use clap::Args;

use super::output::ProgressMode;
use super::registries::Registries;

/// How images move between the store and a registry, either way.
#[derive(Debug, Args)]
pub(crate) struct Transfer {
    /// Suppress verbose output
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// As docker has it; does nothing
    #[arg(long, hide = true, default_value = "true")]
    pub(crate) disable_content_trust: bool,
    /// What refers to the image comes along: all (what cosign has under tags, too), none, or an artifact type
    #[arg(long, value_name = "all|none|TYPE")]
    pub(crate) referrers: Option<String>,
    /// How progress is shown: bars where STDOUT and STDERR are terminals, docker's lines elsewhere (auto, plain),
    /// or JSON on STDERR
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) progress: ProgressMode,
    #[command(flatten)]
    pub(crate) registries: Registries,
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    #[arg(value_name = "NAME[:TAG|@DIGEST]")]
    pub(crate) names: Vec<String>,
    /// Download all tagged images in the repository
    #[arg(short, long)]
    pub(crate) all_tags: bool,
    /// Pull these platforms of a multi-platform image, a comma-separated list of "os[/arch[/variant]]", "host"
    /// or "all" [default: the host's]
    #[arg(long, value_name = "strings", env = "DOCKER_DEFAULT_PLATFORM", hide_env_values = true)]
    pub(crate) platform: Vec<String>,
    /// Take non-distributable layers along, from where they are published if the registry does not have them
    #[arg(long)]
    pub(crate) include_foreign: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    #[arg(value_name = "NAME[:TAG]")]
    pub(crate) names: Vec<String>,
    /// Push all tags of an image to the repository
    #[arg(short, long)]
    pub(crate) all_tags: bool,
    /// Push only the given platform(s). Formatted as a comma-separated list of "os[/arch[/variant]]", "host" or
    /// "all"
    #[arg(long, value_name = "strings")]
    pub(crate) platform: Vec<String>,
    /// Keep the original index and its digest, even where it lists platforms that are not pushed
    #[arg(long)]
    pub(crate) keep_index: bool,
    /// Take non-distributable layers along
    #[arg(long)]
    pub(crate) include_foreign: bool,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
}
