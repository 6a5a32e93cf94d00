//! One name and its records, as they lie in an arena.
//!
//! ```text
//! name_len u8 | flags u8 | sets_len u32 | name, without the apex's part, folded | [tag u32] [children u32] | sets
//! set: len u16 | count u16 | len bytes of records: C0 0C, type, class IN, TTL, length, data
//! ```
//! 1. A record's owner is the pointer to a message's question, so a set goes into a reply as it stands.
//! 2. Numbers in front of the records are little-endian, those in them are in network order.
//! 3. Of one node sets are ordered by type, records as they came.
//!
//! Not here: where a node is (`table`).

use crate::{rdata, rtype};

/// Bytes before the name.
const HEAD_BYTES: usize = 6;
/// Bytes before a set's records.
pub(crate) const SET_HEAD_BYTES: usize = 4;
/// Bytes of a record before its data.
pub(crate) const RECORD_HEAD_BYTES: usize = 12;
/// Bytes of one set at most: more fits into no message.
pub(crate) const SET_BYTES_MAX: usize = 65_000;

pub(crate) const TAGGED: u8 = 1;
pub(crate) const PARENT: u8 = 2;
/// In an overlay: the name is not there, whatever lies below.
pub(crate) const GONE: u8 = 4;
/// NS, and not the apex.
pub(crate) const CUT: u8 = 8;
pub(crate) const DNAME: u8 = 16;

/// A name that exists, with or without records.
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    bytes: &'a [u8],
    name_len: u8,
    flags: u8,
}

impl<'a> NodeRef<'a> {
    /// The node that `arena` begins with.
    #[inline]
    pub(crate) fn at(arena: &'a [u8]) -> Self {
        NodeRef { bytes: arena, name_len: arena[0], flags: arena[1] }
    }

    /// The name without the apex's part.
    #[inline]
    pub(crate) fn relative(&self) -> &'a [u8] {
        &self.bytes[HEAD_BYTES..HEAD_BYTES + usize::from(self.name_len)]
    }

    #[inline]
    pub(crate) fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    #[inline]
    fn behind_name(&self) -> usize {
        HEAD_BYTES + usize::from(self.name_len)
    }

    #[inline]
    fn number(&self, at: usize) -> u32 {
        self.bytes.get(at..at + 4).map_or(0, |four| u32::from_le_bytes(four.try_into().expect("four bytes")))
    }

    fn sets_at(&self) -> usize {
        let extra = usize::from(self.has(TAGGED)) + usize::from(self.has(PARENT));
        self.behind_name() + 4 * extra
    }

    /// All its bytes.
    pub(crate) fn raw(&self) -> &'a [u8] {
        &self.bytes[..self.sets_at() + self.number(2) as usize]
    }

    pub(crate) fn children(&self) -> u32 {
        let at = self.behind_name() + if self.has(TAGGED) { 4 } else { 0 };
        if self.has(PARENT) { self.number(at) } else { 0 }
    }

    /// What [`crate::Contents::tagged`] put on it.
    #[inline]
    pub fn tag(&self) -> Option<u32> {
        self.has(TAGGED).then(|| self.number(self.behind_name()))
    }

    /// Whether it has no records and no tag: it is there because of names below it.
    pub fn is_empty(&self) -> bool {
        !self.has(TAGGED) && self.number(2) == 0
    }

    /// Whether there are names below it.
    pub fn is_parent(&self) -> bool {
        self.has(PARENT)
    }

    /// All sets, ordered by type.
    #[inline]
    pub fn sets(&self) -> Sets<'a> {
        let at = self.sets_at();
        Sets { rest: self.bytes.get(at..at + self.number(2) as usize).unwrap_or_default() }
    }

    /// The set of this type.
    #[inline]
    pub fn set(&self, rtype: u16) -> Option<SetRef<'a>> {
        self.sets().find(|set| set.rtype() == rtype)
    }
}

impl std::fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeRef").field("tag", &self.tag()).field("sets", &self.sets()).finish()
    }
}

/// The sets of a node.
#[derive(Clone)]
pub struct Sets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Sets<'a> {
    type Item = SetRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<SetRef<'a>> {
        let head: &[u8; SET_HEAD_BYTES] = self.rest.first_chunk()?;
        let len = usize::from(u16::from_le_bytes([head[0], head[1]]));
        let count = u16::from_le_bytes([head[2], head[3]]);
        let (finished, rest) = self.rest[SET_HEAD_BYTES..].split_at_checked(len)?;
        self.rest = rest;
        Some(SetRef { finished, count })
    }
}

impl std::fmt::Debug for Sets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The records of one name and type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SetRef<'a> {
    finished: &'a [u8],
    count: u16,
}

impl<'a> SetRef<'a> {
    /// The type.
    #[inline]
    pub fn rtype(&self) -> u16 {
        self.finished.get(2..4).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]))
    }

    /// Seconds. Signatures have one for each (RFC 4034 3): this is the first's.
    pub fn ttl(&self) -> u32 {
        self.finished.get(6..10).map_or(0, |four| u32::from_be_bytes(four.try_into().expect("four bytes")))
    }

    /// How many records; one at least.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Each record's TTL and data, names in it uncompressed.
    pub fn rdata(&self) -> Rdata<'a> {
        Rdata { rest: self.finished }
    }

    /// All records in wire form, each owner the pointer to the question of a message: a reply appends them as they stand.
    #[inline]
    pub fn finished(&self) -> &'a [u8] {
        self.finished
    }
}

impl std::fmt::Debug for SetRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TYPE{} {} x {}", self.rtype(), self.ttl(), self.count)
    }
}

/// The data of a set's records.
#[derive(Clone, Debug)]
pub struct Rdata<'a> {
    rest: &'a [u8],
}

impl<'a> Rdata<'a> {
    /// The next record's TTL and data.
    pub fn next_with_ttl(&mut self) -> Option<(u32, &'a [u8])> {
        let head: &[u8; RECORD_HEAD_BYTES] = self.rest.first_chunk()?;
        let len = usize::from(u16::from_be_bytes([head[10], head[11]]));
        let (data, rest) = self.rest[RECORD_HEAD_BYTES..].split_at_checked(len)?;
        self.rest = rest;
        Some((u32::from_be_bytes([head[6], head[7], head[8], head[9]]), data))
    }
}

impl<'a> Iterator for Rdata<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.next_with_ttl().map(|(_, data)| data)
    }
}

/// Appends one record in wire form.
pub(crate) fn write_record(out: &mut Vec<u8>, rtype: u16, ttl: u32, rdata: &[u8]) {
    let mut head = [0xc0, 0x0c, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    head[2..4].copy_from_slice(&rtype.to_be_bytes());
    head[6..10].copy_from_slice(&ttl.to_be_bytes());
    head[10..12].copy_from_slice(&(rdata.len() as u16).to_be_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(rdata);
}

/// Counts a child of the node that `arena` begins with; no when it has no room to count.
pub(crate) fn count_child(arena: &mut [u8]) -> bool {
    let node = NodeRef::at(arena);
    let has_room = node.has(PARENT);
    if has_room {
        let children = node.children().saturating_add(1);
        set_children(arena, children);
    }
    has_room
}

/// Says how many children the node has that `arena` begins with, which has room to count them.
pub(crate) fn set_children(arena: &mut [u8], children: u32) {
    let node = NodeRef::at(arena);
    assert!(node.has(PARENT), "this node counts no children");
    let at = node.behind_name() + if node.has(TAGGED) { 4 } else { 0 };
    arena[at..at + 4].copy_from_slice(&children.to_le_bytes());
}

/// What stands before a node's sets.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) relative: &'a [u8],
    pub(crate) tag: Option<u32>,
    pub(crate) children: u32,
    pub(crate) gone: bool,
}

/// A node being appended to an arena.
pub(crate) struct NodeWriter<'a> {
    arena: &'a mut Vec<u8>,
    at: usize,
    sets_at: usize,
    apex: bool,
}

impl<'a> NodeWriter<'a> {
    pub(crate) fn new(arena: &'a mut Vec<u8>, head: Head<'_>) -> Self {
        let at = arena.len();
        let mut flags = if head.gone { GONE } else { 0 };
        flags |= if head.tag.is_some() { TAGGED } else { 0 };
        flags |= if head.children > 0 { PARENT } else { 0 };
        arena.extend_from_slice(&[head.relative.len() as u8, flags, 0, 0, 0, 0]);
        arena.extend_from_slice(head.relative);
        if let Some(tag) = head.tag {
            arena.extend_from_slice(&tag.to_le_bytes());
        }
        if head.children > 0 {
            arena.extend_from_slice(&head.children.to_le_bytes());
        }
        let sets_at = arena.len();
        NodeWriter { arena, at, sets_at, apex: head.relative.is_empty() }
    }

    /// Begins a set; [`NodeWriter::end_set`] ends it.
    pub(crate) fn begin_set(&mut self, kind: u16) -> usize {
        self.arena[self.at + 1] |= match kind {
            rtype::NS if !self.apex => CUT,
            rtype::DNAME => DNAME,
            _ => 0,
        };
        self.arena.extend_from_slice(&[0; SET_HEAD_BYTES]);
        self.arena.len()
    }

    pub(crate) fn record(&mut self, rtype: u16, ttl: u32, rdata: &[u8]) {
        write_record(self.arena, rtype, ttl, rdata);
    }

    /// How many bytes the set that began at `at` has by now.
    pub(crate) fn set_bytes(&self, at: usize) -> usize {
        self.arena.len() - at
    }

    pub(crate) fn end_set(&mut self, at: usize, count: u16) {
        let len = self.set_bytes(at) as u16;
        self.arena[at - 4..at - 2].copy_from_slice(&len.to_le_bytes());
        self.arena[at - 2..at].copy_from_slice(&count.to_le_bytes());
    }

    pub(crate) fn end(self) {
        let len = (self.arena.len() - self.sets_at) as u32;
        self.arena[self.at + 2..self.at + 6].copy_from_slice(&len.to_le_bytes());
    }

    pub(crate) fn is_apex(&self) -> bool {
        self.apex
    }

    /// Drops the records of the set that began at `at`.
    pub(crate) fn cut_set(&mut self, at: usize) {
        self.arena.truncate(at);
    }

    /// Leaves each record of the large set that began at `at` once, in their order; says how many are left.
    pub(crate) fn without_repeats(&mut self, at: usize, count: u16, rtype: u16) -> u16 {
        let finished = self.arena.split_off(at);
        let folds = rdata::folds(rtype);
        let mut seen = std::collections::BTreeSet::new();
        let mut rest = Rdata { rest: &finished };
        let mut left = 0;
        for _ in 0..count {
            let Some((ttl, data)) = rest.next_with_ttl() else { break };
            let key = if folds { data.to_ascii_lowercase() } else { data.to_vec() };
            if seen.insert(key) {
                self.record(rtype, ttl, data);
                left += 1;
            }
        }
        left
    }
}
