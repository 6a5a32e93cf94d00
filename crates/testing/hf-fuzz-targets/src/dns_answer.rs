//! DNS answers, from whoever answers our own clients.
//!
//! The input is one message; it is read as the answer to its own id and question, and to another question.
//!
//! 1. Only the response to the question asked is taken.
//! 2. The addresses that were read, written into a reply of ours, are read again: the same, in their order.

use std::net::IpAddr;
use std::sync::LazyLock;

use hf_model::{DnsName, WireName};
use hf_wire::{Answered, Family, RecordRef, Reply, Transport, address_query, read_answer, read_query};

static WWW: LazyLock<WireName> =
    LazyLock::new(|| WireName::from(&DnsName::new("www.example.test.").expect("a DNS name")));

pub(crate) fn check(data: &[u8]) {
    let Some(id) = data.first_chunk::<2>().map(|id| u16::from_be_bytes(*id)) else { return };
    let Ok(answered) = read_answer(data, id, &WWW) else { return };
    assert!(data[2] & 0x80 != 0, "no response");
    assert!(read_answer(data, !id, &WWW).is_err(), "another's id");
    assert!(answered.addresses.len() <= usize::from(u16::from_be_bytes([data[6], data[7]])));
    check_again(id, &answered);
}

fn check_again(id: u16, answered: &Answered) {
    let query = read_query(&address_query(id, &WWW, Family::V4)).expect("our own query");
    let mut reply = Reply::to(&query, answered.rcode);
    reply.aa = answered.aa;
    let rdata: Vec<(u16, u32, Vec<u8>)> = answered
        .addresses
        .iter()
        .map(|(address, ttl)| match address {
            IpAddr::V4(v4) => (1, *ttl, v4.octets().to_vec()),
            IpAddr::V6(v6) => (28, *ttl, v6.octets().to_vec()),
        })
        .collect();
    let records =
        rdata.iter().map(|(rtype, ttl, rdata)| RecordRef { name: &WWW, rtype: *rtype, ttl: *ttl, rdata });
    reply.answers = records.collect();
    let again = read_answer(&reply.encode(Transport::Tcp), id, &WWW);
    let want = Answered { truncated: false, ..answered.clone() };
    assert_eq!(again, Ok(want));
}
