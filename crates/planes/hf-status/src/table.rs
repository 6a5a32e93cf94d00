//! What is told of zones: pure, from a snapshot.
//!
//! 1. Of everything: each zone, away only by an act on everything. Of a pool or a name: the zones that it is in, as its decision has them.
//! 2. A name of both families is away in a zone only when both are.
//! 3. The tag is made of what is told of all zones, without revisions: an entry of the ledger that changes nothing here is no change.
//!
//! Not here: bytes (`compiled`), which tables are kept (`tables`).

use std::cell::OnceCell;
use std::collections::HashMap;

use hf_config::estate::{Estate, ZoneIx};
use hf_control::Scope;
use hf_decide::{PoolDecision, PoolZone, Reason, ZoneState};
use hf_model::{DnsName, PoolName, ZoneId};
use hf_snapshot::Snapshot;
use serde::Serialize;

use crate::tag::Tag;

/// Zones that an answer about an unknown one names at most.
const KNOWN_MAX: usize = 50;

/// What is told of one zone. The names of the fields are those of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZoneStatus {
    /// Its id, whatever name was asked for.
    pub zone: ZoneName,
    /// Other names of the same place.
    pub aliases: Vec<ZoneName>,
    /// What was asked about: `everything`, `pool/NAME` or `record/NAME.`
    pub resource: String,
    /// `open` or `away`.
    pub state: &'static str,
    /// Who decides: `pin`, `break_glass`, `shift`, `control`, `autoshift`, `practice` or `health`.
    pub source: &'static str,
    /// Why, in words.
    pub reason: String,
    /// When that is due to end, milliseconds since 1970 UTC; null if it has no end of its own.
    pub until_ms: Option<u64>,
    /// Past its end and still in force: this node waits for the ledger's word that it ended.
    pub held: bool,
    /// The ledger revision that this stands on; none in what tags are made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Which of the estate's zones it is.
    #[serde(skip)]
    pub at: usize,
}

/// A zone's name as it is written.
pub type ZoneName = String;

impl ZoneStatus {
    /// Whether new traffic may go there.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// The tag of this zone alone.
    pub fn tag(&self) -> Tag {
        tag(std::slice::from_ref(self))
    }
}

/// Some zones at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Names the content.
    #[serde(serialize_with = "as_text")]
    pub tag: Tag,
    /// The ledger revision that this stands on.
    pub revision: u64,
    /// The number of the node's snapshot.
    pub snapshot: u64,
    /// When that was made.
    pub made_at_ms: u64,
    /// In the estate's order.
    pub zones: Vec<ZoneStatus>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_text<S: serde::Serializer>(tag: &Tag, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(tag)
}

impl Table {
    /// What is told of a resource.
    pub fn of(snapshot: &Snapshot, names: &Names, scope: &Scope) -> Result<Table, Unknown> {
        let zones: Vec<ZoneStatus> = match scope {
            Scope::Everything => {
                let zones = snapshot.decision.zones.iter();
                zones.map(|zone| status(snapshot, zone.zone, scope, zone.state, &zone.reason)).collect()
            }
            Scope::Pool(_) | Scope::Record(_) => {
                let decisions = names.decisions(snapshot, scope);
                if decisions.is_empty() {
                    return Err(Unknown::Resource(scope.clone()));
                }
                let told = |zone| {
                    let of = told(&decisions, zone)?;
                    Some(status(snapshot, zone, scope, of.state, &of.reason))
                };
                snapshot.decision.zones.iter().filter_map(|zone| told(zone.zone)).collect()
            }
        };
        Ok(Table::with(snapshot, zones))
    }

    /// What is told of a resource that the estate has no more.
    pub fn of_nothing(snapshot: &Snapshot) -> Table {
        Table::with(snapshot, Vec::new())
    }

    fn with(snapshot: &Snapshot, zones: Vec<ZoneStatus>) -> Table {
        let revision = snapshot.intent.revision.0;
        let tag = tag(&zones);
        let zones = zones.into_iter().map(|zone| ZoneStatus { revision: Some(revision), ..zone }).collect();
        Table { tag, revision, snapshot: snapshot.number, made_at_ms: snapshot.made_at.0, zones }
    }
}

fn tag(zones: &[ZoneStatus]) -> Tag {
    let without: Vec<ZoneStatus> =
        zones.iter().map(|zone| ZoneStatus { revision: None, ..zone.clone() }).collect();
    Tag::of(&serde_json::to_vec(&without).expect("statuses have text keys only"))
}

fn told<'a>(decisions: &[&'a PoolDecision], zone: ZoneIx) -> Option<&'a PoolZone> {
    let mut all = decisions.iter().filter_map(|decision| decision.zone(zone));
    let first = all.next()?;
    if first.state == ZoneState::Open {
        return Some(first);
    }
    Some(all.find(|of| of.state == ZoneState::Open).unwrap_or(first))
}

/// The names of an estate, so that nobody who asks has it searched.
#[derive(Debug, Default)]
pub struct Names {
    zones: HashMap<String, usize>,
    pools: HashMap<PoolName, usize>,
    /// Made when the first record is asked for: there may be very many.
    records: OnceCell<HashMap<DnsName, Vec<usize>>>,
}

impl Names {
    /// Those of an estate.
    pub fn of(estate: &Estate) -> Names {
        let mut zones = HashMap::new();
        for (at, zone) in estate.zones.iter().enumerate() {
            for name in std::iter::once(&zone.id).chain(&zone.aliases) {
                zones.entry(name.to_string()).or_insert(at);
            }
        }
        let pools = estate.pools.iter().enumerate().map(|(at, pool)| (pool.name.clone(), at)).collect();
        Names { zones, pools, records: OnceCell::new() }
    }

    /// The place in the estate of the zone of this id or alias.
    pub fn zone(&self, name: &str) -> Option<usize> {
        self.zones.get(name).copied()
    }

    fn decisions<'a>(&self, snapshot: &'a Snapshot, scope: &Scope) -> Vec<&'a PoolDecision> {
        let (estate, decision) = (&snapshot.estate, &snapshot.decision);
        match scope {
            Scope::Everything => Vec::new(),
            Scope::Pool(name) => self.pools.get(name).map(|at| &decision.pools[*at]).into_iter().collect(),
            Scope::Record(name) => {
                let records = self.records.get_or_init(|| {
                    let mut records: HashMap<DnsName, Vec<usize>> = HashMap::new();
                    for (at, record) in estate.records.iter().enumerate() {
                        records.entry(record.name.clone()).or_default().push(at);
                    }
                    records
                });
                let found = records.get(name).map(Vec::as_slice).unwrap_or_default();
                found.iter().map(|at| decision.for_record(*at, estate.records[*at].pool)).collect()
            }
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
    #[error(
        "there is no `{0}` in the estate; `holdfast status` lists its pools, the estate's file its records"
    )]
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

impl Unknown {
    /// No zone has this name.
    pub fn zone(snapshot: &Snapshot, asked: &str) -> Unknown {
        let zones = &snapshot.estate.zones;
        let mut known: Vec<String> = zones.iter().take(KNOWN_MAX).map(|zone| zone.id.to_string()).collect();
        if zones.len() > KNOWN_MAX {
            known.push(format!("and {} more", zones.len() - KNOWN_MAX));
        }
        Unknown::Zone { asked: asked.chars().take(40).collect(), known: known.join(", ") }
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
    let described = snapshot.estate.zone(zone);
    ZoneStatus {
        zone: described.id.to_string(),
        aliases: described.aliases.iter().map(ToString::to_string).collect(),
        resource: scope.to_string(),
        state: match state {
            ZoneState::Open => "open",
            ZoneState::Away => "away",
        },
        source,
        reason: reason.words(|at| hf_api::instant(at.0)),
        until_ms: until.map(|at| at.0),
        held,
        revision: None,
        at: zone.at(),
    }
}
