//! UPDATE messages to what they ask for, and back (RFC 2136).
//!
//! 1. The zone section has one entry of type SOA and class IN; anything else is FORMERR, or NOTAUTH for another class.
//! 2. At most [`RECORDS_MAX`] records and [`BYTES_MAX`] bytes: more is refused before it is read.
//! 3. Classes, TTLs and empty data mean something here; they are passed on as they stand.
//!
//! Not here: prerequisites and rules (`hf_hosted::update`, `hf-control`).

use hf_model::WireName;

use crate::build::{Builder, Section, about, plain_reply};
use crate::query::{Head, Question};
use crate::records::{ParseError, Record, parse};
use crate::{Rcode, query};

/// The operation's number.
pub const OPCODE: u8 = 5;

/// Records of one UPDATE, all sections together.
pub const RECORDS_MAX: u32 = 1_000;

/// Bytes of one UPDATE.
pub const BYTES_MAX: usize = 32_768;

const SOA: u16 = 6;

/// Somebody wants a zone to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// For the reply.
    pub head: Head,
    /// The zone section; for the reply.
    pub question: Question,
    /// What must hold first.
    pub prerequisites: Vec<Record>,
    /// What is to be done, in order.
    pub changes: Vec<Record>,
}

/// Reads an UPDATE whose signature has been taken off.
///
/// # Errors
///
/// The reply that refuses it: FORMERR, NOTAUTH for a class other than IN, REFUSED for one that is too large.
pub fn read(bytes: &[u8]) -> Result<Update, Vec<u8>> {
    let head = query::head_of(bytes);
    if bytes.len() > BYTES_MAX {
        return Err(plain_reply(head, None, Rcode::REFUSED));
    }
    let parsed = parse(bytes, RECORDS_MAX).map_err(|why| {
        let rcode = match why {
            ParseError::TooMany => Rcode::REFUSED,
            ParseError::Malformed | ParseError::Questions => Rcode::FORM_ERR,
        };
        plain_reply(head, None, rcode)
    })?;
    let Some(question) = parsed.question else { return Err(plain_reply(head, None, Rcode::FORM_ERR)) };
    if question.rtype != SOA {
        return Err(plain_reply(head, Some(&question), Rcode::FORM_ERR));
    }
    if question.class != 1 {
        return Err(plain_reply(head, Some(&question), Rcode::NOT_AUTH));
    }
    Ok(Update { head, question, prerequisites: parsed.answers, changes: parsed.authority })
}

/// Writes an UPDATE, for clients and tests.
///
/// None when it does not fit into one message.
pub fn write(id: u16, zone: &WireName, prerequisites: &[Record], changes: &[Record]) -> Option<Vec<u8>> {
    let mut builder = Builder::request(id, OPCODE, BYTES_MAX).question(&about(zone, SOA));
    for (section, records) in [(Section::Answer, prerequisites), (Section::Authority, changes)] {
        for record in records {
            let fixed = (record.name.as_wire(), record.rtype, record.class, record.ttl);
            builder.push(section, fixed, &record.rdata).ok()?;
        }
    }
    Some(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(wire: &[u8]) -> WireName {
        WireName::from_wire(wire).unwrap()
    }

    fn record(rtype: u16, class: u16, rdata: &[u8]) -> Record {
        let name = name(b"\x01a\x07example\x04test\0");
        Record { name, rtype, class, ttl: 60, rdata: rdata.to_vec() }
    }

    #[test]
    fn what_is_written_is_read() {
        let zone = name(b"\x07example\x04test\0");
        let prerequisites = [record(255, 255, b""), record(1, 254, b"")];
        let changes = [
            record(1, 1, &[192, 0, 2, 1]),
            record(15, 254, b"\0\x0a\x02mx\x07example\x04test\0"),
            record(1, 255, b""),
        ];
        let bytes = write(5, &zone, &prerequisites, &changes).unwrap();
        let read_back = read(&bytes).unwrap();
        assert_eq!(read_back.question.name, zone);
        assert_eq!(read_back.prerequisites, prerequisites);
        assert_eq!(read_back.changes, changes);
    }

    #[test]
    fn what_is_not_an_update_is_refused() {
        let zone = name(b"\x07example\x04test\0");
        let good = write(5, &zone, &[], &[record(1, 1, &[192, 0, 2, 1])]).unwrap();
        let rcode = |bytes: &[u8]| read(bytes).unwrap_err()[3] & 15;
        let class_at = 12 + zone.as_wire().len() + 2;
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        assert_eq!(rcode(&with(class_at + 1, 3)), 9);
        assert_eq!(rcode(&with(class_at - 1, 1)), 1);
        assert_eq!(rcode(&with(8, 200)), 5);
        assert_eq!(rcode(&good[..good.len() - 1]), 1);
        assert_eq!(rcode(&vec![0; BYTES_MAX + 1]), 5);
        let mut two = good.clone();
        two[5] = 2;
        assert_eq!(rcode(&two), 1);
    }
}
