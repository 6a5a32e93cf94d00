//! The phases of a run, and what must be so at the end of each.

use std::collections::{BTreeMap, BTreeSet};

use hf_history::controls::{ControlsModel, Input, Switch, merge_requests};
use hf_history::{Limits, check};

use super::client::batch;
use super::event::{Asked, Event};
use super::harm::Reach;
use super::plan::{CLIENTS, TELLERS, UPDATERS};
use super::plane::Plane;
use super::world::World;

/// From the healing to the proof that writes work: every request has its answer by then.
const SETTLE_MS: u64 = 30_000;
/// From the proof to the look whether everybody agrees: two beats, and time for what is under way.
const AGREE_MS: u64 = 25_000;
/// From the mark to that look: whatever is committed before the mark is in force everywhere.
const MARK_MS: u64 = 5_000;
/// How long planes among themselves take to agree: six beats.
const ALONE_MS: u64 = 60_000;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Harm, with control.
    Safety,
    /// All is healed.
    Liveness,
    /// Every client writes and reads once more.
    Works,
    /// What is committed now must be in force everywhere soon.
    Marked,
    /// Control dies for good; harm to the planes.
    Gone,
    /// Healed, without control.
    GoneHealed,
    /// The end.
    End,
}

impl Phase {
    /// Whether the world does harm.
    pub fn has_harm(self) -> bool {
        matches!(self, Phase::Safety | Phase::Gone)
    }

    /// Whether control is dead for good.
    pub fn is_without_control(self) -> bool {
        matches!(self, Phase::Gone | Phase::GoneHealed | Phase::End)
    }
}

impl World {
    /// The next phase begins.
    pub fn enter(&mut self, phase: Phase) -> Result<(), String> {
        self.say(&format!("phase: {phase:?}"));
        self.phase = phase;
        match phase {
            Phase::Safety => {}
            Phase::Liveness => {
                self.heal();
                self.put(SETTLE_MS, Event::Phase(Phase::Works));
            }
            Phase::Works => {
                self.prove()?;
                self.put(AGREE_MS - MARK_MS, Event::Phase(Phase::Marked));
            }
            Phase::Marked => {
                self.known.marked = self.store.newest();
                self.put(MARK_MS, Event::Phase(Phase::Gone));
            }
            Phase::Gone => {
                self.check_proof()?;
                self.check_agreement()?;
                self.check_history()?;
                for at in 0..self.members.len() {
                    self.kill_member(at);
                }
                self.put(1_000, Event::Harm);
                self.put(self.plan.gone_ms, Event::Phase(Phase::GoneHealed));
            }
            Phase::GoneHealed => {
                self.heal();
                self.put(ALONE_MS, Event::Phase(Phase::End));
            }
            Phase::End => {
                let newest = self.planes.iter().filter_map(revision_of).max().unwrap_or(0);
                self.check_planes(newest.max(self.known.marked))?;
            }
        }
        Ok(())
    }

    fn heal(&mut self) {
        self.reach = Reach::default();
        for member in &mut self.members {
            member.clock.mend(self.now_ms);
            (member.paused_until_ms, member.able_since_ms) = (0, None);
        }
        for plane in &mut self.planes {
            plane.clock.mend(self.now_ms);
        }
        for at in 0..self.members.len() {
            self.put(1, Event::Start(at));
        }
        for at in 0..self.planes.len() {
            self.put(1, Event::StartPlane(at));
        }
    }

    /// Whoever still waits for an answer has waited too long; then everybody asks once more.
    fn prove(&mut self) -> Result<(), String> {
        if let Some(client) = self.clients.iter().position(|client| client.doing.is_some()) {
            return Err(format!("all is healed, and client-{client} has no answer"));
        }
        for client in 0..CLIENTS {
            if client % 2 == 0 {
                self.begin(client, Asked::Get, Some(Input::Get {}))?;
                continue;
            }
            // What no rule has a word in, whatever it was: everything on again, and the gate with it.
            let controls = BTreeMap::from([("zone-0".to_owned(), Switch::On)]);
            let request = format!("client-{client}-{}", self.clients[client].operations() + 1);
            let input = Input::Set { request, controls: controls.clone(), overrides: BTreeSet::new() };
            self.ask_for(client, batch(&controls, &BTreeSet::new()), Some(input))?;
        }
        for client in CLIENTS + TELLERS + 1..=CLIENTS + TELLERS + UPDATERS {
            self.update(client)?;
        }
        Ok(())
    }

    fn check_proof(&self) -> Result<(), String> {
        match self.clients.iter().position(|client| client.doing.is_some()) {
            Some(client) => {
                Err(format!("all is healed, and client-{client} has no answer: writes do not work"))
            }
            None => Ok(()),
        }
    }

    /// All control nodes and planes know the same, and nothing is in force that is over.
    fn check_agreement(&mut self) -> Result<(), String> {
        let marked = self.known.marked;
        for at in 0..self.members.len() {
            let running = self.members[at].running.as_ref();
            let running =
                running.ok_or(format!("control-{at} does not run, and nothing keeps it from it"))?;
            if running.revision() < marked {
                return Err(format!(
                    "all is healed, and control-{at} is at revision {}, not {marked}",
                    running.revision()
                ));
            }
            self.check_whole(at)?;
        }
        self.check_planes(marked)?;
        self.check_acknowledged()
    }

    fn check_planes(&self, least: u64) -> Result<(), String> {
        for (at, plane) in self.planes.iter().enumerate() {
            let revision = revision_of(plane);
            if revision.is_none_or(|revision| revision < least) {
                return Err(format!(
                    "all is healed, and plane-{at} obeys revision {revision:?}, not {least}"
                ));
            }
        }
        Ok(())
    }

    /// What the clients were answered is what one thread could have answered.
    fn check_history(&mut self) -> Result<(), String> {
        let history = std::mem::take(&mut self.history);
        self.seen.operations = history.len() as u64;
        let merged = merge_requests(history).map_err(|contradiction| contradiction.to_string())?;
        let model = ControlsModel::new(self.plan.controls());
        let passed = check(&model, &merged, Limits::default()).passed()?;
        self.seen.situations = passed.situations as u64;
        Ok(())
    }
}

fn revision_of(plane: &Plane) -> Option<u64> {
    let snapshot = plane.running.as_ref()?.snapshot.as_ref()?;
    Some(snapshot.intent.revision.0)
}
