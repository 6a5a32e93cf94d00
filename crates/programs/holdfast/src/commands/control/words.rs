//! Panels for people: switches and rules of each at a glance, and one of them in full.

use std::time::Duration;

use hf_api::{ControlPanel, ControlTo, Controls, ControlsSet, Origin, RoutingControl, RuleKind, SafetyRule};
use hf_model::format_duration;

use crate::output::{columns, relative};

/// All panels.
pub fn in_tables(controls: &Controls) -> String {
    let mut text = String::new();
    if !controls.consistent {
        text.push_str(&format!(
            "as the node that answered knew it at revision {}; there may be newer changes\n\n",
            controls.revision
        ));
    }
    let shown: Vec<&ControlPanel> = controls
        .panels
        .iter()
        .filter(|panel| !panel.is_default || !panel.controls.is_empty() || !panel.rules.is_empty())
        .collect();
    if shown.is_empty() {
        text.push_str("no routing control is declared; the estate declares them as [[routing_control]]");
        return text;
    }
    let tables: Vec<String> = shown.iter().map(|panel| in_table(panel, controls.now_ms)).collect();
    text.push_str(&tables.join("\n"));
    text
}

fn in_table(panel: &ControlPanel, now_ms: u64) -> String {
    let origin = match panel.origin {
        Origin::Estate => "",
        Origin::Api => ", made over the API",
    };
    let cluster =
        if panel.cluster == "holdfast" { String::new() } else { format!(", cluster {}", panel.cluster) };
    let off = panel.controls.iter().filter(|control| control.state == ControlTo::Off).count();
    let mut text = format!("{}: {} of {} off{origin}{cluster}\n", panel.name, off, panel.controls.len());
    if !panel.controls.is_empty() {
        let row = |control: &RoutingControl| {
            [
                format!("  {}", short(&control.path)),
                state(control).to_owned(),
                relative(control.changed_at_ms, now_ms),
                control.by.clone(),
                list(&control.behind),
                reason(control),
            ]
        };
        let rows: Vec<[String; 6]> = panel.controls.iter().map(row).collect();
        text.push_str(&columns(["  CONTROL", "STATE", "SINCE", "BY", "TAKES AWAY", "REASON"], &rows));
    }
    if !panel.rules.is_empty() {
        let row = |rule: &SafetyRule| {
            [
                format!("  {}", short(&rule.path)),
                holds(rule).to_owned(),
                wants(rule),
                format!("{}/{}", rule.on, rule.of.len()),
                waits(rule, now_ms),
                over(rule),
            ]
        };
        let rows: Vec<[String; 6]> = panel.rules.iter().map(row).collect();
        text.push_str(&columns(["  RULE", "HOLDS", "WANTS", "ON", "WAIT", "OF"], &rows));
    }
    text
}

/// One routing control in full.
pub fn control(control: &RoutingControl, now_ms: u64) -> String {
    let mut text = format!(
        "{}: {} since {} ({})\nnumber        #{}\nby            {}\nreason        {}\ntakes away    {}\n",
        control.path,
        state(control),
        hf_api::instant(control.changed_at_ms),
        relative(control.changed_at_ms, now_ms),
        control.id,
        control.by,
        if control.reason.is_empty() { "none given" } else { &control.reason },
        list(&control.behind),
    );
    if !control.floor_overrides.is_empty() {
        text.push_str(&format!("may break     the floor of {}\n", list(&control.floor_overrides)));
    }
    text.push_str(&format!("declared      {}\n", declared(control.origin)));
    text
}

/// One safety rule in full.
pub fn rule(rule: &SafetyRule, now_ms: u64) -> String {
    let kind = match rule.kind {
        RuleKind::Assert => "after every change",
        RuleKind::Gate => "before a change of its targets",
    };
    format!(
        "{}: {}\nnumber        #{}\nwants         {} on, {kind}\nof            {}\non now        {} of {}\n{}waits         {}\ndeclared      {}\n",
        rule.path,
        holds(rule),
        rule.id,
        wants(rule),
        list(&rule.of),
        rule.on,
        rule.of.len(),
        if rule.targets.is_empty() {
            String::new()
        } else {
            format!("targets       {}\n", list(&rule.targets))
        },
        waits(rule, now_ms),
        declared(rule.origin),
    )
}

/// What a batch did.
pub fn turned(done: &ControlsSet) -> String {
    let rows: Vec<[String; 3]> = done
        .controls
        .iter()
        .map(|control| [control.path.clone(), state(control).to_owned(), list(&control.behind)])
        .collect();
    columns(["CONTROL", "STATE", "TAKES AWAY"], &rows)
}

fn short(path: &str) -> &str {
    path.split_once('/').map_or(path, |(_, name)| name)
}

fn state(control: &RoutingControl) -> &'static str {
    match control.state {
        ControlTo::On => "on",
        ControlTo::Off => "OFF",
    }
}

fn reason(control: &RoutingControl) -> String {
    if control.floor_overrides.is_empty() {
        return control.reason.clone();
    }
    format!("{} (may break the floor of {})", control.reason, list(&control.floor_overrides))
}

fn holds(rule: &SafetyRule) -> &'static str {
    match (rule.kind, rule.holds) {
        (RuleKind::Assert, true) => "holds",
        (RuleKind::Assert, false) => "BROKEN",
        (RuleKind::Gate, true) => "open",
        (RuleKind::Gate, false) => "CLOSED",
    }
}

fn wants(rule: &SafetyRule) -> String {
    let not = if rule.inverted { "not " } else { "" };
    format!("{not}{} of {}", rule.wants, rule.of.len())
}

fn waits(rule: &SafetyRule, now_ms: u64) -> String {
    let period = format_duration(Duration::from_millis(rule.wait_period_ms));
    match rule.waits_until_ms.filter(|until| *until > now_ms) {
        Some(until) => format!("{period}, ends {}", relative(until, now_ms)),
        None => period,
    }
}

fn over(rule: &SafetyRule) -> String {
    if rule.targets.is_empty() {
        return list(&rule.of);
    }
    format!("{} -> {}", list(&rule.of), list(&rule.targets))
}

fn declared(origin: Origin) -> &'static str {
    match origin {
        Origin::Estate => "in the estate",
        Origin::Api => "over the API",
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}
