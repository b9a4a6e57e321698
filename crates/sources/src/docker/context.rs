//! Docker's contexts: names for daemons, kept below `~/.docker/contexts` (docker's `docs/reference/context`).

use std::path::{Path, PathBuf};

use barge_core::error::{Error, Result, printable};
use barge_oci::Digest;
use serde::Deserialize;

use super::address::{Address, TlsFiles};

/// The most of a file of a context that is read.
const MAX_BYTES: u64 = 1 << 20;
/// The context that stands for no context.
const DEFAULT: &str = "default";

/// The contexts below docker's folder for configuration.
#[derive(Debug, Clone)]
pub struct Contexts {
    /// `~/.docker` or what `DOCKER_CONFIG` says.
    pub folder: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigFile {
    #[serde(default)]
    current_context: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    #[serde(default)]
    endpoints: Endpoints,
}

#[derive(Deserialize, Default)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    #[serde(default)]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

impl Contexts {
    /// The context that config.json says counts; `None` for the default one.
    ///
    /// # Errors
    /// `InvalidArgument` for a file that is none; `Io`.
    pub fn current(&self) -> Result<Option<String>> {
        let path = self.folder.join("config.json");
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let config: ConfigFile =
            serde_json::from_slice(&bytes).map_err(|e| Error::invalid(format!("{}: {e}", path.display())))?;
        Ok(Some(config.current_context).filter(|name| !name.is_empty() && name != DEFAULT))
    }

    /// Where the daemon of a context is; `None` for the default one.
    ///
    /// # Errors
    /// `NotFound` in docker's words; `InvalidArgument`, `Io`.
    pub fn address(&self, name: &str) -> Result<Option<Address>> {
        if name == DEFAULT {
            return Ok(None);
        }
        let shown = printable(name);
        let folder = Digest::sha256(name.as_bytes()).hex();
        let path = self.folder.join("contexts/meta").join(&folder).join("meta.json");
        let Some(bytes) = read(&path)? else {
            let text = format!("context \"{shown}\": context not found");
            return Err(Error::not_found(text).hint("`docker context ls` lists them"));
        };
        let meta: Meta = serde_json::from_slice(&bytes)
            .map_err(|e| Error::invalid(format!("context \"{shown}\": {}: {e}", path.display())))?;
        let endpoint = meta.endpoints.docker.filter(|endpoint| !endpoint.host.is_empty());
        let Some(endpoint) = endpoint else {
            return Err(Error::invalid(format!("context \"{shown}\" has no docker endpoint")));
        };
        let files = self.folder.join("contexts/tls").join(&folder).join("docker");
        let there = |name: &str| Some(files.join(name)).filter(|path| path.is_file());
        let tls = TlsFiles {
            ca: there("ca.pem"),
            identity: there("cert.pem").zip(there("key.pem")),
            unverified: endpoint.skip_tls_verify,
        };
        let tls = Some(tls).filter(|tls| *tls != TlsFiles::default());
        Address::parse(&endpoint.host, tls).map(Some)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    use std::io::Read;
    let doing = |e| Error::io("open", path, e);
    let file = match std::fs::File::open(path) {
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        file => file.map_err(doing)?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(doing)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_found_by_the_digest_of_their_name() {
        let folder = tempfile::tempdir().unwrap();
        let contexts = Contexts { folder: folder.path().to_path_buf() };
        assert_eq!(contexts.current().unwrap(), None);
        std::fs::write(folder.path().join("config.json"), r#"{"currentContext":"lab","auths":{}}"#).unwrap();
        assert_eq!(contexts.current().unwrap().as_deref(), Some("lab"));
        let said = contexts.address("lab").unwrap_err().to_string();
        assert_eq!(said, "context \"lab\": context not found");
        // echo -n lab | sha256sum
        let hex = "a51146d38077ff992eba84cf1d5e9b249073503eb74868699016153b031a38f7";
        let meta = folder.path().join("contexts/meta").join(hex);
        std::fs::create_dir_all(&meta).unwrap();
        let said = r#"{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://lab:2376","SkipTLSVerify":false}}}"#;
        std::fs::write(meta.join("meta.json"), said).unwrap();
        let tls = folder.path().join("contexts/tls").join(hex).join("docker");
        std::fs::create_dir_all(&tls).unwrap();
        std::fs::write(tls.join("ca.pem"), "").unwrap();
        let files = TlsFiles { ca: Some(tls.join("ca.pem")), ..TlsFiles::default() };
        let expected = Address::parse("tcp://lab:2376", Some(files)).unwrap();
        assert_eq!(contexts.address("lab").unwrap(), Some(expected));
        assert_eq!(contexts.address("default").unwrap(), None);
    }
}
