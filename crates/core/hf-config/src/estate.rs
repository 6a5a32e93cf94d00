//! The estate: what the service is, checked and complete.
//!
//! Things refer to one another by index ([`ZoneIx`] and its kin): a dangling reference cannot be written. The
//! order is that of the file. [`read_estate`](crate::read_estate) is the only maker.
//!
//! Not here: who is healthy, who is evacuated, what serves.

use std::net::SocketAddr;
use std::time::Duration;

use hf_model::{
    Capacity, CheckName, Cidr, ControlName, ControlPath, Digest, DnsName, Location, PoolName, RegionId,
    Share, Switch, Ttl, Weight, ZoneId,
};

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

/// An estate as it was written: the TOML text and the master files that it names. What the ledger keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EstateBundle {
    /// The text of `estate.toml`.
    pub toml: String,
    /// The master files: name as written in `file = …`, and content; sorted by name.
    pub files: std::collections::BTreeMap<String, String>,
}

impl EstateBundle {
    /// The name of this very version.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        let mut push = |part: &str| {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        };
        push(&self.toml);
        for (name, content) in &self.files {
            push(name);
            push(content);
        }
        Digest::of(&bytes)
    }
}

/// The bounds of an estate; beyond them [`read_estate`](crate::read_estate) refuses. Declared so that work has a known size.
pub mod limits {
    /// Bytes of text in a bundle, all files together: 16 MiB.
    pub const BUNDLE_BYTES: usize = 16 << 20;
    /// Regions.
    pub const REGIONS: usize = 64;
    /// Zones.
    pub const ZONES: usize = 256;
    /// Aliases of one zone: one for each account that numbers its zones anew, and some. Each name makes the search for the
    /// nearest one longer.
    pub const ALIASES: usize = 64;
    /// Networks of one zone, and of all zones together: each answer looks through them for its asker.
    pub const NETWORKS: usize = 4_096;
    /// Health checks.
    pub const HEALTH_CHECKS: usize = 1_000;
    /// Pools.
    pub const POOLS: usize = 1_000;
    /// Endpoints of all pools together.
    pub const ENDPOINTS: usize = 20_000;
    /// Hosted zones.
    pub const HOSTED_ZONES: usize = 100;
    /// Steered records.
    pub const RECORDS: usize = 10_000;
    /// Control panels of a cluster; with the next three, AWS's quotas.
    pub const CONTROL_PANELS: usize = 50;
    /// Routing controls of one panel.
    pub const CONTROLS_OF_A_PANEL: usize = 100;
    /// Routing controls of a cluster.
    pub const ROUTING_CONTROLS: usize = 300;
    /// Safety rules of one panel.
    pub const RULES_OF_A_PANEL: usize = 20;
    /// The longest way of a zone back to a pool: what is told of ended acts need not be kept for longer than twice that.
    pub const RETURN_OVER_MAX: std::time::Duration = std::time::Duration::from_hours(1);
}

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
    /// Pools.
    pub pools: Vec<Pool>,
    /// Hosted zones.
    pub hosted_zones: Vec<HostedZone>,
    /// Steered records.
    pub records: Vec<Record>,
    /// Control panels.
    pub control_panels: Vec<ControlPanel>,
    /// Routing controls, each in one of the panels.
    pub routing_controls: Vec<EstateControl>,
    /// Safety rules, each in one of the panels.
    pub safety_rules: Vec<EstateRule>,
}

/// A group of routing controls that safety rules are judged over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPanel {
    /// Its name.
    pub name: ControlName,
}

/// A routing control that the estate declares. How it stands is the ledger's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateControl {
    /// Its panel and name.
    pub path: ControlPath,
    /// How it stands when it is new. Default on: declaring a control takes nothing away.
    pub initial: Switch,
}

/// A safety rule that the estate declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstateRule {
    /// Its panel and name.
    pub path: ControlPath,
    /// What it asks.
    pub rule: RuleWords,
    /// After a change of one of its controls, how long further changes of them are refused. 0 s to 1 h, default 5 s.
    pub wait_period: Duration,
}

/// What a safety rule asks. Names are controls of the rule's panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleWords {
    /// After a change, enough of these are on.
    Assert {
        /// At least one, each once.
        controls: Vec<ControlName>,
        /// What is enough.
        test: RuleTest,
    },
    /// Targets may change only while enough of the gating controls are on.
    Gate {
        /// At least one, each once.
        gating: Vec<ControlName>,
        /// At least one, each once.
        targets: Vec<ControlName>,
        /// What is enough.
        test: RuleTest,
    },
}

/// What is enough, of a number of controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleTest {
    /// How many are on.
    pub on: Enough,
    /// Whether the answer is turned round.
    pub inverted: bool,
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enough {
    /// So many or more.
    AtLeast(u16),
    /// All (AWS: AND).
    All,
    /// One or more (AWS: OR).
    Any,
}

impl RuleTest {
    /// Whether `on` of `of` controls are enough.
    pub fn holds(self, on: usize, of: usize) -> bool {
        let plain = match self.on {
            Enough::AtLeast(count) => on >= usize::from(count),
            Enough::All => on == of,
            Enough::Any => on > 0,
        };
        plain != self.inverted
    }
}

/// Such as `at least 2`.
impl std::fmt::Display for Enough {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Enough::AtLeast(count) => write!(f, "at least {count}"),
            Enough::All => f.write_str("all"),
            Enough::Any => f.write_str("any"),
        }
    }
}

/// Such as `at least 2`, `not all`.
impl std::fmt::Display for RuleTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.inverted { "not " } else { "" }, self.on)
    }
}

/// Such as `at least 1 of a, b on` and `c, d change only while all of a, b on`.
impl std::fmt::Display for RuleWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list =
            |names: &[ControlName]| names.iter().map(ControlName::as_str).collect::<Vec<_>>().join(", ");
        match self {
            RuleWords::Assert { controls, test } => write!(f, "{test} of {} on", list(controls)),
            RuleWords::Gate { gating, targets, test } => {
                write!(f, "{} change only while {test} of {} on", list(targets), list(gating))
            }
        }
    }
}

/// Zones near one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub id: RegionId,
    /// Where it is; needed by the filter `near` when there is more than one region.
    pub location: Option<Location>,
    /// The routing control behind it: while that is off, its zones are left as far as the floor allows. It is declared in this estate.
    pub control: Option<ControlPath>,
}

/// A failure domain: what a shift evacuates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub id: ZoneId,
    /// The region around it.
    pub region: RegionIx,
    /// Other names of the same place, such as another account's `eu-west-2a`. Unique over the estate.
    pub aliases: Vec<ZoneId>,
    /// What it can carry, if stated.
    pub capacity: Option<Capacity>,
    /// Networks whose clients count as being in this zone.
    pub networks: Vec<Cidr>,
    /// The routing control behind it: while that is off, the zone is left as far as the floor allows. It is declared in this estate.
    pub control: Option<ControlPath>,
}

/// How health is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Its name.
    pub name: CheckName,
    /// What a probe does.
    pub kind: CheckKind,
    /// From the start of one probe to the start of the next. 100 ms to 1 h, default 1 s.
    pub interval: Duration,
    /// From a probe's start to its failure for want of an answer. 10 ms to `interval`, default half of it.
    pub timeout: Duration,
    /// From a probe that contradicts the present state to the next one, until it is confirmed or not.
    /// 50 ms to `interval`, default `interval`: a failure makes no extra work unless asked for; at most `fall` or `rise` extra probes each time.
    pub confirm_interval: Duration,
    /// Good results in a row that turn an endpoint healthy. 1 to 10, default 2.
    pub rise: u8,
    /// Bad results in a row that turn it unhealthy. 1 to 10, default 3.
    pub fall: u8,
    /// The port to probe, if not the endpoint's own.
    pub port: Option<u16>,
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Opens a TCP connection and closes it.
    Tcp,
    /// Sends `GET path` over HTTP/1.1.
    Http {
        /// Absolute path, default `/`.
        path: String,
        /// The `Host` header, default the endpoint's address.
        host: Option<String>,
        /// Statuses that count as good, inclusive, default 200 to 399.
        status: (u16, u16),
        /// Text that the first 64 KiB of the body must hold.
        body: Option<String>,
    },
    /// Sends nothing: healthy exactly while a routing control is on.
    Control {
        /// Which; it is declared in this estate.
        control: ControlPath,
    },
}

/// What travels to a pool's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1; the balancer may carry it.
    Http,
    /// Bytes; DNS may steer it, the balancer of this version does not carry it.
    Tcp,
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Protocol::Http => "http",
            Protocol::Tcp => "tcp",
        })
    }
}

/// What a pool does when no endpoint of an open zone is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllDown {
    /// Ignore health: load on maybe-broken endpoints beats load nowhere. The default.
    Open,
    /// Answer nothing: NODATA from DNS, 503 from the balancer.
    Closed,
    /// Use another pool in its place.
    Fallback(PoolIx),
}

/// Endpoints under one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// What travels to it. Default http.
    pub protocol: Protocol,
    /// Where balancers listen for it; an unspecified address (0.0.0.0) becomes the balancer's own.
    pub listen: Option<SocketAddr>,
    /// How its endpoints' health is measured; without one they count as healthy.
    pub health_check: Option<CheckIx>,
    /// Whether a balancer uses other zones while its own still serves. Default no.
    pub cross_zone: CrossZone,
    /// How many zones stay in service whatever is asked for. 1 to the number of its zones, default 1.
    pub min_zones: u16,
    /// Which share of the pool's capacity stays in service. Default nothing.
    pub min_capacity: Share,
    /// What to do when nobody is healthy.
    pub all_down: AllDown,
    /// After an act that took a zone away has ended: over how long the zone's share grows from nothing to its own. 0 s to 1 h, default
    /// 30 s. It begins at an instant of its own within the first fifth, so that pools and zones do not return together.
    pub return_over: Duration,
    /// The routing control behind it: while that is off, the pool serves as if nobody were healthy (`all_down` is `closed` or a fallback). It is declared in this estate.
    pub control: Option<ControlPath>,
    /// The endpoints, at least one.
    pub endpoints: Vec<Endpoint>,
}

/// Whether a balancer uses other zones while its own serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossZone {
    /// Own zone only, while it serves; then the others.
    Off,
    /// All zones by weight.
    On,
}

/// One address that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it is.
    pub zone: ZoneIx,
    /// Its share beside its peers.
    pub weight: Weight,
    /// For the filter `priority`: lower is used first. Default 0.
    pub priority: u16,
}

/// A DNS zone that we answer for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZone {
    /// Its apex.
    pub name: DnsName,
    /// Start of authority: from the master file, or made up with `serial` = the ledger revision.
    pub soa: Option<Soa>,
    /// Plain records other than the SOA; of one name and type the TTLs are equal (RFC 2181 5.2). Includes the apex NS set.
    pub plain: Vec<PlainRecord>,
}

/// Start of authority (RFC 1035 3.3.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soa {
    /// Primary name server.
    pub mname: DnsName,
    /// Mailbox of who is responsible.
    pub rname: DnsName,
    /// Version.
    pub serial: u32,
    /// Seconds.
    pub refresh: u32,
    /// Seconds.
    pub retry: u32,
    /// Seconds.
    pub expire: u32,
    /// Seconds for which "no" may be kept (RFC 2308); default 5 here, since steered names come and go.
    pub minimum: u32,
    /// The record's own TTL, seconds.
    pub ttl: u32,
}

/// A record that is always the same: its data in uncompressed wire form, so that any type can be carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainRecord {
    /// Owner.
    pub name: DnsName,
    /// Type number: 1 A, 28 AAAA, …
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// RDATA, uncompressed.
    pub rdata: Vec<u8>,
}

/// A record whose answer is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Owner; inside one of the hosted zones.
    pub name: DnsName,
    /// What is asked for.
    pub family: AddressFamily,
    /// How long resolvers may keep it. 0 to 60 s recommended, default 5 s.
    pub ttl: Ttl,
    /// Whose endpoints answer.
    pub pool: PoolIx,
    /// How, in order: `open` first, `take` last. Default `open near weighted take 2`, without `near` where several regions
    /// do not all have a location.
    pub choose: Vec<Filter>,
    /// The hosted zone that it lies in, as a position in [`Estate::hosted_zones`].
    pub hosted_zone: u16,
    /// The routing control behind it: while that is off, the record answers as if nobody were healthy (its pool's `all_down` is `closed` or a fallback). It is declared in this estate.
    pub control: Option<ControlPath>,
}

/// The types that are steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressFamily {
    /// Type A.
    V4,
    /// Type AAAA.
    V6,
}

impl AddressFamily {
    /// Whether `address` is of this family.
    pub fn holds(self, address: std::net::IpAddr) -> bool {
        address.is_ipv4() == (self == AddressFamily::V4)
    }
}

impl std::fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AddressFamily::V4 => "A",
            AddressFamily::V6 => "AAAA",
        })
    }
}

/// One step of a filter chain. As written: `open near same-zone priority weighted shuffle "take N"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Keeps what the decision serves.
    Open,
    /// Keeps the nearest region that has a candidate left.
    Near,
    /// Keeps the client's zone if it has a candidate left, else its region if that has one, else all.
    SameZone,
    /// Keeps the lowest priority number that has a candidate left.
    Priority,
    /// Orders by weighted chance without replacement; weight 0 comes last.
    Weighted,
    /// Orders by even chance.
    Shuffle,
    /// Keeps the first N. 1 to 8 (Route 53's limit of a multivalue answer).
    Take(u8),
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Filter::Open => f.write_str("open"),
            Filter::Near => f.write_str("near"),
            Filter::SameZone => f.write_str("same-zone"),
            Filter::Priority => f.write_str("priority"),
            Filter::Weighted => f.write_str("weighted"),
            Filter::Shuffle => f.write_str("shuffle"),
            Filter::Take(count) => write!(f, "take {count}"),
        }
    }
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
