use hf_control::{BreakGlassFate, RecordedBreakGlass, Refusal};
use hf_feed::OperatorKeyPair;
use hf_model::{Operator, Revision, Timestamp, ZoneId};

use super::*;
use crate::testing::{ESTATE, intent};

const T: Timestamp = Timestamp(1_000_000_000);

fn act(zone: &str, signed_at: u64, length: u64) -> SignedBreakGlass {
    let pair = OperatorKeyPair::from_pkcs8(&OperatorKeyPair::generate_pkcs8()).unwrap();
    let signed_at = T.plus(Duration::from_secs(signed_at));
    pair.sign(BreakGlassShift {
        estate: ESTATE,
        zone: ZoneId::new(zone).unwrap(),
        reason: "test".to_owned(),
        by: Operator::new("anna"),
        signed_at,
        ends_at: signed_at.plus(Duration::from_secs(length)),
    })
}

fn telling(acts: &[&SignedBreakGlass]) -> Intent {
    let recorded = |signed: &&SignedBreakGlass| RecordedBreakGlass {
        act: signed.shift.clone(),
        revision: Revision(9),
        fate: BreakGlassFate::Ended(vec![]),
    };
    Intent { break_glass: acts.iter().map(recorded).collect(), ..intent(9, "web") }
}

fn next(recorder: &mut Recorder, known: &[SignedBreakGlass], ledger: &Intent) -> String {
    recorder.next(known, ledger).map_or("none".to_owned(), |act| act.zone.to_string())
}

#[test]
fn acts_are_recorded_in_the_order_of_their_signing_until_the_ledger_tells_of_all() {
    // Of the book's order, by zone; one has ended, one is a cancel, one is of no zone that there is.
    let known = [act("a", 20, 0), act("b", 10, 60), act("nowhere", 15, 600)];
    let mut recorder = Recorder::default();
    let [a, b, nowhere] = &known;
    for (told, expected) in [
        (vec![], "b"),
        (vec![b], "nowhere"),
        (vec![b, nowhere], "a"),
        (vec![nowhere], "b"),
        (vec![b, nowhere, a], "none"),
    ] {
        assert_eq!(next(&mut recorder, &known, &telling(&told)), expected);
    }
}

#[test]
fn what_the_ledger_has_answered_is_not_sent_again_though_it_tells_of_it_no_more() {
    let known = [act("a", 1, 60), act("b", 2, 60)];
    let mut recorder = Recorder::default();
    let refused = Outcome::Refused(Refusal::Stale { read: Revision(1), newest: Revision(2) });
    recorder.heard(&known[0].shift, &refused);
    assert_eq!(next(&mut recorder, &known, &telling(&[])), "b");
    // A newer act on the zone is another one; what is not known any more is forgotten.
    let newer = [act("a", 3, 60), known[1].clone()];
    assert_eq!(next(&mut recorder, &newer, &telling(&[&known[1]])), "a");
    assert_eq!(recorder.answered.len(), 0);
}

#[test]
fn an_act_for_another_estate_is_not_recorded() {
    let mut stray = act("a", 1, 60);
    stray.shift.estate.0[0] ^= 1;
    assert_eq!(next(&mut Recorder::default(), &[stray], &telling(&[])), "none");
}

#[test]
fn the_request_of_an_act_is_the_same_everywhere_and_no_other_acts() {
    let one = act("a", 1, 60).shift;
    let later_end = BreakGlassShift { ends_at: T.plus(Duration::from_hours(9)), ..one.clone() };
    assert_eq!(request_of(&one), request_of(&later_end), "zone, signer and instant name it");
    let others = [
        BreakGlassShift { zone: ZoneId::new("b").unwrap(), ..one.clone() },
        BreakGlassShift { by: Operator::new("bob"), ..one.clone() },
        BreakGlassShift { signed_at: T, ..one.clone() },
        BreakGlassShift { estate: hf_model::EstateId([8; 16]), ..one.clone() },
    ];
    for other in others {
        assert_ne!(request_of(&one), request_of(&other), "{other:?}");
    }
}
