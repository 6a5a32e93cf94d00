//! `/v1/consumers`: who obeys zone status, as all nodes with that role heard of them.

use axum::Json;
use axum::extract::State;
use hf_api::{Consumers, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use super::SharedState;
use super::body::Query;
use super::refusal::Answer;
use super::writer::{field, zone};
use crate::consumers;

/// Groups that are told at most.
const GROUPS_MAX: usize = 2_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsumersQuery {
    /// Only the consumer of this name.
    name: Option<String>,
    /// Only those that run in this zone, by id or alias.
    zone: Option<String>,
}

/// Every consumer by name, kind and zone: what it has applied and what still runs where, laggards first. Silent ones, and declared ones that were
/// never heard of, are listed too.
#[utoipa::path(get, operation_id = "consumers", path = "/v1/consumers", tag = "status", params(ConsumersQuery),
    responses((status = 200, body = Consumers), (status = 400, body = Problem)))]
pub async fn consumers(
    State(shared): SharedState,
    Query(query): Query<ConsumersQuery>,
) -> Answer<Json<Consumers>> {
    let context = &shared.context;
    let name = query.name.as_deref().map(hf_consumers::ConsumerName::new).transpose();
    let name = name.map_err(|error| field("name", error))?;
    let named = query.zone.as_deref().map(zone).transpose()?;
    let (heard, snapshot, now) =
        (context.consumers.borrow().clone(), context.snapshot(), context.clock.now());
    let estate = snapshot.as_ref().map(|snapshot| &*snapshot.estate);
    let mut known = consumers::known(&heard, estate, heard.in_force, now, context.beat);
    // An alias means its zone, on either side.
    let place = |zone: &hf_model::ZoneId| estate.and_then(|estate| estate.zone_named(zone));
    let is_there = |zone: &hf_model::ZoneId, wanted: &hf_model::ZoneId| {
        zone == wanted || place(wanted).is_some_and(|wanted| place(zone) == Some(wanted))
    };
    known.groups.retain(|group| {
        name.as_ref().is_none_or(|name| group.name == *name)
            && named
                .as_ref()
                .is_none_or(|wanted| group.zone.as_ref().is_some_and(|zone| is_there(zone, wanted)))
    });
    Ok(Json(consumers::shown(&known, heard.in_force, now, GROUPS_MAX)))
}
