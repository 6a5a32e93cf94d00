//! Waiting, where a load has a pace: no test waits for anything by it.

use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A breath, and how often: more than the twentieth of all time for which the kernel would stop it, 50 ms in one piece each second.
const BREATH: Duration = Duration::from_micros(70);
const BREATH_EVERY: Duration = Duration::from_millis(1);

/// The breaths of a thread that comes before all others and never waits.
#[derive(Debug)]
pub struct Breaths {
    last: Instant,
}

impl Breaths {
    /// From now on.
    pub fn begin() -> Breaths {
        Breaths { last: Instant::now() }
    }

    /// Takes one if it is time for it.
    pub fn take(&mut self, now: Instant) {
        if now.duration_since(self.last) >= BREATH_EVERY {
            pause(BREATH);
            self.last = now;
        }
    }
}

/// Lets so much time go by.
pub fn pause(length: Duration) {
    let (_kept, never) = mpsc::channel::<()>();
    // Nobody ever sends: it ends with the time.
    let _ = never.recv_timeout(length);
}
