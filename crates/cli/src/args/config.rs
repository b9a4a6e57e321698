//! The user's configuration: `$XDG_CONFIG_HOME/barge/config.toml`. What it says is what flags are without being typed;
//! variables of the environment come before it, flags before both.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use barge_core::error::io_text;
use clap::ValueEnum;
use serde::Deserialize;

use super::engines::{From, Via};

/// The most of the file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What the file may say; `docs/config.schema.json` says the same.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    from: Option<From>,
    to: Option<String>,
    via: Option<Via>,
    pub(crate) docker: Docker,
    containerd: Containerd,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Docker {
    pub(crate) host: Option<String>,
    pub(crate) context: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Containerd {
    address: Option<String>,
    namespace: Option<String>,
}

impl Config {
    /// What is in the file; nothing if there is none.
    ///
    /// # Errors
    /// In words, with the file and the line.
    fn read(path: &Path) -> Result<Self, String> {
        use std::io::Read;
        let shown = path.display();
        let mut text = String::new();
        match std::fs::File::open(path) {
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(e) => return Err(format!("open {shown}: {}", io_text(&e))),
            Ok(file) => file
                .take(MAX_BYTES)
                .read_to_string(&mut text)
                .map_err(|e| format!("read {shown}: {}", io_text(&e)))?,
        };
        toml::from_str(&text).map_err(|e| format!("{shown}: {}", e.to_string().trim_end()))
    }

    /// What is in the user's file.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn load() -> Result<Self, String> {
        Self::path().map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    /// Where the file is: BARGE_CONFIG, or the usual place.
    fn path() -> Option<PathBuf> {
        let folder = |name: &str| {
            std::env::var_os(name).map(PathBuf::from).filter(|path| !path.as_os_str().is_empty())
        };
        let usual = || {
            let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
            Some(config.join("barge/config.toml"))
        };
        folder("BARGE_CONFIG").or_else(usual)
    }

    /// The command line with these defaults.
    pub(super) fn apply(&self, command: clap::Command) -> clap::Command {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let name =
            |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
        let from = || name(self.from.as_ref()?.to_possible_value());
        let via = || name(self.via.as_ref()?.to_possible_value());
        let address = || self.containerd.address.clone();
        let namespace = || self.containerd.namespace.clone();
        let defaults = [
            ("from", variable("BARGE_FROM").or_else(from)),
            ("to", variable("BARGE_TO").or_else(|| self.to.clone())),
            ("via", via()),
            ("address", variable("CONTAINERD_ADDRESS").or_else(address)),
            ("namespace", variable("CONTAINERD_NAMESPACE").or_else(namespace)),
        ];
        let defaults: Vec<_> = defaults.into_iter().filter_map(|(id, value)| Some((id, value?))).collect();
        with_defaults(command, &defaults)
    }
}

fn with_defaults(command: clap::Command, defaults: &[(&'static str, String)]) -> clap::Command {
    let command = command.mut_args(|arg| {
        let id = arg.get_id().as_str().to_owned();
        match defaults.iter().find(|(known, _)| *known == id) {
            Some((_, value)) => arg.default_value(value.clone()),
            None => arg,
        }
    });
    command.mut_subcommands(|command| with_defaults(command, defaults))
}
