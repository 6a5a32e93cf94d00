//! A small language for commands.

use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_model::{EstateId, Operator, RequestId, Revision, Switch, Timestamp, parse_duration};

use super::hosted;
use crate::{
    Autoshift, BreakGlassFate, BreakGlassShift, Command, ControlSet, Deployment, Entry, Event, Expect,
    Outcome, Pin, PinTo, PracticeConfig, PracticeOutcome, PracticeSeen, Shift, ShiftKind, ShiftState, State,
};

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

/// The same with routing controls of every kind: of each zone, each region and the pool `api`, and a panel with a gate.
pub(super) fn controlled(edits: &[(&str, &str)]) -> EstateBundle {
    let mut bundle = bundle(&[]);
    bundle.toml += include_str!("controls.toml");
    let own = ["a", "b", "c", "d", "e"]
        .map(|zone| (format!("id = \"{zone}\"\n"), format!("control = \"zones/{zone}\"\n")));
    let regions =
        ["west", "east"].map(|id| (format!("id = \"{id}\"\n"), format!("control = \"regions/{id}\"\n")));
    let pool = (
        "name = \"api\"\nmin".to_owned(),
        "name = \"api\"\nall_down = \"closed\"\ncontrol = \"cells/api\"\nmin".to_owned(),
    );
    for (from, more) in own.into_iter().chain(regions) {
        bundle.toml = bundle.toml.replacen(&from, &format!("{from}{more}"), 1);
    }
    bundle.toml = bundle.toml.replacen(&pool.0, &pool.1, 1);
    for (from, to) in edits {
        assert!(bundle.toml.contains(from), "{from:?} is in the test estate");
        bundle.toml = bundle.toml.replace(from, to);
    }
    bundle
}

/// A command of words: `shift ZONE SCOPE LENGTH`, `extend ID LENGTH [if REVISION]`, `cancel ID [if REVISION]`,
/// `pin ZONE in|out SCOPE LENGTH`, `unpin ZONE SCOPE`, `deploy ZONE SCOPE LENGTH`, `deployed ZONE SCOPE`, `turn CONTROL on|off, CONTROL on|off`, `practice RESOURCE ZONE`, `expire`.
///
/// Behind any of the acts: ` despite POOL …` overrides floors, ` without RULE …` rules, ` beside ZONE …` zones.
pub(super) fn parse(text: &str) -> Command {
    let (text, if_match) = match text.split_once(" if ") {
        Some((text, revision)) => (text, Some(Revision(revision.parse().unwrap()))),
        None => (text, None),
    };
    let (text, rule_overrides) = named(text, " without ");
    let (text, floor_overrides) = named(text, " despite ");
    let (text, zone_overrides) = named(text, " beside ");
    let length = |text| parse_duration(text).unwrap();
    let reason = "test".to_owned();
    if let Some(sets) = text.strip_prefix("turn ") {
        let set = |text: &str| {
            let (control, to) = text.trim().split_once(' ').unwrap();
            ControlSet {
                control: control.parse().unwrap(),
                to: if to == "on" { Switch::On } else { Switch::Off },
            }
        };
        return Command::SetControls {
            sets: sets.split(',').map(set).collect(),
            rule_overrides,
            floor_overrides,
            reason,
        };
    }
    match text.split(' ').collect::<Vec<_>>()[..] {
        ["shift", zone, scope, length_text] => Command::StartShift {
            zone: zone.parse().unwrap(),
            scope: scope.parse().unwrap(),
            length: length(length_text),
            reason,
            floor_overrides,
        },
        ["extend", id, length_text] => Command::UpdateShift {
            id: id.parse().unwrap(),
            length: Some(length(length_text)),
            reason: None,
            if_match,
        },
        ["cancel", id] => Command::CancelShift { id: id.parse().unwrap(), if_match },
        ["pin", zone, to, scope, length_text] => Command::Pin {
            zone: zone.parse().unwrap(),
            scope: scope.parse().unwrap(),
            to: if to == "in" { PinTo::In } else { PinTo::Out },
            length: length(length_text),
            reason,
            floor_overrides,
        },
        ["unpin", zone, scope] => {
            Command::Unpin { zone: zone.parse().unwrap(), scope: scope.parse().unwrap() }
        }
        ["deploy", zone, scope, length_text] => Command::StartDeployment {
            zone: zone.parse().unwrap(),
            scope: scope.parse().unwrap(),
            length: length(length_text),
            reason,
            zone_overrides,
        },
        ["deployed", zone, scope] => {
            Command::EndDeployment { zone: zone.parse().unwrap(), scope: scope.parse().unwrap() }
        }
        ["held", resource, zone, why] => Command::RecordPracticeRefusal {
            resource: resource.parse().unwrap(),
            zone: zone.parse().unwrap(),
            why: why.to_owned(),
        },
        ["practice", resource, zone] => Command::StartPractice {
            resource: resource.parse().unwrap(),
            zone: zone.parse().unwrap(),
            reason,
        },
        ["configure", resource] => Command::PutPractice {
            resource: resource.parse().unwrap(),
            config: practice(),
            expect: Expect::Any,
        },
        ["unconfigure", resource] => Command::DeletePractice { resource: resource.parse().unwrap() },
        ["autoshift", resource, to] => Command::SetAutoshift {
            resource: resource.parse().unwrap(),
            to: match to {
                "on" => Autoshift::Enabled,
                "advise" => Autoshift::Advise,
                _ => Autoshift::Disabled,
            },
        },
        ["auto", resource, zone, length_text] => Command::StartAutoshift {
            resource: resource.parse().unwrap(),
            zone: zone.parse().unwrap(),
            length: length(length_text),
            reason,
        },
        ["renew", id, length_text] => {
            Command::RenewAutoshift { id: id.parse().unwrap(), length: length(length_text), reason }
        }
        ["end", id] => Command::EndAutoshift { id: id.parse().unwrap(), reason },
        ["judge", id, outcome] => Command::EndPractice {
            id: id.parse().unwrap(),
            outcome: match outcome {
                "succeeded" => PracticeOutcome::Succeeded,
                "failed" => PracticeOutcome::Failed,
                "capacity" => PracticeOutcome::CapacityCheckFailed,
                _ => PracticeOutcome::Pending,
            },
            seen: PracticeSeen { time_to_zero_ms: Some(812), ..PracticeSeen::default() },
            why: reason,
        },
        ["seen", id, ms] => Command::RecordPractice {
            id: id.parse().unwrap(),
            seen: PracticeSeen {
                time_to_zero_ms: Some(ms.parse().unwrap()),
                headroom_after: Some(hf_model::Share::from_ppm(250_000).unwrap()),
                ..PracticeSeen::default()
            },
        },
        ["expire"] => Command::Expire,
        ["update", ..] => Command::UpdateHostedZone(hosted::update(text)),
        ["set", ..] => super::sources::set(text),
        ["key", ..] => Command::ZoneKey(hosted::key(text)),
        _ => panic!("{text:?} is no command"),
    }
}

/// The names behind a word, and the text without them.
fn named<'a, T: std::str::FromStr>(text: &'a str, word: &str) -> (&'a str, Vec<T>)
where
    T::Err: std::fmt::Debug,
{
    match text.split_once(word) {
        Some((text, names)) => (text, names.split(' ').map(|name| name.parse().unwrap()).collect()),
        None => (text, Vec::new()),
    }
}

/// A configuration that is always open.
pub(super) fn practice() -> PracticeConfig {
    PracticeConfig { outcome_alarms: vec!["errors-high".to_owned()], ..PracticeConfig::default() }
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
        assert_eq!(outcome, Outcome::Done { revision: Revision(1), shift: None, object: None });
        runner
    }

    pub(super) fn with_controls() -> Self {
        let mut runner = Runner::empty();
        let (outcome, _) = runner.run(Command::ApplyEstate { bundle: controlled(&[]), if_match: None });
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        runner
    }

    /// The test estate with a tree of two pools, and a tree of that tree.
    pub(super) fn with_trees() -> Self {
        let mut bundle = bundle(&[]);
        bundle.toml.push_str(
            "[[record]]\nname = \"all.example.test.\"\ntype = \"A\"\nanswers = [{ pool = \"web\" }, { pool = \"db\" }]\n\
             [[record]]\nname = \"top.example.test.\"\ntype = \"A\"\nanswers = [{ record = \"all.example.test.\" }]\n",
        );
        let mut runner = Runner::empty();
        let (outcome, _) = runner.run(Command::ApplyEstate { bundle, if_match: None });
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        runner
    }

    /// Applies a command under a new request id.
    pub(super) fn run(&mut self, command: Command) -> (Outcome, Vec<Event>) {
        let request = format!("r-{}", self.state.revision.0 + 1);
        self.run_as(&request, command)
    }

    pub(super) fn run_as(&mut self, request: &str, command: Command) -> (Outcome, Vec<Event>) {
        let request = RequestId::new(request).unwrap();
        let entry = Entry { request, stamp: self.now, by: Operator::new("ann"), from: None, command };
        self.state.apply(Revision(self.state.revision.0 + 1), &entry)
    }

    /// Runs one line and says what it did. `at LENGTH` moves the clock to so long after the start.
    pub(super) fn show(&mut self, line: &str) -> String {
        if let Some(length) = line.strip_prefix("at ") {
            self.now = Timestamp(0).plus(parse_duration(length).unwrap());
            return line.to_owned();
        }
        let command = if let Some(act) = line.strip_prefix("glass ") {
            Command::RecordBreakGlass { act: glass(act, self.state.estate_id) }
        } else {
            parse(line)
        };
        let (outcome, events) = self.run(command);
        show(&outcome, &events)
    }
}

/// A break-glass act: `ZONE AT LENGTH`, signed at so long after the start; a cancel has length `0s`.
pub(super) fn glass(text: &str, estate: EstateId) -> BreakGlassShift {
    let [zone, at, length] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text:?} is no act") };
    let signed_at = Timestamp(0).plus(parse_duration(at).unwrap());
    BreakGlassShift {
        estate,
        zone: zone.parse().unwrap(),
        reason: "no ledger".to_owned(),
        by: Operator::new("eve"),
        signed_at,
        ends_at: signed_at.plus(parse_duration(length).unwrap()),
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
        Event::DeploymentStarted { before, after } => {
            let from = before.as_ref().map(|before| format!(" instead of {}", until(before.ends_at)));
            format!("deploying {}{}", show_mark(after), from.unwrap_or_default())
        }
        Event::DeploymentEnded(mark, stop) => format!("deployed {} {stop:?}", show_mark(mark)),
        Event::ControlTurned { path, before, after } => format!("{path} was {before}, is {after}"),
        Event::RulesOverridden(rules) => format!("not asked: {}", list(rules)),
        Event::FloorsOverridden(pools) => format!("floors not asked: {}", list(pools)),
        Event::ObjectChanged { before, after, .. } => {
            let words = |words: &Option<String>| words.clone().unwrap_or_else(|| "nothing".to_owned());
            format!("[{}] is now [{}]", words(before), words(after))
        }
        Event::PracticeChanged { resource, before, after } => {
            let words = |words: &Option<String>| words.clone().unwrap_or_else(|| "nothing".to_owned());
            let resource = resource.as_ref().map_or_else(|| "the estate".to_owned(), ToString::to_string);
            format!("{resource}: [{}] is now [{}]", words(before), words(after))
        }
        Event::HostedZoneChanged { hosted_zone, before, after } => {
            let words = |words: &Option<String>| words.clone().unwrap_or_else(|| "nothing".to_owned());
            format!("{hosted_zone} [{}] is now [{}]", words(before), words(after))
        }
        Event::EndpointsChanged { pool, added, removed } => {
            format!("{pool} has [{added}] instead of [{removed}]")
        }
        Event::BreakGlassRecorded(recorded) => match &recorded.fate {
            BreakGlassFate::Shift(id) => format!("break-glass goes on as {id}"),
            BreakGlassFate::Ended(ids) => format!("break-glass has ended, with it [{}]", list(ids)),
            BreakGlassFate::Conflicts(what) => format!("break-glass conflicts: {what}"),
        },
    }
}

fn show_shift(shift: &Shift) -> String {
    let state = match shift.state {
        ShiftState::Active => String::new(),
        ShiftState::Canceled(at) => format!(" canceled at {}", until(at)),
        ShiftState::Expired(at) => format!(" expired at {}", until(at)),
        ShiftState::Interrupted(at) => format!(" interrupted at {}", until(at)),
        ShiftState::Completed(at) => format!(" completed at {}", until(at)),
    };
    let kind = match shift.kind {
        ShiftKind::Zonal => "",
        ShiftKind::BreakGlass => "break-glass ",
        ShiftKind::Practice => "practice ",
        ShiftKind::Autoshift => "auto",
    };
    format!("{kind}{} {} {} until {}{state}", shift.id, shift.zone, shift.scope, until(shift.ends_at))
}

fn list(items: &[impl std::fmt::Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn show_pin(pin: &Pin) -> String {
    format!("{} {:?} {} until {}", pin.zone, pin.to, pin.scope, until(pin.ends_at))
}

fn show_mark(mark: &Deployment) -> String {
    format!("{} {} until {}", mark.zone, mark.scope, until(mark.ends_at))
}

fn until(at: Timestamp) -> String {
    hf_model::format_duration(Duration::from_millis(at.0))
}
