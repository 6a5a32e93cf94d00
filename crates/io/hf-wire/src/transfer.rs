//! Transfers of whole zones and of what changed (RFC 5936, RFC 1995).
//!
//! [`Outgoing`] cuts records into messages; [`Incoming`] puts messages together again and says what they amount to;
//! [`query`] asks. Signatures are put on and taken off outside ([`crate::tsig`]), message by message.
//!
//! Not here: who may have a zone, and what a secondary does with it (`hf-dns`).

mod incoming;
mod outgoing;

pub use incoming::{Incoming, Outcome, Rr, Step, TransferError};
pub use outgoing::Outgoing;

use hf_model::WireName;

use crate::build::{Builder, Section, about};

/// "All of the zone."
pub const AXFR: u16 = 252;

/// "What has changed since."
pub const IXFR: u16 = 251;

const SOA: u16 = 6;

/// Asks for a zone's SOA, without recursion.
pub fn soa_query(id: u16, zone: &WireName) -> Vec<u8> {
    Builder::request(id, 0, 512).question(&about(zone, SOA)).finish()
}

/// Asks for a zone: with the SOA that we hold, for what has changed since, otherwise for all of it.
pub fn query(id: u16, zone: &WireName, held: Option<&[u8]>) -> Vec<u8> {
    let Some(soa) = held else {
        return Builder::request(id, 0, 512).question(&about(zone, AXFR)).finish();
    };
    let mut builder = Builder::request(id, 0, 2_048).question(&about(zone, IXFR));
    let pushed = builder.push(Section::Authority, (zone.as_wire(), SOA, 1, 0), soa);
    pushed.expect("a question and a SOA are below 2,048 bytes");
    builder.finish()
}

#[cfg(test)]
mod tests;
