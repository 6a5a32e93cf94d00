//! The queries that nearly everybody sends, read in place: no allocation, one pass.
//!
//! 1. Fewer than 12 bytes, or a response: passed over, as [`crate::read_query`] does.
//! 2. A header, one question with an uncompressed name, at most one OPT record of version 0 behind it, nothing else and no byte more: a
//!    [`Fast`]. [`crate::read_query`] reads the same out of it; a property test and a fuzz target hold it to that.
//! 3. Everything odd is [`Read::Cold`]: other operations, compressed names, transfers, signatures, options that are not as their RFCs say. The careful
//!    reader decides then, at its leisure.
//! 4. Options that are not known are passed over.
//!
//! Not here: which answer is right (`hf-answer`), our own OPT record ([`crate::options`]).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::options::code;
use crate::query::{Query, Question};

const HEADER_BYTES: usize = 12;
const NAME_BYTES_MAX: usize = 255;
const LABEL_BYTES_MAX: u8 = 63;

const OPT: u16 = 41;
/// TKEY, TSIG, IXFR, AXFR, MAILB, MAILA: what is asked about a message or a zone, and not of a name.
const META_TYPES: std::ops::RangeInclusive<u16> = 249..=254;

/// "Response" and the operation, in the third byte.
const QR: u8 = 0x80;
const OPCODE: u8 = 0x78;
/// "Recursion desired", in the third byte.
const RD: u8 = 0x01;
/// "DNSSEC OK" and "compact answers OK", in the first byte of an OPT record's flags.
const DO: u8 = 0x80;
const CO: u8 = 0x40;
/// "Checking disabled", in the fourth.
const CD: u8 = 0x10;

/// What a message is, at first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// A query that can be answered at once.
    Query(Fast<'a>),
    /// To be read with care.
    Cold,
    /// Not to be answered.
    Ignore,
}

/// A query, over the message's own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fast<'a> {
    /// The asker's number for it.
    pub id: u16,
    /// The header's flags as they came.
    pub flags: u16,
    /// The asked name in wire form, in the asker's case.
    pub name: &'a [u8],
    /// Type number.
    pub rtype: u16,
    /// Class number; 1 is IN.
    pub class: u16,
    /// The whole question: name, type and class.
    pub question: &'a [u8],
    /// The OPT record, if there is one.
    pub edns: Option<FastEdns<'a>>,
}

/// What the asker says in its OPT record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FastEdns<'a> {
    /// The largest UDP payload that it can take, as it says; below 512 it counts as 512.
    pub payload: u16,
    /// 0 in all that comes this way.
    pub version: u8,
    /// "DNSSEC OK".
    pub dnssec_ok: bool,
    /// "Compact answers OK" (RFC 9824 5.1).
    pub compact_ok: bool,
    /// The client's network: address and how many bits of it are given; 0 asks us not to use it (RFC 7871 7.1.2).
    pub subnet: Option<(IpAddr, u8)>,
    /// Client cookie, perhaps with a server cookie behind it: 8 or 16 to 40 bytes.
    pub cookie: Option<&'a [u8]>,
    /// The asker wants to know which server this is.
    pub nsid: bool,
}

/// Looks at a message.
#[inline]
pub fn read(message: &[u8]) -> Read<'_> {
    let Some(header) = message.first_chunk::<HEADER_BYTES>() else { return Read::Ignore };
    if header[2] & QR != 0 {
        return Read::Ignore;
    }
    // One question; no answer, no authority; at most one additional record.
    if header[2] & OPCODE != 0 || header[4..11] != [0, 1, 0, 0, 0, 0, 0] || header[11] > 1 {
        return Read::Cold;
    }
    match query(message, header) {
        Some(query) => Read::Query(query),
        None => Read::Cold,
    }
}

#[inline]
fn query<'a>(message: &'a [u8], header: &[u8; HEADER_BYTES]) -> Option<Fast<'a>> {
    let mut at = HEADER_BYTES;
    loop {
        let len = *message.get(at)?;
        at += 1 + usize::from(len);
        if len == 0 {
            break;
        }
        if len > LABEL_BYTES_MAX || at - HEADER_BYTES >= NAME_BYTES_MAX {
            return None;
        }
    }
    let tail = message.get(at..at + 4)?;
    let (name, question) = (&message[HEADER_BYTES..at], &message[HEADER_BYTES..at + 4]);
    let rtype = u16::from_be_bytes([tail[0], tail[1]]);
    if META_TYPES.contains(&rtype) {
        return None;
    }
    let rest = &message[at + 4..];
    let edns = match header[11] {
        0 if rest.is_empty() => None,
        0 => return None,
        _ => Some(edns(rest)?),
    };
    Some(Fast {
        id: u16::from_be_bytes([header[0], header[1]]),
        flags: u16::from_be_bytes([header[2], header[3]]),
        name,
        rtype,
        class: u16::from_be_bytes([tail[2], tail[3]]),
        question,
        edns,
    })
}

#[inline]
fn edns(record: &[u8]) -> Option<FastEdns<'_>> {
    let (head, mut options) = record.split_first_chunk::<11>()?;
    let [root, t0, t1, p0, p1, extended, version, f0, _, l0, l1] = *head;
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if root != 0
        || u16::from_be_bytes([t0, t1]) != OPT
        || extended != 0
        || version != 0
        || len != options.len()
    {
        return None;
    }
    let mut edns = FastEdns {
        payload: u16::from_be_bytes([p0, p1]),
        dnssec_ok: f0 & DO != 0,
        compact_ok: f0 & CO != 0,
        ..FastEdns::default()
    };
    while !options.is_empty() {
        let (head, behind) = options.split_first_chunk::<4>()?;
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (data, next) = behind.split_at_checked(len)?;
        options = next;
        match u16::from_be_bytes([head[0], head[1]]) {
            code::SUBNET if edns.subnet.is_none() => edns.subnet = Some(subnet(data)?),
            code::COOKIE if edns.cookie.is_none() && matches!(len, 8 | 16..=40) => edns.cookie = Some(data),
            // A second one, or one of another length; and what only secondaries ask.
            code::SUBNET | code::COOKIE | code::EXPIRE => return None,
            code::NSID => edns.nsid = true,
            _ => {}
        }
    }
    Some(edns)
}

/// Family, bits, scope 0, and exactly the bytes that the bits need, the rest of the last one zero (RFC 7871 6).
#[inline]
pub(crate) fn subnet(data: &[u8]) -> Option<(IpAddr, u8)> {
    let (&[0, family, bits, 0], given) = data.split_first_chunk::<4>()? else { return None };
    let mut octets = [0; 16];
    octets.get_mut(..given.len())?.copy_from_slice(given);
    let (address, bits_max): (IpAddr, u8) = match family {
        1 if given.len() <= 4 => (Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into(), 32),
        2 => (Ipv6Addr::from(octets).into(), 128),
        _ => return None,
    };
    let spare = (8 - bits % 8) % 8;
    let is_exact = bits <= bits_max
        && given.len() == usize::from(bits).div_ceil(8)
        && given.last().is_none_or(|last| last & !(0xff << spare) == 0);
    is_exact.then_some((address, bits))
}

/// A query that the careful reader read out of `message`, in the form of the fast one. `question` is room for its question. Options that are not
/// as their RFCs say are passed over.
pub fn careful<'a>(query: &Query, message: &'a [u8], question: &'a mut Vec<u8>) -> Fast<'a> {
    let Question { name, rtype, class } = &query.question;
    question.clear();
    question.extend_from_slice(name.as_wire());
    question.extend_from_slice(&rtype.to_be_bytes());
    question.extend_from_slice(&class.to_be_bytes());
    let question: &'a [u8] = question;
    let edns = query.edns.map(|edns| {
        let mut fast = FastEdns {
            payload: edns.payload,
            version: edns.version,
            dnssec_ok: edns.dnssec_ok,
            ..FastEdns::default()
        };
        let opt =
            crate::records::places(message).flatten().find(|place| place.rtype == OPT && place.additional);
        fast.compact_ok =
            opt.and_then(|place| message.get(place.fixed + 6)).is_some_and(|flags| flags & CO != 0);
        let mut options = opt.and_then(|place| message.get(place.fixed + 10..place.end)).unwrap_or_default();
        while let Some((head, behind)) = options.split_first_chunk::<4>() {
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let Some((data, next)) = behind.split_at_checked(len) else { break };
            options = next;
            match u16::from_be_bytes([head[0], head[1]]) {
                code::SUBNET if fast.subnet.is_none() => fast.subnet = subnet(data),
                code::COOKIE if fast.cookie.is_none() && matches!(len, 8 | 16..=40) => {
                    fast.cookie = Some(data);
                }
                code::NSID => fast.nsid = true,
                _ => {}
            }
        }
        fast
    });
    let flags = [if query.head.rd { RD } else { 0 }, if query.head.cd { CD } else { 0 }];
    Fast {
        id: query.head.id,
        flags: u16::from_be_bytes(flags),
        name: &question[..question.len() - 4],
        rtype: *rtype,
        class: *class,
        question,
        edns,
    }
}

impl Fast<'_> {
    /// Begins the reply: the header of a response without records and with no error, and the question as it came. Gives where the question ends.
    ///
    /// # Panics
    ///
    /// When `reply` has not even room for these, 271 bytes at most.
    #[inline]
    pub fn begin(&self, reply: &mut [u8]) -> usize {
        let [high, low] = self.flags.to_be_bytes();
        let [id0, id1] = self.id.to_be_bytes();
        let end = HEADER_BYTES + self.question.len();
        reply[..HEADER_BYTES].copy_from_slice(&[id0, id1, QR | high & RD, low & CD, 0, 1, 0, 0, 0, 0, 0, 0]);
        reply[HEADER_BYTES..end].copy_from_slice(self.question);
        end
    }

    /// How long a datagram this asker takes, when we send no more than `payload_max`.
    #[inline]
    pub fn limit(&self, payload_max: u16) -> usize {
        usize::from(self.edns.map_or(512, |edns| edns.payload.clamp(512, payload_max.max(512))))
    }
}

#[cfg(test)]
mod tests;
