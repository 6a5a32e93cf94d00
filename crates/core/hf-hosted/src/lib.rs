//! What one hosted zone (a DNS zone that we answer for) holds, and how a name is looked up in it.
//!
//! 1. [`Contents`] is one version and never changes. Its records lie as finished wire bytes in one arena, found by one hash probe;
//!    a change makes a new version that shares the arena and lays a small table of whole names over it.
//! 2. [`Contents::find`] is RFC 1034 4.3.2 with RFC 4592 (wildcards), RFC 6672 (DNAME), RFC 8020 (empty non-terminals). It
//!    allocates nothing, and takes at most some ten probes whatever is asked.
//! 3. [`update`] is RFC 2136, [`history`] keeps what IXFR (RFC 1995) needs, [`master`] reads large master files.
//!
//! Not here: which zone a question belongs to, steered answers, messages (`hf-answer`), signatures, sockets and files.

mod builder;
mod changes;
mod contents;
mod find;
mod hash;
pub mod history;
mod index;
pub mod master;
mod node;
mod rdata;
mod records;
mod table;
#[cfg(test)]
mod testing;
pub mod update;

pub use builder::{Builder, ContentProblem, PushError};
pub use changes::{ChangeError, Changes, Rr};
pub use contents::Contents;
pub use find::Found;
pub use node::{NodeRef, Rdata, SetRef, Sets};
pub use records::{RecordRef, Records};
pub use table::Search;

/// Type numbers that the rules look at.
pub mod rtype {
    /// RFC 1035.
    pub const A: u16 = 1;
    /// RFC 1035: a delegation, unless at the apex.
    pub const NS: u16 = 2;
    /// RFC 1035.
    pub const CNAME: u16 = 5;
    /// RFC 1035.
    pub const SOA: u16 = 6;
    /// RFC 1035; UPDATE leaves it alone.
    pub const WKS: u16 = 11;
    /// RFC 1035.
    pub const PTR: u16 = 12;
    /// RFC 1035.
    pub const MX: u16 = 15;
    /// RFC 3596.
    pub const AAAA: u16 = 28;
    /// RFC 2782.
    pub const SRV: u16 = 33;
    /// RFC 6672.
    pub const DNAME: u16 = 39;
    /// RFC 6891; never in a zone.
    pub const OPT: u16 = 41;
    /// RFC 4034.
    pub const RRSIG: u16 = 46;
    /// RFC 4034.
    pub const NSEC: u16 = 47;
    /// Every type of a name, in questions and updates.
    pub const ANY: u16 = 255;

    /// Whether the type stands only in questions and messages, never in a zone (RFC 6895 3.1).
    pub fn is_meta(rtype: u16) -> bool {
        matches!(rtype, 0 | OPT | 128..=255 | u16::MAX)
    }

    /// Whether the type may stand beside a CNAME (RFC 2181 10.1, RFC 4034 2.5, RFC 4035 2.5).
    pub(crate) fn goes_with_cname(rtype: u16) -> bool {
        // KEY is there for names that update themselves (RFC 3007).
        matches!(rtype, RRSIG | NSEC | 25)
    }
}

/// Folded labels before the apex, longest suffix arithmetic and the like, on names without the apex's part.
pub(crate) mod relative {
    use hf_model::WireName;

    /// The bytes before the apex, which end at a label's border; none for a name outside.
    pub(crate) fn of<'n>(name: &'n [u8], apex: &[u8]) -> Option<&'n [u8]> {
        let end = name.len().checked_sub(apex.len())?;
        if &name[end..] != apex {
            return None;
        }
        let mut at = 0;
        while at < end {
            at += 1 + usize::from(name[at]);
        }
        (at == end).then(|| &name[..end])
    }

    /// Without its first label; none for the apex.
    pub(crate) fn parent(name: &[u8]) -> Option<&[u8]> {
        name.get(1 + usize::from(*name.first()?)..)
    }

    /// How many labels.
    pub(crate) fn depth(name: &[u8]) -> u8 {
        let (mut at, mut labels) = (0, 0);
        while at < name.len() {
            at += 1 + usize::from(name[at]);
            labels += 1;
        }
        labels
    }

    /// The whole name.
    pub(crate) fn whole(name: &[u8], apex: &WireName) -> WireName {
        WireName::from_wire(&[name, apex.as_wire()].concat()).expect("names in a table are whole names")
    }
}
