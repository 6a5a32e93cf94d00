//! One entry of the ledger.

use std::net::SocketAddr;
use std::time::Duration;

use hf_control::{Command, Entry, Resource, Scope};
use hf_model::{Operator, RequestId, Revision, ShiftId, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::act::{Overrides, PinToBody, overrides, read_overrides};
use crate::board_command::{BoardCommandBody, ControlSetBody, RuleRefBody};
use crate::break_glass::BreakGlassBody;
use crate::bundle::BundleBody;
use crate::deployment::{self, ZoneOverrides};
use crate::envelope::Format;
use crate::error::CodecError;
use crate::hosted::{UpdateBody, ZoneKeyCommandBody};
use crate::limits;
use crate::list::AtMost;
use crate::practice::{AutoshiftBody, ExpectBody, PracticeConfigBody, PracticeOutcomeBody, PracticeSeenBody};
use crate::sources::SetBody;
use crate::text::AsText;

const ENTRY: Format = Format {
    tag: "entry",
    name: "a ledger entry",
    version: 6,
    bytes_max: limits::ENTRY_BYTES,
    mend: "make the estate smaller or shorten the texts",
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryBody {
    request: AsText<RequestId>,
    stamp_ms: u64,
    by: AsText<Operator>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<AsText<SocketAddr>>,
    command: CommandBody,
}

/// Lengths are exact (seconds and nanoseconds): a replica that reads an entry judges what its writer judged.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum CommandBody {
    ApplyEstate {
        estate: BundleBody,
        if_match: Option<u64>,
    },
    StartShift {
        zone: AsText<ZoneId>,
        scope: AsText<Scope>,
        length: Duration,
        reason: String,
        floor_overrides: Overrides,
    },
    UpdateShift {
        id: AsText<ShiftId>,
        length: Option<Duration>,
        reason: Option<String>,
        if_match: Option<u64>,
    },
    CancelShift {
        id: AsText<ShiftId>,
        if_match: Option<u64>,
    },
    Pin {
        zone: AsText<ZoneId>,
        scope: AsText<Scope>,
        to: PinToBody,
        length: Duration,
        reason: String,
        floor_overrides: Overrides,
    },
    Unpin {
        zone: AsText<ZoneId>,
        scope: AsText<Scope>,
    },
    StartDeployment {
        zone: AsText<ZoneId>,
        scope: AsText<Scope>,
        length: Duration,
        reason: String,
        zone_overrides: ZoneOverrides,
    },
    EndDeployment {
        zone: AsText<ZoneId>,
        scope: AsText<Scope>,
    },
    SetControls {
        sets: AtMost<ControlSetBody, { Command::SETS }>,
        rule_overrides: AtMost<RuleRefBody, { Command::OVERRIDES }>,
        floor_overrides: Overrides,
        reason: String,
    },
    Board(BoardCommandBody),
    PutPractice {
        resource: AsText<Resource>,
        config: PracticeConfigBody,
        expect: ExpectBody,
    },
    DeletePractice {
        resource: AsText<Resource>,
    },
    SetAutoshift {
        resource: AsText<Resource>,
        to: AutoshiftBody,
    },
    SetObserver {
        to: AutoshiftBody,
    },
    StartPractice {
        resource: AsText<Resource>,
        zone: AsText<ZoneId>,
        reason: String,
    },
    EndPractice {
        id: AsText<ShiftId>,
        outcome: PracticeOutcomeBody,
        seen: PracticeSeenBody,
        why: String,
    },
    RecordPractice {
        id: AsText<ShiftId>,
        seen: PracticeSeenBody,
    },
    RecordPracticeRefusal {
        resource: AsText<Resource>,
        zone: AsText<ZoneId>,
        why: String,
    },
    StartAutoshift {
        resource: AsText<Resource>,
        zone: AsText<ZoneId>,
        length: Duration,
        reason: String,
    },
    RenewAutoshift {
        id: AsText<ShiftId>,
        length: Duration,
        reason: String,
    },
    EndAutoshift {
        id: AsText<ShiftId>,
        reason: String,
    },
    RecordBreakGlass {
        act: BreakGlassBody,
    },
    UpdateHostedZone(UpdateBody),
    ZoneKey(ZoneKeyCommandBody),
    SetEndpoints {
        sets: AtMost<SetBody, { Command::ENDPOINT_SETS }>,
    },
    Expire,
}

/// Writes an entry.
pub fn encode_entry(entry: &Entry) -> Result<Vec<u8>, CodecError> {
    ENTRY.seal(&EntryBody {
        request: AsText(entry.request.clone()),
        stamp_ms: entry.stamp.0,
        by: AsText(entry.by.clone()),
        from: entry.from.map(AsText),
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
        from: body.from.map(|from| from.0),
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
            Command::StartShift { zone, scope, length, reason, floor_overrides } => CommandBody::StartShift {
                zone: AsText(zone.clone()),
                scope: AsText(scope.clone()),
                length: *length,
                reason: reason.clone(),
                floor_overrides: overrides(floor_overrides),
            },
            Command::UpdateShift { id, length, reason, if_match } => CommandBody::UpdateShift {
                id: AsText(id.clone()),
                length: *length,
                reason: reason.clone(),
                if_match: revision(if_match),
            },
            Command::CancelShift { id, if_match } => {
                CommandBody::CancelShift { id: AsText(id.clone()), if_match: revision(if_match) }
            }
            Command::Pin { zone, scope, to, length, reason, floor_overrides } => CommandBody::Pin {
                zone: AsText(zone.clone()),
                scope: AsText(scope.clone()),
                to: (*to).into(),
                length: *length,
                reason: reason.clone(),
                floor_overrides: overrides(floor_overrides),
            },
            Command::Unpin { zone, scope } => {
                CommandBody::Unpin { zone: AsText(zone.clone()), scope: AsText(scope.clone()) }
            }
            Command::StartDeployment { zone, scope, length, reason, zone_overrides } => {
                CommandBody::StartDeployment {
                    zone: AsText(zone.clone()),
                    scope: AsText(scope.clone()),
                    length: *length,
                    reason: reason.clone(),
                    zone_overrides: deployment::zone_overrides(zone_overrides),
                }
            }
            Command::EndDeployment { zone, scope } => {
                CommandBody::EndDeployment { zone: AsText(zone.clone()), scope: AsText(scope.clone()) }
            }
            Command::SetControls { sets, rule_overrides, floor_overrides, reason } => {
                CommandBody::SetControls {
                    sets: AtMost::of(sets, ControlSetBody::from),
                    rule_overrides: AtMost::of(rule_overrides, RuleRefBody::from),
                    floor_overrides: overrides(floor_overrides),
                    reason: reason.clone(),
                }
            }
            Command::Board(command) => CommandBody::Board(command.into()),
            Command::PutPractice { resource, config, expect } => CommandBody::PutPractice {
                resource: AsText(resource.clone()),
                config: config.into(),
                expect: (*expect).into(),
            },
            Command::DeletePractice { resource } => {
                CommandBody::DeletePractice { resource: AsText(resource.clone()) }
            }
            Command::SetAutoshift { resource, to } => {
                CommandBody::SetAutoshift { resource: AsText(resource.clone()), to: (*to).into() }
            }
            Command::SetObserver { to } => CommandBody::SetObserver { to: (*to).into() },
            Command::StartPractice { resource, zone, reason } => CommandBody::StartPractice {
                resource: AsText(resource.clone()),
                zone: AsText(zone.clone()),
                reason: reason.clone(),
            },
            Command::EndPractice { id, outcome, seen, why } => CommandBody::EndPractice {
                id: AsText(id.clone()),
                outcome: (*outcome).into(),
                seen: seen.into(),
                why: why.clone(),
            },
            Command::RecordPractice { id, seen } => {
                CommandBody::RecordPractice { id: AsText(id.clone()), seen: seen.into() }
            }
            Command::RecordPracticeRefusal { resource, zone, why } => CommandBody::RecordPracticeRefusal {
                resource: AsText(resource.clone()),
                zone: AsText(zone.clone()),
                why: why.clone(),
            },
            Command::StartAutoshift { resource, zone, length, reason } => CommandBody::StartAutoshift {
                resource: AsText(resource.clone()),
                zone: AsText(zone.clone()),
                length: *length,
                reason: reason.clone(),
            },
            Command::RenewAutoshift { id, length, reason } => CommandBody::RenewAutoshift {
                id: AsText(id.clone()),
                length: *length,
                reason: reason.clone(),
            },
            Command::EndAutoshift { id, reason } => {
                CommandBody::EndAutoshift { id: AsText(id.clone()), reason: reason.clone() }
            }
            Command::RecordBreakGlass { act } => CommandBody::RecordBreakGlass { act: act.into() },
            Command::UpdateHostedZone(update) => CommandBody::UpdateHostedZone(update.into()),
            Command::ZoneKey(command) => CommandBody::ZoneKey(command.into()),
            Command::SetEndpoints { sets } => {
                CommandBody::SetEndpoints { sets: AtMost::of(sets, SetBody::from) }
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
            CommandBody::StartShift { zone, scope, length, reason, floor_overrides } => Command::StartShift {
                zone: zone.0,
                scope: scope.0,
                length,
                reason,
                floor_overrides: read_overrides(floor_overrides),
            },
            CommandBody::UpdateShift { id, length, reason, if_match } => {
                Command::UpdateShift { id: id.0, length, reason, if_match: revision(if_match) }
            }
            CommandBody::CancelShift { id, if_match } => {
                Command::CancelShift { id: id.0, if_match: revision(if_match) }
            }
            CommandBody::Pin { zone, scope, to, length, reason, floor_overrides } => Command::Pin {
                zone: zone.0,
                scope: scope.0,
                to: to.into(),
                length,
                reason,
                floor_overrides: read_overrides(floor_overrides),
            },
            CommandBody::Unpin { zone, scope } => Command::Unpin { zone: zone.0, scope: scope.0 },
            CommandBody::StartDeployment { zone, scope, length, reason, zone_overrides } => {
                Command::StartDeployment {
                    zone: zone.0,
                    scope: scope.0,
                    length,
                    reason,
                    zone_overrides: deployment::read_zone_overrides(zone_overrides),
                }
            }
            CommandBody::EndDeployment { zone, scope } => {
                Command::EndDeployment { zone: zone.0, scope: scope.0 }
            }
            CommandBody::SetControls { sets, rule_overrides, floor_overrides, reason } => {
                Command::SetControls {
                    sets: sets.read(Into::into),
                    rule_overrides: rule_overrides.read(Into::into),
                    floor_overrides: read_overrides(floor_overrides),
                    reason,
                }
            }
            CommandBody::Board(command) => Command::Board(command.into()),
            CommandBody::PutPractice { resource, config, expect } => {
                Command::PutPractice { resource: resource.0, config: config.into(), expect: expect.into() }
            }
            CommandBody::DeletePractice { resource } => Command::DeletePractice { resource: resource.0 },
            CommandBody::SetAutoshift { resource, to } => {
                Command::SetAutoshift { resource: resource.0, to: to.into() }
            }
            CommandBody::SetObserver { to } => Command::SetObserver { to: to.into() },
            CommandBody::StartPractice { resource, zone, reason } => {
                Command::StartPractice { resource: resource.0, zone: zone.0, reason }
            }
            CommandBody::EndPractice { id, outcome, seen, why } => {
                Command::EndPractice { id: id.0, outcome: outcome.into(), seen: seen.into(), why }
            }
            CommandBody::RecordPractice { id, seen } => {
                Command::RecordPractice { id: id.0, seen: seen.into() }
            }
            CommandBody::RecordPracticeRefusal { resource, zone, why } => {
                Command::RecordPracticeRefusal { resource: resource.0, zone: zone.0, why }
            }
            CommandBody::StartAutoshift { resource, zone, length, reason } => {
                Command::StartAutoshift { resource: resource.0, zone: zone.0, length, reason }
            }
            CommandBody::RenewAutoshift { id, length, reason } => {
                Command::RenewAutoshift { id: id.0, length, reason }
            }
            CommandBody::EndAutoshift { id, reason } => Command::EndAutoshift { id: id.0, reason },
            CommandBody::RecordBreakGlass { act } => Command::RecordBreakGlass { act: act.into() },
            CommandBody::UpdateHostedZone(update) => Command::UpdateHostedZone(update.into()),
            CommandBody::ZoneKey(command) => Command::ZoneKey(command.into()),
            CommandBody::SetEndpoints { sets } => Command::SetEndpoints { sets: sets.read(Into::into) },
            CommandBody::Expire => Command::Expire,
        })
    }
}
