//! What is remembered of practice runs: how each went, and what was seen of it.

use hf_model::{Revision, Share, ShiftId, Timestamp, ZoneId};

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
