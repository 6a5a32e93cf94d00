//! A finding, and what the ledger says, to what is to be done.
//!
//! Not here: counting (`count`).

use std::time::Duration;

use hf_control::{Scope, Shift, ShiftState};
use hf_model::{Operator, ShiftId, Timestamp, ZoneId, format_duration, parse_duration};

use crate::count::Finding;

/// How long a source's shift lasts unless it is renewed, which it is at half of this: with the source's node gone, another one has five
/// minutes to take over, and with all of them gone the zone is back after ten.
pub const LENGTH: Duration = Duration::from_mins(10);

/// How long a shift is renewed after the last quorum. Longer than most troubles of a store, and than it takes people to look.
pub const HOLD: Duration = Duration::from_hours(1);

/// Characters of a reason that are kept before what is appended: the ledger takes 500.
const REASON_CHARS: usize = 400;

/// What one node remembers of one zone of one source. It begins anew where another node takes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The newest quorum.
    pub quorum_at: Option<Timestamp>,
    /// The newest quorum that said open.
    pub open_at: Option<Timestamp>,
}

/// What a decision is made of.
pub struct Inputs<'a> {
    /// What the stores say.
    pub finding: &'a Finding,
    /// Of which zone.
    pub zone: &'a ZoneId,
    /// What leaves it.
    pub scope: &'a Scope,
    /// In whose name the source acts.
    pub by: &'a Operator,
    /// Active shifts and the newest ended ones, oldest first.
    pub shifts: &'a [Shift],
    /// Whether the source itself canceled this one; where nobody knows, it did not.
    pub is_own_cancel: &'a dyn Fn(&ShiftId) -> bool,
    /// The time.
    pub now: Timestamp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The zone is open, and nothing is in force.
    Quiet,
    /// No quorum, and nothing is in force.
    Wait,
    /// Begin a shift.
    Start,
    /// Closed, and somebody canceled the source's shift: it does not come back before the source was seen open.
    Outranked {
        /// The shift that was canceled.
        id: ShiftId,
    },
    /// Closed, and somebody else's shift takes the same away.
    Left {
        /// Their shift.
        id: ShiftId,
    },
    /// The shift is in force, and has time.
    Stay {
        /// Which.
        id: ShiftId,
    },
    /// Let it last for [`LENGTH`] from now.
    Renew {
        /// Which.
        id: ShiftId,
        /// Its new reason.
        reason: String,
    },
    /// End it.
    End {
        /// Which.
        id: ShiftId,
    },
    /// No quorum for [`HOLD`]: it is renewed no more.
    LeaveToExpire {
        /// Which.
        id: ShiftId,
    },
}

impl Word {
    /// One word for answers and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Word::Quiet => "quiet",
            Word::Wait => "wait",
            Word::Start => "start",
            Word::Outranked { .. } => "outranked",
            Word::Left { .. } => "left",
            Word::Stay { .. } => "stay",
            Word::Renew { .. } => "renew",
            Word::End { .. } => "end",
            Word::LeaveToExpire { .. } => "leave-to-expire",
        }
    }

    /// The shift that it is about.
    pub fn shift(&self) -> Option<&ShiftId> {
        match self {
            Word::Quiet | Word::Wait | Word::Start => None,
            Word::Outranked { id }
            | Word::Left { id }
            | Word::Stay { id }
            | Word::Renew { id, .. }
            | Word::End { id }
            | Word::LeaveToExpire { id } => Some(id),
        }
    }
}

/// What it means for the zone, for people.
impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Word::Quiet => f.write_str("nothing is in force"),
            Word::Wait => f.write_str("nothing is in force, and nothing begins without a quorum"),
            Word::Start => f.write_str("the zone is to be left"),
            Word::Outranked { id } => {
                write!(f, "{id} was canceled; the zone is not left again before the stores have said open")
            }
            Word::Left { id } => write!(f, "{id} takes it out already"),
            Word::Stay { id } | Word::Renew { id, .. } => write!(f, "{id} is in force"),
            Word::End { id } => write!(f, "{id} is to end"),
            Word::LeaveToExpire { id } => {
                write!(f, "{id} is left to expire: there was no quorum for {}", format_duration(HOLD))
            }
        }
    }
}

/// What is to be done now.
pub fn decide(memory: &mut Memory, from: &Inputs<'_>) -> Word {
    let is_own =
        |shift: &&Shift| shift.by == *from.by && shift.zone == *from.zone && shift.scope == *from.scope;
    let own = from.shifts.iter().filter(is_own).max_by_key(|shift| (shift.started_at, shift.revision));
    let active = own.filter(|shift| shift.state == ShiftState::Active);
    match from.finding {
        Finding::Closed { why } => {
            memory.quorum_at = Some(from.now);
            match active {
                Some(shift) => closed(shift, why, from.now),
                None => begin(memory, own, from),
            }
        }
        Finding::Open { .. } => {
            (memory.quorum_at, memory.open_at) = (Some(from.now), Some(from.now));
            active.map_or(Word::Quiet, |shift| Word::End { id: shift.id.clone() })
        }
        Finding::Undecided { .. } => active.map_or(Word::Wait, |shift| undecided(memory, shift, from.now)),
    }
}

fn closed(shift: &Shift, why: &str, now: Timestamp) -> Word {
    let id = shift.id.clone();
    if is_due(shift, now) || kept(&shift.reason).is_some() {
        return Word::Renew { id, reason: cut(why) };
    }
    Word::Stay { id }
}

fn begin(memory: &Memory, own: Option<&Shift>, from: &Inputs<'_>) -> Word {
    if let Some(shift) = own
        && let ShiftState::Canceled(at) = shift.state
        && memory.open_at.is_none_or(|open| open <= at)
        && !(from.is_own_cancel)(&shift.id)
    {
        return Word::Outranked { id: shift.id.clone() };
    }
    let takes_it = |shift: &&Shift| {
        shift.state == ShiftState::Active
            && shift.kind.is_of_people()
            && shift.zone == *from.zone
            && (shift.scope == Scope::Everything || shift.scope == *from.scope)
    };
    match from.shifts.iter().find(takes_it) {
        Some(shift) => Word::Left { id: shift.id.clone() },
        None => Word::Start,
    }
}

fn undecided(memory: &Memory, shift: &Shift, now: Timestamp) -> Word {
    let id = shift.id.clone();
    let (base, before) = kept(&shift.reason).unwrap_or((&shift.reason, Duration::ZERO));
    // What the ledger knows of the last quorum: the newest renewal, less what it was kept without one by then.
    let renewed_at = Timestamp(shift.ends_at.0.saturating_sub(ms(LENGTH)));
    let told = Timestamp(renewed_at.0.saturating_sub(ms(before))).max(shift.started_at).min(now);
    let since = memory.quorum_at.map_or(told, |quorum_at| quorum_at.max(told));
    let without = now.since(since);
    if without >= HOLD {
        return Word::LeaveToExpire { id };
    }
    if is_due(shift, now) {
        let without = Duration::from_secs(without.as_secs());
        let reason = format!("{}{KEPT}{}{WITHOUT}", cut(base), format_duration(without));
        return Word::Renew { id, reason };
    }
    Word::Stay { id }
}

const KEPT: &str = "; kept for ";
const WITHOUT: &str = " without a quorum";

/// A reason of a shift that was renewed without a quorum: its beginning, and for how long it was without one by then.
fn kept(reason: &str) -> Option<(&str, Duration)> {
    let (base, length) = reason.strip_suffix(WITHOUT)?.rsplit_once(KEPT)?;
    Some((base, parse_duration(length).ok()?))
}

fn cut(reason: &str) -> String {
    if reason.chars().nth(REASON_CHARS).is_none() {
        return reason.to_owned();
    }
    reason.chars().take(REASON_CHARS).chain(['…']).collect()
}

fn is_due(shift: &Shift, now: Timestamp) -> bool {
    shift.ends_at.since(now) <= LENGTH / 2
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
