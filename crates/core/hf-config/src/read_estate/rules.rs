//! Safety rules: what no change of routing controls may break.
//!
//! A rule is of exactly one kind, `assert` or `gate`; each names controls of the rule's panel and how many are enough.
//!
//! Not here: judging a change (`hf-control`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_model::{ControlName, ControlPath};

use super::controls::{Controls, Panels};
use crate::estate::{Enough, EstateRule, RuleTest, RuleWords, limits};
use crate::walk::{Fields, Report, Value, clip};

const WAIT_MAX: Duration = Duration::from_hours(1);
const WAIT_DEFAULT: Duration = Duration::from_secs(5);
/// Rules of all panels.
const RULES: usize = limits::CONTROL_PANELS * limits::RULES_OF_A_PANEL;

pub(super) fn rules(
    root: &mut Fields<'_, '_>,
    panels: &Panels,
    controls: &Controls,
    report: &mut Report<'_>,
) -> Vec<Option<EstateRule>> {
    let mut taken: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut list = Vec::new();
    for fields in root.list("safety_rule", "a safety rule", RULES, report) {
        list.push(rule(fields, panels, controls, &mut taken, report));
    }
    list
}

fn rule(
    mut fields: Fields<'_, '_>,
    panels: &Panels,
    controls: &Controls,
    taken: &mut BTreeMap<String, BTreeSet<String>>,
    report: &mut Report<'_>,
) -> Option<EstateRule> {
    let at = fields.at();
    let name = fields.need("name", report);
    let panel_value = fields.need("panel", report);
    let panel = panel_value.and_then(|value| panels.names.find(value.text(report)?, value.at(), report));
    if let (Some(name), Some(panel)) = (name, panel_value)
        && let (Some(name_text), Some(panel_text)) = (name.text(report), panel.text(report))
    {
        let names = taken.entry(panel_text.to_owned()).or_default();
        if !names.insert(name_text.to_owned()) {
            let (name_text, panel_text) = (clip(name_text), clip(panel_text));
            report.add(
                name.at(),
                format_args!(
                    "panel `{panel_text}` has safety rule `{name_text}` twice; remove one of the two"
                ),
            );
        } else if names.len() == limits::RULES_OF_A_PANEL + 1 {
            let max = limits::RULES_OF_A_PANEL;
            report.add(at, format_args!("a control panel has at most {max} safety rules; use another panel"));
        }
    }
    let name = name.and_then(|value| value.read(report, ControlName::new));
    let wait_period = match fields.get("wait_period") {
        Some(value) => value.duration(Duration::ZERO, WAIT_MAX, report),
        None => Some(WAIT_DEFAULT),
    };
    let look_up = Around { panel, controls };
    let rule = match (fields.get("assert"), fields.get("gate")) {
        (Some(value), None) => assertion(value, &look_up, report),
        (None, Some(value)) => gate(value, &look_up, report),
        (None, None) => {
            report.add(
                at,
                "a safety rule needs `assert` (what stays on) or `gate` (what may change while something is on); add one",
            );
            None
        }
        (Some(_), Some(second)) => {
            report.add(second.at(), "a safety rule has `assert` or `gate`, not both; make it two rules");
            None
        }
    };
    fields.finish(&[], report);
    let panel = panels.list[usize::from(panel?)].as_ref()?.name.clone();
    let path = ControlPath { panel, control: name? };
    Some(EstateRule { path, rule: rule?, wait_period: wait_period? })
}

/// What the names of a rule are looked up in.
struct Around<'a> {
    /// None if it is not known: then the names are not looked up.
    panel: Option<u16>,
    controls: &'a Controls,
}

fn assertion(value: Value<'_, '_>, around: &Around<'_>, report: &mut Report<'_>) -> Option<RuleWords> {
    let mut fields = value.fields("an assertion", report)?;
    let (controls, count) = names(&mut fields, "of", around, report);
    let test = test(&mut fields, count, report);
    fields.finish(&[], report);
    Some(RuleWords::Assert { controls: controls?, test: test? })
}

fn gate(value: Value<'_, '_>, around: &Around<'_>, report: &mut Report<'_>) -> Option<RuleWords> {
    let mut fields = value.fields("a gate", report)?;
    let (gating, count) = names(&mut fields, "of", around, report);
    let (targets, _) = names(&mut fields, "targets", around, report);
    let test = test(&mut fields, count, report);
    fields.finish(&[], report);
    Some(RuleWords::Gate { gating: gating?, targets: targets?, test: test? })
}

/// The controls of a list, and how many are written there.
fn names(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> (Option<Vec<ControlName>>, Option<usize>) {
    let Some(list) = fields.need(key, report) else { return (None, None) };
    let Some(items) = list.items_up_to(limits::CONTROLS_OF_A_PANEL, report) else { return (None, None) };
    if items.is_empty() {
        report.add(list.at(), format_args!("`{key}` names no routing control; name at least one"));
        return (None, None);
    }
    let count = items.len();
    let mut taken = BTreeSet::new();
    let mut found = Vec::new();
    for item in items {
        let Some(text) = item.text(report) else { continue };
        if !taken.insert(text) {
            let text = clip(text);
            report.add(
                item.at(),
                format_args!("routing control `{text}` is listed twice; remove one of the two"),
            );
        } else if let Some(panel) = around.panel {
            found.extend(around.controls.find_in(panel, item, report));
        }
    }
    ((found.len() == count).then_some(found), Some(count))
}

/// `at_least = N`, `all = true` or `any = true`, and `inverted`. `count`: of how many, if that can be told.
fn test(fields: &mut Fields<'_, '_>, count: Option<usize>, report: &mut Report<'_>) -> Option<RuleTest> {
    let at = fields.at();
    let most = count.and_then(|count| i64::try_from(count).ok()).unwrap_or(100);
    let given: Vec<(&'static str, Value<'_, '_>)> =
        ["at_least", "all", "any"].into_iter().filter_map(|key| Some((key, fields.get(key)?))).collect();
    let on = match given.as_slice() {
        [("at_least", value)] => {
            value.whole(1, most, report).and_then(|count| u16::try_from(count).ok()).map(Enough::AtLeast)
        }
        [(key, value)] => match value.truth(report) {
            Some(true) if *key == "all" => Some(Enough::All),
            Some(true) => Some(Enough::Any),
            Some(false) => {
                report.add(
                    value.at(),
                    format_args!("`{key} = false` says nothing; write `{key} = true` or `at_least = N`"),
                );
                None
            }
            None => None,
        },
        [] => {
            report.add(
                at,
                "this says not how many are enough; add `at_least = N`, `all = true` or `any = true`",
            );
            None
        }
        [.., (_, last)] => {
            report.add(
                last.at(),
                "one of `at_least`, `all` and `any` says how many are enough; remove the others",
            );
            None
        }
    };
    let inverted = match fields.get("inverted") {
        Some(value) => value.truth(report),
        None => Some(false),
    };
    Some(RuleTest { on: on?, inverted: inverted? })
}
