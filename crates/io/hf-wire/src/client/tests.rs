use hf_model::DnsName;
use proptest::prelude::*;

use super::*;
use crate::{RecordRef, Reply, Transport, read_query};

fn www() -> WireName {
    WireName::from(&DnsName::new("www.example.test.").unwrap())
}

#[test]
fn addresses_come_back_with_their_ttl() {
    for (family, rdata) in [(Family::V4, &[10, 0, 0, 1][..]), (Family::V6, &[0xfd; 16])] {
        let query = read_query(&address_query(77, &www(), family)).unwrap();
        let (owner, rtype) = (query.question.name.clone(), query.question.rtype);
        let mut reply = Reply::to(&query, Rcode::NO_ERROR);
        reply.aa = true;
        reply.answers = vec![RecordRef { name: &owner, rtype, ttl: 5, rdata }];
        let bytes = reply.encode(Transport::Udp);
        let seen = read_answer(&bytes, 77, &www()).unwrap();
        assert!(seen.aa && !seen.truncated && seen.rcode == Rcode::NO_ERROR);
        let want: Vec<IpAddr> = match family {
            Family::V4 => vec!["10.0.0.1".parse().unwrap()],
            Family::V6 => vec![Ipv6Addr::from([0xfd; 16]).into()],
        };
        assert_eq!(seen.addresses, want.into_iter().map(|address| (address, 5)).collect::<Vec<_>>());
        assert_eq!(read_answer(&bytes, 78, &www()), Err(ReadError::NotOurs));
        assert_eq!(read_answer(&bytes, 77, &WireName::root()), Err(ReadError::NotOurs));
    }
    assert_eq!(read_answer(b"short", 77, &www()), Err(ReadError::Malformed));
}

proptest! {
    /// Whatever arrives is read without a panic.
    #[test]
    fn arbitrary_bytes_are_read(mut bytes in proptest::collection::vec(any::<u8>(), 12..200)) {
        bytes[..4].copy_from_slice(&[0, 77, 0x80, 0]);
        let _ = read_answer(&bytes, 77, &www());
    }
}
