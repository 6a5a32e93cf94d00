use proptest::prelude::*;

use super::*;
use crate::{Reply, Transport};

/// A message of a header and what follows it. `counts` are those of question, answer, authority, additional.
fn message(flags: u16, counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    bytes.extend(body.concat());
    bytes
}

const WWW_A: &[u8] = b"\x03wWw\x04test\0\0\x01\0\x01";
const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\0\0\0\0";

fn check(bytes: &[u8], want: &str) {
    let edns = |edns: Option<Edns>| match edns {
        Some(Edns { payload, version, dnssec_ok }) => {
            format!(" edns {payload} v{version}{}", if dnssec_ok { " do" } else { "" })
        }
        None => String::new(),
    };
    let head = |head: Head| {
        let Head { id, opcode, rd, cd } = head;
        format!("{id:x} op{opcode}{}{}", if rd { " rd" } else { "" }, if cd { " cd" } else { "" })
    };
    let asked = |q: &Question| format!("{} {} {}", q.name, q.rtype, q.class);
    let got = match read_query(bytes) {
        Ok(query) => format!("{}: {}{}", head(query.head), asked(&query.question), edns(query.edns)),
        Err(Unfit::Ignore(why)) => format!("{why:?}"),
        Err(Unfit::Refuse(refused)) => {
            let question = refused.question.as_ref().map_or("-".to_owned(), asked);
            format!("{}: {question}{} rcode {}", head(refused.head), edns(refused.edns), refused.rcode.0)
        }
    };
    assert_eq!(got, want, "{bytes:02x?}");
}

#[test]
fn reads_the_question_as_it_was_asked() {
    check(&message(0, [1, 0, 0, 0], &[WWW_A]), "1234 op0: wWw.test. 1 1");
    check(&message(0x0110, [1, 0, 0, 0], &[WWW_A]), "1234 op0 rd cd: wWw.test. 1 1");
    let odd = b"\x04a.\xff \0\x00\xff\x00\xff";
    check(&message(0, [1, 0, 0, 0], &[odd]), "1234 op0: a\\.\\255\\032. 255 255");
    check(&message(0, [1, 0, 0, 0], &[b"\0\0\x06\0\x01"]), "1234 op0: . 6 1");
}

#[test]
fn reads_edns_and_passes_over_what_it_does_not_know() {
    check(&message(0, [1, 0, 0, 1], &[WWW_A, OPT]), "1234 op0: wWw.test. 1 1 edns 4096 v0");
    let with_flags = b"\0\0\x29\x02\0\0\0\x80\x40\0\0";
    check(&message(0, [1, 0, 0, 1], &[WWW_A, with_flags]), "1234 op0: wWw.test. 1 1 edns 512 v0 do");
    let with_option = b"\0\0\x29\x02\0\0\0\0\0\0\x07\0\x64\0\x03xyz";
    check(&message(0, [1, 0, 0, 1], &[WWW_A, with_option]), "1234 op0: wWw.test. 1 1 edns 512 v0");
    check(&message(0, [1, 0, 0, 0], &[WWW_A, b"left over"]), "1234 op0: wWw.test. 1 1");
    let other = b"\x01x\0\0\x10\0\x01\0\0\0\0\0\x02\x01y";
    check(&message(0, [1, 0, 1, 2], &[WWW_A, other, other, OPT]), "1234 op0: wWw.test. 1 1 edns 4096 v0");
}

#[test]
fn keeps_silent_where_an_answer_could_go_in_circles() {
    check(b"", "Short");
    check(&message(0, [1, 0, 0, 0], &[])[..11], "Short");
    check(&message(0x8000, [1, 0, 0, 0], &[WWW_A]), "Response");
}

#[test]
fn refuses_what_cannot_be_answered() {
    check(&message(0x7800, [0; 4], &[]), "1234 op15: - rcode 4");
    check(&message(0x2900, [1, 0, 0, 0], &[WWW_A]), "1234 op5 rd: - rcode 4");
    check(&message(0, [0; 4], &[]), "1234 op0: - rcode 1");
    check(&message(0, [2, 0, 0, 0], &[WWW_A, WWW_A]), "1234 op0: - rcode 1");
    check(&message(0, [1, 0, 0, 0], &[b"\x03www\x04te"]), "1234 op0: - rcode 1");
    check(&message(0, [1, 0, 0, 0], &[b"\x03www\0\0\x01\0"]), "1234 op0: - rcode 1");
    check(&message(0, [1, 0, 0, 0], &[b"\xc0\x0c\0\x01\0\x01"]), "1234 op0: - rcode 1");
    check(&message(0, [1, 0, 0, 0], &[b"\x80a\0\0\x01\0\x01"]), "1234 op0: - rcode 1");
    check(&message(0, [1, 0, 0, 1], &[WWW_A]), "1234 op0: wWw.test. 1 1 rcode 1");
    check(&message(0, [1, 0, 0, 2], &[WWW_A, OPT, OPT]), "1234 op0: wWw.test. 1 1 rcode 1");
    let not_at_root = b"\x01x\0\0\x29\x10\0\0\0\0\0\0\0";
    check(&message(0, [1, 0, 0, 1], &[WWW_A, not_at_root]), "1234 op0: wWw.test. 1 1 rcode 1");
    let option_too_long = b"\0\0\x29\x10\0\0\0\0\0\0\x05\0\x64\0\x03x";
    check(&message(0, [1, 0, 0, 1], &[WWW_A, option_too_long]), "1234 op0: wWw.test. 1 1 rcode 1");
    check(&message(0, [1, 1, 0, 0], &[WWW_A, OPT]), "1234 op0: wWw.test. 1 1 rcode 1");
    check(&message(0, [1, 0, 1, 0], &[WWW_A, OPT]), "1234 op0: wWw.test. 1 1 rcode 1");
    let many: Vec<&[u8]> =
        std::iter::once(WWW_A).chain(vec![&b"\0\0\x01\0\x01\0\0\0\0\0\0"[..]; 17]).collect();
    check(&message(0, [1, 0, 0, 17], &many), "1234 op0: wWw.test. 1 1 rcode 1");
    let version_1 = b"\0\0\x29\x10\0\0\x01\x80\0\0\0";
    check(&message(0, [1, 0, 0, 1], &[WWW_A, version_1]), "1234 op0: wWw.test. 1 1 edns 4096 v1 do rcode 16");
}

/// RFC 7871 6 and 7.1.2, RFC 7873 5.2.2.
#[test]
fn refuses_options_that_are_not_as_they_should_be() {
    let check = |code: u8, data: &[u8], rcode: &str| {
        let len = data.len() as u8;
        let opt = [&b"\0\0\x29\x10\0\0\0\0\0\0"[..], &[len + 4, 0, code, 0, len], data].concat();
        check(
            &message(0, [1, 0, 0, 1], &[WWW_A, &opt]),
            &format!("1234 op0: wWw.test. 1 1 edns 4096 v0{rcode}"),
        );
    };
    for good in
        [&[0, 1, 24, 0, 192, 0, 2][..], &[0, 1, 0, 0], &[0, 2, 8, 0, 32], &[0, 0, 0, 0], &[0, 9, 8, 0, 1]]
    {
        check(8, good, "");
    }
    let bad: [&[u8]; 9] = [
        &[],
        &[0, 1, 24],
        &[0, 1, 24, 0, 192, 0],
        &[0, 1, 24, 0, 192, 0, 2, 1],
        &[0, 1, 20, 0, 192, 0, 255],
        &[0, 1, 33, 0, 192, 0, 2, 1, 0],
        &[0, 1, 24, 24, 192, 0, 2],
        &[0, 0, 8, 0, 1],
        &[0, 9, 8],
    ];
    for bad in bad {
        check(8, bad, " rcode 1");
    }
    for (len, rcode) in
        [(0, " rcode 1"), (7, " rcode 1"), (8, ""), (9, " rcode 1"), (16, ""), (40, ""), (41, " rcode 1")]
    {
        check(10, &[7; 41][..len], rcode);
    }
}

/// Bytes with a header that gets them past the first gates half of the time.
fn nearly_a_query() -> impl Strategy<Value = Vec<u8>> {
    let counts = (0u16..3, 0u16..3, 0u16..3, 0u16..4);
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        proptest::collection::vec(
            prop_oneof![
                Just(WWW_A.to_vec()),
                Just(OPT.to_vec()),
                proptest::collection::vec(any::<u8>(), 0..6)
            ],
            0..5
        )
        .prop_map(|parts| parts.concat()),
    ];
    let flags = prop_oneof![Just(0u16), Just(0x0100), any::<u16>()];
    (flags, counts, body)
        .prop_map(|(flags, (qd, an, ns, ar), body)| message(flags, [qd, an, ns, ar], &[&body]))
}

proptest! {
    /// Whatever arrives is read without a panic, and any refusal is a message that can be read again.
    #[test]
    fn arbitrary_bytes_are_read(bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), nearly_a_query()]) {
        let refused = match read_query(&bytes) {
            Ok(query) => {
                let reply = Reply::to(&query, Rcode::NO_ERROR).encode(Transport::Udp);
                prop_assert!(reply.len() <= 12 + 259 + 11);
                return Ok(());
            }
            Err(Unfit::Ignore(_)) => return Ok(()),
            Err(Unfit::Refuse(refused)) => refused,
        };
        let reply = Reply::refusing(&refused).encode(Transport::Udp);
        prop_assert_eq!(&reply[..2], &bytes[..2]);
        prop_assert_eq!(read_query(&reply), Err(Unfit::Ignore(Ignored::Response)));
    }
}
