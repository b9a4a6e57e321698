//! The server's life: it accepts connections, and when it is told to go it lets what is under way come to its end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barge_core::error::{Error, ErrorKind, Result};
use barge_core::store::Store;
use barge_sources::registry::Settings;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::events::Events;
use crate::listen::{Access, Address, Listener, listen};
use crate::metrics::Metrics;
use crate::service::{ENQUIRIES, Peer, Phase, Service, TRANSFERS, is_local};

/// How many connections of one listener are open at once; more wait.
const CONNECTIONS: usize = 1024;
/// How many clients of one listener may be about to show who they are.
const ARRIVING: usize = 64;
/// How many files an open connection is worth: a load has its socket, a lease, a lock and what it writes.
const FILES: u64 = 8;
/// Threads that operations may take: every transfer and every question to a registry one, and as many as transfers
/// for what is over soon.
const THREADS: usize = 2 * TRANSFERS + ENQUIRIES;
/// How long a client may take for a request's head, and say nothing between two requests.
const HEAD: Duration = Duration::from_secs(60);
/// How long a client may take for TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long operations have to notice that nobody waits for them any more.
const LAST: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted: there are no more file descriptors, say.
const PAUSE: Duration = Duration::from_millis(100);

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
/// use; `Io`.
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
        store,
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
    tracing::info!(store = %service.store.root().display(), pid = std::process::id(), "serving");

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

/// Anything a connection is made of.
trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// A client that has come.
struct Connection {
    stream: Pin<Box<dyn Stream>>,
    peer: Peer,
    permit: OwnedSemaphorePermit,
}

/// A socket that is listened on.
enum Acceptor {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener, Option<TlsAcceptor>),
}

impl Acceptor {
    fn new(listener: Listener, places: &mut Vec<crate::listen::Place>) -> Result<Self> {
        let doing = |e| Error::io("listen on", "a socket".as_ref(), e);
        Ok(match listener {
            Listener::Unix(listener, place) => {
                places.extend(place);
                listener.set_nonblocking(true).map_err(doing)?;
                Self::Unix(tokio::net::UnixListener::from_std(listener).map_err(doing)?)
            }
            Listener::Tcp(listener, tls) => {
                listener.set_nonblocking(true).map_err(doing)?;
                let listener = tokio::net::TcpListener::from_std(listener).map_err(doing)?;
                Self::Tcp(listener, tls.map(TlsAcceptor::from))
            }
        })
    }
}

/// A client before it has shown who it is.
enum Arrived {
    Unix(UnixStream),
    Tcp(TcpStream, SocketAddr),
}

/// Accepts clients of one listener: a few at a time show who they are, and `most` are connected.
async fn accept(acceptor: Acceptor, most: usize, sender: mpsc::Sender<Connection>, idle: Duration) {
    let (arriving, connected) = (Arc::new(Semaphore::new(ARRIVING)), Arc::new(Semaphore::new(most)));
    let mut clients = JoinSet::new();
    loop {
        let Ok(turn) = Arc::clone(&arriving).acquire_owned().await else { return };
        let arrived = match &acceptor {
            Acceptor::Unix(listener) => listener.accept().await.map(|(stream, _)| Arrived::Unix(stream)),
            Acceptor::Tcp(listener, _) => {
                listener.accept().await.map(|(stream, address)| Arrived::Tcp(stream, address))
            }
        };
        let arrived = match arrived {
            Ok(arrived) => arrived,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let tls = if let Acceptor::Tcp(_, tls) = &acceptor { tls.clone() } else { None };
        let (sender, connected) = (sender.clone(), Arc::clone(&connected));
        while clients.try_join_next().is_some() {}
        clients.spawn(async move {
            let _turn = turn;
            match open(arrived, tls, idle).await {
                Ok((stream, peer)) => {
                    let Ok(permit) = connected.acquire_owned().await else { return };
                    // Nobody takes it any more when the server is about to go.
                    let _ = sender.send(Connection { stream, peer, permit }).await;
                }
                Err((peer, error)) => tracing::warn!(%peer, %error, "a client was not let in"),
            }
        });
    }
}

type Opened = std::result::Result<(Pin<Box<dyn Stream>>, Peer), (String, io::Error)>;

async fn open(arrived: Arrived, tls: Option<TlsAcceptor>, idle: Duration) -> Opened {
    match arrived {
        Arrived::Unix(stream) => {
            let credentials = stream.peer_cred().ok();
            let name = credentials.map_or_else(
                || "unix".to_owned(),
                |c| format!("uid={} pid={}", c.uid(), c.pid().unwrap_or_default()),
            );
            Ok((patient(stream, idle), Peer { name: name.into(), unproven: false }))
        }
        Arrived::Tcp(stream, address) => {
            // Answers are written as they are ready, and who is gone without a word is found out. Without
            // either it works, too.
            let _ = stream.set_nodelay(true);
            let _ = set_socket_keepalive(&stream, true);
            let _ = set_tcp_keepidle(&stream, HEAD);
            let peer = |unproven| Peer { name: address.to_string().into(), unproven };
            let Some(tls) = tls else { return Ok((patient(stream, idle), peer(true))) };
            let late = |_| io::Error::from(io::ErrorKind::TimedOut);
            let shaken = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await.map_err(late).flatten();
            let stream = shaken.map_err(|error| (address.to_string(), error))?;
            Ok((patient(stream, idle), peer(false)))
        }
    }
}

/// Gives up a client that takes nothing for so long. That it sends nothing is for the readers of bodies to judge.
fn patient<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S, idle: Duration) -> Pin<Box<dyn Stream>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(idle));
    Box::pin(stream)
}

/// Serves `/metrics`, on a listener of its own.
fn metrics_at(address: SocketAddr, service: Arc<Service>) -> Result<impl Future<Output = ()> + Send> {
    let doing = |e| Error::io("listen on", format!("tcp://{address}").as_ref(), e);
    let listener = TcpListener::bind(address).map_err(doing)?;
    listener.set_nonblocking(true).map_err(doing)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(doing)?;
    let (permits, own) = (Arc::new(Semaphore::new(MOST_SCRAPERS)), address.ip().is_loopback());
    Ok(async move {
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let _permit = permit;
                let answer = service_fn(move |request| scraped(Arc::clone(&service), own, request));
                let stream = TokioIo::new(patient(stream, HEAD));
                let mut builder = http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
                // A scraper that goes away comes again.
                let _ = builder.serve_connection(stream, answer).await;
            });
        }
    })
}

/// How many connections `/metrics` takes at once.
const MOST_SCRAPERS: usize = 16;

async fn scraped(
    service: Arc<Service>,
    own: bool,
    request: Request<Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let mut response = Response::new(Full::default());
    let refusal = match (request.method(), request.uri().path()) {
        // On loopback nobody but programs of this machine is meant.
        _ if own && !is_local(request.headers()) => Some(StatusCode::FORBIDDEN),
        (&Method::GET, "/metrics") => None,
        (_, "/metrics") => Some(StatusCode::METHOD_NOT_ALLOWED),
        _ => Some(StatusCode::NOT_FOUND),
    };
    if let Some(refusal) = refusal {
        *response.status_mut() = refusal;
        return Ok(response);
    }
    match service.work(Service::measured).await {
        Ok(text) => {
            let text_format = HeaderValue::from_static("text/plain; version=0.0.4");
            response.headers_mut().insert(CONTENT_TYPE, text_format);
            *response.body_mut() = text.into();
        }
        Err(fault) => *response.status_mut() = fault.status,
    }
    Ok(response)
}

impl Service {
    /// Everything that is counted, with the store as it is now.
    fn measured(&self) -> crate::fault::Result<Vec<u8>> {
        use barge_core::content::Resolver;
        let bytes = self.store.sizes()?.values().sum();
        let mut images: Vec<_> = self.store.images()?.into_iter().map(|i| i.target.digest).collect();
        images.sort();
        images.dedup();
        let failed =
            |e: prometheus::Error| crate::fault::Fault::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string());
        self.metrics.text(bytes, images.len()).map_err(failed)
    }
}
