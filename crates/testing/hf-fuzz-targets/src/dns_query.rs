//! DNS queries, from anybody on port 53.
//!
//! 1. Whatever is to be answered gets an answer that fits its transport and repeats id, question and flags byte for byte.
//! 2. The answer is a response: sent back to us it is passed over, so two servers never talk in circles.
//! 3. With the response bit cleared it reads as the same question: what we write, we can read.

use hf_wire::{Ignored, Query, Reply, Transport, UDP_PAYLOAD_MAX, Unfit, read_answer, read_query};

use crate::world;

const QR: u8 = 0x80;

pub(crate) fn check(data: &[u8]) {
    match read_query(data) {
        Err(Unfit::Ignore(Ignored::Short)) => assert!(data.len() < 12),
        Err(Unfit::Ignore(Ignored::Response)) => assert!(data[2] & QR != 0),
        Err(Unfit::Refuse(refused)) => {
            for transport in [Transport::Udp, Transport::Tcp] {
                let bytes = Reply::refusing(&refused).encode(transport);
                assert!(bytes.len() <= 512, "a refusal of {} bytes", bytes.len());
                check_head(data, &bytes);
            }
        }
        Ok(query) => {
            let answer = world::answer(&world::EXAMPLE, &query);
            for transport in [Transport::Udp, Transport::Tcp] {
                let bytes = world::encode(&query, &answer, transport);
                check_length(&query, transport, bytes.len());
                check_head(data, &bytes);
                check_again(&query, bytes);
            }
        }
    }
}

fn check_length(query: &Query, transport: Transport, len: usize) {
    let max = match (transport, query.edns) {
        (Transport::Tcp, _) => usize::from(u16::MAX),
        (Transport::Udp, None) => 512,
        (Transport::Udp, Some(edns)) => usize::from(edns.payload.clamp(512, UDP_PAYLOAD_MAX)),
    };
    assert!(len <= max, "{len} bytes where {max} fit");
}

fn check_head(query: &[u8], reply: &[u8]) {
    assert!(reply.len() >= 12);
    assert_eq!(reply[..2], query[..2], "the id");
    assert_eq!(reply[2] & 0b1111_1001, query[2] & 0b0111_1001 | QR, "operation and RD, as a response");
    assert_eq!(reply[3] & 0b0001_0000, query[3] & 0b0001_0000, "CD");
    assert_eq!(read_query(reply), Err(Unfit::Ignore(Ignored::Response)));
}

fn check_again(query: &Query, mut reply: Vec<u8>) {
    let name = &query.question.name;
    let seen = read_answer(&reply, query.head.id, name);
    assert!(seen.is_ok(), "our own client cannot read {reply:?}: {seen:?}");
    reply[2] &= !QR;
    // More than 16 records are read by clients, not by servers.
    if reply[6] == 0 && reply[7] + reply[9] < 8 && reply[11] < 8 {
        let again = read_query(&reply).expect("what we wrote reads");
        assert_eq!((again.head, &again.question), (query.head, &query.question));
        let edns = query.edns.map(|edns| hf_wire::Edns { payload: UDP_PAYLOAD_MAX, ..edns });
        assert_eq!(again.edns, edns);
    }
}
