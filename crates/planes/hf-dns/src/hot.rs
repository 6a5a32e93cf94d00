//! One plain query to one reply, over the caller's bytes: no allocation, no lock, no waiting. For workers and for streams alike.
//!
//! 1. The reply's OPT record is there if and only if the query has one: our payload size, the cookie, who we are if that is asked for, the
//!    client's network with the bits that the answer depends on (RFC 7871 7.2.1), and a reason beside an error (RFC 8914).
//! 2. Room for it is kept before sections are written; what does not fit in a datagram is cut (TC). In the rare case that a long name
//!    leaves no room for who we are, that is left out.

use std::net::IpAddr;

use hf_answer::{Asked, Asker, ExplainTxt, Frame, Message, Outcome, Rcode, Scratch};
use hf_wire::fast::{Fast, FastEdns};
use hf_wire::options::{Opt, SubnetEcho};

use crate::current::Live;
use crate::settings::{CookieAnswer, Settings};

/// Extended errors (RFC 8914 4).
const NOT_READY: u16 = 14;
const NOT_AUTHORITATIVE: u16 = 20;
/// What an extended error without text adds.
const EXTENDED_ERROR_BYTES: usize = 6;

/// The largest OPT record of ours: 11, a cookie, a name of 255 bytes, a network, an extended error.
const OPT_BYTES_MAX: usize = 11 + 28 + 259 + 24 + EXTENDED_ERROR_BYTES;

const SERV_FAIL: u8 = 2;
/// "Truncated", in the third byte of a message.
const TC: u8 = 0b10;

const TXT: u16 = 16;
const EXPLAIN_LABEL: &[u8] = b"\x08_explain";

/// What surrounds a query.
pub(crate) struct Around<'a> {
    pub(crate) settings: &'a Settings,
    /// Who asks; IPv4 in its own form.
    pub(crate) client: IpAddr,
    /// What goes back for its cookie.
    pub(crate) cookie: Option<CookieAnswer>,
    /// How long the reply may be.
    pub(crate) limit: usize,
    pub(crate) seed: u64,
}

impl<'a> Around<'a> {
    /// Judges the query's cookie on the way. `limit` is what the transport allows.
    #[inline]
    pub(crate) fn new(
        settings: &'a Settings,
        query: &Fast<'_>,
        client: IpAddr,
        limit: usize,
        now_s: u32,
        seed: u64,
    ) -> Around<'a> {
        let cookie = query.edns.and_then(|edns| edns.cookie);
        let cookie = cookie.and_then(|cookie| settings.cookies.answer(cookie, client, now_s));
        Around { settings, client, cookie, limit, seed }
    }

    #[inline]
    fn opt(&self, edns: &FastEdns<'_>, question_end: usize) -> Opt<'a> {
        let mut opt = Opt {
            payload: self.settings.udp_payload_max,
            rcode: 0,
            dnssec_ok: edns.dnssec_ok,
            cookie: self.cookie.map(|answer| answer.cookie),
            nsid: (edns.nsid && !self.settings.nsid.is_empty()).then_some(&self.settings.nsid[..]),
            subnet: edns.subnet.map(|(address, source_bits)| SubnetEcho {
                address,
                source_bits,
                scope_bits: 0,
            }),
            extended_error: None,
        };
        if question_end + opt.len() > self.limit {
            opt.nsid = None;
        }
        opt
    }

    /// Whether this asker may have an account of an answer; looked at only where one is asked for.
    #[inline]
    fn explain(&self, query: &Fast<'_>) -> ExplainTxt {
        let asks = query.rtype == TXT
            && query
                .name
                .get(..EXPLAIN_LABEL.len())
                .is_some_and(|label| label.eq_ignore_ascii_case(EXPLAIN_LABEL));
        if asks && self.settings.explain_networks.iter().any(|network| network.contains(self.client)) {
            ExplainTxt::Allowed
        } else {
            ExplainTxt::Refused
        }
    }
}

/// Answers from what is in force. Gives the reply's length.
#[inline]
pub(crate) fn answer(
    live: &Live,
    around: &Around<'_>,
    query: &Fast<'_>,
    scratch: &mut Scratch,
    reply: &mut [u8],
) -> (usize, Outcome) {
    let question_end = query.begin(reply);
    let mut opt = query.edns.map(|edns| around.opt(&edns, question_end));
    let room = opt.as_ref().map_or(0, Opt::len);
    let mut message = Message::new(reply, Frame { question_end, limit: around.limit, room });
    let asked = Asked {
        name: query.name,
        rtype: query.rtype,
        class: query.class,
        dnssec_ok: opt.is_some_and(|opt| opt.dnssec_ok),
        compact_ok: query.edns.is_some_and(|edns| edns.compact_ok),
    };
    let asker = Asker {
        address: around.client,
        // A network of no bits asks us not to use it (RFC 7871 7.1.2).
        subnet: query.edns.and_then(|edns| edns.subnet).filter(|(_, bits)| *bits > 0),
        own_zone: live.own_zone,
        seed: around.seed,
        explain: around.explain(query),
    };
    let outcome = live.compiled.write(&asked, &asker, scratch, &mut message);
    if let Some(opt) = &mut opt {
        if let Some(subnet) = &mut opt.subnet
            && subnet.source_bits > 0
        {
            subnet.scope_bits = outcome.scope_bits.unwrap_or(0);
        }
        let why = match outcome.rcode {
            Rcode::Refused => Some((NOT_AUTHORITATIVE, "")),
            Rcode::ServFail => Some((NOT_READY, "")),
            _ => None,
        };
        append(&mut message, opt, why, around.limit);
    }
    (message.len(), outcome)
}

/// Appends our OPT record: the room for it was kept, that for a reason is there or it is left out.
#[inline]
fn append(message: &mut Message<'_>, opt: &mut Opt<'_>, why: Option<(u16, &'static str)>, limit: usize) {
    if why.is_some() && message.len() + opt.len() + EXTENDED_ERROR_BYTES <= limit {
        opt.extended_error = why;
    }
    let mut record = [0; OPT_BYTES_MAX];
    if let Some(len) = opt.write(&mut record) {
        let appended = message.append_behind(&record[..len]);
        debug_assert!(appended.is_ok(), "room was kept for OPT");
    }
}

/// The reply before there is anything to answer from.
pub(crate) fn not_ready(around: &Around<'_>, query: &Fast<'_>, reply: &mut [u8]) -> usize {
    bare(around, query, reply, Some((NOT_READY, "")), |bytes| bytes[3] |= SERV_FAIL)
}

/// A reply that only says "ask over TCP".
pub(crate) fn truncated(around: &Around<'_>, query: &Fast<'_>, reply: &mut [u8]) -> usize {
    bare(around, query, reply, None, |bytes| bytes[2] |= TC)
}

/// A reply that does not fit in any message.
pub(crate) fn too_large(around: &Around<'_>, query: &Fast<'_>, reply: &mut [u8]) -> usize {
    bare(around, query, reply, None, |bytes| bytes[3] |= SERV_FAIL)
}

fn bare(
    around: &Around<'_>,
    query: &Fast<'_>,
    reply: &mut [u8],
    why: Option<(u16, &'static str)>,
    mark: impl FnOnce(&mut [u8]),
) -> usize {
    let question_end = query.begin(reply);
    mark(reply);
    let Some(edns) = query.edns else { return question_end };
    let mut opt = around.opt(&edns, question_end);
    let mut message = Message::new(reply, Frame { question_end, limit: around.limit, room: opt.len() });
    append(&mut message, &mut opt, why, around.limit);
    message.len()
}
