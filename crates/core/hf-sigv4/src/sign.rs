//! A request to the headers that sign it.

use hf_model::Timestamp;

use crate::{ALGORITHM, Covered, Path, Scope, Signature, date, digest};

/// Whose request it is. Not to be shown.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The public half.
    pub access_key_id: &'a str,
    /// The secret half.
    pub secret: &'a str,
    /// What goes with keys that are lent for a time.
    pub session_token: Option<&'a str>,
}

/// A request that nobody has signed yet.
#[derive(Clone, Debug)]
pub struct Unsigned<'a> {
    /// In capitals.
    pub method: &'a str,
    /// As the request line will have it, percent-encoded.
    pub path: &'a str,
    /// As the request line will have it, names and values percent-encoded by [`crate::encoded`].
    pub query: &'a str,
    /// The `Host` header.
    pub host: &'a str,
    /// Further headers that change its meaning; names in lower case, each once.
    pub headers: &'a [(&'a str, &'a str)],
    /// All of it.
    pub body: &'a [u8],
    /// `eu-west-2`.
    pub region: &'a str,
    /// `s3`.
    pub service: &'a str,
}

/// The headers to add, `Host` apart: `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` if there is one, `authorization`.
pub fn sign(request: &Unsigned<'_>, keys: Keys<'_>, at: Timestamp) -> Vec<(&'static str, String)> {
    let (stamp, body_digest) = (date::format(at), digest(request.body));
    let mut added = vec![("x-amz-content-sha256", body_digest.clone()), ("x-amz-date", stamp.clone())];
    added.extend(keys.session_token.map(|token| ("x-amz-security-token", token.to_owned())));
    let mut headers = vec![("host", vec![request.host.as_bytes()])];
    headers.extend(request.headers.iter().map(|(name, value)| (*name, vec![value.as_bytes()])));
    headers.extend(added.iter().map(|(name, value)| (*name, vec![value.as_bytes()])));
    headers.sort_unstable();
    let covered = Covered {
        method: request.method,
        path: request.path,
        path_form: if request.service == "s3" { Path::AsItIs } else { Path::EncodedAgain },
        query: request.query,
        headers,
        body_digest: &body_digest,
    };
    let scope = Scope { date: &stamp[..8], region: request.region, service: request.service };
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={}",
        keys.access_key_id,
        covered.names(),
        Signature::new(keys.secret, scope, &stamp, &covered).hex()
    );
    added.push(("authorization", authorization));
    added
}
