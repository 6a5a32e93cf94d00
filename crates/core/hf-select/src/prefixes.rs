//! Networks as a sorted table of ranges: the narrowest network around an address by one binary search, and how much of the address
//! that answer depends on.
//!
//! 1. Nested networks are cut into ranges that do not overlap; each range knows its narrowest network, each network the one around it.
//! 2. The bits that an answer depends on are those of the largest block around the address that lies in one range: whoever has
//!    them in common gets the same answer (RFC 7871 7.2.1). None if there are no networks of the family.
//! 3. A network that is given twice counts as the first of the two.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hf_model::Cidr;

const NONE: u32 = u32::MAX;

/// Networks by position in the list that the table was made of.
#[derive(Clone, Debug, Default)]
pub struct Prefixes {
    v4: Ranges,
    v6: Ranges,
    /// For each network the position of the one around it.
    around: Vec<u32>,
}

/// What a table says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The narrowest network around it.
    pub network: Option<usize>,
    /// So many leading bits of the address decide that.
    pub bits: u8,
}

/// Ranges of addresses of one family, by their first address; addresses begin at the highest bit.
#[derive(Clone, Debug, Default)]
struct Ranges {
    starts: Vec<u128>,
    networks: Vec<u32>,
}

fn high(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Prefixes {
    /// Makes the table.
    pub fn new(networks: &[Cidr]) -> Prefixes {
        let mut first: BTreeMap<(bool, u128, u8), u32> = BTreeMap::new();
        for (at, network) in (0_u32..).zip(networks) {
            let key = (network.base().is_ipv6(), high(network.base()), network.bits());
            first.entry(key).or_insert(at);
        }
        let mut around = vec![NONE; networks.len()];
        let of = |is_v6: bool, around: &mut [u32]| {
            let of_family = first.iter().filter(|((v6, ..), _)| *v6 == is_v6);
            Ranges::new(of_family.map(|((_, base, bits), at)| (*base, *bits, *at)), around)
        };
        Prefixes { v4: of(false, &mut around), v6: of(true, &mut around), around }
    }

    /// Finds the narrowest network around an address.
    pub fn find(&self, address: IpAddr) -> Found {
        let ranges = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        ranges.find(high(address))
    }

    /// The network around a network.
    pub fn around(&self, network: usize) -> Option<usize> {
        self.around.get(network).filter(|at| **at != NONE).map(|at| *at as usize)
    }
}

impl Ranges {
    /// `networks` by base and bits: one that holds others comes before them.
    fn new(networks: impl Iterator<Item = (u128, u8, u32)>, around: &mut [u32]) -> Ranges {
        let mut ranges = Ranges::default();
        // Last address and position of the networks around the present one.
        let mut open: Vec<(u128, u32)> = Vec::new();
        for (base, bits, at) in networks {
            ranges.close(&mut open, base);
            if ranges.starts.is_empty() {
                ranges.begin(0, NONE);
            }
            around[at as usize] = open.last().map_or(NONE, |(_, outer)| *outer);
            ranges.begin(base, at);
            open.push((base | u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0), at));
        }
        ranges.close(&mut open, u128::MAX);
        ranges
    }

    /// Ends the networks that end before an address; at the last address of all nothing begins any more.
    fn close(&mut self, open: &mut Vec<(u128, u32)>, before: u128) {
        while let Some((last, _)) = open.last().copied().filter(|(last, _)| *last < before) {
            open.pop();
            self.begin(last + 1, open.last().map_or(NONE, |(_, outer)| *outer));
        }
    }

    fn begin(&mut self, start: u128, network: u32) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.networks.pop();
        }
        if self.networks.last() != Some(&network) {
            self.starts.push(start);
            self.networks.push(network);
        }
    }

    fn find(&self, address: u128) -> Found {
        let after = self.starts.partition_point(|start| *start <= address);
        let Some(at) = after.checked_sub(1) else { return Found { network: None, bits: 0 } };
        let differs_at = |other: u128| (address ^ other).leading_zeros() as u8 + 1;
        let below = self.starts[at].checked_sub(1).map_or(0, differs_at);
        let above = self.starts.get(after).map_or(0, |start| differs_at(*start));
        let network = Some(self.networks[at]).filter(|network| *network != NONE);
        Found { network: network.map(|network| network as usize), bits: below.max(above) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(networks: &[&str], address: &str, want: Option<usize>, bits: u8) {
        let networks: Vec<Cidr> = networks.iter().map(|network| Cidr::new(network).unwrap()).collect();
        let found = Prefixes::new(&networks).find(address.parse().unwrap());
        assert_eq!(found, Found { network: want, bits }, "{networks:?} {address}");
    }

    #[test]
    fn the_narrowest_network_is_found_with_the_bits_that_tell() {
        check(&[], "10.0.0.1", None, 0);
        check(&["10.0.0.0/8"], "10.0.0.1", Some(0), 8);
        check(&["10.0.0.0/8"], "11.0.0.1", None, 8);
        check(&["10.0.0.0/8"], "192.0.2.1", None, 1);
        check(&["10.0.0.0/8", "10.1.0.0/16"], "10.1.2.3", Some(1), 16);
        check(&["10.0.0.0/8", "10.1.0.0/16"], "10.0.2.3", Some(0), 16);
        check(&["10.0.0.0/8", "10.1.0.0/16"], "10.128.2.3", Some(0), 9);
        check(&["10.0.0.0/8", "10.1.0.0/16"], "::1", None, 0);
        check(&["0.0.0.0/0"], "10.0.0.1", Some(0), 0);
        check(&["255.255.255.255/32", "::/0", "ffff::/16"], "ffff::1", Some(2), 16);
        check(&["255.255.255.255/32"], "255.255.255.255", Some(0), 32);
    }

    fn network() -> impl Strategy<Value = Cidr> {
        // Few distinct bits, so that networks nest and meet.
        (prop::sample::select(vec![0_u32, 1, 2, 3, 6, 7, 8, 30, 31, 32]), 0_u32..16, 0_u32..4).prop_map(
            |(bits, high, low)| {
                let address = (high << 28 | low) & u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                Cidr::new(&format!("{}/{bits}", std::net::Ipv4Addr::from(address))).unwrap()
            },
        )
    }

    proptest! {
        /// As a look at every network tells, and every address with the same leading bits gets the same.
        #[test]
        fn the_table_says_what_a_scan_says(networks in prop::collection::vec(network(), 0..12), high in 0_u32..16, low in 0_u32..4, other: u32) {
            let table = Prefixes::new(&networks);
            let address = high << 28 | low;
            let scan = |address: u32| {
                let around = networks.iter().filter(|network| network.contains(IpAddr::V4(address.into())));
                around.max_by_key(|network| network.bits()).copied()
            };
            let found = table.find(IpAddr::V4(address.into()));
            prop_assert_eq!(found.network.map(|at| networks[at]), scan(address));
            let kept = u32::MAX.checked_shl(32 - u32::from(found.bits)).unwrap_or(0);
            prop_assert_eq!(scan(address & kept | other & !kept), scan(address));
            if let Some(at) = found.network {
                let outer = table.around(at).map(|at| networks[at]);
                let wider = networks.iter().filter(|network| network.contains(networks[at].base()) && network.bits() < networks[at].bits());
                prop_assert_eq!(outer, wider.max_by_key(|network| network.bits()).copied());
            }
        }
    }
}
