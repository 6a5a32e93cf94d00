//! Where a request of a pool goes: its endpoints and how to choose among them, compiled from one snapshot.
//!
//! A route is swapped as a whole when a snapshot comes; nothing in it changes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hf_balance::Plan;
use hf_decide::Mode;
use hf_model::PoolName;

use crate::endpoint::Endpoint;

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

    /// Whether it leads to `endpoint`. Standings change right after the routes: it may do so already again.
    pub fn leads_to(&self, endpoint: &Endpoint) -> bool {
        self.plan.serving().any(|pick| self.endpoints[usize::from(pick.at)].id == endpoint.id)
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
