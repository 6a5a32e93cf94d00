//! What nodes tell one another beside intent: tables of checkers, reports; and what this one tells.
//!
//! Not here: verdicts (`hf-health`), what travels how (`hf-feed`).

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::Estate;
use hf_feed::{HeardReport, NodeReport, Outgoing, Peer, Reports};
use hf_health::{Table, Vote, Votes};
use hf_model::{Digest, Revision, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::ZoneActivityReport;

use super::{FRESH_BEATS, Hub, NODES_MAX, OF_TEXT_MAX, WAITING_MAX};

/// What the planes obey.
#[derive(Clone, Debug)]
pub(super) struct Obeyed {
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

impl Hub {
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

    /// Whether another node is known to be in another zone than this one: hearing it shows that this zone is not cut off.
    pub fn is_outside(&self, peer: &Peer) -> bool {
        let estate = self.in_force.as_ref().map(|in_force| &in_force.estate);
        let place = |zone: &ZoneId| estate.and_then(|estate| estate.zone_named(zone));
        match (&self.me.zone, &peer.zone) {
            (Some(own), Some(theirs)) => {
                own != theirs && (place(own).is_none() || place(own) != place(theirs))
            }
            _ => false,
        }
    }

    /// What a checker sees.
    pub fn take_table(&mut self, table: Table) {
        if let Some((came, known)) = self.tables.get(&table.checker) {
            // Two connections may deliver out of order. A checker's stamps never go back while it runs; one that is started anew with an earlier
            // clock counts again once the old table is stale.
            if table.made_at < known.made_at && self.age.since(*came) <= self.fresh() {
                return;
            }
        }
        self.keep_table(table);
    }

    /// Tables on the same text with other sets of sources tell of the endpoints that both have: sources change while checkers look, and
    /// none of what they saw is lost.
    pub(super) fn keep_tables(&mut self, old: &Arc<Estate>, new: &Estate, is_same_text: bool) {
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

    pub(super) fn keep_table(&mut self, table: Table) {
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

    /// What checkers say of subjects by their positions, for whoever asks why; none if they are of another estate than that in force.
    pub fn votes(&self, estate: Digest, subjects: &[usize]) -> Option<Vec<Vec<Vote>>> {
        let of = &self.in_force.as_ref().filter(|in_force| in_force.estate.digest == estate)?.estate;
        let votes = Votes::new(of, &self.tables, self.age, self.fresh(), &self.cut_off);
        Some(subjects.iter().map(|at| votes.of(*at)).collect())
    }

    pub(super) fn fresh(&self) -> Duration {
        self.beat * FRESH_BEATS
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

    pub(super) fn bound_reports(&mut self) {
        while self.reports.len() > NODES_MAX {
            let oldest =
                self.reports.iter().min_by_key(|(_, heard)| heard.received_at).map(|(node, _)| node.clone());
            self.reports.remove(&oldest.expect("there is more than one"));
        }
    }

    /// The planes obey the snapshot of this number.
    pub fn planes_obey(&mut self, number: u64) {
        while let Some(told) = self.waiting.pop_front_if(|told| told.number <= number) {
            self.obeyed = Some(told);
        }
    }

    /// A snapshot is on its way to the planes.
    pub(super) fn wait_for(&mut self, told: Obeyed) {
        self.waiting.push_back(told);
        if self.waiting.len() > WAITING_MAX {
            let mut at = 0;
            self.waiting.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
    }

    /// How far receivers of notices have come here.
    pub fn set_notices(&mut self, places: std::collections::BTreeMap<String, u64>) {
        self.notices = places;
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
            estate_file_problem: self.problems.estate_file.clone(),
            ledger_problem: self.problems.ledger.clone(),
            node_problem: self.node_problem(),
            notices: self.notices.clone(),
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
            consumers: self.consumers.own.clone(),
        }
    }

    /// The newest report of every node.
    pub fn reports(&self) -> &Reports {
        &self.reports
    }
}
