//! Takes what the balancer did in each second, at the second's end by the clock.
//!
//! 1. Seconds of several balancers are laid together by their numbers, so they end with the clock's seconds, not with this process's beats.
//! 2. A clock that was set back gives the same numbers again: what came meanwhile is dropped, not told under a number that was told.
//! 3. A pause is told as one second, its last: nobody can say any more when its requests were.
//!
//! Not here: what travels (`hf-feed`), who lays them together (`hub`).

use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hf_model::Timestamp;
use hf_telemetry::{Activity, Second};
use tokio::sync::watch;
use tokio::time::sleep;

/// Tells each second until the end.
pub async fn run(
    activity: Arc<Activity>,
    clock: Clock,
    to: watch::Sender<Option<Arc<Second>>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut numbers = Numbers::default();
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = sleep(to_next(clock.now())) => {}
        }
        let number = numbers.ended(clock.now());
        let second = activity.take_second(number.unwrap_or_default());
        if number.is_some() {
            to.send_replace(Some(Arc::new(second)));
        }
    }
}

/// To the end of the clock's second, and a little beyond, so that it is over.
fn to_next(now: Timestamp) -> Duration {
    Duration::from_millis(1_001 - now.0 % 1_000)
}

/// Which seconds were told.
#[derive(Debug, Default)]
struct Numbers {
    told: Option<u64>,
}

impl Numbers {
    /// The second that has ended; none if it was told.
    fn ended(&mut self, now: Timestamp) -> Option<u64> {
        let ended = (now.0 / 1_000).checked_sub(1)?;
        // A clock set back by more than a minute is another clock: waiting for it to come again would be silence.
        let is_told = self.told.is_some_and(|told| ended <= told && told - ended <= 60);
        if is_told {
            return None;
        }
        self.told = Some(ended);
        Some(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_told_once_when_it_is_over() {
        let mut numbers = Numbers::default();
        let mut ended = |ms| numbers.ended(Timestamp(ms));
        assert_eq!(ended(100_001), Some(99));
        assert_eq!((ended(100_999), ended(101_000)), (None, Some(100)));
        assert_eq!((ended(95_000), ended(102_500)), (None, Some(101)));
        assert_eq!((ended(20_000), ended(21_000)), (Some(19), Some(20)));
    }

    #[test]
    fn the_wait_ends_within_the_next_second() {
        assert_eq!(to_next(Timestamp(5_000)), Duration::from_millis(1_001));
        assert_eq!(to_next(Timestamp(5_999)), Duration::from_millis(2));
    }
}
