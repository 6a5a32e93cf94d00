//! Which zones look at an endpoint, where not all of them do: shuffle shards.
//!
//! 1. Each zone has a score for each endpoint and check, from a digest of their names; the few with the highest look at it
//!    (rendezvous hashing). Every checker comes to the same choice from the estate alone, and nobody assigns anything.
//! 2. Each endpoint has zones of its own choice: whatever set of zones is lost or wrong, few endpoints have all of theirs in it.
//! 3. A zone that comes or goes changes the choice for the endpoints that it was or is chosen for, and for nobody else.
//!
//! All checkers of a zone look at the same endpoints. Not here: how many zones (`Checking::vantages`), checks that stand by themselves: every zone looks at those.

use std::net::SocketAddr;

use hf_config::estate::{Estate, ZoneIx};
use hf_model::{CheckName, Digest, ZoneId};

/// The endpoints that a checker of one zone looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shards {
    /// All.
    All,
    /// Its share.
    Few {
        /// The zone.
        own: ZoneIx,
        /// Zones that look at one endpoint.
        vantages: usize,
        /// A number for each zone, from its name.
        zones: Vec<u64>,
    },
}

impl Shards {
    /// For a checker in this zone. One that is in no zone of the estate looks at everything, as nobody counts on it.
    pub fn of(estate: &Estate, zone: Option<&ZoneId>) -> Shards {
        let vantages = estate.checking.vantages(estate.zones.len());
        let Some(own) = zone.and_then(|zone| estate.zone_named(zone)) else { return Shards::All };
        if vantages >= estate.zones.len() {
            return Shards::All;
        }
        let zones = estate.zones.iter().map(|zone| number(zone.id.as_str())).collect();
        Shards::Few { own, vantages, zones }
    }

    /// Whether the checker looks at this address under this check.
    pub fn has(&self, address: SocketAddr, check: &CheckName) -> bool {
        let Shards::Few { own, vantages, zones } = self else { return true };
        let endpoint = number(&format!("{address} {check}"));
        let score = |at: usize| (mixed(endpoint ^ zones[at]), at);
        let own = score(own.at());
        (0..zones.len()).filter(|at| score(*at) > own).count() < *vantages
    }
}

fn number(name: &str) -> u64 {
    let digest = Digest::of(name.as_bytes());
    digest.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// One of the best mixers of 64 bits (the finalizer of SplitMix64): a digest for each pair of endpoint and zone takes seconds where there are many.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const VANTAGES: usize = 3;

    fn shards(names: &[String]) -> Vec<Shards> {
        let zones: Vec<u64> = names.iter().map(|name| number(name)).collect();
        let of = |at| Shards::Few { own: ZoneIx(at), vantages: VANTAGES, zones: zones.clone() };
        (0..names.len() as u16).map(of).collect()
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("use1-az{at}")).collect()
    }

    /// Who looks at each of so many endpoints.
    fn chosen(names: &[String], endpoints: u16) -> Vec<Vec<String>> {
        let (all, check) = (shards(names), CheckName::new("web").unwrap());
        let of = |n: u16| {
            let address = SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 80));
            let looking = all.iter().zip(names).filter(|(shards, _)| shards.has(address, &check));
            looking.map(|(_, name)| name.clone()).collect()
        };
        (0..endpoints).map(of).collect()
    }

    #[test]
    fn every_endpoint_has_as_many_zones_as_said_and_every_zone_its_share() {
        let names = names(12);
        let mut of_each: BTreeMap<String, usize> = BTreeMap::new();
        let mut sets: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for looking in chosen(&names, 4_000) {
            assert_eq!(looking.len(), VANTAGES);
            for zone in &looking {
                *of_each.entry(zone.clone()).or_default() += 1;
            }
            *sets.entry(looking).or_default() += 1;
        }
        // 4,000 endpoints by 3 of 12 zones: 1,000 each.
        for (zone, count) in &of_each {
            assert!((850..=1_150).contains(count), "{zone}: {count}");
        }
        // 220 sets of three: whichever three zones are lost, hardly anybody has only those.
        assert!(sets.len() > 210, "{}", sets.len());
        assert!(sets.values().all(|count| *count < 50), "{sets:?}");
    }

    #[test]
    fn a_zone_that_goes_moves_its_own_share_alone() {
        let all = names(12);
        let fewer = all[..11].to_vec();
        for (before, after) in chosen(&all, 1_000).iter().zip(&chosen(&fewer, 1_000)) {
            let left: Vec<&String> = before.iter().filter(|zone| **zone != all[11]).collect();
            assert!(left.iter().all(|zone| after.contains(zone)), "{before:?} {after:?}");
        }
    }
}
