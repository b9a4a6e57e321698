//! What sets barge up: completion scripts and manual pages.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL")]
    pub(crate) shells: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directories: Vec<PathBuf>,
}
