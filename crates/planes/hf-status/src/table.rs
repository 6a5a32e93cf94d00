//! What is told of a zone: pure, from a snapshot.

use hf_config::estate::ZoneIx;
use hf_control::Scope;
use hf_decide::{PoolDecision, Reason, ZoneState};
use hf_model::{Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use serde::Serialize;

/// What is told of one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZoneStatus {
    /// Its id, whatever name was asked for.
    pub zone: String,
    /// What was asked about: `everything`, `pool/NAME` or `record/NAME.`
    pub resource: String,
    /// `open` or `away`.
    pub state: &'static str,
    /// Who decides: `pin`, `break_glass`, `shift`, `control`, `practice` or `health`.
    pub source: &'static str,
    /// Why, in words.
    pub reason: String,
    /// When that is due to end, milliseconds since 1970 UTC; null if it has no end of its own.
    pub until_ms: Option<u64>,
    /// Past its end and still in force: this node waits for the ledger's word that it ended.
    pub held: bool,
    /// The ledger revision that this stands on.
    pub revision: u64,
    /// How old the node's snapshot is; null in a table, which is pushed when it is new and repeated unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
}

impl ZoneStatus {
    /// Whether new traffic may go there.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }
}

/// All zones at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The ledger revision that this stands on.
    pub revision: u64,
    /// The number of the node's snapshot.
    pub snapshot: u64,
    /// When that was made.
    pub made_at_ms: u64,
    /// In the estate's order.
    pub zones: Vec<ZoneStatus>,
}

impl Table {
    /// The table of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Table {
        let zones = snapshot.decision.zones.iter();
        let status = |zone: &hf_decide::ZoneDecision| {
            status(snapshot, zone.zone, &Scope::Everything, zone.state, &zone.reason)
        };
        Table {
            revision: snapshot.intent.revision.0,
            snapshot: snapshot.number,
            made_at_ms: snapshot.made_at.0,
            zones: zones.map(status).collect(),
        }
    }
}

/// Why there is nothing to tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// No such zone.
    #[error("there is no zone `{asked}`; the estate has {known}")]
    Zone {
        /// As asked, cut.
        asked: String,
        /// Ids, comma-separated.
        known: String,
    },
    /// Not a resource.
    #[error("{0}")]
    Scope(#[from] hf_control::intent::ScopeError),
    /// No such pool or record.
    #[error("there is no `{0}` in the estate")]
    Resource(Scope),
    /// The pool has nothing there.
    #[error("`{scope}` has no endpoint in zone {zone}; ask about a zone that it is in")]
    NotThere {
        /// As asked.
        scope: Scope,
        /// The zone.
        zone: ZoneId,
    },
}

/// What is told of one zone and resource.
pub fn look_up(
    snapshot: &Snapshot,
    name: &str,
    resource: Option<&str>,
    now: Timestamp,
) -> Result<ZoneStatus, Unknown> {
    let zone = ZoneId::new(name).ok().and_then(|id| snapshot.estate.zone_named(&id));
    let zone = zone.ok_or_else(|| unknown_zone(snapshot, name))?;
    let scope: Scope = resource.unwrap_or("everything").parse()?;
    let found = match &scope {
        Scope::Everything => {
            let decision = &snapshot.decision.zones[zone.at()];
            status(snapshot, zone, &scope, decision.state, &decision.reason)
        }
        Scope::Pool(_) | Scope::Record(_) => {
            let decisions = decisions(snapshot, &scope);
            if decisions.is_empty() {
                return Err(Unknown::Resource(scope));
            }
            let mut zones =
                decisions.iter().flat_map(|decision| &decision.zones).filter(|found| found.zone == zone);
            let first = zones.clone().next().ok_or_else(|| Unknown::NotThere {
                scope: scope.clone(),
                zone: snapshot.estate.zone(zone).id.clone(),
            })?;
            // A name of both families is away only when both are.
            let told = zones.find(|found| found.state == ZoneState::Open).unwrap_or(first);
            status(snapshot, zone, &scope, told.state, &told.reason)
        }
    };
    Ok(ZoneStatus { age_ms: Some(millis(now.since(snapshot.made_at))), ..found })
}

fn decisions<'a>(snapshot: &'a Snapshot, scope: &Scope) -> Vec<&'a PoolDecision> {
    let (estate, decision) = (&snapshot.estate, &snapshot.decision);
    match scope {
        Scope::Everything => Vec::new(),
        Scope::Pool(name) => {
            estate.pool_named(name).map(|pool| &decision.pools[pool.at()]).into_iter().collect()
        }
        Scope::Record(name) => {
            let records = estate.records.iter().enumerate().filter(|(_, record)| record.name == *name);
            records.map(|(at, record)| decision.for_record(at, record.pool)).collect()
        }
    }
}

fn status(snapshot: &Snapshot, zone: ZoneIx, scope: &Scope, state: ZoneState, reason: &Reason) -> ZoneStatus {
    let (source, until, held) = match reason {
        Reason::Shifted { until, held, .. } => ("shift", Some(*until), *held),
        Reason::BreakGlass { until, .. } => ("break_glass", Some(*until), false),
        Reason::PinnedIn { until, held, .. } | Reason::PinnedOut { until, held, .. } => {
            ("pin", Some(*until), *held)
        }
        Reason::ControlOff { .. } => ("control", None, false),
        Reason::Autoshift { until, held, .. } => ("autoshift", Some(*until), *held),
        Reason::Practice { until, held, .. } => ("practice", Some(*until), *held),
        _ => ("health", None, false),
    };
    ZoneStatus {
        zone: snapshot.estate.zone(zone).id.to_string(),
        resource: scope.to_string(),
        state: match state {
            ZoneState::Open => "open",
            ZoneState::Away => "away",
        },
        source,
        reason: reason.words(|at| hf_api::instant(at.0)),
        until_ms: until.map(|at| at.0),
        held,
        revision: snapshot.intent.revision.0,
        age_ms: None,
    }
}

fn unknown_zone(snapshot: &Snapshot, asked: &str) -> Unknown {
    let known = snapshot.estate.zones.iter().map(|zone| zone.id.to_string()).collect::<Vec<_>>().join(", ");
    Unknown::Zone { asked: asked.chars().take(40).collect(), known }
}

fn millis(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
