//! The rules: one entry in, the next state, outcome and events out.
//!
//! 1. Every entry advances the revision and the newest stamp, refused and repeated ones too.
//! 2. A request id that is remembered has its first outcome again, and no effect; with another command it is refused.
//! 3. A rule looks at everything before it changes anything: what is refused has changed nothing.
//!
//! 4. The first entry also gives the estate its id and the built-in cluster (`birth`).
//!
//! One file for each family of commands: `estate` (with `declared`), `shift`, `pin`, `deployment`, `controls`, `board` (with `board_asked`), `practice`, `autoshift`, `glass`,
//! `updates`, `zone_keys`, `sources`, `expire`. What they share: `floor`, `asked`, `refs`, `words`.

use hf_model::{Digest, RequestId, Revision};

pub use estate::read_estate;

use crate::board::ObjectId;
use crate::command::{Command, Entry, Event, Outcome, Refusal};
use crate::intent::Shift;
use crate::state::{Answered, State};

mod asked;
mod autoshift;
mod birth;
mod board;
mod board_asked;
mod controls;
mod declared;
mod deployment;
mod estate;
mod expire;
mod floor;
mod glass;
mod pin;
mod practice;
mod refs;
mod shift;
mod sources;
mod updates;
mod words;
mod zone_keys;

/// What a command did.
struct Effect {
    /// The entry that brought about what was asked for; an older one if it was so already.
    revision: Revision,
    shift: Option<Shift>,
    /// What was made.
    object: Option<ObjectId>,
    events: Vec<Event>,
}

impl State {
    /// Applies the entry at position `index`, which is one more than [`State::revision`].
    ///
    /// # Panics
    ///
    /// When `index` is another one: a ledger that skips or repeats an entry would let the replicas drift apart in silence.
    pub fn apply(&mut self, index: Revision, entry: &Entry) -> (Outcome, Vec<Event>) {
        assert!(
            self.revision.0.checked_add(1) == Some(index.0),
            "the ledger gave entry {index} to a state at revision {}",
            self.revision
        );
        self.revision = index;
        self.stamp = self.stamp.max(entry.stamp);
        self.be_born(entry);
        let command = entry.command.digest();
        if let Some(outcome) = self.outcome_of(&entry.request, command) {
            return (outcome, Vec::new());
        }
        let (outcome, events) = match self.obey(entry) {
            Ok(effect) => {
                let Effect { revision, shift, object, events } = effect;
                (Outcome::Done { revision, shift, object }, events)
            }
            Err(refusal) => (Outcome::Refused(refusal), Vec::new()),
        };
        self.remember(entry, command, &outcome);
        (outcome, events)
    }

    /// What became of a request whose command has this digest, if the request is known: its outcome, or that its id was reused for
    /// another command.
    pub fn outcome_of(&self, request: &RequestId, command: Digest) -> Option<Outcome> {
        let first = self.requests.get(request)?;
        let is_same = first.command.is_none_or(|known| known == command);
        let reused = || Outcome::Refused(Refusal::RequestReused { request: request.clone() });
        Some(if is_same { first.outcome.clone() } else { reused() })
    }

    fn obey(&mut self, entry: &Entry) -> Result<Effect, Refusal> {
        let by = &entry.by;
        match &entry.command {
            Command::ApplyEstate { bundle, if_match } => self.apply_estate(bundle, *if_match, by),
            Command::StartShift { zone, scope, length, reason, floor_overrides } => {
                self.start_shift(&asked::Act { zone, scope, length: *length, reason, by, floor_overrides })
            }
            Command::UpdateShift { id, length, reason, if_match } => {
                self.update_shift(id, *length, reason.as_deref(), *if_match)
            }
            Command::CancelShift { id, if_match } => self.cancel_shift(id, *if_match),
            Command::Pin { zone, scope, to, length, reason, floor_overrides } => {
                self.pin(*to, &asked::Act { zone, scope, length: *length, reason, by, floor_overrides })
            }
            Command::Unpin { zone, scope } => self.unpin(zone, scope),
            Command::StartDeployment { zone, scope, length, reason, zone_overrides } => self
                .start_deployment(&deployment::Mark {
                    zone,
                    scope,
                    length: *length,
                    reason,
                    zone_overrides,
                    by,
                }),
            Command::EndDeployment { zone, scope } => self.end_deployment(zone, scope),
            Command::Expire => Ok(self.expire()),
            Command::SetControls { sets, rule_overrides, floor_overrides, reason } => {
                self.set_controls(&controls::Batch { sets, rule_overrides, floor_overrides, reason, by })
            }
            Command::Board(command) => self.change_board(command, by),
            Command::PutPractice { resource, config, expect } => self.put_practice(resource, config, *expect),
            Command::DeletePractice { resource } => self.delete_practice(resource),
            Command::SetAutoshift { resource, to } => self.set_autoshift(resource, *to),
            Command::SetObserver { to } => Ok(self.set_observer(*to)),
            Command::StartPractice { resource, zone, reason } => {
                self.start_practice(resource, zone, reason, by)
            }
            Command::EndPractice { id, outcome, seen, why } => self.end_practice(id, *outcome, seen, why),
            Command::RecordPractice { id, seen } => self.record_practice(id, seen),
            Command::RecordPracticeRefusal { resource, zone, why } => {
                self.record_practice_refusal(resource, zone, why, by)
            }
            Command::StartAutoshift { resource, zone, length, reason } => {
                self.start_autoshift(&autoshift::Begin { resource, zone, length: *length, reason, by })
            }
            Command::RenewAutoshift { id, length, reason } => self.renew_autoshift(id, *length, reason),
            Command::EndAutoshift { id, reason } => self.end_autoshift(id, reason),
            Command::RecordBreakGlass { act } => self.record_break_glass(act),
            Command::UpdateHostedZone(update) => self.update_hosted_zone(update),
            Command::ZoneKey(command) => self.change_zone_keys(command),
            Command::SetEndpoints { sets } => self.set_endpoints(sets),
        }
    }

    /// Remembers an outcome and forgets the oldest beyond the bound.
    fn remember(&mut self, entry: &Entry, command: Digest, outcome: &Outcome) {
        let answered = Answered { revision: self.revision, command: Some(command), outcome: outcome.clone() };
        self.requests.insert(entry.request.clone(), answered);
        while self.requests.len() > State::REQUESTS_KEPT {
            let oldest = self.requests.iter().min_by_key(|(_, kept)| kept.revision);
            let Some((oldest, _)) = oldest.map(|(request, kept)| (request.clone(), kept)) else { return };
            self.requests.remove(&oldest);
        }
    }

    /// This entry did it.
    fn done(&self, shift: Option<Shift>, events: Vec<Event>) -> Effect {
        Effect { revision: self.revision, shift, object: None, events }
    }
}

#[cfg(test)]
mod tests;
