//! One of each about hosted zones.

use std::time::Duration;

use hf_config::estate::PlainRecord;
use hf_control::{
    Command, DynamicZone, Event, HostedUpdate, KeyPace, Refusal, UpdateChange, UpdatePrerequisite,
    UpdateRcode, ZoneKey, ZoneKeyCommand, ZoneKeyState, ZoneKeyStep,
};
use hf_model::{DnsName, Revision, Timestamp};

fn name(text: &str) -> DnsName {
    DnsName::new(text).unwrap()
}

fn hosted_zone() -> DnsName {
    name("example.test.")
}

fn records() -> Vec<PlainRecord> {
    vec![
        PlainRecord {
            name: name("_acme-challenge.example.test."),
            rtype: 16,
            ttl: 60,
            rdata: b"\x05token".to_vec(),
        },
        PlainRecord { name: name("host.example.test."), rtype: 1, ttl: 300, rdata: vec![192, 0, 2, 1] },
    ]
}

pub(super) fn dynamic() -> Vec<DynamicZone> {
    vec![DynamicZone { name: hosted_zone(), revision: Revision(41), records: records().into() }]
}

pub(super) fn keys() -> Vec<ZoneKey> {
    let key = |tag, algorithm, bytes: usize, state| ZoneKey {
        hosted_zone: hosted_zone(),
        tag,
        algorithm,
        public: vec![0xab; bytes].into(),
        sealed: vec![0xcd; 9].into(),
        state,
        since: Timestamp(1_700_000_000_000),
        revision: Revision(40),
    };
    vec![
        key(815, 13, 64, ZoneKeyState::Published),
        key(4_711, 15, 32, ZoneKeyState::Active),
        key(9_999, 13, 64, ZoneKeyState::Retired),
    ]
}

pub(super) fn commands() -> Vec<Command> {
    let (of, rdata) = (records()[1].name.clone(), records()[1].rdata.clone());
    let update = HostedUpdate {
        hosted_zone: hosted_zone(),
        key: name("acme."),
        prerequisites: vec![
            UpdatePrerequisite::NameInUse(of.clone()),
            UpdatePrerequisite::NameNotInUse(of.clone()),
            UpdatePrerequisite::SetExists(of.clone(), 1),
            UpdatePrerequisite::SetMissing(of.clone(), 28),
            UpdatePrerequisite::RecordExists(of.clone(), 1, rdata.clone()),
        ],
        changes: vec![
            UpdateChange::Add(records()[0].clone()),
            UpdateChange::Delete(of.clone(), 1, rdata),
            UpdateChange::DeleteSet(of.clone(), 28),
            UpdateChange::DeleteName(of),
        ],
    };
    let step = |pace| ZoneKeyStep { hosted_zone: hosted_zone(), tag: 815, pace };
    let key = keys().remove(0);
    let add = ZoneKeyCommand::Add {
        hosted_zone: hosted_zone(),
        tag: key.tag,
        algorithm: key.algorithm,
        public: key.public,
        sealed: key.sealed,
    };
    let keys = [
        add,
        ZoneKeyCommand::Activate(step(KeyPace::Patient)),
        ZoneKeyCommand::Retire(step(KeyPace::Forced)),
        ZoneKeyCommand::Remove(step(KeyPace::Patient)),
    ];
    std::iter::once(Command::UpdateHostedZone(update)).chain(keys.map(Command::ZoneKey)).collect()
}

pub(super) fn events() -> Vec<Event> {
    let after = Some("host.example.test. 300 A 192.0.2.1".to_owned());
    vec![Event::HostedZoneChanged { hosted_zone: hosted_zone(), before: None, after }]
}

pub(super) fn refusals() -> Vec<Refusal> {
    let mut refusals = vec![
        Refusal::UnknownHostedZone { hosted_zone: hosted_zone() },
        Refusal::UnknownZoneKey { hosted_zone: hosted_zone(), tag: 815 },
        Refusal::ZoneKeyWaits { hosted_zone: hosted_zone(), tag: 815, left: Duration::from_mins(59) },
    ];
    refusals.extend(UpdateRcode::ALL.map(|code| Refusal::Update {
        hosted_zone: hosted_zone(),
        code,
        why: "the estate declares it; change it there".to_owned(),
    }));
    refusals
}
