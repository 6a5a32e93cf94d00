use hf_model::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{self, Recorded};
use crate::operation;

const KEY: &str = "HFEXAMPLEKEY00000001";
const SECRET: &str = "example/secret+for=the/tests/only/0000001";

fn known(id: &str) -> Option<Secret> {
    (id == KEY).then(|| Secret::new(SECRET))
}

/// The instant of a recorded request's own date.
fn signed_at(recorded: &Recorded) -> Timestamp {
    date::parse(recorded.request().header("x-amz-date").unwrap()).unwrap()
}

fn service(recorded: &Recorded) -> Service {
    Service::of_name(scope_service(&recorded.request()).unwrap()).unwrap()
}

fn verified(recorded: &Recorded) -> Result<AccessKeyId, AuthError> {
    verify(&recorded.request(), service(recorded), known, signed_at(recorded))
}

/// The name of the error, and some of its words.
fn check(recorded: &Recorded, now: Timestamp, name: &str, words: &str) {
    let outcome = verify(&recorded.request(), service(recorded), known, now);
    let error = outcome.expect_err("refused");
    assert_eq!(error.name(), name, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn what_the_stock_clients_sign_is_theirs() {
    for (name, recorded) in fixtures::all() {
        assert_eq!(verified(&recorded).as_ref().map(AccessKeyId::as_str), Ok(KEY), "{name}");
    }
}

#[test]
fn a_request_is_good_for_five_minutes_before_and_after() {
    let recorded = fixtures::named("start-zonal-shift");
    let at = signed_at(&recorded);
    let near = |ms: i64| Timestamp(at.0.checked_add_signed(ms).unwrap());
    for ms in [-300_000, 0, 300_000] {
        assert!(verify(&recorded.request(), service(&recorded), known, near(ms)).is_ok(), "{ms}");
    }
    for ms in [-300_001, 300_001, 86_400_000] {
        check(&recorded, near(ms), "InvalidSignatureException", "set the clock that is wrong");
    }
    check(&recorded, Timestamp(0), "InvalidSignatureException", "19700101T000000Z");
    check(&recorded, Timestamp(u64::MAX), "InvalidSignatureException", "99991231T235959Z");
}

#[test]
fn a_wrong_secret_and_an_unknown_key_are_told_apart_by_name_only() {
    let recorded = fixtures::named("describe-control-panel");
    let (service, now) = (service(&recorded), signed_at(&recorded));
    let wrong = |_: &str| Some(Secret::new("another"));
    assert_eq!(
        verify(&recorded.request(), service, wrong, now).unwrap_err().name(),
        "InvalidSignatureException"
    );
    let unknown = verify(&recorded.request(), service, |_| None, now).unwrap_err();
    assert_eq!(unknown, AuthError::UnknownKey(KEY.to_owned()));
    // Not even the secret that stands in for none opens the door.
    let dummy = |_: &str| Some(Secret::new("there is no such key, and the work is the same"));
    assert!(verify(&recorded.request(), service, dummy, now).is_err());
}

#[test]
fn a_session_token_is_the_keys_own_or_of_no_matter() {
    let recorded = fixtures::named("update-routing-control-states");
    let (service, now) = (service(&recorded), signed_at(&recorded));
    let with = |token: &'static str, ends_at: u64| {
        move |_: &str| Some(Secret::new(SECRET).with_session(token, Some(Timestamp(ends_at))))
    };
    let outcome = |recorded: &Recorded, lookup: &dyn Fn(&str) -> Option<Secret>| {
        verify(&recorded.request(), service, lookup, now).map_err(|error| error.name())
    };
    assert!(outcome(&recorded, &known).is_ok(), "left over in an environment");
    assert!(outcome(&recorded, &with("a/session+token==", now.0 + 1)).is_ok());
    assert_eq!(outcome(&recorded, &with("a/session+token==", now.0)), Err("ExpiredTokenException"));
    assert_eq!(outcome(&recorded, &with("another", now.0 + 1)), Err("UnrecognizedClientException"));
    let without = fixtures::named("get-routing-control-state");
    let now = signed_at(&without);
    let lookup = with("a/session+token==", now.0 + 1);
    let error = verify(&without.request(), service, lookup, now).unwrap_err();
    assert_eq!(error.name(), "UnrecognizedClientException");
}

#[test]
fn the_signature_is_for_the_called_service() {
    let recorded = fixtures::named("describe-control-panel");
    let error = verify(&recorded.request(), Service::ZonalShift, known, signed_at(&recorded)).unwrap_err();
    assert_eq!(error.name(), "InvalidSignatureException");
    assert!(error.to_string().contains("arc-zonal-shift"), "{error}");
}

#[test]
fn requests_that_are_not_signed_as_they_must_be_say_how() {
    let good = fixtures::named("start-zonal-shift");
    let now = signed_at(&good);
    let authorization = good.header("authorization").to_owned();
    let with = |from: &str, to: &str| good.with_header("authorization", &authorization.replace(from, to));
    let refused = |recorded: &Recorded, name: &str, words: &str| {
        let error = verify(&recorded.request(), Service::ZonalShift, known, now).expect_err(words);
        assert_eq!(error.name(), name, "{error}");
        assert!(error.to_string().contains(words), "{error} lacks {words}");
    };
    let incomplete =
        |recorded: &Recorded, words: &str| refused(recorded, "IncompleteSignatureException", words);
    refused(&good.without_header("authorization"), "MissingAuthenticationTokenException", "not signed");
    incomplete(&good.with_header("authorization", "Bearer abc"), "Signature Version 4");
    incomplete(&good.with_header("authorization", ""), "Signature Version 4");
    incomplete(&with("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "Signature Version 4");
    incomplete(&with("Credential=", "Who="), "other parts");
    incomplete(&with(", Signature", ", SignedHeaders=host, Signature"), "twice");
    incomplete(&with("/aws4_request", ""), "KEY/DATE/REGION");
    incomplete(&with("Signature=", "Signature=AB"), "64 hexadecimal");
    incomplete(&with("content-type;host;", "content-type;"), "\"host\" is not signed");
    incomplete(&with(";x-amz-date", ""), "\"x-amz-date\" is not signed");
    incomplete(&with("host;x-amz-date", "x-amz-date;host"), "in order");
    incomplete(&with("host;x-amz-date", "host;x-amz-date;x-here"), "did not arrive");
    incomplete(&with("host;", &"a;".repeat(70)), "64 names");
    incomplete(&with("SignedHeaders=", "SignedHeaders=;"), "in order");
    incomplete(&with("/20261121/", "/20261122/"), "credential's date");
    incomplete(&good.with_header("x-amz-date", "2026-11-21T22:09:55Z"), "X-Amz-Date");
    incomplete(&good.with_header("x-amz-date", "20261131T220955Z"), "X-Amz-Date");
    incomplete(&good.with_more("x-amz-target", "ToggleCustomerAPI.GetRoutingControlState"), "is not signed");
    incomplete(&good.with_more("authorization", &authorization), "more than once");
    let presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00";
    incomplete(&Recorded { query: presigned.to_owned(), ..good.clone() }, "presigned");
    refused(&with("eu-west-2", "eu-west-3"), "InvalidSignatureException", "does not fit");
    refused(&good.with_more("host", "elsewhere"), "InvalidSignatureException", "does not fit");
}

#[test]
fn a_named_digest_of_the_body_is_the_bodys() {
    let recorded = fixtures::named("start-zonal-shift");
    for named in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &"0".repeat(64)] {
        let authorization = recorded
            .header("authorization")
            .replace("host;x-amz-date", "host;x-amz-content-sha256;x-amz-date");
        let named =
            recorded.with_more("x-amz-content-sha256", named).with_header("authorization", &authorization);
        check(&named, signed_at(&recorded), "InvalidSignatureException", "SHA-256 of the body");
    }
}

#[test]
fn white_space_around_and_between_words_of_a_header_does_not_count() {
    let recorded = fixtures::named("start-zonal-shift");
    let padded = recorded.with_header("content-type", "  application/json\t");
    assert!(verified(&padded).is_ok());
    assert!(verified(&recorded.with_header("content-type", "application /json")).is_err());
}

#[test]
fn secrets_are_not_shown() {
    let secret = Secret::new(SECRET).with_session("token", None);
    assert_eq!(format!("{secret:?}"), "Secret(…)");
}

/// One of the recorded requests.
fn some_recorded() -> impl Strategy<Value = Recorded> {
    some_recorded_with(|_| true)
}

fn some_recorded_with(wanted: impl Fn(&Recorded) -> bool) -> impl Strategy<Value = Recorded> {
    let recorded = fixtures::all().into_iter().map(|(_, recorded)| recorded);
    prop::sample::select(recorded.filter(wanted).collect::<Vec<_>>())
}

/// The bytes with one of them changed.
fn tampered(bytes: &[u8], at: usize, by: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = at % bytes.len();
    bytes[at] ^= by;
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A request with any byte of its body changed is nobody's.
    #[test]
    fn no_byte_of_the_body_can_be_changed(recorded in some_recorded_with(|it| !it.body.is_empty()), at: usize, by in 1u8..=255) {
        let changed = Recorded { body: tampered(&recorded.body, at, by), ..recorded.clone() };
        prop_assert!(verify(&changed.request(), service(&recorded), known, signed_at(&recorded)).is_err());
    }

    /// A request with any byte of its path changed is nobody's.
    #[test]
    fn no_byte_of_the_path_can_be_changed(recorded in some_recorded(), at: usize, by in 1u8..128) {
        let path = String::from_utf8(tampered(recorded.path.as_bytes(), at, by)).unwrap();
        let changed = Recorded { path, ..recorded.clone() };
        prop_assert!(verify(&changed.request(), service(&recorded), known, signed_at(&recorded)).is_err());
    }

    /// A request with any byte of its query changed is nobody's.
    #[test]
    fn no_byte_of_the_query_can_be_changed(recorded in some_recorded_with(|it| !it.query.is_empty()), at: usize, by in 1u8..128) {
        let query = String::from_utf8(tampered(recorded.query.as_bytes(), at, by)).unwrap();
        let changed = Recorded { query, ..recorded.clone() };
        prop_assert!(verify(&changed.request(), service(&recorded), known, signed_at(&recorded)).is_err());
    }

    /// A request with any byte of a signed header, or of the signature, changed is nobody's.
    #[test]
    fn no_byte_of_a_signed_header_can_be_changed(recorded in some_recorded(), which: usize, at: usize, by in 1u8..=255) {
        let mut changed = recorded.clone();
        let which = which % changed.headers.len();
        let value = &mut changed.headers[which].1;
        let before = value.clone();
        *value = tampered(value, at, by);
        // White space for white space is the same header.
        let words = |value: &[u8]| value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect::<Vec<_>>();
        prop_assume!(words(&before) != words(value));
        prop_assert!(verify(&changed.request(), service(&recorded), known, signed_at(&recorded)).is_err());
    }

    /// A request with another method, without a header, or with one more `x-amz-` header is nobody's.
    #[test]
    fn nothing_signed_can_be_left_out_or_added(recorded in some_recorded(), which: usize) {
        let at = signed_at(&recorded);
        let refused = |changed: &Recorded| verify(&changed.request(), service(&recorded), known, at).is_err();
        let method = if recorded.method == "PUT" { "POST" } else { "PUT" };
        let other = Recorded { method: method.to_owned(), ..recorded.clone() };
        prop_assert!(refused(&other));
        let mut fewer = recorded.clone();
        let which = which % fewer.headers.len();
        fewer.headers.remove(which);
        prop_assert!(refused(&fewer));
        prop_assert!(refused(&recorded.with_more("x-amz-more", "1")));
    }

    /// Any `Authorization` at all is taken apart or refused.
    #[test]
    fn any_authorization_is_read(header in "(AWS4-HMAC-SHA256 )?[ -~]{0,200}", date in "\\PC{0,20}") {
        let recorded = fixtures::named("get-managed-resource").with_header("authorization", &header).with_header("x-amz-date", &date);
        let request = recorded.request();
        prop_assert!(verify(&request, Service::ZonalShift, known, Timestamp(0)).is_err());
        let _ = operation::route(&request);
    }
}
