use proptest::prelude::*;

use super::*;
use crate::query::head_of;

fn zone() -> WireName {
    WireName::from_wire(b"\x07example\x04test\0").unwrap()
}

fn soa(serial: u32) -> Rr {
    Rr { name: zone(), rtype: SOA, ttl: 60, rdata: Soa::sample(serial) }
}

fn address(host: u8) -> Rr {
    let name =
        WireName::from_wire(&[&[4, b'h', b'o', b's', b'a' + host % 26][..], zone().as_wire()].concat());
    Rr { name: name.unwrap(), rtype: 1, ttl: 60, rdata: vec![192, 0, 2, host] }
}

/// The messages of a transfer of these records in this order.
fn messages(records: &[Rr], rtype: u16) -> Vec<Vec<u8>> {
    let question = Question { name: zone(), rtype, class: 1 };
    let request = query(3, &zone(), None);
    let mut out = Outgoing::new(head_of(&request), &question, 300);
    let mut messages = Vec::new();
    for rr in records {
        messages.extend(out.push((rr.name.as_wire(), rr.rtype, rr.ttl), &rr.rdata).unwrap());
    }
    messages.push(out.finish());
    messages
}

fn take(records: &[Rr], held: Option<u32>) -> Result<Outcome, TransferError> {
    let mut incoming = Incoming::new(3, &zone(), held, 1 << 20);
    let mut last = Outcome::More;
    for message in messages(records, AXFR) {
        assert_eq!(last, Outcome::More, "nothing comes behind the end");
        hickory_proto::op::Message::from_vec(&message).unwrap();
        last = incoming.take(&message)?;
    }
    Ok(last)
}

#[test]
fn a_whole_zone_comes_through() {
    let mut records = vec![soa(5)];
    records.extend((0..=255).cycle().take(3_000).map(address));
    let sent = [&records[..], &[soa(5)]].concat();
    assert!(messages(&sent, AXFR).len() > 2);
    assert_eq!(take(&sent, None), Ok(Outcome::Whole(records.clone())));
    assert_eq!(take(&sent, Some(4)), Ok(Outcome::Whole(records)), "an IXFR may be answered so");
    assert_eq!(take(&[soa(5), soa(5)], None), Ok(Outcome::Whole(vec![soa(5)])));
}

#[test]
fn steps_come_through() {
    let sent = [soa(7), soa(5), address(1), soa(6), address(2), soa(6), soa(7), address(3), soa(7)];
    let steps = vec![
        Step { removed: vec![soa(5), address(1)], added: vec![soa(6), address(2)] },
        Step { removed: vec![soa(6)], added: vec![soa(7), address(3)] },
    ];
    assert_eq!(take(&sent, Some(5)), Ok(Outcome::Steps(steps)));
    assert_eq!(take(&[soa(5)], Some(5)), Ok(Outcome::Current));
    assert_eq!(take(&[soa(4)], Some(5)), Ok(Outcome::Current));
    assert_eq!(take(&[soa(6)], Some(5)), Ok(Outcome::More));
}

#[test]
fn what_is_not_a_transfer_is_worth_nothing() {
    let check = |records: &[Rr], held, why| assert_eq!(take(records, held), Err(why));
    check(&[address(1)], None, TransferError::Order);
    check(&[], None, TransferError::Order);
    check(&[soa(5), address(1), soa(4)], None, TransferError::Order);
    check(&[soa(5), address(1), soa(5), address(2)], None, TransferError::Order);
    check(&[soa(7), soa(5), soa(6), soa(5)], Some(5), TransferError::Order);
    check(&[soa(7), soa(5), soa(4)], Some(5), TransferError::Order);
    let foreign = Rr { name: WireName::from_wire(b"\x08xexample\x04test\0").unwrap(), ..address(1) };
    check(&[soa(5), foreign], None, TransferError::Foreign);
    let message = &messages(&[soa(5), soa(5)], AXFR)[0];
    assert_eq!(Incoming::new(4, &zone(), None, 1 << 20).take(message), Err(TransferError::NotOurs));
    assert_eq!(Incoming::new(3, &zone(), None, 20).take(message), Err(TransferError::TooLarge));
    let mut refused = message.clone();
    refused[3] |= 5;
    assert_eq!(Incoming::new(3, &zone(), None, 1 << 20).take(&refused), Err(TransferError::Refused(5)));
}

#[test]
fn a_query_carries_the_soa_that_we_hold() {
    let bytes = query(3, &zone(), Some(&Soa::sample(9)));
    let request = read_request(&bytes).unwrap();
    assert_eq!((request.question.rtype, request.held), (IXFR, Some(9)));
    assert!(is_asked(&bytes) && !is_asked(&soa_query(3, &zone())));
    let request = read_request(&query(3, &zone(), None)).unwrap();
    assert_eq!((request.question.rtype, request.held), (AXFR, None));
}

proptest! {
    /// Whatever arrives, it is taken or refused.
    #[test]
    fn any_order_of_records_is_judged(
        picks in proptest::collection::vec((any::<bool>(), 0u8..4), 0..12),
        held in proptest::option::of(0u32..4),
    ) {
        let pick = |(is_soa, number): &(bool, u8)| {
            if *is_soa { soa(u32::from(*number)) } else { address(*number) }
        };
        let records: Vec<_> = picks.iter().map(pick).collect();
        let _ = take(&records, held);
    }
}
