//! A registry.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{jail::Jail, start::jail, suite::Suite, token::TokenServer};

/// Whom a registry or its token server knows.
pub const USER: (&str, &str) = ("ali", "open sesame");
/// The same as a file of `htpasswd` has it (bcrypt).
const HTPASSWD: &str = "ali:$2b$04$FbdQHQ.N94YCxq50i8xgHufcP7JW9AAc8IjJe.RHuu.gYyi/SKuoK\n";

/// What a registry wants to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    #[default]
    None,
    /// The name and password of [`USER`].
    Password,
    /// A client's certificate, of the same authority as its own. Needs TLS.
    Certificate,
    /// A token, which a server of its own gives to [`USER`], and to nobody in particular for pulling from
    /// `public/`. Good for so many seconds; the registry adds 60 of its own.
    Token(i64),
}

/// docker-registry, empty, on a loopback port, which leaves nothing behind.
#[derive(Debug)]
pub struct Registry {
    address: String,
    tokens: Option<TokenServer>,
    jail: Jail,
}

impl Registry {
    /// Without TLS and without passwords. `None` when it is not available here, as with
    /// [`start`](super::start()).
    pub fn start() -> Result<Option<Self>> {
        Self::guarded(false, Guard::None)
    }

    /// With TLS or without, and guarded.
    pub fn guarded(tls: bool, guard: Guard) -> Result<Option<Self>> {
        let programs = ["docker-registry", "oras", "crane", "openssl"];
        jail("Registry", Suite::Sid, &programs)?.map(|jail| Self::open_as(jail, tls, guard)).transpose()
    }

    pub(super) fn open(jail: Jail) -> Result<Self> {
        Self::open_as(jail, false, Guard::None)
    }

    fn open_as(mut jail: Jail, tls: bool, guard: Guard) -> Result<Self> {
        // The port is the kernel's choice; the log tells which.
        let mut config = json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": "/peer/registry"}, "delete": {"enabled": true}},
            "http": {"addr": "127.0.0.1:0"},
            // Manifests may say where foreign layers are.
            "validation": {"manifests": {"urls": {"allow": ["^https?://"]}}},
        });
        let mut set = |path: &str, value: Value| -> Result<()> {
            let (parent, key) = path.rsplit_once('/').context("a path")?;
            let parent = config.pointer_mut(parent).and_then(Value::as_object_mut).context("no parent")?;
            parent.insert(key.to_owned(), value);
            Ok(())
        };
        if tls {
            jail.certificates()?;
            set("/http/tls", json!({"certificate": "/peer/server.crt", "key": "/peer/server.key"}))?;
        }
        let mut tokens = None;
        match guard {
            Guard::None => {}
            Guard::Certificate => set("/http/tls/clientcas", json!(["/peer/ca.crt"]))?,
            Guard::Password => {
                fs::write(jail.home().join("htpasswd"), HTPASSWD)?;
                set("/auth", json!({"htpasswd": {"realm": "barge", "path": "/peer/htpasswd"}}))?;
            }
            Guard::Token(seconds) => {
                let server = TokenServer::start(&jail, seconds)?;
                set("/auth", server.config())?;
                tokens = Some(server);
            }
        }
        fs::write(jail.home().join("registry.yml"), config.to_string())?;
        jail.spawn(&["docker-registry", "serve", "/peer/registry.yml"])?;
        let address = jail.ready("docker-registry", |jail| {
            let log = fs::read_to_string(jail.home().join("log"))?;
            let (_, address) = log.split_once("listening on ").context("no address in its log")?;
            let end = address.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
            Ok(end.and_then(|end| address.get(..end)).context("no address in its log")?.to_owned())
        })?;
        Ok(Self { address, tokens, jail })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The certificate of the authority that vouches for it, if it speaks TLS. `client.crt` and `client.key` beside
    /// it are a client's.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.jail.home().join("ca.crt")
    }

    /// What the token server was asked for, each as `USER scope scope`, where the user may be nobody.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.tokens.as_ref().map(TokenServer::given).unwrap_or_default()
    }

    /// Puts what a tag or digest leads to in an OCI layout, a folder or a tar, into the registry with its own
    /// digests, and returns what it is called there: `127.0.0.1:PORT/REPOSITORY:TAG`. Only without a guard.
    pub fn push(&self, layout: &Path, reference: &str, name: &str) -> Result<String> {
        let source = in_layout(&self.jail.path(layout)?, reference);
        let target = format!("{}/{name}", self.address);
        self.jail.run(&[
            "oras",
            "cp",
            "--no-tty",
            "--from-oci-layout",
            &source,
            "--to-plain-http",
            &target,
        ])?;
        Ok(target)
    }

    /// The bytes of what a name leads to there, as `oras` gets them. Only without a guard.
    pub fn manifest(&self, name: &str) -> Result<String> {
        self.jail.run(&["oras", "manifest", "fetch", "--plain-http", name])
    }

    /// Has crane fetch one platform of what a name leads to there and check every byte of it. Only without a
    /// guard.
    pub fn validate(&self, name: &str, platform: &str) -> Result<()> {
        self.jail
            .run(&["crane", "validate", "--insecure", "--platform", platform, "--remote", name])
            .map(drop)
    }

    /// What refers to a name there, as `oras` finds it: the digests and artifact types. Only without a guard.
    pub fn referrers(&self, name: &str) -> Result<Vec<(String, String)>> {
        let found = self.jail.run(&["oras", "discover", "--plain-http", "--format", "json", name])?;
        let found: Value = serde_json::from_str(&found)?;
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let list = found.get("referrers").or_else(|| found.get("manifests")).and_then(Value::as_array);
        Ok(list.into_iter().flatten().map(|one| (text(one, "digest"), text(one, "artifactType"))).collect())
    }

    pub(super) fn jail(&self) -> &Jail {
        &self.jail
    }
}

/// How oras names what is in a layout.
pub(super) fn in_layout(layout: &str, reference: &str) -> String {
    let separator = if reference.contains(':') { '@' } else { ':' };
    format!("{layout}{separator}{reference}")
}
