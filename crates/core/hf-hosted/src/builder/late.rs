//! Records and children of names that are laid out already, and what is wrong with names.
//!
//! 1. [`Late::put_into`] makes room for all of them at the arena's end and goes from there to its beginning: each name and what lies behind it is moved once,
//!    and no second arena is needed.
//! 2. A name that is laid out anew says anew what is wrong with it; that a set was too large is kept, since its records were not.

use std::collections::BTreeMap;

use hf_model::WireName;

use super::{ContentProblem, Found, PROBLEMS_MAX, lay_out};
use crate::node::{Head, NodeRef, NodeWriter, RECORD_HEAD_BYTES, SET_HEAD_BYTES};
use crate::relative;

/// Bytes before the data: type u16, length u16, TTL u32.
const HEAD_BYTES: usize = 8;
/// What a node grows by at most for a record, its data aside: the record's head and that of a set of its own.
const ROOM_BESIDE_DATA: usize = RECORD_HEAD_BYTES + SET_HEAD_BYTES;
/// What a node grows by to count its children.
const CHILDREN_BYTES: usize = 4;

/// Records, one after the other.
#[derive(Default)]
pub(super) struct Log {
    bytes: Vec<u8>,
    count: usize,
}

impl Log {
    /// Says where the record lies.
    pub(super) fn push(&mut self, rtype: u16, ttl: u32, rdata: &[u8]) -> usize {
        let at = self.bytes.len();
        let mut head = [0; HEAD_BYTES];
        head[..2].copy_from_slice(&rtype.to_le_bytes());
        head[2..4].copy_from_slice(&(rdata.len() as u16).to_le_bytes());
        head[4..].copy_from_slice(&ttl.to_le_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(rdata);
        self.count += 1;
        at
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// Bytes that its records take in an arena at most.
    pub(super) fn room(&self) -> usize {
        self.bytes.len() + self.count * (ROOM_BESIDE_DATA - HEAD_BYTES)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let found = self.get(at)?;
            at += HEAD_BYTES + found.rdata.len();
            Some(found)
        })
    }

    fn get(&self, at: usize) -> Option<Found<'_>> {
        let (head, rest) = self.bytes.get(at..)?.split_first_chunk::<HEAD_BYTES>()?;
        let [t0, t1, l0, l1, ttl @ ..] = *head;
        let rdata = &rest[..usize::from(u16::from_le_bytes([l0, l1]))];
        Some(Found { rtype: u16::from_le_bytes([t0, t1]), ttl: u32::from_le_bytes(ttl), rdata })
    }
}

/// What is wrong, and with which place.
#[derive(Default)]
pub(super) struct Problems(Vec<(u32, ContentProblem)>);

impl Problems {
    pub(super) fn add(&mut self, place: u32, problem: impl FnOnce() -> ContentProblem) {
        if self.0.len() < PROBLEMS_MAX {
            let found = (place, problem());
            if !self.0.contains(&found) {
                self.0.push(found);
            }
        }
    }

    /// Forgets what will be found again if it is still so. The records of a set that was too large are gone: nobody would find that again.
    fn forget(&mut self, place: u32) {
        self.0.retain(|(at, what)| *at != place || matches!(what, ContentProblem::SetTooLarge { .. }));
    }

    /// Good, or all of them in the order of names.
    pub(super) fn none(mut self) -> Result<(), Vec<ContentProblem>> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|(place, _)| *place);
        Err(self.0.into_iter().map(|(_, problem)| problem).collect())
    }
}

/// What came after its name was laid out.
#[derive(Default)]
pub(super) struct Late {
    records: Log,
    /// The place of the name, and where in the log.
    of: Vec<(u32, u32)>,
    /// By place: children of names that have no room to count them.
    children: BTreeMap<u32, u32>,
}

impl Late {
    pub(super) fn record(&mut self, place: u32, rtype: u16, ttl: u32, rdata: &[u8]) {
        let at = self.records.push(rtype, ttl, rdata);
        self.of.push((place, at as u32));
    }

    pub(super) fn child(&mut self, place: u32) {
        *self.children.entry(place).or_default() += 1;
    }

    /// Bytes that the arena grows by at most.
    pub(super) fn room(&self) -> usize {
        self.records.room() + self.children.len() * CHILDREN_BYTES
    }

    /// Puts everything where it belongs. The apex, which had room to count its children, loses it if it has none.
    pub(super) fn put_into(mut self, arena: &mut Vec<u8>, apex: &WireName, problems: &mut Problems) {
        if NodeRef::at(arena).children() == 0 {
            self.children.entry(0).or_default();
        }
        self.of.sort_unstable();
        let laid = arena.len();
        arena.resize(laid + self.room(), 0);
        // What lies before `rest` is where it was; what is finished begins at `finished`.
        let (mut rest, mut finished) = (laid, arena.len());
        let mut node = Vec::new();
        while let Some(place) = self.last_place() {
            let end = place as usize + NodeRef::at(&arena[place as usize..rest]).raw().len();
            let behind = finished - (rest - end);
            arena.copy_within(end..rest, behind);
            node.clear();
            problems.forget(place);
            self.lay_out_last(place, &arena[place as usize..end], &mut node, apex, problems);
            (rest, finished) = (place as usize, behind - node.len());
            arena[finished..behind].copy_from_slice(&node);
        }
        arena.copy_within(finished.., rest);
        arena.truncate(arena.len() - (finished - rest));
    }

    fn last_place(&self) -> Option<u32> {
        let of_records = self.of.last().map(|(place, _)| *place);
        let of_children = self.children.last_key_value().map(|(place, _)| *place);
        of_records.max(of_children)
    }

    /// Takes what there is of the last place, and lays its node out with it.
    fn lay_out_last(
        &mut self,
        place: u32,
        old: &[u8],
        new: &mut Vec<u8>,
        apex: &WireName,
        problems: &mut Problems,
    ) {
        let node = NodeRef::at(old);
        let first = self.of.partition_point(|(of, _)| *of < place);
        let mut found: Vec<Found<'_>> = Vec::new();
        for set in node.sets() {
            let mut rdata = set.rdata();
            let records = std::iter::from_fn(|| rdata.next_with_ttl());
            found.extend(records.map(|(ttl, rdata)| Found { rtype: set.rtype(), ttl, rdata }));
        }
        found.extend(self.of[first..].iter().filter_map(|(_, at)| self.records.get(*at as usize)));
        let children = node.children() + self.children.remove(&place).unwrap_or_default();
        let head = Head { relative: node.relative(), tag: None, children, gone: false };
        lay_out(NodeWriter::new(new, head), &mut found, &mut |what| {
            problems.add(place, || what(relative::whole(node.relative(), apex)));
        });
        self.of.truncate(first);
    }
}
