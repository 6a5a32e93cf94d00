//! What the estate alone decides, compiled once; beside it the snapshot that is in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_model::Digest;
use hf_snapshot::Snapshot;

use crate::zone::ZoneTable;

/// A snapshot, ready to answer from. Immutable; a newer snapshot makes a new one.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(crate) routes: Arc<Routes>,
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Compiled {
    /// Compiles everything. Work: all names of the estate.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Compiled { routes: Arc::new(Routes::new(&snapshot.estate)), snapshot }
    }

    /// The form of a newer snapshot. Work: none to speak of while the estate is the same.
    #[must_use]
    pub fn updated(&self, snapshot: Arc<Snapshot>) -> Self {
        if snapshot.estate.digest == self.routes.estate {
            Compiled { routes: self.routes.clone(), snapshot }
        } else {
            Compiled::new(snapshot)
        }
    }

    /// The snapshot that it answers from.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }
}

/// What the estate alone decides.
#[derive(Debug)]
pub struct Routes {
    /// The version that this was compiled from.
    estate: Digest,
    /// The hosted zones.
    zones: Vec<ZoneTable>,
    /// Their positions by apex, folded, in wire form.
    by_apex: BTreeMap<Box<[u8]>, usize>,
    /// Pools by name.
    pools: BTreeMap<Box<[u8]>, PoolIx>,
    /// Zones by name and alias.
    zone_labels: BTreeMap<Box<[u8]>, ZoneIx>,
    /// For each pool.
    pub per_pool: Vec<PoolRoutes>,
}

/// What the estate says of one pool.
#[derive(Debug)]
pub struct PoolRoutes {
    /// The position of its first endpoint in the order of the verdicts.
    pub first_endpoint: usize,
    /// Its endpoints' addresses as RDATA.
    pub rdata: Vec<Arc<[u8]>>,
    /// Whether it has endpoints in a zone, for each zone.
    in_zone: Vec<bool>,
}

impl Routes {
    fn new(estate: &Estate) -> Self {
        let zones: Vec<_> = (0..estate.hosted_zones.len()).map(|at| ZoneTable::new(estate, at)).collect();
        let by_apex = zones.iter().enumerate().map(|(at, zone)| (zone.apex.as_wire().into(), at)).collect();
        let pools =
            estate.pool_indexes().map(|pool| (estate.pool(pool).name.as_str().as_bytes().into(), pool));
        let mut zone_labels: BTreeMap<Box<[u8]>, ZoneIx> = BTreeMap::new();
        for zone in estate.zone_indexes() {
            let names = std::iter::once(&estate.zone(zone).id).chain(&estate.zone(zone).aliases);
            zone_labels.extend(names.map(|name| (name.as_str().as_bytes().into(), zone)));
        }
        let mut first_endpoint = 0;
        let mut per_pool = Vec::with_capacity(estate.pools.len());
        for pool in &estate.pools {
            let rdata = pool.endpoints.iter().map(|endpoint| match endpoint.address.ip() {
                std::net::IpAddr::V4(v4) => Arc::from(v4.octets()),
                std::net::IpAddr::V6(v6) => Arc::from(v6.octets()),
            });
            let mut in_zone = vec![false; estate.zones.len()];
            pool.endpoints.iter().for_each(|endpoint| in_zone[endpoint.zone.at()] = true);
            per_pool.push(PoolRoutes { first_endpoint, rdata: rdata.collect(), in_zone });
            first_endpoint += pool.endpoints.len();
        }
        Routes { estate: estate.digest, by_apex, zones, pools: pools.collect(), zone_labels, per_pool }
    }

    /// The hosted zone at exactly this apex (folded, in wire form).
    pub fn zone_at(&self, apex: &[u8]) -> Option<&ZoneTable> {
        self.by_apex.get(apex).map(|at| &self.zones[*at])
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
