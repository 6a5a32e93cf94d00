//! A node's start, its death, and its disk in between: `hf_node`'s boot and save, without waiting.
//!
//! 1. A start reads the disk before anything else; what is there is in force before anybody is heard.
//! 2. One save at a time, of what is newest; a disk that refuses is asked again later. Death leaves the old file or the new one.
//!
//! Not here: what is in the files (`hf-snapshot`), how disks fail (`disk`).

use hf_feed::protocol::Frames;
use hf_node::hub::{FromDisk, Hub};

use crate::Plant;
use crate::checker::Checker;
use crate::event::Event;
use crate::node::{Kept, Out, Running, Watch};
use crate::turn::Cause;
use crate::world::World;

/// From a failed save to the next try.
const SAVE_RETRY_MS: u64 = 5_000;

impl World {
    /// A node starts, from its disk.
    pub fn start(&mut self, at: usize) -> Result<(), String> {
        if self.nodes[at].running.is_some() || (at == 0 && self.phase.is_without_control()) {
            return Ok(());
        }
        let now = self.wall(at);
        let mut disk = self.nodes[at].disk.load(now);
        match self.plant {
            Some(Plant::BootsEmpty) => {
                disk = FromDisk { next_number: disk.next_number, ..FromDisk::default() }
            }
            Some(Plant::NumbersBeginAnew) => disk.next_number = 1,
            _ => self.check_disk(at, &disk)?,
        }
        let number = disk.snapshot.as_ref().map_or(0, |snapshot| snapshot.number);
        self.summary.starts += 1;
        self.say(&format!("node-{at} starts from snapshot {number}"));
        let node = &mut self.nodes[at];
        node.incarnation += 1;
        let life = node.incarnation;
        let watch = Watch {
            verdicts: disk.snapshot.as_ref().map_or_else(Vec::new, |snapshot| snapshot.verdicts.of.clone()),
            estate: disk.snapshot.as_ref().map(|snapshot| snapshot.estate.clone()),
            ..Watch::default()
        };
        let checker =
            node.zone.and(node.config.zone.clone()).map(|zone| Checker::new(node.config.id.clone(), zone));
        let saved = Kept { snapshot: None, break_glass: disk.break_glass.clone() };
        node.running = Some(Running {
            hub: Hub::new(&node.config, disk, now),
            snapshot: None,
            kept: saved.clone(),
            saved,
            saving: None,
            outgoing: None,
            frames: Frames::default(),
            links: Vec::new(),
            checker,
            heard_outside: None,
            watch,
        });
        for other in 0..self.nodes.len() {
            self.running(at).links.push(Out::default());
            if let Some(running) = &mut self.nodes[other].running
                && other != at
                && at < running.links.len()
            {
                // Whoever was connected to its last life connects anew.
                running.links[at] = Out::default();
            }
        }
        if at == 0 {
            let forgets = self.plant == Some(Plant::ForgetsRequests);
            self.control.start(forgets)?;
            let revision = self.control.newest();
            self.running(0).hub.own_ledger_at(revision, now);
            if let Some(intent) = self.control.intent() {
                self.take_intent(0, intent);
            }
        }
        let beat = self.nodes[at].clock.truly(self.plan.beat_ms);
        let (first, probe) = (self.rng.below(beat), self.rng.below(beat));
        self.put(first, Event::Beat { node: at, life });
        self.put(probe, Event::Probe { node: at, life });
        self.turn(at, true, Cause::Told)?;
        self.check_boot(at)
    }

    /// SIGKILL. What the disk was asked and has not done is there or not.
    pub fn kill(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let Some(running) = node.running.take() else { return };
        if let Some(saving) = running.saving
            && self.rng.percent(50)
        {
            node.disk.save_break_glass(&saving.break_glass);
            if let Some(snapshot) = saving.snapshot
                && node.disk.save(&snapshot)
            {
                node.high.saved_revision = node.high.saved_revision.max(snapshot.intent.revision);
                node.high.was_kept = true;
            }
        }
        if at == 0 {
            let kept = self.rng.percent(50);
            self.control.kill(kept);
        }
        self.say(&format!("node-{at} is killed"));
    }

    /// Asks the disk to keep what is newest, if it is not busy.
    pub fn save(&mut self, at: usize) {
        let life = self.nodes[at].incarnation;
        let running = self.running(at);
        if running.saving.is_some() || running.kept.key() == running.saved.key() {
            return;
        }
        running.saving = Some(running.kept.clone());
        let takes = self.rng.between(1, 200);
        self.put(takes, Event::Saved { node: at, life });
    }

    /// The disk has answered.
    pub fn saved(&mut self, at: usize, life: u64) -> Result<(), String> {
        if !self.is_in(at, life) {
            return Ok(());
        }
        let Some(saving) = self.running(at).saving.take() else { return Ok(()) };
        let node = &mut self.nodes[at];
        let mut is_kept = node.disk.save_break_glass(&saving.break_glass);
        if let Some(snapshot) = &saving.snapshot {
            is_kept &= node.disk.save(snapshot);
            if is_kept {
                node.high.saved_revision = node.high.saved_revision.max(snapshot.intent.revision);
                node.high.was_kept = true;
            }
        }
        if is_kept {
            self.running(at).saved = saving;
            self.save(at);
        } else {
            self.put(SAVE_RETRY_MS, Event::SaveAgain { node: at, life });
        }
        Ok(())
    }

    /// Another try.
    pub fn save_again(&mut self, at: usize, life: u64) -> Result<(), String> {
        if self.is_in(at, life) {
            self.save(at);
        }
        Ok(())
    }
}
