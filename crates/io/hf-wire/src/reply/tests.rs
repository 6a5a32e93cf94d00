use domain::base::ToName;
use hf_model::DnsName;
use hickory_proto::op::Message;
use hickory_proto::rr::Name as HickoryName;
use proptest::prelude::*;

use super::*;

fn name(text: &str) -> WireName {
    WireName::from(&DnsName::new(text).unwrap())
}

fn query(wire: &[u8], edns: Option<u16>) -> Query {
    Query {
        head: Head { id: 7, opcode: 0, rd: true, cd: false },
        question: Question { name: WireName::from_wire(wire).unwrap(), rtype: 1, class: 1 },
        edns: edns.map(|payload| Edns { payload, version: 0, dnssec_ok: true }),
    }
}

/// What an independent decoder makes of it.
fn decoded(bytes: &[u8]) -> Message {
    Message::from_vec(bytes).unwrap_or_else(|why| panic!("{why}: {bytes:02x?}"))
}

fn addresses(count: u8) -> Vec<[u8; 4]> {
    (0..count).map(|last| [10, 0, 0, last]).collect()
}

#[test]
fn the_question_comes_back_in_its_own_case_and_owners_point_to_it() {
    let query = query(b"\x03wWw\x04TeSt\0", Some(4096));
    let (owner, ns) = (name("www.test."), name("test."));
    let mut reply = Reply::to(&query, Rcode::NO_ERROR);
    reply.aa = true;
    reply.answers = vec![RecordRef { name: &owner, rtype: 1, ttl: 5, rdata: &[10, 0, 0, 1] }];
    reply.authority = vec![RecordRef { name: &ns, rtype: 2, ttl: 60, rdata: b"\x02ns\x04test\0" }];
    let bytes = reply.encode(Transport::Udp);
    assert!(bytes.windows(10).any(|found| found == b"\x03wWw\x04TeSt\0"));
    // Header, question, then an answer that starts with a pointer to the question's name.
    assert_eq!(bytes[12 + 14..][..2], [0xc0, 12]);
    let seen = decoded(&bytes);
    assert_eq!(seen.answers[0].name, HickoryName::from_ascii("www.test.").unwrap());
    assert_eq!((seen.answers.len(), seen.authorities.len()), (1, 1));
    let edns = seen.edns.as_ref().unwrap();
    assert_eq!((edns.max_payload(), edns.version(), edns.flags().dnssec_ok), (1232, 0, true));
}

/// `count` addresses to an asker who takes `edns` bytes (none: no EDNS).
fn check(count: u8, edns: Option<u16>, transport: Transport, want_answers: usize, want_tc: bool) {
    let query = query(b"\x01x\x04test\0", edns);
    let data = addresses(count);
    let mut reply = Reply::to(&query, Rcode::NO_ERROR);
    reply.answers =
        data.iter().map(|rdata| RecordRef { name: &query.question.name, rtype: 1, ttl: 5, rdata }).collect();
    let bytes = reply.encode(transport);
    let limit = match (transport, edns) {
        (Transport::Tcp, _) => 65_535,
        (_, None) => 512,
        (_, Some(payload)) => usize::from(payload.clamp(512, 1232)),
    };
    assert!(bytes.len() <= limit, "{} > {limit}", bytes.len());
    let seen = decoded(&bytes);
    assert_eq!((seen.answers.len(), seen.metadata.truncation), (want_answers, want_tc), "{count} {edns:?}");
    assert_eq!(seen.edns.is_some(), edns.is_some());
}

#[test]
fn what_does_not_fit_a_datagram_is_cut_whole() {
    use Transport::{Tcp, Udp};
    // 12 + 12 bytes of header and question, 16 a record: 30 fill 504 bytes, 31 fill 520.
    check(30, None, Udp, 30, false);
    check(31, None, Udp, 0, true);
    // 11 bytes of OPT beside.
    check(29, Some(512), Udp, 29, false);
    check(30, Some(512), Udp, 0, true);
    check(29, Some(0), Udp, 29, false);
    check(74, Some(1232), Udp, 74, false);
    check(75, Some(1232), Udp, 0, true);
    check(75, Some(4096), Udp, 0, true);
    check(76, Some(1400), Tcp, 76, false);
    check(200, None, Tcp, 200, false);
}

#[test]
fn what_does_not_fit_a_stream_is_our_fault() {
    let query = query(b"\x01x\x04test\0", None);
    let big = vec![0; 60_000];
    let mut reply = Reply::to(&query, Rcode::NO_ERROR);
    let record = RecordRef { name: &query.question.name, rtype: 65_280, ttl: 5, rdata: &big };
    reply.answers = vec![record];
    assert!(reply.encode(Transport::Tcp).len() > 60_000);
    reply.answers = vec![record, record];
    let bytes = reply.encode(Transport::Tcp);
    assert_eq!((bytes.len(), bytes[3] & 15), (24, 2));
}

#[test]
fn an_extended_code_needs_edns() {
    let with = Reply::to(&query(b"\0", Some(512)), Rcode::BAD_VERS).encode(Transport::Udp);
    assert_eq!(u16::from(decoded(&with).response_code), 16);
    let without = Reply::to(&query(b"\0", None), Rcode::BAD_VERS).encode(Transport::Udp);
    assert_eq!(u16::from(decoded(&without).response_code), 2);
}

#[test]
fn a_reply_of_exactly_the_limit_goes_out_whole() {
    let query = query(b"\x01x\x04test\0", None);
    let exact = vec![0; 512 - 12 - 12 - 12];
    let mut reply = Reply::to(&query, Rcode::NO_ERROR);
    reply.answers = vec![RecordRef { name: &query.question.name, rtype: 65_280, ttl: 5, rdata: &exact }];
    assert_eq!(reply.encode(Transport::Udp).len(), 512);
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..=63),
        proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'A'), Just(b'b')], 1..3),
    ]
}

fn any_name() -> impl Strategy<Value = WireName> {
    proptest::collection::vec(label(), 0..6).prop_filter_map("too long", |labels| {
        let mut wire: Vec<u8> =
            labels.iter().flat_map(|l| std::iter::once(l.len() as u8).chain(l.clone())).collect();
        wire.push(0);
        WireName::from_wire(&wire).ok()
    })
}

proptest! {
    /// Any reply that we build is read by two decoders, within its limit, with all its records or none and TC.
    #[test]
    fn replies_are_well_formed(
        asked in any_name(),
        rtype in any::<u16>(),
        edns in proptest::option::of(any::<u16>()),
        records in proptest::collection::vec((any_name(), proptest::collection::vec(any::<u8>(), 4)), 0..40),
        split in 0usize..40,
    ) {
        let query = Query {
            head: Head { id: 9, opcode: 0, rd: false, cd: true },
            question: Question { name: asked.clone(), rtype, class: 1 },
            edns: edns.map(|payload| Edns { payload, version: 0, dnssec_ok: false }),
        };
        let records: Vec<RecordRef<'_>> =
            records.iter().map(|(name, rdata)| RecordRef { name, rtype: 1, ttl: 5, rdata }).collect();
        let (answers, rest) = records.split_at(split.min(records.len()));
        let mut reply = Reply::to(&query, Rcode::NO_ERROR);
        reply.answers = answers.to_vec();
        reply.additional = rest.to_vec();
        let bytes = reply.encode(Transport::Udp);
        prop_assert!(bytes.len() <= 1232);

        let ours = domain::base::Message::from_octets(&bytes[..]).unwrap();
        let asked_again = ours.sole_question().unwrap();
        let asked_again = asked_again.qname().to_vec();
        prop_assert_eq!(asked_again.as_slice(), asked.as_wire());
        let names: Vec<Vec<u8>> = ours
            .iter()
            .map(|record| record.unwrap().0)
            .filter(|record| record.rtype() != Rtype::OPT)
            .map(|record| record.owner().to_vec().as_slice().to_ascii_lowercase())
            .collect();
        let sent: Vec<Vec<u8>> = records.iter().map(|record| record.name.as_wire().to_ascii_lowercase()).collect();
        let tc = ours.header().tc();
        prop_assert_eq!(&names, if tc { &[][..] } else { &sent[..] });

        let theirs = Message::from_vec(&bytes);
        prop_assert!(theirs.is_ok(), "{:?}", theirs);
        prop_assert_eq!(theirs.unwrap().metadata.truncation, tc);
    }
}
