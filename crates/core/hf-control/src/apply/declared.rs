//! What the estate declares, brought onto the board: panels, routing controls and safety rules of the built-in cluster.
//!
//! 1. The same name is the same object. One that a command made becomes the estate's; its number stays, a control stands as it stood.
//! 2. A new control stands as `initial` says. A rule asks what the estate says, whatever it asked before.
//! 3. What the estate declared before and no more is removed, and with a control that was off its effect: that is an operator's word too.
//!    It is refused while something that a command made needs it: a control or rule in a panel, a rule over a control.
//! 4. The bounds hold for both origins together.
//!
//! A new control that is off, or an old one that is put behind a zone, may ask for more than a floor lets go; the text is right, and
//! `hf-decide` then keeps the floor in sight of everybody, as with a floor that is raised. A rule may be broken when it is
//! new: it guards changes.

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::{Estate, EstateRule, RuleWords, limits};
use hf_model::{ClusterId, ControlId, ControlName, Operator, PanelId, RuleId, Timestamp};

use super::birth::Numbers;
use crate::board::{Board, ObjectId, Origin, Panel, PanelRole, RoutingControl, RuleKind, SafetyRule, Tags};
use crate::command::{Bounded, Event, Refusal};

/// The board with an estate in force.
pub(super) struct Declared {
    pub(super) board: Board,
    pub(super) events: Vec<Event>,
}

/// Who declares it, and when.
pub(super) struct Context<'a> {
    pub(super) stamp: Timestamp,
    pub(super) by: &'a Operator,
}

/// The board that `estate` makes of this one.
pub(super) fn declare(
    before: &Board,
    built_in: ClusterId,
    estate: &Estate,
    context: &Context<'_>,
    numbers: &mut Numbers,
) -> Result<Declared, Refusal> {
    let mut work = Work { board: before.clone(), built_in, context, numbers };
    let panels = work.panels(estate);
    let controls = work.controls(estate, &panels);
    let rules = work.rules(estate, &panels, &controls);
    let board = work.board;
    let board = swept(board, built_in, &panels, &controls, &rules)?;
    check_bounds(&board, built_in)?;
    let events = changes(before, &board);
    Ok(Declared { board, events })
}

type Panels = BTreeMap<ControlName, PanelId>;
type Controls = BTreeMap<(PanelId, ControlName), ControlId>;

struct Work<'a> {
    board: Board,
    built_in: ClusterId,
    context: &'a Context<'a>,
    numbers: &'a mut Numbers,
}

impl Work<'_> {
    /// The declared panels, made or found.
    fn panels(&mut self, estate: &Estate) -> Panels {
        let here = self.board.panels.values().filter(|panel| panel.cluster == self.built_in);
        let known: Panels = here.map(|panel| (panel.name.clone(), panel.id)).collect();
        let mut panels = Panels::new();
        for declared in &estate.control_panels {
            let found = known.get(&declared.name).and_then(|id| self.board.panels.get_mut(id));
            let id = if let Some(panel) = found {
                if panel.origin == Origin::Api {
                    (panel.origin, panel.revision) = (Origin::Estate, self.numbers.revision);
                }
                panel.id
            } else {
                let panel = Panel {
                    id: self.numbers.panel(&self.board),
                    cluster: self.built_in,
                    name: declared.name.clone(),
                    origin: Origin::Estate,
                    role: PanelRole::Plain,
                    tags: Tags::new(),
                    revision: self.numbers.revision,
                };
                let id = panel.id;
                self.board.panels.insert(id, panel);
                id
            };
            panels.insert(declared.name.clone(), id);
        }
        panels
    }

    fn controls(&mut self, estate: &Estate, panels: &Panels) -> Controls {
        let known: Controls = self
            .board
            .controls
            .values()
            .map(|control| ((control.panel, control.name.clone()), control.id))
            .collect();
        let mut controls = Controls::new();
        for declared in &estate.routing_controls {
            let Some(panel) = panels.get(&declared.path.panel) else { continue };
            let key = (*panel, declared.path.control.clone());
            let found = known.get(&key).and_then(|id| self.board.controls.get_mut(id));
            let id = if let Some(control) = found {
                if control.origin == Origin::Api {
                    (control.origin, control.revision) = (Origin::Estate, self.numbers.revision);
                }
                control.id
            } else {
                let control = RoutingControl {
                    id: self.numbers.control(&self.board),
                    panel: *panel,
                    name: declared.path.control.clone(),
                    origin: Origin::Estate,
                    to: declared.initial,
                    changed_at: self.context.stamp,
                    turned_at: None,
                    by: self.context.by.clone(),
                    reason: String::new(),
                    floor_overrides: Vec::new(),
                    tags: Tags::new(),
                    revision: self.numbers.revision,
                };
                let id = control.id;
                self.board.controls.insert(id, control);
                id
            };
            controls.insert(key, id);
        }
        controls
    }

    fn rules(&mut self, estate: &Estate, panels: &Panels, controls: &Controls) -> BTreeSet<RuleId> {
        let known: BTreeMap<(PanelId, ControlName), RuleId> =
            self.board.rules.values().map(|rule| ((rule.panel, rule.name.clone()), rule.id)).collect();
        let mut rules = BTreeSet::new();
        for declared in &estate.safety_rules {
            let Some(panel) = panels.get(&declared.path.panel) else { continue };
            let (kind, test) = resolved(declared, *panel, controls);
            let key = (*panel, declared.path.control.clone());
            let found = known.get(&key).and_then(|id| self.board.rules.get(id));
            let mut rule = SafetyRule {
                id: found.map_or_else(|| self.numbers.rule(&self.board), |rule| rule.id),
                panel: *panel,
                name: declared.path.control.clone(),
                origin: Origin::Estate,
                kind,
                test,
                wait_period: declared.wait_period,
                tags: found.map(|rule| rule.tags.clone()).unwrap_or_default(),
                revision: found.map_or(self.numbers.revision, |rule| rule.revision),
            };
            if found.is_some_and(|found| *found != rule) {
                rule.revision = self.numbers.revision;
            }
            rules.insert(rule.id);
            self.board.rules.insert(rule.id, rule);
        }
        rules
    }
}

/// The rule with numbers for names; an estate that was read has no name that is not there.
fn resolved(
    declared: &EstateRule,
    panel: PanelId,
    controls: &Controls,
) -> (RuleKind, hf_config::estate::RuleTest) {
    let numbers = |names: &[ControlName]| {
        names.iter().filter_map(|name| controls.get(&(panel, name.clone())).copied()).collect()
    };
    match &declared.rule {
        RuleWords::Assert { controls, test } => (RuleKind::Assert { controls: numbers(controls) }, *test),
        RuleWords::Gate { gating, targets, test } => {
            (RuleKind::Gate { gating: numbers(gating), targets: numbers(targets) }, *test)
        }
    }
}

/// Without what the estate declared before and no more.
fn swept(
    mut board: Board,
    built_in: ClusterId,
    panels: &Panels,
    controls: &Controls,
    rules: &BTreeSet<RuleId>,
) -> Result<Board, Refusal> {
    let whole = board.clone();
    let panels: BTreeSet<PanelId> = panels.values().copied().collect();
    let controls: BTreeSet<ControlId> = controls.values().copied().collect();
    board.rules.retain(|id, rule| rule.origin == Origin::Api || rules.contains(id));
    board.controls.retain(|id, control| control.origin == Origin::Api || controls.contains(id));
    for panel in board.panels.values_mut().filter(|panel| panel.cluster == built_in) {
        // The default panel is not the estate's to remove; without the estate's word it is a command's again.
        if panel.role == PanelRole::Default && !panels.contains(&panel.id) {
            panel.origin = Origin::Api;
        }
    }
    board.panels.retain(|id, panel| panel.origin == Origin::Api || panels.contains(id));
    for control in board.controls.values() {
        let Some(gone) = gone_panel(&whole, &board, control.panel) else { continue };
        let holds = format!("routing control {} in it was made by a command", control.name);
        return Err(Refusal::NotEmpty { what: format!("control panel {gone}"), holds });
    }
    for rule in board.rules.values() {
        let shown = format!("safety rule {} ", whole.shown(rule.panel, &rule.name));
        if let Some(gone) = gone_panel(&whole, &board, rule.panel) {
            let holds = format!("{shown}in it was made by a command");
            return Err(Refusal::NotEmpty { what: format!("control panel {gone}"), holds });
        }
        let needs = rule.kind.counted().iter().chain(rule.kind.guarded());
        let gone = needs.filter(|id| !board.controls.contains_key(id)).find_map(|id| whole.controls.get(id));
        if let Some(gone) = gone {
            let what = format!("routing control {}", whole.shown(gone.panel, &gone.name));
            return Err(Refusal::NotEmpty { what, holds: format!("{shown}was made over it by a command") });
        }
    }
    Ok(board)
}

fn gone_panel<'a>(whole: &'a Board, board: &Board, panel: PanelId) -> Option<&'a ControlName> {
    if board.panels.contains_key(&panel) { None } else { whole.panels.get(&panel).map(|panel| &panel.name) }
}

fn check_bounds(board: &Board, built_in: ClusterId) -> Result<(), Refusal> {
    let too_many = |what, count| Err(Refusal::TooMany { what, count });
    let here = |panel: &PanelId| board.panels.get(panel).is_some_and(|panel| panel.cluster == built_in);
    let plain = board
        .panels
        .values()
        .filter(|panel| panel.cluster == built_in && panel.role == PanelRole::Plain)
        .count();
    if plain > limits::CONTROL_PANELS {
        return too_many(Bounded::ControlPanels, limits::CONTROL_PANELS);
    }
    let mut controls: BTreeMap<PanelId, usize> = BTreeMap::new();
    for control in board.controls.values().filter(|control| here(&control.panel)) {
        *controls.entry(control.panel).or_default() += 1;
    }
    if controls.values().sum::<usize>() > limits::ROUTING_CONTROLS {
        return too_many(Bounded::RoutingControls, limits::ROUTING_CONTROLS);
    }
    if controls.values().any(|count| *count > limits::CONTROLS_OF_A_PANEL) {
        return too_many(Bounded::ControlsOfAPanel, limits::CONTROLS_OF_A_PANEL);
    }
    let mut rules: BTreeMap<PanelId, usize> = BTreeMap::new();
    for rule in board.rules.values().filter(|rule| here(&rule.panel)) {
        *rules.entry(rule.panel).or_default() += 1;
    }
    if rules.values().any(|count| *count > limits::RULES_OF_A_PANEL) {
        return too_many(Bounded::RulesOfAPanel, limits::RULES_OF_A_PANEL);
    }
    Ok(())
}

/// What differs: panels, controls, rules, and then what was removed, each in order of their words.
fn changes(before: &Board, after: &Board) -> Vec<Event> {
    let panels = |board: &Board| -> BTreeMap<ObjectId, String> {
        let told =
            |panel: &Panel| (ObjectId::Panel(panel.id), owned(panel.origin, Board::panel_words(panel)));
        board.panels.values().map(told).collect()
    };
    let controls = |board: &Board| -> BTreeMap<ObjectId, String> {
        let told = |control: &RoutingControl| {
            (ObjectId::Control(control.id), owned(control.origin, board.control_words(control)))
        };
        board.controls.values().map(told).collect()
    };
    let rules = |board: &Board| -> BTreeMap<ObjectId, String> {
        let told = |rule: &SafetyRule| (ObjectId::Rule(rule.id), owned(rule.origin, board.rule_words(rule)));
        board.rules.values().map(told).collect()
    };
    let (mut events, mut removed) = (Vec::new(), Vec::new());
    for (was, is) in
        [(panels(before), panels(after)), (controls(before), controls(after)), (rules(before), rules(after))]
    {
        let changed = is.iter().filter(|(object, words)| was.get(object) != Some(words));
        let mut told: Vec<(&String, &ObjectId)> = changed.map(|(object, words)| (words, object)).collect();
        told.sort();
        events.extend(told.into_iter().map(|(words, object)| Event::ObjectChanged {
            object: *object,
            before: was.get(object).cloned(),
            after: Some(words.clone()),
        }));
        let gone = was.iter().filter(|(object, _)| !is.contains_key(object));
        let mut told: Vec<(&String, &ObjectId)> = gone.map(|(object, words)| (words, object)).collect();
        told.sort();
        removed.extend(told.into_iter().map(|(words, object)| Event::ObjectChanged {
            object: *object,
            before: Some(words.clone()),
            after: None,
        }));
    }
    events.extend(removed);
    events
}

fn owned(origin: Origin, words: String) -> String {
    match origin {
        Origin::Estate => format!("{words}, declared in the estate"),
        Origin::Api => words,
    }
}
