//! Records, in any order, to [`Contents`].
//!
//! 1. Records are kept in a log as they come, each with a pointer to the next of its name; [`Builder::finish`] lays them out. So
//!    the order of a file costs nothing, and building takes about twice the memory of the outcome.
//! 2. Names above a record's name are made to exist (RFC 8020).
//! 3. What a zone may not have is found at the end, all of it up to [`PROBLEMS_MAX`]: data beside a CNAME, two SOAs, a set that
//!    fits into no message.
//! 4. The same record twice is once (RFC 2181 5). Of one set all records get the first one's TTL (RFC 2181 5.2), except
//!    signatures (RFC 4034 3).

use hf_model::WireName;

use crate::contents::Contents;
use crate::hash::{hash, seed};
use crate::node::{Head, NodeWriter, SET_BYTES_MAX};
use crate::table::{ARENA_BYTES_MAX, Table};
use crate::{rdata, relative, rtype};

/// Problems that are told at most.
const PROBLEMS_MAX: usize = 100;
/// Bytes before the data in the log: next u32, type u16, length u16, TTL u32.
const LOG_HEAD_BYTES: usize = 12;
/// Records of one set up to which repeated ones are looked for pairwise; above, after sorting.
const PAIRWISE_MAX: usize = 32;

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// Not a name in wire form.
    #[error("the owner is not a whole name in wire form")]
    BadName,
    /// It lies elsewhere.
    #[error("the owner lies outside the hosted zone; remove it, or end relative names without '.'")]
    Outside,
    /// A type of questions or messages.
    #[error("type {0} stands only in questions and messages, never in a zone; remove it")]
    Meta(u16),
    /// Data of more than 65,000 bytes.
    #[error("the data fits into no message; shorten it")]
    TooLong,
    /// More than 4 GiB.
    #[error("the hosted zone has more than 4 GiB of records; split it")]
    Full,
}

/// What a zone may not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentProblem {
    /// RFC 1034 3.6.2.
    #[error("{0} has a CNAME and other records; a CNAME stands alone, remove one or the other")]
    CnameAndOther(WireName),
    /// RFC 2181 10.1, RFC 6672 2.4.
    #[error("{owner} has {count} different records of type {rtype}, there can be one; remove the others")]
    Several {
        /// The name.
        owner: WireName,
        /// CNAME, SOA or DNAME.
        rtype: u16,
        /// How many.
        count: u16,
    },
    /// RFC 1035 5.2.
    #[error("{0} has a SOA and is not the hosted zone's name; remove it")]
    SoaInside(WireName),
    /// A SOA's data are two names and 20 bytes.
    #[error("the SOA's data are not those of a SOA")]
    BadSoa,
    /// RFC 6672 2.4.
    #[error("{0} has a DNAME and is delegated; remove the DNAME or the NS records")]
    DnameAtCut(WireName),
    /// More than 65,000 bytes.
    #[error("{owner} has more records of type {rtype} than fit into a message; remove some")]
    SetTooLarge {
        /// The name.
        owner: WireName,
        /// The type.
        rtype: u16,
    },
    /// More than 4 GiB.
    #[error("the hosted zone has more than 4 GiB of records; split it")]
    Full,
}

/// A name of the log.
struct Name {
    /// Where its name begins in `names`.
    at: u32,
    len: u8,
    children: u32,
    /// Places of its first and last record in the log, and one; 0 is none.
    first: u32,
    last: u32,
}

/// Takes records.
pub struct Builder {
    apex: WireName,
    names: Vec<Name>,
    name_bytes: Vec<u8>,
    log: Vec<u8>,
    /// Upper half: of the hash. Lower half: position in `names` and one.
    slots: Vec<u64>,
    /// The owner of the last record as it was written, and its position.
    last: (Vec<u8>, usize),
}

impl Builder {
    /// Of an empty zone of this name.
    pub fn new(apex: &WireName) -> Builder {
        let mut builder = Builder {
            apex: apex.folded(),
            names: Vec::new(),
            name_bytes: Vec::new(),
            log: Vec::new(),
            slots: vec![0; 64],
            last: (apex.as_wire().to_vec(), 0),
        };
        builder.make(&[]);
        builder
    }

    /// Takes a record; `owner` is a whole name in any case, `rdata` has its names uncompressed.
    pub fn push(&mut self, owner: &[u8], rtype: u16, ttl: u32, rdata: &[u8]) -> Result<(), PushError> {
        if rtype::is_meta(rtype) {
            return Err(PushError::Meta(rtype));
        }
        if rdata.len() + LOG_HEAD_BYTES > SET_BYTES_MAX {
            return Err(PushError::TooLong);
        }
        let place = self.log.len();
        if place + LOG_HEAD_BYTES + rdata.len() > ARENA_BYTES_MAX
            || self.name_bytes.len() > ARENA_BYTES_MAX - 65_536
        {
            return Err(PushError::Full);
        }
        if self.last.0 != owner {
            let position = self.position(owner)?;
            self.last.0.clear();
            self.last.0.extend_from_slice(owner);
            self.last.1 = position;
        }
        let mut head = [0; LOG_HEAD_BYTES];
        head[4..6].copy_from_slice(&rtype.to_le_bytes());
        head[6..8].copy_from_slice(&(rdata.len() as u16).to_le_bytes());
        head[8..].copy_from_slice(&ttl.to_le_bytes());
        self.log.extend_from_slice(&head);
        self.log.extend_from_slice(rdata);
        let name = &mut self.names[self.last.1];
        let link = place as u32 + 1;
        if name.last == 0 {
            name.first = link;
        } else {
            let before = name.last as usize - 1;
            self.log[before..before + 4].copy_from_slice(&link.to_le_bytes());
        }
        name.last = link;
        Ok(())
    }

    fn position(&mut self, owner: &[u8]) -> Result<usize, PushError> {
        let mut folded = [0; 255];
        let folded = folded.get_mut(..owner.len()).ok_or(PushError::BadName)?;
        folded.copy_from_slice(owner);
        folded.make_ascii_lowercase();
        check_name(folded)?;
        let apex = self.apex.clone();
        let name = relative::of(folded, apex.as_wire()).ok_or(PushError::Outside)?;
        Ok(self.make(name))
    }

    /// The position of this name, which exists from now on, and so do those above it.
    fn make(&mut self, name: &[u8]) -> usize {
        let hash = hash(seed(0), name);
        let mut at = hash as usize & (self.slots.len() - 1);
        while self.slots[at] != 0 {
            let slot = self.slots[at];
            if slot >> 32 == hash >> 32 {
                let position = slot as u32 as usize - 1;
                let known = &self.names[position];
                if self.name_bytes[known.at as usize..][..usize::from(known.len)] == *name {
                    return position;
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        let position = self.names.len();
        self.slots[at] = (hash & !0xffff_ffff) | (position as u64 + 1);
        self.names.push(Name {
            at: self.name_bytes.len() as u32,
            len: name.len() as u8,
            children: 0,
            first: 0,
            last: 0,
        });
        self.name_bytes.extend_from_slice(name);
        if self.names.len() * 2 > self.slots.len() {
            self.grow();
        }
        if let Some(parent) = relative::parent(name) {
            // The apex is the first of all.
            let parent = if parent.is_empty() { 0 } else { self.make(parent) };
            self.names[parent].children += 1;
        }
        position
    }

    fn grow(&mut self) {
        let room = self.slots.len() * 4;
        let mut slots = vec![0; room];
        for (position, name) in self.names.iter().enumerate() {
            let hash = hash(seed(0), &self.name_bytes[name.at as usize..][..usize::from(name.len)]);
            let mut at = hash as usize & (room - 1);
            while slots[at] != 0 {
                at = (at + 1) & (room - 1);
            }
            slots[at] = (hash & !0xffff_ffff) | (position as u64 + 1);
        }
        self.slots = slots;
    }

    /// Lays everything out.
    pub fn finish(mut self) -> Result<Contents, Vec<ContentProblem>> {
        self.slots = Vec::new();
        let mut problems = Vec::new();
        let mut arena = Vec::with_capacity(self.log.len() + self.name_bytes.len() + 10 * self.names.len());
        let mut found = Vec::new();
        for name in &self.names {
            let relative = &self.name_bytes[name.at as usize..][..usize::from(name.len)];
            self.records_of(name, &mut found);
            let head = Head { relative, tag: None, children: name.children, gone: false };
            let writer = NodeWriter::new(&mut arena, head);
            lay_out(writer, &mut found, &mut |what| {
                if problems.len() < PROBLEMS_MAX {
                    let owner = relative::whole(relative, &self.apex);
                    problems.push(what(owner));
                }
            });
            if arena.len() > ARENA_BYTES_MAX {
                return Err(vec![ContentProblem::Full]);
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let Builder { apex, names, name_bytes, log, .. } = self;
        drop((names, name_bytes, log));
        Ok(Contents::from_table(apex, Table::new(arena)))
    }

    fn records_of<'b>(&'b self, name: &Name, found: &mut Vec<Found<'b>>) {
        found.clear();
        let mut link = name.first;
        while link != 0 {
            let record = &self.log[link as usize - 1..];
            let u16_at = |at: usize| u16::from_le_bytes([record[at], record[at + 1]]);
            let u32_at = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().expect("four bytes"));
            let rdata = &record[LOG_HEAD_BYTES..LOG_HEAD_BYTES + usize::from(u16_at(6))];
            found.push(Found { rtype: u16_at(4), ttl: u32_at(8), rdata });
            link = u32_at(0);
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder of {} with {} names", self.apex, self.names.len())
    }
}

/// A record of one name.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) rtype: u16,
    pub(crate) ttl: u32,
    pub(crate) rdata: &'a [u8],
}

/// A problem, once it is told the name.
type OfName<'a> = &'a dyn Fn(WireName) -> ContentProblem;

/// Writes a node's sets and ends it.
pub(crate) fn lay_out(
    mut writer: NodeWriter<'_>,
    found: &mut Vec<Found<'_>>,
    problem: &mut dyn FnMut(OfName<'_>),
) {
    // Most names have records in order already; the sort is stable.
    found.sort_by_key(|record| record.rtype);
    let (mut sets, mut cname, mut dname, mut cut) = (0, false, false, false);
    let mut rest = &found[..];
    while let Some(first) = rest.first() {
        let kind = first.rtype;
        let (records, behind) = rest.split_at(rest.partition_point(|record| record.rtype == kind));
        rest = behind;
        let at = writer.begin_set(kind);
        let ttl = first.ttl;
        let (mut count, mut over) = (0_u16, false);
        for (position, record) in records.iter().enumerate() {
            if records.len() <= PAIRWISE_MAX
                && records[..position].iter().any(|other| rdata::same(kind, other.rdata, record.rdata))
            {
                continue;
            }
            let ttl = if kind == rtype::RRSIG { record.ttl } else { ttl };
            writer.record(kind, ttl, record.rdata);
            count = count.saturating_add(1);
            over = writer.set_bytes(at) > SET_BYTES_MAX;
            if over {
                break;
            }
        }
        if records.len() > PAIRWISE_MAX {
            count = writer.without_repeats(at, count, kind);
        }
        if over {
            problem(&|owner| ContentProblem::SetTooLarge { owner, rtype: kind });
            writer.cut_set(at);
        }
        writer.end_set(at, count);
        if count > 1 && matches!(kind, rtype::CNAME | rtype::SOA | rtype::DNAME) {
            problem(&|owner| ContentProblem::Several { owner, rtype: kind, count });
        }
        if kind == rtype::SOA {
            if !writer.is_apex() {
                problem(&ContentProblem::SoaInside);
            } else if first.rdata.len() < 22 {
                problem(&|_| ContentProblem::BadSoa);
            }
        }
        cname |= kind == rtype::CNAME;
        dname |= kind == rtype::DNAME;
        cut |= kind == rtype::NS && !writer.is_apex();
        sets += u32::from(!rtype::goes_with_cname(kind));
    }
    if cname && sets > 1 {
        problem(&ContentProblem::CnameAndOther);
    }
    if dname && cut {
        problem(&ContentProblem::DnameAtCut);
    }
    writer.end();
}

fn check_name(name: &[u8]) -> Result<(), PushError> {
    let mut at = 0;
    loop {
        let len = usize::from(*name.get(at).ok_or(PushError::BadName)?);
        at += 1 + len;
        match len {
            0 if at == name.len() => return Ok(()),
            1..=63 => {}
            _ => return Err(PushError::BadName),
        }
    }
}

#[cfg(test)]
mod tests;
