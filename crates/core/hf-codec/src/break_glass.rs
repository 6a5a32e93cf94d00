//! Break-glass shifts: one, as it is signed and sent; several, as a node keeps them.

use hf_control::BreakGlassShift;
use hf_model::{Operator, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::envelope::Format;
use crate::error::CodecError;
use crate::limits;
use crate::text::AsText;

const ONE: Format = Format {
    tag: "break-glass",
    name: "a break-glass shift",
    version: 1,
    bytes_max: limits::BREAK_GLASS_BYTES,
    mend: "shorten the reason",
};

const LIST: Format = Format {
    tag: "break-glass-list",
    name: "a list of break-glass shifts",
    version: 1,
    bytes_max: limits::BREAK_GLASS_LIST_BYTES,
    mend: "keep the newest of each zone",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BreakGlassBody {
    zone: AsText<ZoneId>,
    reason: String,
    by: AsText<Operator>,
    signed_at_ms: u64,
    ends_at_ms: u64,
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
            zone: body.zone.0,
            reason: body.reason,
            by: body.by.0,
            signed_at: Timestamp(body.signed_at_ms),
            ends_at: Timestamp(body.ends_at_ms),
        }
    }
}
