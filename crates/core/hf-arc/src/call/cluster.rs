//! Inputs of route53-recovery-cluster: where routing controls stand.

use std::collections::BTreeSet;

use hf_model::Switch;
use serde_json::{Map, Value};

use super::{Source, any_text, paging};
use crate::arn::{ControlArn, PanelArn, RuleArn};
use crate::error::ValidationReason as Reason;
use crate::fields::{Check, Leaf};
use crate::page::Paging;
use crate::texts::{self, integer, sized, text, wrong};

/// Routing controls of one batch at most. AWS takes 10.
pub const ENTRIES_MAX: usize = 100;
/// Safety rules that one call may override.
pub const OVERRIDES_MAX: usize = 100;

/// Where one routing control stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetRoutingControlState {
    /// Which.
    pub control: ControlArn,
}

/// Where all of them stand; AWS calls this `ListRoutingControls` in this service too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRoutingControlStates {
    /// Only those of this panel.
    pub panel: Option<PanelArn>,
    /// Which part.
    pub paging: Paging,
}

/// One routing control and where it is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub control: ControlArn,
    /// On or off.
    pub to: Switch,
}

/// Turn one routing control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRoutingControlState {
    /// Which, and to what.
    pub entry: Entry,
    /// Rules that are not asked, each once; 0 to [`OVERRIDES_MAX`].
    pub overrides: Vec<RuleArn>,
}

/// Turn several, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRoutingControlStates {
    /// 1 to [`ENTRIES_MAX`], each control once.
    pub entries: Vec<Entry>,
    /// Rules that are not asked, each once; 0 to [`OVERRIDES_MAX`].
    pub overrides: Vec<RuleArn>,
}

/// An ARN by the API's rule, then one of ours.
fn arn<T: std::str::FromStr<Err = crate::arn::ArnError>>(text: &str) -> Leaf<T> {
    sized(Reason::MissingValue, 1, 255)(text)?;
    text.parse().map_err(|error| wrong(Reason::MissingValue, error))
}

fn entry(check: &mut Check, members: &Map<String, Value>) -> Option<Entry> {
    let control = check.required(members, "RoutingControlArn", text(arn));
    let to = check.required(members, "RoutingControlState", text(texts::switch));
    Some(Entry { control: control?, to: to? })
}

fn overrides(check: &mut Check, members: &Map<String, Value>) -> Vec<RuleArn> {
    let name = "SafetyRulesToOverride";
    let rules = check.list(members, name, (Reason::MissingValue, 0, OVERRIDES_MAX), |check, value| {
        check.item(value, text(arn))
    });
    // A rule that is named twice is overridden once.
    rules.unwrap_or_default().into_iter().collect::<BTreeSet<RuleArn>>().into_iter().collect()
}

impl GetRoutingControlState {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        Some(Self { control: check.required(&source.members, "RoutingControlArn", text(arn))? })
    }
}

impl ListRoutingControlStates {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let members = &source.members;
        let panel: Option<PanelArn> = check.optional(members, "ControlPanelArn", text(arn));
        let token = check.optional(members, "NextToken", text(any_text));
        let size = check.optional(members, "MaxResults", integer(1, i32::MAX as u64));
        let paging = paging(
            check,
            &format!("states {}", panel.map(|arn| arn.to_string()).unwrap_or_default()),
            ("NextToken", token),
            size,
        )?;
        Some(Self { panel, paging })
    }
}

impl UpdateRoutingControlState {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let entry = entry(check, &source.members);
        let overrides = overrides(check, &source.members);
        Some(Self { entry: entry?, overrides })
    }
}

impl UpdateRoutingControlStates {
    pub(super) fn read(check: &mut Check, source: &Source<'_>) -> Option<Self> {
        let name = "UpdateRoutingControlStateEntries";
        let count = source.members.get(name).and_then(Value::as_array).map_or(0, Vec::len);
        if count > ENTRIES_MAX {
            check.passes(
                "entries-per-batch",
                format!("{name} has {count} entries, a batch takes {ENTRIES_MAX}; split it, or ask for what belongs together"),
            );
            return None;
        }
        let bounds = (Reason::MissingValue, 1, ENTRIES_MAX);
        let entries = check
            .required_list(&source.members, name, bounds, |check, value| check.item_object(value, entry));
        let overrides = overrides(check, &source.members);
        let entries = entries?;
        let mut seen = BTreeSet::new();
        for (at, entry) in entries.iter().enumerate() {
            if !seen.insert(entry.control) {
                check.add(
                    &format!("{name}[{at}].RoutingControlArn"),
                    Reason::MissingValue,
                    format!("{} is in the batch twice; name each routing control once", entry.control),
                );
            }
        }
        Some(Self { entries, overrides })
    }
}
