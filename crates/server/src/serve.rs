//! The server's life: it serves connections, and when it is told to go it lets what is under way come to its end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barge_core::error::{Error, ErrorKind, Result};
use barge_core::store::Store;
use barge_sources::registry::Settings;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::accept::{Acceptor, Connection, accept};
use crate::address::Address;
use crate::events::Events;
use crate::listen::{Access, listen};
use crate::metrics::Metrics;
use crate::scrape::metrics_at;
use crate::service::{ENQUIRIES, Phase, Service, TRANSFERS};

/// How many connections of one listener are open at once; more wait.
const CONNECTIONS: usize = 1024;
/// How many files an open connection is worth: a load has its socket, a lease, a lock and what it writes.
const FILES: u64 = 8;
/// Threads that operations may take: every transfer and every question to a registry one, and as many as transfers
/// for what is over soon.
const THREADS: usize = 2 * TRANSFERS + ENQUIRIES;
/// How long a client may take for a request's head, and say nothing between two requests.
pub(crate) const HEAD: Duration = Duration::from_secs(60);
/// How long operations have to notice that nobody waits for them any more.
const LAST: Duration = Duration::from_secs(10);

/// How a store is served.
#[derive(Debug)]
pub struct Options {
    /// What the program calls itself.
    pub version: String,
    /// How registries are reached; credentials are the clients' business.
    pub registries: Settings,
    /// How many blobs are moved at once between the store and a registry.
    pub parallel: usize,
    /// Where `/metrics` is, if anywhere. It is asked for what everybody may know: how much, never what.
    pub metrics: Option<SocketAddr>,
    /// How long a client may say nothing in the middle of something.
    pub idle: Duration,
    /// How long what is under way may take once the server is told to go.
    pub grace: Duration,
}

/// Listens on `addresses` and serves a store until SIGTERM or SIGINT. What is under way then comes to its end; after
/// [`Options::grace`], or a second signal, it is broken off, and after a third nothing is waited for.
///
/// # Errors
/// `Conflict` if another process serves this store or listens there; `InvalidArgument` for TCP that everybody could
/// use, and for what nobody can listen on; `NotFound` if a socket's folder is not there; `Io`.
pub fn serve(store: Store, addresses: &[Address], access: &Access, options: Options) -> Result<()> {
    let _serving = store.serving()?;
    let doing = |e| Error::io("start", "the server".as_ref(), e);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .thread_name("barge-serve")
        .build()
        .map_err(doing)?;
    let served = runtime.block_on(run(store, addresses, access, options));
    // Whoever is still at work after that was waited for already.
    runtime.shutdown_background();
    served
}

async fn run(store: Store, addresses: &[Address], access: &Access, options: Options) -> Result<()> {
    let Options { version, registries, parallel, metrics: address, idle, grace } = options;
    let (advance, phase) = watch::channel(Phase::Serving);
    let metrics = Metrics::new().map_err(|e| Error::new(ErrorKind::Io, e.to_string()))?;
    let service = Arc::new(Service {
        opened: store,
        settings: registries,
        parallel,
        version,
        metrics: Arc::new(metrics),
        events: Events::new(),
        pruning: Mutex::default(),
        transfers: Arc::new(Semaphore::new(TRANSFERS)),
        enquiries: Arc::new(Semaphore::new(ENQUIRIES)),
        idle,
        phase,
    });
    // Before the sockets: whoever finds one may end us, and it is to go with us.
    let mut signals = Signals::new()?;
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.extend(listen(address, access)?);
        tracing::info!(%address, "listening");
    }
    let mut tasks = JoinSet::new();
    if let Some(address) = address {
        tasks.spawn(metrics_at(address, Arc::clone(&service))?);
    }
    let (sender, mut connections) = mpsc::channel(1);
    let most = room();
    // The sockets' paths go when these are dropped.
    let mut places = Vec::new();
    for listener in listeners {
        let acceptor = Acceptor::new(listener, &mut places)?;
        tasks.spawn(accept(acceptor, most, sender.clone(), idle));
    }
    drop(sender);
    ready();
    tracing::info!(store = %service.opened.root().display(), pid = std::process::id(), "serving");

    let graceful = GracefulShutdown::new();
    let mut open = JoinSet::new();
    loop {
        let connection = tokio::select! {
            () = signals.next() => break,
            Some(connection) = connections.recv() => connection,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
            Some(ended) = tasks.join_next() => {
                let why = ended.err().map_or_else(|| "it ended".to_owned(), |e| e.to_string());
                return Err(Error::new(ErrorKind::Io, format!("a listener failed: {why}")));
            }
        };
        let Connection { stream, peer, permit } = connection;
        let service = Arc::clone(&service);
        let metrics = Arc::clone(&service.metrics);
        let answer = service_fn(move |request| {
            let (service, peer) = (Arc::clone(&service), peer.clone());
            async move { Ok::<_, std::convert::Infallible>(service.answer(request, peer).await) }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), answer));
        metrics.connections.inc();
        open.spawn(async move {
            let _permit = permit;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            metrics.connections.dec();
        });
    }

    tracing::info!("stopping: no new connections, what is under way goes on");
    // Systemd learns it if it listens; there is nobody else to tell.
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    tasks.abort_all();
    drop((connections, places));
    advance.send_replace(Phase::Draining);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(grace) => tracing::warn!("what takes too long is broken off"),
        () = signals.next() => tracing::warn!("told again: what is under way is broken off"),
    }
    advance.send_replace(Phase::Stopping);
    open.shutdown().await;
    // Every transfer gives its turn back when its thread is done.
    let all = u32::try_from(TRANSFERS).unwrap_or(u32::MAX);
    tokio::select! {
        _ = service.transfers.acquire_many(all) => {}
        () = tokio::time::sleep(LAST) => tracing::warn!("some operations did not notice the end"),
        () = signals.next() => tracing::warn!("told again: nothing is waited for"),
    }
    tracing::info!("stopped");
    Ok(())
}

/// How many connections one listener may have, with as many files as this process may open.
fn room() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // More than that cannot be had without privileges; whether it can is not worth a word.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / FILES;
    let most = usize::try_from(files).unwrap_or(CONNECTIONS).clamp(1, CONNECTIONS);
    if most < CONNECTIONS {
        tracing::warn!(connections = most, "fewer connections than usual: few files may be open");
    }
    most
}

/// Tells systemd that clients may come.
fn ready() {
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let watch = |kind| signal(kind).map_err(|e| Error::io("watch", "signals".as_ref(), e));
        Ok(Self { terminate: watch(SignalKind::terminate())?, interrupt: watch(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
