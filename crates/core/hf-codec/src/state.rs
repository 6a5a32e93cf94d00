//! The whole state at one revision: the ledger's checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_control::state::ShiftKey;
use hf_control::{Answered, Pin, Shift, State};
use hf_model::{Digest, RequestId, Revision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::act::{PinBody, ShiftBody};
use crate::bundle::BundleBody;
use crate::envelope::Format;
use crate::error::CodecError;
use crate::limits;
use crate::outcome::OutcomeBody;
use crate::text::AsText;

const STATE: Format = Format {
    tag: "state",
    name: "a checkpoint",
    version: 2,
    bytes_max: limits::STATE_BYTES,
    mend: "make the estate smaller or end some acts",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateBody {
    revision: u64,
    stamp_ms: u64,
    estate: Option<EstateBody>,
    shifts: Vec<ShiftBody>,
    pins: Vec<PinBody>,
    requests: Vec<RequestBody>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EstateBody {
    revision: u64,
    text: BundleBody,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestBody {
    id: AsText<RequestId>,
    revision: u64,
    /// Version 1 did not have it.
    #[serde(default)]
    command: Option<AsText<Digest>>,
    outcome: OutcomeBody,
}

/// Writes a state.
pub fn encode_state(state: &State) -> Result<Vec<u8>, CodecError> {
    let estate = match &state.estate {
        Some(_) => Some(EstateBody {
            revision: state.estate_revision.0,
            text: BundleBody::of(&state.bundle, &STATE)?,
        }),
        None => None,
    };
    STATE.seal(&StateBody {
        revision: state.revision.0,
        stamp_ms: state.stamp.0,
        estate,
        shifts: state.shifts.values().map(ShiftBody::from).collect(),
        pins: state.pins.iter().map(PinBody::from).collect(),
        requests: state.requests.iter().map(RequestBody::of).collect(),
    })
}

/// Reads a state, its estate included.
pub fn decode_state(bytes: &[u8]) -> Result<State, CodecError> {
    let body: StateBody = STATE.open(bytes)?;
    STATE.check_count("shifts", body.shifts.len(), State::SHIFTS_KEPT)?;
    STATE.check_count("pins", body.pins.len(), State::PINS)?;
    STATE.check_count("requests", body.requests.len(), State::REQUESTS_KEPT)?;
    let mut state = State {
        revision: Revision(body.revision),
        stamp: Timestamp(body.stamp_ms),
        shifts: read_shifts(body.shifts)?,
        pins: body.pins.into_iter().map(Pin::from).collect(),
        requests: read_requests(body.requests)?,
        ..State::default()
    };
    STATE.check_count("active shifts", state.active_shifts().count(), State::SHIFTS_ACTIVE)?;
    if let Some(estate) = body.estate {
        state.estate_revision = Revision(estate.revision);
        state.bundle = estate.text.read(&STATE)?;
        let read = hf_control::read_estate(&state.bundle);
        state.estate =
            Some(Arc::new(read.map_err(|problems| CodecError::Estate { format: STATE.name, problems })?));
    }
    check_revisions(&state)?;
    Ok(state)
}

impl RequestBody {
    fn of((id, answered): (&RequestId, &Answered)) -> Self {
        RequestBody {
            id: AsText(id.clone()),
            revision: answered.revision.0,
            command: answered.command.map(AsText),
            outcome: (&answered.outcome).into(),
        }
    }
}

fn read_shifts(bodies: Vec<ShiftBody>) -> Result<BTreeMap<ShiftKey, Shift>, CodecError> {
    let mut shifts = BTreeMap::new();
    for (at, shift) in bodies.into_iter().map(Shift::from).enumerate() {
        let key = ShiftKey::of(&shift.id).ok_or_else(|| {
            STATE.invalid(
                &format!("shifts[{at}].id"),
                format_args!("is `shift-` and a revision, here {}", shift.id),
            )
        })?;
        if shifts.insert(key, shift).is_some() {
            return Err(STATE.invalid(&format!("shifts[{at}].id"), "is there twice"));
        }
    }
    Ok(shifts)
}

fn read_requests(bodies: Vec<RequestBody>) -> Result<BTreeMap<RequestId, Answered>, CodecError> {
    let mut requests = BTreeMap::new();
    for (at, body) in bodies.into_iter().enumerate() {
        let answered = Answered {
            revision: Revision(body.revision),
            command: body.command.map(|digest| digest.0),
            outcome: body.outcome.into(),
        };
        if requests.insert(body.id.0, answered).is_some() {
            return Err(STATE.invalid(&format!("requests[{at}].id"), "is there twice"));
        }
    }
    Ok(requests)
}

/// Nothing in a state is newer than the state.
fn check_revisions(state: &State) -> Result<(), CodecError> {
    let newest = [state.estate_revision]
        .into_iter()
        .chain(state.shifts.iter().flat_map(|(key, shift)| [key.0, shift.revision]))
        .chain(state.pins.iter().map(|pin| pin.revision))
        .chain(state.requests.values().map(|answered| answered.revision))
        .max();
    match newest {
        Some(newest) if newest > state.revision => {
            let what = format_args!("is the newest of all, here {} with {newest} inside", state.revision);
            Err(STATE.invalid("revision", what))
        }
        _ => Ok(()),
    }
}
