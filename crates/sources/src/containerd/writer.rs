//! A blob on its way into containerd's content store: one stream of pieces and one of answers.
//!
//! ```text
//! -> STAT    reference, digest and size     how much of it is there already
//! -> WRITE   offset, a megabyte at most     any number of times
//! -> COMMIT  digest, size, labels           checked, made durable and visible
//! ```
//!
//! Every question is answered. A few pieces may be on their way before the first of them is, so that both sides work.
//! What is left of a blob that is given up goes with the lease it was written under.

use barge_core::error::{Error, ErrorKind, Result};
use barge_oci::Descriptor;
use bytes::Bytes;
use tokio::sync::mpsc;
use tonic::Streaming;

use super::client::Client;
use super::labels::Labels;
use super::messages::content::{WriteContentRequest, WriteContentResponse};
use super::messages::types::length;

/// How large a piece may be; containerd accepts 16 MiB, its own clients send this.
pub(super) const PIECE: u64 = 1 << 20;
/// How many questions may wait for an answer.
const AHEAD: usize = 4;

/// A blob that is written.
pub(super) struct Writer {
    client: Client,
    what: String,
    digest: String,
    size: i64,
    questions: mpsc::Sender<WriteContentRequest>,
    answers: Streaming<WriteContentResponse>,
    unanswered: usize,
    offset: i64,
}

impl Writer {
    /// Begins a blob under `reference`, which nobody else uses. `None` if containerd has it already.
    ///
    /// # Errors
    /// `Unavailable`, `Unauthorized`.
    pub(super) fn begin(client: &Client, reference: String, blob: &Descriptor) -> Result<Option<Self>> {
        let (digest, size) = (blob.digest.to_string(), length(blob.size));
        let what = format!("blob {digest}");
        let first = WriteContentRequest {
            action: WriteContentRequest::STAT,
            reference,
            total: size,
            expected: digest.clone(),
            ..WriteContentRequest::default()
        };
        let (questions, waiting) = mpsc::channel(AHEAD);
        let begun = questions.try_send(first).map_err(|_| broken(&what));
        let answers = match begun.and_then(|()| client.exchange(&what, waiting)) {
            Err(e) if e.kind() == ErrorKind::Conflict => return Ok(None),
            answers => answers?,
        };
        let client = client.clone();
        let mut writer = Self { client, what, digest, size, questions, answers, unanswered: 1, offset: 0 };
        match writer.answer() {
            Err(e) if e.kind() == ErrorKind::Conflict => Ok(None),
            // Content of another namespace that is shared with this one is there as a whole.
            Ok(status) if status.offset == size => {
                writer.offset = size;
                Ok(Some(writer))
            }
            Ok(_) => Ok(Some(writer)),
            Err(e) => Err(e),
        }
    }

    /// How many bytes are still to come.
    pub(super) fn left(&self) -> u64 {
        u64::try_from(self.size - self.offset).unwrap_or_default()
    }

    /// Adds the next piece: neither empty, nor more than [`PIECE`] or than is left.
    ///
    /// # Errors
    /// `Unavailable`, also if the disk is full there.
    pub(super) fn write(&mut self, data: Bytes) -> Result<()> {
        let (offset, written) = (self.offset, length(data.len() as u64));
        let action = WriteContentRequest::WRITE;
        self.ask(WriteContentRequest { action, offset, data, ..WriteContentRequest::default() })?;
        self.offset += written;
        Ok(())
    }

    /// Ends it; `false` if somebody else was faster, then their labels count.
    ///
    /// # Errors
    /// `Mismatch` if what was written is not the blob; `Unavailable`.
    pub(super) fn commit(mut self, labels: Labels) -> Result<bool> {
        let (offset, total, expected) = (self.offset, self.size, self.digest.clone());
        let action = WriteContentRequest::COMMIT;
        let last =
            WriteContentRequest { action, total, expected, offset, labels, ..WriteContentRequest::default() };
        match self.ask(last).and_then(|()| self.last_answer()) {
            Err(e) if e.kind() == ErrorKind::Conflict => Ok(false),
            Err(e) => Err(e),
            Ok(done) if (done.offset, &done.digest) == (self.size, &self.digest) => Ok(true),
            Ok(_) => {
                let message = format!("containerd: {}: it became something else there", self.what);
                Err(Error::new(ErrorKind::Mismatch, message))
            }
        }
    }

    /// There is room for as many questions as may be unanswered; if one cannot be sent, the stream has ended and the
    /// answers say why.
    fn ask(&mut self, question: WriteContentRequest) -> Result<()> {
        while self.unanswered >= AHEAD {
            self.answer()?;
        }
        if self.questions.try_send(question).is_err() {
            let why = (0..=AHEAD).find_map(|_| self.answer().err());
            return Err(why.unwrap_or_else(|| broken(&self.what)));
        }
        self.unanswered += 1;
        Ok(())
    }

    fn answer(&mut self) -> Result<WriteContentResponse> {
        let answer = self.client.next(&self.what, &mut self.answers)?;
        self.unanswered = self.unanswered.saturating_sub(1);
        answer.ok_or_else(|| broken(&self.what))
    }

    /// The answer to the last question, behind all the others.
    fn last_answer(&mut self) -> Result<WriteContentResponse> {
        while self.unanswered > 1 {
            self.answer()?;
        }
        self.answer()
    }
}

fn broken(what: &str) -> Error {
    let message = format!("containerd: {what}: it takes no more of it, and does not say why");
    Error::new(ErrorKind::Unavailable, message)
}
