//! Break-glass shifts: one, as it is signed and sent; several, as a node keeps them.

use hf_control::{BreakGlassFate, BreakGlassShift, RecordedBreakGlass, State};
use hf_model::{EstateId, Operator, Revision, ShiftId, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::envelope::Format;
use crate::error::CodecError;
use crate::limits;
use crate::list::AtMost;
use crate::text::AsText;

const ONE: Format = Format {
    tag: "break-glass",
    name: "a break-glass shift",
    version: 2,
    bytes_max: limits::BREAK_GLASS_BYTES,
    mend: "shorten the reason",
};

const LIST: Format = Format {
    tag: "break-glass-list",
    name: "a list of break-glass shifts",
    version: 2,
    bytes_max: limits::BREAK_GLASS_LIST_BYTES,
    mend: "keep the newest of each zone",
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakGlassBody {
    estate: AsText<EstateId>,
    zone: AsText<ZoneId>,
    reason: String,
    by: AsText<Operator>,
    signed_at_ms: u64,
    ends_at_ms: u64,
}

/// What the ledger knows of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedBody {
    act: BreakGlassBody,
    revision: u64,
    fate: FateBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum FateBody {
    Shift { id: AsText<ShiftId> },
    Ended { ids: AtMost<AsText<ShiftId>, { State::SHIFTS_ACTIVE }> },
    Conflicts { with: String },
}

/// Writes a break-glass shift. Equal shifts have equal bytes, so a signature may be made over them.
pub fn encode_break_glass(shift: &BreakGlassShift) -> Result<Vec<u8>, CodecError> {
    ONE.seal(&BreakGlassBody::from(shift))
}

/// Reads a break-glass shift. Whether its signature holds is the caller's to check.
pub fn decode_break_glass(bytes: &[u8]) -> Result<BreakGlassShift, CodecError> {
    ONE.open::<BreakGlassBody>(bytes).map(Into::into)
}

/// Writes several, in their order.
pub fn encode_break_glass_list(shifts: &[BreakGlassShift]) -> Result<Vec<u8>, CodecError> {
    LIST.check_count("body", shifts.len(), limits::BREAK_GLASS_COUNT)?;
    LIST.seal(&shifts.iter().map(BreakGlassBody::from).collect::<Vec<_>>())
}

/// Reads several.
pub fn decode_break_glass_list(bytes: &[u8]) -> Result<Vec<BreakGlassShift>, CodecError> {
    let body: Vec<BreakGlassBody> = LIST.open(bytes)?;
    LIST.check_count("body", body.len(), limits::BREAK_GLASS_COUNT)?;
    Ok(body.into_iter().map(Into::into).collect())
}

impl From<&BreakGlassShift> for BreakGlassBody {
    fn from(shift: &BreakGlassShift) -> Self {
        BreakGlassBody {
            estate: AsText(shift.estate),
            zone: AsText(shift.zone.clone()),
            reason: shift.reason.clone(),
            by: AsText(shift.by.clone()),
            signed_at_ms: shift.signed_at.0,
            ends_at_ms: shift.ends_at.0,
        }
    }
}

impl From<BreakGlassBody> for BreakGlassShift {
    fn from(body: BreakGlassBody) -> Self {
        BreakGlassShift {
            estate: body.estate.0,
            zone: body.zone.0,
            reason: body.reason,
            by: body.by.0,
            signed_at: Timestamp(body.signed_at_ms),
            ends_at: Timestamp(body.ends_at_ms),
        }
    }
}

impl From<&RecordedBreakGlass> for RecordedBody {
    fn from(recorded: &RecordedBreakGlass) -> Self {
        let fate = match &recorded.fate {
            BreakGlassFate::Shift(id) => FateBody::Shift { id: AsText(id.clone()) },
            BreakGlassFate::Ended(ids) => FateBody::Ended { ids: AtMost::of(ids, |id| AsText(id.clone())) },
            BreakGlassFate::Conflicts(with) => FateBody::Conflicts { with: with.clone() },
        };
        RecordedBody { act: (&recorded.act).into(), revision: recorded.revision.0, fate }
    }
}

impl From<RecordedBody> for RecordedBreakGlass {
    fn from(body: RecordedBody) -> Self {
        let fate = match body.fate {
            FateBody::Shift { id } => BreakGlassFate::Shift(id.0),
            FateBody::Ended { ids } => BreakGlassFate::Ended(ids.read(|id| id.0)),
            FateBody::Conflicts { with } => BreakGlassFate::Conflicts(with),
        };
        RecordedBreakGlass { act: body.act.into(), revision: Revision(body.revision), fate }
    }
}
