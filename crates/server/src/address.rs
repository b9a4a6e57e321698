//! Where a server may listen, as it is written. Nothing is opened or looked up here.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use barge_core::error::{Error, Result, printable};

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
            _ => {
                let error = invalid("it has to begin with unix://, tcp:// or fd://");
                Err(match meant(text) {
                    Some(whole) => error.hint(format!("write `--host {}`", printable(&whole))),
                    None => error,
                })
            }
        }
    }
}

/// What an address without a scheme can only mean.
fn meant(text: &str) -> Option<String> {
    if text.starts_with('/') {
        return Some(format!("unix://{text}"));
    }
    let is_ip = text.parse::<SocketAddr>().is_ok() || text.parse::<IpAddr>().is_ok();
    is_ip.then(|| format!("tcp://{text}"))
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

/// What stands behind `tcp://`: `IP:PORT`, or `IP` for the usual port.
///
/// # Errors
/// `InvalidArgument` for anything else; names are not looked up.
pub(crate) fn socket_address(host: &str, usual: u16) -> Result<SocketAddr> {
    let ip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let address = host.parse::<SocketAddr>().ok().or_else(|| ip(host).map(|ip| SocketAddr::new(ip, usual)));
    address.ok_or_else(|| {
        let why = match host.rsplit_once(':') {
            Some((before, port)) if ip(before).is_some() => format!("{} is no port", printable(port)),
            _ => "no IP address".to_owned(),
        };
        Error::invalid(format!("invalid bind address (tcp://{}): {why}", printable(host)))
    })
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
        for text in ["", "unix://a.sock", "npipe://x", "a.sock", "localhost:1"] {
            assert_eq!(address(text).unwrap_err().advice(), None, "{text}");
        }
        for (text, whole) in [
            ("/run/a.sock", "unix:///run/a.sock"),
            ("127.0.0.1", "tcp://127.0.0.1"),
            ("127.0.0.1:1", "tcp://127.0.0.1:1"),
            ("[::1]:1", "tcp://[::1]:1"),
        ] {
            let error = address(text).unwrap_err();
            assert!(error.to_string().ends_with("it has to begin with unix://, tcp:// or fd://"), "{error}");
            assert_eq!(error.advice(), Some(format!("write `--host {whole}`").as_str()), "{text}");
            assert!(address(whole).is_ok(), "{whole}");
        }
    }

    #[test]
    fn addresses_of_tcp() {
        let said = |host: &str| socket_address(host, 2375).map_err(|e| e.to_string());
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1:2375"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]", "[::1]:2375"),
            ("::1", "[::1]:2375"),
        ] {
            assert_eq!(said(host).unwrap().to_string(), address);
        }
        for (host, why) in [
            ("localhost", "no IP address"),
            ("localhost:1", "no IP address"),
            ("127.0.0.1:99999", "99999 is no port"),
            ("[::1]:x", "x is no port"),
        ] {
            assert_eq!(said(host).unwrap_err(), format!("invalid bind address (tcp://{host}): {why}"));
        }
    }
}
