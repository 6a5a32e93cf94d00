//! A small language for commands.

use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_model::{Operator, RequestId, Revision, Timestamp, parse_duration};

use crate::{Command, Entry, Event, Outcome, Pin, PinTo, Shift, ShiftState, State};

const ESTATE: &str = include_str!("estate.toml");

/// The test estate, with `(from, to)` replaced.
pub(super) fn bundle(edits: &[(&str, &str)]) -> EstateBundle {
    let mut toml = ESTATE.to_owned();
    for (from, to) in edits {
        assert!(toml.contains(from), "{from:?} is in the test estate");
        toml = toml.replace(from, to);
    }
    EstateBundle { toml, files: std::collections::BTreeMap::new() }
}

/// A command of words: `shift ZONE SCOPE LENGTH`, `extend ID LENGTH [if REVISION]`, `cancel ID [if REVISION]`,
/// `pin ZONE in|out SCOPE LENGTH`, `unpin ZONE SCOPE`, `expire`.
pub(super) fn parse(text: &str) -> Command {
    let (text, if_match) = match text.split_once(" if ") {
        Some((text, revision)) => (text, Some(Revision(revision.parse().unwrap()))),
        None => (text, None),
    };
    let length = |text| parse_duration(text).unwrap();
    let reason = "test".to_owned();
    match text.split(' ').collect::<Vec<_>>()[..] {
        ["shift", zone, scope, length_text] => Command::StartShift {
            zone: zone.parse().unwrap(),
            scope: scope.parse().unwrap(),
            length: length(length_text),
            reason,
        },
        ["extend", id, length_text] => {
            Command::ExtendShift { id: id.parse().unwrap(), length: length(length_text), if_match }
        }
        ["cancel", id] => Command::CancelShift { id: id.parse().unwrap(), if_match },
        ["pin", zone, to, scope, length_text] => Command::Pin {
            zone: zone.parse().unwrap(),
            scope: scope.parse().unwrap(),
            to: if to == "in" { PinTo::In } else { PinTo::Out },
            length: length(length_text),
            reason,
        },
        ["unpin", zone, scope] => {
            Command::Unpin { zone: zone.parse().unwrap(), scope: scope.parse().unwrap() }
        }
        ["expire"] => Command::Expire,
        _ => panic!("{text:?} is no command"),
    }
}

/// A state and the log so far.
pub(super) struct Runner {
    pub(super) state: State,
    /// Stamp of the next entries.
    pub(super) now: Timestamp,
}

impl Runner {
    pub(super) fn empty() -> Self {
        Runner { state: State::default(), now: Timestamp(0) }
    }

    pub(super) fn with_estate() -> Self {
        let mut runner = Runner::empty();
        let (outcome, _) = runner.run(Command::ApplyEstate { bundle: bundle(&[]), if_match: None });
        assert_eq!(outcome, Outcome::Done { revision: Revision(1), shift: None });
        runner
    }

    /// Applies a command under a new request id.
    pub(super) fn run(&mut self, command: Command) -> (Outcome, Vec<Event>) {
        let request = format!("r-{}", self.state.revision.0 + 1);
        self.run_as(&request, command)
    }

    pub(super) fn run_as(&mut self, request: &str, command: Command) -> (Outcome, Vec<Event>) {
        let request = RequestId::new(request).unwrap();
        let entry = Entry { request, stamp: self.now, by: Operator::new("ann"), command };
        self.state.apply(Revision(self.state.revision.0 + 1), &entry)
    }

    /// Runs one line and says what it did. `at LENGTH` moves the clock to so long after the start.
    pub(super) fn show(&mut self, line: &str) -> String {
        if let Some(length) = line.strip_prefix("at ") {
            self.now = Timestamp(0).plus(parse_duration(length).unwrap());
            return line.to_owned();
        }
        let (outcome, events) = self.run(parse(line));
        show(&outcome, &events)
    }
}

pub(super) fn show(outcome: &Outcome, events: &[Event]) -> String {
    let outcome = match outcome {
        Outcome::Done { revision, .. } => format!("{revision} done"),
        Outcome::Refused(refusal) => format!("refused: {refusal}"),
    };
    let events = events.iter().map(|event| format!("; {}", show_event(event)));
    outcome + &events.collect::<String>()
}

fn show_event(event: &Event) -> String {
    match event {
        Event::EstateApplied { before, .. } => format!("estate applied, before {before:?}"),
        Event::ShiftStarted(shift) => format!("started {}", show_shift(shift)),
        Event::ShiftExtended { before, after } => {
            format!("extended {} from {}", show_shift(after), until(before.ends_at))
        }
        Event::ShiftEnded(shift, stop) => format!("ended {} {stop:?}", show_shift(shift)),
        Event::Pinned { before: None, after } => format!("pinned {}", show_pin(after)),
        Event::Pinned { before: Some(before), after } => {
            format!("pinned {} instead of {}", show_pin(after), show_pin(before))
        }
        Event::Unpinned(pin, stop) => format!("unpinned {} {stop:?}", show_pin(pin)),
    }
}

fn show_shift(shift: &Shift) -> String {
    let state = match shift.state {
        ShiftState::Active => String::new(),
        ShiftState::Canceled(at) => format!(" canceled at {}", until(at)),
        ShiftState::Expired(at) => format!(" expired at {}", until(at)),
    };
    format!("{} {} {} until {}{state}", shift.id, shift.zone, shift.scope, until(shift.ends_at))
}

fn show_pin(pin: &Pin) -> String {
    format!("{} {:?} {} until {}", pin.zone, pin.to, pin.scope, until(pin.ends_at))
}

fn until(at: Timestamp) -> String {
    hf_model::format_duration(Duration::from_millis(at.0))
}
