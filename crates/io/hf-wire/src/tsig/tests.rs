use proptest::prelude::*;

use super::*;

fn name(wire: &[u8]) -> WireName {
    WireName::from_wire(wire).unwrap()
}

fn keys() -> Keys {
    Keys::new([Key::new(&name(b"\x04Xfer\0"), Algorithm::HmacSha256, b"a secret of some length")])
}

fn request() -> Vec<u8> {
    crate::transfer::soa_query(77, &name(b"\x07example\x04test\0"))
}

fn key() -> Arc<Key> {
    keys().get(&name(b"\x04xFER\0")).unwrap().clone()
}

fn signed(message: &mut Vec<u8>, now: u64) -> Signer {
    match check(&keys(), message, now) {
        Checked::Signed(signer) => signer,
        other => panic!("{other:?}"),
    }
}

fn wrong(message: &mut Vec<u8>, now: u64) -> (Vec<u8>, TsigError) {
    match check(&keys(), message, now) {
        Checked::Wrong { reply, why } => (reply, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signed_request_and_its_answer() {
    let mut message = request();
    let mut verifier = sign_request(&key(), &mut message, 1_000);
    let mut signer = signed(&mut message, 1_300);
    assert_eq!(message, request());
    assert_eq!(signer.key_name().to_string(), "xfer.");
    let plain = bare_reply(&message, Rcode::NO_ERROR);
    let mut reply = plain.clone();
    signer.sign(&mut reply, 1_300);
    assert_eq!(reply.len(), plain.len() + signer.bytes());
    assert!(signer.bytes() <= ROOM);
    let mut changed = reply.clone();
    changed[3] ^= 1;
    assert_eq!(verifier.verify(&mut changed, 1_300), Err(TsigError::BadSignature));
    assert_eq!(verifier.verify(&mut reply, 1_300), Ok(()));
    assert_eq!(reply, plain);
    assert!(verifier.is_complete());
}

#[test]
fn another_id_on_the_way_is_no_matter() {
    let mut message = request();
    let _ = sign_request(&key(), &mut message, 1_000);
    message[0] = 0xaa;
    signed(&mut message, 1_000);
    assert_eq!(message, request());
}

#[test]
fn messages_of_a_transfer_are_chained() {
    let mut message = request();
    let mut verifier = sign_request(&key(), &mut message, 1_000);
    let mut signer = signed(&mut message, 1_000);
    let messages: Vec<_> = (0..3)
        .map(|_| {
            let mut reply = bare_reply(&message, Rcode::NO_ERROR);
            signer.sign(&mut reply, 1_000);
            reply
        })
        .collect();
    assert_eq!(verifier.verify(&mut messages[1].clone(), 1_000), Err(TsigError::BadSignature));
    for signed in &messages {
        assert_eq!(verifier.verify(&mut signed.clone(), 1_000), Ok(()));
    }
    assert_eq!(verifier.verify(&mut messages[2].clone(), 1_000), Err(TsigError::BadSignature));
}

#[test]
fn unsigned_messages_between_are_counted() {
    let mut message = request();
    let mut verifier = sign_request(&key(), &mut message, 1_000);
    assert_eq!(verifier.verify(&mut bare_reply(&request(), Rcode::NO_ERROR), 1_000), Err(TsigError::Missing));
    let mut signer = signed(&mut message, 1_000);
    let mut first = bare_reply(&message, Rcode::NO_ERROR);
    signer.sign(&mut first, 1_000);
    let mut verifier = sign_request(&key(), &mut request(), 1_000);
    verifier.verify(&mut first, 1_000).unwrap();
    let plain = bare_reply(&message, Rcode::NO_ERROR);
    for _ in 0..UNSIGNED_MAX {
        verifier.verify(&mut plain.clone(), 1_000).unwrap();
    }
    assert!(!verifier.is_complete());
    assert_eq!(verifier.verify(&mut plain.clone(), 1_000), Err(TsigError::Missing));
}

#[test]
fn what_is_wrong_is_answered_as_the_rfc_says() {
    let mut late = request();
    let mut verifier = sign_request(&key(), &mut late, 1_000);
    let (mut reply, why) = wrong(&mut late, 1_301);
    assert_eq!((why, reply[3] & 15), (TsigError::BadTime, 9));
    let other = find(&reply).unwrap().unwrap();
    assert_eq!((other.error, other.other.as_slice()), (18, &1_301u64.to_be_bytes()[2..]));
    assert_eq!(verifier.verify(&mut reply, 1_000), Err(TsigError::Refused(18)), "it is signed, and rightly");

    let unknown = Arc::new(Key::new(&name(b"\x05other\0"), Algorithm::HmacSha256, b"x"));
    let mut message = request();
    let mut verifier = sign_request(&unknown, &mut message, 1_000);
    let (mut reply, why) = wrong(&mut message, 1_000);
    assert_eq!((why, reply[3] & 15), (TsigError::BadKey, 9));
    assert_eq!(verifier.verify(&mut reply, 1_000), Err(TsigError::Refused(17)));

    let secret = Arc::new(Key::new(&name(b"\x04xfer\0"), Algorithm::HmacSha256, b"x"));
    let mut message = request();
    let mut verifier = sign_request(&secret, &mut message, 1_000);
    let (mut reply, why) = wrong(&mut message, 1_000);
    assert_eq!((why, reply[3] & 15), (TsigError::BadSignature, 9));
    assert_eq!(verifier.verify(&mut reply, 1_000), Err(TsigError::Refused(16)));

    let algorithm = Arc::new(Key::new(&name(b"\x04xfer\0"), Algorithm::HmacSha1, b"a secret of some length"));
    let mut message = request();
    let _ = sign_request(&algorithm, &mut message, 1_000);
    assert_eq!(wrong(&mut message, 1_000).1, TsigError::BadKey);

    let mut twice = request();
    let _ = sign_request(&key(), &mut twice, 1_000);
    let _ = sign_request(&key(), &mut twice, 1_000);
    let (reply, why) = wrong(&mut twice, 1_000);
    assert_eq!((why, reply[3] & 15), (TsigError::Malformed, 1));
}

#[test]
fn a_shortened_signature_is_not_taken() {
    let mut message = request();
    let _ = sign_request(&key(), &mut message, 1_000);
    let place = places(&message).last().unwrap().unwrap();
    let mac_len_at = place.fixed + 10 + Algorithm::HmacSha256.wire().len() + 8;
    message.drain(mac_len_at + 2 + 16..mac_len_at + 2 + 32);
    message[mac_len_at + 1] = 16;
    message[place.fixed + 9] -= 16;
    let (reply, why) = wrong(&mut message, 1_000);
    assert_eq!((why, reply[3] & 15), (TsigError::BadTruncation, 9));
}

proptest! {
    /// No message is taken for a signed one that was changed anywhere but in its id.
    #[test]
    fn no_byte_can_be_changed(at in 2usize..90, flip in 1u8..=255) {
        let mut message = request();
        let _ = sign_request(&key(), &mut message, 1_000);
        let at = at % message.len();
        // The class of the question would be another question, the case of a name the same name.
        prop_assume!(at >= 2);
        let before = message.clone();
        message[at] ^= flip;
        if !message.eq_ignore_ascii_case(&before) {
            prop_assert!(!matches!(check(&keys(), &mut message, 1_000), Checked::Signed(_)));
        }
    }

    /// Whatever arrives, it is judged.
    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 12..200)) {
        let _ = check(&keys(), &mut bytes.clone(), 1_000);
    }
}
