//! A checker in the simulation: real streaks over endpoints whose health the simulation knows.
//!
//! Not here: probes and sockets (`hf-probe`), publishing (`hf-checker`); their rules are followed: a table at once for a new
//! estate, with what is known of the endpoints that stay, and a table when an endpoint turns.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use hf_config::estate::Estate;
use hf_health::{Bitmap, Streak, Table};
use hf_model::{NodeId, Timestamp, ZoneId};

/// One checker.
#[derive(Debug)]
pub struct Checker {
    node: NodeId,
    zone: ZoneId,
    streaks: BTreeMap<SocketAddr, Streak>,
    estate: Option<Arc<Estate>>,
}

impl Checker {
    /// Knows nothing yet.
    pub fn new(node: NodeId, zone: ZoneId) -> Checker {
        Checker { node, zone, streaks: BTreeMap::new(), estate: None }
    }

    /// A new estate is in force here.
    pub fn follow(&mut self, estate: &Arc<Estate>, now: Timestamp) -> Option<Table> {
        if self.estate.as_ref().is_some_and(|known| known.digest == estate.digest) {
            return None;
        }
        let stays =
            |address: &SocketAddr| estate.endpoint_refs().any(|at| estate.endpoint(at).address == *address);
        self.streaks.retain(|address, _| stays(address));
        self.estate = Some(estate.clone());
        Some(self.table(estate, now))
    }

    /// Probes every endpoint once. A table if one turned.
    pub fn probe(
        &mut self,
        mut answers: impl FnMut(SocketAddr, usize) -> bool,
        now: Timestamp,
    ) -> Option<Table> {
        let estate = self.estate.clone()?;
        let mut is_news = false;
        for endpoint in estate.endpoint_refs() {
            let Some(check) = estate.pool(endpoint.pool).health_check else { continue };
            let (rise, fall) = (estate.health_checks[check.at()].rise, estate.health_checks[check.at()].fall);
            let endpoint = estate.endpoint(endpoint);
            let good = answers(endpoint.address, endpoint.zone.at());
            is_news |= self.streaks.entry(endpoint.address).or_default().record(good, rise, fall);
        }
        is_news.then(|| self.table(&estate, now))
    }

    fn table(&self, estate: &Estate, now: Timestamp) -> Table {
        let count = estate.subject_count();
        let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
        for (at, endpoint) in estate.endpoint_refs().enumerate() {
            let seen = self.streaks.get(&estate.endpoint(endpoint).address).and_then(Streak::healthy);
            known.set(at, seen.is_some());
            healthy.set(at, seen == Some(true));
        }
        let (checker, zone) = (self.node.clone(), self.zone.clone());
        Table { checker, zone, estate: estate.digest, made_at: now, known, healthy }
    }
}
