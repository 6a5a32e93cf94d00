//! How records come into the reply. Each kind in one place: a plain set, a steered set, a negative answer, a referral.

use hf_config::estate::{PoolIx, ZoneIx};
use hf_hosted::{NodeRef, SetRef};

use crate::answer::{AnsweredBy, Rcode, Why};
use crate::message::{ASKED_AT, Authority, Full, Owner, Section};
use crate::name;
use crate::rtype;
use crate::walk::{Next, Walk};
use crate::zone::Steered;

/// Seconds for which the small answer to ANY may be kept.
const ANY_TTL_S: u32 = 3_600;

/// Names whose addresses are added to help, for one answer.
const HELPED_MAX: usize = 8;

/// The fixed part of a record in finished form: owner (a pointer), type, class, TTL and length.
const FINISHED_HEAD_BYTES: usize = 12;

impl<'a> Walk<'a, '_, '_> {
    /// A plain set under the current name, as it stands. Returns where the first record's RDATA begins.
    pub fn emit_set(&mut self, set: SetRef<'a>) -> Result<usize, Full> {
        self.emit_set_at(set, self.owner_at)
    }

    /// A plain set under the name that stands at an offset of the message.
    pub fn emit_set_at(&mut self, set: SetRef<'a>, owner_at: usize) -> Result<usize, Full> {
        let start = self.out.len();
        let count = set.count();
        if owner_at == ASKED_AT {
            self.out.finished(Section::Answer, count, set.finished())?;
        } else if self.out.finished_at(Section::Answer, count, set.finished(), owner_at).is_err() {
            for rdata in set.rdata() {
                self.out.record(Section::Answer, Owner::At(owner_at), set.rtype(), set.ttl(), rdata)?;
            }
        }
        self.sign(start, owner_at)?;
        if self.presigned().is_some() {
            let mut own = [0; 2 + 255];
            let own = self.own_owner(owner_at, &mut own);
            self.put_brought(Section::Answer, Owner::At(owner_at), own, set)?;
        }
        if owner_at == self.owner_at {
            self.note_wildcard();
        }
        self.tell(|| Why::Plain);
        Ok(start + FINISHED_HEAD_BYTES)
    }

    /// The alias that a DNAME makes of the current name. Returns where its RDATA begins.
    pub fn emit_synthesised(&mut self, ttl: u32, target: &[u8]) -> Result<usize, Full> {
        self.out.record(Section::Answer, Owner::At(self.owner_at), rtype::CNAME, ttl, target)
    }

    /// The set of a steered name, under the current name; nothing chosen is NODATA.
    pub fn emit_steered(&mut self, steered: Steered) -> Result<Next, Full> {
        match steered {
            Steered::Record(record) => {
                self.outcome.by = AnsweredBy::Record(record);
                let before = self.out.len();
                self.steer_record(record)?;
                self.or_no_data(before)
            }
            Steered::Tree(tree) => {
                let before = self.out.len();
                self.steer_tree(tree)?;
                self.level_ttls(before);
                self.or_no_data(before)
            }
            Steered::Alias(alias) => self.emit_alias(alias),
        }
    }

    /// The set of a zonal name.
    pub fn emit_zonal(&mut self, (pool, zone): (PoolIx, ZoneIx)) -> Result<Next, Full> {
        self.outcome.by = AnsweredBy::Zonal;
        let before = self.out.len();
        self.steer_zonal(pool, zone)?;
        self.or_no_data(before)
    }

    /// Signs what was chosen; nothing since `start` is NODATA.
    fn or_no_data(&mut self, start: usize) -> Result<Next, Full> {
        if self.out.len() == start {
            return self.emit_negative(Rcode::NoError);
        }
        self.sign(start, self.owner_at)?;
        self.note_wildcard();
        Ok(Next::Done)
    }

    /// The SOA that was asked for.
    pub fn emit_soa(&mut self) -> Result<Next, Full> {
        self.soa(Section::Answer)?;
        self.tell(|| Why::Plain);
        Ok(Next::Done)
    }

    /// Something, where anything was asked for.
    pub fn emit_hinfo(&mut self) -> Result<Next, Full> {
        let owner = Owner::At(self.owner_at);
        let start = self.out.len();
        self.out.record(Section::Answer, owner, rtype::HINFO, ANY_TTL_S, b"\x07RFC8482\0")?;
        self.sign(start, self.owner_at)?;
        self.note_wildcard();
        Ok(Next::Done)
    }

    /// "No", with the SOA that says for how long (RFC 2308).
    pub fn emit_negative(&mut self, rcode: Rcode) -> Result<Next, Full> {
        self.outcome.rcode = rcode;
        self.soa(Section::Authority)?;
        self.prove_no(rcode)?;
        self.prove_brought_no(rcode)?;
        if let Some(account) = &mut self.account
            && account.is_empty()
        {
            account.push(Why::Plain);
        }
        Ok(Next::Done)
    }

    /// Points to the servers of a child zone, with the addresses that we know of them. Authoritative only for the aliases
    /// before it. `at`: where the cut begins in the current name.
    ///
    /// A server's address below the cut must be there, or nobody gets to it (RFC 9471): without room for it the reply is cut.
    pub fn emit_referral(&mut self, at: usize, node: NodeRef<'a>) -> Result<Next, Full> {
        if self.out.count(Section::Answer) == 0 {
            self.outcome.authority = Authority::NotOurs;
        }
        self.tell(|| Why::Plain);
        let (Some(servers), Some(contents)) = (node.set(rtype::NS), &self.zone.zone.contents) else {
            return Ok(Next::Done);
        };
        let cut_at = self.owner_at + at;
        for server in servers.rdata() {
            self.out.parts(Section::Authority, Owner::At(cut_at), rtype::NS, servers.ttl(), |out| {
                out.name(server)
            })?;
        }
        self.prove_referral(at, node)?;
        self.prove_brought_referral(at, node)?;
        self.settle_proofs()?;
        for server in servers.rdata() {
            if !self.other.set(server) {
                continue;
            }
            let must = name::is_at_or_below(self.other.wire(), &self.name.wire()[at..]);
            let Some(node) = contents.node(self.other.wire()) else { continue };
            for glue in [rtype::A, rtype::AAAA].into_iter().filter_map(|rtype| node.set(rtype)) {
                for rdata in glue.rdata() {
                    let owner = Owner::Name(server);
                    let added = self.out.record(Section::Additional, owner, glue.rtype(), glue.ttl(), rdata);
                    if added.is_err() && must {
                        return Err(Full);
                    }
                }
            }
        }
        Ok(Next::Done)
    }

    /// Plain addresses, in this zone, of the names that a set leads to: for MX, SRV, SVCB and HTTPS (RFC 9460 4.1), and only as
    /// long as they fit. `rdata_at`: where the set's first RDATA begins.
    pub fn emit_helpful(&mut self, set: SetRef<'a>, rdata_at: usize) {
        let skipped = match set.rtype() {
            rtype::MX | rtype::SVCB | rtype::HTTPS => 2,
            rtype::SRV => 6,
            _ => return,
        };
        let Some(contents) = &self.zone.zone.contents else { return };
        let mut target_at = rdata_at + skipped;
        for rdata in set.rdata().take(HELPED_MAX) {
            let this_at = target_at;
            target_at += rdata.len() + FINISHED_HEAD_BYTES;
            let Some(target) = rdata.get(skipped..) else { continue };
            let len = name::starts(target).last().map_or(0, |at| at + 1);
            if len < 2 || !self.other.set(&target[..len]) {
                continue;
            }
            let Some(node) = contents.node(self.other.wire()) else { continue };
            for help in [rtype::A, rtype::AAAA].into_iter().filter_map(|rtype| node.set(rtype)) {
                for rdata in help.rdata() {
                    let owner = Owner::At(this_at);
                    if self.out.record(Section::Additional, owner, help.rtype(), help.ttl(), rdata).is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn soa(&mut self, section: Section) -> Result<(), Full> {
        let Some(soa) = &self.zone.zone.soa else { return Ok(()) };
        let ttl = if section == Section::Answer { soa.ttl } else { soa.negative_ttl };
        let serial = self.compiled.serial_of(self.zone);
        let apex_at = self.owner_at + self.name.wire().len() - self.zone.declared.apex.as_wire().len();
        let owner = Owner::At(apex_at);
        self.out.parts(section, owner, rtype::SOA, ttl, |out| soa.write(out, apex_at, serial))?;
        self.sign_soa(section, owner, ttl, serial)?;
        self.put_brought_soa(section, owner, ttl, serial)
    }
}
