//! What people configure about registries.

use std::path::PathBuf;
use std::time::Duration;

use barge_core::error::{Error, Result};
use ureq::Proxy;
use ureq::http::Uri;

use super::Credentials;
use super::endpoint::{check_port, is_loopback};

/// How registries are reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who to be.
    pub credentials: Credentials,
    /// Whether certificates must be sound. Without it plain HTTP will do as well, and so it will on loopback.
    pub verify_tls: bool,
    /// Folders with a folder a host in them, as docker's `/etc/docker/certs.d`: `*.crt` are authorities, `*.cert`
    /// and `*.key` who we are. The first that is there counts.
    pub certificates: Vec<PathBuf>,
    /// URLs of mirrors, each with the host whose repositories it has; asked first for what is read.
    pub mirrors: Vec<(String, String)>,
    /// What goes over which proxy.
    pub proxies: Proxies,
    /// How this program calls itself.
    pub user_agent: String,
    /// How often something that may go well the next time is tried, at least once.
    pub attempts: u32,
    /// How often a connection that this machine itself refuses is tried, no more than `attempts` says, while nobody has
    /// answered there.
    pub refusals: u32,
    /// How long a registry may say nothing.
    pub patience: Duration,
}

impl Settings {
    /// Whether a mirror can have this URL: `https://mirror.example.org:5000/path`.
    #[must_use]
    pub fn is_mirror(url: &str) -> bool {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next()).filter(|host| !host.is_empty());
        host.is_some_and(|host| check_port(host).is_ok()) && url.parse::<Uri>().is_ok()
    }
}

/// What counts where nobody says otherwise: nobody in particular, under TLS, directly.
impl Default for Settings {
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            verify_tls: true,
            certificates: Vec::new(),
            mirrors: Vec::new(),
            proxies: Proxies::default(),
            user_agent: "barge".to_owned(),
            attempts: 5,
            refusals: 2,
            patience: Duration::from_secs(60),
        }
    }
}

/// `HTTPS_PROXY` and `NO_PROXY`. This machine is never asked through a proxy.
#[derive(Clone, Default)]
pub struct Proxies {
    /// The proxy's URL, which may hold a name and a password.
    pub url: Option<String>,
    /// Hosts to be asked directly, with commas between them: names and what is below them, `*`.
    pub except: String,
}

impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proxies(..)")
    }
}

impl Proxies {
    pub(super) fn for_host(&self, host: &str) -> Result<Option<Proxy>> {
        let Some(url) = self.url.as_deref().filter(|url| !url.is_empty() && !is_loopback(host)) else {
            return Ok(None);
        };
        let unusable = |_| Error::invalid("HTTPS_PROXY is no URL of a proxy");
        let proxy = Proxy::new(url).map_err(unusable)?;
        let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
        if let (Some(username), Some(password)) = (proxy.username(), proxy.password()) {
            builder = builder.username(username).password(password);
        }
        for host in self.except.split(',').map(str::trim).filter(|host| !host.is_empty()) {
            // As everywhere but in ureq, a name means what is below it, too.
            let below = format!(".{}", host.trim_start_matches(['.', '*']));
            builder = builder.no_proxy(host).no_proxy(&below);
        }
        builder.build().map(Some).map_err(unusable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_mirrors() {
        for url in
            ["https://m.example.org", "http://127.0.0.1:5000", "https://[::1]:5000/a/", "https://m:443/a"]
        {
            assert!(Settings::is_mirror(url), "{url}");
        }
        for url in [
            "",
            "m.example.org",
            "ftp://m",
            "https://",
            "https:///a",
            "https://m:99999",
            "https://m:a",
            "https://m /",
        ] {
            assert!(!Settings::is_mirror(url), "{url}");
        }
    }
}
