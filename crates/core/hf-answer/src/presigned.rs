//! Zones that their primary (or whoever made the file) has signed: their own signatures and denials, as they came.
//!
//! 1. A zone whose apex has DNSKEY and RRSIG sets, and that this node does not sign by itself, is served with what it brought, to who wants
//!    signatures (EDNS, DO): each plain set with its RRSIGs, "no" with the NSEC or NSEC3 records that RFC 4035 3.1.3 and RFC 5155 7.2 ask for.
//! 2. What we lay over it (steered names, zonal names) has no signature: nobody here can make one. Sign such a zone here, or steer in another.
//! 3. An index of the denials is made when the contents change: some 100 bytes for each. With more rounds of hashing than
//!    [`nsec3::ITERATIONS_MAX`] there is none, and negative answers come without proof.
//!
//! Not here: our own signatures (`crate::signed`).

use hf_dnssec::nsec3::{self, Hash};
use hf_dnssec::rtype::{DNSKEY, NSEC, RRSIG};
use hf_hosted::{Contents, Found, NodeRef, SetRef};

use crate::answer::Rcode;
use crate::message::{Full, Owner, Section};
use crate::name;
use crate::rtype;
use crate::walk::Walk;

/// RFC 5155.
const NSEC3: u16 = 50;
const NSEC3PARAM: u16 = 51;

/// Denials of one negative answer at most: the closest encloser, the name below it, the wildcard.
const DENIALS_MAX: usize = 3;

/// A name by its key ([`order_key`]), and the name.
type Named = (Box<[u8]>, Box<[u8]>);

/// How a zone denies.
#[derive(Debug)]
pub enum Presigned {
    /// Signed, and without denials that we could find our way in.
    Bare,
    /// By name: owners in canonical order (RFC 4034 6.1), by their key.
    ByName(Vec<Named>),
    /// By hashed name, in order.
    ByHash {
        /// Rounds beyond the first.
        iterations: u16,
        /// Goes into each round.
        salt: Box<[u8]>,
        /// Hashes that have a record.
        hashes: Vec<Hash>,
    },
}

impl Presigned {
    /// What contents brought; none if they are not signed. Work: all records, where they are.
    pub fn of(contents: &Contents) -> Option<Presigned> {
        let apex = contents.node(contents.apex().as_wire())?;
        if apex.set(DNSKEY).is_none() || apex.set(RRSIG).is_none() {
            return None;
        }
        let parameters = apex.set(NSEC3PARAM).and_then(|set| parameters(set.rdata().next()?));
        let mut owner = Vec::new();
        if let Some((iterations, salt)) = parameters.filter(|(rounds, _)| *rounds <= nsec3::ITERATIONS_MAX) {
            let records = contents.records().filter(|record| record.rtype == NSEC3);
            let ours = records.filter(|record| parameters_of_nsec3(record.rdata) == Some((iterations, salt)));
            let mut hashes: Vec<Hash> =
                ours.filter_map(|record| nsec3::read_label(record.relative())).collect();
            hashes.sort_unstable();
            hashes.dedup();
            return Some(Presigned::ByHash { iterations, salt: salt.into(), hashes });
        }
        let records = contents.records().filter(|record| record.rtype == NSEC);
        let mut names: Vec<Named> = records
            .map(|record| {
                owner.clear();
                record.write_owner(&mut owner);
                (order_key(&owner).into(), owner.as_slice().into())
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        Some(if names.is_empty() { Presigned::Bare } else { Presigned::ByName(names) })
    }

    /// The owner of the record that matches a name, or that stands before it.
    fn denial(&self, name: &[u8], apex: &[u8]) -> Option<(Box<[u8]>, bool)> {
        match self {
            Presigned::Bare => None,
            Presigned::ByName(names) => {
                let key = order_key(name);
                let at = names.binary_search_by(|(known, _)| known.as_ref().cmp(&key));
                let (at, is_match) = at.map_or_else(|at| (at.checked_sub(1), false), |at| (Some(at), true));
                Some((names.get(at?)?.1.clone(), is_match))
            }
            Presigned::ByHash { iterations, salt, hashes } => {
                let hash = nsec3::hash(name, salt, *iterations);
                let (at, is_match) = match hashes.binary_search(&hash) {
                    Ok(at) => (at, true),
                    // What is before the first is behind the last.
                    Err(at) => (at.checked_sub(1).or(hashes.len().checked_sub(1))?, false),
                };
                Some(([&nsec3::label(&hashes[at])[..], apex].concat().into(), is_match))
            }
        }
    }
}

/// Rounds and salt of an NSEC3PARAM record that may be used (RFC 5155 4.1.2: SHA-1, no flags).
fn parameters(rdata: &[u8]) -> Option<(u16, &[u8])> {
    let (&[1, 0, r0, r1, len], rest) = rdata.split_first_chunk::<5>()? else { return None };
    Some((u16::from_be_bytes([r0, r1]), rest.get(..usize::from(len))?))
}

/// The same of an NSEC3 record, whose flags may say that delegations are left out.
fn parameters_of_nsec3(rdata: &[u8]) -> Option<(u16, &[u8])> {
    let (&[1, _, r0, r1, len], rest) = rdata.split_first_chunk::<5>()? else { return None };
    Some((u16::from_be_bytes([r0, r1]), rest.get(..usize::from(len))?))
}

/// Bytes whose order is that of folded names (RFC 4034 6.1): labels from the root on, each with an end that is less than any byte of a label.
fn order_key(name: &[u8]) -> Vec<u8> {
    let starts: Vec<usize> = name::starts(name).collect();
    let mut key = Vec::with_capacity(name.len() + 8);
    for start in starts.into_iter().rev() {
        let len = usize::from(name[start]);
        for byte in &name[start + 1..start + 1 + len] {
            match byte {
                0 => key.extend([1, 1]),
                1 => key.extend([1, 2]),
                other => key.push(*other),
            }
        }
        key.push(0);
    }
    key
}

impl<'a> Walk<'a, '_, '_> {
    /// The zone's own signatures, if it brought some, nobody here signs it, and the asker wants them.
    pub fn presigned(&self) -> Option<(&'a Presigned, &'a Contents)> {
        if !self.dnssec_ok || self.keys().is_some() {
            return None;
        }
        Some((self.zone.zone.presigned.as_ref()?, self.zone.zone.contents.as_ref()?))
    }

    /// Appends the signatures over a set that was just written, under the name that is owner in the zone.
    pub fn put_brought(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        own: &[u8],
        set: SetRef<'a>,
    ) -> Result<(), Full> {
        let Some((_, contents)) = self.presigned() else { return Ok(()) };
        let Some(node) = contents.node(own) else { return Ok(()) };
        // What another name lends (ALIAS) is not signed under this one.
        let is_its_own =
            node.set(set.rtype()).is_some_and(|known| std::ptr::eq(known.finished(), set.finished()));
        if is_its_own { self.put_rrsigs(section, owner, node, set.rtype(), set.ttl()) } else { Ok(()) }
    }

    /// Appends the signatures of a node over one of its types.
    fn put_rrsigs(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        node: NodeRef<'a>,
        covered: u16,
        ttl_s: u32,
    ) -> Result<(), Full> {
        let Some(all) = node.set(RRSIG) else { return Ok(()) };
        for rrsig in all.rdata().filter(|rrsig| rrsig.starts_with(&covered.to_be_bytes())) {
            self.out.record(section, owner, RRSIG, ttl_s, rrsig)?;
        }
        Ok(())
    }

    /// The signature of the SOA, where it stands as it was signed.
    pub fn put_brought_soa(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        ttl_s: u32,
        serial: u32,
    ) -> Result<(), Full> {
        let Some((_, contents)) = self.presigned() else { return Ok(()) };
        let node = contents.node(contents.apex().as_wire());
        match node.filter(|_| contents.serial() == serial) {
            Some(apex) => self.put_rrsigs(section, owner, apex, rtype::SOA, ttl_s),
            None => Ok(()),
        }
    }

    /// The proof of a "no" for the current name.
    pub fn prove_brought_no(&mut self, rcode: Rcode) -> Result<(), Full> {
        let Some((presigned, contents)) = self.presigned() else { return Ok(()) };
        let folded = self.name.wire().to_vec();
        let mut proof = Proof::new(presigned, contents);
        match contents.find(&folded) {
            Found::Exists { wildcard: None, .. } | Found::Delegated { at: 0, .. }
                if rcode != Rcode::NxDomain =>
            {
                proof.no_data(&folded);
            }
            Found::Exists { wildcard: Some(encloser), .. } => {
                proof.no_closer(&folded, encloser);
                proof.matching(&[b"\x01*", &folded[encloser..]].concat());
            }
            Found::Missing { encloser } => {
                proof.no_closer(&folded, encloser);
                proof.covering(&[b"\x01*", &folded[encloser..]].concat());
            }
            // The owner of a hashed name: in the zone's own sense it does not exist.
            _ => {
                let encloser = folded.len() - contents.apex().as_wire().len();
                proof.no_closer(&folded, encloser);
                proof.covering(&[b"\x01*", &folded[encloser..]].concat());
            }
        }
        self.put_denials(&proof.owners)
    }

    /// The proof that a cut has no DS set. `at`: where it begins in the current name.
    pub fn prove_brought_referral(&mut self, at: usize, node: NodeRef<'a>) -> Result<(), Full> {
        let Some((presigned, contents)) = self.presigned() else { return Ok(()) };
        let cut = self.name.wire()[at..].to_vec();
        let owner = Owner::At(self.owner_at + at);
        if let Some(ds) = node.set(rtype::DS) {
            for rdata in ds.rdata() {
                self.out.record(Section::Authority, owner, rtype::DS, ds.ttl(), rdata)?;
            }
            return self.put_rrsigs(Section::Authority, owner, node, rtype::DS, ds.ttl());
        }
        let mut proof = Proof::new(presigned, contents);
        proof.no_data(&cut);
        self.put_denials(&proof.owners)
    }

    /// The proofs that no name is closer than those that wildcards stood in for.
    pub fn settle_brought(&mut self) -> Result<(), Full> {
        for next_closer in std::mem::take(&mut self.covers) {
            let Some((presigned, contents)) = self.presigned() else { return Ok(()) };
            let mut proof = Proof::new(presigned, contents);
            proof.covering(&next_closer);
            self.put_denials(&proof.owners)?;
        }
        Ok(())
    }

    fn put_denials(&mut self, owners: &[Box<[u8]>]) -> Result<(), Full> {
        let Some((presigned, contents)) = self.presigned() else { return Ok(()) };
        let rtype = if matches!(presigned, Presigned::ByHash { .. }) { NSEC3 } else { NSEC };
        for owner in owners {
            let Some(node) = contents.node(owner) else { continue };
            let Some(set) = node.set(rtype) else { continue };
            for rdata in set.rdata() {
                self.out.record(Section::Authority, Owner::Name(owner), rtype, set.ttl(), rdata)?;
            }
            self.put_rrsigs(Section::Authority, Owner::Name(owner), node, rtype, set.ttl())?;
        }
        Ok(())
    }

    /// Whether a name is there only as the owner of a hashed name (RFC 5155 7.2.8).
    pub fn is_hash_owner(&self, node: NodeRef<'a>) -> bool {
        matches!(self.zone.zone.presigned, Some(Presigned::ByHash { .. }))
            && node.set(NSEC3).is_some()
            && node.sets().all(|set| matches!(set.rtype(), NSEC3 | RRSIG))
    }
}

/// The owners of records that prove something, each once.
struct Proof<'a> {
    presigned: &'a Presigned,
    contents: &'a Contents,
    owners: Vec<Box<[u8]>>,
}

impl<'a> Proof<'a> {
    fn new(presigned: &'a Presigned, contents: &'a Contents) -> Self {
        Proof { presigned, contents, owners: Vec::with_capacity(DENIALS_MAX) }
    }

    fn find(&self, name: &[u8]) -> Option<(Box<[u8]>, bool)> {
        self.presigned.denial(name, self.contents.apex().as_wire())
    }

    fn add(&mut self, found: Option<(Box<[u8]>, bool)>) {
        if let Some((owner, _)) = found.filter(|(owner, _)| !self.owners.contains(owner)) {
            self.owners.push(owner);
        }
    }

    /// The record at a name; around it, where names without records have none.
    fn matching(&mut self, name: &[u8]) {
        self.add(self.find(name));
    }

    /// The record around a name that does not exist.
    fn covering(&mut self, name: &[u8]) {
        self.add(self.find(name).filter(|(_, is_match)| !is_match));
    }

    /// The types of a name that exists. A hashed name may be left out (an unsigned delegation, RFC 5155 7.2.4): then what is around it.
    fn no_data(&mut self, name: &[u8]) {
        let found = self.find(name);
        let is_match = found.as_ref().is_some_and(|(_, is_match)| *is_match);
        if is_match || !matches!(self.presigned, Presigned::ByHash { .. }) {
            return self.add(found);
        }
        let apex_at = name.len() - self.contents.apex().as_wire().len();
        let enclosers = name::starts(name).skip(1).take_while(|at| *at <= apex_at);
        let provable = |at: &usize| self.find(&name[*at..]).is_some_and(|(_, is_match)| is_match);
        if let Some(encloser) = enclosers.into_iter().find(provable) {
            self.no_closer(name, encloser);
        }
    }

    /// That nothing is closer to a name than the encloser that begins at `encloser` in it.
    fn no_closer(&mut self, name: &[u8], encloser: usize) {
        if matches!(self.presigned, Presigned::ByHash { .. }) {
            self.matching(&name[encloser..]);
        }
        self.covering(next_closer(name, encloser));
    }
}

/// The name one label longer than the encloser, on the way to a name.
pub fn next_closer(name: &[u8], encloser: usize) -> &[u8] {
    &name[name::starts(name).take_while(|at| *at < encloser).last().unwrap_or(0)..]
}

#[cfg(test)]
mod tests;
