//! One hosted zone, ready to answer: contents with everything laid over them.
//!
//! 1. What is declared comes first: the estate's plain records, or the contents that a node file or a primary brought.
//! 2. Over it lie the records that updates brought, and over all of them tags: steered names, trees, aliases, and the apexes of
//!    hosted zones inside this one. The latter answer for themselves; here they must exist, or a question for their DS record
//!    would deny all that is below them (RFC 8020).
//! 3. A written serial grows with each update: it is the written one and the ledger's revision of the last update.
//! 4. A name whose dynamic records cannot stand is left out alone, and told of ([`Zone::left_out`]). No update brings such; it is there so
//!    that one name never costs the others.
//! 5. Without contents (a secondary that was never loaded) the zone answers SERVFAIL.
//!
//! Zonal names are not in it: there are as many as pools times zones times hosted zones, and they follow from the name alone
//! ([`crate::zonal`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_config::estate::{AddressFamily, Estate, HostedZone, PlainRecord, SerialPolicy, ZoneSource};
use hf_control::DynamicZone;
use hf_hosted::{Builder, ChangeError, Changes, Contents, Rr};
use hf_model::{Revision, WireName};

use crate::presigned::Presigned;
use crate::rtype;
use crate::soa::{self, SoaForm};

/// Seconds for which the NS set of a zone without a master file may be kept.
const NS_TTL_S: u32 = 3_600;

/// What answers addresses at a tagged name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Steered {
    /// A record, by its position in the estate's.
    Record(u16),
    /// A tree, by its position in the estate's.
    Tree(u16),
    /// A name that answers as another one does, by its position in the estate's.
    Alias(u16),
}

/// What a tag stands for: A, AAAA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots(pub [Option<Steered>; 2]);

impl Slots {
    /// What answers a type.
    #[inline]
    pub fn of(self, rtype: u16) -> Option<Steered> {
        match rtype {
            rtype::A => self.0[0],
            rtype::AAAA => self.0[1],
            _ => None,
        }
    }

    /// Whether the name merely exists.
    pub fn is_empty(self) -> bool {
        self.0 == [None, None]
    }
}

/// What the estate alone says of a hosted zone.
#[derive(Debug)]
pub struct Declared {
    /// The apex, folded.
    pub apex: WireName,
    /// Its contents, where they are in the estate; also with a start of authority that was made up.
    base: Option<Contents>,
    /// Whether contents come from elsewhere.
    from_set: bool,
    /// Which serial it shows.
    pub serial: SerialPolicy,
    /// What each tag stands for.
    pub slots: Vec<Slots>,
    /// The tagged names, folded.
    pub tags: Vec<(WireName, u32)>,
}

impl Declared {
    /// Compiles the hosted zone at this position of the estate.
    pub fn new(estate: &Estate, position: usize) -> Self {
        let hosted = &estate.hosted_zones[position];
        let apex = WireName::from(&hosted.name);
        let mut names: BTreeMap<WireName, Slots> = BTreeMap::new();
        let here = |hosted_zone: u16| usize::from(hosted_zone) == position;
        let mut steer = |name: &hf_model::DnsName, family: AddressFamily, steered: Steered| {
            let slots = names.entry(WireName::from(name)).or_default();
            slots.0[usize::from(family == AddressFamily::V6)].get_or_insert(steered);
        };
        for (at, record) in (0_u16..).zip(&estate.records).filter(|(_, record)| here(record.hosted_zone)) {
            steer(&record.name, record.family, Steered::Record(at));
        }
        for (at, tree) in (0_u16..).zip(&estate.trees).filter(|(_, tree)| here(tree.hosted_zone)) {
            steer(&tree.name, tree.family, Steered::Tree(at));
        }
        for (at, alias) in (0_u16..).zip(&estate.aliases).filter(|(_, alias)| here(alias.hosted_zone)) {
            steer(&alias.name, AddressFamily::V4, Steered::Alias(at));
            steer(&alias.name, AddressFamily::V6, Steered::Alias(at));
        }
        let inside =
            |other: &&HostedZone| other.name != hosted.name && other.name.is_at_or_below(&hosted.name);
        for other in estate.hosted_zones.iter().filter(inside) {
            names.entry(WireName::from(&other.name)).or_default();
        }
        let from_set = hosted.source != ZoneSource::Estate;
        let base = if from_set { None } else { contents(hosted, &apex) };
        let slots = names.values().copied().collect();
        let tags = names.into_keys().zip(0_u32..).collect();
        Declared { apex, base, from_set, serial: hosted.serial, slots, tags }
    }
}

/// The estate's own contents; none if they contradict themselves, which its reader does not let through.
fn contents(hosted: &HostedZone, apex: &WireName) -> Option<Contents> {
    let mut builder = Builder::new(apex);
    let soa = hosted.soa.clone().unwrap_or_else(|| soa::made_up(hosted));
    builder.push(apex.as_wire(), rtype::SOA, soa.ttl, &soa::rdata(&soa)).ok()?;
    let has_ns = hosted.plain.iter().any(|record| record.rtype == rtype::NS && record.name == hosted.name);
    if !has_ns {
        let ns = WireName::from(&soa::child_or_self(&hosted.name, "ns"));
        builder.push(apex.as_wire(), rtype::NS, NS_TTL_S, ns.as_wire()).ok()?;
    }
    for PlainRecord { name, rtype, ttl, rdata } in &hosted.plain {
        builder.push(WireName::from(name).as_wire(), *rtype, *ttl, rdata).ok()?;
    }
    builder.finish().ok()
}

/// One hosted zone as it answers now.
#[derive(Debug)]
pub struct Zone {
    /// Everything; none: SERVFAIL.
    pub contents: Option<Contents>,
    /// Its start of authority; none: SERVFAIL.
    pub soa: Option<SoaForm>,
    /// Signatures and denials that its contents brought.
    pub presigned: Option<Presigned>,
    /// Why dynamic records of some names are not in it.
    pub left_out: Vec<ChangeError>,
    /// What lies beneath, where it does not come from the estate.
    loaded: Option<Arc<Contents>>,
    /// The update that is in it.
    updated_at: Option<Revision>,
}

impl Zone {
    /// Lays everything over what is declared.
    pub fn new(declared: &Declared, loaded: Option<&Arc<Contents>>, dynamic: Option<&DynamicZone>) -> Self {
        let loaded = loaded.filter(|_| declared.from_set).cloned();
        let base = if declared.from_set { loaded.as_deref() } else { declared.base.as_ref() };
        let updated = |base: &Contents| match dynamic {
            Some(dynamic) => updated(base, dynamic),
            None => (base.clone(), Vec::new()),
        };
        let (contents, left_out) = base.map(updated).unzip();
        let contents = contents.map(|contents: Contents| contents.tagged(&declared.tags));
        let left_out = left_out.unwrap_or_default();
        let soa = contents.as_ref().and_then(|contents| {
            let set = contents.soa()?;
            let mut soa = SoaForm::read(declared.apex.as_wire(), set.rdata().next()?, set.ttl())?;
            // Each update makes the serial grow (RFC 2136 3.6), whatever is written: by the entry of the ledger that brought the last one.
            soa.serial = soa.serial.wrapping_add(dynamic.map_or(0, |dynamic| dynamic.revision.0 as u32));
            Some(soa)
        });
        let presigned = contents.as_ref().and_then(Presigned::of);
        Zone {
            contents,
            soa,
            presigned,
            left_out,
            loaded,
            updated_at: dynamic.map(|dynamic| dynamic.revision),
        }
    }

    /// Whether the same would be compiled again.
    pub fn is_of(
        &self,
        declared: &Declared,
        loaded: Option<&Arc<Contents>>,
        dynamic: Option<&DynamicZone>,
    ) -> bool {
        let same_loaded = match (&self.loaded, loaded.filter(|_| declared.from_set)) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        same_loaded && self.updated_at == dynamic.map(|dynamic| dynamic.revision)
    }
}

/// With the dynamic records of all names where they can stand, and why those of the others cannot.
fn updated(base: &Contents, dynamic: &DynamicZone) -> (Contents, Vec<ChangeError>) {
    let mut changes = additions(dynamic);
    if let Ok(contents) = base.changed(&changes) {
        return (contents, Vec::new());
    }
    // Whether records can stand is a matter of each name alone.
    let mut by_name: BTreeMap<WireName, Vec<Rr>> = BTreeMap::new();
    for rr in changes.added.drain(..) {
        by_name.entry(rr.owner.clone()).or_default().push(rr);
    }
    let mut left_out = Vec::new();
    for added in by_name.into_values() {
        let alone = Changes { removed: Vec::new(), added };
        match base.changed(&alone) {
            Ok(_) => changes.added.extend(alone.added),
            Err(problem) => left_out.push(problem),
        }
    }
    let contents = base.changed(&changes).unwrap_or_else(|problem| {
        left_out.push(problem);
        base.clone()
    });
    (contents, left_out)
}

fn additions(dynamic: &DynamicZone) -> Changes {
    let rr = |record: &PlainRecord| Rr {
        owner: WireName::from(&record.name),
        rtype: record.rtype,
        ttl: record.ttl,
        rdata: record.rdata.clone().into(),
    };
    Changes { removed: Vec::new(), added: dynamic.records.iter().map(rr).collect() }
}
