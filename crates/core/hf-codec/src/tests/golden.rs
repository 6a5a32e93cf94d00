//! What the newest version of each format looks like, to the byte. A change of these files is a new version of the format.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::expect_file;
use hf_config::estate::EstateBundle;
use hf_control::{
    Bounded, BreakGlassShift, Command, Entry, Event, Intent, Outcome, Pin, PinTo, Refusal, Shift, ShiftState,
    State, Stop,
};
use hf_health::{Bitmap, Table, Verdict, Verdicts};
use hf_model::{Digest, Operator, Revision, Timestamp};

use crate::*;

/// Writes each value, compares with the lines of the file, and reads the lines back.
#[expect(clippy::disallowed_methods, reason = "a test may read its golden file; core may not")]
fn check<T: PartialEq + std::fmt::Debug>(
    values: &[T],
    name: &str,
    encode: impl Fn(&T) -> Result<Vec<u8>, CodecError>,
    decode: impl Fn(&[u8]) -> Result<T, CodecError>,
) {
    let lines: String =
        values.iter().map(|value| String::from_utf8(encode(value).unwrap()).unwrap() + "\n").collect();
    let path = format!("{}/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    expect_file![&path].assert_eq(&lines);
    let stored = std::fs::read_to_string(path).unwrap();
    let read: Vec<T> = stored.lines().map(|line| decode(line.as_bytes()).unwrap()).collect();
    assert_eq!(read, values);
}

pub(super) fn bundle() -> EstateBundle {
    EstateBundle {
        toml: include_str!("../../golden/estate.toml").to_owned(),
        files: BTreeMap::from([(
            "example.test.zone".to_owned(),
            include_str!("../../golden/example.test.zone").to_owned(),
        )]),
    }
}

fn shift() -> Shift {
    Shift {
        id: "shift-42".parse().unwrap(),
        zone: "euw2-az1".parse().unwrap(),
        scope: "pool/web".parse().unwrap(),
        reason: "gray \"failure\"".to_owned(),
        by: Operator::new("ann"),
        started_at: Timestamp(1_700_000_000_000),
        ends_at: Timestamp(1_700_001_800_000),
        state: ShiftState::Active,
        revision: Revision(42),
    }
}

fn pin(to: PinTo) -> Pin {
    Pin {
        zone: "euw2-az2".parse().unwrap(),
        scope: "record/www.example.test.".parse().unwrap(),
        to,
        reason: "kept".to_owned(),
        by: Operator::new("bob"),
        ends_at: Timestamp(1_700_000_600_000),
        revision: Revision(43),
    }
}

fn break_glass() -> BreakGlassShift {
    BreakGlassShift {
        zone: "euw2-az1".parse().unwrap(),
        reason: "no ledger".to_owned(),
        by: Operator::new("ann"),
        signed_at: Timestamp(1_700_000_000_000),
        ends_at: Timestamp(1_700_000_600_000),
    }
}

fn commands() -> Vec<Command> {
    let (zone, scope, id) = (shift().zone, shift().scope, shift().id);
    let (length, reason) = (Duration::from_mins(30), shift().reason);
    vec![
        Command::ApplyEstate { bundle: bundle(), if_match: Some(Revision(7)) },
        Command::StartShift { zone: zone.clone(), scope: scope.clone(), length, reason: reason.clone() },
        Command::ExtendShift { id: id.clone(), length: Duration::from_nanos(1), if_match: None },
        Command::CancelShift { id, if_match: Some(Revision(42)) },
        Command::Pin { zone: zone.clone(), scope: scope.clone(), to: PinTo::In, length, reason },
        Command::Unpin { zone, scope: "everything".parse().unwrap() },
        Command::Expire,
    ]
}

fn entries() -> Vec<Entry> {
    let entry = |(at, command)| Entry {
        request: format!("request-{at}").parse().unwrap(),
        stamp: Timestamp(1_700_000_000_000),
        by: Operator::new("ann"),
        command,
    };
    commands().into_iter().enumerate().map(entry).collect()
}

fn refusals() -> Vec<Refusal> {
    let (id, zone, scope) = (shift().id, shift().zone, shift().scope);
    let text = |text: &str| text.to_owned();
    vec![
        Refusal::BadEstate { problems: text("estate.toml:1:1: what\nestate.toml:2:1: else") },
        Refusal::Stale { read: Revision(6), newest: Revision(7) },
        Refusal::InUse { by: text("shift-42"), what: text("zone euw2-az1") },
        Refusal::UnknownZone { zone: zone.clone(), known: text("a, b") },
        Refusal::UnknownResource { scope: scope.clone() },
        Refusal::UnknownShift { id: id.clone() },
        Refusal::NotActive { id: id.clone() },
        Refusal::AlreadyShifted { id: id.clone(), zone: zone.clone(), scope: scope.clone() },
        Refusal::OtherZoneShifted { id, zone: zone.clone(), scope: scope.clone() },
        Refusal::Floor { pool: text("pool/web"), needed: text("2 zones"), left: text("1 zone") },
        Refusal::Length { length: Duration::from_secs(59) },
        Refusal::Reason { len: 501 },
        Refusal::TooMany { what: Bounded::ActiveShifts, count: 200 },
        Refusal::TooMany { what: Bounded::Pins, count: 200 },
        Refusal::NoPin { zone, scope },
        Refusal::RequestReused { request: "request-1".parse().unwrap() },
    ]
}

fn events() -> Vec<Event> {
    let ended = Shift {
        state: ShiftState::Canceled(Timestamp(1_700_000_900_000)),
        revision: Revision(44),
        ..shift()
    };
    let expired = Shift { state: ShiftState::Expired(Timestamp(1_700_001_800_001)), ..ended.clone() };
    vec![
        Event::EstateApplied { before: None, after: Digest([0xab; 32]) },
        Event::ShiftStarted(shift()),
        Event::ShiftExtended {
            before: shift(),
            after: Shift { ends_at: Timestamp(1_700_003_600_000), ..shift() },
        },
        Event::ShiftEnded(ended, Stop::Canceled),
        Event::ShiftEnded(expired, Stop::Expired),
        Event::Pinned { before: Some(pin(PinTo::In)), after: pin(PinTo::Out) },
        Event::Unpinned(pin(PinTo::Out), Stop::Expired),
    ]
}

#[test]
fn entries_are_as_ever() {
    check(&entries(), "entry.v1.jsonl", encode_entry, decode_entry);
}

#[test]
fn a_state_is_as_ever() {
    let mut state = State::default();
    let mut states = vec![state.clone()];
    for (at, entry) in entries().iter().enumerate() {
        state.apply(Revision(at as u64 + 1), &unguarded(entry));
    }
    assert!(state.estate.is_some(), "the golden estate reads: {:?}", hf_control::read_estate(&bundle()));
    states.push(state);
    check(&states, "state.v2.jsonl", encode_state, decode_state);
}

/// The entry as the first one of its kind on an empty state.
fn unguarded(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    if let Command::ApplyEstate { if_match, .. } = &mut entry.command {
        *if_match = None;
    }
    entry
}

#[test]
fn an_intent_is_as_ever() {
    let intent = Intent {
        revision: Revision(43),
        estate_revision: Revision(7),
        estate: bundle(),
        shifts: vec![shift()],
        pins: vec![pin(PinTo::In), pin(PinTo::Out)],
    };
    check(&[Intent::default(), intent], "intent.v1.jsonl", encode_intent, decode_intent);
}

#[test]
fn a_table_is_as_ever() {
    let (mut known, mut healthy) = (Bitmap::new(70), Bitmap::new(70));
    (0..70).for_each(|at| known.set(at, true));
    for at in [0, 1, 8, 63, 64, 69] {
        healthy.set(at, true);
    }
    let table = Table {
        checker: "checker-1".parse().unwrap(),
        zone: "euw2-az1".parse().unwrap(),
        estate: Digest([0x0f; 32]),
        made_at: Timestamp(1_700_000_000_000),
        known,
        healthy,
    };
    check(&[table], "table.v1.jsonl", encode_table, decode_table);
}

#[test]
fn verdicts_are_as_ever() {
    let verdicts = Verdicts { of: vec![Verdict::Healthy, Verdict::Unhealthy, Verdict::Unknown] };
    check(
        &[(Digest([1; 32]), verdicts)],
        "verdicts.v1.jsonl",
        |(estate, verdicts)| encode_verdicts(*estate, verdicts),
        decode_verdicts,
    );
}

#[test]
fn break_glass_shifts_are_as_ever() {
    let one = "break-glass.v1.jsonl";
    check(&[break_glass()], one, encode_break_glass, decode_break_glass);
    let lists = [Vec::new(), vec![break_glass(), break_glass()]];
    let file = "break-glass-list.v1.jsonl";
    check(&lists, file, |list| encode_break_glass_list(list), decode_break_glass_list);
}

#[test]
fn journal_lines_are_as_ever() {
    let line = |command: &str, outcome, events| EntryLine {
        revision: Revision(44),
        at: Timestamp(1_700_000_000_000),
        by: Operator::new("ann"),
        command: command.to_owned(),
        outcome,
        events,
    };
    let done = Outcome::Done { revision: Revision(44), shift: Some(shift()) };
    let mut lines = vec![line("end what is due", done, events())];
    for (command, refusal) in commands().iter().cycle().zip(refusals()) {
        lines.push(line(&command.to_string(), Outcome::Refused(refusal), Vec::new()));
    }
    check(&lines, "entry-line.v2.jsonl", encode_entry_line, decode_entry_line);
}

#[test]
fn older_versions_are_read() {
    let states = include_str!("../../golden/state.v1.jsonl");
    assert!(states.lines().all(|line| decode_state(line.as_bytes()).is_ok()));
    let lines = include_str!("../../golden/entry-line.v1.jsonl");
    assert!(lines.lines().all(|line| decode_entry_line(line.as_bytes()).is_ok()));
}
