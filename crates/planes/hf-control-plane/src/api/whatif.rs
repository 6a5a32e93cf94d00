//! `/v1/whatif`: what happens if a zone or region goes; `/v1/scale-in`: whether anything may shrink now.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hf_api::{
    CapacityBasis, KnownCapacity, LoadFit, Problem, ProjectedLoad, RefusedThere, ScaleIn, ScaleInHold,
    WhatIf, WhatIfPath, WhatIfPool, WhatIfVerdict, WhatIfZone,
};
use hf_capacity::{Basis, Carries, Fit, Hold, PathShare, Projected, ZoneAfter};
use hf_config::estate::{Estate, RegionIx, ZoneIx};
use hf_model::{PoolName, RegionId, Share, ZoneId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::Query;
use super::refusal::{Answer, Refused};
use super::writer::{field, zone as zone_name};
use crate::capacity;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhatIfQuery {
    /// A zone's id or alias, or a region's id.
    lose: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ScaleInQuery {
    /// A zone's id or alias.
    zone: String,
    /// One pool; without it every pool of the zone is asked.
    pool: Option<String>,
}

/// What happens if a zone or a region goes: who would carry what, and what would be refused.
#[utoipa::path(get, operation_id = "what_if", path = "/v1/whatif", tag = "status", params(WhatIfQuery), responses(
    (status = 200, body = WhatIf), (status = 400, body = Problem), (status = 404, body = Problem),
    (status = 503, body = Problem)))]
pub async fn what_if(State(shared): SharedState, Query(query): Query<WhatIfQuery>) -> Answer<Json<WhatIf>> {
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    let lost = lost(&snapshot.estate, &query.lose)?;
    let _permit = shared
        .large
        .try_acquire()
        .map_err(|_| Refused::busy(format!("this node answers {} such questions at a time", super::LARGE)))?;
    let told = {
        let (shared, snapshot) = (shared.clone(), snapshot.clone());
        // Decides twice more, over all pools: not a thing for the thread that answers everybody.
        tokio::task::spawn_blocking(move || {
            let rates = shared.observed.rates();
            let found = capacity::ask(&shared.context, &snapshot, &rates, &lost);
            let hours = shared.context.carried.hours(&snapshot.estate).len() as u32;
            told(&snapshot.estate, &found, &lost, hours)
        })
        .await
        .map_err(|_| Refused::busy("the answer was not finished"))?
    };
    Ok(Json(WhatIf {
        node: shared.context.node.to_string(),
        week: shared.context.roles.contains(&hf_config::node::Role::Control),
        revision: snapshot.intent.revision.0,
        ..told
    }))
}

/// Whether anything in a zone may be scaled in now.
///
/// While a zone is away from a pool or on its way back, no zone of that pool may shrink: the others carry its part.
#[utoipa::path(get, operation_id = "scale_in", path = "/v1/scale-in", tag = "status", params(ScaleInQuery), responses(
    (status = 200, body = ScaleIn), (status = 409, body = ScaleIn), (status = 400, body = Problem), (status = 404, body = Problem),
    (status = 503, body = Problem)))]
pub async fn scale_in(State(shared): SharedState, Query(query): Query<ScaleInQuery>) -> Answer<Response> {
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    let estate = &snapshot.estate;
    let zone = zone_name(&query.zone)?;
    let zone = estate.zone_named(&zone).ok_or_else(|| no_zone(estate, &query.zone, ""))?;
    let pool = match &query.pool {
        None => None,
        Some(name) => {
            let text = name.strip_prefix("pool/").unwrap_or(name);
            let known = PoolName::new(text).map_err(|error| field("pool", error))?;
            let found = estate.pool_named(&known).ok_or_else(|| {
                Refused::not_found(format!("there is no pool `{known}`"), "`holdfast status` shows all pools")
            })?;
            Some(found)
        }
    };
    let holds = hf_capacity::holds(&snapshot.decision);
    let is_meant = |hold: &&Hold| match pool {
        Some(pool) => hold.pool == pool,
        None => estate.pool(hold.pool).endpoints.iter().any(|endpoint| endpoint.zone == zone),
    };
    let held_by: Vec<ScaleInHold> =
        holds.iter().filter(is_meant).map(|hold| hold_told(estate, hold)).collect();
    let status = if held_by.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    let body = ScaleIn {
        zone: estate.zone(zone).id.to_string(),
        pool: pool.map(|pool| estate.pool(pool).name.to_string()),
        allowed: held_by.is_empty(),
        held_by,
    };
    Ok((status, Json(body)).into_response())
}

/// A hold in words.
pub fn hold_told(estate: &Estate, hold: &Hold) -> ScaleInHold {
    let zone = &estate.zone(hold.zone).id;
    let reason = hold.reason.words(|at| hf_api::instant(at.0));
    let why = if hold.share == Share::ZERO {
        format!("{zone} is away ({reason}): the others carry its part, and it must be whole when it returns")
    } else {
        format!("{zone} is on its way back with {} of its share ({reason})", hold.share)
    };
    ScaleInHold { pool: estate.pool(hold.pool).name.to_string(), zone: zone.to_string(), why }
}

/// The zones of a zone or region that is named.
fn lost(estate: &Estate, name: &str) -> Answer<BTreeSet<ZoneIx>> {
    if let Some(zone) = ZoneId::new(name).ok().and_then(|name| estate.zone_named(&name)) {
        return Ok([zone].into());
    }
    let named = |region: &RegionId| estate.regions.iter().position(|known| known.id == *region);
    match RegionId::new(name).ok().and_then(|name| named(&name)) {
        // An estate has at most 64 regions.
        Some(at) => Ok(hf_capacity::zones_of(estate, RegionIx(at as u16))),
        None => Err(no_zone(estate, name, " or region")),
    }
}

fn no_zone(estate: &Estate, name: &str, also: &str) -> Refused {
    let name: String = name.chars().take(80).collect();
    let zones: Vec<&str> = estate.zones.iter().take(16).map(|zone| zone.id.as_str()).collect();
    Refused::not_found(
        format!("there is no zone{also} `{name}`"),
        format!("zones are {}; `holdfast status` shows all", zones.join(", ")),
    )
}

fn told(estate: &Estate, found: &hf_capacity::WhatIf, lost: &BTreeSet<ZoneIx>, hours: u32) -> WhatIf {
    let verdict = verdict(found);
    let refused = found.refused.iter().map(|refused| RefusedThere {
        resource: refused.scope.to_string(),
        zone: estate.zone(refused.zone).id.to_string(),
        why: refused.why.to_string(),
    });
    let pools = found.pools.iter().map(|pool| WhatIfPool {
        name: estate.pool(pool.pool).name.to_string(),
        out: pool.is_out,
        nowhere_per_1000_s: pool.nowhere,
        zones: pool.zones.iter().map(|zone| zone_told(estate, zone)).collect(),
    });
    let regions: BTreeSet<RegionIx> = lost.iter().map(|zone| estate.zone(*zone).region).collect();
    let paths = regions.into_iter().flat_map(|region| {
        let shares = hf_capacity::path_shares(estate, region, |zone| lost.contains(&zone));
        // Of a region that goes as a whole nothing avoids it.
        shares
            .into_iter()
            .filter(|path| path.avoids.part > 0)
            .map(move |path| path_told(estate, region, &path))
    });
    WhatIf {
        node: String::new(),
        week: false,
        revision: 0,
        lost: lost.iter().map(|zone| estate.zone(*zone).id.to_string()).collect(),
        ok: verdict <= WhatIfVerdict::Unknown,
        verdict,
        refused: refused.collect(),
        shift_refused: found.ledger.as_ref().map(ToString::to_string),
        load_known: found.zones.iter().any(|zone| zone.now.is_some()),
        hours_known: hours,
        zones: found.zones.iter().map(|zone| zone_told(estate, zone)).collect(),
        pools: pools.collect(),
        paths: paths.collect(),
    }
}

fn verdict(found: &hf_capacity::WhatIf) -> WhatIfVerdict {
    if found.is_refused() {
        WhatIfVerdict::Refused
    } else if found.is_out() {
        WhatIfVerdict::Out
    } else {
        match found.worst_fit() {
            Fit::Fits => WhatIfVerdict::Carried,
            Fit::Unknown => WhatIfVerdict::Unknown,
            Fit::Unproven => WhatIfVerdict::Unproven,
            Fit::Beyond => WhatIfVerdict::Beyond,
        }
    }
}

fn zone_told(estate: &Estate, zone: &ZoneAfter) -> WhatIfZone {
    let projected = |of: Projected| ProjectedLoad {
        before_per_1000_s: of.before,
        after_per_1000_s: of.after,
        hour_ms: of.hour.map(|hour| hour.saturating_mul(3_600_000)),
        headroom_ppm: of.headroom.map(Share::ppm),
        fit: match of.fit {
            Fit::Fits => LoadFit::Fits,
            Fit::Unknown => LoadFit::Unknown,
            Fit::Unproven => LoadFit::Unproven,
            Fit::Beyond => LoadFit::Beyond,
        },
    };
    WhatIfZone {
        id: estate.zone(zone.zone).id.to_string(),
        lost: zone.is_lost,
        capacity: zone.capacity.map(capacity_told),
        now: zone.now.map(projected),
        peak: zone.peak.map(projected),
    }
}

fn capacity_told(of: Carries) -> KnownCapacity {
    KnownCapacity {
        per_1000_s: of.load,
        basis: match of.basis {
            Basis::Declared => CapacityBasis::Declared,
            Basis::Measured => CapacityBasis::Measured,
        },
        failed_at_per_1000_s: of.failed_at,
    }
}

fn path_told(estate: &Estate, region: RegionIx, path: &PathShare) -> WhatIfPath {
    WhatIfPath {
        service: estate.services[path.entry.at()].name.to_string(),
        region: estate.regions[region.at()].id.to_string(),
        services: path.services,
        regional_calls: path.regional,
        avoids: path.avoids.to_string(),
        avoids_ppm: path.avoids.share().ppm(),
        if_regional: path.if_regional.to_string(),
        if_regional_ppm: path.if_regional.share().ppm(),
        if_zonal: path.if_zonal.to_string(),
        if_zonal_ppm: path.if_zonal.share().ppm(),
    }
}
