//! The connection to a containerd, and one call on it.
//!
//! gRPC is asynchronous; whoever calls here waits, and any number of threads may, but no asynchronous task. The
//! connection is moved by a thread of its own and made again by the next call if it breaks. Every wait has an end, and
//! every message a largest size.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use barge_core::error::{Error, ErrorKind, Result};
use http::uri::PathAndQuery;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::fault::{fault, root_cause, timed_out};
use super::messages::Call;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How long containerd may work on a layer: to unpack it, or to copy the one below.
pub(super) const WORK: Duration = Duration::from_secs(60 * 60);
/// How long a stream may be silent, and how long a change may take. Behind the last piece of a blob all of it is made
/// durable, and older containerds change nothing else meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// The largest message that is accepted, which is the largest that containerd sends.
const MAX_MESSAGE: usize = 16 << 20;
/// How much of one stream may be on its way, and how much of all of them: streams that nobody reads at the moment
/// must not hold up the others.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// What says whose names and content are meant, and under which lease something is done.
const NAMESPACE: &str = "containerd-namespace";
const LEASE: &str = "containerd-lease";

type Header = MetadataValue<Ascii>;

/// A connection, as one namespace sees it; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Client {
    runtime: Arc<Runtime>,
    channel: Channel,
    namespace: Header,
    lease: Option<Header>,
}

impl Client {
    /// Connects to the containerd that listens at `socket`. Whether there is such a namespace is not asked.
    ///
    /// # Errors
    /// `Unavailable` if nobody answers there; `InvalidArgument` for what can be no namespace.
    pub(super) fn connect(socket: &Path, namespace: &str) -> Result<Self> {
        let namespace = header(namespace)?;
        UnixStream::connect(socket).map_err(|e| unreached(socket, e))?;
        let path = socket.to_str().ok_or_else(|| Error::invalid("the path of a socket has to be UTF-8"))?;
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("containerd").enable_all().build();
        let runtime = runtime.map_err(|e| Error::io("start a thread for", socket, e))?;
        let failed = |why: &str| Error::new(ErrorKind::Unavailable, format!("containerd: {path}: {why}"));
        let endpoint =
            Endpoint::from_shared(format!("unix://{path}")).map_err(|e| failed(&root_cause(&e)))?;
        let endpoint = endpoint
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        let channel = match runtime.block_on(async { timeout(CONNECT, endpoint.connect()).await }) {
            Ok(connected) => connected.map_err(|e| failed(&root_cause(&e)))?,
            Err(_) => return Err(timed_out("connect", CONNECT)),
        };
        Ok(Self { runtime: Arc::new(runtime), channel, namespace, lease: None })
    }

    /// The same connection; what is made over it belongs to a lease.
    ///
    /// # Errors
    /// `InvalidArgument` for what can be no lease.
    pub(super) fn leased(&self, lease: &str) -> Result<Self> {
        Ok(Self { lease: Some(header(lease)?), ..self.clone() })
    }

    /// One question, one answer. `what` it is about is for errors.
    ///
    /// # Errors
    /// Those of [`fault`]; `Unavailable` after [`ANSWER`].
    pub(super) fn ask<C: Call>(&self, what: &str, question: C) -> Result<C::Answer> {
        self.ask_within(ANSWER, what, question)
    }

    /// The same where the answer may take longer.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn ask_within<C: Call>(&self, most: Duration, what: &str, question: C) -> Result<C::Answer> {
        let request = self.request(question);
        self.wait(most, what, async {
            let answer = self.ready().await?.unary(request, method::<C>(), codec::<C>()).await?;
            Ok(answer.into_inner())
        })
    }

    /// One question, any number of answers.
    ///
    /// # Errors
    /// As [`Self::ask`]; what goes wrong later is told by [`Self::next`].
    pub(super) fn stream<C: Call>(&self, what: &str, question: C) -> Result<Streaming<C::Answer>> {
        let request = self.request(question);
        self.wait(ANSWER, what, async {
            let answers = self.ready().await?.server_streaming(request, method::<C>(), codec::<C>()).await?;
            Ok(answers.into_inner())
        })
    }

    /// Questions and answers side by side. The first question must be waiting already: without it no answer begins.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub(super) fn exchange<C: Call>(
        &self,
        what: &str,
        questions: mpsc::Receiver<C>,
    ) -> Result<Streaming<C::Answer>> {
        let request = self.request(ReceiverStream::new(questions));
        self.wait(PATIENCE, what, async {
            let answers = self.ready().await?.streaming(request, method::<C>(), codec::<C>()).await?;
            Ok(answers.into_inner())
        })
    }

    /// The next answer of a stream; `None` behind the last.
    ///
    /// # Errors
    /// Those of [`fault`]; `Unavailable` after [`PATIENCE`].
    pub(super) fn next<A>(&self, what: &str, answers: &mut Streaming<A>) -> Result<Option<A>> {
        self.wait(PATIENCE, what, answers.message())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert(NAMESPACE, self.namespace.clone());
        if let Some(lease) = &self.lease {
            request.metadata_mut().insert(LEASE, lease.clone());
        }
        request
    }

    async fn ready(&self) -> std::result::Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        grpc.ready().await.map_err(|e| Status::from_error(Box::new(e)))?;
        Ok(grpc)
    }

    fn wait<T>(
        &self,
        most: Duration,
        what: &str,
        work: impl Future<Output = std::result::Result<T, Status>>,
    ) -> Result<T> {
        match self.runtime.block_on(async { timeout(most, work).await }) {
            Ok(done) => done.map_err(|status| fault(what, &status)),
            Err(_) => Err(timed_out(what, most)),
        }
    }
}

fn method<C: Call>() -> PathAndQuery {
    PathAndQuery::from_static(C::METHOD)
}

fn codec<C: Call>() -> ProstCodec<C, C::Answer> {
    ProstCodec::default()
}

fn header(text: &str) -> Result<Header> {
    let unfit = || Error::invalid(format!("`{}` is no name in containerd", text.escape_default()));
    text.parse().ok().filter(|_| !text.is_empty()).ok_or_else(unfit)
}

/// The error for a socket that cannot be connected to, and what may help.
fn unreached(socket: &Path, cause: io::Error) -> Error {
    let hint = match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            "is containerd running? `--address` says where its socket is; \
             that of dockerd's own is /run/docker/containerd/containerd.sock"
        }
        io::ErrorKind::PermissionDenied => {
            "its socket is for root: try `sudo`, or `--address` with the socket of a containerd of your own"
        }
        _ => "`--address` says where the socket of containerd is",
    };
    let message = format!("containerd: {}", Error::io("connect to", socket, cause));
    Error::new(ErrorKind::Unavailable, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_there() {
        let folder = tempfile::tempdir().unwrap();
        let error = Client::connect(&folder.path().join("none.sock"), "default").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().ends_with("none.sock: no such file or directory"), "{error}");
        assert!(error.advice().unwrap().contains("--address"));
    }

    #[test]
    fn namespaces_that_no_header_can_say() {
        for (namespace, shown) in [("a\nb", r"a\nb"), ("", "")] {
            let error = Client::connect(Path::new("/nowhere"), namespace).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert_eq!(error.to_string(), format!("`{shown}` is no name in containerd"));
        }
    }
}
