//! Marks of deployments.
//!
//! 1. A deployment stops at a zone's edge: while another zone that the resource is in is being deployed to, or people, an autoshift or a practice run
//!    take the resource out of another zone, none begins. Zones of other regions count: one bad release must not be in two places at once.
//! 2. A zone that is named in the overrides is not asked. Of the zone itself nothing is asked: a zone that is away is the best one to deploy to.
//! 3. Marked again, a zone keeps its mark with a new end, and nothing is asked: no zone is touched that was not.
//! 4. A mark stands in nobody's way but another mark's, and ends by its length, by [`crate::Command::EndDeployment`], or with its zone or pool.
//! 5. A mark whose time is up holds nobody up, whether the ledger has ended it yet or not.
//!
//! Not here: whether another zone is impaired, which is not the ledger's to know (`hf-control-plane`).

use std::collections::BTreeSet;
use std::time::Duration;

use hf_config::estate::{Estate, ZoneIx};
use hf_model::{Operator, ZoneId, format_duration};

use super::practice::zones_of;
use super::{Effect, asked};
use crate::command::{Bounded, Event, Refusal, Stop};
use crate::deployment::Deployment;
use crate::intent::{BreakGlassFate, PinTo, Scope};
use crate::practice::Resource;
use crate::state::State;

/// A mark as asked for.
pub(super) struct Mark<'a> {
    pub(super) zone: &'a ZoneId,
    pub(super) scope: &'a Scope,
    pub(super) length: Duration,
    pub(super) reason: &'a str,
    pub(super) zone_overrides: &'a [ZoneId],
    pub(super) by: &'a Operator,
}

impl State {
    pub(super) fn start_deployment(&mut self, mark: &Mark<'_>) -> Result<Effect, Refusal> {
        let Mark { scope, length, by, .. } = *mark;
        if !(Deployment::LENGTH_MIN..=Deployment::LENGTH_MAX).contains(&length) {
            return Err(Refusal::DeploymentLength { length });
        }
        let reason = asked::clean_note(mark.reason)?;
        let zone = asked::find_zone(self.estate.as_deref(), mark.zone)?;
        let estate = self.estate.clone().expect("a zone was found in it");
        let zones = check_scope(&estate, scope, zone)?;
        asked::check_overrides(mark.zone_overrides.len())?;
        let overrides: BTreeSet<ZoneIx> = mark
            .zone_overrides
            .iter()
            .map(|named| asked::find_zone(Some(&*estate), named))
            .collect::<Result<_, _>>()?;
        let zone_id = &estate.zone(zone).id;
        let replaced = self.deployment_at(zone_id, scope);
        let is_marked = replaced.is_some_and(|at| !self.deployments[at].is_over(self.stamp));
        if !is_marked {
            let others = zones.into_iter().filter(|other| *other != zone && !overrides.contains(other));
            self.check_edge(&estate, zone_id, scope, others)?;
        }
        if replaced.is_none() && self.deployments.len() >= State::DEPLOYMENTS {
            return Err(Refusal::TooMany { what: Bounded::Deployments, count: self.deployments.len() });
        }
        let before = replaced.map(|at| self.deployments.remove(at)).filter(|_| is_marked);
        let after = Deployment {
            zone: zone_id.clone(),
            scope: scope.clone(),
            reason,
            by: by.clone(),
            started_at: before.as_ref().map_or(self.stamp, |before| before.started_at),
            ends_at: self.stamp.plus(length),
            zone_overrides: overrides.iter().map(|zone| estate.zone(*zone).id.clone()).collect(),
            revision: self.revision,
        };
        self.deployments.push(after.clone());
        Ok(self.done(None, vec![Event::DeploymentStarted { before, after }]))
    }

    pub(super) fn end_deployment(&mut self, zone: &ZoneId, scope: &Scope) -> Result<Effect, Refusal> {
        let found = asked::find_zone(self.estate.as_deref(), zone)?;
        let estate = self.estate.as_deref().expect("a zone was found in it");
        let at = self
            .deployment_at(&estate.zone(found).id, scope)
            .ok_or_else(|| Refusal::NoDeployment { zone: zone.clone(), scope: scope.clone() })?;
        let ended = self.deployments.remove(at);
        Ok(self.done(None, vec![Event::DeploymentEnded(ended, Stop::Canceled)]))
    }

    /// Ends the marks whose time is up.
    pub(super) fn expire_deployments(&mut self) -> Vec<Event> {
        let now = self.stamp;
        let gone = self.deployments.extract_if(.., |mark| mark.is_over(now));
        gone.map(|mark| Event::DeploymentEnded(mark, Stop::Expired)).collect()
    }

    /// Ends the marks of what the new estate does not have: an estate may come with the very deployment.
    pub(super) fn forget_deployments(&mut self, estate: &Estate) -> Vec<Event> {
        let is_gone = |mark: &Deployment| {
            let has_zone = estate.zones.iter().any(|zone| zone.id == mark.zone);
            !has_zone || !asked::has_scope(estate, &mark.scope)
        };
        let gone = self.deployments.extract_if(.., |mark| is_gone(mark));
        gone.map(|mark| Event::DeploymentEnded(mark, Stop::Interrupted)).collect()
    }

    fn deployment_at(&self, zone: &ZoneId, scope: &Scope) -> Option<usize> {
        self.deployments.iter().position(|mark| mark.zone == *zone && mark.scope == *scope)
    }

    /// Rule 1.
    fn check_edge(
        &self,
        estate: &Estate,
        zone: &ZoneId,
        scope: &Scope,
        others: impl Iterator<Item = ZoneIx>,
    ) -> Result<(), Refusal> {
        let off = self.zones_behind_off_controls();
        for at in others {
            let other = &estate.zone(at).id;
            let why = self.deployed_to(other, scope).or_else(|| self.taken_out_of(other, scope));
            let why = why.or_else(|| {
                off.contains(&at).then(|| format!("a routing control that is off takes {other} away"))
            });
            if let Some(why) = why {
                let (zone, scope, other) = (zone.clone(), scope.clone(), other.clone());
                return Err(Refusal::ZoneEdge { zone, scope, other, why });
            }
        }
        Ok(())
    }

    fn deployed_to(&self, zone: &ZoneId, scope: &Scope) -> Option<String> {
        let is_there = |mark: &&Deployment| {
            mark.zone == *zone && mark.scope.overlaps(scope) && !mark.is_over(self.stamp)
        };
        let mark = self.deployments.iter().find(is_there)?;
        let left = Duration::from_secs(mark.ends_at.since(self.stamp).as_secs().max(1));
        let (what, by) = (&mark.scope, &mark.by);
        Some(format!("{by} deploys {what} to {zone}, for {} more at most", format_duration(left)))
    }

    fn taken_out_of(&self, zone: &ZoneId, scope: &Scope) -> Option<String> {
        let shift = self.active_shifts().find(|shift| shift.zone == *zone && shift.scope.overlaps(scope));
        if let Some(shift) = shift {
            return Some(format!("{} takes {} out of {zone}", shift.id, shift.scope));
        }
        let is_out = |pin: &&crate::intent::Pin| {
            pin.zone == *zone && pin.to == PinTo::Out && pin.scope.overlaps(scope)
        };
        if let Some(pin) = self.pins.iter().find(is_out) {
            return Some(format!("the pin by {} takes {} out of {zone}", pin.by, pin.scope));
        }
        let counts = |known: &&crate::intent::RecordedBreakGlass| {
            let is_in_force = matches!(known.fate, BreakGlassFate::Conflicts(_));
            is_in_force && known.act.zone == *zone && known.act.ends_at > self.stamp
        };
        let act = &self.break_glass.iter().find(counts)?.act;
        Some(format!("the break-glass act of {} takes everything out of {zone}", act.by))
    }
}

/// The zones that the resource is in. One whose endpoints a source tells may come to a zone with this very deployment.
fn check_scope(estate: &Estate, scope: &Scope, zone: ZoneIx) -> Result<BTreeSet<ZoneIx>, Refusal> {
    asked::check_scope(estate, scope)?;
    let pool = match scope {
        Scope::Everything => return Ok(estate.zone_indexes().collect()),
        Scope::Pool(pool) => pool,
        Scope::Record(_) => {
            let why = "machines are deployed to, not names; name the pool behind it".to_owned();
            return Err(Refusal::Invalid { what: format!("a deployment of {scope}"), why });
        }
    };
    let zones = zones_of(estate, &Resource::Pool(pool.clone()));
    let has_source = estate.pool_named(pool).is_some_and(|at| estate.pool(at).source.is_some());
    if zones.contains(&zone) || has_source {
        return Ok(zones);
    }
    let names: Vec<&str> = zones.iter().map(|zone| estate.zone(*zone).id.as_str()).collect();
    let (resource, zone) = (Resource::Pool(pool.clone()), estate.zone(zone).id.clone());
    Err(Refusal::NotInZone { resource, zone, zones: names.join(", ") })
}
