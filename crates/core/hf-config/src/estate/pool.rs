//! Pools and their endpoints.

use std::net::SocketAddr;
use std::time::Duration;

use hf_model::{ControlPath, PoolName, Share, Weight};

use super::{
    AssignmentIx, Balancing, Bounds, CheckIx, Ejection, Failover, HostPattern, ListenerOptions, Patience,
    PoolIx, Retries, Source, ToEndpoint, ZoneIx,
};

/// What travels to a pool's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 and HTTP/2.
    Http,
    /// Bytes.
    Tcp,
    /// Bytes of TLS that ends at the endpoints: the pool is chosen by the server name that clients ask for.
    Tls,
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Protocol::Http => "http",
            Protocol::Tcp => "tcp",
            Protocol::Tls => "tls",
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
    /// Per zone: one with less than this in health leaves DNS answers, unless all zones have less. Default one endpoint. Never below
    /// `routing_minimum`: names would lead to a zone that balancers have given up.
    pub dns_minimum: Minimum,
    /// Per zone: one with less than this in health is served by balancers as if all its endpoints were healthy. Default one endpoint.
    pub routing_minimum: Minimum,
    /// The routing control behind it: while that is off, the pool serves as if nobody were healthy (`all_down` is `closed` or a fallback). It is declared in this estate.
    pub control: Option<ControlPath>,
    /// The endpoints: those of the estate file, at least one unless it has a source; then those that its source told.
    pub endpoints: Vec<Endpoint>,
    /// Where further endpoints come from.
    pub source: Option<Source>,
    /// For whom it is, among the pools that share its listener: http by host, tls by server name. Empty: for those whom no other
    /// pool there names.
    pub hosts: Vec<HostPattern>,
    /// For which paths it is, among those: prefixes that begin with `/`; the longest decides. Empty: for any.
    pub paths: Vec<String>,
    /// What arrives at its listener.
    pub listener: ListenerOptions,
    /// How the balancer speaks to its endpoints.
    pub to_endpoint: ToEndpoint,
    /// Which endpoint takes a request.
    pub balancing: Balancing,
    /// How long each phase may take.
    pub patience: Patience,
    /// How much of everything there may be.
    pub bounds: Bounds,
    /// When a request is sent again.
    pub retries: Retries,
    /// Another pool for single requests that fail here.
    pub failover: Option<Failover>,
    /// When an endpoint is left for a while by what requests meet.
    pub ejection: Ejection,
    /// The service whose tickets its listener wants to see; none by default.
    pub assigned: Option<AssignmentIx>,
}

impl Pool {
    /// An http pool with every default but what is given.
    pub fn new(name: PoolName, endpoints: Vec<Endpoint>) -> Pool {
        Pool {
            name,
            protocol: Protocol::Http,
            listen: None,
            health_check: None,
            cross_zone: CrossZone::Off,
            min_zones: 1,
            min_capacity: Share::ZERO,
            all_down: AllDown::Open,
            return_over: Duration::from_secs(30),
            dns_minimum: Minimum::default(),
            routing_minimum: Minimum::default(),
            control: None,
            endpoints,
            source: None,
            hosts: Vec::new(),
            paths: Vec::new(),
            listener: ListenerOptions::default(),
            to_endpoint: ToEndpoint::default(),
            balancing: Balancing::default(),
            patience: Patience::default(),
            bounds: Bounds::default(),
            retries: Retries::default(),
            failover: None,
            ejection: Ejection::default(),
            assigned: None,
        }
    }
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

/// How much of something is enough. Both must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// So many endpoints serve. Default 1.
    pub count: u16,
    /// And this share of those that are registered. Default nothing.
    pub share: Share,
}

impl Default for Minimum {
    fn default() -> Self {
        Minimum { count: 1, share: Share::ZERO }
    }
}

impl Minimum {
    /// Whether `serving` of `registered` are enough.
    pub fn holds(self, serving: usize, registered: usize) -> bool {
        let needed = registered as u64 * u64::from(self.share.ppm());
        serving >= usize::from(self.count) && serving as u64 * 1_000_000 >= needed
    }
}

/// Such as `2`, `50%`, `2 and 50%`.
impl std::fmt::Display for Minimum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = crate::diff::share(self.share);
        match (self.count, self.share.ppm()) {
            (count, 0) => write!(f, "{count}"),
            (0, _) => f.write_str(&share),
            (count, _) => write!(f, "{count} and {share}"),
        }
    }
}
