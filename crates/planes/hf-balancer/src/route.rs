//! Where a request of a pool goes: its endpoints and how to choose among them, compiled from one snapshot.
//!
//! A route is swapped as a whole when a snapshot comes. Only the weights of its zones change in it, when this balancer's own view of
//! health does, or where its callers are.
//!
//! A balancer with a zone prefers that zone, whoever asks: a detour over the caller's zone would be one more zone that can fail on the way. One
//! without a zone has a plan for each zone that clients are known to be in (its `networks`), and prefers the caller's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use hf_balance::{Ask, Plan, View};
use hf_config::estate::{Estate, Pool, PoolIx, ZoneIx};
use hf_decide::Mode;
use hf_model::PoolName;
use http::header::HeaderValue;

use crate::endpoint::Endpoint;
use crate::manner::Manner;
use crate::tickets::Gate;

/// How to choose for callers of one zone.
#[derive(Debug)]
pub struct OfCallers {
    /// Where they are.
    zone: ZoneIx,
    plan: ArcSwap<Plan>,
    /// Requests since the last count, and what was counted before, fading.
    asked: AtomicU64,
    counted: AtomicU64,
}

impl OfCallers {
    /// Nobody was counted yet.
    pub fn new(zone: ZoneIx, plan: Plan) -> Self {
        let (asked, counted) = (AtomicU64::new(0), AtomicU64::new(0));
        OfCallers { zone, plan: ArcSwap::from_pointee(plan), asked, counted }
    }
}

/// A pool's endpoints and how to choose among them, compiled from one snapshot.
#[derive(Debug)]
pub struct Route {
    /// The pool that is asked for.
    pub pool: PoolName,
    /// The number that it has in this process.
    pub number: usize,
    /// How to choose.
    pub plan: ArcSwap<Plan>,
    /// The same for callers whose zone is known; empty where the balancer has a zone.
    pub of_callers: Vec<OfCallers>,
    /// The endpoints of the pool that serves (the fallback's after a fallback), by position.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// How they are spoken to.
    pub manner: Arc<Manner>,
    /// Where single requests go that fail here.
    pub failover: Option<Arc<Route>>,
    /// Cookies that keep clients at their endpoints, by position; empty where the pool sets none.
    pub cookies: Vec<HeaderValue>,
    /// Who checks the tickets of its requests; none where the pool is not assigned.
    pub gate: Option<Gate>,
    /// The estate that it is of.
    pub estate: Arc<Estate>,
    /// The pool in it.
    pub asked: PoolIx,
}

/// Why there is no endpoint for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nobody {
    /// The decision lets none serve.
    NoneServes,
    /// All that serve have as many requests as they may.
    AllFull,
    /// This request has been to all of them.
    AllTried,
}

/// Endpoints as this balancer sees them.
struct Seen<'r> {
    endpoints: &'r [Arc<Endpoint>],
    in_flight_max: u32,
    now_ms: u64,
}

impl Seen<'_> {
    fn has_room(&self, at: u16) -> bool {
        self.load(at) < self.in_flight_max
    }
}

impl View for Seen<'_> {
    /// With nobody usable the plan hands out the unusable, but a full endpoint gains nothing from one more.
    fn may(&self, at: u16) -> bool {
        self.has_room(at)
    }

    fn usable(&self, at: u16) -> bool {
        self.endpoints[usize::from(at)].health.usable()
    }

    fn load(&self, at: u16) -> u32 {
        self.endpoints[usize::from(at)].in_flight.load(Ordering::Relaxed)
    }

    fn latency_us(&self, at: u16) -> u32 {
        self.endpoints[usize::from(at)].pace.latency_us(self.now_ms)
    }

    fn age_ms(&self, at: u16) -> u64 {
        self.endpoints[usize::from(at)].age_ms(self.now_ms)
    }
}

impl Route {
    /// What the estate says of the pool that is asked for.
    pub fn rules(&self) -> &Pool {
        self.estate.pool(self.asked)
    }

    /// Picks an endpoint that this request of a client in `caller` has not been to. That zone is of the estate when the client came: where a new one
    /// numbers zones otherwise, old connections are taken for those of another zone.
    pub fn pick(&self, ask: &Ask, caller: Option<ZoneIx>, tried: &[u64]) -> Result<&Arc<Endpoint>, Nobody> {
        let been_to: Vec<u16> = tried.iter().filter_map(|id| self.place(|of| of.id == *id)).collect();
        let of_caller = caller.and_then(|zone| self.of_callers.iter().find(|of| of.zone == zone));
        let plan = match of_caller {
            None => self.plan.load(),
            Some(of) => {
                of.asked.fetch_add(u64::from(tried.is_empty()), Ordering::Relaxed);
                of.plan.load()
            }
        };
        let seen = Seen {
            endpoints: &self.endpoints,
            in_flight_max: self.manner.bounds.in_flight_per_endpoint,
            now_ms: self.endpoints.first().map_or(0, |endpoint| endpoint.now_ms()),
        };
        if let Some(pick) = plan.choose(ask, &seen, &been_to) {
            return Ok(&self.endpoints[usize::from(pick.at)]);
        }
        let is_full = plan.serving().any(|pick| !been_to.contains(&pick.at) && !seen.has_room(pick.at));
        Err(match (is_full, tried.is_empty()) {
            (true, _) => Nobody::AllFull,
            (false, true) => Nobody::NoneServes,
            (false, false) => Nobody::AllTried,
        })
    }

    /// The position of the first endpoint that is so.
    pub fn place(&self, is_it: impl Fn(&Endpoint) -> bool) -> Option<u16> {
        self.endpoints.iter().position(|endpoint| is_it(endpoint)).map(|at| at as u16)
    }

    /// Whether it leads to `endpoint`. Standings change right after the routes: it may do so already again.
    pub fn leads_to(&self, endpoint: &Endpoint) -> bool {
        self.plan.load().serving().any(|pick| self.endpoints[usize::from(pick.at)].id == endpoint.id)
    }

    /// Weighs its zones anew, by this balancer's own view of health.
    pub fn weigh(&self) {
        let callers = self.callers();
        for of in [&self.plan].into_iter().chain(self.of_callers.iter().map(|of| &of.plan)) {
            let mut plan = Plan::clone(&of.load());
            plan.set_callers(&callers);
            plan.weigh(|at| self.endpoints[usize::from(at)].health.usable());
            of.store(Arc::new(plan));
        }
    }

    /// Counts where callers were, about of the last ten times that it was called, and weighs zones by it.
    pub fn count_callers(&self) {
        if self.of_callers.is_empty() || !self.plan.load().crosses_zones() {
            return;
        }
        let mut is_news = false;
        for of in &self.of_callers {
            let (asked, before) = (of.asked.swap(0, Ordering::Relaxed), of.counted.load(Ordering::Relaxed));
            // In tenths, so that few do not vanish at once.
            let now = before - before.div_ceil(10) + asked.saturating_mul(10);
            of.counted.store(now, Ordering::Relaxed);
            is_news |= now != before;
        }
        if is_news {
            self.weigh();
        }
    }

    /// Counted callers, by zone.
    fn callers(&self) -> Vec<u64> {
        let mut callers = Vec::new();
        for of in &self.of_callers {
            if callers.len() <= of.zone.at() {
                callers.resize(of.zone.at() + 1, 0);
            }
            callers[of.zone.at()] = of.counted.load(Ordering::Relaxed);
        }
        callers
    }

    /// In words for the client, and for the operator who reads over its shoulder.
    pub fn explain(&self, why: Nobody) -> String {
        let pool = &self.pool;
        match (why, self.plan.load().mode()) {
            (Nobody::AllTried, _) => {
                format!("no endpoint of pool {pool} answered: all that are in service were tried")
            }
            (Nobody::AllFull, _) => format!(
                "no endpoint of pool {pool} has room: each has its {} requests under way; try again later",
                self.manner.bounds.in_flight_per_endpoint
            ),
            (Nobody::NoneServes, Mode::Closed) => format!(
                "no endpoint of pool {pool} is in service: none is healthy, and the pool is closed then (all_down = \"closed\")"
            ),
            (Nobody::NoneServes, Mode::Fallback(_)) => format!(
                "no endpoint of pool {pool} is in service: none is healthy, and its fallback has none in service either"
            ),
            (Nobody::NoneServes, _) => {
                format!("no endpoint of pool {pool} is in service: see `holdfast explain pool/{pool}`")
            }
        }
    }
}
