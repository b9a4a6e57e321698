//! The body of a request as something to read, for a thread. A client that goes away, or is silent for too long, ends
//! the reading.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use prometheus::IntCounter;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::service::Phase;

/// How long a client is listened to that goes on sending though its request has failed: some read the answer only
/// after that.
const DRAIN: Duration = Duration::from_secs(60);

/// The body of a request, for a thread to read.
pub(crate) struct Upload {
    body: Option<Incoming>,
    piece: Bytes,
    handle: Handle,
    idle: Duration,
    phase: watch::Receiver<Phase>,
    /// Told of what was received.
    received: IntCounter,
    ended: bool,
}

impl Upload {
    pub(crate) fn new(
        body: Option<Incoming>,
        idle: Duration,
        phase: watch::Receiver<Phase>,
        received: IntCounter,
    ) -> Self {
        let handle = Handle::current();
        Self { body, piece: Bytes::new(), handle, idle, phase, received, ended: false }
    }

    /// The next piece; empty at the end.
    fn next(&mut self) -> io::Result<Bytes> {
        let Self { body, handle, idle, phase, .. } = self;
        let Some(body) = body else { return Ok(Bytes::new()) };
        handle.block_on(async {
            loop {
                let frame = tokio::select! {
                    frame = tokio::time::timeout(*idle, body.frame()) => frame,
                    _ = phase.wait_for(|phase| *phase == Phase::Stopping) => {
                        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server is stopping"));
                    }
                };
                let text = || format!("nothing came for {} seconds", idle.as_secs());
                match frame.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, text()))? {
                    None => return Ok(Bytes::new()),
                    Some(Err(e)) => {
                        let text = format!("the client went away: {e}");
                        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
                    }
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) if !data.is_empty() => return Ok(data),
                        // Empty pieces and trailers say nothing.
                        _ => {}
                    },
                }
            }
        })
    }

    /// Goes on reading what a client still sends, beside the answer.
    pub(crate) fn drain(&mut self) {
        if let Some(body) = self.body.take() {
            self.handle.spawn(drain(body, self.idle, self.phase.clone()));
        }
    }
}

/// Reads what a client still sends, for a while, so that it comes to read the answer.
pub(crate) async fn drain(mut body: Incoming, idle: Duration, mut phase: watch::Receiver<Phase>) {
    let rest = async { while let Ok(Some(Ok(_))) = tokio::time::timeout(idle, body.frame()).await {} };
    tokio::select! {
        () = rest => {}
        () = tokio::time::sleep(DRAIN) => {}
        _ = phase.wait_for(|phase| *phase > Phase::Serving) => {}
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && !self.ended && !buffer.is_empty() {
            self.piece = self.next()?;
            self.ended = self.piece.is_empty();
            self.received.inc_by(self.piece.len() as u64);
        }
        let n = buffer.len().min(self.piece.len());
        let bytes = self.piece.split_to(n);
        if let Some(space) = buffer.get_mut(..n) {
            space.copy_from_slice(&bytes);
        }
        Ok(n)
    }
}
