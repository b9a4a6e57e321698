//! One registry, and the mirrors that are asked before it.

use std::sync::Arc;

use barge_core::error::Result;
use ureq::http::{Method, StatusCode};

use super::call::Call;
use super::client::Client;
use super::endpoint::check_port;
use super::fault::fault;
use super::{Repository, Settings};

/// One registry, by the host of its references. Cheap to clone; clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Registry {
    client: Arc<Client>,
    mirrors: Vec<Arc<Client>>,
}

impl Registry {
    /// The registry at `host`, `docker.io` or `127.0.0.1:5000`; nothing is sent yet.
    ///
    /// # Errors
    /// `InvalidArgument` for certificates that are none and for a port that is none; `Io`.
    pub fn new(host: &str, settings: Arc<Settings>) -> Result<Self> {
        check_port(host)?;
        let hurried = Arc::new(Settings { attempts: 1, ..(*settings).clone() });
        let mirrors = settings.mirrors.iter().filter(|(of, _)| of == host);
        let mirrors = mirrors.map(|(_, url)| Client::new(url, Arc::clone(&hurried)).map(Arc::new));
        let mirrors = mirrors.collect::<Result<_>>()?;
        Ok(Self { client: Arc::new(Client::new(host, settings)?), mirrors })
    }

    /// A repository, `library/alpine`.
    #[must_use]
    pub fn repository(&self, path: &str) -> Repository {
        Repository::new(self.client.clone(), self.mirrors.clone(), path)
    }

    /// Proves that the registry answers and takes our credentials.
    ///
    /// # Errors
    /// `Unauthorized`, `Unavailable`.
    pub fn ping(&self) -> Result<()> {
        let what = "login";
        let response = self.client.call(&Call::new(Method::GET, String::new(), what))?;
        if response.status() == StatusCode::OK {
            return Ok(());
        }
        Err(fault(&self.client.host, what, response))
    }
}
