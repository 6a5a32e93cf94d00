//! The balancer's own active checks: from the prober's results to each endpoint's health.
//!
//! 1. They cover the pools that this balancer carries, over the very network that its requests take. What other checkers see comes with the
//!    snapshot.
//! 2. A fresh balancer takes traffic after their first round: once every endpoint that has a check was looked at, or after
//!    [`FIRST_ROUND_MAX`]. One that remembers its predecessor's results takes it at once.

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::Estate;
use hf_health::Bitmap;
use hf_probe::{Observation, Sink};
use tokio::sync::watch;

use crate::outliers::Views;
use crate::routes::Placed;

/// How long a fresh balancer waits for its first round: the prober needs a second at most to begin, and a check's time-out to end.
pub const FIRST_ROUND_MAX: Duration = Duration::from_secs(5);

/// Writes the prober's results to the endpoints in their places.
#[derive(Debug)]
pub struct Checks {
    placed: watch::Receiver<Option<Arc<Placed>>>,
    views: Arc<Views>,
    /// Whether the first round is over.
    begun: watch::Sender<bool>,
}

impl Checks {
    /// For the estate that `placed` holds at the time of each result.
    pub fn new(
        placed: watch::Receiver<Option<Arc<Placed>>>,
        views: Arc<Views>,
        begun: watch::Sender<bool>,
    ) -> Self {
        Checks { placed, views, begun }
    }

    /// The places, if they are of this version of the estate: a result of another is about other positions.
    fn of(&self, estate: &Estate) -> Option<Arc<Placed>> {
        self.placed.borrow().clone().filter(|placed| placed.probed.digest == estate.digest)
    }

    fn look_at(&self, placed: &Placed) {
        if !*self.begun.borrow() && placed.is_looked_at() {
            self.begun.send_replace(true);
        }
    }
}

impl Sink for Checks {
    fn estate_changed(&mut self, estate: &Arc<Estate>, known: &Bitmap, healthy: &Bitmap) {
        let Some(placed) = self.of(estate) else { return };
        for (at, endpoint) in placed.endpoints.iter().enumerate() {
            if let Some(endpoint) = endpoint.as_ref().filter(|_| known.get(at)) {
                endpoint.health.observed(healthy.get(at));
            }
        }
        self.views.changed();
        self.look_at(&placed);
    }

    fn observed(&mut self, observation: &Observation<'_>) {
        let Some(placed) = self.of(observation.estate) else { return };
        for at in observation.endpoints {
            let Some(Some(endpoint)) = placed.endpoints.get(*at) else { continue };
            endpoint.health.look();
            let (Some(healthy), Some(_)) = (observation.healthy, observation.result.outcome.is_good()) else {
                continue;
            };
            if endpoint.health.observed(healthy) {
                if healthy {
                    endpoint.begins_to_serve();
                }
                self.views.changed();
            }
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
        self.look_at(&placed);
    }
}

/// Lets the balancer begin after [`FIRST_ROUND_MAX`] whatever the checks say, then waits for ever.
pub async fn begin_in_the_end(begun: watch::Sender<bool>) {
    tokio::time::sleep(FIRST_ROUND_MAX).await;
    if !begun.send_replace(true) {
        tracing::warn!(waited = ?FIRST_ROUND_MAX, "the first round of checks is not over; taking traffic all the same");
    }
    std::future::pending::<()>().await;
}
