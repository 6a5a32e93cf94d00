//! The asker's side, as far as our own clients and tests need it: one address question, its addresses back.
//!
//! It asks an authoritative server straight, follows nothing and keeps nothing: no resolver.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::base::iana::{Class, Opcode, Rtype};
use domain::base::message::Message;
use domain::base::message_builder::MessageBuilder;
use domain::base::name::Name;
use domain::base::rdata::UnknownRecordData;
use domain::base::record::ParsedRecord;
use hf_model::WireName;

use crate::query::wire_name;
use crate::{Rcode, UDP_PAYLOAD_MAX, rtype};

/// What came back for an address question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// How it went; extended codes are not put together.
    pub rcode: Rcode,
    /// "Authoritative answer".
    pub aa: bool,
    /// Cut: ask again over TCP.
    pub truncated: bool,
    /// The addresses of the answer section, in order, with their TTL in seconds.
    pub addresses: Vec<(IpAddr, u32)>,
}

/// Why bytes are not the answer that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Not a DNS message.
    #[error("what came is not a readable DNS message")]
    Malformed,
    /// Another id, or no response: not meant for us. Keep waiting.
    #[error("what came is not the response to our question")]
    NotOurs,
}

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Type A.
    V4,
    /// Type AAAA.
    V6,
}

impl Family {
    fn rtype(self) -> u16 {
        match self {
            Family::V4 => rtype::A,
            Family::V6 => rtype::AAAA,
        }
    }
}

/// A query with EDNS for the addresses of `name`.
pub fn address_query(id: u16, name: &WireName, family: Family) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(id);
    message.header_mut().set_opcode(Opcode::QUERY);
    let mut message = message.question();
    let qname = Name::from_slice(name.as_wire()).expect("a WireName is a whole uncompressed name");
    let pushed = message.push((qname, Rtype::from_int(family.rtype()), Class::IN));
    pushed.expect("a vector takes one question");
    let mut message = message.additional();
    let pushed = message.opt(|opt| {
        opt.set_udp_payload_size(UDP_PAYLOAD_MAX);
        Ok(())
    });
    pushed.expect("a vector takes an OPT record");
    message.finish()
}

/// Reads the response to the query `id` for `name`.
///
/// # Errors
///
/// [`ReadError::NotOurs`] for a message with another id or question: an attacker's guess, or a late answer.
pub fn read_answer(bytes: &[u8], id: u16, name: &WireName) -> Result<Answered, ReadError> {
    let message = Message::from_octets(bytes).map_err(|_| ReadError::Malformed)?;
    let header = message.header();
    if header.id() != id || !header.qr() {
        return Err(ReadError::NotOurs);
    }
    if let Ok(question) = message.sole_question()
        && wire_name(question.qname()).map(|asked| asked.folded()) != Some(name.folded())
    {
        return Err(ReadError::NotOurs);
    }
    let mut addresses = Vec::new();
    for record in message.answer().map_err(|_| ReadError::Malformed)? {
        let record = record.map_err(|_| ReadError::Malformed)?;
        addresses.extend(address(&record).map(|found| (found, record.ttl().as_secs())));
    }
    let rcode = Rcode(u16::from(header.rcode().to_int()));
    Ok(Answered { rcode, aa: header.aa(), truncated: header.tc(), addresses })
}

fn address(record: &ParsedRecord<'_, &[u8]>) -> Option<IpAddr> {
    let data = record.to_record::<UnknownRecordData<_>>().ok()??;
    match record.rtype().to_int() {
        rtype::A => <[u8; 4]>::try_from(*data.data().data()).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
        rtype::AAAA => {
            <[u8; 16]>::try_from(*data.data().data()).ok().map(|bytes| Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
