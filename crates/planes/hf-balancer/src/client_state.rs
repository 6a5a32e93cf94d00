//! What a client connection's socket and its requests tell one another.
//!
//! Written and read by one thread; atomic only because hyper wants what it may give away as an upgraded stream to be `Send`. Nothing here
//! orders anything else, so every access is relaxed: plain loads and stores on the usual machines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Requests that one HTTP/2 connection may take back besides half as many as were answered. A browser that skips through a film takes back a few
/// tens.
const TAKEN_BACK_MAX: u32 = 100;

/// One client connection, from its first byte to its end.
#[derive(Debug)]
pub struct ConnectionState {
    base: Instant,
    busy: AtomicU32,
    /// Requests that began, counted round.
    begun: AtomicU32,
    used: AtomicBool,
    idle_since_us: AtomicU64,
    close_when_idle: AtomicBool,
    refused: AtomicBool,
    cut: AtomicBool,
    taken_back: AtomicU32,
    answered: AtomicU32,
    tunnel: AtomicBool,
    reading: AtomicBool,
    writing: AtomicBool,
    /// Spoken to when a tunnel ends, and when the client is to be cut.
    news: Notify,
}

impl ConnectionState {
    /// A connection that is idle from now on.
    pub fn new() -> Self {
        ConnectionState {
            base: Instant::now(),
            busy: AtomicU32::new(0),
            begun: AtomicU32::new(0),
            used: AtomicBool::new(false),
            idle_since_us: AtomicU64::new(0),
            close_when_idle: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            taken_back: AtomicU32::new(0),
            answered: AtomicU32::new(0),
            tunnel: AtomicBool::new(false),
            reading: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            news: Notify::new(),
        }
    }

    /// Asks for the end of the connection once it rests.
    pub fn close_when_idle(&self, close: bool) {
        self.close_when_idle.store(close, Relaxed);
    }

    /// Whether that was asked for.
    pub fn is_to_close(&self) -> bool {
        self.close_when_idle.load(Relaxed)
    }

    /// Whether it has ever carried a request.
    pub fn is_used(&self) -> bool {
        self.used.load(Relaxed)
    }

    /// Whether a request is under way.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Relaxed) > 0
    }

    /// How many requests began; begins again at 0 after four thousand million.
    pub fn begun(&self) -> u32 {
        self.begun.load(Relaxed)
    }

    /// Since when none is.
    pub fn idle_since(&self) -> Instant {
        self.base + Duration::from_micros(self.idle_since_us.load(Relaxed))
    }

    /// The socket's word: a request has begun to come and is not here whole, or is.
    pub fn set_reading(&self, reading: bool) {
        self.reading.store(reading, Relaxed);
    }

    /// The socket's word: the client does not take what we write, or does.
    pub fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Relaxed);
    }

    /// Whether the client does not take what we write.
    pub fn is_writing(&self) -> bool {
        self.writing.load(Relaxed)
    }

    /// Whether one of both is waited for.
    pub fn is_waiting(&self) -> bool {
        self.reading.load(Relaxed) || self.writing.load(Relaxed)
    }

    /// Something of this client was refused: its connection ends after the answer.
    pub fn refuse(&self) {
        self.refused.store(true, Relaxed);
    }

    /// Whether something was.
    pub fn is_refused(&self) -> bool {
        self.refused.load(Relaxed)
    }

    /// The client takes nothing of what it was sent in time: its connection is to end.
    pub fn cut(&self) {
        self.cut.store(true, Relaxed);
        self.news.notify_one();
    }

    /// Waits until that is said. Nothing else need wake the connection: with a full socket and a client that says nothing, nothing does.
    pub async fn until_cut(&self) {
        while !self.cut.load(Relaxed) {
            self.news.notified().await;
        }
    }

    /// Bytes of an answer went out just now: a connection whose last answer is on its way yet is not idle.
    pub fn moved(&self, now: Instant) {
        if !self.is_busy() {
            self.idle_since_us.store((now - self.base).as_micros() as u64, Relaxed);
        }
    }

    /// A request of HTTP/2 ended: answered, or taken back by the client before its answer began.
    pub fn stream_ended(&self, taken_back: bool) {
        let counter = if taken_back { &self.taken_back } else { &self.answered };
        counter.store(counter.load(Relaxed).saturating_add(1), Relaxed);
    }

    /// Whether the client takes back more than anybody does who wants answers: each costs us a request, and it nothing.
    pub fn is_rapidly_reset(&self) -> bool {
        self.taken_back.load(Relaxed) > TAKEN_BACK_MAX.saturating_add(self.answered.load(Relaxed) / 2)
    }

    /// From now on the bytes are no HTTP any more: an upgrade was answered with 101. To be said before that answer is given to hyper.
    pub fn become_tunnel(&self) {
        self.tunnel.store(true, Relaxed);
    }

    /// Waits until a tunnel has ended.
    pub async fn tunnel_ended(&self) {
        while self.is_busy() {
            self.news.notified().await;
        }
    }

    /// Whether they are none.
    pub fn is_tunnel(&self) -> bool {
        self.tunnel.load(Relaxed)
    }

    /// A request is under way until the guard is dropped.
    pub fn request(self: &Arc<Self>) -> UnderWay {
        self.busy.store(self.busy.load(Relaxed) + 1, Relaxed);
        self.begun.store(self.begun().wrapping_add(1), Relaxed);
        self.used.store(true, Relaxed);
        UnderWay(self.clone())
    }
}

/// A request under way on a client connection; lives until the last byte of the answer was handed to hyper.
#[derive(Debug)]
pub struct UnderWay(Arc<ConnectionState>);

impl UnderWay {
    /// On which connection.
    pub fn state(&self) -> &Arc<ConnectionState> {
        &self.0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let left = self.0.busy.load(Relaxed) - 1;
        self.0.busy.store(left, Relaxed);
        if left == 0 {
            if self.0.is_tunnel() {
                self.0.news.notify_one();
            }
            self.0.idle_since_us.store(self.0.base.elapsed().as_micros() as u64, Relaxed);
        }
    }
}
