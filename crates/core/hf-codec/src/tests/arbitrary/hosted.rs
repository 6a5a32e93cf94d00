//! Anything about hosted zones.

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::PlainRecord;
use hf_control::{
    Command, DynamicZone, HostedUpdate, KeyPace, Refusal, UpdateChange, UpdatePrerequisite, UpdateRcode,
    ZoneKey, ZoneKeyCommand, ZoneKeyState, ZoneKeyStep,
};
use hf_model::{DnsName, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::{length, revision, text};

pub(super) fn name() -> impl Strategy<Value = DnsName> {
    r"([a-z0-9_*]{1,9}\.){0,4}[a-z]{1,3}\.".prop_map(|text| DnsName::new(&text).unwrap())
}

fn rdata() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}

fn record() -> impl Strategy<Value = PlainRecord> {
    (name(), any::<u16>(), any::<u32>(), rdata()).prop_map(|(name, rtype, ttl, rdata)| PlainRecord {
        name,
        rtype,
        ttl,
        rdata,
    })
}

/// Label, type and data.
type Records = BTreeSet<(String, u16, Vec<u8>)>;

/// In order; a zone may have no record left.
pub(super) fn dynamic() -> BoxedStrategy<Vec<DynamicZone>> {
    let records = prop::collection::btree_set(("[a-z]{1,5}", any::<u16>(), rdata()), 0..5);
    let zones: BoxedStrategy<BTreeMap<DnsName, (_, Records)>> =
        prop::collection::btree_map(name(), (revision(), records), 0..3).boxed();
    let zone = |(name, (revision, records)): (DnsName, (_, Records))| {
        let mut records: Vec<PlainRecord> = records
            .into_iter()
            .map(|(label, rtype, rdata)| PlainRecord {
                name: name.child(&label).unwrap(),
                rtype,
                ttl: 5,
                rdata,
            })
            .collect();
        records.sort_by(|a, b| (&a.name, a.rtype, &a.rdata).cmp(&(&b.name, b.rtype, &b.rdata)));
        DynamicZone { name, revision, records: records.into() }
    };
    zones.prop_map(move |zones| zones.into_iter().map(zone).collect()).boxed()
}

pub(super) fn keys() -> BoxedStrategy<Vec<ZoneKey>> {
    let state = select(&[ZoneKeyState::Published, ZoneKeyState::Active, ZoneKeyState::Retired][..]);
    let key = (any::<u8>(), rdata(), rdata(), state, any::<u64>(), revision());
    let keys = prop::collection::btree_map((name(), any::<u16>()), key, 0..4);
    let one = |((hosted_zone, tag), (algorithm, public, sealed, state, since, revision)): (
        _,
        (_, Vec<u8>, Vec<u8>, _, _, _),
    )| {
        let (public, sealed, since) = (public.into(), sealed.into(), Timestamp(since));
        ZoneKey { hosted_zone, tag, algorithm, public, sealed, state, since, revision }
    };
    keys.prop_map(move |keys| keys.into_iter().map(one).collect()).boxed()
}

pub(super) fn command() -> BoxedStrategy<Command> {
    let prerequisite = prop_oneof![
        name().prop_map(UpdatePrerequisite::NameInUse),
        name().prop_map(UpdatePrerequisite::NameNotInUse),
        (name(), any::<u16>()).prop_map(|(name, rtype)| UpdatePrerequisite::SetExists(name, rtype)),
        (name(), any::<u16>()).prop_map(|(name, rtype)| UpdatePrerequisite::SetMissing(name, rtype)),
        (name(), any::<u16>(), rdata())
            .prop_map(|(name, rtype, rdata)| UpdatePrerequisite::RecordExists(name, rtype, rdata)),
    ];
    let change = prop_oneof![
        record().prop_map(UpdateChange::Add),
        (name(), any::<u16>(), rdata())
            .prop_map(|(name, rtype, rdata)| UpdateChange::Delete(name, rtype, rdata)),
        (name(), any::<u16>()).prop_map(|(name, rtype)| UpdateChange::DeleteSet(name, rtype)),
        name().prop_map(UpdateChange::DeleteName),
    ];
    let parts = (prop::collection::vec(prerequisite, 0..4), prop::collection::vec(change, 0..4));
    let update = (name(), name(), parts).prop_map(|(hosted_zone, key, (prerequisites, changes))| {
        Command::UpdateHostedZone(HostedUpdate { hosted_zone, key, prerequisites, changes })
    });
    let pace = select(&[KeyPace::Patient, KeyPace::Forced][..]);
    let step = (name(), any::<u16>(), pace)
        .prop_map(|(hosted_zone, tag, pace)| ZoneKeyStep { hosted_zone, tag, pace })
        .boxed();
    let key = prop_oneof![
        (name(), any::<u16>(), any::<u8>(), rdata(), rdata()).prop_map(
            |(hosted_zone, tag, algorithm, public, sealed)| ZoneKeyCommand::Add {
                hosted_zone,
                tag,
                algorithm,
                public: public.into(),
                sealed: sealed.into(),
            }
        ),
        step.clone().prop_map(ZoneKeyCommand::Activate),
        step.clone().prop_map(ZoneKeyCommand::Retire),
        step.prop_map(ZoneKeyCommand::Remove),
    ];
    prop_oneof![update, key.prop_map(Command::ZoneKey)].boxed()
}

pub(super) fn refusal() -> BoxedStrategy<Refusal> {
    prop_oneof![
        name().prop_map(|hosted_zone| Refusal::UnknownHostedZone { hosted_zone }),
        (name(), any::<u16>()).prop_map(|(hosted_zone, tag)| Refusal::UnknownZoneKey { hosted_zone, tag }),
        (name(), any::<u16>(), length()).prop_map(|(hosted_zone, tag, left)| Refusal::ZoneKeyWaits {
            hosted_zone,
            tag,
            left
        }),
        (name(), select(&UpdateRcode::ALL[..]), text())
            .prop_map(|(hosted_zone, code, why)| Refusal::Update { hosted_zone, code, why }),
    ]
    .boxed()
}
