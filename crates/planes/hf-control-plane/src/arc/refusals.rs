//! Refusals of the ledger's rules as each service's clients know them.

use hf_arc::arn::{ClusterArn, ControlArn, PanelArn, RuleArn};
use hf_arc::error::{ConflictReason, ValidationReason};
use hf_arc::{About, ArcError, Service};
use hf_control::practice::PracticeFault;
use hf_control::{ObjectId, PracticeClosed, Refusal};
use hf_model::{NodeId, RuleId};

use crate::control::{SubmitError, View};

/// A refusal by the rules of the state.
pub(super) fn of_rules(service: Service, refusal: &Refusal, view: &View) -> ArcError {
    match service {
        Service::ZonalShift => of_zonal_shift(refusal),
        Service::Cluster | Service::ControlConfig => of_recovery_control(refusal, view),
    }
}

/// A command that never got to the rules, or of which nobody knows whether it did.
pub(super) fn of_submit(node: &NodeId, error: &SubmitError) -> ArcError {
    match error {
        SubmitError::Busy => ArcError::Throttled { message: error.to_string(), retry_after_s: 1 },
        SubmitError::TooLarge(_) => ArcError::Unreadable { message: error.to_string() },
        SubmitError::Stopping
        | SubmitError::Ledger(_)
        | SubmitError::LedgerBehind(_)
        | SubmitError::Behind(_) => {
            ArcError::Unavailable { message: format!("node {node}: {error}; try another endpoint") }
        }
    }
}

fn of_zonal_shift(refusal: &Refusal) -> ArcError {
    let invalid = |name: &str, reason| ArcError::invalid(name, reason, refusal);
    let conflict = |reason, shift| ArcError::shift_conflict(reason, refusal, shift);
    let not_found = |kind, id: &dyn std::fmt::Display| ArcError::not_found(refusal, About::new(kind, id));
    match refusal {
        Refusal::UnknownZone { .. } => invalid("awayFrom", ValidationReason::InvalidAz),
        Refusal::NotInZone { .. } => invalid("awayFrom", ValidationReason::UnsupportedAz),
        Refusal::UnknownResource { scope } => not_found(About::RESOURCE, scope),
        Refusal::UnknownManaged { resource } => not_found(About::RESOURCE, resource),
        Refusal::UnknownShift { id } => not_found(About::SHIFT, id),
        Refusal::NotActive { id } => conflict(ConflictReason::ZonalShiftStatusNotActive, Some(id.clone())),
        Refusal::AlreadyShifted { id, .. } => {
            conflict(ConflictReason::ZonalShiftAlreadyExists, Some(id.clone()))
        }
        Refusal::OtherZoneShifted { id, .. } => {
            conflict(ConflictReason::SimultaneousZonalShiftsConflict, Some(id.clone()))
        }
        // AWS has no word for it: another zone away at once would leave too little.
        Refusal::Floor { .. } => conflict(ConflictReason::SimultaneousZonalShiftsConflict, None),
        Refusal::Length { .. } => invalid("expiresIn", ValidationReason::InvalidExpiresIn),
        Refusal::Reason { .. } => invalid("comment", ValidationReason::MissingValue),
        // A practice run that is to last longer: AWS's word for shifts that are not the caller's to change.
        Refusal::Invalid { .. } => invalid("zonalShiftId", ValidationReason::AutoshiftUpdateNotAllowed),
        Refusal::NoPractice { .. } => conflict(ConflictReason::PracticeConfigurationDoesNotExist, None),
        Refusal::AutoshiftActive { id, .. } => {
            conflict(ConflictReason::ZonalAutoshiftActive, Some(id.clone()))
        }
        Refusal::PracticeThere { .. } => conflict(ConflictReason::PracticeConfigurationAlreadyExists, None),
        Refusal::AutoshiftEnabled { .. } => conflict(ConflictReason::AutoShiftEnabled, None),
        Refusal::PracticeClosed { why, .. } => conflict(
            match why {
                PracticeClosed::BlockedDate => ConflictReason::PracticeInBlockedDates,
                PracticeClosed::BlockedWindow => ConflictReason::PracticeInBlockedWindows,
                PracticeClosed::OutsideAllowedWindows => ConflictReason::PracticeOutsideAllowedWindows,
                // Another act holds a zone of it away: one at a time.
                PracticeClosed::ZoneAway => ConflictReason::SimultaneousZonalShiftsConflict,
            },
            None,
        ),
        Refusal::BadPractice { fault, .. } => {
            let (name, reason) = match fault {
                PracticeFault::OutcomeAlarms => ("outcomeAlarms", ValidationReason::InvalidAlarmCondition),
                PracticeFault::BlockingAlarms => ("blockingAlarms", ValidationReason::InvalidPracticeBlocker),
                PracticeFault::BlockedWindows => ("blockedWindows", ValidationReason::InvalidPracticeBlocker),
                PracticeFault::BlockedDates => ("blockedDates", ValidationReason::InvalidPracticeBlocker),
                PracticeFault::AllowedWindows => {
                    ("allowedWindows", ValidationReason::InvalidPracticeAllowedWindow)
                }
                PracticeFault::BothWindows => ("allowedWindows", ValidationReason::InvalidPracticeWindows),
            };
            invalid(name, reason)
        }
        Refusal::TooMany { what, .. } => {
            ArcError::LimitExceeded { message: refusal.to_string(), limit: limit_name(*what) }
        }
        // No call of this service can meet these.
        Refusal::BadEstate { .. }
        | Refusal::Stale { .. }
        | Refusal::InUse { .. }
        | Refusal::RequestReused { .. }
        | Refusal::UnknownControl { .. }
        | Refusal::Ambiguous { .. }
        | Refusal::UnknownRule { .. }
        | Refusal::UnknownObject { .. }
        | Refusal::UnknownPool { .. }
        | Refusal::OwnedByEstate { .. }
        | Refusal::NameTaken { .. }
        | Refusal::NotEmpty { .. }
        | Refusal::BatchSize { .. }
        | Refusal::TwiceInBatch { .. }
        | Refusal::RuleBroken { .. }
        | Refusal::GateClosed { .. }
        | Refusal::Waiting { .. }
        | Refusal::OtherEstate { .. }
        | Refusal::UnknownHostedZone { .. }
        | Refusal::Update { .. }
        | Refusal::UnknownZoneKey { .. }
        | Refusal::ZoneKeyWaits { .. }
        | Refusal::AutoshiftOff { .. }
        | Refusal::AutoshiftQuiet { .. }
        | Refusal::ZoneAway { .. }
        | Refusal::ZoneEdge { .. }
        | Refusal::DeploymentLength { .. }
        | Refusal::NoDeployment { .. }
        | Refusal::NoPin { .. } => ArcError::Internal { message: refusal.to_string() },
    }
}

fn of_recovery_control(refusal: &Refusal, view: &View) -> ArcError {
    let conflict = |about| ArcError::conflict(refusal, about);
    let not_found = |kind, id: &dyn std::fmt::Display| ArcError::not_found(refusal, About::new(kind, id));
    match refusal {
        Refusal::UnknownObject { object } => ArcError::not_found(refusal, about_object(*object, view)),
        Refusal::UnknownControl { control } => not_found(About::CONTROL, control),
        Refusal::UnknownRule { rule } => not_found(About::RULE, rule),
        Refusal::UnknownPool { pool } => not_found(About::RESOURCE, pool),
        Refusal::RuleBroken { id, .. } | Refusal::GateClosed { id, .. } | Refusal::Waiting { id, .. } => {
            by_rule(refusal, about_rule(*id, view))
        }
        Refusal::Floor { pool, .. } => conflict(About::new(About::RESOURCE, pool)),
        Refusal::NameTaken { name, .. } => conflict(About::new("", name)),
        Refusal::NotEmpty { .. }
        | Refusal::InUse { .. }
        | Refusal::OwnedByEstate { .. }
        | Refusal::Ambiguous { .. }
        | Refusal::Stale { .. } => conflict(About::new("", "")),
        Refusal::RequestReused { .. } => ArcError::conflict(
            "this ClientToken was used before with other input, so nothing was done; use a new one for each thing to be made",
            About::new("", ""),
        ),
        Refusal::TooMany { what, .. } => {
            ArcError::LimitExceeded { message: refusal.to_string(), limit: limit_name(*what) }
        }
        Refusal::BatchSize { .. } => {
            ArcError::LimitExceeded { message: refusal.to_string(), limit: "entries-per-batch" }
        }
        Refusal::TwiceInBatch { .. } => {
            ArcError::invalid("UpdateRoutingControlStateEntries", ValidationReason::MissingValue, refusal)
        }
        Refusal::Invalid { .. } => ArcError::invalid("request", ValidationReason::MissingValue, refusal),
        // No call of these services can meet these.
        Refusal::BadEstate { .. }
        | Refusal::UnknownZone { .. }
        | Refusal::UnknownResource { .. }
        | Refusal::UnknownShift { .. }
        | Refusal::NotActive { .. }
        | Refusal::AlreadyShifted { .. }
        | Refusal::OtherZoneShifted { .. }
        | Refusal::Length { .. }
        | Refusal::Reason { .. }
        | Refusal::UnknownManaged { .. }
        | Refusal::NotInZone { .. }
        | Refusal::NoPractice { .. }
        | Refusal::BadPractice { .. }
        | Refusal::PracticeThere { .. }
        | Refusal::AutoshiftEnabled { .. }
        | Refusal::PracticeClosed { .. }
        | Refusal::AutoshiftOff { .. }
        | Refusal::AutoshiftActive { .. }
        | Refusal::AutoshiftQuiet { .. }
        | Refusal::ZoneAway { .. }
        | Refusal::OtherEstate { .. }
        | Refusal::UnknownHostedZone { .. }
        | Refusal::Update { .. }
        | Refusal::UnknownZoneKey { .. }
        | Refusal::ZoneKeyWaits { .. }
        | Refusal::ZoneEdge { .. }
        | Refusal::DeploymentLength { .. }
        | Refusal::NoDeployment { .. }
        | Refusal::NoPin { .. } => ArcError::Internal { message: refusal.to_string() },
    }
}

/// In words of this API: which rule, what it wants, and how it is passed over here.
fn by_rule(refusal: &Refusal, about: About) -> ArcError {
    let message = match refusal {
        Refusal::RuleBroken { rule, wants, of, on, .. } => format!(
            "safety rule {rule} wants {wants} of its {of} routing controls On, this change leaves {on}; turn others with it in the \
             same batch, or name the rule in SafetyRulesToOverride"
        ),
        Refusal::GateClosed { rule, wants, of, on, .. } => format!(
            "safety rule {rule} is a closed gate: it wants {wants} of its {of} gating controls On, {on} are; open the gate first, in a \
             call of its own, or name the rule in SafetyRulesToOverride"
        ),
        Refusal::Waiting { rule, left, .. } => format!(
            "safety rule {rule} waits {} more after the last change of its routing controls; try again then, or name the rule in \
             SafetyRulesToOverride",
            hf_model::format_duration(*left)
        ),
        other => other.to_string(),
    };
    ArcError::conflict(message, about)
}

fn limit_name(what: hf_control::Bounded) -> &'static str {
    use hf_control::Bounded;
    match what {
        Bounded::Clusters => "clusters",
        Bounded::ControlPanels => "control-panels-per-cluster",
        Bounded::RoutingControls => "routing-controls-per-cluster",
        Bounded::ControlsOfAPanel => "routing-controls-per-panel",
        Bounded::RulesOfAPanel => "safety-rules-per-panel",
        Bounded::Tags => "tags-per-resource",
        Bounded::AllTags => "tags",
        Bounded::AllAlarms => "alarms",
        Bounded::Overrides => "overrides-per-call",
        Bounded::PracticeConfigurations => "practice-configurations",
        Bounded::ActiveShifts => "active-shifts",
        Bounded::Pins => "pins",
        Bounded::Deployments => "deployments",
        Bounded::ZoneKeys => "keys-per-hosted-zone",
    }
}

fn about_rule(id: RuleId, view: &View) -> About {
    match view.board.rules.get(&id) {
        Some(rule) => About::new(About::RULE, RuleArn { panel: rule.panel, rule: id }),
        None => About::new(About::RULE, id),
    }
}

fn about_object(object: ObjectId, view: &View) -> About {
    match object {
        ObjectId::Cluster(id) => About::new(About::CLUSTER, ClusterArn(id)),
        ObjectId::Panel(id) => About::new(About::PANEL, PanelArn(id)),
        ObjectId::Control(id) => match view.board.controls.get(&id) {
            Some(control) => About::new(About::CONTROL, ControlArn { panel: control.panel, control: id }),
            None => About::new(About::CONTROL, id),
        },
        ObjectId::Rule(id) => about_rule(id, view),
    }
}
