//! `/v1/health-checks/{check}/results`: results that others push, as observations of this node's checker.
//!
//! 1. They count at the checker of the node that is asked, so that each zone's checker has its own word in the quorum. A node without that role says so
//!    (503) to everybody: clients go on to the next node. Which nodes have it, and where, only those hear whom it knows.
//! 2. The role is `push` (or `administer`). The scope `checks` names health checks; `zones` and `pools` have to cover the endpoint, and everything for a
//!    result about the check as a whole, since calculated checks and alarms may go by it.
//! 3. Who may is looked at before what is there: a stranger does not learn which checks and endpoints there are.
//! 4. Bounded: a body of 64 KiB, a text of 200 bytes, one result for each subject; too many a second are 429 and change nothing (`hf-checker`). Endpoints
//!    are looked through once for each result, and only for who has the role, while the rate has room.
//!
//! Not here: what a result is worth (`hf-checker`, `hf-health`).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use hf_access::{Action, Place, Principal, Reach, Role as Grant};
use hf_api::{CheckResult, CheckResults, Problem, PushResult, PushedTo, ToldResult, code};
use hf_config::estate::{CheckKind, Estate, Zone};
use hf_config::node::Role;
use hf_model::{CheckName, PoolName, ZoneId, parse_duration};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{Name, Query, Small};
use super::guard::Caller;
use super::refusal::{Answer, Refused, split};
use super::writer::field;
use super::{Shared, SharedState};
use crate::pushed_here::{PushRefused, PushTold, PushedHere, PushedResult};

/// Results that are listed unless more are asked for.
const RESULTS: usize = 1_000;
/// The most that may be asked for.
const RESULTS_MAX: usize = 10_000;

/// Somebody who is known, and this node's checker.
pub struct Pusher {
    checker: Arc<dyn PushedHere>,
    by: Principal,
}

impl FromRequestParts<Arc<Shared>> for Pusher {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refused> {
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or_default();
        let checker = shared.context.pushed.clone().ok_or_else(|| match &caller.who {
            Ok(_) => elsewhere(shared),
            Err(_) => no_checker(shared, "ask a node with the role `checker`, with a token".to_owned()),
        })?;
        Ok(Pusher { checker, by: caller.who? })
    }
}

/// Of a node without the role: the nodes that have it, for who may know.
fn elsewhere(shared: &Shared) -> Refused {
    let node = &shared.context.node;
    let reports = shared.context.reports.borrow().clone();
    let others = reports
        .values()
        .filter(|heard| heard.report.roles.contains(&Role::Checker) && heard.report.node != *node);
    let others: Vec<String> = others
        .map(|heard| match &heard.report.api {
            Some(api) => format!("`{}` ({api})", heard.report.node),
            None => format!("`{}`", heard.report.node),
        })
        .collect();
    let mend = if others.is_empty() {
        "ask a node with the role `checker`; this one has heard of none".to_owned()
    } else {
        format!("ask {}", others.join(" or "))
    };
    no_checker(shared, mend)
}

fn no_checker(shared: &Shared, mend: String) -> Refused {
    let message = format!("node `{}` has no checker to tell results to", shared.context.node);
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, code::NO_CHECKER, message, mend)
}

/// Tell this node's checker a result of a pushed health check.
#[utoipa::path(post, operation_id = "push_result", path = "/v1/health-checks/{check}/results", tag = "health checks",
    request_body = PushResult, params(("check" = String, Path, description = "A health check of kind pushed.")),
    responses((status = 200, body = PushedTo), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn push(
    State(shared): SharedState,
    pusher: Pusher,
    Name(check): Name,
    Small(body): Small<PushResult>,
) -> Answer<Json<PushedTo>> {
    let check = CheckName::new(&check).map_err(|error| field("check", error))?;
    let result = read(check, &body, &pusher.by)?;
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    let mut places = Vec::new();
    // Without the role `may` refuses whatever it is about.
    if [Grant::Push, Grant::Administer].iter().any(|role| pusher.by.roles.contains(role)) {
        pusher.checker.room(&result.check).map_err(|why| not_taken(&why))?;
        places = places_of(&snapshot.estate, &result);
    }
    may(&pusher.by, &result, &places)?;
    is_there(&snapshot.estate, &result, &places)?;
    let (check, endpoint) = (result.check.clone(), result.endpoint);
    let taken = pusher.checker.push(result).map_err(|why| not_taken(&why))?;
    Ok(Json(PushedTo {
        node: shared.context.node.to_string(),
        check: check.to_string(),
        endpoint: endpoint.map(|endpoint| endpoint.to_string()),
        healthy: taken.healthy,
        valid_for_ms: u64::try_from(taken.valid_for.as_millis()).unwrap_or(u64::MAX),
    }))
}

fn read(check: CheckName, body: &PushResult, by: &Principal) -> Answer<PushedResult> {
    let endpoint = body.endpoint.as_deref().map(|text| {
        text.parse::<SocketAddr>().map_err(|_| {
            field(
                "endpoint",
                "this is not an address and port; write them such as 10.1.1.10:8080, or leave it out for the check as a whole",
            )
        })
    });
    let text = body.text.clone().unwrap_or_default();
    if text.chars().any(char::is_control) {
        return Err(field("text", "a text has no control characters; write one line"));
    }
    let valid_for = body.valid_for.as_deref().map(parse_duration).transpose();
    Ok(PushedResult {
        check,
        endpoint: endpoint.transpose()?,
        is_good: body.result == CheckResult::Pass,
        text,
        valid_for: valid_for.map_err(|error| field("valid_for", error))?,
        by: by.name.to_string(),
    })
}

/// Where the endpoint stands under the check; nowhere for the check as a whole.
fn places_of<'a>(estate: &'a Estate, result: &PushedResult) -> Vec<(&'a PoolName, &'a Zone)> {
    let (Some(check), Some(address)) = (estate.check_named(&result.check), result.endpoint) else {
        return Vec::new();
    };
    let of_check = estate.pools.iter().filter(|pool| pool.health_check == Some(check));
    let all = of_check.flat_map(|pool| pool.endpoints.iter().map(move |endpoint| (&pool.name, endpoint)));
    let here = all.filter(|(_, endpoint)| endpoint.address == address);
    here.map(|(pool, endpoint)| (pool, estate.zone(endpoint.zone))).collect()
}

/// What is not there counts as everything.
fn may(by: &Principal, result: &PushedResult, places: &[(&PoolName, &Zone)]) -> Answer<()> {
    let pools: Vec<PoolName> = places.iter().map(|(pool, _)| (*pool).clone()).collect();
    let mut zones: Vec<&Zone> = Vec::new();
    for (_, zone) in places {
        if zones.iter().all(|known| known.id != zone.id) {
            zones.push(zone);
        }
    }
    let told = || {
        let of =
            result.endpoint.map_or_else(|| "the whole check".to_owned(), |endpoint| endpoint.to_string());
        format!("push a result of health check {} for {of}", result.check)
    };
    let judge = |zone: &[ZoneId]| {
        let pools = if pools.is_empty() { Reach::Everything } else { Reach::These(pools.as_slice()) };
        let place = Place { zone, pools, floor_overrides: &[] };
        let action = Action::PushResult { check: &result.check, place };
        by.may(&action).map_err(|forbidden| Refused::forbidden(&forbidden, told()))
    };
    if zones.is_empty() {
        return judge(&[]);
    }
    // An address that stands in several zones takes all of them.
    zones.into_iter().try_for_each(|zone| {
        let names: Vec<ZoneId> = std::iter::once(&zone.id).chain(&zone.aliases).cloned().collect();
        judge(&names)
    })
}

/// The check takes results, and the endpoint stands under it.
fn is_there(estate: &Estate, result: &PushedResult, places: &[(&PoolName, &Zone)]) -> Answer<()> {
    let name = &result.check;
    let at = pushed(estate, name)?;
    if estate.health_check(at).disabled {
        let message = format!("health check `{name}` is disabled, and takes no results");
        let mend = "take `disabled` away from it in the estate";
        return Err(Refused::new(StatusCode::CONFLICT, code::REFUSED, message, mend));
    }
    let Some(address) = result.endpoint.filter(|_| places.is_empty()) else { return Ok(()) };
    Err(Refused::not_found(
        format!("no pool with health check `{name}` has an endpoint {address}"),
        "`holdfast endpoint list` shows what there is; leave the endpoint out for the check as a whole",
    ))
}

fn pushed(estate: &Estate, name: &CheckName) -> Answer<hf_config::estate::CheckIx> {
    let is_pushed =
        |at: &hf_config::estate::CheckIx| matches!(estate.health_check(*at).kind, CheckKind::Pushed(_));
    let Some(at) = estate.check_named(name) else {
        let known = estate.check_indexes().filter(is_pushed).take(8);
        let known: Vec<&str> = known.map(|at| estate.health_check(at).name.as_str()).collect();
        let mend = if known.is_empty() {
            "declare one of kind pushed in the estate".to_owned()
        } else {
            format!("of kind pushed there are {}", known.join(", "))
        };
        return Err(Refused::not_found(format!("there is no health check `{name}` in the estate"), mend));
    };
    if is_pushed(&at) {
        return Ok(at);
    }
    let kind = estate.health_check(at).kind.as_str();
    let message = format!("health check `{name}` is of kind {kind}, which takes no results");
    let mend = "name one of kind pushed, or make it one in the estate";
    Err(Refused::new(StatusCode::CONFLICT, code::REFUSED, message, mend))
}

fn not_taken(why: &PushRefused) -> Refused {
    let (status, code, text) = match why {
        PushRefused::Bad(text) => (StatusCode::BAD_REQUEST, code::BAD_REQUEST, text),
        PushRefused::TooFast(text) => (StatusCode::TOO_MANY_REQUESTS, code::TOO_FAST, text),
        PushRefused::NotYet(text) => (StatusCode::SERVICE_UNAVAILABLE, code::NOT_READY, text),
    };
    let (message, mend) = split(text);
    let refused = Refused::new(status, code, message, mend);
    // A line for each of very many would be no help.
    if status == StatusCode::TOO_MANY_REQUESTS { refused.journalled() } else { refused }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ResultsQuery {
    /// How many results at most, 1 to 10,000; default 1,000.
    limit: Option<usize>,
}

/// The last result of each subject that this node's checker was told of.
#[utoipa::path(get, operation_id = "list_results", path = "/v1/health-checks/{check}/results", tag = "health checks",
    params(("check" = String, Path, description = "A health check of kind pushed."), ResultsQuery),
    responses((status = 200, body = CheckResults), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn list(
    State(shared): SharedState,
    Name(check): Name,
    Query(query): Query<ResultsQuery>,
) -> Answer<Json<CheckResults>> {
    let limit = query.limit.unwrap_or(RESULTS);
    if !(1..=RESULTS_MAX).contains(&limit) {
        let mend = format!("ask for 1 to {RESULTS_MAX} results at once");
        return Err(Refused::bad(format!("`limit` is {limit}"), mend));
    }
    // Who reads was judged before this (`guard`).
    let checker = shared.context.pushed.as_ref().ok_or_else(|| elsewhere(&shared))?;
    let check = CheckName::new(&check).map_err(|error| field("check", error))?;
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    pushed(&snapshot.estate, &check)?;
    let (told, left_out) = checker.told(&check, limit);
    Ok(Json(CheckResults {
        node: shared.context.node.to_string(),
        check: check.to_string(),
        left_out: left_out as u64,
        results: told.into_iter().map(one).collect(),
    }))
}

fn one(told: PushTold) -> ToldResult {
    let ms = |length: std::time::Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    ToldResult {
        endpoint: told.endpoint.map(|endpoint| endpoint.to_string()),
        result: if told.is_good { CheckResult::Pass } else { CheckResult::Fail },
        text: told.text,
        by: told.by,
        ago_ms: ms(told.ago),
        left_ms: ms(told.left),
        healthy: told.healthy,
    }
}
