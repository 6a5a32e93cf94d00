//! Why a change was refused, in words that say how to mend it; nothing was changed then.

use std::time::Duration;

use hf_model::{
    ControlName, ControlPath, DnsName, EstateId, PoolName, RequestId, Revision, RuleId, ShiftId, ZoneId,
    format_duration,
};

use super::Command;
use crate::board::{ControlRef, ObjectId, RuleRef};
use crate::hosted::UpdateRcode;
use crate::intent::Scope;
use crate::practice::{PracticeFault, Resource};

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
    /// Deployments go one zone at a time.
    #[error(
        "{scope} is not deployed to {zone} now: {why}; a deployment stops at a zone's edge, so wait until that is over, or override \
         {other} by its name"
    )]
    ZoneEdge {
        /// As asked.
        zone: ZoneId,
        /// As asked.
        scope: Scope,
        /// The zone that is in the way.
        other: ZoneId,
        /// Such as `ann deploys pool/web to b, for 12m more at most`.
        why: String,
    },
    /// A deployment's length out of range.
    #[error(
        "the mark of a deployment lasts 1m to 4h, this one {}; change `--for`, and start it again while the deployment goes on",
        format_duration(*.length)
    )]
    DeploymentLength {
        /// As asked.
        length: Duration,
    },
    /// No mark there.
    #[error("{zone} is not marked as being deployed to, {scope}; `holdfast deploy list` shows what is")]
    NoDeployment {
        /// As asked.
        zone: ZoneId,
        /// As asked.
        scope: Scope,
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
        Bounded::ActiveShifts | Bounded::Pins | Bounded::Deployments => {
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
    /// At most [`State::DEPLOYMENTS`](crate::State::DEPLOYMENTS).
    Deployments,
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
            Bounded::Deployments => "marks of deployments",
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
