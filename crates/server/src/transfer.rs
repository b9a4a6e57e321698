//! Answers that threads write, piece by piece, for connections that wait. Either end that goes away ends the other.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use barge_core::output::Sink;
use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::fault::Fault;

/// How much goes to the connection at once.
const PIECE: usize = 256 << 10;
/// How many pieces may wait for the connection.
const PIECES: usize = 2;
/// How many lines may wait for it.
const LINES: usize = 64;

/// The body of a response, for a thread to write.
pub(crate) struct Download {
    sender: Sender<io::Result<Bytes>>,
    waiting: BytesMut,
    ends: Arc<Ends>,
}

/// What a connection takes of what a thread writes. Dropped, it tells the thread.
pub(crate) struct Pieces {
    /// One that was looked at already.
    first: Option<io::Result<Bytes>>,
    receiver: Receiver<io::Result<Bytes>>,
    ends: Arc<Ends>,
}

/// What both ends know of each other.
#[derive(Default)]
struct Ends {
    /// Nobody takes pieces any more.
    gone: Arc<AtomicBool>,
    /// All was written. A thread that ends before has failed, however it ended.
    finished: AtomicBool,
}

impl Pieces {
    fn new(receiver: Receiver<io::Result<Bytes>>) -> Self {
        Self { first: None, receiver, ends: Arc::default() }
    }

    /// Pieces that are sent without a thread.
    pub(crate) fn open() -> (PieceSender, Self) {
        let (sender, receiver) = channel(LINES);
        let pieces = Self::new(receiver);
        (PieceSender { sender, ends: Arc::clone(&pieces.ends) }, pieces)
    }

    /// Waits for the first piece; whether there is one.
    pub(crate) async fn begin(&mut self) -> bool {
        self.first = self.receiver.recv().await;
        self.first.is_some()
    }

    /// The next piece; `None` when all was written.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        self.receiver.poll_recv(context).map(|piece| {
            let cut_short = || Some(Err(io::Error::other("what was to be sent ended too early")));
            if piece.is_none() && !self.ends.finished.load(Ordering::Acquire) { cut_short() } else { piece }
        })
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.ends.gone.store(true, Ordering::Relaxed);
    }
}

/// Sends pieces.
pub(crate) struct PieceSender {
    sender: Sender<io::Result<Bytes>>,
    ends: Arc<Ends>,
}

impl PieceSender {
    /// Sends one; whether anybody takes it.
    pub(crate) async fn send(&self, piece: Bytes) -> bool {
        self.sender.send(Ok(piece)).await.is_ok()
    }

    /// Waits until nobody takes any more.
    pub(crate) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Says that all was sent.
    pub(crate) fn finish(self) {
        self.ends.finished.store(true, Ordering::Release);
    }
}

impl Download {
    pub(crate) fn new() -> (Self, Pieces) {
        let (sender, receiver) = channel(PIECES);
        let pieces = Pieces::new(receiver);
        let ends = Arc::clone(&pieces.ends);
        (Self { sender, waiting: BytesMut::with_capacity(PIECE), ends }, pieces)
    }

    /// Says that all was written.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.ends.finished.store(true, Ordering::Release);
        Ok(())
    }

    fn send(&self, piece: io::Result<Bytes>) -> io::Result<()> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client went away");
        self.sender.blocking_send(piece).map_err(gone)
    }

    /// Breaks the connection off: what was sent is not to be taken for the whole.
    pub(crate) fn abort(self, why: &str) {
        // Whoever has gone away knows already.
        let _ = self.send(Err(io::Error::other(why.to_owned())));
    }
}

impl Sink for Download {}

impl Write for Download {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() >= PIECE {
            self.flush()?;
        }
        let n = bytes.len().min(PIECE - self.waiting.len());
        self.waiting.extend_from_slice(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.waiting, BytesMut::with_capacity(PIECE));
        self.send(Ok(full.freeze()))
    }
}

/// A response of JSON objects, one a line, for a thread to write. Nobody there to read them is no failure; it is
/// for [`Lines::gone`] to tell.
#[derive(Clone)]
pub(crate) struct Lines {
    sender: Sender<io::Result<Bytes>>,
    begun: Arc<AtomicBool>,
    /// What is said before the next object, if there is one.
    held: Arc<Mutex<Option<Bytes>>>,
    ends: Arc<Ends>,
}

impl Lines {
    pub(crate) fn new() -> (Self, Pieces) {
        let (sender, receiver) = channel(LINES);
        let pieces = Pieces::new(receiver);
        let ends = Arc::clone(&pieces.ends);
        (Self { sender, begun: Arc::default(), held: Arc::default(), ends }, pieces)
    }

    /// Sends one object.
    pub(crate) fn say(&self, line: &Value) {
        self.begun.store(true, Ordering::Relaxed);
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        for line in held.into_iter().chain([written(line)]) {
            let _ = self.sender.blocking_send(Ok(line));
        }
    }

    /// Sends one object together with the next; what fails before that is answered as a failure.
    pub(crate) fn hold(&self, line: &Value) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(written(line));
    }

    /// Sends one object unless that would have to wait: some clients send everything before they read anything.
    pub(crate) fn offer(&self, line: &Value) {
        if self.sender.try_send(Ok(written(line))).is_ok() {
            self.begun.store(true, Ordering::Relaxed);
        }
    }

    /// Says how it ended, if the answer has begun; else a failure is the answer.
    pub(crate) fn end(&self, outcome: Result<(), Fault>) -> Result<(), Fault> {
        if let Err(fault) = outcome {
            if !self.begun.load(Ordering::Relaxed) {
                return Err(fault);
            }
            self.say(&fault.line());
        }
        self.ends.finished.store(true, Ordering::Release);
        Ok(())
    }

    /// Set when nobody reads any more.
    pub(crate) fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ends.gone)
    }
}

fn written(line: &Value) -> Bytes {
    format!("{line}\r\n").into()
}
