//! All principals and their credentials, as the access file has them.
//!
//! 1. A look-up by token goes through all digests, right or wrong: its time tells nothing.
//! 2. A credential ends at its own end or at its principal's, whichever comes first.
//! 3. A certificate that names two principals is nobody's.

use std::fmt;

use hf_model::{Digest, Timestamp};

use crate::Principal;

/// Everybody who is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList {
    /// In the file's order; names differ.
    pub holders: Vec<Holder>,
}

/// One principal and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub principal: Principal,
    /// When all of its credentials end.
    pub expires_at: Option<Timestamp>,
    /// Its tokens.
    pub tokens: Vec<TokenDigest>,
    /// Names in client certificates.
    pub certificates: Vec<String>,
    /// Its access keys.
    pub keys: Vec<AccessKey>,
}

/// A token, as its SHA-256. Tokens are random and long, so that a digest without salt tells nothing of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDigest {
    /// Of the token's text.
    pub digest: Digest,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// An access key for signed requests (SigV4), whose secret both sides need to know.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Public.
    pub id: AccessKeyId,
    /// The secret, sealed under the key beside the access file.
    pub sealed: Vec<u8>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Its line in the file, for problems found later.
    pub line: u32,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The public name of an access key: 16 to 128 of `A-Z 0-9`, as the AWS tools expect it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(Box<str>);

/// Why a text is not such a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access key's id has 16 to 128 of A-Z and 0-9; `holdfast access key NAME` makes one")]
pub struct AccessKeyIdError;

impl AccessKeyId {
    /// Checks `text` and makes the id.
    pub fn new(text: &str) -> Result<Self, AccessKeyIdError> {
        let good = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if good && (16..=128).contains(&text.len()) {
            Ok(AccessKeyId(text.into()))
        } else {
            Err(AccessKeyIdError)
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a credential is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unknown {
    /// It is in no access file.
    #[error("not known")]
    NotKnown,
    /// It was good once.
    #[error("ended")]
    Ended {
        /// Whose it was.
        name: String,
        /// When it ended.
        at: Timestamp,
    },
    /// A certificate names several principals.
    #[error("names both `{0}` and `{1}`")]
    Ambiguous(String, String),
}

impl AccessList {
    /// Whose token has this digest.
    pub fn by_token(&self, shown: &Digest, now: Timestamp) -> Result<&Principal, Unknown> {
        // No early end: the time tells nothing of how much was right, nor of whose it is.
        let mut found = None;
        for holder in &self.holders {
            for token in &holder.tokens {
                if same(&token.digest, shown) {
                    found = Some((holder, token.expires_at));
                }
            }
        }
        let (holder, expires_at) = found.ok_or(Unknown::NotKnown)?;
        holder.until(expires_at, now)
    }

    /// Whom a verified client certificate names.
    pub fn by_certificate(&self, names: &[String], now: Timestamp) -> Result<&Principal, Unknown> {
        let has = |holder: &&Holder| names.iter().any(|name| holder.certificates.contains(name));
        let mut named = self.holders.iter().filter(has);
        let first = named.next().ok_or(Unknown::NotKnown)?;
        if let Some(second) = named.next() {
            let name = |holder: &Holder| holder.principal.name.to_string();
            return Err(Unknown::Ambiguous(name(first), name(second)));
        }
        first.until(None, now)
    }

    /// Whose access key this is. Its id is public; that the request is signed with its secret is the caller's to verify.
    pub fn by_access_key(&self, id: &str, now: Timestamp) -> Result<(&Principal, &AccessKey), Unknown> {
        let found = self.holders.iter().find_map(|holder| {
            let key = holder.keys.iter().find(|key| key.id.as_str() == id)?;
            Some((holder, key))
        });
        let (holder, key) = found.ok_or(Unknown::NotKnown)?;
        Ok((holder.until(key.expires_at, now)?, key))
    }

    /// The holder of this name.
    pub fn holder(&self, name: &str) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.principal.name.as_str() == name)
    }
}

impl Holder {
    fn until(&self, expires_at: Option<Timestamp>, now: Timestamp) -> Result<&Principal, Unknown> {
        match [expires_at, self.expires_at].into_iter().flatten().min() {
            Some(at) if at <= now => Err(Unknown::Ended { name: self.principal.name.to_string(), at }),
            _ => Ok(&self.principal),
        }
    }
}

/// Compares without an early end.
fn same(one: &Digest, other: &Digest) -> bool {
    one.0.iter().zip(other.0).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}
