//! Dynamic updates: RFC 2136, sections 3.2 to 3.4, over any zone that can list the records of a name.
//!
//! 1. [`prerequisites`] and [`changes`] read the sections of a message: owner in the zone, classes, TTLs, types and data as
//!    sections 3.2.4 and 3.4.1 have them. The whole message is read before anything is looked up, so a part that is no part
//!    wins over a prerequisite that does not hold, wherever they stand.
//! 2. [`check`] judges prerequisites in their order; the sets of the value-dependent ones are compared at the end, whole
//!    (section 3.2.5).
//! 3. [`plan`] says what changes come to, in their order: what section 3.4.2 ignores is ignored; what is undone later in the same
//!    message is no change.
//! 4. Beyond RFC 2136: a DNAME is single as a CNAME is (RFC 6672 2.4); the TTL of a new record becomes that of its set
//!    (RFC 2181 5.2).
//!
//! Not here: who may change what (`hf-control`), the serial's step (the caller adds it, see [`bumped`]), signatures, messages.

use std::collections::BTreeMap;

use hf_model::WireName;

use crate::changes::{Changes, Rr};
use crate::contents::Contents;
use crate::{history, rdata, relative, rtype};

const IN: u16 = 1;
const NONE: u16 = 254;
const ANY: u16 = 255;

/// One record of an UPDATE message's sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// In any case.
    pub owner: WireName,
    /// Type number.
    pub rtype: u16,
    /// Class number.
    pub class: u16,
    /// Seconds.
    pub ttl: u32,
    /// Names in it uncompressed.
    pub rdata: Box<[u8]>,
}

/// What must hold (RFC 2136 2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prerequisite {
    /// The name has a record.
    NameInUse(WireName),
    /// It has none.
    NameNotInUse(WireName),
    /// It has a record of this type.
    SetExists(WireName, u16),
    /// It has none of this type.
    SetMissing(WireName, u16),
    /// Together with all others of this name and type: the set is these.
    SetHolds(WireName, u16, Box<[u8]>),
}

/// What is to be done (RFC 2136 2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Add a record.
    Add(Rr),
    /// Delete all records of a name and type.
    DeleteSet(WireName, u16),
    /// Delete all records of a name.
    DeleteName(WireName),
    /// Delete one record.
    Delete(WireName, u16, Box<[u8]>),
}

impl Change {
    /// The name that it changes.
    pub fn owner(&self) -> &WireName {
        match self {
            Change::Add(rr) => &rr.owner,
            Change::DeleteSet(owner, _) | Change::DeleteName(owner) | Change::Delete(owner, ..) => owner,
        }
    }
}

/// Why an update is refused (RFC 2136 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A part that is no part of an update.
    #[error("a part of the update has a class, TTL, type or data that RFC 2136 does not allow there")]
    FormErr,
    /// A name that should be in use is not.
    #[error("a name that should be in use is not")]
    NxDomain,
    /// A name that should not be in use is.
    #[error("a name that should not be in use is")]
    YxDomain,
    /// A set that should not be there is.
    #[error("a record set that should not be there is")]
    YxRrset,
    /// A set that should be there is not, or has other records.
    #[error("a record set that should be there is not, or has other records")]
    NxRrset,
    /// A name outside of the zone.
    #[error("a name lies outside of the zone")]
    NotZone,
}

impl Refused {
    /// The response code.
    pub fn rcode(self) -> u8 {
        match self {
            Refused::FormErr => 1,
            Refused::NxDomain => 3,
            Refused::YxDomain => 6,
            Refused::YxRrset => 7,
            Refused::NxRrset => 8,
            Refused::NotZone => 10,
        }
    }
}

/// A zone as updates see it.
pub trait Zone {
    /// Its name.
    fn apex(&self) -> &WireName;
    /// Calls `each` with type, TTL and data of every record at exactly this name, which is in lower case.
    fn records_at(&self, owner: &WireName, each: &mut dyn FnMut(u16, u32, &[u8]));
}

impl Zone for Contents {
    fn apex(&self) -> &WireName {
        Contents::apex(self)
    }

    fn records_at(&self, owner: &WireName, each: &mut dyn FnMut(u16, u32, &[u8])) {
        for set in self.node(owner.as_wire()).iter().flat_map(crate::NodeRef::sets) {
            let mut rest = set.rdata();
            while let Some((ttl, data)) = rest.next_with_ttl() {
                each(set.rtype(), ttl, data);
            }
        }
    }
}

fn inside(apex: &WireName, owner: &WireName) -> Result<WireName, Refused> {
    let folded = owner.folded();
    match relative::of(folded.as_wire(), apex.folded().as_wire()) {
        Some(_) => Ok(folded),
        None => Err(Refused::NotZone),
    }
}

/// Reads the prerequisite section (RFC 2136 3.2.4, 3.2.5).
pub fn prerequisites(apex: &WireName, parts: &[Part]) -> Result<Vec<Prerequisite>, Refused> {
    let one = |part: &Part| {
        if part.ttl != 0 {
            return Err(Refused::FormErr);
        }
        let owner = inside(apex, &part.owner)?;
        let (kind, empty) = (part.rtype, part.rdata.is_empty());
        let meta = rtype::is_meta(kind);
        match part.class {
            ANY if empty && kind == rtype::ANY => Ok(Prerequisite::NameInUse(owner)),
            ANY if empty && !meta => Ok(Prerequisite::SetExists(owner, kind)),
            NONE if empty && kind == rtype::ANY => Ok(Prerequisite::NameNotInUse(owner)),
            NONE if empty && !meta => Ok(Prerequisite::SetMissing(owner, kind)),
            IN if !meta => Ok(Prerequisite::SetHolds(owner, kind, part.rdata.clone())),
            _ => Err(Refused::FormErr),
        }
    };
    parts.iter().map(one).collect()
}

/// Reads the update section (RFC 2136 3.4.1).
pub fn changes(apex: &WireName, parts: &[Part]) -> Result<Vec<Change>, Refused> {
    let one = |part: &Part| {
        let owner = inside(apex, &part.owner)?;
        let (kind, empty) = (part.rtype, part.rdata.is_empty());
        let (meta, timeless) = (rtype::is_meta(kind), part.ttl == 0);
        match part.class {
            // What fits into no set is not what its type says.
            IN if !meta && is_data(kind, &part.rdata) => {
                // RFC 2181 8: a TTL with the top bit set counts as zero.
                let ttl = if part.ttl > i32::MAX as u32 { 0 } else { part.ttl };
                Ok(Change::Add(Rr { owner, rtype: kind, ttl, rdata: part.rdata.clone() }))
            }
            ANY if timeless && empty && kind == rtype::ANY => Ok(Change::DeleteName(owner)),
            ANY if timeless && empty && !meta => Ok(Change::DeleteSet(owner, kind)),
            NONE if timeless && !meta => Ok(Change::Delete(owner, kind, part.rdata.clone())),
            _ => Err(Refused::FormErr),
        }
    };
    parts.iter().map(one).collect()
}

/// Whether the data can be of this type, as far as the rules here rely on it.
fn is_data(kind: u16, data: &[u8]) -> bool {
    match kind {
        rtype::A => data.len() == 4,
        rtype::AAAA => data.len() == 16,
        rtype::SOA => data.len() >= 22,
        rtype::NS | rtype::CNAME | rtype::PTR | rtype::DNAME => WireName::from_wire(data).is_ok(),
        _ => data.len() <= 60_000,
    }
}

/// Judges prerequisites (RFC 2136 3.2).
pub fn check(zone: &dyn Zone, prerequisites: &[Prerequisite]) -> Result<(), Refused> {
    // Data that must be there, by name and type.
    let mut wanted: BTreeMap<(&WireName, u16), Vec<&[u8]>> = BTreeMap::new();
    for prerequisite in prerequisites {
        let count = |owner: &WireName, wanted: Option<u16>| {
            let mut count = 0_usize;
            zone.records_at(owner, &mut |kind, _, _| {
                count += usize::from(wanted.is_none_or(|wanted| wanted == kind));
            });
            count
        };
        match prerequisite {
            Prerequisite::NameInUse(owner) if count(owner, None) == 0 => return Err(Refused::NxDomain),
            Prerequisite::NameNotInUse(owner) if count(owner, None) > 0 => return Err(Refused::YxDomain),
            Prerequisite::SetExists(owner, kind) if count(owner, Some(*kind)) == 0 => {
                return Err(Refused::NxRrset);
            }
            Prerequisite::SetMissing(owner, kind) if count(owner, Some(*kind)) > 0 => {
                return Err(Refused::YxRrset);
            }
            Prerequisite::SetHolds(owner, kind, data) => {
                let set = wanted.entry((owner, *kind)).or_default();
                if !set.iter().any(|other| rdata::same(*kind, other, data)) {
                    set.push(data);
                }
            }
            _ => {}
        }
    }
    for ((owner, kind), mut set) in wanted {
        let mut same = true;
        zone.records_at(owner, &mut |found, _, data| {
            if found == kind {
                match set.iter().position(|other| rdata::same(kind, other, data)) {
                    Some(at) => drop(set.swap_remove(at)),
                    None => same = false,
                }
            }
        });
        if !same || !set.is_empty() {
            return Err(Refused::NxRrset);
        }
    }
    Ok(())
}

/// TTL and data of one type's records.
type Set = Vec<(u32, Box<[u8]>)>;
/// All sets of a name.
type Node = BTreeMap<u16, Set>;

/// What the changes come to (RFC 2136 3.4.2). Without a SOA in it, the serial still has to be stepped (section 3.6).
pub fn plan(zone: &dyn Zone, changes: &[Change]) -> Changes {
    let apex = zone.apex().folded();
    let mut nodes: BTreeMap<WireName, (Node, Node)> = BTreeMap::new();
    for change in changes {
        let owner = change.owner().folded();
        let (_, now) = nodes.entry(owner.clone()).or_insert_with(|| {
            let node = read(zone, &owner);
            (node.clone(), node)
        });
        let at_apex = owner == apex;
        match change {
            Change::Add(rr) => add(now, rr, at_apex),
            Change::DeleteSet(_, kind) => {
                if !(at_apex && matches!(*kind, rtype::SOA | rtype::NS)) {
                    now.remove(kind);
                }
            }
            Change::DeleteName(_) => {
                now.retain(|kind, _| at_apex && matches!(*kind, rtype::SOA | rtype::NS));
            }
            Change::Delete(_, kind, data) => delete(now, *kind, data, at_apex),
        }
    }
    let mut outcome = Changes::default();
    for (owner, (before, after)) in &nodes {
        missing(owner, before, after, &mut outcome.removed);
        missing(owner, after, before, &mut outcome.added);
    }
    outcome
}

fn read(zone: &dyn Zone, owner: &WireName) -> Node {
    let mut node = Node::new();
    zone.records_at(owner, &mut |kind, ttl, data| node.entry(kind).or_default().push((ttl, data.into())));
    node
}

fn add(node: &mut Node, rr: &Rr, at_apex: bool) {
    let has_cname = node.contains_key(&rtype::CNAME);
    let has_other = node.keys().any(|kind| *kind != rtype::CNAME && !rtype::goes_with_cname(*kind));
    let fits = match rr.rtype {
        rtype::CNAME => !has_other,
        rtype::WKS => false,
        rtype::SOA => {
            let serial = |data: &[u8]| rdata::soa_serial(data).unwrap_or_default();
            let old = node.get(&rtype::SOA).and_then(|set| set.first());
            at_apex && old.is_some_and(|(_, old)| history::is_newer(serial(&rr.rdata), serial(old)))
        }
        kind => !has_cname || rtype::goes_with_cname(kind),
    };
    if !fits {
        return;
    }
    let set = node.entry(rr.rtype).or_default();
    if matches!(rr.rtype, rtype::CNAME | rtype::SOA | rtype::DNAME) {
        set.clear();
    }
    set.retain(|(_, data)| !rdata::same(rr.rtype, data, &rr.rdata));
    if rr.rtype != rtype::RRSIG {
        for (ttl, _) in set.iter_mut() {
            *ttl = rr.ttl;
        }
    }
    set.push((rr.ttl, rr.rdata.clone()));
}

fn delete(node: &mut Node, kind: u16, data: &[u8], at_apex: bool) {
    let Some(set) = node.get_mut(&kind) else { return };
    // The last NS stays, and so does the SOA.
    if at_apex && (kind == rtype::SOA || kind == rtype::NS && set.len() == 1) {
        return;
    }
    set.retain(|(_, other)| !rdata::same(kind, other, data));
    if set.is_empty() {
        node.remove(&kind);
    }
}

/// The records of `of` that `other` does not have just so.
fn missing(owner: &WireName, of: &Node, other: &Node, out: &mut Vec<Rr>) {
    for (kind, set) in of {
        let others = other.get(kind);
        for (ttl, data) in set {
            let there = others.is_some_and(|set| set.iter().any(|(t, d)| t == ttl && d == data));
            if !there {
                out.push(Rr { owner: owner.clone(), rtype: *kind, ttl: *ttl, rdata: data.clone() });
            }
        }
    }
}

/// The SOA with the next serial (RFC 2136 3.6).
#[must_use]
pub fn bumped(soa: &Rr) -> Rr {
    let serial = rdata::soa_serial(&soa.rdata).unwrap_or_default();
    Rr { rdata: rdata::with_serial(&soa.rdata, history::next_serial(serial)), ..soa.clone() }
}

#[cfg(test)]
mod tests;
