//! Hashed names (RFC 5155): what an NSEC3 record's owner is made of.
//!
//! Not here: which record proves what (`hf-answer`). We make none ourselves: our own zones deny compactly ([`crate::denial`]).

use sha1::{Digest, Sha1};

/// Rounds beyond the first that are worth their time: validators take more for an unsigned zone (RFC 9276 3.2).
pub const ITERATIONS_MAX: u16 = 150;

/// A hashed name.
pub type Hash = [u8; 20];

/// Letters of a hashed name.
const LABEL_BYTES: usize = 32;
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Hashes a folded name in wire form (RFC 5155 5).
pub fn hash(name: &[u8], salt: &[u8], iterations: u16) -> Hash {
    let round = |text: &[u8]| -> Hash { Sha1::new().chain_update(text).chain_update(salt).finalize().into() };
    let mut hashed = round(name);
    for _ in 0..iterations {
        hashed = round(&hashed);
    }
    hashed
}

/// The label of a hashed name, its length included (base32hex, RFC 4648 7).
pub fn label(hash: &Hash) -> [u8; 1 + LABEL_BYTES] {
    let mut label = [0; 1 + LABEL_BYTES];
    label[0] = LABEL_BYTES as u8;
    let (letters, _) = label[1..].as_chunks_mut::<8>();
    let (groups, _) = hash.as_chunks::<5>();
    for (letters, group) in letters.iter_mut().zip(groups) {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for (at, letter) in letters.iter_mut().enumerate() {
            *letter = DIGITS[(bits >> (35 - 5 * at) & 31) as usize];
        }
    }
    label
}

/// The hash that a folded name begins with; none if it is no hashed name.
pub fn read_label(name: &[u8]) -> Option<Hash> {
    let (len, rest) = name.split_first()?;
    let letters = rest.get(..LABEL_BYTES).filter(|_| usize::from(*len) == LABEL_BYTES)?;
    let mut hash = [0; 20];
    let (groups, _) = hash.as_chunks_mut::<5>();
    for (group, letters) in groups.iter_mut().zip(letters.as_chunks::<8>().0) {
        let mut bits = 0_u64;
        for letter in letters {
            let digit = DIGITS.iter().position(|digit| *digit == letter.to_ascii_lowercase())?;
            bits = bits << 5 | digit as u64;
        }
        group.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_as_the_rfc_shows() {
        // RFC 5155, appendix A: 12 iterations, salt AABBCCDD.
        let salt = [0xaa, 0xbb, 0xcc, 0xdd];
        for (name, want) in [
            (&b"\x07example\0"[..], b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            (b"\x01a\x07example\0", b"35mthgpgcu1qg68fab165klnsnk3dpvl"),
            (b"\x01*\x01w\x07example\0", b"r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ] {
            let hash = hash(name, &salt, 12);
            let label = label(&hash);
            assert_eq!(&label[1..], want);
            assert_eq!(read_label(&label), Some(hash));
        }
        assert_eq!(read_label(b"\x03abc\0"), None);
        assert_eq!(read_label(&[&b"\x20"[..], &[b'z'; 32]].concat()), None);
    }
}
