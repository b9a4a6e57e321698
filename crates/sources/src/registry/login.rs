//! Keeps credentials where docker and podman look for them: with a helper if the file names one, else in the file.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use barge_core::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Credential;
use super::credentials::{MAX_FILE_BYTES, in_file, keys, server, unreadable};
use super::helper::Helper;

/// Where a credential went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A helper has it.
    Helper,
    /// It stands in this file for everybody who may read it.
    File(PathBuf),
}

/// The host of a server as people and docker's clients name it, as references have it; nothing means Docker Hub.
#[must_use]
pub fn host_of(server: &str) -> String {
    let bare = server.trim_start_matches("https://").trim_start_matches("http://");
    match bare.split('/').next().unwrap_or_default() {
        "" | "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}

/// Keeps who to be at the registry `host`. The rest of the file stays as it is.
///
/// # Errors
/// `InvalidArgument` for a file that makes no sense; `Unavailable` for a helper that fails; `Io`.
pub fn remember(file: &Path, host: &str, credential: &Credential) -> Result<Kept> {
    let mut config = read(file)?;
    if let Some(helper) = helper(&config, host) {
        Helper::new(&helper)?.store(server(host), credential)?;
        return Ok(Kept::Helper);
    }
    let entry = match credential {
        Credential::Password { username, password } => {
            json!({"auth": STANDARD.encode(format!("{username}:{password}"))})
        }
        Credential::IdentityToken(token) => json!({"identitytoken": token}),
    };
    let auths = config.entry("auths").or_insert_with(|| json!({}));
    let no_auths = || in_file(file, Error::invalid("its `auths` is no object"));
    auths.as_object_mut().ok_or_else(no_auths)?.insert(server(host).to_owned(), entry);
    write(file, &config)?;
    Ok(Kept::File(file.to_path_buf()))
}

/// Forgets who to be there; whether there was anything to forget.
///
/// # Errors
/// As [`remember`].
pub fn forget(file: &Path, host: &str) -> Result<bool> {
    let mut config = read(file)?;
    let mut known = false;
    if let Some(helper) = helper(&config, host) {
        let helper = Helper::new(&helper)?;
        known = helper.get(server(host))?.is_some();
        if known {
            helper.erase(server(host))?;
        }
    }
    let mut removed = false;
    if let Some(auths) = config.get_mut("auths").and_then(Value::as_object_mut) {
        for key in keys(host, "") {
            removed |= auths.remove(&key).is_some();
        }
    }
    if removed {
        write(file, &config)?;
    }
    Ok(known || removed)
}

/// The helper that the file names for this registry.
fn helper(config: &Map<String, Value>, host: &str) -> Option<String> {
    let helpers = config.get("credHelpers").and_then(Value::as_object);
    let own = keys(host, "").iter().find_map(|key| helpers?.get(key)?.as_str().map(str::to_owned));
    own.or_else(|| config.get("credsStore")?.as_str().map(str::to_owned)).filter(|name| !name.is_empty())
}

fn read(file: &Path) -> Result<Map<String, Value>> {
    let mut bytes = Vec::new();
    match std::fs::File::open(file) {
        Ok(open) => {
            open.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|e| Error::io("read", file, e))?
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => 0,
        Err(e) => return Err(Error::io("open", file, e)),
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    serde_json::from_slice(&bytes).map_err(|e| unreadable(file, &e, "no JSON object"))
}

/// Replaces the file in one step; only its owner may read it.
fn write(file: &Path, config: &Map<String, Value>) -> Result<()> {
    let doing = |e| Error::io("write", file, e);
    // A link leads to the file that is meant.
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(doing)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{:016x}", fastrand::u64(..)));
    let mut text = serde_json::to_string_pretty(config).unwrap_or_default();
    text.push('\n');
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut open| open.write_all(text.as_bytes()).and_then(|()| open.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, &file));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(doing)
}
