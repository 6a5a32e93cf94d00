//! From a snapshot to what the workers obey: routes, standings, phases.
//!
//! The order matters: first all routes are swapped, then endpoints learn their standing and clients their phase, then every
//! worker says that it has seen it, and only then is the snapshot called in force. Who sees its number can rely on it.
//!
//! Not here: sockets, threads, what a pick is (`hf-balance`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use hf_assign::{Assigners, TicketKey};
use hf_balance::Plan;
use hf_config::estate::{AllDown, EndpointRef, Estate, Pool, PoolIx, ZoneIx};
use hf_decide::{PoolDecision, Reason, ZoneState};
use hf_health::endpoint_verdict;
use hf_model::{PoolName, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use tokio::time::Instant;

use crate::endpoint::{Endpoint, EndpointKey, Standing};
use crate::front::{Behind, Listening, Phase, Places};
use crate::manner::{Authorities, Manner};
use crate::memory::{self, EndpointMemory};
use crate::outliers::{Outliers, Views};
use crate::route::{OfCallers, Route};
use crate::sticky;
use crate::tickets::Gate;

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

impl Wanted {
    /// A pool behind it whose tickets cannot be checked.
    pub fn without_key(&self) -> Option<PoolName> {
        let gates =
            self.behind.iter().filter_map(|behind| Some((&behind.route, behind.route.gate.as_ref()?)));
        gates.into_iter().find(|(_, gate)| !gate.has_key()).map(|(route, _)| route.pool.clone())
    }
}

/// One version of the estate, with our endpoints in their places.
#[derive(Debug)]
pub struct Placed {
    /// The estate, with checks only on pools that this balancer carries: what its own prober looks after.
    pub probed: Arc<Estate>,
    /// In the order of `Estate::endpoint_refs`; none for pools that this balancer does not carry.
    pub endpoints: Vec<Option<Arc<Endpoint>>>,
    pools: Vec<PlacedPool>,
}

/// What belongs to one pool of the estate.
#[derive(Debug)]
struct PlacedPool {
    number: usize,
    manner: Arc<Manner>,
    outliers: Arc<Outliers>,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Placed {
    fn of_pool(&self, pool: PoolIx) -> &PlacedPool {
        &self.pools[pool.at()]
    }

    /// Whether every endpoint with a check was looked at.
    pub fn is_looked_at(&self) -> bool {
        self.endpoints.iter().flatten().all(|endpoint| endpoint.health.is_looked_at())
    }

    /// Tells endpoints that nobody probes one by one what the snapshot's verdict on them is: here there will be no results for them.
    fn take_verdicts(&self, snapshot: &Snapshot) {
        let (estate, verdicts) = (&snapshot.estate, &snapshot.verdicts);
        let mut first = 0;
        for at in estate.pool_indexes() {
            let subjects = first..first + estate.pool(at).endpoints.len();
            first = subjects.end;
            let check = estate.pool(at).health_check.map(|check| estate.health_check(check));
            let Some(check) = check.filter(|check| !check.probes_endpoints()) else { continue };
            // Where it is not carried nobody asks.
            let endpoints = &self.of_pool(at).endpoints;
            if endpoints.is_empty() {
                continue;
            }
            let common = hf_decide::common_verdict(estate, &snapshot.intent, verdicts, at);
            for (subject, endpoint) in subjects.zip(endpoints) {
                let own = || endpoint_verdict(estate, verdicts, at, subject);
                if endpoint.health.judged(common.unwrap_or_else(own), check.initial) {
                    endpoint.begins_to_serve();
                }
            }
        }
    }

    /// Calls `with` for every pool that this balancer carries.
    pub fn each_pool(&self, mut with: impl FnMut(&Outliers, &[Arc<Endpoint>])) {
        for pool in self.pools.iter().filter(|pool| !pool.endpoints.is_empty()) {
            with(&pool.outliers, &pool.endpoints);
        }
    }
}

/// Makes routes, and remembers the endpoints between snapshots.
#[derive(Debug)]
pub struct Routes {
    zone: Option<ZoneId>,
    address: Option<IpAddr>,
    activity: Arc<Activity>,
    authorities: Authorities,
    ticket_key: Option<TicketKey>,
    base: Instant,
    views: Arc<Views>,
    memory: Vec<EndpointMemory>,
    /// The number of each pool, and who ejects its endpoints: by name, so that they outlive estates.
    known: BTreeMap<PoolName, (usize, Arc<Outliers>)>,
    /// Numbers of pools that left.
    free_numbers: Vec<usize>,
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
        authorities: Authorities,
    ) -> Self {
        Routes {
            zone,
            address,
            activity,
            authorities,
            ticket_key: None,
            base: Instant::now(),
            views: Arc::default(),
            memory: Vec::new(),
            known: BTreeMap::new(),
            free_numbers: Vec::new(),
            placed: None,
            left: Vec::new(),
            next_id: 1,
        }
    }

    /// Checks tickets with this key.
    pub fn set_ticket_key(&mut self, key: Option<TicketKey>) {
        self.ticket_key = key;
    }

    /// Takes what a predecessor knew, for endpoints of the first estate.
    pub fn remember(&mut self, memory: Vec<EndpointMemory>) {
        self.memory = memory;
    }

    /// Who weighs zones when this balancer's view of an endpoint changes.
    pub fn views(&self) -> Arc<Views> {
        self.views.clone()
    }

    /// What listeners a snapshot asks for, and what is behind each. Pools of other protocols have none here.
    pub fn compile(&mut self, snapshot: &Arc<Snapshot>) -> (Arc<Placed>, Vec<Wanted>) {
        let estate = &snapshot.estate;
        let placed = self.place(estate);
        placed.take_verdicts(snapshot);
        let own_zone = self.zone.as_ref().and_then(|zone| estate.zone_named(zone));
        if let (Some(zone), None) = (&self.zone, own_zone) {
            tracing::warn!(%zone, "the estate has no zone of this balancer's name: no endpoint counts as near");
        }
        let places = Arc::new(Places::of(estate));
        // Once for all of them, and not at all where nobody asks for tickets.
        let is_assigned = estate.pools.iter().any(|pool| pool.assigned.is_some());
        let assigners = Arc::new(if is_assigned { Assigners::new(snapshot) } else { Assigners::default() });
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
            let route = self.route(&placed, (snapshot, &assigners), at, own_zone, Failover::Wanted);
            let behind = Behind { hosts: pool.hosts.clone(), paths: pool.paths.clone(), route };
            if let Some(shared) = wanted.iter_mut().find(|found| found.key == key) {
                shared.behind.push(behind);
                // Left only when all are: a client of one pool may be another one's next.
                shared.phase = shared.phase.min(phase);
                continue;
            }
            let (listening, pool) = (Listening::of(pool, &places), pool.name.clone());
            wanted.push(Wanted { key, pool, listening, behind: vec![behind], phase });
        }
        (placed, wanted)
    }

    fn route(
        &self,
        placed: &Placed,
        (snapshot, assigners): (&Snapshot, &Arc<Assigners>),
        asked: PoolIx,
        own_zone: Option<ZoneIx>,
        failover: Failover,
    ) -> Arc<Route> {
        let estate = &snapshot.estate;
        let pool = estate.pool(asked);
        let plan = Plan::new(snapshot, asked, own_zone);
        let serving = placed.of_pool(plan.serving_pool());
        let has_callers = |zone: &ZoneIx| own_zone.is_none() && !estate.zone(*zone).networks.is_empty();
        let of_callers = estate.zone_indexes().filter(has_callers);
        let of_callers =
            of_callers.map(|zone| OfCallers::new(zone, Plan::new(snapshot, asked, Some(zone)))).collect();
        let cookie = pool.balancing.sticky.as_ref();
        let field = |endpoint: &Arc<Endpoint>| {
            cookie.map(|cookie| sticky::field(cookie, endpoint.token, pool.listener.tls))
        };
        // One hop: the failover of a failover is nobody's.
        let failover = pool.failover.as_ref().filter(|_| failover == Failover::Wanted);
        let route = Arc::new(Route {
            pool: pool.name.clone(),
            number: placed.of_pool(asked).number,
            plan: ArcSwap::from_pointee(plan),
            of_callers,
            endpoints: serving.endpoints.clone(),
            manner: serving.manner.clone(),
            failover: failover
                .map(|rule| self.route(placed, (snapshot, assigners), rule.to, own_zone, Failover::Spent)),
            cookies: serving.endpoints.iter().filter_map(field).collect(),
            gate: pool.assigned.map(|by| Gate::new(assigners, by, asked, self.ticket_key.as_ref())),
            estate: estate.clone(),
            asked,
        });
        route.weigh();
        self.views.add(&route);
        route
    }

    fn place(&mut self, estate: &Arc<Estate>) -> Arc<Placed> {
        if let Some(placed) = self.placed.as_ref().filter(|placed| placed.probed.digest == estate.digest) {
            return placed.clone();
        }
        let before = self.placed.take();
        let old = before.iter().flat_map(|placed| placed.endpoints.iter().flatten());
        let mut old: BTreeMap<EndpointKey, Arc<Endpoint>> =
            old.map(|found| (found.key.clone(), found.clone())).collect();
        let carried = carried_pools(estate);
        let free = &mut self.free_numbers;
        self.known.retain(|name, (number, _)| {
            let stays = estate.pool_named(name).is_some();
            if !stays {
                free.push(*number);
            }
            stays
        });
        let mut probed = Estate::clone(estate);
        let mut placed = Placed { probed: estate.clone(), endpoints: Vec::new(), pools: Vec::new() };
        for at in estate.pool_indexes() {
            let pool = estate.pool(at);
            let is_carried = carried.contains(&at);
            if !is_carried {
                probed.pools[at.at()].health_check = None;
            }
            let (number, outliers) = self.known_pool(pool);
            let initial = pool.health_check.map(|check| estate.health_checks[check.at()].initial);
            let count = if is_carried { pool.endpoints.len() as u16 } else { 0 };
            let endpoints: Vec<Arc<Endpoint>> = (0..count)
                .map(|position| {
                    let key = key(estate, EndpointRef { pool: at, at: position });
                    let endpoint = old.remove(&key).unwrap_or_else(|| self.new_endpoint(key, &outliers));
                    endpoint.health.set_checked(initial);
                    endpoint.set_statuses_count(pool.ejection.statuses);
                    endpoint
                })
                .collect();
            if is_carried {
                placed.endpoints.extend(endpoints.iter().cloned().map(Some));
            } else {
                placed.endpoints.extend(pool.endpoints.iter().map(|_| None));
            }
            outliers.set(&pool.ejection, &endpoints);
            let manner = before.as_ref().and_then(|placed| placed.manner(&pool.name));
            let manner = Manner::of(pool, &self.authorities, manner.as_ref());
            placed.pools.push(PlacedPool { number, manner, outliers, endpoints });
        }
        self.left.extend(old.into_values());
        self.recall(&placed);
        placed.probed = Arc::new(probed);
        let placed = Arc::new(placed);
        self.placed = Some(placed.clone());
        placed
    }

    fn known_pool(&mut self, pool: &Pool) -> (usize, Arc<Outliers>) {
        if let Some(known) = self.known.get(&pool.name) {
            return known.clone();
        }
        let number = self.free_numbers.pop().unwrap_or(self.known.len());
        let new = (number, Arc::new(Outliers::new(&pool.ejection, self.views.clone())));
        self.known.insert(pool.name.clone(), new.clone());
        new
    }

    fn new_endpoint(&mut self, key: EndpointKey, outliers: &Arc<Outliers>) -> Arc<Endpoint> {
        let id = self.next_id;
        self.next_id += 1;
        Arc::new(Endpoint::new(id, key, self.base, &self.activity, outliers.clone()))
    }

    /// Gives endpoints back what a predecessor knew of them; once.
    fn recall(&mut self, placed: &Placed) {
        let memory = std::mem::take(&mut self.memory);
        if memory.is_empty() {
            return;
        }
        let is_of = |memory: &EndpointMemory, key: &EndpointKey| {
            memory.pool == key.pool && memory.zone == key.zone && memory.address == key.address
        };
        placed.each_pool(|outliers, endpoints| {
            let saved = endpoints.iter().filter_map(|endpoint| {
                let found = memory.iter().find(|memory| is_of(memory, &endpoint.key))?;
                memory::restore(found, endpoint)
            });
            outliers.restore(saved.collect(), endpoints);
        });
    }

    /// Tells every endpoint what the snapshot, compiled before, says of it. Those that left the estate are told once and forgotten.
    pub fn set_standings(&mut self, snapshot: &Snapshot) {
        let Some(placed) = &self.placed else { return };
        let estate = &snapshot.estate;
        let used: Vec<_> =
            snapshot.decision.pools.iter().map(|pool| hf_balance::in_use(estate, pool)).collect();
        for (at, endpoint) in snapshot.estate.endpoint_refs().zip(&placed.endpoints) {
            if let Some(endpoint) = endpoint {
                endpoint.set_standing(standing(snapshot, &used[at.pool.at()], at));
            }
        }
        for endpoint in self.left.drain(..) {
            endpoint.set_standing(Standing::Leaving);
        }
    }
}

impl Placed {
    fn manner(&self, pool: &PoolName) -> Option<Arc<Manner>> {
        let at = self.probed.pool_named(pool)?;
        Some(self.pools[at.at()].manner.clone())
    }
}

/// Whether a route may have a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failover {
    Wanted,
    Spent,
}

/// Where the balancer listens for a pool, if it carries it.
fn listener(estate: &Estate, pool: PoolIx) -> Option<SocketAddr> {
    estate.pool(pool).listen
}

/// The pools with a listener, and those that they fall back to or fail over to, however many links away.
fn carried_pools(estate: &Estate) -> BTreeSet<PoolIx> {
    let mut carried = BTreeSet::new();
    let mut next: Vec<PoolIx> =
        estate.pool_indexes().filter(|pool| listener(estate, *pool).is_some()).collect();
    while let Some(pool) = next.pop() {
        if !carried.insert(pool) {
            continue;
        }
        let pool = estate.pool(pool);
        next.extend(pool.failover.as_ref().map(|rule| rule.to));
        next.extend(match pool.all_down {
            AllDown::Fallback(to) => Some(to),
            AllDown::Open | AllDown::Closed => None,
        });
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

/// `used` is the decision of its pool as plans use it: what they pick serves.
fn standing(snapshot: &Snapshot, used: &PoolDecision, at: EndpointRef) -> Standing {
    if used.endpoints[usize::from(at.at)].serves {
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
