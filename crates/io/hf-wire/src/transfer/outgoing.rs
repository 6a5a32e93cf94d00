//! Records into the messages of one transfer.

use crate::Rcode;
use crate::build::{Builder, Full, Section};
use crate::query::{Head, Question};

/// One message's size: large enough that framing costs nothing, small enough that other answers get between.
const MESSAGE_BYTES: usize = 16_384;

/// The messages of one transfer, made one after another.
#[derive(Debug)]
pub struct Outgoing {
    head: Head,
    question: Question,
    /// Kept free in each message, for a signature.
    room: usize,
    current: Builder,
}

impl Outgoing {
    /// For this request. `room` bytes stay free in each message.
    pub fn new(head: Head, question: &Question, room: usize) -> Outgoing {
        let current = Outgoing::first(head, question, room, MESSAGE_BYTES);
        Outgoing { head, question: question.clone(), room, current }
    }

    fn first(head: Head, question: &Question, room: usize, limit: usize) -> Builder {
        Builder::response(head, Rcode::NO_ERROR, limit - room).authoritative().question(question)
    }

    /// Adds a record; when the message before it is full, that comes out.
    ///
    /// A record that does not fit into any message (above some 65,000 bytes of data) is an error: a zone that cannot be
    /// transferred whole is not transferred at all.
    pub fn push(&mut self, fixed: (&[u8], u16, u32), rdata: &[u8]) -> Result<Option<Vec<u8>>, Full> {
        let (name, rtype, ttl) = fixed;
        let fixed = (name, rtype, 1, ttl);
        if self.current.push(Section::Answer, fixed, rdata).is_ok() {
            return Ok(None);
        }
        // Messages behind the first need no question (RFC 5936 2.2.1); every old client takes one.
        let mut next = Outgoing::first(self.head, &self.question, self.room, MESSAGE_BYTES);
        if next.push(Section::Answer, fixed, rdata).is_err() {
            next = Outgoing::first(self.head, &self.question, self.room, usize::from(u16::MAX));
            next.push(Section::Answer, fixed, rdata)?;
        }
        let full = std::mem::replace(&mut self.current, next);
        Ok((!full.is_bare()).then(|| full.finish()))
    }

    /// The last message.
    pub fn finish(self) -> Vec<u8> {
        self.current.finish()
    }
}
