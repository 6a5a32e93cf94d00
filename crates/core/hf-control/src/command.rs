//! What may be asked of the ledger, and what it answers: done, or why not (`refusal`); what changed by it is told in events (`event`).

use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{EndpointSet, EstateBundle};
use hf_model::{
    Operator, PoolName, RequestId, Revision, ShiftId, Switch, Timestamp, ZoneId, format_duration,
};

use crate::board::{BoardCommand, ControlRef, ObjectId, RuleRef};
use crate::hosted::{HostedUpdate, ZoneKeyCommand};
use crate::intent::{BreakGlassShift, PinTo, Scope, Shift};
use crate::practice::{Autoshift, PracticeConfig, PracticeOutcome, PracticeSeen, Resource};

mod digest;
mod event;
mod refusal;

pub use event::{Event, Stop};
pub use refusal::{Bounded, PracticeClosed, Refusal};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The client's token: repeated with the same command, the entry has its first outcome and no effect.
    pub request: RequestId,
    /// The ledger's clock when it was appended.
    pub stamp: Timestamp,
    /// Who asks.
    pub by: Operator,
    /// From which address, for what came over the API: kept for the journal, and judged by nothing.
    pub from: Option<SocketAddr>,
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
        /// Pools whose floor it may break all the same; none is the rule.
        floor_overrides: Vec<PoolName>,
    },
    /// Give a shift a new end, now and `length`, a new reason, or both; what is none stays as it is.
    UpdateShift {
        /// Which.
        id: ShiftId,
        /// From the entry's stamp; 1 minute to 72 hours.
        length: Option<Duration>,
        /// Why; 1 to 500 characters.
        reason: Option<String>,
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
        /// Pools whose floor it may break all the same; none is the rule.
        floor_overrides: Vec<PoolName>,
    },
    /// Take a pin away.
    Unpin {
        /// An id or alias of the estate.
        zone: ZoneId,
        /// For what.
        scope: Scope,
    },
    /// Turn routing controls, all or none.
    SetControls {
        /// 1 to [`Command::SETS`], each control once.
        sets: Vec<ControlSet>,
        /// Safety rules that are not asked; each exists.
        rule_overrides: Vec<RuleRef>,
        /// Pools whose floor it may break all the same.
        floor_overrides: Vec<PoolName>,
        /// Why; 0 to 500 characters: the ARC APIs have no such field.
        reason: String,
    },
    /// Make, change and remove clusters, panels, controls and rules.
    Board(BoardCommand),
    /// Mark a zone as being deployed to, or give its mark a new end. 1 minute to 4 hours.
    StartDeployment {
        /// An id or alias of the estate.
        zone: ZoneId,
        /// Everything, or one pool.
        scope: Scope,
        /// From the entry's stamp.
        length: Duration,
        /// Why; 0 to 500 characters.
        reason: String,
        /// Zones beside which it may go on all the same; none is the rule.
        zone_overrides: Vec<ZoneId>,
    },
    /// Take the mark of a deployment away.
    EndDeployment {
        /// An id or alias of the estate.
        zone: ZoneId,
        /// Everything, or one pool.
        scope: Scope,
    },
    /// Set when practice runs of a resource may run.
    PutPractice {
        /// Which.
        resource: Resource,
        /// All of it.
        config: PracticeConfig,
        /// Whether there is one already.
        expect: Expect,
    },
    /// Take a resource's practice configuration away; autoshift must be off.
    DeletePractice {
        /// Which.
        resource: Resource,
    },
    /// Say whether autoshift acts, advises or does neither; the first two need a practice configuration.
    SetAutoshift {
        /// Which.
        resource: Resource,
        /// What it may.
        to: Autoshift,
    },
    /// Whether operators want to be told of autoshifts of others.
    SetObserver {
        /// On or off.
        to: Autoshift,
    },
    /// Begin a practice run of 30 minutes.
    StartPractice {
        /// Which; it has a practice configuration.
        resource: Resource,
        /// An id or alias of a zone that the resource is in.
        zone: ZoneId,
        /// Why; 1 to 500 characters.
        reason: String,
    },
    /// Judge a running practice run, which ends it; by whoever watches over it.
    EndPractice {
        /// Its shift.
        id: ShiftId,
        /// How it went; not [`PracticeOutcome::Pending`].
        outcome: PracticeOutcome,
        /// What was seen of it.
        seen: PracticeSeen,
        /// Why; 1 to 500 characters.
        why: String,
    },
    /// Tell what was seen of a practice run, also after its end; what is none stays as it is.
    RecordPractice {
        /// Its shift.
        id: ShiftId,
        /// What was seen.
        seen: PracticeSeen,
    },
    /// Tell that a practice run did not begin.
    RecordPracticeRefusal {
        /// Which; it has a practice configuration.
        resource: Resource,
        /// An id or alias of the estate: the zone that would have been left.
        zone: ZoneId,
        /// Why not; 1 to 500 characters, a longer text is cut.
        why: String,
    },
    /// Begin a shift on evidence, not on an operator's word. 1 minute to 72 hours.
    StartAutoshift {
        /// Which; its autoshift is enabled.
        resource: Resource,
        /// An id or alias of a zone that the resource is in.
        zone: ZoneId,
        /// How long, unless it is renewed.
        length: Duration,
        /// The evidence in words; 1 to 500 characters.
        reason: String,
    },
    /// Let an autoshift last for so long from now; never shorter than it would have.
    RenewAutoshift {
        /// Which.
        id: ShiftId,
        /// From the entry's stamp; 1 minute to 72 hours.
        length: Duration,
        /// The evidence as it is now; 1 to 500 characters.
        reason: String,
    },
    /// End an autoshift: its evidence is gone.
    EndAutoshift {
        /// Which.
        id: ShiftId,
        /// What is seen of the zone now; 1 to 500 characters.
        reason: String,
    },
    /// Record an act that was given to the nodes without the ledger.
    RecordBreakGlass {
        /// As it was signed; whoever hands it in has checked the signature.
        act: BreakGlassShift,
    },
    /// Change dynamic records of a hosted zone (RFC 2136).
    UpdateHostedZone(HostedUpdate),
    /// Add, activate, retire or remove a DNSSEC key.
    ZoneKey(ZoneKeyCommand),
    /// Take what sources told of pools' endpoints: 1 to [`Command::ENDPOINT_SETS`] sets, each pool once, all or none.
    SetEndpoints {
        /// The new set of each pool, whole.
        sets: Vec<EndpointSet>,
    },
    /// End every shift and pin whose end is at or before the entry's stamp.
    Expire,
}

/// `heading a, b`; nothing of an empty list.
fn words(
    f: &mut std::fmt::Formatter<'_>,
    heading: &str,
    list: &[impl std::fmt::Display],
) -> std::fmt::Result {
    for (at, item) in list.iter().enumerate() {
        if at == 0 { write!(f, "{heading} {item}")? } else { write!(f, ", {item}")? }
    }
    Ok(())
}

/// One routing control and where it is to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSet {
    /// Which.
    pub control: ControlRef,
    /// On or off.
    pub to: Switch,
}

/// What must be there for a change to be what its caller thinks it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expect {
    /// Nothing yet: it is made.
    Absent,
    /// One: it is replaced.
    Present,
    /// Either.
    Any,
}

impl Command {
    /// Routing controls of one batch at most.
    pub const SETS: usize = 100;
    /// Floors, rules and zones that one act may name to be passed over.
    pub const OVERRIDES: usize = 100;
    /// Pools whose endpoints one entry may set.
    pub const ENDPOINT_SETS: usize = 100;

    /// Why it is asked for, in the words of who asks; empty where none were given, or where none are asked for.
    pub fn reason(&self) -> &str {
        match self {
            Command::StartShift { reason, .. }
            | Command::UpdateShift { reason: Some(reason), .. }
            | Command::Pin { reason, .. }
            | Command::SetControls { reason, .. }
            | Command::StartDeployment { reason, .. }
            | Command::StartPractice { reason, .. }
            | Command::StartAutoshift { reason, .. }
            | Command::RenewAutoshift { reason, .. }
            | Command::EndAutoshift { reason, .. } => reason,
            Command::EndPractice { why, .. } | Command::RecordPracticeRefusal { why, .. } => why,
            Command::RecordBreakGlass { act } => &act.reason,
            Command::ApplyEstate { .. }
            | Command::UpdateShift { reason: None, .. }
            | Command::CancelShift { .. }
            | Command::Unpin { .. }
            | Command::EndDeployment { .. }
            | Command::Board(_)
            | Command::PutPractice { .. }
            | Command::DeletePractice { .. }
            | Command::SetAutoshift { .. }
            | Command::SetObserver { .. }
            | Command::RecordPractice { .. }
            | Command::UpdateHostedZone(_)
            | Command::ZoneKey(_)
            | Command::SetEndpoints { .. }
            | Command::Expire => "",
        }
    }
}

/// One line for journals, without the reason.
impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Command::ApplyEstate { bundle, .. } => write!(f, "apply estate {}", bundle.digest().short()),
            Command::StartShift { zone, scope, length, floor_overrides, .. } => {
                write!(f, "shift {scope} out of {zone} for {}", format_duration(*length))?;
                words(f, ", whatever the floor of pool", floor_overrides)
            }
            Command::UpdateShift { id, length: Some(length), .. } => {
                write!(f, "extend {id} to {} from now", format_duration(*length))
            }
            Command::UpdateShift { id, length: None, .. } => write!(f, "give {id} another reason"),
            Command::CancelShift { id, .. } => write!(f, "cancel {id}"),
            Command::Pin { zone, scope, to: PinTo::In, length, .. } => {
                write!(f, "pin {zone} in for {scope}, {}", format_duration(*length))
            }
            Command::Pin { zone, scope, to: PinTo::Out, length, floor_overrides, .. } => {
                write!(f, "pin {zone} out for {scope}, {}", format_duration(*length))?;
                words(f, ", whatever the floor of pool", floor_overrides)
            }
            Command::Unpin { zone, scope } => write!(f, "unpin {zone} for {scope}"),
            Command::StartDeployment { zone, scope, length, zone_overrides, .. } => {
                write!(f, "mark {zone} as being deployed to, {scope}, for {}", format_duration(*length))?;
                words(f, ", without asking zone", zone_overrides)
            }
            Command::EndDeployment { zone, scope } => {
                write!(f, "end the deployment of {scope} to {zone}")
            }
            Command::Expire => f.write_str("end what is due"),
            Command::UpdateHostedZone(update) => write!(f, "{update}"),
            Command::ZoneKey(command) => write!(f, "{command}"),
            Command::SetEndpoints { sets } => {
                f.write_str("set the endpoints of")?;
                for (at, EndpointSet { pool, source, endpoints }) in sets.iter().enumerate() {
                    let between = if at == 0 { "" } else { "," };
                    write!(f, "{between} pool/{pool} to the {} of `{source}`", endpoints.len())?;
                }
                Ok(())
            }
            Command::SetControls { sets, rule_overrides, floor_overrides, .. } => {
                f.write_str("turn")?;
                for (at, set) in sets.iter().enumerate() {
                    write!(f, "{} {} {}", if at == 0 { "" } else { "," }, set.control, set.to)?;
                }
                words(f, ", without asking rule", rule_overrides)?;
                words(f, ", whatever the floor of pool", floor_overrides)
            }
            Command::Board(command) => write!(f, "{command}"),
            Command::PutPractice { resource, .. } => {
                write!(f, "set the practice configuration of {resource}")
            }
            Command::DeletePractice { resource } => {
                write!(f, "delete the practice configuration of {resource}")
            }
            Command::SetAutoshift { resource, to: Autoshift::Advise } => {
                write!(f, "let autoshift of {resource} advise, and nothing more")
            }
            Command::SetAutoshift { resource, to } => write!(f, "{to} autoshift of {resource}"),
            Command::SetObserver { to } => write!(f, "{to} notification of autoshifts"),
            Command::StartPractice { resource, zone, .. } => write!(f, "practice: {resource} out of {zone}"),
            Command::EndPractice { id, outcome, .. } => write!(f, "judge practice run {id}: {outcome}"),
            Command::RecordPractice { id, seen } => write!(f, "tell of practice run {id}: {seen}"),
            Command::RecordPracticeRefusal { resource, zone, .. } => {
                write!(f, "tell that no practice run of {resource} out of {zone} began")
            }
            Command::StartAutoshift { resource, zone, length, .. } => {
                write!(f, "autoshift: {resource} out of {zone} for {}", format_duration(*length))
            }
            Command::RenewAutoshift { id, length, .. } => {
                write!(f, "renew autoshift {id} to {} from now", format_duration(*length))
            }
            Command::EndAutoshift { id, .. } => write!(f, "end autoshift {id}"),
            Command::RecordBreakGlass { act } => {
                write!(f, "record the break-glass act of {} on {}", act.by, act.zone)
            }
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
        /// The object that was made.
        object: Option<ObjectId>,
    },
    /// Nothing was changed.
    Refused(Refusal),
}
