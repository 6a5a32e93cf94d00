//! One entry of the ledger.

use std::time::Duration;

use hf_control::{Command, Entry, Scope};
use hf_model::{Operator, RequestId, Revision, ShiftId, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::act::PinToBody;
use crate::bundle::BundleBody;
use crate::envelope::Format;
use crate::error::CodecError;
use crate::limits;
use crate::text::AsText;

const ENTRY: Format = Format {
    tag: "entry",
    name: "a ledger entry",
    version: 1,
    bytes_max: limits::ENTRY_BYTES,
    mend: "make the estate smaller or shorten the texts",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryBody {
    request: AsText<RequestId>,
    stamp_ms: u64,
    by: AsText<Operator>,
    command: CommandBody,
}

/// Lengths are exact (seconds and nanoseconds): a replica that reads an entry judges what its writer judged.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum CommandBody {
    ApplyEstate { estate: BundleBody, if_match: Option<u64> },
    StartShift { zone: AsText<ZoneId>, scope: AsText<Scope>, length: Duration, reason: String },
    ExtendShift { id: AsText<ShiftId>, length: Duration, if_match: Option<u64> },
    CancelShift { id: AsText<ShiftId>, if_match: Option<u64> },
    Pin { zone: AsText<ZoneId>, scope: AsText<Scope>, to: PinToBody, length: Duration, reason: String },
    Unpin { zone: AsText<ZoneId>, scope: AsText<Scope> },
    Expire,
}

/// Writes an entry.
pub fn encode_entry(entry: &Entry) -> Result<Vec<u8>, CodecError> {
    ENTRY.seal(&EntryBody {
        request: AsText(entry.request.clone()),
        stamp_ms: entry.stamp.0,
        by: AsText(entry.by.clone()),
        command: CommandBody::of(&entry.command)?,
    })
}

/// Reads an entry.
pub fn decode_entry(bytes: &[u8]) -> Result<Entry, CodecError> {
    let body: EntryBody = ENTRY.open(bytes)?;
    Ok(Entry {
        request: body.request.0,
        stamp: Timestamp(body.stamp_ms),
        by: body.by.0,
        command: body.command.read()?,
    })
}

impl CommandBody {
    fn of(command: &Command) -> Result<Self, CodecError> {
        let revision = |revision: &Option<Revision>| revision.map(|revision| revision.0);
        Ok(match command {
            Command::ApplyEstate { bundle, if_match } => CommandBody::ApplyEstate {
                estate: BundleBody::of(bundle, &ENTRY)?,
                if_match: revision(if_match),
            },
            Command::StartShift { zone, scope, length, reason } => CommandBody::StartShift {
                zone: AsText(zone.clone()),
                scope: AsText(scope.clone()),
                length: *length,
                reason: reason.clone(),
            },
            Command::ExtendShift { id, length, if_match } => CommandBody::ExtendShift {
                id: AsText(id.clone()),
                length: *length,
                if_match: revision(if_match),
            },
            Command::CancelShift { id, if_match } => {
                CommandBody::CancelShift { id: AsText(id.clone()), if_match: revision(if_match) }
            }
            Command::Pin { zone, scope, to, length, reason } => CommandBody::Pin {
                zone: AsText(zone.clone()),
                scope: AsText(scope.clone()),
                to: (*to).into(),
                length: *length,
                reason: reason.clone(),
            },
            Command::Unpin { zone, scope } => {
                CommandBody::Unpin { zone: AsText(zone.clone()), scope: AsText(scope.clone()) }
            }
            Command::Expire => CommandBody::Expire,
        })
    }

    fn read(self) -> Result<Command, CodecError> {
        let revision = |revision: Option<u64>| revision.map(Revision);
        Ok(match self {
            CommandBody::ApplyEstate { estate, if_match } => {
                Command::ApplyEstate { bundle: estate.read(&ENTRY)?, if_match: revision(if_match) }
            }
            CommandBody::StartShift { zone, scope, length, reason } => {
                Command::StartShift { zone: zone.0, scope: scope.0, length, reason }
            }
            CommandBody::ExtendShift { id, length, if_match } => {
                Command::ExtendShift { id: id.0, length, if_match: revision(if_match) }
            }
            CommandBody::CancelShift { id, if_match } => {
                Command::CancelShift { id: id.0, if_match: revision(if_match) }
            }
            CommandBody::Pin { zone, scope, to, length, reason } => {
                Command::Pin { zone: zone.0, scope: scope.0, to: to.into(), length, reason }
            }
            CommandBody::Unpin { zone, scope } => Command::Unpin { zone: zone.0, scope: scope.0 },
            CommandBody::Expire => Command::Expire,
        })
    }
}
