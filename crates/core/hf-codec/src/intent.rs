//! All intent at one revision.

use hf_control::{Intent, State};
use hf_model::Revision;
use serde::{Deserialize, Serialize};

use crate::act::{PinBody, ShiftBody};
use crate::bundle::BundleBody;
use crate::envelope::Format;
use crate::error::CodecError;
use crate::limits;

const INTENT: Format = Format {
    tag: "intent",
    name: "an intent",
    version: 1,
    bytes_max: limits::INTENT_BYTES,
    mend: "make the estate smaller or end some acts",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IntentBody {
    revision: u64,
    estate_revision: u64,
    estate: BundleBody,
    shifts: Vec<ShiftBody>,
    pins: Vec<PinBody>,
}

/// Writes an intent.
pub fn encode_intent(intent: &Intent) -> Result<Vec<u8>, CodecError> {
    check_counts(intent)?;
    INTENT.seal(&IntentBody {
        revision: intent.revision.0,
        estate_revision: intent.estate_revision.0,
        estate: BundleBody::of(&intent.estate, &INTENT)?,
        shifts: intent.shifts.iter().map(ShiftBody::from).collect(),
        pins: intent.pins.iter().map(PinBody::from).collect(),
    })
}

/// Reads an intent. Its estate is not read: whoever obeys it does that.
pub fn decode_intent(bytes: &[u8]) -> Result<Intent, CodecError> {
    let body: IntentBody = INTENT.open(bytes)?;
    let intent = Intent {
        revision: Revision(body.revision),
        estate_revision: Revision(body.estate_revision),
        estate: body.estate.read(&INTENT)?,
        shifts: body.shifts.into_iter().map(Into::into).collect(),
        pins: body.pins.into_iter().map(Into::into).collect(),
    };
    check_counts(&intent)?;
    if intent.estate_revision > intent.revision {
        let what =
            format_args!("is at most `revision`, {}, here {}", intent.revision, intent.estate_revision);
        return Err(INTENT.invalid("estate_revision", what));
    }
    Ok(intent)
}

fn check_counts(intent: &Intent) -> Result<(), CodecError> {
    INTENT.check_count("shifts", intent.shifts.len(), State::SHIFTS_ACTIVE)?;
    INTENT.check_count("pins", intent.pins.len(), State::PINS)
}
