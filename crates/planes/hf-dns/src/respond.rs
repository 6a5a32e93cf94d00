//! One message in, at most one out. No waiting, no input that panics.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hf_answer::{Answer, AnswerRecord, Asked, Asker, ExplainTxt};
use hf_clock::Clock;
use hf_wire::{Query, Rcode, RecordRef, Reply, Transport, Unfit, read_query};
use tracing::{trace, warn};

use crate::counters::Counters;
use crate::current::{Current, Live};
use crate::settings::Settings;

/// "Truncated", in the third byte of a message.
const TC: u8 = 0b10;

/// What all sockets share.
#[derive(Debug)]
pub(crate) struct Responder {
    pub(crate) current: Arc<Current>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    /// A random start and a count: one system call for all seeds of all answers.
    seed: AtomicU64,
    told_not_ready: AtomicBool,
}

impl Responder {
    pub(crate) fn new(
        current: Arc<Current>,
        counters: Arc<Counters>,
        settings: Settings,
        clock: Clock,
    ) -> Self {
        let seed = AtomicU64::new(hf_clock::random_seed());
        Responder { current, counters, settings, clock, seed, told_not_ready: AtomicBool::new(false) }
    }

    /// The reply to a message, if it gets one.
    pub(crate) fn respond(&self, message: &[u8], client: IpAddr, transport: Transport) -> Option<Vec<u8>> {
        match transport {
            Transport::Udp => self.counters.udp.add_one(),
            Transport::Tcp => self.counters.tcp.add_one(),
        }
        let reply = match read_query(message) {
            Err(Unfit::Ignore(why)) => {
                trace!(%client, ?why, "passed over");
                self.counters.ignored.add_one();
                return None;
            }
            Err(Unfit::Refuse(refused)) => {
                trace!(%client, rcode = refused.rcode.0, "refused");
                self.counters.refused.add_one();
                Reply::refusing(&refused).encode(transport)
            }
            Ok(query) => match &*self.current.load() {
                Some(live) => self.answer(live, &query, client, transport),
                None => self.not_ready(&query, transport),
            },
        };
        if reply[2] & TC != 0 {
            self.counters.truncated.add_one();
        }
        Some(reply)
    }

    fn answer(&self, live: &Live, query: &Query, client: IpAddr, transport: Transport) -> Vec<u8> {
        // An odd step walks through all numbers; it is not the step inside the generator that the seed starts.
        let seed = self.seed.fetch_add(0xd134_2543_de82_ef95, Ordering::Relaxed);
        let asker = Asker {
            address: client.to_canonical(),
            subnet: None,
            own_zone: live.own_zone,
            seed,
            explain: ExplainTxt::Refused,
        };
        let asked = &query.question;
        let question = Asked {
            name: asked.name.as_wire(),
            rtype: asked.rtype,
            class: asked.class,
            dnssec_ok: query.edns.as_ref().is_some_and(|edns| edns.dnssec_ok),
        };
        let answer = live.compiled.answer(&question, &asker);
        trace!(%client, name = %asked.name, rtype = asked.rtype, rcode = ?answer.rcode, "answered");
        self.counters.answered.add_one();
        if !answer.named.is_empty() {
            let now = self.clock.now();
            let places = answer.named.iter().filter_map(|(pool, zone)| live.counts.place(*pool, *zone));
            places.for_each(|place| live.counts.activity[place].dns_answered(now));
        }
        encode(query, &answer, transport)
    }

    fn not_ready(&self, query: &Query, transport: Transport) -> Vec<u8> {
        self.counters.not_ready.add_one();
        self.tell_not_ready();
        Reply::to(query, Rcode::SERV_FAIL).encode(transport)
    }

    /// Says it once.
    pub(crate) fn tell_not_ready(&self) {
        if !self.told_not_ready.swap(true, Ordering::Relaxed) {
            warn!("a query came before the first snapshot; all get SERVFAIL until there is one");
        }
    }
}

fn encode(query: &Query, answer: &Answer, transport: Transport) -> Vec<u8> {
    let mut reply = Reply::to(query, rcode(answer.rcode));
    reply.aa = answer.aa;
    reply.answers = answer.answers.iter().map(record).collect();
    reply.authority = answer.authority.iter().map(record).collect();
    reply.additional = answer.additional.iter().map(record).collect();
    reply.encode(transport)
}

fn record(record: &AnswerRecord) -> RecordRef<'_> {
    RecordRef { name: &record.name, rtype: record.rtype, ttl: record.ttl, rdata: &record.rdata }
}

fn rcode(rcode: hf_answer::Rcode) -> Rcode {
    match rcode {
        hf_answer::Rcode::NoError => Rcode::NO_ERROR,
        hf_answer::Rcode::FormErr => Rcode::FORM_ERR,
        hf_answer::Rcode::ServFail => Rcode::SERV_FAIL,
        hf_answer::Rcode::NxDomain => Rcode::NX_DOMAIN,
        hf_answer::Rcode::Refused => Rcode::REFUSED,
        hf_answer::Rcode::YxDomain => Rcode::YX_DOMAIN,
    }
}
