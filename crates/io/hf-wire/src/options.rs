//! Our OPT record with its options, written without allocation (RFC 6891).
//!
//! 1. An option is in the reply only if the asker's message calls for it; the caller decides, this file writes.
//! 2. [`Opt::write`] writes the whole record or nothing.
//! 3. [`pad`], [`keepalive`] and [`expire`] add to a finished reply, whose last record is its OPT: what only a stream says, or is said only to a
//!    secondary, need not be known to who made the reply.
//!
//! Sources: RFC 5001 (NSID), 7314 (expire), 7871 (client subnet), 7873 and 9018 (cookies), 7828 (keepalive), 7830 and 8467 (padding), 8914
//! (extended errors).
//!
//! Not here: what a cookie's value is ([`crate::cookie`]), which bits of a subnet an answer depends on (`hf-select`).

use std::net::IpAddr;

/// Option numbers.
pub mod code {
    /// Name server identifier.
    pub const NSID: u16 = 3;
    /// How long a copy may be answered from.
    pub const EXPIRE: u16 = 9;
    /// Client subnet.
    pub const SUBNET: u16 = 8;
    /// Cookies.
    pub const COOKIE: u16 = 10;
    /// TCP keepalive.
    pub const KEEPALIVE: u16 = 11;
    /// Padding.
    pub const PADDING: u16 = 12;
    /// Extended error.
    pub const EXTENDED_ERROR: u16 = 15;
}

/// Replies over encrypted transports grow to a multiple of this (RFC 8467 4.1).
pub const PADDING_BLOCK: usize = 468;

/// The bytes of an OPT record without options: root owner, type, class, TTL, length.
pub const OPT_BYTES: usize = 11;

/// The asker's subnet, sent back with what the answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubnetEcho {
    /// As the asker sent it.
    pub address: IpAddr,
    /// As the asker sent it.
    pub source_bits: u8,
    /// How many bits of the address the answer depends on.
    pub scope_bits: u8,
}

/// What our OPT record says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opt<'a> {
    /// The largest UDP payload that we take.
    pub payload: u16,
    /// The whole response code; its upper eight bits stand in OPT.
    pub rcode: u16,
    /// "DNSSEC OK", copied from the query.
    pub dnssec_ok: bool,
    /// Client and server cookie, 24 bytes in all.
    pub cookie: Option<[u8; 24]>,
    /// Who we are.
    pub nsid: Option<&'a [u8]>,
    /// The asker's subnet.
    pub subnet: Option<SubnetEcho>,
    /// An extended error and its text.
    pub extended_error: Option<(u16, &'a str)>,
}

impl Opt<'_> {
    /// How long the record is.
    pub fn len(&self) -> usize {
        OPT_BYTES
            + self.cookie.map_or(0, |_| 4 + 24)
            + self.nsid.map_or(0, |nsid| 4 + nsid.len())
            + self.subnet.map_or(0, |subnet| 8 + subnet_bytes(subnet.source_bits))
            + self.extended_error.map_or(0, |(_, text)| 6 + text.len())
    }

    /// Never: the root and the fixed fields are always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Writes the record at the front of `out` and says how long it is; nothing when it does not fit. The caller counts it.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let len = self.len();
        let rdlen = u16::try_from(len - OPT_BYTES).ok()?;
        let out = out.get_mut(..len)?;
        let mut put = Put { out, at: 0 };
        put.bytes(&[0, 0, 41]);
        put.bytes(&self.payload.to_be_bytes());
        put.bytes(&[(self.rcode >> 4) as u8, 0, if self.dnssec_ok { 0x80 } else { 0 }, 0]);
        put.bytes(&rdlen.to_be_bytes());
        if let Some(cookie) = &self.cookie {
            put.option(code::COOKIE, 24);
            put.bytes(cookie);
        }
        if let Some(nsid) = self.nsid {
            put.option(code::NSID, nsid.len());
            put.bytes(nsid);
        }
        if let Some(subnet) = self.subnet {
            let octets = subnet_bytes(subnet.source_bits);
            put.option(code::SUBNET, 4 + octets);
            match subnet.address {
                IpAddr::V4(address) => put.subnet(1, subnet, &address.octets()[..octets.min(4)]),
                IpAddr::V6(address) => put.subnet(2, subnet, &address.octets()[..octets]),
            }
        }
        if let Some((number, text)) = self.extended_error {
            put.option(code::EXTENDED_ERROR, 2 + text.len());
            put.bytes(&number.to_be_bytes());
            put.bytes(text.as_bytes());
        }
        Some(len)
    }
}

/// How many bytes of an address its first `bits` fill; never more than an address has.
fn subnet_bytes(bits: u8) -> usize {
    usize::from(bits.min(128)).div_ceil(8)
}

struct Put<'b> {
    out: &'b mut [u8],
    at: usize,
}

impl Put<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn option(&mut self, code: u16, len: usize) {
        self.bytes(&code.to_be_bytes());
        self.bytes(&(len as u16).to_be_bytes());
    }

    fn subnet(&mut self, family: u16, subnet: SubnetEcho, octets: &[u8]) {
        self.bytes(&family.to_be_bytes());
        self.bytes(&[subnet.source_bits, subnet.scope_bits]);
        self.bytes(octets);
        // The bits behind the prefix are zero (RFC 7871 6).
        let spare = (8 - subnet.source_bits % 8) % 8;
        if !octets.is_empty() {
            self.out[self.at - 1] &= 0xff << spare;
        }
    }
}

/// Whether a query's OPT record has this option.
pub fn is_asked(query: &[u8], code: u16) -> bool {
    option(query, code).is_some()
}

/// The first option of this number in a message's OPT record; empty when it is cut.
fn option(message: &[u8], code: u16) -> Option<&[u8]> {
    let opt = crate::records::places(message).flatten().find(|place| place.rtype == 41 && place.additional);
    let mut rest = opt.and_then(|place| message.get(place.fixed + 10..place.end))?;
    while let Some((head, behind)) = rest.split_first_chunk::<4>() {
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if head[..2] == code.to_be_bytes() {
            return Some(behind.get(..len).unwrap_or_default());
        }
        rest = behind.get(len..).unwrap_or_default();
    }
    None
}

/// For how many seconds a primary says that its zone may be answered from (RFC 7314).
pub fn expires_in(reply: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(option(reply, code::EXPIRE)?.try_into().ok()?))
}

/// Adds for how many seconds the zone may be answered from to a finished reply that ends with its OPT record (RFC 7314 3.3).
pub fn expire(reply: &mut Vec<u8>, seconds: u32) {
    add_option(reply, code::EXPIRE, &seconds.to_be_bytes());
}

/// Adds an idle time-out, in units of 100 ms, to a finished reply that ends with its OPT record (RFC 7828 3.3.2).
pub fn keepalive(reply: &mut Vec<u8>, tenths: u16) {
    add_option(reply, code::KEEPALIVE, &tenths.to_be_bytes());
}

/// Pads a finished reply that ends with its OPT record to a multiple of [`PADDING_BLOCK`]; as far as it goes near 64 KiB.
/// `behind` bytes are still to be added behind it, such as a signature.
pub fn pad(reply: &mut Vec<u8>, behind: usize) {
    let bare = reply.len() + 4 + behind;
    let whole = bare.next_multiple_of(PADDING_BLOCK).min(usize::from(u16::MAX));
    if let Some(len) = whole.checked_sub(bare) {
        add_option(reply, code::PADDING, &[0; PADDING_BLOCK][..len]);
    }
}

fn add_option(reply: &mut Vec<u8>, code: u16, data: &[u8]) {
    let Some(at) = crate::records::last_opt(reply) else { return };
    let old = usize::from(u16::from_be_bytes([reply[at + 9], reply[at + 10]]));
    let Ok(new) = u16::try_from(old + 4 + data.len()) else { return };
    if reply.len() + 4 + data.len() > usize::from(u16::MAX) {
        return;
    }
    reply[at + 9..at + 11].copy_from_slice(&new.to_be_bytes());
    reply.extend_from_slice(&code.to_be_bytes());
    reply.extend_from_slice(&(data.len() as u16).to_be_bytes());
    reply.extend_from_slice(data);
}

#[cfg(test)]
mod tests;
