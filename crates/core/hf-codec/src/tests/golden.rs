//! What the newest version of each format looks like, to the byte. A change of these files is a new version of the format.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::expect_file;
use hf_config::estate::{EndpointSet, EstateBundle, SourcedEndpoint};
use hf_control::{
    Answered, Autoshift, BreakGlassFate, BreakGlassShift, Command, Deployment, Entry, Event, Intent, Outcome,
    Pin, PinTo, RecordedBreakGlass, Return, Shift, ShiftKind, ShiftState, State, Stop,
};
use hf_health::{Bitmap, Table, Verdict, Verdicts};
use hf_model::{Digest, EstateId, Operator, Revision, Timestamp, Weight};

use crate::*;

mod board;
mod hosted;
mod practice;
mod refusals;

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
        kind: ShiftKind::Zonal,
        floor_overrides: vec!["web".parse().unwrap()],
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
        started_at: Timestamp(1_700_000_000_000),
        ends_at: Timestamp(1_700_000_600_000),
        floor_overrides: Vec::new(),
        revision: Revision(43),
    }
}

fn mark() -> Deployment {
    Deployment {
        zone: "euw2-az1".parse().unwrap(),
        scope: "pool/web".parse().unwrap(),
        reason: "release 7".to_owned(),
        by: Operator::new("pipeline"),
        started_at: Timestamp(1_700_000_000_000),
        ends_at: Timestamp(1_700_001_200_000),
        zone_overrides: vec!["euw2-az2".parse().unwrap()],
        revision: Revision(43),
    }
}

fn break_glass() -> BreakGlassShift {
    BreakGlassShift {
        estate: estate_id(),
        zone: "euw2-az1".parse().unwrap(),
        reason: "no ledger".to_owned(),
        by: Operator::new("ann"),
        signed_at: Timestamp(1_700_000_000_000),
        ends_at: Timestamp(1_700_000_600_000),
    }
}

fn recorded() -> Vec<RecordedBreakGlass> {
    let record =
        |revision, fate| RecordedBreakGlass { act: break_glass(), revision: Revision(revision), fate };
    vec![
        record(40, BreakGlassFate::Shift("shift-40".parse().unwrap())),
        record(41, BreakGlassFate::Ended(vec!["shift-40".parse().unwrap()])),
        record(42, BreakGlassFate::Conflicts("shift-7 takes pool/web out of euw2-az2".to_owned())),
    ]
}

fn returns() -> Vec<Return> {
    let (zone, scope) = (shift().zone, shift().scope);
    vec![Return { zone, scope, at: Timestamp(1_700_000_900_000) }]
}

fn set() -> EndpointSet {
    let endpoint = |id: &str, address: &str, lease| SourcedEndpoint {
        id: id.parse().unwrap(),
        address: address.parse().unwrap(),
        zone: "euw2-az1".parse().unwrap(),
        weight: Weight(50),
        priority: 1,
        lease,
    };
    EndpointSet {
        pool: "web".parse().unwrap(),
        source: "register".to_owned(),
        endpoints: vec![
            endpoint("web-1", "10.1.1.10:8080", Duration::from_secs(10)),
            endpoint("web-2.example.test.", "[2001:db8::2]:8080", Duration::ZERO),
        ],
    }
}

fn estate_id() -> EstateId {
    EstateId([0xe5; 16])
}

fn commands() -> Vec<Command> {
    let (zone, scope, id) = (shift().zone, shift().scope, shift().id);
    let (length, reason) = (Duration::from_mins(30), shift().reason);
    let floor_overrides = shift().floor_overrides;
    let mut commands = vec![
        Command::ApplyEstate { bundle: bundle(), if_match: Some(Revision(7)) },
        Command::StartShift {
            zone: zone.clone(),
            scope: scope.clone(),
            length,
            reason: reason.clone(),
            floor_overrides: floor_overrides.clone(),
        },
        Command::UpdateShift {
            id: id.clone(),
            length: Some(Duration::from_nanos(1)),
            reason: Some("longer".to_owned()),
            if_match: None,
        },
        Command::CancelShift { id, if_match: Some(Revision(42)) },
        Command::Pin {
            zone: zone.clone(),
            scope: scope.clone(),
            to: PinTo::In,
            length,
            reason,
            floor_overrides,
        },
        Command::Unpin { zone, scope: "everything".parse().unwrap() },
        Command::StartDeployment {
            zone: mark().zone,
            scope: mark().scope,
            length: Duration::from_mins(20),
            reason: mark().reason,
            zone_overrides: mark().zone_overrides,
        },
        Command::EndDeployment { zone: mark().zone, scope: mark().scope },
        Command::RecordBreakGlass { act: break_glass() },
        Command::SetEndpoints { sets: vec![set()] },
        Command::Expire,
        board::set_controls(),
    ];
    commands.extend(board::commands().into_iter().map(Command::Board));
    commands.extend(practice::commands());
    commands.extend(hosted::commands());
    commands
}

fn entries() -> Vec<Entry> {
    let entry = |(at, command)| Entry {
        request: format!("request-{at}").parse().unwrap(),
        stamp: Timestamp(1_700_000_000_000),
        by: Operator::new("ann"),
        from: None,
        command,
    };
    commands().into_iter().enumerate().map(entry).collect()
}

fn events() -> Vec<Event> {
    let ended = Shift {
        state: ShiftState::Canceled(Timestamp(1_700_000_900_000)),
        revision: Revision(44),
        ..shift()
    };
    let expired = Shift { state: ShiftState::Expired(Timestamp(1_700_001_800_001)), ..ended.clone() };
    let interrupted = Shift {
        state: ShiftState::Interrupted(Timestamp(1_700_000_100_000)),
        kind: ShiftKind::Practice,
        ..ended.clone()
    };
    let completed = Shift {
        state: ShiftState::Completed(Timestamp(1_700_000_200_000)),
        kind: ShiftKind::Autoshift,
        ..ended.clone()
    };
    let started = Shift { kind: ShiftKind::BreakGlass, floor_overrides: Vec::new(), ..shift() };
    let mut events = vec![
        Event::EstateApplied { before: None, after: Digest([0xab; 32]) },
        Event::ShiftStarted(started),
        Event::ShiftExtended {
            before: shift(),
            after: Shift { ends_at: Timestamp(1_700_003_600_000), ..shift() },
        },
        Event::ShiftEnded(ended, Stop::Canceled),
        Event::ShiftEnded(expired, Stop::Expired),
        Event::ShiftEnded(interrupted, Stop::Interrupted),
        Event::ShiftEnded(completed, Stop::Completed),
        Event::Pinned { before: Some(pin(PinTo::In)), after: pin(PinTo::Out) },
        Event::Unpinned(pin(PinTo::Out), Stop::Expired),
        Event::DeploymentStarted { before: None, after: mark() },
        Event::DeploymentStarted { before: Some(mark()), after: mark() },
        Event::DeploymentEnded(mark(), Stop::Interrupted),
    ];
    events.extend(board::events());
    events.extend(practice::events());
    events.extend(hosted::events());
    events.extend(recorded().into_iter().map(Event::BreakGlassRecorded));
    events
}

#[test]
fn entries_are_as_ever() {
    check(&entries(), "entry.v6.jsonl", encode_entry, decode_entry);
}

#[test]
fn a_state_is_as_ever() {
    let estate = hf_control::read_estate(&bundle()).expect("the golden estate reads");
    let answered =
        |outcome| Answered { revision: Revision(44), command: Some(Command::Expire.digest()), outcome };
    let done = Outcome::Done { revision: Revision(44), shift: Some(shift()), object: board::objects().pop() };
    let refused = Outcome::Refused(refusals::refusals().pop().unwrap());
    let ended = Shift {
        id: "shift-7".parse().unwrap(),
        state: ShiftState::Expired(Timestamp(1_700_000_100_000)),
        ..shift()
    };
    let state = State {
        estate_id: estate_id(),
        revision: Revision(44),
        stamp: Timestamp(1_700_000_000_000),
        bundle: bundle(),
        estate: Some(estate.with_sets(estate.digest, &[set()]).into()),
        estate_revision: Revision(7),
        shifts: [ended, shift()]
            .map(|shift| (hf_control::state::ShiftKey::of(&shift.id).unwrap(), shift))
            .into(),
        pins: vec![pin(PinTo::In), pin(PinTo::Out)],
        deployments: vec![mark()],
        board: board::board(),
        practices: practice::practices(),
        practice_history: practice::history().into(),
        practice_refusals: practice::refusals().into(),
        observer: Autoshift::Enabled,
        break_glass: recorded().into(),
        returns: returns().into(),
        dynamic: hosted::dynamic(),
        zone_keys: hosted::keys(),
        sets: vec![set()],
        requests: BTreeMap::from([
            ("request-1".parse().unwrap(), answered(done)),
            ("request-2".parse().unwrap(), answered(refused.clone())),
            ("request-3".parse().unwrap(), Answered { command: None, ..answered(refused) }),
        ]),
    };
    check(&[State::default(), state], "state.v8.jsonl", encode_state, decode_state);
}

#[test]
fn an_intent_is_as_ever() {
    check(&[Intent::default(), intent()], "intent.v6.jsonl", encode_intent, decode_intent);
}

#[test]
fn the_parts_of_an_intent_are_as_ever() {
    let intent = intent();
    let base = IntentBase::of(&intent).unwrap();
    let head = base.head(&intent).unwrap();
    let (named, body) = head.split_at(32);
    assert_eq!(named, base.digest().0);
    let path = |name: &str| format!("{}/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let line = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap() + "\n";
    expect_file![path("intent-base.v1.jsonl")].assert_eq(&line(base.bytes()));
    expect_file![path("intent-head.v4.jsonl")].assert_eq(&line(body));
    assert_eq!(IntentBase::read(base.bytes()).unwrap().with_head(&head).unwrap(), intent);
}

fn intent() -> Intent {
    Intent {
        estate_id: estate_id(),
        revision: Revision(43),
        estate_revision: Revision(7),
        estate: bundle(),
        shifts: vec![shift()],
        pins: vec![pin(PinTo::In), pin(PinTo::Out)],
        deployments: vec![mark()],
        controls: board::control_states(),
        board: board::board().without_tags(),
        returns: returns(),
        dynamic: hosted::dynamic(),
        zone_keys: hosted::keys(),
        sets: vec![set()],
        break_glass: recorded(),
    }
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
    let one = "break-glass.v2.jsonl";
    check(&[break_glass()], one, encode_break_glass, decode_break_glass);
    let lists = [Vec::new(), vec![break_glass(), break_glass()]];
    let file = "break-glass-list.v2.jsonl";
    check(&lists, file, |list| encode_break_glass_list(list), decode_break_glass_list);
}

#[test]
fn journal_lines_are_as_ever() {
    let line = |command: &str, reason: &str, outcome, events| EntryLine {
        from: None,
        revision: Revision(44),
        at: Timestamp(1_700_000_000_000),
        by: Operator::new("ann"),
        command: command.to_owned(),
        reason: reason.to_owned(),
        outcome,
        events,
    };
    let done = |object| Outcome::Done { revision: Revision(44), shift: Some(shift()), object };
    let of_the_board = board::objects().into_iter().map(Some);
    let mut lines: Vec<EntryLine> = events()
        .chunks(limits::ENTRY_LINE_EVENTS)
        .zip([None].into_iter().chain(of_the_board))
        .map(|(events, object)| line("end what is due", "", done(object), events.to_vec()))
        .collect();
    assert_eq!(lines.iter().map(|line| line.events.len()).sum::<usize>(), events().len());
    for (command, refusal) in commands().iter().cycle().zip(refusals::refusals()) {
        lines.push(line(&command.to_string(), command.reason(), Outcome::Refused(refusal), Vec::new()));
    }
    check(&lines, "entry-line.v7.jsonl", encode_entry_line, decode_entry_line);
}
