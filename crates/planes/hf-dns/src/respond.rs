//! One message in, at most one out. No waiting, no input that panics.
//!
//! Whatever can be read is answered as a worker answers it (`hot`): the same options, the same counts. What is odd is read with care first.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hf_answer::Scratch;
use hf_clock::Clock;
use hf_model::Timestamp;
use hf_wire::fast::{self, Fast, Read};
use hf_wire::{Reply, Transport, Unfit, read_query};
use tracing::{trace, warn};

use crate::counters::Counters;
use crate::current::Current;
use crate::hot::{self, Around};
use crate::requests::Via;
use crate::settings::Settings;
use crate::tap::Tap;

/// "Truncated", in the third byte of a message.
const TC: u8 = 0b10;

thread_local! {
    /// Where a reply is written before it is as long as it is: one that waits for a slow asker holds its own length, not the largest.
    static REPLY: RefCell<Vec<u8>> = RefCell::new(vec![0; usize::from(u16::MAX)]);
}

/// What all sockets share.
#[derive(Debug)]
pub(crate) struct Responder {
    pub(crate) current: Arc<Current>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    tap: Option<Tap>,
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
        tap: Option<Tap>,
    ) -> Self {
        let seed = AtomicU64::new(hf_clock::random_seed());
        Responder { current, counters, settings, clock, tap, seed, told_not_ready: AtomicBool::new(false) }
    }

    /// The reply to a message, if it gets one.
    pub(crate) fn respond(&self, message: &[u8], client: IpAddr, transport: Transport) -> Option<Vec<u8>> {
        match transport {
            Transport::Udp => self.counters.udp.add_one(),
            Transport::Tcp => self.counters.tcp.add_one(),
        }
        let mut question = Vec::new();
        let query = match fast::read(message) {
            Read::Query(query) => query,
            Read::Ignore | Read::Cold => match read_query(message) {
                Err(Unfit::Ignore(why)) => {
                    trace!(%client, ?why, "passed over");
                    self.counters.ignored.add_one();
                    return None;
                }
                Err(Unfit::Refuse(refused)) => {
                    trace!(%client, rcode = refused.rcode.0, "refused");
                    self.counters.refused.add_one();
                    return Some(Reply::refusing(&refused).encode(transport));
                }
                Ok(query) => fast::careful(&query, message, &mut question),
            },
        };
        let reply = self.answer(&query, client.to_canonical(), transport);
        if reply[2] & TC != 0 {
            self.counters.truncated.add_one();
        }
        Some(reply)
    }

    /// The same as a worker's, over bytes of its own.
    fn answer(&self, query: &Fast<'_>, client: IpAddr, transport: Transport) -> Vec<u8> {
        // An odd step walks through all numbers; it is not the step inside the generator that the seed starts.
        let seed = self.seed.fetch_add(0xd134_2543_de82_ef95, Ordering::Relaxed);
        let limit = match transport {
            Transport::Udp => query.limit(self.settings.udp_payload_max),
            Transport::Tcp => usize::from(u16::MAX),
        };
        let now = self.clock.now();
        let around = Around::new(&self.settings, query, client, limit, (now.0 / 1_000) as u32, seed);
        REPLY.with_borrow_mut(|reply| {
            let reply = &mut reply[..limit];
            let len = self.write(query, client, transport, (&around, now), reply);
            reply[..len].to_vec()
        })
    }

    fn write(
        &self,
        query: &Fast<'_>,
        client: IpAddr,
        transport: Transport,
        (around, now): (&Around<'_>, Timestamp),
        reply: &mut [u8],
    ) -> usize {
        match &*self.current.load() {
            None => {
                self.counters.not_ready.add_one();
                self.tell_not_ready();
                hot::not_ready(around, query, reply)
            }
            Some(live) => {
                let (len, outcome) = hot::answer(live, around, query, &mut Scratch::new(), reply);
                trace!(%client, rtype = query.rtype, rcode = ?outcome.rcode, "answered");
                self.counters.answered.add_one();
                live.counts.names.count(None, outcome.by, outcome.named.iter());
                let places = outcome.named.iter().filter_map(|(pool, zone)| live.counts.place(pool, zone));
                places.for_each(|place| live.counts.activity[place].dns_answered(now));
                match transport {
                    // Over a stream there is nothing larger to ask by.
                    Transport::Tcp if outcome.truncated => hot::too_large(around, query, reply),
                    _ => len,
                }
            }
        }
    }

    /// Tells dnstap, if it runs, of a query and its answer.
    pub(crate) fn tell(&self, from: SocketAddr, via: Via, query: &[u8], reply: &[u8]) {
        if let Some(tap) = &self.tap
            && !tap.tell(from, via, self.clock.now(), query, reply)
        {
            self.counters.untold.add_one();
        }
    }

    /// Says it once.
    pub(crate) fn tell_not_ready(&self) {
        if !self.told_not_ready.swap(true, Ordering::Relaxed) {
            warn!("a query came before the first snapshot; all get SERVFAIL until there is one");
        }
    }
}
