//! Decisions in an operator's words. Instants are written by the caller, who knows zone and format.

use std::fmt;

use hf_config::estate::Estate;
use hf_model::Timestamp;

use crate::decision::{Mode, NotApplied, NotAppliedWhy, Reason, Source, ZoneState};

impl Reason {
    /// In full, with ends: `shift-12 until 12:00`.
    pub fn words(&self, instant: impl Fn(Timestamp) -> String) -> String {
        match self {
            Reason::Shifted { until, held: false, .. }
            | Reason::Practice { until, held: false, .. }
            | Reason::Autoshift { until, held: false, .. }
            | Reason::BreakGlass { until, .. }
            | Reason::PinnedIn { until, held: false, .. }
            | Reason::PinnedOut { until, held: false, .. } => format!("{self} until {}", instant(*until)),
            Reason::Shifted { until, held: true, .. }
            | Reason::Practice { until, held: true, .. }
            | Reason::Autoshift { until, held: true, .. }
            | Reason::PinnedIn { until, held: true, .. }
            | Reason::PinnedOut { until, held: true, .. } => format!("{self} of {}", instant(*until)),
            Reason::ControlOff { since, .. } => format!("{self} since {}", instant(*since)),
            Reason::Returning { full_at } => format!("{self}, all of it at {}", instant(*full_at)),
            Reason::Healthy | Reason::Unknown | Reason::Impaired | Reason::FailOpen | Reason::AllDown => {
                self.to_string()
            }
        }
    }

    /// One word for metrics and JSON; stable.
    pub fn kind(&self) -> &'static str {
        match self {
            Reason::Healthy => "healthy",
            Reason::Unknown => "unknown",
            Reason::Impaired => "impaired",
            Reason::Shifted { .. } => "shifted",
            Reason::BreakGlass { .. } => "break_glass",
            Reason::PinnedIn { .. } => "pinned_in",
            Reason::PinnedOut { .. } => "pinned_out",
            Reason::ControlOff { .. } => "control_off",
            Reason::Practice { .. } => "practice",
            Reason::Autoshift { .. } => "autoshift",
            Reason::Returning { .. } => "returning",
            Reason::FailOpen => "fail_open",
            Reason::AllDown => "all_down",
        }
    }
}

/// Without instants.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Healthy => f.write_str("healthy"),
            Reason::Unknown => f.write_str("not checked"),
            Reason::Impaired => f.write_str("impaired"),
            Reason::Shifted { id, held: false, .. } => write!(f, "{id}"),
            Reason::Shifted { id, held: true, .. } => write!(f, "{id}, held past its end"),
            Reason::BreakGlass { by, .. } => write!(f, "break-glass by {by}"),
            Reason::PinnedIn { by, held: false, .. } => write!(f, "pinned in by {by}"),
            Reason::PinnedIn { by, held: true, .. } => write!(f, "pinned in by {by}, held past its end"),
            Reason::PinnedOut { by, held: false, .. } => write!(f, "pinned out by {by}"),
            Reason::PinnedOut { by, held: true, .. } => write!(f, "pinned out by {by}, held past its end"),
            Reason::ControlOff { path, .. } => write!(f, "control {path} off"),
            Reason::Practice { id, held: false, .. } => write!(f, "practice run {id}"),
            Reason::Practice { id, held: true, .. } => write!(f, "practice run {id}, held past its end"),
            Reason::Autoshift { id, held: false, .. } => write!(f, "autoshift {id}"),
            Reason::Autoshift { id, held: true, .. } => write!(f, "autoshift {id}, held past its end"),
            Reason::Returning { .. } => f.write_str("returning"),
            Reason::FailOpen => f.write_str("failing open"),
            Reason::AllDown => f.write_str("nobody healthy"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Pin => f.write_str("pin"),
            Source::BreakGlass => f.write_str("break-glass"),
            Source::Shift(id) => write!(f, "{id}"),
            Source::Control(path) => write!(f, "control {path}"),
            Source::Autoshift(id) => write!(f, "autoshift {id}"),
            Source::Practice(id) => write!(f, "practice run {id}"),
            Source::Health => f.write_str("health"),
        }
    }
}

impl fmt::Display for NotAppliedWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAppliedWhy::MinZones { needed, left } => {
                let zones = if *needed == 1 { "zone" } else { "zones" };
                write!(f, "at least {needed} {zones} must stay, this would leave {left}")
            }
            NotAppliedWhy::MinCapacity { needed, left } => {
                write!(f, "at least {needed} of the capacity must stay, this would leave {left}")
            }
            NotAppliedWhy::Outranked(stronger) => write!(f, "{stronger} comes first"),
            NotAppliedWhy::PinnedIn => f.write_str("the zone is pinned in"),
            NotAppliedWhy::OtherZone(source) => {
                write!(f, "{source} takes another zone of the region away: one at a time")
            }
        }
    }
}

impl NotApplied {
    /// Such as `shift-12 does not apply to pool/web in euw2-az1: at least 2 zones must stay, this would leave 1`.
    ///
    /// `estate` is the one that was decided on.
    pub fn words(&self, estate: &Estate) -> String {
        let NotApplied { source, zone, scope, why } = self;
        format!("{source} does not apply to {scope} in {}: {why}", estate.zone(*zone).id)
    }
}

impl fmt::Display for ZoneState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ZoneState::Open => "open",
            ZoneState::Away => "away",
        })
    }
}

impl Mode {
    /// One word for metrics and JSON; stable.
    pub fn kind(self) -> &'static str {
        match self {
            Mode::Normal => "normal",
            Mode::FailOpen => "fail_open",
            Mode::Closed => "closed",
            Mode::Fallback(_) => "fallback",
        }
    }
}
