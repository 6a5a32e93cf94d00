//! The planted mistakes that a node makes: what its hub, its task or the decision would do wrong.
//!
//! Not here: those of the ledger (`control`), of the boot and of the connections (`turn`).

use std::sync::Arc;

use hf_control::Intent;
use hf_decide::{Reason, ZoneState};
use hf_health::{Table, Verdict};
use hf_model::Timestamp;
use hf_node::hub::{FromDisk, Hub};
use hf_snapshot::Snapshot;

use crate::Plant;
use crate::check::FRESH_BEATS;
use crate::node::Running;
use crate::world::World;

impl World {
    /// The planted fault: a hub that takes what is older.
    pub fn go_back(&mut self, at: usize, intent: &Arc<Intent>) {
        let now = self.wall(at);
        let Some(snapshot) = self.running(at).snapshot.clone() else { return };
        let Ok(estate) = intent.read_estate() else { return };
        if intent.revision < snapshot.intent.revision {
            let number = snapshot.number + 1;
            let old = Snapshot::build(
                number,
                now,
                intent.clone(),
                Arc::new(estate),
                snapshot.break_glass.clone(),
                snapshot.verdicts.clone(),
            );
            let disk = FromDisk { snapshot: Some(old), next_number: number, break_glass: Vec::new() };
            self.running(at).hub = Hub::new(&self.nodes[at].config.clone(), disk, now);
        }
    }

    /// The planted fault: who is silent sees everything down.
    pub fn invent_tables(&mut self, at: usize) {
        let now = self.wall(at);
        let running = self.running(at);
        let is_silent = |came: u64| running.watch.beats - came > FRESH_BEATS;
        let silent = running.watch.tables.values().filter(|(came, _)| is_silent(*came));
        let silent: Vec<Table> = silent.map(|(_, table)| table.clone()).collect();
        for mut table in silent {
            for bit in 0..table.known.len() {
                table.known.set(bit, true);
                table.healthy.set(bit, false);
            }
            table.made_at = now;
            running.hub.take_table(table);
        }
    }
}

/// Planted faults in what a node publishes.
pub fn spoil(
    plant: Plant,
    news: Option<Arc<Snapshot>>,
    before: Option<&Arc<Snapshot>>,
    now: Timestamp,
) -> Option<Arc<Snapshot>> {
    let snapshot = news?;
    let mut intent = (*snapshot.intent).clone();
    let mut break_glass = snapshot.break_glass.clone();
    let mut decided_at = now;
    match plant {
        Plant::EndsShiftsByOwnClock => intent.shifts.retain(|shift| shift.ends_at > now),
        Plant::BreakGlassForEver => {
            let past = before.map_or(&[][..], |before| &before.break_glass);
            for act in past.iter().filter(|act| !act.is_cancel()) {
                match break_glass.iter_mut().find(|kept| kept.zone == act.zone) {
                    None => break_glass.push(act.clone()),
                    Some(kept) if kept.signed_at == act.signed_at => *kept = act.clone(),
                    Some(_) => {}
                }
            }
            let ended = break_glass.iter().filter(|act| !act.is_cancel() && act.ends_at <= now);
            decided_at = ended.map(|act| Timestamp(act.ends_at.0 - 1)).min().unwrap_or(now);
        }
        Plant::AwayServes | Plant::BelowFloor | Plant::UnknownIsUnhealthy => {
            let mut spoiled = (*snapshot).clone();
            spoil_decision(plant, &mut spoiled);
            return Some(Arc::new(spoiled));
        }
        _ => return Some(snapshot),
    }
    let (estate, verdicts) = (snapshot.estate.clone(), snapshot.verdicts.clone());
    Some(Arc::new(Snapshot::build(
        snapshot.number,
        decided_at,
        Arc::new(intent),
        estate,
        break_glass,
        verdicts,
    )))
}

fn spoil_decision(plant: Plant, snapshot: &mut Snapshot) {
    let pool = &snapshot.estate.pools[0];
    let decision = &mut snapshot.decision.pools[0];
    for zone in &mut decision.zones {
        if plant == Plant::BelowFloor && zone.state == ZoneState::Open {
            (zone.state, zone.reason) = (ZoneState::Away, Reason::Impaired);
        }
        let is_away = zone.state == ZoneState::Away;
        let endpoints = pool.endpoints.iter().zip(&mut decision.endpoints).enumerate();
        for (at, (_, outcome)) in endpoints.filter(|(_, (endpoint, _))| endpoint.zone == zone.zone) {
            match plant {
                Plant::AwayServes if is_away => outcome.serves = true,
                Plant::BelowFloor => outcome.serves = false,
                Plant::UnknownIsUnhealthy if snapshot.verdicts.get(at) == Verdict::Unknown => {
                    outcome.serves = false;
                }
                _ => {}
            }
        }
    }
}

/// The planted fault: everybody's word counts the same, by the share alone.
pub fn count_all(running: &Running, news: Option<Arc<Snapshot>>, now: Timestamp) -> Option<Arc<Snapshot>> {
    let snapshot = news?;
    let beats = running.watch.beats;
    let mut verdicts = snapshot.verdicts.clone();
    for (subject, verdict) in verdicts.of.iter_mut().enumerate() {
        let tables = running.watch.tables.values().filter(|(came, table)| {
            beats - *came <= FRESH_BEATS && table.estate == snapshot.estate.digest && table.known.get(subject)
        });
        let (mut knowing, mut healthy) = (0, 0);
        for (_, table) in tables {
            knowing += 1;
            healthy += u32::from(table.healthy.get(subject));
        }
        if knowing > 0 {
            *verdict = if healthy * 100 > knowing * 18 { Verdict::Healthy } else { Verdict::Unhealthy };
        }
    }
    Some(Arc::new(Snapshot::build(
        snapshot.number,
        now,
        snapshot.intent.clone(),
        snapshot.estate.clone(),
        snapshot.break_glass.clone(),
        verdicts,
    )))
}
