//! What a signed zone can answer, as sets to sign ahead.
//!
//! 1. Steered names first: each is asked for as clients would ask, from every kind of place that the estate knows, with as many
//!    chances as bring something new. What is not found so (odds far below one in a hundred, places of a geography database) is signed when it
//!    is first asked for, within the budget.
//! 2. Then the apex: keys, SOA and what stands there. Then plain sets, at most as many as the caller takes.
//! 3. What is never signed is left out: glue, and the NS set of a delegation (RFC 4035 2.2).
//!
//! Not here: signing (`hf-keys`), deadlines (`hf-dns`).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use hf_config::estate::ZoneIx;
use hf_dnssec::{KEY_TTL_S, OwnedSet};
use hf_hosted::Found;
use hf_model::{Cidr, WireName};

use crate::answer::{Asked, Asker, ExplainTxt};
use crate::compiled::Compiled;
use crate::message::{ASKED_AT, Frame, Message};
use crate::rtype;
use crate::signed::{VARIANTS_MAX, draw_seed, soa_rdata};
use crate::write::Scratch;

/// Places that clients are tried from at most.
const PLACES_MAX: usize = 64;
/// Zonal names whose variants are made ahead at most.
const ZONAL_MAX: usize = 2_000;
/// Chances after the last one that brought something new, for each variant so far.
const TRIES: usize = 16;
/// Bytes of an answer that is tried: no steered set is larger.
const ANSWER_BYTES: usize = 4_096;

/// A name whose answers are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SteeredName {
    /// The name, folded.
    pub name: WireName,
    /// A or AAAA.
    pub rtype: u16,
}

impl Compiled {
    /// The apexes of the zones that are signed, folded.
    pub fn signed_zones(&self) -> Vec<WireName> {
        let apexes = self.routes.declared.iter().map(|declared| &declared.apex);
        apexes.filter(|apex| self.signing.zone(apex).is_some()).cloned().collect()
    }

    /// The steered names of a hosted zone, declared ones first, then zonal ones.
    pub fn steered_names(&self, apex: &WireName) -> Vec<SteeredName> {
        let Some(declared) = self.routes.declared.iter().find(|declared| declared.apex == *apex) else {
            return Vec::new();
        };
        let mut names = Vec::new();
        for (name, tag) in &declared.tags {
            let slots = declared.slots.get(*tag as usize).copied().unwrap_or_default();
            let types = [rtype::A, rtype::AAAA].into_iter().filter(|rtype| slots.of(*rtype).is_some());
            names.extend(types.map(|rtype| SteeredName { name: name.folded(), rtype }));
        }
        let estate = &self.snapshot.estate;
        let of_pools =
            estate.pool_indexes().flat_map(|pool| estate.zone_indexes().map(move |zone| (pool, zone)));
        let zonal = of_pools.flat_map(|(pool, zone)| {
            let label = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
            let types = self.routes.plans.zonal_types(pool, zone);
            types.into_iter().flat_map(move |rtype| {
                let labels = [label(estate.zone(zone).id.as_str()), label(estate.pool(pool).name.as_str())];
                let wire = [&labels.concat(), &b"\x04pool"[..], apex.as_wire()].concat();
                WireName::from_wire(&wire).map(|name| SteeredName { name, rtype })
            })
        });
        names.extend(zonal.take(ZONAL_MAX));
        names
    }

    /// Every set that a steered name may be answered with now, as far as it is found; `own_zone` as in [`Asker`].
    pub fn variants(
        &self,
        of: &SteeredName,
        own_zone: Option<ZoneIx>,
        scratch: &mut Scratch,
    ) -> Vec<OwnedSet> {
        let mut sets = BTreeSet::new();
        for place in self.places() {
            let asker = |seed| Asker {
                address: place.0,
                subnet: Some(place),
                own_zone,
                seed,
                explain: ExplainTxt::Refused,
            };
            let before = sets.len();
            let mut idle = 0;
            for seed in 0_u64.. {
                // The draws that are answered where there are many variants, then others.
                let chance = if seed < VARIANTS_MAX {
                    draw_seed(seed)
                } else {
                    seed.wrapping_mul(0xd134_2543_de82_ef95)
                };
                let (set, scope_bits) = self.variant(of, &asker(chance), scratch);
                let is_new = set.is_some_and(|set| sets.insert(set));
                idle = if is_new { 0 } else { idle + 1 };
                let found = sets.len() - before;
                if seed + 1 >= VARIANTS_MAX && (found as u64 >= VARIANTS_MAX || idle > TRIES * found.max(1)) {
                    if scope_bits == Some(0) {
                        return sets.into_iter().collect();
                    }
                    break;
                }
            }
        }
        sets.into_iter().collect()
    }

    fn variant(
        &self,
        of: &SteeredName,
        asker: &Asker,
        scratch: &mut Scratch,
    ) -> (Option<OwnedSet>, Option<u8>) {
        let name = of.name.as_wire();
        let question_end = ASKED_AT + name.len() + 4;
        let mut bytes = [0; ANSWER_BYTES];
        bytes[ASKED_AT..ASKED_AT + name.len()].copy_from_slice(name);
        let frame = Frame { question_end, limit: ANSWER_BYTES, room: 0 };
        let mut out = Message::new(&mut bytes, frame);
        let asked = Asked { name, rtype: of.rtype, class: 1, dnssec_ok: false, compact_ok: false };
        let outcome = self.write(&asked, asker, scratch, &mut out);
        let mut records = &out.written()[question_end..];
        let mut rdata = Vec::new();
        let mut ttl_s = u32::MAX;
        // Under its own name alone: what an ALIAS leads to is answered under it, a CNAME is a plain set.
        while let [0xc0, 0x0c, t0, t1, _, _, a, b, c, d, l0, l1, behind @ ..] = records {
            let len = usize::from(u16::from_be_bytes([*l0, *l1]));
            let Some((data, next)) = behind.split_at_checked(len) else { break };
            if u16::from_be_bytes([*t0, *t1]) != of.rtype {
                break;
            }
            ttl_s = ttl_s.min(u32::from_be_bytes([*a, *b, *c, *d]));
            rdata.push(data);
            records = next;
        }
        let set = (!rdata.is_empty()).then(|| OwnedSet::new(name, of.rtype, ttl_s, rdata));
        (set, outcome.scope_bits)
    }

    /// One client of each kind of place: of no zone's networks first.
    fn places(&self) -> Vec<(IpAddr, u8)> {
        let estate = &self.snapshot.estate;
        let zones = estate.zone_indexes().flat_map(|zone| &estate.zone(zone).networks);
        let collections = estate.cidr_collections.iter().flat_map(|collection| &collection.places);
        let networks = zones.chain(collections.flat_map(|(_, networks)| networks));
        let place = |network: &Cidr| {
            let address = network.base();
            (address, if address.is_ipv4() { 32 } else { 128 })
        };
        let nowhere = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 32);
        std::iter::once(nowhere).chain(networks.map(place)).take(PLACES_MAX).collect()
    }

    /// The sets of a zone that are not chosen, the apex first, at most `count` of them; steered ones are [`Compiled::variants`].
    pub fn plain_sets(&self, apex: &WireName, count: usize) -> Vec<OwnedSet> {
        let mut sets = Vec::new();
        let Some(position) = self.routes.declared.iter().position(|declared| declared.apex == *apex) else {
            return sets;
        };
        let zone = self.zone_at(position);
        if let Some(signed) = self.signing.zone(apex) {
            use hf_dnssec::rtype::{CDNSKEY, CDS, DNSKEY};
            let keys = &signed.keys;
            for (rtype, rdata) in [(DNSKEY, &keys.dnskey), (CDS, &keys.cds), (CDNSKEY, &keys.cdnskey)] {
                if !rdata.is_empty() {
                    let rdata = rdata.iter().map(|record| &**record);
                    sets.push(OwnedSet::new(apex.as_wire(), rtype, KEY_TTL_S, rdata));
                }
            }
        }
        let Some(contents) = &zone.zone.contents else { return sets };
        if let Some(soa) = contents.soa()
            && let Some(rdata) = soa_rdata(soa, self.serial_of(zone))
        {
            sets.push(OwnedSet::new(apex.as_wire(), rtype::SOA, soa.ttl(), [rdata.as_slice()]));
        }
        let mut last: Vec<u8> = Vec::new();
        let mut owner: Vec<u8> = Vec::new();
        for record in contents.records() {
            if sets.len() >= count {
                break;
            }
            owner.clear();
            record.write_owner(&mut owner);
            if owner == last {
                continue;
            }
            last.clone_from(&owner);
            let (node, is_cut) = match contents.find(&owner) {
                Found::Exists { node, wildcard: None } => (node, false),
                Found::Delegated { at: 0, node } => (node, true),
                _ => continue,
            };
            for set in node.sets() {
                if set.rtype() == rtype::SOA || is_cut && set.rtype() != rtype::DS {
                    continue;
                }
                sets.push(OwnedSet::new(&owner, set.rtype(), set.ttl(), set.rdata()));
            }
        }
        sets
    }
}
