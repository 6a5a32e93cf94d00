//! The estate: what the service is, checked and complete.
//!
//! Things refer to one another by index ([`ZoneIx`] and its kin): a dangling reference cannot be written. The
//! order is that of the file. [`read_estate`](crate::read_estate) is the only maker.
//!
//! Not here: who is healthy, who is evacuated, what serves.

use std::collections::BTreeSet;

use hf_consumers::Expected;
use hf_model::{CheckName, Cidr, Digest, DnsName, PoolName, ZoneId};

mod assignment;
mod balancing;
mod bundle;
mod check;
mod check_kind;
mod closing;
mod control;
mod hosted;
pub mod limits;
mod patience;
mod pattern;
mod place;
mod pool;
mod record;
mod service;
mod source;
mod tree;

pub use assignment::Assignment;
pub use balancing::{
    Balancing, Choice, EndpointHttp, EndpointTls, HashKey, HostPattern, ListenerOptions, ProxyAccept,
    ProxyVersion, StickyCookie, ToEndpoint,
};
pub use bundle::EstateBundle;
pub use check::{Checking, Counting, HealthCheck, Initial};
pub use check_kind::{
    Calculated, CheckKind, CheckTls, CommandCheck, DnsCheck, GrpcCheck, HttpCheck, Method, MetricCheck,
    Missing, Needs, PushedCheck, QueryType, RCODES, TcpCheck, Threshold, ZoneStatusCheck,
};
pub use closing::{AwsService, ClosingResource, ClosingSource, ClosingZone, StorePlace};
pub use control::{ControlPanel, Enough, EstateControl, EstateRule, RuleTest, RuleWords};
pub use hosted::{
    Alias, DnssecAlgorithm, DnssecPolicy, HostedZone, NamePattern, PlainRecord, Remote, SerialPolicy, Soa,
    TransferRule, Transfers, UpdateRule, ZoneSource,
};
pub use patience::{Bounds, Ejection, Failover, Patience, Retries, StatusRange};
pub use pattern::Pattern;
pub use place::{Region, Zone};
pub use pool::{AllDown, CrossZone, Endpoint, Minimum, Pool, Protocol};
pub use record::{AddressFamily, Filter, Record, Sticky};
pub use service::{Call, CallScope, Service};
pub use source::{
    EndpointId, EndpointIdError, EndpointSet, Places, Source, SourceKind, SourcedEndpoint, digest_with,
    is_endpoint_address,
};
pub use tree::{Branch, BranchTo, CidrCollection, GeoArea, Tree, TreeDown};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);

        impl $name {
            /// As a position in the estate's list.
            pub fn at(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

index!(
    /// A position in [`Estate::regions`].
    RegionIx
);
index!(
    /// A position in [`Estate::zones`].
    ZoneIx
);
index!(
    /// A position in [`Estate::health_checks`].
    CheckIx
);
index!(
    /// A position in [`Estate::pools`].
    PoolIx
);
index!(
    /// A position in [`Estate::assignments`].
    AssignmentIx
);
index!(
    /// A position in [`Estate::services`].
    ServiceIx
);

/// What the service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estate {
    /// The version that this was read from.
    pub digest: Digest,
    /// Regions.
    pub regions: Vec<Region>,
    /// Zones, at least one.
    pub zones: Vec<Zone>,
    /// Health checks.
    pub health_checks: Vec<HealthCheck>,
    /// How much checkers probe.
    pub checking: Checking,
    /// Pools.
    pub pools: Vec<Pool>,
    /// Hosted zones.
    pub hosted_zones: Vec<HostedZone>,
    /// Steered records.
    pub records: Vec<Record>,
    /// Records whose candidates are branches.
    pub trees: Vec<Tree>,
    /// Names that answer as others do.
    pub aliases: Vec<Alias>,
    /// Networks under labels.
    pub cidr_collections: Vec<CidrCollection>,
    /// Control panels.
    pub control_panels: Vec<ControlPanel>,
    /// Routing controls, each in one of the panels.
    pub routing_controls: Vec<EstateControl>,
    /// Safety rules, each in one of the panels.
    pub safety_rules: Vec<EstateRule>,
    /// Services whose sessions are assigned to a place.
    pub assignments: Vec<Assignment>,
    /// Who calls whom: for arithmetic alone, nothing is steered by it. Without rings.
    pub services: Vec<Service>,
    /// Consumers of zone status that must be heard of: for what is shown alone, nothing is steered by it.
    pub consumers: Vec<Expected>,
    /// Stores outside whose word takes a zone away.
    pub closing_sources: Vec<ClosingSource>,
}

impl Estate {
    /// The zone of this name or alias.
    pub fn zone_named(&self, name: &ZoneId) -> Option<ZoneIx> {
        let found = self.zones.iter().position(|zone| zone.id == *name || zone.aliases.contains(name))?;
        Some(ZoneIx(found as u16))
    }

    /// The pool of this name.
    pub fn pool_named(&self, name: &PoolName) -> Option<PoolIx> {
        self.pools.iter().position(|pool| pool.name == *name).map(|found| PoolIx(found as u16))
    }

    /// The pools that a record answers from, or that a tree leads to on any way down; none if the name is neither's.
    pub fn pools_behind(&self, name: &DnsName) -> BTreeSet<PoolIx> {
        let records = self.records.iter().filter(|record| record.name == *name);
        let mut pools: BTreeSet<PoolIx> = records.map(|record| record.pool).collect();
        let mut ahead: Vec<usize> =
            (0..self.trees.len()).filter(|at| self.trees[*at].name == *name).collect();
        let mut seen: BTreeSet<usize> = ahead.iter().copied().collect();
        while let Some(at) = ahead.pop() {
            for branch in &self.trees[at].branches {
                match branch.to {
                    BranchTo::Pool(pool) => {
                        pools.insert(pool);
                    }
                    BranchTo::Record(record) => {
                        pools.insert(self.records[usize::from(record)].pool);
                    }
                    BranchTo::Tree(tree) if seen.insert(usize::from(tree)) => ahead.push(usize::from(tree)),
                    BranchTo::Tree(_) => {}
                }
            }
        }
        pools
    }

    /// A zone by its index.
    pub fn zone(&self, zone: ZoneIx) -> &Zone {
        &self.zones[zone.at()]
    }

    /// A pool by its index.
    pub fn pool(&self, pool: PoolIx) -> &Pool {
        &self.pools[pool.at()]
    }

    /// The zone whose narrowest network holds `address`.
    pub fn zone_of_client(&self, address: std::net::IpAddr) -> Option<ZoneIx> {
        let narrowest = |zone: &Zone| {
            zone.networks.iter().filter(|network| network.contains(address)).map(Cidr::bits).max()
        };
        let (found, _) = self
            .zones
            .iter()
            .enumerate()
            .filter_map(|(at, zone)| narrowest(zone).map(|bits| (at, bits)))
            .max_by_key(|(at, bits)| (*bits, usize::MAX - at))?;
        Some(ZoneIx(found as u16))
    }

    /// Zone indexes in order.
    pub fn zone_indexes(&self) -> impl Iterator<Item = ZoneIx> + use<> {
        (0..self.zones.len() as u16).map(ZoneIx)
    }

    /// Pool indexes in order.
    pub fn pool_indexes(&self) -> impl Iterator<Item = PoolIx> + use<> {
        (0..self.pools.len() as u16).map(PoolIx)
    }

    /// All endpoints as (pool, position in the pool), in the one order that bitmaps of observations use.
    pub fn endpoint_refs(&self) -> impl Iterator<Item = EndpointRef> + '_ {
        self.pool_indexes().flat_map(|pool| {
            (0..self.pool(pool).endpoints.len() as u16).map(move |at| EndpointRef { pool, at })
        })
    }

    /// How many endpoints there are in all pools together.
    pub fn endpoint_count(&self) -> usize {
        self.pools.iter().map(|pool| pool.endpoints.len()).sum()
    }

    /// How many bits a table has: one for each endpoint, in the order of [`Estate::endpoint_refs`], then one for each health check, in
    /// the order of [`Estate::health_checks`]. The bit of a check is used while the check stands by itself ([`HealthCheck::is_standing`]).
    pub fn subject_count(&self) -> usize {
        self.endpoint_count() + self.health_checks.len()
    }

    /// The position of a health check's own bit.
    pub fn check_subject(&self, check: CheckIx) -> usize {
        self.endpoint_count() + check.at()
    }

    /// The health check of this name.
    pub fn check_named(&self, name: &CheckName) -> Option<CheckIx> {
        self.health_checks.iter().position(|check| check.name == *name).map(|found| CheckIx(found as u16))
    }

    /// A health check by its index.
    pub fn health_check(&self, check: CheckIx) -> &HealthCheck {
        &self.health_checks[check.at()]
    }

    /// Health check indexes in order.
    pub fn check_indexes(&self) -> impl Iterator<Item = CheckIx> + use<> {
        (0..self.health_checks.len() as u16).map(CheckIx)
    }

    /// The endpoint behind a reference.
    pub fn endpoint(&self, endpoint: EndpointRef) -> &Endpoint {
        &self.pool(endpoint.pool).endpoints[usize::from(endpoint.at)]
    }
}

/// One endpoint of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointRef {
    /// The pool.
    pub pool: PoolIx,
    /// The position in [`Pool::endpoints`].
    pub at: u16,
}
