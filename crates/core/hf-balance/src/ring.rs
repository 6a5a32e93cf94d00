//! Consistent hashing with bounded loads.
//!
//! 1. Each endpoint has points on a ring, by its weight, that follow from its address alone: all balancers have the same ring.
//! 2. A key goes to the first point behind it; an endpoint that comes or leaves moves only the keys that come to it or leave it.
//! 3. An endpoint that has more than 1.25 times its part of the load is passed over: one hot key does not crush it.
//!    (Mirrokni, Thorup, Zadimoghaddam 2018.)
//!
//! Points scale by powers of two with the mean weight and the number of endpoints, so that neighbours keep theirs. Not here: what is hashed.

use std::net::{IpAddr, SocketAddr};

use crate::spread::mixed;

/// Points on one ring, at most about.
const POINTS_MAX: u64 = 1 << 16;
/// Points of an endpoint of mean weight: this to twice this, while there is room.
const POINTS: u64 = 128;

/// Points by place; each with a position among the endpoints that it was made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ring(Vec<(u32, u16)>);

impl Ring {
    /// Of addresses and weights; without any weight all are alike.
    pub(crate) fn new(endpoints: &[(SocketAddr, u16)]) -> Ring {
        let count = endpoints.len() as u64;
        let total: u64 = endpoints.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let weight_of = |weight: u16| if total == 0 { 1 } else { u64::from(weight) };
        let weight_sum = if total == 0 { count } else { total };
        let wanted = POINTS.min((POINTS_MAX / count.max(1)).max(1));
        // Powers of two: the scale holds while the mean weight stays within a factor of two.
        let (mut up, mut down) = (0_u32, 0_u32);
        while (weight_sum << up) < wanted * count && up < 16 {
            up += 1;
        }
        while up == 0 && (weight_sum >> down) >= 2 * wanted * count && down < 16 {
            down += 1;
        }
        let mut points = Vec::new();
        for (at, (address, weight)) in (0_u16..).zip(endpoints) {
            let weight = weight_of(*weight);
            if weight == 0 {
                continue; // a spare
            }
            let own = hash_address(*address);
            for point in 0..((weight << up) >> down).max(1) {
                points.push(((mixed(own, point) >> 32) as u32, at));
            }
        }
        points.sort_unstable();
        Ring(points)
    }

    /// Positions in the order of the ring, from the first point behind `key`; each at most as often as it has points.
    pub(crate) fn behind(&self, key: u64) -> impl Iterator<Item = u16> + '_ {
        let place = (mixed(key, 0x7269_6e67) >> 32) as u32;
        let first = self.0.partition_point(|(point, _)| *point < place);
        self.0[first..].iter().chain(&self.0[..first]).map(|(_, at)| *at)
    }
}

/// What a balancer hashes a request's header, cookie, path or address to; the same on every machine.
pub fn hash_key(bytes: &[u8]) -> u64 {
    // FNV-1a, then mixed: its last bytes reach too few bits by themselves.
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mixed(hash, bytes.len() as u64)
}

fn hash_address(address: SocketAddr) -> u64 {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    mixed(hash_key(&ip.octets()), u64::from(address.port()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn address(of: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, (of >> 8) as u8, of as u8], 80))
    }

    fn ring(count: u16) -> Ring {
        Ring::new(&(0..count).map(|of| (address(of), 100)).collect::<Vec<_>>())
    }

    fn first(ring: &Ring, key: u64) -> Option<u16> {
        ring.behind(hash_key(&key.to_be_bytes())).next()
    }

    #[test]
    fn every_balancer_has_the_same_ring() {
        // Changing this moves every user's keys at an upgrade.
        let found: Vec<u16> = (0..16).filter_map(|key| first(&ring(5), key)).collect();
        assert_eq!(found, [2, 1, 2, 2, 2, 0, 3, 1, 2, 3, 2, 0, 3, 3, 0, 4]);
    }

    #[test]
    fn keys_are_spread_by_weight() {
        let ring = Ring::new(&[(address(0), 100), (address(1), 300), (address(2), 0)]);
        let mut found = BTreeMap::<u16, u32>::new();
        (0..10_000).filter_map(|key| first(&ring, key)).for_each(|at| *found.entry(at).or_default() += 1);
        assert!((2_000..3_000).contains(&found[&0]), "{found:?}");
        assert_eq!(found.get(&2), None);
        // With spares alone all are alike.
        assert!(first(&Ring::new(&[(address(0), 0)]), 1).is_some());
        assert_eq!(first(&Ring::new(&[]), 1), None);
    }

    #[test]
    fn a_ring_of_very_many_is_bounded() {
        let points = ring(20_000).0.len() as u64;
        assert!((20_000..=2 * POINTS_MAX).contains(&points), "{points}");
        let heavy: Vec<_> = (0..20_000).map(|of| (address(of), u16::MAX)).collect();
        assert!(Ring::new(&heavy).0.len() as u64 <= 4 * POINTS_MAX);
    }

    proptest! {
        /// An endpoint that comes takes keys from others, and no key moves between others.
        #[test]
        fn a_newcomer_moves_only_its_own_keys(count in 1_u16..40, weight in 80_u16..120) {
            let mut endpoints: Vec<_> = (0..count).map(|of| (address(of), 100)).collect();
            let before = Ring::new(&endpoints);
            endpoints.push((address(count), weight));
            let after = Ring::new(&endpoints);
            let mut moved = 0_u32;
            for key in 0..500 {
                let (was, is) = (first(&before, key), first(&after, key));
                prop_assert!(is == was || is == Some(count), "{key}: {was:?} to {is:?}");
                moved += u32::from(is != was);
            }
            // Its part, and as much again for chance.
            prop_assert!(moved <= 500 / (u32::from(count) + 1) * 2 + 20, "{moved} of 500 moved");
        }
    }
}
