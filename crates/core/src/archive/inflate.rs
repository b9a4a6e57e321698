//! Decompresses layers beside the pass that reads them, to learn their diffIDs on another core.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use barge_oci::{Algorithm, Hasher};

use super::decompress::{Compression, MAX_RATIO};
use super::members::Inner;

/// Pieces in flight between the two threads.
const QUEUE: usize = 4;
const BUFFER: usize = 256 << 10;
/// How far all files of an archive together may expand beyond [`MAX_RATIO`].
const FREE_BYTES: u64 = 8 << 30;

type Outcome = Result<Inner, String>;

/// One decompressing thread, started when the first layer needs it.
#[derive(Default)]
pub(super) struct Inflater {
    worker: Option<Worker>,
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
    pub(super) fn begin(&mut self, compression: Compression, size: u64, wide: bool) {
        self.worker.get_or_insert_with(Worker::start).send(Work::Begin { compression, size, wide });
    }

    /// More of its bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if let Some(worker) = &self.worker {
            worker.send(Work::Piece(bytes.to_vec()));
        }
    }

    /// It is complete: what it holds, or why that cannot be said.
    pub(super) fn end(&mut self) -> Outcome {
        let gone = || Err("the decompressing thread is gone".to_owned());
        let Some(worker) = &self.worker else { return gone() };
        worker.send(Work::End);
        worker.outcomes.recv().unwrap_or_else(|_| gone())
    }
}

impl Worker {
    fn start() -> Self {
        let (work, todo) = sync_channel(QUEUE);
        let (done, outcomes) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let mut free = FREE_BYTES;
            while let Ok(work) = todo.recv() {
                let Work::Begin { compression, size, wide } = work else { continue };
                let mut pieces = Pieces { todo: &todo, piece: io::Cursor::default(), ended: false };
                let outcome = inflate(compression, &mut pieces, size, wide, &mut free);
                // What the decoder did not want still has to be taken from the queue.
                let drained = io::copy(&mut pieces, &mut io::sink());
                if drained.is_err() || done.send(outcome).is_err() {
                    return;
                }
            }
        });
        Self { work: Some(work), outcomes, thread: Some(thread) }
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

fn inflate(
    compression: Compression,
    pieces: &mut Pieces<'_>,
    size: u64,
    wide: bool,
    free: &mut u64,
) -> Outcome {
    let text = |e: io::Error| match e.kind() {
        io::ErrorKind::UnexpectedEof => format!("the {} stream ends too early", compression.name()),
        _ => format!("the {} stream is corrupt: {e}", compression.name()),
    };
    let mut decoder = compression.decoder(pieces).map_err(text)?;
    let earned = size.saturating_mul(MAX_RATIO);
    let most = earned.saturating_add(*free);
    let mut sha256 = Hasher::new(Algorithm::Sha256);
    let mut sha512 = wide.then(|| Hasher::new(Algorithm::Sha512));
    let (mut buffer, mut total) = (vec![0; BUFFER], 0);
    loop {
        let n = match decoder.read(&mut buffer) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(text(e)),
        };
        let Some(bytes) = buffer.get(..n).filter(|b| !b.is_empty()) else { break };
        sha256.update(bytes);
        if let Some(hasher) = &mut sha512 {
            hasher.update(bytes);
        }
        total += n as u64;
        if total > most {
            return Err(format!("{size} bytes expand to more than {most}"));
        }
    }
    *free -= total.saturating_sub(earned);
    Ok(Inner { compression, sha256: sha256.finish(), sha512: sha512.map(Hasher::finish) })
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
