//! Making, changing and removing clusters, control panels, routing controls and safety rules.
//!
//! 1. A name is unique in what is around it; an object keeps its number whatever it is called.
//! 2. What the estate declares is the estate's to change. Its tags are not: the estate says nothing of tags.
//! 3. Nothing goes that something else is in, or needs.
//! 4. A safety rule is over controls of its own panel, each once, and wants no more than there are. It may be broken when it is made: it
//!    guards changes. Making a control starts no wait period.
//!
//! Not here: how controls stand (`controls`), what the estate declares (`declared`), checks of rules and tags (`board_asked`).

use hf_config::estate::limits;
use hf_model::{ClusterId, ControlId, ControlName, Operator, PanelId, RuleId, Switch};

use super::{Effect, board_asked as asked};
use crate::board::{
    Board, BoardCommand, Cluster, NetworkType, ObjectId, Origin, Panel, PanelRole, RoutingControl,
    SafetyRule, Tags,
};
use crate::command::{Bounded, Event, Refusal};
use crate::state::State;

impl State {
    pub(super) fn change_board(&mut self, command: &BoardCommand, by: &Operator) -> Result<Effect, Refusal> {
        let (made, object, before) = if let Some(object) = changed_by(command) {
            (None, object, Some(self.change_object(object, command)?))
        } else {
            let object = self.create_object(command, by)?;
            (Some(object), object, None)
        };
        let after = self.board.words_of(object);
        let events =
            if before == after { Vec::new() } else { vec![Event::ObjectChanged { object, before, after }] };
        Ok(Effect { object: made, ..self.done(None, events) })
    }

    fn create_object(&mut self, command: &BoardCommand, by: &Operator) -> Result<ObjectId, Refusal> {
        match command {
            BoardCommand::CreateCluster { name, network, tags } => {
                self.create_cluster(name, *network, tags).map(ObjectId::Cluster)
            }
            BoardCommand::CreatePanel { cluster, name, tags } => {
                self.create_panel(*cluster, name, tags).map(ObjectId::Panel)
            }
            BoardCommand::CreateControl { cluster, panel, name } => {
                self.create_control(*cluster, *panel, name, by).map(ObjectId::Control)
            }
            BoardCommand::CreateRule { panel, name, kind, test, wait_period, tags } => {
                asked::check_wait(name, *wait_period)?;
                asked::check_rule(&self.board, *panel, name, kind, *test)?;
                let rule = SafetyRule {
                    id: self.numbers().rule(&self.board),
                    panel: *panel,
                    name: name.clone(),
                    origin: Origin::Api,
                    kind: kind.clone(),
                    test: *test,
                    wait_period: *wait_period,
                    tags: tags.clone(),
                    revision: self.revision,
                };
                self.create_rule(rule).map(ObjectId::Rule)
            }
            _ => Err(Refusal::Invalid { what: command.to_string(), why: "it makes nothing".to_owned() }),
        }
    }

    /// Gives the object as it was.
    fn change_object(&mut self, object: ObjectId, command: &BoardCommand) -> Result<String, Refusal> {
        let before = self.board.words_of(object).ok_or(Refusal::UnknownObject { object })?;
        let is_tagging = matches!(command, BoardCommand::Tag { .. } | BoardCommand::Untag { .. });
        if !is_tagging && self.board.origin_of(object) == Some(Origin::Estate) {
            return Err(Refusal::OwnedByEstate { what: self.board.name_of(object) });
        }
        match command {
            BoardCommand::UpdateCluster { id, network } => {
                if let Some(cluster) = self.board.clusters.get_mut(id) {
                    (cluster.network, cluster.revision) = (*network, self.revision);
                }
            }
            BoardCommand::DeleteCluster { id } => self.delete_cluster(*id)?,
            BoardCommand::RenamePanel { id, name } => self.rename_panel(*id, name)?,
            BoardCommand::DeletePanel { id } => self.delete_panel(*id)?,
            BoardCommand::RenameControl { id, name } => self.rename_control(*id, name)?,
            BoardCommand::DeleteControl { id } => self.delete_control(*id)?,
            BoardCommand::UpdateRule { id, name, wait_period } => {
                asked::check_wait(name, *wait_period)?;
                self.update_rule(*id, name, *wait_period)?;
            }
            BoardCommand::DeleteRule { id } => drop(self.board.rules.remove(id)),
            BoardCommand::Tag { object, tags } => {
                asked::check_tags(&self.board, Some(*object), tags)?;
                self.edit_tags(*object, |kept| kept.extend(tags.clone()));
            }
            BoardCommand::Untag { object, keys } => {
                self.edit_tags(*object, |kept| keys.iter().for_each(|key| drop(kept.remove(key))));
            }
            _ => {}
        }
        Ok(before)
    }

    fn create_cluster(
        &mut self,
        name: &ControlName,
        network: NetworkType,
        tags: &Tags,
    ) -> Result<ClusterId, Refusal> {
        asked::check_tags(&self.board, None, tags)?;
        if self.board.clusters.values().any(|cluster| cluster.name == *name) {
            return Err(taken("cluster", name));
        }
        room(self.board.clusters.len(), Board::CLUSTERS, Bounded::Clusters)?;
        let mut numbers = self.numbers();
        let id = numbers.cluster(&self.board);
        let (tags, revision) = (tags.clone(), self.revision);
        let cluster = Cluster { id, name: name.clone(), network, origin: Origin::Api, tags, revision };
        self.board.clusters.insert(id, cluster);
        self.board.add_default_panel(id, &mut numbers);
        Ok(id)
    }

    fn create_panel(
        &mut self,
        cluster: ClusterId,
        name: &ControlName,
        tags: &Tags,
    ) -> Result<PanelId, Refusal> {
        self.check_cluster(cluster)?;
        asked::check_tags(&self.board, None, tags)?;
        self.check_panel_name(cluster, name)?;
        let plain = self.board.panels_of(cluster).filter(|panel| panel.role == PanelRole::Plain).count();
        room(plain, limits::CONTROL_PANELS, Bounded::ControlPanels)?;
        let panel = Panel {
            id: self.numbers().panel(&self.board),
            cluster,
            name: name.clone(),
            origin: Origin::Api,
            role: PanelRole::Plain,
            tags: tags.clone(),
            revision: self.revision,
        };
        let id = panel.id;
        self.board.panels.insert(id, panel);
        Ok(id)
    }

    fn create_control(
        &mut self,
        cluster: ClusterId,
        panel: Option<PanelId>,
        name: &ControlName,
        by: &Operator,
    ) -> Result<ControlId, Refusal> {
        self.check_cluster(cluster)?;
        let panel = self.panel_for(cluster, panel, name)?;
        self.check_control_name(panel, name)?;
        let of_panel = self.board.controls_of(panel).count();
        room(of_panel, limits::CONTROLS_OF_A_PANEL, Bounded::ControlsOfAPanel)?;
        let is_here = |id: &PanelId| self.board.panels.get(id).is_some_and(|panel| panel.cluster == cluster);
        let of_cluster = self.board.controls.values().filter(|control| is_here(&control.panel)).count();
        room(of_cluster, limits::ROUTING_CONTROLS, Bounded::RoutingControls)?;
        let control = RoutingControl {
            id: self.numbers().control(&self.board),
            panel,
            name: name.clone(),
            origin: Origin::Api,
            to: Switch::Off,
            changed_at: self.stamp,
            turned_at: None,
            by: by.clone(),
            reason: String::new(),
            floor_overrides: Vec::new(),
            tags: Tags::new(),
            revision: self.revision,
        };
        let id = control.id;
        self.board.controls.insert(id, control);
        Ok(id)
    }

    fn panel_for(
        &self,
        cluster: ClusterId,
        panel: Option<PanelId>,
        control: &ControlName,
    ) -> Result<PanelId, Refusal> {
        let Some(id) = panel else {
            let mut defaults = self.board.panels_of(cluster).filter(|panel| panel.role == PanelRole::Default);
            let unknown = Refusal::UnknownObject { object: ObjectId::Cluster(cluster) };
            return defaults.next().map(|panel| panel.id).ok_or(unknown);
        };
        let unknown = Refusal::UnknownObject { object: ObjectId::Panel(id) };
        let found = self.board.panels.get(&id).ok_or(unknown)?;
        if found.cluster == cluster {
            return Ok(id);
        }
        Err(Refusal::Invalid {
            what: format!("routing control {control}"),
            why: format!("control panel {} is in another cluster; name the panel's own cluster", found.name),
        })
    }

    fn create_rule(&mut self, rule: SafetyRule) -> Result<RuleId, Refusal> {
        asked::check_tags(&self.board, None, &rule.tags)?;
        self.check_rule_name(rule.panel, &rule.name)?;
        let of_panel = self.board.rules_of(rule.panel).count();
        room(of_panel, limits::RULES_OF_A_PANEL, Bounded::RulesOfAPanel)?;
        let id = rule.id;
        self.board.rules.insert(id, rule);
        Ok(id)
    }

    fn delete_cluster(&mut self, id: ClusterId) -> Result<(), Refusal> {
        let what = || self.board.name_of(ObjectId::Cluster(id));
        let plain = self.board.panels_of(id).filter(|panel| panel.role == PanelRole::Plain).count();
        if plain > 0 {
            return Err(Refusal::NotEmpty { what: what(), holds: has(plain, "control panel") });
        }
        let defaults: Vec<PanelId> = self.board.panels_of(id).map(|panel| panel.id).collect();
        defaults.iter().try_for_each(|panel| self.check_empty(*panel))?;
        self.board.panels.retain(|panel, _| !defaults.contains(panel));
        self.board.clusters.remove(&id);
        Ok(())
    }

    fn rename_panel(&mut self, id: PanelId, name: &ControlName) -> Result<(), Refusal> {
        let Some(panel) = self.board.panels.get(&id) else { return Ok(()) };
        if panel.name != *name {
            self.check_panel_name(panel.cluster, name)?;
        }
        if let Some(panel) = self.board.panels.get_mut(&id) {
            (panel.name, panel.revision) = (name.clone(), self.revision);
        }
        Ok(())
    }

    fn delete_panel(&mut self, id: PanelId) -> Result<(), Refusal> {
        if self.board.panels.get(&id).is_some_and(|panel| panel.role == PanelRole::Default) {
            return Err(Refusal::Invalid {
                what: self.board.name_of(ObjectId::Panel(id)),
                why: "it is its cluster's default one; it goes with the cluster".to_owned(),
            });
        }
        self.check_empty(id)?;
        self.board.panels.remove(&id);
        Ok(())
    }

    fn check_empty(&self, panel: PanelId) -> Result<(), Refusal> {
        let (controls, rules) = (self.board.controls_of(panel).count(), self.board.rules_of(panel).count());
        let holds = match (controls, rules) {
            (0, 0) => return Ok(()),
            (0, rules) => has(rules, "safety rule"),
            (controls, _) => has(controls, "routing control"),
        };
        Err(Refusal::NotEmpty { what: self.board.name_of(ObjectId::Panel(panel)), holds })
    }

    fn rename_control(&mut self, id: ControlId, name: &ControlName) -> Result<(), Refusal> {
        let Some(control) = self.board.controls.get(&id) else { return Ok(()) };
        if control.name != *name {
            self.check_control_name(control.panel, name)?;
        }
        if let Some(control) = self.board.controls.get_mut(&id) {
            (control.name, control.revision) = (name.clone(), self.revision);
        }
        Ok(())
    }

    fn delete_control(&mut self, id: ControlId) -> Result<(), Refusal> {
        let mut rules = self.board.rules.values();
        if let Some(rule) = rules.find(|rule| asked::controls_of(&rule.kind).any(|control| *control == id)) {
            let holds = format!("safety rule {} names it", self.board.shown(rule.panel, &rule.name));
            return Err(Refusal::NotEmpty { what: self.board.name_of(ObjectId::Control(id)), holds });
        }
        self.board.controls.remove(&id);
        Ok(())
    }

    fn update_rule(
        &mut self,
        id: RuleId,
        name: &ControlName,
        wait_period: std::time::Duration,
    ) -> Result<(), Refusal> {
        let Some(rule) = self.board.rules.get(&id) else { return Ok(()) };
        if rule.name != *name {
            self.check_rule_name(rule.panel, name)?;
        }
        if let Some(rule) = self.board.rules.get_mut(&id) {
            (rule.name, rule.wait_period, rule.revision) = (name.clone(), wait_period, self.revision);
        }
        Ok(())
    }

    fn edit_tags(&mut self, object: ObjectId, edit: impl FnOnce(&mut Tags)) {
        let board = &mut self.board;
        let found = match object {
            ObjectId::Cluster(id) => board.clusters.get_mut(&id).map(|it| (&mut it.tags, &mut it.revision)),
            ObjectId::Panel(id) => board.panels.get_mut(&id).map(|it| (&mut it.tags, &mut it.revision)),
            ObjectId::Control(id) => board.controls.get_mut(&id).map(|it| (&mut it.tags, &mut it.revision)),
            ObjectId::Rule(id) => board.rules.get_mut(&id).map(|it| (&mut it.tags, &mut it.revision)),
        };
        if let Some((tags, revision)) = found {
            edit(tags);
            *revision = self.revision;
        }
    }

    fn check_cluster(&self, id: ClusterId) -> Result<(), Refusal> {
        let object = ObjectId::Cluster(id);
        if self.board.clusters.contains_key(&id) { Ok(()) } else { Err(Refusal::UnknownObject { object }) }
    }

    fn check_panel_name(&self, cluster: ClusterId, name: &ControlName) -> Result<(), Refusal> {
        let is_taken = self.board.panels_of(cluster).any(|panel| panel.name == *name);
        if is_taken { Err(taken("control panel", name)) } else { Ok(()) }
    }

    fn check_control_name(&self, panel: PanelId, name: &ControlName) -> Result<(), Refusal> {
        let is_taken = self.board.controls_of(panel).any(|control| control.name == *name);
        if is_taken { Err(taken("routing control", name)) } else { Ok(()) }
    }

    fn check_rule_name(&self, panel: PanelId, name: &ControlName) -> Result<(), Refusal> {
        let is_taken = self.board.rules_of(panel).any(|rule| rule.name == *name);
        if is_taken { Err(taken("safety rule", name)) } else { Ok(()) }
    }
}

impl Board {
    fn panels_of(&self, cluster: ClusterId) -> impl Iterator<Item = &Panel> {
        self.panels.values().filter(move |panel| panel.cluster == cluster)
    }

    fn origin_of(&self, object: ObjectId) -> Option<Origin> {
        match object {
            ObjectId::Cluster(id) => self.clusters.get(&id).map(|it| it.origin),
            ObjectId::Panel(id) => self.panels.get(&id).map(|it| it.origin),
            ObjectId::Control(id) => self.controls.get(&id).map(|it| it.origin),
            ObjectId::Rule(id) => self.rules.get(&id).map(|it| it.origin),
        }
    }

    /// The object as it is; none if there is none.
    fn words_of(&self, object: ObjectId) -> Option<String> {
        match object {
            ObjectId::Cluster(id) => self.clusters.get(&id).map(Board::cluster_words),
            ObjectId::Panel(id) => self.panels.get(&id).map(Board::panel_words),
            ObjectId::Control(id) => self.controls.get(&id).map(|control| self.control_words(control)),
            ObjectId::Rule(id) => self.rules.get(&id).map(|rule| self.rule_words(rule)),
        }
    }

    /// What the object is called.
    fn name_of(&self, object: ObjectId) -> String {
        let name = match object {
            ObjectId::Cluster(id) => self.clusters.get(&id).map(|it| format!("cluster {}", it.name)),
            ObjectId::Panel(id) => self.panels.get(&id).map(|it| format!("control panel {}", it.name)),
            ObjectId::Control(id) => {
                let it = self.controls.get(&id);
                it.map(|it| format!("routing control {}", self.shown(it.panel, &it.name)))
            }
            ObjectId::Rule(id) => {
                self.rules.get(&id).map(|it| format!("safety rule {}", self.shown(it.panel, &it.name)))
            }
        };
        name.unwrap_or_else(|| object.to_string())
    }
}

/// What the command changes; none if it makes something.
fn changed_by(command: &BoardCommand) -> Option<ObjectId> {
    match command {
        BoardCommand::UpdateCluster { id, .. } | BoardCommand::DeleteCluster { id } => {
            Some(ObjectId::Cluster(*id))
        }
        BoardCommand::RenamePanel { id, .. } | BoardCommand::DeletePanel { id } => Some(ObjectId::Panel(*id)),
        BoardCommand::RenameControl { id, .. } | BoardCommand::DeleteControl { id } => {
            Some(ObjectId::Control(*id))
        }
        BoardCommand::UpdateRule { id, .. } | BoardCommand::DeleteRule { id } => Some(ObjectId::Rule(*id)),
        BoardCommand::Tag { object, .. } | BoardCommand::Untag { object, .. } => Some(*object),
        BoardCommand::CreateCluster { .. }
        | BoardCommand::CreatePanel { .. }
        | BoardCommand::CreateControl { .. }
        | BoardCommand::CreateRule { .. } => None,
    }
}

fn room(count: usize, max: usize, what: Bounded) -> Result<(), Refusal> {
    if count < max { Ok(()) } else { Err(Refusal::TooMany { what, count: max }) }
}

fn taken(what: &str, name: &ControlName) -> Refusal {
    Refusal::NameTaken { what: what.to_owned(), name: name.clone() }
}

/// `it has 2 control panels`.
fn has(count: usize, what: &str) -> String {
    format!("it has {count} {what}{}", if count == 1 { "" } else { "s" })
}
