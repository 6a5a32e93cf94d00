//! Signatures and proofs in a reply: what a signed zone adds to an answer when its asker wants it (EDNS, DO).
//!
//! 1. Every set in the answer section, and of the authority section all but the NS set of a referral, is followed by its signatures.
//! 2. "No" is compact (RFC 9824): NOERROR, or NXDOMAIN for who says that it knows compact answers (CO), with one NSEC at the name that was asked for. A referral to an unsigned child has an NSEC without DS at
//!    the cut.
//! 3. What a wildcard answers is signed under the wildcard's own name, and an NSEC around the name that it stands in for comes with it, behind
//!    all answers.
//! 4. A steered answer is one of at most [`VARIANTS_MAX`] for each list that its filters leave to chance: where there are more subsets of it, the
//!    chance is one of [`draw_seed`]'s. So all of them can be signed ahead (`crate::variants`).
//! 5. Without a signature that is due the answer is SERVFAIL: to a validator an unsigned one is a forgery, and another server may have it.
//!
//! Not here: how a signature comes about (`hf-dnssec`, `hf-keys`).

use hf_dnssec::denial::{self, Denial};
use hf_dnssec::set::Records;
use hf_dnssec::{KEY_TTL_S, SetToSign, SignedZone, Unsigned};
use hf_hosted::{Found, NodeRef, SetRef};

use crate::answer::Rcode;
use crate::message::{Authority, Full, Owner, Section};
use crate::rtype;
use crate::walk::{Next, Walk};
use crate::zonal::Zonal;

/// Variants of a steered answer, for each list that its filters leave to chance, that are signed ahead.
pub const VARIANTS_MAX: u64 = 64;

/// Bytes of all signatures of one set: eight keys' worth, with the longest apex.
const RRSIGS_BYTES: usize = 8 * (18 + 255 + 64);

/// Bytes of a record before its data, where its owner is a pointer.
const HEAD_BYTES: usize = 12;

/// The chance of one of the [`VARIANTS_MAX`] draws: numbers far apart, the same on every node.
pub fn draw_seed(seed: u64) -> u64 {
    // SplitMix64's finisher: neighbours have nothing in common.
    let mut mixed = (seed % VARIANTS_MAX + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Whether a draw of so many out of a list has more outcomes than are signed ahead, as sets.
pub fn has_many_variants(of: usize, taken: usize) -> bool {
    let taken = taken.min(of - taken.min(of)) as u64;
    let mut subsets = 1;
    for step in 1..=taken {
        subsets = subsets * (of as u64 - taken + step) / step;
        if subsets > VARIANTS_MAX {
            return true;
        }
    }
    false
}

/// Signatures of one set, before they come into the reply.
struct Rrsigs {
    bytes: [u8; RRSIGS_BYTES],
    len: usize,
}

impl Rrsigs {
    fn of(zone: &SignedZone, set: &SetToSign<'_>) -> Result<Rrsigs, Unsigned> {
        let mut rrsigs = Rrsigs { bytes: [0; RRSIGS_BYTES], len: 0 };
        zone.signatures.rrsigs(set, &mut |rrsig| {
            let end = rrsigs.len + 2 + rrsig.len();
            if let Some(place) = rrsigs.bytes.get_mut(rrsigs.len..end) {
                place[..2].copy_from_slice(&(rrsig.len() as u16).to_be_bytes());
                place[2..].copy_from_slice(rrsig);
                rrsigs.len = end;
            }
        })?;
        Ok(rrsigs)
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..self.len];
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first_chunk()?;
            let (rrsig, next) = behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
            rest = next;
            Some(rrsig)
        })
    }
}

impl<'a> Walk<'a, '_, '_> {
    /// The zone's keys, if it is signed.
    pub fn keys(&self) -> Option<&'a SignedZone> {
        self.compiled.signing.zone(&self.zone.declared.apex)
    }

    /// The same if the asker wants signatures.
    fn signed(&self) -> Option<&'a SignedZone> {
        if self.dnssec_ok { self.keys() } else { None }
    }

    /// Whether the choice of a steered answer is one of the variants that are signed ahead.
    pub fn is_signed(&self) -> bool {
        self.signed().is_some()
    }

    /// Signs the records from `start` on to the end of the reply: one set, under the name that stands at `owner_at`.
    pub fn sign(&mut self, start: usize, owner_at: usize) -> Result<(), Full> {
        let Some(zone) = self.signed() else { return Ok(()) };
        let finished = &self.out.written()[start..];
        let Some(head) = finished.first_chunk::<HEAD_BYTES>() else { return Ok(()) };
        let rtype = u16::from_be_bytes([head[2], head[3]]);
        let ttl_s = u32::from_be_bytes([head[6], head[7], head[8], head[9]]);
        let mut owner = [0; 2 + 255];
        let owner = self.own_owner(owner_at, &mut owner);
        let rrsigs =
            Rrsigs::of(zone, &SetToSign { owner, rtype, ttl_s, records: Records::Finished(finished) });
        self.put(Section::Answer, Owner::At(owner_at), ttl_s, rrsigs)
    }

    /// The name under which a set of the current step is signed: of what a wildcard answers, the wildcard's.
    pub fn own_owner<'o>(&self, owner_at: usize, buffer: &'o mut [u8; 257]) -> &'o [u8] {
        let at = owner_at - self.owner_at;
        let (star, suffix): (&[u8], &[u8]) = match self.wildcard {
            Some(encloser) if at == 0 => (b"\x01*", &self.name.wire()[encloser..]),
            _ => (b"", &self.name.wire()[at..]),
        };
        let len = star.len() + suffix.len();
        buffer[..star.len()].copy_from_slice(star);
        buffer[star.len()..len].copy_from_slice(suffix);
        &buffer[..len]
    }

    fn put(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        ttl_s: u32,
        rrsigs: Result<Rrsigs, Unsigned>,
    ) -> Result<(), Full> {
        let rrsigs = match rrsigs {
            Ok(rrsigs) => rrsigs,
            Err(why) => {
                self.unsigned = Some(why);
                return Err(Full);
            }
        };
        for rrsig in rrsigs.iter() {
            self.out.record(section, owner, hf_dnssec::rtype::RRSIG, ttl_s, rrsig)?;
        }
        Ok(())
    }

    /// One TTL for all records from `start` on, the lowest (RFC 2181 5.2): branches of a tree may have several.
    pub fn level_ttls(&mut self, start: usize) {
        if self.is_signed() {
            self.out.level_ttls(start);
        }
    }

    /// Signs the SOA that stands in a section, whatever TTL it has there.
    pub fn sign_soa(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        ttl_s: u32,
        serial: u32,
    ) -> Result<(), Full> {
        let Some(zone) = self.signed() else { return Ok(()) };
        let Some(set) = self.zone.zone.contents.as_ref().and_then(hf_hosted::Contents::soa) else {
            return Ok(());
        };
        let Some(rdata) = soa_rdata(set, serial) else { return Ok(()) };
        let set = SetToSign {
            owner: self.zone.declared.apex.as_wire(),
            rtype: rtype::SOA,
            ttl_s: set.ttl(),
            records: Records::List(&[&rdata]),
        };
        self.put(section, owner, ttl_s, Rrsigs::of(zone, &set))
    }

    /// The keys' sets, if one of them was asked for at the apex.
    pub fn emit_keys(&mut self) -> Result<Option<Next>, Full> {
        let Some(zone) = self.keys() else { return Ok(None) };
        let set = match self.rtype {
            hf_dnssec::rtype::DNSKEY => &zone.keys.dnskey,
            hf_dnssec::rtype::CDS => &zone.keys.cds,
            hf_dnssec::rtype::CDNSKEY => &zone.keys.cdnskey,
            _ => return Ok(None),
        };
        if set.is_empty() {
            return Ok(None);
        }
        let start = self.out.len();
        for rdata in set {
            self.out.record(Section::Answer, Owner::At(self.owner_at), self.rtype, KEY_TTL_S, rdata)?;
        }
        self.sign(start, self.owner_at)?;
        Ok(Some(Next::Done))
    }

    /// The proof of a "no" for the current name; the response code is NOERROR then, unless the asker knows compact answers.
    pub fn prove_no(&mut self, rcode: Rcode) -> Result<(), Full> {
        if !self.is_signed() {
            return Ok(());
        }
        let denial = if rcode == Rcode::NxDomain {
            if !self.compact_ok {
                self.outcome.rcode = Rcode::NoError;
            }
            denial::no_name(self.name.wire())
        } else {
            denial::no_data(self.name.wire(), &self.types_but(self.rtype))
        };
        self.prove(Section::Authority, &denial)
    }

    /// The NSEC of the current name, where that was asked for.
    pub fn emit_nsec(&mut self) -> Result<Option<Next>, Full> {
        if self.rtype != hf_dnssec::rtype::NSEC || !self.is_signed() {
            return Ok(None);
        }
        let denial = denial::no_data(self.name.wire(), &self.types_but(self.rtype));
        let ttl_s = self.negative_ttl();
        let start = self.out.len();
        let owner = Owner::At(self.owner_at);
        self.out.record(Section::Answer, owner, self.rtype, ttl_s, &denial.rdata)?;
        // Made for this very name, also where a wildcard answers.
        let wildcard = self.wildcard.take();
        let signed = self.sign(start, self.owner_at);
        self.wildcard = wildcard;
        signed?;
        Ok(Some(Next::Done))
    }

    /// The proof of what a referral says of its child: its DS set, or that there is none. `at`: where the cut begins in the current name.
    pub fn prove_referral(&mut self, at: usize, node: NodeRef<'a>) -> Result<(), Full> {
        let Some(zone) = self.signed() else { return Ok(()) };
        let cut = Owner::At(self.owner_at + at);
        if let Some(ds) = node.set(rtype::DS) {
            for rdata in ds.rdata() {
                self.out.record(Section::Authority, cut, rtype::DS, ds.ttl(), rdata)?;
            }
            let set = SetToSign {
                owner: &self.name.wire()[at..],
                rtype: rtype::DS,
                ttl_s: ds.ttl(),
                records: Records::Finished(ds.finished()),
            };
            return self.put(Section::Authority, cut, ds.ttl(), Rrsigs::of(zone, &set));
        }
        let denial = denial::no_data(&self.name.wire()[at..], &[rtype::NS]);
        self.prove(Section::Authority, &denial)
    }

    /// Notes that a wildcard answers for the current name.
    pub fn note_wildcard(&mut self) {
        let Some(encloser) = self.wildcard else { return };
        let next_closer = crate::presigned::next_closer(self.name.wire(), encloser);
        if self.presigned().is_some() {
            let next_closer = next_closer.to_vec();
            return self.covers.push(next_closer);
        }
        if !self.is_signed() {
            return;
        }
        match denial::no_closer_name(next_closer) {
            Some(denial) => self.proofs.push(denial),
            None => self.unsigned = Some(Unsigned::Failed),
        }
    }

    /// Writes the proofs that wildcards owe; before anything comes into the additional section.
    pub fn settle_proofs(&mut self) -> Result<(), Full> {
        if self.unsigned.is_some() {
            return Err(Full);
        }
        for denial in std::mem::take(&mut self.proofs) {
            self.prove(Section::Authority, &denial)?;
        }
        self.settle_brought()
    }

    /// Takes back everything: no signature could be had.
    pub fn fail_unsigned(&mut self) {
        self.out.clear();
        self.outcome.rcode = Rcode::ServFail;
        self.outcome.authority = Authority::NotOurs;
    }

    fn prove(&mut self, section: Section, denial: &Denial) -> Result<(), Full> {
        let Some(zone) = self.signed() else { return Ok(()) };
        let ttl_s = self.negative_ttl();
        let rtype = hf_dnssec::rtype::NSEC;
        let owner = Owner::Name(&denial.owner);
        self.out.record(section, owner, rtype, ttl_s, &denial.rdata)?;
        let records = Records::List(&[&denial.rdata]);
        let set = SetToSign { owner: &denial.owner, rtype, ttl_s, records };
        self.put(section, owner, ttl_s, Rrsigs::of(zone, &set))
    }

    fn negative_ttl(&self) -> u32 {
        self.zone.zone.soa.as_ref().map_or(0, |soa| soa.negative_ttl)
    }

    /// The types that the current name has, the one apart that is being denied.
    fn types_but(&self, denied: u16) -> Vec<u16> {
        let name = self.name.wire();
        let apex = self.zone.declared.apex.as_wire();
        let Some(contents) = &self.zone.zone.contents else { return Vec::new() };
        let mut types: Vec<u16> = match contents.find(name) {
            Found::Delegated { node, .. } => {
                let sets = node.sets().map(|set| set.rtype());
                sets.filter(|rtype| matches!(*rtype, rtype::NS | rtype::DS)).collect()
            }
            Found::Exists { node, .. } => {
                let slots = self.zone.slots(Some(node));
                let steered = [rtype::A, rtype::AAAA].into_iter().filter(|rtype| slots.of(*rtype).is_some());
                node.sets().map(|set| set.rtype()).chain(steered).collect()
            }
            Found::Below { .. } | Found::Missing { .. } => Vec::new(),
        };
        if name == apex {
            use hf_dnssec::rtype::{CDNSKEY, CDS, DNSKEY};
            types.push(DNSKEY);
            if self.keys().is_some_and(|zone| !zone.keys.cds.is_empty()) {
                types.extend([CDS, CDNSKEY]);
            }
        } else if self.compiled.routes.zones_around(name).next() != Some(self.zone.at) {
            // The apex of another hosted zone: here it is a cut, whether or not anybody wrote its NS set.
            types.retain(|rtype| *rtype == rtype::DS);
            types.push(rtype::NS);
        } else if let Some(Zonal { encloser: 0, of: Some((pool, zone)) }) =
            Zonal::read(&self.compiled.routes, name, apex.len())
        {
            types.extend(self.compiled.routes.plans.zonal_types(pool, zone));
        }
        types.retain(|rtype| *rtype != denied);
        types.sort_unstable();
        types.dedup();
        types
    }
}

/// A SOA's data with the serial of the moment.
pub fn soa_rdata(set: SetRef<'_>, serial: u32) -> Option<Vec<u8>> {
    let mut rdata = set.rdata().next()?.to_vec();
    let at = rdata.len().checked_sub(20)?;
    rdata[at..at + 4].copy_from_slice(&serial.to_be_bytes());
    Some(rdata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_variants_are_more_than_are_signed_ahead() {
        for (of, taken, many) in [
            (0, 0, false),
            (3, 1, false),
            (64, 1, false),
            (65, 1, true),
            (11, 2, false),
            (12, 2, true),
            (8, 4, true),
            (1_000, 1_000, false),
            (1_000, 999, true),
            (60_000, 30_000, true),
        ] {
            assert_eq!(has_many_variants(of, taken), many, "{taken} of {of}");
        }
    }

    #[test]
    fn there_are_as_many_draws_as_variants() {
        let seeds: std::collections::BTreeSet<u64> = (0..1_000).map(draw_seed).collect();
        assert_eq!(seeds.len() as u64, VARIANTS_MAX);
    }
}
