//! One listener and the pool behind it, as all workers see it.
//!
//! The route is swapped as a whole when a snapshot comes; a request reads it once for every try, so that no try begins on
//! an old one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use hf_balance::Plan;
use hf_decide::Mode;
use hf_model::PoolName;
use tokio::sync::watch;

use crate::endpoint::Endpoint;

/// What a listener's client connections have to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// They are kept.
    Open,
    /// This balancer's zone was left for the pool: idle ones are closed over a spread, busy ones after their answer.
    Away,
    /// The listener goes: as above, and what is left after `drain` is cut.
    Closing,
}

/// A pool's endpoints and how to choose among them, compiled from one snapshot.
#[derive(Debug)]
pub struct Route {
    /// The pool that the listener is for.
    pub pool: PoolName,
    /// How to choose.
    pub plan: Plan,
    /// The endpoints of the pool that serves (the fallback's after a fallback), by position.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Requests under way that one endpoint may have.
    pub in_flight_max: u32,
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

impl Route {
    /// Picks an endpoint that this request has not been to.
    pub fn pick(&self, seed: u64, tried: &[u64]) -> Result<&Arc<Endpoint>, Nobody> {
        let been_to: Vec<u16> = tried
            .iter()
            .filter_map(|id| self.endpoints.iter().position(|endpoint| endpoint.id == *id))
            .map(|at| at as u16)
            .collect();
        let endpoint = |at: u16| &self.endpoints[usize::from(at)];
        // With nobody usable the plan hands out the unusable, but a full endpoint gains nothing from one more.
        let has_room = |at: u16| self.has_room(endpoint(at));
        if let Some(pick) = self.plan.pick(seed, has_room, |at| endpoint(at).health.usable(), &been_to) {
            return Ok(endpoint(pick.at));
        }
        let is_full = self.plan.serving().any(|pick| !been_to.contains(&pick.at) && !has_room(pick.at));
        Err(match (is_full, tried.is_empty()) {
            (true, _) => Nobody::AllFull,
            (false, true) => Nobody::NoneServes,
            (false, false) => Nobody::AllTried,
        })
    }

    fn has_room(&self, endpoint: &Endpoint) -> bool {
        endpoint.in_flight.load(Ordering::Relaxed) < self.in_flight_max
    }

    /// In words for the client, and for the operator who reads over its shoulder.
    pub fn explain(&self, why: Nobody) -> String {
        let pool = &self.pool;
        match (why, self.plan.mode()) {
            (Nobody::AllTried, _) => {
                format!("no endpoint of pool {pool} answered: all that are in service were tried")
            }
            (Nobody::AllFull, _) => format!(
                "no endpoint of pool {pool} has room: each has its {} requests under way; try again later",
                self.in_flight_max
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

/// One listener.
#[derive(Debug)]
pub struct Front {
    /// Where it listens, with the port that it got.
    pub local: SocketAddr,
    /// Where its requests go.
    pub route: ArcSwap<Route>,
    phase: watch::Sender<Phase>,
}

impl Front {
    /// A new listener's front.
    pub fn new(local: SocketAddr, route: Route, phase: Phase) -> Self {
        Front { local, route: ArcSwap::from_pointee(route), phase: watch::Sender::new(phase) }
    }

    /// What client connections have to expect now.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Tells client connections when that changes.
    pub fn watch_phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Changes it. Closing is for good.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let changes = *now != phase && *now != Phase::Closing;
            if changes {
                *now = phase;
            }
            changes
        });
    }
}
