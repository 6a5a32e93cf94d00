//! What a command touches, and whether its caller may.
//!
//! One place for every command, whichever API it came over: a new one does not compile until it is said here what it takes.
//! What a node cannot resolve counts as everything, so that a scope never lets through what nobody has looked at; the ledger's
//! own rules then say what is not there.
//!
//! Not here: roles and scopes themselves (`hf-access`), the rules of a change (`hf-control`).

use std::collections::BTreeSet;

use hf_access::{Action, Forbidden, Overrides, Place, Principal, Reach};
use hf_config::estate::{CheckKind, Estate, Pool, Record};
use hf_control::{
    BoardCommand, Command, ControlRef, Intent, ObjectId, PanelRole, Resource, RoutingControl, Scope, Shift,
    ShiftKind,
};
use hf_model::{
    ClusterId, ControlId, ControlName, ControlPath, DnsName, PanelId, PoolName, RuleId, ShiftId, ZoneId,
};

use crate::api::Context;
use crate::control::Control;

/// Whether a principal may do what a command asks for.
///
/// # Errors
///
/// [`Forbidden`] names the role or the scope that is missing.
pub fn judge(context: &Context, who: &Principal, command: &Command) -> Result<(), Forbidden> {
    let (snapshot, intent) = (context.snapshot(), context.intent());
    let ended = context.ledger().map(Control::view);
    let known = ended.as_ref().map_or(intent.shifts.as_slice(), |view| view.shifts.as_slice());
    let scene =
        Scene { estate: snapshot.as_ref().map(|snapshot| &*snapshot.estate), intent: &intent, shifts: known };
    scene.judge(who, command)
}

/// What is there, as far as this node knows.
struct Scene<'a> {
    estate: Option<&'a Estate>,
    intent: &'a Intent,
    shifts: &'a [Shift],
}

/// Some things of a kind; none: everything.
type Few<T> = Option<Vec<T>>;

fn reach<T>(some: Option<&[T]>) -> Reach<'_, T> {
    some.map_or(Reach::Everything, Reach::These)
}

impl Scene<'_> {
    fn judge(&self, who: &Principal, command: &Command) -> Result<(), Forbidden> {
        match command {
            Command::StartShift { zone, scope, floor_overrides, .. } => {
                self.at(zone, self.pools_of(scope).as_deref(), floor_overrides, |place| {
                    who.may(&Action::Shift(place))
                })
            }
            Command::UpdateShift { id, length: Some(_), .. } => self.shift(who, id, Prolong::Yes),
            Command::UpdateShift { id, length: None, .. } | Command::CancelShift { id, .. } => {
                self.shift(who, id, Prolong::No)
            }
            Command::Pin { zone, scope, floor_overrides, .. } => {
                self.at(zone, self.pools_of(scope).as_deref(), floor_overrides, |place| {
                    who.may(&Action::Pin(place))
                })
            }
            Command::Unpin { zone, scope } => {
                self.at(zone, self.pools_of(scope).as_deref(), &[], |place| who.may(&Action::Pin(place)))
            }
            // It takes nothing away; who may leave the zone may say that it is worked on.
            Command::StartDeployment { zone, scope, .. } | Command::EndDeployment { zone, scope } => {
                self.at(zone, self.pools_of(scope).as_deref(), &[], |place| who.may(&Action::Deploy(place)))
            }
            Command::StartPractice { resource, zone, .. } => {
                self.at(zone, self.pools_behind(resource).as_deref(), &[], |place| {
                    who.may(&Action::PracticeRun(place))
                })
            }
            Command::SetControls { sets, rule_overrides, floor_overrides, .. } => {
                let panels = sets.iter().map(|set| self.panels_of(&set.control)).collect::<Few<Vec<_>>>();
                let panels = panels.map(|all| all.concat());
                let overrides = Overrides { rules: rule_overrides.len(), floors: floor_overrides };
                who.may(&Action::SetControls { panels: reach(panels.as_deref()), overrides })?;
                sets.iter().try_for_each(|set| self.behind(who, &set.control))
            }
            Command::PutPractice { resource, .. }
            | Command::DeletePractice { resource }
            | Command::SetAutoshift { resource, .. } => {
                who.may(&Action::AdministerPools(reach(self.pools_behind(resource).as_deref())))
            }
            Command::Board(command) => match self.panels_touched(command) {
                Touched::Clusters => who.may(&Action::Administer),
                Touched::Panels(panels) => who.may(&Action::AdministerPanels(reach(panels.as_deref()))),
            },
            Command::UpdateHostedZone(_) => who.may(&Action::UpdateHostedZone),
            // Those from here on, but the first two, are the node's own; nobody sends them.
            Command::ApplyEstate { .. }
            | Command::SetObserver { .. }
            | Command::ZoneKey(_)
            | Command::EndPractice { .. }
            | Command::RecordPractice { .. }
            | Command::RecordPracticeRefusal { .. }
            | Command::StartAutoshift { .. }
            | Command::RenewAutoshift { .. }
            | Command::EndAutoshift { .. }
            | Command::RecordBreakGlass { .. }
            | Command::SetEndpoints { .. }
            | Command::Expire => who.may(&Action::Administer),
        }
    }

    /// The place of an act, with all names of its zone.
    fn at<T>(
        &self,
        zone: &ZoneId,
        pools: Option<&[PoolName]>,
        floor_overrides: &[PoolName],
        then: impl FnOnce(Place<'_>) -> T,
    ) -> T {
        let known = self.estate.and_then(|estate| Some(estate.zone(estate.zone_named(zone)?)));
        let names: Vec<ZoneId> = match known {
            Some(zone) => std::iter::once(&zone.id).chain(&zone.aliases).cloned().collect(),
            None => vec![zone.clone()],
        };
        then(Place { zone: &names, pools: reach(pools), floor_overrides })
    }

    /// To prolong an act that breaks a floor takes what beginning it took; to end it does not.
    fn shift(&self, who: &Principal, id: &ShiftId, prolong: Prolong) -> Result<(), Forbidden> {
        let Some(shift) = self.shifts.iter().find(|shift| shift.id == *id) else {
            return who.may(&Action::Shift(Place {
                zone: &[],
                pools: Reach::Everything,
                floor_overrides: &[],
            }));
        };
        let floors: &[PoolName] = match prolong {
            Prolong::Yes => &shift.floor_overrides,
            Prolong::No => &[],
        };
        self.at(&shift.zone, self.pools_of(&shift.scope).as_deref(), floors, |place| {
            who.may(&match shift.kind {
                ShiftKind::Practice => Action::PracticeRun(place),
                ShiftKind::Zonal | ShiftKind::BreakGlass | ShiftKind::Autoshift => Action::Shift(place),
            })
        })
    }

    fn pools_of(&self, scope: &Scope) -> Few<PoolName> {
        match scope {
            Scope::Everything => None,
            Scope::Pool(pool) => Some(vec![pool.clone()]),
            Scope::Record(name) => self.pools_of_record(name),
        }
    }

    fn pools_behind(&self, resource: &Resource) -> Few<PoolName> {
        match resource {
            Resource::Region(_) => None,
            Resource::Pool(pool) => Some(vec![pool.clone()]),
            Resource::Record(name) => self.pools_of_record(name),
        }
    }

    fn pools_of_record(&self, name: &DnsName) -> Few<PoolName> {
        let estate = self.estate?;
        let pools = estate.pools_behind(name).into_iter();
        let pools: Vec<PoolName> = pools.map(|pool| estate.pool(pool).name.clone()).collect();
        (!pools.is_empty()).then_some(pools)
    }

    /// Whether the principal may act on what stands behind a control: who may not leave a zone or a pool may not turn it off either.
    fn behind(&self, who: &Principal, control: &ControlRef) -> Result<(), Forbidden> {
        let may = |zone: &ZoneId, pools: Option<&[PoolName]>| {
            self.at(zone, pools, &[], |place| who.may(&Action::TurnBehind(place)))
        };
        let everything = Place { zone: &[], pools: Reach::Everything, floor_overrides: &[] };
        let (Some(estate), Some(paths)) = (self.estate, self.paths_of(control)) else {
            return who.may(&Action::TurnBehind(everything));
        };
        let is_one = |path: &Option<ControlPath>| path.as_ref().is_some_and(|path| paths.contains(path));
        for zone in &estate.zones {
            if is_one(&zone.control) || is_one(&estate.regions[zone.region.at()].control) {
                may(&zone.id, None)?;
            }
        }
        let answers_off = |pool: &Pool| {
            let at = |record: &&Record| estate.pool(record.pool).name == pool.name;
            estate.records.iter().filter(at).any(|record| is_one(&record.control))
        };
        let is_checked_by = |pool: &Pool| {
            let check = pool.health_check.map(|check| &estate.health_checks[check.at()].kind);
            matches!(check, Some(CheckKind::Control { control }) if paths.contains(control))
        };
        for pool in &estate.pools {
            if is_one(&pool.control) || answers_off(pool) || is_checked_by(pool) {
                let zones = pool.endpoints.iter().map(|endpoint| endpoint.zone).collect::<BTreeSet<_>>();
                let pools = std::slice::from_ref(&pool.name);
                zones.into_iter().try_for_each(|zone| may(&estate.zone(zone).id, Some(pools)))?;
            }
        }
        Ok(())
    }

    /// The controls that a reference may mean; none: not known here.
    fn paths_of(&self, control: &ControlRef) -> Few<ControlPath> {
        let board = &self.intent.board;
        let path = |control: &RoutingControl| {
            Some(ControlPath { panel: self.panel(control.panel)?, control: control.name.clone() })
        };
        match control {
            ControlRef::Path(path) => Some(vec![path.clone()]),
            ControlRef::Id(id) => Some(vec![path(board.controls.get(id)?)?]),
            ControlRef::Name(name) => {
                board.controls.values().filter(|control| control.name == *name).map(path).collect()
            }
        }
    }

    /// The panels of every control that a reference may mean.
    fn panels_of(&self, control: &ControlRef) -> Few<ControlName> {
        match control {
            ControlRef::Path(path) => Some(vec![path.panel.clone()]),
            ControlRef::Id(id) => self.panel_of_control(*id),
            ControlRef::Name(name) => {
                let named = self.intent.board.controls.values().filter(|control| control.name == *name);
                let panels: Vec<ControlName> =
                    named.map(|control| self.panel(control.panel)).collect::<Few<_>>()?;
                (!panels.is_empty()).then_some(panels)
            }
        }
    }

    fn panel(&self, id: PanelId) -> Option<ControlName> {
        self.intent.board.panels.get(&id).map(|panel| panel.name.clone())
    }

    fn panel_of_control(&self, id: ControlId) -> Few<ControlName> {
        let control = self.intent.board.controls.get(&id)?;
        self.panel(control.panel).map(|panel| vec![panel])
    }

    fn panel_of_rule(&self, id: RuleId) -> Few<ControlName> {
        let rule = self.intent.board.rules.get(&id)?;
        self.panel(rule.panel).map(|panel| vec![panel])
    }

    fn default_panel(&self, cluster: ClusterId) -> Option<ControlName> {
        let mut panels = self.intent.board.panels.values();
        let found = panels.find(|panel| panel.cluster == cluster && panel.role == PanelRole::Default);
        found.map(|panel| panel.name.clone())
    }

    fn panels_touched(&self, command: &BoardCommand) -> Touched {
        let panels = match command {
            BoardCommand::CreateCluster { .. }
            | BoardCommand::UpdateCluster { .. }
            | BoardCommand::DeleteCluster { .. } => return Touched::Clusters,
            BoardCommand::CreatePanel { name, .. } => Some(vec![name.clone()]),
            BoardCommand::RenamePanel { id, name } => self.panel(*id).map(|old| vec![old, name.clone()]),
            BoardCommand::DeletePanel { id } => self.panel(*id).map(|panel| vec![panel]),
            BoardCommand::CreateControl { cluster, panel, .. } => {
                let panel = panel.map_or_else(|| self.default_panel(*cluster), |id| self.panel(id));
                panel.map(|panel| vec![panel])
            }
            BoardCommand::RenameControl { id, .. } | BoardCommand::DeleteControl { id } => {
                self.panel_of_control(*id)
            }
            BoardCommand::CreateRule { panel, .. } => self.panel(*panel).map(|panel| vec![panel]),
            BoardCommand::UpdateRule { id, .. } | BoardCommand::DeleteRule { id } => self.panel_of_rule(*id),
            BoardCommand::Tag { object, .. } | BoardCommand::Untag { object, .. } => match object {
                ObjectId::Cluster(_) => return Touched::Clusters,
                ObjectId::Panel(id) => self.panel(*id).map(|panel| vec![panel]),
                ObjectId::Control(id) => self.panel_of_control(*id),
                ObjectId::Rule(id) => self.panel_of_rule(*id),
            },
        };
        Touched::Panels(panels)
    }
}

/// What a change of the board touches.
enum Touched {
    Clusters,
    Panels(Few<ControlName>),
}

/// Whether an act is to last longer.
#[derive(Clone, Copy)]
enum Prolong {
    Yes,
    No,
}

#[cfg(test)]
mod tests;
