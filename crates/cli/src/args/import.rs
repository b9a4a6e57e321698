//! `barge import`

use clap::Args;

use super::output::ProgressMode;

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[arg(value_name = "file|- [REPOSITORY[:TAG]]")]
    pub(crate) arguments: Vec<String>,
    /// Apply Dockerfile instruction to the created image
    #[arg(short, long, value_name = "list")]
    pub(crate) change: Vec<String>,
    /// Set commit message for imported image
    #[arg(short, long, value_name = "string", default_value = "", hide_default_value = true)]
    pub(crate) message: String,
    /// What the image runs on ("os[/arch[/variant]]") [default: the host's]
    #[arg(long, value_name = "string")]
    pub(crate) platform: Option<String>,
    /// How progress is shown on STDERR
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) progress: ProgressMode,
}
