//! Secrets of access keys, sealed (`hf-keys`): each is bound to its access key's id.

use std::fmt;

pub use hf_keys::{SealError, SealKey};

/// A secret in the clear; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Secret {
        Secret(text)
    }

    /// Its text, for a signature's key.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Seals a secret for an access key.
pub(super) fn seal(key: &SealKey, id: &str, secret: &str) -> Vec<u8> {
    key.seal(&bound_to(id), secret.as_bytes())
}

/// Opens what was sealed for this access key; none under another key, for another id, or when it was changed.
pub(super) fn unseal(key: &SealKey, id: &str, sealed: &[u8]) -> Option<Secret> {
    String::from_utf8(key.unseal(&bound_to(id), sealed)?).ok().map(Secret)
}

fn bound_to(id: &str) -> String {
    format!("holdfast access key {id}")
}
