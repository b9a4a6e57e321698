//! Syncs files behind the writer, so that at the end little is left to wait for.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// So many bytes are written before the disk is asked for them.
const EVERY: u64 = 64 << 20;

/// Watches how much is written, and syncs the file that was written last on a thread of its own. What fails there is told by
/// [`Behind::end`], since the kernel tells it once only.
#[derive(Default)]
pub(crate) struct Behind {
    written: AtomicU64,
    syncer: Mutex<Option<Syncer>>,
}

type Syncer = (SyncSender<File>, JoinHandle<io::Result<()>>);

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
            *syncer = start().ok();
        }
        if let (Some((due, _)), Ok(file)) = (&*syncer, file.try_clone()) {
            // What is not synced now is so with what comes later, or in the end.
            let _ = due.try_send(file);
        }
    }

    /// Waits for the thread.
    ///
    /// # Errors
    /// What went wrong while it synced: a file is not what was written then.
    pub(crate) fn end(&self) -> io::Result<()> {
        let syncer = self.syncer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((due, thread)) = syncer else { return Ok(()) };
        drop(due);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs has panicked")))
    }
}

fn start() -> io::Result<Syncer> {
    let (due, asked) = sync_channel::<File>(1);
    let thread = std::thread::Builder::new()
        .name("sync".to_owned())
        .spawn(move || asked.iter().try_for_each(|file| file.sync_data()))?;
    Ok((due, thread))
}
