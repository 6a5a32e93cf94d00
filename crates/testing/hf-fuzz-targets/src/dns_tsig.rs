//! Signatures of messages (RFC 8945), from anybody on port 53.
//!
//! An even first byte: the rest is a message with whatever signature it has. An odd one: the rest is an UPDATE that a key of ours signs; then one byte
//! is bent, by the mask and at the place that the next three bytes name.
//!
//! 1. A message without a signature stays as it is; a wrong one gets a response with its id, which is no request of anybody's.
//! 2. What passes is what was signed, byte for byte, however the way bent it: only the id may differ, since forwarders change it.
//! 3. The signed answer passes the asker's check, and nothing else does.

use std::sync::{Arc, LazyLock};

use hf_model::{DnsName, WireName};
use hf_wire::Rcode;
use hf_wire::build::plain_reply;
use hf_wire::tsig::{self, Algorithm, Checked, Key, Keys, Signer, Verifier};
use hf_wire::update;

const NOW_S: u64 = 1_700_000_000;
const HEADER_BYTES: usize = 12;

fn key() -> Key {
    let name = WireName::from(&DnsName::new("key.example.").expect("a name"));
    Key::new(&name, Algorithm::HmacSha256, b"one secret of thirty-two bytes!!")
}

static KEY: LazyLock<Arc<Key>> = LazyLock::new(|| Arc::new(key()));
static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::new([key()]));

pub(crate) fn check(data: &[u8]) {
    match data.split_first() {
        Some((mode, message)) if mode & 1 == 0 => from_anybody(message),
        Some((_, rest)) => bent(rest),
        None => {}
    }
}

fn from_anybody(message: &[u8]) {
    // Shorter ones and responses are passed over before their signatures are looked at.
    if message.len() < HEADER_BYTES || message[2] & 0x80 != 0 {
        return;
    }
    let mut taken = message.to_vec();
    match tsig::check(&KEYS, &mut taken, NOW_S) {
        Checked::Unsigned => assert_eq!(taken, message),
        Checked::Signed(_) => assert!(taken.len() < message.len()),
        Checked::Wrong { reply, .. } => {
            assert!(reply.len() >= HEADER_BYTES && reply.len() <= 512 + tsig::ROOM);
            assert_eq!((&reply[..2], reply[2] & 0x80), (&message[..2], 0x80));
            assert_ne!(reply[3] & 15, 0, "it says why");
            // An asker with the right key reads it without harm.
            let mut asked = message[..HEADER_BYTES].to_vec();
            asked[10..].fill(0);
            let _ = tsig::sign_request(&KEY, &mut asked, NOW_S).verify(&mut reply.clone(), NOW_S);
        }
    }
}

fn bent(data: &[u8]) {
    let Some((&[mask, high, low], message)) = data.split_first_chunk::<3>() else { return };
    if message.len() < HEADER_BYTES {
        return;
    }
    let Ok(read) = update::read(message) else { return };
    let zone = &read.question.name;
    let Some(plain) = update::write(read.head.id, zone, &read.prerequisites, &read.changes) else { return };
    // Records that are signatures themselves are malformed where they stand.
    let has_signature = read.prerequisites.iter().chain(&read.changes).any(|record| record.rtype == 250);
    let mut signed = plain.clone();
    let verifier = tsig::sign_request(&KEY, &mut signed, NOW_S);
    let at = usize::from(u16::from_be_bytes([high, low])) % signed.len();
    signed[at] ^= mask;
    match tsig::check(&KEYS, &mut signed, NOW_S) {
        Checked::Signed(signer) => {
            assert!(!has_signature);
            assert_eq!(signed[2..], plain[2..], "bent at {at}");
            assert!(signed[..2] == plain[..2] || at < 2, "the id that was signed comes back");
            answered(&read, signer, verifier, (mask, at));
        }
        Checked::Unsigned => assert_ne!(mask, 0),
        Checked::Wrong { why, .. } => assert!(mask != 0 || has_signature, "{why}"),
    }
}

/// The answer, bent alike.
fn answered(read: &update::Update, mut signer: Signer, mut verifier: Verifier, (mask, at): (u8, usize)) {
    let plain = plain_reply(read.head, Some(&read.question), Rcode::NO_ERROR);
    let mut reply = plain.clone();
    signer.sign(&mut reply, NOW_S);
    let at = at % reply.len();
    reply[at] ^= mask;
    match verifier.verify(&mut reply, NOW_S) {
        Ok(()) => assert_eq!(reply[2..], plain[2..], "bent at {at}"),
        Err(why) => assert_ne!(mask, 0, "{why}"),
    }
}
