//! What an answer needs of a signed zone: the sets of its keys, and signatures for its own sets.

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_model::WireName;

use crate::roll::{self, Key};
use crate::{SetToSign, rdata};

/// The DNSKEY, CDS and CDNSKEY sets of a zone, as data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySets {
    /// Every key.
    pub dnskey: Vec<Box<[u8]>>,
    /// What the parent should have (RFC 7344); empty while nothing is active.
    pub cds: Vec<Box<[u8]>>,
    /// The same as keys.
    pub cdnskey: Vec<Box<[u8]>>,
}

impl KeySets {
    /// The sets of these keys.
    pub fn new(apex: &[u8], keys: &[Key]) -> KeySets {
        let mut sets = KeySets::default();
        for (key, role) in keys.iter().zip(roll::roles(keys)) {
            let dnskey = rdata::dnskey(key.algorithm, &key.public);
            if role.at_parent {
                sets.cds.push(rdata::ds(apex, &dnskey));
                sets.cdnskey.push(dnskey.clone());
            }
            sets.dnskey.push(dnskey);
        }
        sets
    }
}

/// Why there is no signature: the answer is SERVFAIL then, since a validator would take an unsigned one for a forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// More was asked for that was not signed ahead than a second's budget has.
    OverBudget,
    /// The library that signs refused.
    Failed,
}

/// Signatures of one zone's sets.
pub trait Signatures: Send + Sync + std::fmt::Debug {
    /// Hands the data of each RRSIG record of a set to `write`: those that were made ahead, or that are made now within a budget.
    fn rrsigs(&self, set: &SetToSign<'_>, write: &mut dyn FnMut(&[u8])) -> Result<(), Unsigned>;
}

/// One signed zone.
#[derive(Clone, Debug)]
pub struct SignedZone {
    /// Its DNSKEY, CDS and CDNSKEY.
    pub keys: KeySets,
    /// Signatures of all its sets.
    pub signatures: Arc<dyn Signatures>,
}

/// Every signed zone, by its apex, folded.
#[derive(Clone, Debug, Default)]
pub struct Signing(pub BTreeMap<WireName, SignedZone>);

impl Signing {
    /// The zone of exactly this apex.
    pub fn zone(&self, apex: &WireName) -> Option<&SignedZone> {
        self.0.get(apex)
    }
}
