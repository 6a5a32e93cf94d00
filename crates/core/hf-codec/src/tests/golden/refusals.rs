//! One of each refusal.

use std::time::Duration;

use hf_control::{ControlRef, ObjectId, Refusal, Resource, RuleRef};
use hf_model::{ControlId, ControlPath, EstateId, PanelId, Revision, RuleId};

use super::shift;
use crate::tests::arbitrary::refusal::{BOUNDS, CLOSED, FAULTS};

fn text(text: &str) -> String {
    text.to_owned()
}

pub(super) fn refusals() -> Vec<Refusal> {
    let mut refusals = of_acts();
    refusals.extend(BOUNDS.map(|what| Refusal::TooMany { what, count: 200 }));
    refusals.extend(of_the_board());
    refusals.extend(of_practice());
    refusals.extend(super::hosted::refusals());
    refusals
}

fn of_acts() -> Vec<Refusal> {
    let (id, zone, scope) = (shift().id, shift().zone, shift().scope);
    vec![
        Refusal::BadEstate { problems: text("estate.toml:1:1: what\nestate.toml:2:1: else") },
        Refusal::Stale { read: Revision(6), newest: Revision(7) },
        Refusal::InUse { by: text("shift-42"), what: text("zone euw2-az1") },
        Refusal::UnknownZone { zone: zone.clone(), known: text("a, b") },
        Refusal::UnknownResource { scope: scope.clone() },
        Refusal::UnknownShift { id: id.clone() },
        Refusal::NotActive { id: id.clone() },
        Refusal::AlreadyShifted { id: id.clone(), zone: zone.clone(), scope: scope.clone() },
        Refusal::OtherZoneShifted { id, zone: zone.clone(), scope: scope.clone() },
        Refusal::Floor { pool: text("pool/web"), needed: text("2 zones"), left: text("1 zone") },
        Refusal::Length { length: Duration::from_secs(59) },
        Refusal::Reason { len: 501 },
        Refusal::NoPin { zone, scope },
        Refusal::ZoneEdge {
            zone: "euw2-az1".parse().unwrap(),
            scope: "pool/web".parse().unwrap(),
            other: "euw2-az2".parse().unwrap(),
            why: text("shift-42 takes pool/web out of euw2-az2"),
        },
        Refusal::DeploymentLength { length: Duration::from_secs(59) },
        Refusal::NoDeployment { zone: "euw2-az1".parse().unwrap(), scope: "everything".parse().unwrap() },
        Refusal::RequestReused { request: "request-1".parse().unwrap() },
        Refusal::OtherEstate { found: EstateId([1; 16]), ours: EstateId([2; 16]) },
    ]
}

fn of_the_board() -> Vec<Refusal> {
    let rule: ControlPath = "regions/keep-one".parse().unwrap();
    let (id, name) = (RuleId(0x0d), rule.control.clone());
    let control: ControlPath = "regions/eu-west-2".parse().unwrap();
    vec![
        Refusal::UnknownControl { control: ControlRef::Id(ControlId(7)) },
        Refusal::UnknownControl { control: ControlRef::Path(control.clone()) },
        Refusal::UnknownControl { control: ControlRef::Name(control.control.clone()) },
        Refusal::Ambiguous { name: name.clone(), panels: text("cells, regions") },
        Refusal::UnknownRule { rule: RuleRef::Id(id) },
        Refusal::UnknownRule { rule: RuleRef::Path(rule.clone()) },
        Refusal::UnknownRule { rule: RuleRef::Name(name.clone()) },
        Refusal::UnknownObject { object: ObjectId::Panel(PanelId(9)) },
        Refusal::UnknownPool { pool: "web".parse().unwrap() },
        Refusal::OwnedByEstate { what: text("control panel regions") },
        Refusal::NameTaken { what: text("control panel"), name },
        Refusal::NotEmpty { what: text("control panel regions"), holds: text("it has 3 routing controls") },
        Refusal::BatchSize { count: 0 },
        Refusal::TwiceInBatch { control },
        Refusal::RuleBroken { rule: rule.clone(), id, wants: text("at least 2"), of: 3, on: 1 },
        Refusal::GateClosed { rule: rule.clone(), id, wants: text("all"), of: 3, on: 2 },
        Refusal::Waiting { rule, id, left: Duration::from_millis(4_999) },
        Refusal::Invalid { what: text("tag a"), why: text("a key has 1 to 128 characters") },
    ]
}

fn of_practice() -> Vec<Refusal> {
    let resource: Resource = "pool/web".parse().unwrap();
    let zone = shift().zone;
    let mut refusals = vec![
        Refusal::UnknownManaged { resource: resource.clone() },
        Refusal::NotInZone { resource: resource.clone(), zone, zones: text("euw2-az2, euw2-az3") },
        Refusal::NoPractice { resource: resource.clone() },
        Refusal::PracticeThere { resource: resource.clone() },
        Refusal::AutoshiftEnabled { resource: resource.clone() },
        Refusal::AutoshiftOff { resource: resource.clone() },
        Refusal::AutoshiftActive { id: shift().id, zone: shift().zone, scope: shift().scope },
        Refusal::AutoshiftQuiet {
            resource: resource.clone(),
            zone: shift().zone,
            left: Duration::from_millis(1_799_999),
        },
        Refusal::ZoneAway { zone: shift().zone, by: text("the pin by ann") },
    ];
    refusals.extend(FAULTS.map(|fault| Refusal::BadPractice { resource: resource.clone(), fault }));
    refusals.extend(CLOSED.map(|why| Refusal::PracticeClosed { resource: resource.clone(), why }));
    refusals
}
