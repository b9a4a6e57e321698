//! Registries as this person and this machine have configured them, and images that are found in them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use barge_core::content::Image;
use barge_core::error::{Error, printable};
use barge_core::graph::{State, Tree};
use barge_core::referrers::{Referrers, find};
use barge_core::select::Wanted;
use barge_oci::Reference;
use barge_sources::registry::{Credential, Credentials, Gathered, Proxies, Registry, Settings};

use serde_json::Value;

use super::{Failure, reference};
use crate::args::{Reach, Registries};

/// Whose mirrors a flag and docker's daemon mean.
const HUB: &str = "docker.io";
/// What says where credentials are without being typed.
const AUTH_FILE: &str = "REGISTRY_AUTH_FILE";

/// The settings that the flags, the environment and the usual files make, to speak to these hosts.
pub(super) fn settings<'a>(
    args: &Registries,
    hosts: impl IntoIterator<Item = &'a Reference>,
) -> Result<Arc<Settings>, Failure> {
    let hosts: BTreeSet<&str> = hosts.into_iter().map(Reference::domain).collect();
    let given = match (&args.creds, hosts.first()) {
        (Some(_), _) if hosts.len() > 1 => {
            let text = "\"--creds\" is for one registry: say who you are at several with `barge login`";
            return Err(Failure::Text(text.to_owned(), 1));
        }
        (Some(text), Some(host)) => Some(((*host).to_owned(), credential(text)?)),
        _ => None,
    };
    check_typed(args.authfile.as_ref())?;
    let credentials = Credentials { given, files: files(args.authfile.as_ref()) };
    Ok(Arc::new(reaching(&args.reach, credentials)?))
}

/// The settings for whoever has these credentials.
pub(super) fn reaching(reach: &Reach, credentials: Credentials) -> Result<Settings, Failure> {
    let settings = with(credentials, reach.tls_verify);
    let attempts = reach.attempts.unwrap_or(settings.attempts);
    let refusals = reach.attempts.unwrap_or(settings.refusals);
    let patience = Duration::from_secs(reach.timeout);
    Ok(Settings { mirrors: mirrors(&reach.mirror)?, attempts, refusals, patience, ..settings })
}

/// Those of the flags, then those that docker's daemon is told of.
fn mirrors(flags: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let mut mirrors = Vec::new();
    for flag in flags {
        let (host, url) = match flag.split_once('=') {
            Some((host, url)) if !host.contains("://") => (host, url),
            _ => (HUB, flag.as_str()),
        };
        if !Settings::is_mirror(url) {
            return Err(Failure::Text(format!("\"--mirror\": `{}` is no URL", printable(url)), 1));
        }
        mirrors.push((host.to_owned(), url.to_owned()));
    }
    let own = config_folder().map(|folder| folder.join("docker/daemon.json"));
    for file in own.into_iter().chain([PathBuf::from("/etc/docker/daemon.json")]) {
        // What the daemon makes of its file is its own business: what is no such list is none.
        let config = std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let listed = config.as_ref().and_then(|config| config.get("registry-mirrors")?.as_array());
        let urls = listed.into_iter().flatten().filter_map(Value::as_str);
        let urls = urls.filter(|url| url.starts_with("https://") && Settings::is_mirror(url));
        mirrors.extend(urls.map(|url| (HUB.to_owned(), url.to_owned())));
    }
    Ok(mirrors)
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
    let certificates = certificates();
    Settings { credentials, verify_tls, certificates, proxies, user_agent, ..Settings::default() }
}

/// Images of registries, found and not fetched.
pub(super) fn gather(
    names: &[Reference],
    settings: &Arc<Settings>,
    wanted: Wanted,
) -> Result<(Gathered, Vec<Image>), Failure> {
    let (mut gathered, mut images, mut registries) =
        (Gathered::new(wanted), Vec::new(), Vec::<(String, Registry)>::new());
    for name in names {
        let host = name.domain();
        let registry = match registries.iter().find(|(known, _)| known == host) {
            Some((_, registry)) => registry.clone(),
            None => {
                let registry = Registry::new(host, Arc::clone(settings))?;
                registries.push((host.to_owned(), registry.clone()));
                registry
            }
        };
        let (repository, name) = (registry.repository(name.path()), name.clone().or_latest());
        let root = repository.resolve(&name)?;
        gathered.add(repository, &root)?;
        // What was asked for by both is known by its tag.
        let tag = name.digest().and(name.tag()).map(|tag| format!("{}:{tag}", name.name()));
        let name = tag.map_or(Ok(name), |tagged| reference(&tagged))?;
        images.push(Image { name: Some(name), target: root });
    }
    Ok((gathered, images))
}

/// What refers to these images, in their registries.
pub(super) fn find_all(
    gathered: &Gathered,
    images: &[Image],
    wanted: &Referrers,
) -> Result<Vec<Image>, Failure> {
    let mut found = Vec::new();
    for image in images.iter().filter(|_| *wanted != Referrers::None) {
        let tree = Tree::walk(gathered, &image.target)?;
        let manifests =
            tree.manifests.iter().filter(|m| m.state != State::Absent).map(|m| m.descriptor.digest);
        let subjects: Vec<_> = tree.indexes.keys().copied().chain(manifests).collect();
        for one in find(gathered, image, subjects, wanted)? {
            if !found.contains(&one) && !images.iter().any(|i| i.name.is_some() && i.name == one.name) {
                found.push(one);
            }
        }
    }
    Ok(found)
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

pub(super) fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|p| !p.as_os_str().is_empty())
}

pub(super) fn config_folder() -> Option<PathBuf> {
    directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")))
}

/// Docker's file, then podman's.
pub(super) fn files(authfile: Option<&OsString>) -> Vec<PathBuf> {
    if let Some(file) = authfile.filter(|f| !f.is_empty()) {
        return vec![PathBuf::from(file)];
    }
    let home = directory("HOME");
    let docker = directory("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
    let config = config_folder();
    let candidates = [
        docker.map(|folder| folder.join("config.json")),
        directory("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        config.map(|folder| folder.join("containers/auth.json")),
    ];
    candidates.into_iter().flatten().collect()
}

/// That a file that was typed is there. One that a variable names may be made by the first `login`, as elsewhere.
fn check_typed(authfile: Option<&OsString>) -> Result<(), Failure> {
    let Some(file) = authfile.filter(|file| !file.is_empty()) else { return Ok(()) };
    if std::env::var_os(AUTH_FILE).as_ref() != Some(file) {
        let file = Path::new(file);
        std::fs::metadata(file).map_err(|e| Error::io("open", file, e))?;
    }
    Ok(())
}

/// Docker's folders, its rootless ones included, then podman's.
fn certificates() -> Vec<PathBuf> {
    let config = config_folder();
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
