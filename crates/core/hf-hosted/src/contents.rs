//! One version of a hosted zone.
//!
//! 1. A base that versions share, and over it an overlay of whole names where this version differs; a name in the overlay hides
//!    the base's, a name that is gone too.
//! 2. A version never changes. A clone costs a few counters.

use std::sync::Arc;

use hf_model::WireName;

use crate::node::{GONE, NodeRef, SetRef};
use crate::records::Records;
use crate::table::{Search, Shape, Table};
use crate::{rdata, relative, rtype};

/// Names of an overlay up to which a version counts as compact however small its base is.
const OVERLAY_SMALL: usize = 1_024;

/// What a core keeps near by itself, about: the second cache of a server's processor.
const NEAR_BYTES: usize = 1 << 20;

/// One version of a hosted zone's records.
#[derive(Clone)]
pub struct Contents {
    pub(crate) apex: WireName,
    pub(crate) base: Arc<Table>,
    pub(crate) overlay: Option<Arc<Table>>,
    pub(crate) shape: Shape,
    names: usize,
    serial: u32,
    negative_ttl: u32,
}

impl Contents {
    pub(crate) fn from_table(apex: WireName, base: Table) -> Contents {
        let (shape, names) = (base.shape(), base.len());
        Contents { apex, base: Arc::new(base), overlay: None, shape, names, serial: 0, negative_ttl: 0 }
            .with_soa()
    }

    /// The same base under another overlay.
    pub(crate) fn with_overlay(&self, overlay: Table, names: usize) -> Contents {
        let shape = self.base.shape().and(overlay.shape());
        let overlay = Some(Arc::new(overlay));
        Contents { overlay, shape, names, ..self.clone() }.with_soa()
    }

    fn with_soa(mut self) -> Contents {
        let numbers = self.soa().and_then(|soa| {
            let data = soa.rdata().next()?;
            Some((rdata::soa_serial(data)?, rdata::soa_minimum(data)?.min(soa.ttl())))
        });
        (self.serial, self.negative_ttl) = numbers.unwrap_or_default();
        self
    }

    /// The zone's name, in lower case.
    pub fn apex(&self) -> &WireName {
        &self.apex
    }

    /// The SOA's serial; 0 without a SOA.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The SOA.
    pub fn soa(&self) -> Option<SetRef<'_>> {
        self.relative(&[])?.set(rtype::SOA)
    }

    /// Seconds for which a "no" may be kept: the smaller of the SOA's TTL and its minimum (RFC 2308 5); 0 without a SOA.
    pub fn negative_ttl(&self) -> u32 {
        self.negative_ttl
    }

    /// The node of exactly this name (whole, in lower case), whatever hides it: for glue.
    pub fn node(&self, folded: &[u8]) -> Option<NodeRef<'_>> {
        self.relative(relative::of(folded, self.apex.as_wire())?)
    }

    /// The node of a name without the apex's part.
    #[inline]
    pub(crate) fn relative(&self, name: &[u8]) -> Option<NodeRef<'_>> {
        if let Some(overlay) = &self.overlay
            && let Some(node) = overlay.get(name)
        {
            return if node.has(GONE) { None } else { Some(node) };
        }
        self.base.get(name)
    }

    /// The search in the base that [`Contents::find`] begins with for this name, where the base is larger than what a processor keeps near.
    #[inline]
    pub fn search(&self, folded: &[u8]) -> Option<Search<'_>> {
        let end = folded.len().checked_sub(self.apex.as_wire().len())?;
        self.is_far().then(|| self.base.search(&folded[..end]))
    }

    /// Whether the base is larger than what a processor keeps near.
    #[inline]
    pub fn is_far(&self) -> bool {
        self.base.bytes() > NEAR_BYTES
    }

    /// All nodes that exist, those of the base first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        let overlay = self.overlay.as_deref();
        let base = self
            .base
            .nodes()
            .filter(move |node| overlay.is_none_or(|table| table.get(node.relative()).is_none()));
        let above = overlay.map(Table::nodes).into_iter().flatten().filter(|node| !node.has(GONE));
        base.chain(above)
    }

    /// All records, the SOA first: what AXFR sends (and ends with the SOA again).
    pub fn records(&self) -> Records<'_> {
        Records::new(self)
    }

    /// How many names exist, with records or because of names below them.
    pub fn names(&self) -> usize {
        self.names
    }

    /// Bytes of memory, what is shared with other versions included.
    pub fn bytes(&self) -> usize {
        self.base.bytes() + self.overlay.as_ref().map_or(0, |overlay| overlay.bytes())
    }

    /// Whether the overlay has grown so that [`Contents::compacted`] is worth its time: a change costs as much as the overlay
    /// is large.
    pub fn wants_compacting(&self) -> bool {
        let overlay = self.overlay.as_ref().map_or(0, |overlay| overlay.len());
        overlay > OVERLAY_SMALL && overlay > self.base.len() / 16
    }

    /// The same version in one piece. Takes about half a second for a million names: not for the thread that answers.
    #[must_use]
    pub fn compacted(&self) -> Contents {
        if self.overlay.is_none() {
            return self.clone();
        }
        let mut arena = Vec::with_capacity(
            self.base.arena_bytes() + self.overlay.as_ref().map_or(0, |overlay| overlay.arena_bytes()),
        );
        for node in self.nodes() {
            arena.extend_from_slice(node.raw());
        }
        Contents::from_table(self.apex.clone(), Table::new(arena))
    }
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contents of {}, serial {}, {} names", self.apex, self.serial, self.names)
    }
}

#[cfg(test)]
mod tests;
