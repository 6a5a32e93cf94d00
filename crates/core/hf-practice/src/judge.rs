//! How a run that is under way stands.

use hf_control::PracticeOutcome;
use hf_model::Timestamp;

/// What is seen of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The outcome alarms that are off their hooks.
    pub outcome_alarms: Vec<String>,
    /// The blocking alarms that are.
    pub blocking_alarms: Vec<String>,
    /// Why zones that stay are overloaded.
    pub overloaded: Option<String>,
}

/// The word on a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// How it went.
    pub outcome: PracticeOutcome,
    /// Why.
    pub why: String,
}

/// What is to be said of a run that ends at `ends_at`; none while it goes on.
///
/// The worst is told: an outcome alarm is about what users meet, so it goes before everything else.
pub fn judge(seen: &Seen, ends_at: Timestamp, now: Timestamp) -> Option<Judged> {
    let judged = |outcome, why| Some(Judged { outcome, why });
    if !seen.outcome_alarms.is_empty() {
        let why = format!("outcome alarm {} went off", seen.outcome_alarms.join(", "));
        return judged(PracticeOutcome::Failed, clipped(why));
    }
    if let Some(overloaded) = &seen.overloaded {
        return judged(PracticeOutcome::CapacityCheckFailed, clipped(overloaded.clone()));
    }
    if !seen.blocking_alarms.is_empty() {
        let why = format!("blocking alarm {} went off", seen.blocking_alarms.join(", "));
        return judged(PracticeOutcome::Interrupted, clipped(why));
    }
    if now >= ends_at {
        return judged(
            PracticeOutcome::Succeeded,
            "it ran its whole length, and no alarm went off".to_owned(),
        );
    }
    None
}

/// At most what the ledger takes as a reason.
fn clipped(text: String) -> String {
    if text.chars().count() <= 500 { text } else { text.chars().take(499).chain(['…']).collect() }
}
