//! When an endpoint is left for a while by what its own requests met.
//!
//! 1. After so many failures in a row, or when too large a share of at least 50 requests in ten seconds failed.
//! 2. For `time`, and longer each time it happens again, up to `time_max`. Each `time` in service takes one of those times back.
//! 3. Never more than `share_max` of a zone's endpoints are out, one always may be, and never all of a zone: a whole zone is the gray-failure
//!    detector's to leave. Who cannot be ejected for that is when there is room and it fails again.
//! 4. A good health check does not end it: the check did not see what requests saw.
//! 5. An endpoint that comes back begins with a clean account.
//!
//! It survives a restart by [`Ejector::saved`]. Not here: what a failure is (`hf-balancer`), leaving zones.

use std::collections::BTreeMap;

use hf_config::estate::Ejection;
use hf_model::Share;

/// Requests below which a share says nothing.
const REQUESTS_MIN: u64 = 50;
const SLOTS: usize = 10;

/// Who of a pool's endpoints is out. `K` is what an endpoint is known by, `Z` its zone.
#[derive(Clone, Debug)]
pub struct Ejector<K, Z> {
    rules: Ejection,
    of: BTreeMap<K, Account<Z>>,
}

/// What is known of one endpoint.
#[derive(Clone, Debug)]
struct Account<Z> {
    zone: Z,
    in_row: u32,
    /// Requests and failures, by second.
    slots: [(u32, u32); SLOTS],
    newest_s: u64,
    /// Ejections that count, this one too.
    times: u32,
    /// When the last one ends or ended; 0: there was none.
    until_ms: u64,
}

/// An ejection that just began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejected {
    /// Why.
    pub why: Why,
    /// For how long.
    pub for_ms: u64,
    /// Which time in a row.
    pub times: u32,
}

/// Why an endpoint was ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// So many failures in a row.
    InRow(u32),
    /// So many of so many requests in ten seconds failed.
    Share {
        /// Failures.
        failures: u64,
        /// Requests, those too.
        requests: u64,
    },
}

/// In words: `5 failures in a row`.
impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::InRow(count) => write!(f, "{count} failures in a row"),
            Why::Share { failures, requests } => {
                write!(f, "{failures} of {requests} requests failed within ten seconds")
            }
        }
    }
}

/// What outlives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedEjection<K> {
    /// Whose.
    pub key: K,
    /// How much of it is left; 0: it is over, and `times` still counts.
    pub left_ms: u64,
    /// Which time in a row.
    pub times: u32,
}

impl<K: Ord + Clone, Z: PartialEq + Clone> Ejector<K, Z> {
    /// Nobody is out, and nobody is known.
    pub fn new(rules: Ejection) -> Self {
        Ejector { rules, of: BTreeMap::new() }
    }

    /// From now on by other rules; who is out stays out until its time.
    pub fn set_rules(&mut self, rules: Ejection) {
        self.rules = rules;
    }

    /// Takes the pool's endpoints. Who was there before keeps what is known of it, unless its zone changed; others are forgotten.
    pub fn set_endpoints(&mut self, endpoints: impl IntoIterator<Item = (K, Z)>) {
        let mut of = BTreeMap::new();
        for (key, zone) in endpoints {
            let known = self.of.remove(&key).filter(|account| account.zone == zone);
            of.insert(key, known.unwrap_or_else(|| Account::new(zone)));
        }
        self.of = of;
    }

    /// `count` requests were answered well.
    pub fn succeeded(&mut self, key: &K, count: u32, now_ms: u64) {
        if let Some(account) = self.of.get_mut(key).filter(|account| !account.is_out(now_ms)) {
            account.in_row = 0;
            let slot = account.slot(now_ms);
            slot.0 = slot.0.saturating_add(count);
        }
    }

    /// One failed; tells whether that ejected it.
    pub fn failed(&mut self, key: &K, now_ms: u64) -> Option<Ejected> {
        let account = self.of.get_mut(key).filter(|account| !account.is_out(now_ms))?;
        account.in_row = account.in_row.saturating_add(1);
        let slot = account.slot(now_ms);
        *slot = (slot.0.saturating_add(1), slot.1.saturating_add(1));
        let why = account.why(&self.rules)?;
        let zone = account.zone.clone();
        if !self.has_room(&zone, now_ms) {
            return None;
        }
        let rules = &self.rules;
        let account = self.of.get_mut(key)?;
        account.times = account.times_at(now_ms, rules).saturating_add(1);
        let for_ms = millis(rules.time).saturating_mul(u64::from(account.times)).min(millis(rules.time_max));
        account.until_ms = now_ms.saturating_add(for_ms).max(1);
        account.clear();
        Some(Ejected { why, for_ms, times: account.times })
    }

    /// Whether requests should go elsewhere.
    pub fn is_out(&self, key: &K, now_ms: u64) -> bool {
        self.of.get(key).is_some_and(|account| account.is_out(now_ms))
    }

    /// When its ejection ends; none when it is not out.
    pub fn until_ms(&self, key: &K, now_ms: u64) -> Option<u64> {
        self.of.get(key).filter(|account| account.is_out(now_ms)).map(|account| account.until_ms)
    }

    /// Who is out.
    pub fn out(&self, now_ms: u64) -> impl Iterator<Item = &K> {
        self.of.iter().filter(move |(_, account)| account.is_out(now_ms)).map(|(key, _)| key)
    }

    /// What a successor needs: those that are out, and those whose times still count.
    pub fn saved(&self, now_ms: u64) -> Vec<SavedEjection<K>> {
        let saved = |(key, account): (&K, &Account<Z>)| {
            let times = account.times_at(now_ms, &self.rules);
            let left_ms = account.until_ms.saturating_sub(now_ms);
            (times > 0).then(|| SavedEjection { key: key.clone(), left_ms, times })
        };
        self.of.iter().filter_map(saved).collect()
    }

    /// Takes what a predecessor saved. Endpoints that are not known (any more) and what would leave too few of a zone are passed over; no
    /// ejection gets longer than the rules allow.
    pub fn restore(&mut self, saved: impl IntoIterator<Item = SavedEjection<K>>, now_ms: u64) {
        let time_max = millis(self.rules.time_max);
        for SavedEjection { key, left_ms, times } in saved {
            let Some(zone) = self.of.get(&key).map(|account| account.zone.clone()) else { continue };
            let goes_out = left_ms > 0 && self.has_room(&zone, now_ms);
            if let Some(account) = self.of.get_mut(&key).filter(|account| !account.is_out(now_ms)) {
                account.times = times;
                account.until_ms =
                    now_ms.saturating_add(if goes_out { left_ms.min(time_max) } else { 0 }).max(1);
            }
        }
    }

    /// Whether one more of this zone may go.
    fn has_room(&self, zone: &Z, now_ms: u64) -> bool {
        let here = || self.of.values().filter(|account| account.zone == *zone);
        let (all, out) =
            (here().count() as u64, here().filter(|account| account.is_out(now_ms)).count() as u64);
        let by_share = all * u64::from(self.rules.share_max.ppm()) / 1_000_000;
        out < by_share.max(1).min(all.saturating_sub(1))
    }
}

impl<Z> Account<Z> {
    fn new(zone: Z) -> Self {
        Account { zone, in_row: 0, slots: [(0, 0); SLOTS], newest_s: 0, times: 0, until_ms: 0 }
    }

    fn is_out(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms
    }

    fn clear(&mut self) {
        self.in_row = 0;
        self.slots = [(0, 0); SLOTS];
    }

    /// The slot of this second; time that runs back counts as the newest there was.
    fn slot(&mut self, now_ms: u64) -> &mut (u32, u32) {
        let second = now_ms / 1_000;
        if second > self.newest_s {
            for passed in (self.newest_s + 1..=second).take(SLOTS) {
                self.slots[(passed % SLOTS as u64) as usize] = (0, 0);
            }
            self.newest_s = second;
        }
        &mut self.slots[(self.newest_s % SLOTS as u64) as usize]
    }

    fn why(&self, rules: &Ejection) -> Option<Why> {
        if rules.failures > 0 && self.in_row >= u32::from(rules.failures) {
            return Some(Why::InRow(self.in_row));
        }
        let sum = |of: fn(&(u32, u32)) -> u32| self.slots.iter().map(|slot| u64::from(of(slot))).sum::<u64>();
        let (requests, failures) = (sum(|slot| slot.0), sum(|slot| slot.1));
        let is_much = failures * 1_000_000 >= requests * u64::from(rules.failure_share.ppm());
        let is_asked = rules.failure_share > Share::ZERO && requests >= REQUESTS_MIN;
        (is_asked && is_much).then_some(Why::Share { failures, requests })
    }

    /// The ejections that still count.
    fn times_at(&self, now_ms: u64, rules: &Ejection) -> u32 {
        let served_ms = now_ms.saturating_sub(self.until_ms);
        let forgiven = served_ms / millis(rules.time).max(1);
        self.times.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

fn millis(of: std::time::Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
