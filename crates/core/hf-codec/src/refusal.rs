//! Refusals inside outcomes.

use std::time::Duration;

use hf_control::{Bounded, Refusal, Resource, Scope};
use hf_model::{
    ControlName, ControlPath, DnsName, EstateId, PoolName, RequestId, Revision, RuleId, ShiftId, ZoneId,
};
use serde::{Deserialize, Serialize};

use crate::board::ObjectIdBody;
use crate::board_command::{ControlRefBody, RuleRefBody};
use crate::hosted::UpdateRcodeBody;
use crate::mirror::mirrored;
use crate::practice::{PracticeClosedBody, PracticeFaultBody};
use crate::text::AsText;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RefusalBody {
    BadEstate { problems: String },
    Stale { read: u64, newest: u64 },
    InUse { by: String, what: String },
    UnknownZone { zone: AsText<ZoneId>, known: String },
    UnknownResource { scope: AsText<Scope> },
    UnknownShift { id: AsText<ShiftId> },
    NotActive { id: AsText<ShiftId> },
    AlreadyShifted { id: AsText<ShiftId>, zone: AsText<ZoneId>, scope: AsText<Scope> },
    OtherZoneShifted { id: AsText<ShiftId>, zone: AsText<ZoneId>, scope: AsText<Scope> },
    Floor { pool: String, needed: String, left: String },
    Length { length: Duration },
    Reason { len: usize },
    TooMany { what: BoundedBody, count: usize },
    RequestReused { request: AsText<RequestId> },
    UnknownControl { control: ControlRefBody },
    Ambiguous { name: AsText<ControlName>, panels: String },
    UnknownRule { rule: RuleRefBody },
    UnknownObject { object: ObjectIdBody },
    UnknownPool { pool: AsText<PoolName> },
    OwnedByEstate { what: String },
    NameTaken { what: String, name: AsText<ControlName> },
    NotEmpty { what: String, holds: String },
    BatchSize { count: usize },
    TwiceInBatch { control: AsText<ControlPath> },
    RuleBroken { rule: AsText<ControlPath>, id: AsText<RuleId>, wants: String, of: usize, on: usize },
    GateClosed { rule: AsText<ControlPath>, id: AsText<RuleId>, wants: String, of: usize, on: usize },
    Waiting { rule: AsText<ControlPath>, id: AsText<RuleId>, left: Duration },
    Invalid { what: String, why: String },
    UnknownManaged { resource: AsText<Resource> },
    NotInZone { resource: AsText<Resource>, zone: AsText<ZoneId>, zones: String },
    NoPractice { resource: AsText<Resource> },
    BadPractice { resource: AsText<Resource>, fault: PracticeFaultBody },
    PracticeThere { resource: AsText<Resource> },
    AutoshiftEnabled { resource: AsText<Resource> },
    PracticeClosed { resource: AsText<Resource>, why: PracticeClosedBody },
    AutoshiftOff { resource: AsText<Resource> },
    AutoshiftActive { id: AsText<ShiftId>, zone: AsText<ZoneId>, scope: AsText<Scope> },
    AutoshiftQuiet { resource: AsText<Resource>, zone: AsText<ZoneId>, left: Duration },
    ZoneAway { zone: AsText<ZoneId>, by: String },
    ZoneEdge { zone: AsText<ZoneId>, scope: AsText<Scope>, other: AsText<ZoneId>, why: String },
    DeploymentLength { length: Duration },
    NoDeployment { zone: AsText<ZoneId>, scope: AsText<Scope> },
    OtherEstate { found: AsText<EstateId>, ours: AsText<EstateId> },
    NoPin { zone: AsText<ZoneId>, scope: AsText<Scope> },
    UnknownHostedZone { hosted_zone: AsText<DnsName> },
    Update { hosted_zone: AsText<DnsName>, code: UpdateRcodeBody, why: String },
    UnknownZoneKey { hosted_zone: AsText<DnsName>, tag: u16 },
    ZoneKeyWaits { hosted_zone: AsText<DnsName>, tag: u16, left: Duration },
}

mirrored! {
    Bounded as BoundedBody {
        ActiveShifts, Pins, Deployments, Clusters, ControlPanels, RoutingControls, ControlsOfAPanel, RulesOfAPanel, Tags, AllTags,
        PracticeConfigurations, AllAlarms, Overrides, ZoneKeys
    }
}

impl From<Refusal> for RefusalBody {
    fn from(refusal: Refusal) -> Self {
        use RefusalBody as Body;
        match refusal {
            Refusal::BadEstate { problems } => Body::BadEstate { problems },
            Refusal::Stale { read, newest } => Body::Stale { read: read.0, newest: newest.0 },
            Refusal::InUse { by, what } => Body::InUse { by, what },
            Refusal::UnknownZone { zone, known } => Body::UnknownZone { zone: AsText(zone), known },
            Refusal::UnknownResource { scope } => Body::UnknownResource { scope: AsText(scope) },
            Refusal::UnknownShift { id } => Body::UnknownShift { id: AsText(id) },
            Refusal::NotActive { id } => Body::NotActive { id: AsText(id) },
            Refusal::AlreadyShifted { id, zone, scope } => {
                Body::AlreadyShifted { id: AsText(id), zone: AsText(zone), scope: AsText(scope) }
            }
            Refusal::OtherZoneShifted { id, zone, scope } => {
                Body::OtherZoneShifted { id: AsText(id), zone: AsText(zone), scope: AsText(scope) }
            }
            Refusal::Floor { pool, needed, left } => Body::Floor { pool, needed, left },
            Refusal::Length { length } => Body::Length { length },
            Refusal::Reason { len } => Body::Reason { len },
            Refusal::TooMany { what, count } => Body::TooMany { what: what.into(), count },
            Refusal::RequestReused { request } => Body::RequestReused { request: AsText(request) },
            Refusal::UnknownControl { control } => Body::UnknownControl { control: (&control).into() },
            Refusal::Ambiguous { name, panels } => Body::Ambiguous { name: AsText(name), panels },
            Refusal::UnknownRule { rule } => Body::UnknownRule { rule: (&rule).into() },
            Refusal::UnknownObject { object } => Body::UnknownObject { object: object.into() },
            Refusal::UnknownPool { pool } => Body::UnknownPool { pool: AsText(pool) },
            Refusal::OwnedByEstate { what } => Body::OwnedByEstate { what },
            Refusal::NameTaken { what, name } => Body::NameTaken { what, name: AsText(name) },
            Refusal::NotEmpty { what, holds } => Body::NotEmpty { what, holds },
            Refusal::BatchSize { count } => Body::BatchSize { count },
            Refusal::TwiceInBatch { control } => Body::TwiceInBatch { control: AsText(control) },
            Refusal::RuleBroken { rule, id, wants, of, on } => {
                Body::RuleBroken { rule: AsText(rule), id: AsText(id), wants, of, on }
            }
            Refusal::GateClosed { rule, id, wants, of, on } => {
                Body::GateClosed { rule: AsText(rule), id: AsText(id), wants, of, on }
            }
            Refusal::Waiting { rule, id, left } => Body::Waiting { rule: AsText(rule), id: AsText(id), left },
            Refusal::Invalid { what, why } => Body::Invalid { what, why },
            Refusal::UnknownManaged { resource } => Body::UnknownManaged { resource: AsText(resource) },
            Refusal::NotInZone { resource, zone, zones } => {
                Body::NotInZone { resource: AsText(resource), zone: AsText(zone), zones }
            }
            Refusal::NoPractice { resource } => Body::NoPractice { resource: AsText(resource) },
            Refusal::BadPractice { resource, fault } => {
                Body::BadPractice { resource: AsText(resource), fault: fault.into() }
            }
            Refusal::PracticeThere { resource } => Body::PracticeThere { resource: AsText(resource) },
            Refusal::AutoshiftEnabled { resource } => Body::AutoshiftEnabled { resource: AsText(resource) },
            Refusal::PracticeClosed { resource, why } => {
                Body::PracticeClosed { resource: AsText(resource), why: why.into() }
            }
            Refusal::AutoshiftOff { resource } => Body::AutoshiftOff { resource: AsText(resource) },
            Refusal::AutoshiftActive { id, zone, scope } => {
                Body::AutoshiftActive { id: AsText(id), zone: AsText(zone), scope: AsText(scope) }
            }
            Refusal::AutoshiftQuiet { resource, zone, left } => {
                Body::AutoshiftQuiet { resource: AsText(resource), zone: AsText(zone), left }
            }
            Refusal::ZoneAway { zone, by } => Body::ZoneAway { zone: AsText(zone), by },
            Refusal::ZoneEdge { zone, scope, other, why } => {
                Body::ZoneEdge { zone: AsText(zone), scope: AsText(scope), other: AsText(other), why }
            }
            Refusal::DeploymentLength { length } => Body::DeploymentLength { length },
            Refusal::NoDeployment { zone, scope } => {
                Body::NoDeployment { zone: AsText(zone), scope: AsText(scope) }
            }
            Refusal::OtherEstate { found, ours } => {
                Body::OtherEstate { found: AsText(found), ours: AsText(ours) }
            }
            Refusal::NoPin { zone, scope } => Body::NoPin { zone: AsText(zone), scope: AsText(scope) },
            Refusal::UnknownHostedZone { hosted_zone } => {
                Body::UnknownHostedZone { hosted_zone: AsText(hosted_zone) }
            }
            Refusal::Update { hosted_zone, code, why } => {
                Body::Update { hosted_zone: AsText(hosted_zone), code: code.into(), why }
            }
            Refusal::UnknownZoneKey { hosted_zone, tag } => {
                Body::UnknownZoneKey { hosted_zone: AsText(hosted_zone), tag }
            }
            Refusal::ZoneKeyWaits { hosted_zone, tag, left } => {
                Body::ZoneKeyWaits { hosted_zone: AsText(hosted_zone), tag, left }
            }
        }
    }
}

impl From<RefusalBody> for Refusal {
    fn from(body: RefusalBody) -> Self {
        use RefusalBody as Body;
        match body {
            Body::BadEstate { problems } => Refusal::BadEstate { problems },
            Body::Stale { read, newest } => Refusal::Stale { read: Revision(read), newest: Revision(newest) },
            Body::InUse { by, what } => Refusal::InUse { by, what },
            Body::UnknownZone { zone, known } => Refusal::UnknownZone { zone: zone.0, known },
            Body::UnknownResource { scope } => Refusal::UnknownResource { scope: scope.0 },
            Body::UnknownShift { id } => Refusal::UnknownShift { id: id.0 },
            Body::NotActive { id } => Refusal::NotActive { id: id.0 },
            Body::AlreadyShifted { id, zone, scope } => {
                Refusal::AlreadyShifted { id: id.0, zone: zone.0, scope: scope.0 }
            }
            Body::OtherZoneShifted { id, zone, scope } => {
                Refusal::OtherZoneShifted { id: id.0, zone: zone.0, scope: scope.0 }
            }
            Body::Floor { pool, needed, left } => Refusal::Floor { pool, needed, left },
            Body::Length { length } => Refusal::Length { length },
            Body::Reason { len } => Refusal::Reason { len },
            Body::TooMany { what, count } => Refusal::TooMany { what: what.into(), count },
            Body::RequestReused { request } => Refusal::RequestReused { request: request.0 },
            Body::UnknownControl { control } => Refusal::UnknownControl { control: control.into() },
            Body::Ambiguous { name, panels } => Refusal::Ambiguous { name: name.0, panels },
            Body::UnknownRule { rule } => Refusal::UnknownRule { rule: rule.into() },
            Body::UnknownObject { object } => Refusal::UnknownObject { object: object.into() },
            Body::UnknownPool { pool } => Refusal::UnknownPool { pool: pool.0 },
            Body::OwnedByEstate { what } => Refusal::OwnedByEstate { what },
            Body::NameTaken { what, name } => Refusal::NameTaken { what, name: name.0 },
            Body::NotEmpty { what, holds } => Refusal::NotEmpty { what, holds },
            Body::BatchSize { count } => Refusal::BatchSize { count },
            Body::TwiceInBatch { control } => Refusal::TwiceInBatch { control: control.0 },
            Body::RuleBroken { rule, id, wants, of, on } => {
                Refusal::RuleBroken { rule: rule.0, id: id.0, wants, of, on }
            }
            Body::GateClosed { rule, id, wants, of, on } => {
                Refusal::GateClosed { rule: rule.0, id: id.0, wants, of, on }
            }
            Body::Waiting { rule, id, left } => Refusal::Waiting { rule: rule.0, id: id.0, left },
            Body::Invalid { what, why } => Refusal::Invalid { what, why },
            Body::UnknownManaged { resource } => Refusal::UnknownManaged { resource: resource.0 },
            Body::NotInZone { resource, zone, zones } => {
                Refusal::NotInZone { resource: resource.0, zone: zone.0, zones }
            }
            Body::NoPractice { resource } => Refusal::NoPractice { resource: resource.0 },
            Body::BadPractice { resource, fault } => {
                Refusal::BadPractice { resource: resource.0, fault: fault.into() }
            }
            Body::PracticeThere { resource } => Refusal::PracticeThere { resource: resource.0 },
            Body::AutoshiftEnabled { resource } => Refusal::AutoshiftEnabled { resource: resource.0 },
            Body::PracticeClosed { resource, why } => {
                Refusal::PracticeClosed { resource: resource.0, why: why.into() }
            }
            Body::AutoshiftOff { resource } => Refusal::AutoshiftOff { resource: resource.0 },
            Body::AutoshiftActive { id, zone, scope } => {
                Refusal::AutoshiftActive { id: id.0, zone: zone.0, scope: scope.0 }
            }
            Body::AutoshiftQuiet { resource, zone, left } => {
                Refusal::AutoshiftQuiet { resource: resource.0, zone: zone.0, left }
            }
            Body::ZoneAway { zone, by } => Refusal::ZoneAway { zone: zone.0, by },
            Body::ZoneEdge { zone, scope, other, why } => {
                Refusal::ZoneEdge { zone: zone.0, scope: scope.0, other: other.0, why }
            }
            Body::DeploymentLength { length } => Refusal::DeploymentLength { length },
            Body::NoDeployment { zone, scope } => Refusal::NoDeployment { zone: zone.0, scope: scope.0 },
            Body::OtherEstate { found, ours } => Refusal::OtherEstate { found: found.0, ours: ours.0 },
            Body::NoPin { zone, scope } => Refusal::NoPin { zone: zone.0, scope: scope.0 },
            Body::UnknownHostedZone { hosted_zone } => {
                Refusal::UnknownHostedZone { hosted_zone: hosted_zone.0 }
            }
            Body::Update { hosted_zone, code, why } => {
                Refusal::Update { hosted_zone: hosted_zone.0, code: code.into(), why }
            }
            Body::UnknownZoneKey { hosted_zone, tag } => {
                Refusal::UnknownZoneKey { hosted_zone: hosted_zone.0, tag }
            }
            Body::ZoneKeyWaits { hosted_zone, tag, left } => {
                Refusal::ZoneKeyWaits { hosted_zone: hosted_zone.0, tag, left }
            }
        }
    }
}
