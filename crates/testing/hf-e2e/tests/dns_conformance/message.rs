//! Queries as bytes, and replies in a form that can be compared: names in lower case and without pointers, sections sorted.
//!
//! A decoder of its own: what is compared must not go through the code that is tested.

use std::fmt;

/// A record: owner, type, TTL, data.
pub type Record = (String, u16, u32, Vec<u8>);

/// A reply.
#[expect(clippy::struct_excessive_bools, reason = "flags of a DNS header, each alone")]
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Reply {
    pub rcode: u16,
    pub opcode: u8,
    pub aa: bool,
    pub tc: bool,
    pub ra: bool,
    pub z: bool,
    pub question: Vec<u8>,
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
    pub opt: Option<Opt>,
    pub bytes: usize,
}

/// The OPT record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opt {
    pub version: u8,
    pub dnssec_ok: bool,
    pub other_bits: u16,
    pub options: Vec<u16>,
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query {
    pub name: String,
    pub rtype: u16,
    pub how: How,
}

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Plain,
    Tcp,
    Edns(u16),
    DnssecOk,
    BadVersion,
    UnknownOption,
    UnknownFlag,
    Subnet,
    Nsid,
    /// RD, AD, CD and Z in turn.
    Header(u16),
    Opcode(u8),
}

impl Query {
    pub fn bytes(&self, id: u16) -> Vec<u8> {
        let (flags, opcode) = match self.how {
            How::Header(flags) => (flags, 0),
            How::Opcode(opcode) => (0, u16::from(opcode)),
            _ => (0, 0),
        };
        let opt = self.opt();
        let mut out = Vec::new();
        for number in [id, flags | opcode << 11, 1, 0, 0, u16::from(opt.is_some())] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&wire(&self.name));
        out.extend_from_slice(&self.rtype.to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        out.extend(opt.unwrap_or_default());
        out
    }

    fn opt(&self) -> Option<Vec<u8>> {
        let (size, version, flags, options): (u16, u8, u16, &[u8]) = match self.how {
            How::Plain | How::Tcp | How::Header(_) | How::Opcode(_) => return None,
            How::Edns(size) => (size, 0, 0, b""),
            How::DnssecOk => (1232, 0, 0x8000, b""),
            How::BadVersion => (1232, 1, 0, b""),
            How::UnknownOption => (1232, 0, 0, b"\xfd\xea\0\x03abc"),
            How::UnknownFlag => (1232, 0, 0x40, b""),
            How::Subnet => (1232, 0, 0, b"\0\x08\0\x07\0\x01\x18\0\xc6\x33\x64"),
            How::Nsid => (1232, 0, 0, b"\0\x03\0\0"),
        };
        let mut out = vec![0, 0, 41];
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(&[0, version]);
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&(options.len() as u16).to_be_bytes());
        out.extend_from_slice(options);
        Some(out)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} TYPE{} {:?}", self.name, self.rtype, self.how)
    }
}

/// A name of harmless labels in wire form.
pub fn wire(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

/// Reads a reply; none when it cannot be read.
pub fn read(bytes: &[u8]) -> Option<Reply> {
    let number = |at: usize| bytes.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    let flags = number(2)?;
    let mut reply = Reply {
        rcode: flags & 15,
        opcode: (flags >> 11 & 15) as u8,
        aa: flags & 0x400 != 0,
        tc: flags & 0x200 != 0,
        ra: flags & 0x80 != 0,
        z: flags & 0x40 != 0,
        bytes: bytes.len(),
        ..Reply::default()
    };
    let mut at = 12;
    for _ in 0..number(4)? {
        let (_, end) = name(bytes, at)?;
        reply.question.extend_from_slice(bytes.get(at..end + 4)?);
        at = end + 4;
    }
    for section in 0..3 {
        for _ in 0..number(6 + 2 * section)? {
            let (owner, end) = name(bytes, at)?;
            let (rtype, len) = (number(end)?, usize::from(number(end + 8)?));
            let ttl = u32::from(number(end + 4)?) << 16 | u32::from(number(end + 6)?);
            let data = end + 10;
            at = data + len;
            bytes.get(data..at)?;
            if rtype == 41 {
                reply.rcode |= (ttl >> 24) as u16 * 16;
                reply.opt = Some(opt(ttl, &bytes[data..at])?);
                continue;
            }
            let record = (owner, rtype, ttl, rdata(bytes, rtype, data, at)?);
            [&mut reply.answer, &mut reply.authority, &mut reply.additional][section].push(record);
        }
    }
    for section in [&mut reply.answer, &mut reply.authority, &mut reply.additional] {
        section.sort();
        section.dedup();
    }
    (at == bytes.len()).then_some(reply)
}

fn opt(ttl: u32, mut data: &[u8]) -> Option<Opt> {
    let mut options = Vec::new();
    while let Some(head) = data.first_chunk::<4>() {
        options.push(u16::from_be_bytes([head[0], head[1]]));
        data = data.get(4 + usize::from(u16::from_be_bytes([head[2], head[3]]))..)?;
    }
    let bits = ttl as u16;
    Some(Opt {
        version: (ttl >> 16) as u8,
        dnssec_ok: bits & 0x8000 != 0,
        other_bits: bits & 0x7fff,
        options,
    })
}

/// A name as text, and where it ends.
fn name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut text, mut end) = (String::new(), None);
    for _ in 0..128 {
        let len = usize::from(*bytes.get(at)?);
        if len >= 192 {
            end = end.or(Some(at + 2));
            at = (len & 63) << 8 | usize::from(*bytes.get(at + 1)?);
            continue;
        }
        let label = bytes.get(at + 1..at + 1 + len)?;
        at += 1 + len;
        if len == 0 {
            return Some((if text.is_empty() { ".".to_owned() } else { text }, end.unwrap_or(at)));
        }
        text.push_str(&label.to_ascii_lowercase().escape_ascii().to_string());
        text.push('.');
    }
    None
}

/// Data with its names written out.
fn rdata(bytes: &[u8], rtype: u16, at: usize, end: usize) -> Option<Vec<u8>> {
    let (before, names) = match rtype {
        2 | 5 | 12 | 39 => (0, 1),
        15 => (2, 1),
        33 => (6, 1),
        6 => (0, 2),
        _ => return Some(bytes.get(at..end)?.to_vec()),
    };
    let mut out = bytes.get(at..at + before)?.to_vec();
    let mut at = at + before;
    for _ in 0..names {
        let (text, behind) = name(bytes, at)?;
        out.extend_from_slice(text.as_bytes());
        at = behind;
    }
    out.extend_from_slice(bytes.get(at..end)?);
    Some(out)
}
