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
    /// The entry that last changed the settings.
    pub revision: u64,
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
