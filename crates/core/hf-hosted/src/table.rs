//! Nodes in an arena, and where to find them by name.
//!
//! 1. Open addressing with one word a slot: half of the hash beside the node's place, so that a probe reads one cache line of
//!    slots and one node.
//! 2. A third of the slots are empty. The longest run that any search can walk is measured when the table is made; over
//!    [`RUN_MAX`] the table is laid out again with another seed and more room, so a hostile question costs a bounded number of
//!    steps, and so do hostile records.
//! 3. Beside the slots: how deep names are, and how deep delegations and DNAMEs are, so that a lookup looks only where
//!    something may be.

use crate::hash::{hash, seed};
use crate::node::{CUT, DNAME, GONE, NodeRef};
use crate::relative::depth;

/// Slots that one search walks at most, in tables laid out at the first attempt; each further attempt halves the load.
const RUN_MAX: usize = 256;
/// Layouts that are tried; the last one is taken as it is.
const ATTEMPTS: u32 = 4;
/// Slots of a search that are looked at ahead: nearly all names are found in these.
const SEARCHED_AHEAD: usize = 4;
/// Bytes of a node that are worth having ahead: a name and an address or two.
const NODE_AHEAD_BYTES: usize = 128;
/// Bytes of an arena at most: places have 32 bits.
pub(crate) const ARENA_BYTES_MAX: usize = u32::MAX as usize - 1;

/// Of a table that goes, what the system takes back at once: 30 to 50 us, where 67 MB in one piece took 12 ms.
const GIVEN_BACK_BYTES: usize = 256 << 10;

/// What a lookup need not look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Labels of the deepest name below the apex.
    pub(crate) deepest: u8,
    /// Labels of the highest and the deepest delegation or DNAME; the first is above the second when there is none.
    pub(crate) cuts: (u8, u8),
    /// Whether a name begins with `*`.
    pub(crate) wildcards: bool,
}

impl Shape {
    pub(crate) const EMPTY: Shape = Shape { deepest: 0, cuts: (u8::MAX, 0), wildcards: false };

    pub(crate) fn and(self, other: Shape) -> Shape {
        Shape {
            deepest: self.deepest.max(other.deepest),
            cuts: (self.cuts.0.min(other.cuts.0), self.cuts.1.max(other.cuts.1)),
            wildcards: self.wildcards || other.wildcards,
        }
    }

    fn with(&mut self, node: &NodeRef<'_>) {
        if node.has(GONE) {
            return;
        }
        let labels = depth(node.relative());
        self.deepest = self.deepest.max(labels);
        self.wildcards |= node.relative().starts_with(b"\x01*");
        if node.has(CUT | DNAME) {
            self.cuts = (self.cuts.0.min(labels), self.cuts.1.max(labels));
        }
    }
}

/// Nodes, each name once.
pub(crate) struct Table {
    arena: Vec<u8>,
    /// Upper half: of the hash. Lower half: place in the arena and one; 0 is empty.
    slots: Vec<u64>,
    seed: u64,
    nodes: usize,
    shape: Shape,
}

impl Table {
    /// Takes an arena of nodes, each name once, at most [`ARENA_BYTES_MAX`] bytes.
    pub(crate) fn new(arena: Vec<u8>) -> Table {
        Table::within(arena, Vec::new())
    }

    /// [`Table::new`] with memory that was had for an index before: what is freed in between the allocator may keep.
    pub(crate) fn within(mut arena: Vec<u8>, mut slots: Vec<u64>) -> Table {
        assert!(arena.len() <= ARENA_BYTES_MAX, "places have 32 bits");
        arena.shrink_to_fit();
        let (mut nodes, mut shape) = (0, Shape::EMPTY);
        for node in walk(&arena) {
            nodes += 1;
            shape.with(&node);
        }
        let mut chosen = seed(0);
        for attempt in 0..ATTEMPTS {
            chosen = seed(attempt);
            let room = (nodes + nodes / 2 + 4) << attempt;
            lay_out(&arena, chosen, room, &mut slots);
            if longest_run(&slots) <= RUN_MAX {
                break;
            }
        }
        slots.shrink_to_fit();
        Table { arena, slots, seed: chosen, nodes, shape }
    }

    /// The node of this name.
    #[inline]
    pub(crate) fn get(&self, relative: &[u8]) -> Option<NodeRef<'_>> {
        let hash = hash(self.seed, relative);
        let mut at = first_slot(hash, self.slots.len());
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if slot >> 32 == hash >> 32 {
                let node = NodeRef::at(&self.arena[(slot as u32 - 1) as usize..]);
                if node.relative() == relative {
                    return Some(node);
                }
            }
            at += 1;
            if at == self.slots.len() {
                at = 0;
            }
        }
    }

    /// Where a search for this name begins.
    #[inline]
    pub(crate) fn search(&self, relative: &[u8]) -> Search<'_> {
        let hash = hash(self.seed, relative);
        Search { table: self, hash, at: first_slot(hash, self.slots.len()) }
    }

    /// All nodes, in the arena's order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> + Clone {
        walk(&self.arena)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes
    }

    pub(crate) fn bytes(&self) -> usize {
        self.arena.capacity() + self.slots.capacity() * size_of::<u64>()
    }

    pub(crate) fn arena_bytes(&self) -> usize {
        self.arena.len()
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }
}

/// A search that has not begun: what it will read, for who has many and wants the memory of all of them brought near first.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    table: &'a Table,
    hash: u64,
    at: usize,
}

impl<'a> Search<'a> {
    /// The slots that it reads first.
    #[inline]
    pub fn slots(&self) -> &'a [u64] {
        let slots = &self.table.slots;
        &slots[self.at..(self.at + SEARCHED_AHEAD).min(slots.len())]
    }

    /// The bytes that it reads next, by these slots.
    #[inline]
    pub fn node(&self) -> Option<&'a [u8]> {
        let is_it = |slot: &&u64| **slot >> 32 == self.hash >> 32;
        let slot = self.slots().iter().take_while(|slot| **slot != 0).find(is_it)?;
        let bytes = &self.table.arena[(*slot as u32 - 1) as usize..];
        Some(&bytes[..bytes.len().min(NODE_AHEAD_BYTES)])
    }
}

/// A large one goes in pieces. A system that takes back tens of megabytes in one call does little else on that core meanwhile, for milliseconds where the kernel seldom
/// interrupts itself, and whoever answers there waits.
impl Drop for Table {
    fn drop(&mut self) {
        give_back(&mut self.arena, |_| {});
        give_back(&mut self.slots, |_| {});
    }
}

/// All but the last piece, from its end; tells of the room that is left after each.
fn give_back<T>(memory: &mut Vec<T>, mut told: impl FnMut(usize)) {
    let piece = GIVEN_BACK_BYTES / size_of::<T>();
    while memory.len() > piece {
        memory.truncate(memory.len() - piece);
        memory.shrink_to_fit();
        told(memory.capacity());
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table of {} nodes in {} bytes", self.nodes, self.bytes())
    }
}

pub(crate) fn walk(arena: &[u8]) -> impl Iterator<Item = NodeRef<'_>> + Clone {
    let mut rest = arena;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let node = NodeRef::at(rest);
        rest = &rest[node.raw().len()..];
        Some(node)
    })
}

#[inline]
pub(crate) fn first_slot(hash: u64, slots: usize) -> usize {
    ((u128::from(hash << 32) * slots as u128) >> 64) as usize
}

/// Fills `room` slots; what they were before does not count.
pub(crate) fn lay_out(arena: &[u8], seed: u64, room: usize, slots: &mut Vec<u64>) {
    slots.clear();
    slots.resize(room, 0);
    let mut place = 0;
    for node in walk(arena) {
        let hash = hash(seed, node.relative());
        let mut at = first_slot(hash, room);
        while slots[at] != 0 {
            at = (at + 1) % room;
        }
        slots[at] = (hash & !0xffff_ffff) | (place as u64 + 1);
        place += node.raw().len();
    }
}

/// The longest run of taken slots; one over the end goes on at the beginning.
fn longest_run(slots: &[u64]) -> usize {
    let (mut longest, mut run) = (0, 0);
    for slot in slots.iter().chain(slots.iter().take(RUN_MAX + 1)) {
        run = if *slot == 0 { 0 } else { run + 1 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Head, NodeWriter};

    #[test]
    fn memory_goes_back_in_pieces() {
        let of_bytes = |len: usize| {
            let mut left = Vec::new();
            give_back(&mut vec![1_u64; len / 8], |room| left.push(room * 8));
            left
        };
        let most = GIVEN_BACK_BYTES;
        assert_eq!(of_bytes(3 * most + 8), [2 * most + 8, most + 8, 8]);
        assert_eq!(of_bytes(2 * most), [most]);
        assert!(of_bytes(most).is_empty());
        assert!(of_bytes(0).is_empty());
    }

    fn name(n: u32) -> Vec<u8> {
        [&[8][..], format!("h{n:07}").as_bytes()].concat()
    }

    fn table_of(names: u32) -> Table {
        let mut arena = Vec::new();
        for n in 0..names {
            let head = Head { relative: &name(n), tag: Some(n), children: 0, gone: false };
            NodeWriter::new(&mut arena, head).end();
        }
        Table::new(arena)
    }

    #[test]
    fn a_search_reads_what_is_found_or_nothing_of_it() {
        let table = table_of(50_000);
        let ahead = |n: u32| table.search(&name(n)).node();
        let is_it = |n: &u32| {
            let node = table.get(&name(*n)).expect("it is there");
            ahead(*n).is_some_and(|bytes| bytes.as_ptr() == node.raw().as_ptr() && !bytes.is_empty())
        };
        // The others are found further on, or behind one with the same half of the hash.
        let seen = (0..50_000).filter(is_it).count();
        assert!(seen > 45_000, "{seen}");
        // Slots at the end of the table are fewer.
        assert!((0..60_000).all(|n| !table.search(&name(n)).slots().is_empty()));
        let of_none = (50_000..60_000).filter(|n| ahead(*n).is_some()).count();
        assert!(of_none < 10, "{of_none}");
        assert!(table_of(0).search(&name(1)).node().is_none());
    }

    #[test]
    fn names_are_found_and_no_run_is_long() {
        let table = table_of(50_000);
        assert_eq!(table.len(), 50_000);
        assert!(longest_run(&table.slots) <= RUN_MAX);
        for n in 0..60_000 {
            assert_eq!(table.get(&name(n)).and_then(|node| node.tag()), (n < 50_000).then_some(n));
        }
    }
}
