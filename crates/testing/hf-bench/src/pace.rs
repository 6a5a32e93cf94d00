//! Waiting, where a load has a pace: no test waits for anything by it.

use std::sync::mpsc;
use std::time::Duration;

/// Lets so much time go by.
pub fn pause(length: Duration) {
    let (_kept, never) = mpsc::channel::<()>();
    // Nobody ever sends: it ends with the time.
    let _ = never.recv_timeout(length);
}
