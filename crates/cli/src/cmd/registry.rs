//! Registries as this person and this machine have configured them.

use std::io::{BufRead, IsTerminal, stdin};
use std::path::PathBuf;
use std::sync::Arc;

use barge_core::error::Error;
use barge_sources::registry::{Credential, Credentials, Proxies, Settings};

use super::Failure;
use crate::args::Registries;

/// The settings that the flags, the environment and the usual files make.
pub(super) fn settings(args: &Registries) -> Result<Arc<Settings>, Failure> {
    let variable =
        |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let given = args.creds.as_deref().map(credential).transpose()?;
    let proxies = Proxies {
        url: variable(&["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
        except: variable(&["NO_PROXY", "no_proxy"]).unwrap_or_default(),
    };
    Ok(Arc::new(Settings {
        credentials: Credentials { given, files: files(args) },
        verify_tls: args.tls_verify,
        certificates: certificates(),
        proxies,
        user_agent: concat!("barge/", env!("CARGO_PKG_VERSION")).to_owned(),
        attempts: args.attempts,
    }))
}

/// `USER:PASSWORD`, or `USER` and the password from the standard input.
fn credential(text: &str) -> Result<Credential, Failure> {
    let password = |username: &str, password: &str| Credential::Password {
        username: username.to_owned(),
        password: password.to_owned(),
    };
    if let Some((username, secret)) = text.split_once(':') {
        return Ok(password(username, secret));
    }
    if stdin().is_terminal() {
        return Err(Failure::Text("\"--creds\" has no password".to_owned(), 1));
    }
    let mut line = String::new();
    let place = std::path::Path::new("standard input");
    stdin().lock().read_line(&mut line).map_err(|e| Error::io("read", place, e))?;
    Ok(password(text, line.trim_end_matches(['\r', '\n'])))
}

fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|p| !p.as_os_str().is_empty())
}

/// Docker's file, then podman's.
fn files(args: &Registries) -> Vec<PathBuf> {
    if let Some(file) = args.authfile.as_ref().filter(|f| !f.is_empty()) {
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
