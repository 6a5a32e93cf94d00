//! A probe by the standard health service of gRPC: `grpc.health.v1.Health/Check`, over HTTP/2.
//!
//! The two messages have one field each; they are written and read by hand. Source: the health checking protocol of gRPC
//! (`doc/health-checking.md` in its repository) and the encoding of Protocol Buffers.

use bytes::{BufMut, Bytes, BytesMut};
use hf_config::estate::{EndpointHttp, GrpcCheck};
use http::{HeaderMap, Request, header};

use crate::body::Body;
use crate::failure::{Outcome, ProbeFailure, first_words};
use crate::http::Next;
use crate::http1::USER_AGENT;
use crate::http2;
use crate::probe::Asked;
use crate::progress::Step;
use crate::wire::{self, Purpose};

/// The one status that is good.
const SERVING: u64 = 1;

/// Asks whether the service serves.
pub async fn ask(asked: &Asked<'_>, grpc: &GrpcCheck) -> Outcome {
    let own = asked.named.to_string();
    let host = grpc.host.as_deref().unwrap_or(&own);
    let purpose = Purpose { tls: grpc.tls.as_ref(), host: Some(host), http: Some(EndpointHttp::Http2) };
    let wire = match wire::open(asked, purpose).await {
        Ok(wire) => wire,
        Err(outcome) => return outcome,
    };
    asked.progress.at(Step::Answer);
    let scheme = if grpc.tls.is_some() { "https" } else { "http" };
    let request = Request::post(format!("{scheme}://{host}/grpc.health.v1.Health/Check"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::USER_AGENT, USER_AGENT)
        .body(());
    let request = match request {
        Ok(request) => request,
        Err(error) => return Outcome::Bad(ProbeFailure::NotARequest(error.to_string())),
    };
    let judge = |head: &crate::http::Head| {
        if head.status != 200 {
            return Err(ProbeFailure::Status { got: head.status, want: "200".to_owned() });
        }
        Ok(Next::Read(Body::kept()))
    };
    match http2::send(wire, request, question(&grpc.service), asked.progress, judge).await {
        Ok(answer) => match verdict(&answer) {
            Ok(()) => Outcome::Good,
            Err(failure) => Outcome::Bad(failure),
        },
        Err(failure) => Outcome::Bad(failure),
    }
}

/// `HealthCheckRequest { string service = 1; }` behind the five bytes that gRPC puts before each message.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        put_varint(&mut message, service.len() as u64);
        message.put_slice(service.as_bytes());
    }
    let mut framed = BytesMut::with_capacity(5 + message.len());
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put_slice(&message);
    framed.freeze()
}

fn put_varint(to: &mut BytesMut, mut number: u64) {
    while number >= 0x80 {
        to.put_u8((number as u8) | 0x80);
        number >>= 7;
    }
    to.put_u8(number as u8);
}

fn verdict(answer: &http2::Answer) -> Result<(), ProbeFailure> {
    // An answer without a message has its status among the headers.
    let of = |headers: &HeaderMap| -> Option<(u32, String)> {
        let status = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
        let message = headers.get("grpc-message").and_then(|value| value.to_str().ok()).unwrap_or_default();
        Some((status, first_words(message)))
    };
    let status = answer.trailers.as_ref().and_then(of).or_else(|| of(&answer.head.headers));
    let Some((status, message)) = status else { return Err(ProbeFailure::NotGrpc) };
    if status != 0 {
        return Err(ProbeFailure::Grpc { status, name: status_name(status), message });
    }
    match serving(&answer.bytes).ok_or(ProbeFailure::NotGrpc)? {
        SERVING => Ok(()),
        2 => Err(ProbeFailure::NotServing("NOT_SERVING")),
        3 => Err(ProbeFailure::NotServing("SERVICE_UNKNOWN")),
        _ => Err(ProbeFailure::NotServing("UNKNOWN")),
    }
}

/// `HealthCheckResponse { ServingStatus status = 1; }`: the status; 0 when the field is left out, as its default is.
fn serving(bytes: &[u8]) -> Option<u64> {
    let (prefix, message) = bytes.split_at_checked(5)?;
    let len = u32::from_be_bytes(prefix[1..].try_into().ok()?) as usize;
    // A compressed message was not asked for.
    if prefix[0] != 0 || message.len() != len {
        return None;
    }
    let (mut rest, mut status) = (message, 0);
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        match (tag >> 3, tag & 7) {
            (1, 0) => status = varint(&mut rest)?,
            (_, 0) => drop(varint(&mut rest)?),
            (_, 1) => rest = rest.get(8..)?,
            (_, 2) => {
                let len = usize::try_from(varint(&mut rest)?).ok()?;
                rest = rest.get(len..)?;
            }
            (_, 5) => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn status_name(status: u32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(status as usize).copied().unwrap_or("a status that gRPC does not have")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_as_the_protocol_has_them() {
        assert_eq!(&question("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&question("ab")[..], [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        let long = question(&"x".repeat(200));
        assert_eq!(long[..8], [0, 0, 0, 0, 203, 0x0a, 0xc8, 1]);
    }

    #[test]
    fn answers_are_read_whatever_else_they_hold() {
        assert_eq!(serving(&[0, 0, 0, 0, 2, 8, 1]), Some(1));
        assert_eq!(serving(&[0, 0, 0, 0, 0]), Some(0), "the default is not sent");
        assert_eq!(serving(&[0, 0, 0, 0, 6, 0x12, 2, 9, 9, 8, 2]), Some(2), "an unknown field before it");
        assert_eq!(serving(&[1, 0, 0, 0, 2, 8, 1]), None, "compressed");
        assert_eq!(serving(&[0, 0, 0, 0, 9, 8, 1]), None, "cut");
        assert_eq!(serving(&[0, 0, 0, 0, 1, 8]), None, "a field without its value");
        assert_eq!(serving(&[0, 0, 0]), None);
    }
}
