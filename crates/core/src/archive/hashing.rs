//! Copies blobs and hashes them: here, or beside the copying on threads of their own, where there is much to hash.
//!
//! Beside it, a piece that was handed on goes to the thread that has its blob, and comes back from there to be filled
//! again; several blobs are hashed at once. Whether a blob was right is known when all of them are: what makes an archive
//! of them has to wait until then.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope};

use barge_oci::{Descriptor, Digest, Hasher};

use super::pieces::{PIECE, changed, pieces};
use super::threads::Taken;
use crate::error::{Error, ErrorKind, Result};

/// How many pieces wait for one thread, and how many there are beyond that.
const WAITING: usize = 2;
const SPARE: usize = 2;
/// What is smaller is hashed before a thread has started.
const WORTH: u64 = 8 << 20;
/// The most threads for one archive.
const MOST: usize = 8;

/// Copies blobs so that none is handed on unhashed.
pub(super) enum Copier<'a> {
    /// Piece by piece.
    Here(Vec<u8>),
    /// While the next pieces are read and written.
    Beside(Beside<'a>),
}

/// Runs `work`, which copies `bytes` bytes of blobs, and then makes sure that all of them were right.
///
/// # Errors
/// Those of `work`; `Mismatch` for a blob that is not its digest.
pub(super) fn copying<T>(bytes: u64, work: impl FnOnce(&mut Copier<'_>) -> Result<T>) -> Result<T> {
    let Some(taken) = (bytes >= WORTH).then(|| Taken::all_cores(MOST)).flatten() else {
        return work(&mut Copier::here());
    };
    let failed = Failed::default();
    // A thread that panics makes the scope panic, too.
    let outcome = std::thread::scope(|scope| match Beside::start(scope, taken.count(), &failed) {
        // The threads end when what they are handed ends, with this value.
        Some(beside) => work(&mut Copier::Beside(beside)),
        None => work(&mut Copier::here()),
    });
    match failed.error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        // What the copying then failed with is a consequence.
        Some(error) => Err(error),
        None => outcome,
    }
}

/// What one of the threads has found.
#[derive(Default)]
struct Failed {
    set: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl Copier<'_> {
    /// One that needs no threads.
    pub(super) fn here() -> Self {
        Self::Here(Vec::new())
    }

    /// Hands a blob on piece by piece; the last piece is handed on before it is known to be right.
    ///
    /// # Errors
    /// `Mismatch` if its size is another, or if it, or one before it, is not its digest; those of `take`.
    pub(super) fn copy(
        &mut self,
        mut blob: impl Read,
        descriptor: &Descriptor,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Here(buffer) => {
                let mut hasher = Hasher::new(descriptor.digest.algorithm());
                pieces(&mut blob, &descriptor.digest, descriptor.size, |blob| {
                    buffer.resize(PIECE, 0);
                    let n = blob(buffer)?;
                    let bytes = buffer.get(..n).unwrap_or_default();
                    hasher.update(bytes);
                    take(bytes).map(|()| n)
                })?;
                verify(&descriptor.digest, hasher)
            }
            Self::Beside(beside) => {
                let lane = beside.next_lane();
                beside.send(lane, Step::Begin(descriptor.digest))?;
                pieces(&mut blob, &descriptor.digest, descriptor.size, |blob| {
                    let mut buffer = beside.free.recv().map_err(|_| gone())?;
                    let n = blob(&mut buffer)?;
                    take(buffer.get(..n).unwrap_or_default())?;
                    beside.send(lane, Step::Piece(buffer, n))?;
                    Ok(n)
                })?;
                beside.send(lane, Step::End)
            }
        }
    }
}

fn verify(digest: &Digest, hasher: Hasher) -> Result<()> {
    let actual = hasher.finish();
    if actual == *digest {
        return Ok(());
    }
    Err(changed(digest, &format!("its content is {actual}")))
}

fn gone() -> Error {
    Error::new(ErrorKind::Mismatch, "the thread that hashes is gone: the save was stopped")
}

/// Threads that hash, and the buffers that go round.
pub(super) struct Beside<'a> {
    lanes: Vec<SyncSender<Step>>,
    next: usize,
    free: Receiver<Vec<u8>>,
    failed: &'a Failed,
}

/// What one thread is told.
enum Step {
    Begin(Digest),
    /// A buffer, and how much of it is the blob's.
    Piece(Vec<u8>, usize),
    End,
}

impl<'a> Beside<'a> {
    /// `None` if no thread can be started.
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, lanes: usize, failed: &'a Failed) -> Option<Self>
    where
        'a: 'scope,
    {
        let (back, free) = channel();
        let lane = |_| {
            let (sender, steps) = sync_channel(WAITING);
            let back = back.clone();
            let started = Builder::new().spawn_scoped(scope, move || hash(&steps, &back, failed));
            started.is_ok().then_some(sender)
        };
        // As many as can be had.
        let lanes: Vec<SyncSender<Step>> = (0..lanes).map_while(lane).collect();
        for _ in 0..lanes.len() * WAITING + SPARE {
            // The other end is right here.
            let _ = back.send(vec![0; PIECE]);
        }
        (!lanes.is_empty()).then_some(Self { lanes, next: 0, free, failed })
    }

    fn next_lane(&mut self) -> usize {
        self.next = (self.next + 1) % self.lanes.len().max(1);
        self.next
    }

    /// Fails when a thread has found something, or is gone.
    fn send(&self, lane: usize, step: Step) -> Result<()> {
        if self.failed.set.load(Ordering::Relaxed) {
            return Err(gone());
        }
        self.lanes.get(lane).ok_or_else(gone)?.send(step).map_err(|_| gone())
    }
}

/// Hashes one blob after the other, as one thread. When one is wrong, buffers go back and nothing else is done.
fn hash(steps: &Receiver<Step>, back: &Sender<Vec<u8>>, failed: &Failed) {
    let mut current: Option<(Digest, Hasher)> = None;
    for step in steps {
        match step {
            Step::Begin(digest) => current = Some((digest, Hasher::new(digest.algorithm()))),
            Step::Piece(buffer, n) => {
                if let Some((_, hasher)) = &mut current {
                    hasher.update(buffer.get(..n).unwrap_or_default());
                }
                // Nobody takes it any more when the copying has ended.
                let _ = back.send(buffer);
            }
            Step::End => {
                let verified = current.take().map_or(Ok(()), |(digest, hasher)| verify(&digest, hasher));
                if let Err(error) = verified {
                    *failed.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    failed.set.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use barge_oci::media_type;

    use super::*;
    use crate::content::{Blob, Documents, Provider};

    /// Blobs that may be something else than they are called, and come in small pieces.
    struct Blobs(BTreeMap<Digest, Vec<u8>>);

    struct Trickle(std::io::Cursor<Vec<u8>>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = if self.0.position() == 0 { 1 } else { 70_000 };
            let most = most.min(buffer.len());
            self.0.read(&mut buffer[..most])
        }
    }

    impl Documents for Blobs {
        fn has(&self, descriptor: &Descriptor) -> Result<bool> {
            Ok(self.0.contains_key(&descriptor.digest))
        }

        fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
            Ok(self.0.get(&descriptor.digest).cloned())
        }
    }

    impl Provider for Blobs {
        fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
            let content = std::io::Cursor::new(self.0[&descriptor.digest].clone());
            Ok(Blob::Stream(Box::new(Trickle(content))))
        }
    }

    /// Copies twenty blobs of which `spoil` changes one, and returns what was copied.
    fn copied(bytes: u64, which: usize, spoil: impl Fn(&mut Vec<u8>)) -> Result<Vec<u8>> {
        let contents: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; usize::from(n) * 100_000]).collect();
        let descriptors: Vec<Descriptor> =
            contents.iter().map(|c| Descriptor::of(media_type::OCI_LAYER_GZIP, c)).collect();
        let mut blobs: BTreeMap<Digest, Vec<u8>> =
            descriptors.iter().map(|d| d.digest).zip(contents).collect();
        spoil(blobs.get_mut(&descriptors[which].digest).unwrap());
        let (blobs, mut out) = (Blobs(blobs), Vec::new());
        copying(bytes, |copier| {
            descriptors.iter().try_for_each(|d| {
                copier.copy(blobs.open(d)?, d, |piece| {
                    out.extend_from_slice(piece);
                    Ok(())
                })
            })
        })?;
        Ok(out)
    }

    #[test]
    fn blobs_are_copied_in_order_and_none_unhashed() {
        let expected: Vec<u8> = (0..20_u8).flat_map(|n| vec![n; usize::from(n) * 100_000]).collect();
        for bytes in [0, WORTH] {
            assert!(copied(bytes, 0, |_| {}).unwrap() == expected);
            for which in [1, 10, 19] {
                let text = |spoil: fn(&mut Vec<u8>)| copied(bytes, which, spoil).unwrap_err().to_string();
                assert!(text(|blob| blob[50_000] ^= 1).contains("its content is sha256:"), "{bytes} {which}");
                assert!(text(|blob| blob.truncate(99_999)).contains("of it are missing"));
                assert!(text(|blob| blob.push(0)).contains("it is longer than its descriptor says"));
            }
        }
    }

    #[test]
    fn pieces_are_full_however_little_comes_at_a_time() {
        let content = vec![1; 2 * PIECE + 10];
        let descriptor = Descriptor::of(media_type::OCI_LAYER_GZIP, &content);
        let blobs = Blobs(BTreeMap::from([(descriptor.digest, content)]));
        for bytes in [0, WORTH] {
            let mut lengths = Vec::new();
            let taken = |piece: &[u8]| {
                lengths.push(piece.len());
                Ok(())
            };
            copying(bytes, |copier| copier.copy(blobs.open(&descriptor)?, &descriptor, taken)).unwrap();
            lengths.retain(|length| *length > 0);
            assert_eq!(lengths, [PIECE, PIECE, 10]);
        }
    }

    #[test]
    fn what_fails_elsewhere_ends_the_threads() {
        let failed = copying(WORTH, |_| Err::<(), _>(Error::invalid("no")));
        assert_eq!(failed.unwrap_err().to_string(), "no");
        let content = vec![1; 4 * PIECE];
        let descriptor = Descriptor::of(media_type::OCI_LAYER_GZIP, &content);
        let blobs = Blobs(BTreeMap::from([(descriptor.digest, content)]));
        let failed = copying(WORTH, |copier| {
            copier.copy(blobs.open(&descriptor)?, &descriptor, |_| Err(Error::invalid("full")))
        });
        assert_eq!(failed.unwrap_err().to_string(), "full");
    }
}
