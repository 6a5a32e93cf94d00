//! What gRPC needs of a balancer beside HTTP/2: its status in the trailers, its deadline in a field, refusals in its own form.
//!
//! 1. A call is a request whose content type is `application/grpc` or begins with `application/grpc+`.
//! 2. Statuses that speak against the endpoint: UNKNOWN, INTERNAL, UNAVAILABLE and DATA_LOSS, and DEADLINE_EXCEEDED, since the endpoint used up the time.
//!    What the caller did wrong (INVALID_ARGUMENT, NOT_FOUND, …) does not. RESOURCE_EXHAUSTED does: it is gRPC's 503 of a full server.
//! 3. What we refuse is answered with status 200 and `grpc-status` in the head ("trailers only"), as clients want it.
//!
//! Source: the gRPC documents PROTOCOL-HTTP2 and statuscodes.

use std::time::Duration;

use hf_telemetry::Outcome;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The longest deadline that a caller can set; more is no deadline.
const TIMEOUT_MAX: Duration = Duration::from_hours(24 * 365);

/// Whether these are the fields of a call.
pub fn is_call(fields: &HeaderMap) -> bool {
    fields.get(CONTENT_TYPE).is_some_and(|value| {
        let rest = value.as_bytes().strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    })
}

/// What the status in a head or in trailers says of the endpoint.
pub fn outcome(fields: &HeaderMap) -> Outcome {
    match fields.get(GRPC_STATUS).map(HeaderValue::as_bytes) {
        Some(b"2" | b"4" | b"8" | b"13" | b"14" | b"15") => Outcome::GrpcError,
        _ => Outcome::Answered,
    }
}

/// How long the caller waits: at most eight digits and a unit.
pub fn timeout(fields: &HeaderMap) -> Option<Duration> {
    let (unit, digits) = fields.get(GRPC_TIMEOUT)?.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    let timeout = match unit {
        b'H' => Duration::from_secs(value * 3_600),
        b'M' => Duration::from_secs(value * 60),
        b'S' => Duration::from_secs(value),
        b'm' => Duration::from_millis(value),
        b'u' => Duration::from_micros(value),
        b'n' => Duration::from_nanos(value),
        _ => return None,
    };
    (timeout <= TIMEOUT_MAX).then_some(timeout)
}

/// Turns a refusal of HTTP into one of gRPC. The body must be empty.
pub fn refuse<B>(answer: &mut Response<B>, what: &str) {
    let status = match answer.status() {
        StatusCode::BAD_REQUEST => "13",
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::FORBIDDEN => "7",
        StatusCode::NOT_FOUND => "12",
        StatusCode::PAYLOAD_TOO_LARGE => "8",
        StatusCode::GATEWAY_TIMEOUT => "4",
        // Asked at another place it may be answered: the answer's `location` says where.
        StatusCode::TEMPORARY_REDIRECT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE => "14",
        _ => "2",
    };
    *answer.status_mut() = StatusCode::OK;
    let fields = answer.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    fields.insert(GRPC_STATUS, HeaderValue::from_static(status));
    if let Ok(message) = HeaderValue::from_str(&escaped(what)) {
        fields.insert(GRPC_MESSAGE, message);
    }
}

/// Printable ASCII as it is, the rest and `%` as `%XX`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | 0..=0x1f | 0x7f.. => out.push_str(&format!("%{byte:02X}")),
            _ => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(name: &'static str, value: &'static str) -> HeaderMap {
        let mut fields = HeaderMap::new();
        fields.insert(name, HeaderValue::from_static(value));
        fields
    }

    #[test]
    fn calls_are_known_by_their_type() {
        for (content, want) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;x=1", true),
            ("application/grpc-web", false),
            ("text/plain", false),
        ] {
            assert_eq!(is_call(&fields("content-type", content)), want, "{content}");
        }
    }

    #[test]
    fn a_deadline_is_digits_and_a_unit() {
        let check = |text, want| assert_eq!(timeout(&fields("grpc-timeout", text)), want, "{text}");
        check("1S", Some(Duration::from_secs(1)));
        check("250m", Some(Duration::from_millis(250)));
        check("99999999u", Some(Duration::from_micros(99_999_999)));
        check("2H", Some(Duration::from_hours(2)));
        check("99999999H", None);
        check("123456789S", None);
        check("S", None);
        check("", None);
        check("-1S", None);
        check("1s", None);
    }

    #[test]
    fn only_what_the_server_did_counts_against_it() {
        let of = |status| outcome(&fields("grpc-status", status));
        assert!(["2", "4", "8", "13", "14", "15"].into_iter().all(|status| of(status) == Outcome::GrpcError));
        assert!(["0", "1", "3", "5", "16"].into_iter().all(|status| of(status) == Outcome::Answered));
        assert_eq!(outcome(&HeaderMap::new()), Outcome::Answered);
    }

    #[test]
    fn refusals_are_trailers_only() {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        refuse(&mut answer, "100 % full\n");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["grpc-status"], "14");
        assert_eq!(answer.headers()["grpc-message"], "100 %25 full%0A");
    }
}
