//! Sockets to listen on: made here, or handed over by systemd.

use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use barge_core::error::{Error, ErrorKind, Result, printable};
use listenfd::ListenFd;
use rustix::fs::{Mode, OFlags};
use rustls::ServerConfig;

use crate::tls::TlsFiles;

/// Who may connect to a socket that is made here: its owner and its group.
const SOCKET_MODE: u32 = 0o660;
/// The port of the Engine API with TLS, and without.
const TLS_PORT: u16 = 2376;
const PLAIN_PORT: u16 = 2375;

/// Where to listen, as dockerd's `--host` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `unix:///run/barge/barge.sock`
    Unix(PathBuf),
    /// `tcp://127.0.0.1:2376`; without a port the usual one.
    Tcp(String),
    /// `fd://`: whatever systemd hands over.
    Activated,
}

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

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid =
            |why: &str| Error::invalid(format!("invalid bind address ({}): {why}", printable(text)));
        match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("unix", _)) => Err(invalid("a unix socket has an absolute path")),
            Some(("tcp", "")) => Ok(Self::Tcp("127.0.0.1".to_owned())),
            Some(("tcp", host)) => Ok(Self::Tcp(host.trim_end_matches('/').to_owned())),
            Some(("fd", _)) => Ok(Self::Activated),
            _ => Err(invalid("it begins with unix://, tcp:// or fd://")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
            Self::Activated => f.write_str("fd://"),
        }
    }
}

/// Opens the sockets of an address.
///
/// # Errors
/// `Conflict` if somebody listens there already; `InvalidArgument` for TCP that everybody could use; `Io`.
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
    let invalid =
        || Error::invalid(format!("invalid bind address (tcp://{}): no IP address", printable(host)));
    let address: SocketAddr = match host.parse() {
        Ok(address) => address,
        Err(_) => SocketAddr::new(host.trim_matches(['[', ']']).parse().map_err(|_| invalid())?, port),
    };
    let tls = access.tls.as_ref().map(TlsFiles::load).transpose()?;
    if tls.is_none() && !(access.plain_loopback && address.ip().is_loopback()) {
        let text = format!(
            "refusing to listen on tcp://{address} without TLS: everybody who reaches it could do everything"
        );
        return Err(Error::invalid(text).hint(
            "give `--tlsverify --tlscacert --tlscert --tlskey`, or on loopback `--insecure-loopback`",
        ));
    }
    let bound = TcpListener::bind(address);
    let listener = bound.map_err(|e| Error::io("listen on", Path::new(&format!("tcp://{address}")), e))?;
    Ok(Listener::Tcp(listener, tls))
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

/// The path of a unix socket, ours as long as its lock is held.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// The socket that was made there.
    made: Option<(u64, u64)>,
    _lock: File,
}

impl Place {
    /// Takes the path; a socket that a killed server left behind is removed.
    fn take(path: &Path) -> Result<Self> {
        let doing = |e: io::Error| Error::io("listen on", path, e);
        let busy = || {
            let text =
                format!("listen on {}: somebody listens there already", printable(&path.to_string_lossy()));
            Error::new(ErrorKind::Conflict, text).hint("stop it first, or choose another place with `--host`")
        };
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        // Neither a link is followed nor a FIFO waited for.
        let careful = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut open = OpenOptions::new();
        open.write(true).create(true).truncate(false).mode(0o600).custom_flags(careful);
        let lock = open.open(lock).map_err(doing)?;
        if !lock.metadata().map_err(doing)?.is_file() {
            return Err(doing(io::ErrorKind::AlreadyExists.into()).hint("its lock is no file"));
        }
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(busy()),
            Err(std::fs::TryLockError::Error(e)) => return Err(doing(e)),
        }
        match std::fs::symlink_metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(doing(e)),
            Ok(meta) if !meta.file_type().is_socket() => {
                return Err(
                    doing(io::Error::from(io::ErrorKind::AlreadyExists)).hint("what is there is no socket")
                );
            }
            Ok(_) => match UnixStream::connect(path) {
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path).map_err(doing)?;
                }
                _ => return Err(busy()),
            },
        }
        Ok(Self { path: path.to_owned(), made: None, _lock: lock })
    }

    fn bound(mut self) -> Result<Self> {
        let meta =
            std::fs::symlink_metadata(&self.path).map_err(|e| Error::io("listen on", &self.path, e))?;
        self.made = Some((meta.dev(), meta.ino()));
        Ok(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Somebody else's socket is left alone, and so is the lock's file: another may be about to take it.
        let here = std::fs::symlink_metadata(&self.path).ok().map(|meta| (meta.dev(), meta.ino()));
        if here.is_some() && here == self.made {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let address = |text: &str| text.parse::<Address>();
        assert_eq!(address("unix:///run/a.sock").unwrap(), Address::Unix("/run/a.sock".into()));
        assert_eq!(address("tcp://127.0.0.1:1").unwrap(), Address::Tcp("127.0.0.1:1".into()));
        assert_eq!(address("fd://").unwrap(), Address::Activated);
        for text in ["", "/run/a.sock", "unix://a.sock", "npipe://x"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

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
        assert!(refused("localhost", true).unwrap().contains("no IP address"));
    }
}
