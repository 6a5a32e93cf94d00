//! When an autoshift begins, lasts and ends: evidence, who saw it, and the past in; one word for each resource out.
//!
//! 1. Evidence against a zone is the detector's finding ([`Gray`]), at once, or the quorum's: at least two thirds of the pool's known endpoints
//!    there unhealthy, for [`HOLD_BEATS`] looks in a row, while in each other zone fewer than a third are.
//! 2. It must be about one zone. Several zones, or everything, are no reason to leave any.
//! 3. It must not be our own: at least [`VANTAGE_MIN`] zones other than the accused one are heard, without those whose observers the detector
//!    doubts, and this node's own view is whole ([`Observers`]).
//! 4. A pool says its own word. A record says that of its pools, a region that of its pools: more than half of those that can tell must name the
//!    zone, and none another.
//! 5. Where people act, where an autoshift is in force, and for [`Autoshift::QUIET`] after a cancel, none begins.
//! 6. It lasts [`LENGTH`] and is renewed at half of it: while there is evidence, while its zone has not been well for [`WELL_BEATS`] looks in a
//!    row, while nobody can tell, and until it has stayed its least ([`least_stay`]). Then it ends, and the zone returns bit by bit. Where nobody
//!    probes, it runs out: the return is the trial.
//! 7. Where it turns out that everything is worse, for [`EVERYWHERE_BEATS`] looks in a row, leaving the zone did not help: the autoshift ends before it has
//!    stayed its least, once probes have found the zone well for [`WELL_BEATS`] looks in a row. Not so one that was begun again within an hour.
//! 8. A zone that is left again within an hour of its return stays away at least twice as long, up to [`STAY_MAX`].
//!
//! A zone that is away has no traffic, so the detector has little to say of it: probes must be good before it returns.
//!
//! Not here: the ledger's own rules, which have the last word (`hf-control`); clocks; who acts (`hf-control-plane`).

mod evidence;
mod past;
mod watch;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_config::estate::Estate;
use hf_control::{Autoshift, Intent, Practice, Resource, Shift};
use hf_health::Verdicts;
use hf_model::{PoolName, ShiftId, Timestamp, ZoneId};

pub use past::{least_stay, returns_in_a_row};
pub use watch::Watch;

/// How long an autoshift lasts unless it is renewed.
pub const LENGTH: Duration = Duration::from_mins(10);
/// Looks in a row for which the quorum must find a zone dead.
pub const HOLD_BEATS: u32 = 3;
/// Looks in a row for which a zone must be well before it returns.
pub const WELL_BEATS: u32 = 30;
/// Looks in a row for which the detector must find everything worse before an autoshift ends for it: zones shake when one's load comes to the others.
pub const EVERYWHERE_BEATS: u32 = 10;
/// Zones beside the accused one from which somebody must be heard: with one alone nobody knows whose fault it is.
pub const VANTAGE_MIN: usize = 2;
/// The longest least stay.
pub const STAY_MAX: Duration = Duration::from_hours(6);
/// A zone that is left again so soon after its return flaps.
pub const FLAP_WITHIN: Duration = Duration::from_hours(1);
/// How old a finding of the detector may be.
const GRAY_FRESH_S: u64 = 15;

/// What the detector says of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gray {
    /// The second that it is about, of Unix time.
    pub second: u64,
    /// What it found.
    pub finding: GrayFinding,
    /// Zones whose own observers it doubts.
    pub doubted: Vec<ZoneId>,
}

/// What the detector found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrayFinding {
    /// Nothing is certain.
    Nothing,
    /// This zone is impaired and the others are not; the evidence in words.
    Zone(ZoneId, String),
    /// Several at once.
    Several,
    /// No zone is accused, and more than half of them are worse than they were; in words.
    Everything(String),
}

/// Who is heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observers {
    /// The zones of the checkers and balancers that are heard.
    pub zones: BTreeSet<ZoneId>,
    /// Why this node's own view cannot be trusted; none when it can.
    pub problem: Option<String>,
}

/// All that a look depends on, beside what the looks before it have left in [`Watch`].
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What the service is.
    pub estate: &'a Estate,
    /// What may act by itself.
    pub settings: &'a BTreeMap<Resource, Practice>,
    /// What is in force.
    pub intent: &'a Intent,
    /// Shifts in force and ended ones, oldest first, as far as the ledger remembers.
    pub history: &'a [Shift],
    /// The detector's word on each pool.
    pub gray: &'a BTreeMap<PoolName, Gray>,
    /// The quorum's word on each endpoint.
    pub verdicts: &'a Verdicts,
    /// Who is heard.
    pub observers: &'a Observers,
    /// The ledger's time, by which shifts began and end.
    pub now: Timestamp,
    /// This node's clock, by which findings are dated; the same, unless that is wrong.
    pub clock: Timestamp,
}

/// What a look came to for one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub resource: Resource,
    /// What it may.
    pub setting: Autoshift,
    /// What is to be done.
    pub word: Word,
}

/// What is to be done for one resource, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nothing: all is well.
    Quiet,
    /// Nothing, although something is amiss.
    Blocked {
        /// Why not.
        why: String,
    },
    /// Nothing yet: it must last.
    Holding {
        /// The accused zone.
        zone: ZoneId,
        /// In words.
        evidence: String,
        /// Looks still.
        beats: u32,
    },
    /// Begin one.
    Start {
        /// Out of which zone.
        zone: ZoneId,
        /// In words; at most 500 characters.
        evidence: String,
    },
    /// Tell that one would have begun.
    Advise {
        /// Out of which zone.
        zone: ZoneId,
        /// In words; at most 500 characters.
        evidence: String,
    },
    /// Let the one in force last for [`LENGTH`] from now.
    Renew {
        /// Which.
        id: ShiftId,
        /// Its zone.
        zone: ZoneId,
        /// Why; at most 500 characters.
        why: String,
    },
    /// End the one in force.
    End {
        /// Which.
        id: ShiftId,
        /// Its zone.
        zone: ZoneId,
        /// What is seen of the zone now.
        why: String,
    },
    /// Leave the one in force as it is.
    Stay {
        /// Which.
        id: ShiftId,
        /// Its zone.
        zone: ZoneId,
        /// What is waited for.
        why: String,
    },
}

#[cfg(test)]
mod tests;
