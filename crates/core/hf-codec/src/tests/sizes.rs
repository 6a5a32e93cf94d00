//! The bounds hold on both sides, and what the state machine makes always fits.

use hf_config::estate::{EndpointSet, EstateBundle, SourcedEndpoint, limits as estate_limits};
use hf_control::state::ShiftKey;
use hf_control::{
    Answered, Board, Command, ControlRef, ControlSet, ControlState, Deployment, Entry, Event, Intent,
    ObjectId, Outcome, Pin, PinTo, Practice, PracticeConfig, PracticeOutcome, PracticeRecord,
    PracticeRefusal, PracticeSeen, Refusal, Resource, RuleRef, Shift, ShiftKind, ShiftState, State, Window,
};
use std::time::Duration;

use hf_health::{Bitmap, Table};
use hf_model::{
    ControlId, ControlPath, Digest, Operator, PoolName, RequestId, Revision, ShiftId, Switch, Timestamp,
    Weight,
};

use crate::*;

mod board;
mod hosted;

fn entry(toml: String) -> Entry {
    let bundle = EstateBundle { toml, files: std::collections::BTreeMap::new() };
    asking(Command::ApplyEstate { bundle, if_match: None })
}

fn asking(command: Command) -> Entry {
    let request = RequestId::new("x").unwrap();
    Entry { request, stamp: Timestamp(0), by: Operator::new("ann"), from: None, command }
}

/// As many characters of as many bytes as can be.
fn longest(chars: usize) -> String {
    "\u{10ffff}".repeat(chars)
}

fn longest_overrides() -> Vec<PoolName> {
    (0..Command::OVERRIDES).map(|at| PoolName::new(&format!("{at:063}")).unwrap()).collect()
}

/// The largest shift that the state machine keeps.
fn largest_shift(number: u64) -> Shift {
    Shift {
        id: ShiftId::new(&format!("shift-{number}")).unwrap(),
        zone: "a".repeat(20).parse().unwrap(),
        scope: format!("record/{}a.", "a.".repeat(126)).parse().unwrap(),
        reason: longest(500),
        by: Operator::new(&longest(128)),
        started_at: Timestamp(u64::MAX),
        ends_at: Timestamp(u64::MAX),
        state: ShiftState::Interrupted(Timestamp(u64::MAX)),
        kind: ShiftKind::BreakGlass,
        floor_overrides: longest_overrides(),
        revision: Revision(u64::MAX),
    }
}

/// The largest pin that the state machine keeps.
fn largest_pin() -> Pin {
    let Shift { zone, scope, reason, by, started_at, ends_at, floor_overrides, revision, .. } =
        largest_shift(0);
    Pin { zone, scope, to: PinTo::Out, reason, by, started_at, ends_at, floor_overrides, revision }
}

/// The largest mark of a deployment that the state machine keeps.
fn largest_mark() -> Deployment {
    let Shift { zone, scope, reason, by, started_at, ends_at, revision, .. } = largest_shift(0);
    let zone_overrides = vec![zone.clone(); Command::OVERRIDES];
    Deployment { zone, scope, reason, by, started_at, ends_at, zone_overrides, revision }
}

/// The largest practice configurations that the state machine keeps.
fn largest_practices() -> std::collections::BTreeMap<Resource, Practice> {
    let window = Window::parse("Mon:09:00-Mon:17:30").unwrap();
    let alarms = vec![longest(1_024); State::ALARMS_IN_ALL / State::PRACTICES];
    let config = PracticeConfig {
        outcome_alarms: alarms,
        blocking_alarms: Vec::new(),
        blocked_windows: vec![window; PracticeConfig::WINDOWS],
        allowed_windows: vec![window; PracticeConfig::WINDOWS],
        blocked_dates: vec![hf_control::Date::parse("2026-12-24").unwrap(); PracticeConfig::WINDOWS],
    };
    let practice = Practice {
        config,
        autoshift: hf_control::Autoshift::Disabled,
        configured_at: hf_model::Timestamp(u64::MAX),
        revision: Revision(u64::MAX),
    };
    let resource = |at| Resource::Pool(PoolName::new(&format!("{at:063}")).unwrap());
    (0..State::PRACTICES).map(|at| (resource(at), practice.clone())).collect()
}

/// As many practice runs as the state machine remembers, with the longest words.
fn largest_history() -> Vec<PracticeRecord> {
    let share = Some(hf_model::Share::ONE);
    let record = |number: usize| PracticeRecord {
        id: ShiftId::new(&format!("shift-{number}")).unwrap(),
        resource: format!("record/{}a.", "a.".repeat(126)).parse().unwrap(),
        zone: "a".repeat(20).parse().unwrap(),
        started_at: Timestamp(u64::MAX),
        ended_at: Some(Timestamp(u64::MAX)),
        outcome: PracticeOutcome::CapacityCheckFailed,
        seen: PracticeSeen {
            time_to_zero_ms: Some(u64::MAX),
            headroom_before: share,
            headroom_during: share,
            headroom_after: share,
        },
        why: longest(500),
        revision: Revision(u64::MAX),
    };
    (0..State::PRACTICE_RECORDS).map(record).collect()
}

/// As many runs that did not begin as the state machine remembers, with the longest words.
fn largest_refusals() -> Vec<PracticeRefusal> {
    let of = |record: PracticeRecord| PracticeRefusal {
        resource: record.resource,
        zone: record.zone,
        why: record.why,
        by: Operator::new(&longest(128)),
        first_at: Timestamp(u64::MAX),
        last_at: Timestamp(u64::MAX),
        times: u32::MAX,
        revision: record.revision,
    };
    largest_history().into_iter().map(of).collect()
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
        "a table has at most 65536 bytes, this one has 65537; an estate has at most 100000 endpoints and 1000 health checks"
    );
}

#[test]
fn the_largest_table_fits_and_health_does_not_change_its_size() {
    let table = |healthy| {
        let mut bits = Bitmap::new(estate_limits::SUBJECTS);
        (0..estate_limits::SUBJECTS).for_each(|at| bits.set(at, healthy));
        let (checker, zone) = ("a".repeat(63).parse().unwrap(), "a".repeat(20).parse().unwrap());
        let estate = Digest([0; 32]);
        Table { checker, zone, estate, made_at: Timestamp(u64::MAX), known: bits.clone(), healthy: bits }
    };
    let (up, down) = (encode_table(&table(true)).unwrap(), encode_table(&table(false)).unwrap());
    assert_eq!(up.len(), down.len());
    assert_eq!(decode_table(&up).unwrap(), table(true));
}

/// Bytes of an estate with all that escapes add to it: an entry that brought it was within its own bound.
const ESTATE_BYTES: usize = limits::ENTRY_BYTES;

#[test]
fn the_largest_state_fits() {
    let refusal = Refusal::BadEstate { problems: format!("{}\n", longest(200)).repeat(11) };
    let mut state = State {
        revision: Revision(u64::MAX),
        stamp: Timestamp(u64::MAX),
        pins: vec![largest_pin(); State::PINS],
        board: board::largest(Board::TAGS_IN_ALL),
        practices: largest_practices(),
        practice_history: largest_history().into(),
        practice_refusals: largest_refusals().into(),
        deployments: vec![largest_mark(); State::DEPLOYMENTS],
        dynamic: hosted::largest_dynamic(),
        zone_keys: hosted::largest_keys(),
        sets: largest_sets(),
        ..State::default()
    };
    for number in 0..State::SHIFTS_KEPT as u64 {
        state.shifts.insert(ShiftKey(Revision(number)), largest_shift(number));
    }
    for number in 0..State::REQUESTS_KEPT {
        let id = RequestId::new(&format!("{number:063}")).unwrap();
        // Half of them shifts, half of them the largest refusals: an outcome is at most the larger one.
        let shift = Some(largest_shift(u64::MAX));
        let done = Outcome::Done { revision: Revision(u64::MAX), shift, object: None };
        let outcome = if number % 2 == 0 { done } else { Outcome::Refused(refusal.clone()) };
        let command = Some(Command::Expire.digest());
        state.requests.insert(id, Answered { revision: Revision(u64::MAX), command, outcome });
    }
    let encoded = encode_state(&state).unwrap();
    assert_eq!(decode_state(&encoded).unwrap(), state);
    let left = limits::STATE_BYTES - encoded.len();
    assert!(left > ESTATE_BYTES + (1 << 20), "{left} bytes are left for an estate and a few acts");
}

/// As many endpoints as an estate may have, in as few and as many sets as there may be, each with the longest words.
fn largest_sets() -> Vec<EndpointSet> {
    let pools = estate_limits::POOLS;
    let endpoint = |at: usize| SourcedEndpoint {
        id: format!("{}{at:06}", "x".repeat(122)).parse().unwrap(),
        address: format!("[ffff:ffff:ffff:ffff:ffff:ffff:{:x}:{:x}]:65535", at >> 16, at & 0xffff)
            .parse()
            .unwrap(),
        zone: "z".repeat(20).parse().unwrap(),
        weight: Weight(u16::MAX),
        priority: u16::MAX,
        lease: Duration::new(u64::MAX, 999_999_999),
    };
    let of_each = estate_limits::SOURCED_IN_ALL / pools;
    let set = |pool: usize| EndpointSet {
        pool: format!("{pool:063}").parse().unwrap(),
        source: "x".repeat(300),
        endpoints: (pool * of_each..(pool + 1) * of_each).map(endpoint).collect(),
    };
    (0..pools).map(set).collect()
}

#[test]
fn the_largest_intent_fits() {
    let board = board::largest(0);
    let control = |at| ControlState {
        path: ControlPath { panel: board::name(0), control: board::name(at) },
        id: ControlId(u64::MAX),
        to: Switch::Off,
        changed_at: Timestamp(u64::MAX),
        by: Operator::new(&longest(128)),
        floor_overrides: longest_overrides(),
    };
    let intent = Intent {
        revision: Revision(u64::MAX),
        shifts: (0..State::SHIFTS_ACTIVE as u64).map(largest_shift).collect(),
        pins: vec![largest_pin(); State::PINS],
        deployments: vec![largest_mark(); State::DEPLOYMENTS],
        controls: (0..estate_limits::ROUTING_CONTROLS).map(control).collect(),
        board,
        dynamic: hosted::largest_dynamic(),
        zone_keys: hosted::largest_keys(),
        sets: largest_sets(),
        ..Intent::default()
    };
    let encoded = encode_intent(&intent).unwrap();
    assert_eq!(decode_intent(&encoded).unwrap(), intent);
    let left = limits::INTENT_BYTES - encoded.len();
    assert!(left > ESTATE_BYTES + (1 << 20), "{left} bytes are left for an estate and a few acts");
}

#[test]
fn the_largest_journal_line_fits() {
    let event = Event::ShiftExtended { before: largest_shift(1), after: largest_shift(1) };
    let events = vec![event; 3 * limits::ENTRY_LINE_EVENTS - 1];
    let (revision, shift) = (Revision(u64::MAX), Some(largest_shift(1)));
    let outcome = Outcome::Done { revision, shift, object: None };
    let lines = EntryLine::of(Revision(u64::MAX), Timestamp(0), &entry(String::new()), &outcome, &events);
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| encode_entry_line(line).is_ok()));
    assert_eq!(lines.iter().map(|line| line.events.len()).sum::<usize>(), events.len());
    assert_eq!(EntryLine::of(Revision(1), Timestamp(0), &entry(String::new()), &outcome, &[]).len(), 1);
}

#[test]
fn the_largest_batch_of_routing_controls_fits_into_a_line() {
    let path = |at| ControlPath { panel: board::name(0), control: board::name(at) };
    let rules: Vec<ControlPath> = (0..Command::OVERRIDES).map(path).collect();
    let sets =
        (0..Command::SETS).map(|at| ControlSet { control: ControlRef::Path(path(at)), to: Switch::Off });
    let command = Command::SetControls {
        sets: sets.collect(),
        rule_overrides: rules.iter().cloned().map(RuleRef::Path).collect(),
        floor_overrides: longest_overrides(),
        reason: longest(500),
    };
    let turned = |at| Event::ControlTurned { path: path(at), before: Switch::On, after: Switch::Off };
    let mut events: Vec<Event> = (0..Command::SETS).map(turned).collect();
    events.push(Event::RulesOverridden(rules));
    events.push(Event::FloorsOverridden(longest_overrides()));
    let entry = asking(command);
    assert_eq!(decode_entry(&encode_entry(&entry).unwrap()).unwrap(), entry);
    let outcome = Outcome::Done { revision: Revision(u64::MAX), shift: None, object: None };
    let lines = EntryLine::of(Revision(u64::MAX), Timestamp(0), &entry, &outcome, &events);
    assert!(lines.iter().all(|line| encode_entry_line(line).is_ok()));
    assert!(lines[0].command.ends_with('…'));
    assert_eq!(lines[0].command.chars().count(), limits::ENTRY_LINE_COMMAND_CHARS);
}

#[test]
fn the_words_of_an_object_are_cut_in_a_line() {
    let words = Some(longest(limits::ENTRY_LINE_WORDS_CHARS + 1));
    let object = ObjectId::Control(ControlId(1));
    let event = Event::ObjectChanged { object, before: words.clone(), after: words };
    let events = vec![event; limits::ENTRY_LINE_EVENTS];
    let outcome = Outcome::Done { revision: Revision(1), shift: None, object: Some(object) };
    let lines = EntryLine::of(Revision(1), Timestamp(0), &asking(Command::Expire), &outcome, &events);
    assert_eq!(lines.len(), 1);
    assert!(encode_entry_line(&lines[0]).is_ok());
    let Event::ObjectChanged { after: Some(after), .. } = &lines[0].events[0] else { unreachable!() };
    assert_eq!(after.chars().count(), limits::ENTRY_LINE_WORDS_CHARS);
    assert!(after.ends_with('…'));
}

#[test]
fn a_list_beyond_its_bound_is_neither_written_nor_read() {
    let act = |count: usize| Shift {
        floor_overrides: longest_overrides().into_iter().cycle().take(count).collect(),
        ..largest_shift(1)
    };
    let intent =
        |count| Intent { revision: Revision(u64::MAX), shifts: vec![act(count)], ..Intent::default() };
    assert_eq!(
        encode_intent(&intent(Command::OVERRIDES + 1)).unwrap_err().to_string(),
        "an intent cannot be written: a list here has at most 100 elements, this one 101; \
         make the estate smaller or end some acts"
    );
    let text = String::from_utf8(encode_intent(&intent(Command::OVERRIDES)).unwrap()).unwrap();
    let longer = text.replace("\"floor_overrides\":[", "\"floor_overrides\":[\"one-more\",");
    let error = decode_intent(longer.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("invalid length 101, expected a list of at most 100 elements"), "{error}");
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
