//! An untrusted message to a query, or to what is wrong with it.
//!
//! 1. Fewer than 12 bytes, or a response: no answer, so that two servers never talk in circles.
//! 2. Another operation than QUERY: NOTIMP, its body is not read.
//! 3. Not exactly one question (RFC 9619), or anything that cannot be read: FORMERR.
//! 4. More than one OPT record, or one that is not at the root or not among the additional records: FORMERR; a version above 0: BADVERS
//!    (RFC 6891 6.1.1, 6.1.3).
//! 5. A client subnet that is not as RFC 7871 6 has it, or a cookie of another length than RFC 7873 5.2.2 allows: FORMERR. So say both, and else nobody
//!    would ever mend what sends them.
//! 6. Unknown options, unknown flags, and bytes behind the last record are passed over.

use domain::base::iana::{Opcode, Rtype};
use domain::base::message::Message;
use domain::base::name::{ParsedName, ToName};
use domain::base::opt::{Opt, OptRecord, UnknownOptData};
use domain::dep::octseq::Parser;
use hf_model::WireName;

use crate::Rcode;
use crate::options::code;

/// Records that a query may carry: OPT, a signature, the SOA of an IXFR and some to spare. More are FORMERR: reading
/// thousands of records with long compressed names would be work for nothing.
const RECORDS_MAX: u32 = 16;

/// What a reply repeats of a message's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The asker's number for it.
    pub id: u16,
    /// The operation, 0 to 15; 0 is QUERY.
    pub opcode: u8,
    /// "Recursion desired".
    pub rd: bool,
    /// "Checking disabled" (RFC 4035 3.1.6: copied).
    pub cd: bool,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, in the asker's case.
    pub name: WireName,
    /// Type number.
    pub rtype: u16,
    /// Class number; 1 is IN.
    pub class: u16,
}

/// What the asker says in its OPT record (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP payload that it can take, as it says; below 512 it counts as 512.
    pub payload: u16,
    /// 0 in all that is answered.
    pub version: u8,
    /// "DNSSEC OK".
    pub dnssec_ok: bool,
}

/// A query that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The header's part; the opcode is 0.
    pub head: Head,
    /// The one question.
    pub question: Question,
    /// The OPT record, if there is one.
    pub edns: Option<Edns>,
}

/// A message that is answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The header's part.
    pub head: Head,
    /// The question, as far as it could be read.
    pub question: Option<Question>,
    /// The OPT record, if one was read.
    pub edns: Option<Edns>,
    /// The error.
    pub rcode: Rcode,
}

/// Why a message gets no answer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Under 12 bytes: not even an id to answer to.
    Short,
    /// A response.
    Response,
}

/// Why a message is no query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Tell the asker.
    Refuse(Refused),
    /// Say nothing.
    Ignore(Ignored),
}

/// Reads an untrusted message.
///
/// # Errors
///
/// [`Unfit`] says what to do with it instead.
pub fn read_query(bytes: &[u8]) -> Result<Query, Unfit> {
    let message = Message::from_octets(bytes).map_err(|_| Unfit::Ignore(Ignored::Short))?;
    let header = message.header();
    if header.qr() {
        return Err(Unfit::Ignore(Ignored::Response));
    }
    let head = Head { id: header.id(), opcode: header.opcode().to_int(), rd: header.rd(), cd: header.cd() };
    let refuse = |question, edns, rcode| Err(Unfit::Refuse(Refused { head, question, edns, rcode }));
    if header.opcode() != Opcode::QUERY {
        return refuse(None, None, Rcode::NOT_IMP);
    }
    let Some(question) = read_question(&message) else { return refuse(None, None, Rcode::FORM_ERR) };
    match read_edns(&message) {
        Err(Malformed) => refuse(Some(question), None, Rcode::FORM_ERR),
        Ok(Some((edns, _))) if edns.version > 0 => refuse(Some(question), Some(edns), Rcode::BAD_VERS),
        Ok(Some((edns, Options::Bad))) => refuse(Some(question), Some(edns), Rcode::FORM_ERR),
        Ok(edns) => Ok(Query { head, question, edns: edns.map(|(edns, _)| edns) }),
    }
}

/// Something that cannot be read.
struct Malformed;

fn read_question(message: &Message<&[u8]>) -> Option<Question> {
    let question = message.sole_question().ok()?;
    let name = wire_name(question.qname())?;
    Some(Question { name, rtype: question.qtype().to_int(), class: question.qclass().to_int() })
}

/// Decompresses a name.
pub(crate) fn wire_name(name: &impl ToName) -> Option<WireName> {
    WireName::from_wire(name.to_vec().as_slice()).ok()
}

/// The name at `at`, decompressed.
pub(crate) fn name_at(message: &[u8], at: usize) -> Option<WireName> {
    let mut parser = Parser::from_ref(message);
    parser.advance(at).ok()?;
    wire_name(&ParsedName::parse(&mut parser).ok()?)
}

/// What a reply repeats, of anything that has a header; otherwise zeros.
pub fn head_of(bytes: &[u8]) -> Head {
    let Ok(message) = Message::from_octets(bytes) else { return Head::default() };
    let header = message.header();
    Head { id: header.id(), opcode: header.opcode().to_int(), rd: header.rd(), cd: header.cd() }
}

/// Whether the options that we know are as their RFCs have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Options {
    Good,
    Bad,
}

fn judge(opt: &Opt<&[u8]>) -> Options {
    let is_good = |option: Result<UnknownOptData<&[u8]>, _>| {
        option.is_ok_and(|option| match (option.code().to_int(), option.as_slice()) {
            (code::SUBNET, subnet) => is_subnet(subnet),
            (code::COOKIE, cookie) => matches!(cookie.len(), 8 | 16..=40),
            _ => true,
        })
    };
    if opt.iter::<UnknownOptData<_>>().all(is_good) { Options::Good } else { Options::Bad }
}

/// A subnet, or the wish that none be used without a family, as `dig +subnet=0` says it. Families that we do not know are passed over.
fn is_subnet(data: &[u8]) -> bool {
    match data {
        [0, 1 | 2, ..] => crate::fast::subnet(data).is_some(),
        [0, 0, rest @ ..] => rest == [0, 0],
        _ => data.len() >= 4,
    }
}

fn read_edns(message: &Message<&[u8]>) -> Result<Option<(Edns, Options)>, Malformed> {
    let counts = message.header_counts();
    let records = u32::from(counts.ancount()) + u32::from(counts.nscount()) + u32::from(counts.arcount());
    if records > RECORDS_MAX {
        return Err(Malformed);
    }
    let (_, answers, authority, _) = message.sections().map_err(|_| Malformed)?;
    for record in answers.chain(authority) {
        if record.map_err(|_| Malformed)?.rtype() == Rtype::OPT {
            return Err(Malformed);
        }
    }
    let mut found = None;
    for record in message.additional().map_err(|_| Malformed)? {
        let record = record.map_err(|_| Malformed)?;
        if record.rtype() != Rtype::OPT {
            continue;
        }
        if found.is_some() || !record.owner().is_root() {
            return Err(Malformed);
        }
        let opt = record.into_record::<Opt<_>>().map_err(|_| Malformed)?.ok_or(Malformed)?;
        let opt = OptRecord::from_record(opt);
        let edns =
            Edns { payload: opt.udp_payload_size(), version: opt.version(), dnssec_ok: opt.dnssec_ok() };
        found = Some((edns, judge(opt.opt())));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
