//! The time that entries are stamped with: the system's clock, watched by the monotonic one.
//!
//! The ledger's time never goes back, so that one stamp of a clock that ran ahead would make every later shift last for ages, and
//! end all that run at once.
//!
//! 1. In the first minute of the process the clock is believed whatever it says: machines set it after they boot.
//! 2. After that, a clock that is more than [`LEAP_MAX`] away from where it was last believed plus the time that has passed since
//!    is not believed, ahead or behind. Time is reckoned from the last good one, which is said at ERROR, until the clock is
//!    back or the process is started again. Entries are not refused for it: an evacuation must not wait for a clock.
//! 3. A ledger whose newest stamp is that far ahead of the clock is said too: its shifts last longer than asked for.
//!
//! Not here: clocks (`hf-clock`). The monotonic one stands still while a machine sleeps; start the node again after that.

use std::time::Duration;

use hf_clock::Clock;
use hf_model::{Timestamp, format_duration};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info};

/// How far the clock may be off at most: more than any daemon that keeps time moves it by, less than shifts last.
pub const LEAP_MAX: Duration = Duration::from_mins(5);
/// How long it is believed after the start.
pub const BELIEVED: Duration = Duration::from_mins(1);

/// Tells the time to one writer.
#[derive(Debug)]
pub struct Stamps {
    clock: Clock,
    started_at: Instant,
    /// The newest time that was believed, and when that was.
    good: (Timestamp, Instant),
    problem: watch::Sender<Option<String>>,
}

impl Stamps {
    /// Believes the clock from now on.
    pub fn new(clock: Clock, problem: watch::Sender<Option<String>>) -> Self {
        let (now, at) = (clock.now(), Instant::now());
        Stamps { clock, started_at: at, good: (now, at), problem }
    }

    /// The time, for a ledger whose newest stamp is `newest`.
    pub fn now(&mut self, newest: Timestamp) -> Timestamp {
        let (wall, at) = (self.clock.now(), Instant::now());
        let reckoned = self.good.0.plus(at - self.good.1);
        let apart = wall.since(reckoned).max(reckoned.since(wall));
        let is_believed = apart <= LEAP_MAX || at - self.started_at < BELIEVED;
        let now = if is_believed { wall } else { reckoned };
        if is_believed {
            self.good = (wall, at);
        }
        self.tell(if !is_believed {
            Some("this machine's clock has leapt, and the ledger reckons the time without it; set the clock right, or start this node again if it is")
        } else if newest.since(now) > LEAP_MAX {
            Some("the ledger's newest entry was stamped by a clock far ahead of this one, and shifts last longer than asked for by as much; set this machine's clock right, or move the ledger's file aside and start this node once with --adopt-intent")
        } else {
            None
        }, apart.max(newest.since(now)));
        now
    }

    /// The stamp of a log that begins anew: not before `newest`, unless that was stamped by a clock far ahead.
    pub fn anew(&mut self, newest: Timestamp) -> Timestamp {
        let now = self.now(newest);
        if newest.since(now) > LEAP_MAX { now } else { now.max(newest) }
    }

    /// Says once that there is a problem, and once that it is over.
    fn tell(&mut self, problem: Option<&str>, by: Duration) {
        let known = self.problem.borrow().is_some();
        match problem {
            Some(problem) if !known => {
                let by = format_duration(Duration::from_secs(by.as_secs()));
                error!(by, "{problem}");
                self.problem.send_replace(Some(problem.replacen(", and", &format!(" ({by}), and"), 1)));
            }
            None if known => {
                info!("this machine's clock and the ledger's time agree again");
                self.problem.send_replace(None);
            }
            _ => {}
        }
    }
}
