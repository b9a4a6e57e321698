//! Where a registry is: under TLS or not, what is its own there, and what it is asked through.

use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, InvalidData, UnexpectedEof};

use barge_core::error::{Error, ErrorKind, Result, printable};
use ureq::http::{Request, Uri};

use super::client::Client;
use super::endpoint::{authority, has_default_port, is_loopback};
use super::unanswered::is_certificate;

impl Client {
    /// Whether credentials for this registry may go there.
    pub(super) fn is_ours(&self, url: &str) -> bool {
        let (Some(base), Ok(url)) = (self.base.get(), url.parse::<Uri>()) else { return false };
        let Ok(base) = base.parse::<Uri>() else { return false };
        let below = url.path().strip_prefix(base.path().trim_end_matches('/'));
        origin(&base) == origin(&url) && below.is_some_and(|rest| rest.starts_with('/'))
    }

    /// The URL of `what` a call is about. What the registry names itself may be elsewhere, and not outside TLS.
    pub(super) fn url(&self, target: &str, what: &str) -> Result<String> {
        let base = self.base(what)?;
        if target.starts_with('/') {
            return Ok(format!("{base}{target}"));
        }
        if !target.starts_with("http://") {
            let whole = target.starts_with("https://");
            return Ok(if whole { target.to_owned() } else { format!("{base}/v2/{target}") });
        }
        if base.starts_with("http://") {
            return Ok(target.to_owned());
        }
        // A registry behind a proxy that does TLS for it may not know better.
        let encrypted = target.replacen("http://", "https://", 1);
        if self.is_ours(&encrypted) {
            return Ok(encrypted);
        }
        let message = format!("{}: it leads out of TLS, to `{}`", self.host, printable(target));
        Err(Error::new(ErrorKind::Unavailable, message))
    }

    /// Where this registry is, of which `what` is to be asked. Without TLS only where it is allowed, and where TLS is not
    /// spoken.
    pub(super) fn base(&self, what: &str) -> Result<&str> {
        if let Some(base) = self.base.get() {
            return Ok(base);
        }
        let authority = authority(&self.host);
        let encrypted = format!("https://{authority}");
        let plain_will_do = is_loopback(&self.host) || !self.settings.verify_tls;
        let base = if plain_will_do && !self.speaks_tls(&encrypted, what)? {
            format!("http://{authority}")
        } else {
            encrypted
        };
        Ok(self.base.get_or_init(|| base))
    }

    /// Whether TLS is spoken at `base`. It is asked once, and so answered only by what will be so later, too.
    fn speaks_tls(&self, base: &str, what: &str) -> Result<bool> {
        let url = format!("{base}/v2/");
        let mut tries = self.tries(&url, false);
        loop {
            let request = Request::get(url.as_str()).body(());
            let request = request.map_err(|e| Error::invalid(format!("{}: {e}", self.host)))?;
            let sent = self.run(request);
            match &sent {
                Ok(_) => return Ok(true),
                Err(e) if !is_certificate(e) && self.is_without_tls(e) => return Ok(false),
                _ if tries.again(&sent) => {}
                Err(e) => return Err(self.unanswered(what, &url, e)),
            }
        }
    }

    /// Whether who was to speak TLS said something else, or nobody is at its port and there is another for HTTP.
    fn is_without_tls(&self, error: &ureq::Error) -> bool {
        match error {
            ureq::Error::Io(e) => match e.kind() {
                // Some who do not speak it hang up without a word.
                InvalidData | UnexpectedEof | ConnectionReset => true,
                ConnectionRefused => has_default_port(&self.host),
                _ => false,
            },
            ureq::Error::Protocol(_) | ureq::Error::Rustls(_) => true,
            _ => false,
        }
    }

    /// The proxy that a URL is asked for through, `localhost:3128`.
    pub(super) fn proxy(&self, url: &str) -> Option<String> {
        let proxy = self.agent.config().proxy()?;
        let directly = url.parse::<Uri>().is_ok_and(|uri| proxy.is_no_proxy(&uri));
        (!directly).then(|| format!("{}:{}", proxy.host(), proxy.port()))
    }

    /// Whether it is this machine that a connection for a URL goes to.
    pub(super) fn is_here(&self, url: &str) -> bool {
        let host = || Some(url.parse::<Uri>().ok()?.authority()?.to_string());
        self.proxy(url).or_else(host).is_some_and(|to| is_loopback(&to))
    }
}

/// Scheme, host and port, the default ports included.
fn origin(uri: &Uri) -> (String, String, u16) {
    let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let default = if scheme == "http" { 80 } else { 443 };
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    (scheme, host, uri.port_u16().unwrap_or(default))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let same = |a: &str, b: &str| origin(&a.parse().unwrap()) == origin(&b.parse().unwrap());
        assert!(same("https://r.org", "https://R.org:443/v2/x"));
        assert!(same("http://r.org:80/", "http://r.org/v2/"));
        for (a, b) in [
            ("https://r.org", "http://r.org"),
            ("https://r.org", "https://r.org:444"),
            ("https://r.org", "https://r.org.evil.org"),
            ("https://r.org", "https://r.org@evil.org"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
