//! The phases of a run: harm, healing, harm without control, healing without control; and what must be so at the end of each.

use std::time::Duration;

use hf_control::{BreakGlassShift, Command, Scope};
use hf_health::Verdict;
use hf_model::{RequestId, Revision, ZoneId};

use crate::control::LedgerDisk;
use crate::event::Event;
use crate::plan::Plan;
use crate::world::World;

/// Beats after which all is well again once all harm has ended: intent comes in full every tenth beat, at the latest; then checkers
/// need some to see what answers again.
pub const HEAL_BEATS: u64 = 25;
/// Beats after which every node's verdicts are right again: checkers probe each endpoint twice in that time (`rise`), and tell the change at once,
/// so that carrying it adds no beat.
pub const CONVERGE_BEATS: u64 = 2;
/// What messages and clocks that run a little apart may add, in milliseconds.
const CONVERGE_SLACK_MS: u64 = 100;
/// Beats from a write to the look whether it is in force everywhere.
const WRITE_BEATS: u64 = 2;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Harm, with control.
    Safety,
    /// All is healed.
    Liveness,
    /// Verdicts are right again.
    Converged,
    /// A write is asked for.
    Works,
    /// What is committed now must be in force everywhere soon.
    Marked(Revision),
    /// Control dies for good; harm again.
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
        let beat = self.plan.beat_ms;
        let before = std::mem::replace(&mut self.phase, phase);
        match phase {
            Phase::Safety => {}
            Phase::Liveness => {
                self.heal();
                self.put(CONVERGE_BEATS * beat + CONVERGE_SLACK_MS, Event::Phase(Phase::Converged));
                self.put(HEAL_BEATS / 2 * beat, Event::Phase(Phase::Works));
            }
            Phase::Converged => self.check_converged()?,
            Phase::Works => {
                self.known.write_asked_at_ms = self.now_ms;
                self.ask_for_proof()?;
                let rest = (HEAL_BEATS - HEAL_BEATS / 2 - WRITE_BEATS) * beat;
                let newest = Phase::Marked(Revision(0));
                self.put(rest, Event::Phase(newest));
            }
            Phase::Marked(_) => {
                self.phase = Phase::Marked(self.control.newest());
                self.put(WRITE_BEATS * beat, Event::Phase(Phase::Gone));
            }
            Phase::Gone => {
                let Phase::Marked(revision) = before else {
                    return Err("the phases are out of order".to_owned());
                };
                self.check_proof()?;
                self.check_agreement(revision)?;
                self.kill(0);
                self.net.is_reordering = self.plan.faults.reorder;
                self.net.loss_percent = if self.plan.faults.loss { 5 } else { 0 };
                self.put(beat, Event::Harm);
                self.put(beat, Event::Operate);
                self.put(self.plan.gone_beats * beat, Event::Phase(Phase::GoneHealed));
            }
            Phase::GoneHealed => {
                self.heal();
                self.put(HEAL_BEATS * beat, Event::Phase(Phase::End));
            }
            Phase::End => self.check_agreement(Revision(0))?,
        }
        Ok(())
    }

    /// Ends all harm.
    fn heal(&mut self) {
        self.net.heals();
        self.down.clear();
        self.unreachable.clear();
        self.is_doomed = false;
        if self.control.disk != LedgerDisk::Fine || self.control.is_poisoned() {
            self.control.disk = LedgerDisk::Fine;
            self.kill(0);
        }
        for at in 0..self.nodes.len() {
            self.nodes[at].disk.is_failing = false;
            self.nodes[at].clock.mend(self.now_ms);
            for to in 0..self.nodes.len() {
                self.connect_anew(at, to);
            }
            self.put(1, Event::Start { node: at });
        }
    }

    /// Nodes that ran when all was healed, and obey what checkers look at, see everybody answer.
    fn check_converged(&self) -> Result<(), String> {
        for (at, node) in self.nodes.iter().enumerate() {
            let Some(running) = node.running.as_ref().filter(|running| running.watch.beats >= CONVERGE_BEATS)
            else {
                continue;
            };
            let Some(snapshot) = &running.snapshot else { continue };
            let mut checkers = self.nodes.iter().filter_map(|node| node.running.as_ref()?.checker.as_ref());
            if checkers.any(|checker| checker.follows_another_than(&snapshot.estate)) {
                continue;
            }
            let endpoints = snapshot.estate.endpoint_count();
            let of = &snapshot.verdicts.of[..endpoints];
            if let Some(down) = of.iter().position(|verdict| *verdict == Verdict::Unhealthy) {
                return Err(format!(
                    "all is healed, and the verdicts had their time: on node-{at} endpoint {down} is unhealthy"
                ));
            }
        }
        Ok(())
    }

    fn ask_for_proof(&mut self) -> Result<(), String> {
        let zone = ZoneId::new(&Plan::zone(0)).expect("a zone's name");
        let length = Duration::from_mins(1);
        self.known.proof = Some(self.next_request());
        self.ask(Command::StartShift {
            zone,
            scope: Scope::Everything,
            length,
            reason: "writes work".to_owned(),
            floor_overrides: Vec::new(),
        })
    }

    fn check_proof(&self) -> Result<(), String> {
        let proof: &RequestId = self.known.proof.as_ref().ok_or("nothing was asked for")?;
        if self.control.acknowledged.contains_key(proof) {
            return Ok(());
        }
        Err(format!(
            "all is healed, and {proof} of {} ms has no answer: writes do not work",
            self.known.write_asked_at_ms
        ))
    }

    /// All nodes that may run do, and know the same.
    fn check_agreement(&self, at_least: Revision) -> Result<(), String> {
        let first = usize::from(self.phase.is_without_control() && self.nodes[0].running.is_none());
        let of = |at: usize| {
            self.nodes[at]
                .running
                .as_ref()
                .ok_or_else(|| format!("node-{at} does not run, and nothing keeps it from it"))
        };
        let newest = (first..self.nodes.len())
            .filter_map(|at| of(at).ok()?.snapshot.as_ref().map(|snapshot| snapshot.intent.revision))
            .max()
            .unwrap_or(Revision(0));
        let needed = if at_least == Revision(0) { newest } else { at_least };
        let book = of(first)?.hub.break_glass();
        if first == 0
            && let Some(ledger) = self.control.intent()
        {
            let is_told =
                |act: &BreakGlassShift| ledger.break_glass.iter().any(|recorded| recorded.act.is_same(act));
            if let Some(missing) = book.iter().find(|signed| !is_told(&signed.shift)) {
                let zone = &missing.shift.zone;
                return Err(format!("all is healed, and the break-glass act on {zone} is not in the ledger"));
            }
        }
        for at in first..self.nodes.len() {
            let running = of(at)?;
            let Some(snapshot) = &running.snapshot else {
                if newest == Revision(0) {
                    continue;
                }
                return Err(format!(
                    "all is healed, and node-{at} has no snapshot; others obey revision {newest}"
                ));
            };
            if snapshot.intent.revision < needed {
                return Err(format!(
                    "all is healed, and node-{at} obeys revision {}, not {needed}",
                    snapshot.intent.revision
                ));
            }
            if running.hub.break_glass() != book {
                return Err(format!(
                    "all is healed, and node-{at} knows other break-glass acts than node-{first}"
                ));
            }
            let endpoints = snapshot.estate.endpoint_count();
            let dead =
                snapshot.verdicts.of[..endpoints].iter().position(|verdict| *verdict != Verdict::Healthy);
            if let Some(dead) = dead {
                let verdict = snapshot.verdicts.of[dead];
                return Err(format!("all endpoints answer, and on node-{at} endpoint {dead} is {verdict:?}"));
            }
            for other in first..self.nodes.len() {
                let id = &self.nodes[other].config.id;
                let told = running.hub.reports().get(id).map_or(Revision(0), |heard| heard.report.revision);
                if told < needed {
                    return Err(format!(
                        "all is healed, and node-{at} believes that node-{other} obeys revision {told}, not {needed}"
                    ));
                }
            }
        }
        Ok(())
    }
}
