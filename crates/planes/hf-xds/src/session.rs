//! What one stream has asked for, has been told and has said of it: pure.
//!
//! 1. There is no queue. [`Session::next`] compares what the client was told with what holds now and makes the next message; how much has changed in
//!    between makes no difference, and what has come and gone is never sent.
//! 2. Changes are sent at once, whether or not the answer before was acknowledged, in the order of [`Kind::ALL`].
//! 3. A client's word counts for the answer whose nonce it has, and for those before it (`words`), also when a newer answer is on its way. But in the
//!    state of the world the names in a request count only with the newest nonce: with the others the client says them again. In delta always.
//! 4. What was refused is not sent again until it changes, some of the same answer was accepted, or rule 6 asks for it. Its revision does not count as
//!    applied.
//! 5. A client that comes with the versions it holds (from this node or from another) is told what differs, maybe nothing; in the state of the
//!    world only one that asks for all: by name its version does not say what it still holds.
//! 6. Endpoints are told on every new stream, whatever the client holds, and again after their cluster has changed: Envoy waits for them before it
//!    uses a new cluster, or the new form of one, and does not say that it waits.
//! 7. Names that do not exist: delta tells them as removed, once; in state of the world they are missing from clusters and listeners.
//! 8. Types that we do not have are answered once, with nothing, so that nobody waits; their names are not kept.
//! 9. Bounds: [`NAMES_MAX`] names of one type, [`NAME_BYTES_MAX`] bytes of one, [`TYPES_MAX`] types; [`Session::bytes`] is for a budget over all streams.
//!
//! Not here: the wire (`grpc`), time, who the client is (`caller`).

mod subscription;
mod words;

use std::collections::BTreeMap;

use hf_model::{Revision, ZoneId};

use crate::messages::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Node,
};
use crate::resources::{Kind, Name, Resources, Table};
use subscription::Subscription;

/// Names of one type that a stream may ask for.
pub const NAMES_MAX: usize = 10_000;
/// Bytes of a name; those of pools are shorter.
pub const NAME_BYTES_MAX: usize = 256;
/// Types that a stream may ask for; Envoy knows fewer.
pub const TYPES_MAX: usize = 16;
/// Bytes of a type's name; Envoy's are far shorter.
const TYPE_BYTES_MAX: usize = 256;
/// Names of refused resources that are written down.
const REFUSED_NAMES_MAX: usize = 3;
/// Bytes of a client's own words that are kept.
const WORDS_MAX: usize = 1_000;
/// In the client's metadata: true keeps it near its zone.
pub const NEAR: &str = "holdfast_near";

/// A request of either protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// State of the world.
    World(DiscoveryRequest),
    /// Delta.
    Delta(DeltaDiscoveryRequest),
}

/// An answer of either protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// State of the world.
    World(DiscoveryResponse),
    /// Delta.
    Delta(DeltaDiscoveryResponse),
}

/// Why a stream ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No type in a request for any.
    #[error("a request on an aggregated stream names its type; set `type_url`")]
    NoType,
    /// Another type than the service's.
    #[error("this service tells {expected}, not {asked}; ask the aggregated service")]
    OtherType {
        /// The service's.
        expected: &'static str,
        /// The request's, cut.
        asked: String,
    },
    /// Too many.
    #[error(
        "a stream asks for at most {NAMES_MAX} names of one type and {TYPES_MAX} types; use several streams"
    )]
    TooMany,
    /// Too long.
    #[error("a name has at most {NAME_BYTES_MAX} bytes, this one has {len}; ask for pools by their names")]
    LongName {
        /// Bytes found.
        len: usize,
    },
    /// Too long.
    #[error(
        "a type has at most {TYPE_BYTES_MAX} bytes, this one has {len}; set `type_url` to a type of Envoy's API"
    )]
    LongType {
        /// Bytes found.
        len: usize,
    },
}

/// What a client said of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It has applied it.
    Accepted,
    /// It has not.
    Refused(Refusal),
}

/// An answer that a client has not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of which type; none: of one that we do not have.
    pub kind: Option<Kind>,
    /// Some of what was new in it. None: a newer answer was spoken of before, so this one counts for nothing.
    pub names: Option<Vec<Name>>,
    /// How many others were new in it.
    pub others: usize,
    /// Whether a newer answer was on its way.
    pub is_overtaken: bool,
    /// Why, in the client's own words, cut.
    pub why: String,
}

/// One stream.
#[derive(Debug)]
pub struct Session {
    /// The one type of a single-type service.
    only: Option<Kind>,
    /// Whether it has said who it is.
    is_known: bool,
    /// The zone that the client is kept near, if it asks for that.
    near: Option<ZoneId>,
    types: BTreeMap<(Order, String), Subscription>,
    /// Answers so far: nonces are their numbers.
    answers: u64,
    /// What it asks for has changed since there was last nothing to tell.
    is_due: bool,
}

/// Our kinds first, in their order.
type Order = u8;

impl Session {
    /// A stream that has said nothing yet.
    pub fn new(only: Option<Kind>) -> Session {
        Session { only, is_known: false, near: None, types: BTreeMap::new(), answers: 0, is_due: false }
    }

    /// What the client makes us keep.
    pub fn bytes(&self) -> usize {
        self.types.values().map(Subscription::bytes).sum()
    }

    /// Whether there may be something to tell although no resource has changed.
    pub fn is_due(&self) -> bool {
        self.is_due
    }

    /// Takes a request; what the client says of an answer in it is given back.
    pub fn take(&mut self, request: Request) -> Result<Option<Word>, Refused> {
        let (node, type_url, nonce, error) = match &request {
            Request::World(of) => (&of.node, &of.type_url, &of.response_nonce, &of.error_detail),
            Request::Delta(of) => (&of.node, &of.type_url, &of.response_nonce, &of.error_detail),
        };
        let type_url = self.type_of(type_url)?;
        if let Some(node) = node
            && !self.is_known
        {
            (self.is_known, self.near) = (true, near(node));
        }
        let kind = Kind::named(&type_url);
        let key = (kind.map_or(u8::MAX, |kind| kind as Order), type_url);
        let first = !self.types.contains_key(&key);
        if first && self.types.len() >= TYPES_MAX {
            return Err(Refused::TooMany);
        }
        let subscription = self.types.entry(key).or_default();
        // A nonce of another stream says nothing here.
        let is_answer = !nonce.is_empty() && !first;
        let nonce: Option<u64> = nonce.parse().ok();
        let is_overtaken = is_answer && !subscription.is_newest(nonce);
        let word = is_answer.then(|| match error {
            None => {
                self.is_due |= nonce.is_some_and(|nonce| subscription.accepted(nonce));
                Word::Accepted
            }
            Some(error) => {
                let mut names = nonce.and_then(|nonce| subscription.refused(nonce));
                let others = names.as_ref().map_or(0, |names| names.len().saturating_sub(REFUSED_NAMES_MAX));
                if let Some(names) = &mut names {
                    names.truncate(REFUSED_NAMES_MAX);
                }
                let why = clip(&error.message);
                Word::Refused(Refusal { kind, names, others, is_overtaken, why })
            }
        });
        self.is_due |= match request {
            Request::World(_) if is_overtaken => false, // rule 3
            Request::World(request) => subscription.replace(request, kind, first)?,
            Request::Delta(request) => subscription.change(request, kind, first)?,
        };
        Ok(word)
    }

    fn type_of(&self, asked: &str) -> Result<String, Refused> {
        match self.only {
            Some(kind) if asked.is_empty() || asked == kind.type_url() => Ok(kind.type_url().to_owned()),
            Some(kind) => Err(Refused::OtherType { expected: kind.type_url(), asked: clip(asked) }),
            None if asked.is_empty() => Err(Refused::NoType),
            None if asked.len() > TYPE_BYTES_MAX => Err(Refused::LongType { len: asked.len() }),
            None => Ok(asked.to_owned()),
        }
    }

    /// The next message, if there is anything to tell. In whichever protocol the client speaks.
    pub fn next(&mut self, resources: &Resources) -> Option<Response> {
        let near = self.near.as_ref().and_then(|zone| resources.zone(zone));
        let nothing = Table::new();
        let nonce = self.answers + 1;
        let mut made = None;
        for ((_, type_url), subscription) in &mut self.types {
            let kind = Kind::named(type_url);
            let table = kind.map_or(&nothing, |kind| resources.table(kind, near));
            if let Some((response, new)) =
                subscription.next(kind, type_url, table, nonce, resources.revision())
            {
                made = Some((response, if kind == Some(Kind::Cluster) { new } else { Vec::new() }));
                break;
            }
        }
        let Some((response, clusters)) = made else {
            self.is_due = false;
            return None;
        };
        self.answers = nonce;
        let endpoints = (Kind::Endpoints as Order, Kind::Endpoints.type_url().to_owned());
        if let Some(subscription) = self.types.get_mut(&endpoints) {
            subscription.tell_again(&clusters); // rule 6
        }
        // The caller comes again until there is nothing to tell.
        self.is_due = true;
        Some(response)
    }

    /// The ledger revision that the client has applied in everything that it asked for; none while there is something that it never accepted.
    pub fn applied(&self) -> Option<Revision> {
        self.types.values().map(Subscription::applied).min().flatten()
    }
}

/// The zone that a client is kept near, if it asks for that.
fn near(node: &Node) -> Option<ZoneId> {
    let asked = node.metadata.as_ref()?.fields.get(NEAR)?.truth == Some(true);
    asked.then(|| ZoneId::new(&node.locality.as_ref()?.zone).ok()).flatten()
}

/// A client's own words, shortened.
fn clip(text: &str) -> String {
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= WORDS_MAX).unwrap_or(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests;
