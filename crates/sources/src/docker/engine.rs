//! The daemon itself: finding out which API it speaks, and asking it.

use std::io::Read;
use std::time::Duration;

use barge_core::error::{Error, ErrorKind, Result, io_text, printable};
use barge_oci::Platform;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use ureq::http::{Request, Response, StatusCode, header};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, SendBody};

use super::address::{Address, TlsFiles, Way};
use super::dial::{Dial, Nowhere};
use crate::tls::{certificates, private_key, system_authorities};

/// The newest API that is known here, and the oldest that will do: dockerd 20.10 is the oldest that is tried.
const NEWEST: Version = Version(1, 51);
const OLDEST: Version = Version(1, 24);
/// How long a connection may take, and an answer that is no archive.
const CONNECT: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(120);
/// How long a daemon may say nothing: before an archive begins it may have to write all of it to its disk.
const SILENCE: Duration = Duration::from_secs(3600);
/// The most of an answer that is read, and of one that is an error.
const MAX_ANSWER: u64 = 64 << 20;
const MAX_FAULT: u64 = 64 << 10;
/// Archives are read in pieces of this size.
const BUFFER: usize = 256 << 10;

/// A version of the Engine API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub u32, pub u32);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

/// A daemon that has answered.
#[derive(Debug)]
pub struct Engine {
    agent: Agent,
    base: String,
    /// What errors call it.
    pub(super) place: String,
    pub(super) version: Version,
}

/// What a daemon says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Whether containerd keeps its images: then an image has all its platforms, and blobs are kept as they came.
    pub containerd: bool,
    /// Where its files are.
    pub root: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(default)]
    driver_status: Option<Vec<(String, String)>>,
    #[serde(default)]
    docker_root_dir: String,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

impl Engine {
    /// Asks a daemon which API it speaks; `forced` is the version that `DOCKER_API_VERSION` says.
    ///
    /// # Errors
    /// `Unavailable` if nobody answers there; `InvalidArgument` for certificates that are none.
    pub fn connect(address: &Address, forced: Option<&str>) -> Result<Self> {
        let builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .user_agent(concat!("barge/", env!("CARGO_PKG_VERSION")));
        let (agent, base) = match &address.way {
            Way::Unix(path) => {
                let agent = Agent::with_parts(builder.build(), Dial::Unix(path.clone()), Nowhere);
                (agent, "http://api.moby.localhost".to_owned())
            }
            Way::Ssh(arguments) => {
                let agent = Agent::with_parts(builder.build(), Dial::Ssh(arguments.clone()), Nowhere);
                (agent, "http://api.moby.localhost".to_owned())
            }
            Way::Tcp(host, None) => (with_tcp(builder.build()), format!("http://{host}")),
            Way::Tcp(host, Some(files)) => {
                (with_tcp(builder.tls_config(tls(files)?).build()), format!("https://{host}"))
            }
        };
        let mut engine = Self { agent, base, place: address.shown.clone(), version: NEWEST };
        let pong =
            engine.send(Request::get(format!("{}/_ping", engine.base)), SendBody::none(), Some(ANSWER))?;
        let offered = pong.headers().get("api-version").and_then(|v| Version::parse(v.to_str().ok()?));
        if !pong.status().is_success() {
            return Err(engine.fault("ping", pong));
        }
        let offered = offered.ok_or_else(|| engine.broken("ping", "it says no version of Docker's API"))?;
        let forced = forced.filter(|v| !v.is_empty()).map(|v| {
            Version::parse(v.trim_start_matches('v'))
                .ok_or_else(|| Error::invalid(format!("DOCKER_API_VERSION: {} is no version", printable(v))))
        });
        engine.version = forced.transpose()?.unwrap_or(offered.min(NEWEST));
        if engine.version < OLDEST {
            return Err(engine.broken("ping", "its API is too old"));
        }
        Ok(engine)
    }

    /// Whether it is reached without a network, and so is likely to be on this host.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.place.starts_with("unix://")
    }

    /// What the daemon says of itself.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn about(&self) -> Result<About> {
        let info: Info = self.json("info", "info")?;
        let containerd = info
            .driver_status
            .iter()
            .flatten()
            .any(|(key, value)| key == "driver-type" && value.starts_with("io.containerd.snapshotter"));
        Ok(About { containerd, root: info.docker_root_dir })
    }

    /// What `docker image inspect` prints of an image, or of one platform of it, as the daemon tells it.
    ///
    /// # Errors
    /// `NotFound` in the daemon's words; `Unavailable`.
    pub fn inspect(&self, name: &str, platform: Option<&Platform>) -> Result<Map<String, Value>> {
        let query = platform.map(|platform| self.platform(platform)).transpose()?.unwrap_or_default();
        self.json("inspect", &format!("images/{}/json?{query}", escaped(name)))
    }

    /// A platform as a part of a query.
    pub(super) fn platform(&self, platform: &Platform) -> Result<String> {
        let json = serde_json::to_string(platform).map_err(|e| self.broken("platform", &e.to_string()))?;
        Ok(format!("platform={}", escaped(&json)))
    }

    /// Asks for a document below the API's version.
    pub(super) fn json<T: DeserializeOwned>(&self, what: &str, path: &str) -> Result<T> {
        let response = self.get(what, path, Some(ANSWER))?;
        let bytes = response.into_body().into_with_config().limit(MAX_ANSWER).read_to_vec();
        let bytes = bytes.map_err(|e| self.broken(what, &text(&e)))?;
        serde_json::from_slice(&bytes)
            .map_err(|e| self.broken(what, &format!("its answer makes no sense: {e}")))
    }

    /// Asks for something below the API's version that may take as long as it likes when it has begun.
    pub(super) fn get(&self, what: &str, path: &str, patience: Option<Duration>) -> Result<Response<Body>> {
        let response = self.send(Request::get(self.url(path)), SendBody::none(), patience)?;
        if response.status().is_success() { Ok(response) } else { Err(self.fault(what, response)) }
    }

    /// Sends a body, however long it takes.
    pub(super) fn post(&self, what: &str, path: &str, body: &mut dyn Read) -> Result<Response<Body>> {
        let request = Request::post(self.url(path)).header(header::CONTENT_TYPE, "application/x-tar");
        let mut body: &mut dyn Read = body;
        let response = self.send(request, SendBody::from_reader(&mut body), None)?;
        if response.status().is_success() { Ok(response) } else { Err(self.fault(what, response)) }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v{}.{}/{path}", self.base, self.version.0, self.version.1)
    }

    fn send(
        &self,
        request: http::request::Builder,
        body: SendBody<'_>,
        patience: Option<Duration>,
    ) -> Result<Response<Body>> {
        let request = request.body(body).map_err(|e| Error::invalid(format!("{}: {e}", self.place)))?;
        let request = self.agent.configure_request(request).timeout_global(patience).build();
        self.agent.run(request).map_err(|e| self.unanswered(&e))
    }

    /// The error for an answer that is no success, in the daemon's words.
    fn fault(&self, what: &str, response: Response<Body>) -> Error {
        let status = response.status();
        let bytes =
            response.into_body().into_with_config().limit(MAX_FAULT).read_to_vec().unwrap_or_default();
        let said = serde_json::from_slice(&bytes).map_or_else(
            |_| {
                format!(
                    "{what}: {} {}",
                    status.as_u16(),
                    status.canonical_reason().unwrap_or("unknown status")
                )
            },
            |Message { message }| message,
        );
        let message = format!("{}: {}", self.place, printable(&said));
        match status {
            StatusCode::NOT_FOUND => Error::not_found(message),
            StatusCode::CONFLICT => Error::new(ErrorKind::Conflict, message),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::new(ErrorKind::Unauthorized, message),
            status if status.is_client_error() => Error::invalid(message),
            _ => Error::new(ErrorKind::Unavailable, message),
        }
    }

    /// The error for an answer that makes no sense.
    pub(super) fn broken(&self, what: &str, why: &str) -> Error {
        Error::new(ErrorKind::Unavailable, format!("{}: {what}: {}", self.place, printable(why)))
    }

    fn unanswered(&self, error: &ureq::Error) -> Error {
        use std::io::ErrorKind::{
            BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, PermissionDenied,
        };
        let kind = match error {
            ureq::Error::Io(e) => Some(e.kind()),
            _ => None,
        };
        let (place, why) = (&self.place, printable(&text(error)));
        let (message, hint) = match kind {
            Some(BrokenPipe | ConnectionReset) => {
                (format!("{place}: the daemon has broken the connection off: {why}"), None)
            }
            Some(PermissionDenied) => (
                format!("permission denied while trying to connect to the Docker daemon socket at {place}"),
                Some("this socket is root's: use sudo, or become a member of the group that it belongs to"),
            ),
            Some(NotFound | ConnectionRefused) => (
                format!("Cannot connect to the Docker daemon at {place}. Is the docker daemon running?"),
                Some("`--host`, DOCKER_HOST or `--context` say where another one is"),
            ),
            _ => (format!("Cannot connect to the Docker daemon at {place}: {why}"), None),
        };
        let error = Error::new(ErrorKind::Unavailable, message);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// What went wrong below HTTP.
fn text(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(e) => io_text(e),
        e => e.to_string(),
    }
}

fn with_tcp(config: ureq::config::Config) -> Agent {
    Agent::with_parts(config, DefaultConnector::default(), DefaultResolver::default())
}

fn tls(files: &TlsFiles) -> Result<ureq::tls::TlsConfig> {
    use ureq::tls::{ClientCert, RootCerts, TlsConfig};
    let roots = match &files.ca {
        Some(path) => certificates(path)?,
        None => system_authorities(),
    };
    let client = match &files.identity {
        Some((certificate, key)) => {
            Some(ClientCert::new_with_certs(&certificates(certificate)?, private_key(key)?))
        }
        None => None,
    };
    let builder = TlsConfig::builder().disable_verification(files.unverified);
    Ok(builder.root_certs(RootCerts::Specific(std::sync::Arc::new(roots))).client_cert(client).build())
}

/// A name as a part of a path: slashes, colons and what else names have stay as they are.
pub(super) fn escaped(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/:@._-".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
