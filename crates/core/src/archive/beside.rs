//! Decompresses a file on a thread of its own, ahead of whoever reads it.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::decompress::{Compression, bounded};
use super::threads::Taken;
use crate::progress::Progress;

/// How much is handed on at once, and how many such pieces wait.
const PIECE: usize = 1 << 20;
const WAITING: usize = 3;

/// What a compressed file holds.
pub(super) struct Decompressed<'a> {
    /// Pieces, the last of them empty.
    full: Option<Receiver<io::Result<Vec<u8>>>>,
    ended: bool,
    piece: Cursor<Vec<u8>>,
    /// Pieces to be filled again.
    back: Sender<Vec<u8>>,
    /// How many bytes of the file were read, and told.
    taken: Arc<AtomicU64>,
    told: u64,
    progress: &'a dyn Progress,
    thread: Option<JoinHandle<()>>,
    _taken: Taken,
}

impl<'a> Decompressed<'a> {
    /// Begins to decompress `file`; `None` if there can be no thread for it.
    pub(super) fn new(file: &File, compression: Compression, progress: &'a dyn Progress) -> Option<Self> {
        let threads = Taken::all_cores(1)?;
        let file = file.try_clone().ok()?;
        let (filled, full) = sync_channel(WAITING);
        let (back, empty) = channel();
        for _ in 0..WAITING + 2 {
            // The other end is right here.
            let _ = back.send(vec![0; PIECE]);
        }
        let taken = Arc::<AtomicU64>::default();
        let counted = Counted { file, taken: Arc::clone(&taken) };
        let thread = Builder::new().spawn(move || {
            let mut decoder = match bounded(compression, counted) {
                Ok(decoder) => decoder,
                Err(e) => return drop(filled.send(Err(e))),
            };
            // Nobody gives pieces back, or takes them, when the reading has ended.
            while let Ok(mut piece) = empty.recv() {
                let (n, end) = fill(&mut decoder, &mut piece);
                piece.truncate(n);
                // What comes before an error is read before it.
                if (n > 0 || end.is_ok()) && filled.send(Ok(piece)).is_err() {
                    return;
                }
                match end {
                    Err(e) => return drop(filled.send(Err(e))),
                    Ok(()) if n == 0 => return,
                    Ok(()) => {}
                }
            }
        });
        let (piece, thread) = (Cursor::default(), Some(thread.ok()?));
        Some(Self {
            full: Some(full),
            ended: false,
            piece,
            back,
            taken,
            told: 0,
            progress,
            thread,
            _taken: threads,
        })
    }
}

/// Reads until the piece is full or there is nothing more; how much was read, and what ended it.
fn fill(decoder: &mut impl Read, piece: &mut Vec<u8>) -> (usize, io::Result<()>) {
    piece.resize(PIECE, 0);
    let mut n = 0;
    while let Some(rest) = piece.get_mut(n..).filter(|rest| !rest.is_empty()) {
        match decoder.read(rest) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return (n, Err(e)),
        }
    }
    (n, Ok(()))
}

impl Read for Decompressed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.piece.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            if self.ended {
                return Ok(0);
            }
            let gone = || Err(io::Error::other("the thread that decompresses is gone"));
            let next = self.full.as_ref().and_then(|full| full.recv().ok()).unwrap_or_else(gone)?;
            self.ended = next.is_empty();
            let used = std::mem::replace(&mut self.piece, Cursor::new(next)).into_inner();
            let _ = self.back.send(used);
            let taken = self.taken.load(Ordering::Relaxed);
            self.progress.add(taken - self.told);
            self.told = taken;
        }
    }
}

impl Drop for Decompressed<'_> {
    fn drop(&mut self) {
        self.full = None;
        self.back = channel().0;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// A file whose bytes are counted as they are read.
struct Counted {
    file: File,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
