//! A large blob over several connections at once, where there are fewer blobs than connections.
//!
//! Lanes take pieces in turn: with three, the first takes the pieces 0, 3, 6 and so on. What they fetch is received in
//! order, so that what is kept of a broken download is its beginning, as ever. Each lane holds two pieces at the most.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use barge_oci::Descriptor;

use crate::content::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::may_be_absent;
use crate::parallel::stopped;
use crate::progress::Transfers;
use crate::store::Partial;

const PIECE: u64 = 4 << 20;
/// What is smaller comes over one connection.
const WORTH: u64 = 32 << 20;

/// How many lanes a blob is worth when `connections` are there for `blobs` of them.
pub(super) fn lanes(blob: &Descriptor, blobs: usize, connections: usize) -> usize {
    if blob.size < WORTH || may_be_absent(blob) { 1 } else { (connections / blobs.max(1)).max(1) }
}

/// Receives the rest of a blob; `false` if there is more that can be had as a whole blob only.
///
/// # Errors
/// Those of the remote and of [`Partial::write`]. What came in order is kept.
pub(super) fn receive(
    partial: &mut Partial<'_>,
    remote: &impl Remote,
    blob: &Descriptor,
    lanes: usize,
    stop: &AtomicBool,
    transfers: &dyn Transfers,
) -> Result<bool> {
    let (start, size) = (partial.received(), blob.size);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut receivers = Vec::new();
        for lane in 0..lanes {
            let (sender, receiver) = sync_channel(1);
            receivers.push(receiver);
            let (over, first) = (&over, start + lane as u64 * PIECE);
            scope.spawn(move || fetch(remote, blob, (first, PIECE * lanes as u64), &sender, over));
        }
        let received = (|| {
            for receiver in receivers.iter().cycle() {
                if partial.received() >= size {
                    break;
                }
                if stop.load(Ordering::Relaxed) {
                    return Err(stopped());
                }
                let Ok(piece) = receiver.recv() else { return Err(stopped()) };
                let Some(piece) = piece? else { return Ok(false) };
                partial.write(&piece)?;
                transfers.advance(blob, piece.len() as u64);
            }
            Ok(true)
        })();
        over.store(true, Ordering::Relaxed);
        // A lane that waits to hand something on is let go.
        drop(receivers);
        received
    })
}

/// One lane: every piece from `first` on, `stride` bytes apart. `None` is handed on where there are no ranges.
fn fetch(
    remote: &impl Remote,
    blob: &Descriptor,
    (first, stride): (u64, u64),
    sender: &SyncSender<Result<Option<Vec<u8>>>>,
    over: &AtomicBool,
) {
    let mut at = first;
    while at < blob.size && !over.load(Ordering::Relaxed) {
        let range = at..(at + PIECE).min(blob.size);
        let length = range.end - range.start;
        let read = remote.read_range(blob, range).and_then(|reader| {
            let Some(reader) = reader else { return Ok(None) };
            let mut piece = Vec::new();
            let read = reader.take(length).read_to_end(&mut piece);
            match read {
                Ok(n) if n as u64 == length => Ok(Some(piece)),
                Ok(n) => Err(broken(remote, blob, &format!("{n} bytes of a range of {length}"))),
                Err(e) => Err(broken(remote, blob, &e)),
            }
        });
        let last = !matches!(read, Ok(Some(_)));
        if sender.send(read).is_err() || last {
            return;
        }
        at += stride;
    }
}

/// The error for a blob that did not come to its end.
pub(super) fn broken(remote: &impl Remote, blob: &Descriptor, why: &dyn std::fmt::Display) -> Error {
    let message = format!("{}: blob {}: {why}", remote.place(), blob.digest);
    Error::new(ErrorKind::Unavailable, message).hint("what came is kept: the same command goes on from there")
}
