//! AWS Signature Version 4: whose request this is, and that nobody has changed it on the way.
//!
//! 1. Host, date and every `x-amz-…` header must be signed, and the body is always: what changes a call's meaning is under the signature.
//! 2. The signature is made for the called service. Its region is the caller's and may be any.
//! 3. The date is within five minutes of ours, before or after. Within them a recorded request can be sent again: the listener wants TLS.
//! 4. An unknown key costs the same work as a wrong signature. Signatures are compared in constant time.
//! 5. There is one way to sign: the `Authorization` header. Presigned links, unsigned bodies and other schemes are refused by name.
//!
//! Not here: secrets at rest, who may do what.
//!
//! Source: what botocore sends, kept in `testdata/`; decision 0017.

mod authorization;

use std::sync::Arc;

use hf_model::Timestamp;
use hf_sigv4::{Covered, Path, Signature, date};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::operation::Service;
use crate::request::Request;
use crate::texts::shown;
use authorization::Authorization;

/// How far the signer's clock may be from ours.
pub const CLOCK_SKEW_S_MAX: u64 = 300;

/// The public half of a caller's credentials: which key has signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(Arc<str>);

impl AccessKeyId {
    /// As it stood in the signature.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// The secret half. It is never shown.
#[derive(Clone)]
pub struct Secret {
    key: Box<str>,
    session: Option<Session>,
}

#[derive(Clone)]
struct Session {
    token: Box<str>,
    ends_at: Option<Timestamp>,
}

impl Secret {
    /// A secret for as long as its key is there.
    pub fn new(key: &str) -> Secret {
        Secret { key: key.into(), session: None }
    }

    /// A secret that is only good together with this token, and until then.
    #[must_use]
    pub fn with_session(self, token: &str, ends_at: Option<Timestamp>) -> Secret {
        Secret { session: Some(Session { token: token.into(), ends_at }), ..self }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a request is nobody's. The names are those that AWS's JSON services use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No signature at all.
    #[error(
        "the request is not signed; give the client an access key of Holdfast, and leave out --no-sign-request"
    )]
    Missing,
    /// Something that is no signature, or does not cover what it must.
    #[error("{0}")]
    Incomplete(String),
    /// No such access key.
    #[error("there is no access key {0}; check AWS_ACCESS_KEY_ID, it may be one of an AWS account")]
    UnknownKey(String),
    /// The session token is not the key's.
    #[error("the session token is missing or not the one of access key {0}; check AWS_SESSION_TOKEN")]
    WrongToken(String),
    /// The signature does not fit.
    #[error("{0}")]
    Invalid(String),
    /// The credentials' time is over.
    #[error("the credentials of access key {0} have expired; get new ones")]
    Expired(String),
}

impl AuthError {
    /// As clients know it.
    pub fn name(&self) -> &'static str {
        match self {
            AuthError::Missing => "MissingAuthenticationTokenException",
            AuthError::Incomplete(_) => "IncompleteSignatureException",
            AuthError::UnknownKey(_) | AuthError::WrongToken(_) => "UnrecognizedClientException",
            AuthError::Invalid(_) => "InvalidSignatureException",
            AuthError::Expired(_) => "ExpiredTokenException",
        }
    }

    /// The HTTP status; none that clients would try again on.
    pub fn status(&self) -> u16 {
        match self {
            AuthError::Incomplete(_) => 400,
            _ => 403,
        }
    }
}

/// The service for which a request says it is signed.
pub(crate) fn scope_service<'a>(request: &Request<'a>) -> Option<&'a str> {
    Authorization::parse(request.header("authorization")?).ok().map(|found| found.service)
}

/// Says who has signed a request.
///
/// `lookup` gives the secret of an access key; it should take the same time whether there is one or not.
pub fn verify(
    request: &Request<'_>,
    service: Service,
    lookup: impl Fn(&str) -> Option<Secret>,
    now: Timestamp,
) -> Result<AccessKeyId, AuthError> {
    let header = authorization_header(request)?;
    let claim = Authorization::parse(header).map_err(|what| AuthError::Incomplete(what.to_owned()))?;
    claim.covers(request)?;
    let stamp = stamp(request, &claim, now)?;
    if claim.service != service.name() {
        return Err(AuthError::Invalid(format!(
            "the request is signed for the service {}, this call is one of {}; sign it for that",
            shown(claim.service),
            service.name()
        )));
    }
    let body = hf_sigv4::digest(request.body);
    if let Some(named) = request.values("x-amz-content-sha256").next()
        && named != body.as_bytes()
    {
        return Err(AuthError::Invalid(
            "X-Amz-Content-Sha256 is not the SHA-256 of the body; unsigned and streamed bodies are not taken"
                .to_owned(),
        ));
    }
    let found = lookup(claim.key_id);
    // Somebody without a key must not learn from the time that it takes whether there is one.
    let is_known = found.is_some();
    let secret = found.unwrap_or_else(|| Secret::new("there is no such key, and the work is the same"));
    let is_signed = matches_signature(&secret, request, &claim, stamp, &body);
    let key_id = || claim.key_id.to_owned();
    if !is_known {
        return Err(AuthError::UnknownKey(key_id()));
    }
    if !is_signed {
        return Err(AuthError::Invalid(
            "the signature does not fit the request; check AWS_SECRET_ACCESS_KEY, and that nothing on the way changes \
             path, query, body or the Host header"
                .to_owned(),
        ));
    }
    check_session(request, &secret, now).map_err(|expired| match expired {
        SessionError::Wrong => AuthError::WrongToken(key_id()),
        SessionError::Over => AuthError::Expired(key_id()),
    })?;
    Ok(AccessKeyId(claim.key_id.into()))
}

fn authorization_header<'a>(request: &Request<'a>) -> Result<&'a str, AuthError> {
    if request.is_presigned() {
        return Err(AuthError::Incomplete(
            "the signature is in the query; presigned requests are not taken, sign in the Authorization header".to_owned(),
        ));
    }
    if request.values("authorization").next().is_none() {
        return Err(AuthError::Missing);
    }
    request.header("authorization").ok_or_else(|| {
        AuthError::Incomplete("Authorization came more than once or is not text; send it once".to_owned())
    })
}

/// The request's date as it was sent, if it is near enough to `now` and the one of the scope.
fn stamp<'a>(request: &Request<'a>, claim: &Authorization<'_>, now: Timestamp) -> Result<&'a str, AuthError> {
    let bad = || {
        AuthError::Incomplete(
            "X-Amz-Date is missing or not of the form 20260131T235959Z; send it once".to_owned(),
        )
    };
    let stamp = request.header("x-amz-date").ok_or_else(bad)?;
    let signed_at = date::parse(stamp).ok_or_else(bad)?;
    if stamp.get(..8) != Some(claim.date) {
        return Err(AuthError::Incomplete(format!(
            "the credential's date is {}, X-Amz-Date has another; use the same",
            shown(claim.date)
        )));
    }
    let apart = signed_at.since(now).max(now.since(signed_at)).as_secs();
    if signed_at.plus(skew()) < now || now.plus(skew()) < signed_at {
        return Err(AuthError::Invalid(format!(
            "the request was signed at {stamp}, {apart} s away from the clock here ({}); at most {CLOCK_SKEW_S_MAX} s are \
             taken: set the clock that is wrong",
            date::format(now)
        )));
    }
    Ok(stamp)
}

fn skew() -> std::time::Duration {
    std::time::Duration::from_secs(CLOCK_SKEW_S_MAX)
}

fn keyed(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac
}

fn matches_signature(
    secret: &Secret,
    request: &Request<'_>,
    claim: &Authorization<'_>,
    stamp: &str,
    body_digest: &str,
) -> bool {
    let covered = Covered {
        method: request.method,
        path: request.path,
        path_form: Path::EncodedAgain,
        query: request.query,
        headers: claim.signed.iter().map(|name| (*name, request.values(name).collect())).collect(),
        body_digest,
    };
    Signature::new(&secret.key, claim.scope(), stamp, &covered).fits(&claim.signature)
}

enum SessionError {
    Wrong,
    Over,
}

/// A key without a session is not harmed by a token left over in a runbook's environment: the signature has said who it is.
fn check_session(request: &Request<'_>, secret: &Secret, now: Timestamp) -> Result<(), SessionError> {
    let Some(Session { token, ends_at }) = &secret.session else { return Ok(()) };
    let sent = request.header("x-amz-security-token").unwrap_or_default();
    // Of the MACs of both, so that the comparison is constant in time whatever their lengths.
    let expected = keyed(b"session token", token.as_bytes()).finalize().into_bytes();
    if keyed(b"session token", sent.as_bytes()).verify_slice(&expected).is_err() {
        return Err(SessionError::Wrong);
    }
    if ends_at.is_some_and(|end| now >= end) {
        return Err(SessionError::Over);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
