//! Registries as this person and this machine have configured them.

use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use barge_core::error::Error;
use barge_sources::registry::{Credential, Credentials, Proxies, Settings};

use super::Failure;
use crate::args::Registries;

/// Where no flag says otherwise.
const ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings that the flags, the environment and the usual files make.
pub(super) fn settings(args: &Registries) -> Result<Arc<Settings>, Failure> {
    let given = args.creds.as_deref().map(credential).transpose()?;
    let credentials = Credentials { given, files: files(args.authfile.as_ref()) };
    let settings = with(credentials, args.tls_verify);
    let patience = Duration::from_secs(args.timeout);
    Ok(Arc::new(Settings { attempts: args.attempts, patience, ..settings }))
}

/// Settings with these credentials.
pub(super) fn with(credentials: Credentials, verify_tls: bool) -> Settings {
    let variable =
        |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let proxies = Proxies {
        url: variable(&["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
        except: variable(&["NO_PROXY", "no_proxy"]).unwrap_or_default(),
    };
    let user_agent = concat!("barge/", env!("CARGO_PKG_VERSION")).to_owned();
    let (attempts, patience) = (ATTEMPTS, PATIENCE);
    Settings {
        credentials,
        verify_tls,
        certificates: certificates(),
        proxies,
        user_agent,
        attempts,
        patience,
    }
}

/// `USER:PASSWORD`, or `USER` and a password that is asked for.
fn credential(text: &str) -> Result<Credential, Failure> {
    let (username, password) = match text.split_once(':') {
        Some((username, password)) => (username, password.to_owned()),
        None => (text, password(&format!("Password for {text}: "))?),
    };
    Ok(Credential::Password { username: username.to_owned(), password })
}

/// A password from the terminal, which does not show it, or the first line of the standard input.
pub(super) fn password(prompt: &str) -> Result<String, Failure> {
    let doing = |e| Error::io("read", Path::new("standard input"), e);
    if stdin().is_terminal() {
        return Ok(rpassword::prompt_password(prompt).map_err(doing)?);
    }
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(doing)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|p| !p.as_os_str().is_empty())
}

/// Docker's file, then podman's.
pub(super) fn files(authfile: Option<&OsString>) -> Vec<PathBuf> {
    if let Some(file) = authfile.filter(|f| !f.is_empty()) {
        return vec![PathBuf::from(file)];
    }
    let home = directory("HOME");
    let docker = directory("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
    let config = directory("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config")));
    let candidates = [
        docker.map(|folder| folder.join("config.json")),
        directory("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        config.map(|folder| folder.join("containers/auth.json")),
    ];
    candidates.into_iter().flatten().collect()
}

/// Docker's folders, its rootless ones included, then podman's.
fn certificates() -> Vec<PathBuf> {
    let config = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")));
    let own = |name: &str| config.as_ref().map(|folder| folder.join(name));
    [
        own("docker/certs.d"),
        Some(PathBuf::from("/etc/docker/certs.d")),
        own("containers/certs.d"),
        Some(PathBuf::from("/etc/containers/certs.d")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
