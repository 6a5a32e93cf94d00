//! The time that entries are stamped with: the system's clock, watched by the monotonic one.
//!
//! The ledger's time never goes back, so that one stamp of a clock that ran ahead would make every later shift last for ages, and
//! end all that run at once.
//!
//! 1. In the first minute of the process the clock is believed whatever it says: machines set it after they boot.
//! 2. After that, a clock that is more than [`LEAP_MAX`] away from where it was last believed plus the time that has passed since
//!    is not believed, ahead or behind. Time is reckoned from the last good one, which is said at ERROR, until the clock is
//!    back or the process is started again. Entries are not refused for it: an evacuation must not wait for a clock.
//! 3. A clock that is as far from those of most nodes, as far as they have told theirs within [`MOST_HOLDS`], is not believed from the
//!    first moment on: theirs is. Of several control nodes one with a wrong clock would end the evacuations of all.
//! 4. A ledger whose newest stamp is that far ahead of the clock is said too: its shifts last longer than asked for.
//!
//! Not here: clocks (`hf-clock`). The monotonic one stands still while a machine sleeps; start the node again after that.

use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// How long it is believed what was found out about the other nodes' clocks.
pub const MOST_HOLDS: Duration = Duration::from_secs(30);

/// What was found out about the other nodes' clocks.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// So many milliseconds most of them are ahead of this one; below 0: behind it.
    pub ahead_ms: i64,
    /// When, by this one.
    pub found_at: Timestamp,
}

/// Tells the ledger's time: to the one writer, and to those who decide by when shifts began and end.
#[derive(Debug)]
pub struct Stamps {
    clock: Clock,
    started_at: Instant,
    most: watch::Receiver<Option<Most>>,
    kept: Mutex<Kept>,
    problem: watch::Sender<Option<String>>,
}

#[derive(Debug)]
struct Kept {
    /// The newest time that was believed, and when that was.
    good: (Timestamp, Instant),
    /// Whether most nodes have once known better.
    was_wrong: bool,
    /// What was told last; none once it is over.
    told: Option<&'static str>,
}

/// Why the ledger's time is not the clock's, and by how much.
type Problem = (&'static str, Duration);

const NOT_OF_MOST: &str =
    "this machine's clock is not that of most nodes, and the ledger goes by theirs; set the clock right";
const LEAPT: &str = "this machine's clock has leapt, and the ledger reckons the time without it; set the clock right, or start this node again if it is";
const STAMPED_AHEAD: &str = "the ledger's newest entry was stamped by a clock far ahead of this one, and shifts last longer than asked for by as much; set this machine's clock right, or move the ledger's file aside and start this node once with --adopt-intent";

impl Stamps {
    /// Believes the clock from now on.
    pub fn new(
        clock: Clock,
        most: watch::Receiver<Option<Most>>,
        problem: watch::Sender<Option<String>>,
    ) -> Self {
        let (now, at) = (clock.now(), Instant::now());
        let kept = Kept { good: (now, at), was_wrong: false, told: None };
        Stamps { clock, started_at: at, most, kept: Mutex::new(kept), problem }
    }

    /// The ledger's time, right at once after the clock was set; [`Stamps::now`] says that it was.
    pub fn time(&self) -> Timestamp {
        self.reckon(&mut self.kept()).0
    }

    /// The time, for a ledger whose newest stamp is `newest`.
    pub fn now(&self, newest: Timestamp) -> Timestamp {
        let mut kept = self.kept();
        let (now, problem) = self.reckon(&mut kept);
        let ahead = newest.since(now);
        let stamped = (ahead > LEAP_MAX).then_some((STAMPED_AHEAD, ahead));
        self.tell(&mut kept, problem.or(stamped));
        now
    }

    /// The stamp of a log that begins anew: not before `newest`, unless that was stamped by a clock far ahead.
    pub fn anew(&self, newest: Timestamp) -> Timestamp {
        let now = self.now(newest);
        if newest.since(now) > LEAP_MAX { now } else { now.max(newest) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time by most nodes, where the clock is far from it.
    fn by_most(&self, wall: Timestamp) -> Option<Timestamp> {
        let Most { ahead_ms, found_at } = (*self.most.borrow())?;
        let holds = apart(wall, found_at) <= MOST_HOLDS;
        let is_far = Duration::from_millis(ahead_ms.unsigned_abs()) > LEAP_MAX;
        (holds && is_far).then(|| Timestamp(wall.0.saturating_add_signed(ahead_ms)))
    }

    fn reckon(&self, kept: &mut Kept) -> (Timestamp, Option<Problem>) {
        let (wall, at) = (self.clock.now(), Instant::now());
        if let Some(now) = self.by_most(wall) {
            (kept.good, kept.was_wrong) = ((now, at), true);
            return (now, Some((NOT_OF_MOST, apart(wall, now))));
        }
        let reckoned = kept.good.0.plus(at - kept.good.1);
        let apart = apart(wall, reckoned);
        let is_new = at - self.started_at < BELIEVED && !kept.was_wrong;
        if apart <= LEAP_MAX || is_new {
            kept.good = (wall, at);
            return (wall, None);
        }
        (reckoned, Some((LEAPT, apart)))
    }

    /// Says once that there is a problem, once that it is another one, and once that it is over.
    fn tell(&self, kept: &mut Kept, problem: Option<Problem>) {
        let what = problem.map(|(what, _)| what);
        if std::mem::replace(&mut kept.told, what) == what {
            return;
        }
        if let Some((what, by)) = problem {
            let by = format_duration(Duration::from_secs(by.as_secs()));
            error!(by, "{what}");
            self.problem.send_replace(Some(what.replacen(", and", &format!(" ({by}), and"), 1)));
        } else {
            info!("this machine's clock and the ledger's time agree again");
            self.problem.send_replace(None);
        }
    }
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}
