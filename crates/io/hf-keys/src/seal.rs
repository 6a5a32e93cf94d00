//! Secrets that must be known in the clear, sealed on disk: ChaCha20-Poly1305 under a key in a file of its own.
//!
//! A sealed secret is the nonce (12 random bytes), the text and its tag (16 bytes); what it belongs to is bound to it, so that a
//! sealed secret moved to another place does not open.
//!
//! What it is for: a copied file, in a backup or a repository, opens nothing without the key file. Who has both has all.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::private_file;

/// Why there is no sealing key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It cannot be read or written.
    #[error("{path}: cannot use the key of sealed secrets ({problem}); copy it from where the sealed secrets came from", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// It is no key.
    #[error("{path}: not a key of sealed secrets (44 characters of base64); copy it from where the sealed secrets came from", path = path.display())]
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
        let text = private_file::read(path)
            .map_err(|error| SealError::Unusable { path: path.to_owned(), problem: error.to_string() })?;
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
            private_file::write(path, &format!("{}\n", STANDARD.encode(bytes))).map_err(unusable)?;
        }
        SealKey::open(path)
    }

    fn of(bytes: &[u8]) -> SealKey {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).expect("the length was checked");
        SealKey(LessSafeKey::new(key))
    }

    /// Seals a secret for what it belongs to.
    pub fn seal(&self, bound_to: &str, secret: &[u8]) -> Vec<u8> {
        let nonce = hf_clock::random_bytes::<NONCE_LEN>();
        let mut text = secret.to_vec();
        let aad = Aad::from(bound_to.as_bytes());
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text)
            .expect("a secret is far shorter than the cipher's bound");
        [&nonce, text.as_slice(), tag.as_ref()].concat()
    }

    /// Opens what was sealed for this; none under another key, for something else, or when it was changed.
    pub fn unseal(&self, bound_to: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(bound_to.as_bytes()), &mut text).ok()?;
        Some(opened.to_vec())
    }
}
