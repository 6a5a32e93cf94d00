//! A reply, from our own types to bytes that fit the transport.
//!
//! 1. Owner names are compressed, and so the first answer repeats the question's case (0x20 checks pass).
//! 2. OPT is in the reply if and only if it was in the query; room for it is kept.
//! 3. Over UDP the limit is 512 bytes, or with EDNS what the asker takes, at most [`UDP_PAYLOAD_MAX`]. What does not fit is
//!    sent with TC and empty sections (RFC 2181 9): a cut answer would be kept by nobody anyway.
//! 4. Over TCP the limit is 65,535 bytes; what does not fit is SERVFAIL.

use domain::base::iana::{Class, Opcode, OptRcode, Rcode as HeaderRcode, Rtype};
use domain::base::message_builder::{MessageBuilder, StaticCompressor};
use domain::base::name::Name;
use domain::base::rdata::UnknownRecordData;
use domain::base::{Record, Ttl};
use hf_model::WireName;

use crate::query::{Edns, Head, Query, Question, Refused};
use crate::{Rcode, UDP_PAYLOAD_MAX};

/// How a reply travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// A stream; the two bytes of length are the caller's.
    Tcp,
}

/// One record to send, class IN.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// Owner.
    pub name: &'a WireName,
    /// Type number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// RDATA in uncompressed wire form.
    pub rdata: &'a [u8],
}

/// A reply to build.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    /// Repeated from the query.
    pub head: Head,
    /// Repeated from the query, if it could be read.
    pub question: Option<&'a Question>,
    /// What the query said; answered by our own OPT record.
    pub edns: Option<Edns>,
    /// How it went.
    pub rcode: Rcode,
    /// "Authoritative answer".
    pub aa: bool,
    /// Answer section.
    pub answers: Vec<RecordRef<'a>>,
    /// Authority section.
    pub authority: Vec<RecordRef<'a>>,
    /// Additional section, without OPT.
    pub additional: Vec<RecordRef<'a>>,
}

/// The sections or the OPT record do not fit.
struct Full;

impl<'a> Reply<'a> {
    /// A reply without records to a query.
    pub fn to(query: &'a Query, rcode: Rcode) -> Self {
        Reply {
            head: query.head,
            question: Some(&query.question),
            edns: query.edns,
            rcode,
            aa: false,
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
        }
    }

    /// The reply to a message that is no query.
    pub fn refusing(refused: &'a Refused) -> Self {
        Reply {
            head: refused.head,
            question: refused.question.as_ref(),
            edns: refused.edns,
            rcode: refused.rcode,
            aa: false,
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
        }
    }

    /// The message; never longer than the transport and the asker allow.
    pub fn encode(&self, transport: Transport) -> Vec<u8> {
        let limit = self.limit(transport);
        if let Ok(whole) = self.build(limit, self.rcode, Body::Whole) {
            return whole;
        }
        let (rcode, body) = match transport {
            Transport::Udp => (self.rcode, Body::Truncated),
            Transport::Tcp => (Rcode::SERV_FAIL, Body::Empty),
        };
        self.build(limit, rcode, body).unwrap_or_else(|Full| {
            unreachable!("a header, one question and OPT are at most 12 + 259 + 11 bytes")
        })
    }

    fn limit(&self, transport: Transport) -> usize {
        match (transport, self.edns) {
            (Transport::Tcp, _) => usize::from(u16::MAX),
            (Transport::Udp, None) => 512,
            (Transport::Udp, Some(edns)) => usize::from(edns.payload.clamp(512, UDP_PAYLOAD_MAX)),
        }
    }

    fn build(&self, limit: usize, rcode: Rcode, body: Body) -> Result<Vec<u8>, Full> {
        let target = StaticCompressor::new(Vec::with_capacity(limit.min(512)));
        let mut message = MessageBuilder::from_target(target).map_err(|_| Full)?;
        // The builder refuses to reach its limit, so it is told one more.
        message.set_push_limit(limit + 1 - if self.edns.is_some() { OPT_BYTES } else { 0 });
        let header = message.header_mut();
        header.set_id(self.head.id);
        header.set_qr(true);
        header.set_opcode(Opcode::from_int(self.head.opcode));
        header.set_rd(self.head.rd);
        header.set_cd(self.head.cd);
        header.set_aa(self.aa);
        header.set_tc(body == Body::Truncated);
        header.set_rcode(header_rcode(rcode, self.edns));

        let mut message = message.question();
        if let Some(question) = self.question {
            let rtype = Rtype::from_int(question.rtype);
            let class = Class::from_int(question.class);
            message.push((name_of(&question.name), rtype, class)).map_err(|_| Full)?;
        }
        let sections = match body {
            Body::Whole => [&self.answers[..], &self.authority, &self.additional],
            Body::Truncated | Body::Empty => [&[][..]; 3],
        };
        let mut message = message.answer();
        for record in sections[0] {
            message.push(record_of(record)?).map_err(|_| Full)?;
        }
        let mut message = message.authority();
        for record in sections[1] {
            message.push(record_of(record)?).map_err(|_| Full)?;
        }
        let mut message = message.additional();
        for record in sections[2] {
            message.push(record_of(record)?).map_err(|_| Full)?;
        }
        if let Some(edns) = self.edns {
            message.set_push_limit(limit + 1);
            let ours = message.opt(|opt| {
                opt.set_udp_payload_size(UDP_PAYLOAD_MAX);
                opt.set_version(0);
                opt.set_dnssec_ok(edns.dnssec_ok);
                opt.set_rcode(OptRcode::masked_from_int(rcode.0));
                Ok(())
            });
            ours.map_err(|_| Full)?;
        }
        Ok(message.finish().into_target())
    }
}

/// Which sections a reply keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Whole,
    Truncated,
    Empty,
}

/// Root owner, type, class, TTL, length; no options.
const OPT_BYTES: usize = 11;

/// The header's four bits; what needs OPT and has none becomes SERVFAIL rather than something that looks like success.
fn header_rcode(rcode: Rcode, edns: Option<Edns>) -> HeaderRcode {
    let shown = if rcode.0 > 15 && edns.is_none() { Rcode::SERV_FAIL } else { rcode };
    HeaderRcode::masked_from_int((shown.0 & 15) as u8)
}

fn name_of(name: &WireName) -> &Name<[u8]> {
    Name::from_slice(name.as_wire()).expect("a WireName is a whole uncompressed name")
}

type WireRecord<'a> = Record<&'a Name<[u8]>, UnknownRecordData<&'a [u8]>>;

fn record_of<'a>(record: &RecordRef<'a>) -> Result<WireRecord<'a>, Full> {
    let data =
        UnknownRecordData::from_octets(Rtype::from_int(record.rtype), record.rdata).map_err(|_| Full)?;
    Ok(Record::new(name_of(record.name), Class::IN, Ttl::from_secs(record.ttl), data))
}

#[cfg(test)]
mod tests;
