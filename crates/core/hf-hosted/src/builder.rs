//! Records, in any order, to [`Contents`].
//!
//! 1. Records of one name that come one after the other are laid out as soon as another new name comes; those of a name that was laid out
//!    already wait until [`Builder::finish`], which makes room for them in place. So a file in order needs the outcome's memory and an index
//!    beside it (16 bytes a name), and one in any other order some 20 bytes more for each record that came late.
//! 2. Names above a record's name are made to exist (RFC 8020).
//! 3. What a zone may not have is found at the end, all of it up to [`PROBLEMS_MAX`]: data beside a CNAME, two SOAs, a set that
//!    fits into no message.
//! 4. The same record twice is once (RFC 2181 5). Of one set all records get the first one's TTL (RFC 2181 5.2), except
//!    signatures (RFC 4034 3).

use hf_model::WireName;

use crate::contents::Contents;
use crate::index::Index;
use crate::node::{self, Head, NodeWriter, SET_BYTES_MAX};
use crate::table::{ARENA_BYTES_MAX, Table};
use crate::{rdata, relative, rtype};

mod late;

use late::{Late, Log, Problems};

/// Problems that are told at most.
const PROBLEMS_MAX: usize = 100;
/// Bytes that a name may take in the arena beside its data, with all empty names above it.
const NAMES_ROOM: usize = 65_536;
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

/// A name whose records are still coming.
#[derive(Default)]
struct Open {
    relative: Vec<u8>,
    records: Log,
}

/// Where the records of a name go.
#[derive(Clone, Copy)]
enum Target {
    /// It is the open one.
    Open,
    /// It lies there already.
    Laid(u32),
}

/// Takes records.
pub struct Builder {
    apex: WireName,
    arena: Vec<u8>,
    /// Of the names in the arena.
    index: Index,
    open: Open,
    late: Late,
    /// The owner of the last record as it was written, and where its records go.
    last: (Vec<u8>, Target),
    problems: Problems,
}

impl Builder {
    /// Of an empty zone of this name.
    pub fn new(apex: &WireName) -> Builder {
        Builder {
            apex: apex.folded(),
            arena: Vec::new(),
            index: Index::new(),
            // The apex: the first of all in the arena, too.
            open: Open::default(),
            late: Late::default(),
            last: (apex.as_wire().to_vec(), Target::Open),
            problems: Problems::default(),
        }
    }

    /// Takes a record; `owner` is a whole name in any case, `rdata` has its names uncompressed.
    pub fn push(&mut self, owner: &[u8], rtype: u16, ttl: u32, rdata: &[u8]) -> Result<(), PushError> {
        if rtype::is_meta(rtype) {
            return Err(PushError::Meta(rtype));
        }
        if rdata.len() + node::RECORD_HEAD_BYTES > SET_BYTES_MAX {
            return Err(PushError::TooLong);
        }
        let taken = self.arena.len() + self.open.records.room() + self.late.room();
        if taken + rdata.len() + NAMES_ROOM > ARENA_BYTES_MAX {
            return Err(PushError::Full);
        }
        if self.last.0 != owner {
            let target = self.target(owner)?;
            self.last.0.clear();
            self.last.0.extend_from_slice(owner);
            self.last.1 = target;
        }
        match self.last.1 {
            Target::Open => {
                self.open.records.push(rtype, ttl, rdata);
            }
            Target::Laid(place) => self.late.record(place, rtype, ttl, rdata),
        }
        Ok(())
    }

    fn target(&mut self, owner: &[u8]) -> Result<Target, PushError> {
        let mut folded = [0; 255];
        let folded = folded.get_mut(..owner.len()).ok_or(PushError::BadName)?;
        folded.copy_from_slice(owner);
        folded.make_ascii_lowercase();
        check_name(folded)?;
        let name = relative::of(folded, self.apex.as_wire()).ok_or(PushError::Outside)?;
        if self.open.relative == name {
            return Ok(Target::Open);
        }
        if let Some(place) = self.index.get(&self.arena, name) {
            return Ok(Target::Laid(place));
        }
        self.close();
        self.has_child(name);
        self.open.relative.clear();
        self.open.relative.extend_from_slice(name);
        Ok(Target::Open)
    }

    /// Makes the name above this new one exist, and count it.
    fn has_child(&mut self, name: &[u8]) {
        let Some(parent) = relative::parent(name) else { return };
        let Some(place) = self.index.get(&self.arena, parent) else {
            let head = Head { relative: parent, tag: None, children: 1, gone: false };
            let place = self.arena.len() as u32;
            NodeWriter::new(&mut self.arena, head).end();
            self.index.put(&self.arena, place);
            return self.has_child(parent);
        };
        if !node::count_child(&mut self.arena[place as usize..]) {
            self.late.child(place);
        }
    }

    /// Lays the open name out.
    fn close(&mut self) {
        let place = self.arena.len() as u32;
        let is_apex = self.open.relative.is_empty();
        // It has room to count its children: most names are below nothing else.
        let head = Head { relative: &self.open.relative, tag: None, children: is_apex.into(), gone: false };
        let mut found: Vec<Found<'_>> = self.open.records.iter().collect();
        let owner = || relative::whole(&self.open.relative, &self.apex);
        lay_out(NodeWriter::new(&mut self.arena, head), &mut found, &mut |what| {
            self.problems.add(place, || what(owner()));
        });
        if is_apex {
            node::set_children(&mut self.arena[place as usize..], 0);
        }
        self.index.put(&self.arena, place);
        self.open.records.clear();
    }

    /// Lays everything out.
    pub fn finish(mut self) -> Result<Contents, Vec<ContentProblem>> {
        self.close();
        let Builder { apex, mut arena, index, late, mut problems, .. } = self;
        let slots = index.into_room();
        late.put_into(&mut arena, &apex, &mut problems);
        if arena.len() > ARENA_BYTES_MAX {
            return Err(vec![ContentProblem::Full]);
        }
        problems.none()?;
        Ok(Contents::from_table(apex, Table::within(arena, slots)))
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder of {} with {} names", self.apex, self.index.len() + 1)
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
