//! What may be asked of the ledger, and what it answers.

use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_model::{Digest, Operator, RequestId, Revision, ShiftId, Timestamp, ZoneId, format_duration};

use crate::intent::{Pin, PinTo, Scope, Shift};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The client's token: repeated with the same command, the entry has its first outcome and no effect.
    pub request: RequestId,
    /// The ledger's clock when it was appended.
    pub stamp: Timestamp,
    /// Who asks.
    pub by: Operator,
    /// What for.
    pub command: Command,
}

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Put an estate in force.
    ApplyEstate {
        /// The estate as written.
        bundle: EstateBundle,
        /// Only if the estate in force came with this revision (0 = none yet).
        if_match: Option<Revision>,
    },
    /// Begin a shift. 1 minute to 72 hours.
    StartShift {
        /// An id or alias of the estate.
        zone: ZoneId,
        /// What leaves it.
        scope: Scope,
        /// How long.
        length: Duration,
        /// Why; 1 to 500 characters.
        reason: String,
    },
    /// Give a shift a new end: now and `length`.
    ExtendShift {
        /// Which.
        id: ShiftId,
        /// From the entry's stamp; 1 minute to 72 hours.
        length: Duration,
        /// Only if the shift was last changed at this revision.
        if_match: Option<Revision>,
    },
    /// End a shift now.
    CancelShift {
        /// Which.
        id: ShiftId,
        /// Only if the shift was last changed at this revision.
        if_match: Option<Revision>,
    },
    /// Pin a zone in or out. 1 minute to 72 hours. A pin replaces the earlier pin of the same zone and scope.
    Pin {
        /// An id or alias of the estate.
        zone: ZoneId,
        /// For what.
        scope: Scope,
        /// In or out.
        to: PinTo,
        /// How long.
        length: Duration,
        /// Why; 1 to 500 characters.
        reason: String,
    },
    /// Take a pin away.
    Unpin {
        /// An id or alias of the estate.
        zone: ZoneId,
        /// For what.
        scope: Scope,
    },
    /// End every shift and pin whose end is at or before the entry's stamp.
    Expire,
}

impl Command {
    /// Names the command, all its words included: two with one digest ask for the same.
    ///
    /// Checkpoints keep it, so its text stays as it is for each command.
    pub fn digest(&self) -> Digest {
        let revision = |of: &Option<Revision>| of.map_or_else(String::new, |revision| revision.to_string());
        let nanos = |length: &Duration| length.as_nanos().to_string();
        let words: Vec<String> = match self {
            Command::ApplyEstate { bundle, if_match } => {
                vec!["apply".to_owned(), bundle.digest().to_string(), revision(if_match)]
            }
            Command::StartShift { zone, scope, length, reason } => {
                vec!["shift".to_owned(), zone.to_string(), scope.to_string(), nanos(length), reason.clone()]
            }
            Command::ExtendShift { id, length, if_match } => {
                vec!["extend".to_owned(), id.to_string(), nanos(length), revision(if_match)]
            }
            Command::CancelShift { id, if_match } => {
                vec!["cancel".to_owned(), id.to_string(), revision(if_match)]
            }
            Command::Pin { zone, scope, to, length, reason } => {
                let kind = match to {
                    PinTo::In => "pin in",
                    PinTo::Out => "pin out",
                };
                vec![kind.to_owned(), zone.to_string(), scope.to_string(), nanos(length), reason.clone()]
            }
            Command::Unpin { zone, scope } => vec!["unpin".to_owned(), zone.to_string(), scope.to_string()],
            Command::Expire => vec!["expire".to_owned()],
        };
        // With its length before each word, no two lists of words make one text.
        let text: String = words.iter().map(|word| format!("{}:{word}", word.len())).collect();
        Digest::of(text.as_bytes())
    }
}

/// One line for journals, without the reason.
impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Command::ApplyEstate { bundle, .. } => write!(f, "apply estate {}", bundle.digest().short()),
            Command::StartShift { zone, scope, length, .. } => {
                write!(f, "shift {scope} out of {zone} for {}", format_duration(*length))
            }
            Command::ExtendShift { id, length, .. } => {
                write!(f, "extend {id} to {} from now", format_duration(*length))
            }
            Command::CancelShift { id, .. } => write!(f, "cancel {id}"),
            Command::Pin { zone, scope, to: PinTo::In, length, .. } => {
                write!(f, "pin {zone} in for {scope}, {}", format_duration(*length))
            }
            Command::Pin { zone, scope, to: PinTo::Out, length, .. } => {
                write!(f, "pin {zone} out for {scope}, {}", format_duration(*length))
            }
            Command::Unpin { zone, scope } => write!(f, "unpin {zone} for {scope}"),
            Command::Expire => f.write_str("end what is due"),
        }
    }
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done at this revision. For shifts, the shift as it is now.
    Done {
        /// The entry that did it.
        revision: Revision,
        /// The shift that was begun, extended or ended.
        shift: Option<Shift>,
    },
    /// Nothing was changed.
    Refused(Refusal),
}

/// Why nothing was changed.
///
/// Exhaustive on purpose: a checkpoint holds refusals, so `hf-codec` must not miss one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The estate has problems.
    #[error("the estate was not applied: {problems}")]
    BadEstate {
        /// One a line; the first ones if there are very many, since a refusal is remembered.
        problems: String,
    },
    /// The caller read an older version.
    #[error("the state moved on from revision {read} to {newest}; read it again and retry")]
    Stale {
        /// What the caller named.
        read: Revision,
        /// What is in force.
        newest: Revision,
    },
    /// Something active acts on what the estate would no longer have.
    #[error("{by} acts on {what}, which the new estate does not have; cancel it first, or keep {what}")]
    InUse {
        /// Such as `shift-7` or `the pin of a for pool/web`.
        by: String,
        /// Such as `zone a` or `pool/web`.
        what: String,
    },
    /// No such zone.
    #[error("there is no zone `{zone}`; the estate has {known}")]
    UnknownZone {
        /// As asked.
        zone: ZoneId,
        /// The zones that there are, comma-separated.
        known: String,
    },
    /// No such pool or record.
    #[error("there is no `{scope}` in the estate; `holdfast status` lists what there is")]
    UnknownResource {
        /// As asked.
        scope: Scope,
    },
    /// No such shift.
    #[error("there is no shift `{id}`; `holdfast shift list --all` shows active and ended ones")]
    UnknownShift {
        /// As asked.
        id: ShiftId,
    },
    /// The shift has ended.
    #[error(
        "shift `{id}` has ended already, there is nothing to extend or cancel; to leave the zone again, start a new one"
    )]
    NotActive {
        /// Which.
        id: ShiftId,
    },
    /// The same zone is being left already.
    #[error("`{id}` already takes `{scope}` out of {zone}; extend or cancel it")]
    AlreadyShifted {
        /// The shift in force.
        id: ShiftId,
        /// Its zone.
        zone: ZoneId,
        /// Its scope.
        scope: Scope,
    },
    /// Another zone of the same region is being left: one at a time.
    #[error(
        "`{id}` already takes {zone} of the same region out of `{scope}`: one zone of a region at a time; cancel it first"
    )]
    OtherZoneShifted {
        /// The shift in force.
        id: ShiftId,
        /// Its zone.
        zone: ZoneId,
        /// Its scope.
        scope: Scope,
    },
    /// Intent alone would leave too little.
    #[error(
        "{pool} keeps at least {needed} in service, this would leave {left}; end another shift or pin first, act on other resources alone, or lower the floor in the estate"
    )]
    Floor {
        /// `pool/NAME`, with ` for record/NAME.` behind it where that record alone would have too little.
        pool: String,
        /// Such as `2 zones` or `50.0% of its capacity`.
        needed: String,
        /// In the same unit.
        left: String,
    },
    /// A shift's length out of range.
    #[error("a shift or pin lasts 1m to 72h, this one {}; change `--for`", hf_model::format_duration(*.length))]
    Length {
        /// As asked.
        length: Duration,
    },
    /// No reason, or too long a one.
    #[error("a reason has 1 to 500 characters, this one has {len}; say why in `--reason`")]
    Reason {
        /// Characters.
        len: usize,
    },
    /// A bound of the state is reached.
    #[error("there are {count} {what} already, the most that there may be; end some first")]
    TooMany {
        /// What there is too much of.
        what: Bounded,
        /// The bound.
        count: usize,
    },
    /// The request id was used before, for something else.
    #[error(
        "request `{request}` was used before for something else, so nothing was done; use a new request id for each act"
    )]
    RequestReused {
        /// As sent.
        request: RequestId,
    },
    /// No pin there.
    #[error("{zone} is not pinned for `{scope}`; `holdfast status` lists the pins")]
    NoPin {
        /// As asked.
        zone: ZoneId,
        /// As asked.
        scope: Scope,
    },
}

/// What the state holds a bounded number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bounded {
    /// At most [`State::SHIFTS_ACTIVE`](crate::State::SHIFTS_ACTIVE).
    ActiveShifts,
    /// At most [`State::PINS`](crate::State::PINS).
    Pins,
}

impl std::fmt::Display for Bounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Bounded::ActiveShifts => "active shifts",
            Bounded::Pins => "pins",
        })
    }
}

/// What changed, for journals and notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An estate came in force.
    EstateApplied {
        /// The version that was in force; none before the first.
        before: Option<Digest>,
        /// The version that is.
        after: Digest,
    },
    /// A shift began.
    ShiftStarted(Shift),
    /// A shift has a new end.
    ShiftExtended {
        /// As it was.
        before: Shift,
        /// As it is.
        after: Shift,
    },
    /// A shift ended; it is as it is now.
    ShiftEnded(Shift, Stop),
    /// A pin was set.
    Pinned {
        /// The pin of the same zone and scope that it replaced.
        before: Option<Pin>,
        /// As it is.
        after: Pin,
    },
    /// A pin went; it is as it was.
    Unpinned(Pin, Stop),
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// An operator ended it.
    Canceled,
    /// Its time was up.
    Expired,
}
