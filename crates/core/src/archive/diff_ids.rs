//! Learns the diffIDs of layers that can be read again, several at once, while the pass goes on.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::decompress::{Compression, MODEST_WINDOW_LOG, ZSTD_HEADER, ZSTD_WINDOW_LOG, zstd_window_log};
use super::facts::Broken;
use super::inflate::{Free, Outcome, inflate};
use super::threads::Taken;
use crate::content::Blob;
use crate::error::{Error, Result};

/// How many layers wait for each thread; each is an open file.
const WAITING: usize = 2;
/// The most threads.
const MOST: usize = 8;

/// Held by the one layer of this process that is decompressed with a window of more than [`MODEST_WINDOW_LOG`]:
/// each takes 128 MiB.
static WIDE_WINDOW: Mutex<()> = Mutex::new(());

/// A layer to be read again.
pub(super) struct Layer {
    /// The member it is.
    pub path: String,
    pub content: Blob,
    pub compression: Compression,
    /// Its length in bytes.
    pub size: u64,
    /// Whether sha512 is wanted, too.
    pub wide: bool,
}

/// Threads that decompress and hash. Dropped, they stop.
pub(super) struct Pool {
    queue: Option<SyncSender<Layer>>,
    outcomes: Receiver<(String, Outcome)>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    _taken: Option<Taken>,
}

impl Pool {
    /// As many threads as this process may have for it, at least one.
    ///
    /// # Errors
    /// `Io` if there can be none.
    pub(super) fn start(free: &Arc<Free>) -> Result<Self> {
        let taken = Taken::all_cores(MOST);
        let lanes = taken.as_ref().map_or(1, Taken::count);
        let (queue, layers) = sync_channel(lanes * WAITING);
        let (done, outcomes) = channel();
        let (layers, stop) = (Arc::new(Mutex::new(layers)), Arc::<AtomicBool>::default());
        let thread = |_| {
            let (layers, done) = (Arc::clone(&layers), done.clone());
            let (stop, free) = (Arc::clone(&stop), Arc::clone(free));
            Builder::new().spawn(move || work(&layers, &done, &stop, &free))
        };
        let first = thread(0).map_err(|e| Error::io("start", Path::new("a thread"), e))?;
        let threads = std::iter::once(first).chain((1..lanes).map_while(|n| thread(n).ok())).collect();
        Ok(Self { queue: Some(queue), outcomes, stop, threads, _taken: taken })
    }

    /// Takes one more; waits while there are many already.
    pub(super) fn add(&self, layer: Layer) {
        if let Some(queue) = &self.queue {
            // A thread that is gone is missed by whoever wants its outcome.
            let _ = queue.send(layer);
        }
    }

    /// Every layer, and what it holds.
    pub(super) fn finish(mut self) -> Vec<(String, Outcome)> {
        self.queue = None;
        self.outcomes.iter().collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

fn work(
    layers: &Mutex<Receiver<Layer>>,
    done: &Sender<(String, Outcome)>,
    stop: &Arc<AtomicBool>,
    free: &Free,
) {
    let next = || layers.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Layer { path, content, compression, size, wide }) = next() {
        let mut content = Stoppable { content, stop };
        let outcome = in_turn(compression, &mut content, |content, window_log| {
            inflate(compression, content, size, wide, free, window_log)
        });
        // Nobody wants it any more.
        if done.send((path, outcome)).is_err() {
            return;
        }
    }
}

/// Decompresses with as large a window as the first frame asks for; those that ask for much go one by one.
fn in_turn(
    compression: Compression,
    content: &mut dyn Read,
    inflate: impl FnOnce(&mut dyn Read, u32) -> Outcome,
) -> Outcome {
    let mut start = Vec::new();
    let read = content.take(ZSTD_HEADER).read_to_end(&mut start);
    let modest = compression != Compression::Zstd || zstd_window_log(&start) <= MODEST_WINDOW_LOG;
    let mut content = Cursor::new(start).chain(content);
    match (read, modest) {
        (Err(e), _) => Err(Broken::corrupt(format!("the layer cannot be read again: {e}"))),
        (Ok(_), true) => inflate(&mut content, MODEST_WINDOW_LOG),
        (Ok(_), false) => {
            let _turn = WIDE_WINDOW.lock().unwrap_or_else(PoisonError::into_inner);
            inflate(&mut content, ZSTD_WINDOW_LOG)
        }
    }
}

/// Content that ends with an error when it is not wanted any more.
struct Stoppable<'a> {
    content: Blob,
    stop: &'a AtomicBool,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(std::io::Error::other("nobody wants it any more"));
        }
        self.content.read(buffer)
    }
}
