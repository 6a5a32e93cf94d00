//! DNSSEC without keys and clocks: what is signed, by whom, for how long, and how "no" is proved.
//!
//! 1. A hosted zone with `[hosted_zone.dnssec]` and an active key is signed. Every key is a combined one, flags 257 (RFC 4035 2.1 lets
//!    one key sign all); which key signs what follows from its phase alone ([`roll`]).
//! 2. A signature covers the canonical form of a whole set (RFC 4034 6, RFC 6840 5.1), so the order of an answer is free ([`set`]).
//! 3. "No" is compact (RFC 9824): one NSEC at the asked name, made for it, that lists what there is; a name that does not exist has
//!    NXNAME. What a wildcard answers comes with an NSEC around the name that it stands in for (RFC 4470), since the wildcard's own signature is
//!    made ahead ([`denial`]).
//! 4. Signatures begin an hour back, end by the policy with a jitter that follows from the content, and are due when half is left
//!    ([`window`]).
//! 5. An answer without its signature is never given: where one cannot be had the answer is SERVFAIL ([`Unsigned`]).
//!
//! Not here: private keys, clocks, the store of signatures (`hf-keys`), which answers there are (`hf-answer`), the rules of a key's steps
//! (`hf-control`).

pub mod canonical;
pub mod denial;
pub mod nsec3;
pub mod rdata;
pub mod roll;
pub mod set;
mod signing;
pub mod window;

pub use set::{OwnedSet, SetToSign, SignFailed, Signer};
pub use signing::{KeySets, Signatures, SignedZone, Signing, Unsigned};

/// Record types of DNSSEC (IANA).
pub mod rtype {
    /// A child's key, by digest, at the parent.
    pub const DS: u16 = 43;
    /// A signature over a set.
    pub const RRSIG: u16 = 46;
    /// What there is at a name, and the name behind it.
    pub const NSEC: u16 = 47;
    /// A key.
    pub const DNSKEY: u16 = 48;
    /// What the parent should have as DS (RFC 7344).
    pub const CDS: u16 = 59;
    /// The same as keys.
    pub const CDNSKEY: u16 = 60;
    /// In an NSEC: the name does not exist (RFC 9824). Cannot be asked for.
    pub const NXNAME: u16 = 128;
}

/// Seconds for which DNSKEY, CDS and CDNSKEY sets may be kept: what a roll-over waits between two steps.
pub const KEY_TTL_S: u32 = 3_600;
