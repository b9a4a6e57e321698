//! HEALTHCHECK: how often a command is run, and when it has failed.

use jiff::SignedDuration;
use serde::Serialize;

use super::words::json;
use crate::error::{Error, Result, printable};

/// How it is found out whether a container works. Durations are nanoseconds.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Healthcheck {
    test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    interval: i64,
    #[serde(skip_serializing_if = "is_zero")]
    timeout: i64,
    #[serde(skip_serializing_if = "is_zero")]
    start_period: i64,
    #[serde(skip_serializing_if = "is_zero")]
    start_interval: i64,
    #[serde(skip_serializing_if = "is_zero")]
    retries: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

impl Healthcheck {
    /// Reads what is behind HEALTHCHECK: flags, then NONE or CMD and a command.
    ///
    /// # Errors
    /// `InvalidArgument` in docker's words.
    pub(super) fn parse(rest: &str) -> Result<Self> {
        let mut check = Self::default();
        let mut rest = rest;
        while let Some(flag) = rest.strip_prefix("--") {
            let (flag, behind) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
            rest = behind.trim_start();
            let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
            let invalid = || Error::invalid(format!("invalid {}: {:?}", printable(name), printable(value)));
            let nanoseconds = || {
                let duration: SignedDuration = value.parse().map_err(|_| invalid())?;
                let shortest = SignedDuration::from_millis(1);
                let span = i64::try_from(duration.as_nanos()).map_err(|_| invalid())?;
                if span != 0 && duration < shortest { Err(invalid()) } else { Ok(span) }
            };
            match name {
                "interval" => check.interval = nanoseconds()?,
                "timeout" => check.timeout = nanoseconds()?,
                "start-period" => check.start_period = nanoseconds()?,
                "start-interval" => check.start_interval = nanoseconds()?,
                "retries" => check.retries = value.parse().ok().filter(|n| *n >= 0).ok_or_else(invalid)?,
                _ => return Err(Error::invalid(format!("unknown flag: --{}", printable(name)))),
            }
        }
        let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let command = command.trim();
        check.test = match kind.to_ascii_uppercase().as_str() {
            "NONE" if command.is_empty() => vec!["NONE".to_owned()],
            "NONE" => return Err(Error::invalid("HEALTHCHECK NONE takes no arguments")),
            "CMD" if command.is_empty() => {
                return Err(Error::invalid("missing command after HEALTHCHECK CMD"));
            }
            "CMD" => match json(command) {
                Some(words) => std::iter::once("CMD".to_owned()).chain(words).collect(),
                None => vec!["CMD-SHELL".to_owned(), command.to_owned()],
            },
            other => {
                let text = format!("Unknown type {:?} in HEALTHCHECK (try CMD)", printable(other));
                return Err(Error::invalid(text));
            }
        };
        Ok(check)
    }
}
