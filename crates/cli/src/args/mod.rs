//! The command line: docker's image commands with docker's flags, and what barge adds to them.

mod compress;
mod config;
mod engines;
mod serve;
mod switches;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use compress::Compress;
pub(crate) use config::Config;
pub(crate) use engines::{Engine, Engines, From, Via};
pub(crate) use serve::{LogFormat, LogLevel, Serve};

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

#[derive(Debug, Subcommand)]
pub(crate) enum Archive {
    /// List the images in an archive
    Ls(ArchiveList),
    /// Verify everything in an archive, and say for which loaders it is good
    Verify(ArchiveVerify),
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Hash every blob and walk every image; exit 1 if anything is wrong
    Check,
    /// Remove content that no image leads to
    Gc,
    /// Show which bytes are whose
    Df(Box<StoreDf>),
}

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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=6))]
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

/// How registries are reached, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct Registries {
    /// Who to be at the registry, instead of whom the files say; without a password it is asked for
    #[arg(long, value_name = "USER[:PASSWORD]")]
    pub(crate) creds: Option<String>,
    /// The only file with credentials that counts
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE", hide_env_values = true)]
    pub(crate) authfile: Option<OsString>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// How registries are reached, whoever asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct Reach {
    /// Insist on sound certificates; without, plain HTTP will do as well
    #[arg(long, default_value = "true")]
    pub(crate) tls_verify: bool,
    /// Where to ask first for what a registry has, docker.io if no other is named
    #[arg(long, value_name = "[HOST=]URL")]
    pub(crate) mirror: Vec<String>,
    /// How often what fails in passing is tried
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) attempts: u32,
    /// How many seconds a registry may say nothing
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) timeout: u64,
    /// How many blobs are moved at once
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) parallel: u16,
}

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

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[arg(value_name = "SERVER")]
    pub(crate) servers: Vec<String>,
    /// Username
    #[arg(short, long, value_name = "string")]
    pub(crate) username: Option<String>,
    /// Password or Personal Access Token (PAT)
    #[arg(short, long, value_name = "string")]
    pub(crate) password: Option<String>,
    /// Take the password from STDIN
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The file to keep it in [default: docker's config.json]
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE", hide_env_values = true)]
    pub(crate) authfile: Option<OsString>,
    /// Insist on sound certificates; without, plain HTTP will do as well
    #[arg(long, default_value = "true")]
    pub(crate) tls_verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    #[arg(value_name = "SERVER")]
    pub(crate) servers: Vec<String>,
    /// The file it is kept in [default: docker's config.json]
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE", hide_env_values = true)]
    pub(crate) authfile: Option<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Copy {
    #[arg(
        value_name = "PLACE",
        help = "From and to, each an image of the store, docker://NAME, docker-daemon:NAME, oci:FOLDER[:REFERENCE], \
                oci-archive:FILE[:REFERENCE] or docker-archive:FILE[:NAME]"
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

/// What a load checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Checks {
    #[value(name = "diffids")]
    DiffIds,
    Digests,
}

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
    /// Load into a registry, below this name, or into Docker's daemon, and not into the store
    #[arg(long, value_name = "REGISTRY[/PREFIX]|docker")]
    pub(crate) to: Option<String>,
    /// What refers to the image comes along: all (what cosign has under tags, too), none, or an artifact type
    #[arg(long, value_name = "all|none|TYPE")]
    pub(crate) referrers: Option<String>,
    #[command(flatten)]
    pub(crate) engines: Engines,
    #[command(flatten)]
    pub(crate) registries: Registries,
}

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

#[derive(Debug, Args)]
pub(crate) struct StoreDf {
    /// Whose bytes: the store's, or those of an engine of this host. No variable changes it
    #[arg(long = "from", value_name = "PLACE", default_value = "store")]
    pub(crate) of: From,
    #[command(flatten)]
    pub(crate) engines: Engines,
    /// Output format: table or json
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: PlanFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL")]
    pub(crate) shells: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Where the pages go
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    Auto,
    Plain,
    Json,
    None,
}

/// The command line that [`Cli`] describes, with Go's switches.
pub(crate) fn command() -> clap::Command {
    switches::as_in_go(Cli::command())
}

/// What was typed, as far as it makes sense; where nothing was, what is configured counts.
pub(crate) fn parse(arguments: &[OsString], config: &Config) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&config.apply(command()).try_get_matches_from(arguments)?)
}
