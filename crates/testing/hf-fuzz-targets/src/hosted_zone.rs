//! Large master files, and what is done with a hosted zone that was read.
//!
//! 1. Any bytes become a zone or problems, the same in one piece and in two.
//! 2. Every record is found by its name, and no name that is asked for is a panic.
//! 3. The zone, built anew from its records, differs in nothing from itself.

use std::sync::LazyLock;

use hf_hosted::history::diff;
use hf_hosted::master::{Reader, read_zone_file};
use hf_hosted::{Builder, Contents, Found};
use hf_model::{DnsName, WireName};

pub(crate) static APEX: LazyLock<WireName> =
    LazyLock::new(|| WireName::from(&DnsName::new("example.test.").expect("a DNS name")));

pub(crate) fn check(data: &[u8]) {
    let whole = read_zone_file(&APEX, data);
    let (first, second) = data.split_at(data.len() / 3);
    let mut reader = Reader::new(&APEX);
    reader.feed(first);
    reader.feed(second);
    match (reader.finish(), whole) {
        (Ok(pieces), Ok(whole)) => {
            assert!(diff(&pieces, &whole).is_empty(), "read differently in pieces");
            check_contents(&whole, data);
        }
        (Err(pieces), Err(whole)) => assert_eq!(pieces, whole),
        (pieces, whole) => panic!("in pieces {pieces:?}, whole {whole:?}"),
    }
}

fn check_contents(contents: &Contents, data: &[u8]) {
    let mut builder = Builder::new(contents.apex());
    for record in contents.records() {
        let owner = record.owner();
        let node = contents.node(owner.as_wire()).expect("a record's name exists");
        let set = node.set(record.rtype).expect("a record's set exists");
        assert!(set.rdata().any(|rdata| rdata == record.rdata));
        match contents.find(owner.as_wire()) {
            Found::Exists { wildcard: None, .. } | Found::Delegated { .. } | Found::Below { .. } => {}
            other => panic!("{owner}: {other:?}"),
        }
        let below = [b"\x05below", owner.as_wire()].concat();
        contents.find(&below);
        builder.push(owner.as_wire(), record.rtype, record.ttl, record.rdata).expect("it was pushed before");
    }
    contents.find(data);
    contents.find(&[data, contents.apex().as_wire()].concat());
    let again = builder.finish().expect("it was built before");
    assert!(diff(contents, &again).is_empty() && again.names() == contents.names());
}
