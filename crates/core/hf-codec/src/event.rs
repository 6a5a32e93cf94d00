//! Events inside journal lines: how it was before, how it is after.
//!
//! A shift that ended was as it is after but for `state` and `revision`; what has no `before` did not exist.

use hf_control::{Event, Stop};
use hf_model::Digest;
use serde::{Deserialize, Serialize};

use crate::act::{PinBody, ShiftBody};
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopBody {
    Canceled,
    Expired,
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
        }
    }
}

impl From<Stop> for StopBody {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Canceled => StopBody::Canceled,
            Stop::Expired => StopBody::Expired,
        }
    }
}

impl From<StopBody> for Stop {
    fn from(stop: StopBody) -> Self {
        match stop {
            StopBody::Canceled => Stop::Canceled,
            StopBody::Expired => Stop::Expired,
        }
    }
}
