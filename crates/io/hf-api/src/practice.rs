//! Practice runs: rehearsed evacuations, when they may run, and whether autoshift may act.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::shift::Shift;

/// `GET /v1/practice`: all resources with settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Practices {
    /// By resource.
    pub practices: Vec<Practice>,
}

/// The practice settings of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Practice {
    /// `region/ID`, `pool/NAME` or `record/NAME.`
    pub resource: String,
    /// Whether an automatic shift may act on it.
    pub autoshift: Autoshift,
    /// When runs may run and what stops them.
    #[serde(flatten)]
    pub config: PracticeConfig,
    /// Its runs that this node remembers, oldest first.
    pub runs: Vec<Shift>,
    /// How its newest runs went, oldest first.
    #[serde(default)]
    pub history: Vec<PracticeRun>,
    /// Runs that did not begin lately, by their newest try, oldest first.
    #[serde(default)]
    pub refused: Vec<PracticeRefused>,
    /// When the next weekly run is due; null when none is allowed.
    #[serde(default)]
    pub next_at_ms: Option<u64>,
    /// Alarms that no health check of the estate is named by: nobody here knows whether they have gone off.
    #[serde(default)]
    pub unknown_alarms: Vec<String>,
    /// When and why this node could not begin the weekly run lately; null if it could.
    #[serde(default)]
    pub not_begun: Option<String>,
    /// The entry that last changed the settings.
    pub revision: u64,
}

/// A run that did not begin, one or more times for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PracticeRefused {
    /// The zone that would have been left.
    pub zone: String,
    /// Why not.
    pub why: String,
    /// Who tried last.
    pub by: String,
    /// The first try that came to nothing for this reason.
    pub first_at_ms: u64,
    /// The newest one that was told.
    pub last_at_ms: u64,
    /// How many were told: weekly runs are tried every ten minutes, and told once for each reason.
    pub times: u32,
}

/// How one run went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PracticeRun {
    /// Its shift.
    pub id: String,
    /// The zone that was left.
    pub zone: String,
    /// When it began.
    pub started_at_ms: u64,
    /// When it ended; null while it runs.
    pub ended_at_ms: Option<u64>,
    /// How it went.
    pub outcome: PracticeOutcome,
    /// Why; empty while it runs.
    pub why: String,
    /// From its start to the last new request in its zone; null if that was not measured.
    pub time_to_zero_ms: Option<u64>,
    /// The least share of its capacity that a zone which stays would have free, as projected before it began.
    pub headroom_before_ppm: Option<u32>,
    /// The least that one had free while it ran.
    pub headroom_during_ppm: Option<u32>,
    /// The least that one had free once the zone was back.
    pub headroom_after_ppm: Option<u32>,
}

/// How a practice run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PracticeOutcome {
    /// It is under way.
    Pending,
    /// To its end, and nothing was amiss.
    Succeeded,
    /// An outcome alarm went off.
    Failed,
    /// An operator, a stronger act or a blocking alarm ended it.
    Interrupted,
    /// The other zones could not carry the load.
    CapacityCheckFailed,
}

impl PracticeOutcome {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            PracticeOutcome::Pending => "pending",
            PracticeOutcome::Succeeded => "succeeded",
            PracticeOutcome::Failed => "failed",
            PracticeOutcome::Interrupted => "interrupted",
            PracticeOutcome::CapacityCheckFailed => "capacity_check_failed",
        }
    }
}

/// Whether automatic shifts may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Autoshift {
    /// They may.
    On,
    /// They may not; that one would have begun is told.
    Advise,
    /// They may not.
    Off,
}

impl Autoshift {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Autoshift::On => "on",
            Autoshift::Advise => "advise",
            Autoshift::Off => "off",
        }
    }
}

/// When practice runs may run and what stops them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PracticeConfig {
    /// Alarms that fail a run; 1 to 10, 8 to 1,024 characters each.
    pub outcome_alarms: Vec<String>,
    /// Alarms that keep a run from beginning; 0 to 10.
    #[serde(default)]
    pub blocking_alarms: Vec<String>,
    /// Weekly windows in UTC without runs, such as `Mon:09:00-Mon:17:30`; 0 to 15. Either these or `allowed_windows`.
    #[serde(default)]
    pub blocked_windows: Vec<String>,
    /// The only weekly windows in UTC with runs; 0 to 15.
    #[serde(default)]
    pub allowed_windows: Vec<String>,
    /// Days without runs, UTC, such as `2026-12-24`; 0 to 15.
    #[serde(default)]
    pub blocked_dates: Vec<String>,
}

/// `PUT /v1/practice/{kind}/{name}`: the whole configuration; what is left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPractice {
    /// As in [`PracticeConfig`].
    pub outcome_alarms: Vec<String>,
    /// As in [`PracticeConfig`].
    #[serde(default)]
    pub blocking_alarms: Vec<String>,
    /// As in [`PracticeConfig`].
    #[serde(default)]
    pub blocked_windows: Vec<String>,
    /// As in [`PracticeConfig`].
    #[serde(default)]
    pub allowed_windows: Vec<String>,
    /// As in [`PracticeConfig`].
    #[serde(default)]
    pub blocked_dates: Vec<String>,
    /// As in [`crate::SetControls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `PUT /v1/autoshift/{kind}/{name}`: whether an automatic shift may act on the resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAutoshift {
    /// On, advise or off.
    pub to: Autoshift,
    /// As in [`crate::SetControls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `POST /v1/practice/{kind}/{name}/runs`: begin a run of 30 minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartPractice {
    /// An id or alias of a zone that the resource is in.
    pub zone: String,
    /// Why; 1 to 500 characters.
    pub reason: String,
    /// As in [`crate::SetControls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `GET /v1/autoshift`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AutoshiftsSeen {
    /// Whether the answering node is the one that acts.
    pub acts_here: bool,
    /// One for each resource that may be shifted automatically, may be advised on, or is shifted; empty where nobody looks.
    pub autoshifts: Vec<AutoshiftSeen>,
}

/// What is made of the evidence for one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AutoshiftSeen {
    /// `region/ID`, `pool/NAME` or `record/NAME.`
    pub resource: String,
    /// Whether automatic shifts may act on it.
    pub setting: Autoshift,
    /// `quiet`, `blocked`, `holding`, `start`, `advise`, `renew`, `end` or `stay`.
    pub word: String,
    /// The same with its evidence.
    pub text: String,
    /// The zone that it is about.
    pub zone: Option<String>,
    /// The autoshift in force.
    pub shift: Option<String>,
}
