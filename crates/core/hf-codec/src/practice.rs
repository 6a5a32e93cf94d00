//! Practice configurations and autoshift settings inside other formats.

use hf_control::{
    Autoshift, Date, Expect, Practice, PracticeClosed, PracticeConfig, PracticeFault, Resource, Window,
};
use hf_model::Revision;
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

mirrored! {
    Autoshift as AutoshiftBody { Enabled, Disabled }
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
            revision: practice.revision.0,
        }
    }

    pub(crate) fn read(self) -> (Resource, Practice) {
        let practice = Practice {
            config: self.config.into(),
            autoshift: self.autoshift.into(),
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
