//! Every command there is, and what was typed as one of them.

use std::ffi::OsString;

use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::archive::Archive;
use super::config::Config;
use super::copy::Copy;
use super::images::{History, Inspect, List, Prune, Remove, Tag};
use super::import::Import;
use super::load::Load;
use super::login::{Login, Logout};
use super::operands;
use super::save::Save;
use super::serve::Serve;
use super::setup::{Completion, Man};
use super::store::StoreCommand;
use super::switches;
use super::transfer::{Pull, Push};

/// What else counts, behind the help.
const PLACES: &str = "\
Files and variables:
  BARGE_STORE                  Image store [default: $XDG_DATA_HOME/barge/store]
  BARGE_CONFIG                 What flags are that are not typed
                               [default: $XDG_CONFIG_HOME/barge/config.toml]
  BARGE_FROM, BARGE_TO         What --from and --to are that are not typed
  DOCKER_HOST, DOCKER_CONTEXT  Docker's daemon; CONTAINER_HOST is podman's service
  CONTAINERD_ADDRESS, CONTAINERD_NAMESPACE
                               Socket and namespace of containerd
  DOCKER_CONFIG, REGISTRY_AUTH_FILE
                               Who to be at registries
  DOCKER_DEFAULT_PLATFORM      What `pull` takes of an image for several platforms";

/// How scripts for shells are used.
const SCRIPTS: &str = "\
Examples:
  bash         source <(barge completion bash)
  fish         barge completion fish | source
  zsh          source <(barge completion zsh)
  elvish       eval (barge completion elvish | slurp)
  powershell   barge completion powershell | Out-String | Invoke-Expression";

/// Save, load, list and carry container images without a daemon
#[derive(Debug, Parser)]
#[command(
    name = "barge",
    version,
    disable_version_flag = true,
    arg_required_else_help = true,
    args_override_self = true,
    max_term_width = 100,
    after_help = PLACES
)]
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
    /// Authenticate to a registry
    Login(Login),
    /// Log out from a registry
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
    #[command(after_help = SCRIPTS)]
    Completion(Completion),
    /// Write the manual pages into a directory
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

/// The command line that [`Cli`] describes, with Go's switches and docker's usage lines, for a program of this name.
pub(crate) fn command(program: &str) -> clap::Command {
    // Docker's short name for it, and the one that programs of this kind have.
    let version = Arg::new("version").short('v').short_alias('V').long("version");
    let version = version.action(ArgAction::Version).help("Print version");
    operands::as_docker_shows(switches::as_in_go(Cli::command().arg(version)), program)
}

/// What was typed, as far as it makes sense; where nothing was, what is configured counts.
pub(crate) fn parse(arguments: &[OsString], program: &str, config: &Config) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&config.apply(command(program)).try_get_matches_from(arguments)?)
}
