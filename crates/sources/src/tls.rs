//! Certificates and keys, as files have them.

use std::path::Path;

use barge_core::error::{Error, Result};
use ureq::tls::{Certificate, PemItem, PrivateKey, parse_pem};

/// The authorities that this system trusts.
pub(crate) fn system_authorities() -> Vec<Certificate<'static>> {
    let system = rustls_native_certs::load_native_certs().certs;
    system.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned()).collect()
}

/// The key in a PEM file.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKey<'static>> {
    PrivateKey::from_pem(&read(path)?).map_err(|e| unusable(path, &e))
}

/// Every certificate in a PEM file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let bytes = read(path)?;
    let items = parse_pem(&bytes).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(e) => Some(Err(unusable(path, &e))),
    });
    items.collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io("open", path, e))
}

fn unusable(path: &Path, why: &ureq::Error) -> Error {
    Error::invalid(format!("{}: {why}", path.display()))
}
