//! DNS queries on the fast path: the reader that takes only what is plain, and the answer that is written where it stands.
//!
//! 1. What it takes, the careful reader reads alike; what it passes over, the careful reader passes over.
//! 2. The answer fits the asker's limit, repeats id, question and flags, and our own client can read it.

use std::net::{IpAddr, Ipv4Addr};

use hf_answer::{Asked, Asker, ExplainTxt, Frame, Message, Scratch};
use hf_wire::fast::{Fast, FastEdns, Read, read};
use hf_wire::{Head, Ignored, UDP_PAYLOAD_MAX, Unfit, read_answer, read_query};

use crate::world;

pub(crate) fn check(data: &[u8]) {
    match read(data) {
        Read::Cold => {}
        Read::Ignore => assert!(matches!(read_query(data), Err(Unfit::Ignore(_))), "passed over: {data:?}"),
        Read::Query(fast) => {
            check_alike(&fast, data);
            check_answer(&fast, data);
        }
    }
}

fn check_alike(fast: &Fast<'_>, data: &[u8]) {
    let careful = read_query(data).expect("what is plain reads with care too");
    let (rd, cd) = (fast.flags & 0x0100 != 0, fast.flags & 0x0010 != 0);
    let Head { id, opcode, rd: careful_rd, cd: careful_cd, .. } = careful.head;
    assert_eq!((id, opcode, careful_rd, careful_cd), (fast.id, 0, rd, cd));
    assert_eq!(careful.question.name.as_wire(), fast.name);
    assert_eq!((careful.question.rtype, careful.question.class), (fast.rtype, fast.class));
    let of_fast = fast.edns.map(|FastEdns { payload, version, dnssec_ok, .. }| (payload, version, dnssec_ok));
    assert_eq!(careful.edns.map(|edns| (edns.payload, edns.version, edns.dnssec_ok)), of_fast);
}

fn check_answer(fast: &Fast<'_>, data: &[u8]) {
    let mut reply = [0; UDP_PAYLOAD_MAX as usize];
    let (question_end, limit) = (fast.begin(&mut reply), fast.limit(UDP_PAYLOAD_MAX));
    let mut message = Message::new(&mut reply, Frame { question_end, limit, room: 0 });
    let asked = Asked {
        name: fast.name,
        rtype: fast.rtype,
        class: fast.class,
        dnssec_ok: fast.edns.is_some_and(|edns| edns.dnssec_ok),
        compact_ok: fast.edns.is_some_and(|edns| edns.compact_ok),
    };
    let asker = Asker {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        subnet: fast.edns.and_then(|edns| edns.subnet),
        own_zone: None,
        seed: u64::from(fast.id),
        explain: ExplainTxt::Allowed,
    };
    world::EXAMPLE.write(&asked, &asker, &mut Scratch::new(), &mut message);
    let reply = message.written();
    assert!(reply.len() <= limit, "{} bytes where {limit} fit", reply.len());
    assert_eq!(reply[..2], data[..2], "the id");
    assert_eq!(reply[12..question_end], data[12..question_end], "the question");
    assert_eq!(read_query(reply), Err(Unfit::Ignore(Ignored::Response)));
    let name = hf_model::WireName::from_wire(fast.name).expect("a name that was read");
    let seen = read_answer(reply, fast.id, &name);
    assert!(seen.is_ok(), "our own client cannot read {reply:?}: {seen:?}");
}
