//! Every command there is, and what was typed as one of them.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::archive::Archive;
use super::config::Config;
use super::copy::Copy;
use super::images::{History, Inspect, List, Prune, Remove, Tag};
use super::import::Import;
use super::load::Load;
use super::login::{Login, Logout};
use super::save::Save;
use super::serve::Serve;
use super::setup::{Completion, Man};
use super::store::StoreCommand;
use super::switches;
use super::transfer::{Pull, Push};

/// Save, load, list and carry container images without a daemon
#[derive(Debug, Parser)]
#[command(name = "barge", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Image store to work on [default: $XDG_DATA_HOME/barge/store]
    #[arg(long, global = true, value_name = "DIR", env = "BARGE_STORE", hide_env_values = true)]
    pub(crate) store: Option<OsString>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Manage images
    #[command(subcommand, arg_required_else_help = true)]
    Image(Image),
    /// Save one or more images to a tar archive (streamed to STDOUT by default)
    Save(Save),
    /// Load an image from a tar archive or STDIN
    Load(Load),
    /// Download an image from a registry
    Pull(Pull),
    /// Upload an image to a registry
    Push(Push),
    /// Say who you are at a registry
    Login(Login),
    /// Forget who you are at a registry
    Logout(Logout),
    /// Copy an image between the store, registries, OCI layouts and archives
    Copy(Copy),
    /// List images
    Images(List),
    /// Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE
    Tag(Tag),
    /// Remove one or more images
    Rmi(Remove),
    /// Show the history of an image
    History(History),
    /// Make an image of the contents of a root file system
    Import(Import),
    /// Answer Docker's Engine API for images, over this store
    Serve(Serve),
    /// Look at archives without loading them
    #[command(subcommand, arg_required_else_help = true)]
    Archive(Archive),
    /// Look after the image store
    #[command(subcommand, arg_required_else_help = true)]
    Store(StoreCommand),
    /// Print a completion script for a shell
    Completion(Completion),
    /// Write the manual pages into a directory
    #[command(hide = true)]
    Man(Man),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Image {
    /// Save one or more images to a tar archive (streamed to STDOUT by default)
    Save(Save),
    /// Load an image from a tar archive or STDIN
    Load(Load),
    /// Download an image from a registry
    Pull(Pull),
    /// Upload an image to a registry
    Push(Push),
    /// List images
    #[command(alias = "list")]
    Ls(List),
    /// Display detailed information on one or more images
    Inspect(Inspect),
    /// Show the history of an image
    History(History),
    /// Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE
    Tag(Tag),
    /// Remove one or more images
    #[command(visible_alias = "remove")]
    Rm(Remove),
    /// Remove unused images
    Prune(Prune),
    /// Make an image of the contents of a root file system
    Import(Import),
}

/// The command line that [`Cli`] describes, with Go's switches.
pub(crate) fn command() -> clap::Command {
    switches::as_in_go(Cli::command())
}

/// What was typed, as far as it makes sense; where nothing was, what is configured counts.
pub(crate) fn parse(arguments: &[OsString], config: &Config) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&config.apply(command()).try_get_matches_from(arguments)?)
}
