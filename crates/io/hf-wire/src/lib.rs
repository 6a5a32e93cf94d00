//! DNS messages in and out: the one door to the `domain` crate.
//!
//! 1. Whatever arrives is a [`Query`], a refusal to send ([`Refused`]) or nothing to answer ([`Unfit::Ignore`]); never a panic.
//! 2. What leaves is always well formed, fits its transport and repeats the question byte for byte.
//! 3. No type of `domain` crosses this door: it is pinned, and parts of it are marked unstable.
//!
//! Not here: which answer is right (`hf-answer`), sockets (`hf-dns`).

pub mod build;
mod client;
pub mod cookie;
pub mod fast;
pub mod notify;
pub mod options;
mod query;
pub mod records;
mod reply;
pub mod soa;
pub mod transfer;
pub mod tsig;
pub mod update;

pub use client::{Answered, Family, ReadError, address_query, read_answer};
pub use query::{Edns, Head, Ignored, Query, Question, Refused, Unfit, head_of, read_query};
pub use reply::{RecordRef, Reply, Transport};

/// A response code, extended ones included.
///
/// Source: RFC 1035 4.1.1, RFC 2136, RFC 6891; the registry of the IANA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// All is well.
    pub const NO_ERROR: Rcode = Rcode(0);
    /// The message could not be read.
    pub const FORM_ERR: Rcode = Rcode(1);
    /// Our fault.
    pub const SERV_FAIL: Rcode = Rcode(2);
    /// No such name.
    pub const NX_DOMAIN: Rcode = Rcode(3);
    /// An operation that we do not offer.
    pub const NOT_IMP: Rcode = Rcode(4);
    /// A question that we do not answer.
    pub const REFUSED: Rcode = Rcode(5);
    /// A name grew too long on its way through a DNAME (RFC 6672); a name exists that should not (RFC 2136).
    pub const YX_DOMAIN: Rcode = Rcode(6);
    /// A record set exists that should not (RFC 2136).
    pub const YX_RRSET: Rcode = Rcode(7);
    /// A record set does not exist that should (RFC 2136).
    pub const NX_RRSET: Rcode = Rcode(8);
    /// Not a zone of ours (RFC 2136), or a signature that is not good (RFC 8945).
    pub const NOT_AUTH: Rcode = Rcode(9);
    /// A name outside of the zone (RFC 2136).
    pub const NOT_ZONE: Rcode = Rcode(10);
    /// A version of EDNS that we do not speak; needs EDNS in the reply.
    pub const BAD_VERS: Rcode = Rcode(16);
}

/// The payload size that we announce and never exceed over UDP: fits every path without fragments (RFC 9715).
pub const UDP_PAYLOAD_MAX: u16 = 1_232;

/// The record types that this crate itself looks at.
mod rtype {
    pub const A: u16 = 1;
    pub const AAAA: u16 = 28;
}
