//! Break-glass acts: handed to any node, passed from node to node, kept on disk.
//!
//! 1. A list that reads is written and reads as the same.
//! 2. Nothing counts without its key: no act that was not signed verifies, the same act signed does if its times and its estate are right, and one byte
//!    of the signature changed does not.
//! 3. The order in which acts arrive does not matter: every node comes to the same book.

use std::sync::LazyLock;

use hf_config::node::OperatorKey;
use hf_control::BreakGlassShift;
use hf_feed::break_glass::{
    AHEAD_MAX, LENGTH_MAX, SignedBreakGlass, decode_list, encode_list, verify, verify_new,
};
use hf_feed::{BreakGlassBook, BreakGlassRefused, OperatorKeyPair};
use hf_model::{EstateId, Timestamp};

use crate::roundtrip;

/// One key, drawn anew by each process: whatever it is, the same must hold.
static KEY: LazyLock<OperatorKeyPair> = LazyLock::new(|| {
    OperatorKeyPair::from_pkcs8(&OperatorKeyPair::generate_pkcs8()).expect("a key that was just made reads")
});

pub(crate) fn check(data: &[u8]) {
    let encode = |list: &Vec<SignedBreakGlass>| Ok::<_, std::convert::Infallible>(encode_list(list));
    let Some(list) = roundtrip::check(data, decode_list, encode) else { return };
    assert!(list.len() <= BreakGlassBook::MAX);
    let now = list.first().map_or(Timestamp(0), |first| first.shift.signed_at);
    for signed in list.iter().take(2) {
        check_signature(signed, now);
    }
    // A book takes verified acts only.
    let ours = list.iter().map(|signed| KEY.sign(signed.shift.clone()));
    let verified: Vec<SignedBreakGlass> =
        ours.filter(|signed| verify(signed, &[key_of(signed)], signed.shift.estate, now).is_ok()).collect();
    check_order(&verified, now);
}

/// Our key under the name that an act asks for.
fn key_of(signed: &SignedBreakGlass) -> OperatorKey {
    OperatorKey { name: signed.shift.by.to_string(), public_key: KEY.public_key() }
}

fn check_signature(signed: &SignedBreakGlass, now: Timestamp) {
    let estate = signed.shift.estate;
    assert!(matches!(verify(signed, &[], estate, now), Err(BreakGlassRefused::UnknownKey(_))));
    let keys = [key_of(signed)];
    assert!(matches!(verify(signed, &keys, estate, now), Err(BreakGlassRefused::BadSignature(_))));

    let mut ours = KEY.sign(signed.shift.clone());
    let mut other = estate;
    other.0[0] ^= 1;
    assert!(verify(&ours, &keys, other, now).is_err(), "an act is for one estate");
    assert!(verify(&ours, &keys, EstateId::NONE, now).is_err(), "no estate is nobody's");
    let verdict = verify(&ours, &keys, estate, now);
    if verify_new(&ours, &keys, estate, now).is_ok() {
        assert_eq!(verdict, Ok(()), "new acts are judged harder, not softer");
    }
    assert!(!matches!(verdict, Err(BreakGlassRefused::BadSignature(_) | BreakGlassRefused::UnknownKey(_))));
    assert!(verdict.is_err() || is_in_time(&ours.shift, now), "{verdict:?}: {ours:?}");
    let at = usize::from(signed.signature[0]) % ours.signature.len();
    ours.signature[at] ^= 1;
    assert!(matches!(verify(&ours, &keys, estate, now), Err(BreakGlassRefused::BadSignature(_))));
}

/// What must be so at least.
fn is_in_time(shift: &BreakGlassShift, now: Timestamp) -> bool {
    shift.signed_at <= shift.ends_at
        && shift.ends_at.since(shift.signed_at) <= LENGTH_MAX
        && shift.signed_at.since(now) <= AHEAD_MAX
}

fn check_order(list: &[SignedBreakGlass], now: Timestamp) {
    let book = |acts: &mut dyn Iterator<Item = &SignedBreakGlass>| {
        let mut book = BreakGlassBook::default();
        for signed in acts {
            let taken = book.insert(signed.clone());
            assert!(!matches!(taken, Err(BreakGlassRefused::TooMany)), "{} acts", list.len());
            assert!(taken != Ok(true) || book.knows(signed));
        }
        book
    };
    let (forward, backward) = (book(&mut list.iter()), book(&mut list.iter().rev()));
    assert_eq!(forward, backward, "the order of arrival matters");
    let mut kept = forward.clone();
    kept.forget_old(now);
    // Nothing in force lasts longer than what is kept.
    let in_force = |book: &BreakGlassBook| {
        let in_force = |signed: &SignedBreakGlass| signed.shift.ends_at > now;
        book.signed().iter().filter(|signed| in_force(signed)).count()
    };
    assert_eq!(in_force(&kept), in_force(&forward), "what is in force was forgotten");
}
