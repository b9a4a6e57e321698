//! Asks a registry: finds out how it is reached, answers its challenges, tries again what may go well then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use barge_core::error::{Error, ErrorKind, Result};
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Method, Request, Response, StatusCode, header};
use ureq::{Agent, Body, ResponseExt, SendBody};

use super::Settings;
use super::auth::{Authorization, Challenge, TokenRequest, Tokens};
use super::call::{Call, Payload};
use super::credentials::Credential;
use super::endpoint::{is_loopback, tls};
use super::fault::fault;
use super::tries::{Sent, Tries};
use super::unanswered::unanswered;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: u32 = 5;
/// How often one call may be challenged: once, and once more when a token has run out.
const MAX_CHALLENGES: u32 = 2;
const MAX_CONNECTIONS: usize = 64;

/// Whoever asks one registry or mirror.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) host: String,
    pub(super) settings: Arc<Settings>,
    pub(super) agent: Agent,
    /// `https://registry-1.docker.io`, once it is known.
    pub(super) base: OnceLock<String>,
    tokens: Tokens,
    /// Whether it has ever answered.
    answered: AtomicBool,
    /// Whether this is a mirror that did not answer, and is not asked again.
    given_up: AtomicBool,
}

impl Client {
    /// For the host of a reference, or a mirror's URL.
    pub(super) fn new(place: &str, settings: Arc<Settings>) -> Result<Self> {
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
        let (answered, given_up) = Default::default();
        Ok(Self { host, settings, agent, base, tokens, answered, given_up })
    }

    /// Asks until there is an answer that another try would not change. Answers that are no success are
    /// answers too.
    pub(super) fn call(&self, call: &Call<'_>) -> Result<Response<Body>> {
        let url = self.url(&call.target, call.what)?;
        let (mut tries, mut challenges) = (self.tries(&url, call.once), 0);
        let scope = call.scopes.join(" ");
        loop {
            let used = self.tokens.get(&scope);
            let sent = self.send(call, &url, used.as_ref())?;
            // A challenge of somebody we were only led to is none of ours to answer.
            if let Ok(answer) = &sent
                && answer.status() == StatusCode::UNAUTHORIZED
                && challenges < MAX_CHALLENGES
                && self.is_ours(&answer.get_uri().to_string())
            {
                challenges += 1;
                if self.tokens.replace(&scope, used.as_ref(), || self.authorization(answer, call))? {
                    continue;
                }
            }
            if !tries.again(&sent) {
                return sent.map_err(|error| self.unanswered(call.what, &url, &error));
            }
        }
    }

    /// The tries of a request. Where nobody has ever listened on this machine, waiting is seldom of use.
    pub(super) fn tries(&self, url: &str, once: bool) -> Tries {
        let attempts = if once { 1 } else { self.settings.attempts };
        let hopeless = self.is_here(url) && !self.answered.load(Ordering::Relaxed);
        Tries::new(attempts, if hopeless { self.settings.refusals } else { attempts })
    }

    /// The error for what never got an answer.
    pub(super) fn unanswered(&self, what: &str, url: &str, error: &ureq::Error) -> Error {
        unanswered(&self.host, what, error, self.proxy(url).as_deref())
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

    fn send(&self, call: &Call<'_>, url: &str, authorization: Option<&Authorization>) -> Result<Sent> {
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

    pub(super) fn run(&self, request: Request<impl ureq::AsSendBody>) -> Sent {
        // What begins under TLS is not led out of it.
        let encrypted = request.uri().scheme_str() == Some("https");
        let request = self.agent.configure_request(request).https_only(encrypted).build();
        let sent = self.agent.run(request);
        self.answered.fetch_or(sent.is_ok(), Ordering::Relaxed);
        sent
    }

    /// What to answer to a challenge; `None` if we have nothing to say.
    fn authorization(&self, answer: &Response<Body>, call: &Call<'_>) -> Result<Option<Authorization>> {
        let challenges = answer.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenges: Vec<Challenge> =
            challenges.filter_map(|value| Challenge::parse(value.to_str().ok()?)).collect();
        // A mirror that is spoken to in the clear is not told who we are, unless that is said to be all right.
        let exposed = self.base(call.what)?.starts_with("http://") && !is_loopback(&self.host);
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
        let encrypted = self.base(WHAT)?.starts_with("https://");
        let asked = TokenRequest::new(of, scopes, credential, &self.host, encrypted)?;
        let mut tries = self.tries(&asked.url, false);
        let answer = loop {
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
            if !tries.again(&sent) {
                break sent.map_err(|error| self.unanswered(WHAT, &asked.url, &error))?;
            }
        };
        if answer.status() != StatusCode::OK {
            return Err(fault(&self.host, WHAT, answer));
        }
        let bad = || Error::new(ErrorKind::Unavailable, format!("{}: {WHAT}: it is none", self.host));
        TokenRequest::token(answer.into_body()).ok_or_else(bad)
    }
}
