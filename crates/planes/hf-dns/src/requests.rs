//! What becomes of one message on the cold path: over a stream, or a datagram that the fast path does not take.
//!
//! 1. A signature is taken off and judged first; one that is wrong gets RFC 8945's answer, and nothing else happens.
//! 2. QUERY is answered at once, AXFR and IXFR aside; NOTIFY at once; UPDATE and transfers are slow work, which whoever asked waits for.
//! 3. The answer to a signed request is signed.
//! 4. What only a stream says is added last: keepalive for who asks for it, padding over TLS.
//!
//! Bounds: [`UPDATES_MAX`] updates and [`TRANSFERS_MAX`] transfers under way on the whole node. One update more is answered SERVFAIL, one
//! transfer more waits its turn.
//!
//! Not here: sockets (`stream`, `udp`), what a query is answered (`respond`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hf_config::estate::ZoneSource;
use hf_model::{DnsName, WireName};
use hf_snapshot::Snapshot;
use hf_wire::build::plain_reply;
use hf_wire::options;
use hf_wire::records;
use hf_wire::soa::Soa;
use hf_wire::tsig::{self, Checked, Keys, Signer};
use hf_wire::{Head, Question, Rcode, Transport, head_of, notify, transfer, update};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::{debug, trace};

use crate::counters::Counters;
use crate::respond::Responder;
use crate::stream::{Answers, IDLE_MAX};
use crate::transfer::Offers;
use crate::update::Updates;

/// Updates under way at once.
pub(crate) const UPDATES_MAX: usize = 64;

/// Transfers under way at once.
pub(crate) const TRANSFERS_MAX: usize = 16;

/// How a message came, and how its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Udp,
    Tcp,
    Tls,
}

impl Via {
    fn transport(self) -> Transport {
        match self {
            Via::Udp => Transport::Udp,
            Via::Tcp | Via::Tls => Transport::Tcp,
        }
    }
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing.
    Ignored,
    /// This is sent back.
    Answer(Vec<u8>),
    /// It takes a while.
    Slow(Box<Work>),
}

/// Who is told that a primary has news, and knows when it last heard of one.
pub(crate) trait Notified: Send + Sync {
    /// Whether `from` is a primary of the hosted zone, with this key if one is agreed; if so it is asked soon.
    fn notified(
        &self,
        hosted_zone: &WireName,
        from: SocketAddr,
        key: Option<&WireName>,
        serial: Option<u32>,
    ) -> bool;

    /// How long ago a primary of the hosted zone was last seen to have what is here.
    fn age(&self, hosted_zone: &WireName) -> Option<Duration>;
}

/// What all cold messages share.
pub(crate) struct Requests {
    pub(crate) responder: Arc<Responder>,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
    pub(crate) offers: Arc<Offers>,
    pub(crate) notified: Option<Arc<dyn Notified>>,
    pub(crate) updates: Option<Arc<dyn Updates>>,
    /// Where the ledger is changed: an update may wait for this side, the ledger must not.
    home: Handle,
    updates_left: Arc<Semaphore>,
    transfers_left: Arc<Semaphore>,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Requests {
    pub(crate) fn new(
        responder: Arc<Responder>,
        keys: Keys,
        clock: Clock,
        offers: Arc<Offers>,
        notified: Option<Arc<dyn Notified>>,
        updates: Option<Arc<dyn Updates>>,
    ) -> Requests {
        Requests {
            responder,
            keys,
            clock,
            offers,
            notified,
            updates,
            home: Handle::current(),
            updates_left: Arc::new(Semaphore::new(UPDATES_MAX)),
            transfers_left: Arc::new(Semaphore::new(TRANSFERS_MAX)),
        }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.responder.counters
    }

    fn now_s(&self) -> u64 {
        self.clock.now().0 / 1_000
    }

    /// Takes a message.
    pub(crate) fn take(&self, mut message: Vec<u8>, from: SocketAddr, via: Via) -> Outcome {
        let is_query = message.len() >= 12 && message[2] & 0x80 == 0;
        if !is_query {
            return self.respond(&message, from, Finish::unsigned(via));
        }
        let signer = match tsig::check(&self.keys, &mut message, self.now_s()) {
            Checked::Unsigned => None,
            Checked::Signed(signer) => Some(signer),
            Checked::Wrong { reply, why } => {
                debug!(client = %from, %why, "a signature was refused");
                self.counters().refused.add_one();
                return Outcome::Answer(reply);
            }
        };
        let wants_keepalive = via != Via::Udp && options::is_asked(&message, options::code::KEEPALIVE);
        let finish = Finish { signer, via, wants_keepalive, now_s: self.now_s() };
        match (message[2] >> 3) & 15 {
            0 if transfer::is_asked(&message) => self.transfer(&message, from, finish),
            notify::OPCODE => self.notify(&message, from, finish),
            update::OPCODE => self.update(&message, from, finish),
            _ => self.respond(&message, from, finish),
        }
    }

    fn respond(&self, message: &[u8], from: SocketAddr, finish: Finish) -> Outcome {
        match self.responder.respond(message, from.ip(), finish.via.transport()) {
            Some(reply) => {
                let via = finish.via;
                let mut reply = reply;
                if let Some(seconds) = self.expires_in(message)
                    && (via != Via::Udp || reply.len() + EXPIRE_BYTES <= UDP_MIN)
                {
                    options::expire(&mut reply, seconds);
                }
                let reply = finish.whole(reply);
                self.responder.tell(from, via, message, &reply);
                Outcome::Answer(reply)
            }
            None => Outcome::Ignored,
        }
    }

    /// For how many seconds a secondary of ours that asks so may answer from what it has of us (RFC 7314 3.3): all that the SOA says, less what our own
    /// copy is old.
    fn expires_in(&self, message: &[u8]) -> Option<u32> {
        if !options::is_asked(message, options::code::EXPIRE) {
            return None;
        }
        let question = records::parse(message, QUERY_RECORDS_MAX).ok()?.question?;
        let live = self.responder.current.load();
        let compiled = &live.as_ref()?.compiled;
        let hosted =
            &compiled.snapshot().estate.hosted_zones[hosted_zone_at(compiled.snapshot(), &question.name)?];
        let (contents, _) =
            compiled.contents(&hosted.name).filter(|_| (question.rtype, question.class) == (SOA, IN))?;
        let expire = Soa::read(contents.soa()?.rdata().next()?)?.expire;
        let age = match hosted.source {
            ZoneSource::Secondary(_) => self.notified.as_ref()?.age(&question.name)?,
            ZoneSource::Estate | ZoneSource::NodeFile => Duration::ZERO,
        };
        u32::try_from(expire.saturating_sub(age).as_secs()).ok()
    }

    fn notify(&self, message: &[u8], from: SocketAddr, finish: Finish) -> Outcome {
        let read = match notify::read(message) {
            Ok(read) => read,
            Err(reply) => return Outcome::Answer(finish.whole(reply)),
        };
        let zone = &read.question.name;
        let taken =
            self.notified.as_ref().is_some_and(|all| all.notified(zone, from, finish.key(), read.serial));
        trace!(client = %from, %zone, serial = read.serial, taken, "NOTIFY");
        let rcode = if taken { Rcode::NO_ERROR } else { Rcode::NOT_AUTH };
        let mut reply = plain_reply(read.head, Some(&read.question), rcode);
        if taken {
            reply[2] |= 0b100;
        }
        Outcome::Answer(finish.whole(reply))
    }

    fn update(&self, message: &[u8], from: SocketAddr, finish: Finish) -> Outcome {
        let update = match update::read(message) {
            Ok(update) => update,
            Err(reply) => return Outcome::Answer(finish.whole(reply)),
        };
        let refused = |rcode| {
            debug!(client = %from, zone = %update.question.name, rcode = rcode_of(rcode), "an UPDATE was refused");
            let reply = plain_reply(update.head, Some(&update.question), rcode);
            Outcome::Answer(finish.clone().whole(reply))
        };
        let Some(live) = &*self.responder.current.load() else { return refused(Rcode::SERV_FAIL) };
        let asked = crate::update::check(live.compiled.snapshot(), &update, finish.signer.as_ref());
        let asked = match asked {
            Ok(asked) => asked,
            Err(rcode) => return refused(rcode),
        };
        let Some(updates) = self.updates.clone() else { return refused(Rcode::NOT_IMP) };
        let Ok(permit) = self.updates_left.clone().try_acquire_owned() else {
            return refused(Rcode::SERV_FAIL);
        };
        let (head, question) = (update.head, update.question);
        let home = self.home.clone();
        Outcome::Slow(Box::new(Work::Update { asked, updates, home, head, question, finish, permit }))
    }

    fn transfer(&self, message: &[u8], from: SocketAddr, finish: Finish) -> Outcome {
        let head = head_of(message);
        let refused = |question: Option<&Question>, rcode| {
            debug!(client = %from, zone = ?question.map(|q| &q.name), rcode = rcode_of(rcode), "a transfer was refused");
            Outcome::Answer(finish.clone().whole(plain_reply(head, question, rcode)))
        };
        let Some(request) = transfer::read_request(message) else { return refused(None, Rcode::FORM_ERR) };
        let question = &request.question;
        let Some(live) = &*self.responder.current.load() else {
            return refused(Some(question), Rcode::SERV_FAIL);
        };
        let allowed =
            crate::transfer::is_allowed(live.compiled.snapshot(), &question.name, from.ip(), finish.key());
        if let Err(rcode) = allowed {
            return refused(Some(question), rcode);
        }
        let Some(offer) = self.offers.get(&question.name) else {
            return refused(Some(question), Rcode::SERV_FAIL);
        };
        if finish.via == Via::Udp {
            // The SOA alone says "ask over TCP" to a client that is behind (RFC 1995 4).
            return match request.held {
                Some(_) => Outcome::Answer(finish.whole(offer.soa_reply(head, question))),
                None => refused(Some(question), Rcode::FORM_ERR),
            };
        }
        debug!(client = %from, zone = %question.name, serial = offer.serial(), held = request.held, "a transfer begins");
        let left = self.transfers_left.clone();
        Outcome::Slow(Box::new(Work::Transfer { offer, head, request, finish, left }))
    }
}

fn rcode_of(rcode: Rcode) -> u16 {
    rcode.0
}

/// The hosted zone at this apex, by its position in the estate.
pub(crate) fn hosted_zone_at(snapshot: &Snapshot, apex: &WireName) -> Option<usize> {
    let apex = DnsName::new(&apex.folded().to_string()).ok()?;
    snapshot.estate.hosted_zones.iter().position(|hosted| hosted.name == apex)
}

/// What is left to do to an answer.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    signer: Option<Signer>,
    via: Via,
    wants_keepalive: bool,
    now_s: u64,
}

/// Type and class of a question that EXPIRE goes with.
const SOA: u16 = 6;
const IN: u16 = 1;

/// Records of such a query: OPT and some to spare.
const QUERY_RECORDS_MAX: u32 = 8;

/// The option's length, and what every asker takes over UDP.
const EXPIRE_BYTES: usize = 8;
const UDP_MIN: usize = 512;

/// Over UDP an answer that a signature makes longer than this is sent without records.
const SIGNED_UDP_MAX: usize = hf_wire::UDP_PAYLOAD_MAX as usize;

impl Finish {
    fn unsigned(via: Via) -> Finish {
        Finish { signer: None, via, wants_keepalive: false, now_s: 0 }
    }

    fn key(&self) -> Option<&WireName> {
        self.signer.as_ref().map(Signer::key_name)
    }

    /// Finishes the one answer to a request.
    fn whole(mut self, reply: Vec<u8>) -> Vec<u8> {
        self.next(reply)
    }

    /// Finishes the next message of several.
    pub(crate) fn next(&mut self, mut reply: Vec<u8>) -> Vec<u8> {
        let signature = self.signer.as_ref().map_or(0, Signer::bytes);
        if self.via == Via::Udp && signature > 0 && reply.len() + signature > SIGNED_UDP_MAX {
            reply = hf_wire::build::cut(&reply);
        }
        if std::mem::take(&mut self.wants_keepalive) {
            options::keepalive(&mut reply, (IDLE_MAX.as_millis() / 100) as u16);
        }
        if self.via == Via::Tls {
            options::pad(&mut reply, signature);
        }
        if let Some(signer) = &mut self.signer {
            signer.sign(&mut reply, self.now_s);
        }
        reply
    }

    /// How much each message must leave free.
    pub(crate) fn room(&self) -> usize {
        self.signer.as_ref().map_or(0, Signer::bytes)
    }
}

/// Slow work; its answers go to whoever asked.
pub(crate) enum Work {
    Update {
        asked: crate::update::UpdateRequest,
        updates: Arc<dyn Updates>,
        home: Handle,
        head: Head,
        question: Question,
        finish: Finish,
        permit: OwnedSemaphorePermit,
    },
    Transfer {
        offer: Arc<crate::transfer::Offer>,
        head: Head,
        request: transfer::Request,
        finish: Finish,
        left: Arc<Semaphore>,
    },
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Work::Update { .. } => "Update",
            Work::Transfer { .. } => "Transfer",
        })
    }
}

impl Work {
    /// Does it. Ends early when nobody waits for the answers any more; an update goes on without us.
    pub(crate) async fn run(self: Box<Self>, answers: &Answers) {
        match *self {
            Work::Update { asked, updates, home, head, question, finish, permit } => {
                let zone = asked.hosted_zone.clone();
                // It ends with this, whatever comes first.
                let mut trying = JoinSet::new();
                trying.spawn_on(async move { updates.update(asked).await }, &home);
                let done = tokio::time::timeout(crate::update::PATIENCE, trying.join_next()).await;
                let rcode = done.ok().flatten().and_then(Result::ok).unwrap_or(Rcode::SERV_FAIL);
                debug!(%zone, rcode = rcode.0, "an UPDATE is answered");
                // It is done; who does not take the answer keeps nobody else from updating.
                drop(permit);
                let _ = answers.send(finish.whole(plain_reply(head, Some(&question), rcode))).await;
            }
            Work::Transfer { offer, head, request, finish, left } => {
                let Ok(_turn) = left.acquire_owned().await else { return };
                crate::transfer::send(&offer, head, &request, finish, answers).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
