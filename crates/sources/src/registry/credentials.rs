//! Credentials, as docker and podman keep them: `auths` in a JSON file, or a helper program to be asked.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use barge_core::error::{Error, Result, printable};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::error::Category;

use super::helper::Helper;

/// The largest file of credentials that is read.
pub(super) const MAX_FILE_BYTES: u64 = 4 << 20;
/// Docker Hub's key in these files.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Who to be at one registry. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password or access token.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A refresh token of OAuth 2.
    IdentityToken(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// Where credentials are looked for.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// This one, at the host it was given for, whatever the files say.
    pub given: Option<(String, Credential)>,
    /// Files in the form of docker's `config.json`, the most important first; those that are not there are
    /// passed over.
    pub files: Vec<PathBuf>,
}

/// `config.json`, as far as it is about credentials.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Entry>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

impl Credentials {
    /// Who to be for a repository; `None` means nobody.
    ///
    /// # Errors
    /// `InvalidArgument` for a file that makes no sense; `Unavailable` for a helper that fails or hangs.
    pub(super) fn find(&self, host: &str, repository: &str) -> Result<Option<Credential>> {
        if let Some((_, given)) = self.given.as_ref().filter(|(of, _)| of == host) {
            return Ok(Some(given.clone()));
        }
        for path in &self.files {
            let Some(config) = Config::read(path)? else { continue };
            if let Some(credential) = config.find(host, repository).map_err(|e| in_file(path, e))? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }
}

pub(super) fn in_file(path: &Path, error: Error) -> Error {
    error.context(&printable(&path.to_string_lossy()))
}

/// The error for a file that is no JSON, or else is `other` JSON than it should be. What serde says of a value may
/// quote it, and it may be secret.
pub(super) fn unreadable(path: &Path, error: &serde_json::Error, other: &str) -> Error {
    let line = error.line();
    let text = match error.classify() {
        Category::Syntax | Category::Eof => format!("invalid JSON at line {line}"),
        _ => format!("{other}, line {line}"),
    };
    in_file(path, Error::invalid(text))
}

impl Config {
    fn read(path: &Path) -> Result<Option<Self>> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("open", path, e)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|e| Error::io("read", path, e))?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let unreadable = |e| unreadable(path, &e, "no such JSON as docker's config.json has");
        serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
    }

    fn find(&self, host: &str, repository: &str) -> Result<Option<Credential>> {
        let keys = keys(host, repository);
        // A helper of its own is the only one to know; the one for all may leave something to the file.
        if let Some(own) = keys.iter().find_map(|key| self.cred_helpers.get(key)) {
            return Helper::new(own)?.get(server(host));
        }
        if !self.creds_store.is_empty()
            && let Some(answer) = Helper::new(&self.creds_store)?.get(server(host))?
        {
            return Ok(Some(answer));
        }
        match keys.iter().find_map(|key| self.auths.get(key)) {
            Some(entry) => entry.credential(),
            None => Ok(None),
        }
    }
}

/// What docker calls a registry in these files, and to helpers.
pub(super) fn server(host: &str) -> &str {
    if host == "docker.io" { HUB_KEY } else { host }
}

/// Under what a registry may stand in these files, the most particular first: podman has repositories too.
pub(super) fn keys(host: &str, repository: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut rest = repository;
    while !rest.is_empty() {
        keys.push(format!("{host}/{rest}"));
        rest = rest.rsplit_once('/').map_or("", |(above, _)| above);
    }
    if host == "docker.io" {
        keys.extend([HUB_KEY, "index.docker.io", "registry-1.docker.io"].map(str::to_owned));
    }
    for form in [host.to_owned(), format!("https://{host}"), format!("http://{host}")] {
        keys.extend(["", "/", "/v1/", "/v2/"].map(|end| format!("{form}{end}")));
    }
    keys
}

impl Entry {
    fn credential(&self) -> Result<Option<Credential>> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credential::IdentityToken(self.identitytoken.clone())));
        }
        if !self.auth.is_empty() {
            let bad = || Error::invalid("an `auth` is not the base64 of a name, a colon and a password");
            let decoded = STANDARD.decode(self.auth.trim()).map_err(|_| bad())?;
            let text = String::from_utf8(decoded).map_err(|_| bad())?;
            let (username, password) = text.split_once(':').ok_or_else(bad)?;
            return Ok(Some(Credential::password(username, password.trim_end_matches('\0'))));
        }
        Ok((!self.username.is_empty()).then(|| Credential::password(&self.username, &self.password)))
    }
}

impl Credential {
    fn password(username: &str, password: &str) -> Self {
        Self::Password { username: username.to_owned(), password: password.to_owned() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn found(json: &str, host: &str, repository: &str) -> Option<Credential> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, json).unwrap();
        let missing = folder.path().join("missing.json");
        Credentials { given: None, files: vec![missing, path] }.find(host, repository).unwrap()
    }

    fn password(username: &str, password: &str) -> Option<Credential> {
        Some(Credential::password(username, password))
    }

    #[test]
    fn auths_in_every_spelling() {
        let one = |key: &str| format!(r#"{{"auths":{{"{key}":{{"auth":"bWU6c2VjcmV0OnBhcnQ="}}}}}}"#);
        for key in ["example.org", "https://example.org", "http://example.org/", "https://example.org/v2/"] {
            assert_eq!(found(&one(key), "example.org", "a/b"), password("me", "secret:part"), "{key}");
        }
        for key in [HUB_KEY, "docker.io", "index.docker.io"] {
            assert_eq!(found(&one(key), "docker.io", "library/a"), password("me", "secret:part"), "{key}");
        }
        assert_eq!(found(&one("example.org"), "example.org:5000", "a"), None);
    }

    #[test]
    fn the_most_particular_entry_counts() {
        let json = r#"{"auths":{"q.io":{"username":"all","password":"1"},
            "q.io/team":{"username":"team","password":"2"},"q.io/team/app":{"identitytoken":"t"}}}"#;
        assert_eq!(found(json, "q.io", "other/app"), password("all", "1"));
        assert_eq!(found(json, "q.io", "team/tool"), password("team", "2"));
        assert_eq!(found(json, "q.io", "team/app"), Some(Credential::IdentityToken("t".to_owned())));
        assert_eq!(found("{}", "q.io", "a"), None);
        assert_eq!(found(" ", "q.io", "a"), None);
    }

    #[test]
    fn a_bad_file_is_said_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        for json in [r#"{"auths":{"a":"hunter2"}}"#, r#"{"auths":{"a":{"auth":"aHVudGVyMg=="}}}"#, "hunter2"]
        {
            std::fs::write(&path, json).unwrap();
            let credentials = Credentials { given: None, files: vec![path.clone()] };
            let said = credentials.find("a", "b").unwrap_err().to_string();
            assert!(said.contains("config.json") && !said.contains("hunter2"), "{said}");
        }
        std::fs::write(&path, "{\n\"auths\": {,").unwrap();
        let credentials = Credentials { given: None, files: vec![path.clone()] };
        let said = credentials.find("a", "b").unwrap_err().to_string();
        assert_eq!(said, format!("{}: invalid JSON at line 2", path.display()));
    }

    #[test]
    fn debug_tells_no_secret() {
        let shown = format!(
            "{:?}",
            Credentials { given: password("me", "hunter2").map(|p| ("h".to_owned(), p)), files: Vec::new() }
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
