//! All intent at one revision.

use hf_config::estate::{EstateBundle, limits as estate};
use hf_control::{Board, ControlState, DynamicZone, Intent, Return, Scope, State, ZoneKey};
use hf_model::{ControlId, ControlPath, EstateId, Operator, Revision, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::act::{Overrides, PinBody, ShiftBody, overrides, read_overrides};
use crate::board::{BoardBody, SwitchBody};
use crate::break_glass::RecordedBody;
use crate::bundle::BundleBody;
use crate::deployment::DeploymentBody;
use crate::envelope::Format;
use crate::error::CodecError;
use crate::hosted::{self, DynamicBody, ZoneKeyBody};
use crate::limits;
use crate::sources::{self, SetBody};
use crate::text::AsText;

const INTENT: Format = Format {
    tag: "intent",
    name: "an intent",
    version: 6,
    bytes_max: limits::INTENT_BYTES,
    mend: "make the estate smaller or end some acts",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntentBody {
    estate_id: AsText<EstateId>,
    revision: u64,
    estate_revision: u64,
    estate: BundleBody,
    shifts: Vec<ShiftBody>,
    pins: Vec<PinBody>,
    deployments: Vec<DeploymentBody>,
    controls: Vec<ControlStateBody>,
    board: BoardBody,
    returns: Vec<ReturnBody>,
    dynamic: Vec<DynamicBody>,
    zone_keys: Vec<ZoneKeyBody>,
    sets: Vec<SetBody>,
    break_glass: Vec<RecordedBody>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlStateBody {
    path: AsText<ControlPath>,
    id: AsText<ControlId>,
    to: SwitchBody,
    changed_at_ms: u64,
    by: AsText<Operator>,
    floor_overrides: Overrides,
}

/// What an act that has ended took away.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnBody {
    zone: AsText<ZoneId>,
    scope: AsText<Scope>,
    at_ms: u64,
}

/// What of an intent may be long and rarely changes.
#[derive(Clone, Copy)]
pub(crate) struct Long<'a> {
    pub(crate) estate: &'a EstateBundle,
    pub(crate) board: &'a Board,
    pub(crate) dynamic: &'a [DynamicZone],
    pub(crate) zone_keys: &'a [ZoneKey],
}

impl<'a> Long<'a> {
    pub(crate) fn of(intent: &'a Intent) -> Self {
        let Intent { estate, board, dynamic, zone_keys, .. } = intent;
        Long { estate, board, dynamic, zone_keys }
    }
}

impl IntentBody {
    /// For whoever makes them anew from the board.
    pub(crate) fn forget_controls(&mut self) {
        self.controls.clear();
    }
}

/// Writes an intent.
pub fn encode_intent(intent: &Intent) -> Result<Vec<u8>, CodecError> {
    INTENT.seal(&body(intent, Long::of(intent))?)
}

/// An intent's body, with these long parts in it.
pub(crate) fn body(intent: &Intent, long: Long<'_>) -> Result<IntentBody, CodecError> {
    check(intent)?;
    let Long { estate, board, dynamic, zone_keys } = long;
    Ok(IntentBody {
        estate_id: AsText(intent.estate_id),
        revision: intent.revision.0,
        estate_revision: intent.estate_revision.0,
        estate: BundleBody::of(estate, &INTENT)?,
        shifts: intent.shifts.iter().map(ShiftBody::from).collect(),
        pins: intent.pins.iter().map(PinBody::from).collect(),
        deployments: intent.deployments.iter().map(DeploymentBody::from).collect(),
        controls: intent.controls.iter().map(ControlStateBody::from).collect(),
        board: BoardBody::of(board, &INTENT)?,
        returns: intent.returns.iter().map(ReturnBody::from).collect(),
        dynamic: hosted::dynamic(dynamic),
        zone_keys: zone_keys.iter().map(ZoneKeyBody::from).collect(),
        sets: intent.sets.iter().map(SetBody::from).collect(),
        break_glass: intent.break_glass.iter().map(RecordedBody::from).collect(),
    })
}

/// Reads an intent. Its estate is not read: whoever obeys it does that.
pub fn decode_intent(bytes: &[u8]) -> Result<Intent, CodecError> {
    read(INTENT.open(bytes)?)
}

/// What a body says.
pub(crate) fn read(body: IntentBody) -> Result<Intent, CodecError> {
    let intent = Intent {
        estate_id: body.estate_id.0,
        revision: Revision(body.revision),
        estate_revision: Revision(body.estate_revision),
        estate: body.estate.read(&INTENT)?,
        shifts: body.shifts.into_iter().map(Into::into).collect(),
        pins: body.pins.into_iter().map(Into::into).collect(),
        deployments: body.deployments.into_iter().map(Into::into).collect(),
        controls: body.controls.into_iter().map(Into::into).collect(),
        board: body.board.read(&INTENT)?,
        returns: body.returns.into_iter().map(Into::into).collect(),
        dynamic: hosted::read_dynamic(body.dynamic),
        zone_keys: body.zone_keys.into_iter().map(Into::into).collect(),
        sets: body.sets.into_iter().map(Into::into).collect(),
        break_glass: body.break_glass.into_iter().map(Into::into).collect(),
    };
    check(&intent)?;
    if intent.estate_revision > intent.revision {
        let what =
            format_args!("is at most `revision`, {}, here {}", intent.revision, intent.estate_revision);
        return Err(INTENT.invalid("estate_revision", what));
    }
    Ok(intent)
}

fn check(intent: &Intent) -> Result<(), CodecError> {
    INTENT.check_count("shifts", intent.shifts.len(), State::SHIFTS_ACTIVE)?;
    INTENT.check_count("pins", intent.pins.len(), State::PINS)?;
    INTENT.check_count("deployments", intent.deployments.len(), State::DEPLOYMENTS)?;
    INTENT.check_count("controls", intent.controls.len(), estate::ROUTING_CONTROLS)?;
    INTENT.check_count("returns", intent.returns.len(), Intent::RETURNS)?;
    INTENT.check_count("break_glass", intent.break_glass.len(), State::BREAK_GLASS)?;
    hosted::check(&INTENT, &intent.dynamic, &intent.zone_keys)?;
    sources::check(&INTENT, &intent.sets)?;
    // Whoever obeys looks a control up by its path.
    match intent.controls.windows(2).find(|pair| pair[0].path >= pair[1].path) {
        Some(pair) => {
            let what =
                format_args!("are in order of their paths, here {} is behind {}", pair[1].path, pair[0].path);
            Err(INTENT.invalid("controls", what))
        }
        None => Ok(()),
    }
}

impl From<&ControlState> for ControlStateBody {
    fn from(control: &ControlState) -> Self {
        ControlStateBody {
            path: AsText(control.path.clone()),
            id: AsText(control.id),
            to: control.to.into(),
            changed_at_ms: control.changed_at.0,
            by: AsText(control.by.clone()),
            floor_overrides: overrides(&control.floor_overrides),
        }
    }
}

impl From<ControlStateBody> for ControlState {
    fn from(body: ControlStateBody) -> Self {
        ControlState {
            path: body.path.0,
            id: body.id.0,
            to: body.to.into(),
            changed_at: Timestamp(body.changed_at_ms),
            by: body.by.0,
            floor_overrides: read_overrides(body.floor_overrides),
        }
    }
}

impl From<&Return> for ReturnBody {
    fn from(returning: &Return) -> Self {
        ReturnBody {
            zone: AsText(returning.zone.clone()),
            scope: AsText(returning.scope.clone()),
            at_ms: returning.at.0,
        }
    }
}

impl From<ReturnBody> for Return {
    fn from(body: ReturnBody) -> Self {
        Return { zone: body.zone.0, scope: body.scope.0, at: Timestamp(body.at_ms) }
    }
}
