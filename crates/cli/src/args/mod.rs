//! The command line: docker's image commands with docker's flags, and what barge adds to them.

mod archive;
mod commands;
mod compress;
mod config;
mod copy;
mod engines;
mod images;
mod import;
mod load;
mod login;
mod numbers;
mod operands;
mod output;
mod registries;
mod save;
mod serve;
mod setup;
mod store;
mod switches;
mod transfer;

pub(crate) use archive::{Archive, ArchiveList, ArchiveVerify, VerifyFormat};
pub(crate) use commands::{Cli, Command, Image, command, parse};
pub(crate) use compress::Compress;
pub(crate) use config::Config;
pub(crate) use copy::Copy;
pub(crate) use engines::{Engine, Engines, From, Via};
pub(crate) use images::{History, Inspect, List, Prune, Remove, Tag, View};
pub(crate) use import::Import;
pub(crate) use load::{Checks, Load};
pub(crate) use login::{Login, Logout};
pub(crate) use output::{PlanFormat, ProgressMode};
pub(crate) use registries::{Reach, Registries};
pub(crate) use save::{Layout, Save, Verify};
pub(crate) use serve::{LogFormat, LogLevel, Serve};
pub(crate) use store::{StoreCommand, StoreDf};
pub(crate) use transfer::{Pull, Push};
