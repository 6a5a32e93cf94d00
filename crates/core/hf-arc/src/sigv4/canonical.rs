//! The one text that stands for a request under its signature.
//!
//! The path is as it came, percent-encoded once more: clients encode an ARN for the request line and again for the signature. The
//! query's pairs are as they came, in order.

use sha2::{Digest as _, Sha256};

use super::authorization::Authorization;
use super::hex;
use crate::request::Request;

/// What the signature is made over.
pub(super) fn string_to_sign(
    request: &Request<'_>,
    claim: &Authorization<'_>,
    stamp: &str,
    body_digest: &str,
) -> String {
    let Authorization { date, region, service, .. } = claim;
    let digest = hex(&Sha256::digest(canonical(request, claim, body_digest)));
    format!("AWS4-HMAC-SHA256\n{stamp}\n{date}/{region}/{service}/aws4_request\n{digest}")
}

/// Headers may hold bytes that are not text.
pub(super) fn canonical(request: &Request<'_>, claim: &Authorization<'_>, body_digest: &str) -> Vec<u8> {
    let mut text =
        format!("{}\n{}\n{}\n", request.method, path(request.path), query(request.query)).into_bytes();
    for name in &claim.signed {
        text.extend_from_slice(name.as_bytes());
        for (at, value) in request.values(name).enumerate() {
            text.push(if at == 0 { b':' } else { b',' });
            trimmed(value, &mut text);
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(claim.signed_text.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(body_digest.as_bytes());
    text
}

fn path(path: &str) -> String {
    let mut text = String::with_capacity(path.len() * 3 / 2);
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

fn query(query: &str) -> String {
    if query.is_empty() {
        return String::new();
    }
    let mut pairs: Vec<(&str, &str)> =
        query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Without white space at the ends, and with one blank for each inside.
fn trimmed(value: &[u8], into: &mut Vec<u8>) {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            into.push(b' ');
        }
        into.extend_from_slice(word);
    }
}
