//! How one value lies on the disk: digest, position, bytes.
//!
//! The digest covers the position too: a value that turns up at another key is as damaged as one with a flipped bit.

use hf_model::Digest;

const DIGEST: usize = 32;
const HEAD: usize = DIGEST + 8;

/// Frames `bytes` for position `at`.
pub fn seal(at: u64, bytes: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(HEAD + bytes.len());
    sealed.extend_from_slice(&[0; DIGEST]);
    sealed.extend_from_slice(&at.to_be_bytes());
    sealed.extend_from_slice(bytes);
    let digest = Digest::of(&sealed[DIGEST..]);
    sealed[..DIGEST].copy_from_slice(&digest.0);
    sealed
}

/// The position that is written in a frame and the bytes; none if they are not what was sealed.
pub fn open(sealed: &[u8]) -> Option<(u64, &[u8])> {
    let (digest, rest) = sealed.split_at_checked(DIGEST)?;
    if Digest::of(rest).0 != *digest {
        return None;
    }
    let (at, bytes) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*at), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let sealed = seal(7, b"entry");
        assert_eq!(open(&sealed), Some((7, &b"entry"[..])));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(open(&damaged), None, "byte {at}");
            assert_eq!(open(&sealed[..at]), None, "cut at {at}");
        }
        assert_eq!(open(&[]), None);
    }
}
