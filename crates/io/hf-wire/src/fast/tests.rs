use proptest::prelude::*;

use super::*;
use crate::{Edns, Head, Unfit, read_query};

const WWW_A: &[u8] = b"\x03wWw\x04test\0\0\x01\0\x01";

fn message(flags: u16, counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    bytes.extend(body.concat());
    bytes
}

/// An OPT record with these options.
fn opt(flags: u8, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (code, value) in options {
        data.extend(code.to_be_bytes());
        data.extend((value.len() as u16).to_be_bytes());
        data.extend(*value);
    }
    let mut record = vec![0, 0, 41, 4, 0xd0, 0, 0, flags, 0];
    record.extend((data.len() as u16).to_be_bytes());
    record.extend(data);
    record
}

fn with_options(options: &[(u16, &[u8])]) -> Vec<u8> {
    message(0x0100, [1, 0, 0, 1], &[WWW_A, &opt(0, options)])
}

fn check(bytes: &[u8], want: &str) {
    let got = match read(bytes) {
        Read::Ignore => "ignore".to_owned(),
        Read::Cold => "cold".to_owned(),
        Read::Query(Fast { id, flags, name, rtype, class, edns, .. }) => {
            let mut text = format!("{id:x} {flags:x} {} {rtype} {class}", name.escape_ascii());
            if let Some(edns) = edns {
                text += &format!(" edns {}{}", edns.payload, if edns.dnssec_ok { " do" } else { "" });
                let subnet = edns.subnet.map(|(address, bits)| format!(" {address}/{bits}"));
                text += &subnet.unwrap_or_default();
                text += &edns.cookie.map(|cookie| format!(" cookie {}", cookie.len())).unwrap_or_default();
                text += if edns.nsid { " nsid" } else { "" };
            }
            text
        }
    };
    assert_eq!(got, want, "{bytes:02x?}");
}

#[test]
fn reads_what_nearly_everybody_sends() {
    check(&message(0, [1, 0, 0, 0], &[WWW_A]), "1234 0 \\x03wWw\\x04test\\x00 1 1");
    check(&message(0x0110, [1, 0, 0, 0], &[b"\0\0\x02\0\x01"]), "1234 110 \\x00 2 1");
    check(&message(0, [1, 0, 0, 0], &[b"\0\0\xff\0\x03"]), "1234 0 \\x00 255 3");
    let longest = [&[63; 64][..], &[63; 64], &[63; 64], &[61; 62], b"\0\0\x01\0\x01"].concat();
    assert!(matches!(read(&message(0, [1, 0, 0, 0], &[&longest])), Read::Query(_)));
    let www = "1234 100 \\x03wWw\\x04test\\x00 1 1 edns 1232";
    check(&with_options(&[]), www);
    check(&with_options(&[(3, b""), (11, b""), (12, &[0; 40]), (4_242, b"what")]), &format!("{www} nsid"));
    check(&with_options(&[(8, &[0, 1, 24, 0, 192, 0, 2])]), &format!("{www} 192.0.2.0/24"));
    check(&with_options(&[(8, &[0, 1, 20, 0, 192, 0, 0xf0])]), &format!("{www} 192.0.240.0/20"));
    check(&with_options(&[(8, &[0, 1, 0, 0])]), &format!("{www} 0.0.0.0/0"));
    let v6 = [0, 2, 48, 0, 0x20, 1, 0xd, 0xb8, 0, 7];
    check(&with_options(&[(8, &v6), (10, &[1; 8])]), &format!("{www} 2001:db8:7::/48 cookie 8"));
    check(&with_options(&[(10, &[1; 24])]), &format!("{www} cookie 24"));
    let dnssec_ok = message(0, [1, 0, 0, 1], &[WWW_A, &opt(0x80, &[])]);
    check(&dnssec_ok, "1234 0 \\x03wWw\\x04test\\x00 1 1 edns 1232 do");
}

#[test]
fn leaves_the_odd_to_the_careful_reader() {
    for odd in [
        message(0x2000, [1, 0, 0, 0], &[WWW_A]),
        message(0, [0, 0, 0, 0], &[]),
        message(0, [2, 0, 0, 0], &[WWW_A, WWW_A]),
        message(0, [257, 0, 0, 0], &[WWW_A]),
        message(0, [1, 1, 0, 0], &[WWW_A]),
        message(0, [1, 0, 1, 0], &[WWW_A]),
        message(0, [1, 0, 0, 2], &[WWW_A, &opt(0, &[]), &opt(0, &[])]),
        message(0, [1, 0, 0, 0], &[WWW_A, b"x"]),
        message(0, [1, 0, 0, 1], &[WWW_A]),
        message(0, [1, 0, 0, 1], &[WWW_A, &opt(0, &[]), b"x"]),
        message(0, [1, 0, 0, 1], &[WWW_A, b"\x01x\0\x29\x10\0\0\0\0\0\0\0"]),
        message(0, [1, 0, 0, 1], &[WWW_A, b"\0\0\xfa\0\xff\0\0\0\0\0\0"]),
        message(0, [1, 0, 0, 1], &[WWW_A, b"\0\0\x29\x10\0\0\x01\0\0\0\0"]),
        message(0, [1, 0, 0, 0], &[b"\xc0\x0c\0\x01\0\x01"]),
        message(0, [1, 0, 0, 0], &[b"\x40a\0\0\x01\0\x01"]),
        message(0, [1, 0, 0, 0], &[b"\x03www\x04te"]),
        message(0, [1, 0, 0, 0], &[b"\x03www\0\0\x01\0"]),
        message(0, [1, 0, 0, 0], &[b"\x03www\0\0\xfc\0\x01"]),
        message(
            0,
            [1, 0, 0, 0],
            &[&[&[63; 64][..], &[63; 64], &[63; 64], &[62; 63], b"\0\0\x01\0\x01"].concat()],
        ),
        with_options(&[(8, &[0, 1, 24, 0, 192, 0, 2]), (8, &[0, 1, 24, 0, 192, 0, 2])]),
        with_options(&[(8, &[0, 1, 24, 8, 192, 0, 2])]),
        with_options(&[(8, &[0, 1, 24, 0, 192, 0])]),
        with_options(&[(8, &[0, 1, 24, 0, 192, 0, 2, 0])]),
        with_options(&[(8, &[0, 1, 23, 0, 192, 0, 3])]),
        with_options(&[(8, &[0, 1, 33, 0, 192, 0, 2, 1, 0])]),
        with_options(&[(8, &[0, 2, 129, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0])]),
        with_options(&[(8, &[0, 3, 0, 0])]),
        with_options(&[(8, &[1, 1, 0, 0])]),
        with_options(&[(8, b"")]),
        with_options(&[(10, &[1; 9])]),
        with_options(&[(10, &[1; 41])]),
        with_options(&[(10, &[1; 8]), (10, &[1; 8])]),
        message(0, [1, 0, 0, 1], &[WWW_A, b"\0\0\x29\x10\0\0\0\0\0\0\x05\0\x64\0\x03x"]),
    ] {
        check(&odd, "cold");
    }
    check(b"", "ignore");
    check(&message(0, [1, 0, 0, 0], &[])[..11], "ignore");
    check(&message(0x8000, [1, 0, 0, 0], &[WWW_A]), "ignore");
}

#[test]
fn a_reply_begins_with_header_and_question() {
    let asked = message(0xff7f & !0xf800, [1, 0, 0, 0], &[WWW_A]);
    let Read::Query(query) = read(&asked) else { unreachable!("a plain query") };
    let mut reply = [0xff; 300];
    let end = query.begin(&mut reply);
    assert_eq!(reply[..end], message(0x8110, [1, 0, 0, 0], &[WWW_A]));
    assert_eq!((query.limit(1_232), query.limit(100)), (512, 512));
    let sized = |payload: u16| {
        let mut edns = opt(0, &[]);
        edns[3..5].copy_from_slice(&payload.to_be_bytes());
        message(0, [1, 0, 0, 1], &[WWW_A, &edns])
    };
    for (payload, limit) in [(0, 512), (512, 512), (1_000, 1_000), (1_232, 1_232), (65_535, 1_232)] {
        let asked = sized(payload);
        let Read::Query(query) = read(&asked) else { unreachable!("a plain query") };
        assert_eq!(query.limit(1_232), limit);
    }
}

fn nearly_a_query() -> impl Strategy<Value = Vec<u8>> {
    let option = prop_oneof![
        Just((8, vec![0, 1, 24, 0, 192, 0, 2])),
        Just((10, vec![1; 8])),
        Just((3, vec![])),
        (any::<u16>(), proptest::collection::vec(any::<u8>(), 0..30)),
    ];
    let options = proptest::collection::vec(option, 0..4);
    let changes = proptest::collection::vec((0..80_usize, any::<u8>()), 0..3);
    let flags = prop_oneof![Just(0), Just(0x0100), any::<u16>()];
    (flags, any::<bool>(), options, changes, 0..4_usize).prop_map(
        |(flags, has_edns, options, changes, cut)| {
            let options: Vec<(u16, &[u8])> =
                options.iter().map(|(code, value)| (*code, &value[..])).collect();
            let edns = if has_edns { opt(0, &options) } else { Vec::new() };
            let mut bytes = message(flags, [1, 0, 0, u16::from(has_edns)], &[WWW_A, &edns]);
            for (at, byte) in changes {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            bytes.truncate(bytes.len() - cut);
            bytes
        },
    )
}

proptest! {
    /// What is taken here, the careful reader reads alike; what is passed over here, it passes over.
    #[test]
    fn both_readers_agree(bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..100), nearly_a_query(), nearly_a_query()]) {
        match read(&bytes) {
            Read::Cold => {}
            Read::Ignore => prop_assert!(matches!(read_query(&bytes), Err(Unfit::Ignore(_)))),
            Read::Query(fast) => {
                let careful = read_query(&bytes).unwrap();
                let rd = fast.flags & 0x0100 != 0;
                let cd = fast.flags & 0x0010 != 0;
                prop_assert_eq!(careful.head, Head { id: fast.id, opcode: 0, rd, cd });
                prop_assert_eq!(careful.question.name.as_wire(), fast.name);
                prop_assert_eq!((careful.question.rtype, careful.question.class), (fast.rtype, fast.class));
                let same = fast.edns.map(|FastEdns { payload, version, dnssec_ok, .. }| Edns { payload, version, dnssec_ok });
                prop_assert_eq!(careful.edns, same);
            }
        }
    }
}
