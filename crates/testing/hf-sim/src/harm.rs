//! What the world does to Holdfast: cuts, kills, bad disks, wrong clocks, dead endpoints. Each harm ends by itself.

use crate::control::LedgerDisk;
use crate::event::Event;
use crate::plan::Plan;
use crate::world::World;

/// Does something that lasts so many milliseconds.
type Harm = fn(&mut World, u64);

/// The end of a harm.
#[derive(Clone, Debug)]
pub enum Mend {
    /// Links pass again.
    Links(Vec<(usize, usize)>),
    /// Links are quick again.
    Quick(Vec<(usize, usize)>),
    /// A node's disk writes again.
    NodeDisk(usize),
    /// The ledger's disk works again; a ledger that knows no more is restarted.
    LedgerDisk,
    /// Endpoints answer again.
    Endpoints(Vec<std::net::SocketAddr>),
    /// Endpoints that come and go do so once more, if there are turns left; at the end they answer.
    Flapping {
        /// Which.
        endpoints: Vec<std::net::SocketAddr>,
        /// Between two turns, in milliseconds.
        every_ms: u64,
        /// Turns still.
        turns: u64,
    },
    /// A checker reaches endpoints again.
    Reach(Vec<(usize, std::net::SocketAddr)>),
}

impl World {
    /// One harm of those that are on, and the next one later.
    pub fn harm(&mut self) -> Result<(), String> {
        if !self.phase.has_harm() {
            return Ok(());
        }
        let after = self.rng.between(self.plan.beat_ms / 4, self.plan.beat_ms * 4);
        self.put(after, Event::Harm);
        let faults = &self.plan.faults;
        let has_control = !self.phase.is_without_control();
        let kinds: [(bool, Harm); 13] = [
            (faults.cuts, World::cut_pair),
            (faults.cuts, World::cut_off),
            (faults.one_way, World::cut_one_way),
            (faults.slow, World::slow_down),
            (faults.kills, World::kill_node),
            (faults.kills, World::kill_node),
            (faults.control_kills && has_control, World::kill_control),
            (faults.node_disks, World::fail_disk),
            (faults.ledger_disk && has_control, World::fail_ledger),
            (faults.jumps, World::set_clock),
            (faults.endpoints, World::fell),
            (faults.endpoints, World::flap),
            (faults.gray, World::hide),
        ];
        let on: Vec<Harm> = kinds.into_iter().filter(|(is_on, _)| *is_on).map(|(_, harm)| harm).collect();
        if !on.is_empty() {
            self.summary.harms += 1;
            let lasts = self.rng.between(1, 15) * self.plan.beat_ms;
            self.rng.pick(&on)(self, lasts);
        }
        Ok(())
    }

    fn fail_disk(&mut self, lasts: u64) {
        let node = self.rng.below(self.nodes.len() as u64) as usize;
        self.say(&format!("the disk of node-{node} refuses to write"));
        self.nodes[node].disk.is_failing = true;
        self.put(lasts, Event::Mend(Mend::NodeDisk(node)));
    }

    fn fail_ledger(&mut self, lasts: u64) {
        self.control.disk = *self.rng.pick(&[LedgerDisk::Refuses, LedgerDisk::Unsure]);
        self.say(&format!("the ledger's disk: {:?}", self.control.disk));
        self.put(lasts, Event::Mend(Mend::LedgerDisk));
    }

    /// Sets a clock; nobody sets it back before the healing.
    fn set_clock(&mut self, _lasts: u64) {
        let node = self.rng.below(self.nodes.len() as u64) as usize;
        let by = *self.rng.pick(&[1_000, 20_000, 120_000, 3_600_000]);
        let by = if self.rng.percent(50) { by } else { -by };
        self.say(&format!("the clock of node-{node} is set by {by} ms"));
        self.nodes[node].clock.jump(by);
    }

    fn draw_node(&mut self) -> usize {
        self.rng.between(1, self.plan.zones as u64) as usize
    }

    fn cut(&mut self, links: Vec<(usize, usize)>, lasts: u64) {
        self.say(&format!("cut for {lasts} ms: {links:?}"));
        for (from, to) in &links {
            self.net.link(*from, *to).cuts += 1;
        }
        self.put(lasts, Event::Mend(Mend::Links(links)));
    }

    fn draw_pair(&mut self) -> (usize, usize) {
        let from = self.rng.below(self.nodes.len() as u64) as usize;
        let to = (from + 1 + self.rng.below(self.nodes.len() as u64 - 1) as usize) % self.nodes.len();
        (from, to)
    }

    fn cut_pair(&mut self, lasts: u64) {
        let (from, to) = self.draw_pair();
        self.cut(vec![(from, to), (to, from)], lasts);
    }

    fn cut_off(&mut self, lasts: u64) {
        let node = self.rng.below(self.nodes.len() as u64) as usize;
        let others = (0..self.nodes.len()).filter(|other| *other != node);
        self.cut(others.flat_map(|other| [(node, other), (other, node)]).collect(), lasts);
    }

    fn cut_one_way(&mut self, lasts: u64) {
        let pair = self.draw_pair();
        self.cut(vec![pair], lasts);
    }

    fn slow_down(&mut self, lasts: u64) {
        let pair = self.draw_pair();
        let by = self.rng.below(self.plan.beat_ms * 4);
        self.say(&format!("slow by {by} ms: {pair:?}"));
        self.net.link(pair.0, pair.1).slow_ms = by;
        self.put(lasts, Event::Mend(Mend::Quick(vec![pair])));
    }

    fn kill_node(&mut self, lasts: u64) {
        let node = self.draw_node();
        if self.nodes[node].running.is_none() {
            return;
        }
        self.kill(node);
        if self.plan.faults.damage && self.rng.percent(30) {
            self.nodes[node].disk.damage(&mut self.rng);
            self.say(&format!("the newest snapshot of node-{node} is damaged"));
        }
        let lasts = if self.rng.percent(50) { self.rng.between(10, 1_000) } else { lasts };
        self.put(lasts, Event::Start { node });
    }

    fn kill_control(&mut self, lasts: u64) {
        if self.nodes[0].running.is_none() {
            return;
        }
        if self.rng.percent(60) {
            self.is_doomed = true;
        } else {
            self.kill(0);
            self.put(lasts, Event::Start { node: 0 });
        }
    }

    /// The control node dies in the middle of an append.
    pub fn doom(&mut self, life: u64) -> Result<(), String> {
        if self.life(0) == Some(life) && self.phase.has_harm() {
            self.kill(0);
            let lasts = self.rng.between(10, 5 * self.plan.beat_ms);
            self.put(lasts, Event::Start { node: 0 });
        }
        Ok(())
    }

    /// All addresses that any estate of this world has.
    fn addresses(&self) -> Vec<std::net::SocketAddr> {
        let web = (0..self.plan.zones)
            .flat_map(|zone| (1..=3).map(move |number| format!("10.0.{zone}.{number}:80")));
        let spare = (0..2).map(|zone| format!("10.1.{zone}.1:80"));
        web.chain(spare).map(|text| text.parse().expect("an address")).collect()
    }

    fn of_zone(&self, zone: u64) -> Vec<std::net::SocketAddr> {
        let is_there = |address: &std::net::SocketAddr| matches!(address, std::net::SocketAddr::V4(v4) if u64::from(v4.ip().octets()[2]) == zone);
        self.addresses().into_iter().filter(is_there).collect()
    }

    /// A zone's endpoints go down and come back every few seconds, whoever sees it: links may be cut meanwhile.
    fn flap(&mut self, lasts: u64) {
        let zone = self.rng.below(self.plan.zones as u64);
        let every_ms = self.rng.between(500, 3 * self.plan.beat_ms);
        let endpoints = self.of_zone(zone);
        let turns = (lasts / every_ms).max(2);
        self.say(&format!(
            "{} comes and goes, every {every_ms} ms, {turns} times",
            Plan::zone(zone as usize)
        ));
        self.summary.flaps += 1;
        self.down.extend(endpoints.iter().copied());
        self.put(every_ms, Event::Mend(Mend::Flapping { endpoints, every_ms, turns }));
    }

    fn fell(&mut self, lasts: u64) {
        let all = self.addresses();
        let zone = self.rng.below(self.plan.zones as u64);
        let felled = match self.rng.below(4) {
            0 => vec![*self.rng.pick(&all)],
            1 => all,
            _ => self.of_zone(zone),
        };
        self.say(&format!(
            "{} endpoints go down, in {} or everywhere",
            felled.len(),
            Plan::zone(zone as usize)
        ));
        self.down.extend(felled.iter().copied());
        self.put(lasts, Event::Mend(Mend::Endpoints(felled)));
    }

    fn hide(&mut self, lasts: u64) {
        let zone = self.rng.below(self.plan.zones as u64) as usize;
        let hidden: Vec<_> = self
            .addresses()
            .into_iter()
            .filter(|_| self.rng.percent(50))
            .map(|address| (zone, address))
            .collect();
        self.say(&format!("the checker in {} reaches {} endpoints less", Plan::zone(zone), hidden.len()));
        self.unreachable.extend(hidden.iter().copied());
        self.put(lasts, Event::Mend(Mend::Reach(hidden)));
    }

    /// A harm ends.
    pub fn mend(&mut self, mend: Mend) -> Result<(), String> {
        match mend {
            Mend::Links(links) => {
                for (from, to) in links {
                    let link = self.net.link(from, to);
                    link.cuts = link.cuts.saturating_sub(1);
                    self.connect_anew(from, to);
                }
            }
            Mend::Quick(links) => {
                for (from, to) in links {
                    self.net.link(from, to).slow_ms = 0;
                }
            }
            Mend::NodeDisk(node) => self.nodes[node].disk.is_failing = false,
            Mend::LedgerDisk => {
                let was = std::mem::replace(&mut self.control.disk, LedgerDisk::Fine);
                // Healed meanwhile, or a disk that refused and now works: nothing to restart for.
                if was == LedgerDisk::Unsure && self.nodes[0].running.is_some() {
                    self.kill(0);
                    self.put(100, Event::Start { node: 0 });
                }
            }
            Mend::Endpoints(felled) => felled.iter().for_each(|address| {
                self.down.remove(address);
            }),
            Mend::Flapping { endpoints, every_ms, turns } => {
                // Once all is healed nothing goes down any more.
                let goes_down =
                    self.phase.has_harm() && turns > 0 && endpoints.iter().all(|of| !self.down.contains(of));
                for address in &endpoints {
                    if goes_down {
                        self.down.insert(*address);
                    } else {
                        self.down.remove(address);
                    }
                }
                if self.phase.has_harm() && (turns > 0 || goes_down) {
                    let turns = turns.saturating_sub(1);
                    self.put(every_ms, Event::Mend(Mend::Flapping { endpoints, every_ms, turns }));
                }
            }
            Mend::Reach(hidden) => hidden.iter().for_each(|pair| {
                self.unreachable.remove(pair);
            }),
        }
        Ok(())
    }

    /// The connection was given up meanwhile, and is made anew.
    pub fn connect_anew(&mut self, from: usize, to: usize) {
        if let Some(running) = &mut self.nodes[from].running {
            running.links[to] = crate::node::Out::default();
        }
    }
}
