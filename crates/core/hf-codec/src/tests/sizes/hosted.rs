//! The largest of what the state machine keeps of hosted zones.

use hf_config::estate::{PlainRecord, limits};
use hf_control::{DynamicZone, ZoneKey, ZoneKeyState};
use hf_model::{DnsName, Revision, Timestamp};

fn name(at: usize) -> DnsName {
    DnsName::new(&format!("h{at:05}.{}a.", "a.".repeat(122))).unwrap()
}

pub(super) fn largest_dynamic() -> Vec<DynamicZone> {
    let rdata = vec![0xff; DynamicZone::BYTES / DynamicZone::RECORDS];
    let record = |at| PlainRecord { name: name(at), rtype: u16::MAX, ttl: u32::MAX, rdata: rdata.clone() };
    let records = (0..DynamicZone::RECORDS).map(record).collect();
    vec![DynamicZone { name: DnsName::new("a.").unwrap(), revision: Revision(u64::MAX), records }]
}

pub(super) fn largest_keys() -> Vec<ZoneKey> {
    let key = |at: usize| ZoneKey {
        hosted_zone: name(at / ZoneKey::OF_A_ZONE),
        tag: 60_000 + (at % ZoneKey::OF_A_ZONE) as u16,
        algorithm: 13,
        public: vec![0xff; 64].into(),
        sealed: vec![0xff; ZoneKey::SEALED_BYTES].into(),
        state: ZoneKeyState::Published,
        since: Timestamp(u64::MAX),
        revision: Revision(u64::MAX),
    };
    (0..limits::HOSTED_ZONES * ZoneKey::OF_A_ZONE).map(key).collect()
}
