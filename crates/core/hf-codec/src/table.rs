//! One checker's table.

use hf_health::Table;
use hf_model::{Digest, NodeId, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::bitmap::BitmapBody;
use crate::envelope::Format;
use crate::error::CodecError;
use crate::limits;
use crate::text::AsText;

const TABLE: Format = Format {
    tag: "table",
    name: "a table",
    version: 1,
    bytes_max: limits::TABLE_BYTES,
    mend: "an estate has at most 100000 endpoints and 1000 health checks",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableBody {
    checker: AsText<NodeId>,
    zone: AsText<ZoneId>,
    estate: AsText<Digest>,
    made_at_ms: u64,
    known: BitmapBody,
    healthy: BitmapBody,
}

/// Writes a table. Its size depends on the number of endpoints and on names, not on who is healthy.
pub fn encode_table(table: &Table) -> Result<Vec<u8>, CodecError> {
    check_lengths(table)?;
    TABLE.seal(&TableBody {
        checker: AsText(table.checker.clone()),
        zone: AsText(table.zone.clone()),
        estate: AsText(table.estate),
        made_at_ms: table.made_at.0,
        known: BitmapBody(table.known.clone()),
        healthy: BitmapBody(table.healthy.clone()),
    })
}

/// Reads a table.
pub fn decode_table(bytes: &[u8]) -> Result<Table, CodecError> {
    let body: TableBody = TABLE.open(bytes)?;
    let table = Table {
        checker: body.checker.0,
        zone: body.zone.0,
        estate: body.estate.0,
        made_at: Timestamp(body.made_at_ms),
        known: body.known.0,
        healthy: body.healthy.0,
    };
    check_lengths(&table)?;
    Ok(table)
}

fn check_lengths(table: &Table) -> Result<(), CodecError> {
    let (known, healthy) = (table.known.len(), table.healthy.len());
    TABLE.check_count("known", known, hf_config::estate::limits::SUBJECTS)?;
    if known == healthy {
        return Ok(());
    }
    Err(TABLE.invalid("healthy", format_args!("has as many bits as `known`, {known}, here {healthy}")))
}
