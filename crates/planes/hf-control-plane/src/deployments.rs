//! Deployments: which zones count as being deployed to, and which other zones are impaired while one is to begin. Pure.
//!
//! 1. What somebody told is in the intent; what was noticed (endpoints that came or went) is this node's detectors' word.
//! 2. None begins while another zone that the resource is in is unhealthy for it, or impaired by the detector of gray failure: the ledger cannot
//!    know that, so it is asked here, before. What the ledger knows (other deployments, shifts) is left to it.
//! 3. A zone that is named in the overrides is not asked, nor is anything once the zone is marked: the deployment is under way.
//!
//! Not here: the mark's rules (`hf-control`), what the detector makes of it (`hf-gray`).

use std::collections::BTreeSet;

use hf_api::{Deployment, DeploymentKnownBy};
use hf_config::estate::ZoneIx;
use hf_control::{Intent, Refusal, Scope};
use hf_decide::{PoolDecision, Reason};
use hf_gray::{Judged, Mark, Stage};
use hf_model::{Timestamp, ZoneId};
use hf_snapshot::Snapshot;

/// All that is known, those that somebody told first.
pub fn shown(intent: &Intent, judged: &Judged, now: Timestamp) -> Vec<Deployment> {
    let told = intent.deployments.iter().filter(|mark| !mark.is_over(now)).map(|mark| Deployment {
        zone: mark.zone.to_string(),
        resource: mark.scope.to_string(),
        known_by: DeploymentKnownBy::Told,
        reason: mark.reason.clone(),
        by: Some(mark.by.to_string()),
        started_at_ms: Some(mark.started_at.0),
        ends_at_ms: mark.ends_at.0,
        zone_overrides: mark.zone_overrides.iter().map(ToString::to_string).collect(),
        revision: Some(mark.revision.0),
    });
    let zones = judged.pools.iter().flat_map(|(name, pool)| pool.zones.iter().map(move |zone| (name, zone)));
    let noticed = zones.filter_map(|(name, zone)| {
        let Some(Mark::Endpoints { until }) = zone.mark else { return None };
        (until > now).then(|| Deployment {
            zone: zone.zone.to_string(),
            resource: format!("pool/{name}"),
            known_by: DeploymentKnownBy::Endpoints,
            reason: "endpoints came or went".to_owned(),
            by: None,
            started_at_ms: None,
            ends_at_ms: until.0,
            zone_overrides: Vec::new(),
            revision: None,
        })
    });
    told.chain(noticed).collect()
}

/// A deployment that is to begin.
pub struct Asked<'a> {
    /// Where; an id or alias.
    pub zone: &'a ZoneId,
    /// Of what.
    pub scope: &'a Scope,
    /// Zones that are not asked.
    pub zone_overrides: &'a [ZoneId],
}

/// Why a deployment does not begin now: the first other zone of the resource that is impaired. What the ledger would refuse is left to it.
pub fn check_others(
    snapshot: &Snapshot,
    intent: &Intent,
    judged: &Judged,
    asked: &Asked<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let estate = &snapshot.estate;
    let Some(zone) = estate.zone_named(asked.zone) else { return Ok(()) };
    let id = &estate.zone(zone).id;
    let is_under_way =
        |mark: &hf_control::Deployment| mark.zone == *id && mark.scope == *asked.scope && !mark.is_over(now);
    if intent.deployments.iter().any(is_under_way) {
        return Ok(());
    }
    let overridden: BTreeSet<ZoneIx> =
        asked.zone_overrides.iter().filter_map(|named| estate.zone_named(named)).collect();
    let is_meant = |decision: &&PoolDecision| match asked.scope {
        Scope::Everything => true,
        Scope::Pool(name) => estate.pool(decision.pool).name == *name,
        Scope::Record(_) => false,
    };
    for decision in snapshot.decision.pools.iter().filter(is_meant) {
        let pool = &estate.pool(decision.pool).name;
        let others = decision.zones.iter().filter(|of| of.zone != zone && !overridden.contains(&of.zone));
        for found in others {
            let other = &estate.zone(found.zone).id;
            let word = judged.pools.get(pool).and_then(|word| word.zone(other));
            let gray = word.filter(|word| word.evidence.stage == Stage::Impaired);
            let why = if let Some(word) = gray {
                format!("pool/{pool} fails in part in {other} ({})", word.evidence)
            } else if found.reason == Reason::Impaired {
                format!("pool/{pool} is unhealthy in {other}")
            } else if found.reason == Reason::AllDown {
                format!("pool/{pool} is unhealthy in {other} as everywhere")
            } else if found.reason == Reason::FailOpen {
                format!(
                    "pool/{pool} is unhealthy in {other}, and serves there only because too little else is left"
                )
            } else {
                continue;
            };
            let (zone, scope, other) = (id.clone(), asked.scope.clone(), other.clone());
            return Err(Refusal::ZoneEdge { zone, scope, other, why });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
