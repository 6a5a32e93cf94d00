//! What may be asked of the ledger, and what it answers.

use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{EndpointSet, EstateBundle};
use hf_model::{
    ControlName, ControlPath, Digest, DnsName, EstateId, Operator, PoolName, RequestId, Revision, RuleId,
    ShiftId, Switch, Timestamp, ZoneId, format_duration,
};

use crate::board::{BoardCommand, ControlRef, ObjectId, RuleRef};
use crate::hosted::{HostedUpdate, UpdateRcode, ZoneKeyCommand};
use crate::intent::{BreakGlassShift, Pin, PinTo, RecordedBreakGlass, Scope, Shift};
use crate::practice::{Autoshift, PracticeConfig, PracticeFault, PracticeOutcome, PracticeSeen, Resource};

mod digest;

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
    /// Floors and rules that one act may name to be passed over.
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
            | Command::StartPractice { reason, .. }
            | Command::StartAutoshift { reason, .. }
            | Command::RenewAutoshift { reason, .. }
            | Command::EndAutoshift { reason, .. } => reason,
            Command::EndPractice { why, .. } => why,
            Command::RecordBreakGlass { act } => &act.reason,
            Command::ApplyEstate { .. }
            | Command::UpdateShift { reason: None, .. }
            | Command::CancelShift { .. }
            | Command::Unpin { .. }
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
        "{pool} keeps at least {needed} in service, this would leave {left}; end another act first (a shift, a pin, a routing control that is off), act on other resources alone, or override the floor of this pool by its name"
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
    #[error("{}", too_many(*.what, *.count))]
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
    /// No such routing control.
    #[error("there is no routing control `{control}`; `holdfast control list` shows what there is")]
    UnknownControl {
        /// As asked.
        control: ControlRef,
    },
    /// Several panels have a control or rule of that name.
    #[error("several control panels have `{name}`: {panels}; write PANEL/{name} or #NUMBER")]
    Ambiguous {
        /// As asked.
        name: ControlName,
        /// The panels with the numbers of what they have, comma-separated.
        panels: String,
    },
    /// No such safety rule.
    #[error("there is no safety rule `{rule}`; `holdfast control list` shows what there is")]
    UnknownRule {
        /// As asked.
        rule: RuleRef,
    },
    /// No such cluster, panel, control or rule.
    #[error("there is no {object}; list what there is, it may have been deleted")]
    UnknownObject {
        /// As asked.
        object: ObjectId,
    },
    /// A pool whose floor is to be broken is not there.
    #[error(
        "there is no pool `{pool}`, so its floor cannot be overridden; `holdfast status` lists the pools"
    )]
    UnknownPool {
        /// As asked.
        pool: PoolName,
    },
    /// The estate declares it.
    #[error("{what} is declared in the estate; change it there, `holdfast apply` brings it in force")]
    OwnedByEstate {
        /// Such as `control panel regions`.
        what: String,
    },
    /// The name is taken.
    #[error("there is a {what} `{name}` already; choose another name")]
    NameTaken {
        /// Such as `control panel`.
        what: String,
        /// As asked.
        name: ControlName,
    },
    /// Something is still in it, or refers to it.
    #[error("{what} cannot be deleted: {holds}; delete that first")]
    NotEmpty {
        /// Such as `control panel regions`.
        what: String,
        /// Such as `it has 3 routing controls`.
        holds: String,
    },
    /// A batch of none or too many.
    #[error("a batch turns 1 to {} routing controls, this one {count}; split it", Command::SETS)]
    BatchSize {
        /// As asked.
        count: usize,
    },
    /// One control twice in a batch.
    #[error("`{control}` is in the batch twice; name each routing control once")]
    TwiceInBatch {
        /// Which.
        control: ControlPath,
    },
    /// An assertion rule would not hold after the change.
    #[error(
        "safety rule `{rule}` wants {wants} of its {of} routing controls on, this change leaves {on}; turn others with \
         it in the same batch, or override the rule by its name"
    )]
    RuleBroken {
        /// Its panel and name.
        rule: ControlPath,
        /// Its number.
        id: RuleId,
        /// Such as `at least 2`.
        wants: String,
        /// How many it asks about.
        of: usize,
        /// How many would be on.
        on: usize,
    },
    /// A gating rule did not hold before the change.
    #[error(
        "safety rule `{rule}` is a closed gate: it wants {wants} of its {of} gating controls on, {on} are; open the gate first, \
         in a change of its own, or override the rule by its name"
    )]
    GateClosed {
        /// Its panel and name.
        rule: ControlPath,
        /// Its number.
        id: RuleId,
        /// Such as `all`.
        wants: String,
        /// How many it asks about.
        of: usize,
        /// How many were on.
        on: usize,
    },
    /// One of the rule's controls was turned a short while ago.
    #[error(
        "safety rule `{rule}` waits {} more after the last change of its routing controls; try again then, or override the rule by \
         its name", format_duration(*.left)
    )]
    Waiting {
        /// Its panel and name.
        rule: ControlPath,
        /// Its number.
        id: RuleId,
        /// How long still.
        left: Duration,
    },
    /// A rule, a tag or a configuration that makes no sense.
    #[error("{what}: {why}")]
    Invalid {
        /// Such as `safety rule keep-one`.
        what: String,
        /// What is wrong and how to mend it.
        why: String,
    },
    /// Nothing of that name can be managed.
    #[error("there is no `{resource}` in the estate; `holdfast status` lists what there is")]
    UnknownManaged {
        /// As asked.
        resource: Resource,
    },
    /// The resource is not in that zone.
    #[error("`{resource}` is not in {zone}; it has {zones}")]
    NotInZone {
        /// As asked.
        resource: Resource,
        /// As asked.
        zone: ZoneId,
        /// Its zones, comma-separated.
        zones: String,
    },
    /// No practice configuration there.
    #[error("`{resource}` has no practice configuration; create one first")]
    NoPractice {
        /// As asked.
        resource: Resource,
    },
    /// A practice configuration that cannot be.
    #[error("the practice configuration of `{resource}` was not changed: {fault}")]
    BadPractice {
        /// As asked.
        resource: Resource,
        /// What is wrong with it.
        fault: PracticeFault,
    },
    /// A practice configuration is there.
    #[error("`{resource}` has a practice configuration already; update it")]
    PracticeThere {
        /// As asked.
        resource: Resource,
    },
    /// Autoshift needs the practice configuration.
    #[error("autoshift is enabled for `{resource}`; disable it before its practice configuration is deleted")]
    AutoshiftEnabled {
        /// As asked.
        resource: Resource,
    },
    /// An automatic shift may not act on it.
    #[error("autoshift of `{resource}` is not enabled; `holdfast autoshift on {resource}` enables it")]
    AutoshiftOff {
        /// As asked.
        resource: Resource,
    },
    /// An autoshift is in the way.
    #[error("autoshift `{id}` takes `{scope}` out of {zone}; wait until it has ended, or cancel it")]
    AutoshiftActive {
        /// The autoshift in force.
        id: ShiftId,
        /// Its zone.
        zone: ZoneId,
        /// Its scope.
        scope: Scope,
    },
    /// An operator has canceled one a short while ago.
    #[error(
        "an operator has canceled the last autoshift of `{resource}` out of {zone}; none begins for {} more",
        format_duration(*.left)
    )]
    AutoshiftQuiet {
        /// As asked.
        resource: Resource,
        /// As asked.
        zone: ZoneId,
        /// How long still.
        left: Duration,
    },
    /// Something that people asked for decides on a zone of the region.
    #[error("{by} decides on {zone}, and an autoshift adds nothing to that; end it first")]
    ZoneAway {
        /// The zone.
        zone: ZoneId,
        /// Such as `the pin by ann`.
        by: String,
    },
    /// No practice run at this time.
    #[error(
        "no practice run of `{resource}` now: {why}; try at another time or change its practice configuration"
    )]
    PracticeClosed {
        /// As asked.
        resource: Resource,
        /// Why not.
        why: PracticeClosed,
    },
    /// The break-glass act is for another estate.
    #[error("the break-glass act is for estate {found}, this one is {ours}; sign it for this one")]
    OtherEstate {
        /// The act's.
        found: EstateId,
        /// Ours.
        ours: EstateId,
    },
    /// No such hosted zone.
    #[error(
        "there is no hosted zone `{hosted_zone}` in the estate; `holdfast hosted-zones` lists what there is"
    )]
    UnknownHostedZone {
        /// As asked.
        hosted_zone: DnsName,
    },
    /// A dynamic update that cannot be done; RFC 2136 has a code for it.
    #[error("the update of {hosted_zone} was refused ({code}): {why}")]
    Update {
        /// Of which hosted zone.
        hosted_zone: DnsName,
        /// What the client is told.
        code: UpdateRcode,
        /// What is wrong, and how to mend it.
        why: String,
    },
    /// No such DNSSEC key.
    #[error("{hosted_zone} has no DNSSEC key with the tag {tag}; `holdfast dnssec status` shows its keys")]
    UnknownZoneKey {
        /// As asked.
        hosted_zone: DnsName,
        /// As asked.
        tag: u16,
    },
    /// Caches may still hold what was before.
    #[error(
        "DNSSEC key {tag} of {hosted_zone} waits {} more, until caches have let go of what was before; try again then, or force it",
        format_duration(*.left)
    )]
    ZoneKeyWaits {
        /// Of which hosted zone.
        hosted_zone: DnsName,
        /// Which key.
        tag: u16,
        /// How long still.
        left: Duration,
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

fn too_many(what: Bounded, count: usize) -> String {
    match what {
        Bounded::ActiveShifts | Bounded::Pins => {
            format!("there are {count} {what} already, the most that there may be; end some first")
        }
        Bounded::Overrides => format!("there may be at most {count} {what}; split the act"),
        _ => format!("there may be at most {count} {what}; delete some first"),
    }
}

/// Why there is no practice run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PracticeClosed {
    /// Its day is a blocked date.
    BlockedDate,
    /// Its time is in a blocked window.
    BlockedWindow,
    /// Its time is in none of the allowed windows.
    OutsideAllowedWindows,
    /// A pin or a routing control takes one of its zones away.
    ZoneAway,
}

impl std::fmt::Display for PracticeClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PracticeClosed::BlockedDate => "this day (UTC) is one of its blocked dates",
            PracticeClosed::BlockedWindow => "this time (UTC) is in one of its blocked windows",
            PracticeClosed::OutsideAllowedWindows => "this time (UTC) is in none of its allowed windows",
            PracticeClosed::ZoneAway => "a pin or a routing control takes one of its zones away",
        })
    }
}

/// What the state holds a bounded number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bounded {
    /// At most [`State::SHIFTS_ACTIVE`](crate::State::SHIFTS_ACTIVE).
    ActiveShifts,
    /// At most [`State::PINS`](crate::State::PINS).
    Pins,
    /// At most [`Board::CLUSTERS`](crate::Board::CLUSTERS).
    Clusters,
    /// At most [`limits::CONTROL_PANELS`](hf_config::estate::limits::CONTROL_PANELS) in a cluster.
    ControlPanels,
    /// At most [`limits::ROUTING_CONTROLS`](hf_config::estate::limits::ROUTING_CONTROLS) in a cluster.
    RoutingControls,
    /// At most [`limits::CONTROLS_OF_A_PANEL`](hf_config::estate::limits::CONTROLS_OF_A_PANEL).
    ControlsOfAPanel,
    /// At most [`limits::RULES_OF_A_PANEL`](hf_config::estate::limits::RULES_OF_A_PANEL).
    RulesOfAPanel,
    /// At most [`Board::TAGS`](crate::Board::TAGS) on one object.
    Tags,
    /// At most [`Board::TAGS_IN_ALL`](crate::Board::TAGS_IN_ALL).
    AllTags,
    /// At most [`State::PRACTICES`](crate::State::PRACTICES).
    PracticeConfigurations,
    /// At most [`State::ALARMS_IN_ALL`](crate::State::ALARMS_IN_ALL).
    AllAlarms,
    /// At most [`Command::OVERRIDES`] in one act.
    Overrides,
    /// At most [`ZoneKey::OF_A_ZONE`](crate::ZoneKey::OF_A_ZONE) of one hosted zone.
    ZoneKeys,
}

impl std::fmt::Display for Bounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Bounded::ActiveShifts => "active shifts",
            Bounded::Pins => "pins",
            Bounded::Clusters => "clusters",
            Bounded::ControlPanels => "control panels of the cluster",
            Bounded::RoutingControls => "routing controls of the cluster",
            Bounded::ControlsOfAPanel => "routing controls of the panel",
            Bounded::RulesOfAPanel => "safety rules of the panel",
            Bounded::Tags => "tags of the object",
            Bounded::AllTags => "tags of all objects",
            Bounded::PracticeConfigurations => "practice configurations",
            Bounded::AllAlarms => "alarms of all practice configurations",
            Bounded::Overrides => "overrides of one act",
            Bounded::ZoneKeys => "DNSSEC keys of the hosted zone",
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
    /// A routing control was turned.
    ControlTurned {
        /// Its panel and name.
        path: ControlPath,
        /// As it stood.
        before: Switch,
        /// As it is.
        after: Switch,
    },
    /// Safety rules were not asked, by the operator's word.
    RulesOverridden(Vec<ControlPath>),
    /// Floors may be broken, by the operator's word.
    FloorsOverridden(Vec<PoolName>),
    /// A cluster, panel, control or rule was made, changed or removed; in words, as it was and as it is.
    ObjectChanged {
        /// Which.
        object: ObjectId,
        /// None when it was made.
        before: Option<String>,
        /// None when it was removed.
        after: Option<String>,
    },
    /// A practice configuration or an autoshift setting was changed; in words, as it was and as it is.
    PracticeChanged {
        /// Which; none for the setting of the whole estate.
        resource: Option<Resource>,
        /// None when there was none.
        before: Option<String>,
        /// None when it was removed.
        after: Option<String>,
    },
    /// Dynamic records or DNSSEC keys of a hosted zone changed; what did, in words, as it was and as it is.
    HostedZoneChanged {
        /// Which.
        hosted_zone: DnsName,
        /// None when there was nothing.
        before: Option<String>,
        /// None when nothing is left.
        after: Option<String>,
    },
    /// A source told other endpoints of a pool.
    EndpointsChanged {
        /// The pool.
        pool: PoolName,
        /// What came, in words; changed ones are in both.
        added: String,
        /// What went.
        removed: String,
    },
    /// A break-glass act was recorded.
    BreakGlassRecorded(RecordedBreakGlass),
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// An operator ended it.
    Canceled,
    /// Its time was up.
    Expired,
    /// A practice run that a stronger act ended.
    Interrupted,
    /// Whoever watches over an autoshift or practice run ended it.
    Completed,
}
