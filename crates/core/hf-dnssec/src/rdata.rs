//! The data of DNSSEC's records in wire form: DNSKEY, DS, NSEC; RRSIG stands with what it covers (`set`).
//!
//! CDS has the form of DS and CDNSKEY that of DNSKEY (RFC 7344 3).

use hf_config::estate::DnssecAlgorithm;
use sha2::{Digest, Sha256};

/// A combined signing key: zone key and secure entry point (RFC 4034 2.1.1).
pub const KEY_FLAGS: u16 = 257;
/// The only protocol (RFC 4034 2.1.2).
const PROTOCOL: u8 = 3;
/// SHA-256 (RFC 4509).
const DIGEST_SHA256: u8 = 2;

/// The algorithm of this number, if it is spoken.
pub fn algorithm(number: u8) -> Option<DnssecAlgorithm> {
    [DnssecAlgorithm::EcdsaP256Sha256, DnssecAlgorithm::Ed25519].into_iter().find(|one| *one as u8 == number)
}

/// Bytes of a public key in a DNSKEY record.
pub fn public_key_len(algorithm: DnssecAlgorithm) -> usize {
    match algorithm {
        DnssecAlgorithm::EcdsaP256Sha256 => 64,
        DnssecAlgorithm::Ed25519 => 32,
    }
}

/// A DNSKEY's data.
pub fn dnskey(algorithm: DnssecAlgorithm, public: &[u8]) -> Box<[u8]> {
    let mut rdata = Vec::with_capacity(4 + public.len());
    rdata.extend_from_slice(&KEY_FLAGS.to_be_bytes());
    rdata.extend_from_slice(&[PROTOCOL, algorithm as u8]);
    rdata.extend_from_slice(public);
    rdata.into()
}

/// The tag of a DNSKEY's data (RFC 4034, appendix B).
pub fn key_tag(dnskey: &[u8]) -> u16 {
    let sum: u32 = dnskey
        .iter()
        .enumerate()
        .map(|(at, byte)| if at % 2 == 0 { u32::from(*byte) << 8 } else { u32::from(*byte) })
        .sum();
    ((sum + (sum >> 16)) & 0xffff) as u16
}

/// The DS data of a DNSKEY's data, with SHA-256: the one digest that every validator knows (RFC 8624 3.3).
pub fn ds(apex: &[u8], dnskey: &[u8]) -> Box<[u8]> {
    let mut digest = Sha256::new();
    digest.update(apex.to_ascii_lowercase());
    digest.update(dnskey);
    let mut rdata = key_tag(dnskey).to_be_bytes().to_vec();
    rdata.push(dnskey.get(3).copied().unwrap_or_default());
    rdata.push(DIGEST_SHA256);
    rdata.extend_from_slice(&digest.finalize());
    rdata.into()
}

/// An NSEC's data; the types in any order.
pub fn nsec(next: &[u8], types: &[u16]) -> Vec<u8> {
    let mut types = types.to_vec();
    types.sort_unstable();
    let mut rdata = next.to_vec();
    let mut at = 0;
    while at < types.len() {
        let window = (types[at] >> 8) as u8;
        let mut bits = [0_u8; 32];
        let mut used = 0;
        while at < types.len() && (types[at] >> 8) as u8 == window {
            let bit = usize::from(types[at] & 0xff);
            bits[bit / 8] |= 0x80 >> (bit % 8);
            used = bit / 8 + 1;
            at += 1;
        }
        rdata.extend_from_slice(&[window, used as u8]);
        rdata.extend_from_slice(&bits[..used]);
    }
    rdata
}

#[cfg(test)]
mod tests;
