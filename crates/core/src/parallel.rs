//! Several things at once: as many threads as asked for, until everything is done or one fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};

/// Does `work` for every item, in this order, on `threads` threads. When one fails the others are told to stop
/// and that one's error is returned. `stop` is how they are told; whoever wants an end to it may set it, too.
///
/// # Errors
/// The first of `work`; `Conflict` if it was stopped from outside.
pub fn each<T: Send>(
    items: Vec<T>,
    threads: usize,
    stop: &Arc<AtomicBool>,
    work: impl Fn(T, &Arc<AtomicBool>) -> Result<()> + Sync,
) -> Result<()> {
    let threads = threads.clamp(1, items.len().max(1));
    let (queue, first) = (Mutex::new(items.into_iter()), Mutex::new(None));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        while let Some(item) = next().filter(|_| !stop.load(Ordering::Relaxed)) {
            let Err(error) = work(item, stop) else { continue };
            // What the others stop with because of this is not worth a word.
            if !stop.swap(true, Ordering::Relaxed) {
                *first.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Without a thread the others do its work.
            let _ = std::thread::Builder::new().spawn_scoped(scope, run);
        }
        run();
    });
    match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None if stop.load(Ordering::Relaxed) => Err(stopped()),
        None => Ok(()),
    }
}

/// The error of work that was told to stop; nobody is left to see it.
#[must_use]
pub fn stopped() -> Error {
    Error::new(ErrorKind::Conflict, "stopped: another blob failed, or nobody waits for this any more")
}
