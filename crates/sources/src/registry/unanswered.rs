//! Why no answer came, in words for people.

use std::io;

use barge_core::error::{Error, ErrorKind, io_text, printable};
use ureq::Timeout;

/// What the system's resolver says of names, and behind it why.
const LOOKUP: &str = "failed to lookup address information: ";
/// Why, if there is no such name or nothing at it: as glibc has it, then musl.
const UNKNOWN: [&str; 4] = [
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
];

/// The error for what never got an answer; `what` was asked of `place`, through `proxy` if there is one.
pub(super) fn unanswered(place: &str, what: &str, error: &ureq::Error, proxy: Option<&str>) -> Error {
    // Later it is the registry that fails, not the proxy.
    let proxy = proxy.filter(|_| is_unconnected(error));
    let through = proxy.map(|proxy| format!("proxy {proxy}: ")).unwrap_or_default();
    let told = Error::new(ErrorKind::Unavailable, format!("{place}: {what}: {through}{}", reason(error)));
    match advice(error, proxy.is_some()) {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

fn advice(error: &ureq::Error, proxied: bool) -> Option<&'static str> {
    if is_certificate(error) {
        Some(
            "put the authority's certificate into /etc/docker/certs.d/HOST/ca.crt, or give `--tls-verify=false`",
        )
    } else if proxied {
        Some("HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names the proxy, NO_PROXY what is asked without it")
    } else if is_unknown_host(error) {
        Some(
            "a name whose first part has a dot or a port is a registry, any other is on docker.io; behind a proxy set HTTPS_PROXY",
        )
    } else if is_refused(error) {
        Some("no registry answers there; is the name right, is it running?")
    } else if lookup(error).is_some() {
        Some("is there a network? behind a proxy set HTTPS_PROXY")
    } else {
        None
    }
}

/// What went wrong, without how the client library calls it.
pub(super) fn reason(error: &ureq::Error) -> String {
    let text = match error {
        _ if is_unknown_host(error) => "no such host".to_owned(),
        ureq::Error::Io(io) => io_text(io),
        ureq::Error::ConnectProxyFailed(why) => format!("it does not connect: {why}"),
        other => other.to_string(),
    };
    // Where a redirect leads may have a signature behind it.
    printable(text.split('?').next().unwrap_or_default())
}

/// The same for an answer that broke off while it was read.
pub(super) fn broken(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    inner.map_or_else(|| printable(&io_text(error)), reason)
}

/// Whether a certificate is not sound.
pub(super) fn is_certificate(error: &ureq::Error) -> bool {
    error.to_string().contains("certificate")
}

/// Whether nobody listens where a connection was to go.
pub(super) fn is_refused(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused)
}

/// Whether there is no host of that name.
pub(super) fn is_unknown_host(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::HostNotFound)
        || lookup(error).is_some_and(|why| UNKNOWN.contains(&why.as_str()))
}

/// Why a name could not be looked up, if that is what went wrong.
fn lookup(error: &ureq::Error) -> Option<String> {
    match error {
        ureq::Error::Io(io) => io.to_string().strip_prefix(LOOKUP).map(str::to_owned),
        _ => None,
    }
}

/// Whether no connection was made.
fn is_unconnected(error: &ureq::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectProxyFailed(_) => true,
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => true,
        ureq::Error::Io(io) => {
            matches!(io.kind(), ConnectionRefused | HostUnreachable | NetworkDown | NetworkUnreachable)
                || lookup(error).is_some()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: &ureq::Error, proxy: Option<&str>) -> (String, Option<String>) {
        let error = unanswered("example.org", "a: manifest b", error, proxy);
        (error.to_string(), error.advice().map(str::to_owned))
    }

    #[test]
    fn refused() {
        let error = ureq::Error::Io(rustix::io::Errno::CONNREFUSED.into());
        let (text, hint) = said(&error, None);
        assert_eq!(text, "example.org: a: manifest b: connection refused");
        assert_eq!(hint.as_deref(), Some("no registry answers there; is the name right, is it running?"));
        let (text, hint) = said(&error, Some("localhost:3128"));
        assert_eq!(text, "example.org: a: manifest b: proxy localhost:3128: connection refused");
        assert!(hint.is_some_and(|hint| hint.contains("NO_PROXY")));
    }

    #[test]
    fn unknown_hosts() {
        for why in UNKNOWN {
            let error = ureq::Error::Io(io::Error::other(format!("{LOOKUP}{why}")));
            let (text, hint) = said(&error, None);
            assert_eq!(text, "example.org: a: manifest b: no such host");
            assert!(hint.is_some_and(|hint| hint.contains("docker.io")));
        }
        let error =
            ureq::Error::Io(io::Error::other(format!("{LOOKUP}Temporary failure in name resolution")));
        assert!(!is_unknown_host(&error));
        assert!(said(&error, None).0.ends_with(": Temporary failure in name resolution"));
    }

    #[test]
    fn what_breaks_later_is_not_the_proxy_s() {
        let error = ureq::Error::Io(io::ErrorKind::ConnectionReset.into());
        assert_eq!(
            said(&error, Some("localhost:3128")),
            ("example.org: a: manifest b: connection reset".to_owned(), None)
        );
        let error = io::Error::other(ureq::Error::Io(io::ErrorKind::ConnectionReset.into()));
        assert_eq!(broken(&error), "connection reset");
    }
}
