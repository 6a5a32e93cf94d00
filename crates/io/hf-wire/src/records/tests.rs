use proptest::prelude::*;

use super::*;

#[test]
fn compressed_names_come_out_whole() {
    // A question for example.test. MX, answered with a compressed owner and a compressed exchange.
    let mut bytes = vec![0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    bytes.extend_from_slice(b"\x07example\x04test\0\0\x0f\0\x01");
    bytes.extend_from_slice(b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x07\0\x0a\x02mx\xc0\x0c");
    let read = parse(&bytes, 1).unwrap();
    assert!(read.qr && read.aa && !read.tc);
    assert_eq!(read.answers[0].name.to_string(), "example.test.");
    assert_eq!(read.answers[0].rdata, b"\0\x0a\x02mx\x07example\x04test\0");
    assert_eq!(parse(&bytes, 0), Err(ParseError::TooMany));
    assert_eq!(parse(&bytes[..bytes.len() - 1], 1), Err(ParseError::Malformed));
}

proptest! {
    /// Whatever arrives, reading ends.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, 100);
        let _ = places(&bytes).count();
        let _ = last_opt(&bytes);
    }
}
