//! Bodies of responses: whole, or as they come from a thread at work.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::metrics::Metrics;
use crate::transfer::Pieces;

/// What is answered. An error in it, or an end before its time, breaks the connection off.
pub(crate) enum Content {
    Whole(Bytes),
    /// So many bytes, where that is known.
    Stream(Pieces, Option<u64>),
}

/// A body that is noted when it is done with.
pub(crate) struct Noted {
    content: Content,
    note: Note,
}

/// What is noted of a request.
pub(crate) struct Note {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) began: Instant,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) peer: Arc<str>,
    pub(crate) sent: u64,
    /// Whether all of it was sent.
    pub(crate) whole: bool,
}

impl Noted {
    pub(crate) fn new(content: Content, note: Note) -> Self {
        Self { content, note }
    }
}

impl Body for Noted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = match &mut self.content {
            Content::Whole(bytes) if bytes.is_empty() => None,
            Content::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Content::Stream(pieces, _) => match pieces.poll_next(context) {
                Poll::Ready(piece) => piece,
                Poll::Pending => return Poll::Pending,
            },
        };
        match &piece {
            Some(Ok(bytes)) => self.note.sent += bytes.len() as u64,
            Some(Err(_)) => {}
            None => self.note.whole = true,
        }
        if let Content::Stream(_, Some(left)) = &mut self.content
            && let Some(Ok(bytes)) = &piece
        {
            *left = left.saturating_sub(bytes.len() as u64);
            // Whoever knows the length does not ask for the end.
            self.note.whole = self.is_end_stream();
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Stream(_, left) => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(_, Some(left)) => SizeHint::with_exact(*left),
            Content::Stream(_, None) => SizeHint::default(),
        }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let Note { metrics, began, method, path, route, status, peer, sent, whole } = &self.note;
        let whole = *whole || self.is_end_stream();
        let seconds = began.elapsed().as_secs_f64();
        metrics.answered(route, *status, *sent, seconds, whole);
        tracing::info!(%method, %path, status, sent, seconds, whole, %peer, "answered");
    }
}
