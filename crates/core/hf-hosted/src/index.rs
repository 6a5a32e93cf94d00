//! Where the nodes of an arena in the making are.
//!
//! It grows in place: memory that was freed on the way would stay with the allocator while the arena goes on growing.
//!
//! Not here: the table that lookups of questions go to (`table`), which is exact in size and bounds its runs.

use crate::hash::{hash, seed};
use crate::node::NodeRef;
use crate::table::{first_slot, lay_out};

/// Slots to begin with.
const SLOTS_MIN: usize = 64;

/// Nodes by name; slots are as those of a table.
pub(crate) struct Index {
    slots: Vec<u64>,
    nodes: usize,
}

impl Index {
    /// Of an empty arena.
    pub(crate) fn new() -> Index {
        Index { slots: vec![0; SLOTS_MIN], nodes: 0 }
    }

    /// The place of this name.
    pub(crate) fn get(&self, arena: &[u8], relative: &[u8]) -> Option<u32> {
        let hash = hash(seed(0), relative);
        let mut at = first_slot(hash, self.slots.len());
        while self.slots[at] != 0 {
            let slot = self.slots[at];
            let place = slot as u32 - 1;
            if slot >> 32 == hash >> 32 && NodeRef::at(&arena[place as usize..]).relative() == relative {
                return Some(place);
            }
            at = (at + 1) % self.slots.len();
        }
        None
    }

    /// Takes the node that was laid out at `place`, the last of the arena.
    pub(crate) fn put(&mut self, arena: &[u8], place: u32) {
        self.nodes += 1;
        if self.nodes * 4 > self.slots.len() * 3 {
            let room = self.slots.len() * 2;
            return lay_out(arena, seed(0), room, &mut self.slots);
        }
        let hash = hash(seed(0), NodeRef::at(&arena[place as usize..]).relative());
        let mut at = first_slot(hash, self.slots.len());
        while self.slots[at] != 0 {
            at = (at + 1) % self.slots.len();
        }
        self.slots[at] = (hash & !0xffff_ffff) | (u64::from(place) + 1);
    }

    /// How many nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes
    }

    /// Its memory, to be used otherwise.
    pub(crate) fn into_room(self) -> Vec<u64> {
        self.slots
    }
}
