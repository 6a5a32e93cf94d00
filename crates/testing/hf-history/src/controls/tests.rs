//! The model's rules, one by one: histories written as lines, and whether they pass.

use super::*;
use crate::search::{Limits, check};

/// Two controls a and b, one of them on at least; `gate` lets `c` change only while it is on itself.
fn controls() -> Controls {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let on = |name: &str| (name.to_owned(), Switch::On);
    Controls {
        initial: [on("a"), on("b"), on("c"), on("gate")].into(),
        rules: vec![
            Rule {
                name: "keep-one".to_owned(),
                of: names(&["a", "b"]),
                at_least: 1,
                inverted: false,
                targets: None,
            },
            Rule {
                name: "gated".to_owned(),
                of: names(&["gate"]),
                at_least: 1,
                inverted: false,
                targets: Some(names(&["c"])),
            },
        ],
    }
}

/// Operations one after another: `set a=off b=on !rule` or `get`, then ` -> done 3`, ` -> rule`, ` -> no`, ` -> ?` or the names that are off
/// and the revision, ` -> off a b at 3`. A leading `|` overlaps with the one before.
fn read(text: &str) -> Vec<ControlOperation> {
    let mut history = Vec::<ControlOperation>::new();
    let mut time = 0;
    for (number, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let overlaps = line.starts_with('|');
        let (asked, answered) = line.trim_start_matches('|').trim().split_once(" -> ").unwrap();
        time += 10;
        let called_us = if overlaps { history.last().unwrap().called_us } else { time };
        let mut words = asked.split_whitespace();
        let input = if words.next() == Some("get") {
            Input::Get {}
        } else {
            let (mut sets, mut overrides) = (BTreeMap::new(), BTreeSet::new());
            let mut request = format!("r{number}");
            for word in words {
                if let Some(rule) = word.strip_prefix('!') {
                    overrides.insert(rule.to_owned());
                } else if let Some(name) = word.strip_prefix('#') {
                    name.clone_into(&mut request);
                } else {
                    let (control, to) = word.split_once('=').unwrap();
                    sets.insert(control.to_owned(), if to == "on" { Switch::On } else { Switch::Off });
                }
            }
            Input::Set { request, controls: sets, overrides }
        };
        let words: Vec<&str> = answered.split_whitespace().collect();
        let output = match words.as_slice() {
            ["?"] => None,
            ["done", revision] => Some(Output::Done { revision: revision.parse().unwrap() }),
            ["no"] => Some(Output::Refused { rule: None }),
            ["off", off @ .., "at", revision] => {
                let value =
                    |name: &String| if off.contains(&name.as_str()) { Switch::Off } else { Switch::On };
                let values = controls().initial.keys().map(|name| (name.clone(), value(name))).collect();
                Some(Output::Values { revision: revision.parse().unwrap(), controls: values })
            }
            [rule] => Some(Output::Refused { rule: Some((*rule).to_owned()) }),
            other => panic!("{other:?}"),
        };
        let returned = output.map(|output| Returned { at_us: time + 5, output });
        history.push(ControlOperation { client: number as u32, called_us, input, returned });
    }
    history
}

#[track_caller]
fn passes(text: &str, expected: bool) {
    let verdict = merge_requests(read(text))
        .map_err(|contradiction| contradiction.to_string())
        .and_then(|history| check(&ControlsModel::new(controls()), &history, Limits::default()).passed());
    assert_eq!(verdict.is_ok(), expected, "{verdict:?}");
}

#[test]
fn a_batch_is_done_as_a_whole() {
    passes("set a=off c=off -> done 1 \n get -> off a c at 1", true);
    passes("set a=off c=off -> done 1 \n get -> off a at 1", false);
}

#[test]
fn a_read_sees_what_was_answered_before_it() {
    passes("set a=off -> done 1 \n get -> off at 1", false);
    passes("set a=off -> done 1 \n |get -> off at 0", true);
    passes("set a=off -> done 1 \n |get -> off a at 1 \n get -> off at 0", false);
}

#[test]
fn revisions_do_not_go_back() {
    passes("get -> off at 5 \n get -> off at 4", false);
    passes("set a=off -> done 5 \n set a=on -> done 5", false);
    passes("set a=off -> done 5 \n get -> off a at 4", false);
    // Other entries of the ledger take numbers too.
    passes("set a=off -> done 5 \n get -> off a at 9", true);
}

#[test]
fn assertion_rules_are_judged_on_the_state_after() {
    passes("set a=off -> done 1 \n set b=off -> keep-one", true);
    passes("set a=off -> done 1 \n set b=off -> done 2", false);
    passes("set a=off -> keep-one", false);
    passes("set a=off -> done 1 \n set a=on b=off -> done 2", true);
    passes("set a=off b=off -> keep-one", true);
}

#[test]
fn gating_rules_are_judged_on_the_state_before() {
    passes("set gate=off -> done 1 \n set c=off -> gated", true);
    passes("set gate=off -> done 1 \n set c=off gate=on -> gated", true);
    passes("set gate=off c=off -> done 1", true);
    passes("set gate=off -> done 1 \n set c=on -> done 2", true);
}

#[test]
fn a_named_rule_does_not_count() {
    passes("set a=off b=off !keep-one -> done 1 \n get -> off a b at 1", true);
    passes("set a=off b=off !gated -> done 1", false);
}

#[test]
fn a_refusal_changes_nothing() {
    passes("set a=off -> no \n get -> off at 0", true);
    passes("set a=off -> no \n get -> off a at 1", false);
}

#[test]
fn an_unknown_outcome_may_come_late_or_never() {
    passes("set a=off -> ? \n get -> off at 0 \n get -> off a at 1", true);
    passes("set a=off -> ? \n get -> off at 0 \n get -> off at 1", true);
    passes("set a=off -> ? \n get -> off a at 1 \n get -> off at 2", false);
    passes("get -> off a at 1 \n set a=off -> ?", false);
    // It takes a revision.
    passes("get -> off at 7 \n set a=off -> ? \n get -> off a at 7", false);
    // A refusal shows it too.
    passes("set a=off -> ? \n set b=off -> keep-one", true);
    passes("set c=off -> ? \n set b=off -> keep-one", false);
}

#[test]
fn a_repeated_request_is_one_operation() {
    passes("set #x a=off -> done 1 \n set a=on -> done 2 \n set #x a=off -> done 1 \n get -> off at 2", true);
    passes("set #x a=off -> done 1 \n set a=on -> done 2 \n set #x a=off -> done 3", false);
    passes(
        "set #x a=off -> done 1 \n set a=on -> done 2 \n set #x a=off -> done 1 \n get -> off a at 3",
        false,
    );
    passes("set #x a=off -> ? \n set #x a=off -> done 1 \n get -> off a at 1", true);
    passes("set #x a=off -> ? \n set #x b=off -> done 1", false);
}
