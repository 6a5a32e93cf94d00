//! `/v1/endpoints` and `/v1/pools/{pool}/endpoints/{id}`: endpoints of pools, and registrations with a lease.
//!
//! 1. Registrations are kept by one control node (`sources`); another one sends clients on to it, as a node without a ledger does.
//! 2. What is answered is in the ledger: a new endpoint is answered when its set is; a renewal at once, since it changes nothing there.
//! 3. Nothing is registered that the ledger would not take: the pool lets services register, has room, and the zone is known.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use hf_access::{Action, Place, Reach};
use hf_api::{
    Endpoint, EndpointRegistered, Endpoints, PoolEndpoints, Problem, RegisterEndpoint, WriteDone, code,
};
use hf_config::estate::{self, EndpointId, EndpointSet, Estate, SourceKind, is_endpoint_address};
use hf_control::sources::Told;
use hf_model::{PoolName, Weight, ZoneId};

use super::body::Small;
use super::refusal::{Answer, Refused};
use super::writer::{Writer, field, tagged};
use super::{Shared, SharedState};
use crate::sources::{self, LEASE_MAX, LEASE_MIN, NotRegistered, Registered};

/// How long a new registration waits to be in the ledger.
const PATIENCE: Duration = Duration::from_secs(5);
/// A lease without a word about it.
const LEASE_DEFAULT: Duration = Duration::from_secs(30);

/// The endpoints of every pool, as this node's planes have them.
#[utoipa::path(get, operation_id = "list_endpoints", path = "/v1/endpoints", tag = "endpoints", responses(
    (status = 200, body = Endpoints), (status = 503, body = Problem)))]
pub async fn list(State(shared): SharedState) -> Answer<Json<Endpoints>> {
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    let (estate, intent) = (&snapshot.estate, &snapshot.intent);
    let stands = shared.context.sources.stands();
    let pool = |pool: &estate::Pool| {
        let set = intent.sets.iter().find(|set| set.pool == pool.name);
        let stand = stands.get(&pool.name);
        PoolEndpoints {
            pool: pool.name.to_string(),
            source: pool.source.as_ref().map(|source| source.kind.to_string()),
            problem: stand.and_then(|stand| stand.problem.clone()),
            stale: stand.is_some_and(|stand| stand.is_stale),
            told_at_ms: stand.and_then(|stand| stand.told_at).map(|at| at.0),
            endpoints: endpoints(&shared, estate, pool, set),
        }
    };
    Ok(Json(Endpoints {
        node: shared.context.node.to_string(),
        revision: intent.revision.0,
        pools: estate.pools.iter().map(pool).collect(),
    }))
}

fn endpoints(
    shared: &Shared,
    estate: &Estate,
    pool: &estate::Pool,
    set: Option<&EndpointSet>,
) -> Vec<Endpoint> {
    let declared = pool.declared().len();
    let told = |(at, endpoint): (usize, &estate::Endpoint)| {
        let of_set = set.filter(|_| at >= declared);
        let found =
            of_set.and_then(|set| set.endpoints.iter().find(|found| found.address == endpoint.address));
        let left = found.filter(|found| !found.lease.is_zero());
        let left = left.and_then(|found| shared.context.sources.left(&pool.name, &found.id));
        Endpoint {
            address: endpoint.address.to_string(),
            zone: estate.zone(endpoint.zone).id.to_string(),
            weight: endpoint.weight.0,
            priority: endpoint.priority,
            id: found.map(|found| found.id.to_string()),
            lease_left_ms: left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        }
    };
    pool.endpoints.iter().enumerate().map(told).collect()
}

/// Register an endpoint of a pool, or renew its lease.
#[utoipa::path(put, operation_id = "register_endpoint", path = "/v1/pools/{pool}/endpoints/{id}", tag = "endpoints",
    request_body = RegisterEndpoint,
    params(("pool" = String, Path, description = "A pool with `source = { register = true }`."),
        ("id" = String, Path, description = "The endpoint's own name: 1 to 128 of `A-Z a-z 0-9 -._:[]@#`.")),
    responses((status = 200, body = EndpointRegistered), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 503, body = Problem)))]
pub async fn register(
    State(shared): SharedState,
    writer: Writer,
    Path((pool, id)): Path<(String, String)>,
    Small(body): Small<RegisterEndpoint>,
) -> Answer<Response> {
    let (pool, id) = names(&pool, &id)?;
    let told = told(&id, &body)?;
    let estate = estate(&shared)?;
    let found = registering(&estate, &pool)?;
    let place = place(&estate, found, &told)?;
    may(&writer, &estate, &pool, Some(place), || format!("register endpoint {id} of pool/{pool}"))?;
    keeps(&shared)?;
    let max = found.source.as_ref().map_or(0, |source| usize::from(source.max_endpoints));
    let lease_ms = u64::try_from(told.lease.as_millis()).unwrap_or(u64::MAX);
    let address = told.address;
    let done =
        shared.context.sources.register(&pool, told.clone(), max).map_err(|not| not_registered(&not))?;
    let is_in = |sets: &[EndpointSet]| {
        let set = sets.iter().find(|set| set.pool == pool);
        let found = set.and_then(|set| set.endpoints.iter().find(|known| known.id == id));
        // What the estate file has stays its own; everything else is in the set as it was told.
        let declared = estate.pool_named(&pool).map_or(&[][..], |at| estate.pool(at).declared());
        declared.iter().any(|known| known.address == address)
            || found.is_some_and(|known| {
                known.address == address
                    && (known.weight, known.priority, known.lease) == (told.weight, told.priority, told.lease)
            })
    };
    let revision = wait(&writer, is_in).await?;
    let renewed = done == Registered::Renewed;
    Ok(tagged(StatusCode::OK, revision, EndpointRegistered { revision, renewed, lease_ms }))
}

/// Take a registered endpoint away.
#[utoipa::path(delete, operation_id = "deregister_endpoint", path = "/v1/pools/{pool}/endpoints/{id}", tag = "endpoints",
    params(("pool" = String, Path, description = "The pool."), ("id" = String, Path, description = "The endpoint's name.")),
    responses((status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 503, body = Problem)))]
pub async fn deregister(
    State(shared): SharedState,
    writer: Writer,
    Path((pool, id)): Path<(String, String)>,
) -> Answer<Response> {
    let (pool, id) = names(&pool, &id)?;
    let estate = estate(&shared)?;
    let found = registering(&estate, &pool)?;
    let intent = writer.control().intent().borrow().clone();
    let set = intent.sets.iter().find(|set| set.pool == pool);
    let known = set.and_then(|set| set.endpoints.iter().find(|known| known.id == id));
    let zone = known.and_then(|known| estate.zone_named(&known.zone));
    may(&writer, &estate, &pool, zone, || format!("take endpoint {id} of pool/{pool} away"))?;
    keeps(&shared)?;
    let least = found.source.as_ref().map_or(0, |source| usize::from(source.min_endpoints));
    if known.is_some() && set.is_some_and(|set| set.endpoints.len() <= least) {
        let message =
            format!("pool/{pool} keeps at least {least} endpoints of its source, `{id}` is one of the last");
        let mend = "register another one first, or lower `min_endpoints` of its source";
        return Err(Refused::new(StatusCode::CONFLICT, code::REFUSED, message, mend));
    }
    let was_there = shared.context.sources.deregister(&pool, &id);
    if !was_there && known.is_none() {
        let message = format!("pool/{pool} has no registered endpoint `{id}`");
        return Err(Refused::not_found(message, "`holdfast endpoint list` shows what there is"));
    }
    let is_out = |sets: &[EndpointSet]| {
        let set = sets.iter().find(|set| set.pool == pool);
        set.is_none_or(|set| set.endpoints.iter().all(|known| known.id != id))
    };
    let revision = wait(&writer, is_out).await?;
    Ok(tagged(StatusCode::OK, revision, WriteDone { revision, warning: None }))
}

fn names(pool: &str, id: &str) -> Answer<(PoolName, EndpointId)> {
    let pool = PoolName::new(pool).map_err(|error| field("pool", error))?;
    Ok((pool, EndpointId::new(id).map_err(|error| field("id", error))?))
}

fn told(id: &EndpointId, body: &RegisterEndpoint) -> Answer<Told> {
    let address = body.address.parse().map_err(|_| {
        field(
            "address",
            "this is not an address and port; write them such as 10.1.1.10:8080 or [2001:db8::1]:8080",
        )
    })?;
    if !is_endpoint_address(address) {
        return Err(field(
            "address",
            "this is not the address of one machine's listener; say where the service listens",
        ));
    }
    let lease = body.lease_s.map_or(LEASE_DEFAULT, |lease| Duration::from_secs(lease.into()));
    if !(LEASE_MIN..=LEASE_MAX).contains(&lease) {
        let (min, max) = (LEASE_MIN.as_secs(), LEASE_MAX.as_secs());
        return Err(field("lease_s", format_args!("a lease has {min} to {max} seconds; change it")));
    }
    Ok(Told {
        id: id.clone(),
        address,
        zone: body.zone.as_deref().map(ZoneId::new).transpose().map_err(|error| field("zone", error))?,
        name: None,
        weight: body.weight.map_or_else(Weight::default, Weight),
        priority: body.priority.unwrap_or(0),
        lease,
    })
}

fn estate(shared: &Shared) -> Answer<std::sync::Arc<Estate>> {
    Ok(shared.context.snapshot().ok_or_else(Refused::not_ready)?.estate.clone())
}

/// The pool, which lets services register.
fn registering<'a>(estate: &'a Estate, pool: &PoolName) -> Answer<&'a estate::Pool> {
    let Some(found) = estate.pool_named(pool).map(|at| estate.pool(at)) else {
        let message = format!("there is no pool `{pool}` in the estate");
        return Err(Refused::not_found(message, "`holdfast endpoint list` shows what there is"));
    };
    if found.source.as_ref().is_some_and(|source| source.kind == SourceKind::Register) {
        return Ok(found);
    }
    let message = format!("services cannot register with pool/{pool}");
    let mend = "write `source = { register = true }` at the pool in the estate";
    Err(Refused::new(StatusCode::CONFLICT, code::REFUSED, message, mend))
}

/// The zone that it will be in.
fn place(estate: &Estate, pool: &estate::Pool, told: &Told) -> Answer<estate::ZoneIx> {
    let unknown = |message: String| {
        let zones: Vec<&str> = estate.zones.iter().map(|zone| zone.id.as_str()).collect();
        Refused::bad(message, format!("name one of the zones {}", zones.join(", ")))
    };
    if let Some(zone) = &told.zone {
        return estate
            .zone_named(zone)
            .ok_or_else(|| unknown(format!("there is no zone `{zone}` in the estate")));
    }
    let places = pool.source.as_ref().map(|source| &source.places);
    let found = places.and_then(|places| estate.place(places, None, told.address.ip()));
    found.ok_or_else(|| unknown(format!("nothing says in which zone {} is", told.address.ip())))
}

/// A zone that is not known counts as every zone.
fn may(
    writer: &Writer,
    estate: &Estate,
    pool: &PoolName,
    zone: Option<estate::ZoneIx>,
    told: impl FnOnce() -> String,
) -> Answer<()> {
    let zone = zone.map(|zone| estate.zone(zone));
    let names: Vec<ZoneId> =
        zone.into_iter().flat_map(|zone| std::iter::once(&zone.id).chain(&zone.aliases).cloned()).collect();
    let pools = std::slice::from_ref(pool);
    let place = Place { zone: &names, pools: Reach::These(pools), floor_overrides: &[] };
    writer.may(&Action::RegisterEndpoint(place), told)
}

/// 503 on a node that does not keep registrations: clients go on to the next one.
fn keeps(shared: &Shared) -> Answer<()> {
    if shared.context.sources.keeps_leases() {
        return Ok(());
    }
    let node = &shared.context.node;
    let mend = match sources::keeper(&shared.context) {
        Some(keeper) if keeper != *node => format!("ask node `{keeper}`"),
        _ => "try again in a few seconds; it begins to when its ledger takes changes".to_owned(),
    };
    let message = format!("node `{node}` does not keep registrations of endpoints now");
    Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, code::NO_LEDGER, message, mend))
}

fn not_registered(why: &NotRegistered) -> Refused {
    let (message, mend) = match why {
        NotRegistered::AddressTaken(id) => {
            (format!("`{id}` is registered at this address"), "use that name, or deregister it first")
        }
        NotRegistered::Full(max) => (
            format!("the pool has {max} registered endpoints, the most that its source may tell"),
            "deregister some, or raise `max_endpoints` of its source",
        ),
    };
    Refused::new(StatusCode::CONFLICT, code::REFUSED, message, mend)
}

/// Waits until the sets in the ledger are so; answers the revision.
async fn wait(writer: &Writer, is_so: impl Fn(&[EndpointSet]) -> bool) -> Answer<u64> {
    let mut intent = writer.control().intent();
    let reached = tokio::time::timeout(PATIENCE, intent.wait_for(|intent| is_so(&intent.sets)));
    if let Ok(Ok(intent)) = reached.await {
        return Ok(intent.revision.0);
    }
    let message = format!("the ledger did not take it within {} s", PATIENCE.as_secs());
    let mend = "try again, it is safe to repeat; `holdfast endpoint list` tells what is wrong with the pool's source";
    Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, code::LEDGER_FAILED, message, mend))
}
