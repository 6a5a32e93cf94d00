//! What one node tells the others of itself, on every beat.
//!
//! 1. Its size is bounded: at most [`ACTIVITY_MAX`] activity lines; how many were left out is said.
//! 2. It is about its sender only. Nodes do not pass on one another's reports: whoever wants to see a node connects to it.
//! 3. The wire form is a version byte and a postcard body. A report of an unknown version is skipped, not an error:
//!    nodes of two versions run side by side during an upgrade.
//!
//! Not here: what is concluded from reports (`hf-control-plane`), who collects them (`hf-node`).

use std::collections::BTreeMap;

use hf_config::node::Role;
use hf_control::BreakGlassShift;
use hf_model::{Digest, NodeId, PoolName, Revision, Timestamp, ZoneId};
use hf_telemetry::{OutcomeTotals, ZoneActivityReport};
use serde::{Deserialize, Serialize};

use crate::break_glass::BreakGlassBook;

/// Activity lines in one report at most: with some 250 bytes each at the very most they stay below the frame's bound of 1 MiB.
pub const ACTIVITY_MAX: usize = 3_584;
/// Receivers of notices in one report at most: a node file has no more.
pub const RECEIVERS_MAX: usize = 64;
/// Bytes of a text in a report at most; longer ones are cut.
pub const TEXT_MAX: usize = 4_096;
/// 2: with where the node is reached. 3: with the break-glass acts that it obeys. 4: with bytes and what became of requests.
/// 5: with how far receivers of notices have come.
const VERSION: u8 = 5;

/// One node's word on itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Whose it is.
    pub node: NodeId,
    /// Where it runs, if its node file says so.
    pub zone: Option<ZoneId>,
    /// What it does.
    pub roles: Vec<Role>,
    /// The version of its program, such as `0.1.0`.
    pub version: String,
    /// When the process began, by its own clock.
    pub started_at: Timestamp,
    /// When this was made, by its own clock.
    pub sent_at: Timestamp,
    /// Where other machines reach its API, such as `https://10.1.1.4:7600`; none when it listens where only it can call.
    pub api: Option<String>,
    /// The same of its zone status, with that role.
    pub status: Option<String>,
    /// The key by which its API is known over TLS, `sha256/…`; none where it speaks plain HTTP.
    pub api_key: Option<String>,
    /// The snapshot that its planes obey; 0 while it has none.
    pub snapshot_number: u64,
    /// The ledger revision in force there; 0 while it has none.
    pub revision: Revision,
    /// The estate in force there; none before the first.
    pub estate: Option<Digest>,
    /// Whether what it serves still comes from its own disk: nothing was heard from any node since its start.
    pub booted_from_disk: bool,
    /// When it last heard intent from a node with the control role (itself included), by its own clock.
    pub contact: Option<Timestamp>,
    /// The break-glass acts that its planes obey, cancels and ended ones too: their numbers ([`act_number`]).
    pub break_glass: Vec<u64>,
    /// A newer intent whose estate this node could not read; it keeps the old one.
    pub refused_intent: Option<RefusedIntent>,
    /// What is wrong with the estate file that it watches, one problem a line; none when all is well or it watches none.
    pub estate_file_problem: Option<String>,
    /// Why its ledger takes no changes; none when it does or it keeps none.
    pub ledger_problem: Option<String>,
    /// What else is wrong with it: a feed that has not begun (then only its own API says so), a clock that leapt; one a line.
    pub node_problem: Option<String>,
    /// How far its receivers of notices have come: names and positions in the ledger's journal; at most [`RECEIVERS_MAX`].
    pub notices: BTreeMap<String, u64>,
    /// What its planes did, by pool and zone; at most [`ACTIVITY_MAX`] lines.
    pub activity: Vec<ZoneActivityReport>,
    /// Lines beyond that, left out.
    pub activity_left_out: u32,
}

/// The number by which reports name an act: of its estate, zone, signer and instant.
///
/// Nodes that obey it name its zone by the id, whatever the operator called it; 64 bits tell a few hundred acts apart.
pub fn act_number(act: &BreakGlassShift) -> u64 {
    hf_consumers::act_number(act.digest())
}

/// An intent that a node could not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedIntent {
    /// Its revision.
    pub revision: Revision,
    /// Why, one problem a line.
    pub problem: String,
}

/// A report and when it came, by the receiver's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardReport {
    /// When it came.
    pub received_at: Timestamp,
    /// What it says.
    pub report: NodeReport,
}

/// The newest report of every node heard since the start, the receiver's own included.
pub type Reports = BTreeMap<NodeId, HeardReport>;

/// Why bytes are not a report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A version that this program does not know: skip it.
    #[error(
        "the report has version {0}, this program knows version {VERSION}; upgrade the older of the two nodes"
    )]
    Version(u8),
    /// Not a report at all.
    #[error("not a report: {0}")]
    Bad(String),
}

#[derive(Serialize, Deserialize)]
struct Wire {
    node: String,
    zone: Option<String>,
    roles: Vec<String>,
    version: String,
    started_at: u64,
    sent_at: u64,
    api: Option<String>,
    status: Option<String>,
    api_key: Option<String>,
    snapshot_number: u64,
    revision: u64,
    estate: Option<[u8; 32]>,
    booted_from_disk: bool,
    contact: Option<u64>,
    break_glass: Vec<u64>,
    refused_intent: Option<(u64, String)>,
    estate_file_problem: Option<String>,
    ledger_problem: Option<String>,
    node_problem: Option<String>,
    notices: Vec<(String, u64)>,
    activity: Vec<WireActivity>,
    activity_left_out: u32,
}

#[derive(Serialize, Deserialize)]
struct WireActivity {
    pool: String,
    zone: String,
    requests: u64,
    failures: u64,
    last_new_request_at: Option<u64>,
    open_connections: u64,
    last_open_connection_at: Option<u64>,
    bytes_to_endpoints: u64,
    bytes_to_clients: u64,
    last_byte_at: Option<u64>,
    dns_answers: u64,
    last_dns_answer_at: Option<u64>,
    /// In the order of `Outcome::ALL`.
    outcomes: OutcomeTotalsWire,
    retried: u64,
    ejected: u64,
}

/// Of a newer program it may be longer: what we cannot name is left out.
type OutcomeTotalsWire = Vec<u64>;

/// As bytes for the wire; never longer than a frame may be.
pub fn encode_report(report: &NodeReport) -> Vec<u8> {
    let shown = most_active(&report.activity);
    let left_out = u32::try_from(report.activity.len() - shown.len()).unwrap_or(u32::MAX);
    let wire = Wire {
        node: report.node.to_string(),
        zone: report.zone.as_ref().map(ToString::to_string),
        roles: report.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        version: cut(&report.version),
        started_at: report.started_at.0,
        sent_at: report.sent_at.0,
        api: report.api.as_deref().map(cut),
        status: report.status.as_deref().map(cut),
        api_key: report.api_key.as_deref().map(cut),
        snapshot_number: report.snapshot_number,
        revision: report.revision.0,
        estate: report.estate.map(|digest| digest.0),
        booted_from_disk: report.booted_from_disk,
        contact: report.contact.map(|at| at.0),
        break_glass: report.break_glass.iter().copied().take(BreakGlassBook::MAX).collect(),
        refused_intent: report
            .refused_intent
            .as_ref()
            .map(|refused| (refused.revision.0, cut(&refused.problem))),
        estate_file_problem: report.estate_file_problem.as_deref().map(cut),
        ledger_problem: report.ledger_problem.as_deref().map(cut),
        node_problem: report.node_problem.as_deref().map(cut),
        notices: report
            .notices
            .iter()
            .take(RECEIVERS_MAX)
            .map(|(name, position)| (cut(name), *position))
            .collect(),
        activity: shown.into_iter().map(activity_to_wire).collect(),
        activity_left_out: report.activity_left_out.saturating_add(left_out),
    };
    postcard::to_extend(&wire, vec![VERSION]).expect("plain data always has a postcard form")
}

/// From bytes off the wire.
pub fn decode_report(bytes: &[u8]) -> Result<NodeReport, ReportError> {
    let (version, body) = bytes.split_first().ok_or_else(|| ReportError::Bad("no bytes".to_owned()))?;
    if *version != VERSION {
        return Err(ReportError::Version(*version));
    }
    let wire: Wire = postcard::from_bytes(body).map_err(bad)?;
    if wire.activity.len() > ACTIVITY_MAX {
        return Err(ReportError::Bad(format!("{} activity lines", wire.activity.len())));
    }
    if wire.notices.len() > RECEIVERS_MAX {
        return Err(ReportError::Bad(format!("{} receivers of notices", wire.notices.len())));
    }
    if wire.break_glass.len() > BreakGlassBook::MAX {
        return Err(ReportError::Bad(format!("{} break-glass acts", wire.break_glass.len())));
    }
    Ok(NodeReport {
        node: NodeId::new(&wire.node).map_err(bad)?,
        zone: wire.zone.as_deref().map(ZoneId::new).transpose().map_err(bad)?,
        // A role that only a newer program knows is left out: the rest of the report still counts.
        roles: Role::ALL
            .into_iter()
            .filter(|role| wire.roles.iter().any(|name| name == role.as_str()))
            .collect(),
        version: cut(&wire.version),
        started_at: Timestamp(wire.started_at),
        sent_at: Timestamp(wire.sent_at),
        api: wire.api.as_deref().map(cut),
        status: wire.status.as_deref().map(cut),
        api_key: wire.api_key.as_deref().map(cut),
        snapshot_number: wire.snapshot_number,
        revision: Revision(wire.revision),
        estate: wire.estate.map(Digest),
        booted_from_disk: wire.booted_from_disk,
        contact: wire.contact.map(Timestamp),
        break_glass: wire.break_glass,
        refused_intent: wire.refused_intent.map(|(revision, problem)| RefusedIntent {
            revision: Revision(revision),
            problem: cut(&problem),
        }),
        estate_file_problem: wire.estate_file_problem.as_deref().map(cut),
        ledger_problem: wire.ledger_problem.as_deref().map(cut),
        node_problem: wire.node_problem.as_deref().map(cut),
        notices: wire.notices.iter().map(|(name, position)| (cut(name), *position)).collect(),
        activity: wire.activity.iter().map(activity_from_wire).collect::<Result<_, _>>()?,
        activity_left_out: wire.activity_left_out,
    })
}

/// As many lines as travel, in their order: those with open connections and the newest traffic before those without.
fn most_active(all: &[ZoneActivityReport]) -> Vec<&ZoneActivityReport> {
    let mut lines: Vec<(usize, &ZoneActivityReport)> = all.iter().enumerate().collect();
    if lines.len() > ACTIVITY_MAX {
        let newest = |line: &ZoneActivityReport| {
            line.last_new_request_at.max(line.last_dns_answer_at).max(line.last_open_connection_at)
        };
        lines.sort_by_key(|(_, line)| std::cmp::Reverse((line.open_connections > 0, newest(line))));
        lines.truncate(ACTIVITY_MAX);
        lines.sort_by_key(|(at, _)| *at);
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

fn activity_to_wire(line: &ZoneActivityReport) -> WireActivity {
    WireActivity {
        pool: line.pool.to_string(),
        zone: line.zone.to_string(),
        requests: line.requests,
        failures: line.failures,
        last_new_request_at: line.last_new_request_at.map(|at| at.0),
        open_connections: line.open_connections,
        last_open_connection_at: line.last_open_connection_at.map(|at| at.0),
        bytes_to_endpoints: line.bytes_to_endpoints,
        bytes_to_clients: line.bytes_to_clients,
        last_byte_at: line.last_byte_at.map(|at| at.0),
        dns_answers: line.dns_answers,
        last_dns_answer_at: line.last_dns_answer_at.map(|at| at.0),
        outcomes: line.outcomes.0.to_vec(),
        retried: line.retried,
        ejected: line.ejected,
    }
}

fn activity_from_wire(line: &WireActivity) -> Result<ZoneActivityReport, ReportError> {
    Ok(ZoneActivityReport {
        pool: PoolName::new(&line.pool).map_err(bad)?,
        zone: ZoneId::new(&line.zone).map_err(bad)?,
        requests: line.requests,
        failures: line.failures,
        last_new_request_at: line.last_new_request_at.map(Timestamp),
        open_connections: line.open_connections,
        last_open_connection_at: line.last_open_connection_at.map(Timestamp),
        bytes_to_endpoints: line.bytes_to_endpoints,
        bytes_to_clients: line.bytes_to_clients,
        last_byte_at: line.last_byte_at.map(Timestamp),
        dns_answers: line.dns_answers,
        last_dns_answer_at: line.last_dns_answer_at.map(Timestamp),
        outcomes: outcomes_from_wire(&line.outcomes),
        retried: line.retried,
        ejected: line.ejected,
    })
}

fn outcomes_from_wire(wire: &[u64]) -> OutcomeTotals {
    let mut totals = OutcomeTotals::default();
    totals.0.iter_mut().zip(wire).for_each(|(total, told)| *total = *told);
    totals
}

fn bad(error: impl std::fmt::Display) -> ReportError {
    ReportError::Bad(error.to_string())
}

/// The text, or as much of it as a report carries.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_MAX)].to_owned()
}

#[cfg(test)]
mod tests;
