//! Foreign layers: content that a registry does not have and a descriptor's `urls` lead to. Asked for on request only,
//! over TLS, without credentials, and never at an address of this machine or a private network, whoever names it.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

use barge_core::error::{Error, ErrorKind, Result, printable};
use barge_oci::Descriptor;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::{StatusCode, Uri, header};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::Settings;
use super::unanswered::{broken, reason};

/// How many of a descriptor's URLs are tried.
const MAX_URLS: usize = 8;
const MAX_REDIRECTS: u32 = 5;
const NOT_PUBLIC: &str = "it is not at a public address";

/// What is in a blob from `offset` on, from the first of its URLs that answers.
pub(super) fn open(
    settings: &Settings,
    descriptor: &Descriptor,
    offset: u64,
) -> Result<Box<dyn Read + Send>> {
    let digest = &descriptor.digest;
    let mut last = Error::not_found(format!("foreign layer {digest}: no URL leads to it"));
    for url in descriptor.urls.iter().take(MAX_URLS) {
        let shown = printable(url);
        match ask(settings, url, descriptor, offset) {
            Ok(body) => return Ok(body),
            Err(why) => {
                last = Error::new(ErrorKind::Unavailable, format!("foreign layer {digest}: {shown}: {why}"));
            }
        }
    }
    Err(last)
}

fn ask(
    settings: &Settings,
    url: &str,
    descriptor: &Descriptor,
    offset: u64,
) -> std::result::Result<Box<dyn Read + Send>, String> {
    let uri: Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or("it is not https")?;
    let proxy = settings.proxies.for_host(host).map_err(|e| e.to_string())?;
    let proxy = proxy.filter(|proxy| !proxy.is_no_proxy(&uri));
    // Whoever named this host is nobody to say how it is spoken to: no certificate is let through or shown there.
    let strict = Settings { verify_tls: true, certificates: Vec::new(), ..settings.clone() };
    let tls = super::endpoint::tls(host, &strict).map_err(|e| e.to_string())?;
    if proxy.is_some() {
        // The proxy would find the host, and nobody would look at where that is.
        let port = uri.port_u16().unwrap_or(443);
        let found = (host.trim_matches(['[', ']']), port).to_socket_addrs().map_err(|e| reason(&e.into()))?;
        if found.map(|address| address.ip()).any(|address| !is_public(address)) {
            return Err(NOT_PUBLIC.to_owned());
        }
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .https_only(true)
        // Nobody would look at where the next host is, if a proxy finds it.
        .max_redirects(if proxy.is_some() { 0 } else { MAX_REDIRECTS })
        .timeout_connect(Some(settings.patience))
        .timeout_per_read(Some(settings.patience))
        .user_agent(&settings.user_agent)
        .proxy(proxy)
        .tls_config(tls)
        .build();
    let resolver = DefaultResolver::default();
    let agent = match config.proxy() {
        Some(_) => Agent::with_parts(config, DefaultConnector::default(), resolver),
        None => Agent::with_parts(config, DefaultConnector::default(), Public(resolver)),
    };
    let mut request = agent.get(&uri);
    if offset > 0 {
        request = request.header(header::RANGE, format!("bytes={offset}-"));
    }
    let answer = request.call().map_err(|e| reason(&e))?;
    let (status, left) = (answer.status(), descriptor.size - offset);
    let mut body = answer.into_body().into_with_config().limit(u64::MAX).reader();
    match status {
        StatusCode::PARTIAL_CONTENT if offset > 0 => {}
        StatusCode::OK => {
            let skipped = std::io::copy(&mut (&mut body).take(offset), &mut std::io::sink());
            skipped.map_err(|e| broken(&e))?;
        }
        other => return Err(other.to_string()),
    }
    // One byte more than there should be is let through, so that the receiver notices.
    Ok(Box::new(body.take(left.saturating_add(1))))
}

/// Resolves names to public addresses only.
#[derive(Debug)]
struct Public(DefaultResolver);

impl Resolver for Public {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let mut public = self.empty();
        for address in found.iter().filter(|address| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() {
            return Err(ureq::Error::Io(std::io::Error::other(NOT_PUBLIC)));
        }
        Ok(public)
    }
}

/// Whether an address is one of the internet at large (IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, .., g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(w, x, y, z)
    };
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    match (a, b) {
        // What is behind a translator is as public as the address it translates.
        (0x64, 0xff9b) => is_public_v4(embedded(g, h)),
        (0x2002, _) => is_public_v4(embedded(b, c)),
        (0x2001, 0xdb8) => false,
        // Teredo and the like; then everything but global unicast.
        (0x2001, 0..=0x1ff) => false,
        _ => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_not_public() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "192.0.0.8",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
