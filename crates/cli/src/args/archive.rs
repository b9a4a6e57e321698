//! `barge archive`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::images::View;
use super::output::ProgressMode;

#[derive(Debug, Subcommand)]
pub(crate) enum Archive {
    /// List the images in an archive
    Ls(ArchiveList),
    /// Verify everything in an archive, and say for which loaders it is good
    Verify(ArchiveVerify),
}

#[derive(Debug, Args)]
pub(crate) struct ArchiveList {
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) view: View,
}

#[derive(Debug, Args)]
pub(crate) struct ArchiveVerify {
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Output format: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: VerifyFormat,
    /// How progress is shown on STDERR
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) progress: ProgressMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyFormat {
    Text,
    Json,
}
