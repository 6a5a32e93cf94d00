//! How long to wait before trying again, and chance.
//!
//! 1. Any time from nothing to a bound that doubles: many clients of one endpoint that went do not come back in one moment.
//! 2. What the server asks for (`Retry-After`, SSE `retry`) is waited for at least, and spread beyond.
//!
//! Not here: who waits (`link`).

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// The first bound.
const FIRST: Duration = Duration::from_secs(2);
/// The last.
const LAST: Duration = Duration::from_secs(30);
/// A server's hint counts so far.
const HINT_MAX: Duration = Duration::from_mins(5);

/// Draws without a seed of anybody's choice; not for secrets.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// Seeded by the standard library's own random keys.
    pub fn new() -> Self {
        Chance(RandomState::new().build_hasher().finish())
    }

    /// The next 64 bits (SplitMix64).
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Any length of time below `bound`.
    pub fn below(&mut self, bound: Duration) -> Duration {
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        // The high half of a product: no division, no bias that matters here.
        Duration::from_nanos(((u128::from(self.next()) * u128::from(nanos)) >> 64) as u64)
    }
}

/// The waits after failures in a row.
#[derive(Debug)]
pub struct Backoff {
    chance: Chance,
    bound: Duration,
}

impl Backoff {
    /// None has failed yet.
    pub fn new() -> Self {
        Backoff { chance: Chance::new(), bound: FIRST }
    }

    /// It went well.
    pub fn reset(&mut self) {
        self.bound = FIRST;
    }

    /// It failed; the server asked for `hint`.
    pub fn next(&mut self, hint: Option<Duration>) -> Duration {
        let wait = self.chance.below(self.bound);
        self.bound = (self.bound * 2).min(LAST);
        match hint.map(|hint| hint.min(HINT_MAX)) {
            Some(hint) => hint + self.chance.below(hint / 2).max(wait / 4),
            None => wait.max(Duration::from_millis(20)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_below_a_bound_that_doubles() {
        let mut backoff = Backoff::new();
        for bound in [2, 4, 8, 16, 30, 30, 30] {
            assert!(backoff.next(None) <= Duration::from_secs(bound));
        }
        backoff.reset();
        assert!(backoff.next(None) <= FIRST);
    }

    #[test]
    fn a_hint_is_waited_for_and_not_for_ever() {
        let mut backoff = Backoff::new();
        for _ in 0..50 {
            let wait = backoff.next(Some(Duration::from_secs(40)));
            assert!(wait >= Duration::from_secs(40) && wait <= Duration::from_mins(1), "{wait:?}");
            assert!(backoff.next(Some(Duration::from_hours(9))) < Duration::from_mins(8));
        }
    }

    #[test]
    fn draws_differ() {
        let (mut one, mut other) = (Chance::new(), Chance::new());
        assert_ne!(one.next(), one.next());
        assert_ne!(one.next(), other.next());
        assert!(one.below(Duration::from_secs(1)) < Duration::from_secs(1));
    }
}
