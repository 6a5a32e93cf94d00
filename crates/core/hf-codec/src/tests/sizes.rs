//! The bounds hold on both sides, and what the state machine makes always fits.

use hf_config::estate::{EstateBundle, limits as estate_limits};
use hf_control::{Answered, Command, Entry, Event, Intent, Outcome, Refusal, Shift, ShiftState, State};
use hf_health::{Bitmap, Table};
use hf_model::{Digest, Operator, RequestId, Revision, ShiftId, Timestamp};

use crate::*;

fn entry(toml: String) -> Entry {
    let bundle = EstateBundle { toml, files: std::collections::BTreeMap::new() };
    Entry {
        request: RequestId::new("x").unwrap(),
        stamp: Timestamp(0),
        by: Operator::new("ann"),
        command: Command::ApplyEstate { bundle, if_match: None },
    }
}

/// The largest shift that the state machine keeps.
fn largest_shift(number: u64) -> Shift {
    Shift {
        id: ShiftId::new(&format!("shift-{number}")).unwrap(),
        zone: "a".repeat(20).parse().unwrap(),
        scope: format!("record/{}a.", "a.".repeat(126)).parse().unwrap(),
        reason: "\u{10ffff}".repeat(500),
        by: Operator::new(&"\u{10ffff}".repeat(128)),
        started_at: Timestamp(u64::MAX),
        ends_at: Timestamp(u64::MAX),
        state: ShiftState::Canceled(Timestamp(u64::MAX)),
        revision: Revision(u64::MAX),
    }
}

#[test]
fn an_estate_beyond_its_bound_is_refused() {
    let fits = entry("#".repeat(estate_limits::BUNDLE_BYTES));
    assert_eq!(decode_entry(&encode_entry(&fits).unwrap()).unwrap(), fits);
    let error = encode_entry(&entry("#".repeat(estate_limits::BUNDLE_BYTES + 1))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`estate` of a ledger entry has at most 16777216 bytes of text, here 16777217; \
         make the estate smaller or shorten the texts"
    );
}

#[test]
fn escapes_count_too() {
    let error = encode_entry(&entry("\u{1}".repeat(estate_limits::BUNDLE_BYTES))).unwrap_err();
    assert!(matches!(error, CodecError::TooLarge { max: limits::ENTRY_BYTES, .. }), "{error}");
}

#[test]
fn what_is_too_large_is_not_read() {
    let error = decode_table(&vec![b' '; limits::TABLE_BYTES + 1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a table has at most 65536 bytes, this one has 65537; an estate has at most 20000 endpoints"
    );
}

#[test]
fn the_largest_table_fits_and_health_does_not_change_its_size() {
    let table = |healthy| {
        let mut bits = Bitmap::new(estate_limits::ENDPOINTS);
        (0..estate_limits::ENDPOINTS).for_each(|at| bits.set(at, healthy));
        let (checker, zone) = ("a".repeat(63).parse().unwrap(), "a".repeat(20).parse().unwrap());
        let estate = Digest([0; 32]);
        Table { checker, zone, estate, made_at: Timestamp(u64::MAX), known: bits.clone(), healthy: bits }
    };
    let (up, down) = (encode_table(&table(true)).unwrap(), encode_table(&table(false)).unwrap());
    assert_eq!(up.len(), down.len());
    assert_eq!(decode_table(&up).unwrap(), table(true));
}

#[test]
fn the_largest_state_fits() {
    let refusal = Refusal::BadEstate { problems: format!("{}\n", "\u{10ffff}".repeat(200)).repeat(11) };
    let mut state = State { revision: Revision(u64::MAX), stamp: Timestamp(u64::MAX), ..State::default() };
    for number in 0..State::SHIFTS_KEPT as u64 {
        let shift = largest_shift(number);
        state.shifts.insert(hf_control::state::ShiftKey(Revision(number)), shift);
    }
    for number in 0..State::REQUESTS_KEPT {
        let id = RequestId::new(&format!("{number:063}")).unwrap();
        let outcome = Outcome::Refused(refusal.clone());
        let command = Some(Command::Expire.digest());
        state.requests.insert(id, Answered { revision: Revision(u64::MAX), command, outcome });
    }
    let encoded = encode_state(&state).unwrap();
    assert_eq!(decode_state(&encoded).unwrap(), state);
    let left = limits::STATE_BYTES - encoded.len();
    assert!(left > limits::ENTRY_BYTES, "{left} bytes are left for an estate");
}

#[test]
fn the_largest_journal_line_fits() {
    let event = Event::ShiftExtended { before: largest_shift(1), after: largest_shift(1) };
    let events = vec![event; 3 * limits::ENTRY_LINE_EVENTS - 1];
    let outcome = Outcome::Done { revision: Revision(u64::MAX), shift: Some(largest_shift(1)) };
    let lines = EntryLine::of(Revision(u64::MAX), Timestamp(0), &entry(String::new()), &outcome, &events);
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| encode_entry_line(line).is_ok()));
    assert_eq!(lines.iter().map(|line| line.events.len()).sum::<usize>(), events.len());
    assert_eq!(EntryLine::of(Revision(1), Timestamp(0), &entry(String::new()), &outcome, &[]).len(), 1);
}

#[test]
fn counts_are_bounded() {
    let intent = |count| Intent {
        revision: Revision(u64::MAX),
        shifts: (0..count).map(largest_shift).collect(),
        ..Intent::default()
    };
    let bytes = encode_intent(&intent(State::SHIFTS_ACTIVE as u64)).unwrap();
    assert_eq!(decode_intent(&bytes).unwrap(), intent(State::SHIFTS_ACTIVE as u64));
    assert_eq!(
        encode_intent(&intent(201)).unwrap_err().to_string(),
        "`shifts` of an intent has at most 200 elements, here 201; make the estate smaller or end some acts"
    );
}
