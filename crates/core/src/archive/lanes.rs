//! Threads that do the same to one piece after the other, where what they make is had in the order of the pieces.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, RecvError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// A piece, and where to tell what became of it.
type Task<Piece, Made> = (Piece, SyncSender<Made>);

/// The threads, and what is on its way. Dropped, they stop.
pub(super) struct Lanes<Piece, Made> {
    queue: Option<SyncSender<Task<Piece, Made>>>,
    /// What is on its way, the next one first.
    pending: VecDeque<Receiver<Made>>,
    threads: Vec<JoinHandle<()>>,
    waiting: usize,
}

impl<Piece: Send + 'static, Made: Send + 'static> Lanes<Piece, Made> {
    /// So many threads, or as many of them as can be had, and room for `waiting` pieces beyond those that they work on.
    /// Each thread does what a `lane` of its own does.
    ///
    /// # Errors
    /// The system's, if not even one thread can be had.
    pub(super) fn start<Work: FnMut(Piece) -> Made + 'static>(
        threads: usize,
        waiting: usize,
        lane: impl Fn() -> Work + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, tasks) = sync_channel::<Task<Piece, Made>>(threads + waiting);
        let tasks = Arc::new(Mutex::new(tasks));
        let thread = |_| {
            let (tasks, lane) = (Arc::clone(&tasks), lane.clone());
            Builder::new().spawn(move || {
                let mut work = lane();
                let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok((piece, made)) = next() {
                    // Nobody wants it any more when these are dropped.
                    let _ = made.send(work(piece));
                }
            })
        };
        let first = thread(0)?;
        let others = (1..threads).map_while(|n| thread(n).ok());
        let threads: Vec<_> = std::iter::once(first).chain(others).collect();
        Ok(Self { queue: Some(queue), pending: VecDeque::new(), threads, waiting })
    }

    /// Whether something has to be taken before the next piece is added.
    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= self.threads.len() + self.waiting
    }

    /// Hands a piece to whichever thread is free first.
    pub(super) fn add(&mut self, piece: Piece) {
        let (made, outcome) = sync_channel(1);
        if let Some(queue) = &self.queue {
            // A thread that is gone is missed by whoever takes what it was to make.
            let _ = queue.send((piece, made));
        }
        self.pending.push_back(outcome);
    }

    /// What became of the oldest piece that was not taken; `None` if there is none, an error if its thread is gone.
    pub(super) fn take(&mut self) -> Option<Result<Made, RecvError>> {
        self.pending.pop_front().map(|outcome| outcome.recv())
    }
}

impl<Piece, Made> Drop for Lanes<Piece, Made> {
    fn drop(&mut self) {
        self.queue = None;
        self.pending.clear();
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}
