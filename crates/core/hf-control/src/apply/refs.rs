//! Which routing control or safety rule an operator means.
//!
//! 1. A number means what has it.
//! 2. `PANEL/NAME` means the one of the built-in cluster; if it has none, the only one of the other clusters.
//! 3. `NAME` means the only one of all panels.
//! 4. Where several fit, nothing is guessed: the refusal lists them with their numbers.
//!
//! Names are looked up in an index that is made once for a batch.

use std::collections::BTreeMap;
use std::fmt::Display;

use hf_model::{ClusterId, ControlId, ControlName, PanelId, RuleId};

use crate::board::{Board, ControlRef, RuleRef};
use crate::command::Refusal;

/// Panels that an ambiguity lists; a refusal is remembered and must stay small.
const SHOWN_MAX: usize = 5;

/// The objects of one kind by name.
struct Index<'a, Id>(BTreeMap<&'a ControlName, Vec<Named<'a, Id>>>);

struct Named<'a, Id> {
    panel: &'a ControlName,
    is_built_in: bool,
    id: Id,
}

enum Miss {
    Unknown,
    Ambiguous(String),
}

impl Board {
    /// The controls meant, in the order given.
    pub(super) fn resolve_controls<'a>(
        &self,
        built_in: ClusterId,
        meant: impl Iterator<Item = &'a ControlRef> + Clone,
    ) -> Result<Vec<ControlId>, Refusal> {
        let by_number = meant.clone().all(|control| matches!(control, ControlRef::Id(_)));
        let named = self.controls.values().filter(|_| !by_number);
        let index = self.index(built_in, named.map(|control| (control.panel, &control.name, control.id)));
        let resolve = |control: &ControlRef| {
            let (panel, name) = match control {
                ControlRef::Id(id) if self.controls.contains_key(id) => return Ok(*id),
                ControlRef::Id(_) => return Err(Refusal::UnknownControl { control: control.clone() }),
                ControlRef::Path(path) => (Some(&path.panel), &path.control),
                ControlRef::Name(name) => (None, name),
            };
            index.pick(panel, name).map_err(|miss| match miss {
                Miss::Unknown => Refusal::UnknownControl { control: control.clone() },
                Miss::Ambiguous(panels) => Refusal::Ambiguous { name: name.clone(), panels },
            })
        };
        meant.map(resolve).collect()
    }

    /// The rules meant, in the order given.
    pub(super) fn resolve_rules(
        &self,
        built_in: ClusterId,
        meant: &[RuleRef],
    ) -> Result<Vec<RuleId>, Refusal> {
        let by_number = meant.iter().all(|rule| matches!(rule, RuleRef::Id(_)));
        let named = self.rules.values().filter(|_| !by_number);
        let index = self.index(built_in, named.map(|rule| (rule.panel, &rule.name, rule.id)));
        let resolve = |rule: &RuleRef| {
            let (panel, name) = match rule {
                RuleRef::Id(id) if self.rules.contains_key(id) => return Ok(*id),
                RuleRef::Id(_) => return Err(Refusal::UnknownRule { rule: rule.clone() }),
                RuleRef::Path(path) => (Some(&path.panel), &path.control),
                RuleRef::Name(name) => (None, name),
            };
            index.pick(panel, name).map_err(|miss| match miss {
                Miss::Unknown => Refusal::UnknownRule { rule: rule.clone() },
                Miss::Ambiguous(panels) => Refusal::Ambiguous { name: name.clone(), panels },
            })
        };
        meant.iter().map(resolve).collect()
    }

    fn index<'a, Id>(
        &'a self,
        built_in: ClusterId,
        objects: impl Iterator<Item = (PanelId, &'a ControlName, Id)>,
    ) -> Index<'a, Id> {
        let mut index: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (panel, name, id) in objects {
            let Some(panel) = self.panels.get(&panel) else { continue };
            let named = Named { panel: &panel.name, is_built_in: panel.cluster == built_in, id };
            index.entry(name).or_default().push(named);
        }
        Index(index)
    }
}

impl<Id: Copy + Display> Index<'_, Id> {
    fn pick(&self, panel: Option<&ControlName>, name: &ControlName) -> Result<Id, Miss> {
        let fits = |named: &&Named<'_, Id>| panel.is_none_or(|panel| named.panel == panel);
        let all = self.0.get(name).into_iter().flatten().filter(fits);
        let is_path = panel.is_some();
        // In one cluster no two objects have the same path.
        if let Some(named) = all.clone().find(|named| is_path && named.is_built_in) {
            return Ok(named.id);
        }
        let found: Vec<&Named<'_, Id>> = all.collect();
        match found[..] {
            [] => Err(Miss::Unknown),
            [named] => Ok(named.id),
            _ => {
                let mut shown: Vec<String> = found
                    .iter()
                    .take(SHOWN_MAX)
                    .map(|named| format!("{} (#{})", named.panel, named.id))
                    .collect();
                // By panel, whatever numbers they were born with.
                shown.sort();
                let rest = found.len() - shown.len();
                if rest > 0 {
                    shown.push(format!("{rest} more"));
                }
                Err(Miss::Ambiguous(shown.join(", ")))
            }
        }
    }
}
