//! Docker's daemon, found as docker's own command line finds it.

use std::path::PathBuf;

use barge_sources::docker::{Address, Contexts, Engine, TlsFiles};

use super::Failure;
use super::registry::directory;
use crate::args::{Config, Engines};

const SOCKET: &str = "/var/run/docker.sock";

/// The daemon that the flags, the environment and docker's configuration mean, in docker's order: `--host` or
/// `--context`, DOCKER_HOST, DOCKER_CONTEXT, what is configured for barge, the current context, the usual socket.
pub(super) fn docker(args: &Engines) -> Result<Engine, Failure> {
    let version = std::env::var("DOCKER_API_VERSION").ok();
    Ok(Engine::connect(&address(args)?, version.as_deref())?)
}

pub(super) fn address(args: &Engines) -> Result<Address, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let folder = directory("DOCKER_CONFIG").or_else(|| Some(directory("HOME")?.join(".docker")));
    let contexts = folder.clone().map(|folder| Contexts { folder });
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (host, context) = (given(&args.host), given(&args.context));
    if host.is_some() && context.is_some() {
        let text = "conflicting options: cannot specify both --host and --context";
        return Err(Failure::Text(text.to_owned(), 1));
    }
    let tls = tls(args, folder);
    if let Some(host) = host {
        return Ok(Address::parse(&host, tls)?);
    }
    if let (None, Some(host)) = (&context, variable("DOCKER_HOST")) {
        return Ok(Address::parse(&host, tls)?);
    }
    let mut named = context.or_else(|| variable("DOCKER_CONTEXT"));
    if named.is_none() {
        let configured = Config::load().map_err(|why| Failure::Text(why, 1))?.docker;
        if let (None, Some(host)) = (&configured.context, &configured.host) {
            return Ok(Address::parse(host, tls)?);
        }
        named = match (configured.context, &contexts) {
            (None, Some(contexts)) => contexts.current()?,
            (context, _) => context,
        };
    }
    if let (Some(name), Some(contexts)) = (named, contexts)
        && let Some(address) = contexts.address(&name)?
    {
        return Ok(address);
    }
    Ok(Address::parse(&format!("unix://{}", socket().display()), tls)?)
}

/// Whether a flag says which daemon of docker's is meant.
pub(super) fn is_said(args: &Engines) -> bool {
    args.host.is_some() || args.context.is_some()
}

/// The usual socket, or where only that is there the one of this user's own daemon.
fn socket() -> PathBuf {
    let usual = PathBuf::from(SOCKET);
    let own = directory("XDG_RUNTIME_DIR").map(|folder| folder.join("docker.sock"));
    match own {
        Some(own) if !usual.exists() && own.exists() => own,
        _ => usual,
    }
}

/// The certificates, if TLS is asked for.
fn tls(args: &Engines, folder: Option<PathBuf>) -> Option<TlsFiles> {
    let asked = std::env::var_os("DOCKER_TLS_VERIFY").is_some_and(|value| !value.is_empty());
    if !asked && !args.tlsverify {
        return None;
    }
    let folder = directory("DOCKER_CERT_PATH").or(folder).unwrap_or_default();
    let file = |flag: &Option<std::ffi::OsString>, name: &str| match flag {
        Some(path) => Some(PathBuf::from(path)),
        None => Some(folder.join(name)).filter(|path| path.exists()),
    };
    let identity = file(&args.tlscert, "cert.pem").zip(file(&args.tlskey, "key.pem"));
    Some(TlsFiles { ca: file(&args.tlscacert, "ca.pem"), identity, unverified: false })
}
