//! Asks a registry: finds out how it is reached, answers its challenges, tries again what may go well then.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use barge_core::error::{Error, ErrorKind, Result, printable};
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Method, Request, Response, StatusCode, Uri, header};
use ureq::{Agent, Body, ResponseExt, SendBody};

use super::auth::{Authorization, Challenge, TokenRequest, Tokens};
use super::credentials::Credential;
use super::endpoint::{authority, is_loopback, tls};
use super::fault::{fault, unanswered};
use super::{Repository, Settings};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(30);
/// Before the second try; then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// However long a registry asks us to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const MAX_REDIRECTS: u32 = 5;
/// How often one call may be challenged: once, and once more when a token has run out.
const MAX_CHALLENGES: u32 = 2;
const MAX_CONNECTIONS: usize = 64;

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
    /// `InvalidArgument` for certificates that are none; `Io`.
    pub fn new(host: &str, settings: Arc<Settings>) -> Result<Self> {
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

#[derive(Debug)]
pub(super) struct Client {
    pub(super) host: String,
    pub(super) settings: Arc<Settings>,
    agent: Agent,
    /// `https://registry-1.docker.io`, once it is known.
    base: OnceLock<String>,
    tokens: Tokens,
    /// Whether this is a mirror that did not answer, and is not asked again.
    given_up: AtomicBool,
}

/// One request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// What follows `/v2/`, or a whole URL that the registry has named.
    pub(super) target: String,
    /// What it is about, for errors.
    pub(super) what: &'a str,
    /// The repository, which says whose credentials count.
    pub(super) repository: &'a str,
    /// What a token has to be good for.
    pub(super) scopes: Vec<String>,
    pub(super) headers: Vec<(header::HeaderName, String)>,
    pub(super) body: Payload<'a>,
    /// Whether whoever calls sees to it that it is tried again.
    pub(super) once: bool,
}

/// What is sent along.
pub(super) enum Payload<'a> {
    None,
    Bytes(&'a [u8]),
    /// So many bytes, from the start each time.
    Part(u64, &'a dyn Fn() -> Result<Box<dyn Read + 'a>>),
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, target: String, what: &'a str) -> Self {
        let (repository, scopes, headers) = ("", Vec::new(), Vec::new());
        Self { method, target, what, repository, scopes, headers, body: Payload::None, once: false }
    }
}

impl Client {
    /// For the host of a reference, or a mirror's URL.
    fn new(place: &str, settings: Arc<Settings>) -> Result<Self> {
        let (scheme, rest) = place.split_once("://").map_or(("", place), |(scheme, rest)| (scheme, rest));
        let host = rest.split('/').next().unwrap_or_default().to_owned();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(MAX_REDIRECTS)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(CONNECT.min(settings.patience)))
            .timeout_per_read(Some(settings.patience))
            .timeout_per_write(Some(settings.patience))
            .max_idle_connections(MAX_CONNECTIONS)
            .max_idle_connections_per_host(MAX_CONNECTIONS)
            .user_agent(&settings.user_agent)
            .proxy(settings.proxies.for_host(&host)?)
            .tls_config(tls(&host, &settings)?)
            .build();
        let base = match scheme {
            "" => OnceLock::new(),
            _ => OnceLock::from(place.trim_end_matches('/').to_owned()),
        };
        let (agent, tokens) = (Agent::new_with_config(config), Tokens::default());
        Ok(Self { host, settings, agent, base, tokens, given_up: AtomicBool::new(false) })
    }

    /// Asks until there is an answer that another try would not change. Answers that are no success are
    /// answers too.
    pub(super) fn call(&self, call: &Call<'_>) -> Result<Response<Body>> {
        let (mut attempt, mut challenges) = (1, 0);
        let url = self.url(&call.target)?;
        let scope = call.scopes.join(" ");
        loop {
            let again = attempt < self.settings.attempts && !call.once;
            let used = self.tokens.get(&scope);
            let sent = self.send(call, &url, used.as_ref())?;
            let pause = match sent {
                // A challenge of somebody we were only led to is none of ours to answer.
                Ok(answer)
                    if answer.status() == StatusCode::UNAUTHORIZED
                        && challenges < MAX_CHALLENGES
                        && self.is_ours(&answer.get_uri().to_string()) =>
                {
                    challenges += 1;
                    let fresh = || self.authorization(&answer, call);
                    if self.tokens.replace(&scope, used.as_ref(), fresh)? {
                        continue;
                    }
                    return Ok(answer);
                }
                Ok(answer) if again && is_passing(answer.status()) => asked_pause(&answer),
                Ok(answer) => return Ok(answer),
                Err(error) if again && is_passing_error(&error) => None,
                Err(error) => return Err(unanswered(&self.host, call.what, &error)),
            };
            std::thread::sleep(pause.unwrap_or_else(|| backoff(attempt)));
            attempt += 1;
        }
    }

    /// How often something that may go well the next time is tried.
    pub(super) fn attempts(&self) -> u32 {
        self.settings.attempts
    }

    /// Says that it is not worth asking again.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    fn send(
        &self,
        call: &Call<'_>,
        url: &str,
        authorization: Option<&Authorization>,
    ) -> Result<std::result::Result<Response<Body>, ureq::Error>> {
        let mut request = Request::builder().method(call.method.clone()).uri(url);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(Authorization(value)) = authorization.filter(|_| self.is_ours(url)) {
            request = request.header(header::AUTHORIZATION, value);
        }
        let unsendable = |e: http::Error| Error::invalid(format!("{}: {}: {e}", self.host, call.what));
        let takes_body = [Method::POST, Method::PUT, Method::PATCH].contains(&call.method);
        Ok(match &call.body {
            Payload::None if !takes_body => self.run(request.body(()).map_err(unsendable)?),
            Payload::None => self.run(request.body(&[][..]).map_err(unsendable)?),
            Payload::Bytes(bytes) => self.run(request.body(*bytes).map_err(unsendable)?),
            Payload::Part(length, open) => {
                let mut reader = open()?;
                request = request.header(header::CONTENT_LENGTH, *length);
                self.run(request.body(SendBody::from_reader(&mut reader)).map_err(unsendable)?)
            }
        })
    }

    fn run(
        &self,
        request: Request<impl ureq::AsSendBody>,
    ) -> std::result::Result<Response<Body>, ureq::Error> {
        // What begins under TLS is not led out of it.
        let encrypted = request.uri().scheme_str() == Some("https");
        let request = self.agent.configure_request(request).https_only(encrypted).build();
        self.agent.run(request)
    }

    /// Whether credentials for this registry may go there.
    fn is_ours(&self, url: &str) -> bool {
        let (Some(base), Ok(url)) = (self.base.get(), url.parse::<Uri>()) else { return false };
        let Ok(base) = base.parse::<Uri>() else { return false };
        let below = url.path().strip_prefix(base.path().trim_end_matches('/'));
        origin(&base) == origin(&url) && below.is_some_and(|rest| rest.starts_with('/'))
    }

    /// The URL of what a call is about. What the registry names itself may be elsewhere, and not outside TLS.
    fn url(&self, target: &str) -> Result<String> {
        let base = self.base()?;
        if target.starts_with('/') {
            return Ok(format!("{base}{target}"));
        }
        if !target.starts_with("http://") {
            let whole = target.starts_with("https://");
            return Ok(if whole { target.to_owned() } else { format!("{base}/v2/{target}") });
        }
        if base.starts_with("http://") {
            return Ok(target.to_owned());
        }
        // A registry behind a proxy that does TLS for it may not know better.
        let encrypted = target.replacen("http://", "https://", 1);
        if self.is_ours(&encrypted) {
            return Ok(encrypted);
        }
        let message = format!("{}: it leads out of TLS, to `{}`", self.host, printable(target));
        Err(Error::new(ErrorKind::Unavailable, message))
    }

    /// Where this registry is. Without TLS only where it is allowed, and where TLS is not spoken.
    fn base(&self) -> Result<&str> {
        if let Some(base) = self.base.get() {
            return Ok(base);
        }
        let authority = authority(&self.host);
        let encrypted = format!("https://{authority}");
        let plain_will_do = is_loopback(&self.host) || !self.settings.verify_tls;
        let base = if plain_will_do && !self.speaks_tls(&encrypted)? {
            format!("http://{authority}")
        } else {
            encrypted
        };
        Ok(self.base.get_or_init(|| base))
    }

    fn speaks_tls(&self, base: &str) -> Result<bool> {
        let request = Request::get(format!("{base}/v2/")).body(());
        let request = request.map_err(|e| Error::invalid(format!("{}: {e}", self.host)))?;
        match self.run(request) {
            Ok(_) => Ok(true),
            // It does, and not well.
            Err(e) if e.to_string().contains("certificate") => Err(unanswered(&self.host, "connect", &e)),
            Err(_) => Ok(false),
        }
    }

    /// What to answer to a challenge; `None` if we have nothing to say.
    fn authorization(&self, answer: &Response<Body>, call: &Call<'_>) -> Result<Option<Authorization>> {
        let challenges = answer.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenges: Vec<Challenge> =
            challenges.filter_map(|value| Challenge::parse(value.to_str().ok()?)).collect();
        // A mirror that is spoken to in the clear is not told who we are, unless that is said to be all right.
        let exposed = self.base()?.starts_with("http://") && !is_loopback(&self.host);
        let credential = match exposed && self.settings.verify_tls {
            true => None,
            false => self.settings.credentials.find(&self.host, call.repository)?,
        };
        let bearer = challenges.iter().find(|c| matches!(c, Challenge::Bearer { .. }));
        match (bearer, credential) {
            (Some(Challenge::Bearer { realm, service, scope }), credential) => {
                let mut scopes: Vec<&str> = call.scopes.iter().map(String::as_str).collect();
                if scopes.is_empty() {
                    scopes.extend(scope.split(' ').filter(|s| !s.is_empty()));
                }
                self.token((realm, service), &scopes, credential.as_ref()).map(Some)
            }
            (_, Some(Credential::Password { username, password }))
                if challenges.contains(&Challenge::Basic) =>
            {
                Ok(Some(Authorization::basic(&username, &password)))
            }
            _ => Ok(None),
        }
    }

    fn token(
        &self,
        of: (&str, &str),
        scopes: &[&str],
        credential: Option<&Credential>,
    ) -> Result<Authorization> {
        const WHAT: &str = "a token";
        let encrypted = self.base()?.starts_with("https://");
        let asked = TokenRequest::new(of, scopes, credential, &self.host, encrypted)?;
        let mut attempt = 1;
        loop {
            let again = attempt < self.settings.attempts;
            let mut request = Request::builder().uri(&asked.url);
            if let Some(Authorization(value)) = &asked.authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            let unsendable = |e: http::Error| Error::invalid(format!("{}: {WHAT}: {e}", self.host));
            let sent = match &asked.form {
                None => self.run(request.body(()).map_err(unsendable)?),
                Some(form) => {
                    let form_type = "application/x-www-form-urlencoded";
                    let request = request.method(Method::POST).header(header::CONTENT_TYPE, form_type);
                    self.run(request.body(form.as_str()).map_err(unsendable)?)
                }
            };
            let pause = match sent {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    let bad =
                        || Error::new(ErrorKind::Unavailable, format!("{}: {WHAT}: it is none", self.host));
                    return TokenRequest::token(answer.into_body()).ok_or_else(bad);
                }
                Ok(answer) if again && is_passing(answer.status()) => asked_pause(&answer),
                Ok(answer) => return Err(fault(&self.host, WHAT, answer)),
                Err(error) if again && is_passing_error(&error) => None,
                Err(error) => return Err(unanswered(&self.host, WHAT, &error)),
            };
            std::thread::sleep(pause.unwrap_or_else(|| backoff(attempt)));
            attempt += 1;
        }
    }
}

/// Scheme, host and port, the default ports included.
fn origin(uri: &Uri) -> (String, String, u16) {
    let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let default = if scheme == "http" { 80 } else { 443 };
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    (scheme, host, uri.port_u16().unwrap_or(default))
}

/// Whether another try may go better.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn is_passing_error(error: &ureq::Error) -> bool {
    let io = match error {
        ureq::Error::Io(io) => io,
        ureq::Error::Timeout(_) | ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed => return true,
        _ => return false,
    };
    // A certificate does not get better; a connection that was refused may.
    !io.to_string().contains("certificate")
}

/// Twice as long each time, and a bit at random, so that not everybody comes back at once.
pub(super) fn backoff(attempt: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    pause.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// What `Retry-After` says, in seconds.
fn asked_pause(answer: &Response<Body>) -> Option<Duration> {
    let seconds: u64 = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let same = |a: &str, b: &str| origin(&a.parse().unwrap()) == origin(&b.parse().unwrap());
        assert!(same("https://r.org", "https://R.org:443/v2/x"));
        assert!(same("http://r.org:80/", "http://r.org/v2/"));
        for (a, b) in [
            ("https://r.org", "http://r.org"),
            ("https://r.org", "https://r.org:444"),
            ("https://r.org", "https://r.org.evil.org"),
            ("https://r.org", "https://r.org@evil.org"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
