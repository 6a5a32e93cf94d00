//! Secrets that must be known in the clear, sealed on disk: ChaCha20-Poly1305 under a key in a file of its own.
//!
//! A sealed secret is the nonce (12 random bytes), the text and its tag (16 bytes); the access key's id is bound to it, so that
//! a sealed secret moved to another id does not open.
//!
//! What it is for: a copied access file, in a backup or a repository, opens nothing without the key file. Who has both has all.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{AccessError, read_private, write_private};

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

/// Why there is no sealing key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It cannot be read or written.
    #[error("{path}: cannot use the key of sealed secrets ({problem}); copy it from where the access file came from", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// It is no key.
    #[error("{path}: not a key of sealed secrets (44 characters of base64); copy it from where the access file came from", path = path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

/// The key of sealed secrets.
pub struct SealKey(LessSafeKey);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

impl SealKey {
    /// Reads the key of a file.
    pub fn open(path: &Path) -> Result<SealKey, SealError> {
        let unusable = |problem: String| SealError::Unusable { path: path.to_owned(), problem };
        let text = read_private(path).map_err(|error| match error {
            AccessError::Io { source, .. } => unusable(source.to_string()),
            AccessError::Open { mode, .. } => {
                unusable(format!("others may use it, mode {mode:03o}: run `chmod 600`"))
            }
            other => unusable(other.to_string()),
        })?;
        let bytes =
            STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() == CHACHA20_POLY1305.key_len());
        let bytes = bytes.ok_or_else(|| SealError::NoKey { path: path.to_owned() })?;
        Ok(SealKey::of(&bytes))
    }

    /// Reads the key of a file, which is made when missing.
    pub fn open_or_make(path: &Path) -> Result<SealKey, SealError> {
        let there = path.try_exists();
        let unusable =
            |error: io::Error| SealError::Unusable { path: path.to_owned(), problem: error.to_string() };
        if !there.map_err(unusable)? {
            let bytes = hf_clock::random_bytes::<32>();
            write_private(path, &format!("{}\n", STANDARD.encode(bytes))).map_err(unusable)?;
        }
        SealKey::open(path)
    }

    fn of(bytes: &[u8]) -> SealKey {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).expect("the length was checked");
        SealKey(LessSafeKey::new(key))
    }

    /// Seals a secret for an access key.
    pub fn seal(&self, id: &str, secret: &str) -> Vec<u8> {
        let nonce = hf_clock::random_bytes::<NONCE_LEN>();
        let mut text = secret.as_bytes().to_vec();
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound(id)), &mut text)
            .expect("a secret is far shorter than the cipher's bound");
        [&nonce, text.as_slice(), tag.as_ref()].concat()
    }

    /// Opens what was sealed for this access key; none under another key, for another id, or when it was changed.
    pub fn unseal(&self, id: &str, sealed: &[u8]) -> Option<Secret> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(bound(id)), &mut text).ok()?;
        String::from_utf8(opened.to_vec()).ok().map(Secret)
    }
}

fn bound(id: &str) -> Vec<u8> {
    format!("holdfast access key {id}").into_bytes()
}
