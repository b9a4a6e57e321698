//! Sockets to listen on: made here, or handed over by systemd.

use std::fs::{File, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_core::error::{Error, ErrorKind, Result, printable};
use listenfd::ListenFd;
use rustix::fs::Mode;
use rustls::ServerConfig;

use crate::address::{Address, socket_address};
use crate::place::Place;
use crate::tls::TlsFiles;

/// Who may connect to a socket that is made here: its owner and its group.
const SOCKET_MODE: u32 = 0o660;
/// The port of the Engine API with TLS, and without.
const TLS_PORT: u16 = 2376;
const PLAIN_PORT: u16 = 2375;

/// Who may connect, and how.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The group of unix sockets, by name or number.
    pub group: Option<String>,
    /// Certificates for TCP.
    pub tls: Option<TlsFiles>,
    /// TCP without TLS, on loopback only, where everybody on this machine may connect.
    pub plain_loopback: bool,
}

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) enum Listener {
    /// A unix socket; what was made here goes when it is dropped.
    Unix(UnixListener, Option<Place>),
    /// TCP, with TLS or on loopback.
    Tcp(TcpListener, Option<Arc<ServerConfig>>),
}

/// Opens the sockets of an address.
///
/// # Errors
/// `Conflict` if somebody listens there already; `InvalidArgument` for what is no address, or none of this machine,
/// and for TCP that everybody could use; `NotFound` if a socket's folder is not there; `Io`.
pub(crate) fn listen(address: &Address, access: &Access) -> Result<Vec<Listener>> {
    match address {
        Address::Unix(path) => Ok(vec![unix(path, access.group.as_deref())?]),
        Address::Tcp(host) => Ok(vec![tcp(host, access)?]),
        Address::Activated => activated(),
    }
}

fn unix(path: &Path, group: Option<&str>) -> Result<Listener> {
    let group = group.map(group_id).transpose()?;
    let place = Place::take(path)?;
    let doing = |e: io::Error| Error::io("listen on", path, e);
    // Nobody else may connect before the group is set.
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound.map_err(doing)?;
    let socket = Held::new(path).map_err(doing)?;
    if let Some(group) = group {
        std::os::unix::fs::chown(socket.path(), None, Some(group)).map_err(doing)?;
    }
    std::fs::set_permissions(socket.path(), Permissions::from_mode(SOCKET_MODE)).map_err(doing)?;
    Ok(Listener::Unix(listener, Some(place.bound()?)))
}

/// A socket that was made, whatever is at its path by the time its group and mode are set.
struct Held {
    _file: Option<File>,
    path: PathBuf,
}

impl Held {
    #[cfg(target_os = "linux")]
    fn new(path: &Path) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::FileTypeExt;

        use rustix::fs::OFlags;

        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        if !file.metadata()?.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "somebody has replaced the socket"));
        }
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Ok(Self { _file: Some(file), path })
    }

    #[cfg(not(target_os = "linux"))]
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { _file: None, path: path.to_path_buf() })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

fn group_id(group: &str) -> Result<u32> {
    let by_name = || uzers::get_group_by_name(group).map(|group| group.gid());
    let id = group.parse().ok().or_else(by_name);
    id.ok_or_else(|| Error::not_found(format!("there is no group {:?}", printable(group))))
}

fn tcp(host: &str, access: &Access) -> Result<Listener> {
    let port = if access.tls.is_some() { TLS_PORT } else { PLAIN_PORT };
    let address = socket_address(host, port)?;
    let tls = access.tls.as_ref().map(TlsFiles::load).transpose()?;
    if tls.is_none() && !(access.plain_loopback && address.ip().is_loopback()) {
        let text = format!(
            "refusing to listen on tcp://{address} without TLS: everybody who reaches it could do everything"
        );
        return Err(Error::invalid(text).hint(
            "give `--tlsverify --tlscacert --tlscert --tlskey`, or on loopback `--insecure-loopback`",
        ));
    }
    Ok(Listener::Tcp(bind(address, "--host")?, tls))
}

/// Listens at an address that was given by `flag`.
///
/// # Errors
/// `Conflict` if somebody listens there already; `InvalidArgument` if this machine has no such address; `Io`.
pub(crate) fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|e| {
        let refused = |kind, why: &str| Error::new(kind, format!("listen on tcp://{address}: {why}"));
        match e.kind() {
            io::ErrorKind::AddrInUse => refused(ErrorKind::Conflict, "somebody listens there already")
                .hint(format!("stop it first, or choose another port with `{flag}`")),
            io::ErrorKind::AddrNotAvailable => {
                refused(ErrorKind::InvalidArgument, "this machine has no such address")
                    .hint(format!("choose one that it has with `{flag}`"))
            }
            io::ErrorKind::PermissionDenied => refused(ErrorKind::Io, "this port is for privileged users")
                .hint(format!("choose a port from 1024 on with `{flag}`")),
            _ => Error::io("listen on", Path::new(&format!("tcp://{address}")), e),
        }
    })
}

/// What systemd has opened for us (`LISTEN_FDS`): unix sockets, whose mode and group are its unit's.
fn activated() -> Result<Vec<Listener>> {
    let mut handed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for n in 0..handed.len() {
        let doing = |e| Error::io("take over", Path::new("a socket of systemd's"), e);
        match handed.take_unix_listener(n) {
            Ok(Some(listener)) => listeners.push(Listener::Unix(listener, None)),
            Ok(None) => {}
            Err(e) => {
                let e = doing(e);
                return Err(e.hint("only unix sockets are taken over: TCP needs `--host tcp://` and TLS"));
            }
        }
    }
    if listeners.is_empty() {
        let text = "no sockets were handed over: fd:// is for socket activation by systemd";
        return Err(Error::invalid(text));
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_without_tls_is_refused() {
        let refused = |host: &str, plain_loopback| {
            let access = Access { plain_loopback, ..Access::default() };
            tcp(host, &access).err().map(|e| e.to_string())
        };
        assert!(
            refused("127.0.0.1:0", false).unwrap().starts_with("refusing to listen on tcp://127.0.0.1:0")
        );
        assert!(refused("0.0.0.0:0", true).unwrap().starts_with("refusing to listen on tcp://0.0.0.0:0"));
        assert!(refused("[::]:0", true).is_some());
        assert_eq!(refused("127.0.0.1:0", true), None);
    }

    #[test]
    fn what_cannot_be_bound_is_explained() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let said = |address: SocketAddr| {
            let error = bind(address, "--host").unwrap_err();
            (error.kind(), error.to_string(), error.advice().map(str::to_owned))
        };
        let address = taken.local_addr().unwrap();
        let (kind, text, advice) = said(address);
        assert_eq!(kind, ErrorKind::Conflict);
        assert_eq!(text, format!("listen on tcp://{address}: somebody listens there already"));
        assert_eq!(advice.as_deref(), Some("stop it first, or choose another port with `--host`"));
        // An address of documents' (RFC 5737), which no machine has.
        let (kind, text, advice) = said("192.0.2.1:0".parse().unwrap());
        assert_eq!(kind, ErrorKind::InvalidArgument);
        assert_eq!(text, "listen on tcp://192.0.2.1:0: this machine has no such address");
        assert_eq!(advice.as_deref(), Some("choose one that it has with `--host`"));
    }
}
