//! TLS in which both sides show a certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use barge_core::error::{Error, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Where the certificates are, PEM each.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The authority whose clients are let in.
    pub authority: PathBuf,
    /// Who this server is.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl TlsFiles {
    pub(crate) fn load(&self) -> Result<Arc<ServerConfig>> {
        let unusable = |path: &Path, e: &dyn std::fmt::Display| {
            let path = barge_core::error::printable(&path.to_string_lossy());
            Error::invalid(format!("{path} cannot be used for TLS: {e}"))
        };
        let certificates = |path: &Path| -> Result<Vec<CertificateDer<'static>>> {
            let found = CertificateDer::pem_file_iter(path).map_err(|e| unusable(path, &e))?;
            let found = found.collect::<std::result::Result<Vec<_>, _>>().map_err(|e| unusable(path, &e))?;
            if found.is_empty() { Err(unusable(path, &"no certificate is in it")) } else { Ok(found) }
        };
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.authority)? {
            roots.add(root).map_err(|e| unusable(&self.authority, &e))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let clients = clients.build().map_err(|e| unusable(&self.authority, &e))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| unusable(&self.key, &e))?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(&self.certificate, &e))?
            .with_client_cert_verifier(clients)
            .with_single_cert(certificates(&self.certificate)?, key)
            .map_err(|e| unusable(&self.certificate, &e))?;
        Ok(Arc::new(config))
    }
}
