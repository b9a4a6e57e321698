//! `barge copy`

use clap::Args;

use super::engines::Engines;
use super::output::ProgressMode;
use super::registries::Registries;

#[derive(Debug, Args)]
pub(crate) struct Copy {
    #[arg(
        value_name = "PLACE",
        help = "From and to, each an image of the store, docker://NAME, docker-daemon:NAME, containerd:NAME, \
                containers-storage:NAME, oci:FOLDER[:REFERENCE], oci-archive:FILE[:REFERENCE] or \
                docker-archive:FILE[:NAME]"
    )]
    pub(crate) places: Vec<String>,
    /// Copy only the given platform(s), a comma-separated list of "os[/arch[/variant]]", "host" or "all"
    /// [default: all]
    #[arg(long, value_name = "strings")]
    pub(crate) platform: Vec<String>,
    /// Copy every tag of the repository
    #[arg(short, long)]
    pub(crate) all_tags: bool,
    /// Keep the original index and its digest, even where it lists platforms that are not copied
    #[arg(long)]
    pub(crate) keep_index: bool,
    /// Take non-distributable layers along
    #[arg(long)]
    pub(crate) include_foreign: bool,
    /// Suppress verbose output
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// What refers to the image comes along: all (what cosign has under tags, too), none, or an artifact type
    #[arg(long, value_name = "all|none|TYPE")]
    pub(crate) referrers: Option<String>,
    #[command(flatten)]
    pub(crate) engines: Engines,
    #[command(flatten)]
    pub(crate) registries: Registries,
    /// How progress is shown on STDERR
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) progress: ProgressMode,
}
