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
use crate::options::code;
use crate::query::Question;
use crate::soa::Soa;

/// "All of the zone."
pub const AXFR: u16 = 252;

/// "What has changed since."
pub const IXFR: u16 = 251;

const SOA: u16 = 6;
const OPT: u16 = 41;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// For the reply; its type is [`AXFR`] or [`IXFR`].
    pub question: Question,
    /// The serial that it holds, if it asks for what has changed since.
    pub held: Option<u32>,
}

/// Whether a query asks for a transfer. Only the question is looked at.
pub fn is_asked(query: &[u8]) -> bool {
    let rtype = crate::records::skip_name(query, 12).and_then(|end| query.get(end..end + 2));
    rtype.is_some_and(|rtype| matches!(u16::from_be_bytes([rtype[0], rtype[1]]), AXFR | IXFR))
}

/// Records in a request: a SOA, OPT and some to spare.
const REQUEST_RECORDS_MAX: u32 = 8;

/// Reads a request for a transfer, of class IN; none when it cannot be read.
pub fn read_request(bytes: &[u8]) -> Option<Request> {
    let parsed = crate::records::parse(bytes, REQUEST_RECORDS_MAX).ok()?;
    let question = parsed.question.filter(|question| question.class == 1)?;
    if question.rtype == AXFR {
        return Some(Request { question, held: None });
    }
    let soa = parsed.authority.iter().find(|record| record.rtype == SOA)?;
    let held = Some(Soa::read(&soa.rdata)?.serial);
    Some(Request { question, held })
}

/// Asks for a zone's SOA, without recursion.
pub fn soa_query(id: u16, zone: &WireName) -> Vec<u8> {
    Builder::request(id, 0, 512).question(&about(zone, SOA)).finish()
}

/// The same, and for how long the zone may be answered from (RFC 7314).
pub fn soa_and_expire_query(id: u16, zone: &WireName) -> Vec<u8> {
    let mut builder = Builder::request(id, 0, 512).question(&about(zone, SOA));
    let [high, low] = code::EXPIRE.to_be_bytes();
    let pushed =
        builder.push(Section::Additional, (&[0], OPT, crate::UDP_PAYLOAD_MAX, 0), &[high, low, 0, 0]);
    pushed.expect("a question and an option are below 512 bytes");
    builder.finish()
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
