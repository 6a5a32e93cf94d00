//! Which clients have most of the faults: one broken client must not make a zone look broken.
//!
//! 1. Clients are known by a digest of their address (of a /64 in IPv6): enough to tell two apart, and nobody's name travels.
//! 2. 64 places, each for the client that had most of the faults of all that fall there (a majority vote, after Boyer and Moore); a client
//!    that stops failing is out-voted. No lock: two workers at one place may lose a count.
//! 3. Requests of a client count while it holds its place. That costs every request one look at one place.
//!
//! Not here: what is made of it (the detector of gray failures leaves out the two worst).

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const PLACES: usize = 64;
/// How far one client's faults may outweigh others' that come later.
const WEIGHT_MAX: u32 = 64;
/// Clients that are told.
pub const CLIENTS_TOLD: usize = 2;

/// What one client did in a short time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCount {
    /// Which; 0 is nobody.
    pub key: u64,
    /// Its requests.
    pub requests: u32,
    /// Of these, faults.
    pub faults: u32,
}

/// The number that stands for a client; never 0.
pub fn client_key(client: IpAddr) -> u64 {
    let wide = match client.to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()) | 1 << 63,
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    };
    // The finish of SplitMix64: every bit of the address reaches every bit of the key.
    let mut mixed = wide.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).max(1)
}

#[derive(Debug, Default)]
struct Place {
    key: AtomicU64,
    weight: AtomicU32,
    requests: AtomicU32,
    faults: AtomicU32,
}

/// The clients of one pool and zone with most faults; all workers write.
#[derive(Debug)]
pub(crate) struct Clients {
    places: [Place; PLACES],
}

impl Default for Clients {
    fn default() -> Self {
        Clients { places: std::array::from_fn(|_| Place::default()) }
    }
}

impl Clients {
    pub(crate) fn note(&self, key: u64, is_fault: bool) {
        let place = &self.places[(key >> 58) as usize];
        if place.key.load(Ordering::Relaxed) == key {
            place.requests.fetch_add(1, Ordering::Relaxed);
            if is_fault {
                place.faults.fetch_add(1, Ordering::Relaxed);
                if place.weight.load(Ordering::Relaxed) < WEIGHT_MAX {
                    place.weight.fetch_add(1, Ordering::Relaxed);
                }
            }
        } else if is_fault {
            let weight = place.weight.load(Ordering::Relaxed);
            if weight > 0 {
                place.weight.store(weight - 1, Ordering::Relaxed);
                return;
            }
            place.key.store(key, Ordering::Relaxed);
            place.weight.store(1, Ordering::Relaxed);
            place.requests.store(1, Ordering::Relaxed);
            place.faults.store(1, Ordering::Relaxed);
        }
    }

    /// The worst of the time since the last call; places of clients without faults become free by and by.
    pub(crate) fn take_worst(&self) -> [ClientCount; CLIENTS_TOLD] {
        let mut all: Vec<ClientCount> = Vec::with_capacity(PLACES);
        for place in &self.places {
            let requests = place.requests.swap(0, Ordering::Relaxed);
            let faults = place.faults.swap(0, Ordering::Relaxed);
            let weight = place.weight.load(Ordering::Relaxed);
            place.weight.store(weight - weight.div_ceil(4), Ordering::Relaxed);
            if faults > 0 {
                all.push(ClientCount { key: place.key.load(Ordering::Relaxed), requests, faults });
            }
        }
        worst(all)
    }
}

/// The worst of several observers' worst, one client's counts added up.
pub(crate) fn worst(mut all: Vec<ClientCount>) -> [ClientCount; CLIENTS_TOLD] {
    all.retain(|count| count.key != 0);
    all.sort_unstable_by_key(|count| count.key);
    all.dedup_by(|next, kept| {
        let is_same = next.key == kept.key;
        if is_same {
            kept.requests = kept.requests.saturating_add(next.requests);
            kept.faults = kept.faults.saturating_add(next.faults);
        }
        is_same
    });
    all.sort_by_key(|count| std::cmp::Reverse(count.faults));
    let mut told = [ClientCount::default(); CLIENTS_TOLD];
    told.iter_mut().zip(all).for_each(|(place, count)| *place = count);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u8) -> u64 {
        client_key(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn the_two_with_most_faults_are_told() {
        let clients = Clients::default();
        clients.note(key(1), false); // of no interest before its first fault
        for _ in 0..50 {
            clients.note(key(1), true);
            clients.note(key(1), false);
        }
        (0..40).for_each(|_| clients.note(key(2), true));
        (10..60).for_each(|last| clients.note(key(last), true));
        let [first, second] = clients.take_worst();
        assert_eq!((first.key, first.faults, first.requests), (key(1), 50, 100));
        assert_eq!((second.key, second.faults), (key(2), 40));
        assert_eq!(clients.take_worst(), [ClientCount::default(); CLIENTS_TOLD]);
    }

    #[test]
    fn a_client_that_failed_long_ago_makes_room() {
        let clients = Clients::default();
        let rival = (3..=u8::MAX).map(key).find(|other| other >> 58 == key(1) >> 58).unwrap();
        (0..1_000).for_each(|_| clients.note(key(1), true));
        for _ in 0..30 {
            let _ = clients.take_worst();
        }
        clients.note(rival, true);
        assert_eq!(clients.take_worst()[0].key, rival);
    }

    #[test]
    fn observers_are_added_up_by_client() {
        let count = |key, faults| ClientCount { key, requests: faults * 2, faults };
        let told = worst(vec![count(7, 3), count(0, 9), count(8, 4), count(7, 2), count(9, 1)]);
        assert_eq!(told, [count(7, 5), count(8, 4)]);
    }

    #[test]
    fn an_address_is_the_same_client_in_either_form_and_in_its_64() {
        let key = |text: &str| client_key(text.parse().unwrap());
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    }
}
