use super::*;

const NOW: Timestamp = Timestamp(1_000_000_000);
const ESTATE: EstateId = EstateId([7; 16]);

pub struct Operators {
    pair: OperatorKeyPair,
    pub keys: Vec<OperatorKey>,
}

pub fn operators() -> Operators {
    let pair = OperatorKeyPair::from_pkcs8(&OperatorKeyPair::generate_pkcs8()).unwrap();
    let keys = vec![OperatorKey { name: "anna".to_owned(), public_key: pair.public_key() }];
    Operators { pair, keys }
}

fn shift(zone: &str, signed_at: Timestamp, length: Duration) -> BreakGlassShift {
    BreakGlassShift {
        estate: ESTATE,
        zone: ZoneId::new(zone).unwrap(),
        reason: "the ledger is gone".to_owned(),
        by: Operator::new("anna"),
        signed_at,
        ends_at: signed_at.plus(length),
    }
}

/// Signs a shift of `length` at `signed_at` and checks it as an operator's at [`NOW`].
fn check(signed_at: Timestamp, length: Duration) -> Result<(), BreakGlassRefused> {
    let operators = operators();
    verify_new(&operators.pair.sign(shift("a", signed_at, length)), &operators.keys, ESTATE, NOW)
}

#[test]
fn lengths_have_bounds_and_a_cancel_has_none() {
    assert_eq!(check(NOW, LENGTH_MIN), Ok(()));
    assert_eq!(check(NOW, LENGTH_MAX), Ok(()));
    assert_eq!(check(NOW, Duration::ZERO), Ok(()));
    let short = Duration::from_secs(59);
    assert_eq!(check(NOW, short), Err(BreakGlassRefused::Length(short)));
    let long = LENGTH_MAX + Duration::from_millis(1);
    assert_eq!(check(NOW, long), Err(BreakGlassRefused::Length(long)));
}

#[test]
fn neither_the_future_nor_the_far_past_counts() {
    assert_eq!(check(NOW.plus(AHEAD_MAX), LENGTH_MIN), Ok(()));
    let ahead = AHEAD_MAX + Duration::from_secs(1);
    assert_eq!(check(NOW.plus(ahead), LENGTH_MIN), Err(BreakGlassRefused::FromTheFuture(ahead)));
    let old = Timestamp(NOW.0 - 120_000);
    assert_eq!(check(old, LENGTH_MIN), Err(BreakGlassRefused::Ended(Duration::from_mins(1))));
    // What is handed in was just signed, a cancel too; nodes among themselves pass on what is older.
    let behind = BEHIND_MAX + Duration::from_secs(1);
    let late = Timestamp(NOW.0 - behind.as_millis() as u64);
    for length in [LENGTH_MAX, Duration::ZERO] {
        assert_eq!(check(Timestamp(NOW.0 - BEHIND_MAX.as_millis() as u64), length), Ok(()));
        assert_eq!(check(late, length), Err(BreakGlassRefused::Stale(behind)));
        let operators = operators();
        let passed_on = operators.pair.sign(shift("a", late, length));
        assert_eq!(verify(&passed_on, &operators.keys, ESTATE, NOW), Ok(()));
    }
    let very_old = Timestamp(NOW.0 - LENGTH_MAX.as_millis() as u64 - 1);
    assert_eq!(check(very_old, Duration::ZERO), Err(BreakGlassRefused::TooOld));
}

#[test]
fn every_field_is_under_the_signature() {
    let operators = operators();
    let good = operators.pair.sign(shift("a", NOW, LENGTH_MIN));
    assert_eq!(verify(&good, &operators.keys, ESTATE, NOW), Ok(()));
    let changes: [fn(&mut SignedBreakGlass); 6] = [
        |s| s.shift.estate.0[15] ^= 1,
        |s| s.shift.zone = ZoneId::new("b").unwrap(),
        |s| s.shift.reason.push('!'),
        |s| s.shift.signed_at.0 -= 1,
        |s| s.shift.ends_at.0 += 1,
        |s| s.signature[9] ^= 1,
    ];
    for change in changes {
        let mut bad = good.clone();
        change(&mut bad);
        let refused = BreakGlassRefused::BadSignature(Operator::new("anna"));
        assert_eq!(verify(&bad, &operators.keys, ESTATE, NOW), Err(refused));
    }
    let mut stranger = good;
    stranger.shift.by = Operator::new("eve");
    let refused = BreakGlassRefused::UnknownKey(Operator::new("eve"));
    assert_eq!(verify(&stranger, &operators.keys, ESTATE, NOW), Err(refused));
}

#[test]
fn an_act_is_for_one_estate() {
    let operators = operators();
    let signed = operators.pair.sign(shift("a", NOW, LENGTH_MIN));
    let other = EstateId([8; 16]);
    let refused = BreakGlassRefused::OtherEstate { found: ESTATE, ours: other };
    assert_eq!(verify(&signed, &operators.keys, other, NOW), Err(refused.clone()));
    assert_eq!(verify_new(&signed, &operators.keys, other, NOW), Err(refused));
    let none = verify_new(&signed, &operators.keys, EstateId::NONE, NOW);
    assert_eq!(none, Err(BreakGlassRefused::NoEstate));
    // An act that names no estate is for none.
    let nowhere = operators.pair.sign(BreakGlassShift { estate: EstateId::NONE, ..signed.shift });
    let none = verify(&nowhere, &operators.keys, EstateId::NONE, NOW);
    assert_eq!(none, Err(BreakGlassRefused::NoEstate));
}

#[test]
fn the_newest_of_a_zone_wins_in_any_order_of_arrival() {
    let operators = operators();
    let long = operators.pair.sign(shift("a", NOW, LENGTH_MAX));
    let cancel = operators.pair.sign(shift("a", NOW.plus(Duration::from_secs(1)), Duration::ZERO));
    for order in [[&long, &cancel], [&cancel, &long]] {
        let mut book = BreakGlassBook::default();
        for signed in order {
            let _ = book.insert(signed.clone());
        }
        assert_eq!(book.signed(), std::slice::from_ref(&cancel));
    }
    let mut book = BreakGlassBook::default();
    assert_eq!(book.insert(long.clone()), Ok(true));
    assert_eq!(book.insert(long.clone()), Ok(false));
    assert_eq!(book.signed(), std::slice::from_ref(&long));
    assert!(book.forget_old(NOW.plus(LENGTH_MAX + Duration::from_secs(1))));
    assert_eq!(book, BreakGlassBook::default());
}

#[test]
fn of_two_acts_of_one_instant_the_one_that_ends_later_counts() {
    let operators = operators();
    let long = operators.pair.sign(shift("a", NOW, LENGTH_MAX));
    let cancel = BreakGlassShift { reason: "zzz".to_owned(), ..shift("a", NOW, Duration::ZERO) };
    let cancel = operators.pair.sign(cancel);
    for order in [[&long, &cancel], [&cancel, &long]] {
        let mut book = BreakGlassBook::default();
        for signed in order {
            let expected = book.would_insert(signed);
            assert_eq!(book.insert(signed.clone()), expected);
        }
        assert_eq!(book.signed(), std::slice::from_ref(&long));
    }
}

#[test]
fn an_act_that_loses_says_by_how_much() {
    let operators = operators();
    let newest = operators.pair.sign(shift("a", NOW, LENGTH_MIN));
    let mut book = BreakGlassBook::default();
    assert_eq!(book.insert(newest.clone()), Ok(true));
    let minutes = Duration::from_mins(3);
    let old = operators.pair.sign(shift("a", Timestamp(NOW.0 - 180_000), LENGTH_MAX));
    let refused = BreakGlassRefused::Superseded { by: Operator::new("anna"), later: minutes };
    assert_eq!(book.would_insert(&old), Err(refused.clone()));
    assert!(refused.to_string().contains("signed 3m after this one"), "{refused}");
    assert!(!book.keep_estate(ESTATE));
    assert!(book.keep_estate(EstateId([8; 16])));
    assert_eq!(book, BreakGlassBook::default());
}

#[test]
fn a_full_book_has_room_for_every_zone_of_an_estate_and_forgets_no_cancel() {
    let operators = operators();
    let mut book = BreakGlassBook::default();
    let act = |number: usize, length| operators.pair.sign(shift(&format!("z{number}"), NOW, length));
    let cancel = act(0, Duration::ZERO);
    assert_eq!(book.insert(cancel.clone()), Ok(true));
    for number in 1..hf_config::estate::limits::ZONES {
        assert_eq!(book.insert(act(number, LENGTH_MIN)), Ok(true));
    }
    assert_eq!(book.insert(act(9_999, LENGTH_MAX)), Err(BreakGlassRefused::TooMany));
    assert!(book.knows(&cancel));
    let newest = operators.pair.sign(shift("z7", NOW.plus(Duration::from_secs(1)), LENGTH_MAX));
    assert_eq!(book.insert(newest), Ok(true), "a zone that is in the book still takes a newer act");
    let bytes = encode_list(&book.signed());
    assert_eq!(decode_list(&bytes).unwrap(), book.signed());
}

#[test]
fn a_list_comes_back_as_it_was_and_foreign_bytes_are_an_error() {
    let operators = operators();
    let list = vec![
        operators.pair.sign(shift("a", NOW, LENGTH_MIN)),
        operators.pair.sign(shift("b", NOW, LENGTH_MAX)),
    ];
    let bytes = encode_list(&list);
    assert_eq!(decode_list(&bytes), Ok(list));
    for len in 0..bytes.len() {
        assert!(decode_list(&bytes[..len]).is_err(), "{len} bytes");
    }
}
