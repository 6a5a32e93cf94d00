//! Routing controls as the API tells them: panels with their switches and rules, and what stands behind each switch. Pure.
//!
//! Not here: routes (`api`), the rules of a change (`hf-control`), what an Off does to traffic (`hf-decide`).

use std::collections::BTreeMap;

use hf_api::{ControlOff, ControlPanel, ControlTo, Origin, RoutingControl, RuleKind, SafetyRule, Wants};
use hf_config::estate::{CheckKind, Enough, Estate};
use hf_control::{Board, ControlRef, Intent, PanelRole};
use hf_model::{ControlPath, PanelId, Switch, Timestamp};

/// What stands behind each control of the estate.
pub struct Behind(BTreeMap<ControlPath, Vec<String>>);

impl Behind {
    /// Looks through the estate; nothing stands behind a control without one.
    pub fn of(estate: Option<&Estate>) -> Behind {
        let mut behind: BTreeMap<ControlPath, Vec<String>> = BTreeMap::new();
        let Some(estate) = estate else { return Behind(behind) };
        let regions = estate.regions.iter().map(|region| (&region.control, format!("region/{}", region.id)));
        let zones = estate.zones.iter().map(|zone| (&zone.control, format!("zone/{}", zone.id)));
        let pools = estate.pools.iter().map(|pool| (&pool.control, format!("pool/{}", pool.name)));
        let records =
            estate.records.iter().map(|record| (&record.control, format!("record/{}", record.name)));
        let found = regions.chain(zones).chain(pools).chain(records);
        let found = found.filter_map(|(control, what)| Some((control.clone()?, what)));
        let checks = estate.health_checks.iter().filter_map(|check| match &check.kind {
            CheckKind::Control { control } => Some((control.clone(), format!("health_check/{}", check.name))),
            _ => None,
        });
        for (path, what) in found.chain(checks) {
            let list = behind.entry(path).or_default();
            // A name may be two records, one of each family.
            if !list.contains(&what) {
                list.push(what);
            }
        }
        Behind(behind)
    }

    fn of_path(&self, path: &ControlPath) -> Vec<String> {
        self.0.get(path).cloned().unwrap_or_default()
    }
}

/// Tells of one board.
pub struct Teller<'a> {
    /// Whose board it is.
    pub intent: &'a Intent,
    /// What stands behind the controls of the built-in cluster.
    pub behind: &'a Behind,
    /// The time, for wait periods.
    pub now: Timestamp,
}

impl Teller<'_> {
    fn board(&self) -> &Board {
        &self.intent.board
    }

    /// All panels: the built-in cluster's first, then by the clusters' names, each by name.
    pub fn panels(&self) -> Vec<ControlPanel> {
        let mut panels: Vec<&hf_control::Panel> = self.board().panels.values().collect();
        let built_in = self.board().built_in_cluster(self.intent.estate_id);
        panels.sort_by_key(|panel| (panel.cluster != built_in, self.cluster_of(panel), panel.name.clone()));
        panels.into_iter().map(|panel| self.panel(panel)).collect()
    }

    /// One panel.
    pub fn panel(&self, panel: &hf_control::Panel) -> ControlPanel {
        let board = self.board();
        let mut controls: Vec<RoutingControl> =
            board.controls_of(panel.id).filter_map(|control| self.control(control)).collect();
        controls.sort_by(|one, other| one.path.cmp(&other.path));
        let mut rules: Vec<SafetyRule> =
            board.rules_of(panel.id).filter_map(|rule| self.rule(rule)).collect();
        rules.sort_by(|one, other| one.path.cmp(&other.path));
        ControlPanel {
            name: panel.name.to_string(),
            id: panel.id.to_string(),
            cluster: self.cluster_of(panel),
            origin: origin(panel.origin),
            is_default: panel.role == PanelRole::Default,
            controls,
            rules,
            revision: panel.revision.0,
        }
    }

    /// One routing control; none when its panel is not there.
    pub fn control(&self, control: &hf_control::RoutingControl) -> Option<RoutingControl> {
        let path = self.board().path_of(control)?;
        Some(RoutingControl {
            behind: if self.is_built_in(control.panel) { self.behind.of_path(&path) } else { Vec::new() },
            path: path.to_string(),
            id: control.id.to_string(),
            origin: origin(control.origin),
            state: control_to(control.to),
            changed_at_ms: control.changed_at.0,
            by: control.by.to_string(),
            reason: control.reason.clone(),
            floor_overrides: control.floor_overrides.iter().map(ToString::to_string).collect(),
            revision: control.revision.0,
        })
    }

    /// One safety rule; none when its panel is not there.
    pub fn rule(&self, rule: &hf_control::SafetyRule) -> Option<SafetyRule> {
        let controls = &self.board().controls;
        let names = |ids: &[hf_model::ControlId]| {
            ids.iter().filter_map(|id| controls.get(id)).map(|control| control.name.to_string()).collect()
        };
        let counted = rule.kind.counted();
        let is_on =
            |id: &&hf_model::ControlId| controls.get(*id).is_some_and(|control| control.to == Switch::On);
        let on = counted.iter().filter(is_on).count();
        let guarded = rule.kind.guarded().iter().filter_map(|id| controls.get(id));
        let waits_until = guarded
            .filter_map(|control| control.turned_at)
            .max()
            .map(|turned_at| turned_at.plus(rule.wait_period))
            .filter(|until| *until > self.now);
        let (kind, targets) = match &rule.kind {
            hf_control::RuleKind::Assert { .. } => (RuleKind::Assert, Vec::new()),
            hf_control::RuleKind::Gate { targets, .. } => (RuleKind::Gate, names(targets)),
        };
        Some(SafetyRule {
            path: self.board().path_of_rule(rule)?.to_string(),
            id: rule.id.to_string(),
            origin: origin(rule.origin),
            kind,
            wants: match rule.test.on {
                Enough::AtLeast(count) => Wants::AtLeast(count),
                Enough::All => Wants::All,
                Enough::Any => Wants::Any,
            },
            inverted: rule.test.inverted,
            of: names(counted),
            targets,
            on: u32::try_from(on).unwrap_or(u32::MAX),
            holds: rule.test.holds(on, counted.len()),
            wait_period_ms: u64::try_from(rule.wait_period.as_millis()).unwrap_or(u64::MAX),
            waits_until_ms: waits_until.map(|until| until.0),
            revision: rule.revision.0,
        })
    }

    /// The controls that a batch named, as they stand now. What has been renamed or removed meanwhile is left out.
    pub fn named<'r>(&self, references: impl Iterator<Item = &'r ControlRef>) -> Vec<RoutingControl> {
        let board = self.board();
        let fits = |reference: &ControlRef, control: &hf_control::RoutingControl| match reference {
            ControlRef::Id(id) => control.id == *id,
            ControlRef::Path(path) => board.path_of(control).is_some_and(|found| found == *path),
            ControlRef::Name(name) => control.name == *name,
        };
        let find = |reference: &ControlRef| {
            let found = board.controls.values().filter(|control| fits(reference, control));
            // Of two clusters' controls with one path, the built-in one's was meant.
            let control = found.min_by_key(|control| !self.is_built_in(control.panel))?;
            self.control(control)
        };
        references.filter_map(find).collect()
    }

    fn is_built_in(&self, panel: PanelId) -> bool {
        let built_in = self.board().built_in_cluster(self.intent.estate_id);
        self.board().panels.get(&panel).is_some_and(|panel| panel.cluster == built_in)
    }

    fn cluster_of(&self, panel: &hf_control::Panel) -> String {
        self.board().clusters.get(&panel.cluster).map(|cluster| cluster.name.to_string()).unwrap_or_default()
    }
}

/// The controls that are off, by path.
pub fn off(intent: &Intent, behind: &Behind) -> Vec<ControlOff> {
    let off = intent.controls.iter().filter(|control| control.to == Switch::Off);
    off.map(|control| ControlOff {
        path: control.path.to_string(),
        since_ms: control.changed_at.0,
        by: control.by.to_string(),
        behind: behind.of_path(&control.path),
    })
    .collect()
}

fn origin(from: hf_control::Origin) -> Origin {
    match from {
        hf_control::Origin::Estate => Origin::Estate,
        hf_control::Origin::Api => Origin::Api,
    }
}

fn control_to(from: Switch) -> ControlTo {
    match from {
        Switch::On => ControlTo::On,
        Switch::Off => ControlTo::Off,
    }
}
