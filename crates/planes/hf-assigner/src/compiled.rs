//! What the answers are made of, compiled once for each snapshot and each table of latencies.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use hf_assign::{Assigner, Assigners, Place, Ticket};
use hf_config::estate::{HostPattern, ZoneIx};
use hf_geo::Geography;
use hf_model::ZoneId;
use hf_select::{Around, Geo, Scratch};
use hf_snapshot::Snapshot;
use tokio::sync::watch::Receiver;

/// One snapshot's assignments, and where clients are.
pub struct Compiled {
    assigners: Assigners,
    /// The services, with the names that lead to them.
    services: Vec<(String, Vec<HostPattern>)>,
    around: Around,
    geo: Arc<dyn Geo>,
    own_zone: Option<ZoneIx>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("services", &self.services).finish_non_exhaustive()
    }
}

impl Compiled {
    /// Compiles.
    pub fn new(snapshot: &Snapshot, geography: &Geography, own_zone: Option<&ZoneId>) -> Compiled {
        let estate = &snapshot.estate;
        let services = estate.assignments.iter().map(|of| (of.service.clone(), of.hosts.clone()));
        Compiled {
            assigners: Assigners::new(snapshot),
            services: services.collect(),
            around: Around::new(estate, &geography.table(estate)),
            geo: geography.database(),
            own_zone: own_zone.and_then(|zone| estate.zone_named(zone)),
        }
    }

    /// The assignment of a service.
    pub fn of_service(&self, service: &str) -> Option<&Assigner> {
        self.assigners.of_service(service)
    }

    /// The assignment that is asked for under a name, by any path: the exact name before a pattern.
    pub fn of_host(&self, host: &str) -> Option<&Assigner> {
        let holding = |exact: bool| {
            self.services.iter().find(|(_, hosts)| {
                hosts.iter().any(|of| of.holds(host) && matches!(of, HostPattern::Exactly(_)) == exact)
            })
        };
        let (service, _) = holding(true).or_else(|| holding(false))?;
        self.of_service(service)
    }

    /// The services' names.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|(service, _)| service.as_str())
    }

    /// Where a session goes.
    pub fn assign<'a>(
        &self,
        assigner: &'a Assigner,
        held: Option<&Ticket>,
        client: IpAddr,
        seed: u64,
    ) -> Option<&'a Place> {
        let around = (&self.around, &*self.geo);
        assigner.assign(held, (client, self.own_zone), around, seed, &mut Scratch::default())
    }
}

/// The newest, and the work that keeps it new.
pub fn keep(
    mut snapshots: Receiver<Option<Arc<Snapshot>>>,
    geography: Geography,
    own_zone: Option<ZoneId>,
) -> (Arc<ArcSwapOption<Compiled>>, impl Future<Output = ()>) {
    let newest = Arc::new(ArcSwapOption::empty());
    let kept = newest.clone();
    let work = async move {
        let mut changes = geography.changes();
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            if let Some(snapshot) = snapshot {
                let compiled = Compiled::new(&snapshot, &geography, own_zone.as_ref());
                kept.store(Some(Arc::new(compiled)));
            }
            tokio::select! {
                changed = snapshots.changed() => if changed.is_err() {
                    return std::future::pending().await; // the node is stopping; the listener ends first
                },
                true = changes.changed() => {}
            }
        }
    };
    (newest, work)
}
