//! What is remembered of practice runs: how each went, what was seen of it, and which did not begin.

use std::time::Duration;

use hf_model::{Operator, Revision, Share, ShiftId, Timestamp, ZoneId};

use super::Resource;

/// How a practice run went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PracticeOutcome {
    /// It is under way.
    #[default]
    Pending,
    /// To its end, and nothing was amiss.
    Succeeded,
    /// An outcome alarm went off.
    Failed,
    /// An operator or a stronger act ended it.
    Interrupted,
    /// The other zones could not have carried the load.
    CapacityCheckFailed,
}

impl PracticeOutcome {
    /// One word for metrics and JSON; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            PracticeOutcome::Pending => "pending",
            PracticeOutcome::Succeeded => "succeeded",
            PracticeOutcome::Failed => "failed",
            PracticeOutcome::Interrupted => "interrupted",
            PracticeOutcome::CapacityCheckFailed => "capacity-check-failed",
        }
    }
}

impl std::fmt::Display for PracticeOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was seen of a practice run; what nobody measured is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PracticeSeen {
    /// From its start to the last traffic in its zone.
    pub time_to_zero_ms: Option<u64>,
    /// Of the fullest remaining zone, as projected before it began.
    pub headroom_before: Option<Share>,
    /// The least that was measured of any remaining zone while it ran.
    pub headroom_during: Option<Share>,
    /// Of the fullest zone once the zone was back.
    pub headroom_after: Option<Share>,
}

impl PracticeSeen {
    /// The same with all that `newer` knows.
    pub(crate) fn with(&self, newer: &PracticeSeen) -> PracticeSeen {
        PracticeSeen {
            time_to_zero_ms: newer.time_to_zero_ms.or(self.time_to_zero_ms),
            headroom_before: newer.headroom_before.or(self.headroom_before),
            headroom_during: newer.headroom_during.or(self.headroom_during),
            headroom_after: newer.headroom_after.or(self.headroom_after),
        }
    }
}

/// In one clause: `time to zero 812 ms, headroom 41.0% before, 22.5% during`; empty when nothing was seen.
impl std::fmt::Display for PracticeSeen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if let Some(ms) = self.time_to_zero_ms {
            parts.push(format!("time to zero {ms} ms"));
        }
        let shares = [
            ("before", self.headroom_before),
            ("during", self.headroom_during),
            ("after", self.headroom_after),
        ];
        let shares: Vec<String> =
            shares.iter().filter_map(|(when, share)| share.map(|share| format!("{share} {when}"))).collect();
        if !shares.is_empty() {
            parts.push(format!("headroom {}", shares.join(", ")));
        }
        f.write_str(&parts.join(", "))
    }
}

/// One practice run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeRecord {
    /// Its shift.
    pub id: ShiftId,
    /// What rehearsed.
    pub resource: Resource,
    /// The zone that was left.
    pub zone: ZoneId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none while it runs.
    pub ended_at: Option<Timestamp>,
    /// How it went.
    pub outcome: PracticeOutcome,
    /// What was seen of it.
    pub seen: PracticeSeen,
    /// Why it ended as it did; empty while it runs.
    pub why: String,
    /// The entry that last changed it.
    pub revision: Revision,
}

impl PracticeRecord {
    /// In one clause, for journals.
    pub(crate) fn words(&self) -> String {
        let mut text = format!("practice run {} {}", self.id, self.outcome);
        for more in [self.why.clone(), self.seen.to_string()].into_iter().filter(|more| !more.is_empty()) {
            text.push_str(": ");
            text.push_str(&more);
        }
        text
    }
}

/// A practice run that did not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeRefusal {
    /// What would have rehearsed.
    pub resource: Resource,
    /// The zone that would have been left.
    pub zone: ZoneId,
    /// Why not.
    pub why: String,
    /// Who tried last.
    pub by: Operator,
    /// The first try that came to nothing for this reason.
    pub first_at: Timestamp,
    /// The newest one.
    pub last_at: Timestamp,
    /// How many were told: the weekly ones are told once for each reason, though they are tried every ten minutes.
    pub times: u32,
    /// The entry that last changed it.
    pub revision: Revision,
}

impl PracticeRefusal {
    /// A try for the reason of the newest one counts with it until so long after it.
    pub const SAME: Duration = Duration::from_hours(168);

    /// Whether a try that comes to nothing now is one more of the same.
    pub(crate) fn is_same(&self, zone: &ZoneId, why: &str, now: Timestamp) -> bool {
        self.zone == *zone && self.why == why && now.since(self.last_at) < Self::SAME
    }
}
