//! Passive ejection: single endpoints that fail this balancer's own requests are left for a while.
//!
//! 1. The rules and the arithmetic are `hf-balance`'s [`Ejector`], one for each pool. Good answers are counted without a lock and accounted for
//!    at the next failure or tick; only failures lock, and one pool's failures wait for that pool only.
//! 2. A status from 500, or its like in gRPC, is a failure where the pool says `statuses`.
//! 3. Failures at an endpoint that the decision let go are not its fault: there we cut.
//! 4. Every [`TICK`] those whose time is over return. When this balancer's view of an endpoint changes, zones are weighed anew; and by where
//!    its callers are every [`COUNT`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hf_balance::{Ejected, Ejector, SavedEjection};
use hf_config::estate::Ejection;
use hf_model::ZoneId;
use hf_telemetry::Outcome;
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use crate::endpoint::{Endpoint, Standing};
use crate::route::Route;
use crate::routes::Placed;

/// How often ejections that are over are looked for.
pub const TICK: Duration = Duration::from_millis(250);

/// How often it is counted where callers are.
const COUNT: Duration = Duration::from_secs(1);

/// The ejections of one pool.
#[derive(Debug)]
pub struct Outliers {
    ejector: Mutex<Ejector<u64, ZoneId>>,
    views: Arc<Views>,
}

impl Outliers {
    /// Nobody is out.
    pub fn new(rules: &Ejection, views: Arc<Views>) -> Self {
        Outliers { ejector: Mutex::new(Ejector::new(rules.clone())), views }
    }

    fn ejector(&self) -> MutexGuard<'_, Ejector<u64, ZoneId>> {
        self.ejector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the estate says.
    pub fn set(&self, rules: &Ejection, endpoints: &[Arc<Endpoint>]) {
        let mut ejector = self.ejector();
        ejector.set_rules(rules.clone());
        ejector.set_endpoints(endpoints.iter().map(|endpoint| (endpoint.id, endpoint.key.zone.clone())));
    }

    /// What became of a request at an endpoint of the pool.
    pub fn note(&self, endpoint: &Endpoint, outcome: Outcome) {
        match outcome {
            Outcome::ClientGone => {}
            Outcome::Answered => endpoint.health.answered(),
            // A zone that we left cuts its connections by our own will.
            _ if endpoint.standing() == Standing::Leaving => {}
            Outcome::ServerError | Outcome::GrpcError if !endpoint.statuses_count() => {
                endpoint.health.answered();
            }
            _ => self.failed(endpoint, outcome),
        }
    }

    fn failed(&self, endpoint: &Endpoint, outcome: Outcome) {
        let (id, now_ms) = (endpoint.id, endpoint.now_ms());
        let ejected = {
            let mut ejector = self.ejector();
            account(&mut ejector, endpoint, now_ms);
            ejector.failed(&id, now_ms)
        };
        let Some(Ejected { why, for_ms, times }) = ejected else { return };
        endpoint.health.set_ejected(true);
        endpoint.stats.ejected();
        tracing::warn!(
            pool = %endpoint.key.pool,
            endpoint = %endpoint.key.address,
            zone = %endpoint.key.zone,
            %why,
            last = outcome.as_str(),
            for_ms,
            times,
            "endpoint ejected by this balancer"
        );
        self.views.changed();
    }

    /// What outlives the process.
    pub fn saved(&self, now_ms: u64) -> Vec<SavedEjection<u64>> {
        self.ejector().saved(now_ms)
    }

    /// Takes what a predecessor saved.
    pub fn restore(&self, saved: Vec<SavedEjection<u64>>, endpoints: &[Arc<Endpoint>]) {
        let Some(now_ms) = endpoints.first().map(|endpoint| endpoint.now_ms()) else { return };
        let mut ejector = self.ejector();
        ejector.restore(saved, now_ms);
        for endpoint in endpoints {
            endpoint.health.set_ejected(ejector.is_out(&endpoint.id, now_ms));
        }
    }

    fn tick(&self, endpoints: &[Arc<Endpoint>]) {
        let mut ejector = self.ejector();
        for endpoint in endpoints {
            let now_ms = endpoint.now_ms();
            account(&mut ejector, endpoint, now_ms);
            if endpoint.health.is_ejected() && !ejector.is_out(&endpoint.id, now_ms) {
                endpoint.health.set_ejected(false);
                endpoint.begins_to_serve();
                let key = &endpoint.key;
                tracing::info!(pool = %key.pool, endpoint = %key.address, zone = %key.zone, "ejection is over");
                self.views.changed();
            }
        }
    }
}

fn account(ejector: &mut Ejector<u64, ZoneId>, endpoint: &Endpoint, now_ms: u64) {
    let answered = endpoint.health.take_answered();
    if answered > 0 {
        ejector.succeeded(&endpoint.id, answered, now_ms);
    }
}

/// The routes that are in use, and word that this balancer's view of an endpoint changed.
#[derive(Debug, Default)]
pub struct Views {
    routes: Mutex<Vec<Weak<Route>>>,
    changed: Notify,
}

impl Views {
    /// One more route.
    pub fn add(&self, route: &Arc<Route>) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|route| route.strong_count() > 0);
        routes.push(Arc::downgrade(route));
    }

    /// The view of an endpoint changed.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

    fn each(&self, act: fn(&Route)) {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for route in routes.iter().filter_map(Weak::upgrade) {
            act(&route);
        }
    }

    fn weigh(&self) {
        self.each(Route::weigh);
    }

    fn count_callers(&self) {
        self.each(Route::count_callers);
    }
}

/// Ends ejections and weighs zones until it is dropped.
pub async fn attend(placed: watch::Receiver<Option<Arc<Placed>>>, views: Arc<Views>) {
    let mut count = tokio::time::interval(COUNT);
    count.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                let placed = placed.borrow().clone();
                if let Some(placed) = placed {
                    placed.each_pool(Outliers::tick);
                }
            }
            () = views.changed.notified() => views.weigh(),
            _ = count.tick() => views.count_callers(),
        }
    }
}
