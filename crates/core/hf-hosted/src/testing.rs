//! What tests share: zones as text, and a slow model that shares nothing with the table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hf_model::{DnsName, WireName};

use crate::{Contents, Found, Rr, master, rtype};

/// A name from text, relative to `test.` unless it ends with a dot.
pub(crate) fn name(text: &str) -> WireName {
    let text = if text.ends_with('.') { text.to_owned() } else { format!("{text}.test.") };
    WireName::from(&DnsName::new(&text).unwrap())
}

pub(crate) const SOA: &str = "@ 60 SOA ns. host. 1 2 3 4 30\n";

/// The zone `test.` with a SOA of serial 1 and these lines.
pub(crate) fn zone(lines: &str) -> Contents {
    let text = format!("$TTL 60\n{SOA}{lines}\n");
    master::read_zone_file(&name("test."), text.as_bytes()).unwrap()
}

pub(crate) fn rr(owner: &str, rtype: u16, ttl: u32, rdata: &[u8]) -> Rr {
    Rr { owner: name(owner), rtype, ttl, rdata: rdata.into() }
}

/// All records as sorted lines.
pub(crate) fn dump(contents: &Contents) -> Vec<Rr> {
    let mut all: Vec<Rr> = contents
        .records()
        .map(|r| Rr { owner: r.owner(), rtype: r.rtype, ttl: r.ttl, rdata: r.rdata.into() })
        .collect();
    all.sort();
    all
}

/// What was found, in words.
pub(crate) fn told(contents: &Contents, asked: &WireName) -> String {
    let folded = asked.folded();
    let rest =
        |at: usize| WireName::from_wire(&folded.as_wire()[at..]).map(|n| n.to_string()).unwrap_or_default();
    let mut out = String::new();
    let node = match contents.find(folded.as_wire()) {
        Found::Exists { node, wildcard: None } => {
            out.push_str("exists");
            Some(node)
        }
        Found::Exists { node, wildcard: Some(at) } => {
            let _ = write!(out, "wildcard at {}", rest(at));
            Some(node)
        }
        Found::Delegated { at, node } => {
            let _ = write!(out, "delegated at {}", rest(at));
            Some(node)
        }
        Found::Below { at, dname } => {
            let _ = write!(out, "below {} x{}", rest(at), dname.count());
            None
        }
        Found::Missing { encloser } => {
            let _ = write!(out, "missing below {}", rest(encloser));
            None
        }
    };
    if let Some(node) = node {
        if let Some(tag) = node.tag() {
            let _ = write!(out, ", tag {tag}");
        }
        for set in node.sets() {
            let _ = write!(out, ", TYPE{} x{}", set.rtype(), set.count());
        }
    }
    out
}

/// The model: records and marks by name, looked through from the apex down, one label at a time.
#[derive(Clone, Default, Debug)]
pub(crate) struct Model {
    pub(crate) sets: BTreeMap<(WireName, u16), Vec<Box<[u8]>>>,
    pub(crate) tags: BTreeMap<WireName, u32>,
}

impl Model {
    pub(crate) fn of(contents: &Contents) -> Model {
        let mut model = Model::default();
        for r in contents.records() {
            model.sets.entry((r.owner(), r.rtype)).or_default().push(r.rdata.into());
        }
        model
    }

    fn names(&self) -> impl Iterator<Item = &WireName> {
        self.sets.keys().map(|(name, _)| name).chain(self.tags.keys())
    }

    fn exists(&self, name: &[u8]) -> bool {
        self.names().any(|known| {
            let known = known.as_wire();
            let mut at = 0;
            while known[at] != 0 {
                if &known[at..] == name {
                    return true;
                }
                at += 1 + usize::from(known[at]);
            }
            false
        })
    }

    fn records(&self, name: &WireName) -> String {
        let mut out = String::new();
        if let Some(tag) = self.tags.get(name) {
            let _ = write!(out, ", tag {tag}");
        }
        for ((_, rtype), set) in self.sets.iter().filter(|((owner, _), _)| owner == name) {
            let _ = write!(out, ", TYPE{rtype} x{}", set.len());
        }
        out
    }

    pub(crate) fn told(&self, asked: &WireName) -> String {
        let apex = name("test.");
        let asked = asked.folded();
        let mut suffixes = vec![];
        let mut at = 0;
        while asked.as_wire()[at] != 0 {
            suffixes.push(WireName::from_wire(&asked.as_wire()[at..]).unwrap());
            at += 1 + usize::from(asked.as_wire()[at]);
        }
        suffixes.reverse();
        if suffixes.first() != Some(&apex) {
            return "missing below .".to_owned();
        }
        let mut encloser = apex.clone();
        for name in &suffixes {
            let has = |rtype: u16| self.sets.get(&(name.clone(), rtype));
            if *name != apex && has(rtype::NS).is_some() {
                return format!("delegated at {name}{}", self.records(name));
            }
            if let Some(set) = has(rtype::DNAME)
                && *name != asked
            {
                return format!("below {name} x{}", set.len());
            }
            if *name == apex || self.exists(name.as_wire()) {
                encloser = name.clone();
            }
        }
        if encloser == asked {
            return format!("exists{}", self.records(&asked));
        }
        let star = WireName::from_wire(&[b"\x01*", encloser.as_wire()].concat());
        match star {
            Ok(star) if self.exists(star.as_wire()) => {
                format!("wildcard at {encloser}{}", self.records(&star))
            }
            _ => format!("missing below {encloser}"),
        }
    }
}
