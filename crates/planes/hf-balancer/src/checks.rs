//! The balancer's own active checks: from the prober's results to each endpoint's health.
//!
//! They cover the pools that this balancer carries, over the very network that its requests take. What other checkers see comes
//! with the snapshot.

use std::sync::Arc;

use hf_config::estate::Estate;
use hf_health::Bitmap;
use hf_probe::{Observation, Sink};
use tokio::sync::watch;

use crate::routes::Placed;

/// Writes the prober's results to the endpoints in their places.
#[derive(Debug)]
pub struct Checks {
    placed: watch::Receiver<Option<Arc<Placed>>>,
}

impl Checks {
    /// For the estate that `placed` holds at the time of each result.
    pub fn new(placed: watch::Receiver<Option<Arc<Placed>>>) -> Self {
        Checks { placed }
    }

    /// The places, if they are of this version of the estate: a result of another is about other positions.
    fn of(&self, estate: &Estate) -> Option<Arc<Placed>> {
        self.placed.borrow().clone().filter(|placed| placed.probed.digest == estate.digest)
    }
}

impl Sink for Checks {
    fn estate_changed(&mut self, estate: &Arc<Estate>, known: &Bitmap, healthy: &Bitmap) {
        let Some(placed) = self.of(estate) else { return };
        for (at, endpoint) in placed.endpoints.iter().enumerate() {
            if let Some(endpoint) = endpoint.as_ref().filter(|_| known.get(at)) {
                endpoint.health.resume(healthy.get(at));
            }
        }
    }

    fn observed(&mut self, observation: &Observation<'_>) {
        let (Some(healthy), Some(good)) = (observation.healthy, observation.result.outcome.is_good()) else {
            return;
        };
        let Some(placed) = self.of(observation.estate) else { return };
        for at in observation.endpoints {
            let Some(Some(endpoint)) = placed.endpoints.get(*at) else { continue };
            endpoint.health.observed(healthy, good, observation.began);
            if observation.flipped {
                tracing::info!(
                    pool = %endpoint.key.pool,
                    endpoint = %endpoint.key.address,
                    zone = %endpoint.key.zone,
                    healthy,
                    outcome = ?observation.result.outcome,
                    "this balancer's own check changed its mind"
                );
            }
        }
    }
}
