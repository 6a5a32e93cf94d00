//! For servers: fail one's own health check, and refuse new work, while the own zone is away.
//!
//! 1. The health answer is 503 while the zone is away, so that balancers that know nothing of Holdfast take the server out.
//! 2. New work is refused with 503 and `Retry-After`; what is under way goes on. Refuse only what the caller may send elsewhere.
//! 3. `Retry-After` is the time to the act's due end, 1 s to 5 min; 30 s where it has no end. The end is a hint, not a promise.
//!
//! Not here: an HTTP server. [`crate::RefuseLayer`] puts it into one that speaks tower (feature `tower`).

use crate::client::{Holdfast, now_ms};
use crate::quorum::Zones;
use crate::wire::State;

/// Where an act has no end of its own.
const RETRY_DEFAULT_S: u64 = 30;
/// Who waits longer should ask again anyway.
const RETRY_MAX_S: u64 = 300;

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// 200 or 503.
    pub status: u16,
    /// The header `Retry-After`, in seconds; only with 503.
    pub retry_after_s: Option<u64>,
    /// One line for people.
    pub body: String,
}

impl Holdfast {
    /// The answer to this server's own health check.
    pub fn health(&self, zone: &str) -> Reply {
        health(&self.zones(), zone, now_ms())
    }

    /// The answer to new work, if it is to be refused.
    pub fn refusal(&self, zone: &str) -> Option<Reply> {
        Some(self.health(zone)).filter(|reply| reply.status != 200)
    }
}

/// The answer to a health check of a server in that zone: pure.
pub(crate) fn health(zones: &Zones, zone: &str, now_ms: u64) -> Reply {
    match zones.get(zone).filter(|found| found.state == State::Away) {
        None => Reply { status: 200, retry_after_s: None, body: format!("zone {zone} is open\n") },
        Some(away) => {
            let left = away.until_ms.map(|until| until.saturating_sub(now_ms).div_ceil(1_000));
            // Held past its end, or with a clock that is off: no moment is known.
            let retry = left.filter(|seconds| *seconds > 0 && !away.held).unwrap_or(RETRY_DEFAULT_S);
            Reply {
                status: 503,
                retry_after_s: Some(retry.clamp(1, RETRY_MAX_S)),
                body: format!("zone {zone} is away ({}); try another zone\n", one_line(&away.source)),
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::Origin;

    #[test]
    fn a_server_in_a_zone_that_is_away_says_so_and_when_to_come_again() {
        let zones = |until_ms, held| {
            let mut zone = Zones::of([("a", State::Away)]).iter().next().unwrap().clone();
            zone.aliases = vec!["x".to_owned()];
            zone.until_ms = until_ms;
            zone.held = held;
            Zones::new(vec![zone], None, Origin::Endpoints)
        };
        let check = |zones: &Zones, zone: &str, want: (u16, Option<u64>)| {
            let reply = health(zones, zone, 10_000);
            assert_eq!((reply.status, reply.retry_after_s), want, "{zones:?}");
        };
        check(&zones(Some(10_001), false), "a", (503, Some(1)));
        check(&zones(Some(70_000), false), "x", (503, Some(60)));
        check(&zones(Some(9_000_000), false), "a", (503, Some(300)));
        check(&zones(Some(9_000), false), "a", (503, Some(30)));
        check(&zones(Some(70_000), true), "a", (503, Some(30)));
        check(&zones(None, false), "a", (503, Some(30)));
        check(&zones(None, false), "b", (200, None));
        check(&Zones::default(), "a", (200, None));
    }
}
