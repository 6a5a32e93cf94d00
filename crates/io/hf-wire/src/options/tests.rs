use hickory_proto::op::Message;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};

use super::*;

fn message(opt: &Opt<'_>) -> Vec<u8> {
    let mut bytes = vec![0, 9, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1];
    let mut out = [0; 512];
    let len = opt.write(&mut out).unwrap();
    assert_eq!(len, opt.len());
    bytes.extend_from_slice(&out[..len]);
    bytes
}

#[test]
fn every_option_is_read_by_another_decoder() {
    let opt = Opt {
        payload: 1232,
        rcode: 16,
        dnssec_ok: true,
        cookie: Some([3; 24]),
        nsid: Some(b"node-1"),
        subnet: Some(SubnetEcho { address: "192.0.2.255".parse().unwrap(), source_bits: 25, scope_bits: 24 }),
        extended_error: Some((18, "not for you")),
    };
    let bytes = message(&opt);
    let read = Message::from_vec(&bytes).unwrap();
    let edns = read.edns.as_ref().unwrap();
    assert_eq!((edns.max_payload(), edns.rcode_high(), edns.flags().dnssec_ok), (1232, 1, true));
    let raw = |code: u16| match edns.option(EdnsCode::from(code)) {
        Some(option) => Vec::<u8>::try_from(option).unwrap(),
        None => panic!("option {code} is there"),
    };
    assert_eq!(raw(code::COOKIE), [3; 24]);
    assert_eq!(raw(code::NSID), b"node-1");
    assert_eq!(raw(code::EXTENDED_ERROR), b"\0\x12not for you");
    let Some(EdnsOption::Subnet(subnet)) = edns.option(EdnsCode::Subnet) else { panic!("a subnet") };
    assert_eq!((subnet.addr().to_string().as_str(), subnet.source_prefix()), ("192.0.2.128", 25));
    assert_eq!(subnet.scope_prefix(), 24);
}

#[test]
fn what_does_not_fit_is_not_begun() {
    let opt = Opt { nsid: Some(b"node-1"), ..Opt::default() };
    let mut out = [7; 20];
    assert_eq!(opt.write(&mut out), None);
    assert_eq!(out, [7; 20]);
    assert_eq!(Opt::default().write(&mut out), Some(11));
}

#[test]
fn a_finished_reply_is_padded_to_the_block() {
    for nsid in [&b""[..], &[b'x'; 400], &[b'x'; 436], &[b'x'; 437]] {
        let mut bytes = message(&Opt { nsid: Some(nsid), ..Opt::default() });
        keepalive(&mut bytes, 300);
        pad(&mut bytes, 0);
        assert_eq!(bytes.len() % PADDING_BLOCK, 0);
        let read = Message::from_vec(&bytes).unwrap();
        assert!(read.edns.unwrap().option(EdnsCode::from(code::PADDING)).is_some());
    }
    let mut bare = vec![0; 12];
    pad(&mut bare, 0);
    keepalive(&mut bare, 1);
    assert_eq!(bare.len(), 12, "no OPT, nothing to add to");
}

#[test]
fn how_long_a_zone_may_be_answered_from_is_told_and_read() {
    let mut bytes = message(&Opt { nsid: Some(b"node-1"), ..Opt::default() });
    assert_eq!(expires_in(&bytes), None);
    expire(&mut bytes, 86_400);
    assert_eq!(expires_in(&bytes), Some(86_400));
    let read = Message::from_vec(&bytes).unwrap().edns.unwrap();
    assert!(read.option(EdnsCode::from(code::EXPIRE)).is_some());
    for len in 0..bytes.len() {
        assert_eq!(expires_in(&bytes[..len]), None);
    }
    let asks =
        crate::transfer::soa_and_expire_query(7, &hf_model::WireName::from_wire(b"\x04test\0").unwrap());
    assert!(is_asked(&asks, code::EXPIRE) && expires_in(&asks).is_none());
}

#[test]
fn options_of_a_query_are_found() {
    let bytes = message(&Opt { nsid: Some(b""), cookie: Some([1; 24]), ..Opt::default() });
    assert!(is_asked(&bytes, code::NSID) && is_asked(&bytes, code::COOKIE));
    assert!(!is_asked(&bytes, code::KEEPALIVE) && !is_asked(&bytes[..17], code::NSID));
}
