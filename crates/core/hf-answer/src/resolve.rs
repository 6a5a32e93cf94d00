//! The way through the hosted zones: RFC 1034 4.3.2 with wildcards, aliases, delegations and negative answers.

use std::sync::Arc;

use hf_model::WireName;

use crate::answer::{Answer, AnswerRecord, Asker, Question, Rcode, Why};
use crate::compiled::Compiled;
use crate::rtype;
use crate::steer::{Account, Zonal};
use crate::zone::{Node, RrSet, ZoneTable};

/// Aliases followed for one question; whoever has more in one zone asks again for the rest.
const ALIASES_MAX: usize = 8;

/// Seconds for which the small answer to ANY may be kept.
const ANY_TTL_S: u32 = 3_600;

impl Compiled {
    /// Answers a question.
    pub fn answer(&self, question: Question<'_>, asker: &Asker) -> Answer {
        self.resolve(question, asker, Account::None)
    }

    /// Answers a question and says how the addresses were chosen ([`Answer::why`]).
    pub fn explain(&self, question: Question<'_>, asker: &Asker) -> Answer {
        self.resolve(question, asker, Account::Kept)
    }

    fn resolve(&self, question: Question<'_>, asker: &Asker, account: Account) -> Answer {
        if question.class != 1 {
            return Answer::empty(Rcode::Refused);
        }
        match question.rtype {
            rtype::OPT | rtype::TKEY | rtype::TSIG => return Answer::empty(Rcode::FormErr),
            rtype::AXFR | rtype::IXFR => return Answer::empty(Rcode::Refused),
            _ => {}
        }
        let name = Folded::new(question.name);
        let Some(zone) = self.zone_of(&name, question.rtype) else { return Answer::empty(Rcode::Refused) };
        let mut walk = Walk {
            compiled: self,
            zone,
            rtype: question.rtype,
            asker,
            account,
            out: Answer::empty(Rcode::NoError),
        };
        walk.follow(question.name.clone(), name);
        walk.out
    }

    /// The narrowest hosted zone around a name; for DS, the one around its parent if that is ours too.
    fn zone_of(&self, name: &Folded, rtype: u16) -> Option<&ZoneTable> {
        let mut zones = name.suffixes().filter_map(|suffix| self.routes.zone_at(suffix));
        let narrowest = zones.next()?;
        if rtype == rtype::DS && narrowest.apex.as_wire() == name.wire() {
            return zones.next().or(Some(narrowest));
        }
        Some(narrowest)
    }
}

/// A folded name and where its labels begin.
struct Folded {
    name: WireName,
    /// The beginning of every label, the root's included.
    starts: Vec<u8>,
}

impl Folded {
    fn new(name: &WireName) -> Self {
        let mut starts = Vec::with_capacity(8);
        let mut at = 0;
        for label in name.labels() {
            starts.push(at);
            at += 1 + label.len() as u8;
        }
        starts.push(at);
        Folded { name: name.folded(), starts }
    }

    fn wire(&self) -> &[u8] {
        self.name.as_wire()
    }

    /// The name without its first `skipped` labels.
    fn suffix(&self, skipped: usize) -> &[u8] {
        &self.wire()[usize::from(self.starts[skipped])..]
    }

    fn label(&self, at: usize) -> &[u8] {
        &self.wire()[usize::from(self.starts[at]) + 1..usize::from(self.starts[at + 1])]
    }

    fn label_count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The name, its parent, and so on to the root.
    fn suffixes(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.starts.len()).map(|skipped| self.suffix(skipped))
    }
}

/// What the names of a zone say about one name.
enum Found<'a> {
    /// Below or at a delegation: skipped labels, and its NS set.
    Delegated(usize, &'a RrSet),
    /// Below a DNAME: skipped labels, and the record.
    Below(usize, &'a RrSet),
    /// It exists, as itself, by a wildcard or as a zonal name.
    Exists { node: Option<&'a Node>, zonal: Option<Zonal> },
    /// It does not.
    Missing,
}

/// One question on its way through one zone.
struct Walk<'a> {
    compiled: &'a Compiled,
    zone: &'a ZoneTable,
    rtype: u16,
    asker: &'a Asker,
    account: Account,
    out: Answer,
}

impl<'a> Walk<'a> {
    /// Follows aliases from `owner` until there is an answer, a "no", or a name that is not this zone's.
    fn follow(&mut self, mut owner: WireName, mut name: Folded) {
        let mut seen = vec![name.name.clone()];
        loop {
            let alias = match self.find(&name) {
                Found::Delegated(skipped, set) => return self.refer(&name, skipped, set),
                Found::Missing => return self.deny(Rcode::NxDomain),
                Found::Below(skipped, set) => self.rename(&owner, &name, skipped, set),
                Found::Exists { node, zonal } => self.take(&owner, node, zonal),
            };
            let Some(target) = alias else { return };
            let next = Folded::new(&target);
            let leaves =
                !self.compiled.zone_of(&next, self.rtype).is_some_and(|zone| std::ptr::eq(zone, self.zone));
            if leaves || seen.len() > ALIASES_MAX || seen.contains(&next.name) {
                return;
            }
            seen.push(next.name.clone());
            (owner, name) = (target, next);
        }
    }

    /// Looks a name up, from the apex downwards.
    fn find(&self, name: &Folded) -> Found<'a> {
        let zone = self.zone;
        let below_apex = name.label_count() - zone.apex.labels().count();
        let mut encloser = below_apex;
        for skipped in (0..=below_apex).rev() {
            let Some(node) = zone.node(name.suffix(skipped)) else { break };
            encloser = skipped;
            let exact = skipped == 0;
            if skipped < below_apex
                && !(exact && self.rtype == rtype::DS)
                && let Some(set) = node.set(rtype::NS)
            {
                return Found::Delegated(skipped, set);
            }
            if exact {
                let zonal = self.zonal(name, below_apex).filter(|zonal| zonal.depth == below_apex);
                return Found::Exists { node: Some(node), zonal };
            }
            if let Some(set) = node.set(rtype::DNAME) {
                return Found::Below(skipped, set);
            }
        }
        let zonal = self.zonal(name, below_apex);
        if let Some(zonal) = zonal {
            if zonal.depth == below_apex {
                return Found::Exists { node: None, zonal: Some(zonal) };
            }
            encloser = encloser.min(below_apex - zonal.depth);
        }
        let wildcard = [b"\x01*", name.suffix(encloser)].concat();
        match zone.node(&wildcard) {
            Some(node) => Found::Exists { node: Some(node), zonal: None },
            None => Found::Missing,
        }
    }

    fn zonal(&self, name: &Folded, below_apex: usize) -> Option<Zonal> {
        let from_right = (0..below_apex).rev().map(|at| name.label(at));
        Some(Zonal::read(&self.compiled.routes, from_right)).filter(|zonal| zonal.depth > 0)
    }

    /// Answers from a name that exists; returns the target of an alias.
    fn take(&mut self, owner: &WireName, node: Option<&Node>, zonal: Option<Zonal>) -> Option<WireName> {
        let set = |rtype| node.and_then(|node| node.set(rtype));
        let at_apex = owner.as_wire().eq_ignore_ascii_case(self.zone.apex.as_wire());
        let zonal = zonal.and_then(|zonal| zonal.of);
        if let Some(alias) = set(rtype::CNAME)
            && self.rtype != rtype::CNAME
        {
            self.add_set(owner, alias);
            let target = alias.rdata.first().and_then(|rdata| WireName::from_wire(rdata).ok());
            return target.filter(|_| self.rtype != rtype::ANY);
        }
        if self.rtype == rtype::ANY {
            let something = at_apex || zonal.is_some() || node.is_some_and(|node| !node.is_empty());
            if !something {
                self.deny(Rcode::NoError);
                return None;
            }
            self.add(owner, rtype::HINFO, ANY_TTL_S, Arc::from(*b"\x07RFC8482\0"));
        } else if let Some(record) = node.and_then(|node| node.steered(self.rtype)) {
            let chosen = self.compiled.steer(record, self.asker, self.account);
            self.add_chosen(owner, chosen);
        } else if let Some(set) = set(self.rtype) {
            self.add_set(owner, set);
        } else if at_apex && self.rtype == rtype::SOA {
            let rdata = self.zone.soa_rdata(self.revision());
            self.add(owner, rtype::SOA, self.zone.soa_ttl(), rdata);
        } else if let Some(of) = zonal {
            let chosen = self.compiled.zonal(of, self.rtype, self.asker, self.account);
            self.add_chosen(owner, chosen);
        } else {
            self.deny(Rcode::NoError);
        }
        None
    }

    fn add_chosen(&mut self, owner: &WireName, chosen: crate::steer::Chosen) {
        self.out.why.extend(chosen.why);
        if chosen.rdata.is_empty() {
            return self.deny(Rcode::NoError);
        }
        for rdata in chosen.rdata {
            self.add(owner, self.rtype, chosen.ttl, rdata);
        }
        self.out.named.extend(chosen.named);
    }

    fn add_set(&mut self, owner: &WireName, set: &RrSet) {
        for rdata in &set.rdata {
            self.add(owner, set.rtype, set.ttl, rdata.clone());
        }
        if self.account == Account::Kept {
            self.out.why.push(Why::Plain);
        }
    }

    fn add(&mut self, owner: &WireName, rtype: u16, ttl: u32, rdata: Arc<[u8]>) {
        self.out.answers.push(AnswerRecord { name: owner.clone(), rtype, ttl, rdata });
    }

    /// "No", with the SOA that says for how long.
    fn deny(&mut self, rcode: Rcode) {
        self.out.rcode = rcode;
        self.out.authority.push(AnswerRecord {
            name: self.zone.apex.clone(),
            rtype: rtype::SOA,
            ttl: self.zone.negative_ttl(),
            rdata: self.zone.soa_rdata(self.revision()),
        });
        if self.account == Account::Kept && self.out.why.is_empty() {
            self.out.why.push(Why::Plain);
        }
    }

    /// Points to the servers of a child zone, with the addresses that we know of them. Authoritative only for the aliases
    /// before it.
    fn refer(&mut self, name: &Folded, skipped: usize, set: &RrSet) {
        self.out.aa = !self.out.answers.is_empty();
        let cut = WireName::from_wire(name.suffix(skipped)).expect("a suffix of a name is a name");
        for rdata in &set.rdata {
            let record =
                AnswerRecord { name: cut.clone(), rtype: rtype::NS, ttl: set.ttl, rdata: rdata.clone() };
            self.out.authority.push(record);
            let Ok(server) = WireName::from_wire(rdata) else { continue };
            let Some(node) = self.zone.node(server.folded().as_wire()) else { continue };
            for glue in [rtype::A, rtype::AAAA].into_iter().filter_map(|rtype| node.set(rtype)) {
                let records = glue.rdata.iter().map(|rdata| AnswerRecord {
                    name: server.clone(),
                    rtype: glue.rtype,
                    ttl: glue.ttl,
                    rdata: rdata.clone(),
                });
                self.out.additional.extend(records);
            }
        }
        if self.account == Account::Kept {
            self.out.why.push(Why::Plain);
        }
    }

    /// Applies a DNAME: its record, and the alias that follows from it (RFC 6672 3.2). Returns the alias's target.
    fn rename(&mut self, owner: &WireName, name: &Folded, skipped: usize, set: &RrSet) -> Option<WireName> {
        let dname = WireName::from_wire(name.suffix(skipped)).expect("a suffix of a name is a name");
        self.add_set(&dname, set);
        let kept = &owner.as_wire()[..usize::from(name.starts[skipped])];
        let target = [kept, set.rdata.first()?].concat();
        let Ok(target) = WireName::from_wire(&target) else {
            self.out.rcode = Rcode::YxDomain;
            return None;
        };
        self.add(owner, rtype::CNAME, set.ttl, target.as_wire().into());
        // An alias that was asked for is the answer, not the way to it.
        (!matches!(self.rtype, rtype::CNAME | rtype::ANY)).then_some(target)
    }

    fn revision(&self) -> u64 {
        self.compiled.snapshot.intent.revision.0
    }
}
