//! How many threads this process has at work: one command has all cores, a server's hundred transfers have not a
//! thousand threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads that hash, compress or decompress in this process.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// Threads that are taken, until it is dropped.
pub(super) struct Taken(usize);

impl Taken {
    /// As many as there are cores, `most` at the most; `None` if there is one core, or if others are busy already.
    pub(super) fn all_cores(most: usize) -> Option<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (lanes, most) = (cores.min(most), 2 * cores);
        let fits = |busy: usize| (busy + lanes <= most).then_some(busy + lanes);
        let taken = || BUSY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        (cores > 1 && taken().is_ok()).then_some(Self(lanes))
    }

    pub(super) fn count(&self) -> usize {
        self.0
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        BUSY.fetch_sub(self.0, Ordering::Relaxed);
    }
}
