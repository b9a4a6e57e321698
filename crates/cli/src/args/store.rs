//! `barge store`

use clap::{Args, Subcommand};

use super::engines::{Engines, From};
use super::output::PlanFormat;

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
