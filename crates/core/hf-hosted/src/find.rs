//! Which part of the zone a name belongs to: RFC 1034 4.3.2.
//!
//! 1. At or below the highest delegation on the way from the apex: that delegation (also for a name that exists: glue).
//! 2. Below the highest DNAME on the way: that DNAME (RFC 6672 3.2), not at it.
//! 3. A name that exists, with records or without.
//! 4. The wildcard below the closest encloser (RFC 4592 3.3.1). A name that exists stops wildcards above it.
//! 5. Nothing.
//!
//! Names above a name that exists exist too, so the closest encloser is found by halving: a name of 127 labels takes seven
//! probes. The way down is walked only where the zone has delegations or DNAMEs.

use crate::contents::Contents;
use crate::node::{CUT, DNAME, NodeRef, SetRef};
use crate::rtype;

/// Where a name belongs.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// It exists, or a wildcard stands for it.
    Exists {
        /// Its records.
        node: NodeRef<'a>,
        /// By a wildcard: where the closest encloser begins in the asked name.
        wildcard: Option<usize>,
    },
    /// Others answer for it.
    Delegated {
        /// Where the delegation's name begins in the asked name.
        at: usize,
        /// The delegation: NS, and DS when it is signed.
        node: NodeRef<'a>,
    },
    /// It lies below a DNAME.
    Below {
        /// Where the DNAME's name begins in the asked name.
        at: usize,
        /// The DNAME.
        dname: SetRef<'a>,
    },
    /// It does not exist.
    Missing {
        /// Where the closest encloser begins in the asked name; at the root for a name outside of the zone.
        encloser: usize,
    },
}

impl Contents {
    /// Finds a name: whole, in wire form, in lower case.
    #[inline]
    pub fn find<'a>(&'a self, folded: &[u8]) -> Found<'a> {
        let apex = self.apex.as_wire();
        let end = folded.len().wrapping_sub(apex.len());
        if folded.get(end..) != Some(apex) {
            return Found::Missing { encloser: folded.len().saturating_sub(1) };
        }
        // What is stored are whole labels: a hit is at a label's border.
        let hit = self.relative(&folded[..end]);
        match hit {
            Some(node) if self.shape.cuts.0 > self.shape.cuts.1 => Found::Exists { node, wildcard: None },
            _ => self.find_slowly(folded, end, hit),
        }
    }

    fn find_slowly<'a>(&'a self, folded: &[u8], end: usize, hit: Option<NodeRef<'a>>) -> Found<'a> {
        let mut starts = [0_u8; 128];
        let (mut at, mut depth) = (0, 0);
        while at < end && depth < starts.len() - 1 {
            starts[depth] = at as u8;
            at += 1 + usize::from(folded[at]);
            depth += 1;
        }
        if at != end || end > 254 {
            return Found::Missing { encloser: folded.len() - 1 };
        }
        starts[depth] = end as u8;
        // Where the suffix of so many labels begins.
        let start = |labels: usize| usize::from(starts[depth - labels]);
        let suffix = |labels: usize| &folded[start(labels)..end];
        let cuts = (usize::from(self.shape.cuts.0), usize::from(self.shape.cuts.1));
        for labels in cuts.0..=cuts.1.min(depth) {
            let node = if labels == depth { hit } else { self.relative(suffix(labels)) };
            let Some(node) = node else { break };
            if node.has(CUT) {
                return Found::Delegated { at: start(labels), node };
            }
            if labels < depth
                && node.has(DNAME)
                && let Some(dname) = node.set(rtype::DNAME)
            {
                return Found::Below { at: start(labels), dname };
            }
        }
        if let Some(node) = hit {
            return Found::Exists { node, wildcard: None };
        }
        // `low` labels exist, `high` do not.
        let (mut low, mut high) = (0, depth.min(usize::from(self.shape.deepest) + 1));
        while low + 1 < high {
            let middle = low.midpoint(high);
            if self.relative(suffix(middle)).is_some() {
                low = middle;
            } else {
                high = middle;
            }
        }
        let encloser = start(low);
        if self.shape.wildcards
            && let Some(node) = self.wildcard(suffix(low))
        {
            return Found::Exists { node, wildcard: Some(encloser) };
        }
        Found::Missing { encloser }
    }

    fn wildcard(&self, encloser: &[u8]) -> Option<NodeRef<'_>> {
        let mut name = [0; 257];
        name[..2].copy_from_slice(b"\x01*");
        name.get_mut(2..2 + encloser.len())?.copy_from_slice(encloser);
        self.relative(&name[..2 + encloser.len()])
    }
}

#[cfg(test)]
pub(crate) mod tests;
