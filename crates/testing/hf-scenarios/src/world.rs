//! A small world: a ledger, a node, checkers, and the truth about endpoints. Only this file knows what is true.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hf_autoshift::{Gray, GrayFinding, Inputs, LENGTH, Observers, Watch, Word};
use hf_config::estate::Estate;
use hf_control::{
    Autoshift, BreakGlassShift, Command, ControlSet, Entry, Expect, Intent, Outcome, PinTo, PracticeConfig,
    Resource, Scope, Shift, State,
};
use hf_health::{Bitmap, Streak, Table, Verdicts};
use hf_model::{
    NodeId, Operator, PoolName, RequestId, Revision, ShiftId, Switch, Timestamp, ZoneId, parse_duration,
};
use hf_snapshot::Snapshot;

use crate::closing::{Due, Looker};
use crate::layout::{Layout, Named, Target};
use crate::picture::{self, START, TICK, clock};
use crate::statuses::{Asker, Statuses};

/// How long a checker's table counts after it was received.
const FRESH: Duration = Duration::from_secs(5);

/// Everything that a scenario plays with.
pub(crate) struct World {
    now: Timestamp,
    layout: Layout,
    ledger: State,
    is_ledger_up: bool,
    node: Node,
    checkers: Vec<Checker>,
    /// How it is with endpoints: the last that holds one counts.
    truth: Vec<(Target, Truth)>,
    statuses: Statuses,
    /// What the detector says of pools.
    gray: BTreeMap<PoolName, GrayFinding>,
    watch: Watch,
    closing: Looker,
    /// The last word on each resource, so that it is told once.
    words: BTreeMap<Resource, &'static str>,
    news: Vec<String>,
}

struct Node {
    hears_ledger: bool,
    /// None before the first estate.
    snapshot: Option<Snapshot>,
    tables: BTreeMap<NodeId, (Timestamp, Table)>,
    /// The lines of the last picture.
    shown: Vec<String>,
}

#[derive(Default)]
struct Checker {
    is_silent: bool,
    streaks: BTreeMap<(PoolName, SocketAddr), Streak>,
    cannot_reach: Vec<Target>,
    asker: Asker,
}

#[derive(Clone)]
enum Truth {
    Healthy,
    Impaired,
    /// Good and bad seconds since an instant.
    Flapping(Timestamp, Vec<bool>),
}

impl Default for World {
    fn default() -> Self {
        World {
            now: START,
            layout: Layout::default(),
            ledger: State::default(),
            is_ledger_up: true,
            node: Node { hears_ledger: true, snapshot: None, tables: BTreeMap::new(), shown: vec![] },
            checkers: vec![],
            truth: vec![],
            statuses: Statuses::default(),
            gray: BTreeMap::new(),
            watch: Watch::default(),
            closing: Looker::default(),
            words: BTreeMap::new(),
            news: vec![],
        }
    }
}

impl World {
    /// Plays every second up to `at` since the beginning.
    pub(crate) fn advance_to(&mut self, at: Duration) -> Result<(), String> {
        if self.ledger.estate.is_none() {
            self.checkers = (0..self.layout.checkers).map(|_| Checker::default()).collect();
            if !self.apply_estate() {
                return Err(format!("the estate does not hold: {}", self.news.join("; ")));
            }
        }
        let until = START.plus(at);
        if until < self.now {
            return Err(format!("time does not go back: it is {} already", clock(self.now)));
        }
        while self.now < until {
            self.now = self.now.plus(TICK).min(until);
            self.pass_a_second();
        }
        Ok(())
    }

    /// What has happened since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// Does what a statement says.
    pub(crate) fn say(&mut self, words: &[&str]) -> Result<(), String> {
        let before = self.layout.clone();
        if self.layout.say(words)? {
            if self.ledger.estate.is_some() && !self.apply_estate() {
                self.layout = before;
            }
            return Ok(());
        }
        if self.ledger.estate.is_none() {
            return Err("before the first `at` there are only region, pool, record and checks".to_owned());
        }
        match words {
            ["impaired", what] => self.truth.push((Target::read(what)?, Truth::Impaired)),
            ["healthy", what] => self.truth.push((Target::read(what)?, Truth::Healthy)),
            ["flapping", what, pattern] => {
                let pattern = pattern.chars().map(|c| c == '+').collect();
                self.truth.push((Target::read(what)?, Truth::Flapping(self.now, pattern)));
            }
            ["gray", pool, what] => {
                let finding = match *what {
                    "nothing" => GrayFinding::Nothing,
                    "several" => GrayFinding::Several,
                    "everything" => GrayFinding::Everything("all zones have more faults".to_owned()),
                    zone => GrayFinding::Zone(read_ref(zone)?, "it fails in part".to_owned()),
                };
                self.gray.insert(read_ref(pool)?, finding);
            }
            ["store", rest @ ..] => self.closing.say(rest)?,
            ["status", rest @ ..] => self.statuses.say(rest)?,
            ["checker", number, rest @ ..] => {
                let at: usize = number.parse().map_err(|_| format!("{number:?} is no checker"))?;
                let checker = at.checked_sub(1).and_then(|at| self.checkers.get_mut(at));
                checker.ok_or_else(|| format!("there is no checker {at}"))?.say(rest)?;
            }
            ["checkers", rest @ ..] => self.checkers.iter_mut().try_for_each(|checker| checker.say(rest))?,
            ["ledger", "down"] => self.is_ledger_up = false,
            ["ledger", "up"] => {
                self.is_ledger_up = true;
                self.end_what_is_due();
            }
            ["node", "cut", "off"] => self.node.hears_ledger = false,
            ["node", "back"] => self.node.hears_ledger = true,
            ["node", "restarts"] => self.restart()?,
            ["ledger", "hears", "break-glass", zone] => self.record_break_glass(zone)?,
            ["break-glass", "cancel", zone] => self.break_glass(zone, Duration::ZERO)?,
            ["break-glass", zone, "for", length] => self.break_glass(zone, read_length(length)?)?,
            other => {
                self.commit(read_command(other)?);
            }
        }
        self.decide();
        Ok(())
    }

    fn tell(&mut self, line: &str) {
        self.news.push(format!("{} {line}", clock(self.now)));
    }

    fn pass_a_second(&mut self) {
        self.end_what_is_due();
        self.probe();
        self.decide();
        self.watch_over_zones();
        self.look_at_stores();
    }

    /// What a control node does by itself: looks at the stores of closing sources, and has the ledger act.
    fn look_at_stores(&mut self) {
        let Some(snapshot) = &self.node.snapshot else { return };
        if !self.is_ledger_up {
            return;
        }
        let estate = Arc::clone(&snapshot.estate);
        for due in self.closing.due(&estate, self.now) {
            let shifts: Vec<Shift> = self.ledger.shifts.values().cloned().collect();
            let (seen, command) = self.closing.look(&due, &shifts, self.now);
            if let Some(news) = seen {
                self.tell(&news);
            }
            let Some(command) = command else { continue };
            let ended = match &command {
                Command::CancelShift { id, .. } => Some(id.clone()),
                _ => None,
            };
            if !self.may_ask(&due, &command) {
                continue;
            }
            if self.commit_by(due.by, command) {
                self.closing.own_cancels.extend(ended);
                self.decide();
            }
        }
    }

    /// What a control node does by itself: looks at the evidence, and has the ledger act.
    fn watch_over_zones(&mut self) {
        let Some(snapshot) = &self.node.snapshot else { return };
        if !self.is_ledger_up || self.ledger.practices.is_empty() {
            return;
        }
        let gray = |finding: &GrayFinding| Gray {
            second: self.now.0 / 1_000,
            finding: finding.clone(),
            doubted: Vec::new(),
        };
        let gray = self.gray.iter().map(|(pool, finding)| (pool.clone(), gray(finding))).collect();
        // Checkers stand in the zones by turns.
        let zones = &snapshot.estate.zones;
        let heard = self.checkers.iter().enumerate().filter(|(_, checker)| !checker.is_silent);
        let observers = Observers {
            zones: heard.map(|(at, _)| zones[at % zones.len()].id.clone()).collect(),
            problem: None,
        };
        let history: Vec<Shift> = self.ledger.shifts.values().cloned().collect();
        let seen = self.watch.look(Inputs {
            estate: &snapshot.estate,
            settings: &self.ledger.practices,
            intent: &self.ledger.intent(),
            history: &history,
            gray: &gray,
            verdicts: &snapshot.verdicts,
            observers: &observers,
            now: self.now,
            clock: self.now,
        });
        for seen in seen {
            let kind = seen.word.kind();
            let is_news = self.words.insert(seen.resource.clone(), kind) != Some(kind);
            let resource = seen.resource;
            let command = match seen.word {
                Word::Start { zone, evidence } => {
                    Command::StartAutoshift { resource, zone, length: LENGTH, reason: evidence }
                }
                Word::Renew { id, why, .. } => Command::RenewAutoshift { id, length: LENGTH, reason: why },
                Word::End { id, why, .. } => Command::EndAutoshift { id, reason: why },
                word @ (Word::Blocked { .. } | Word::Advise { .. }) if is_news => {
                    self.tell(&format!("autoshift of {resource}: {word}"));
                    continue;
                }
                _ => continue,
            };
            if self.commit(command) {
                self.decide();
            }
        }
    }

    /// Whether the ledger would say something else than it said last: a refusal is told once.
    fn may_ask(&mut self, due: &Due, command: &Command) -> bool {
        let (entry, index) =
            (self.entry(due.by.clone(), command.clone()), Revision(self.ledger.revision.0 + 1));
        let refused = match self.ledger.clone().apply(index, &entry).0 {
            Outcome::Refused(refusal) => Some(refusal.to_string()),
            Outcome::Done { .. } => None,
        };
        self.closing.is_other_answer(due, refused)
    }

    /// Whether the ledger took it.
    fn apply_estate(&mut self) -> bool {
        let bundle = self.layout.bundle();
        let is_done = self.commit(Command::ApplyEstate { bundle, if_match: None });
        self.decide();
        is_done
    }

    fn end_what_is_due(&mut self) {
        if self.is_ledger_up && self.ledger.next_end().is_some_and(|end| end <= self.now) {
            self.commit(Command::Expire);
        }
    }

    /// Whether it was done.
    fn commit(&mut self, command: Command) -> bool {
        self.commit_by(Operator::new("ann"), command)
    }

    fn commit_by(&mut self, by: Operator, command: Command) -> bool {
        if !self.is_ledger_up {
            self.tell("ledger: no answer");
            return false;
        }
        let index = Revision(self.ledger.revision.0 + 1);
        let entry = self.entry(by, command);
        let (outcome, events) = self.ledger.apply(index, &entry);
        for event in &events {
            self.tell(&picture::event(event));
        }
        match outcome {
            Outcome::Done { .. } => true,
            Outcome::Refused(refusal) => {
                self.tell(&format!("ledger: refused: {refusal}"));
                false
            }
        }
    }

    fn entry(&self, by: Operator, command: Command) -> Entry {
        let index = Revision(self.ledger.revision.0 + 1);
        let request = RequestId::new(&format!("request-{index}")).expect("letters, a hyphen and digits");
        Entry { request, stamp: self.now, by, from: None, command }
    }

    fn break_glass(&mut self, zone: &str, length: Duration) -> Result<(), String> {
        let act = BreakGlassShift {
            estate: self.ledger.estate_id,
            zone: ZoneId::new(zone).map_err(|error| error.to_string())?,
            reason: "scenario".to_owned(),
            by: Operator::new("key-1"),
            signed_at: self.now,
            ends_at: self.now.plus(length),
        };
        if let Some(snapshot) = &mut self.node.snapshot {
            snapshot.break_glass.push(act);
        }
        Ok(())
    }

    /// Brings the newest act that the node has for a zone before the ledger.
    fn record_break_glass(&mut self, zone: &str) -> Result<(), String> {
        let acts = self.node.snapshot.iter().flat_map(|snapshot| &snapshot.break_glass);
        let newest = acts.filter(|act| act.zone.as_str() == zone).max_by_key(|act| act.signed_at);
        let act = newest.cloned().ok_or_else(|| format!("the node has no break-glass act on {zone}"))?;
        self.commit(Command::RecordBreakGlass { act });
        Ok(())
    }

    /// Stops the node and boots it from its own bytes.
    fn restart(&mut self) -> Result<(), String> {
        if let Some(snapshot) = &self.node.snapshot {
            let bytes = snapshot.encode().map_err(|error| error.to_string())?;
            self.node.snapshot = Some(Snapshot::decode(&bytes, self.now).map_err(|error| error.to_string())?);
            self.node.tables.clear();
        }
        Ok(())
    }

    /// Every checker that is not silent looks at every endpoint and sends its table.
    fn probe(&mut self) {
        let Some(snapshot) = &self.node.snapshot else { return };
        let estate = Arc::clone(&snapshot.estate);
        let truth: Vec<(PoolName, Named<'_>, bool)> = estate
            .endpoint_refs()
            .map(|at| {
                let pool = &estate.pool(at.pool).name;
                let endpoint = estate.endpoint(at);
                let zone = estate.zone(endpoint.zone).id.as_str();
                let named = Named { pool: pool.as_str(), zone, address: endpoint.address };
                let is_good = self.is_good(&named);
                (pool.clone(), named, is_good)
            })
            .collect();
        let check = &estate.health_checks[0];
        for (number, checker) in self.checkers.iter_mut().enumerate() {
            let (mut known, mut healthy) =
                (Bitmap::new(estate.subject_count()), Bitmap::new(estate.subject_count()));
            for (at, (pool, endpoint, is_good)) in truth.iter().enumerate() {
                let reached = !checker.cannot_reach.iter().any(|lost| lost.holds(endpoint));
                let streak = checker.streaks.entry((pool.clone(), endpoint.address)).or_default();
                streak.record(*is_good && reached, check.rise, check.fall);
                known.set(at, true);
                healthy.set(at, streak.healthy() == Some(true));
            }
            checker.asker.ask(&self.statuses, &estate, self.now, &mut known, &mut healthy);
            if !checker.is_silent {
                let id =
                    NodeId::new(&format!("checker-{}", number + 1)).expect("letters, a hyphen and digits");
                let zone = estate.zones[0].id.clone();
                let table = Table {
                    checker: id.clone(),
                    zone,
                    estate: estate.digest,
                    made_at: self.now,
                    known,
                    healthy,
                };
                self.node.tables.insert(id, (self.now, table));
            }
        }
    }

    fn is_good(&self, endpoint: &Named<'_>) -> bool {
        match self.truth.iter().rev().find(|(target, _)| target.holds(endpoint)) {
            None | Some((_, Truth::Healthy)) => true,
            Some((_, Truth::Impaired)) => false,
            Some((_, Truth::Flapping(since, pattern))) => {
                let second = self.now.since(*since).as_secs() as usize;
                pattern.is_empty() || pattern[second % pattern.len()]
            }
        }
    }

    /// The node takes what it hears and makes its next snapshot; what looks different is news.
    fn decide(&mut self) {
        let before = self.node.snapshot.take();
        let heard =
            if self.node.hears_ledger && self.is_ledger_up { Some(self.ledger.intent()) } else { None };
        let Some((intent, estate)) = newest(before.as_ref(), heard) else { return };
        let (number, break_glass, verdicts) = match before {
            Some(before) => {
                let verdicts = before.verdicts.carried_over(&before.estate, &estate);
                (before.number, before.break_glass, verdicts)
            }
            None => (0, vec![], Verdicts::unknown(estate.subject_count())),
        };
        let verdicts = verdicts.merge(&estate, &self.node.tables, self.now, FRESH);
        let snapshot = Snapshot::build(number + 1, self.now, intent, estate, break_glass, verdicts);
        let lines = picture::lines(&snapshot, self.layout.tells_shares);
        for line in &lines {
            if !self.node.shown.contains(line) {
                self.news.push(format!("{} {line}", clock(self.now)));
            }
        }
        self.node.shown = lines;
        self.node.snapshot = Some(snapshot);
    }
}

/// The newest intent that is known, and its estate.
fn newest(before: Option<&Snapshot>, heard: Option<Intent>) -> Option<(Arc<Intent>, Arc<Estate>)> {
    let known = before.map(|before| (Arc::clone(&before.intent), Arc::clone(&before.estate)));
    let Some(heard) = heard else { return known };
    match known {
        Some((intent, estate)) if heard.revision <= intent.revision => Some((intent, estate)),
        Some((intent, estate))
            if heard.estate_revision == intent.estate_revision && heard.sets == intent.sets =>
        {
            Some((Arc::new(heard), estate))
        }
        known => match heard.read_estate() {
            Ok(estate) => Some((Arc::new(heard), Arc::new(estate))),
            Err(_) => known,
        },
    }
}

impl Checker {
    fn say(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["silent"] => self.is_silent = true,
            ["back"] => self.is_silent = false,
            ["loses", what] => self.cannot_reach.push(Target::read(what)?),
            ["finds", what] => {
                let found = Target::read(what)?;
                self.cannot_reach.retain(|lost| *lost != found);
            }
            other => {
                return Err(format!("a checker does not do {other:?}; write silent, back, loses or finds"));
            }
        }
        Ok(())
    }
}

fn read_command(words: &[&str]) -> Result<Command, String> {
    let (words, floor_overrides) = take_floor(words)?;
    let reason = || "scenario".to_owned();
    let zone = |text: &str| ZoneId::new(text).map_err(|error| error.to_string());
    let id = |text: &str| ShiftId::new(text).map_err(|error| error.to_string());
    Ok(match words {
        ["shift", of, "for", length, scope @ ..] => Command::StartShift {
            zone: zone(of)?,
            scope: read_scope(scope)?,
            length: read_length(length)?,
            reason: reason(),
            floor_overrides,
        },
        ["extend", shift, "for", length] => Command::UpdateShift {
            id: id(shift)?,
            length: Some(read_length(length)?),
            reason: None,
            if_match: None,
        },
        ["cancel", shift] => Command::CancelShift { id: id(shift)?, if_match: None },
        ["pin", to @ ("in" | "out"), of, "for", length, scope @ ..] => Command::Pin {
            zone: zone(of)?,
            scope: read_scope(scope)?,
            to: if *to == "in" { PinTo::In } else { PinTo::Out },
            length: read_length(length)?,
            reason: reason(),
            floor_overrides,
        },
        ["unpin", of, scope @ ..] => Command::Unpin { zone: zone(of)?, scope: read_scope(scope)? },
        ["control", to @ ("on" | "off"), rest @ ..] => {
            let (controls, rules) = match rest.iter().position(|word| *word == "without") {
                Some(at) => (&rest[..at], &rest[at + 1..]),
                None => (rest, &[][..]),
            };
            let to = if *to == "on" { Switch::On } else { Switch::Off };
            let set = |text: &&str| Ok(ControlSet { control: read_ref(text)?, to });
            Command::SetControls {
                sets: controls.iter().map(set).collect::<Result<_, String>>()?,
                rule_overrides: rules.iter().map(|text| read_ref(text)).collect::<Result<_, String>>()?,
                floor_overrides,
                reason: reason(),
            }
        }
        ["rehearse", resource] => Command::PutPractice {
            resource: read_ref(resource)?,
            config: PracticeConfig {
                outcome_alarms: vec!["arn:aws:cloudwatch:eu-west-2:1:alarm:errors".to_owned()],
                ..PracticeConfig::default()
            },
            expect: Expect::Any,
        },
        ["autoshift", to @ ("on" | "advise" | "off"), resource] => Command::SetAutoshift {
            resource: read_ref(resource)?,
            to: match *to {
                "on" => Autoshift::Enabled,
                "advise" => Autoshift::Advise,
                _ => Autoshift::Disabled,
            },
        },
        ["practice", of, "of", resource] => {
            Command::StartPractice { resource: read_ref(resource)?, zone: zone(of)?, reason: reason() }
        }
        other => {
            return Err(format!(
                "`{}` says nothing here; the words are listed in script.rs",
                other.join(" ")
            ));
        }
    })
}

/// What stands before `floor POOL`, and the pools.
fn take_floor<'w, 't>(words: &'w [&'t str]) -> Result<(&'w [&'t str], Vec<PoolName>), String> {
    let Some(at) = words.iter().position(|word| *word == "floor") else { return Ok((words, vec![])) };
    let pools = words[at + 1..].iter().map(|name| read_ref(name)).collect::<Result<_, String>>()?;
    Ok((&words[..at], pools))
}

fn read_ref<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn read_scope(words: &[&str]) -> Result<Scope, String> {
    match words {
        [] => Ok(Scope::Everything),
        ["of", scope] => scope.parse().map_err(|error: hf_control::intent::ScopeError| error.to_string()),
        other => Err(format!("`{}` is no scope; write `of pool/NAME` or `of record/NAME.`", other.join(" "))),
    }
}

fn read_length(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}
