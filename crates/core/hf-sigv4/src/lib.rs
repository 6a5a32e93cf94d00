//! AWS Signature Version 4: the text that stands for a request, and its signature.
//!
//! 1. Who signs and who verifies make the same text of the same request ([`Covered`]): there is one function for both.
//! 2. A signature is compared in constant time ([`Signature::fits`]).
//! 3. What is signed here ([`sign`]) has host, date, digest of the body and every header that changes the meaning under the signature.
//!
//! Not here: whose key it is, what a verifier demands of a signature (`hf-arc`), sockets.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>, and what botocore sends.

mod canonical;
pub mod date;
mod sign;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

pub use canonical::{Covered, Path, encoded};
pub use sign::{Keys, Unsigned, sign};

/// The one way to sign that is spoken.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a signature is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `20260131`.
    pub date: &'a str,
    /// `eu-west-2`.
    pub region: &'a str,
    /// `s3`.
    pub service: &'a str,
}

impl std::fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// A signature, before anybody has seen it.
#[derive(Clone)]
pub struct Signature(Hmac<Sha256>);

impl Signature {
    /// Signs a request's text. `stamp` is its `X-Amz-Date`.
    pub fn new(secret: &str, scope: Scope<'_>, stamp: &str, covered: &Covered<'_>) -> Signature {
        let digest = digest(&covered.text());
        let text = format!("{ALGORITHM}\n{stamp}\n{scope}\n{digest}");
        let mut key = keyed(format!("AWS4{secret}").as_bytes(), scope.date.as_bytes());
        for part in [scope.region, scope.service, "aws4_request", &text] {
            key = keyed(&key.finalize().into_bytes(), part.as_bytes());
        }
        Signature(key)
    }

    /// Whether it is this one, in constant time.
    pub fn fits(self, other: &[u8; 32]) -> bool {
        self.0.verify_slice(other).is_ok()
    }

    /// As requests carry it.
    pub fn hex(self) -> String {
        hex(&self.0.finalize().into_bytes())
    }
}

/// The SHA-256 of a body, as signatures name it.
pub fn digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

fn keyed(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
