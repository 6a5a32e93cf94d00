//! A message written record by record, for the cold path: owners compressed, RDATA as it stands.
//!
//! 1. What does not fit below the limit is not begun; the caller starts the next message with it.
//! 2. A name is compressed to the longest suffix seen at a place that a pointer reaches (16 KiB).

use std::collections::HashMap;

use hf_model::WireName;

use crate::Rcode;
use crate::query::{Head, Question};

/// Where in the header a section is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Answers; UPDATE: prerequisites.
    Answer,
    /// Authority; UPDATE: changes.
    Authority,
    /// Additional.
    Additional,
}

/// The record does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A message that grows.
#[derive(Clone, Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    limit: usize,
    /// Where suffixes stand, folded. Compression ignores case (RFC 1035 4.1.4, RFC 4343 4.1).
    suffixes: HashMap<Vec<u8>, u16>,
}

impl Builder {
    /// A message that stays within `limit` bytes, 65,535 at most. A question always fits.
    pub fn new(limit: usize) -> Builder {
        Builder { bytes: vec![0; 12], limit: limit.min(usize::from(u16::MAX)), suffixes: HashMap::new() }
    }

    /// A request of ours.
    pub fn request(id: u16, opcode: u8, limit: usize) -> Builder {
        let mut builder = Builder::new(limit);
        builder.bytes[..2].copy_from_slice(&id.to_be_bytes());
        builder.bytes[2] = opcode << 3;
        builder
    }

    /// A response.
    pub fn response(head: Head, rcode: Rcode, limit: usize) -> Builder {
        let mut builder = Builder::request(head.id, head.opcode, limit);
        builder.bytes[2] |= 0x80 | u8::from(head.rd);
        builder.bytes[3] = (u8::from(head.cd) << 4) | (rcode.0 as u8 & 15);
        builder
    }

    /// Sets "authoritative answer".
    #[must_use]
    pub fn authoritative(mut self) -> Builder {
        self.bytes[2] |= 0b100;
        self
    }

    /// Adds the question.
    #[must_use]
    pub fn question(mut self, question: &Question) -> Builder {
        self.name(question.name.as_wire());
        self.bytes.extend_from_slice(&question.rtype.to_be_bytes());
        self.bytes.extend_from_slice(&question.class.to_be_bytes());
        self.bytes[5] += 1;
        self
    }

    /// Adds a record; sections are filled in order.
    ///
    /// # Errors
    ///
    /// [`Full`]: the message is as it was.
    pub fn push(
        &mut self,
        section: Section,
        (name, rtype, class, ttl): (&[u8], u16, u16, u32),
        rdata: &[u8],
    ) -> Result<(), Full> {
        let count_at = match section {
            Section::Answer => 6,
            Section::Authority => 8,
            Section::Additional => 10,
        };
        let count = u16::from_be_bytes([self.bytes[count_at], self.bytes[count_at + 1]]);
        let rdlen = u16::try_from(rdata.len()).map_err(|_| Full)?;
        // Not compressed at all it would need this; that little less is used now and then is no matter.
        if count == u16::MAX || self.bytes.len() + name.len() + 10 + rdata.len() > self.limit {
            return Err(Full);
        }
        self.name(name);
        self.bytes.extend_from_slice(&rtype.to_be_bytes());
        self.bytes.extend_from_slice(&class.to_be_bytes());
        self.bytes.extend_from_slice(&ttl.to_be_bytes());
        self.bytes.extend_from_slice(&rdlen.to_be_bytes());
        self.bytes.extend_from_slice(rdata);
        self.bytes[count_at..count_at + 2].copy_from_slice(&(count + 1).to_be_bytes());
        Ok(())
    }

    /// Whether it has no records yet.
    pub fn is_bare(&self) -> bool {
        self.bytes[6..12].iter().all(|byte| *byte == 0)
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn name(&mut self, wire: &[u8]) {
        let mut at = 0;
        while let Some(len) = wire.get(at).map(|len| usize::from(*len)).filter(|len| *len > 0) {
            let suffix = wire[at..].to_ascii_lowercase();
            if let Some(place) = self.suffixes.get(&suffix) {
                self.bytes.extend_from_slice(&(0xc000 | place).to_be_bytes());
                return;
            }
            if self.bytes.len() < 0x4000 {
                self.suffixes.insert(suffix, self.bytes.len() as u16);
            }
            self.bytes.extend_from_slice(&wire[at..at + 1 + len]);
            at += 1 + len;
        }
        self.bytes.push(0);
    }
}

/// A response without records: to what was refused, to NOTIFY and to UPDATE.
pub fn plain_reply(head: Head, question: Option<&Question>, rcode: Rcode) -> Vec<u8> {
    let builder = Builder::response(head, rcode, 512);
    match question {
        Some(question) => builder.question(question).finish(),
        None => builder.finish(),
    }
}

/// What is left of a reply that is too long: header and question, and the mark that it was cut.
pub fn cut(reply: &[u8]) -> Vec<u8> {
    let question = match reply[4..6] {
        [0, 1] => crate::records::skip_name(reply, 12).map_or(12, |end| end + 4),
        _ => 12,
    };
    let mut cut = reply[..question.min(reply.len())].to_vec();
    cut[2] |= 0b10;
    cut[6..12].fill(0);
    cut
}

/// A question about a zone itself, class IN.
pub(crate) fn about(zone: &WireName, rtype: u16) -> Question {
    Question { name: zone.clone(), rtype, class: 1 }
}
