//! Whether somebody still answers from what was in force before.
//!
//! 1. Who answers says so first, looks at the pointer then, and says so again when the replies have been handed to the network. Whoever has
//!    swapped the pointer looks afterwards who answers ([`Grace::over`]): these may have the old one and are waited for; who begins later finds the new one.
//! 2. A worker of datagrams says it in a line of the cache of its own, by two stores and two fences for a batch: no lock, no allocation. While it
//!    waits in the kernel for the next datagram it answers nothing, and nobody waits for it.
//! 3. The cold side takes a [`Leave`] for each message. Over a stream it is kept until the answer is written ([`Unsent`]). An asker that does not take its answers
//!    keeps nobody waiting: what it has been answered is its own affair.
//!
//! Not here: what is answered from (`current`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

/// How often a worker has begun or ended a batch: odd while it is in one.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Turns(AtomicU64);

impl Turns {
    fn is_in(turns: u64) -> bool {
        turns & 1 == 1
    }
}

/// Who answers now.
#[derive(Debug)]
pub(crate) struct Grace {
    workers: Box<[Turns]>,
    /// Somebody waits for workers.
    is_awaited: AtomicBool,
    /// A worker has ended a batch while somebody waited.
    ended: Notify,
    /// What leaves are made of, and what tells when all of them are gone; others each time that somebody begins to wait.
    leaves: Mutex<(mpsc::Sender<Infallible>, mpsc::Receiver<Infallible>)>,
}

/// Until it is dropped somebody on the cold side answers.
#[derive(Clone, Debug)]
pub(crate) struct Leave(
    #[expect(dead_code, reason = "the last one that is dropped tells")] mpsc::Sender<Infallible>,
);

impl Grace {
    /// For so many workers; none of them answers.
    pub(crate) fn new(workers: usize) -> Grace {
        Grace {
            workers: (0..workers).map(|_| Turns::default()).collect(),
            is_awaited: AtomicBool::new(false),
            ended: Notify::new(),
            leaves: Mutex::new(mpsc::channel(1)),
        }
    }

    /// A worker begins a batch; it looks at the pointer after this.
    #[inline]
    pub(crate) fn begin(&self, worker: usize) {
        let Turns(turns) = &self.workers[worker];
        // Nobody else writes it.
        turns.store(turns.load(Ordering::Relaxed) | 1, Ordering::Relaxed);
        // Pairs with the first one of `over`: who waits sees this, or this worker sees the new pointer.
        fence(Ordering::SeqCst);
    }

    /// It has handed all its replies to the network.
    #[inline]
    pub(crate) fn end(&self, worker: usize) {
        let Turns(turns) = &self.workers[worker];
        turns.store((turns.load(Ordering::Relaxed) | 1) + 1, Ordering::Release);
        // Pairs with the second one of `over`: who waits sees this, or is told.
        fence(Ordering::SeqCst);
        if self.is_awaited.load(Ordering::Relaxed) {
            self.ended.notify_one();
        }
    }

    /// Somebody on the cold side begins to answer; they look at the pointer after this.
    pub(crate) fn leave(&self) -> Leave {
        Leave(self.leaves.lock().unwrap_or_else(PoisonError::into_inner).0.clone())
    }

    /// Returns when nobody answers any more from what was there before the pointer was swapped last. One waits at a time.
    pub(crate) async fn over(&self) {
        fence(Ordering::SeqCst);
        let turns = |worker: &Turns| worker.0.load(Ordering::Acquire);
        let answering = |(at, worker)| Some((at, turns(worker))).filter(|(_, turns)| Turns::is_in(*turns));
        let mut answering: Vec<(usize, u64)> =
            self.workers.iter().enumerate().filter_map(answering).collect();
        // Whoever takes one of the next leaves has this lock after us, and sees the new pointer.
        let (made_by, mut leaves) = std::mem::replace(
            &mut *self.leaves.lock().unwrap_or_else(PoisonError::into_inner),
            mpsc::channel(1),
        );
        drop(made_by);
        self.is_awaited.store(!answering.is_empty(), Ordering::Relaxed);
        loop {
            fence(Ordering::SeqCst);
            answering.retain(|(at, then)| turns(&self.workers[*at]) == *then);
            if answering.is_empty() {
                break;
            }
            self.ended.notified().await;
        }
        self.is_awaited.store(false, Ordering::Relaxed);
        // Nothing is ever sent: none when the last leave is gone.
        let _ = leaves.recv().await;
    }
}

/// What one connection has answered and not written yet.
#[derive(Debug, Default)]
pub(crate) struct Unsent(Mutex<Leaves>);

#[derive(Debug, Default)]
struct Leaves {
    next: u64,
    /// As many as there are answers in wait.
    of: BTreeMap<u64, Leave>,
    /// The asker does not take what is written to it.
    is_stalled: bool,
}

impl Unsent {
    /// An answer is begun with; its number.
    pub(crate) fn begin(&self, leave: Leave) -> u64 {
        let mut leaves = self.leaves();
        leaves.next += 1;
        let number = leaves.next;
        if !leaves.is_stalled {
            leaves.of.insert(number, leave);
        }
        number
    }

    /// It is written, or will not be.
    pub(crate) fn end(&self, number: u64) {
        self.leaves().of.remove(&number);
    }

    /// Writes, and lets everything of this connection go while that cannot be done at once.
    pub(crate) async fn while_written<T>(&self, writing: impl Future<Output = T>) -> T {
        let mut writing = std::pin::pin!(writing);
        tokio::select! {
            biased;
            written = &mut writing => return written,
            () = std::future::ready(()) => {}
        }
        {
            let mut leaves = self.leaves();
            leaves.is_stalled = true;
            leaves.of.clear();
        }
        let written = writing.await;
        self.leaves().is_stalled = false;
        written
    }

    fn leaves(&self) -> std::sync::MutexGuard<'_, Leaves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
