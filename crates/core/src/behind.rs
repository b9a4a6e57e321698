//! Syncs a file behind the writer, so that at the end little is left to wait for.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// So many bytes are written before the disk is asked for them.
const EVERY: u64 = 64 << 20;

/// Watches how much is written to a file, and syncs it on a thread of its own. What fails there is told by
/// [`Behind::end`], since the kernel tells it once only.
#[derive(Default)]
pub(crate) struct Behind {
    written: AtomicU64,
    syncer: Mutex<Option<Syncer>>,
}

type Syncer = (SyncSender<()>, JoinHandle<io::Result<()>>);

impl Behind {
    /// So many more bytes were written to `file`.
    pub(crate) fn wrote(&self, file: &File, bytes: u64) {
        let before = self.written.fetch_add(bytes, Ordering::Relaxed);
        if before / EVERY == (before + bytes) / EVERY {
            return;
        }
        let mut syncer = self.syncer.lock().unwrap_or_else(PoisonError::into_inner);
        if syncer.is_none() {
            // Without a thread the last sync does it all.
            *syncer = file.try_clone().and_then(start).ok();
        }
        if let Some((due, _)) = &*syncer {
            // One that is at work already will see these bytes, or the next one will.
            let _ = due.try_send(());
        }
    }

    /// Waits for the thread.
    ///
    /// # Errors
    /// What went wrong while it synced: the file is not what was written then.
    pub(crate) fn end(&self) -> io::Result<()> {
        let syncer = self.syncer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((due, thread)) = syncer else { return Ok(()) };
        drop(due);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs has panicked")))
    }
}

fn start(file: File) -> io::Result<Syncer> {
    let (due, asked) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("sync".to_owned())
        .spawn(move || asked.iter().try_for_each(|()| file.sync_data()))?;
    Ok((due, thread))
}
