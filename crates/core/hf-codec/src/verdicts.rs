//! The quorum's verdicts, for the node's snapshot file.

use hf_health::Verdicts;
use hf_model::Digest;
use serde::{Deserialize, Serialize};

use crate::bitmap::BitmapBody;
use crate::envelope::Format;
use crate::error::CodecError;
use crate::limits;
use crate::text::AsText;

const VERDICTS: Format = Format {
    tag: "verdicts",
    name: "a set of verdicts",
    version: 1,
    bytes_max: limits::TABLE_BYTES,
    mend: "an estate has at most 100000 endpoints and 1000 health checks",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerdictsBody {
    estate: AsText<Digest>,
    known: BitmapBody,
    healthy: BitmapBody,
}

/// Writes verdicts on the endpoints of this version of the estate.
pub fn encode_verdicts(estate: Digest, verdicts: &Verdicts) -> Result<Vec<u8>, CodecError> {
    VERDICTS.check_count("known", verdicts.of.len(), hf_config::estate::limits::SUBJECTS)?;
    let (known, healthy) = verdicts.to_bitmaps();
    VERDICTS.seal(&VerdictsBody {
        estate: AsText(estate),
        known: BitmapBody(known),
        healthy: BitmapBody(healthy),
    })
}

/// Reads verdicts, and which version of the estate they are about.
pub fn decode_verdicts(bytes: &[u8]) -> Result<(Digest, Verdicts), CodecError> {
    let body: VerdictsBody = VERDICTS.open(bytes)?;
    let (known, healthy) = (body.known.0, body.healthy.0);
    if known.len() != healthy.len() {
        let what = format_args!("has as many bits as `known`, {}, here {}", known.len(), healthy.len());
        return Err(VERDICTS.invalid("healthy", what));
    }
    Ok((body.estate.0, Verdicts::from_bitmaps(&known, &healthy)))
}
