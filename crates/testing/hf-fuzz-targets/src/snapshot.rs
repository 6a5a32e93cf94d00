//! Snapshot files, from a disk that may have been damaged or written by another program.
//!
//! The input is read as it is, and again with a right head and checksum around it: no fuzzer finds a SHA-256.
//!
//! 1. What reads is written and reads as the same snapshot, the decision included.
//! 2. Every plane can use it.

use hf_model::Digest;
use hf_snapshot::Snapshot;

use crate::{roundtrip, world};

pub(crate) fn check(data: &[u8]) {
    let decode = |bytes: &[u8]| Snapshot::decode(bytes, world::NOW);
    roundtrip::check(data, decode, Snapshot::encode);
    if let Some(snapshot) = roundtrip::check(&wrapped(data), decode, Snapshot::encode) {
        world::use_snapshot(snapshot);
    }
}

/// A file of version 1 with `body` between head and checksum.
fn wrapped(body: &[u8]) -> Vec<u8> {
    let len = (8 + 4 + 8 + body.len() + 32) as u64;
    let mut bytes = b"HFSNAP\r\n".to_vec();
    bytes.extend_from_slice(&1u32.to_be_bytes());
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(body);
    let checksum = Digest::of(&bytes);
    bytes.extend_from_slice(&checksum.0);
    bytes
}
