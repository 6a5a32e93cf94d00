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
//! 7. Everything here is bounded: one table and one report for each node, at most [`NODES_MAX`] nodes; what balancers observe in `observed`.
//!
//! Not here: clocks, sockets, tasks (`task`), decisions (`hf-decide`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::Estate;
use hf_config::node::{NodeConfig, OperatorKey, Role};
use hf_control::{BreakGlassFate, BreakGlassShift, Intent, RecordedBreakGlass};
use hf_feed::break_glass::LENGTH_MAX;
use hf_feed::{
    BreakGlassBook, BreakGlassRefused, HeardReport, NodeReport, Outgoing, Peer, RefusedIntent, Reports,
    SignedBreakGlass,
};
use hf_health::{Table, Verdicts};
use hf_model::{Digest, EstateId, NodeId, Revision, ShiftId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::ZoneActivityReport;

mod observed;

/// Nodes whose tables and reports are kept; beyond, the one not heard for longest goes.
pub const NODES_MAX: usize = 512;
/// Snapshots that the planes have yet to take up; of more the oldest are not waited for.
const WAITING_MAX: usize = 16;
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
    estate_file_problem: Option<String>,
    contact: Option<Timestamp>,
    /// What is served comes from disk, and nobody has said yet that it is the newest.
    from_disk_only: bool,
    /// The newest of this node's own ledger, if it keeps one.
    ledger: Option<Arc<Intent>>,
    /// The newest that another node holds and this node's ledger does not, in force here or not.
    rival: Option<Arc<Intent>>,
    ledger_problem: Option<String>,
    feed_problem: Option<String>,
    clock_problem: Option<String>,
    api_files_problem: Option<String>,
    geo_database_problem: Option<String>,
    latency_file_problem: Option<String>,
    dns_secrets_problem: Option<String>,
    dns_tls_problem: Option<String>,
    published: Option<(Inputs, Arc<Snapshot>)>,
    /// From when to when time alone changes nothing in what was published: a zone that returns has more of its weight with every step.
    stands: Option<(Timestamp, Option<Timestamp>)>,
    /// Published, and not yet known to be in force in the planes; only on nodes whose planes tell.
    waiting: VecDeque<Arc<Snapshot>>,
    planes_tell: bool,
    obeyed: Option<Obeyed>,
    observed: observed::Observed,
}

/// What the planes obey.
#[derive(Clone, Debug)]
struct Obeyed {
    number: u64,
    revision: Revision,
    estate: Digest,
    break_glass: Vec<u64>,
}

impl From<&Snapshot> for Obeyed {
    fn from(snapshot: &Snapshot) -> Self {
        Obeyed {
            number: snapshot.number,
            revision: snapshot.intent.revision,
            estate: snapshot.estate.digest,
            break_glass: snapshot.break_glass.iter().map(hf_feed::act_number).collect(),
        }
    }
}

/// An intent of another estate than that in force.
#[derive(Debug)]
struct Foreign {
    estate: EstateId,
    /// This node's age when it was last heard.
    heard: Timestamp,
    refused: RefusedIntent,
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

/// What to do with an intent that came.
#[derive(Clone, Debug)]
pub enum Judged {
    /// Nothing: it is no news.
    Known,
    /// Take it with this estate: its text is the one in force, with what sources told since.
    SameEstate(Arc<Estate>),
    /// Read its estate first.
    Read,
    /// Refuse it: it is of another estate.
    Foreign,
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
            estate_file_problem: None,
            contact: None,
            from_disk_only: disk.snapshot.is_some(),
            ledger: None,
            rival: None,
            ledger_problem: None,
            feed_problem: None,
            clock_problem: None,
            api_files_problem: None,
            geo_database_problem: None,
            latency_file_problem: None,
            dns_secrets_problem: None,
            dns_tls_problem: None,
            published: None,
            stands: None,
            waiting: VecDeque::new(),
            planes_tell: config.roles.contains(&Role::Balancer),
            obeyed: None,
            observed: observed::Observed::default(),
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

    fn is_foreign(&self, intent: &Intent) -> bool {
        let (ours, is_new) =
            (self.estate_id(), self.began_empty && self.age < Timestamp(0).plus(self.beat * NEW_BEATS));
        let may_differ = ours == EstateId::NONE || is_new || self.adopted == Some(intent.estate_id);
        !may_differ && intent.estate_id != ours
    }

    /// This node's own ledger was told to go on with this estate, whatever it held before: so does the node.
    pub fn adopted(&mut self, estate: EstateId) {
        self.adopted = Some(estate);
        if self.foreign.as_ref().is_some_and(|foreign| foreign.estate == estate) {
            self.foreign = None;
        }
    }

    /// Another node has an intent of this revision.
    pub fn heard(&mut self, from: &Peer, revision: Revision, now: Timestamp) {
        if from.roles.contains(&Role::Control) {
            self.contact = Some(now);
        }
        if revision >= self.revision() {
            self.from_disk_only = false;
        }
    }

    /// Whether an intent is news, and what is to be done before [`Hub::take`].
    pub fn judge(&self, intent: &Intent) -> Judged {
        // A ledger without entries says nothing yet, of whatever estate.
        if intent.revision > Revision(0) && self.is_foreign(intent) {
            return Judged::Foreign;
        }
        if intent.revision <= self.revision()
            || self.refused.as_ref().is_some_and(|refused| refused.revision == intent.revision)
        {
            return Judged::Known;
        }
        match &self.in_force {
            Some(in_force) if in_force.intent.estate == intent.estate => {
                let estate = &in_force.estate;
                if in_force.intent.sets == intent.sets {
                    return Judged::SameEstate(estate.clone());
                }
                Judged::SameEstate(Arc::new(estate.with_sets(intent.estate.digest(), &intent.sets)))
            }
            _ => Judged::Read,
        }
    }

    /// The node's own ledger is there and has this revision.
    pub fn own_ledger_at(&mut self, revision: Revision, now: Timestamp) {
        self.contact = Some(now);
        self.from_disk_only &= revision < self.revision();
    }

    /// The node's own ledger has this intent.
    pub fn own_ledger(&mut self, intent: Arc<Intent>) {
        if let Some(in_force) = &mut self.in_force
            && in_force.intent == intent
        {
            in_force.intent = intent.clone(); // from here on one look tells that they are equal
        }
        if self.rival.as_ref().is_some_and(|rival| !is_beyond(rival, &intent)) {
            self.rival = None;
        }
        self.ledger = Some(intent);
    }

    /// Another node holds this intent.
    pub fn held_elsewhere(&mut self, intent: &Arc<Intent>) {
        let Some(ledger) = &self.ledger else { return };
        let is_newer = self.rival.as_ref().is_none_or(|rival| rival.revision < intent.revision);
        if is_newer && is_beyond(intent, ledger) {
            self.rival = Some(intent.clone());
        }
    }

    /// The newest intent that is known and that this node's ledger does not have: newer, or of its revision with another content.
    ///
    /// Our own entries never count: the ledger has them before anybody hears of them.
    pub fn beyond_ledger(&self) -> Option<Arc<Intent>> {
        let ledger = self.ledger.as_ref()?;
        let in_force = self.in_force.as_ref().map(|in_force| &in_force.intent);
        let known = in_force.into_iter().chain(&self.rival).filter(|known| is_beyond(known, ledger));
        known.max_by_key(|known| known.revision).cloned()
    }

    /// Where other machines reach this node.
    pub fn set_reached(&mut self, reached: Reached) {
        self.me.reached = reached;
    }

    /// Why the node's ledger takes no changes; none when it does.
    pub fn set_ledger_problem(&mut self, problem: Option<String>) {
        self.ledger_problem = problem;
    }

    /// Puts an intent in force, or refuses it when its estate could not be read.
    pub fn take(&mut self, intent: Arc<Intent>, read: Result<Arc<Estate>, String>) {
        if self.is_foreign(&intent) {
            return self.refuse_foreign(&intent);
        }
        if intent.revision <= self.revision() {
            return;
        }
        let is_empty = intent.estate == hf_config::estate::EstateBundle::default();
        let estate = match read {
            // Before the first `apply` there is nothing to obey, and nothing to refuse either.
            _ if is_empty && self.in_force.is_none() => return,
            _ if is_empty => {
                return self.refuse(intent.revision, "it has no estate, and one is in force".to_owned());
            }
            Ok(estate) => estate,
            Err(problem) => return self.refuse(intent.revision, problem),
        };
        if let Some(old) = &self.in_force
            && old.estate.digest != estate.digest
        {
            self.verdicts = self.verdicts.carried_over(&old.estate, &estate);
            let is_same_text = old.intent.estate == intent.estate;
            self.keep_tables(&old.estate.clone(), &estate, is_same_text);
        } else if self.in_force.is_none() {
            self.verdicts = Verdicts::unknown(estate.endpoint_refs().count());
        }
        let (revision, before) = (intent.revision, self.estate_id());
        if before != EstateId::NONE && before != intent.estate_id {
            tracing::warn!(%revision, %before, after = %intent.estate_id, "this node goes over to another estate");
        }
        if before != intent.estate_id {
            // An act is for one estate.
            self.book.keep_estate(intent.estate_id);
            self.unsigned.retain(|shift| shift.estate == intent.estate_id);
        }
        if let Some(old) = &self.in_force {
            let is_control = self.me.roles.contains(&Role::Control);
            let new = intent.break_glass.iter().filter(|now| !old.intent.break_glass.contains(now));
            new.for_each(|recorded| tell_fate(recorded, is_control));
        }
        tracing::info!(%revision, estate = %estate.digest.short(), shifts = intent.shifts.len(), "intent in force");
        self.refused = None;
        self.in_force = Some(InForce { intent, estate });
    }

    /// Refuses an intent of another estate, and tells it until it has not been heard for a while.
    pub fn refuse_foreign(&mut self, intent: &Intent) {
        let (ours, revision, heard) = (self.estate_id(), intent.revision, self.age);
        let problem = format!(
            "it is of estate {}, this node obeys {ours}: two ledgers grew apart, or nodes of two estates are peers; to obey the \
             other estate, stop this node, move its `snapshots` folder away and start it again",
            intent.estate_id
        );
        let estate = intent.estate_id;
        if self.foreign.as_ref().is_none_or(|known| known.estate != estate) {
            tracing::error!(%revision, in_force = %self.revision(), %problem, "an intent of another estate is refused");
        }
        self.foreign = Some(Foreign { estate, heard, refused: RefusedIntent { revision, problem } });
    }

    /// The intent that is refused, for the report: another estate's first, it is the graver mistake.
    fn refused(&self) -> Option<&RefusedIntent> {
        let is_heard = |foreign: &&Foreign| self.age.since(foreign.heard) <= self.beat * FOREIGN_BEATS;
        self.foreign.as_ref().filter(is_heard).map(|foreign| &foreign.refused).or(self.refused.as_ref())
    }

    fn refuse(&mut self, revision: Revision, problem: String) {
        let in_force = self.revision();
        tracing::warn!(%revision, %in_force, %problem, "a newer intent is refused; the old one stays in force");
        self.refused = Some(RefusedIntent { revision, problem });
    }

    /// What this node's own checker sees: its newest word, whatever the clock was set to meanwhile.
    pub fn take_own_table(&mut self, table: Arc<Table>) {
        self.keep_table((*table).clone());
        self.own_table = Some(table);
    }

    /// A beat of this node. Tables age by it; its own checker, which speaks only when something turns, still sees what it saw.
    pub fn beat(&mut self) {
        self.age = self.age.plus(self.beat);
        if let Some(table) = self.own_table.clone() {
            self.keep_table((*table).clone());
        }
    }

    /// What a checker sees.
    pub fn take_table(&mut self, table: Table) {
        if let Some((came, known)) = self.tables.get(&table.checker) {
            // Two connections may deliver out of order. A checker whose clock was set back counts again once the old table is stale.
            if table.made_at < known.made_at && self.age.since(*came) <= self.fresh() {
                return;
            }
        }
        self.keep_table(table);
    }

    /// Tables on the same text with other sets of sources tell of the endpoints that both have: sources change while checkers look, and
    /// none of what they saw is lost.
    fn keep_tables(&mut self, old: &Arc<Estate>, new: &Estate, is_same_text: bool) {
        if !is_same_text {
            return self.of_text.clear();
        }
        self.of_text.retain(|estate| estate.digest != new.digest);
        self.of_text.push_back(old.clone());
        if self.of_text.len() > OF_TEXT_MAX {
            self.of_text.pop_front();
        }
        for (_, table) in self.tables.values_mut() {
            if table.estate == old.digest {
                *table = table.carried_over(old, new);
            }
        }
    }

    fn keep_table(&mut self, table: Table) {
        let known = self.of_text.iter().find(|estate| estate.digest == table.estate);
        let table = match (known, &self.in_force) {
            (Some(old), Some(in_force)) if in_force.estate.digest != table.estate => {
                table.carried_over(old, &in_force.estate)
            }
            _ => table,
        };
        self.tables.insert(table.checker.clone(), (self.age, table));
        if self.tables.len() > NODES_MAX {
            let oldest = self.tables.iter().min_by_key(|(_, (came, _))| *came).map(|(node, _)| node.clone());
            self.tables.remove(&oldest.expect("there is more than one"));
        }
    }

    /// What a node says of itself. True if it obeys another snapshot than before.
    pub fn take_report(&mut self, report: NodeReport, now: Timestamp) -> bool {
        // Two connections may deliver out of order, by less than a table stays fresh. Numbers tell first: a sender's clock may be set
        // back, and its word must count all the same.
        let fresh = self.fresh();
        let is_older = |heard: &HeardReport| {
            let HeardReport { report: known, .. } = heard;
            let overtaken_by = known.sent_at.since(report.sent_at);
            known.started_at == report.started_at
                && (known.snapshot_number > report.snapshot_number
                    || known.snapshot_number == report.snapshot_number
                        && !overtaken_by.is_zero()
                        && overtaken_by <= fresh)
        };
        let known = self.reports.get(&report.node);
        if known.is_some_and(is_older) {
            return false;
        }
        let obeyed = |report: &NodeReport| (report.snapshot_number, report.revision);
        let is_news = known.is_none_or(|heard| obeyed(&heard.report) != obeyed(&report));
        self.reports.insert(report.node.clone(), HeardReport { received_at: now, report });
        self.bound_reports();
        is_news
    }

    fn bound_reports(&mut self) {
        while self.reports.len() > NODES_MAX {
            let oldest =
                self.reports.iter().min_by_key(|(_, heard)| heard.received_at).map(|(node, _)| node.clone());
            self.reports.remove(&oldest.expect("there is more than one"));
        }
    }

    /// Break-glass acts that another node knows.
    pub fn take_break_glass(&mut self, list: Vec<SignedBreakGlass>, now: Timestamp) {
        for signed in list {
            if self.book.knows(&signed) {
                continue;
            }
            let (zone, by) = (signed.shift.zone.clone(), signed.shift.by.clone());
            let taken = hf_feed::break_glass::verify(&signed, &self.keys, self.estate_id(), now)
                .and_then(|()| self.book.insert(signed));
            match taken {
                Ok(true) => tracing::warn!(%zone, %by, "a break-glass act came from another node"),
                Ok(false) | Err(BreakGlassRefused::Superseded { .. } | BreakGlassRefused::TooOld) => {}
                // Every beat brings it again: at debug, so that one bad act does not fill the log.
                Err(problem) => tracing::debug!(%zone, %by, %problem, "a break-glass act is not obeyed"),
            }
        }
    }

    /// A break-glass act that an operator hands to this node.
    pub fn take_new_break_glass(
        &mut self,
        signed: SignedBreakGlass,
        now: Timestamp,
    ) -> Result<(), BreakGlassRefused> {
        let (zone, by) = (signed.shift.zone.clone(), signed.shift.by.clone());
        let (ends_at, reason) = (signed.shift.ends_at, signed.shift.reason.clone());
        self.check_new_break_glass(&signed, now)?;
        if self.book.insert(signed)? {
            tracing::warn!(%zone, %by, ends_at = ends_at.0, %reason, "a break-glass act was given to this node");
        }
        Ok(())
    }

    /// What [`Hub::take_new_break_glass`] would say; nothing is taken.
    pub fn check_new_break_glass(
        &self,
        signed: &SignedBreakGlass,
        now: Timestamp,
    ) -> Result<(), BreakGlassRefused> {
        hf_feed::break_glass::verify_new(signed, &self.keys, self.estate_id(), now)?;
        self.book.would_insert(signed).map(|_| ())
    }

    /// What is wrong with the watched estate file; none when all is well.
    pub fn set_estate_file_problem(&mut self, problem: Option<String>) {
        self.estate_file_problem = problem;
    }

    /// Why the feed has not begun; none when it has.
    pub fn set_feed_problem(&mut self, problem: Option<String>) {
        self.feed_problem = problem;
    }

    /// Why the ledger's time is not the clock's; none when it is.
    pub fn set_clock_problem(&mut self, problem: Option<String>) {
        self.clock_problem = problem;
    }

    /// What is wrong with the files that the API goes by; none when all is well.
    pub fn set_api_files_problem(&mut self, problem: Option<String>) {
        self.api_files_problem = problem;
    }

    /// Why the geography database is not in force as it is on disk; none when it is.
    pub fn set_geo_database_problem(&mut self, problem: Option<String>) {
        self.geo_database_problem = problem;
    }

    /// The same of the latency file.
    pub fn set_latency_file_problem(&mut self, problem: Option<String>) {
        self.latency_file_problem = problem;
    }

    /// Which secrets of DNS could not be had at the start; none when all could.
    pub fn set_dns_secrets_problem(&mut self, problem: Option<String>) {
        self.dns_secrets_problem = problem;
    }

    /// Why the certificate of DNS over TLS is not in force as it is on disk; none when it is.
    pub fn set_dns_tls_problem(&mut self, problem: Option<String>) {
        self.dns_tls_problem = problem;
    }

    fn node_problem(&self) -> Option<String> {
        let all = [
            &self.feed_problem,
            &self.clock_problem,
            &self.api_files_problem,
            &self.geo_database_problem,
            &self.latency_file_problem,
            &self.dns_secrets_problem,
            &self.dns_tls_problem,
        ];
        let all: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join("\n"))
    }

    /// Judges again with the time: verdicts, ends. The new snapshot, if there is one.
    pub fn refresh(&mut self, now: Timestamp) -> Option<Arc<Snapshot>> {
        if self.book.forget_old(now) {
            tracing::info!("break-glass acts older than 72h are forgotten");
        }
        let in_force = self.in_force.clone()?;
        self.verdicts = self.verdicts.merge(&in_force.estate, &self.tables, self.age, self.fresh());
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
        if self.planes_tell {
            self.waiting.push_back(snapshot.clone());
            if self.waiting.len() > WAITING_MAX {
                self.waiting.pop_front();
            }
        } else {
            self.obeyed = Some(Obeyed::from(&*snapshot));
        }
        Some(snapshot)
    }

    /// The planes obey the snapshot of this number.
    pub fn planes_obey(&mut self, number: u64) {
        while let Some(snapshot) = self.waiting.pop_front_if(|snapshot| snapshot.number <= number) {
            self.obeyed = Some(Obeyed::from(&*snapshot));
        }
    }

    /// Break-glass acts in force, by the zones' ids: an act may name a zone by an alias, and the newest of both wins.
    ///
    /// A cancel is in force as long as it is known: it ends a shift that is held past its end because the ledger is gone. So does a
    /// shift that has ended: whoever signed it took over from what was held, which must not come back; and its zone returns from that end.
    fn acts_in_force(&self, estate: &Estate, now: Timestamp) -> Vec<BreakGlassShift> {
        let signed = self.book.signed().into_iter().map(|signed| signed.shift);
        let mut newest: BTreeMap<ZoneId, BreakGlassShift> = BTreeMap::new();
        for mut shift in signed.chain(self.unsigned.iter().cloned()) {
            if let Some(zone) = estate.zone_named(&shift.zone) {
                shift.zone = estate.zone(zone).id.clone();
            }
            let known = newest.entry(shift.zone.clone()).or_insert_with(|| shift.clone());
            if shift.newness() > known.newness() {
                *known = shift;
            }
        }
        let counts = |shift: &BreakGlassShift| now <= shift.signed_at.plus(LENGTH_MAX);
        newest.into_values().filter(counts).collect()
    }

    fn fresh(&self) -> Duration {
        self.beat * FRESH_BEATS
    }

    /// All that goes out, with the report of this moment; it also becomes this node's own entry of [`Hub::reports`].
    pub fn outgoing(&mut self, activity: Vec<ZoneActivityReport>, now: Timestamp) -> Outgoing {
        let obeyed = self.obeyed.as_ref();
        let report = NodeReport {
            node: self.me.node.clone(),
            zone: self.me.zone.clone(),
            roles: self.me.roles.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.me.started_at,
            sent_at: now,
            api: self.me.reached.api.clone(),
            status: self.me.reached.status.clone(),
            api_key: self.me.reached.api_key.clone(),
            snapshot_number: obeyed.map_or(0, |obeyed| obeyed.number),
            revision: obeyed.map_or(Revision(0), |obeyed| obeyed.revision),
            estate: obeyed.map(|obeyed| obeyed.estate),
            booted_from_disk: self.from_disk_only,
            contact: self.contact,
            break_glass: obeyed.map_or_else(Vec::new, |obeyed| obeyed.break_glass.clone()),
            refused_intent: self.refused().cloned(),
            estate_file_problem: self.estate_file_problem.clone(),
            ledger_problem: self.ledger_problem.clone(),
            node_problem: self.node_problem(),
            activity,
            activity_left_out: 0,
        };
        self.reports.insert(report.node.clone(), HeardReport { received_at: now, report: report.clone() });
        self.bound_reports();
        Outgoing {
            intent: self.in_force.as_ref().map(|in_force| in_force.intent.clone()),
            table: self.own_table.clone(),
            report,
            break_glass: self.book.signed(),
            second: self.observed.own_second.clone(),
            latencies: self.observed.own_latencies.clone(),
        }
    }

    /// The newest report of every node.
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// Break-glass acts with their signatures.
    pub fn break_glass(&self) -> Vec<SignedBreakGlass> {
        self.book.signed()
    }
}

/// Says what the ledger made of a break-glass act. A contradiction wakes somebody once, at the nodes that keep the ledger.
fn tell_fate(recorded: &RecordedBreakGlass, is_control: bool) {
    let BreakGlassShift { zone, by, ends_at, .. } = &recorded.act;
    let revision = recorded.revision;
    match &recorded.fate {
        BreakGlassFate::Shift(shift) => {
            tracing::warn!(%zone, %by, %shift, %revision, "a break-glass act is in the ledger, and goes on as a shift of it");
        }
        BreakGlassFate::Ended(shifts) => {
            let ended: Vec<&str> = shifts.iter().map(ShiftId::as_str).collect();
            tracing::warn!(%zone, %by, ?ended, %revision, "a break-glass act is in the ledger, and has ended");
        }
        BreakGlassFate::Conflicts(with) if is_control => {
            tracing::error!(%zone, %by, with, ends_at = ends_at.0, %revision, "a break-glass act contradicts the ledger; the nodes obey it until its end");
        }
        BreakGlassFate::Conflicts(with) => {
            tracing::warn!(%zone, %by, with, ends_at = ends_at.0, %revision, "a break-glass act contradicts the ledger; this node obeys it until its end");
        }
    }
}

/// Whether `known` is not what a ledger at `ledger` has said.
pub(crate) fn is_beyond(known: &Arc<Intent>, ledger: &Arc<Intent>) -> bool {
    known.revision > ledger.revision || known.revision == ledger.revision && known != ledger
}

#[cfg(test)]
mod tests;
