//! Waiting for a condition, with a deadline: the only pause in these tests.

use std::time::{Duration, Instant};

/// Asks `condition` until it gives something.
///
/// # Panics
///
/// When `deadline` passes; the message has `what` and the last thing that `condition` complained of.
pub fn wait_for<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + deadline;
    loop {
        match condition() {
            Ok(value) => return value,
            Err(complaint) => assert!(Instant::now() < end, "waited {deadline:?} for {what}: {complaint}"),
        }
        pause(Duration::from_millis(20));
    }
}

/// Lets the clients go on for a while: a length of observation, not a wait for something.
pub fn observe_for(length: Duration) {
    pause(length);
}

fn pause(length: Duration) {
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    // Nothing is ever sent: this ends by its time-out.
    let _ = never.recv_timeout(length);
}
