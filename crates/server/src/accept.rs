//! Clients on their way in: accepted, asked who they are, and given up when they take nothing.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use barge_core::error::{Error, Result};
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::call::Peer;
use crate::listen::Listener;
use crate::place::Place;
use crate::serve::HEAD;

/// How many clients of one listener may be about to show who they are.
const ARRIVING: usize = 64;
/// How long a client may take for TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted: there are no more file descriptors, say.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Anything a connection is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// A client that has come.
pub(crate) struct Connection {
    pub(crate) stream: Pin<Box<dyn Stream>>,
    pub(crate) peer: Peer,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// A socket that is listened on.
pub(crate) enum Acceptor {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener, Option<TlsAcceptor>),
}

impl Acceptor {
    /// The places of sockets that were made here are kept in `places`.
    pub(crate) fn new(listener: Listener, places: &mut Vec<Place>) -> Result<Self> {
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
pub(crate) async fn accept(
    acceptor: Acceptor,
    most: usize,
    sender: mpsc::Sender<Connection>,
    idle: Duration,
) {
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
pub(crate) fn patient<S: AsyncRead + AsyncWrite + Send + 'static>(
    stream: S,
    idle: Duration,
) -> Pin<Box<dyn Stream>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(idle));
    Box::pin(stream)
}
