//! A checker in the simulation: real streaks over endpoints whose health the simulation knows.
//!
//! Not here: probes and sockets (`hf-probe`), publishing (`hf-checker`); their rules are followed: a table at once for a new
//! estate, with what is known of the endpoints that stay, and a table when an endpoint turns; what fails while it is cut off is not known; stamps never go
//! back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use hf_config::estate::Estate;
use hf_health::{Bitmap, Reach, Streak, Table};
use hf_model::{NodeId, Timestamp, ZoneId};

/// One checker.
#[derive(Debug)]
pub struct Checker {
    node: NodeId,
    zone: ZoneId,
    streaks: BTreeMap<SocketAddr, Streak>,
    estate: Option<Arc<Estate>>,
    reach: Reach,
    /// The stamp of its last table.
    made_at: Timestamp,
    /// Whether it held itself for cut off when it looked last.
    pub is_cut_off: bool,
    /// Zones other than its own with an endpoint that answered in the last round in which any did, and when that was.
    pub answered: (Timestamp, BTreeSet<usize>),
    /// Whether an endpoint of its own zone answered in the last round.
    pub own_answers: bool,
}

/// When a round of probes is made: by the node's wall clock, and by one that nobody sets.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// For stamps.
    pub wall: Timestamp,
    /// For what came after what.
    pub steady: Timestamp,
    /// When a node of another zone was last heard, by the steady one.
    pub heard: Option<Timestamp>,
}

impl Checker {
    /// Knows nothing yet.
    pub fn new(node: NodeId, zone: ZoneId) -> Checker {
        Checker {
            node,
            zone,
            streaks: BTreeMap::new(),
            estate: None,
            reach: Reach::default(),
            made_at: Timestamp(0),
            is_cut_off: false,
            answered: (Timestamp(0), BTreeSet::new()),
            own_answers: false,
        }
    }

    /// A new estate is in force here.
    pub fn follow(&mut self, estate: &Arc<Estate>, now: Timestamp, steady: Timestamp) -> Option<Table> {
        if self.estate.as_ref().is_some_and(|known| known.digest == estate.digest) {
            return None;
        }
        let stays =
            |address: &SocketAddr| estate.endpoint_refs().any(|at| estate.endpoint(at).address == *address);
        self.streaks.retain(|address, _| stays(address));
        self.estate = Some(estate.clone());
        let (known, healthy) = self.seen(estate);
        self.reach = Reach::new(estate, &self.zone, &known.and(&healthy), steady);
        self.is_cut_off = false;
        Some(self.table(estate, now))
    }

    /// Whether it probes the endpoints of another estate, or of none.
    pub fn follows_another_than(&self, estate: &Estate) -> bool {
        self.estate.as_ref().is_none_or(|own| own.digest != estate.digest)
    }

    /// Probes every endpoint once. A table if one turned.
    pub fn probe(
        &mut self,
        mut answers: impl FnMut(SocketAddr, usize) -> bool,
        round: Round,
    ) -> Option<Table> {
        let estate = self.estate.clone()?;
        let own = estate.zone_named(&self.zone).map(hf_config::estate::ZoneIx::at);
        let mut is_news = false;
        let mut answered = BTreeSet::new();
        for (subject, endpoint) in estate.endpoint_refs().enumerate() {
            let Some(check) = estate.pool(endpoint.pool).health_check else { continue };
            let (rise, fall) = (estate.health_checks[check.at()].rise, estate.health_checks[check.at()].fall);
            let endpoint = estate.endpoint(endpoint);
            let good = answers(endpoint.address, endpoint.zone.at());
            self.reach.record(subject, good, round.steady);
            if good {
                answered.insert(endpoint.zone.at());
            }
            is_news |= self.streaks.entry(endpoint.address).or_default().record(good, rise, fall);
        }
        self.own_answers = own.is_some_and(|own| answered.remove(&own));
        if !answered.is_empty() {
            self.answered = (round.steady, answered);
        }
        let is_cut_off = self.reach.is_cut_off(round.heard, round.steady);
        is_news |= is_cut_off || self.is_cut_off;
        self.is_cut_off = is_cut_off;
        is_news.then(|| self.table(&estate, round.wall))
    }

    /// Begins to tell what it sees although it is cut off: the planted fault.
    pub fn tell_all(&mut self) {
        self.reach = Reach::default();
    }

    fn seen(&self, estate: &Estate) -> (Bitmap, Bitmap) {
        let count = estate.subject_count();
        let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
        for (at, endpoint) in estate.endpoint_refs().enumerate() {
            let seen = self.streaks.get(&estate.endpoint(endpoint).address).and_then(Streak::healthy);
            known.set(at, seen.is_some());
            healthy.set(at, seen == Some(true));
        }
        (known, healthy)
    }

    fn table(&mut self, estate: &Estate, now: Timestamp) -> Table {
        self.made_at = self.made_at.max(now);
        let (known, healthy) = self.seen(estate);
        let known = if self.is_cut_off { self.reach.known(&known) } else { known };
        let (checker, zone) = (self.node.clone(), self.zone.clone());
        Table { checker, zone, estate: estate.digest, made_at: self.made_at, known, healthy }
    }
}
