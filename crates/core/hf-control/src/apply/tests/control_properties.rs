//! Sentences that hold for every sequence of commands on an estate with routing controls.

use std::time::Duration;

use hf_config::estate::{Enough, RuleTest};
use hf_model::{ControlId, Operator, PoolName, RequestId, Switch, Timestamp, ZoneId};
use proptest::prelude::*;

use super::properties::below_floor;
use super::script::{bundle, controlled, practice};
use super::*;
use crate::practice::Resource;
use crate::{
    Autoshift, Board, BoardCommand, BreakGlassShift, ControlRef, ControlSet, Expect as Expected, Intent,
    NetworkType, ObjectId, PinTo, RuleKind, RuleRef, SafetyRule, ShiftKind, Tags,
};

const CONTROLS: [&str; 11] = ["a", "b", "zones/c", "d", "e", "west", "gate", "x", "y", "cells/api", "new-1"];
const RULES: [&str; 5] = ["keep-one", "calm", "cells/gate", "not-both", "one-of"];
const ZONES: [&str; 5] = ["a", "b", "c", "d", "e"];
const SCOPES: [&str; 4] = ["everything", "pool/web", "pool/db", "record/db.example.test."];
const RESOURCES: [&str; 4] = ["region/west", "region/east", "pool/web", "pool/db"];
const POOLS: [&str; 3] = ["web", "api", "db"];

/// What is asked for; numbers are places in what the state has then.
#[derive(Clone, Debug)]
enum Ask {
    Turn {
        sets: Vec<(usize, Switch)>,
        rules: Vec<usize>,
        pools: Vec<usize>,
    },
    /// Turns the control of this place, whatever it is called.
    TurnAny {
        control: usize,
        to: Switch,
    },
    Shift {
        zone: usize,
        scope: usize,
        pools: Vec<usize>,
    },
    Pin {
        zone: usize,
        scope: usize,
        to: PinTo,
    },
    Cancel {
        shift: usize,
    },
    Practice {
        resource: usize,
        zone: usize,
    },
    Configure {
        resource: usize,
        autoshift: Option<Autoshift>,
    },
    Unconfigure {
        resource: usize,
    },
    Glass {
        zone: usize,
        signed_at: u64,
        length_s: u64,
    },
    Estate {
        version: usize,
    },
    Board {
        verb: usize,
        one: usize,
        two: usize,
        name: usize,
    },
    Expire,
}

fn ask() -> impl Strategy<Value = Ask> {
    let to = || prop_oneof![Just(Switch::On), Just(Switch::Off)];
    let pin = prop_oneof![Just(PinTo::In), Just(PinTo::Out)];
    let pools = || prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(0..POOLS.len(), 1..3)];
    let rules = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(0..RULES.len(), 1..3)];
    let autoshift = prop_oneof![
        2 => Just(None), 1 => Just(Some(Autoshift::Enabled)), 1 => Just(Some(Autoshift::Disabled))];
    // Often of the panel with the gate, so that batches try to open it and pass it.
    let control = || prop_oneof![1 => 0..CONTROLS.len(), 1 => 6..9usize];
    let sets = prop::collection::vec((control(), to()), 0..4);
    prop_oneof![
        10 => (sets, rules, pools()).prop_map(|(sets, rules, pools)| Ask::Turn { sets, rules, pools }),
        3 => (0usize..50, to()).prop_map(|(control, to)| Ask::TurnAny { control, to }),
        3 => (0..ZONES.len(), 0..SCOPES.len(), pools())
            .prop_map(|(zone, scope, pools)| Ask::Shift { zone, scope, pools }),
        3 => (0..ZONES.len(), 0..SCOPES.len(), pin).prop_map(|(zone, scope, to)| Ask::Pin { zone, scope, to }),
        2 => (0usize..9).prop_map(|shift| Ask::Cancel { shift }),
        3 => (0..RESOURCES.len(), 0..ZONES.len()).prop_map(|(resource, zone)| Ask::Practice { resource, zone }),
        2 => (0..RESOURCES.len(), autoshift)
            .prop_map(|(resource, autoshift)| Ask::Configure { resource, autoshift }),
        1 => (0..RESOURCES.len()).prop_map(|resource| Ask::Unconfigure { resource }),
        3 => (0..ZONES.len(), 0u64..100_000, prop_oneof![Just(0u64), 1u64..100])
            .prop_map(|(zone, signed_at, length_s)| Ask::Glass { zone, signed_at, length_s }),
        2 => (0usize..4).prop_map(|version| Ask::Estate { version }),
        8 => (0usize..14, 0usize..50, 0usize..50, 0usize..4)
            .prop_map(|(verb, one, two, name)| Ask::Board { verb, one, two, name }),
        2 => Just(Ask::Expire),
    ]
}

fn estate(version: usize) -> hf_config::estate::EstateBundle {
    match version {
        0 => controlled(&[]),
        1 => controlled(&[("wait_period = \"5s\"", "wait_period = \"0s\"")]),
        2 => controlled(&[(
            "at_least = 1, of = [\"a\", \"b\", \"c\"]",
            "at_least = 2, of = [\"a\", \"b\", \"c\"]",
        )]),
        _ => bundle(&[]),
    }
}

/// The place-th of a map, going round; a number that nothing has if there is none.
fn nth<Id: Copy, T>(map: &std::collections::BTreeMap<Id, T>, place: usize, none: Id) -> Id {
    map.keys().nth(place % map.len().max(1)).copied().unwrap_or(none)
}

fn command(ask: &Ask, state: &State) -> Command {
    let zone = |at: usize| -> ZoneId { ZONES[at].parse().unwrap() };
    let pools =
        |list: &[usize]| -> Vec<PoolName> { list.iter().map(|at| POOLS[*at].parse().unwrap()).collect() };
    let resource = |at: usize| -> Resource { RESOURCES[at].parse().unwrap() };
    let (reason, length) = ("test".to_owned(), Duration::from_mins(2));
    match ask {
        Ask::Turn { sets, rules, pools: named } => Command::SetControls {
            sets: sets
                .iter()
                .map(|(at, to)| ControlSet { control: CONTROLS[*at].parse().unwrap(), to: *to })
                .collect(),
            rule_overrides: rules.iter().map(|at| RULES[*at].parse().unwrap()).collect(),
            floor_overrides: pools(named),
            reason: String::new(),
        },
        Ask::TurnAny { control, to } => {
            let id = nth(&state.board.controls, *control, ControlId(1));
            // The region's control lets pools of that region alone stay; that has a test of its own.
            let is_east =
                state.board.controls.get(&id).is_some_and(|control| control.name.as_str() == "east");
            let to = if is_east { Switch::On } else { *to };
            Command::SetControls {
                sets: vec![ControlSet { control: ControlRef::Id(id), to }],
                rule_overrides: Vec::new(),
                floor_overrides: Vec::new(),
                reason,
            }
        }
        Ask::Shift { zone: at, scope, pools: named } => Command::StartShift {
            zone: zone(*at),
            scope: SCOPES[*scope].parse().unwrap(),
            length,
            reason,
            floor_overrides: pools(named),
        },
        Ask::Pin { zone: at, scope, to } => Command::Pin {
            zone: zone(*at),
            scope: SCOPES[*scope].parse().unwrap(),
            to: *to,
            length,
            reason,
            floor_overrides: Vec::new(),
        },
        Ask::Cancel { shift } => {
            let active: Vec<_> = state.active_shifts().map(|shift| shift.id.clone()).collect();
            let id = active.get(shift % active.len().max(1)).cloned();
            Command::CancelShift { id: id.unwrap_or_else(|| "shift-0".parse().unwrap()), if_match: None }
        }
        Ask::Practice { resource: at, zone: place } => {
            Command::StartPractice { resource: resource(*at), zone: zone(*place), reason }
        }
        Ask::Configure { resource: at, autoshift: Some(to) } => {
            Command::SetAutoshift { resource: resource(*at), to: *to }
        }
        Ask::Configure { resource: at, autoshift: None } => {
            Command::PutPractice { resource: resource(*at), config: practice(), expect: Expected::Any }
        }
        Ask::Unconfigure { resource: at } => Command::DeletePractice { resource: resource(*at) },
        Ask::Glass { zone: at, signed_at, length_s } => {
            let signed_at = Timestamp(*signed_at);
            let act = BreakGlassShift {
                estate: state.estate_id,
                zone: zone(*at),
                reason,
                by: Operator::new("eve"),
                signed_at,
                ends_at: signed_at.plus(Duration::from_secs(*length_s)),
            };
            Command::RecordBreakGlass { act }
        }
        Ask::Estate { version } => Command::ApplyEstate { bundle: estate(*version), if_match: None },
        Ask::Board { verb, one, two, name } => {
            Command::Board(board_command(&state.board, *verb, *one, *two, *name))
        }
        Ask::Expire => Command::Expire,
    }
}

fn board_command(board: &Board, verb: usize, one: usize, two: usize, name: usize) -> BoardCommand {
    let name = ["new-1", "new-2", "x", "cells"][name].parse().unwrap();
    let cluster = nth(&board.clusters, one, hf_model::ClusterId(1));
    let panel = nth(&board.panels, one, hf_model::PanelId(1));
    let control = nth(&board.controls, one, ControlId(1));
    let other = nth(&board.controls, two, ControlId(1));
    let rule = nth(&board.rules, one, hf_model::RuleId(1));
    let tags = Tags::from([("key".to_owned(), "value".to_owned())]);
    let wait_period = Duration::from_secs(u64::from(two as u32 % 3));
    match verb {
        0 => BoardCommand::CreateCluster { name, network: NetworkType::Ipv4, tags },
        1 => BoardCommand::UpdateCluster { id: cluster, network: NetworkType::DualStack },
        2 => BoardCommand::DeleteCluster { id: cluster },
        3 => BoardCommand::CreatePanel { cluster, name, tags },
        4 => BoardCommand::RenamePanel { id: panel, name },
        5 => BoardCommand::DeletePanel { id: panel },
        6 => {
            let cluster = board.panels.get(&panel).map_or(cluster, |panel| panel.cluster);
            BoardCommand::CreateControl { cluster, panel: two.is_multiple_of(2).then_some(panel), name }
        }
        7 => BoardCommand::RenameControl { id: control, name },
        8 => BoardCommand::DeleteControl { id: control },
        9 | 10 => {
            let kind = if two.is_multiple_of(3) {
                RuleKind::Gate { gating: vec![other], targets: vec![control] }
            } else {
                RuleKind::Assert { controls: vec![control] }
            };
            let panel = board.controls.get(&control).map_or(panel, |control| control.panel);
            let test = RuleTest { on: Enough::AtLeast(1), inverted: two.is_multiple_of(5) };
            BoardCommand::CreateRule { panel, name, kind, test, wait_period, tags }
        }
        11 => BoardCommand::UpdateRule { id: rule, name, wait_period },
        12 => BoardCommand::DeleteRule { id: rule },
        _ => BoardCommand::Tag { object: ObjectId::Control(control), tags },
    }
}

fn asks() -> impl Strategy<Value = Vec<(u64, Ask)>> {
    prop::collection::vec((0u64..4_000, ask()), 0..50)
}

/// Runs the asks on the controlled estate and shows each step.
fn each_step(asks: &[(u64, Ask)], mut look: impl FnMut(&State, &Entry, &Outcome, &[Event], &State)) -> State {
    let mut state = State::default();
    let mut now = 0;
    for (at, (later, ask)) in std::iter::once(&(0, Ask::Estate { version: 0 })).chain(asks).enumerate() {
        now += later;
        let entry = Entry {
            request: RequestId::new(&format!("r-{at}")).unwrap(),
            stamp: Timestamp(now),
            by: Operator::new("ann"),
            from: None,
            command: command(ask, &state),
        };
        let before = state.clone();
        let (outcome, events) = state.apply(Revision(at as u64 + 1), &entry);
        look(&before, &entry, &outcome, &events, &state);
    }
    state
}

fn holds(board: &Board, rule: &SafetyRule) -> bool {
    let is_on = |id: &&ControlId| board.controls[*id].to == Switch::On;
    rule.test.holds(rule.kind.counted().iter().filter(is_on).count(), rule.kind.counted().len())
}

/// The rules that a batch which was done did not override.
fn asked_rules<'a>(before: &'a State, entry: &Entry, outcome: &Outcome) -> Vec<&'a SafetyRule> {
    let Command::SetControls { rule_overrides, .. } = &entry.command else { return Vec::new() };
    if matches!(outcome, Outcome::Refused(_)) {
        return Vec::new();
    }
    let is_named = |rule: &SafetyRule| {
        rule_overrides.iter().any(|named| match named {
            RuleRef::Id(id) => rule.id == *id,
            RuleRef::Path(path) => path.control == rule.name,
            RuleRef::Name(name) => *name == rule.name,
        })
    };
    before.board.rules.values().filter(|rule| !is_named(rule)).collect()
}

fn turned(before: &State, after: &State, control: ControlId) -> bool {
    after.board.controls[&control].to != before.board.controls[&control].to
}

fn overrides(command: &Command) -> &[PoolName] {
    match command {
        Command::StartShift { floor_overrides, .. }
        | Command::Pin { floor_overrides, .. }
        | Command::SetControls { floor_overrides, .. } => floor_overrides,
        _ => &[],
    }
}

proptest! {
    /// Two replicas with one log are equal, and nothing panics.
    #[test]
    fn replicas_are_equal(asks in asks()) {
        let mut log = Vec::new();
        let one = each_step(&asks, |_, entry, outcome, events, _| {
            log.push((entry.clone(), outcome.clone(), events.to_vec()));
        });
        let mut two = State::default();
        for (at, (entry, outcome, events)) in log.iter().enumerate() {
            prop_assert_eq!(&two.apply(Revision(at as u64 + 1), entry), &(outcome.clone(), events.clone()));
        }
        prop_assert_eq!(one, two);
    }

    /// What was refused changed nothing but revision, stamp and requests, and tells of no event.
    #[test]
    fn a_refusal_changes_nothing(asks in asks()) {
        each_step(&asks, |before, _, outcome, events, after| {
            if matches!(outcome, Outcome::Refused(_)) {
                let (revision, stamp, requests) = (after.revision, after.stamp, after.requests.clone());
                assert_eq!(after, &State { revision, stamp, requests, ..before.clone() });
                assert!(events.is_empty());
            }
        });
    }

    /// An assertion rule that held before a batch holds after it, unless it was overridden.
    #[test]
    fn rules_that_held_hold(asks in asks()) {
        each_step(&asks, |before, entry, outcome, _, after| {
            for rule in asked_rules(before, entry, outcome) {
                if matches!(rule.kind, RuleKind::Assert { .. }) && holds(&before.board, rule) {
                    assert!(holds(&after.board, rule), "{entry:?} broke {rule:?}");
                }
            }
        });
    }

    /// No target turns while its gate is closed, not even in the batch that opens it.
    #[test]
    fn no_batch_passes_a_closed_gate(asks in asks()) {
        each_step(&asks, |before, entry, outcome, _, after| {
            for rule in asked_rules(before, entry, outcome) {
                if let RuleKind::Gate { targets, .. } = &rule.kind && !holds(&before.board, rule) {
                    assert!(!targets.iter().any(|id| turned(before, after, *id)), "{entry:?} passed {rule:?}");
                }
            }
        });
    }

    /// No control of a rule turns within the rule's wait period after another has.
    #[test]
    fn wait_periods_are_kept(asks in asks()) {
        each_step(&asks, |before, entry, outcome, _, after| {
            for rule in asked_rules(before, entry, outcome) {
                let guarded = rule.kind.guarded();
                let newest = guarded.iter().filter_map(|id| before.board.controls[id].turned_at).max();
                let is_early = newest.is_some_and(|at| after.stamp.since(at) < rule.wait_period);
                assert!(!is_early || !guarded.iter().any(|id| turned(before, after, *id)), "{entry:?} {rule:?}");
            }
        });
    }

    /// To ask for what is so already is done, refused by no rule and no floor, and changes nothing.
    #[test]
    fn the_present_state_is_always_done(asks in asks()) {
        let mut state = each_step(&asks, |_, _, _, _, _| {});
        let controls = state.board.controls.values();
        let sets = controls.map(|it| ControlSet { control: ControlRef::Id(it.id), to: it.to }).collect::<Vec<_>>();
        if sets.is_empty() {
            return Ok(());
        }
        let before = state.clone();
        let command = Command::SetControls {
            sets,
            rule_overrides: Vec::new(),
            floor_overrides: Vec::new(),
            reason: "again".to_owned(),
        };
        let (request, by) = (RequestId::new("again").unwrap(), Operator::new("bob"));
        let entry = Entry { request, stamp: state.stamp, by, from: None, command };
        let (outcome, events) = state.apply(Revision(before.revision.0 + 1), &entry);
        let is_done = matches!(outcome, Outcome::Done { .. });
        prop_assert!(is_done && events.is_empty(), "{:?}", outcome);
        let (revision, requests) = (state.revision, state.requests.clone());
        prop_assert_eq!(State { revision, requests, ..before }, state);
    }

    /// No act takes a pool below its floor that was at or above it, unless it names that very pool. All sources count together.
    #[test]
    fn no_act_breaks_a_floor_that_it_does_not_name(asks in asks()) {
        each_step(&asks, |before, entry, outcome, _, after| {
            let is_act = matches!(
                entry.command,
                Command::StartShift { .. }
                    | Command::Pin { .. }
                    | Command::SetControls { .. }
                    | Command::StartPractice { .. }
                    | Command::RecordBreakGlass { .. }
            );
            if is_act && matches!(outcome, Outcome::Done { .. }) {
                let (was, named) = (below_floor(before), overrides(&entry.command));
                let is_news = |view: &(String, String)| {
                    !was.contains(view) && !named.iter().any(|pool| pool.as_str() == view.0)
                };
                let broken: Vec<_> = below_floor(after).into_iter().filter(is_news).collect();
                assert!(broken.is_empty(), "{entry:?} broke the floor of {broken:?}");
            }
        });
    }

    /// A log that is lost goes on with every control, rule and act; only tags and practice settings are forgotten.
    #[test]
    fn what_nodes_hold_is_gone_on_with(asks in asks()) {
        let lost = each_step(&asks, |_, _, _, _, _| {});
        let on = State::going_on_with(&lost.intent(), lost.stamp).unwrap();
        let revision = Revision(lost.revision.0 + 1);
        prop_assert_eq!(on.intent(), Intent { revision, ..lost.intent() });
        prop_assert_eq!(&on.board, &lost.board.without_tags());
        prop_assert_eq!((on.estate_id, on.break_glass, on.returns), (lost.estate_id, lost.break_glass, lost.returns));
        for control in lost.board.controls.values() {
            let kept = &on.board.controls[&control.id];
            prop_assert_eq!(
                (kept.to, kept.changed_at, kept.turned_at, &kept.by, &kept.floor_overrides),
                (control.to, control.changed_at, control.turned_at, &control.by, &control.floor_overrides)
            );
        }
    }

    /// Names are unique where they are, everything is in something, rules are over controls of their panel, and the bounds hold.
    #[test]
    fn the_board_fits_together(asks in asks()) {
        each_step(&asks, |_, _, _, _, after| {
            let board = &after.board;
            let mut names = std::collections::BTreeSet::new();
            assert!(board.clusters.values().all(|it| names.insert(("cluster", 0, it.name.clone()))));
            assert!(board.panels.values().all(|it| names.insert(("panel", it.cluster.0, it.name.clone()))));
            assert!(board.controls.values().all(|it| names.insert(("control", it.panel.0, it.name.clone()))));
            assert!(board.rules.values().all(|it| names.insert(("rule", it.panel.0, it.name.clone()))));
            assert!(State::going_on_with(&after.intent(), after.stamp).is_ok());
            assert!(board.clusters.contains_key(&board.built_in_cluster(after.estate_id)));
            assert!(after.returns.len() <= Intent::RETURNS && after.break_glass.len() <= State::BREAK_GLASS);
            assert!(after.intent().controls.is_sorted_by(|one, two| one.path < two.path));
        });
    }

    /// Of a region, shifts and practice runs leave one zone for any one thing; autoshift is on only with a configuration.
    #[test]
    fn practice_runs_are_in_nobodys_way(asks in asks()) {
        each_step(&asks, |_, _, _, _, after| {
            let Some(estate) = &after.estate else { return };
            let region = |zone| estate.zone_named(zone).map(|zone| estate.zone(zone).region);
            let active: Vec<_> = after.active_shifts().collect();
            for (at, one) in active.iter().enumerate() {
                for two in &active[at + 1..] {
                    assert!(region(&one.zone) != region(&two.zone) || !one.scope.overlaps(&two.scope), "{one:?} {two:?}");
                }
                if one.kind == ShiftKind::Practice {
                    assert_eq!(one.ends_at.since(one.started_at), Duration::from_mins(30));
                }
            }
        });
    }

    /// Two commands have one digest exactly when they ask for the same.
    #[test]
    fn equal_commands_have_equal_digests(one in ask(), two in ask()) {
        let state = each_step(&[], |_, _, _, _, _| {});
        let (one, two) = (command(&one, &state), command(&two, &state));
        prop_assert_eq!(one.digest() == two.digest(), one == two);
    }
}
