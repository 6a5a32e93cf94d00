//! The whole state at one revision: the ledger's checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_control::state::ShiftKey;
use hf_control::{Answered, Intent, Pin, Practice, Resource, Shift, State};
use hf_model::{Digest, EstateId, RequestId, Revision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::act::{PinBody, ShiftBody};
use crate::board::BoardBody;
use crate::break_glass::RecordedBody;
use crate::bundle::BundleBody;
use crate::deployment::DeploymentBody;
use crate::envelope::Format;
use crate::error::CodecError;
use crate::hosted::{self, DynamicBody, ZoneKeyBody};
use crate::intent::ReturnBody;
use crate::limits;
use crate::outcome::OutcomeBody;
use crate::practice::{AutoshiftBody, PracticeBody, PracticeRecordBody, PracticeRefusalBody};
use crate::sources::{self, SetBody};
use crate::text::AsText;

const STATE: Format = Format {
    tag: "state",
    name: "a checkpoint",
    version: 8,
    bytes_max: limits::STATE_BYTES,
    mend: "make the estate smaller or end some acts",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateBody {
    estate_id: AsText<EstateId>,
    revision: u64,
    stamp_ms: u64,
    estate: Option<EstateBody>,
    shifts: Vec<ShiftBody>,
    pins: Vec<PinBody>,
    deployments: Vec<DeploymentBody>,
    board: BoardBody,
    practices: Vec<PracticeBody>,
    practice_history: Vec<PracticeRecordBody>,
    practice_refusals: Vec<PracticeRefusalBody>,
    observer: AutoshiftBody,
    break_glass: Vec<RecordedBody>,
    returns: Vec<ReturnBody>,
    dynamic: Vec<DynamicBody>,
    zone_keys: Vec<ZoneKeyBody>,
    sets: Vec<SetBody>,
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
    command: Option<AsText<Digest>>,
    outcome: OutcomeBody,
}

/// Writes a state.
pub fn encode_state(state: &State) -> Result<Vec<u8>, CodecError> {
    check_counts(state)?;
    let estate = match &state.estate {
        Some(_) => Some(EstateBody {
            revision: state.estate_revision.0,
            text: BundleBody::of(&state.bundle, &STATE)?,
        }),
        None => None,
    };
    STATE.seal(&StateBody {
        estate_id: AsText(state.estate_id),
        revision: state.revision.0,
        stamp_ms: state.stamp.0,
        estate,
        shifts: state.shifts.values().map(ShiftBody::from).collect(),
        pins: state.pins.iter().map(PinBody::from).collect(),
        deployments: state.deployments.iter().map(DeploymentBody::from).collect(),
        board: BoardBody::of(&state.board, &STATE)?,
        practices: state.practices.iter().map(PracticeBody::of).collect(),
        practice_history: state.practice_history.iter().map(PracticeRecordBody::from).collect(),
        practice_refusals: state.practice_refusals.iter().map(PracticeRefusalBody::from).collect(),
        observer: state.observer.into(),
        break_glass: state.break_glass.iter().map(RecordedBody::from).collect(),
        returns: state.returns.iter().map(ReturnBody::from).collect(),
        dynamic: hosted::dynamic(&state.dynamic),
        zone_keys: state.zone_keys.iter().map(ZoneKeyBody::from).collect(),
        sets: state.sets.iter().map(SetBody::from).collect(),
        requests: state.requests.iter().map(RequestBody::of).collect(),
    })
}

/// Reads a state, its estate included.
pub fn decode_state(bytes: &[u8]) -> Result<State, CodecError> {
    let body: StateBody = STATE.open(bytes)?;
    let mut state = State {
        estate_id: body.estate_id.0,
        revision: Revision(body.revision),
        stamp: Timestamp(body.stamp_ms),
        shifts: read_shifts(body.shifts)?,
        pins: body.pins.into_iter().map(Pin::from).collect(),
        deployments: body.deployments.into_iter().map(Into::into).collect(),
        board: body.board.read(&STATE)?,
        practices: read_practices(body.practices)?,
        practice_history: body.practice_history.into_iter().map(Into::into).collect(),
        practice_refusals: body.practice_refusals.into_iter().map(Into::into).collect(),
        observer: body.observer.into(),
        break_glass: body.break_glass.into_iter().map(Into::into).collect(),
        returns: body.returns.into_iter().map(Into::into).collect(),
        dynamic: hosted::read_dynamic(body.dynamic),
        zone_keys: body.zone_keys.into_iter().map(Into::into).collect(),
        sets: body.sets.into_iter().map(Into::into).collect(),
        requests: read_requests(body.requests)?,
        ..State::default()
    };
    check_counts(&state)?;
    if let Some(estate) = body.estate {
        state.estate_revision = Revision(estate.revision);
        state.bundle = estate.text.read(&STATE)?;
        let read = hf_control::read_estate(&state.bundle);
        let read = read.map_err(|problems| CodecError::Estate { format: STATE.name, problems })?;
        let read = if state.sets.is_empty() { read } else { read.with_sets(read.digest, &state.sets) };
        state.estate = Some(Arc::new(read));
    }
    check_revisions(&state)?;
    Ok(state)
}

fn check_counts(state: &State) -> Result<(), CodecError> {
    STATE.check_count("shifts", state.shifts.len(), State::SHIFTS_KEPT)?;
    STATE.check_count("active shifts", state.active_shifts().count(), State::SHIFTS_ACTIVE)?;
    STATE.check_count("pins", state.pins.len(), State::PINS)?;
    STATE.check_count("deployments", state.deployments.len(), State::DEPLOYMENTS)?;
    STATE.check_count("practices", state.practices.len(), State::PRACTICES)?;
    let alarms =
        |practice: &Practice| practice.config.outcome_alarms.len() + practice.config.blocking_alarms.len();
    STATE.check_count("alarms", state.practices.values().map(alarms).sum(), State::ALARMS_IN_ALL)?;
    STATE.check_count("practice_history", state.practice_history.len(), State::PRACTICE_RECORDS)?;
    STATE.check_count("practice_refusals", state.practice_refusals.len(), State::PRACTICE_RECORDS)?;
    STATE.check_count("break_glass", state.break_glass.len(), State::BREAK_GLASS)?;
    STATE.check_count("returns", state.returns.len(), Intent::RETURNS)?;
    hosted::check(&STATE, &state.dynamic, &state.zone_keys)?;
    sources::check(&STATE, &state.sets)?;
    STATE.check_count("requests", state.requests.len(), State::REQUESTS_KEPT)
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

fn read_practices(bodies: Vec<PracticeBody>) -> Result<BTreeMap<Resource, Practice>, CodecError> {
    let mut practices = BTreeMap::new();
    for (at, (resource, practice)) in bodies.into_iter().map(PracticeBody::read).enumerate() {
        if practices.insert(resource, practice).is_some() {
            return Err(STATE.invalid(&format!("practices[{at}].resource"), "is there twice"));
        }
    }
    Ok(practices)
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
        .chain(state.board.clusters.values().map(|cluster| cluster.revision))
        .chain(state.board.panels.values().map(|panel| panel.revision))
        .chain(state.board.controls.values().map(|control| control.revision))
        .chain(state.board.rules.values().map(|rule| rule.revision))
        .chain(state.practices.values().map(|practice| practice.revision))
        .chain(state.deployments.iter().map(|mark| mark.revision))
        .chain(state.practice_history.iter().map(|record| record.revision))
        .chain(state.practice_refusals.iter().map(|refusal| refusal.revision))
        .chain(state.break_glass.iter().map(|recorded| recorded.revision))
        .chain(state.dynamic.iter().map(|zone| zone.revision))
        .chain(state.zone_keys.iter().map(|key| key.revision))
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
