//! Where a daemon is: `unix://`, `tcp://` with or without TLS, `ssh://`.

use std::path::PathBuf;

use barge_core::error::{Error, Result, printable};

/// Docker's ports, without TLS and with it.
const PORTS: (u16, u16) = (2375, 2376);

/// How a daemon is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// What was typed, `unix:///run/docker.sock`, without passwords: errors call it so.
    pub(super) shown: String,
    pub(super) way: Way,
}

/// What carries the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    Unix(PathBuf),
    /// `host:port`, and with TLS who we are.
    Tcp(String, Option<TlsFiles>),
    /// `ssh`, with these arguments before the command on the other side.
    Ssh(Vec<String>),
}

/// Certificates, PEM, as `docker --tlsverify` has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities; without it those of the system.
    pub ca: Option<PathBuf>,
    /// Who we are, and the key to it.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether anybody may be at the other end.
    pub unverified: bool,
}

impl Address {
    /// Reads an address; `tls` counts for TCP.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn parse(text: &str, tls: Option<TlsFiles>) -> Result<Self> {
        let invalid =
            |why: &str| Error::invalid(format!("unable to parse docker host `{}`: {why}", printable(text)));
        let Some((scheme, rest)) = text.split_once("://") else { return Err(invalid("it has no scheme")) };
        let way = match scheme {
            "unix" if rest.starts_with('/') => Way::Unix(PathBuf::from(rest)),
            "unix" => return Err(invalid("a unix socket has an absolute path")),
            "tcp" | "http" | "https" => {
                let tls = tls.or_else(|| (scheme == "https").then(TlsFiles::default));
                Way::Tcp(host_and_port(rest, tls.is_some()).ok_or_else(|| invalid("it names no host"))?, tls)
            }
            "ssh" => Way::Ssh(ssh(rest).map_err(invalid)?),
            "npipe" => return Err(invalid("named pipes are Windows'")),
            _ => return Err(invalid("it begins with unix://, tcp:// or ssh://")),
        };
        Ok(Self { shown: shown(text), way })
    }
}

impl Address {
    /// Whether it is a socket of this host.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self.way, Way::Unix(_))
    }
}

/// Without what stands before an `@` but a user's name.
fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return printable(text) };
    let rest = match rest.split_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => rest.to_owned(),
    };
    printable(&format!("{scheme}://{rest}"))
}

fn host_and_port(rest: &str, tls: bool) -> Option<String> {
    let host = rest.split('/').next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]%".contains(c);
    if !host.chars().all(plain) {
        return None;
    }
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let has_port = host.rsplit_once(':').is_some_and(|(before, port)| {
        port.parse::<u16>().is_ok() && (!before.contains(':') || before.ends_with(']'))
    });
    let port = if tls { PORTS.1 } else { PORTS.0 };
    Some(if has_port { host.to_owned() } else { format!("{host}:{port}") })
}

/// `[USER@]HOST[:PORT]` and, behind it, the path of a socket there; arguments of ssh and of what runs there.
fn ssh(rest: &str) -> std::result::Result<Vec<String>, &'static str> {
    let (place, path) = rest.split_once('/').map_or((rest, ""), |(place, path)| (place, path));
    let (user, host) = place.rsplit_once('@').map_or((None, place), |(user, host)| (Some(user), host));
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (host, None),
    };
    let host = host.trim_matches(['[', ']']);
    if user.is_some_and(|user| user.contains(':')) {
        return Err("ssh takes no password here");
    }
    // What begins with a dash would be an option of ssh's.
    let word = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_graphic() && !"\"'`$;&|<>()\\*?!{}".contains(c))
    };
    if !word(host) || user.is_some_and(|user| !word(user)) {
        return Err("it names no host");
    }
    let mut arguments = Vec::new();
    if let Some(user) = user {
        arguments.extend(["-l".to_owned(), user.to_owned()]);
    }
    if let Some(port) = port {
        port.parse::<u16>().map_err(|_| "the port is no number")?;
        arguments.extend(["-p".to_owned(), port.to_owned()]);
    }
    arguments.extend(["-o".to_owned(), "ConnectTimeout=30".to_owned(), "-T".to_owned(), "--".to_owned()]);
    arguments.push(host.to_owned());
    arguments.push("docker".to_owned());
    if !path.is_empty() {
        if !word(path) {
            return Err("the path of the socket has odd characters");
        }
        arguments.extend(["--host".to_owned(), format!("unix:///{path}")]);
    }
    arguments.extend(["system".to_owned(), "dial-stdio".to_owned()]);
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(text: &str) -> Way {
        Address::parse(text, None).unwrap().way
    }

    #[test]
    fn every_way_to_a_daemon() {
        assert_eq!(way("unix:///run/docker.sock"), Way::Unix("/run/docker.sock".into()));
        assert_eq!(way("tcp://"), Way::Tcp("127.0.0.1:2375".to_owned(), None));
        assert_eq!(way("tcp://host:99"), Way::Tcp("host:99".to_owned(), None));
        assert_eq!(way("tcp://[::1]"), Way::Tcp("[::1]:2375".to_owned(), None));
        assert_eq!(way("https://host"), Way::Tcp("host:2376".to_owned(), Some(TlsFiles::default())));
        let Way::Ssh(arguments) = way("ssh://me@host:22/run/user/1000/docker.sock") else { panic!() };
        assert_eq!(
            arguments.join(" "),
            "-l me -p 22 -o ConnectTimeout=30 -T -- host docker --host unix:///run/user/1000/docker.sock system dial-stdio"
        );
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "docker.sock",
            "unix://docker.sock",
            "npipe:////./pipe/docker",
            "ssh://-oProxyCommand=evil/",
            "ssh://host;evil",
            "ssh://me:secret@host",
            "ssh://host/$(evil)",
            "tcp://a b",
            "ftp://host",
        ] {
            assert!(Address::parse(text, None).is_err(), "{text}");
        }
        assert_eq!(Address::parse("tcp://host", None).unwrap().shown, "tcp://host");
    }
}
