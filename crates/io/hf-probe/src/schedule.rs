//! When each probe is due: pure arithmetic over instants.
//!
//! 1. Endpoints of one interval are ranked by a digest of node, address and check, and the ranks are spread evenly over the interval: no
//!    burst, a different order on every node, the same after every restart.
//! 2. From start to start it is one interval; a probe that came late or out of turn returns to its own slot.
//! 3. While in doubt the next probe comes at `confirm_interval`.
//! 4. The first probe of a new endpoint comes within a second, however long the interval: unknown is a bad place to stay. Of more than 10,000 new ones
//!    10,000 a second have theirs ([`round`]): more is a burst, which takes a core of ours and the network's patience.
//! 5. A probe may begin ahead of its slot by a fiftieth of its interval, 25 ms at most ([`ahead`]), if that saves waking up for it alone.
//! 6. After a stall as many a second catch up, or twice what the checks come to if that is more ([`pause`]): with less nobody would ever be on time again.

use std::collections::BTreeMap;
use std::time::Duration;

use hf_model::Digest;
use tokio::time::Instant;

/// The first round is over after this time, or after one interval if that is shorter.
pub const FIRST_ROUND: Duration = Duration::from_secs(1);

/// First probes in a second, at most.
const FIRST_A_SECOND: u32 = 10_000;

/// How long the first round of so many new jobs takes.
pub fn round(jobs: usize) -> Duration {
    let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
    FIRST_ROUND.max(Duration::from_secs(jobs.into()) / FIRST_A_SECOND)
}

/// How long it waits after so many probes that were due at once, when these are the paces of all.
pub fn pause(probes: u32, paces: impl Iterator<Item = Pace>) -> Duration {
    const NANOS: u128 = 1_000_000_000;
    let thousandths: u128 = paces.map(|pace| 1_000 * NANOS / pace.interval.as_nanos().max(1)).sum();
    let a_second = (thousandths * 2 / 1_000).max(FIRST_A_SECOND.into());
    Duration::from_nanos(u64::try_from(u128::from(probes) * NANOS / a_second).unwrap_or(u64::MAX))
}

/// Where in its interval a job's slot lies, as a fraction of 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase(u32);

impl Phase {
    fn of(self, interval: Duration) -> Duration {
        let nanos = (interval.as_nanos() * u128::from(self.0)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The phases of jobs, given their names and intervals, in their order.
pub fn phases<'a>(node: &str, jobs: impl Iterator<Item = (String, &'a Duration)>) -> Vec<Phase> {
    let mut ranked: BTreeMap<Duration, Vec<(Digest, usize)>> = BTreeMap::new();
    let mut count = 0;
    for (at, (name, interval)) in jobs.enumerate() {
        ranked.entry(*interval).or_default().push((Digest::of(format!("{node} {name}").as_bytes()), at));
        count = at + 1;
    }
    let mut phases = vec![Phase(0); count];
    for group in ranked.values_mut() {
        group.sort_unstable();
        for (rank, (_, at)) in group.iter().enumerate() {
            phases[*at] = Phase(((rank as u64) << 32).checked_div(group.len() as u64).unwrap_or(0) as u32);
        }
    }
    phases
}

/// The pace of one check.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From start to start.
    pub interval: Duration,
    /// The same while in doubt.
    pub confirm: Duration,
}

/// By how much a probe may begin ahead of its slot: too little for anybody to notice, enough for a handful at a few hundred a second.
pub fn ahead(pace: Pace) -> Duration {
    (pace.interval / 50).min(Duration::from_millis(25))
}

/// When the first probe is due, for a job that came at `now`, in a round of such a length.
pub fn first(now: Instant, pace: Pace, phase: Phase, round: Duration) -> Instant {
    now + phase.of(pace.interval.min(round))
}

/// When the next probe is due after one that began at `began` and ended at `now`. `epoch` is when counting of slots began.
pub fn next(
    epoch: Instant,
    began: Instant,
    now: Instant,
    pace: Pace,
    phase: Phase,
    in_doubt: bool,
) -> Instant {
    if in_doubt {
        return (began + pace.confirm).max(now);
    }
    // Not sooner than half an interval after the last one: after a late or extra probe the own slot may be close.
    let earliest = (began + pace.interval / 2).max(now);
    let slot = epoch + phase.of(pace.interval);
    let interval = pace.interval.as_nanos().max(1);
    let since = earliest.saturating_duration_since(slot).as_nanos();
    let slots = since.div_ceil(interval);
    slot + Duration::from_nanos(u64::try_from(slots * interval).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn spread(node: &str, count: usize) -> Vec<Phase> {
        phases(node, (0..count).map(|n| (format!("10.0.0.{n}:80 web"), &SECOND)))
    }

    #[test]
    fn phases_are_evenly_spread_and_the_same_each_time() {
        let mut at: Vec<u128> = spread("a", 100).iter().map(|phase| phase.of(SECOND).as_micros()).collect();
        assert_eq!(spread("a", 100), spread("a", 100));
        assert_ne!(spread("a", 100), spread("b", 100), "another node has another order");
        at.sort_unstable();
        for (rank, micros) in at.iter().enumerate() {
            assert!(micros.abs_diff(rank as u128 * 10_000) <= 1, "{rank}: {micros}");
        }
    }

    #[test]
    fn each_interval_is_spread_by_itself() {
        let hour = Duration::from_hours(1);
        let names = ["a", "b", "c", "d"].map(str::to_owned).into_iter();
        let got = phases("n", names.zip([&SECOND, &hour, &SECOND, &hour]));
        let halves = |one: usize, two: usize| {
            let mut pair = [got[one].0, got[two].0];
            pair.sort_unstable();
            assert_eq!(pair, [0, 1 << 31]);
        };
        halves(0, 2);
        halves(1, 3);
    }

    /// Slots at 250 ms, 1,250 ms, … after the epoch; confirmation after 100 ms.
    fn check(began: u64, ended: u64, in_doubt: bool, want: u64) {
        let epoch = Instant::now();
        let pace = Pace { interval: SECOND, confirm: ms(100) };
        let got = next(epoch, epoch + ms(began), epoch + ms(ended), pace, Phase(1 << 30), in_doubt);
        assert_eq!(got - epoch, ms(want), "began {began} ended {ended}");
    }

    #[test]
    fn from_start_to_start_it_is_one_interval() {
        check(250, 260, false, 1_250);
        check(250, 750, false, 1_250);
        check(255, 300, false, 1_250);
        check(1_250, 1_251, false, 2_250);
    }

    #[test]
    fn doubt_is_confirmed_sooner_but_not_while_the_last_probe_runs() {
        check(250, 260, true, 350);
        check(250, 750, true, 750);
    }

    #[test]
    fn a_late_or_extra_probe_returns_to_its_slot() {
        check(600, 610, false, 1_250);
        check(900, 910, false, 2_250);
        check(250, 5_000, false, 5_250);
    }

    #[test]
    fn what_was_missed_is_caught_up_with() {
        let each = |seconds| Pace { interval: Duration::from_secs(seconds), confirm: SECOND };
        let us = Duration::from_micros;
        assert_eq!(pause(64, std::iter::empty()), us(6_400));
        assert_eq!(pause(64, std::iter::repeat_n(each(1), 5_000)), us(6_400));
        assert_eq!(pause(64, std::iter::repeat_n(each(10), 100_000)), us(3_200), "twice the usual 10,000");
        assert_eq!(pause(64, std::iter::repeat_n(each(3_600), 100_000)), us(6_400));
    }

    #[test]
    fn the_first_round_takes_a_second_at_most() {
        let now = Instant::now();
        let hour = Pace { interval: Duration::from_hours(1), confirm: SECOND };
        assert_eq!(first(now, hour, Phase(1 << 31), round(10_000)) - now, ms(500));
        let quick = Pace { interval: ms(100), confirm: ms(50) };
        assert_eq!(first(now, quick, Phase(1 << 31), round(1)) - now, ms(50));
        assert_eq!(round(100_000), ms(10_000), "but for very many");
    }
}
