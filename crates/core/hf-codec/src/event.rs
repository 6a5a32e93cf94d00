//! Events inside journal lines: how it was before, how it is after.
//!
//! A shift that ended was as it is after but for `state` and `revision`; what has no `before` did not exist.

use hf_control::{Command, Event, Resource};
use hf_model::{ControlPath, Digest, DnsName, PoolName};
use serde::{Deserialize, Serialize};

use crate::act::{Overrides, PinBody, ShiftBody, StopBody, overrides, read_overrides};
use crate::board::{ObjectIdBody, SwitchBody};
use crate::break_glass::RecordedBody;
use crate::deployment::DeploymentBody;
use crate::list::AtMost;
use crate::text::AsText;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum EventBody {
    EstateApplied { before: Option<AsText<Digest>>, after: AsText<Digest> },
    ShiftStarted { after: ShiftBody },
    ShiftExtended { before: ShiftBody, after: ShiftBody },
    ShiftEnded { after: ShiftBody, stop: StopBody },
    Pinned { before: Option<PinBody>, after: PinBody },
    Unpinned { before: PinBody, stop: StopBody },
    DeploymentStarted { before: Option<DeploymentBody>, after: DeploymentBody },
    DeploymentEnded { before: DeploymentBody, stop: StopBody },
    ControlTurned { path: AsText<ControlPath>, before: SwitchBody, after: SwitchBody },
    RulesOverridden { rules: AtMost<AsText<ControlPath>, { Command::OVERRIDES }> },
    FloorsOverridden { pools: Overrides },
    ObjectChanged { object: ObjectIdBody, before: Option<String>, after: Option<String> },
    PracticeChanged { resource: Option<AsText<Resource>>, before: Option<String>, after: Option<String> },
    HostedZoneChanged { hosted_zone: AsText<DnsName>, before: Option<String>, after: Option<String> },
    EndpointsChanged { pool: AsText<PoolName>, added: String, removed: String },
    BreakGlassRecorded(RecordedBody),
}

impl From<&Event> for EventBody {
    fn from(event: &Event) -> Self {
        match event {
            Event::EstateApplied { before, after } => {
                EventBody::EstateApplied { before: before.map(AsText), after: AsText(*after) }
            }
            Event::ShiftStarted(shift) => EventBody::ShiftStarted { after: shift.into() },
            Event::ShiftExtended { before, after } => {
                EventBody::ShiftExtended { before: before.into(), after: after.into() }
            }
            Event::ShiftEnded(shift, stop) => {
                EventBody::ShiftEnded { after: shift.into(), stop: (*stop).into() }
            }
            Event::Pinned { before, after } => {
                EventBody::Pinned { before: before.as_ref().map(Into::into), after: after.into() }
            }
            Event::Unpinned(pin, stop) => EventBody::Unpinned { before: pin.into(), stop: (*stop).into() },
            Event::DeploymentStarted { before, after } => {
                EventBody::DeploymentStarted { before: before.as_ref().map(Into::into), after: after.into() }
            }
            Event::DeploymentEnded(mark, stop) => {
                EventBody::DeploymentEnded { before: mark.into(), stop: (*stop).into() }
            }
            Event::ControlTurned { path, before, after } => EventBody::ControlTurned {
                path: AsText(path.clone()),
                before: (*before).into(),
                after: (*after).into(),
            },
            Event::RulesOverridden(rules) => {
                EventBody::RulesOverridden { rules: AtMost::of(rules, |rule| AsText(rule.clone())) }
            }
            Event::FloorsOverridden(pools) => EventBody::FloorsOverridden { pools: overrides(pools) },
            Event::ObjectChanged { object, before, after } => EventBody::ObjectChanged {
                object: (*object).into(),
                before: before.clone(),
                after: after.clone(),
            },
            Event::PracticeChanged { resource, before, after } => EventBody::PracticeChanged {
                resource: resource.clone().map(AsText),
                before: before.clone(),
                after: after.clone(),
            },
            Event::EndpointsChanged { pool, added, removed } => EventBody::EndpointsChanged {
                pool: AsText(pool.clone()),
                added: added.clone(),
                removed: removed.clone(),
            },
            Event::HostedZoneChanged { hosted_zone, before, after } => EventBody::HostedZoneChanged {
                hosted_zone: AsText(hosted_zone.clone()),
                before: before.clone(),
                after: after.clone(),
            },
            Event::BreakGlassRecorded(recorded) => EventBody::BreakGlassRecorded(recorded.into()),
        }
    }
}

impl From<EventBody> for Event {
    fn from(body: EventBody) -> Self {
        match body {
            EventBody::EstateApplied { before, after } => {
                Event::EstateApplied { before: before.map(|digest| digest.0), after: after.0 }
            }
            EventBody::ShiftStarted { after } => Event::ShiftStarted(after.into()),
            EventBody::ShiftExtended { before, after } => {
                Event::ShiftExtended { before: before.into(), after: after.into() }
            }
            EventBody::ShiftEnded { after, stop } => Event::ShiftEnded(after.into(), stop.into()),
            EventBody::Pinned { before, after } => {
                Event::Pinned { before: before.map(Into::into), after: after.into() }
            }
            EventBody::Unpinned { before, stop } => Event::Unpinned(before.into(), stop.into()),
            EventBody::DeploymentStarted { before, after } => {
                Event::DeploymentStarted { before: before.map(Into::into), after: after.into() }
            }
            EventBody::DeploymentEnded { before, stop } => Event::DeploymentEnded(before.into(), stop.into()),
            EventBody::ControlTurned { path, before, after } => {
                Event::ControlTurned { path: path.0, before: before.into(), after: after.into() }
            }
            EventBody::RulesOverridden { rules } => Event::RulesOverridden(rules.read(|rule| rule.0)),
            EventBody::FloorsOverridden { pools } => Event::FloorsOverridden(read_overrides(pools)),
            EventBody::ObjectChanged { object, before, after } => {
                Event::ObjectChanged { object: object.into(), before, after }
            }
            EventBody::PracticeChanged { resource, before, after } => {
                Event::PracticeChanged { resource: resource.map(|resource| resource.0), before, after }
            }
            EventBody::EndpointsChanged { pool, added, removed } => {
                Event::EndpointsChanged { pool: pool.0, added, removed }
            }
            EventBody::HostedZoneChanged { hosted_zone, before, after } => {
                Event::HostedZoneChanged { hosted_zone: hosted_zone.0, before, after }
            }
            EventBody::BreakGlassRecorded(recorded) => Event::BreakGlassRecorded(recorded.into()),
        }
    }
}
