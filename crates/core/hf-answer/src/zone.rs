//! One hosted zone as a table: every name that exists, the empty ones in between included.
//!
//! Zonal names are not in it: there are as many as pools times zones times hosted zones, and they follow from the name alone
//! ([`crate::steer::Zonal`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_config::estate::{AddressFamily, Estate, HostedZone, Soa};
use hf_model::{DnsName, WireName};

use crate::rtype;

/// Seconds for which the NS set of a zone without a master file may be kept.
const NS_TTL_S: u32 = 3_600;

/// One hosted zone.
#[derive(Debug)]
pub struct ZoneTable {
    /// The apex, folded.
    pub apex: WireName,
    /// The names, folded, in wire form.
    names: BTreeMap<Box<[u8]>, Node>,
    /// From the master file, or made up but for the serial.
    soa: Soa,
    /// Whether `soa.serial` is the ledger's revision.
    serial_is_revision: bool,
}

/// What there is at one name. Nothing at all: an empty non-terminal.
#[derive(Debug, Default)]
pub struct Node {
    /// Plain records by type.
    pub sets: Vec<RrSet>,
    /// Positions of steered records in the estate: A, AAAA.
    pub steered: [Option<usize>; 2],
}

/// All plain records of one name and type.
#[derive(Debug)]
pub struct RrSet {
    /// Type number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// RDATA in uncompressed wire form.
    pub rdata: Vec<Arc<[u8]>>,
}

impl Node {
    /// The plain records of one type.
    pub fn set(&self, rtype: u16) -> Option<&RrSet> {
        self.sets.iter().find(|set| set.rtype == rtype)
    }

    /// The steered record that answers a type.
    pub fn steered(&self, rtype: u16) -> Option<usize> {
        match rtype {
            rtype::A => self.steered[0],
            rtype::AAAA => self.steered[1],
            _ => None,
        }
    }

    /// Whether the name only exists because of names below it.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.steered == [None, None]
    }

    fn add(&mut self, rtype: u16, ttl: u32, rdata: &[u8]) {
        match self.sets.iter_mut().find(|set| set.rtype == rtype) {
            Some(set) => set.rdata.push(rdata.into()),
            None => self.sets.push(RrSet { rtype, ttl, rdata: vec![rdata.into()] }),
        }
    }
}

impl ZoneTable {
    /// Compiles the hosted zone at this position of the estate.
    pub fn new(estate: &Estate, position: usize) -> Self {
        let hosted = &estate.hosted_zones[position];
        let apex = WireName::from(&hosted.name);
        let mut names = Names { apex: &apex, names: BTreeMap::new() };
        names.node(&apex);
        for record in &hosted.plain {
            names.node(&WireName::from(&record.name)).add(record.rtype, record.ttl, &record.rdata);
        }
        for (at, record) in estate.records.iter().enumerate() {
            if usize::from(record.hosted_zone) == position {
                let family = usize::from(record.family == AddressFamily::V6);
                names.node(&WireName::from(&record.name)).steered[family] = Some(at);
            }
        }
        // A hosted zone inside this one answers for itself; here its apex must exist, or a question for its DS record would
        // deny all that is below it (RFC 8020).
        let inside =
            |other: &&HostedZone| other.name != hosted.name && other.name.is_at_or_below(&hosted.name);
        for other in estate.hosted_zones.iter().filter(inside) {
            names.node(&WireName::from(&other.name));
        }
        let apex_node = names.node(&apex);
        if apex_node.set(rtype::NS).is_none() {
            let ns = WireName::from(&child_or_self(&hosted.name, "ns"));
            apex_node.add(rtype::NS, NS_TTL_S, ns.as_wire());
        }
        let names = names.names;
        let serial_is_revision = hosted.soa.is_none();
        let soa = hosted.soa.clone().unwrap_or_else(|| made_up_soa(hosted));
        ZoneTable { apex, names, soa, serial_is_revision }
    }

    /// What there is at a folded name, if it exists.
    pub fn node(&self, folded: &[u8]) -> Option<&Node> {
        self.names.get(folded)
    }

    /// The SOA's RDATA while the ledger is at `revision`.
    pub fn soa_rdata(&self, revision: u64) -> Arc<[u8]> {
        let Soa { mname, rname, serial, refresh, retry, expire, minimum, ttl: _ } = &self.soa;
        let serial = if self.serial_is_revision { revision as u32 } else { *serial };
        let mut rdata = Vec::with_capacity(mname.as_str().len() + rname.as_str().len() + 22);
        rdata.extend_from_slice(WireName::from(mname).as_wire());
        rdata.extend_from_slice(WireName::from(rname).as_wire());
        for number in [serial, *refresh, *retry, *expire, *minimum] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        rdata.into()
    }

    /// Seconds for which the SOA may be kept when it was asked for.
    pub fn soa_ttl(&self) -> u32 {
        self.soa.ttl
    }

    /// Seconds for which "no" may be kept (RFC 2308 5).
    pub fn negative_ttl(&self) -> u32 {
        self.soa.ttl.min(self.soa.minimum)
    }
}

/// The table in the making.
struct Names<'a> {
    apex: &'a WireName,
    names: BTreeMap<Box<[u8]>, Node>,
}

impl Names<'_> {
    /// The node of a name at or below the apex; makes it and all between it and the apex.
    fn node(&mut self, name: &WireName) -> &mut Node {
        let folded = name.as_wire().to_ascii_lowercase();
        let mut at = 0;
        while folded.len() - at > self.apex.as_wire().len() && !self.names.contains_key(&folded[at..]) {
            self.names.insert(folded[at..].into(), Node::default());
            at += 1 + usize::from(folded[at]);
        }
        self.names.entry(folded.into_boxed_slice()).or_default()
    }
}

/// A start of authority for a zone without one. Its figures are the usual ones; a "no" is kept for 5 s, since steered
/// names come and go.
fn made_up_soa(hosted: &HostedZone) -> Soa {
    Soa {
        mname: child_or_self(&hosted.name, "ns"),
        rname: child_or_self(&hosted.name, "hostmaster"),
        serial: 0,
        refresh: 3_600,
        retry: 600,
        expire: 604_800,
        minimum: 5,
        ttl: 60,
    }
}

/// `label.apex`, or the apex where that would be too long for a name.
fn child_or_self(apex: &DnsName, label: &str) -> DnsName {
    apex.child(label).unwrap_or_else(|_| apex.clone())
}
