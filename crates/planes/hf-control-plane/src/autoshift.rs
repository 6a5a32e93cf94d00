//! Autoshifts: looks at the evidence on every beat, and has the ledger do what `hf-autoshift` says.
//!
//! 1. Every node with the control role looks, so that its counts are warm; one acts ([`teller`](crate::teller)). The ledger refuses a second.
//! 2. It looks only while it knows what it looks at: its ledger is read and not behind, and its snapshot has the estate in force. After a
//!    time without looks it counts anew.
//! 3. What the ledger refuses is tried again after [`AGAIN`], each time twice as long, up to [`AGAIN_MAX`]: refusals are entries too.
//! 4. What it does not answer is tried again after [`UNANSWERED`], the very same under the same request id: who leads an etcd may die with
//!    the zone, and the entry may be in all the same.
//! 5. Neither outlives its word: where something else is to be done, or about another zone or shift, it is tried at once.
//! 6. Advice is one line in the journal for each time that a zone is accused, and a metric.
//!
//! Not here: the decision (`hf-autoshift`), its rules (`hf-control`), evidence (`hf-gray`, `hf-health`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hf_api::serve::stopped;
use hf_autoshift::{Gray, GrayFinding, Inputs, LENGTH, Observers, Seen, Watch, Word};
use hf_config::node::Role;
use hf_control::{Autoshift, Command, Outcome, Resource, Shift, ShiftKind};
use hf_gray::{Finding, Judged};
use hf_ledger::{JournalLine, LedgerError};
use hf_model::{Operator, PoolName, RequestId, ShiftId, Timestamp, ZoneId};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::api::Context;
use crate::control::Control;
use crate::lines::{DecisionLine, VERSION, encode};
use crate::teller::is_teller;
use crate::traffic::is_stale;

/// Until what the ledger refused is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// The longest of these waits.
const AGAIN_MAX: Duration = Duration::from_mins(10);

/// Until what the ledger did not answer is tried again: another leader is found within seconds. No entry was written that we know of.
const UNANSWERED: Duration = Duration::from_secs(1);

/// What the newest look came to, for the API and metrics.
#[derive(Debug, Default)]
pub(crate) struct Autoshifts(Mutex<Told>);

#[derive(Clone, Debug, Default)]
struct Told {
    seen: Arc<Vec<Seen>>,
    acts_here: bool,
    counts: BTreeMap<(String, &'static str), u64>,
}

impl Autoshifts {
    /// One for each resource that is watched; empty where nobody looks.
    pub(crate) fn seen(&self) -> Arc<Vec<Seen>> {
        self.with(|told| told.seen.clone())
    }

    /// Whether this node is the one that acts.
    pub(crate) fn acts_here(&self) -> bool {
        self.with(|told| told.acts_here)
    }

    /// How often something was done here, by resource and what.
    pub(crate) fn counts(&self) -> BTreeMap<(String, &'static str), u64> {
        self.with(|told| told.counts.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Told) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Looks and acts until a stop is announced.
pub(crate) async fn run(context: &Context, told: &Autoshifts, mut shutdown: watch::Receiver<bool>) {
    let Some(control) = context.control.clone() else { return stopped(&mut shutdown).await };
    let mut looker =
        Looker { context, told, watch: Watch::default(), later: Later::default(), advised: BTreeSet::new() };
    loop {
        looker.turn(&control).await;
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            () = tokio::time::sleep(context.beat) => {}
        }
    }
}

struct Looker<'a> {
    context: &'a Context,
    told: &'a Autoshifts,
    watch: Watch,
    later: Later,
    /// What was advised, for as long as it is.
    advised: BTreeSet<(Resource, ZoneId)>,
}

/// What was asked for and not done, and when it is tried again. No more of them than resources are watched.
#[derive(Debug, Default)]
struct Later(BTreeMap<Resource, Waiting>);

#[derive(Debug)]
struct Waiting {
    act: Act,
    until: Timestamp,
    /// The newest wait after a refusal; none before the first.
    refused_for: Option<Duration>,
    /// What has no answer; it may be in the ledger.
    unanswered: Option<(RequestId, Command)>,
}

/// What is to be done, without the evidence, whose words change from look to look.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Act {
    kind: &'static str,
    zone: ZoneId,
    /// The shift to renew or to end.
    id: Option<ShiftId>,
}

impl Act {
    fn of(word: &Word) -> Option<Act> {
        let (zone, id) = match word {
            Word::Start { zone, .. } => (zone, None),
            Word::Renew { id, zone, .. } | Word::End { id, zone, .. } => (zone, Some(id.clone())),
            _ => return None,
        };
        Some(Act { kind: word.kind(), zone: zone.clone(), id })
    }
}

impl Later {
    /// Forgets what is not to be done any more: an old refusal must not delay the next incident.
    fn keep(&mut self, seen: &[Seen]) {
        self.0.retain(|resource, waiting| {
            let word = seen.iter().find(|seen| seen.resource == *resource).map(|seen| &seen.word);
            word.and_then(Act::of).is_some_and(|act| act == waiting.act)
        });
    }

    fn is_due(&self, resource: &Resource, now: Timestamp) -> bool {
        self.0.get(resource).is_none_or(|waiting| now >= waiting.until)
    }

    fn unanswered(&self, resource: &Resource) -> Option<(RequestId, Command)> {
        self.0.get(resource)?.unanswered.clone()
    }

    fn refused(&mut self, resource: &Resource, act: Act, now: Timestamp) {
        let before = self.0.get(resource).and_then(|waiting| waiting.refused_for);
        let wait = before.map_or(AGAIN, |wait| (wait * 2).min(AGAIN_MAX));
        let waiting = Waiting { act, until: now.plus(wait), refused_for: Some(wait), unanswered: None };
        self.0.insert(resource.clone(), waiting);
    }

    fn not_answered(&mut self, resource: &Resource, act: Act, now: Timestamp, asked: (RequestId, Command)) {
        let refused_for = self.0.get(resource).and_then(|waiting| waiting.refused_for);
        let waiting = Waiting { act, until: now.plus(UNANSWERED), refused_for, unanswered: Some(asked) };
        self.0.insert(resource.clone(), waiting);
    }

    fn done(&mut self, resource: &Resource) {
        self.0.remove(resource);
    }
}

impl Looker<'_> {
    async fn turn(&mut self, control: &Control) {
        let acts_here = is_teller(self.context);
        let looked = self.look(control);
        match &looked {
            Some(seen) => self.forget(seen),
            // Looks before and after are not in a row. What was advised or asked for may still be so.
            None => self.watch = Watch::default(),
        }
        let seen = looked.unwrap_or_default();
        let seen = Arc::new(seen);
        self.told.with(|told| (told.seen, told.acts_here) = (seen.clone(), acts_here));
        if !acts_here {
            return;
        }
        for seen in seen.iter() {
            self.act(control, seen).await;
        }
    }

    /// Forgets what this look does not bear out any more.
    fn forget(&mut self, seen: &[Seen]) {
        self.later.keep(seen);
        // A zone that is held is accused, too: after a time without looks the counts begin anew.
        self.advised.retain(|(resource, zone)| {
            seen.iter().any(|seen| {
                seen.resource == *resource
                    && matches!(&seen.word, Word::Advise { zone: of, .. } | Word::Holding { zone: of, .. } if of == zone)
            })
        });
    }

    /// None while this node does not know what it looks at.
    fn look(&mut self, control: &Control) -> Option<Vec<Seen>> {
        if !control.is_read() || control.behind().is_some() {
            return None;
        }
        let (view, intent) = (control.view(), control.intent().borrow().clone());
        let is_in_force = |shift: &Shift| shift.kind == ShiftKind::Autoshift;
        let is_watched = view.practices.values().any(|practice| practice.autoshift != Autoshift::Disabled);
        if !is_watched && !intent.shifts.iter().any(is_in_force) {
            self.watch = Watch::default();
            return Some(Vec::new());
        }
        let snapshot = self.context.snapshot()?;
        if snapshot.intent.estate_revision != intent.estate_revision {
            return None; // the planes are about to take the estate up
        }
        let now = self.context.clock.now();
        let gray = grays(&self.context.gray.borrow());
        let observers = observers(self.context, control, now);
        Some(self.watch.look(Inputs {
            estate: &snapshot.estate,
            settings: &view.practices,
            intent: &intent,
            history: &view.shifts,
            gray: &gray,
            verdicts: &snapshot.verdicts,
            observers: &observers,
            now: control.time(),
            clock: now,
        }))
    }

    async fn act(&mut self, control: &Control, seen: &Seen) {
        let resource = &seen.resource;
        let now = control.time();
        let command = match &seen.word {
            Word::Quiet | Word::Blocked { .. } | Word::Holding { .. } | Word::Stay { .. } => return,
            Word::Advise { zone, evidence } => return self.advise(resource, zone, evidence, now).await,
            Word::Start { zone, evidence } => Command::StartAutoshift {
                resource: resource.clone(),
                zone: zone.clone(),
                length: LENGTH,
                reason: evidence.clone(),
            },
            Word::Renew { id, why, .. } => {
                Command::RenewAutoshift { id: id.clone(), length: LENGTH, reason: why.clone() }
            }
            Word::End { id, why, .. } => Command::EndAutoshift { id: id.clone(), reason: why.clone() },
        };
        let Some(act) = Act::of(&seen.word).filter(|_| self.later.is_due(resource, now)) else { return };
        let before = self.later.unanswered(resource);
        let is_new = before.is_none();
        let (request, command) = before.unwrap_or_else(|| (new_request(), command));
        let what = command.to_string();
        let by = Operator::new(&format!("autoshift of {}", self.context.node));
        match control.submit(by, request.clone(), command.clone()).await {
            Ok(Outcome::Done { .. }) => {
                self.later.done(resource);
                self.count(resource, seen.word.kind());
                info!(%resource, word = %seen.word, "{what}");
            }
            Ok(Outcome::Refused(refusal)) => {
                self.later.refused(resource, act, now);
                self.count(resource, "refused");
                warn!(%resource, word = %seen.word, %refusal, "the ledger refused: {what}");
            }
            Err(error) => {
                // The ledger may have been silent for long: it waits from now.
                self.later.not_answered(resource, act, control.time(), (request, command));
                if is_new {
                    warn!(%resource, word = %seen.word, %error, "the ledger does not answer, tried again each second: {what}");
                }
            }
        }
    }

    async fn advise(&mut self, resource: &Resource, zone: &ZoneId, evidence: &str, now: Timestamp) {
        let key = (resource.clone(), zone.clone());
        if self.advised.contains(&key) {
            return;
        }
        let text = format!("autoshift advises: {resource} out of {zone}; nothing was moved");
        match self.journal(now, &text, evidence).await {
            Ok(()) => {
                self.advised.insert(key);
                self.count(resource, "advise");
                warn!(%resource, %zone, evidence, "{text}");
            }
            // Tried again at the next look.
            Err(error) => warn!(%error, "advice is missing in the journal"),
        }
    }

    async fn journal(&self, now: Timestamp, text: &str, why: &str) -> Result<(), LedgerError> {
        let line = DecisionLine {
            version: VERSION,
            at_ms: now.0,
            by: self.context.node.to_string(),
            revision: self.context.intent().revision.0,
            text: text.to_owned(),
            why: why.to_owned(),
            suppressed: false,
            act: false,
            warning: true,
            notice: Some(hf_config::node::NoticeKind::AutoshiftAdvised.as_str().to_owned()),
        };
        self.context.journal.append(vec![JournalLine { revision: None, bytes: encode(&line) }]).await?;
        Ok(())
    }

    fn count(&self, resource: &Resource, what: &'static str) {
        self.told.with(|told| *told.counts.entry((resource.to_string(), what)).or_default() += 1);
    }
}

fn new_request() -> RequestId {
    let number = u128::from_le_bytes(hf_clock::random_bytes());
    RequestId::new(&format!("autoshift-{number:032x}")).expect("letters, a hyphen and digits")
}

/// Who is heard, and whether this node's own view is whole.
fn observers(context: &Context, control: &Control, now: Timestamp) -> Observers {
    let reports = context.reports.borrow();
    let is_heard = |received_at| !is_stale(received_at, now, context.beat);
    let sees = |roles: &[Role]| roles.contains(&Role::Checker) || roles.contains(&Role::Balancer);
    let heard = reports.values().filter(|heard| is_heard(heard.received_at) && sees(&heard.report.roles));
    let zones = heard.filter_map(|heard| heard.report.zone.clone()).collect();
    let hears_itself = reports.get(&context.node).is_some_and(|own| is_heard(own.received_at));
    let clock = control.clock_problem().borrow().clone();
    let problem = if hears_itself {
        clock
    } else {
        Some("this node has not heard of itself for three beats: what it knows of others is old".to_owned())
    };
    Observers { zones, problem }
}

/// The detector's word on each pool.
fn grays(judged: &Judged) -> BTreeMap<PoolName, Gray> {
    let word = |(name, pool): (&PoolName, &hf_gray::PoolJudged)| {
        let finding = match pool.finding {
            Finding::Several => GrayFinding::Several,
            Finding::Nothing | Finding::Zone(_) => match pool.impaired() {
                Some(found) => GrayFinding::Zone(found.zone.clone(), found.evidence.to_string()),
                None => pool.everywhere.as_ref().map_or(GrayFinding::Nothing, |(what, zones)| {
                    let (bad, all) = (zones.len(), pool.zones.len());
                    GrayFinding::Everything(format!("{bad} of {all} zones have more {what} than they had"))
                }),
            },
        };
        let doubted = pool.observers_doubted.clone();
        (name.clone(), Gray { second: pool.second, finding, doubted })
    };
    judged.pools.iter().map(word).collect()
}

#[cfg(test)]
mod tests;
