//! Practice configurations, how practice runs went, and autoshift settings inside other formats.

use hf_control::{
    Autoshift, Date, Expect, Practice, PracticeClosed, PracticeConfig, PracticeFault, PracticeOutcome,
    PracticeRecord, PracticeRefusal, PracticeSeen, Resource, Window,
};
use hf_model::{Operator, Revision, Share, ShiftId, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::list::AtMost;
use crate::mirror::mirrored;
use crate::text::AsText;

/// The practice settings of one resource, as a state keeps them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PracticeBody {
    resource: AsText<Resource>,
    config: PracticeConfigBody,
    autoshift: AutoshiftBody,
    configured_at_ms: u64,
    revision: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PracticeConfigBody {
    outcome_alarms: AtMost<String, { PracticeConfig::ALARMS }>,
    blocking_alarms: AtMost<String, { PracticeConfig::ALARMS }>,
    blocked_windows: AtMost<AsText<Window>, { PracticeConfig::WINDOWS }>,
    allowed_windows: AtMost<AsText<Window>, { PracticeConfig::WINDOWS }>,
    blocked_dates: AtMost<AsText<Date>, { PracticeConfig::WINDOWS }>,
}

/// What was seen of a practice run; shares in parts per million.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PracticeSeenBody {
    time_to_zero_ms: Option<u64>,
    headroom_before_ppm: Option<ShareBody>,
    headroom_during_ppm: Option<ShareBody>,
    headroom_after_ppm: Option<ShareBody>,
}

/// Parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub(crate) struct ShareBody(Share);

impl TryFrom<u32> for ShareBody {
    type Error = hf_model::ShareError;
    fn try_from(ppm: u32) -> Result<Self, Self::Error> {
        Share::from_ppm(ppm).map(ShareBody)
    }
}

impl From<ShareBody> for u32 {
    fn from(body: ShareBody) -> u32 {
        body.0.ppm()
    }
}

/// One practice run that a state remembers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PracticeRecordBody {
    id: AsText<ShiftId>,
    resource: AsText<Resource>,
    zone: AsText<ZoneId>,
    started_at_ms: u64,
    ended_at_ms: Option<u64>,
    outcome: PracticeOutcomeBody,
    seen: PracticeSeenBody,
    why: String,
    revision: u64,
}

/// A practice run that did not begin, as a state remembers it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PracticeRefusalBody {
    resource: AsText<Resource>,
    zone: AsText<ZoneId>,
    why: String,
    by: AsText<Operator>,
    first_at_ms: u64,
    last_at_ms: u64,
    times: u32,
    revision: u64,
}

mirrored! {
    Autoshift as AutoshiftBody { Enabled, Advise, Disabled }
    PracticeOutcome as PracticeOutcomeBody { Pending, Succeeded, Failed, Interrupted, CapacityCheckFailed }
    Expect as ExpectBody { Absent, Present, Any }
    PracticeClosed as PracticeClosedBody { BlockedDate, BlockedWindow, OutsideAllowedWindows, ZoneAway }
    PracticeFault as PracticeFaultBody {
        OutcomeAlarms, BlockingAlarms, BlockedWindows, AllowedWindows, BlockedDates, BothWindows
    }
}

impl PracticeBody {
    pub(crate) fn of((resource, practice): (&Resource, &Practice)) -> Self {
        PracticeBody {
            resource: AsText(resource.clone()),
            config: (&practice.config).into(),
            autoshift: practice.autoshift.into(),
            configured_at_ms: practice.configured_at.0,
            revision: practice.revision.0,
        }
    }

    pub(crate) fn read(self) -> (Resource, Practice) {
        let practice = Practice {
            config: self.config.into(),
            autoshift: self.autoshift.into(),
            configured_at: Timestamp(self.configured_at_ms),
            revision: Revision(self.revision),
        };
        (self.resource.0, practice)
    }
}

impl From<&PracticeConfig> for PracticeConfigBody {
    fn from(config: &PracticeConfig) -> Self {
        PracticeConfigBody {
            outcome_alarms: AtMost::of(&config.outcome_alarms, String::clone),
            blocking_alarms: AtMost::of(&config.blocking_alarms, String::clone),
            blocked_windows: AtMost::of(&config.blocked_windows, |window| AsText(*window)),
            allowed_windows: AtMost::of(&config.allowed_windows, |window| AsText(*window)),
            blocked_dates: AtMost::of(&config.blocked_dates, |date| AsText(*date)),
        }
    }
}

impl From<PracticeConfigBody> for PracticeConfig {
    fn from(body: PracticeConfigBody) -> Self {
        PracticeConfig {
            outcome_alarms: body.outcome_alarms.0,
            blocking_alarms: body.blocking_alarms.0,
            blocked_windows: body.blocked_windows.read(|window| window.0),
            allowed_windows: body.allowed_windows.read(|window| window.0),
            blocked_dates: body.blocked_dates.read(|date| date.0),
        }
    }
}

impl From<&PracticeSeen> for PracticeSeenBody {
    fn from(seen: &PracticeSeen) -> Self {
        PracticeSeenBody {
            time_to_zero_ms: seen.time_to_zero_ms,
            headroom_before_ppm: seen.headroom_before.map(ShareBody),
            headroom_during_ppm: seen.headroom_during.map(ShareBody),
            headroom_after_ppm: seen.headroom_after.map(ShareBody),
        }
    }
}

impl From<PracticeSeenBody> for PracticeSeen {
    fn from(body: PracticeSeenBody) -> Self {
        let share = |body: Option<ShareBody>| body.map(|share| share.0);
        PracticeSeen {
            time_to_zero_ms: body.time_to_zero_ms,
            headroom_before: share(body.headroom_before_ppm),
            headroom_during: share(body.headroom_during_ppm),
            headroom_after: share(body.headroom_after_ppm),
        }
    }
}

impl From<&PracticeRecord> for PracticeRecordBody {
    fn from(record: &PracticeRecord) -> Self {
        PracticeRecordBody {
            id: AsText(record.id.clone()),
            resource: AsText(record.resource.clone()),
            zone: AsText(record.zone.clone()),
            started_at_ms: record.started_at.0,
            ended_at_ms: record.ended_at.map(|at| at.0),
            outcome: record.outcome.into(),
            seen: (&record.seen).into(),
            why: record.why.clone(),
            revision: record.revision.0,
        }
    }
}

impl From<PracticeRecordBody> for PracticeRecord {
    fn from(body: PracticeRecordBody) -> Self {
        PracticeRecord {
            id: body.id.0,
            resource: body.resource.0,
            zone: body.zone.0,
            started_at: Timestamp(body.started_at_ms),
            ended_at: body.ended_at_ms.map(Timestamp),
            outcome: body.outcome.into(),
            seen: body.seen.into(),
            why: body.why,
            revision: Revision(body.revision),
        }
    }
}

impl From<&PracticeRefusal> for PracticeRefusalBody {
    fn from(refusal: &PracticeRefusal) -> Self {
        PracticeRefusalBody {
            resource: AsText(refusal.resource.clone()),
            zone: AsText(refusal.zone.clone()),
            why: refusal.why.clone(),
            by: AsText(refusal.by.clone()),
            first_at_ms: refusal.first_at.0,
            last_at_ms: refusal.last_at.0,
            times: refusal.times,
            revision: refusal.revision.0,
        }
    }
}

impl From<PracticeRefusalBody> for PracticeRefusal {
    fn from(body: PracticeRefusalBody) -> Self {
        PracticeRefusal {
            resource: body.resource.0,
            zone: body.zone.0,
            why: body.why,
            by: body.by.0,
            first_at: Timestamp(body.first_at_ms),
            last_at: Timestamp(body.last_at_ms),
            times: body.times,
            revision: Revision(body.revision),
        }
    }
}
