use super::*;

/// Base64 without padding rules: the tests' keys only.
pub(crate) fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes().filter(|byte| *byte != b'=') {
        let value = alphabet.iter().position(|known| *known == letter).expect("a digit of base64");
        bits = (bits << 6 | value as u32) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn tags_and_digests_are_those_of_rfc_6605_6_1() {
    let key = dnskey(
        DnssecAlgorithm::EcdsaP256Sha256,
        &base64("GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="),
    );
    assert_eq!(key_tag(&key), 55648);
    let ds = ds(b"\x07example\x03net\0", &key);
    assert_eq!(&ds[..4], [0xd9, 0x60, 13, 2]);
    assert_eq!(hex(&ds[4..]), "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17");
}

#[test]
fn tags_and_digests_are_those_of_rfc_8080_6_1() {
    for (public, tag, digest) in [
        (
            "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            3613,
            "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
        ),
        (
            "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
            35217,
            "401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
        ),
    ] {
        let key = dnskey(DnssecAlgorithm::Ed25519, &base64(public));
        assert_eq!(key_tag(&key), tag);
        let ds = ds(b"\x07Example\x03com\0", &key);
        assert_eq!(hex(&ds[4..]), digest, "letters of the owner do not count");
    }
}

#[test]
fn bitmaps_are_those_of_rfc_4034_4_3() {
    let rdata = nsec(b"\x04host\x07example\x03com\0", &[1234, 1, 47, 15, 46]);
    let want = format!("0006400100000003041b{}20", "00".repeat(26));
    assert_eq!(hex(&rdata[18..]), want);
    assert_eq!(nsec(b"\0", &[]), b"\0");
    // Windows without a type are left out; NXNAME is bit 128.
    let want = format!("000011{}03{}80", "00".repeat(5), "00".repeat(10));
    assert_eq!(hex(&nsec(b"\0", &[128, 47, 46])), want);
}
