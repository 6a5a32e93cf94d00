//! Inputs about safety rules.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_model::{ControlId, ControlName, PanelId};
use serde_json::{Map, Value};

use super::{CONTROLS_MAX, Source, arn, tags, token};
use crate::arn::{ControlArn, PanelArn, RuleArn};
use crate::call::ClientToken;
use crate::error::ValidationReason as Reason;
use crate::fields::Check;
use crate::texts::{self, boolean, integer, shown, text, wrong};

/// How many of a rule's controls must be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum RuleType {
    /// As many as its threshold says.
    #[serde(rename = "ATLEAST")]
    AtLeast,
    /// All.
    #[serde(rename = "AND")]
    All,
    /// One.
    #[serde(rename = "OR")]
    Any,
}

/// A rule's arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuleConfig {
    /// How many.
    #[serde(rename = "Type")]
    pub kind: RuleType,
    /// For [`RuleType::AtLeast`]: 1 to the number of the rule's controls. Elsewhere it is as it was sent.
    pub threshold: u16,
    /// Whether it must not be so many.
    pub inverted: bool,
}

/// A new rule's controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewRuleKind {
    /// So many of these are on after every change.
    Assertion {
        /// In order, each once, all in the rule's panel; 1 to [`CONTROLS_MAX`].
        asserted: Vec<ControlId>,
    },
    /// The targets change only while so many of the gating ones are on.
    Gating {
        /// As above.
        gating: Vec<ControlId>,
        /// As above.
        targets: Vec<ControlId>,
    },
}

/// Whether a rule asserts or gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSort {
    /// `AssertionRuleUpdate`.
    Assertion,
    /// `GatingRuleUpdate`.
    Gating,
}

/// Make a safety rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSafetyRule {
    /// In which panel.
    pub panel: PanelId,
    /// Its name.
    pub name: ControlName,
    /// Its controls.
    pub kind: NewRuleKind,
    /// Its arithmetic.
    pub config: RuleConfig,
    /// How long its controls rest after a change.
    pub wait_period: Duration,
    /// 0 to [`TAGS_MAX`].
    pub tags: BTreeMap<String, String>,
    /// Absent only for clients that are not AWS's.
    pub token: Option<ClientToken>,
}

/// Change a safety rule's name and wait period, which is all that can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateSafetyRule {
    /// Which.
    pub rule: RuleArn,
    /// What the caller takes it for.
    pub sort: RuleSort,
    /// The new name.
    pub name: ControlName,
    /// The new period.
    pub wait_period: Duration,
}

/// The longest wait period: what AWS's integers hold, 24 days.
const WAIT_MS_MAX: u64 = i32::MAX as u64;

fn wait_period(check: &mut Check, members: &Map<String, Value>) -> Option<Duration> {
    check.required(members, "WaitPeriodMs", integer(0, WAIT_MS_MAX)).map(Duration::from_millis)
}

/// Of two members, the one that is there.
fn one_of<'a>(check: &mut Check, members: &Map<String, Value>, names: [&'a str; 2]) -> Option<&'a str> {
    let there = names.map(|name| members.get(name).is_some_and(|value| !value.is_null()));
    match there {
        [true, false] => Some(names[0]),
        [false, true] => Some(names[1]),
        _ => {
            let [first, second] = names;
            check.add(
                "request",
                Reason::MissingValue,
                format!("must have exactly one of {first} and {second}"),
            );
            None
        }
    }
}

/// What both sorts of new rules have.
struct NewRule {
    panel: PanelId,
    name: ControlName,
    kind: NewRuleKind,
    config: RuleConfig,
    wait_period: Duration,
}

fn controls(
    check: &mut Check,
    members: &Map<String, Value>,
    name: &str,
    panel: Option<PanelArn>,
) -> Option<Vec<ControlId>> {
    let bounds = (Reason::MissingValue, 1, CONTROLS_MAX);
    let arns: Vec<ControlArn> =
        check.required_list(members, name, bounds, |check, value| check.item(value, text(arn)))?;
    if let Some(PanelArn(panel)) = panel
        && let Some(other) = arns.iter().find(|arn| arn.panel != panel)
    {
        check.add(name, Reason::MissingValue, format!("{other} is in another panel than the rule"));
    }
    let ids: BTreeSet<ControlId> = arns.iter().map(|arn| arn.control).collect();
    if ids.len() < arns.len() {
        check.add(name, Reason::MissingValue, "has a routing control twice; name each once");
    }
    Some(ids.into_iter().collect())
}

fn rule_config(check: &mut Check, members: &Map<String, Value>, asked: Option<usize>) -> Option<RuleConfig> {
    let kind = check.required(
        members,
        "Type",
        text(|text| match text {
            "ATLEAST" => Ok(RuleType::AtLeast),
            "AND" => Ok(RuleType::All),
            "OR" => Ok(RuleType::Any),
            other => {
                Err(wrong(Reason::MissingValue, format!("{} is none of ATLEAST, AND, OR", shown(other))))
            }
        }),
    );
    let threshold = check.required(members, "Threshold", integer(0, u64::from(u16::MAX)));
    let inverted = check.required(members, "Inverted", boolean);
    let (kind, threshold) = (kind?, threshold?);
    // A rule that can never hold would lock its controls, one that always holds would protect nothing.
    if kind == RuleType::AtLeast
        && let Some(asked) = asked
        && (threshold == 0 || threshold > asked as u64)
    {
        check.add(
            "Threshold",
            Reason::MissingValue,
            format!("must be 1 to {asked}, the number of the rule's controls"),
        );
    }
    Some(RuleConfig { kind, threshold: threshold as u16, inverted: inverted? })
}

fn new_rule(check: &mut Check, members: &Map<String, Value>, sort: RuleSort) -> Option<NewRule> {
    let panel = check.required(members, "ControlPanelArn", text(arn));
    let name = check.required(members, "Name", text(texts::name));
    let wait_period = wait_period(check, members);
    let (asked, targets) = match sort {
        RuleSort::Assertion => (controls(check, members, "AssertedControls", panel), None),
        RuleSort::Gating => {
            let gating = controls(check, members, "GatingControls", panel);
            (gating, controls(check, members, "TargetControls", panel))
        }
    };
    let count = asked.as_ref().map(Vec::len);
    let config =
        check.required_object(members, "RuleConfig", |check, members| rule_config(check, members, count));
    let kind = match sort {
        RuleSort::Assertion => NewRuleKind::Assertion { asserted: asked? },
        RuleSort::Gating => NewRuleKind::Gating { gating: asked?, targets: targets? },
    };
    let PanelArn(panel) = panel?;
    Some(NewRule { panel, name: name?, kind, config: config?, wait_period: wait_period? })
}

impl CreateSafetyRule {
    pub(in crate::call) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let members = &source.members;
        let tags = check.optional(members, "Tags", tags).unwrap_or_default();
        let token = token(check, source);
        let given = one_of(check, members, ["AssertionRule", "GatingRule"])?;
        let sort = if given == "AssertionRule" { RuleSort::Assertion } else { RuleSort::Gating };
        let NewRule { panel, name, kind, config, wait_period } =
            check.object(members, given, |check, members| new_rule(check, members, sort))?;
        Some(Self { panel, name, kind, config, wait_period, tags, token })
    }
}

impl UpdateSafetyRule {
    pub(in crate::call) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let given = one_of(check, &source.members, ["AssertionRuleUpdate", "GatingRuleUpdate"])?;
        let sort = if given == "AssertionRuleUpdate" { RuleSort::Assertion } else { RuleSort::Gating };
        check.object(&source.members, given, |check, members| {
            let rule = check.required(members, "SafetyRuleArn", text(arn));
            let name = check.required(members, "Name", text(texts::name));
            let wait_period = wait_period(check, members);
            Some(Self { rule: rule?, sort, name: name?, wait_period: wait_period? })
        })
    }
}
