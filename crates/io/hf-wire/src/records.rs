//! Whole messages with all their records, for the cold path: transfers, UPDATE, NOTIFY.
//!
//! 1. Names are read with their compression undone; pointers go strictly backwards, so reading ends.
//! 2. RDATA comes out uncompressed, whatever type its names stand in. An empty RDATA stays empty: UPDATE means something by it.
//! 3. The caller says how many records it takes; a message that announces more is not read.
//!
//! Not here: what a message asks for.

use domain::base::iana::Rtype;
use domain::base::message::Message;
use domain::base::rdata::ComposeRecordData;
use domain::base::record::ParsedRecord;
use domain::rdata::AllRecordData;
use hf_model::WireName;

use crate::query::{Head, Question, wire_name};

/// The type of EDNS's record.
const OPT: u16 = 41;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Owner, in the sender's case.
    pub name: WireName,
    /// Type number.
    pub rtype: u16,
    /// Class number; 1 is IN, 254 NONE, 255 ANY.
    pub class: u16,
    /// Seconds.
    pub ttl: u32,
    /// Uncompressed.
    pub rdata: Vec<u8>,
}

/// A message as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The header's part that replies repeat.
    pub head: Head,
    /// "Response".
    pub qr: bool,
    /// "Authoritative answer".
    pub aa: bool,
    /// Cut.
    pub tc: bool,
    /// The header's response code.
    pub rcode: u8,
    /// The question; UPDATE calls it the zone. None without one.
    pub question: Option<Question>,
    /// Answers; UPDATE: prerequisites.
    pub answers: Vec<Record>,
    /// Authority; UPDATE: changes.
    pub authority: Vec<Record>,
    /// Additional, OPT among them.
    pub additional: Vec<Record>,
}

/// Why a message could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Cut off, a pointer that goes forward, RDATA that is not of its type.
    #[error("the message cannot be read")]
    Malformed,
    /// More than one question.
    #[error("the message has more than one question")]
    Questions,
    /// More records than the caller takes.
    #[error("the message has more records than are taken")]
    TooMany,
}

/// Reads a message of at most `records_max` records.
///
/// # Errors
///
/// [`ParseError`] says why not.
pub fn parse(bytes: &[u8], records_max: u32) -> Result<Parsed, ParseError> {
    let message = Message::from_octets(bytes).map_err(|_| ParseError::Malformed)?;
    let (header, counts) = (message.header(), message.header_counts());
    let records = u32::from(counts.ancount()) + u32::from(counts.nscount()) + u32::from(counts.arcount());
    if records > records_max {
        return Err(ParseError::TooMany);
    }
    if counts.qdcount() > 1 {
        return Err(ParseError::Questions);
    }
    let question = match message.first_question() {
        Some(question) => Some(Question {
            name: wire_name(question.qname()).ok_or(ParseError::Malformed)?,
            rtype: question.qtype().to_int(),
            class: question.qclass().to_int(),
        }),
        None if counts.qdcount() == 1 => return Err(ParseError::Malformed),
        None => None,
    };
    let (_, answers, authority, additional) = message.sections().map_err(|_| ParseError::Malformed)?;
    Ok(Parsed {
        head: Head { id: header.id(), opcode: header.opcode().to_int(), rd: header.rd(), cd: header.cd() },
        qr: header.qr(),
        aa: header.aa(),
        tc: header.tc(),
        rcode: header.rcode().to_int(),
        question,
        answers: section(answers)?,
        authority: section(authority)?,
        additional: section(additional)?,
    })
}

fn section(records: domain::base::message::RecordSection<'_, &[u8]>) -> Result<Vec<Record>, ParseError> {
    records.map(|record| record.ok().and_then(|record| read(&record)).ok_or(ParseError::Malformed)).collect()
}

fn read(record: &ParsedRecord<'_, &[u8]>) -> Option<Record> {
    let mut rdata = Vec::new();
    // Raw for OPT, whose options may be of any shape, and for what has no data.
    if record.rdlen() > 0 && record.rtype() != Rtype::OPT {
        let data = record.to_any_record::<AllRecordData<_, _>>().ok()?;
        data.data().compose_rdata(&mut rdata).ok()?;
    }
    Some(Record {
        name: wire_name(&record.owner())?,
        rtype: record.rtype().to_int(),
        class: record.class().to_int(),
        ttl: record.ttl().as_secs(),
        rdata,
    })
}

/// Where the name at `at` ends; none when it does not.
pub(crate) fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            192.. => return message.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
}

/// Where one record lies in its message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its owner's first byte.
    pub(crate) at: usize,
    /// Its type's first byte.
    pub(crate) fixed: usize,
    /// Its first byte behind.
    pub(crate) end: usize,
    pub(crate) rtype: u16,
    /// Whether it is in the additional section.
    pub(crate) additional: bool,
}

/// Walks over all records, without reading what is in them. `None` inside: the message is cut off.
pub(crate) fn places(message: &[u8]) -> impl Iterator<Item = Option<Place>> {
    let count = |at: usize| message.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
    let (questions, records) = (count(4), u32::from(count(6)) + u32::from(count(8)) + u32::from(count(10)));
    let first_additional = u32::from(count(6)) + u32::from(count(8));
    let mut at = (0..questions).try_fold(12, |at, _| skip_name(message, at).map(|end| end + 4));
    (0..records).map_while(move |number| {
        // Behind the first failure nothing follows.
        let start = at.take()?;
        let place = (|| {
            let fixed = skip_name(message, start)?;
            let head: &[u8; 10] = message.get(fixed..fixed + 10)?.try_into().ok()?;
            let end = fixed + 10 + usize::from(u16::from_be_bytes([head[8], head[9]]));
            let rtype = u16::from_be_bytes([head[0], head[1]]);
            (end <= message.len()).then_some(Place {
                at: start,
                fixed,
                end,
                rtype,
                additional: number >= first_additional,
            })
        })();
        at = place.map(|place| place.end);
        Some(place)
    })
}

/// Where the OPT record begins, if it is the last thing in the message.
pub(crate) fn last_opt(message: &[u8]) -> Option<usize> {
    let last = places(message).last()??;
    (last.rtype == OPT && last.additional && last.end == message.len()).then_some(last.at)
}

#[cfg(test)]
mod tests;
