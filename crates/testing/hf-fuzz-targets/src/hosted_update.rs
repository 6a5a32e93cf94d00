//! Updates of a hosted zone (RFC 2136): prerequisites and changes from anybody who has a key.
//!
//! The input is a list of parts: class, type, TTL, owner and data from one byte each, or data as they come.
//!
//! 1. What is read is judged without a panic; what it comes to can be done to the zone, which is then as the differences say.
//! 2. SOA and NS of the apex stay; no name has a CNAME and other records.
//! 3. The same changes again change nothing but what they ask for anew.

use std::sync::LazyLock;

use hf_hosted::update::{Part, changes, check as judge, plan, prerequisites};
use hf_hosted::{Contents, history, master, rtype};
use hf_model::{DnsName, WireName};

use crate::hosted_zone::APEX;

const ZONE: &str = "\
$TTL 60
@ SOA ns hostmaster 1 2 3 4 5
@ NS ns
@ NS ns2
@ MX 10 mail
ns A 192.0.2.1
ns2 A 192.0.2.2
a A 192.0.2.3
a TXT x
c CNAME a
*.w A 192.0.2.4
d NS ns.d
ns.d A 192.0.2.5
old DNAME new
x.y.z A 192.0.2.6
";
const OWNERS: [&str; 12] = [
    "example.test.",
    "a.example.test.",
    "A.Example.Test.",
    "c.example.test.",
    "*.w.example.test.",
    "d.example.test.",
    "ns.d.example.test.",
    "old.example.test.",
    "z.example.test.",
    "x.y.z.example.test.",
    "new.example.test.",
    "elsewhere.test.",
];
const TYPES: [u16; 16] = [1, 2, 5, 6, 11, 15, 16, 28, 33, 39, 41, 46, 252, 255, 0, 65_280];
const CLASSES: [u16; 4] = [1, 254, 255, 3];

static CONTENTS: LazyLock<Contents> =
    LazyLock::new(|| master::read_zone_file(&APEX, ZONE.as_bytes()).expect("a good file"));

pub(crate) fn check(data: &[u8]) {
    let mut rest = data;
    let first = parts(&mut rest);
    let second = parts(&mut rest);
    let contents = &*CONTENTS;
    if let Ok(wanted) = prerequisites(&APEX, &first) {
        let _ = judge(contents, &wanted);
    }
    let Ok(wanted) = changes(&APEX, &second) else { return };
    let planned = plan(contents, &wanted);
    let next = match contents.changed(&planned) {
        Ok(next) => next,
        // A DNAME at a delegation, or a set that grew too large: the update is refused as a whole.
        Err(hf_hosted::ChangeError::Problem(_)) => return,
        Err(error) => panic!("what was planned cannot be done: {error}"),
    };
    let found = history::diff(contents, &next);
    let data_of = |changes: &[hf_hosted::Rr]| changes.iter().filter(|rr| rr.rtype != rtype::SOA).count();
    assert!(data_of(&found.added) <= planned.added.len() && data_of(&found.removed) <= planned.removed.len());
    let apex = next.node(APEX.as_wire()).expect("the apex stays");
    assert!(apex.set(rtype::SOA).is_some() && apex.set(rtype::NS).is_some());
    for record in next.records().filter(|record| record.rtype == rtype::CNAME) {
        let node = next.node(record.owner().as_wire()).expect("it has a record");
        assert!(node.sets().all(|set| matches!(set.rtype(), rtype::CNAME | rtype::RRSIG | rtype::NSEC | 25)));
    }
    let back = next.changed(&history::diff(&next, contents)).expect("the way back");
    assert!(history::diff(&back, contents).is_empty() && back.names() == contents.names());
}

fn parts(rest: &mut &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<5>() {
        let [owner, kind, class, ttl, len] = head.map(usize::from);
        let len = (len % 32).min(behind.len());
        let (data, behind) = behind.split_at(len);
        *rest = behind;
        if owner == 255 || parts.len() == 16 {
            break;
        }
        let owner = DnsName::new(OWNERS[owner % OWNERS.len()]).expect("a DNS name");
        parts.push(Part {
            owner: WireName::from(&owner),
            rtype: TYPES[kind % TYPES.len()],
            class: CLASSES[class % CLASSES.len()],
            ttl: ttl as u32 % 3,
            rdata: data.into(),
        });
    }
    parts
}
