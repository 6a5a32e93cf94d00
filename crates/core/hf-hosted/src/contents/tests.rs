//! What a version says of itself.

use crate::testing::{dump, name, rr, zone};
use crate::{Builder, Changes};

#[test]
fn the_soa_says_serial_and_negative_ttl() {
    let contents = zone("a A 192.0.2.1");
    assert_eq!((contents.serial(), contents.negative_ttl(), contents.names()), (1, 30, 2));
    let empty = Builder::new(&name("test.")).finish().unwrap();
    assert_eq!((empty.serial(), empty.negative_ttl(), empty.soa()), (0, 0, None));
    assert_eq!(empty.records().count(), 0);
}

#[test]
fn records_begin_with_the_soa_and_have_it_once() {
    let contents = zone("a A 192.0.2.1\n@ NS a");
    let types: Vec<u16> = contents.records().map(|record| record.rtype).collect();
    assert_eq!(types, [6, 2, 1]);
    let record = contents.records().last().unwrap();
    let mut owner = Vec::new();
    record.write_owner(&mut owner);
    assert_eq!((owner.as_slice(), record.owner()), (name("a").as_wire(), name("a")));
}

#[test]
fn compacting_changes_nothing() {
    let lines: String = (0..2_000).map(|n| format!("h{n} A 192.0.2.1\n")).collect();
    let base = zone(&lines);
    let removed = (0..1_500).map(|n| rr(&format!("h{n}"), 1, 60, &[192, 0, 2, 1])).collect();
    let added = vec![rr("x.y", 1, 60, &[192, 0, 2, 2])];
    let changed = base.changed(&Changes { removed, added }).unwrap();
    assert!(changed.wants_compacting() && !base.wants_compacting());
    let compact = changed.compacted();
    assert!(!compact.wants_compacting());
    assert_eq!((changed.names(), compact.names()), (503, 503));
    assert_eq!(dump(&changed), dump(&compact));
    assert!(compact.bytes() < changed.bytes());
}
