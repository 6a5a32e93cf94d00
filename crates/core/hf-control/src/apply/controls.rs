//! Turning routing controls: one batch, all or nothing.
//!
//! 1. A control that already stands so is passed over: that turns nothing, asks no rule, restarts no wait period.
//! 2. A gating rule with a target that turns is judged on how its gating controls stood before: no batch opens a gate and passes it.
//! 3. An assertion rule with a control that turns is judged on how its controls stand after, whichever way they turn.
//! 4. After one of a rule's controls (asserted ones or targets) has turned, none of them turns again within the rule's wait period.
//! 5. A rule that is named in the overrides is not asked. What it would have refused is told, by name.
//! 6. Then the floor, over all acts of people together ([`super::floor`]): a control that is off takes the zones behind it away. Those of
//!    pools and records do not ask the floor: whoever declares them says that the pool may be empty. Turning on is never refused by it.
//! 7. Practice runs give way, as they do to shifts ([`super::practice`]).
//!
//! Of several refusals the one about what cannot be is told before the one that time mends, and each in order of the rules' names.
//! The work grows with the batch and with the rules of the panels that it touches.

use std::collections::{BTreeMap, BTreeSet};

use hf_model::{ControlId, ControlPath, Operator, PanelId, PoolName, RuleId, Switch, ZoneId};

use super::{Effect, asked, words};
use crate::board::{RoutingControl, RuleKind, RuleRef, SafetyRule};
use crate::command::{Command, ControlSet, Event, Refusal};
use crate::intent::{Return, Scope};
use crate::state::State;

/// A batch as asked for.
pub(super) struct Batch<'a> {
    pub(super) sets: &'a [ControlSet],
    pub(super) rule_overrides: &'a [RuleRef],
    pub(super) floor_overrides: &'a [PoolName],
    pub(super) reason: &'a str,
    pub(super) by: &'a Operator,
}

/// The controls that turn, and how they stand then.
pub(super) type Turns = BTreeMap<ControlId, Switch>;

impl State {
    pub(super) fn set_controls(&mut self, batch: &Batch<'_>) -> Result<Effect, Refusal> {
        if !(1..=Command::SETS).contains(&batch.sets.len()) {
            return Err(Refusal::BatchSize { count: batch.sets.len() });
        }
        let reason = asked::clean_note(batch.reason)?;
        let floor_overrides = asked::check_floor_overrides(self.estate.as_deref(), batch.floor_overrides)?;
        asked::check_overrides(batch.rule_overrides.len())?;
        let built_in = self.board.built_in_cluster(self.estate_id);
        let skipped: BTreeSet<RuleId> =
            self.board.resolve_rules(built_in, batch.rule_overrides)?.into_iter().collect();
        let meant = self.board.resolve_controls(built_in, batch.sets.iter().map(|set| &set.control))?;
        self.check_each_once(&meant)?;
        let turning: Vec<(ControlId, Switch)> = meant
            .into_iter()
            .zip(batch.sets.iter().map(|set| set.to))
            .filter(|turn| self.turns(*turn))
            .collect();
        if turning.is_empty() {
            return Ok(self.done(None, Vec::new()));
        }
        let turns: Turns = turning.iter().copied().collect();
        let overridden = self.ask_rules(&turns, &skipped)?;
        let ended = self.ask_floor_for_controls(&turns, &floor_overrides)?;

        let mut events = self.interrupt(&ended);
        let were_away = self.zones_that_controls_take();
        events
            .extend(turning.iter().filter_map(|turn| self.turn(*turn, &floor_overrides, &reason, batch.by)));
        self.return_zones(&were_away);
        if !overridden.is_empty() {
            events.push(Event::RulesOverridden(overridden));
        }
        if !floor_overrides.is_empty() {
            events.push(Event::FloorsOverridden(floor_overrides));
        }
        Ok(self.done(None, events))
    }

    fn check_each_once(&self, controls: &[ControlId]) -> Result<(), Refusal> {
        let mut seen = BTreeSet::new();
        let twice = controls.iter().find(|id| !seen.insert(**id)).and_then(|id| self.board.controls.get(id));
        match twice.and_then(|control| self.board.path_of(control)) {
            Some(control) => Err(Refusal::TwiceInBatch { control }),
            None => Ok(()),
        }
    }

    fn turns(&self, (control, to): (ControlId, Switch)) -> bool {
        self.board.controls.get(&control).is_some_and(|control| control.to != to)
    }

    /// Asks every rule that has a say; gives the names of those that would have refused, had they been asked.
    fn ask_rules(&self, turns: &Turns, skipped: &BTreeSet<RuleId>) -> Result<Vec<ControlPath>, Refusal> {
        let controls = turns.keys().filter_map(|id| self.board.controls.get(id));
        let panels: BTreeSet<PanelId> = controls.map(|control| control.panel).collect();
        let rules = self.board.rules.values().filter(|rule| panels.contains(&rule.panel));
        let mut touched: Vec<(ControlPath, &SafetyRule)> = rules
            .filter(|rule| rule.kind.guarded().iter().any(|id| turns.contains_key(id)))
            .map(|rule| (self.board.rule_path(rule), rule))
            .collect();
        touched.sort_by(|(path, rule), (other_path, other)| (path, rule.id).cmp(&(other_path, other.id)));
        let (unasked, asked): (Vec<_>, Vec<_>) =
            touched.into_iter().partition(|(_, rule)| skipped.contains(&rule.id));
        asked.iter().try_for_each(|(path, rule)| self.ask_rule(path, rule, turns))?;
        asked.iter().try_for_each(|(path, rule)| self.ask_wait(path, rule))?;
        let would_refuse = |(path, rule): &(ControlPath, &SafetyRule)| {
            self.ask_rule(path, rule, turns).and_then(|()| self.ask_wait(path, rule)).is_err()
        };
        Ok(unasked.into_iter().filter(would_refuse).map(|(path, _)| path).collect())
    }

    fn ask_rule(&self, path: &ControlPath, rule: &SafetyRule, turns: &Turns) -> Result<(), Refusal> {
        let counted = rule.kind.counted();
        let is_gate = matches!(rule.kind, RuleKind::Gate { .. });
        let is_on = |control: &RoutingControl| {
            let after = turns.get(&control.id).filter(|_| !is_gate);
            *after.unwrap_or(&control.to) == Switch::On
        };
        let controls = counted.iter().filter_map(|id| self.board.controls.get(id));
        let (on, of) = (controls.filter(|control| is_on(control)).count(), counted.len());
        if rule.test.holds(on, of) {
            return Ok(());
        }
        let (rule_path, id, wants) = (path.clone(), rule.id, words::wants(rule.test));
        Err(if is_gate {
            Refusal::GateClosed { rule: rule_path, id, wants, of, on }
        } else {
            Refusal::RuleBroken { rule: rule_path, id, wants, of, on }
        })
    }

    fn ask_wait(&self, path: &ControlPath, rule: &SafetyRule) -> Result<(), Refusal> {
        let controls = rule.kind.guarded().iter().filter_map(|id| self.board.controls.get(id));
        let Some(newest) = controls.filter_map(|control| control.turned_at).max() else { return Ok(()) };
        let left = rule.wait_period.saturating_sub(self.stamp.since(newest));
        if left.is_zero() {
            return Ok(());
        }
        Err(Refusal::Waiting { rule: path.clone(), id: rule.id, left })
    }

    fn turn(
        &mut self,
        (id, to): (ControlId, Switch),
        floor_overrides: &[PoolName],
        reason: &str,
        by: &Operator,
    ) -> Option<Event> {
        let control = self.board.controls.get_mut(&id)?;
        let before = std::mem::replace(&mut control.to, to);
        (control.changed_at, control.turned_at) = (self.stamp, Some(self.stamp));
        control.by = by.clone();
        reason.clone_into(&mut control.reason);
        control.floor_overrides = if to == Switch::Off { floor_overrides.to_vec() } else { Vec::new() };
        control.revision = self.revision;
        let path = self.board.path_of(self.board.controls.get(&id)?)?;
        Some(Event::ControlTurned { path, before, after: to })
    }

    /// The zones that routing controls take away.
    pub(super) fn zones_that_controls_take(&self) -> BTreeSet<ZoneId> {
        let Some(estate) = self.estate.as_deref() else { return BTreeSet::new() };
        self.zones_behind_off_controls().into_iter().map(|zone| estate.zone(zone).id.clone()).collect()
    }

    /// Those that no control takes any more return.
    pub(super) fn return_zones(&mut self, were_away: &BTreeSet<ZoneId>) {
        let are_away = self.zones_that_controls_take();
        for zone in were_away.difference(&are_away) {
            self.push_return(Return { zone: zone.clone(), scope: Scope::Everything, at: self.stamp });
        }
    }
}
