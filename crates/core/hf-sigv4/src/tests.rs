use hf_model::Timestamp;
use proptest::prelude::*;

use super::*;

/// The keys of AWS's own examples.
const KEYS: Keys<'_> = Keys {
    access_key_id: "AKIAIOSFODNN7EXAMPLE",
    secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    session_token: None,
};
/// 2013-05-24, midnight.
const AT: Timestamp = Timestamp(1_369_353_600_000);

fn of_a_bucket<'a>(query: &'a str, headers: &'a [(&'a str, &'a str)], path: &'a str) -> Unsigned<'a> {
    Unsigned {
        method: "GET",
        path,
        query,
        host: "examplebucket.s3.amazonaws.com",
        headers,
        body: b"",
        region: "us-east-1",
        service: "s3",
    }
}

fn check(request: &Unsigned<'_>, signature: &str) {
    let headers = sign(request, KEYS, AT);
    let (_, authorization) = headers.last().expect("headers");
    assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
}

/// "Examples: Signature Calculations" of the API reference of S3.
#[test]
fn signatures_are_those_of_the_examples_of_s3() {
    let listing = of_a_bucket("max-keys=2&prefix=J", &[], "/");
    check(&listing, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    let lifecycle = of_a_bucket("lifecycle", &[], "/");
    check(&lifecycle, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    let object = of_a_bucket("", &[("range", "bytes=0-9")], "/test.txt");
    check(&object, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    assert_eq!(
        sign(&listing, KEYS, AT)[2].1,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
         Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    );
}

#[test]
fn a_session_token_is_sent_and_signed() {
    let with = sign(&of_a_bucket("", &[], "/"), Keys { session_token: Some("lent"), ..KEYS }, AT);
    assert_eq!(with[2], ("x-amz-security-token", "lent".to_owned()));
    assert!(with[3].1.contains(";x-amz-date;x-amz-security-token,"), "{}", with[3].1);
}

#[test]
fn all_but_unreserved_characters_are_encoded() {
    assert_eq!(encoded("a-b._~/ü +%", ""), "a-b._~%2F%C3%BC%20%2B%25");
    assert_eq!(encoded("a/b c", "/"), "a/b%20c");
}

#[test]
fn dates_are_read_and_written() {
    for (text, ms) in [
        ("19700101T000000Z", 0),
        ("20000229T235959Z", 951_868_799_000),
        ("20261121T220955Z", 1_795_298_995_000),
        ("21000301T000000Z", 4_107_542_400_000),
        ("99991231T235959Z", 253_402_300_799_000),
    ] {
        assert_eq!(date::parse(text), Some(Timestamp(ms)), "{text}");
        assert_eq!(date::format(Timestamp(ms + 999)), text);
    }
    for bad in [
        "",
        "19691231T235959Z",
        "21000229T000000Z",
        "20261301T000000Z",
        "20260100T000000Z",
        "20260101T240000Z",
        "20260101T006000Z",
        "20260101T000060Z",
        "20260101 000000Z",
        "2026010+T000000Z",
    ] {
        assert_eq!(date::parse(bad), None, "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Every instant that is written reads as itself, to the second.
    #[test]
    fn dates_come_back(second in 0u64..253_402_300_800) {
        let at = Timestamp(second * 1_000);
        prop_assert_eq!(date::parse(&date::format(at)), Some(at));
    }

    /// A text's encoding is of plain characters, and of no other text.
    #[test]
    fn encoding_loses_nothing(a in "\\PC{0,20}", b in "\\PC{0,20}") {
        prop_assert!(encoded(&a, "").bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        prop_assert_eq!(encoded(&a, "") == encoded(&b, ""), a == b);
    }
}
