//! What a client connection's socket and its requests tell one another.
//!
//! Written and read by one thread; atomic only because hyper wants what it may give away as an upgraded stream to be `Send`. Nothing here
//! orders anything else, so every access is relaxed: plain loads and stores on the usual machines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// One client connection, from its first byte to its end.
#[derive(Debug)]
pub struct ConnectionState {
    base: Instant,
    busy: AtomicU32,
    used: AtomicBool,
    idle_since_us: AtomicU64,
    close_when_idle: AtomicBool,
    rests: AtomicBool,
    tunnel: AtomicBool,
}

impl ConnectionState {
    /// A connection that is idle from now on.
    pub fn new() -> Self {
        ConnectionState {
            base: Instant::now(),
            busy: AtomicU32::new(0),
            used: AtomicBool::new(false),
            idle_since_us: AtomicU64::new(0),
            close_when_idle: AtomicBool::new(false),
            rests: AtomicBool::new(false),
            tunnel: AtomicBool::new(false),
        }
    }

    /// Asks for the end of the connection as soon as no request is under way. The connection must be polled after it.
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

    /// Since when none is.
    pub fn idle_since(&self) -> Instant {
        self.base + Duration::from_micros(self.idle_since_us.load(Relaxed))
    }

    /// The socket's word: nothing happened for a while, what hyper holds may be let go.
    pub fn rest(&self) {
        self.rests.store(true, Relaxed);
    }

    /// Whether the socket said so since the last time.
    pub fn take_rest(&self) -> bool {
        self.rests.load(Relaxed) && self.rests.swap(false, Relaxed)
    }

    /// From now on the bytes are no HTTP any more: an upgrade was answered with 101. To be said before that answer is given to hyper.
    pub fn become_tunnel(&self) {
        self.tunnel.store(true, Relaxed);
    }

    /// Whether they are none.
    pub fn is_tunnel(&self) -> bool {
        self.tunnel.load(Relaxed)
    }

    /// A request is under way until the guard is dropped.
    pub fn request(self: &Arc<Self>) -> UnderWay {
        self.busy.store(self.busy.load(Relaxed) + 1, Relaxed);
        self.used.store(true, Relaxed);
        UnderWay(self.clone())
    }
}

/// A request under way on a client connection; lives until the last byte of the answer was handed to hyper.
#[derive(Debug)]
pub struct UnderWay(Arc<ConnectionState>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let left = self.0.busy.load(Relaxed) - 1;
        self.0.busy.store(left, Relaxed);
        if left == 0 {
            self.0.idle_since_us.store(self.0.base.elapsed().as_micros() as u64, Relaxed);
        }
    }
}
