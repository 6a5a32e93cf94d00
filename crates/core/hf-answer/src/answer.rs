//! What is asked, and what comes out.

use std::net::IpAddr;
use std::sync::Arc;

use hf_config::estate::{PoolIx, ZoneIx};
use hf_model::WireName;
use hf_select::{Client, Step};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The name, in any case.
    pub name: &'a WireName,
    /// Type number.
    pub rtype: u16,
    /// Class number; all but 1 (IN) is refused.
    pub class: u16,
}

/// Who asks, and where.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The address that the answer goes to, or the client's network if the resolver told it.
    pub address: IpAddr,
    /// The zone of the node that was asked: its region stands in where the address is in no zone's networks.
    pub own_zone: Option<ZoneIx>,
    /// Chance for this one answer.
    pub seed: u64,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rcode {
    /// All is well, also when there is nothing of the type (NODATA).
    NoError,
    /// A type that cannot be asked for.
    FormErr,
    /// No such name.
    NxDomain,
    /// Not ours to answer.
    Refused,
    /// A DNAME made the name too long (RFC 6672 2.2).
    YxDomain,
}

/// One record of an answer, class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRecord {
    /// Owner; the question's own name in the question's case.
    pub name: WireName,
    /// Type number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// RDATA in uncompressed wire form.
    pub rdata: Arc<[u8]>,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it went.
    pub rcode: Rcode,
    /// Whether we answer for the name: yes, save for referrals and refusals.
    pub aa: bool,
    /// Answer section.
    pub answers: Vec<AnswerRecord>,
    /// Authority section: the SOA of a "no", the NS set of a referral.
    pub authority: Vec<AnswerRecord>,
    /// Additional section: a referral's glue.
    pub additional: Vec<AnswerRecord>,
    /// The pools and zones whose endpoints are named, each once: what `Activity` counts.
    pub named: Vec<(PoolIx, ZoneIx)>,
    /// How the addresses were chosen; only when an account was asked for.
    pub why: Vec<Why>,
}

impl Answer {
    pub(crate) fn empty(rcode: Rcode) -> Answer {
        Answer {
            rcode,
            aa: !matches!(rcode, Rcode::Refused | Rcode::FormErr),
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            named: Vec::new(),
            why: Vec::new(),
        }
    }
}

/// How one name's addresses were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// By a steered record's chain.
    Steered {
        /// Its position in the estate's records.
        record: usize,
        /// The pool that answered.
        pool: PoolIx,
        /// The record's own pool, where `pool` stands in for it.
        in_place_of: Option<PoolIx>,
        /// Where the asker is.
        client: Client,
        /// Whether health is ignored because no endpoint of the asked family is healthy in an open zone.
        family_fails_open: bool,
        /// What each filter did.
        steps: Vec<Step>,
    },
    /// The pool answers nothing while nobody is healthy.
    Closed {
        /// The record's position in the estate's records.
        record: usize,
        /// Its pool, or the one that stands in for it.
        pool: PoolIx,
    },
    /// By a zonal name.
    Zonal {
        /// The pool.
        pool: PoolIx,
        /// The zone that was asked for.
        zone: ZoneIx,
        /// Whether health chose among its endpoints; not when none of them is healthy.
        by_health: bool,
        /// What each filter did.
        steps: Vec<Step>,
    },
    /// By a plain record or the lack of one.
    Plain,
}
