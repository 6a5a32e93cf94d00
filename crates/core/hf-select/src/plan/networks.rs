//! The filter `cidr`: the narrowest network that the client is in and whose candidates are not all gone.
//!
//! 1. Only networks of places that a candidate names count. One whose candidates are all closed gives way to the one around it.
//! 2. Candidates without networks are for everybody else. With none of them nobody is left.
//! 3. Where no candidate names a network all stay.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hf_config::estate::Estate;
use hf_model::Cidr;

use crate::candidate::Candidate;
use crate::mask::{self, Mask};
use crate::prefixes::Prefixes;

/// Candidates by network.
#[derive(Clone, Debug)]
pub struct Networks {
    table: Prefixes,
    /// For each network.
    candidates: Vec<Mask>,
    /// Those without networks.
    others: Mask,
}

impl Networks {
    pub fn new(estate: &Estate, candidates: &[Candidate], words: usize) -> Networks {
        let mut named: BTreeMap<Cidr, Vec<u16>> = BTreeMap::new();
        for candidate in candidates {
            let Some((collection, places)) = &candidate.cidr else { continue };
            let Some(collection) = estate.cidr_collections.get(usize::from(*collection)) else { continue };
            for (_, networks) in places.iter().filter_map(|place| collection.places.get(usize::from(*place)))
            {
                for network in networks {
                    named.entry(*network).or_default().push(candidate.at);
                }
            }
        }
        let networks: Vec<Cidr> = named.keys().copied().collect();
        let others = candidates.iter().filter(|candidate| candidate.cidr.is_none());
        Networks {
            table: Prefixes::new(&networks),
            candidates: named.into_values().map(|at| mask::of(words, at)).collect(),
            others: mask::of(words, others.map(|candidate| candidate.at)),
        }
    }

    /// Bits of the address that decide.
    pub fn bits(&self, address: IpAddr) -> u8 {
        self.table.find(address).bits
    }

    pub fn keep(&self, address: IpAddr, left: &mut [u64]) {
        if self.candidates.is_empty() {
            return;
        }
        let mut at = self.table.find(address).network;
        while let Some(network) = at {
            if mask::meets(left, &self.candidates[network]) {
                return mask::keep(left, &self.candidates[network]);
            }
            at = self.table.around(network);
        }
        mask::keep(left, &self.others);
    }
}
