//! `barge serve`

use std::io::stderr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use barge_core::error::Error;
use barge_core::store::Store;
use barge_server::{Access, Address, Options, TlsFiles, serve};
use barge_sources::registry::Credentials;
use tracing::Level;

use super::registry::reaching;
use super::{Failure, Outcome};
use crate::args::{LogFormat, LogLevel, Serve};
use crate::render::log::Fields;
use crate::usage::{Arity, check};

/// Where root's server listens.
const SYSTEM: &str = "/run/barge";
const SOCKET: &str = "barge.sock";

/// Serves until it is told to go.
pub(crate) fn run(args: &Serve, store: impl Fn() -> Result<Store, Failure>, typed: &str) -> Outcome {
    check(&Arity::None, args.rest.len(), typed)?;
    let mut addresses = args.host.iter().map(|host| host.parse()).collect::<Result<Vec<Address>, _>>()?;
    if addresses.is_empty() {
        addresses.push(default_address()?);
    }
    let tls = match (args.tlsverify, &args.tlscacert, &args.tlscert, &args.tlskey) {
        (true, Some(authority), Some(certificate), Some(key)) => Some(TlsFiles {
            authority: authority.clone(),
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        (false, None, None, None) => None,
        _ => {
            let text = "TLS takes `--tlsverify`, `--tlscacert`, `--tlscert` and `--tlskey` together";
            return Err(Failure::Text(text.to_owned(), 1));
        }
    };
    let access = Access { group: args.group.clone(), tls, plain_loopback: args.insecure_loopback };
    // Whom a client is at a registry is the client's to say: nobody else's credentials are at hand here.
    let registries = reaching(&args.reach, Credentials::default())?;
    let options = Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registries,
        parallel: args.reach.parallel.into(),
        metrics: args.metrics_addr,
        idle: Duration::from_secs(args.idle_timeout),
        grace: Duration::from_secs(args.shutdown_timeout),
    };
    let store = store()?;
    log(args);
    let served = serve(store, &addresses, &access, options);
    // What a thread that was left behind did not come to remove.
    barge_core::cleanup::remove_all();
    Ok(served?)
}

/// Systemd's sockets if it handed any over, else the usual one, in a folder that is made if need be.
fn default_address() -> Result<Address, Failure> {
    // Whoever systemd has started may have started us in turn: its sockets are not ours.
    let ours = std::env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
    if ours && std::env::var_os("LISTEN_FDS").is_some() {
        return Ok(Address::Activated);
    }
    if rustix::process::geteuid().is_root() {
        let folder = Path::new(SYSTEM);
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
        made.map_err(|e| Error::io("create", folder, e))?;
        return Ok(Address::Unix(folder.join(SOCKET)));
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_absolute());
    let missing = || {
        Failure::Text(
            "no place for the socket: give `--host unix:///PATH` or set XDG_RUNTIME_DIR".to_owned(),
            1,
        )
    };
    runtime.map(|folder| Address::Unix(folder.join(SOCKET))).ok_or_else(missing)
}

fn log(args: &Serve) {
    let level = match args.log_level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(stderr).with_target(false);
    match args.log_format {
        LogFormat::Text => builder.with_ansi(false).fmt_fields(Fields).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
