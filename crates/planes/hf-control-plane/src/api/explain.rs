//! `/v1/explain`: why this answer, from this node's snapshot and by its own geography; why a health check is what it is.

mod check;
mod votes;

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::State;
use hf_answer::{Answer as DnsAnswer, Asked, Asker, Chooser, Compiled, ExplainTxt, Rcode, Why};
use hf_api::{Candidate, Explain, Problem, Removal, Step};
use hf_balance::Plan;
use hf_config::estate::{BranchTo, Filter, PlainRecord, PoolIx, ZoneIx};
use hf_decide::{Mode, PoolDecision};
use hf_geo::{Changes, Geography};
use hf_model::{Cidr, DnsName, PoolName, WireName};
use hf_select::{Client, Removed};
use hf_snapshot::Snapshot;
use serde::Deserialize;
use utoipa::IntoParams;

pub use votes::AskedVotes;

use super::body::Query;
use super::refusal::{Answer, Refused};
use super::writer::{field, zone};
use super::{Shared, SharedState};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuery {
    /// A DNS name, such as `www.example.test.`
    name: Option<String>,
    /// With `name`: its type, such as `A` or `TYPE64`; default `A`.
    r#type: Option<String>,
    /// With `name`: the address of the client that asks.
    from: Option<String>,
    /// With `name`: the network of the client that a resolver at `from` tells (EDNS Client Subnet), such as `198.51.100.0/24`.
    subnet: Option<String>,
    /// A pool's name, instead of `name`: which endpoint a balancer would pick.
    pool: Option<String>,
    /// With `pool`: the balancer's zone; without it only how the pool stands, zone by zone, and what the detectors say of it.
    from_zone: Option<String>,
    /// A health check's name, instead of `name`: which checkers say what of it.
    check: Option<String>,
}

/// Why a DNS question, or a balancer's choice, has the answer that it has; why a health check is what it is.
#[utoipa::path(get, operation_id = "explain", path = "/v1/explain", tag = "explain", params(ExplainQuery), responses(
    (status = 200, body = Explain), (status = 400, body = Problem), (status = 404, body = Problem),
    (status = 503, body = Problem)))]
pub async fn explain(State(shared): SharedState, Query(query): Query<ExplainQuery>) -> Answer<Json<Explain>> {
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    let found = match query {
        ExplainQuery { name: Some(name), pool: None, from_zone: None, check: None, r#type, from, subnet } => {
            let rtype = r#type.as_deref().unwrap_or("A");
            explain_name(&shared, &snapshot, &name, rtype, from.as_deref(), subnet.as_deref())?
        }
        ExplainQuery {
            pool: Some(pool),
            name: None,
            r#type: None,
            from: None,
            subnet: None,
            check: None,
            from_zone,
        } => explain_pool(&shared, &snapshot, &pool, from_zone.as_deref()).await?,
        ExplainQuery {
            check: Some(check),
            name: None,
            pool: None,
            r#type: None,
            from: None,
            subnet: None,
            from_zone: None,
        } => check::explain(&shared, &snapshot, &check).await?,
        _ => {
            return Err(Refused::bad(
                "give either `name` (with `type`, `from` and `subnet`), `pool` (with `from_zone`), or `check`",
                "such as /v1/explain?name=www.example.test.&type=A&from=192.0.2.1",
            ));
        }
    };
    Ok(Json(found))
}

fn explain_name(
    shared: &Shared,
    snapshot: &Arc<Snapshot>,
    name: &str,
    rtype: &str,
    from: Option<&str>,
    subnet: Option<&str>,
) -> Answer<Explain> {
    let absolute = if name.ends_with('.') { name.to_owned() } else { format!("{name}.") };
    let name = DnsName::new(&absolute).map_err(|error| field("name", error))?;
    let number = rtype_named(rtype)
        .ok_or_else(|| field("type", "not a type that is known by name; write it as TYPE64, say"))?;
    let from = from.ok_or_else(|| field("from", "missing; give the address of the client that asks"))?;
    let address: IpAddr = from
        .parse()
        .map_err(|_| field("from", "not an IP address; write one such as 192.0.2.1 or 2001:db8::1"))?;
    let subnet = subnet.map(|text| Cidr::new(text).map_err(|error| field("subnet", error))).transpose()?;
    let own_zone = shared.context.zone.as_ref().and_then(|zone| snapshot.estate.zone_named(zone));
    let asker = Asker {
        address,
        // A length of 0 is a client that wants nothing told of it: the resolver's address counts, as in an answer.
        subnet: subnet.filter(|subnet| subnet.bits() > 0).map(|subnet| (subnet.base(), subnet.bits())),
        own_zone,
        seed: hf_clock::random_seed(),
        explain: ExplainTxt::Refused,
    };
    let wire = WireName::from(&name);
    let asked = Asked { name: wire.as_wire(), rtype: number, class: 1, dnssec_ok: false, compact_ok: false };
    let answer = compiled(shared, snapshot).explain(&asked, &asker);
    Ok(Explain {
        question: match subnet {
            Some(subnet) => {
                format!("{name} {} from {address} for {subnet}", hf_config::type_text(number))
            }
            None => format!("{name} {} from {address}", hf_config::type_text(number)),
        },
        node: shared.context.node.to_string(),
        revision: snapshot.intent.revision.0,
        snapshot: snapshot.number,
        steps: answer.why.iter().flat_map(|why| tell(snapshot, why)).collect(),
        ttl_s: answer.answers.iter().map(|record| record.ttl).min(),
        answer: lines(&answer),
    })
}

/// The form that answers, made when first asked for and kept while the estate and the table of latencies stay the same.
pub(super) struct Kept {
    compiled: Option<Compiled>,
    changes: Changes,
}

impl Kept {
    pub(super) fn new(geography: &Geography) -> Kept {
        Kept { compiled: None, changes: geography.changes() }
    }
}

fn compiled(shared: &Shared, snapshot: &Arc<Snapshot>) -> Compiled {
    let geography = &shared.context.geography;
    let mut kept = shared.compiled.lock().unwrap_or_else(PoisonError::into_inner);
    let is_new = kept.changes.take();
    // A node that does not answer DNS has no contents from elsewhere.
    let contents = shared.context.dns.as_ref().map(|dns| dns.contents()).unwrap_or_default();
    let with_table = |compiled: Compiled| compiled.with_latency(Arc::new(geography.table(&snapshot.estate)));
    let fresh = match kept.compiled.take() {
        Some(old) => {
            let is_kept = !is_new && old.snapshot().estate.digest == snapshot.estate.digest;
            let updated = old.updated(snapshot.clone(), contents);
            if is_kept { updated } else { with_table(updated) }
        }
        None => with_table(Compiled::new(snapshot.clone(), contents).with_geo(geography.database())),
    };
    kept.compiled = Some(fresh.clone());
    fresh
}

fn lines(answer: &DnsAnswer) -> Vec<String> {
    let rcode = match answer.rcode {
        Rcode::NoError if answer.answers.is_empty() && !answer.aa => "a referral to another name server",
        Rcode::NoError if answer.answers.is_empty() => {
            "NODATA: the name exists, and has no record of this type now"
        }
        Rcode::NoError => "",
        Rcode::FormErr => "FORMERR: this type cannot be asked for",
        Rcode::ServFail => {
            "SERVFAIL: this node has not got the hosted zone's contents; ask one that answers DNS, `holdfast hosted-zones` says why it has none"
        }
        Rcode::NxDomain => "NXDOMAIN: there is no such name",
        Rcode::Refused => "REFUSED: this is not in a hosted zone",
        Rcode::YxDomain => "YXDOMAIN: a DNAME made the name too long",
    };
    let records = answer.answers.iter().map(|record| {
        let data = hf_config::data_text(&plain(record));
        format!("{} {} {} {data}", record.name, record.ttl, hf_config::type_text(record.rtype))
    });
    let first = (!rcode.is_empty()).then(|| rcode.to_owned());
    first.into_iter().chain(records).collect()
}

/// As a plain record, whose data has a presentation form. Its name is not shown.
fn plain(record: &hf_answer::AnswerRecord) -> PlainRecord {
    let name = DnsName::new(".").expect("the root is a name");
    PlainRecord { name, rtype: record.rtype, ttl: record.ttl, rdata: record.rdata.to_vec() }
}

/// A type by its name, or as `TYPE123`; in any case.
fn rtype_named(text: &str) -> Option<u16> {
    let upper = text.to_ascii_uppercase();
    let number = upper.strip_prefix("TYPE").and_then(|number| number.parse().ok());
    number.or_else(|| (1..=300).find(|rtype| hf_config::type_text(*rtype) == upper))
}

fn tell(snapshot: &Snapshot, why: &Why) -> Vec<Step> {
    let estate = &snapshot.estate;
    match why {
        Why::Steered { of, pool, in_place_of, client, family_fails_open, steps } => {
            let mut told = Vec::new();
            told.push(text_step("client", &place(snapshot, *client)));
            if let Some(own) = in_place_of {
                let (own, other) = (&estate.pool(*own).name, &estate.pool(*pool).name);
                told.push(text_step(
                    "fallback",
                    &format!("nobody in pool/{own} is healthy: pool/{other} serves"),
                ));
            }
            // With a fallback, the decision on the other pool counts.
            let decision = match of {
                Chooser::Record(record) if in_place_of.is_none() => {
                    snapshot.decision.for_record(*record, *pool)
                }
                _ => &snapshot.decision.pools[pool.at()],
            };
            told.push(mode_step(snapshot, decision));
            if *family_fails_open {
                let text =
                    "no endpoint of this address family is healthy in an open zone: health is ignored for it";
                told.push(text_step("family", text));
            }
            told.extend(steps.iter().map(|step| chain_step(snapshot, decision, step)));
            told
        }
        Why::Closed { pool, .. } => {
            let text =
                format!("nobody in pool/{} is healthy, and it answers nothing then", estate.pool(*pool).name);
            vec![text_step("closed", &text)]
        }
        Why::Zonal { pool, zone, by_health, steps } => {
            let decision = &snapshot.decision.pools[pool.at()];
            let health = if *by_health { "its healthy ones" } else { "all of them, since none is healthy" };
            let (zone, name) = (&estate.zone(*zone).id, &estate.pool(*pool).name);
            let text =
                format!("a zonal name: endpoints of pool/{name} in {zone}, {health}, whatever shifts say");
            let first = text_step("zonal", &text);
            std::iter::once(first)
                .chain(steps.iter().map(|step| chain_step(snapshot, decision, step)))
                .collect()
        }
        Why::Tree { tree, client, is_down, steps } => {
            let mut told = vec![text_step("client", &place(snapshot, *client))];
            if *is_down {
                let text = "no branch is open; the tree says with `all_down` what it answers then";
                told.push(text_step("tree", text));
            }
            told.extend(steps.iter().map(|step| tree_step(snapshot, *tree, step)));
            told
        }
        Why::Alias { alias } => {
            let text = format!("an ALIAS: answers as {} does", estate.aliases[*alias].to);
            vec![text_step("alias", &text)]
        }
        Why::Plain => vec![text_step("plain", "from the hosted zone's plain records: nothing is chosen")],
        _ => vec![text_step("other", "a way that this version cannot tell")],
    }
}

fn place(snapshot: &Snapshot, client: Client) -> String {
    let estate = &snapshot.estate;
    match (client.zone, client.region) {
        (Some(zone), _) => format!("the client is in {}, by that zone's networks", estate.zone(zone).id),
        (None, Some(region)) => {
            let region = &estate.regions[region.at()].id;
            format!("the client is in no zone's networks; it counts as being in {region}, like this node")
        }
        (None, None) => "nothing is known of where the client is".to_owned(),
    }
}

fn mode_step(snapshot: &Snapshot, decision: &PoolDecision) -> Step {
    let name = &snapshot.estate.pool(decision.pool).name;
    let text = match decision.mode {
        Mode::Normal => format!("pool/{name} serves from healthy endpoints of open zones"),
        Mode::FailOpen => format!("pool/{name} fails open: too few are healthy, so health is ignored"),
        Mode::Closed => format!("pool/{name} is closed: nobody is healthy"),
        Mode::Fallback(other) => {
            format!("pool/{name} has fallen back to pool/{}", snapshot.estate.pool(other).name)
        }
    };
    text_step("pool", &text)
}

fn text_step(name: &str, text: &str) -> Step {
    Step { name: name.to_owned(), text: text.to_owned(), kept: Vec::new(), removed: Vec::new() }
}

/// One filter of a tree's chain; its candidates are branches.
fn tree_step(snapshot: &Snapshot, tree: usize, step: &hf_select::Step) -> Step {
    let estate = &snapshot.estate;
    let branch = |at: u16| {
        let endpoint = match estate.trees[tree].branches[usize::from(at)].to {
            BranchTo::Pool(pool) => format!("pool/{}", estate.pool(pool).name),
            BranchTo::Record(record) => format!("record/{}", estate.records[usize::from(record)].name),
            BranchTo::Tree(other) => format!("record/{}", estate.trees[usize::from(other)].name),
        };
        Candidate { endpoint, zone: format!("branch {}", at + 1) }
    };
    let removed = step.removed.iter().map(|(at, why)| {
        let Candidate { endpoint, zone } = branch(*at);
        let why = match why {
            Removed::NotServing => "closed: too little of what is behind it serves".to_owned(),
            why => why.to_string(),
        };
        Removal { endpoint, zone, why }
    });
    Step {
        name: step.filter.to_string(),
        text: filter_text(step.filter).to_owned(),
        kept: step.kept.iter().map(|at| branch(*at)).collect(),
        removed: removed.collect(),
    }
}

fn chain_step(snapshot: &Snapshot, decision: &PoolDecision, step: &hf_select::Step) -> Step {
    let removed = step.removed.iter().map(|(at, why)| {
        let Candidate { endpoint, zone } = candidate(snapshot, decision.pool, *at);
        Removal { endpoint, zone, why: removal(decision, *at, *why) }
    });
    Step {
        name: step.filter.to_string(),
        text: filter_text(step.filter).to_owned(),
        kept: step.kept.iter().map(|at| candidate(snapshot, decision.pool, *at)).collect(),
        removed: removed.collect(),
    }
}

/// What a filter does.
fn filter_text(filter: Filter) -> &'static str {
    match filter {
        Filter::Open => "keeps what serves",
        Filter::Near => "keeps the nearest region",
        Filter::Latency => "keeps the region that answers the client soonest",
        Filter::Geo => "keeps the narrowest area that the client is in",
        Filter::Cidr => "keeps the narrowest network that the client is in",
        Filter::SameZone => "keeps the client's zone, else its region",
        Filter::Priority => "keeps the lowest priority number",
        Filter::Weighted => "orders by weighted chance",
        Filter::Sticky => "orders by weighted chance, alike for all of a client's network",
        Filter::Shuffle => "orders by even chance",
        Filter::Take(_) => "keeps the first ones",
    }
}

fn removal(decision: &PoolDecision, at: u16, why: Removed) -> String {
    match (why, decision.endpoints.get(usize::from(at))) {
        (Removed::NotServing, Some(endpoint)) => {
            format!("does not serve: {}", endpoint.reason.words(|at| hf_api::instant(at.0)))
        }
        _ => why.to_string(),
    }
}

fn candidate(snapshot: &Snapshot, pool: PoolIx, at: u16) -> Candidate {
    let endpoint = &snapshot.estate.pool(pool).endpoints[usize::from(at)];
    Candidate {
        endpoint: endpoint.address.to_string(),
        zone: snapshot.estate.zone(endpoint.zone).id.to_string(),
    }
}

/// What the detector found in a pool, as what it is, and its evidence on each zone.
fn gray_steps(shared: &Shared, name: &PoolName) -> Vec<Step> {
    let judged = shared.context.gray.borrow().clone();
    let Some(pool) = judged.pools.get(name) else { return Vec::new() };
    let lines = pool.zones.iter().filter_map(|zone| crate::gray::zone_line(pool, &zone.zone));
    crate::gray::in_short(name, pool).lines().chain(lines).map(|line| text_step("gray", &line)).collect()
}

async fn explain_pool(
    shared: &Shared,
    snapshot: &Snapshot,
    pool: &str,
    from_zone: Option<&str>,
) -> Answer<Explain> {
    let estate = &snapshot.estate;
    let name = pool.strip_prefix("pool/").unwrap_or(pool);
    let name = PoolName::new(name).map_err(|error| field("pool", error))?;
    let pool = estate.pool_named(&name).ok_or_else(|| {
        let known: Vec<String> = estate.pools.iter().map(|pool| pool.name.to_string()).collect();
        Refused::not_found(
            format!("there is no pool `{name}`"),
            format!("the estate has {}", known.join(", ")),
        )
    })?;
    let gray = gray_steps(shared, &name);
    let Some(from_zone) = from_zone else {
        let votes = check::of_pool(shared, snapshot, pool).await;
        let decision = &snapshot.decision.pools[pool.at()];
        let zone = |zone: &hf_decide::PoolZone| {
            let why = zone.reason.words(|at| hf_api::instant(at.0));
            format!("{} {}: {why}", estate.zone(zone.zone).id, zone.state)
        };
        return Ok(Explain {
            question: format!("pool/{name}"),
            node: shared.context.node.to_string(),
            revision: snapshot.intent.revision.0,
            snapshot: snapshot.number,
            steps: std::iter::once(mode_step(snapshot, decision)).chain(votes).chain(gray).collect(),
            answer: decision.zones.iter().map(zone).collect(),
            ttl_s: None,
        });
    };
    let from = zone(from_zone)?;
    let from: ZoneIx = estate.zone_named(&from).ok_or_else(|| {
        let known: Vec<String> = estate.zones.iter().map(|zone| zone.id.to_string()).collect();
        Refused::not_found(
            format!("there is no zone `{from}`"),
            format!("the estate has {}", known.join(", ")),
        )
    })?;
    let plan = Plan::new(snapshot, pool, Some(from));
    let serving = plan.serving_pool();
    let decision = &snapshot.decision.pools[serving.at()];
    let mut steps = vec![mode_step(snapshot, &snapshot.decision.pools[pool.at()])];
    let open = hf_select::run(estate, decision, &[Filter::Open], Client::in_zone(estate, from), 0, |_| true);
    steps.extend(open.steps.iter().map(|step| chain_step(snapshot, decision, step)));
    let order: Vec<Candidate> = plan.serving().map(|pick| candidate(snapshot, pick.pool, pick.at)).collect();
    let text = match (estate.pool(serving).cross_zone, plan.own_zone_serves()) {
        (hf_config::estate::CrossZone::On, _) => {
            "cross_zone is on: the own zone as far as `affinity` and its part of the capacity allow, the rest where there is room"
        }
        (hf_config::estate::CrossZone::Off, true) => {
            "own zone first, by weight; the others only when it has nobody left"
        }
        (hf_config::estate::CrossZone::Off, false) => {
            "the own zone does not serve: the nearest others, by weight"
        }
    };
    steps.extend(gray);
    steps.push(Step {
        name: "order".to_owned(),
        text: text.to_owned(),
        kept: order.clone(),
        removed: Vec::new(),
    });
    let answer = if order.is_empty() {
        vec!["503: nothing serves".to_owned()]
    } else {
        order.iter().map(|pick| format!("{} in {}", pick.endpoint, pick.zone)).collect()
    };
    Ok(Explain {
        question: format!("pool/{name} from a balancer in {}", estate.zone(from).id),
        node: shared.context.node.to_string(),
        revision: snapshot.intent.revision.0,
        snapshot: snapshot.number,
        steps,
        answer,
        ttl_s: None,
    })
}
