//! What one node knows, and the snapshot made of it.
//!
//! 1. Of intents the newest revision wins, wherever it came from. One whose estate cannot be read, or that has none where
//!    there was one, is refused: the old one stays in force, and the report says so. Nothing goes back, nothing becomes empty.
//!    So is one of another estate than that in force: two ledgers that grew apart are not merged in silence. It is told for as long
//!    as it is heard. Two exceptions: a node that began with no snapshot takes in its first beats whatever is newest, so that a ledger that
//!    was lost and begun anew does not win against what the nodes hold; and a ledger that was told to go on with another estate
//!    ([`Hub::adopted`]) takes its node along.
//! 2. Verdicts come from the checkers' tables; a table not heard for three of this node's own beats counts as missing, and where
//!    all are missing the last verdict holds. (Beats, not the clock: clocks are set, and no verdict may turn on that.) A new estate takes over the verdicts of the endpoints that it keeps;
//!    and where only the sets of sources changed, tables that were made before it too.
//! 3. Break-glass acts count when their signature is that of a known key and they are for the estate in force; of each zone the newest
//!    wins. What the ledger makes of them is logged once: loudly when it contradicts them.
//! 4. There is a new snapshot when something in it changed: intent, verdicts, break-glass acts in force, or which shifts and pins are held
//!    past their end; and when time alone changes the decision, as with every step of a zone's return. Its number grows.
//! 5. What is reported is what the planes obey, not what they were sent: a revision in a report is in force.
//! 6. An intent that this node's own ledger does not have, and could have, shows that the ledger was lost or restored: it is
//!    obeyed like any other, and said.
//! 7. Everything here is bounded: one table and one report for each node, at most [`NODES_MAX`] nodes; what balancers observe in `observed`,
//!    detectors of gray failure in `gray`, consumers of zone status in `consumers`.
//!
//! Rules 1 and 6 are in `intents`, 3 in `break_glass`, 2 and 5 in `told`; what is wrong with the node is in `problems`.
//!
//! Not here: clocks, sockets, tasks (`task`), decisions (`hf-decide`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::Estate;
use hf_config::node::{NodeConfig, OperatorKey, Role};
use hf_control::{BreakGlassShift, Intent};
use hf_feed::{BreakGlassBook, RefusedIntent, Reports, SignedBreakGlass};
use hf_health::{Table, Verdicts};
use hf_model::{EstateId, NodeId, Revision, ShiftId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;

mod break_glass;
mod consumers;
mod gray;
mod intents;
mod observed;
mod problems;
mod told;

use intents::Foreign;
pub use intents::Judged;
pub(crate) use intents::is_beyond;
use problems::Problems;
use told::Obeyed;

/// Nodes whose tables and reports are kept; beyond, the one not heard for longest goes.
pub const NODES_MAX: usize = 1_024;
/// What is kept of snapshots that the planes have yet to take up. Of more every second one is left out, the oldest apart: a report then has the one before,
/// an older revision than is in force, and goes on with each snapshot that the planes take up.
const WAITING_MAX: usize = 1_024;
/// Estates with earlier sets of sources; sets change once a second at most, and tables are fresh for three beats.
const OF_TEXT_MAX: usize = 32;
/// Beats after which a table counts as missing.
const FRESH_BEATS: u32 = 3;
/// Beats after which an intent of another estate counts as gone: nodes send theirs on every tenth.
const FOREIGN_BEATS: u32 = 30;
/// Beats in which a node without a snapshot is new: in that time every node that lives has told it what it holds.
const NEW_BEATS: u32 = 5;

/// What one node knows.
#[derive(Debug)]
pub struct Hub {
    me: Me,
    keys: Vec<OperatorKey>,
    beat: Duration,
    next_number: u64,
    in_force: Option<InForce>,
    verdicts: Verdicts,
    /// Checkers whose word counts for nothing, since they are cut off.
    cut_off: BTreeSet<NodeId>,
    /// With the age at which each came.
    tables: BTreeMap<NodeId, (Timestamp, Table)>,
    /// Estates of the text in force with earlier sets of sources: tables that checkers made for them still tell.
    of_text: VecDeque<Arc<Estate>>,
    /// This node's beats since its start, as a time.
    age: Timestamp,
    own_table: Option<Arc<Table>>,
    book: BreakGlassBook,
    /// Acts of the snapshot on disk: they count, but without a signature they are not passed on.
    unsigned: Vec<BreakGlassShift>,
    reports: Reports,
    refused: Option<RefusedIntent>,
    foreign: Option<Foreign>,
    /// It began without a snapshot.
    began_empty: bool,
    /// The estate that this node's own ledger was told to go on with.
    adopted: Option<EstateId>,
    contact: Option<Timestamp>,
    /// What is served comes from disk, and nobody has said yet that it is the newest.
    from_disk_only: bool,
    /// How far receivers of notices have come here.
    notices: BTreeMap<String, u64>,
    /// The newest of this node's own ledger, if it keeps one.
    ledger: Option<Arc<Intent>>,
    /// The newest that another node holds and this node's ledger does not, in force here or not.
    rival: Option<Arc<Intent>>,
    published: Option<(Inputs, Arc<Snapshot>)>,
    /// From when to when time alone changes nothing in what was published: a zone that returns has more of its weight with every step.
    stands: Option<(Timestamp, Option<Timestamp>)>,
    /// Published, and not yet known to be in force in the planes; only on nodes whose planes tell.
    waiting: VecDeque<Obeyed>,
    planes_tell: bool,
    obeyed: Option<Obeyed>,
    observed: observed::Observed,
    gray: gray::Gray,
    consumers: consumers::Consumers,
    problems: Problems,
}

#[derive(Debug)]
struct Me {
    node: NodeId,
    zone: Option<ZoneId>,
    roles: Vec<Role>,
    started_at: Timestamp,
    reached: Reached,
}

/// Where other machines reach a node, as it tells them.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// Its API.
    pub api: Option<String>,
    /// Its zone status.
    pub status: Option<String>,
    /// The key of its API over TLS.
    pub api_key: Option<String>,
}

#[derive(Clone, Debug)]
struct InForce {
    intent: Arc<Intent>,
    estate: Arc<Estate>,
}

/// What a snapshot depends on: equal inputs, no new snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inputs {
    revision: Revision,
    verdicts: Verdicts,
    break_glass: Vec<BreakGlassShift>,
    held: Vec<ShiftId>,
    held_pins: usize,
}

/// What was found on disk at the start.
#[derive(Debug, Default)]
pub struct FromDisk {
    /// The newest good snapshot.
    pub snapshot: Option<Snapshot>,
    /// The first number that this run may use.
    pub next_number: u64,
    /// Break-glass acts with their signatures; not verified.
    pub break_glass: Vec<SignedBreakGlass>,
}

impl Hub {
    /// A hub with what was on disk.
    pub fn new(config: &NodeConfig, disk: FromDisk, now: Timestamp) -> Hub {
        let me = Me {
            node: config.id.clone(),
            zone: config.zone.clone(),
            roles: config.roles.clone(),
            started_at: now,
            reached: Reached::default(),
        };
        let mut hub = Hub {
            me,
            keys: config.break_glass_keys.clone(),
            beat: config.beat,
            next_number: disk.next_number.max(1),
            in_force: None,
            verdicts: Verdicts::default(),
            cut_off: BTreeSet::new(),
            tables: BTreeMap::new(),
            of_text: VecDeque::new(),
            age: Timestamp(0),
            own_table: None,
            book: BreakGlassBook::default(),
            unsigned: Vec::new(),
            reports: Reports::new(),
            refused: None,
            foreign: None,
            began_empty: disk.snapshot.is_none(),
            adopted: None,
            contact: None,
            from_disk_only: disk.snapshot.is_some(),
            ledger: None,
            rival: None,
            notices: BTreeMap::new(),
            published: None,
            stands: None,
            waiting: VecDeque::new(),
            planes_tell: config.roles.iter().any(|role| matches!(role, Role::Balancer | Role::Dns)),
            obeyed: None,
            observed: observed::Observed::default(),
            gray: gray::Gray::default(),
            consumers: consumers::Consumers::default(),
            problems: Problems::default(),
        };
        if let Some(snapshot) = disk.snapshot {
            hub.in_force = Some(InForce { intent: snapshot.intent, estate: snapshot.estate });
            hub.verdicts = snapshot.verdicts;
            // A key that was taken out of the node file no longer counts, on disk either.
            let (estate, estate_id) =
                (hub.in_force.as_ref().map(|in_force| in_force.estate.clone()), hub.estate_id());
            let place = |zone: &ZoneId| estate.as_deref().and_then(|estate| estate.zone_named(zone));
            // With its signature beside it, the signature tells: a name may have got another key.
            let is_signed = |shift: &BreakGlassShift| {
                let is_it = |signed: &&SignedBreakGlass| {
                    let known = &signed.shift;
                    (known.signed_at, &known.by) == (shift.signed_at, &shift.by)
                        && (known.zone == shift.zone
                            || place(&known.zone).is_some_and(|zone| place(&shift.zone) == Some(zone)))
                };
                disk.break_glass.iter().any(|signed| is_it(&signed))
            };
            let counts = |shift: &BreakGlassShift| {
                let has_key = hub.keys.iter().any(|key| key.name == shift.by.as_str());
                shift.estate == estate_id && has_key && !is_signed(shift)
            };
            hub.unsigned = snapshot.break_glass.into_iter().filter(counts).collect();
        }
        hub.take_break_glass(disk.break_glass, now);
        hub
    }

    /// The revision in force; 0 before the first.
    pub fn revision(&self) -> Revision {
        self.in_force.as_ref().map_or(Revision(0), |in_force| in_force.intent.revision)
    }

    /// The estate in force; none before the first, and while it is of a ledger that gave it no id.
    fn estate_id(&self) -> EstateId {
        self.in_force.as_ref().map_or(EstateId::NONE, |in_force| in_force.intent.estate_id)
    }

    /// Where other machines reach this node.
    pub fn set_reached(&mut self, reached: Reached) {
        self.me.reached = reached;
    }

    /// Judges again with the time: verdicts, ends. The new snapshot, if there is one.
    pub fn refresh(&mut self, now: Timestamp) -> Option<Arc<Snapshot>> {
        if self.book.forget_old(now) {
            tracing::info!("break-glass acts older than 72h are forgotten");
        }
        let in_force = self.in_force.clone()?;
        self.note_acts(&in_force.intent);
        let merged = self.verdicts.merge_and_tell(&in_force.estate, &self.tables, self.age, self.fresh());
        self.verdicts = merged.verdicts;
        self.tell_cut_off(merged.cut_off);
        let shifts = in_force.intent.shifts.iter();
        let inputs = Inputs {
            revision: in_force.intent.revision,
            verdicts: self.verdicts.clone(),
            break_glass: self.acts_in_force(&in_force.estate, now),
            held: shifts.filter(|shift| shift.ends_at <= now).map(|shift| shift.id.clone()).collect(),
            held_pins: in_force.intent.pins.iter().filter(|pin| pin.ends_at <= now).count(),
        };
        let stands =
            self.stands.is_some_and(|(from, until)| from <= now && until.is_none_or(|until| now < until));
        if stands && self.published.as_ref().is_some_and(|(published, _)| *published == inputs) {
            return None;
        }
        let snapshot = Arc::new(Snapshot::build(
            self.next_number,
            now,
            in_force.intent,
            in_force.estate,
            inputs.break_glass.clone(),
            inputs.verdicts.clone(),
        ));
        self.next_number += 1;
        let until = hf_decide::next_change_at(hf_decide::Inputs {
            estate: &snapshot.estate,
            intent: &snapshot.intent,
            break_glass: &snapshot.break_glass,
            verdicts: &snapshot.verdicts,
            now,
        });
        self.stands = Some((now, until));
        self.published = Some((inputs, snapshot.clone()));
        let told = Obeyed::from(&*snapshot);
        if self.planes_tell {
            self.wait_for(told);
        } else {
            self.obeyed = Some(told);
        }
        Some(snapshot)
    }
}

#[cfg(test)]
mod tests;
