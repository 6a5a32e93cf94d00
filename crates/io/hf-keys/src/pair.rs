//! DNSSEC key pairs: ECDSA P-256 (RFC 6605) and Ed25519 (RFC 8080), made, sealed and opened as PKCS#8.

use std::fmt;

use hf_config::estate::DnssecAlgorithm;
use hf_dnssec::set::SIGNATURE_BYTES;
use hf_dnssec::{SignFailed, Signer, rdata};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

use crate::seal::SealKey;

/// Bytes are no key pair of this algorithm, or the system has no randomness to make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no key pair of algorithm {0}: the private key is of another algorithm or damaged, or the system has no randomness"
)]
pub struct NoKeyPair(pub DnssecAlgorithm);

/// A private key and its public half.
pub struct KeyPair {
    algorithm: DnssecAlgorithm,
    public: Box<[u8]>,
    tag: u16,
    private: Private,
}

enum Private {
    Ecdsa(Box<EcdsaKeyPair>, SystemRandom),
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}, {})", self.algorithm, self.tag)
    }
}

/// Makes a private key, as PKCS#8.
pub fn generate(algorithm: DnssecAlgorithm) -> Result<Vec<u8>, NoKeyPair> {
    let random = SystemRandom::new();
    let made = match algorithm {
        DnssecAlgorithm::EcdsaP256Sha256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        }
        DnssecAlgorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
    };
    Ok(made.map_err(|_| NoKeyPair(algorithm))?.as_ref().to_vec())
}

/// Seals a private key for its hosted zone: with it, another zone's key does not open here.
pub fn seal_pair(seal: &SealKey, hosted_zone: &str, tag: u16, pkcs8: &[u8]) -> Vec<u8> {
    seal.seal(&bound_to(hosted_zone, tag), pkcs8)
}

/// Opens a sealed private key; none under another seal key, for another zone or tag, or when it was changed.
pub fn unseal_pair(
    seal: &SealKey,
    hosted_zone: &str,
    tag: u16,
    algorithm: DnssecAlgorithm,
    sealed: &[u8],
) -> Option<KeyPair> {
    KeyPair::from_pkcs8(algorithm, &seal.unseal(&bound_to(hosted_zone, tag), sealed)?).ok()
}

fn bound_to(hosted_zone: &str, tag: u16) -> String {
    format!("holdfast dnssec key {} {tag}", hosted_zone.to_ascii_lowercase())
}

impl KeyPair {
    /// Reads a private key.
    pub fn from_pkcs8(algorithm: DnssecAlgorithm, pkcs8: &[u8]) -> Result<KeyPair, NoKeyPair> {
        let refused = |_| NoKeyPair(algorithm);
        let (public, private) = match algorithm {
            DnssecAlgorithm::EcdsaP256Sha256 => {
                let random = SystemRandom::new();
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random)
                    .map_err(refused)?;
                // Without the byte that says "uncompressed" (RFC 6605 4).
                let public = pair.public_key().as_ref()[1..].into();
                (public, Private::Ecdsa(Box::new(pair), random))
            }
            DnssecAlgorithm::Ed25519 => KeyPair::ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(refused)?),
        };
        Ok(KeyPair::of(algorithm, public, private))
    }

    fn ed25519(pair: Ed25519KeyPair) -> (Box<[u8]>, Private) {
        (pair.public_key().as_ref().into(), Private::Ed25519(Box::new(pair)))
    }

    fn of(algorithm: DnssecAlgorithm, public: Box<[u8]>, private: Private) -> KeyPair {
        let tag = rdata::key_tag(&rdata::dnskey(algorithm, &public));
        KeyPair { algorithm, public, tag, private }
    }
}

impl Signer for KeyPair {
    fn algorithm(&self) -> DnssecAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignFailed> {
        let signature = match &self.private {
            Private::Ecdsa(pair, random) => pair.sign(random, message).map_err(|_| SignFailed)?,
            Private::Ed25519(pair) => pair.sign(message),
        };
        signature.as_ref().try_into().map_err(|_| SignFailed)
    }

    fn key_tag(&self) -> u16 {
        self.tag
    }
}

#[cfg(test)]
mod tests;
