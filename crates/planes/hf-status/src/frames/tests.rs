use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// As a client sends it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 77, 177, 207];
    let mut bytes = frame(first & 0x0F, payload).to_vec();
    bytes[0] = first;
    bytes[1] |= 0x80;
    let payload_at = bytes.len() - payload.len();
    for (byte, key) in bytes[payload_at..].iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    bytes.splice(payload_at..payload_at, mask);
    bytes
}

fn read(pieces: impl IntoIterator<Item = Vec<u8>>) -> (Vec<Heard>, Result<(), BadFrame>) {
    let (mut reader, mut all) = (Reader::default(), Vec::new());
    for piece in pieces {
        let closed = all.iter().any(|heard| matches!(heard, Heard::Close(_)));
        if closed {
            break;
        }
        if let Err(bad) = reader.take(&piece, |heard| all.push(heard)) {
            return (all, Err(bad));
        }
    }
    (all, Ok(()))
}

#[allow(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn check(bytes: &[u8], expected: Expect) {
    let (whole, end) = read([bytes.to_vec()]);
    let words = format!(
        "{whole:?} {}",
        end.map_or_else(|bad| format!("{} {bad}", bad.code()), |()| "and on".to_owned())
    );
    expected.assert_eq(&words);
    assert_eq!(read(bytes.chunks(1).map(<[u8]>::to_vec)), (whole, end), "byte by byte");
}

#[test]
fn the_rfcs_own_handshake() {
    assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
    assert!(!is_key("c2hvcnQ=") && !is_key("?") && !is_key(""));
}

#[test]
fn texts_pings_and_closes_are_heard() {
    check(&masked(FIN | TEXT, b"{}"), expect![[r#"[Text("{}")] and on"#]]);
    let long = masked(FIN | TEXT, &[b'a'; 300]);
    assert_eq!(read([long]).0, [Heard::Text("a".repeat(300))]);
    check(
        &[masked(FIN | PING, b"hi"), masked(FIN | PONG, b""), masked(FIN | CLOSE, &[3, 232])].concat(),
        expect![[r#"[Ping([104, 105]), Pong, Close(Some(1000))] and on"#]],
    );
    check(&masked(FIN | CLOSE, b""), expect![[r#"[Close(None)] and on"#]]);
    check(&[], expect!["[] and on"]);
}

#[test]
fn a_message_in_parts_with_a_ping_between_is_one() {
    let parts = [masked(TEXT, b"a"), masked(FIN | PING, b""), masked(CONTINUATION, b"b"), masked(FIN, b"c")];
    check(&parts.concat(), expect![[r#"[Ping([]), Text("abc")] and on"#]]);
}

#[test]
fn what_is_against_the_rfc_ends_it() {
    check(&[FIN | TEXT, 0], expect!["[] 1002 a client masks its frames"]);
    check(
        &masked(FIN | 0x40 | TEXT, b""),
        expect!["[] 1002 no extension was agreed, so reserved bits are zero"],
    );
    check(&masked(FIN | BINARY, b""), expect!["[] 1003 messages here are texts; send text frames"]);
    check(&masked(FIN | 0x3, b""), expect!["[] 1002 this kind of frame is not known"]);
    check(&masked(PING, b""), expect!["[] 1002 a control frame is not divided"]);
    check(&masked(FIN | PING, &[0; 126]), expect!["[] 1002 a control frame has at most 125 bytes"]);
    check(&masked(FIN, b"x"), expect!["[] 1002 a message does not begin with a continuation"]);
    check(
        &[masked(TEXT, b"x"), masked(FIN | TEXT, b"y")].concat(),
        expect!["[] 1002 a message ends before the next one begins"],
    );
    check(&masked(FIN | TEXT, &[0xFF]), expect!["[] 1007 the text is not UTF-8"]);
    check(&masked(FIN | CLOSE, &[1]), expect!["[] 1002 a close has a code of two bytes or none"]);
    check(&masked(FIN | CLOSE, &[0, 1]), expect!["[] 1002 this code does not close a connection"]);
    check(&masked(FIN | TEXT, &[b'x'; 4_097]), expect!["[] 1009 a message has at most 4096 bytes here"]);
    check(
        &[masked(TEXT, &[b'x'; 4_000]), masked(FIN, &[b'x'; 97])].concat(),
        expect!["[] 1009 a message has at most 4096 bytes here"],
    );
    let huge = [&[FIN | TEXT, 0xFF][..], &u64::MAX.to_be_bytes()].concat();
    check(&huge, expect!["[] 1009 a message has at most 4096 bytes here"]);
}

#[test]
fn a_reader_with_nothing_half_heard_holds_nothing() {
    let mut reader = Reader::default();
    let bytes = masked(FIN | TEXT, b"abc");
    reader.take(&bytes[..3], |_| ()).unwrap();
    assert!(reader.half.is_some());
    reader.take(&bytes[3..], |_| ()).unwrap();
    assert!(reader.half.is_none());
}

#[test]
fn a_reason_is_cut_between_characters() {
    let bytes = close(1013, &"ä".repeat(80));
    assert_eq!(bytes.len(), 2 + 2 + 122);
    assert!(std::str::from_utf8(&bytes[4..]).is_ok());
}

proptest! {
    /// In whatever pieces frames come, the same is heard.
    #[test]
    fn pieces_do_not_matter(
        texts in prop::collection::vec("[a-zä]{0,200}", 1..5),
        size in 1usize..40,
    ) {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| masked(FIN | TEXT, text.as_bytes())).collect();
        let (heard, end) = read(bytes.chunks(size).map(<[u8]>::to_vec));
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(heard, texts.into_iter().map(Heard::Text).collect::<Vec<_>>());
    }

    /// What is sent says how long it is, in the form for its length.
    #[test]
    fn lengths_are_as_the_rfc_has_them(len in prop_oneof![0usize..130, 65_530usize..65_540]) {
        let bytes = text(&"x".repeat(len));
        let head = match len { 0..=125 => 2, 126..=65_535 => 4, _ => 10 };
        prop_assert_eq!(bytes.len(), head + len);
    }
}
