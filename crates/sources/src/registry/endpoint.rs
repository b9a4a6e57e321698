//! Where a registry's host is on the network, and which certificates count there.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use barge_core::error::{Error, Result, printable};
use ureq::tls::{ClientCert, RootCerts, TlsConfig};

use super::Settings;
use crate::tls::{certificates, private_key, system_authorities};

/// Docker Hub, as references call it and as it is reached.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// The name and port under which `host` of a reference answers.
pub(super) fn authority(host: &str) -> &str {
    if host == HUB.0 { HUB.1 } else { host }
}

/// Whether a host is this machine, where HTTP without TLS is as good.
pub(super) fn is_loopback(host: &str) -> bool {
    let (name, _) = split(host);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a host has no port of its own: what speaks TLS is not where HTTP is without it.
pub(super) fn has_default_port(host: &str) -> bool {
    split(host).1.is_none_or(str::is_empty)
}

/// That the port of a host, if it has one, is none beyond 65535: the default would be taken for it.
pub(super) fn check_port(host: &str) -> Result<()> {
    let (_, port) = split(host);
    if port.is_none_or(|port| port.is_empty() || port.parse::<u16>().is_ok()) {
        return Ok(());
    }
    let shown = host.rsplit('@').next().unwrap_or_default();
    Err(Error::invalid(format!("{}: invalid port", printable(shown))))
}

/// The name or address of a host, without brackets, and what stands behind the colon.
fn split(host: &str) -> (&str, Option<&str>) {
    // What stands before an `@` is no part of a host.
    let host = host.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    }
}

/// The system's certificates, and those of the first folder that has some for this host.
pub(super) fn tls(host: &str, settings: &Settings) -> Result<TlsConfig> {
    let builder = TlsConfig::builder().disable_verification(!settings.verify_tls);
    let folder = settings.certificates.iter().map(|folder| folder.join(host)).find(|folder| folder.is_dir());
    let mut roots = system_authorities();
    let mut client = None;
    if let Some(folder) = folder {
        for path in files(&folder)? {
            match path.extension().and_then(|e| e.to_str()) {
                Some("crt") => roots.extend(certificates(&path)?),
                Some("cert") => {
                    let key = private_key(&path.with_extension("key"))?;
                    client = Some(ClientCert::new_with_certs(&certificates(&path)?, key));
                }
                _ => {}
            }
        }
    }
    Ok(builder.root_certs(RootCerts::Specific(Arc::new(roots))).client_cert(client).build())
}

fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports() {
        for host in ["docker.io", "r.org:5000", "[::1]:65535", "[::1]", "me:secret@r.org", "r.org:"] {
            assert!(check_port(host).is_ok(), "{host}");
        }
        for host in ["localhost:65536", "[::1]:99999", "127.0.0.1:700000000000"] {
            assert!(check_port(host).is_err(), "{host}");
        }
        let said = check_port("localhost:99999").map_err(|e| e.to_string());
        assert_eq!(said, Err("localhost:99999: invalid port".to_owned()));
    }

    #[test]
    fn loopback_is_this_machine_only() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.example.org",
            "128.0.0.1",
            "127.0.0.1.example.org:80",
            "127.0.0.1:80@example.org",
            "docker.io",
            "[::2]:1",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
