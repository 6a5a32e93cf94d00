//! Dynamic records, updates and DNSSEC keys inside other formats. Data of records and keys is hexadecimal.

use hf_config::estate::{PlainRecord, limits};
use hf_control::{
    DynamicZone, HostedUpdate, KeyPace, UpdateChange, UpdatePrerequisite, UpdateRcode, ZoneKey,
    ZoneKeyCommand, ZoneKeyState, ZoneKeyStep,
};
use hf_model::{DnsName, Revision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bitmap::{hex, read_hex};
use crate::envelope::Format;
use crate::error::CodecError;
use crate::list::AtMost;
use crate::mirror::mirrored;
use crate::text::AsText;

/// Bytes of data of one record at most (RFC 1035 3.2.1).
const RDATA_BYTES: usize = 65_535;
/// DNSSEC keys of all hosted zones at most.
pub(crate) const ZONE_KEYS: usize = limits::HOSTED_ZONES * ZoneKey::OF_A_ZONE;

/// Bytes as hexadecimal digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct HexBody(Vec<u8>);

impl From<HexBody> for String {
    fn from(HexBody(bytes): HexBody) -> String {
        hex(&bytes)
    }
}

impl TryFrom<String> for HexBody {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > 2 * RDATA_BYTES {
            return Err(format!("there are at most {RDATA_BYTES} bytes here, this is {}", text.len() / 2));
        }
        let mut bytes = vec![0; text.len() / 2];
        let error = || "bytes are pairs of hexadecimal digits in lower case".to_owned();
        read_hex(&text, &mut bytes).ok_or_else(error)?;
        Ok(HexBody(bytes))
    }
}

mirrored! {
    KeyPace as KeyPaceBody { Patient, Forced }
    ZoneKeyState as ZoneKeyStateBody { Published, Active, Retired }
    UpdateRcode as UpdateRcodeBody {
        FormErr, ServFail, NxDomain, Refused, YxDomain, YxRrset, NxRrset, NotAuth, NotZone
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordBody {
    name: AsText<DnsName>,
    rtype: u16,
    ttl: u32,
    rdata: HexBody,
}

impl From<&PlainRecord> for RecordBody {
    fn from(record: &PlainRecord) -> Self {
        RecordBody {
            name: AsText(record.name.clone()),
            rtype: record.rtype,
            ttl: record.ttl,
            rdata: HexBody(record.rdata.clone()),
        }
    }
}

impl From<RecordBody> for PlainRecord {
    fn from(body: RecordBody) -> Self {
        PlainRecord { name: body.name.0, rtype: body.rtype, ttl: body.ttl, rdata: body.rdata.0 }
    }
}

/// What updates made of one hosted zone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DynamicBody {
    name: AsText<DnsName>,
    revision: u64,
    records: Vec<RecordBody>,
}

pub(crate) fn dynamic(zones: &[DynamicZone]) -> Vec<DynamicBody> {
    let body = |zone: &DynamicZone| DynamicBody {
        name: AsText(zone.name.clone()),
        revision: zone.revision.0,
        records: zone.records.iter().map(RecordBody::from).collect(),
    };
    zones.iter().map(body).collect()
}

pub(crate) fn read_dynamic(bodies: Vec<DynamicBody>) -> Vec<DynamicZone> {
    let zone = |body: DynamicBody| DynamicZone {
        name: body.name.0,
        revision: Revision(body.revision),
        records: body.records.into_iter().map(Into::into).collect(),
    };
    bodies.into_iter().map(zone).collect()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneKeyBody {
    hosted_zone: AsText<DnsName>,
    tag: u16,
    algorithm: u8,
    public: HexBody,
    sealed: HexBody,
    state: ZoneKeyStateBody,
    since_ms: u64,
    revision: u64,
}

impl From<&ZoneKey> for ZoneKeyBody {
    fn from(key: &ZoneKey) -> Self {
        ZoneKeyBody {
            hosted_zone: AsText(key.hosted_zone.clone()),
            tag: key.tag,
            algorithm: key.algorithm,
            public: HexBody(key.public.to_vec()),
            sealed: HexBody(key.sealed.to_vec()),
            state: key.state.into(),
            since_ms: key.since.0,
            revision: key.revision.0,
        }
    }
}

impl From<ZoneKeyBody> for ZoneKey {
    fn from(body: ZoneKeyBody) -> Self {
        ZoneKey {
            hosted_zone: body.hosted_zone.0,
            tag: body.tag,
            algorithm: body.algorithm,
            public: body.public.0.into(),
            sealed: body.sealed.0.into(),
            state: body.state.into(),
            since: Timestamp(body.since_ms),
            revision: Revision(body.revision),
        }
    }
}

/// Whether both lists are within their bounds, and in the order that whoever looks something up relies on.
pub(crate) fn check(format: &Format, dynamic: &[DynamicZone], keys: &[ZoneKey]) -> Result<(), CodecError> {
    let records = || dynamic.iter().flat_map(|zone| zone.records.iter());
    format.check_count("dynamic", records().count(), DynamicZone::RECORDS)?;
    let bytes = records().map(|record| record.rdata.len()).sum();
    format.check_amount("dynamic", "bytes of data", bytes, DynamicZone::BYTES)?;
    format.check_count("zone_keys", keys.len(), ZONE_KEYS)?;
    if let Some(key) =
        keys.iter().find(|key| key.sealed.len() > ZoneKey::SEALED_BYTES || key.public.len() > 64)
    {
        let what = format_args!("has a key of {} whose parts are too long", key.hosted_zone);
        return Err(format.invalid("zone_keys", what));
    }
    if let Some(pair) = dynamic.windows(2).find(|pair| pair[0].name >= pair[1].name) {
        let what = format_args!("is in order of names, here {} is behind {}", pair[1].name, pair[0].name);
        return Err(format.invalid("dynamic", what));
    }
    for zone in dynamic {
        let place = |record: &PlainRecord| (record.name.clone(), record.rtype, record.rdata.clone());
        // One that has no record left is known by its revision.
        if !zone.records.iter().all(|record| record.name.is_at_or_below(&zone.name)) {
            let what = format_args!("has {} with a record that is outside", zone.name);
            return Err(format.invalid("dynamic", what));
        }
        if let Some(pair) = zone.records.windows(2).find(|pair| place(&pair[0]) >= place(&pair[1])) {
            let what = format_args!("is in order of records, here one of {} is not", pair[1].name);
            return Err(format.invalid("dynamic", what));
        }
    }
    let place = |key: &ZoneKey| (key.hosted_zone.clone(), key.tag);
    match keys.windows(2).find(|pair| place(&pair[0]) >= place(&pair[1])) {
        Some(pair) => {
            let what = format_args!("is in order, here {} of {} is not", pair[1].tag, pair[1].hosted_zone);
            Err(format.invalid("zone_keys", what))
        }
        None => Ok(()),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateBody {
    hosted_zone: AsText<DnsName>,
    key: AsText<DnsName>,
    prerequisites: AtMost<PrerequisiteBody, { HostedUpdate::PARTS }>,
    changes: AtMost<ChangeBody, { HostedUpdate::PARTS }>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum PrerequisiteBody {
    NameInUse { name: AsText<DnsName> },
    NameNotInUse { name: AsText<DnsName> },
    SetExists { name: AsText<DnsName>, rtype: u16 },
    SetMissing { name: AsText<DnsName>, rtype: u16 },
    RecordExists { name: AsText<DnsName>, rtype: u16, rdata: HexBody },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ChangeBody {
    Add(RecordBody),
    Delete { name: AsText<DnsName>, rtype: u16, rdata: HexBody },
    DeleteSet { name: AsText<DnsName>, rtype: u16 },
    DeleteName { name: AsText<DnsName> },
}

impl From<&HostedUpdate> for UpdateBody {
    fn from(update: &HostedUpdate) -> Self {
        let name = |name: &DnsName| AsText(name.clone());
        let hex = |bytes: &[u8]| HexBody(bytes.to_vec());
        let prerequisite = |part: &UpdatePrerequisite| match part {
            UpdatePrerequisite::NameInUse(of) => PrerequisiteBody::NameInUse { name: name(of) },
            UpdatePrerequisite::NameNotInUse(of) => PrerequisiteBody::NameNotInUse { name: name(of) },
            UpdatePrerequisite::SetExists(of, rtype) => {
                PrerequisiteBody::SetExists { name: name(of), rtype: *rtype }
            }
            UpdatePrerequisite::SetMissing(of, rtype) => {
                PrerequisiteBody::SetMissing { name: name(of), rtype: *rtype }
            }
            UpdatePrerequisite::RecordExists(of, rtype, rdata) => {
                PrerequisiteBody::RecordExists { name: name(of), rtype: *rtype, rdata: hex(rdata) }
            }
        };
        let change = |change: &UpdateChange| match change {
            UpdateChange::Add(record) => ChangeBody::Add(record.into()),
            UpdateChange::Delete(of, rtype, rdata) => {
                ChangeBody::Delete { name: name(of), rtype: *rtype, rdata: hex(rdata) }
            }
            UpdateChange::DeleteSet(of, rtype) => ChangeBody::DeleteSet { name: name(of), rtype: *rtype },
            UpdateChange::DeleteName(of) => ChangeBody::DeleteName { name: name(of) },
        };
        UpdateBody {
            hosted_zone: name(&update.hosted_zone),
            key: name(&update.key),
            prerequisites: AtMost::of(&update.prerequisites, prerequisite),
            changes: AtMost::of(&update.changes, change),
        }
    }
}

impl From<UpdateBody> for HostedUpdate {
    fn from(body: UpdateBody) -> Self {
        let prerequisite = |part| match part {
            PrerequisiteBody::NameInUse { name } => UpdatePrerequisite::NameInUse(name.0),
            PrerequisiteBody::NameNotInUse { name } => UpdatePrerequisite::NameNotInUse(name.0),
            PrerequisiteBody::SetExists { name, rtype } => UpdatePrerequisite::SetExists(name.0, rtype),
            PrerequisiteBody::SetMissing { name, rtype } => UpdatePrerequisite::SetMissing(name.0, rtype),
            PrerequisiteBody::RecordExists { name, rtype, rdata } => {
                UpdatePrerequisite::RecordExists(name.0, rtype, rdata.0)
            }
        };
        let change = |change| match change {
            ChangeBody::Add(record) => UpdateChange::Add(record.into()),
            ChangeBody::Delete { name, rtype, rdata } => UpdateChange::Delete(name.0, rtype, rdata.0),
            ChangeBody::DeleteSet { name, rtype } => UpdateChange::DeleteSet(name.0, rtype),
            ChangeBody::DeleteName { name } => UpdateChange::DeleteName(name.0),
        };
        HostedUpdate {
            hosted_zone: body.hosted_zone.0,
            key: body.key.0,
            prerequisites: body.prerequisites.read(prerequisite),
            changes: body.changes.read(change),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ZoneKeyCommandBody {
    Add { hosted_zone: AsText<DnsName>, tag: u16, algorithm: u8, public: HexBody, sealed: HexBody },
    Activate(StepBody),
    Retire(StepBody),
    Remove(StepBody),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepBody {
    hosted_zone: AsText<DnsName>,
    tag: u16,
    pace: KeyPaceBody,
}

impl From<&ZoneKeyStep> for StepBody {
    fn from(step: &ZoneKeyStep) -> Self {
        StepBody { hosted_zone: AsText(step.hosted_zone.clone()), tag: step.tag, pace: step.pace.into() }
    }
}

impl From<StepBody> for ZoneKeyStep {
    fn from(body: StepBody) -> Self {
        ZoneKeyStep { hosted_zone: body.hosted_zone.0, tag: body.tag, pace: body.pace.into() }
    }
}

impl From<&ZoneKeyCommand> for ZoneKeyCommandBody {
    fn from(command: &ZoneKeyCommand) -> Self {
        match command {
            ZoneKeyCommand::Add { hosted_zone, tag, algorithm, public, sealed } => ZoneKeyCommandBody::Add {
                hosted_zone: AsText(hosted_zone.clone()),
                tag: *tag,
                algorithm: *algorithm,
                public: HexBody(public.to_vec()),
                sealed: HexBody(sealed.to_vec()),
            },
            ZoneKeyCommand::Activate(step) => ZoneKeyCommandBody::Activate(step.into()),
            ZoneKeyCommand::Retire(step) => ZoneKeyCommandBody::Retire(step.into()),
            ZoneKeyCommand::Remove(step) => ZoneKeyCommandBody::Remove(step.into()),
        }
    }
}

impl From<ZoneKeyCommandBody> for ZoneKeyCommand {
    fn from(body: ZoneKeyCommandBody) -> Self {
        match body {
            ZoneKeyCommandBody::Add { hosted_zone, tag, algorithm, public, sealed } => ZoneKeyCommand::Add {
                hosted_zone: hosted_zone.0,
                tag,
                algorithm,
                public: public.0.into(),
                sealed: sealed.0.into(),
            },
            ZoneKeyCommandBody::Activate(step) => ZoneKeyCommand::Activate(step.into()),
            ZoneKeyCommandBody::Retire(step) => ZoneKeyCommand::Retire(step.into()),
            ZoneKeyCommandBody::Remove(step) => ZoneKeyCommand::Remove(step.into()),
        }
    }
}
