//! A snapshot and a DNS question to an answer.
//!
//! 1. Inside a hosted zone the rules are those of RFC 1034 4.3.2: delegation, exact name, DNAME and CNAME, wildcard (RFC 4592),
//!    in that order. Outside all of them: REFUSED.
//! 2. A steered record runs its pool's endpoints through its filter chain; the pool's mode may close it or put another pool in
//!    its place. If health alone leaves no endpoint of the asked family, it is ignored for that family; intent is not.
//!    Nothing left is NODATA: the name goes on to exist, so nobody keeps a "no such name".
//!    A tree answers as those of its branches that its chain chooses; an ALIAS as another name of ours does, under its own name.
//! 3. Zonal names, `<zone or alias>.<pool>.pool.<hosted zone>`, exist without being declared. Health inside the zone counts
//!    there while anything is healthy; a shift does not, since whoever asks for a zone by name means that zone.
//! 4. What people wrote wins over a zonal name; a master file's CNAME wins over both.
//! 5. "No" carries the SOA, with a TTL of at most the zone's minimum (RFC 2308).
//! 6. Records that updates brought lie over what is declared, steered names over both. A hosted zone whose contents have never come
//!    answers SERVFAIL.
//! 7. A hosted zone that was signed elsewhere is served with the signatures and denials that it brought (`presigned`).
//! 8. One walk writes every reply ([`Compiled::write`]); what is told to people is read back from it ([`Compiled::explain`]). Writing
//!    allocates nothing and takes no lock: a plain set is one probe and one copy, a steered one a choice among bits.
//!
//! Not here: reading queries, OPT (`hf-wire`), sockets and chance (`hf-dns`), who serves (`hf-decide`), the order of endpoints (`hf-select`).

mod answer;
mod compiled;
mod emit;
mod explain_txt;
mod hosted_set;
mod message;
mod name;
mod plans;
mod presigned;
mod routes;
mod signed;
mod soa;
mod standing;
mod steer;
mod variants;
mod walk;
mod write;
mod zonal;
mod zone;

pub use answer::{
    Answer, AnswerRecord, AnsweredBy, Asked, Asker, Chooser, ExplainTxt, Named, Outcome, Rcode, Why,
};
pub use compiled::Compiled;
pub use hosted_set::HostedSet;
pub use message::{ASKED_AT, Authority, Frame, Full, Message, Owner, Section};
pub use variants::SteeredName;
pub use write::Scratch;

/// Record types that have rules of their own (IANA's registry; RFC numbers where the rule stands).
pub mod rtype {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// A name server.
    pub const NS: u16 = 2;
    /// Another name for a name.
    pub const CNAME: u16 = 5;
    /// Start of authority.
    pub const SOA: u16 = 6;
    /// Hardware and system; the small answer to ANY (RFC 8482 4.2).
    pub const HINFO: u16 = 13;
    /// A mail server.
    pub const MX: u16 = 15;
    /// Text.
    pub const TXT: u16 = 16;
    /// An IPv6 address.
    pub const AAAA: u16 = 28;
    /// Where a service is.
    pub const SRV: u16 = 33;
    /// Another name for everything below a name (RFC 6672).
    pub const DNAME: u16 = 39;
    /// EDNS; cannot be asked for.
    pub const OPT: u16 = 41;
    /// A child zone's key; the parent answers it (RFC 4035 3.1.4.1).
    pub const DS: u16 = 43;
    /// How to connect to a service (RFC 9460).
    pub const SVCB: u16 = 64;
    /// How to connect over HTTP (RFC 9460).
    pub const HTTPS: u16 = 65;
    /// Transaction keys; cannot be asked for.
    pub const TKEY: u16 = 249;
    /// Signatures of transactions; cannot be asked for.
    pub const TSIG: u16 = 250;
    /// Transfer of what changed; not offered.
    pub const IXFR: u16 = 251;
    /// Transfer; not offered.
    pub const AXFR: u16 = 252;
    /// Whatever there is.
    pub const ANY: u16 = 255;
}

#[cfg(test)]
mod tests;
