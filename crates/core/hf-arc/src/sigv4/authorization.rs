//! The `Authorization` header taken apart, and what a signature must cover.

use hf_sigv4::ALGORITHM;

use super::AuthError;
use crate::request::Request;
use crate::texts::shown;

/// Headers under one signature at most; clients sign four or five.
const SIGNED_MAX: usize = 64;

/// What the header claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    pub(super) key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// In lower case and in order, as they stand.
    pub(super) signed: Vec<&'a str>,
    pub(super) signature: [u8; 32],
}

impl<'a> Authorization<'a> {
    /// What the signature is good for.
    pub(super) fn scope(&self) -> hf_sigv4::Scope<'a> {
        hf_sigv4::Scope { date: self.date, region: self.region, service: self.service }
    }

    /// Takes it apart.
    pub(super) fn parse(header: &'a str) -> Result<Authorization<'a>, &'static str> {
        let wrong_scheme = "Authorization is not AWS4-HMAC-SHA256; sign with Signature Version 4";
        let (algorithm, rest) = header.split_once(' ').ok_or(wrong_scheme)?;
        if algorithm != ALGORITHM {
            return Err(wrong_scheme);
        }
        let (mut credential, mut signed_text, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let place = match part.trim().split_once('=') {
                Some(("Credential", value)) => credential.replace(value),
                Some(("SignedHeaders", value)) => signed_text.replace(value),
                Some(("Signature", value)) => signature.replace(value),
                _ => {
                    return Err("Authorization has other parts than Credential, SignedHeaders and Signature");
                }
            };
            if place.is_some() {
                return Err("Authorization has one of its parts twice");
            }
        }
        let credential = credential.ok_or("Authorization has no Credential")?;
        let signed_text = signed_text.ok_or("Authorization has no SignedHeaders")?;
        let signature = signature.ok_or("Authorization has no Signature")?;
        let scope: Vec<&str> = credential.split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = scope[..] else {
            return Err("the Credential is not of the form KEY/DATE/REGION/SERVICE/aws4_request");
        };
        if !(1..=128).contains(&key_id.len()) || !key_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the Credential's key has not 1 to 128 visible ASCII characters");
        }
        Ok(Authorization {
            key_id,
            date,
            region,
            service,
            signed: signed(signed_text)?,
            signature: digest(signature).ok_or("the Signature is not 64 hexadecimal digits in lower case")?,
        })
    }

    /// Whether all that can change the meaning of a call is signed.
    pub(super) fn covers(&self, request: &Request<'_>) -> Result<(), AuthError> {
        let covered = |name: &str| self.signed.iter().any(|signed| signed.eq_ignore_ascii_case(name));
        let uncovered = |name: &str| {
            Err(AuthError::Incomplete(format!(
                "the header {} is not signed; name it in SignedHeaders",
                shown(name)
            )))
        };
        if !covered("host") {
            return uncovered("host");
        }
        for (name, _) in &request.headers {
            if name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-")) && !covered(name) {
                return uncovered(name);
            }
        }
        for name in &self.signed {
            if request.values(name).next().is_none() {
                return Err(AuthError::Incomplete(format!(
                    "the signed header {} did not arrive",
                    shown(name)
                )));
            }
        }
        Ok(())
    }
}

fn signed(text: &str) -> Result<Vec<&str>, &'static str> {
    let names: Vec<&str> = text.split(';').take(SIGNED_MAX + 1).collect();
    if names.len() > SIGNED_MAX {
        return Err("SignedHeaders has more than 64 names");
    }
    let is_plain = |name: &&str| {
        !name.is_empty()
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
    };
    if !names.iter().all(is_plain) || !names.is_sorted_by(|a, b| a < b) {
        return Err("SignedHeaders is not a list of names in lower case, in order, each once");
    }
    Ok(names)
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut found = [0; 32];
    for (place, pair) in found.iter_mut().zip(text.chunks_exact(2)) {
        *place = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(found)
}
