//! What every request has in common: versions, threads to work on, answers and errors.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use barge_core::store::Store;
use barge_sources::registry::Settings;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::body::{Content, Note, Noted};
use crate::events::Events;
use crate::fault::{Fault, Result};
use crate::metrics::Metrics;
use crate::query::Query;
use crate::route::Route;
use crate::transfer::{Lines, Upload, drain};
use crate::version::ApiVersion;
use crate::{images, system};

/// How many saves, loads, pulls, pushes and imports run at once; more wait.
pub(crate) const TRANSFERS: usize = 128;

/// How many questions to registries are under way at once; more wait.
pub(crate) const ENQUIRIES: usize = 16;

/// How a server goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Not yet.
    Serving,
    /// No new connections; what is under way goes on.
    Draining,
    /// What is still under way ends.
    Stopping,
}

/// What all requests share.
pub(crate) struct Service {
    pub(crate) store: Store,
    /// How registries are reached, by somebody who is nobody there.
    pub(crate) settings: Settings,
    pub(crate) parallel: usize,
    /// What the program calls itself.
    pub(crate) version: String,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Events,
    /// Held by the one prune that may run.
    pub(crate) pruning: Mutex<()>,
    pub(crate) transfers: Arc<Semaphore>,
    pub(crate) enquiries: Arc<Semaphore>,
    /// How long a client may say nothing in the middle of something.
    pub(crate) idle: Duration,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) name: Arc<str>,
    /// It came by TCP and showed no certificate: any page in a browser of this machine could have sent it.
    pub(crate) unproven: bool,
}

/// A request, as far as it is read.
pub(crate) struct Call {
    pub(crate) version: ApiVersion,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    body: Arc<Mutex<Option<Incoming>>>,
    route: &'static str,
}

/// What is answered.
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, &'static str)>,
    content: Content,
}

impl Answer {
    /// Nothing but a status.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), content: Content::Whole(Bytes::new()) }
    }

    pub(crate) fn new(content_type: &'static str, content: Content) -> Self {
        Self { status: StatusCode::OK, headers: vec![(CONTENT_TYPE, content_type)], content }
    }

    /// A JSON document and a line's end, as Go's encoder has it.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self> {
        let failed = |e: serde_json::Error| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string());
        let mut text = serde_json::to_vec(value).map_err(failed)?;
        text.push(b'\n');
        // Clients look at no more than these letters: a charset behind them makes it another type.
        Ok(Self::new("application/json", Content::Whole(text.into())))
    }

    pub(crate) fn with(mut self, header: HeaderName, value: &'static str) -> Self {
        self.headers.push((header, value));
        self
    }

    fn fault(fault: &Fault) -> Self {
        let text = format!("{}\n", fault.body());
        Self { status: fault.status, ..Self::new("application/json", Content::Whole(text.into())) }
    }
}

/// A transfer that runs; counted until it is dropped.
pub(crate) struct Transfer {
    metrics: Arc<Metrics>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.metrics.transfers.dec();
    }
}

impl Service {
    /// Answers a request. What is left of its body when it fails is read all the same, for a while: some clients
    /// read the answer only when they have sent everything.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<Noted> {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let body = Arc::new(Mutex::new(Some(body)));
        let found = Route::find(&parts.method, parts.uri.path());
        let route = found.as_ref().map_or("none", |(_, route)| route.label());
        let answered = match found {
            _ if peer.unproven && !is_local(&parts.headers) => {
                Err(Fault::new(StatusCode::FORBIDDEN, "requests of web pages are not answered"))
            }
            None => Err(Fault::not_found()),
            Some((version, found)) => {
                let version = version.unwrap_or(ApiVersion::NEWEST);
                match (version.refusal(), Query::parse(parts.uri.query().unwrap_or_default())) {
                    (Some(refusal), _) => Err(Fault::bad(refusal)),
                    (None, Err(fault)) => Err(fault),
                    (None, Ok(query)) => {
                        let body = Arc::clone(&body);
                        let call = Call { version, query, headers: parts.headers, body, route };
                        Arc::clone(&self).dispatch(found, call).await
                    }
                }
            }
        };
        let answer = answered.unwrap_or_else(|fault| {
            tracing::warn!(status = fault.status.as_u16(), error = fault.logged(), peer = %peer.name, "refused");
            if let Some(body) = take(&body) {
                tokio::spawn(drain(body, self.idle, self.phase.clone()));
            }
            Answer::fault(&fault)
        });
        let note = Note {
            metrics: Arc::clone(&self.metrics),
            began,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            route,
            status: answer.status.as_u16(),
            peer: peer.name,
            sent: 0,
            whole: false,
        };
        self.respond(answer, note)
    }

    fn respond(&self, answer: Answer, note: Note) -> Response<Noted> {
        let head = note.method == Method::HEAD.as_str();
        let content = if head { Content::Whole(Bytes::new()) } else { answer.content };
        let mut response = Response::new(Noted::new(content, note));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        let newest = ApiVersion::NEWEST.to_string();
        let server = format!("barge/{} ({})", self.version, system::OS);
        for (name, value) in [("api-version", newest), ("server", server)] {
            headers.extend(
                HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)),
            );
        }
        headers.insert("docker-experimental", HeaderValue::from_static("false"));
        headers.insert("ostype", HeaderValue::from_static(system::OS));
        if head {
            // Docker says the length of what it sends, which is nothing.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        for (name, value) in answer.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    async fn dispatch(self: Arc<Self>, route: Route, call: Call) -> Result<Answer> {
        match route {
            Route::Ping => Ok(system::ping()),
            Route::Version => system::version(&self),
            Route::Info => system::info(self).await,
            Route::Events => system::events(&self, &call),
            Route::Usage => system::usage(self, call).await,
            Route::Auth => system::auth(self, call).await,
            Route::Distribution(name) => system::distribution(self, call, name).await,
            Route::List => images::list(self, call).await,
            Route::Inspect(name) => images::inspect(self, call, name).await,
            Route::History(name) => images::history(self, call, name).await,
            Route::Save(name) => images::save(self, call, name).await,
            Route::Load => images::load(self, call).await,
            Route::Create => images::create(self, call).await,
            Route::Push(name) => images::push(self, call, name).await,
            Route::Tag(name) => images::tag(self, call, name).await,
            Route::Remove(name) => images::remove(self, call, name).await,
            Route::Prune => images::prune(self, call).await,
        }
    }

    /// Does something that is over soon, on a thread of its own.
    pub(crate) async fn work<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        tokio::task::spawn_blocking(move || work(&self)).await.unwrap_or_else(|_| Err(Fault::gone()))
    }

    /// Asks a registry something, on a thread of its own, when it is its turn. Whoever asks may be gone by then,
    /// and the registry may say nothing for long.
    pub(crate) async fn enquire<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.enquiries).acquire_owned().await;
        self.work(move |service| {
            let _permit = permit;
            work(service)
        })
        .await
    }

    /// Does something that may take long and tells line by line how far it is. What fails before the first line
    /// is answered as a failure.
    pub(crate) async fn lines(
        self: Arc<Self>,
        work: impl FnOnce(&Self, &Lines) -> Result<()> + Send + 'static,
    ) -> Result<Answer> {
        let transfer = self.transfer().await;
        let (lines, mut pieces) = Lines::new();
        let task = tokio::task::spawn_blocking(move || {
            let _transfer = transfer;
            lines.end(work(&self, &lines))
        });
        if !pieces.begin().await {
            task.await.unwrap_or_else(|_| Err(Fault::gone()))?;
        }
        Ok(Answer::new("application/json", Content::Stream(pieces, None)))
    }

    /// Waits for its turn.
    pub(crate) async fn transfer(&self) -> Transfer {
        let permit = Arc::clone(&self.transfers).acquire_owned().await.ok();
        self.metrics.transfers.inc();
        Transfer { metrics: Arc::clone(&self.metrics), _permit: permit }
    }
}

impl Call {
    /// The body, to be read on a thread.
    pub(crate) fn upload(self, service: &Service) -> (Upload, Uploaded) {
        let uploaded = Uploaded { metrics: Arc::clone(&service.metrics), route: self.route };
        (Upload::new(take(&self.body), service.idle, service.phase.clone()), uploaded)
    }

    /// The body of a small request.
    pub(crate) async fn small_body(&self, most: usize, idle: Duration) -> Result<Bytes> {
        let Some(body) = take(&self.body) else { return Ok(Bytes::new()) };
        let body = tokio::time::timeout(idle, Limited::new(body, most).collect()).await;
        let body = body.map_err(|_| Fault::bad("the request did not come to its end"))?;
        Ok(body.map_err(|e| Fault::bad(e.to_string()))?.to_bytes())
    }
}

/// The body, if nobody has taken it yet.
fn take(body: &Mutex<Option<Incoming>>) -> Option<Incoming> {
    body.lock().unwrap_or_else(PoisonError::into_inner).take().filter(|body| !body.is_end_stream())
}

/// Counts what was received of a body.
pub(crate) struct Uploaded {
    metrics: Arc<Metrics>,
    route: &'static str,
}

impl Uploaded {
    pub(crate) fn count(&self, upload: &Upload) {
        self.metrics.received(self.route, upload.received);
    }
}

/// Whether a program of this machine asks, and no page that a browser shows: those say where they are from, or
/// that they are pages, and cannot choose not to.
pub(crate) fn is_local(headers: &HeaderMap) -> bool {
    const OF_PAGES: [&str; 4] = ["origin", "referer", "sec-fetch-site", "sec-fetch-mode"];
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let bare = bare.unwrap_or_else(|| host.split(':').next().unwrap_or_default());
    let loopback = bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let named = loopback || matches!(bare, "localhost" | "api.moby.localhost" | "docker");
    named && OF_PAGES.iter().all(|header| !headers.contains_key(*header))
}

/// The time now as the store keeps it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_browsers_are_told_from_programs() {
        let local = |pairs: &[(HeaderName, &'static str)]| {
            is_local(&pairs.iter().map(|(k, v)| (k.clone(), HeaderValue::from_static(v))).collect())
        };
        for host in ["127.0.0.1:2375", "localhost", "[::1]:2375", "localhost:1"] {
            assert!(local(&[(HOST, host)]), "{host}");
        }
        for host in ["evil.example", "evil.example:2375", "192.0.2.1", "", "127.0.0.1.evil.example"] {
            assert!(!local(&[(HOST, host)]), "{host}");
        }
        for header in ["origin", "referer", "sec-fetch-site"] {
            let header = HeaderName::from_static(header);
            assert!(!local(&[(HOST, "localhost"), (header, "https://evil.example")]));
        }
    }
}
