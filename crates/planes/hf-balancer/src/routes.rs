//! From a snapshot to what the workers obey: routes, standings, phases.
//!
//! The order matters: first all routes are swapped, then endpoints learn their standing and clients their phase, then every
//! worker says that it has seen it, and only then is the snapshot called in force. Who sees its number can rely on it.
//!
//! Not here: sockets, threads, what a pick is (`hf-balance`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hf_balance::Plan;
use hf_config::estate::{AllDown, EndpointRef, Estate, PoolIx, Protocol, ZoneIx};
use hf_decide::{Reason, ZoneState};
use hf_model::{PoolName, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use tokio::time::Instant;

use crate::config::Limits;
use crate::endpoint::{Endpoint, EndpointKey, Standing};
use crate::front::{Behind, Listening, Phase};
use crate::health::LocalHealth;
use crate::route::Route;

/// What a listener is known by: its address, and its pool where any free port will do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrontKey {
    /// Where it should listen.
    pub address: SocketAddr,
    any_port_for: Option<PoolName>,
}

/// A listener that a snapshot asks for.
#[derive(Debug)]
pub struct Wanted {
    /// What it is known by.
    pub key: FrontKey,
    /// The pool that it is for; the first one of several.
    pub pool: PoolName,
    /// What holds for its connections.
    pub listening: Listening,
    /// Where its requests go.
    pub behind: Vec<Behind>,
    /// What its clients have to expect.
    pub phase: Phase,
}

/// One version of the estate, with our endpoints in their places.
#[derive(Debug)]
pub struct Placed {
    /// The estate, with checks only on pools that this balancer carries: what its own prober looks after.
    pub probed: Arc<Estate>,
    /// In the order of `Estate::endpoint_refs`; none for pools that this balancer does not carry.
    pub endpoints: Vec<Option<Arc<Endpoint>>>,
    /// Where each pool begins in it.
    starts: Vec<usize>,
}

impl Placed {
    fn of_pool(&self, estate: &Estate, pool: PoolIx) -> Vec<Arc<Endpoint>> {
        let start = self.starts[pool.at()];
        let end = start + estate.pool(pool).endpoints.len();
        self.endpoints[start..end].iter().flatten().cloned().collect()
    }
}

/// Makes routes, and remembers the endpoints between snapshots.
#[derive(Debug)]
pub struct Routes {
    zone: Option<ZoneId>,
    address: Option<IpAddr>,
    activity: Arc<Activity>,
    limits: Limits,
    base: Instant,
    placed: Option<Arc<Placed>>,
    left: Vec<Arc<Endpoint>>,
    next_id: u64,
}

impl Routes {
    /// For a balancer in `zone` whose unspecified listeners become `address`.
    pub fn new(
        zone: Option<ZoneId>,
        address: Option<IpAddr>,
        activity: Arc<Activity>,
        limits: Limits,
    ) -> Self {
        let base = Instant::now();
        Routes { zone, address, activity, limits, base, placed: None, left: Vec::new(), next_id: 1 }
    }

    /// What listeners a snapshot asks for, and what is behind each. Pools of other protocols have none here.
    pub fn compile(&mut self, snapshot: &Snapshot) -> (Arc<Placed>, Vec<Wanted>) {
        let estate = &snapshot.estate;
        let placed = self.place(estate);
        let own_zone = self.zone.as_ref().and_then(|zone| estate.zone_named(zone));
        if let (Some(zone), None) = (&self.zone, own_zone) {
            tracing::warn!(%zone, "the estate has no zone of this balancer's name: no endpoint counts as near");
        }
        let mut wanted: Vec<Wanted> = Vec::new();
        for at in estate.pool_indexes() {
            let Some(listen) = listener(estate, at) else { continue };
            let pool = estate.pool(at);
            let address = match self.address {
                Some(own) if listen.ip().is_unspecified() => SocketAddr::new(own, listen.port()),
                _ => listen,
            };
            let any_port_for = (address.port() == 0).then(|| pool.name.clone());
            let key = FrontKey { address, any_port_for };
            let phase = phase(snapshot, at, own_zone);
            let route = Arc::new(self.route(&placed, snapshot, at, own_zone));
            let behind = Behind { hosts: pool.hosts.clone(), paths: pool.paths.clone(), route };
            if let Some(shared) = wanted.iter_mut().find(|found| found.key == key) {
                shared.behind.push(behind);
                // Left only when all are: a client of one pool may be another one's next.
                shared.phase = shared.phase.min(phase);
                continue;
            }
            let (listening, pool) = (Listening::of(pool), pool.name.clone());
            wanted.push(Wanted { key, pool, listening, behind: vec![behind], phase });
        }
        (placed, wanted)
    }

    fn route(&self, placed: &Placed, snapshot: &Snapshot, pool: PoolIx, own_zone: Option<ZoneIx>) -> Route {
        let estate = &snapshot.estate;
        let plan = Plan::new(snapshot, pool, own_zone);
        let endpoints = placed.of_pool(estate, plan.serving_pool());
        let pool = estate.pool(pool).name.clone();
        Route { pool, plan, endpoints, in_flight_max: self.limits.in_flight_per_endpoint }
    }

    fn place(&mut self, estate: &Arc<Estate>) -> Arc<Placed> {
        if let Some(placed) = self.placed.as_ref().filter(|placed| placed.probed.digest == estate.digest) {
            return placed.clone();
        }
        let old = self.placed.take();
        let old = old.iter().flat_map(|placed| placed.endpoints.iter().flatten());
        let mut old: BTreeMap<EndpointKey, Arc<Endpoint>> =
            old.map(|found| (found.key.clone(), found.clone())).collect();
        let carried = carried_pools(estate);
        let mut endpoints = Vec::new();
        let mut starts = Vec::new();
        let mut probed = Estate::clone(estate);
        for pool in estate.pool_indexes() {
            starts.push(endpoints.len());
            let is_carried = carried.contains(&pool);
            if !is_carried {
                probed.pools[pool.at()].health_check = None;
            }
            let count = estate.pool(pool).endpoints.len() as u16;
            endpoints.extend((0..count).map(|at| {
                is_carried.then(|| {
                    let key = key(estate, EndpointRef { pool, at });
                    let endpoint = old.remove(&key).unwrap_or_else(|| self.new_endpoint(key));
                    endpoint.health.set_checked(estate.pool(pool).health_check.is_some());
                    endpoint
                })
            }));
        }
        self.left.extend(old.into_values());
        let placed = Arc::new(Placed { probed: Arc::new(probed), endpoints, starts });
        self.placed = Some(placed.clone());
        placed
    }

    fn new_endpoint(&mut self, key: EndpointKey) -> Arc<Endpoint> {
        let id = self.next_id;
        self.next_id += 1;
        let activity = self.activity.zone(&key.pool, &key.zone);
        let health = LocalHealth::new(self.base, self.limits.ejection);
        Arc::new(Endpoint::new(id, key, activity, health))
    }

    /// Tells every endpoint what the snapshot, compiled before, says of it. Those that left the estate are told once and forgotten.
    pub fn set_standings(&mut self, snapshot: &Snapshot) {
        let Some(placed) = &self.placed else { return };
        for (at, endpoint) in snapshot.estate.endpoint_refs().zip(&placed.endpoints) {
            if let Some(endpoint) = endpoint {
                endpoint.set_standing(standing(snapshot, at));
            }
        }
        for endpoint in self.left.drain(..) {
            endpoint.set_standing(Standing::Leaving);
        }
    }
}

/// Where the balancer listens for a pool, if it carries it.
fn listener(estate: &Estate, pool: PoolIx) -> Option<SocketAddr> {
    estate.pool(pool).listen.filter(|_| estate.pool(pool).protocol == Protocol::Http)
}

/// The pools with a listener, and those that they fall back to, however many links away.
fn carried_pools(estate: &Estate) -> BTreeSet<PoolIx> {
    let mut carried = BTreeSet::new();
    for pool in estate.pool_indexes().filter(|pool| listener(estate, *pool).is_some()) {
        let mut next = Some(pool);
        while let Some(pool) = next.filter(|pool| carried.insert(*pool)) {
            next = match estate.pool(pool).all_down {
                AllDown::Fallback(to) => Some(to),
                AllDown::Open | AllDown::Closed => None,
            };
        }
    }
    carried
}

/// What an endpoint is known by.
fn key(estate: &Estate, at: EndpointRef) -> EndpointKey {
    let endpoint = estate.endpoint(at);
    EndpointKey {
        pool: estate.pool(at.pool).name.clone(),
        address: endpoint.address,
        zone: estate.zone(endpoint.zone).id.clone(),
    }
}

fn standing(snapshot: &Snapshot, at: EndpointRef) -> Standing {
    let decision = &snapshot.decision.pools[at.pool.at()];
    if decision.endpoints[usize::from(at.at)].serves {
        return Standing::Serving;
    }
    let is_left = is_left(snapshot, at.pool, snapshot.estate.endpoint(at).zone);
    if is_left { Standing::Leaving } else { Standing::Resting }
}

fn phase(snapshot: &Snapshot, pool: PoolIx, own_zone: Option<ZoneIx>) -> Phase {
    let is_left = own_zone.is_some_and(|zone| is_left(snapshot, pool, zone));
    if is_left { Phase::Away } else { Phase::Open }
}

/// Whether `pool` left `zone` for others. A pool that is down as a whole left nothing: its clients find nothing better elsewhere.
fn is_left(snapshot: &Snapshot, pool: PoolIx, zone: ZoneIx) -> bool {
    let zones = &snapshot.decision.pools[pool.at()].zones;
    let found = zones.iter().find(|found| found.zone == zone);
    found.is_some_and(|found| found.state == ZoneState::Away && found.reason != Reason::AllDown)
}
