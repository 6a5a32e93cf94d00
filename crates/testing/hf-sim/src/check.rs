//! The rules, checked after every step against the simulation's own count.
//!
//! What a node does is compared with what was committed, with what its clock shows, and with a second count of the tables that
//! came to it; never with the node's own word on itself.
//!
//! Not here: acknowledged writes (`control`, `operator`), agreement after healing (`phases`), one decision (`check::decision`).

pub mod decision;
pub mod loss;

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_control::BreakGlassShift;
use hf_decide::{Decision, Reason};
use hf_feed::{NodeReport, SignedBreakGlass};
use hf_health::{Table, Verdict, subjects};
use hf_model::{Digest, RequestId, Revision, ShiftId, Timestamp};
use hf_node::hub::FromDisk;
use hf_snapshot::Snapshot;

use crate::world::World;

/// All that a decision may depend on; the revision stands for intent and estate.
type Inputs = (Revision, Vec<Verdict>, Vec<BreakGlassShift>, Vec<ShiftId>, usize);

/// A decision, and the times between which it stands: a zone that returns has more of its weight with every step.
#[derive(Debug)]
struct Stands {
    from: Timestamp,
    until: Option<Timestamp>,
    decision: Decision,
}

/// Beats of a node after which a table counts for nothing.
pub const FRESH_BEATS: u64 = 3;

/// What the checks remember.
#[derive(Debug, Default)]
pub struct Known {
    decisions: BTreeMap<Inputs, Vec<Stands>>,
    table_len: BTreeMap<(usize, Digest), usize>,
    /// The request that shows that writes work.
    pub proof: Option<RequestId>,
    /// When it was asked for.
    pub write_asked_at_ms: u64,
}

impl World {
    /// A table came to a node: the same rule as the hub's, by this node's beats.
    pub fn remember_table(&mut self, at: usize, table: Table) {
        let is_own = table.checker == self.nodes[at].config.id;
        let watch = &mut self.running(at).watch;
        let (now, tables) = (watch.beats, &mut watch.tables);
        if let Some((came, known)) = tables.get(&table.checker)
            && !is_own
            && table.made_at < known.made_at
            && now - *came <= FRESH_BEATS
        {
            return;
        }
        tables.insert(table.checker.clone(), (now, table));
    }

    /// A beat of a node: its own checker still sees what it saw.
    pub fn remember_beat(&mut self, at: usize) {
        self.running(at).watch.beats += 1;
        let id = self.nodes[at].config.id.clone();
        let own = self.running(at).watch.tables.get(&id).map(|(_, table)| table.clone());
        if let Some(table) = own {
            self.remember_table(at, table);
        }
    }

    /// What a boot finds: the newest good file, and numbers beyond all that were used.
    pub fn check_disk(&mut self, at: usize, found: &FromDisk) -> Result<(), String> {
        let node = &mut self.nodes[at];
        let number = found.snapshot.as_ref().map(|snapshot| snapshot.number);
        if number != node.disk.newest_good() {
            return Err(format!(
                "node-{at} boots from {number:?}, the newest good file is {:?}",
                node.disk.newest_good()
            ));
        }
        if !std::mem::take(&mut node.high.was_kept) {
            node.high.number = node.disk.newest_number();
        }
        Ok(())
    }

    /// A node that had a snapshot on its disk serves from it before anybody talks to it.
    pub fn check_boot(&self, at: usize) -> Result<(), String> {
        let node = &self.nodes[at];
        let snapshot = node.running.as_ref().and_then(|running| running.snapshot.as_ref());
        match (snapshot, node.disk.newest_good()) {
            (None, Some(number)) => {
                Err(format!("node-{at} has snapshot {number} on its disk and serves nothing"))
            }
            (Some(snapshot), Some(_))
                if !self.plan.faults.damage && snapshot.intent.revision < node.high.saved_revision =>
            {
                let (obeys, saved) = (snapshot.intent.revision, node.high.saved_revision);
                Err(format!("node-{at} boots with revision {obeys}; {saved} was on its disk"))
            }
            _ => Ok(()),
        }
    }

    /// All rules on one node, after it did something.
    pub fn check_node(&mut self, at: usize, news: Option<&Snapshot>) -> Result<(), String> {
        let now = self.wall(at);
        let Some(snapshot) = self.running(at).snapshot.clone() else {
            let had = self.running(at).watch.estate.is_some();
            return if had { Err(format!("node-{at} had an estate and has none")) } else { Ok(()) };
        };
        let rules = |world: &mut World| {
            if let Some(news) = news {
                world.check_order(at, news)?;
                world.check_truth(news)?;
                decision::check(news, now)?;
                world.check_equal(news, now)?;
                world.count(at, news);
            }
            world.check_verdicts(at, &snapshot)?;
            world.check_break_glass(at, &snapshot, now)?;
            decision::check_stands(&snapshot, now)?;
            decision::check_held(&snapshot, now)
        };
        rules(self).map_err(|what| {
            format!("node-{at}, snapshot {}, revision {}: {what}", snapshot.number, snapshot.intent.revision)
        })
    }

    fn count(&mut self, at: usize, news: &Snapshot) {
        self.summary.snapshots += 1;
        self.summary.held += u64::from(news.intent.shifts.iter().any(|shift| shift.ends_at <= news.made_at));
        self.trace.fold(at as u64);
        self.trace.fold(news.number);
        self.trace.fold(news.intent.revision.0);
        for verdict in &news.verdicts.of {
            self.trace.fold(*verdict as u64);
        }
    }

    /// Numbers and revisions never go back.
    fn check_order(&mut self, at: usize, news: &Snapshot) -> Result<(), String> {
        let node = &mut self.nodes[at];
        if news.number <= node.high.number {
            return Err(format!("the number is not above {}", node.high.number));
        }
        node.high.number = news.number;
        let watch = &mut node.running.as_mut().expect("it has just published").watch;
        if news.intent.revision < watch.revision {
            return Err(format!("revision {} was in force", watch.revision));
        }
        watch.revision = news.intent.revision;
        Ok(())
    }

    /// What is obeyed is what was committed.
    fn check_truth(&self, news: &Snapshot) -> Result<(), String> {
        let Some(truth) = self.control.truth.get(&news.intent.revision.0) else {
            return Err("nobody committed this revision".to_owned());
        };
        if **truth != *news.intent {
            return Err(format!(
                "the intent is another than was committed; shifts are {:?}, not {:?}",
                news.intent.shifts.iter().map(|shift| &shift.id).collect::<Vec<_>>(),
                truth.shifts.iter().map(|shift| &shift.id).collect::<Vec<_>>()
            ));
        }
        if news.estate.digest != truth.estate_digest() || news.estate.pools.is_empty() {
            return Err("the estate is another than was committed".to_owned());
        }
        Ok(())
    }

    /// Equal inputs, equal decision, on whatever node.
    fn check_equal(&mut self, news: &Snapshot, now: Timestamp) -> Result<(), String> {
        let held =
            news.intent.shifts.iter().filter(|shift| shift.ends_at <= now).map(|shift| shift.id.clone());
        let held_pins = news.intent.pins.iter().filter(|pin| pin.ends_at <= now).count();
        let (verdicts, acts) = (news.verdicts.of.clone(), news.break_glass.clone());
        let inputs = (news.intent.revision, verdicts, acts, held.collect(), held_pins);
        let until = hf_decide::next_change_at(hf_decide::Inputs {
            estate: &news.estate,
            intent: &news.intent,
            break_glass: &news.break_glass,
            verdicts: &news.verdicts,
            now,
        });
        let known = self.known.decisions.entry(inputs).or_default();
        let stands = |of: &&Stands| of.from <= now && of.until.is_none_or(|until| now < until);
        match known.iter().find(stands) {
            Some(of) if of.decision == news.decision => Ok(()),
            Some(_) => Err("the same inputs had another decision before".to_owned()),
            None => {
                known.push(Stands { from: now, until, decision: news.decision.clone() });
                Ok(())
            }
        }
    }

    /// A node that is told nothing answers as before: only verdicts, held shifts and ends of break-glass acts may change. (A clock
    /// that is set back brings back an act that had ended: ends are by the node's own clock. An act that has ended goes on as its own
    /// cancel.)
    pub fn check_alone(&mut self, at: usize, before: &Snapshot, news: &Snapshot) -> Result<(), String> {
        let acts = &self.running(at).watch.acts;
        if before.intent != news.intent {
            let (was, is) = (before.intent.revision, news.intent.revision);
            return Err(format!("node-{at} is told nothing and goes from revision {was} to {is}"));
        }
        let is_end_of = |act: &BreakGlassShift, known: &BreakGlassShift| {
            act.is_cancel() && *known == BreakGlassShift { ends_at: known.ends_at, ..act.clone() }
        };
        let is_known = |act: &BreakGlassShift| acts.iter().any(|known| known == act || is_end_of(act, known));
        match news.break_glass.iter().find(|act| !is_known(act)) {
            Some(act) => {
                Err(format!("node-{at} is told nothing and obeys a new break-glass act on {}", act.zone))
            }
            None => Ok(()),
        }
    }

    /// Verdicts are those of the second count.
    fn check_verdicts(&mut self, at: usize, snapshot: &Arc<Snapshot>) -> Result<(), String> {
        let watch = &mut self.running(at).watch;
        let now = watch.beats;
        let estate = &snapshot.estate;
        if watch.estate.as_ref().is_none_or(|known| known.digest != estate.digest) {
            let before: BTreeMap<_, _> = watch
                .estate
                .iter()
                .flat_map(|old| subjects(old).zip(watch.verdicts.iter().copied()))
                .collect();
            let carried =
                subjects(estate).map(|key| before.get(&key).copied().unwrap_or(Verdict::Unknown)).collect();
            watch.verdicts = carried;
            watch.estate = Some(estate.clone());
        }
        let is_fresh =
            |(came, table): &&(u64, Table)| now - *came <= FRESH_BEATS && table.estate == estate.digest;
        let tables: Vec<&Table> = watch.tables.values().filter(is_fresh).map(|(_, table)| table).collect();
        for (verdict, counted) in watch.verdicts.iter_mut().zip(loss::count(estate, &tables)) {
            *verdict = counted.unwrap_or(*verdict);
        }
        match watch.verdicts.iter().zip(&snapshot.verdicts.of).position(|(counted, said)| counted != said) {
            None if watch.verdicts.len() == snapshot.verdicts.of.len() => Ok(()),
            None => Err("verdicts are missing".to_owned()),
            Some(position) => {
                let (counted, said) = (watch.verdicts[position], snapshot.verdicts.of[position]);
                Err(format!("endpoint {position} is {said:?}, and the tables that came make it {counted:?}"))
            }
        }
    }

    /// Break-glass acts count from their coming to their end by this node's clock.
    fn check_break_glass(&mut self, at: usize, snapshot: &Snapshot, now: Timestamp) -> Result<(), String> {
        let zones = snapshot.decision.pools.iter().flat_map(|pool| &pool.zones);
        for zone in zones {
            if let Reason::BreakGlass { until, .. } = &zone.reason
                && *until <= now
            {
                let zone = &snapshot.estate.zone(zone.zone).id;
                return Err(format!(
                    "the break-glass act on {zone} ended at {}, it is {}, and the zone is away",
                    until.0, now.0
                ));
            }
        }
        for SignedBreakGlass { shift: act, .. } in self.running(at).hub.break_glass() {
            let newer = snapshot
                .break_glass
                .iter()
                .any(|known| known.zone == act.zone && known.signed_at > act.signed_at);
            if newer {
                continue;
            }
            if act.ends_at > now && !snapshot.break_glass.contains(&act) {
                return Err(format!("the break-glass act on {} is known and not in force", act.zone));
            }
            if act.ends_at <= now {
                decision::check_cancel(snapshot, &act, now)?;
            }
        }
        Ok(())
    }

    /// What an operator was told is in force: the act, or a newer one.
    pub fn check_handed(&mut self, at: usize, handed: &SignedBreakGlass) -> Result<(), String> {
        let book = self.running(at).hub.break_glass();
        let is_there = |known: &SignedBreakGlass| {
            known.shift.zone == handed.shift.zone && known.shift.signed_at >= handed.shift.signed_at
        };
        if book.iter().any(is_there) {
            Ok(())
        } else {
            Err(format!("node-{at} took a break-glass act on {} and does not know it", handed.shift.zone))
        }
    }

    /// A report says what the planes obey, not what they were sent.
    pub fn check_report(&mut self, at: usize, report: &NodeReport) -> Result<(), String> {
        let has_tellers = self.nodes[at].has_tellers();
        let running = self.running(at);
        let (number, revision) =
            running.snapshot.as_ref().map_or((0, Revision(0)), |s| (s.number, s.intent.revision));
        let number_max = if has_tellers { running.watch.obeyed } else { number };
        if report.snapshot_number > number_max || report.revision > revision {
            let (said, in_force) = (report.snapshot_number, report.revision);
            return Err(format!(
                "node-{at} reports snapshot {said}, revision {in_force}; its planes obey {number_max}, {revision}"
            ));
        }
        Ok(())
    }

    /// The same messages on every beat, intent last; tables of one size.
    pub fn check_work(&mut self, at: usize, to: usize, due: &[Arc<[u8]>]) -> Result<(), String> {
        let running = self.nodes[at].running.as_ref().expect("it has just had a beat");
        let frames = &running.frames;
        let every: Vec<&Arc<[u8]>> =
            [frames.table.as_ref(), frames.report.as_ref(), frames.break_glass.as_ref()]
                .into_iter()
                .flatten()
                .collect();
        let intent = frames.intent.as_ref().map(|(_, bytes)| bytes);
        let rest = match due.split_last() {
            Some((last, rest)) if intent.is_some_and(|intent| Arc::ptr_eq(intent, last)) => rest,
            _ => due,
        };
        if rest.len() != every.len() || !rest.iter().zip(every).all(|(sent, due)| Arc::ptr_eq(sent, due)) {
            return Err(format!(
                "node-{at} sends {} messages to node-{to} on a beat, not what every beat has",
                due.len()
            ));
        }
        let table = running.outgoing.as_ref().and_then(|outgoing| outgoing.table.as_ref());
        if let (Some(table), Some(bytes)) = (table, &frames.table) {
            let len = *self.known.table_len.entry((at, table.estate)).or_insert(bytes.len());
            if len != bytes.len() {
                return Err(format!(
                    "a table of node-{at} has {} bytes, others of the same estate have {len}",
                    bytes.len()
                ));
            }
        }
        Ok(())
    }
}
