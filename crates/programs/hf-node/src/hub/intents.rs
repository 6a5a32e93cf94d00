//! Which intent is in force: the newest revision, of one estate, that could be read.
//!
//! Not here: where intents come from (`task`, `gate`), what is decided with them (`hf-decide`).

use std::sync::Arc;

use hf_config::estate::Estate;
use hf_config::node::Role;
use hf_control::Intent;
use hf_feed::{Peer, RefusedIntent};
use hf_health::Verdicts;
use hf_model::{EstateId, Revision, Timestamp};

use super::break_glass::tell_fate;
use super::{FOREIGN_BEATS, Hub, InForce, NEW_BEATS};

/// What to do with an intent that came.
#[derive(Clone, Debug)]
pub enum Judged {
    /// Nothing: it is no news.
    Known,
    /// Take it with this estate: its text is the one in force, with what sources told since.
    SameEstate(Arc<Estate>),
    /// Read its estate first.
    Read,
    /// Refuse it: it is of another estate.
    Foreign,
}

/// An intent of another estate than that in force.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) estate: EstateId,
    /// This node's age when it was last heard.
    pub(super) heard: Timestamp,
    pub(super) refused: RefusedIntent,
}

impl Hub {
    pub(super) fn is_foreign(&self, intent: &Intent) -> bool {
        let (ours, is_new) =
            (self.estate_id(), self.began_empty && self.age < Timestamp(0).plus(self.beat * NEW_BEATS));
        let may_differ = ours == EstateId::NONE || is_new || self.adopted == Some(intent.estate_id);
        !may_differ && intent.estate_id != ours
    }

    /// This node's own ledger was told to go on with this estate, whatever it held before: so does the node.
    pub fn adopted(&mut self, estate: EstateId) {
        self.adopted = Some(estate);
        if self.foreign.as_ref().is_some_and(|foreign| foreign.estate == estate) {
            self.foreign = None;
        }
    }

    /// Another node has an intent of this revision.
    pub fn heard(&mut self, from: &Peer, revision: Revision, now: Timestamp) {
        if from.roles.contains(&Role::Control) {
            self.contact = Some(now);
        }
        if revision >= self.revision() {
            self.from_disk_only = false;
        }
    }

    /// Whether an intent is news, and what is to be done before [`Hub::take`].
    pub fn judge(&self, intent: &Intent) -> Judged {
        // A ledger without entries says nothing yet, of whatever estate.
        if intent.revision > Revision(0) && self.is_foreign(intent) {
            return Judged::Foreign;
        }
        if intent.revision <= self.revision()
            || self.refused.as_ref().is_some_and(|refused| refused.revision == intent.revision)
        {
            return Judged::Known;
        }
        match &self.in_force {
            Some(in_force) if in_force.intent.estate == intent.estate => {
                let estate = &in_force.estate;
                if in_force.intent.sets == intent.sets {
                    return Judged::SameEstate(estate.clone());
                }
                Judged::SameEstate(Arc::new(estate.with_sets(intent.estate.digest(), &intent.sets)))
            }
            _ => Judged::Read,
        }
    }

    /// The node's own ledger is there and has this revision.
    pub fn own_ledger_at(&mut self, revision: Revision, now: Timestamp) {
        self.contact = Some(now);
        self.from_disk_only &= revision < self.revision();
    }

    /// The node's own ledger has this intent.
    pub fn own_ledger(&mut self, intent: Arc<Intent>) {
        if let Some(in_force) = &mut self.in_force
            && in_force.intent == intent
        {
            in_force.intent = intent.clone(); // from here on one look tells that they are equal
        }
        if self.rival.as_ref().is_some_and(|rival| !is_beyond(rival, &intent)) {
            self.rival = None;
        }
        self.ledger = Some(intent);
    }

    /// Another node holds this intent.
    pub fn held_elsewhere(&mut self, intent: &Arc<Intent>) {
        let Some(ledger) = &self.ledger else { return };
        let is_newer = self.rival.as_ref().is_none_or(|rival| rival.revision < intent.revision);
        if is_newer && is_beyond(intent, ledger) {
            self.rival = Some(intent.clone());
        }
    }

    /// The newest intent that is known and that this node's ledger does not have: newer, or of its revision with another content.
    ///
    /// Our own entries never count: the ledger has them before anybody hears of them.
    pub fn beyond_ledger(&self) -> Option<Arc<Intent>> {
        let ledger = self.ledger.as_ref()?;
        let in_force = self.in_force.as_ref().map(|in_force| &in_force.intent);
        let known = in_force.into_iter().chain(&self.rival).filter(|known| is_beyond(known, ledger));
        known.max_by_key(|known| known.revision).cloned()
    }

    /// Puts an intent in force, or refuses it when its estate could not be read.
    pub fn take(&mut self, intent: Arc<Intent>, read: Result<Arc<Estate>, String>) {
        if self.is_foreign(&intent) {
            return self.refuse_foreign(&intent);
        }
        if intent.revision <= self.revision() {
            return;
        }
        let is_empty = intent.estate == hf_config::estate::EstateBundle::default();
        let estate = match read {
            // Before the first `apply` there is nothing to obey, and nothing to refuse either.
            _ if is_empty && self.in_force.is_none() => return,
            _ if is_empty => {
                return self.refuse(intent.revision, "it has no estate, and one is in force".to_owned());
            }
            Ok(estate) => estate,
            Err(problem) => return self.refuse(intent.revision, problem),
        };
        if let Some(old) = &self.in_force
            && old.estate.digest != estate.digest
        {
            self.verdicts = self.verdicts.carried_over(&old.estate, &estate);
            let is_same_text = old.intent.estate == intent.estate;
            self.keep_tables(&old.estate.clone(), &estate, is_same_text);
        } else if self.in_force.is_none() {
            self.verdicts = Verdicts::unknown(estate.subject_count());
        }
        let (revision, before) = (intent.revision, self.estate_id());
        if before != EstateId::NONE && before != intent.estate_id {
            tracing::warn!(%revision, %before, after = %intent.estate_id, "this node goes over to another estate");
        }
        if before != intent.estate_id {
            // An act is for one estate.
            self.book.keep_estate(intent.estate_id);
            self.unsigned.retain(|shift| shift.estate == intent.estate_id);
        }
        if let Some(old) = &self.in_force {
            let is_control = self.me.roles.contains(&Role::Control);
            let new = intent.break_glass.iter().filter(|now| !old.intent.break_glass.contains(now));
            new.for_each(|recorded| tell_fate(recorded, is_control));
        }
        tracing::info!(%revision, estate = %estate.digest.short(), shifts = intent.shifts.len(), "intent in force");
        self.refused = None;
        self.in_force = Some(InForce { intent, estate });
    }

    /// Refuses an intent of another estate, and tells it until it has not been heard for a while.
    pub fn refuse_foreign(&mut self, intent: &Intent) {
        let (ours, revision, heard) = (self.estate_id(), intent.revision, self.age);
        let problem = format!(
            "it is of estate {}, this node obeys {ours}: two ledgers grew apart, or nodes of two estates are peers; to obey the \
             other estate, stop this node, move its `snapshots` folder away and start it again",
            intent.estate_id
        );
        let estate = intent.estate_id;
        if self.foreign.as_ref().is_none_or(|known| known.estate != estate) {
            tracing::error!(%revision, in_force = %self.revision(), %problem, "an intent of another estate is refused");
        }
        self.foreign = Some(Foreign { estate, heard, refused: RefusedIntent { revision, problem } });
    }

    /// The intent that is refused, for the report: another estate's first, it is the graver mistake.
    pub(super) fn refused(&self) -> Option<&RefusedIntent> {
        let is_heard = |foreign: &&Foreign| self.age.since(foreign.heard) <= self.beat * FOREIGN_BEATS;
        self.foreign.as_ref().filter(is_heard).map(|foreign| &foreign.refused).or(self.refused.as_ref())
    }

    pub(super) fn refuse(&mut self, revision: Revision, problem: String) {
        let in_force = self.revision();
        tracing::warn!(%revision, %in_force, %problem, "a newer intent is refused; the old one stays in force");
        self.refused = Some(RefusedIntent { revision, problem });
    }
}

/// Whether `known` is not what a ledger at `ledger` has said.
pub(crate) fn is_beyond(known: &Arc<Intent>, ledger: &Arc<Intent>) -> bool {
    known.revision > ledger.revision || known.revision == ledger.revision && known != ledger
}
