//! The way through the hosted zones: RFC 1034 4.3.2 with wildcards, aliases, delegations and negative answers.
//!
//! One walk for the hot path and for `explain`: it writes the reply as it goes, and keeps an account only where one is asked for.
//!
//! Not here: how records come into the reply (`crate::emit`), how endpoints are chosen (`crate::steer`).

use hf_dnssec::Unsigned;
use hf_dnssec::denial::Denial;
use hf_hosted::{Found, NodeRef, SetRef};

use crate::answer::{Asker, Outcome, Rcode, Why};
use crate::compiled::Compiled;
use crate::message::{ASKED_AT, Full, Message};
use crate::name::Folded;
use crate::routes::ZoneAt;
use crate::rtype;
use crate::zonal::Zonal;
use crate::zone::{Slots, Steered};

/// Aliases followed for one question; whoever has more in one zone asks again for the rest.
const ALIASES_MAX: usize = 8;

/// The longest name in wire form.
const NAME_BYTES: usize = 255;

/// One question on its way through one zone.
pub struct Walk<'a, 'm, 'b> {
    pub compiled: &'a Compiled,
    pub zone: ZoneAt<'a>,
    pub rtype: u16,
    pub dnssec_ok: bool,
    pub compact_ok: bool,
    pub asker: &'m Asker,
    pub out: &'m mut Message<'b>,
    pub outcome: Outcome,
    /// The name that is looked up.
    pub name: &'m mut Folded,
    /// Another one, for what an ALIAS leads to.
    pub other: &'m mut Folded,
    /// Where the name stands in the message, whole and in its own case.
    pub owner_at: usize,
    pub choice: &'m mut hf_select::Scratch,
    /// Where the closest encloser begins in the name, while a wildcard stands in for it.
    pub wildcard: Option<usize>,
    /// What wildcards owe.
    pub proofs: Vec<Denial>,
    /// What wildcards of a zone that was signed elsewhere owe: the names that must not exist.
    pub covers: Vec<Vec<u8>>,
    /// A signature that could not be had.
    pub unsigned: Option<Unsigned>,
    /// How addresses are chosen, if somebody wants to know.
    pub account: Option<&'m mut Vec<Why>>,
}

/// What one name leads to.
#[derive(Clone, Copy, Debug)]
pub enum Next {
    /// The reply is complete.
    Done,
    /// To an alias's target: the CNAME's RDATA, in uncompressed wire form, at this place of the message.
    To {
        /// Where it begins.
        at: usize,
        /// Its length.
        len: usize,
    },
}

impl<'a> Walk<'a, '_, '_> {
    /// Follows aliases until there is an answer, a "no", or a name that is not this zone's. What does not fit truncates.
    pub fn follow(&mut self) {
        if self.walk().and_then(|()| self.settle_proofs()).is_ok() {
            return;
        }
        match self.unsigned {
            Some(_) => self.fail_unsigned(),
            None => self.out.truncate(),
        }
    }

    fn walk(&mut self) -> Result<(), Full> {
        let mut seen = [ASKED_AT; ALIASES_MAX + 2];
        for count in 1.. {
            self.wildcard = None;
            let Next::To { at: rdata_at, len } = self.step()? else { return Ok(()) };
            let Some(target) = self.out.written().get(rdata_at..rdata_at + len) else { return Ok(()) };
            let is_seen = seen[..count].iter().any(|at| self.stands_at(*at, target));
            if count > ALIASES_MAX || is_seen || !self.name.set(target) {
                return Ok(());
            }
            let stays = self.compiled.zone_of(self.name.wire(), self.rtype);
            if stays.is_none_or(|zone| zone.at != self.zone.at) {
                return Ok(());
            }
            seen[count] = rdata_at;
            self.owner_at = rdata_at;
        }
        Ok(())
    }

    /// Whether a name stands at this offset of the message, in any case.
    fn stands_at(&self, at: usize, name: &[u8]) -> bool {
        self.out.written().get(at..at + name.len()).is_some_and(|there| there.eq_ignore_ascii_case(name))
    }

    /// Looks one name up and writes what there is.
    fn step(&mut self) -> Result<Next, Full> {
        let Some(contents) = &self.zone.zone.contents else { return Ok(self.serv_fail()) };
        let wildcard = match contents.find(self.name.wire()) {
            Found::Exists { node, wildcard: None }
                if self.rtype != rtype::ANY && self.is_hash_owner(node) =>
            {
                return self.emit_negative(Rcode::NxDomain);
            }
            Found::Exists { node, wildcard: None } => return self.take(Some(node)),
            // The parent's side of a cut answers for DS (RFC 4035 3.1.4.1).
            Found::Delegated { at: 0, node } if self.rtype == rtype::DS => return self.take(Some(node)),
            Found::Delegated { at, node } => return self.emit_referral(at, node),
            Found::Below { at, dname } => return self.rename(at, dname),
            Found::Exists { node, wildcard: Some(encloser) } => (Some(node), encloser),
            Found::Missing { encloser } => (None, encloser),
        };
        let (node, encloser) = wildcard;
        match self.zonal() {
            Some(Zonal { encloser: 0, .. }) => self.take(None),
            // Below a zonal name, or between them, no wildcard of a wider name stands in.
            Some(zonal) if zonal.encloser < encloser => self.emit_negative(Rcode::NxDomain),
            _ => match node {
                Some(node) => {
                    self.wildcard = Some(encloser);
                    self.take(Some(node))
                }
                None => self.emit_negative(Rcode::NxDomain),
            },
        }
    }

    fn zonal(&self) -> Option<Zonal> {
        Zonal::read(&self.compiled.routes, self.name.wire(), self.zone.declared.apex.as_wire().len())
    }

    fn slots(&self, node: Option<NodeRef<'a>>) -> Slots {
        self.zone.slots(node)
    }

    /// Answers from a name that exists.
    fn take(&mut self, node: Option<NodeRef<'a>>) -> Result<Next, Full> {
        let set = |rtype| node.and_then(|node: NodeRef<'a>| node.set(rtype));
        let slots = self.slots(node);
        if self.rtype != rtype::CNAME
            && let Some(alias) = set(rtype::CNAME)
        {
            let rdata_at = self.emit_set(alias)?;
            return Ok(match alias.rdata().next() {
                Some(target) if self.rtype != rtype::ANY => Next::To { at: rdata_at, len: target.len() },
                _ => Next::Done,
            });
        }
        if let Some(steered) = slots.of(self.rtype) {
            return self.emit_steered(steered);
        }
        let at_apex = self.name.wire().len() == self.zone.declared.apex.as_wire().len();
        match self.rtype {
            rtype::SOA if at_apex => return self.emit_soa(),
            rtype::ANY => return self.any(node, slots),
            _ => {}
        }
        if at_apex && let Some(done) = self.emit_keys()? {
            return Ok(done);
        }
        if let Some(done) = self.emit_nsec()? {
            return Ok(done);
        }
        if let Some(set) = set(self.rtype) {
            let rdata_at = self.emit_set(set)?;
            self.settle_proofs()?;
            self.emit_helpful(set, rdata_at);
            return Ok(Next::Done);
        }
        if matches!(self.rtype, rtype::A | rtype::AAAA)
            && let Some(Zonal { encloser: 0, of: Some(of) }) = self.zonal()
        {
            return self.emit_zonal(of);
        }
        self.emit_negative(Rcode::NoError)
    }

    /// The small answer to ANY (RFC 8482 4.2), if there is anything at the name.
    fn any(&mut self, node: Option<NodeRef<'a>>, slots: Slots) -> Result<Next, Full> {
        let is_plain = node.is_some_and(|node| node.sets().next().is_some());
        let is_zonal = || matches!(self.zonal(), Some(Zonal { encloser: 0, of: Some(_) }));
        if is_plain || !slots.is_empty() || is_zonal() {
            self.emit_hinfo()
        } else {
            self.emit_negative(Rcode::NoError)
        }
    }

    /// Applies a DNAME: its record, and the alias that follows from it (RFC 6672 3.2).
    fn rename(&mut self, at: usize, dname: SetRef<'a>) -> Result<Next, Full> {
        self.emit_set_at(dname, self.owner_at + at)?;
        let kept = self.out.written().get(self.owner_at..self.owner_at + at).ok_or(Full)?;
        let mut made = [0; NAME_BYTES];
        let Some(len) = dname.rdata().next().and_then(|target| join(&mut made, kept, target)) else {
            self.outcome.rcode = Rcode::YxDomain;
            return Ok(Next::Done);
        };
        let rdata_at = self.emit_synthesised(dname.ttl(), &made[..len])?;
        // An alias that was asked for is the answer, not the way to it.
        if matches!(self.rtype, rtype::CNAME | rtype::ANY) {
            return Ok(Next::Done);
        }
        Ok(Next::To { at: rdata_at, len })
    }

    /// Answers addresses as another name of ours does, under the name that was asked for. What it leads to is looked for in all
    /// hosted zones; CNAMEs on the way are followed and not shown.
    pub fn emit_alias(&mut self, alias: u16) -> Result<Next, Full> {
        let Some(to) = self.compiled.routes.aliases.get(usize::from(alias)) else {
            return self.emit_negative(Rcode::NoError);
        };
        self.tell(|| Why::Alias { alias: usize::from(alias) });
        self.other.set(to.as_wire());
        for _ in 0..=ALIASES_MAX {
            let Some(zone) = self.compiled.zone_of(self.other.wire(), self.rtype) else { break };
            let Some(contents) = &zone.zone.contents else { return Ok(self.serv_fail()) };
            let apex_len = zone.declared.apex.as_wire().len();
            let zonal = Zonal::read(&self.compiled.routes, self.other.wire(), apex_len);
            let zonal_of = zonal.filter(|zonal| zonal.encloser == 0).and_then(|zonal| zonal.of);
            let node = match contents.find(self.other.wire()) {
                Found::Exists { node, wildcard: None } => Some(node),
                Found::Exists { node, wildcard: Some(encloser) } => {
                    Some(node).filter(|_| zonal.is_none_or(|zonal| zonal.encloser >= encloser))
                }
                Found::Missing { .. } => None,
                Found::Delegated { .. } | Found::Below { .. } => break,
            };
            match zone.slots(node).of(self.rtype) {
                Some(Steered::Alias(next)) => {
                    let Some(to) = self.compiled.routes.aliases.get(usize::from(next)) else { break };
                    self.other.set(to.as_wire());
                    continue;
                }
                Some(steered) => return self.emit_steered(steered),
                None => {}
            }
            let set = |rtype| node.and_then(|node| node.set(rtype));
            if let Some(set) = set(self.rtype) {
                self.emit_set(set)?;
                return Ok(Next::Done);
            }
            if let Some(target) = set(rtype::CNAME).and_then(|alias| alias.rdata().next()) {
                self.other.set(target);
                continue;
            }
            if let Some(of) = zonal_of {
                return self.emit_zonal(of);
            }
            break;
        }
        self.emit_negative(Rcode::NoError)
    }

    /// Keeps an account, where one is kept.
    pub fn tell(&mut self, why: impl FnOnce() -> Why) {
        if let Some(account) = &mut self.account {
            account.push(why());
        }
    }

    /// We should know, and do not yet: the asker tries another server.
    fn serv_fail(&mut self) -> Next {
        self.outcome.rcode = Rcode::ServFail;
        self.outcome.authority = crate::message::Authority::NotOurs;
        Next::Done
    }
}

/// Puts two parts of a name together; none if they are too long for one (RFC 6672 2.2).
fn join(name: &mut [u8; NAME_BYTES], first: &[u8], second: &[u8]) -> Option<usize> {
    let len = first.len() + second.len();
    name.get_mut(..first.len())?.copy_from_slice(first);
    name.get_mut(first.len()..len)?.copy_from_slice(second);
    Some(len)
}
