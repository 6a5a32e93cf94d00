//! The model of routing controls: switches that batches set together, under safety rules.
//!
//! 1. A batch is done as a whole or not at all. Done with a revision, which is above every revision that an answer had before.
//! 2. A get answers all values at one revision: not an older one than any answer had that came before it was called.
//! 3. Assertion rules are judged on the values after a batch, gating rules on those before it; a batch that names a rule passes it.
//!    A rule counts only for batches that change one of its asserted or target controls.
//! 4. Who asks again with the same request id asks once: [`merge_requests`] makes one operation of it, from the first call to the
//!    first answer, and every later answer must be the same.
//! 5. A refusal that names no rule (a wait period, a floor, a name that does not exist) can be true at any time: nothing
//!    changed. This model knows no clock.
//!
//! A second count on purpose: nothing of `hf-control` is used here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::history::{Operation, Returned};
use crate::model::Model;

#[cfg(test)]
mod tests;

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Traffic may flow.
    On,
    /// It may not.
    Off,
}

/// A safety rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, unique in the history.
    pub name: String,
    /// The controls that are counted.
    pub of: BTreeSet<String>,
    /// So many of them are on, at least.
    pub at_least: u32,
    /// The count says the opposite.
    #[serde(default)]
    pub inverted: bool,
    /// A gating rule: these change only while the count is right. Without it, an assertion rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeSet<String>>,
}

impl Rule {
    /// Whether the count is right.
    pub fn holds(&self, is_on: impl Fn(&str) -> bool) -> bool {
        let on = self.of.iter().filter(|control| is_on(control)).count();
        (on >= self.at_least as usize) != self.inverted
    }

    /// The controls whose change it has a word in.
    pub fn guarded(&self) -> &BTreeSet<String> {
        self.targets.as_ref().unwrap_or(&self.of)
    }
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// Set these, all or none.
    Set {
        /// The name of the request: asked again, it is the same operation.
        request: String,
        /// What to set to what.
        controls: BTreeMap<String, Switch>,
        /// Rules that are not to count.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        overrides: BTreeSet<String>,
    },
    /// All values.
    Get {},
}

/// What it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Output {
    /// The batch is in force.
    Done {
        /// Since this revision.
        revision: u64,
    },
    /// Nothing changed.
    Refused {
        /// The rule that would have been broken; none for any other reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
    },
    /// All values.
    Values {
        /// At this revision.
        revision: u64,
        /// The values.
        controls: BTreeMap<String, Switch>,
    },
}

/// One operation on routing controls.
pub type ControlOperation = Operation<Input, Output>;

/// The controls and the rules over them, which do not change while a history is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    /// All of them, as they are before the first operation.
    pub initial: BTreeMap<String, Switch>,
    /// The rules.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// The values, and the newest revision that an answer had.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Values {
    /// One bit for each control, in the order of their names.
    on: Vec<u64>,
    revision: u64,
    /// A batch of unknown outcome came after that revision, at one that nobody knows.
    is_past: bool,
}

impl Values {
    /// The lowest revision that an answer can have now.
    fn least(&self) -> u64 {
        self.revision.saturating_add(u64::from(self.is_past))
    }

    fn get(&self, at: usize) -> bool {
        self.on[at / 64] >> (at % 64) & 1 == 1
    }

    fn set(&mut self, at: usize, to: Switch) {
        let bit = 1 << (at % 64);
        match to {
            Switch::On => self.on[at / 64] |= bit,
            Switch::Off => self.on[at / 64] &= !bit,
        }
    }
}

/// The model: [`Controls`], prepared.
#[derive(Clone, Debug)]
pub struct ControlsModel {
    controls: Controls,
    places: BTreeMap<String, usize>,
}

impl ControlsModel {
    /// The model of these controls.
    pub fn new(controls: Controls) -> ControlsModel {
        let places = controls.initial.keys().cloned().zip(0..).collect();
        ControlsModel { controls, places }
    }

    fn is_on(&self, values: &Values, control: &str) -> bool {
        self.places.get(control).is_some_and(|at| values.get(*at))
    }

    /// The values after a batch, and the rules that refuse it; none if it names a control that does not exist.
    fn after(
        &self,
        before: &Values,
        sets: &BTreeMap<String, Switch>,
        overrides: &BTreeSet<String>,
    ) -> Option<(Values, Vec<&str>)> {
        let mut after = before.clone();
        for (control, to) in sets {
            after.set(*self.places.get(control)?, *to);
        }
        let changes = |control: &String| self.is_on(before, control) != self.is_on(&after, control);
        let broken = |rule: &&Rule| {
            let judged = if rule.targets.is_some() { before } else { &after };
            !overrides.contains(&rule.name)
                && rule.guarded().iter().any(changes)
                && !rule.holds(|control| self.is_on(judged, control))
        };
        let broken = self.controls.rules.iter().filter(broken).map(|rule| rule.name.as_str()).collect();
        Some((after, broken))
    }

    /// Whether some rule looks at controls of both.
    fn are_tied(&self, one: &BTreeMap<String, Switch>, other: &BTreeMap<String, Switch>) -> bool {
        self.controls.rules.iter().any(|rule| {
            let looks_at = |sets: &BTreeMap<String, Switch>| {
                sets.keys().any(|control| rule.of.contains(control) || rule.guarded().contains(control))
            };
            looks_at(one) && looks_at(other)
        })
    }
}

impl Model for ControlsModel {
    type State = Values;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> Values {
        let on = vec![0; self.places.len().div_ceil(64)];
        let mut values = Values { on, revision: 0, is_past: false };
        for (at, to) in self.controls.initial.values().enumerate() {
            values.set(at, *to);
        }
        values
    }

    fn step(&self, state: &Values, input: &Input, output: Option<&Output>) -> Option<Values> {
        match (input, output) {
            (Input::Set { controls, overrides, .. }, Some(Output::Done { revision })) => {
                let (after, broken) = self.after(state, controls, overrides)?;
                let fits = broken.is_empty() && *revision > state.least();
                fits.then_some(Values { revision: *revision, is_past: false, ..after })
            }
            (Input::Set { .. }, Some(Output::Refused { rule: None })) | (Input::Get {}, None) => {
                Some(state.clone())
            }
            (Input::Set { controls, overrides, .. }, Some(Output::Refused { rule: Some(rule) })) => {
                let (_, broken) = self.after(state, controls, overrides)?;
                broken.contains(&rule.as_str()).then(|| state.clone())
            }
            (Input::Set { controls, overrides, .. }, None) => match self.after(state, controls, overrides) {
                Some((after, broken)) if broken.is_empty() && after != *state => {
                    Some(Values { is_past: true, ..after })
                }
                _ => Some(state.clone()),
            },
            (Input::Get {}, Some(Output::Values { revision, controls })) => {
                let is_value = |(control, to): (&String, &Switch)| {
                    self.places.get(control).is_some_and(|at| state.get(*at) == (*to == Switch::On))
                };
                let fits = *revision >= state.least()
                    && controls.len() == self.places.len()
                    && controls.iter().all(is_value);
                fits.then(|| Values { on: state.on.clone(), revision: *revision, is_past: false })
            }
            (Input::Set { .. }, Some(Output::Values { .. })) | (Input::Get {}, Some(_)) => None,
        }
    }

    /// A get that fits at a revision can only fit later while that revision is the newest; a refusal changes nothing anywhere.
    fn only_looks(&self, input: &Input, output: &Output) -> bool {
        matches!((input, output), (Input::Get {}, _) | (_, Output::Refused { .. }))
    }

    fn is_too_late(&self, state: &Values, _: &Input, output: &Output) -> bool {
        match output {
            Output::Done { revision } => *revision <= state.least(),
            Output::Values { revision, .. } => *revision < state.least(),
            Output::Refused { .. } => false,
        }
    }

    fn position(&self, output: &Output) -> Option<u64> {
        match output {
            Output::Done { revision } | Output::Values { revision, .. } => Some(*revision),
            Output::Refused { .. } => None,
        }
    }

    fn can_show(&self, unknown: &Input, other: &Input, output: &Output) -> bool {
        let Input::Set { controls: sets, .. } = unknown else { return false };
        match (other, output) {
            (_, Output::Values { controls, .. }) => {
                sets.iter().any(|(control, to)| controls.get(control) == Some(to))
            }
            (Input::Set { .. }, Output::Refused { rule: None }) => false,
            (Input::Set { controls, .. }, _) => self.are_tied(sets, controls),
            (Input::Get {}, _) => true,
        }
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> String {
        let list = |controls: &BTreeMap<String, Switch>| {
            let words = controls.iter().map(|(control, to)| format!("{control}={}", word(*to)));
            words.collect::<Vec<_>>().join(" ")
        };
        let asked = match input {
            Input::Set { request, controls, overrides } if overrides.is_empty() => {
                format!("set {} ({request})", list(controls))
            }
            Input::Set { request, controls, overrides } => {
                let names: Vec<&str> = overrides.iter().map(String::as_str).collect();
                format!("set {} ({request}), overriding {}", list(controls), names.join(" "))
            }
            Input::Get {} => "get".to_owned(),
        };
        let answered = match output {
            None => "outcome unknown".to_owned(),
            Some(Output::Done { revision }) => format!("done at {revision}"),
            Some(Output::Refused { rule: None }) => "refused".to_owned(),
            Some(Output::Refused { rule: Some(rule) }) => format!("refused by {rule}"),
            Some(Output::Values { revision, controls }) => format!("{} at {revision}", list(controls)),
        };
        format!("{asked}: {answered}")
    }

    fn describe_state(&self, state: &Values) -> String {
        let on = |control: &str| if self.is_on(state, control) { "on" } else { "off" };
        let words: Vec<String> =
            self.places.keys().map(|control| format!("{control}={}", on(control))).collect();
        let past = if state.is_past { " and past it" } else { "" };
        format!("{} at {}{past}", words.join(" "), state.revision)
    }
}

fn word(switch: Switch) -> &'static str {
    match switch {
        Switch::On => "on",
        Switch::Off => "off",
    }
}

/// One request, two answers, or two things asked under one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("request {request} {what}: a repeated request has its first answer and no other effect")]
pub struct Contradiction {
    /// Which.
    pub request: String,
    /// What is wrong.
    pub what: String,
}

/// Makes one operation of all that have one request id: from the first call to the first answer.
///
/// # Errors
///
/// [`Contradiction`] when a repeated request was answered otherwise than the first time, or asks something else.
pub fn merge_requests(history: Vec<ControlOperation>) -> Result<Vec<ControlOperation>, Contradiction> {
    let mut merged: Vec<ControlOperation> = Vec::with_capacity(history.len());
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for operation in history {
        let Input::Set { request, .. } = &operation.input else {
            merged.push(operation);
            continue;
        };
        let Some(at) = places.get(request) else {
            places.insert(request.clone(), merged.len());
            merged.push(operation);
            continue;
        };
        let first = &mut merged[*at];
        let contradiction = |what: String| Contradiction { request: request.clone(), what };
        if first.input != operation.input {
            return Err(contradiction("was used for two different batches".to_owned()));
        }
        if let (Some(one), Some(other)) = (first.output(), operation.output())
            && one != other
        {
            return Err(contradiction(format!("was answered {one:?} and {other:?}")));
        }
        first.called_us = first.called_us.min(operation.called_us);
        first.returned = match (first.returned.take(), operation.returned) {
            (Some(one), Some(other)) => {
                Some(Returned { at_us: one.at_us.min(other.at_us), output: one.output })
            }
            (one, other) => one.or(other),
        };
    }
    Ok(merged)
}
