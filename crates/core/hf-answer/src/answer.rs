//! What is asked, and what comes out.

use std::net::IpAddr;
use std::sync::Arc;

use hf_config::estate::{PoolIx, ZoneIx};
use hf_model::WireName;
use hf_select::{Client, Step};

use crate::message::Authority;
use crate::rtype;

/// What is asked, as it stands in a message.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The name in uncompressed wire form, in the asker's case.
    pub name: &'a [u8],
    /// Type number.
    pub rtype: u16,
    /// Class number; all but 1 (IN) is refused.
    pub class: u16,
    /// Whether signatures are wanted (EDNS, DO).
    pub dnssec_ok: bool,
    /// Whether "no such name" may be said in the header though a compact denial says it too (RFC 9824 5.1, CO).
    pub compact_ok: bool,
}

/// Who asks, and where.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The address that the answer goes to.
    pub address: IpAddr,
    /// The client's network and its bits, if the resolver told it (EDNS Client Subnet, RFC 7871); it counts instead of the address.
    pub subnet: Option<(IpAddr, u8)>,
    /// The zone of the node that was asked: its region stands in where the address is in no zone's networks.
    pub own_zone: Option<ZoneIx>,
    /// Chance for this one answer.
    pub seed: u64,
    /// Whether the asker may ask for `_explain.<name>`.
    pub explain: ExplainTxt,
}

/// Whether somebody may ask for an account of an answer as a TXT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainTxt {
    /// They may.
    Allowed,
    /// REFUSED.
    Refused,
}

/// How one answer went: what its sender counts, logs and says in its OPT record.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How it went.
    pub rcode: Rcode,
    /// Whether the answer is ours, in the header's sense.
    pub authority: Authority,
    /// Whether it did not fit: TC is set, the sections are empty.
    pub truncated: bool,
    /// How many bits of the client's network the answer depends on (the scope of RFC 7871 7.2.1); none if the asker told no
    /// network.
    pub scope_bits: Option<u8>,
    /// The pools and zones whose endpoints are named, each once.
    pub named: Named,
    /// What answered.
    pub by: AnsweredBy,
    /// The hosted zone that answers, as a position in the estate's; none if the name is not ours.
    pub hosted_zone: Option<u16>,
}

impl Outcome {
    /// An outcome that names nobody.
    pub fn plain(rcode: Rcode) -> Outcome {
        Outcome {
            rcode,
            authority: match rcode {
                Rcode::Refused | Rcode::FormErr | Rcode::ServFail => Authority::NotOurs,
                Rcode::NoError | Rcode::NxDomain | Rcode::YxDomain => Authority::Ours,
            },
            truncated: false,
            scope_bits: None,
            named: Named::default(),
            by: AnsweredBy::Plain,
            hosted_zone: None,
        }
    }
}

/// What answered: what counters of names and branches count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// A plain record, or the lack of one.
    Plain,
    /// The steered record at this position of the estate's records.
    Record(u16),
    /// A branch of a tree.
    Branch {
        /// The tree's position in the estate's trees.
        tree: u16,
        /// The position of the branch that was chosen first, at the tree's own level.
        branch: u16,
    },
    /// A zonal name.
    Zonal,
}

/// Pools and zones that an answer names: at most [`Named::MAX`], each once; what is beyond is not counted.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    list: [(PoolIx, ZoneIx); Named::MAX],
    len: u8,
}

impl Default for Named {
    fn default() -> Self {
        Named { list: [(PoolIx(0), ZoneIx(0)); Named::MAX], len: 0 }
    }
}

impl Named {
    /// As many as an answer with the largest `take` can name.
    pub const MAX: usize = 8;

    /// Adds one, once.
    #[inline]
    pub fn add(&mut self, pool: PoolIx, zone: ZoneIx) {
        let len = usize::from(self.len);
        if len < Named::MAX && !self.list[..len].contains(&(pool, zone)) {
            self.list[len] = (pool, zone);
            self.len += 1;
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (PoolIx, ZoneIx)> + '_ {
        self.list[..usize::from(self.len)].iter().copied()
    }

    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rcode {
    /// All is well, also when there is nothing of the type (NODATA).
    NoError,
    /// A type that cannot be asked for.
    FormErr,
    /// A hosted zone of ours whose contents we do not have: a secondary that was never loaded.
    ServFail,
    /// No such name.
    NxDomain,
    /// Not ours to answer.
    Refused,
    /// A DNAME made the name too long (RFC 6672 2.2).
    YxDomain,
}

impl Rcode {
    /// As it stands in a header.
    pub fn number(self) -> u8 {
        match self {
            Rcode::NoError => 0,
            Rcode::FormErr => 1,
            Rcode::ServFail => 2,
            Rcode::NxDomain => 3,
            Rcode::Refused => 5,
            Rcode::YxDomain => 6,
        }
    }
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
            aa: !matches!(rcode, Rcode::Refused | Rcode::FormErr | Rcode::ServFail),
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            named: Vec::new(),
            why: Vec::new(),
        }
    }

    /// Reads a reply that [`Compiled::write`](crate::Compiled::write) wrote; none if it is none.
    pub fn read(message: &[u8], question_end: usize, outcome: &Outcome) -> Option<Answer> {
        let mut answer = Answer::empty(outcome.rcode);
        answer.aa = outcome.authority == Authority::Ours;
        answer.named = outcome.named.iter().collect();
        let mut records = Records { message, at: question_end };
        let count = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
        for (section, at) in
            [(&mut answer.answers, 6), (&mut answer.authority, 8), (&mut answer.additional, 10)]
        {
            for _ in 0..count(at)? {
                section.push(records.next()?);
            }
        }
        Some(answer)
    }
}

/// The records of a message, one after another.
struct Records<'a> {
    message: &'a [u8],
    at: usize,
}

impl Records<'_> {
    fn next(&mut self) -> Option<AnswerRecord> {
        let name = self.name()?;
        let head = self.message.get(self.at..)?.first_chunk::<10>()?;
        let rtype = u16::from_be_bytes([head[0], head[1]]);
        let ttl = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let len = usize::from(u16::from_be_bytes([head[8], head[9]]));
        self.at += head.len();
        let end = self.at + len;
        let rdata: Arc<[u8]> = match rtype {
            // The types whose names a reply may compress.
            rtype::NS | rtype::CNAME => self.name()?.as_wire().into(),
            rtype::SOA => {
                let names = [self.name()?, self.name()?];
                let rest = self.message.get(self.at..end)?;
                [names[0].as_wire(), names[1].as_wire(), rest].concat().into()
            }
            _ => self.message.get(self.at..end)?.into(),
        };
        self.at = end;
        Some(AnswerRecord { name, rtype, ttl, rdata })
    }

    /// The name here, with its pointers followed.
    fn name(&mut self) -> Option<WireName> {
        let mut name = Vec::new();
        let (mut at, mut behind) = (self.at, None);
        loop {
            let len = *self.message.get(at)?;
            if len >= 0xc0 {
                let to = usize::from(u16::from_be_bytes([len & 0x3f, *self.message.get(at + 1)?]));
                behind.get_or_insert(at + 2);
                if to >= at {
                    return None;
                }
                at = to;
                continue;
            }
            let end = at + 1 + usize::from(len);
            name.extend_from_slice(self.message.get(at..end)?);
            at = end;
            if len == 0 {
                break;
            }
        }
        self.at = behind.unwrap_or(at);
        WireName::from_wire(&name).ok()
    }
}

/// Whose chain chose endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chooser {
    /// A steered record's, by its position in the estate's records.
    Record(usize),
    /// A tree's branch's.
    Branch {
        /// The tree's position in the estate's trees.
        tree: usize,
        /// The branch's position in the tree.
        branch: usize,
    },
}

/// How one name's addresses were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// By a steered record's or a branch's chain.
    Steered {
        /// Whose.
        of: Chooser,
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
    /// Which branches a tree's chain chose; what they lead to follows.
    Tree {
        /// The tree's position in the estate's trees.
        tree: usize,
        /// Where the asker is.
        client: Client,
        /// Whether no branch is open.
        is_down: bool,
        /// What each filter did.
        steps: Vec<Step>,
    },
    /// By what another name answers; its own account follows.
    Alias {
        /// The position in the estate's aliases.
        alias: usize,
    },
    /// The pool answers nothing while nobody is healthy.
    Closed {
        /// Whose.
        of: Chooser,
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
