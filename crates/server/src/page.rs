//! Pages of browsers: what they may not do to a server on loopback.

use hyper::HeaderMap;
use hyper::header::HOST;

/// Whether a program of this machine asks, and no page that a browser shows: those say where they are from, or
/// that they are pages, and cannot choose not to.
pub(crate) fn is_local(headers: &HeaderMap) -> bool {
    const OF_PAGES: [&str; 4] = ["origin", "referer", "sec-fetch-site", "sec-fetch-mode"];
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let bare = bare.unwrap_or_else(|| host.split(':').next().unwrap_or_default());
    let loopback = bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let named = loopback || matches!(bare, "localhost" | "api.moby.localhost" | "docker");
    named && OF_PAGES.iter().all(|header| !headers.contains_key(*header))
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn pages_of_browsers_are_told_from_programs() {
        let local = |pairs: &[(HeaderName, &'static str)]| {
            is_local(&pairs.iter().map(|(k, v)| (k.clone(), HeaderValue::from_static(v))).collect())
        };
        for host in ["127.0.0.1:2375", "localhost", "[::1]:2375", "localhost:1"] {
            assert!(local(&[(HOST, host)]), "{host}");
        }
        for host in ["evil.example", "evil.example:2375", "192.0.2.1", "", "127.0.0.1.evil.example"] {
            assert!(!local(&[(HOST, host)]), "{host}");
        }
        for header in ["origin", "referer", "sec-fetch-site"] {
            let header = HeaderName::from_static(header);
            assert!(!local(&[(HOST, "localhost"), (header, "https://evil.example")]));
        }
    }
}
