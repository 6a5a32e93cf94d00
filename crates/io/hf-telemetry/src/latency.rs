//! Round-trip times of clients' connections, by the clients' networks: what the filter `latency` goes by where nobody wrote a table.
//!
//! 1. A network is a /24 of IPv4 or a /48 of IPv6: what resolvers tell of their clients (RFC 7871 11.1), and too coarse to name anybody.
//! 2. At most [`SAMPLES_PER_SECOND`] samples of a second are taken, and none while another worker writes: measuring never keeps a
//!    connection waiting.
//! 3. A network's figure moves by an eighth of each sample, as TCP's own does (RFC 6298).
//! 4. At most [`NETWORKS_MAX`] networks. When there are too many, a tenth goes: first those that were not seen for a day, then those with the
//!    fewest samples.
//!
//! Not here: how it is measured (`hf-datagram`, `hf-balancer`), how it travels (`hf-feed`), what is made of it (`hf-geo`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hf_model::{Cidr, Timestamp};

/// Networks that one node knows.
pub const NETWORKS_MAX: usize = 10_000;
/// Samples of one second at most.
pub const SAMPLES_PER_SECOND: u64 = 200;
/// What is older is not told any more: routes change.
pub const AGE_MAX: Duration = Duration::from_hours(24);
/// A longer time is no way between two machines on this planet, but a machine that sleeps.
const RTT_MAX: Duration = Duration::from_secs(10);

/// How long a network's clients need to and fro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredLatency {
    /// A /24 or a /48.
    pub network: Cidr,
    /// Microseconds.
    pub micros: u32,
    /// How many samples it stands on.
    pub samples: u32,
    /// When the newest of them was taken.
    pub at: Timestamp,
}

/// What one node measured.
#[derive(Debug, Default)]
pub struct Latencies {
    /// The second that is counted, and how many samples it has had, in the lowest 16 bits.
    pace: AtomicU64,
    networks: Mutex<BTreeMap<Cidr, MeasuredLatency>>,
}

impl Latencies {
    /// Whether a sample is wanted now; asked before anything is measured.
    pub fn wants(&self, now: Timestamp) -> bool {
        let second = (now.0 / 1_000) << 16;
        let pace = self.pace.load(Ordering::Relaxed);
        let next = if pace >> 16 == second >> 16 { pace + 1 } else { second + 1 };
        let has_room = next & 0xffff <= SAMPLES_PER_SECOND;
        // Whoever loses the race leaves it be: one sample more or less says nothing.
        has_room && self.pace.compare_exchange(pace, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Takes a sample, unless somebody else writes just now.
    pub fn sample(&self, client: IpAddr, rtt: Duration, now: Timestamp) {
        if rtt.is_zero() || rtt > RTT_MAX {
            return;
        }
        let Ok(mut networks) = self.networks.try_lock() else { return };
        let client = client.to_canonical();
        let network = Cidr::around(client, if client.is_ipv4() { 24 } else { 48 });
        let micros = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX);
        if let Some(known) = networks.get_mut(&network) {
            let moved = (u64::from(known.micros) * 7 + u64::from(micros)) / 8;
            known.micros = u32::try_from(moved).unwrap_or(u32::MAX);
            known.samples = known.samples.saturating_add(1);
            known.at = known.at.max(now);
            return;
        }
        if networks.len() >= NETWORKS_MAX {
            make_room(&mut networks, now);
        }
        networks.insert(network, MeasuredLatency { network, micros, samples: 1, at: now });
    }

    /// Networks that are known.
    pub fn len(&self) -> usize {
        self.networks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that is not too old, by network.
    pub fn report(&self, now: Timestamp) -> Vec<MeasuredLatency> {
        let networks = self.networks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        networks.values().filter(|known| now.since(known.at) <= AGE_MAX).copied().collect()
    }
}

fn make_room(networks: &mut BTreeMap<Cidr, MeasuredLatency>, now: Timestamp) {
    let mut order: Vec<_> = networks
        .values()
        .map(|known| (now.since(known.at) <= AGE_MAX, known.samples, known.at, known.network))
        .collect();
    order.sort_unstable();
    for (.., network) in order.into_iter().take(NETWORKS_MAX / 10) {
        networks.remove(&network);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn sample(latencies: &Latencies, client: &str, millis: u64, now: Timestamp) {
        latencies.sample(client.parse().unwrap(), Duration::from_millis(millis), now);
    }

    fn show(latencies: &Latencies, now: Timestamp) -> String {
        let lines = latencies.report(now);
        let line = |line: &MeasuredLatency| format!("{} {} {}", line.network, line.micros, line.samples);
        lines.iter().map(line).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn clients_of_one_network_count_together() {
        let latencies = Latencies::default();
        sample(&latencies, "192.0.2.1", 8, NOW);
        sample(&latencies, "192.0.2.200", 16, NOW);
        sample(&latencies, "::ffff:192.0.2.3", 9, NOW);
        sample(&latencies, "2001:db8:1:2::3", 20, NOW);
        sample(&latencies, "198.51.100.1", 0, NOW);
        sample(&latencies, "198.51.100.1", 11_000, NOW);
        assert_eq!(show(&latencies, NOW), "192.0.2.0/24 9000 3, 2001:db8:1::/48 20000 1");
        assert_eq!(show(&latencies, NOW.plus(AGE_MAX + Duration::from_millis(1))), "");
    }

    #[test]
    fn a_second_has_so_many_samples() {
        let latencies = Latencies::default();
        let wanted = |now| (0..1_000).filter(|_| latencies.wants(now)).count() as u64;
        assert_eq!(wanted(NOW), SAMPLES_PER_SECOND);
        assert_eq!(wanted(NOW), 0);
        assert_eq!(wanted(NOW.plus(Duration::from_secs(1))), SAMPLES_PER_SECOND);
    }

    #[test]
    fn beyond_the_bound_the_old_and_the_rare_go() {
        let latencies = Latencies::default();
        let later = NOW.plus(Duration::from_hours(30));
        sample(&latencies, "10.0.0.1", 5, NOW);
        sample(&latencies, "10.0.0.1", 5, NOW);
        sample(&latencies, "10.0.1.1", 5, later);
        sample(&latencies, "10.0.1.1", 5, later);
        for at in 2..=NETWORKS_MAX as u32 {
            let [_, a, b, c] = (at << 8).to_be_bytes();
            latencies.sample(IpAddr::from([10, a, b, c]), Duration::from_millis(5), later);
        }
        let report = latencies.report(later);
        assert_eq!(report.len(), NETWORKS_MAX - NETWORKS_MAX / 10 + 1);
        let has = |network: &str| report.iter().any(|line| line.network.to_string() == network);
        assert!(!has("10.0.0.0/24") && has("10.0.1.0/24"));
    }
}
