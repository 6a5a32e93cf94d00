//! From one version to the next.
//!
//! 1. First all removals, then all additions. A removal finds its record by owner, type and data, whatever the TTL; one that
//!    finds nothing is an error: the two sides no longer speak of the same zone.
//! 2. An addition that is there already only sets the TTL. All records of a set get the newest TTL (RFC 2181 5.2).
//! 3. A SOA in the additions replaces the one that is there.
//! 4. Names come and go with their records, empty names above them too.
//! 5. All or nothing: with an error there is no new version.

use std::collections::BTreeMap;

use hf_model::WireName;

use crate::builder::{ContentProblem, Found, lay_out};
use crate::contents::Contents;
use crate::node::{Head, NodeRef, NodeWriter};
use crate::table::{ARENA_BYTES_MAX, Table};
use crate::{rdata, relative, rtype};

/// Names of a base up to which a change makes a new base.
const SMALL: usize = 256;

/// One record with its owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rr {
    /// In any case.
    pub owner: WireName,
    /// Type number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// Names in it uncompressed.
    pub rdata: Box<[u8]>,
}

/// What differs between two versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Records that go; the old SOA among them, or not.
    pub removed: Vec<Rr>,
    /// Records that come; the new SOA among them.
    pub added: Vec<Rr>,
}

impl Changes {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    /// Bytes of memory, about.
    pub fn bytes(&self) -> usize {
        let one = |rr: &Rr| size_of::<Rr>() + 32 + rr.owner.as_wire().len() + rr.rdata.len();
        self.removed.iter().chain(&self.added).map(one).sum()
    }

    /// The serial of a SOA among the additions.
    pub fn serial(&self) -> Option<u32> {
        self.added.iter().find(|rr| rr.rtype == rtype::SOA).and_then(|rr| rdata::soa_serial(&rr.rdata))
    }
}

/// Why there is no next version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// A record to remove is not there.
    #[error("a record of type {} to be removed from {} is not there; take the whole hosted zone anew", .0.rtype, .0.owner)]
    NotThere(Rr),
    /// An owner outside of the zone.
    #[error("{0} lies outside the hosted zone")]
    Outside(WireName),
    /// A type of questions and messages.
    #[error("{} has a record of type {}, which stands in no zone", .0.owner, .0.rtype)]
    Meta(Rr),
    /// The SOA goes and none comes.
    #[error("the SOA is removed and none is added")]
    NoSoa,
    /// The outcome would be no zone.
    #[error(transparent)]
    Problem(ContentProblem),
}

impl Contents {
    /// The next version.
    pub fn changed(&self, changes: &Changes) -> Result<Contents, ChangeError> {
        let mut edit = Edit::new(self);
        let mut soa_removed = None;
        for rr in &changes.removed {
            if rr.rtype == rtype::SOA {
                soa_removed = Some(rr);
                continue;
            }
            let name = edit.place(&rr.owner)?;
            let set = edit.draft(&name).and_then(|draft| draft.sets.get_mut(&rr.rtype));
            let at = set
                .as_ref()
                .and_then(|set| set.iter().position(|(_, data)| rdata::same(rr.rtype, data, &rr.rdata)));
            match (set, at) {
                (Some(set), Some(at)) => drop(set.remove(at)),
                _ => return Err(ChangeError::NotThere(rr.clone())),
            }
        }
        let mut soa_added = false;
        for rr in &changes.added {
            let name = edit.place(&rr.owner)?;
            if rtype::is_meta(rr.rtype) {
                return Err(ChangeError::Meta(rr.clone()));
            }
            let set = edit.make(&name).sets.entry(rr.rtype).or_default();
            if rr.rtype == rtype::SOA {
                if soa_added {
                    let problem =
                        ContentProblem::Several { owner: rr.owner.clone(), rtype: rr.rtype, count: 2 };
                    return Err(ChangeError::Problem(problem));
                }
                soa_added = true;
                set.clear();
            }
            if rr.rtype != rtype::RRSIG {
                for (ttl, _) in set.iter_mut() {
                    *ttl = rr.ttl;
                }
            }
            if !set.iter().any(|(_, data)| rdata::same(rr.rtype, data, &rr.rdata)) {
                set.push((rr.ttl, rr.rdata.clone()));
            }
        }
        if soa_removed.is_some() && !soa_added {
            return Err(ChangeError::NoSoa);
        }
        edit.finish().map_err(ChangeError::Problem)
    }

    /// The same records with names marked as steered.
    ///
    /// A marked name exists, and so do those above it. Names outside of the zone are left out; a name that has a mark gets the
    /// new one.
    #[must_use]
    pub fn tagged(&self, tags: &[(WireName, u32)]) -> Contents {
        let mut edit = Edit::new(self);
        for (name, tag) in tags {
            if let Ok(name) = edit.place(name) {
                edit.make(&name).tag = Some(*tag);
            }
        }
        // Marks break no rule of a zone: what there was before is kept when they do not fit.
        edit.finish().unwrap_or_else(|_| self.clone())
    }
}

/// TTL and data of one type's records.
type Set = Vec<(u32, Box<[u8]>)>;

/// A node that is being changed.
#[derive(Clone, Default)]
struct Draft {
    tag: Option<u32>,
    children: u32,
    gone: bool,
    /// Whether it was there before.
    was: bool,
    sets: BTreeMap<u16, Set>,
}

impl Draft {
    fn of(node: &NodeRef<'_>) -> Draft {
        let mut sets = BTreeMap::new();
        for set in node.sets() {
            let mut rest = set.rdata();
            let records = std::iter::from_fn(|| rest.next_with_ttl()).map(|(ttl, data)| (ttl, data.into()));
            sets.insert(set.rtype(), records.collect());
        }
        Draft { tag: node.tag(), children: node.children(), gone: false, was: true, sets }
    }

    fn is_needless(&self) -> bool {
        self.tag.is_none() && self.children == 0 && self.sets.values().all(Vec::is_empty)
    }
}

/// Changes to names, before they become an overlay.
struct Edit<'c> {
    contents: &'c Contents,
    drafts: BTreeMap<Box<[u8]>, Draft>,
}

impl<'c> Edit<'c> {
    fn new(contents: &'c Contents) -> Self {
        Edit { contents, drafts: BTreeMap::new() }
    }

    /// The folded name without the apex's part.
    fn place(&self, owner: &WireName) -> Result<Box<[u8]>, ChangeError> {
        let folded = owner.folded();
        relative::of(folded.as_wire(), self.contents.apex.as_wire())
            .map(Into::into)
            .ok_or_else(|| ChangeError::Outside(owner.clone()))
    }

    /// The name, if it exists.
    fn draft(&mut self, name: &[u8]) -> Option<&mut Draft> {
        if !self.drafts.contains_key(name) {
            let draft = Draft::of(&self.contents.relative(name)?);
            self.drafts.insert(name.into(), draft);
        }
        self.drafts.get_mut(name)
    }

    /// The name, which exists from now on.
    fn make(&mut self, name: &[u8]) -> &mut Draft {
        if self.draft(name).is_none() {
            self.drafts.insert(name.into(), Draft::default());
            if let Some(parent) = relative::parent(name) {
                self.make(parent).children += 1;
            }
        }
        self.drafts.get_mut(name).expect("it was just made")
    }

    /// Takes away names that nothing is left of, and then those above them.
    fn prune(&mut self) {
        let names: Vec<Box<[u8]>> = self.drafts.keys().cloned().collect();
        for name in names {
            let mut name = &name[..];
            while let Some(parent) = relative::parent(name) {
                let Some(draft) = self.drafts.get_mut(name) else { break };
                if draft.gone || !draft.is_needless() {
                    break;
                }
                draft.gone = true;
                if let Some(above) = self.draft(parent) {
                    above.children = above.children.saturating_sub(1);
                }
                name = parent;
            }
        }
    }

    fn finish(mut self) -> Result<Contents, ContentProblem> {
        self.prune();
        let contents = self.contents;
        let mut names = contents.names();
        let mut problem = None;
        let mut arena = Vec::new();
        let small = contents.base.len() <= SMALL;
        if small {
            // One piece is as cheap as an overlay.
            contents.nodes().filter(|node| !self.drafts.contains_key(node.relative())).for_each(|node| {
                arena.extend_from_slice(node.raw());
            });
        } else if let Some(overlay) = &contents.overlay {
            overlay.nodes().filter(|node| !self.drafts.contains_key(node.relative())).for_each(|node| {
                arena.extend_from_slice(node.raw());
            });
        }
        for (name, draft) in &self.drafts {
            names = names + usize::from(!draft.was && !draft.gone) - usize::from(draft.was && draft.gone);
            if draft.gone && (small || contents.base.get(name).is_none()) {
                continue;
            }
            let head = Head {
                relative: name,
                tag: draft.tag.filter(|_| !draft.gone),
                children: draft.children,
                gone: draft.gone,
            };
            let mut found: Vec<Found<'_>> = draft
                .sets
                .iter()
                .flat_map(|(rtype, set)| {
                    set.iter().map(move |(ttl, rdata)| Found { rtype: *rtype, ttl: *ttl, rdata })
                })
                .collect();
            lay_out(NodeWriter::new(&mut arena, head), &mut found, &mut |what| {
                problem.get_or_insert_with(|| what(relative::whole(name, &contents.apex)));
            });
            if arena.len() > ARENA_BYTES_MAX {
                return Err(ContentProblem::Full);
            }
        }
        match problem {
            Some(problem) => Err(problem),
            None if small => Ok(Contents::from_table(contents.apex.clone(), Table::new(arena))),
            None => Ok(contents.with_overlay(Table::new(arena), names)),
        }
    }
}

#[cfg(test)]
mod tests;
