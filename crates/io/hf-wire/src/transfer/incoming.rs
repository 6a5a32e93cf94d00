//! The messages of one transfer into a whole zone, or into steps.
//!
//! 1. It begins with the new SOA. Alone, and not newer than ours, it means "nothing new".
//! 2. An answer to IXFR whose second record is a SOA of ours comes in steps: old SOA, what goes, new SOA, what comes; each begins where
//!    the one before ended, and the last ends at the new SOA. Otherwise the whole zone comes, even to IXFR.
//! 3. It ends with the new SOA again; anything behind it is an error, and so is whatever does not belong to the zone.
//! 4. Until it is complete nothing of it counts. It may have so many bytes, which the caller says.

use hf_model::WireName;

use crate::records::{Record, parse};
use crate::soa::{Soa, is_newer};

const SOA: u16 = 6;

/// One record of a zone, class IN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rr {
    /// Owner.
    pub name: WireName,
    /// Type number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// Uncompressed.
    pub rdata: Vec<u8>,
}

/// What takes a zone from one serial to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Goes; the old SOA first.
    pub removed: Vec<Rr>,
    /// Comes; the new SOA first.
    pub added: Vec<Rr>,
}

/// What a transfer amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// More messages belong to it.
    More,
    /// We have what there is.
    Current,
    /// The whole zone, its SOA first and once.
    Whole(Vec<Rr>),
    /// Steps from what we hold.
    Steps(Vec<Step>),
    /// The answer was cut (UDP): ask over TCP.
    Cut,
}

/// Why a transfer cannot be used; what we hold stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A message cannot be read.
    #[error("a message of the transfer cannot be read")]
    Malformed,
    /// Not an answer to what we asked.
    #[error("a message of the transfer is not the answer to our question")]
    NotOurs,
    /// The primary said no, with this rcode.
    #[error("the primary refused the transfer with rcode {0}; allow this node's address or key there")]
    Refused(u8),
    /// It does not begin with the zone's SOA, or a step does not fit.
    #[error("the transfer's records are not in the order of RFC 5936 and RFC 1995")]
    Order,
    /// A record that is not in the zone or not of class IN.
    #[error("the transfer has a record that does not belong to the zone")]
    Foreign,
    /// More than the caller takes.
    #[error("the transfer is larger than is taken; raise the bound or split the zone")]
    TooLarge,
}

/// How far reading is.
#[derive(Debug)]
enum State {
    /// Nothing yet.
    Start,
    /// One SOA: what follows says which form it has.
    Second,
    /// The whole zone.
    Whole,
    /// In a step, among what goes.
    Removing,
    /// In a step, among what comes.
    Adding,
    /// The last SOA has come.
    Done,
}

/// A transfer on its way in.
#[derive(Debug)]
pub struct Incoming {
    id: u16,
    zone: WireName,
    held: Option<u32>,
    bytes_left: usize,
    state: State,
    newest: Option<(Rr, u32)>,
    /// The serial that the steps have come to.
    at: u32,
    whole: Vec<Rr>,
    steps: Vec<Step>,
    first_message: bool,
}

impl Incoming {
    /// The answer to the request `id` for `zone`; `held` is our serial if the request was an IXFR. At most `bytes_max` bytes are
    /// taken, all messages together.
    pub fn new(id: u16, zone: &WireName, held: Option<u32>, bytes_max: usize) -> Incoming {
        Incoming {
            id,
            zone: zone.folded(),
            held,
            bytes_left: bytes_max,
            state: State::Start,
            newest: None,
            at: held.unwrap_or(0),
            whole: Vec::new(),
            steps: Vec::new(),
            first_message: true,
        }
    }

    /// Takes the next message, without its signature.
    ///
    /// # Errors
    ///
    /// [`TransferError`]: the transfer is over and worth nothing.
    pub fn take(&mut self, message: &[u8]) -> Result<Outcome, TransferError> {
        self.bytes_left = self.bytes_left.checked_sub(message.len()).ok_or(TransferError::TooLarge)?;
        let parsed = parse(message, u32::MAX).map_err(|_| TransferError::Malformed)?;
        if !parsed.qr || parsed.head.id != self.id || parsed.head.opcode != 0 {
            return Err(TransferError::NotOurs);
        }
        if let Some(question) = &parsed.question
            && question.name.folded() != self.zone
        {
            return Err(TransferError::NotOurs);
        }
        if parsed.rcode != 0 {
            return Err(TransferError::Refused(parsed.rcode));
        }
        if parsed.tc {
            return Ok(Outcome::Cut);
        }
        let alone = parsed.answers.len() == 1 && std::mem::take(&mut self.first_message);
        self.first_message = false;
        for record in parsed.answers {
            self.record(record)?;
        }
        match self.state {
            // A primary may send the one SOA and then the rest in further messages, but only of something new.
            State::Second if alone && self.is_current() => Ok(Outcome::Current),
            State::Start => Err(TransferError::Order),
            State::Done if self.steps.is_empty() => Ok(Outcome::Whole(std::mem::take(&mut self.whole))),
            State::Done => Ok(Outcome::Steps(std::mem::take(&mut self.steps))),
            _ => Ok(Outcome::More),
        }
    }

    /// Whether the SOA alone is the answer to an IXFR, which over UDP may also mean "too much for a datagram".
    pub fn newest_serial(&self) -> Option<u32> {
        self.newest.as_ref().map(|(_, serial)| *serial)
    }

    fn is_current(&self) -> bool {
        match (self.held, self.newest_serial()) {
            (Some(held), Some(newest)) => !is_newer(newest, held),
            _ => false,
        }
    }

    fn record(&mut self, record: Record) -> Result<(), TransferError> {
        let name = record.name.folded();
        if record.class != 1 || !name.as_wire().ends_with(self.zone.as_wire()) || !is_below(&name, &self.zone)
        {
            return Err(TransferError::Foreign);
        }
        let rr = Rr { name, rtype: record.rtype, ttl: record.ttl, rdata: record.rdata };
        let serial = if rr.rtype == SOA {
            let soa = Soa::read(&rr.rdata).filter(|_| rr.name == self.zone);
            Some(soa.ok_or(TransferError::Foreign)?.serial)
        } else {
            None
        };
        let newest = self.newest_serial();
        self.state = match (&self.state, serial) {
            (State::Start, Some(serial)) => {
                self.newest = Some((rr, serial));
                State::Second
            }
            (State::Second, Some(serial)) if Some(serial) == self.held && Some(serial) != newest => {
                self.steps.push(Step { removed: vec![rr], added: Vec::new() });
                State::Removing
            }
            // A zone with nothing but its SOA.
            (State::Second, Some(serial)) if Some(serial) == newest => {
                self.whole = vec![rr];
                State::Done
            }
            (State::Second, None) => {
                self.whole.extend(self.newest.as_ref().map(|(soa, _)| soa.clone()));
                self.whole.push(rr);
                State::Whole
            }
            (State::Whole, None) => {
                self.whole.push(rr);
                State::Whole
            }
            (State::Whole, Some(serial)) if Some(serial) == newest => State::Done,
            (State::Removing, None) => {
                self.step()?.removed.push(rr);
                State::Removing
            }
            (State::Removing, Some(serial)) if is_newer(serial, self.at) => {
                self.at = serial;
                self.step()?.added.push(rr);
                State::Adding
            }
            (State::Adding, None) => {
                self.step()?.added.push(rr);
                State::Adding
            }
            (State::Adding, Some(serial)) if serial == self.at => {
                if Some(serial) == newest {
                    State::Done
                } else {
                    self.steps.push(Step { removed: vec![rr], added: Vec::new() });
                    State::Removing
                }
            }
            _ => return Err(TransferError::Order),
        };
        Ok(())
    }

    fn step(&mut self) -> Result<&mut Step, TransferError> {
        self.steps.last_mut().ok_or(TransferError::Order)
    }
}

/// Whether `name` is `zone` or below it, by whole labels; both folded.
fn is_below(name: &WireName, zone: &WireName) -> bool {
    let (name, zone) = (name.as_wire(), zone.as_wire());
    let mut at = 0;
    while name.len() - at > zone.len() {
        at += 1 + usize::from(name[at]);
    }
    name[at..] == *zone
}
