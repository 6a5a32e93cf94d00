//! One zone of one closing source: its stores, what they said, and what was done about it.
//!
//! Not here: when is looked (`closing`), the decision (`hf-closing`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hf_closing::{Asked, Finding, Inputs, LENGTH, Look, Memory, Seen, Word, count, decide};
use hf_config::estate::{ClosingResource, ClosingSource, ClosingZone, Estate, StorePlace};
use hf_control::{Command, Outcome, Scope, Shift, ShiftState};
use hf_ledger::JournalLine;
use hf_model::{Operator, RequestId, Revision, ShiftId, SourceName, Timestamp, ZoneId};
use hf_stores::Store;
use tokio::time::Instant;
use tracing::{info, warn};

use super::UNDECIDED_TOLD;
use crate::api::{Context, who_asked};
use crate::control::Control;
use crate::lines::{DecisionLine, VERSION, encode};

/// A refusal is asked for again on the same state after so long: what it says may hang on the time.
const REHEARSED_AGAIN: Duration = Duration::from_mins(1);

/// How often the journal is asked who canceled a shift: its lines come a little later than the entries. Then it was people.
const LOOK_UPS: u8 = 5;

/// What is watched; another estate may say it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) source: SourceName,
    pub(crate) zone: ZoneId,
    pub(crate) scope: Scope,
    pub(crate) quorum: u8,
    pub(crate) inverted: bool,
    pub(crate) every: Duration,
    pub(crate) within: Duration,
    pub(crate) places: Vec<StorePlace>,
}

impl Watched {
    pub(crate) fn of(estate: &Estate, source: &ClosingSource, zone: &ClosingZone) -> Watched {
        Watched {
            source: source.name.clone(),
            zone: estate.zone(zone.zone).id.clone(),
            scope: match source.resource {
                ClosingResource::Everything => Scope::Everything,
                ClosingResource::Pool(pool) => Scope::Pool(estate.pool(pool).name.clone()),
            },
            quorum: source.quorum,
            inverted: source.inverted,
            every: source.every,
            within: source.within,
            places: zone.stores.clone(),
        }
    }
}

/// How it stands, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// None before the first look.
    pub(crate) finding: Option<Finding>,
    /// Since when it is of this kind.
    pub(crate) since: Option<Timestamp>,
    pub(crate) looked_at: Option<Timestamp>,
    pub(crate) word: Option<Word>,
    pub(crate) refused: Option<String>,
    /// In the order of the places.
    pub(crate) seen: Vec<Seen>,
}

/// A refusal that was told.
#[derive(Clone, Debug)]
struct Refused {
    words: String,
    /// The state on which it was found.
    at: Revision,
    when: Timestamp,
}

/// Who canceled a shift.
#[derive(Clone, Debug)]
struct LookedUp {
    id: ShiftId,
    /// Whether it was the source; none where the journal does not say.
    is_own: Option<bool>,
    tries: u8,
}

/// One zone of one source.
pub(crate) struct Target {
    pub(crate) watched: Watched,
    pub(crate) made: u64,
    pub(crate) stores: Vec<Arc<Store>>,
    pub(crate) next_at: Instant,
    pub(crate) is_under_way: bool,
    pub(crate) line: Line,
    by: Operator,
    memory: Memory,
    /// The shift that this source ended itself, the newest.
    own_cancel: Option<ShiftId>,
    /// The newest canceled shift of which it was looked up who canceled it.
    looked_up: Option<LookedUp>,
    refused: Option<Refused>,
    /// What has no answer; it may be in the ledger.
    unanswered: Option<(RequestId, Command)>,
    undecided_told: Option<Timestamp>,
    /// The kind of finding that the journal was told last.
    told_finding: Option<&'static str>,
    /// The word of which the journal was told.
    told: Option<&'static str>,
}

impl Target {
    pub(crate) fn new(watched: Watched, made: u64, stores: Vec<Arc<Store>>) -> Target {
        Target {
            by: hf_closing::operator(&watched.source),
            watched,
            made,
            stores,
            next_at: Instant::now(),
            is_under_way: false,
            line: Line::default(),
            memory: Memory::default(),
            own_cancel: None,
            looked_up: None,
            refused: None,
            unanswered: None,
            undecided_told: None,
            told_finding: None,
            told: None,
        }
    }

    /// Takes what the stores said, and does what follows.
    pub(crate) async fn judge(&mut self, context: &Context, control: &Control, looks: Vec<hf_stores::Look>) {
        let seen = self.seen(looks);
        let Watched { quorum, inverted, .. } = self.watched;
        let finding = count(&seen, Asked { quorum: usize::from(quorum), inverted });
        let (now, time) = (context.clock.now(), control.time());
        self.tell_stores(&seen);
        let view = control.view();
        self.look_up(context, &view.shifts).await;
        let (own_cancel, looked_up) = (&self.own_cancel, &self.looked_up);
        let is_own_cancel = |id: &ShiftId| {
            let is_told = |known: &LookedUp| known.id == *id && known.is_own == Some(true);
            own_cancel.as_ref() == Some(id) || looked_up.as_ref().is_some_and(is_told)
        };
        let word = decide(
            &mut self.memory,
            &Inputs {
                finding: &finding,
                zone: &self.watched.zone,
                scope: &self.watched.scope,
                by: &self.by,
                shifts: &view.shifts,
                is_own_cancel: &is_own_cancel,
                now: time,
            },
        );
        let before = self.line.finding.replace(finding.clone());
        let is_new = before.as_ref().map(Finding::as_str) != Some(finding.as_str());
        if is_new {
            self.line.since = Some(now);
        }
        (self.line.seen, self.line.looked_at) = (seen, Some(now));
        self.line.word = Some(word.clone());
        self.tell_finding(context, &finding, now).await;
        self.tell_word(context, &word, &finding, now).await;
        self.act(control, &word, &finding, time).await;
    }

    fn seen(&self, looks: Vec<hf_stores::Look>) -> Vec<Seen> {
        let look = |look| match look {
            hf_stores::Look::There { what } => Look::There { what },
            hf_stores::Look::Absent => Look::Absent,
            hf_stores::Look::Silent { why } => Look::Silent { why },
        };
        let places = self.watched.places.iter().zip(looks);
        places.map(|(place, found)| Seen { store: place.to_string(), look: look(found) }).collect()
    }

    /// Who canceled the newest shift of the source, once: the source did, or people.
    async fn look_up(&mut self, context: &Context, shifts: &[Shift]) {
        let is_own = |shift: &&Shift| {
            shift.by == self.by && shift.zone == self.watched.zone && shift.scope == self.watched.scope
        };
        let Some(newest) = shifts.iter().rfind(is_own) else { return };
        if self.own_cancel.as_ref() == Some(&newest.id) || !matches!(newest.state, ShiftState::Canceled(_)) {
            return;
        }
        let before = self.looked_up.take().filter(|known| known.id == newest.id);
        let tries = before.as_ref().map_or(0, |known| known.tries);
        if before.as_ref().is_some_and(|known| known.is_own.is_some()) || tries >= LOOK_UPS {
            self.looked_up = before;
            return;
        }
        let found = who_asked(&*context.journal, BTreeSet::from([newest.revision])).await.unwrap_or_default();
        let is_own = found.get(&newest.revision).map(|by| *by == self.by);
        self.looked_up = Some(LookedUp { id: newest.id.clone(), is_own, tries: tries + 1 });
    }

    async fn act(&mut self, control: &Control, word: &Word, finding: &Finding, now: Timestamp) {
        let zone = self.watched.zone.clone();
        let command = match word {
            Word::Start => Command::StartShift {
                zone,
                scope: self.watched.scope.clone(),
                length: LENGTH,
                reason: short(finding.why()),
                floor_overrides: Vec::new(),
            },
            Word::Renew { id, reason } => Command::UpdateShift {
                id: id.clone(),
                length: Some(LENGTH),
                reason: Some(reason.clone()),
                if_match: None,
            },
            Word::End { id } => Command::CancelShift { id: id.clone(), if_match: None },
            // What was refused is so still when the quorum is back.
            Word::Wait => {
                self.unanswered = None;
                return;
            }
            _ => {
                (self.refused, self.unanswered, self.line.refused) = (None, None, None);
                return;
            }
        };
        if !self.may_ask(control, &command, now).await {
            return;
        }
        let before = self.unanswered.take().filter(|(_, before)| is_same_act(before, &command));
        let is_new = before.is_none();
        let (request, command) = before.unwrap_or_else(|| (new_request(), command));
        let (what, source) = (command.to_string(), &self.watched.source);
        match control.submit(self.by.clone(), request.clone(), command.clone()).await {
            Ok(Outcome::Done { .. }) => {
                (self.refused, self.line.refused) = (None, None);
                if let Word::End { id } = word {
                    self.own_cancel = Some(id.clone());
                }
                info!(%source, zone = %self.watched.zone, why = finding.why(), "{what}");
            }
            Ok(Outcome::Refused(refusal)) => {
                let words = refusal.to_string();
                warn!(%source, zone = %self.watched.zone, why = finding.why(), %refusal, "the ledger refused: {what}");
                self.line.refused = Some(words.clone());
                self.refused = Some(Refused { words, at: control.view().revision, when: now });
            }
            Err(error) => {
                if is_new {
                    warn!(%source, zone = %self.watched.zone, %error, "the ledger does not answer, tried again at each look: {what}");
                }
                self.unanswered = Some((request, command));
            }
        }
    }

    /// Whether the ledger would say something else than it said last.
    async fn may_ask(&mut self, control: &Control, command: &Command, now: Timestamp) -> bool {
        let Some(refused) = &mut self.refused else { return true };
        let revision = control.view().revision;
        if revision == refused.at && now.since(refused.when) < REHEARSED_AGAIN {
            return false; // the same state says the same
        }
        match control.rehearse(self.by.clone(), command.clone()).await {
            Ok(Outcome::Refused(refusal)) if refusal.to_string() == refused.words => {
                (refused.at, refused.when) = (revision, now);
                false
            }
            Ok(_) => true,
            Err(_) => false, // told when it is asked for
        }
    }

    /// Says in the log which stores fell silent and which are back.
    fn tell_stores(&self, seen: &[Seen]) {
        let source = &self.watched.source;
        for (at, now) in seen.iter().enumerate() {
            let was_silent =
                self.line.seen.get(at).is_some_and(|seen| matches!(seen.look, Look::Silent { .. }));
            match &now.look {
                Look::Silent { why } if !was_silent => {
                    warn!(%source, zone = %self.watched.zone, store = now.store, "a store of a closing source is silent: {why}");
                }
                Look::There { .. } | Look::Absent if was_silent => {
                    info!(%source, zone = %self.watched.zone, store = now.store, "a store of a closing source answers again");
                }
                _ => {}
            }
        }
    }

    /// Says what kind of finding it is now, unless that is what was said last: a store that comes and goes says nothing new.
    async fn tell_finding(&mut self, context: &Context, finding: &Finding, now: Timestamp) {
        if self.told_finding == Some(finding.as_str()) {
            return;
        }
        let Watched { source, zone, .. } = &self.watched;
        let text = match (self.told_finding, finding) {
            // So it is mostly.
            (None, Finding::Open { .. }) => {
                self.told_finding = Some(finding.as_str());
                return;
            }
            (_, Finding::Undecided { .. }) => {
                if self.undecided_told.is_some_and(|told| now.since(told) < UNDECIDED_TOLD) {
                    return;
                }
                self.undecided_told = Some(now);
                format!("closing source {source}: no quorum on {zone}, what is in force stays")
            }
            (_, Finding::Closed { .. }) => format!("closing source {source}: {zone} is closed"),
            (_, Finding::Open { .. }) => format!("closing source {source}: {zone} is open"),
        };
        self.told_finding = Some(finding.as_str());
        let is_warning = matches!(finding, Finding::Undecided { .. });
        journal(context, &text, finding.why(), is_warning).await;
    }

    /// What people would not expect after the finding: that a closed zone is not left, or that a shift is given up.
    async fn tell_word(&mut self, context: &Context, word: &Word, finding: &Finding, now: Timestamp) {
        if self.told == Some(word.as_str()) {
            return;
        }
        // A store that comes and goes does not end what was told: a quorum does.
        if matches!(word, Word::Outranked { .. } | Word::LeaveToExpire { .. }) {
            self.told = Some(word.as_str());
            let Watched { source, zone, .. } = &self.watched;
            info!(%source, %zone, at_ms = now.0, "{word}");
            journal(context, &format!("closing source {source}, {zone}: {word}"), finding.why(), true).await;
        } else if !matches!(finding, Finding::Undecided { .. }) {
            self.told = None;
        }
    }
}

async fn journal(context: &Context, text: &str, why: &str, is_warning: bool) {
    let line = DecisionLine {
        version: VERSION,
        at_ms: context.clock.now().0,
        by: context.node.to_string(),
        revision: context.intent().revision.0,
        text: text.to_owned(),
        why: why.to_owned(),
        suppressed: false,
        act: false,
        warning: is_warning,
        notice: None,
    };
    let line = JournalLine { revision: None, bytes: encode(&line) };
    if let Err(error) = context.journal.append(vec![line]).await {
        warn!(%error, text, "a line about a closing source is missing in the journal");
    }
}

/// Whether both ask for the same, whatever their reasons.
fn is_same_act(one: &Command, other: &Command) -> bool {
    match (one, other) {
        (Command::StartShift { zone: one, .. }, Command::StartShift { zone: other, .. }) => one == other,
        (Command::UpdateShift { id: one, .. }, Command::UpdateShift { id: other, .. })
        | (Command::CancelShift { id: one, .. }, Command::CancelShift { id: other, .. }) => one == other,
        _ => false,
    }
}

/// The ledger takes 500 characters of a reason.
fn short(why: &str) -> String {
    why.chars().take(400).collect()
}

fn new_request() -> RequestId {
    let number = u128::from_le_bytes(hf_clock::random_bytes());
    RequestId::new(&format!("closing-{number:032x}")).expect("letters, a hyphen and digits")
}
