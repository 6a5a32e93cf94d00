//! What the world does to the cluster, and who can reach whom. Each harm ends by itself.

use super::event::{Event, Place};
use super::plan::{MEMBERS, PLANES};
use super::world::World;

/// Who cannot reach what; several harms may overlap.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Places cut from the others.
    places: [u32; MEMBERS],
    /// Whole quorums lost.
    quorum: u32,
    /// Planes cut from everybody.
    planes: [u32; PLANES],
}

impl Default for Reach {
    fn default() -> Self {
        Reach { places: [0; MEMBERS], quorum: 0, planes: [0; PLANES] }
    }
}

impl Reach {
    /// Whether a control node reaches a ledger that has its quorum.
    pub fn has_quorum(&self, member: usize) -> bool {
        self.quorum == 0 && self.places[member] == 0
    }

    /// Whether nothing passes between two nodes. A place that is cut off is cut from other places; planes reach it still.
    pub fn is_cut(&self, from: Place, to: Place) -> bool {
        let is_off = |place: Place| match place {
            Place::Member(_) => false,
            Place::Plane(at) => self.planes[at] > 0,
        };
        let places = match (from, to) {
            (Place::Member(from), Place::Member(to)) => self.places[from] > 0 || self.places[to] > 0,
            _ => false,
        };
        places || is_off(from) || is_off(to)
    }
}

/// The end of a harm.
#[derive(Clone, Debug)]
pub enum Mend {
    /// Places reach the others again.
    Places(Vec<usize>),
    /// The ledger has its quorum again.
    Quorum,
    /// A plane is reached again.
    Plane(usize),
}

impl World {
    /// One harm of those that are on, and the next one later.
    pub fn harm(&mut self) -> Result<(), String> {
        if !self.phase.has_harm() {
            return Ok(());
        }
        let after = self.rng.between(1_000, 25_000);
        self.put(after, Event::Harm);
        let faults = &self.plan.faults;
        let has_control = !self.phase.is_without_control();
        let kinds: [(bool, fn(&mut World, u64)); 6] = [
            (faults.cuts && has_control, World::cut_places),
            (faults.no_quorum && has_control, World::lose_quorum),
            (faults.kills && has_control, World::kill_one),
            (faults.kills && has_control, World::kill_one),
            (faults.pauses && has_control, World::pause),
            (faults.planes, World::harm_plane),
        ];
        let on: Vec<_> = kinds.into_iter().filter(|(is_on, _)| *is_on).map(|(_, harm)| harm).collect();
        if !on.is_empty() {
            self.seen.harms += 1;
            let lasts = self.rng.between(500, 40_000);
            self.rng.pick(&on)(self, lasts);
        }
        Ok(())
    }

    fn cut_places(&mut self, lasts: u64) {
        let first = self.rng.below(MEMBERS as u64) as usize;
        let count = self.rng.between(1, 2) as usize;
        let places: Vec<usize> = (0..count).map(|next| (first + next) % MEMBERS).collect();
        self.say(&format!("places {places:?} are cut off for {lasts} ms"));
        for place in &places {
            self.reach.places[*place] += 1;
        }
        self.put(lasts, Event::Mend(Mend::Places(places)));
    }

    fn lose_quorum(&mut self, lasts: u64) {
        self.say(&format!("no quorum for {lasts} ms"));
        self.reach.quorum += 1;
        self.put(lasts, Event::Mend(Mend::Quorum));
    }

    fn kill_one(&mut self, lasts: u64) {
        let at = self.rng.below(MEMBERS as u64) as usize;
        self.kill_member(at);
        let lasts = if self.rng.percent(50) { self.rng.between(10, 1_000) } else { lasts };
        self.put(lasts, Event::Start(at));
    }

    fn pause(&mut self, lasts: u64) {
        let at = self.rng.below(MEMBERS as u64) as usize;
        let lasts = lasts.min(15_000);
        self.say(&format!("control-{at} stands still for {lasts} ms"));
        let until = self.now_ms + lasts;
        self.members[at].paused_until_ms = until;
    }

    fn harm_plane(&mut self, lasts: u64) {
        let at = self.rng.below(PLANES as u64) as usize;
        if self.rng.percent(50) {
            self.kill_plane(at);
            self.put(lasts, Event::StartPlane(at));
        } else {
            self.say(&format!("plane-{at} is cut off for {lasts} ms"));
            self.reach.planes[at] += 1;
            self.put(lasts, Event::Mend(Mend::Plane(at)));
        }
    }

    /// A harm ends.
    pub fn mend(&mut self, mend: Mend) -> Result<(), String> {
        match mend {
            Mend::Places(places) => {
                for place in places {
                    self.reach.places[place] = self.reach.places[place].saturating_sub(1);
                }
            }
            Mend::Quorum => self.reach.quorum = self.reach.quorum.saturating_sub(1),
            Mend::Plane(at) => self.reach.planes[at] = self.reach.planes[at].saturating_sub(1),
        }
        Ok(())
    }
}
