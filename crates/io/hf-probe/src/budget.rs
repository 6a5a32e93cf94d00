//! How many probes one address gets from this prober, whatever its checks ask for.
//!
//! 1. In any second an address gets at most this prober's share of the budget (`Checking::probes_per_second_max` over the zones that look at it).
//! 2. A probe beyond it is put off, never dropped: it waits in a queue of its address, first come, first served, and is counted once.
//! 3. Each job waits once at most, so queues are no longer than there are jobs. Addresses whose jobs cannot reach the share at their
//!    quickest are not looked at, which is nearly all of them: the budget costs them nothing.
//!
//! Checks that go to no address (commands) have none.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::jobs::JobId;
use crate::schedule::Pace;

/// What an address may get in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Probes.
    pub probes: usize,
    /// In any stretch of this length.
    pub within: Duration,
}

impl Share {
    /// One prober's part of so many probes a second, of as many probers as there are zones that look at an address.
    pub fn of(probes_per_second: u32, vantages: usize) -> Share {
        let vantages = vantages.max(1);
        let budget = usize::try_from(probes_per_second).unwrap_or(usize::MAX).max(1);
        let probes = (budget / vantages).max(1);
        // With fewer probes a second than probers each has one in more than a second.
        let within = Duration::from_secs(vantages as u64 * probes as u64) / probes_per_second.max(1);
        Share { probes, within: within.max(Duration::from_secs(1)) }
    }
}

/// The most that a job asks for in such a stretch: a changed check begins anew, and what is out of turn comes back after half an interval.
pub fn at_most(pace: Pace, within: Duration) -> usize {
    let shortest = (pace.interval / 2).min(pace.confirm).max(Duration::from_millis(1));
    usize::try_from(within.as_nanos() / shortest.as_nanos()).unwrap_or(usize::MAX).saturating_add(2)
}

/// Whether a probe may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Now.
    Now,
    /// It waits; somebody has to look again ([`Budget::next`]) at this instant.
    Wait(Instant),
    /// It waits behind others, for whom somebody looks again already.
    Behind,
}

#[derive(Debug, Default)]
struct Spent {
    /// When the last probes began, the oldest first; no more than the share.
    began: VecDeque<Instant>,
    waiting: VecDeque<JobId>,
}

impl Spent {
    /// When the next probe may begin, if not at `now`.
    fn full_until(&mut self, share: Share, now: Instant) -> Option<Instant> {
        while self.began.front().is_some_and(|first| now >= *first + share.within) {
            self.began.pop_front();
        }
        if self.began.len() < share.probes {
            return None;
        }
        self.began.front().map(|first| *first + share.within)
    }
}

/// What addresses have had.
#[derive(Debug)]
pub struct Budget {
    share: Share,
    of_each: HashMap<IpAddr, Spent>,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            share: Share { probes: usize::MAX, within: Duration::from_secs(1) },
            of_each: HashMap::new(),
        }
    }
}

impl Budget {
    /// A new estate, at `now`: nobody waits any more, since all that is due is asked for again; what was spent is not forgotten.
    pub fn adopt(&mut self, share: Share, now: Instant) {
        self.share = share;
        self.of_each.retain(|_, spent| {
            spent.waiting.clear();
            spent.full_until(share, now);
            !spent.began.is_empty()
        });
    }

    /// A job of this address is due.
    pub fn ask(&mut self, ip: IpAddr, job: JobId, now: Instant) -> Leave {
        let spent = self.of_each.entry(ip).or_default();
        if !spent.waiting.is_empty() {
            spent.waiting.push_back(job);
            return Leave::Behind;
        }
        match spent.full_until(self.share, now) {
            None => {
                spent.began.push_back(now);
                Leave::Now
            }
            Some(until) => {
                spent.waiting.push_back(job);
                Leave::Wait(until)
            }
        }
    }

    /// Who of those that wait for this address may begin at `now`, and when to look again for the others.
    pub fn next(&mut self, ip: IpAddr, now: Instant) -> (Option<JobId>, Option<Instant>) {
        let Some(spent) = self.of_each.get_mut(&ip) else { return (None, None) };
        let mut begins = None;
        if spent.full_until(self.share, now).is_none() {
            begins = spent.waiting.pop_front();
            if begins.is_some() {
                spent.began.push_back(now);
            }
        }
        if spent.waiting.is_empty() {
            return (begins, None);
        }
        (begins, Some(spent.full_until(self.share, now).unwrap_or(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn job(number: u32) -> JobId {
        JobId { slot: number, generation: 0 }
    }

    #[test]
    fn probers_share_the_budget() {
        let check = |budget, vantages, probes, within_ms| {
            let share = Share { probes, within: Duration::from_millis(within_ms) };
            assert_eq!(Share::of(budget, vantages), share, "{budget} of {vantages}");
        };
        check(100, 3, 33, 1_000);
        check(100, 1, 100, 1_000);
        check(10, 4, 2, 1_000);
        check(1, 4, 1, 4_000);
        check(0, 0, 1, 1_000);
    }

    #[test]
    fn what_is_beyond_waits_in_line() {
        let now = Instant::now();
        let ms = |ms| now + Duration::from_millis(ms);
        let mut budget = Budget::default();
        budget.adopt(Share { probes: 2, within: Duration::from_secs(1) }, now);
        assert_eq!(budget.ask(IP, job(1), ms(0)), Leave::Now);
        assert_eq!(budget.ask(IP, job(2), ms(400)), Leave::Now);
        assert_eq!(budget.ask(IP, job(3), ms(500)), Leave::Wait(ms(1_000)));
        assert_eq!(budget.ask(IP, job(4), ms(600)), Leave::Behind);
        assert_eq!(budget.ask(IP, job(5), ms(600)), Leave::Behind);
        assert_eq!(budget.next(IP, ms(900)), (None, Some(ms(1_000))), "too soon changes nothing");
        assert_eq!(budget.next(IP, ms(1_000)), (Some(job(3)), Some(ms(1_400))));
        assert_eq!(budget.next(IP, ms(1_400)), (Some(job(4)), Some(ms(2_000))));
        budget.adopt(Share { probes: 2, within: Duration::from_secs(1) }, ms(1_500));
        assert_eq!(budget.next(IP, ms(1_550)), (None, None), "a new estate asks for all again");
        assert_eq!(budget.ask(IP, job(5), ms(1_600)), Leave::Wait(ms(2_000)), "and forgets nothing spent");
    }

    #[test]
    fn a_job_asks_for_no_more_than_its_quickest_pace() {
        let second = Duration::from_secs(1);
        let pace = |interval, confirm| Pace {
            interval: Duration::from_millis(interval),
            confirm: Duration::from_millis(confirm),
        };
        assert_eq!(at_most(pace(10_000, 10_000), second), 2);
        assert_eq!(at_most(pace(1_000, 1_000), second), 4);
        assert_eq!(at_most(pace(1_000, 50), second), 22);
    }
}
