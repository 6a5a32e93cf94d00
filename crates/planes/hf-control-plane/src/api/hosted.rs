//! `/v1/hosted-zones`: what there is, dynamic updates, DNSSEC keys.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hf_api::{
    AddZoneKey, DnssecWanted, HostedZone, HostedZoneSource, HostedZones, MoveZoneKey, Problem, UpdateChange,
    UpdateDone, UpdateHostedZone, UpdatePrerequisite, WriteDone, ZoneKey, ZoneKeyState, ZoneKeys,
};
use hf_config::estate::{self, DnssecPolicy, PlainRecord, TransferRule, ZoneSource};
use hf_control::{Command, HostedUpdate, Intent, KeyPace, ZoneKeyCommand, ZoneKeyStep};
use hf_model::DnsName;
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::{Names, Query, Small};
use super::refusal::{Answer, Refused};
use super::writer::{Writer, field, tagged};
use super::{Shared, SharedState};
use crate::dns_here::HostedZoneHere;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RemoveQuery {
    /// Without waiting until caches have let go of it.
    #[serde(default)]
    force: bool,
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`.
    request_id: Option<String>,
}

/// Every hosted zone, as this node knows it.
#[utoipa::path(get, operation_id = "list_hosted_zones", path = "/v1/hosted-zones", tag = "hosted zones", responses(
    (status = 200, body = HostedZones), (status = 503, body = Problem)))]
pub async fn list(State(shared): SharedState) -> Answer<Json<HostedZones>> {
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    let intent = shared.context.intent();
    let here = shared.context.dns.as_ref().map(|dns| dns.hosted_zones()).unwrap_or_default();
    let estate = &snapshot.estate;
    let told = |zone: &estate::HostedZone| {
        let steered = estate.records.iter().map(|record| &record.name);
        let steered = steered.chain(estate.trees.iter().map(|tree| &tree.name));
        let steered = steered.filter(|name| name.is_at_or_below(&zone.name)).count() as u64;
        let here = here.iter().find(|here| here.name == zone.name);
        HostedZone { steered, ..tell(&shared, zone, &intent, here) }
    };
    Ok(Json(HostedZones {
        node: shared.context.node.to_string(),
        revision: intent.revision.0,
        hosted_zones: estate.hosted_zones.iter().map(told).collect(),
    }))
}

fn tell(
    shared: &Shared,
    zone: &estate::HostedZone,
    intent: &Intent,
    here: Option<&HostedZoneHere>,
) -> HostedZone {
    let source = match zone.source {
        ZoneSource::Estate => HostedZoneSource::Estate,
        ZoneSource::NodeFile => HostedZoneSource::Node,
        ZoneSource::Secondary(_) => HostedZoneSource::Secondary,
    };
    let dynamic = intent.dynamic_of(&zone.name);
    let in_estate = source == HostedZoneSource::Estate;
    let seen_at = here.and_then(|here| here.seen_at).filter(|_| source == HostedZoneSource::Secondary);
    let now = shared.context.clock.now();
    let mut keys: Vec<String> = zone.updates.iter().map(|rule| rule.key.to_string()).collect();
    keys.dedup();
    HostedZone {
        name: zone.name.to_string(),
        source,
        serial: here.and_then(|here| here.serial),
        age_ms: seen_at.map(|at| u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX)),
        records: if in_estate { Some(zone.plain.len() as u64) } else { here.and_then(|here| here.records) },
        steered: 0,
        dynamic_records: dynamic.map_or(0, |dynamic| dynamic.records.len() as u64),
        transfers: zone.transfers.allow.iter().map(rule_words).collect(),
        notify: zone.transfers.notify.iter().map(|remote| remote.address.to_string()).collect(),
        update_keys: keys,
        dnssec: zone.dnssec.as_ref().map(wanted),
        keys: intent.keys_of(&zone.name).map(key).collect(),
        problem: here.and_then(|here| here.problem.clone()),
    }
}

fn rule_words(rule: &TransferRule) -> String {
    let network = rule.network.map(|network| network.to_string());
    let key = rule.key.as_ref().map(|key| format!("key {key}"));
    network.into_iter().chain(key).collect::<Vec<_>>().join(" with ")
}

fn wanted(policy: &DnssecPolicy) -> DnssecWanted {
    DnssecWanted {
        algorithm: policy.algorithm as u8,
        validity_ms: u64::try_from(policy.validity.as_millis()).unwrap_or(u64::MAX),
    }
}

fn key(key: &hf_control::ZoneKey) -> ZoneKey {
    ZoneKey {
        tag: key.tag,
        algorithm: key.algorithm,
        public: STANDARD.encode(&key.public),
        state: match key.state {
            hf_control::ZoneKeyState::Published => ZoneKeyState::Published,
            hf_control::ZoneKeyState::Active => ZoneKeyState::Active,
            hf_control::ZoneKeyState::Retired => ZoneKeyState::Retired,
        },
        since_at_ms: key.since.0,
        next_at_ms: key.next_at().0,
        revision: key.revision.0,
    }
}

/// A hosted zone's DNSSEC keys.
#[utoipa::path(get, operation_id = "list_zone_keys", path = "/v1/hosted-zones/{name}/keys", tag = "hosted zones",
    params(("name" = String, Path, description = "The hosted zone.")),
    responses((status = 200, body = ZoneKeys), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn keys(State(shared): SharedState, Names([name]): Names<1>) -> Answer<Json<ZoneKeys>> {
    let hosted_zone = hosted_zone(&name)?;
    let snapshot = shared.context.snapshot().ok_or_else(Refused::not_ready)?;
    let found = snapshot.estate.hosted_zones.iter().find(|zone| zone.name == hosted_zone);
    let found = found.ok_or_else(|| {
        let message = format!("there is no hosted zone `{hosted_zone}`");
        Refused::not_found(message, "`holdfast hosted-zones` lists what there is")
    })?;
    let intent = shared.context.intent();
    Ok(Json(ZoneKeys {
        hosted_zone: hosted_zone.to_string(),
        revision: intent.revision.0,
        dnssec: found.dnssec.as_ref().map(wanted),
        keys: intent.keys_of(&hosted_zone).map(key).collect(),
    }))
}

/// Add a DNSSEC key; it is published and does not sign yet.
#[utoipa::path(post, operation_id = "add_zone_key", path = "/v1/hosted-zones/{name}/keys", tag = "hosted zones", request_body = AddZoneKey,
    params(("name" = String, Path, description = "The hosted zone.")),
    responses((status = 201, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn add_key(
    writer: Writer,
    Names([name]): Names<1>,
    Small(body): Small<AddZoneKey>,
) -> Answer<Response> {
    let bytes = |name: &str, text: &str| {
        let wrong = |_| field(name, "not base64; write the bytes in base64, in one line");
        STANDARD.decode(text).map(Vec::into_boxed_slice).map_err(wrong)
    };
    let command = ZoneKeyCommand::Add {
        hosted_zone: hosted_zone(&name)?,
        tag: body.tag,
        algorithm: body.algorithm,
        public: bytes("public", &body.public)?,
        sealed: bytes("sealed", &body.sealed)?,
    };
    done(writer, StatusCode::CREATED, body.request_id.as_deref(), command).await
}

/// Let a DNSSEC key take its next step.
#[utoipa::path(put, operation_id = "move_zone_key", path = "/v1/hosted-zones/{name}/keys/{tag}", tag = "hosted zones", request_body = MoveZoneKey,
    params(("name" = String, Path, description = "The hosted zone."), ("tag" = u16, Path, description = "The key's tag.")),
    responses((status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn move_key(
    writer: Writer,
    Names(names): Names<2>,
    Small(body): Small<MoveZoneKey>,
) -> Answer<Response> {
    let step = step(&names, body.force)?;
    let command = match body.to {
        ZoneKeyState::Active => ZoneKeyCommand::Activate(step),
        ZoneKeyState::Retired => ZoneKeyCommand::Retire(step),
        ZoneKeyState::Published => {
            return Err(field("to", "a key is published when it is added; write `active` or `retired`"));
        }
    };
    done(writer, StatusCode::OK, body.request_id.as_deref(), command).await
}

/// Take a DNSSEC key away.
#[utoipa::path(delete, operation_id = "remove_zone_key", path = "/v1/hosted-zones/{name}/keys/{tag}", tag = "hosted zones",
    params(("name" = String, Path, description = "The hosted zone."), ("tag" = u16, Path, description = "The key's tag."), RemoveQuery),
    responses((status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn remove_key(
    writer: Writer,
    Names(names): Names<2>,
    Query(query): Query<RemoveQuery>,
) -> Answer<Response> {
    let command = ZoneKeyCommand::Remove(step(&names, query.force)?);
    done(writer, StatusCode::OK, query.request_id.as_deref(), command).await
}

/// Hand in a dynamic update (RFC 2136) whose signature was checked. Takes the role `update`, or `administer`. The code of a refusal is
/// `update-` and the rcode in lower case.
#[utoipa::path(post, operation_id = "update_hosted_zone", path = "/v1/hosted-zones/{name}/updates", tag = "hosted zones", request_body = UpdateHostedZone,
    params(("name" = String, Path, description = "The hosted zone.")),
    responses((status = 200, body = UpdateDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn update(
    writer: Writer,
    Names([name]): Names<1>,
    Small(body): Small<UpdateHostedZone>,
) -> Answer<Response> {
    let update = HostedUpdate {
        hosted_zone: hosted_zone(&name)?,
        key: dns_name("key", &body.key)?,
        prerequisites: body.prerequisites.iter().map(prerequisite).collect::<Answer<_>>()?,
        changes: body.changes.iter().map(change).collect::<Answer<_>>()?,
    };
    let (revision, _) = writer.commit(body.request_id.as_deref(), Command::UpdateHostedZone(update)).await?;
    Ok(tagged(StatusCode::OK, revision.0, UpdateDone { revision: revision.0 }))
}

async fn done(
    writer: Writer,
    status: StatusCode,
    request_id: Option<&str>,
    command: ZoneKeyCommand,
) -> Answer<Response> {
    let (revision, _) = writer.commit(request_id, Command::ZoneKey(command)).await?;
    Ok(tagged(status, revision.0, WriteDone { revision: revision.0, warning: None }))
}

fn step([name, tag]: &[String; 2], force: bool) -> Answer<ZoneKeyStep> {
    let tag = tag.parse().map_err(|_| field("tag", "not a key tag; write a number from 0 to 65535"))?;
    let pace = if force { KeyPace::Forced } else { KeyPace::Patient };
    Ok(ZoneKeyStep { hosted_zone: hosted_zone(name)?, tag, pace })
}

fn hosted_zone(text: &str) -> Answer<DnsName> {
    dns_name("name", text)
}

/// People write names without their last dot.
fn dns_name(field_name: &str, text: &str) -> Answer<DnsName> {
    let absolute = if text.ends_with('.') { text.to_owned() } else { format!("{text}.") };
    DnsName::new(&absolute).map_err(|error| field(field_name, error))
}

fn prerequisite(part: &UpdatePrerequisite) -> Answer<hf_control::UpdatePrerequisite> {
    use hf_control::UpdatePrerequisite as Part;
    let name = |text: &str| dns_name("prerequisites", text);
    Ok(match part {
        UpdatePrerequisite::NameInUse { name: of } => Part::NameInUse(name(of)?),
        UpdatePrerequisite::NameNotInUse { name: of } => Part::NameNotInUse(name(of)?),
        UpdatePrerequisite::SetExists { name: of, rtype } => Part::SetExists(name(of)?, *rtype),
        UpdatePrerequisite::SetMissing { name: of, rtype } => Part::SetMissing(name(of)?, *rtype),
        UpdatePrerequisite::RecordExists { name: of, rtype, rdata } => {
            Part::RecordExists(name(of)?, *rtype, hex("prerequisites", rdata)?)
        }
    })
}

fn change(change: &UpdateChange) -> Answer<hf_control::UpdateChange> {
    use hf_control::UpdateChange as Part;
    let name = |text: &str| dns_name("changes", text);
    Ok(match change {
        UpdateChange::Add { name: of, rtype, ttl_s, rdata } => Part::Add(PlainRecord {
            name: name(of)?,
            rtype: *rtype,
            ttl: *ttl_s,
            rdata: hex("changes", rdata)?,
        }),
        UpdateChange::Delete { name: of, rtype, rdata } => {
            Part::Delete(name(of)?, *rtype, hex("changes", rdata)?)
        }
        UpdateChange::DeleteSet { name: of, rtype } => Part::DeleteSet(name(of)?, *rtype),
        UpdateChange::DeleteName { name: of } => Part::DeleteName(name(of)?),
    })
}

fn hex(field_name: &str, text: &str) -> Answer<Vec<u8>> {
    let wrong =
        || field(field_name, "data is pairs of hexadecimal digits; write the record's data in wire form");
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().ok_or_else(wrong)
}
