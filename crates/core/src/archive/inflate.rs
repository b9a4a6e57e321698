//! Decompresses layers beside the pass that reads them, and hashes what comes out beside that, to learn their diffIDs
//! on other cores.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use barge_oci::Digest;

use super::decompress::{Compression, MAX_RATIO, ZSTD_WINDOW_LOG};
use super::digests::Hashers;
use super::facts::{Broken, GONE, Inner};
use crate::error::Error;

/// Pieces in flight between the two threads.
const QUEUE: usize = 4;
const BUFFER: usize = 256 << 10;
/// What is smaller is hashed before a thread has started.
const WORTH: u64 = 1 << 20;
/// How far all files of an archive together may expand beyond [`MAX_RATIO`].
const FREE_BYTES: u64 = 8 << 30;

/// What a file holds, or why that cannot be said.
pub(super) type Outcome = Result<Inner, Broken>;

/// What is left of [`FREE_BYTES`].
pub(super) struct Free(AtomicU64);

impl Default for Free {
    fn default() -> Self {
        Self(AtomicU64::new(FREE_BYTES))
    }
}

impl Free {
    fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// One decompressing thread for what cannot be read again, started when the first layer needs it.
#[derive(Default)]
pub(super) struct Inflater {
    worker: Option<Worker>,
    /// What all layers may expand by, also those that others decompress.
    pub free: Arc<Free>,
}

struct Worker {
    work: Option<SyncSender<Work>>,
    outcomes: Receiver<Outcome>,
    thread: Option<JoinHandle<()>>,
}

enum Work {
    Begin { compression: Compression, size: u64, wide: bool },
    Piece(Vec<u8>),
    End,
}

impl Inflater {
    /// A compressed file of `size` bytes begins; `wide` asks for sha512 too.
    ///
    /// # Errors
    /// `Io` if no thread can be started for it.
    pub(super) fn begin(&mut self, compression: Compression, size: u64, wide: bool) -> Result<(), Error> {
        if self.worker.is_none() {
            let started = Worker::start(Arc::clone(&self.free));
            self.worker = Some(started.map_err(|e| Error::io("start", Path::new("a thread"), e))?);
        }
        let Some(worker) = &self.worker else { return Ok(()) };
        worker.send(Work::Begin { compression, size, wide });
        Ok(())
    }

    /// More of its bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if let Some(worker) = &self.worker {
            worker.send(Work::Piece(bytes.to_vec()));
        }
    }

    /// It is complete: what it holds, or why that cannot be said.
    pub(super) fn end(&mut self) -> Outcome {
        let gone = || Err(Broken::corrupt(GONE));
        let Some(worker) = &self.worker else { return gone() };
        worker.send(Work::End);
        worker.outcomes.recv().unwrap_or_else(|_| gone())
    }
}

impl Worker {
    fn start(free: Arc<Free>) -> io::Result<Self> {
        let (work, todo) = sync_channel(QUEUE);
        let (done, outcomes) = sync_channel(1);
        let thread = Builder::new().spawn(move || {
            while let Ok(work) = todo.recv() {
                let Work::Begin { compression, size, wide } = work else { continue };
                let mut pieces = Pieces { todo: &todo, piece: io::Cursor::default(), ended: false };
                let outcome = inflate(compression, &mut pieces, size, wide, &free, ZSTD_WINDOW_LOG);
                // What the decoder did not want still has to be taken from the queue.
                let drained = io::copy(&mut pieces, &mut io::sink());
                if drained.is_err() || done.send(outcome).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { work: Some(work), outcomes, thread: Some(thread) })
    }

    /// A send fails only when the thread is gone, which [`Inflater::end`] reports.
    fn send(&self, work: Work) {
        if let Some(queue) = &self.work {
            let _gone = queue.send(work);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Decompresses a file of `size` bytes to its end and hashes what is in it. A zstd window may be as large as 2 to the
/// power of `window_log`.
pub(super) fn inflate(
    compression: Compression,
    input: &mut dyn Read,
    size: u64,
    wide: bool,
    free: &Free,
    window_log: u32,
) -> Outcome {
    let corrupt = |e: io::Error| {
        Broken::corrupt(match e.kind() {
            io::ErrorKind::UnexpectedEof => format!("the {} stream ends too early", compression.name()),
            _ => format!("the {} stream is corrupt: {e}", compression.name()),
        })
    };
    let mut decoder = compression.decoder_within(input, window_log).map_err(corrupt)?;
    let earned = size.saturating_mul(MAX_RATIO);
    let (mut total, mut beyond) = (0_u64, 0);
    let (sha256, sha512) = hashed(size >= WORTH, wide, |buffer| {
        let n = loop {
            match decoder.read(buffer) {
                Ok(n) => break n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(corrupt(e)),
            }
        };
        total += n as u64;
        let more = total.saturating_sub(earned) - beyond;
        beyond += more;
        if !free.take(more) {
            let why = format!("{size} bytes expand to more than is reasonable, {total} so far");
            return Err(Broken::bomb(why));
        }
        Ok(n)
    })?;
    Ok(Inner { sha256, sha512 })
}

/// Hashes what `fill` puts into one buffer after the other, until there is nothing more; `beside` it, if so and if a
/// thread can be had.
fn hashed(
    beside: bool,
    wide: bool,
    mut fill: impl FnMut(&mut [u8]) -> Result<usize, Broken>,
) -> Result<(Digest, Option<Digest>), Broken> {
    let (full, filled) = sync_channel::<(Vec<u8>, usize)>(QUEUE);
    let (back, free) = channel();
    std::thread::scope(|scope| {
        let hash = move || {
            let mut hashers = Hashers::new(wide);
            for (buffer, n) in filled {
                hashers.update(buffer.get(..n).unwrap_or_default());
                // Nobody fills it any more at the end.
                let _ = back.send(buffer);
            }
            hashers.finish()
        };
        let Some(hashing) = beside.then(|| Builder::new().spawn_scoped(scope, hash).ok()).flatten() else {
            return hashed_here(wide, fill);
        };
        let (mut buffers, gone) = (QUEUE + 2, || Broken::corrupt("the hashing thread is gone"));
        loop {
            let mut buffer = if buffers > 0 {
                buffers -= 1;
                vec![0; BUFFER]
            } else {
                free.recv().map_err(|_| gone())?
            };
            let n = fill(&mut buffer)?;
            if n == 0 {
                break;
            }
            full.send((buffer, n)).map_err(|_| gone())?;
        }
        drop(full);
        hashing.join().map_err(|_| gone())
    })
}

fn hashed_here(
    wide: bool,
    mut fill: impl FnMut(&mut [u8]) -> Result<usize, Broken>,
) -> Result<(Digest, Option<Digest>), Broken> {
    let (mut hashers, mut buffer) = (Hashers::new(wide), vec![0; BUFFER]);
    loop {
        let n = fill(&mut buffer)?;
        if n == 0 {
            return Ok(hashers.finish());
        }
        hashers.update(buffer.get(..n).unwrap_or_default());
    }
}

/// The pieces of one file, as something to read from.
struct Pieces<'a> {
    todo: &'a Receiver<Work>,
    piece: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.piece.read(buffer)?;
            if n > 0 || self.ended || buffer.is_empty() {
                return Ok(n);
            }
            match self.todo.recv() {
                Ok(Work::Piece(piece)) => self.piece = io::Cursor::new(piece),
                Ok(Work::Begin { .. } | Work::End) => self.ended = true,
                Err(_) => {
                    self.ended = true;
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;

    #[test]
    fn what_expands_beyond_all_reason_is_refused_whoever_decompresses_it() {
        let zeros = vec![0; 64 << 20];
        let bomb = zstd::encode_all(zeros.as_slice(), 1).unwrap();
        let size = bomb.len() as u64;
        let free = Free(AtomicU64::new(80 << 20));
        let once = || inflate(Compression::Zstd, &mut bomb.as_slice(), size, false, &free, ZSTD_WINDOW_LOG);
        assert_eq!(once().unwrap().sha256, Digest::sha256(&zeros));
        // What the first has taken the second has not.
        let bomb = once().unwrap_err();
        assert_eq!(bomb.refusal, Refusal::LimitExceeded);
        assert!(bomb.why.contains("expand to more than is reasonable"));
    }

    #[test]
    fn digests_are_the_same_beside_and_here() {
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let digests = |beside| {
            let mut left = content.as_slice();
            hashed(beside, true, |buffer| left.read(buffer).map_err(|e| Broken::corrupt(e.to_string())))
                .unwrap()
        };
        assert_eq!(digests(true), digests(false));
        assert_eq!(digests(true).0, Digest::sha256(&content));
        let failing =
            |beside| hashed(beside, false, |_| Err(Broken::corrupt("no"))).unwrap_err().why.into_string();
        assert_eq!((failing(true), failing(false)), ("no".to_owned(), "no".to_owned()));
    }
}
