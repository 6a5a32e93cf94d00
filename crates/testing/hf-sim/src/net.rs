//! The network between nodes: one link each way, that may be cut, slow, lossy or out of order.

use crate::rng::Rng;

/// One way from one node to another.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Reasons for which it is cut now; several may overlap.
    pub cuts: u32,
    /// Added to every frame, while it is slow.
    pub slow_ms: u64,
    /// Frames do not overtake one another, unless that fault is on.
    newest_arrival_ms: u64,
}

/// All links.
#[derive(Clone, Debug)]
pub struct Net {
    nodes: usize,
    links: Vec<Link>,
    /// Frames that are lost, doubled or damaged, of a hundred each.
    pub loss_percent: u64,
    /// Whether frames overtake.
    pub is_reordering: bool,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It comes at this time.
    Comes(u64),
    /// It comes at these times.
    Twice(u64, u64),
    /// It comes with a flipped bit.
    Damaged(u64),
    /// It does not come.
    Lost,
}

impl Net {
    /// All links whole.
    pub fn new(nodes: usize) -> Net {
        Net { nodes, links: vec![Link::default(); nodes * nodes], loss_percent: 0, is_reordering: false }
    }

    /// The way from one node to another.
    pub fn link(&mut self, from: usize, to: usize) -> &mut Link {
        &mut self.links[from * self.nodes + to]
    }

    /// Whether nothing passes.
    pub fn is_cut(&self, from: usize, to: usize) -> bool {
        self.links[from * self.nodes + to].cuts > 0
    }

    /// All harm to the network ends.
    pub fn heals(&mut self) {
        self.links = vec![Link::default(); self.nodes * self.nodes];
        self.loss_percent = 0;
        self.is_reordering = false;
    }

    /// Draws what becomes of a frame that is sent now.
    pub fn send(&mut self, from: usize, to: usize, now_ms: u64, rng: &mut Rng) -> Fate {
        let (loss, is_reordering) = (self.loss_percent, self.is_reordering);
        let link = self.link(from, to);
        if link.cuts > 0 {
            return Fate::Lost;
        }
        let mut arrival = now_ms + 1 + rng.below(20) + link.slow_ms;
        if is_reordering {
            arrival += rng.below(2_000);
        } else {
            arrival = arrival.max(link.newest_arrival_ms);
            link.newest_arrival_ms = arrival;
        }
        match rng.below(100) {
            drawn if drawn < loss => Fate::Lost,
            drawn if drawn < 2 * loss => Fate::Twice(arrival, arrival + rng.below(3_000)),
            drawn if drawn < 2 * loss + loss.div_ceil(5) => Fate::Damaged(arrival),
            _ => Fate::Comes(arrival),
        }
    }
}
