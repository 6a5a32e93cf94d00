//! How a checker finds out that it is cut off itself: all that it probes outside its zone fails at once, and nobody outside is heard.
//!
//! 1. It is in doubt from the moment at which the last endpoint outside its zone has failed, if endpoints in two other zones or more answered within
//!    [`AT_ONCE`] before. With one other zone nobody could tell that zone's loss from its own.
//! 2. A word from a node of another zone that came after that moment ends the doubt: the network is there, and what is down is down. So does one
//!    endpoint outside that answers.
//! 3. While it is in doubt, what does not answer is not known, rather than down; or rather than well, under an inverted check.
//! 4. When nothing answers inside its zone either, or when it never heard a node of another zone, doubt lasts [`PATIENCE`]: a real outage of everything must
//!    be told by somebody, and takes no zone out rather than another. While its own zone answers and it has lost the others it stays in doubt.
//!
//! What an endpoint of zone status says is known in any case: closed is an answer as open is, and silence is no result there.
//!
//! Endpoints under an inverted check are left out: theirs are good results where nothing answers. So are those under a pushed one: whoever pushes may reach
//! what this checker does not.
//!
//! Not here: who hears whom (`hf-node`), what others make of its table (`quorum`).

use std::time::Duration;

use hf_config::estate::{CheckIx, CheckKind, Estate, ZoneIx};
use hf_model::{Timestamp, ZoneId};

use crate::subject::shows_reach;
use crate::table::Bitmap;

/// Losses this near to one another may have one cause: two intervals of slow checks.
pub const AT_ONCE: Duration = Duration::from_secs(20);
/// How long a checker holds back what may be a real outage of everything: longer than most faults of one machine's network card.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What one checker still reaches.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    own: Option<ZoneIx>,
    /// The zone of each endpoint whose results show what is reached, in the order of `Estate::endpoint_refs`.
    zones: Vec<Option<ZoneIx>>,
    /// By subject, whether its last result was good.
    answers: Bitmap,
    /// Subjects of inverted checks: their good results are those where nothing answers.
    inverted: Bitmap,
    /// Subjects whose bad results are answers as their good ones are.
    answering: Bitmap,
    outside: usize,
    inside: usize,
    /// By zone, when one of its endpoints answered last.
    answered: Vec<Option<Timestamp>>,
    lost_at: Option<Timestamp>,
}

impl Reach {
    /// For a new estate; `healthy` are those that are known to answer.
    pub fn new(estate: &Estate, own: &ZoneId, healthy: &Bitmap, now: Timestamp) -> Reach {
        let zones: Vec<Option<ZoneIx>> = estate
            .endpoint_refs()
            .map(|at| shows_reach(estate, at.pool).then(|| estate.endpoint(at).zone))
            .collect();
        let answered = zones.iter().flatten().map(|zone| zone.at() + 1).max().unwrap_or(0);
        let mut reach = Reach {
            own: estate.zone_named(own),
            zones,
            answers: Bitmap::new(estate.subject_count()),
            inverted: inverted(estate),
            answering: answering(estate),
            answered: vec![None; answered],
            ..Reach::default()
        };
        for subject in (0..estate.subject_count()).filter(|subject| healthy.get(*subject)) {
            reach.record(subject, true, now);
        }
        reach
    }

    /// One result.
    pub fn record(&mut self, subject: usize, is_good: bool, now: Timestamp) {
        let did = self.answers.get(subject);
        self.answers.set(subject, is_good);
        // A check that stands by itself is in no zone.
        let Some(zone) = self.zones.get(subject).copied().flatten() else { return };
        if is_good {
            self.answered[zone.at()] = Some(now);
        }
        let count = if Some(zone) == self.own { &mut self.inside } else { &mut self.outside };
        match (did, is_good) {
            (false, true) => *count += 1,
            (true, false) => *count -= 1,
            _ => {}
        }
        if self.outside > 0 {
            self.lost_at = None;
        } else if did && !is_good && Some(zone) != self.own {
            let recent = |at: &Option<Timestamp>| at.is_some_and(|at| now.since(at) <= AT_ONCE);
            let lost = self
                .answered
                .iter()
                .enumerate()
                .filter(|(zone, at)| self.own.is_none_or(|own| own.at() != *zone) && recent(at));
            self.lost_at = (lost.count() >= 2).then_some(now);
        }
    }

    /// Whether it may be cut off, when a node of another zone was last heard at `heard`.
    pub fn is_cut_off(&self, heard: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(lost_at) = self.lost_at else { return false };
        let is_patient = now.since(lost_at) < PATIENCE;
        match heard {
            Some(heard) if heard > lost_at => false,
            Some(_) => self.inside > 0 || is_patient,
            None => is_patient,
        }
    }

    /// What is known of its subjects while it may be cut off: those that answer. An inverted check finds all well where nothing does.
    pub fn known(&self, known: &Bitmap) -> Bitmap {
        known.and(&self.answers.xor(&self.inverted).or(&self.answering))
    }
}

fn inverted(estate: &Estate) -> Bitmap {
    let mut inverted = Bitmap::new(estate.subject_count());
    let is_inverted =
        |check: CheckIx| estate.health_checks.get(check.at()).is_some_and(|check| check.inverted);
    for (at, endpoint) in estate.endpoint_refs().enumerate() {
        inverted.set(at, estate.pool(endpoint.pool).health_check.is_some_and(is_inverted));
    }
    for check in estate.check_indexes() {
        inverted.set(estate.check_subject(check), is_inverted(check));
    }
    inverted
}

fn answering(estate: &Estate) -> Bitmap {
    let mut answering = Bitmap::new(estate.subject_count());
    for check in estate.check_indexes() {
        let is_told = matches!(estate.health_check(check).kind, CheckKind::ZoneStatus(_));
        answering.set(estate.check_subject(check), is_told);
    }
    answering
}

#[cfg(test)]
mod tests;
