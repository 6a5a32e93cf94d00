//! Any refusal. A new variant belongs here, into the golden file and into the list below.

use hf_control::{Bounded, PracticeClosed, PracticeFault, Refusal};
use proptest::prelude::*;
use proptest::sample::select;

use super::{board, estate_id, id, length, pool, practice, revision, scope, text, zone};

/// Every bound.
pub(in crate::tests) const BOUNDS: [Bounded; 14] = [
    Bounded::ActiveShifts,
    Bounded::Pins,
    Bounded::Deployments,
    Bounded::Clusters,
    Bounded::ControlPanels,
    Bounded::RoutingControls,
    Bounded::ControlsOfAPanel,
    Bounded::RulesOfAPanel,
    Bounded::Tags,
    Bounded::AllTags,
    Bounded::PracticeConfigurations,
    Bounded::AllAlarms,
    Bounded::Overrides,
    Bounded::ZoneKeys,
];

/// Every reason why there is no practice run.
pub(in crate::tests) const CLOSED: [PracticeClosed; 4] = [
    PracticeClosed::BlockedDate,
    PracticeClosed::BlockedWindow,
    PracticeClosed::OutsideAllowedWindows,
    PracticeClosed::ZoneAway,
];

/// Every fault of a practice configuration.
pub(in crate::tests) const FAULTS: [PracticeFault; 6] = [
    PracticeFault::OutcomeAlarms,
    PracticeFault::BlockingAlarms,
    PracticeFault::BlockedWindows,
    PracticeFault::AllowedWindows,
    PracticeFault::BlockedDates,
    PracticeFault::BothWindows,
];

pub(super) fn any_of_them() -> impl Strategy<Value = Refusal> {
    prop_oneof![of_acts(), of_the_board(), of_practice(), super::hosted::refusal()]
}

fn of_acts() -> BoxedStrategy<Refusal> {
    let request = "[a-z0-9]{1,63}".prop_map(|text| text.parse().unwrap());
    prop_oneof![
        text().prop_map(|problems| Refusal::BadEstate { problems }),
        (revision(), revision()).prop_map(|(read, newest)| Refusal::Stale { read, newest }),
        (text(), text()).prop_map(|(by, what)| Refusal::InUse { by, what }),
        (zone(), text()).prop_map(|(zone, known)| Refusal::UnknownZone { zone, known }),
        scope().prop_map(|scope| Refusal::UnknownResource { scope }),
        id().prop_map(|id| Refusal::UnknownShift { id }),
        id().prop_map(|id| Refusal::NotActive { id }),
        (id(), zone(), scope()).prop_map(|(id, zone, scope)| Refusal::AlreadyShifted { id, zone, scope }),
        (id(), zone(), scope()).prop_map(|(id, zone, scope)| Refusal::OtherZoneShifted { id, zone, scope }),
        (text(), text(), text()).prop_map(|(pool, needed, left)| Refusal::Floor { pool, needed, left }),
        length().prop_map(|length| Refusal::Length { length }),
        any::<usize>().prop_map(|len| Refusal::Reason { len }),
        (select(&BOUNDS[..]), any::<usize>()).prop_map(|(what, count)| Refusal::TooMany { what, count }),
        request.prop_map(|request| Refusal::RequestReused { request }),
        (estate_id(), estate_id()).prop_map(|(found, ours)| Refusal::OtherEstate { found, ours }),
        (zone(), scope()).prop_map(|(zone, scope)| Refusal::NoPin { zone, scope }),
        (zone(), scope(), zone(), text()).prop_map(|(zone, scope, other, why)| Refusal::ZoneEdge {
            zone,
            scope,
            other,
            why
        }),
        length().prop_map(|length| Refusal::DeploymentLength { length }),
        (zone(), scope()).prop_map(|(zone, scope)| Refusal::NoDeployment { zone, scope }),
    ]
    .boxed()
}

fn of_the_board() -> BoxedStrategy<Refusal> {
    let counts = || (any::<usize>(), any::<usize>());
    prop_oneof![
        board::control_ref().prop_map(|control| Refusal::UnknownControl { control }),
        (board::name(), text()).prop_map(|(name, panels)| Refusal::Ambiguous { name, panels }),
        board::rule_ref().prop_map(|rule| Refusal::UnknownRule { rule }),
        board::object().prop_map(|object| Refusal::UnknownObject { object }),
        pool().prop_map(|pool| Refusal::UnknownPool { pool }),
        text().prop_map(|what| Refusal::OwnedByEstate { what }),
        (text(), board::name()).prop_map(|(what, name)| Refusal::NameTaken { what, name }),
        (text(), text()).prop_map(|(what, holds)| Refusal::NotEmpty { what, holds }),
        any::<usize>().prop_map(|count| Refusal::BatchSize { count }),
        board::path().prop_map(|control| Refusal::TwiceInBatch { control }),
        (board::path(), board::rule(), text(), counts())
            .prop_map(|(rule, id, wants, (of, on))| { Refusal::RuleBroken { rule, id, wants, of, on } }),
        (board::path(), board::rule(), text(), counts())
            .prop_map(|(rule, id, wants, (of, on))| { Refusal::GateClosed { rule, id, wants, of, on } }),
        (board::path(), board::rule(), length()).prop_map(|(rule, id, left)| Refusal::Waiting {
            rule,
            id,
            left
        }),
        (text(), text()).prop_map(|(what, why)| Refusal::Invalid { what, why }),
    ]
    .boxed()
}

fn of_practice() -> BoxedStrategy<Refusal> {
    let resource = practice::resource;
    prop_oneof![
        resource().prop_map(|resource| Refusal::UnknownManaged { resource }),
        (resource(), zone(), text()).prop_map(|(resource, zone, zones)| Refusal::NotInZone {
            resource,
            zone,
            zones
        }),
        resource().prop_map(|resource| Refusal::NoPractice { resource }),
        (resource(), select(&FAULTS[..]))
            .prop_map(|(resource, fault)| Refusal::BadPractice { resource, fault }),
        resource().prop_map(|resource| Refusal::PracticeThere { resource }),
        resource().prop_map(|resource| Refusal::AutoshiftEnabled { resource }),
        resource().prop_map(|resource| Refusal::AutoshiftOff { resource }),
        (id(), zone(), scope()).prop_map(|(id, zone, scope)| Refusal::AutoshiftActive { id, zone, scope }),
        (resource(), zone(), length()).prop_map(|(resource, zone, left)| Refusal::AutoshiftQuiet {
            resource,
            zone,
            left
        }),
        (zone(), text()).prop_map(|(zone, by)| Refusal::ZoneAway { zone, by }),
        (resource(), select(&CLOSED[..]))
            .prop_map(|(resource, why)| Refusal::PracticeClosed { resource, why }),
    ]
    .boxed()
}
