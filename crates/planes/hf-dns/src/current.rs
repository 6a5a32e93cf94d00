//! What is answered from right now: one atomic pointer, swapped by whoever brings the next snapshot.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use hf_answer::Compiled;
use hf_config::estate::{PoolIx, ZoneIx};
use hf_model::ZoneId;
use hf_snapshot::Snapshot;
use hf_telemetry::{Activity, ZoneActivity};
use tokio::sync::watch;
use tracing::{debug, warn};

/// A compiled snapshot and the counters that its answers fill.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) compiled: Compiled,
    /// Where this node runs, if the estate knows the place.
    pub(crate) own_zone: Option<ZoneIx>,
    activity: Arc<ActivityHandles>,
}

/// One handle for each pool and each zone in which it has endpoints: the look-up takes a lock, an answer must not.
#[derive(Debug)]
struct ActivityHandles(Vec<Vec<Option<Arc<ZoneActivity>>>>);

impl Live {
    /// The counters of a pool in a zone.
    pub(crate) fn activity(&self, pool: PoolIx, zone: ZoneIx) -> Option<&ZoneActivity> {
        self.activity.0.get(pool.at())?.get(zone.at())?.as_deref()
    }

    fn new(snapshot: Arc<Snapshot>, own_zone: Option<&ZoneId>, activity: &Activity) -> Live {
        let estate = &snapshot.estate;
        let handles = estate.pools.iter().map(|pool| {
            let mut zones = vec![None; estate.zones.len()];
            for endpoint in &pool.endpoints {
                zones[endpoint.zone.at()]
                    .get_or_insert_with(|| activity.zone(&pool.name, &estate.zone(endpoint.zone).id));
            }
            zones
        });
        Live {
            own_zone: own_zone.and_then(|zone| estate.zone_named(zone)),
            activity: Arc::new(ActivityHandles(handles.collect())),
            compiled: Compiled::new(snapshot),
        }
    }

    fn updated(&self, snapshot: Arc<Snapshot>) -> Live {
        Live {
            own_zone: self.own_zone,
            activity: self.activity.clone(),
            compiled: self.compiled.updated(snapshot),
        }
    }
}

/// The pointer.
#[derive(Debug, Default)]
pub(crate) struct Current(ArcSwapOption<Live>);

impl Current {
    pub(crate) fn load(&self) -> arc_swap::Guard<Option<Arc<Live>>> {
        self.0.load()
    }

    /// Takes every snapshot as it comes, until there is nobody left to bring one; the last one stays.
    pub(crate) async fn follow(
        &self,
        mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
        own_zone: Option<ZoneId>,
        activity: Arc<Activity>,
    ) {
        loop {
            let newest = snapshots.borrow_and_update().clone();
            if let Some(snapshot) = newest {
                self.take(snapshot, own_zone.as_ref(), &activity).await;
            }
            if snapshots.changed().await.is_err() {
                debug!("no more snapshots will come; the last one stays in force");
                return;
            }
        }
    }

    async fn take(&self, snapshot: Arc<Snapshot>, own_zone: Option<&ZoneId>, activity: &Arc<Activity>) {
        let number = snapshot.number;
        let before = self.0.load_full();
        let same_estate = |live: &Arc<Live>| live.compiled.snapshot().estate.digest == snapshot.estate.digest;
        let next = if let Some(live) = before.filter(same_estate) {
            live.updated(snapshot)
        } else {
            // A large estate takes a while to compile; the sockets' threads go on meanwhile.
            let (own_zone, activity) = (own_zone.cloned(), activity.clone());
            let live = tokio::task::spawn_blocking(move || Live::new(snapshot, own_zone.as_ref(), &activity));
            match live.await {
                Ok(live) => live,
                Err(why) => {
                    return warn!(%why, number, "a snapshot could not be compiled; the one before stays");
                }
            }
        };
        self.0.store(Some(Arc::new(next)));
        debug!(number, "answers come from a new snapshot");
    }
}
