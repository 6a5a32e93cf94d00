//! NOTIFY: "my zone has changed" (RFC 1996).
//!
//! Not here: whom to tell and whom to believe (`hf-dns`).

use hf_model::WireName;

use crate::Rcode;
use crate::build::{Builder, Section, about, plain_reply};
use crate::query::{Head, Question};
use crate::records::{ParseError, parse};
use crate::soa::Soa;

/// The operation's number.
pub const OPCODE: u8 = 4;

const SOA: u16 = 6;

/// A NOTIFY carries its zone, perhaps its SOA, OPT and a signature, which is taken off before.
const RECORDS_MAX: u32 = 8;

/// Somebody says that a zone has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// For the reply.
    pub head: Head,
    /// For the reply.
    pub question: Question,
    /// The new serial, if it is told; only a hint.
    pub serial: Option<u32>,
}

/// Reads a NOTIFY request.
///
/// # Errors
///
/// The reply that refuses it.
pub fn read(bytes: &[u8]) -> Result<Notify, Vec<u8>> {
    let head = crate::query::head_of(bytes);
    let parsed = match parse(bytes, RECORDS_MAX) {
        Ok(parsed) => parsed,
        Err(ParseError::Malformed | ParseError::Questions | ParseError::TooMany) => {
            return Err(plain_reply(head, None, Rcode::FORM_ERR));
        }
    };
    match parsed.question {
        Some(question) if question.class == 1 && question.rtype == SOA => {
            let soa = parsed.answers.iter().find(|record| record.rtype == SOA);
            let serial = soa.and_then(|record| Soa::read(&record.rdata)).map(|soa| soa.serial);
            Ok(Notify { head, question, serial })
        }
        Some(question) => Err(plain_reply(head, Some(&question), Rcode::NOT_IMP)),
        None => Err(plain_reply(head, None, Rcode::FORM_ERR)),
    }
}

/// Tells that `zone` has changed to this SOA.
pub fn write(id: u16, zone: &WireName, soa_ttl: u32, soa_rdata: &[u8]) -> Vec<u8> {
    let mut builder = Builder::request(id, OPCODE, 512).authoritative().question(&about(zone, SOA));
    // The SOA is a hint: left out when it is too long.
    let _ = builder.push(Section::Answer, (zone.as_wire(), SOA, 1, soa_ttl), soa_rdata);
    builder.finish()
}

/// Whether these bytes are the response to the NOTIFY `id` for `zone`, and what it says.
pub fn read_reply(bytes: &[u8], id: u16, zone: &WireName) -> Option<Rcode> {
    let parsed = parse(bytes, RECORDS_MAX).ok()?;
    let same = parsed.question.is_none_or(|question| question.name.folded() == zone.folded());
    let ours = parsed.qr && parsed.head.id == id && parsed.head.opcode == OPCODE && same;
    ours.then_some(Rcode(u16::from(parsed.rcode)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_answered() {
        let zone = WireName::from_wire(b"\x07example\x04test\0").unwrap();
        let soa = Soa::sample(7);
        let bytes = write(9, &zone, 60, &soa);
        let read_back = read(&bytes).unwrap();
        assert_eq!((read_back.head.id, read_back.serial, &read_back.question.name), (9, Some(7), &zone));
        let hickory = hickory_proto::op::Message::from_vec(&bytes).unwrap();
        assert_eq!(hickory.metadata.op_code, hickory_proto::op::OpCode::Notify);
        let reply = plain_reply(read_back.head, Some(&read_back.question), Rcode::NO_ERROR);
        assert_eq!(read_reply(&reply, 9, &zone), Some(Rcode::NO_ERROR));
        assert_eq!(read_reply(&reply, 8, &zone), None);
        assert_eq!(read_reply(&bytes, 9, &zone), None);
        assert_eq!(read(&bytes[..20]).unwrap_err()[3] & 15, 1);
    }
}
