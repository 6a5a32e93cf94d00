//! What the estate alone decides, compiled once for each estate.

use std::collections::BTreeMap;

use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_hosted::NodeRef;
use hf_model::{Digest, WireName};

use crate::name;
use crate::plans::Plans;
use crate::zone::{Declared, Slots, Zone};

/// What the estate alone decides.
#[derive(Debug)]
pub struct Routes {
    /// The version that this was compiled from.
    pub estate: Digest,
    /// The hosted zones.
    pub declared: Vec<Declared>,
    by_apex: ByApex,
    /// Pools by name.
    pools: BTreeMap<Box<[u8]>, PoolIx>,
    /// Zones by name and alias.
    zone_labels: BTreeMap<Box<[u8]>, ZoneIx>,
    /// For each pool.
    pub per_pool: Vec<PoolRoutes>,
    /// Where each ALIAS leads, folded.
    pub aliases: Vec<WireName>,
    /// Every chain that anybody may be chosen by.
    pub plans: Plans,
}

/// What the estate says of one pool.
#[derive(Debug)]
pub struct PoolRoutes {
    /// The position of its first endpoint in the order of the verdicts.
    pub first_endpoint: usize,
    /// For each endpoint.
    pub endpoints: Vec<EndpointRoute>,
    /// Whether two endpoints have one address: they differ in port, which an address record cannot say.
    pub has_twins: bool,
    /// Whether it has endpoints in a zone, for each zone.
    in_zone: Vec<bool>,
}

/// One endpoint as DNS sees it.
#[derive(Clone, Copy, Debug)]
pub struct EndpointRoute {
    /// Its address as RDATA.
    address: [u8; 16],
    len: u8,
    /// Where it is.
    pub zone: ZoneIx,
    /// The first endpoint of the pool with the same address.
    pub first_twin: u16,
}

impl EndpointRoute {
    /// Its address as RDATA, with zeros behind one of IPv4.
    #[inline]
    pub fn padded_rdata(&self) -> &[u8; 16] {
        &self.address
    }

    /// Its address as RDATA.
    #[inline]
    pub fn rdata(&self) -> &[u8] {
        &self.address[..usize::from(self.len)]
    }
}

/// One hosted zone: what is declared, and what answers now.
#[derive(Clone, Copy, Debug)]
pub struct ZoneAt<'a> {
    /// Its position in the estate's hosted zones.
    pub at: usize,
    /// What the estate says of it.
    pub declared: &'a Declared,
    /// Its contents.
    pub zone: &'a Zone,
}

impl<'a> ZoneAt<'a> {
    /// What is steered at a node.
    #[inline]
    pub fn slots(self, node: Option<NodeRef<'a>>) -> Slots {
        let tag = node.and_then(|node| node.tag());
        tag.and_then(|tag| self.declared.slots.get(tag as usize)).copied().unwrap_or_default()
    }
}

impl Routes {
    /// Compiles an estate. Work: all its names and endpoints.
    pub fn new(estate: &Estate) -> Self {
        let declared: Vec<_> = (0..estate.hosted_zones.len()).map(|at| Declared::new(estate, at)).collect();
        let by_apex = ByApex::new(declared.iter().map(|zone| &zone.apex));
        let pools =
            estate.pool_indexes().map(|pool| (estate.pool(pool).name.as_str().as_bytes().into(), pool));
        let mut zone_labels: BTreeMap<Box<[u8]>, ZoneIx> = BTreeMap::new();
        for zone in estate.zone_indexes() {
            let names = std::iter::once(&estate.zone(zone).id).chain(&estate.zone(zone).aliases);
            zone_labels.extend(names.map(|name| (name.as_str().as_bytes().into(), zone)));
        }
        let mut first_endpoint = 0;
        let mut per_pool = Vec::with_capacity(estate.pools.len());
        for pool in estate.pool_indexes() {
            per_pool.push(PoolRoutes::new(estate, pool, first_endpoint));
            first_endpoint += estate.pool(pool).endpoints.len();
        }
        Routes {
            estate: estate.digest,
            by_apex,
            declared,
            pools: pools.collect(),
            zone_labels,
            plans: Plans::new(estate),
            aliases: estate.aliases.iter().map(|alias| WireName::from(&alias.to)).collect(),
            per_pool,
        }
    }

    /// The hosted zone around a folded name, the narrowest first.
    #[inline]
    pub fn zones_around(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        name::starts(name).filter_map(|at| self.by_apex.get(&name[at..]))
    }

    /// The pool that a label names.
    pub fn pool(&self, label: &[u8]) -> Option<PoolIx> {
        self.pools.get(label).copied()
    }

    /// The zone that a label names, if the pool has endpoints there.
    pub fn zone_of_pool(&self, pool: PoolIx, label: &[u8]) -> Option<ZoneIx> {
        let zone = *self.zone_labels.get(label)?;
        self.per_pool[pool.at()].in_zone[zone.at()].then_some(zone)
    }
}

impl PoolRoutes {
    fn new(estate: &Estate, pool: PoolIx, first_endpoint: usize) -> Self {
        let mut in_zone = vec![false; estate.zones.len()];
        let mut first_of: BTreeMap<std::net::IpAddr, u16> = BTreeMap::new();
        let mut endpoints = Vec::with_capacity(estate.pool(pool).endpoints.len());
        for (at, endpoint) in (0_u16..).zip(&estate.pool(pool).endpoints) {
            in_zone[endpoint.zone.at()] = true;
            let mut address = [0; 16];
            let len = match endpoint.address.ip() {
                std::net::IpAddr::V4(v4) => {
                    address[..4].copy_from_slice(&v4.octets());
                    4
                }
                std::net::IpAddr::V6(v6) => {
                    address = v6.octets();
                    16
                }
            };
            let first_twin = *first_of.entry(endpoint.address.ip()).or_insert(at);
            endpoints.push(EndpointRoute { address, len, zone: endpoint.zone, first_twin });
        }
        let has_twins = first_of.len() < endpoints.len();
        PoolRoutes { first_endpoint, endpoints, has_twins, in_zone }
    }
}

/// Positions of hosted zones by apex. A name is compared only where an apex of its length exists.
#[derive(Debug)]
struct ByApex {
    /// Which lengths there are, a bit for each.
    lengths: [u64; 4],
    positions: BTreeMap<Box<[u8]>, usize>,
}

impl ByApex {
    fn new<'a>(apexes: impl Iterator<Item = &'a WireName>) -> Self {
        let mut by_apex = ByApex { lengths: [0; 4], positions: BTreeMap::new() };
        for (at, apex) in apexes.enumerate() {
            let len = apex.as_wire().len();
            by_apex.lengths[len / 64] |= 1 << (len % 64);
            by_apex.positions.insert(apex.as_wire().into(), at);
        }
        by_apex
    }

    #[inline]
    fn get(&self, name: &[u8]) -> Option<usize> {
        let is_some = self.lengths.get(name.len() / 64)? >> (name.len() % 64) & 1 == 1;
        if is_some { self.positions.get(name).copied() } else { None }
    }
}
