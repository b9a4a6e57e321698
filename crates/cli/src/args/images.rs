//! What looks at images, names them and removes them: `ls`, `inspect`, `history`, `tag`, `rm`, `prune`.

use clap::Args;

use super::engines::{Engines, From};
use super::registries::Registries;

#[derive(Debug, Args)]
pub(crate) struct List {
    #[arg(value_name = "REPOSITORY[:TAG]")]
    pub(crate) reference: Vec<String>,
    #[command(flatten)]
    pub(crate) view: View,
    /// Show all images (default hides dangling images)
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Filter output based on conditions provided
    #[arg(short, long, value_name = "filter")]
    pub(crate) filter: Vec<String>,
    /// Whose images: the store's, or those of an engine of this host
    #[arg(long, value_name = "PLACE", default_value = "store")]
    pub(crate) from: From,
    #[command(flatten)]
    pub(crate) engines: Engines,
    #[command(flatten)]
    pub(crate) registries: Registries,
}

#[derive(Debug, Args)]
pub(crate) struct View {
    /// List multi-platform images as a tree
    #[arg(long)]
    pub(crate) tree: bool,
    /// Show digests
    #[arg(long)]
    pub(crate) digests: bool,
    /// Don't truncate output
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// Only show image IDs
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Format output using a custom template: 'table', 'table TEMPLATE', 'json' or a Go template
    #[arg(long, value_name = "string")]
    pub(crate) format: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Format output using a custom template: 'json' or a Go template
    #[arg(short, long, value_name = "string")]
    pub(crate) format: Option<String>,
    /// Inspect a specific platform of the multi-platform image ("os[/arch[/variant]]")
    #[arg(long, value_name = "string")]
    pub(crate) platform: Option<String>,
    /// Whose images: the store's, or those of an engine of this host
    #[arg(long, value_name = "PLACE", default_value = "store")]
    pub(crate) from: From,
    #[command(flatten)]
    pub(crate) engines: Engines,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Format output using a custom template: 'table', 'table TEMPLATE', 'json' or a Go template
    #[arg(long, value_name = "string")]
    pub(crate) format: Option<String>,
    /// Print sizes and dates in human readable format
    #[arg(short = 'H', long, default_value = "true")]
    pub(crate) human: bool,
    /// Don't truncate output
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// Only show image IDs
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Show history for the given platform ("os[/arch[/variant]]")
    #[arg(long, value_name = "string")]
    pub(crate) platform: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Tag {
    #[arg(value_name = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]")]
    pub(crate) images: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Force removal of the image
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Do not delete untagged parents
    #[arg(long)]
    pub(crate) no_prune: bool,
    /// Remove only the given platform variant(s), a comma-separated list of "os[/arch[/variant]]"
    #[arg(long, value_name = "strings")]
    pub(crate) platform: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    #[arg(value_name = "ARG", hide = true)]
    pub(crate) rest: Vec<String>,
    /// Remove all unused images, not just dangling ones
    #[arg(short, long)]
    pub(crate) all: bool,
    #[arg(long, value_name = "filter", help = "Provide filter values (e.g. \"until=<timestamp>\")")]
    pub(crate) filter: Vec<String>,
    /// Do not prompt for confirmation
    #[arg(short, long)]
    pub(crate) force: bool,
}
