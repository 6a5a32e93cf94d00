//! Whether this node's ledger takes changes, judged by what the nodes hold.
//!
//! 1. After a start it takes none for [`SETTLE`]: in that time every node that lives has dialled, and said what it holds. (Its
//!    first entry apart: see [`Gate`].)
//! 2. While the nodes hold more it takes none; that is said once at ERROR, and in the node's report until it is over.
//! 3. Nodes may hold what another control node has just written and this one has not read yet. So the ledger is asked first, and read
//!    up to its end: only what it does not have then is more. While it cannot be asked nothing is judged anew.
//! 4. A ledger that was not read yet takes none, and is not judged.
//! 5. Each second it is asked whether it can be reached; while it cannot, the node's report says so, and that is no contact.
//! 6. At the same beat the writer is told how far most nodes' clocks are from this one's, from their reports; not in the first minute
//!    after this process stood still, since then old reports come late.
//! 7. Told to, it goes on with what they hold, once, after [`SETTLE_ADOPT`].
//!
//! Not here: what is more (`hub`), what taking none means (`hf-control-plane`).

use std::sync::Arc;
use std::time::Duration;

use hf_control::Intent;
use hf_control_plane::{Behind, Control, Gate, StartError, SubmitError};
use hf_feed::{HeardReport, Reports};
use hf_ledger::LedgerError;
use hf_model::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::hub::{Hub, is_beyond};

/// From the start to the first change. The feed dials at most two seconds apart, and clients wait for three.
const SETTLE: Duration = Duration::from_millis(2_200);
/// From the start to going on with what the nodes hold: a node that was busy counts too.
const SETTLE_ADOPT: Duration = Duration::from_secs(5);
/// A report tells its sender's clock for so long.
const TELLS_CLOCK: Duration = Duration::from_secs(30);
/// Standing still for that long, and so long after it, no clock is compared.
const STOOD_STILL: Duration = Duration::from_mins(1);
/// Between two times that the ledger is asked.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What to do with a ledger that is behind what the nodes hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LostLedger {
    /// Take no changes, and say so.
    #[default]
    Refuse,
    /// Go on with what the nodes hold.
    Adopt,
}

/// Judges one node's ledger.
#[derive(Debug)]
pub struct LedgerGate {
    control: Control,
    intent: watch::Receiver<Arc<Intent>>,
    gate: watch::Sender<Gate>,
    settled_at: Instant,
    is_settled: bool,
    lost: LostLedger,
    /// What the nodes hold and the ledger does not have, as it said itself.
    confirmed: Option<Arc<Intent>>,
    asking: Option<oneshot::Receiver<Answer>>,
    /// Whether the question under way is about what the nodes hold.
    asks_of_held: bool,
    ask_not_before: Instant,
    /// When to ask whether it can be reached.
    look_at: Instant,
    /// When clocks were compared, and not before when to do so again.
    compared: (Instant, Instant),
    /// Why it cannot.
    away: Option<String>,
    /// Whether the ledger was read this moment: then it need not be asked.
    is_fresh: bool,
}

/// What the ledger said when it was asked again.
#[derive(Debug)]
struct Answer {
    /// What the nodes held when it was asked, and its reader did not have.
    held: Option<Arc<Intent>>,
    /// Why it could not be asked.
    away: Option<String>,
}

/// What the ledger's side has to tell.
#[derive(Debug)]
pub enum News {
    /// The ledger's next intent.
    Intent(Arc<Intent>),
    /// The ledger was asked again; this is what it has.
    Asked(Arc<Intent>),
}

impl LedgerGate {
    /// For a ledger that has just been read; nothing goes through yet.
    pub fn new(control: Control, gate: watch::Sender<Gate>, lost: LostLedger) -> LedgerGate {
        let settle = if lost == LostLedger::Adopt { SETTLE_ADOPT } else { SETTLE };
        let mut intent = control.intent();
        intent.mark_changed();
        let (now, is_fresh) = (Instant::now(), control.is_read());
        LedgerGate {
            control,
            intent,
            gate,
            settled_at: now + settle,
            is_settled: false,
            lost,
            confirmed: None,
            asking: None,
            asks_of_held: false,
            ask_not_before: now,
            look_at: now + ASK_AGAIN,
            compared: (now, now),
            away: None,
            is_fresh,
        }
    }

    /// Whether the ledger has been read since the start, and could be reached when it was last asked.
    pub fn has_contact(&self) -> bool {
        self.control.is_read() && self.away.is_none()
    }

    /// Waits for news; none when the writer is gone.
    pub async fn news(&mut self) -> Option<News> {
        let LedgerGate { intent, asking, .. } = self;
        tokio::select! {
            changed = intent.changed() => {
                changed.ok()?;
                Some(News::Intent(intent.borrow_and_update().clone()))
            }
            answer = answer(asking) => {
                (self.asking, self.asks_of_held) = (None, false);
                if let Some(Answer { held, away }) = answer {
                    if away.is_none() && held.is_some() {
                        self.confirmed = held;
                    }
                    self.away = away;
                }
                Some(News::Asked(self.intent.borrow().clone()))
            }
        }
    }

    /// Whether what the nodes hold is more than the ledger has, as far as the ledger has said. If it has not, it is asked.
    fn is_sure(&mut self, held: &Arc<Intent>) -> bool {
        if self.is_fresh {
            self.confirmed = Some(held.clone());
        }
        let ledger = self.intent.borrow().clone();
        if self.confirmed.as_ref().is_some_and(|confirmed| is_beyond(confirmed, &ledger)) {
            return true;
        }
        self.confirmed = None;
        if !self.asks_of_held && Instant::now() >= self.ask_not_before {
            self.ask_not_before = Instant::now() + ASK_AGAIN;
            self.ask(Some(held.clone()));
        }
        false
    }

    /// Has the ledger read up to its end, beside everything else.
    fn ask(&mut self, held: Option<Arc<Intent>>) {
        self.look_at = Instant::now() + ASK_AGAIN;
        let (told, asking) = oneshot::channel();
        (self.asking, self.asks_of_held) = (Some(asking), held.is_some());
        let control = self.control.clone();
        tokio::spawn(async move {
            let asked = control.barrier().await;
            let away = asked.err().filter(is_away).map(|error| error.to_string());
            let _ = told.send(Answer { held, away }); // the node may have stopped, or have asked something else
        });
    }

    /// The ledger's newest intent, and when it changes.
    pub fn intent(&mut self) -> &mut watch::Receiver<Arc<Intent>> {
        &mut self.intent
    }

    /// When it is known what the nodes hold: then [`LedgerGate::settle`] is due.
    pub fn settled_at(&self) -> Instant {
        self.settled_at
    }

    /// What the nodes hold is known.
    pub async fn settle(&mut self, hub: &mut Hub) {
        self.is_settled = true;
        if self.lost != LostLedger::Adopt {
            return;
        }
        self.lost = LostLedger::Refuse; // once
        let Some(held) = hub.beyond_ledger() else {
            info!("--adopt-intent: no node holds more than the ledger; it goes on as it is");
            return;
        };
        let (shifts, estate) = (held.shifts.len(), held.estate_id);
        match self.control.adopt(held).await {
            Ok(adopted) => {
                hub.adopted(estate);
                let kept = adopted.kept.map(|path| path.display().to_string());
                warn!(revision = %adopted.revision, shifts, kept, "the ledger goes on with what the nodes held; the one of before is kept");
                hub.own_ledger(self.intent.borrow().clone());
            }
            Err(problem) => error!(%problem, "the ledger does not go on with what the nodes hold"),
        }
    }

    /// Opens or shuts, after every event.
    pub fn judge(&mut self, hub: &mut Hub) {
        let ledger = self.intent.borrow().revision;
        let before = *self.gate.borrow();
        let next = match hub.beyond_ledger() {
            _ if !self.control.is_read() => Gate::Settling,
            Some(held) if self.lost == LostLedger::Refuse => {
                if self.is_sure(&held) {
                    Gate::Behind(Behind { ledger, held: held.revision })
                } else if self.is_settled && before == Gate::Settling {
                    Gate::Open
                } else {
                    before
                }
            }
            _ if self.is_settled => Gate::Open,
            _ => Gate::Settling,
        };
        self.is_fresh = false;
        self.compare_clocks(hub.reports());
        if self.asking.is_none() && Instant::now() >= self.look_at {
            self.ask(None);
        }
        match (before, next) {
            (Gate::Behind(_), Gate::Behind(_)) => {}
            (_, Gate::Behind(problem)) => error!(%problem, "this node's ledger takes no changes"),
            (Gate::Behind(_), _) => {
                info!("this node's ledger has what the nodes hold, and takes changes again");
            }
            _ => {}
        }
        hub.set_ledger_problem(match next {
            Gate::Behind(problem) => Some(problem.to_string()),
            Gate::Settling | Gate::Open => self.away.clone(),
        });
        self.gate.send_if_modified(|gate| {
            *gate = next;
            before != next
        });
    }
}

impl LedgerGate {
    fn compare_clocks(&mut self, reports: &Reports) {
        let (now, (last, mut not_before)) = (Instant::now(), self.compared);
        if now - last >= STOOD_STILL {
            not_before = now + STOOD_STILL;
        }
        if now >= not_before {
            not_before = now + ASK_AGAIN;
            self.control.told_of_clocks(most_ahead_ms(reports, self.control.now()));
        }
        self.compared = (now, not_before);
    }
}

/// By how much most clocks are ahead of this node's, which counts like any other; none from fewer than three nodes. Of two values
/// in the middle the one that is nearer to this node's clock counts.
fn most_ahead_ms(reports: &Reports, now: Timestamp) -> Option<i64> {
    let is_new =
        |heard: &&HeardReport| heard.received_at <= now && now.since(heard.received_at) <= TELLS_CLOCK;
    let ms = |at: Timestamp| i64::try_from(at.0).unwrap_or(i64::MAX);
    let ahead = |heard: &HeardReport| ms(heard.report.sent_at).saturating_sub(ms(heard.received_at));
    let mut all: Vec<i64> = reports.values().filter(is_new).map(ahead).collect();
    all.sort_unstable();
    let middle = [all.get(all.len().saturating_sub(1) / 2)?, all.get(all.len() / 2)?];
    let nearest = middle.into_iter().min_by_key(|ahead| ahead.unsigned_abs()).copied();
    nearest.filter(|_| all.len() >= 3)
}

/// The answer, when there is a question; never otherwise. None: nobody will answer.
async fn answer(asking: &mut Option<oneshot::Receiver<Answer>>) -> Option<Answer> {
    match asking {
        Some(asking) => asking.await.ok(),
        None => std::future::pending().await,
    }
}

/// Whether the ledger could not be asked, rather than having spoken.
fn is_away(error: &SubmitError) -> bool {
    matches!(
        error,
        SubmitError::Busy
            | SubmitError::Stopping
            | SubmitError::Ledger(LedgerError::Unavailable { .. } | LedgerError::Stopping)
            | SubmitError::Behind(StartError::Ledger(
                LedgerError::Unavailable { .. } | LedgerError::Stopping
            ))
    )
}

#[cfg(test)]
mod tests;
