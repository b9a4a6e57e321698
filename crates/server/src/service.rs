//! What all requests share, and the threads that they are worked on.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use barge_core::store::Store;
use barge_sources::registry::Settings;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::body::{Content, Note, Noted};
use crate::call::{Answer, Call, Peer, RequestBody};
use crate::events::Events;
use crate::fault::{Fault, Result};
use crate::metrics::Metrics;
use crate::page::is_local;
use crate::query::Query;
use crate::route::Route;
use crate::transfer::Lines;
use crate::upload::drain;
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
    /// As it was when the server started; see [`Service::store`].
    pub(crate) opened: Store,
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
    /// The store as it is now: it may have been removed, or exchanged for another, since the last request.
    pub(crate) fn store(&self) -> Store {
        self.opened.anew()
    }

    /// Answers a request. What is left of its body when it fails is read all the same, for a while: some clients
    /// read the answer only when they have sent everything.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<Noted> {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let body = RequestBody::new(body);
        let found = Route::find(&parts.method, parts.uri.path());
        let route = found.as_ref().map_or("none", |(_, route)| route.label());
        let answered = match found {
            _ if peer.unproven && !is_local(&parts.headers) => {
                Err(Fault::new(StatusCode::FORBIDDEN, "requests of web pages are not answered"))
            }
            None => Err(Fault::no_route(parts.uri.path())),
            Some((version, found)) => {
                let version = version.unwrap_or(ApiVersion::NEWEST);
                match (version.refusal(), Query::parse(parts.uri.query().unwrap_or_default())) {
                    (Some(refusal), _) => Err(Fault::bad(refusal)),
                    (None, Err(fault)) => Err(fault),
                    (None, Ok(query)) => {
                        let body = body.clone();
                        let call = Call { version, query, headers: parts.headers, body, route };
                        Arc::clone(&self).dispatch(found, call).await
                    }
                }
            }
        };
        let answer = answered.unwrap_or_else(|fault| {
            tracing::warn!(status = fault.status.as_u16(), error = fault.logged(), peer = %peer.name, "refused");
            if let Some(body) = body.take() {
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
        answer.respond(&self.version, note)
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

/// The time now as the store keeps it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().to_string()
}
