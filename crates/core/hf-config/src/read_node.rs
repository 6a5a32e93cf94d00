//! The node file: TOML in, a checked [`NodeConfig`] or all problems out.
//!
//! Not here: files and ports (their users open them), whether the zone exists (the estate says).

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use hf_model::{NodeId, Operator, ZoneId};

use crate::addresses::{Taken, read_socket};
use crate::estate::Estate;
use crate::node::{NodeConfig, OperatorKey, Role, TlsConfig};
use crate::read_access::NAME_OF_A_SOURCE;
use crate::walk::{Fields, Names, Report, Value, clip, if_there, there, verdict};
use crate::{Problem, Problems};

mod api;
mod assign;
mod balancer;
mod checker;
mod dns;
mod haproxy;
mod ledger;
mod notify;
mod render;
mod sources;
mod status;
mod stores;
mod xds;

/// Sections of the format that a later version carries.
const LATER: [&str; 1] = ["token"];

const BEAT_MIN: Duration = Duration::from_millis(100);
const BEAT_MAX: Duration = Duration::from_secs(10);
const BEAT_DEFAULT: Duration = Duration::from_secs(1);
/// Peers, listeners and keys each: a bound for what one file can ask for.
const LIST_MAX: usize = 1_000;

/// Reads a node file. `file` is how it is called in problems.
///
/// # Errors
///
/// All problems, in the order of their places.
pub fn read_node(file: &str, text: &str) -> Result<NodeConfig, Problems> {
    let mut report = Report::new(file, text);
    let Some(document) = report.parse() else { return Err(Problems(report.into_problems())) };
    if !document.contains_key("node") && (document.contains_key("zone") || document.contains_key("pool")) {
        report.add_whole("this is an estate file; a node file has [node] with id, data_dir and roles");
        return Err(Problems(report.into_problems()));
    }
    let mut root = Fields::new(&document, 0, "a node file");
    let config = node_config(&mut root, &mut report);
    root.finish(&LATER, &mut report);
    verdict(vec![report])?;
    config.ok_or_else(|| {
        let what =
            "could not be read, and no problem was found: a defect of Holdfast; please report it".to_owned();
        Problems(vec![Problem { file: file.to_owned(), line: 0, column: 0, what }])
    })
}

/// Whether a TOML text is meant as a node file (it has `[node]`), rather than as an estate file.
///
/// A text that is not TOML is judged by its lines, so that its problems are told by the right reader.
pub fn is_node_file(text: &str) -> bool {
    match toml::de::DeTable::parse(text) {
        Ok(document) => document.get_ref().contains_key("node"),
        Err(_) => text.lines().any(|line| line.trim_start().starts_with("[node]")),
    }
}

/// What is wrong between a good node file and the estate that its node will serve: a zone that the estate does not have, a key,
/// folder or database that its names need on a DNS node.
///
/// # Errors
///
/// The problem, at its place in the node file.
pub fn check_node_in(file: &str, text: &str, estate: &Estate) -> Result<(), Problems> {
    let mut report = Report::new(file, text);
    let Some(document) = report.parse() else { return Err(Problems(report.into_problems())) };
    let mut root = Fields::new(&document, 0, "a node file");
    let node = root.get("node").and_then(|value| value.fields("[node]", &mut report));
    if let Some(value) = node.and_then(|mut node| node.get("zone")) {
        value.read(&mut report, |text| {
            let known = ZoneId::new(text).ok().and_then(|zone| estate.zone_named(&zone));
            let zones: Vec<&str> = estate.zones.iter().map(|zone| zone.id.as_str()).collect();
            known
                .ok_or_else(|| format!("no zone `{}` in the estate; it has {}", clip(text), zones.join(", ")))
        });
    }
    let mut aside = Report::new(file, text);
    if let Some(config) = node_config(&mut root, &mut aside) {
        let mut at = |section| root.get(section).or(root.get("node")).map_or(0, Value::at);
        if config.roles.contains(&Role::Control) {
            stores::check(&config.stores, at("credentials"), estate, &mut report);
        }
        if config.roles.contains(&Role::Dns) {
            dns::check(&config.dns, at("dns"), estate, &mut report);
        }
        balancer::check(&config, at("balancer"), estate, &mut report);
        haproxy::check(&config.haproxy, at("haproxy"), estate, &mut report);
        render::check(&config.render, at("render"), estate, &mut report);
    }
    verdict(vec![report])
}

/// What is allowed between a good node file and its estate, and seldom meant: a check of kind command whose program a node with the checker role may
/// not run, so that its checker says nothing of it.
pub fn advise_node_in(file: &str, text: &str, estate: &Estate) -> Vec<Problem> {
    let mut report = Report::new(file, text);
    let Some(document) = report.parse() else { return Vec::new() };
    let mut root = Fields::new(&document, 0, "a node file");
    let mut aside = Report::new(file, text);
    if let Some(config) = node_config(&mut root, &mut aside)
        && config.roles.contains(&Role::Checker)
    {
        let at = root.get("checker").or(root.get("node")).map_or(0, Value::at);
        checker::advise(&config.checker, at, estate, &mut report);
    }
    report.into_problems()
}

/// The problem of a node file whose `estate = …` is not there or not an estate file; told at its place.
pub fn estate_reference_problem(file: &str, text: &str, why: &str) -> Problems {
    let mut report = Report::new(file, text);
    if let Some(document) = report.parse() {
        let mut root = Fields::new(&document, 0, "a node file");
        let node = root.get("node").and_then(|value| value.fields("[node]", &mut report));
        match node.and_then(|mut node| node.get("estate")) {
            Some(value) => report.add(value.at(), why),
            None => report.add_whole(why),
        }
    }
    Problems(report.into_problems())
}

/// What `[node]` says.
struct Node {
    id: NodeId,
    zone: Option<ZoneId>,
    data_dir: PathBuf,
    roles: Vec<Role>,
    estate: Option<PathBuf>,
    peers: Vec<SocketAddr>,
    beat: Duration,
}

fn node_config(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<NodeConfig> {
    let has_tls = root.get("tls");
    let node = root.need("node", report).and_then(|value| node(value, has_tls.is_some(), report));
    let mut taken = Taken::default();
    let api = api::api(root, report);
    let api_listen = match api.listen {
        Some(value) => listeners(value, false, Some(&mut taken), report),
        None => Some(vec![default_listener("api", 7600, Some(&mut taken), report)]),
    };
    if let (Some(value), Some([address])) = (api.listen, api_listen.as_deref())
        && !address.ip().is_loopback()
        && !api.guarded
    {
        report.add(
            value.at(),
            format_args!("the API at {address} is open to the network, where tokens would travel in the clear; add tls = {{ certificate, key }}, or set plain = true where the network itself keeps them"),
        );
    }
    let tells = node.as_ref().is_some_and(|node| node.roles.contains(&Role::Status));
    let (status_listen, status) = status::status(root, tells.then_some(&mut taken), report);
    let feed_value = section(root, "feed", "listen", report);
    let feed = match feed_value {
        Some(value) => listeners(value, false, Some(&mut taken), report),
        None => Some(vec![default_listener("feed", 7602, Some(&mut taken), report)]),
    };
    let has_dns = node.as_ref().is_some_and(|node| node.roles.contains(&Role::Dns));
    let dns = dns::dns(root, has_dns.then_some(&mut taken), report);
    if let (Some(value), Some([address])) = (feed_value, feed.as_deref())
        && !address.ip().is_loopback()
        && has_tls.is_none()
    {
        report.add(
            value.at(),
            format_args!("the feed at {address} is open to the network; add [tls], or listen on 127.0.0.1"),
        );
    }
    let balancer = balancer::balancer(root, report);
    let assigns = node.as_ref().is_some_and(|node| node.roles.contains(&Role::Assign));
    let assign = assign::assign(root, assigns.then_some(&mut taken), report);
    let tls = if_there(has_tls, |value| tls(value, report));
    let break_glass_keys = break_glass_keys(root, report);
    let sources = sources::sources(root, node.as_ref().map(|node| &*node.data_dir), report);
    let checker = checker::checker(root, report);
    let haproxy = haproxy::haproxy(root, tells.then_some(&mut taken), report);
    let render = render::render(root, report);
    let xds = if_there(root.get("xds"), |value| xds::xds(value, tells.then_some(&mut taken), report));
    let told = root.get("haproxy").or(root.get("render")).or(root.get("xds"));
    if let (false, Some(value)) = (tells || node.is_none(), told) {
        let key = value.key();
        report.add(
            value.at(),
            format_args!("`{key}` is what the role status does, which this node does not have; add the role, or remove `{key}`"),
        );
    }
    let notify = notify::notify(root, report);
    let keeps = node.as_ref().is_none_or(|node| node.roles.contains(&Role::Control));
    let tells_nothing = |receiver: &crate::node::Notify| {
        !receiver.kinds.iter().any(|kind| crate::node::NoticeKind::OF_ACTS.contains(kind))
    };
    if let (false, Some(value)) = (keeps, root.get("notify"))
        && notify.iter().flatten().any(tells_nothing)
    {
        report.add(
            value.at(),
            "without the role control this node tells of break-glass shifts only; give each receiver the kind `shift.started` or `shift.ended`, remove `notify`, or add the role",
        );
    }
    let stores = stores::stores(root, report);
    if let (false, Some(value)) = (keeps, root.get("credentials").or(root.get("stores"))) {
        let key = value.key();
        report.add(
            value.at(),
            format_args!("nodes with the role control look at stores, and this one does not have it; remove `{key}`, or add the role"),
        );
    }
    let ledger = ledger::ledger(root.get("ledger"), report);
    let node = node?;
    let first = |list: Option<Vec<SocketAddr>>| list.and_then(|list| list.first().copied());
    Some(NodeConfig {
        id: node.id,
        zone: node.zone,
        data_dir: node.data_dir,
        roles: node.roles,
        estate: node.estate,
        api_listen: first(api_listen)?,
        api: api.config?,
        status_listen: status_listen?,
        status: status?,
        feed_listen: first(feed)?,
        dns: dns?,
        balancer: balancer?,
        assign: assign?,
        beat: node.beat,
        peers: node.peers,
        tls: tls.ok()?,
        ledger: ledger?,
        break_glass_keys,
        sources: sources?,
        checker: checker?,
        haproxy: haproxy?,
        render: render?,
        xds: xds.ok()?,
        notify: notify?,
        stores: stores?,
    })
}

/// The one key of a section `[name]`.
fn section<'t, 'i>(
    root: &mut Fields<'t, 'i>,
    name: &'static str,
    key: &'static str,
    report: &mut Report<'_>,
) -> Option<Value<'t, 'i>> {
    let mut fields = root.get(name)?.fields("this section", report)?;
    let value = fields.get(key);
    fields.finish(&[], report);
    value
}

fn node(value: Value<'_, '_>, has_tls: bool, report: &mut Report<'_>) -> Option<Node> {
    let mut fields = value.fields("a node", report)?;
    let at = fields.at();
    let id = fields.need("id", report).and_then(|value| value.read(report, NodeId::new));
    let zone = if_there(fields.get("zone"), |value| value.read(report, ZoneId::new));
    let data_dir = fields.need("data_dir", report).and_then(|value| value.read(report, read_path));
    let roles = fields.need("roles", report).and_then(|value| roles(value, report));
    let estate_value = fields.get("estate");
    let estate = if_there(estate_value, |value| value.read(report, read_path));
    let peers = match fields.get("peers") {
        Some(value) => peers(value, has_tls, report),
        None => Some(Vec::new()),
    };
    let beat = match fields.get("beat") {
        Some(value) => value.duration(BEAT_MIN, BEAT_MAX, report),
        None => Some(BEAT_DEFAULT),
    };
    fields.finish(&[], report);
    if let Some(roles) = &roles {
        if let Some(value) = estate_value
            && !roles.contains(&Role::Control)
        {
            report.add(
                value.at(),
                "only a node with the role control watches an estate file; remove `estate` or add the role",
            );
        }
        let needs_zone = roles.iter().find(|role| matches!(role, Role::Checker | Role::Balancer));
        if let (Some(role), Ok(None)) = (needs_zone, &zone) {
            report
                .add(at, format_args!("a node with the role {} stands in a zone; add `zone`", role.as_str()));
        }
    }
    Some(Node {
        id: id?,
        zone: zone.ok()?,
        data_dir: data_dir?,
        roles: roles?,
        estate: estate.ok()?,
        peers: peers?,
        beat: beat?,
    })
}

fn read_path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() || text.contains('\0') {
        Err("a path is not empty; write one")
    } else {
        Ok(PathBuf::from(text))
    }
}

fn roles(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<Role>> {
    let items = value.items(report)?;
    if items.is_empty() {
        let all = there(Role::ALL.into_iter().map(Role::as_str));
        report.add(value.at(), format_args!("a node has at least one role; {all}"));
        return None;
    }
    let mut roles = Vec::new();
    for item in items.into_iter().take(LIST_MAX) {
        let read = item.read(report, |text| {
            Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
                let all = there(Role::ALL.into_iter().map(Role::as_str));
                format!("no role is called {:?}; {all}", clip(text))
            })
        });
        let Some(role) = read else { continue };
        if roles.contains(&role) {
            report.add(
                item.at(),
                format_args!("role {} is listed twice; remove one of the two", role.as_str()),
            );
        }
        roles.push(role);
    }
    roles.sort();
    Some(roles)
}

fn peers(value: Value<'_, '_>, has_tls: bool, report: &mut Report<'_>) -> Option<Vec<SocketAddr>> {
    let mut peers: Vec<SocketAddr> = Vec::new();
    for item in value.items(report)?.into_iter().take(LIST_MAX) {
        let Some(peer) = item.read(report, read_socket) else { continue };
        if peer.port() == 0 {
            report.add(item.at(), "a peer's port is 1 to 65535, this one is 0; write where its feed listens");
        } else if peers.contains(&peer) {
            report.add(item.at(), format_args!("peer {peer} is listed twice; remove one of the two"));
        } else if !peer.ip().is_loopback() && !has_tls {
            report.add(item.at(), format_args!("the way to peer {peer} leaves this machine; add [tls]"));
        }
        peers.push(peer);
    }
    Some(peers)
}

/// Where a service listens; `taken` is for those that this node does run. Port 0 means any free port, so it is in
/// nobody's way.
fn listeners(
    value: Value<'_, '_>,
    several: bool,
    mut taken: Option<&mut Taken>,
    report: &mut Report<'_>,
) -> Option<Vec<SocketAddr>> {
    let items = if several && value.is_list() { value.items(report)? } else { vec![value] };
    if items.is_empty() {
        report.add(value.at(), "at least one address to listen on; add it");
        return None;
    }
    let mut list = Vec::new();
    for item in items.into_iter().take(LIST_MAX) {
        let address = item.read(report, read_socket)?;
        if address.port() != 0
            && let Some(other) = taken.as_mut().and_then(|taken| taken.insert(address))
        {
            report.add(
                item.at(),
                format_args!("{address} meets the listener {other} of this node; choose another port"),
            );
        }
        list.push(address);
    }
    Some(list)
}

fn default_listener(name: &str, port: u16, taken: Option<&mut Taken>, report: &mut Report<'_>) -> SocketAddr {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Some(other) = taken.and_then(|taken| taken.insert(address)) {
        report.add_whole(format_args!(
            "{address}, where [{name}] listens unless told otherwise, meets the listener {other} of this node; set `listen`"
        ));
    }
    address
}

fn tls(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<TlsConfig> {
    let mut fields = value.fields("the section tls", report)?;
    let mut path = |key| fields.need(key, report).and_then(|value| value.read(report, read_path));
    let (ca, certificate, key) = (path("ca"), path("certificate"), path("key"));
    fields.finish(&[], report);
    Some(TlsConfig { ca: ca?, certificate: certificate?, key: key? })
}

fn break_glass_keys(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Vec<OperatorKey> {
    let mut names = Names::new("break-glass key");
    let mut keys = Vec::new();
    for (position, mut fields) in
        (0..).zip(root.list("break_glass_key", "a break-glass key", LIST_MAX, report))
    {
        let name = fields.need("name", report).and_then(|value| {
            let name = value.read(report, |text| {
                if text.starts_with(Operator::CLOSING_SOURCE) {
                    return Err(NAME_OF_A_SOURCE);
                }
                if (1..=128).contains(&text.len()) && !text.contains(char::is_control) {
                    Ok(text.to_owned())
                } else {
                    Err("an operator's name has 1 to 128 bytes and no control characters; change it")
                }
            })?;
            names.insert(&name, position, value.at(), report);
            Some(name)
        });
        let public_key =
            fields.need("public_key", report).and_then(|value| value.read(report, read_public_key));
        fields.finish(&[], report);
        if let (Some(name), Some(public_key)) = (name, public_key) {
            keys.push(OperatorKey { name, public_key });
        }
    }
    keys
}

fn read_public_key(text: &str) -> Result<[u8; 32], &'static str> {
    let error =
        "a public key is 32 bytes in base64 (44 characters); copy it from the output of the key's maker";
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| error)?;
    bytes.try_into().map_err(|_| error)
}

#[cfg(test)]
mod tests;
