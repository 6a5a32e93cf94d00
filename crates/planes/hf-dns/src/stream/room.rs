//! Memory that all connections share: bytes of answers that nobody has taken yet, and of long requests that have not come as a whole.
//!
//! 1. Each connection has a little of its own, always: one answer in wait, and [`OWN_REQUEST_BYTES`] of a request with as much again to
//!    read into, 4 KiB together. So whoever takes its answers and says
//!    what it has to say is served, whatever others do.
//! 2. What a connection wants beyond that comes out of room for all. While there is none, its next answer waits until the one before is taken, and no more is
//!    read of its request; what it holds goes back as soon as it has less to keep, or is closed for idleness (`stream`).
//!
//! Not here: what the kernel holds for a connection, and TLS.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes of answers in wait, over all connections and beside the one that each may have: a few for each of a thousand.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Bytes of requests that are longer than [`OWN_REQUEST_BYTES`], over all connections: a hundred of the longest.
pub(crate) const REQUEST_BYTES_MAX: usize = 8 << 20;

/// What every connection may keep of a request that has not come as a whole, beside as much to read into. Most requests are far smaller.
pub(crate) const OWN_REQUEST_BYTES: usize = 2_048;

/// The room for all.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    answers: Arc<Semaphore>,
    requests: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Room {
        Room {
            answers: Arc::new(Semaphore::new(ANSWER_BYTES_MAX)),
            requests: Arc::new(Semaphore::new(REQUEST_BYTES_MAX)),
        }
    }
}

impl Room {
    /// What long requests may still take.
    #[cfg(test)]
    pub(super) fn request_bytes_left(&self) -> usize {
        self.requests.available_permits()
    }

    /// Waits for room for so many bytes more of a long request.
    pub(crate) async fn for_request(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.requests.clone().acquire_many_owned(bytes as u32).await.ok()
    }
}

/// The way of one asker's answers to who sends them.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    way: mpsc::Sender<Answer>,
    /// The one that may always wait.
    own: Arc<Semaphore>,
    room: Room,
}

/// An answer in wait, and what it takes of the room until it is dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) place: OwnedSemaphorePermit,
    /// Its number among those that a change waits for, if it is one of them.
    pub(crate) unsent: Option<u64>,
}

/// Nobody takes answers any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

impl Answers {
    /// A way on which at most `waiting_max` answers wait.
    pub(crate) fn new(room: Room, waiting_max: usize) -> (Answers, mpsc::Receiver<Answer>) {
        let (way, waiting) = mpsc::channel(waiting_max);
        (Answers { way, own: Arc::new(Semaphore::new(1)), room }, waiting)
    }

    /// Puts an answer on its way, as soon as there is room.
    ///
    /// # Errors
    ///
    /// [`Gone`] when nobody is there to send it.
    pub(crate) async fn send(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        self.send_numbered(bytes, None).await
    }

    /// The same for an answer that a change waits for.
    ///
    /// # Errors
    ///
    /// As [`Answers::send`].
    pub(crate) async fn send_numbered(&self, mut bytes: Vec<u8>, unsent: Option<u64>) -> Result<(), Gone> {
        bytes.shrink_to_fit();
        let own = self.own.clone().try_acquire_owned();
        let place = own.or_else(|_| self.room.answers.clone().try_acquire_many_owned(bytes.len() as u32));
        let place = if let Ok(place) = place {
            place
        } else {
            tokio::select! {
                place = self.own.clone().acquire_owned() => place.map_err(|_| Gone)?,
                () = self.way.closed() => return Err(Gone),
            }
        };
        self.way.send(Answer { bytes, place, unsent }).await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_ready<T>(future: impl Future<Output = T>) -> bool {
        matches!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
    }

    /// How many answers of so many bytes get on their way before one has to wait.
    fn sent(answers: &Answers, bytes: usize) -> usize {
        (0..1_000).take_while(|_| is_ready(answers.send(vec![0; bytes]))).count()
    }

    #[test]
    fn who_takes_nothing_leaves_room_for_one_answer_of_everybody_else() {
        let (room, large) = (Room::default(), 60_000);
        let (deaf, in_wait): (Vec<_>, Vec<_>) = (0..20).map(|_| Answers::new(room.clone(), 8)).unzip();
        let all: usize = deaf.iter().map(|answers| sent(answers, large)).sum();
        assert_eq!(all, ANSWER_BYTES_MAX / large + 20, "the room, and one of each");
        let (good, mut waiting) = Answers::new(room, 8);
        for _ in 0..3 {
            assert_eq!(sent(&good, large), 1);
            assert!(waiting.try_recv().is_ok());
        }
        drop(in_wait);
        assert_eq!(sent(&good, large), 8, "what others held is free: as many as its way takes");
    }

    #[test]
    fn an_answer_for_nobody_ends() {
        let (answers, waiting) = Answers::new(Room::default(), 1);
        drop(waiting);
        assert!(is_ready(answers.send(vec![1])));
        assert!(is_ready(answers.send(vec![1])));
    }
}
