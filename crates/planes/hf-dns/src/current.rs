//! What is answered from right now: one atomic pointer, swapped by whoever brings the next snapshot.
//!
//! 1. Compiling happens on threads that answer nobody. A worker sees the swap at its next batch.
//! 2. A table of latencies is compiled in when it or the estate is another one; a geography database is asked as it is at the moment.
//! 3. A snapshot is in force when nobody answers from one before it any more (`grace`); only then the node says that it obeys it.
//! 4. What was in force before is put away at leisure, once no worker looks at it any more: freeing a million names takes a while. When
//!    [`RETIRING_MAX`] wait for that, the next ones are put away where compiling happens, so that a flood of changes does not pile them up.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hf_answer::{Compiled, HostedSet};
use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_geo::Geography;
use hf_model::ZoneId;
use hf_snapshot::Snapshot;
use hf_telemetry::{Activity, ZoneActivity};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::grace::Grace;
use crate::names::NameCounts;
use crate::respond::Responder;
use crate::signing::{KEEPER_PACE, Signers};

/// How often it is looked whether an old snapshot is still in use: batches take microseconds.
const RETIRE_PACE: Duration = Duration::from_millis(20);

/// Old ones that wait to be freed where nobody waits; more than these are freed on the threads that make new ones, which slows what makes them.
const RETIRING_MAX: usize = 8;

/// How long queries wait in their sockets for the compiling of a snapshot that is there at the start: about as long as resolvers wait for an answer.
const FIRST_MAX: Duration = Duration::from_secs(1);

/// A compiled snapshot and the counters that its answers fill.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) compiled: Compiled,
    /// Where this node runs, if the estate knows the place.
    pub(crate) own_zone: Option<ZoneIx>,
    pub(crate) counts: Arc<EstateCounts>,
}

/// What is counted of answers from one estate.
#[derive(Debug)]
pub(crate) struct EstateCounts {
    zones: usize,
    /// For each pool and zone the place in `activity`, or [`NOWHERE`].
    places: Vec<u32>,
    /// One handle for each pool and each zone in which it has endpoints: the look-up takes a lock, an answer must not.
    pub(crate) activity: Vec<Arc<ZoneActivity>>,
    pub(crate) names: NameCounts,
}

/// What answers are made of; a change of any makes others.
pub(crate) struct Changing {
    pub(crate) snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(crate) contents: watch::Receiver<Arc<HostedSet>>,
    pub(crate) geography: Geography,
}

/// What is compiled next.
struct Next {
    snapshot: Arc<Snapshot>,
    hosted: Arc<HostedSet>,
    geography: Geography,
    /// Whether the table of latencies is another one than that in force.
    has_new_table: bool,
}

const NOWHERE: u32 = u32::MAX;

impl EstateCounts {
    /// The place of a pool's counters in a zone.
    #[inline]
    pub(crate) fn place(&self, pool: PoolIx, zone: ZoneIx) -> Option<usize> {
        let place = *self.places.get(pool.at() * self.zones + zone.at())?;
        (place != NOWHERE).then_some(place as usize)
    }

    fn new(estate: &Estate, activity: &Activity, workers: usize, before: Option<&Live>) -> EstateCounts {
        let zones = estate.zones.len();
        let mut places = vec![NOWHERE; estate.pools.len() * zones];
        let mut handles = Vec::new();
        for (at, pool) in estate.pools.iter().enumerate() {
            for endpoint in &pool.endpoints {
                let place = &mut places[at * zones + endpoint.zone.at()];
                if *place == NOWHERE {
                    *place = handles.len() as u32;
                    handles.push(activity.zone(&pool.name, &estate.zone(endpoint.zone).id));
                }
            }
        }
        let before = before.map(|live| (&live.counts.names, &*live.compiled.snapshot().estate));
        EstateCounts { zones, places, activity: handles, names: NameCounts::new(estate, workers, before) }
    }
}

impl Live {
    fn new(
        Next { snapshot, hosted, geography, has_new_table }: Next,
        own_zone: Option<&ZoneId>,
        activity: &Activity,
        workers: usize,
        before: Option<&Live>,
        signers: &Signers,
    ) -> Live {
        let estate = snapshot.estate.clone();
        let same = before.filter(|live| live.compiled.snapshot().estate.digest == estate.digest);
        let own_zone = own_zone.and_then(|zone| estate.zone_named(zone));
        let table = || Arc::new(geography.table(&estate));
        let compiled = if let Some(live) = before {
            let updated = live.compiled.updated(snapshot, hosted);
            let is_kept = same.is_some() && !has_new_table;
            if is_kept { updated } else { updated.with_latency(table()) }
        } else {
            Compiled::new(snapshot, hosted).with_geo(geography.database()).with_latency(table())
        };
        tell_of_left_out(&compiled, before);
        Live {
            own_zone,
            counts: match same {
                Some(live) => live.counts.clone(),
                None => Arc::new(EstateCounts::new(&estate, activity, workers, before)),
            },
            compiled: signers.sign(compiled, own_zone, before.is_none()),
        }
    }
}

/// Says of each hosted zone which dynamic records it is answered without, once for each change of that.
fn tell_of_left_out(compiled: &Compiled, before: Option<&Live>) {
    for (hosted_zone, problems) in compiled.left_out() {
        let is_told = before.is_some_and(|live| {
            live.compiled.left_out().any(|(name, told)| name == hosted_zone && told == problems)
        });
        if let Some(problem) = problems.first().filter(|_| !is_told) {
            warn!(
                %hosted_zone, %problem, names = problems.len(),
                "dynamic records of some names cannot be served and are left out; delete them by an update"
            );
        }
    }
}

/// The pointer.
#[derive(Debug)]
pub(crate) struct Current {
    live: ArcSwapOption<Live>,
    /// How often it was swapped.
    swaps: watch::Sender<u64>,
    /// Who answers now; whoever does has said so there before it looks at the pointer.
    pub(crate) grace: Grace,
    in_force: watch::Sender<u64>,
}

impl Current {
    /// Nothing yet, for so many workers.
    pub(crate) fn new(workers: usize) -> Current {
        Current {
            live: ArcSwapOption::empty(),
            swaps: watch::Sender::new(0),
            grace: Grace::new(workers),
            in_force: watch::Sender::new(0),
        }
    }

    pub(crate) fn load(&self) -> arc_swap::Guard<Option<Arc<Live>>> {
        self.live.load()
    }

    /// The number of the snapshot before which nothing is answered from any more, by no worker and over no stream; 0 before the first.
    pub(crate) fn in_force(&self) -> watch::Receiver<u64> {
        self.in_force.subscribe()
    }

    /// Finds out what is in force after each swap, for as long as it runs. Several swaps at once are one.
    pub(crate) async fn tell_in_force(&self) {
        let mut swaps = self.swaps();
        loop {
            swaps.borrow_and_update();
            let number = self.live.load().as_ref().map(|live| live.compiled.snapshot().number);
            if let Some(number) = number.filter(|number| *number != *self.in_force.borrow()) {
                self.grace.over().await;
                self.in_force.send_replace(number);
            }
            if swaps.changed().await.is_err() {
                return;
            }
        }
    }

    /// Tells of every swap.
    pub(crate) fn swaps(&self) -> watch::Receiver<u64> {
        self.swaps.subscribe()
    }

    /// Until the first is in force, or has taken too long: SERVFAIL is better then than silence.
    pub(crate) async fn wait_for_first(&self) {
        let _ = tokio::time::timeout(FIRST_MAX, self.swaps().wait_for(|swaps| *swaps > 0)).await;
    }

    /// Takes every snapshot as it comes, until there is nobody left to bring one; the last one stays. Earlier ones are freed at `frees`, or
    /// here when too many wait there.
    pub(crate) async fn follow(
        &self,
        Changing { mut snapshots, mut contents, geography }: Changing,
        own_zone: Option<ZoneId>,
        activity: Arc<Activity>,
        workers: usize,
        (signers, frees): (Arc<Signers>, Handle),
    ) {
        let mut retiring = JoinSet::new();
        let (mut more_snapshots, mut more_contents, mut more_places) = (true, true, true);
        let (mut places, mut is_behind) = (geography.changes(), false);
        loop {
            let in_force = || self.live.load().as_ref().map(|live| live.compiled.snapshot().clone());
            let newest = snapshots.borrow_and_update().clone().or_else(in_force);
            if let Some(snapshot) = newest {
                let before = self.live.load_full();
                let number = snapshot.number;
                let next = Next {
                    snapshot,
                    hosted: contents.borrow_and_update().clone(),
                    geography: geography.clone(),
                    has_new_table: places.take() || is_behind,
                };
                let (own_zone, activity, signers) = (own_zone.clone(), activity.clone(), signers.clone());
                let compiling = tokio::task::spawn_blocking(move || {
                    Live::new(next, own_zone.as_ref(), &activity, workers, before.as_deref(), &signers)
                });
                match compiling.await {
                    Ok(live) => {
                        is_behind = false;
                        if let Some(old) = self.live.swap(Some(Arc::new(live))) {
                            while retiring.try_join_next().is_some() {}
                            let here = Handle::current();
                            let at = if retiring.len() < RETIRING_MAX { &frees } else { &here };
                            retiring.spawn_on(retire(old), at);
                        }
                        self.swaps.send_modify(|swaps| *swaps += 1);
                        debug!(number, "answers come from a new snapshot");
                    }
                    Err(why) => {
                        is_behind = true;
                        warn!(%why, number, "a snapshot could not be compiled; the one before stays");
                    }
                }
            }
            tokio::select! {
                changed = snapshots.changed(), if more_snapshots => more_snapshots = changed.is_ok(),
                changed = contents.changed(), if more_contents => more_contents = changed.is_ok(),
                changed = places.changed(), if more_places => more_places = changed,
                else => {
                    debug!("nothing new will come; what is in force stays");
                    return;
                }
            }
        }
    }
}

/// Frees it where nobody waits, once nobody answers from it; ends when it is freed.
async fn retire(old: Arc<Live>) {
    while Arc::strong_count(&old) > 1 {
        tokio::time::sleep(RETIRE_PACE).await;
    }
    let _ = tokio::task::spawn_blocking(move || drop(old)).await;
}

/// Signs ahead what is in force: after each swap, and at a pace what is due.
pub(crate) async fn keep_signed(current: Arc<Responder>, signers: Arc<Signers>) {
    let mut swaps = current.current.swaps();
    loop {
        if let Some(live) = current.current.live.load_full() {
            let signers = signers.clone();
            let kept = tokio::task::spawn_blocking(move || signers.keep(&live.compiled, live.own_zone)).await;
            if let Err(why) = kept {
                warn!(%why, "signatures could not be made ahead; they are made when asked for");
            }
        }
        if let Ok(Err(_)) = tokio::time::timeout(KEEPER_PACE, swaps.changed()).await {
            return;
        }
    }
}
