//! One worker of UDP: a thread of its own with a way in and out of its own, and everything that it writes is its own too.
//!
//! 1. A turn answers up to a batch of datagrams from one snapshot: the pointer is loaded once, when the first of them is there, and the clock is read once. Between the
//!    two the worker says that it answers, and when all replies have left that it does not (`grace`).
//! 2. What the fast reader leaves goes to the async side through a bounded queue; when that is full it is dropped and counted. Plain queries
//!    never wait for odd ones.
//!    While half of the queue is full each network gets [`COLD_SHARE`] a second of it: a flood of odd messages, updates above all, does not take it from others.
//! 3. Counts of a batch go into what others read when the batch is over; while batches are full, after [`COUNTED_WITHIN`] and before anything else is in force.
//!    Others read them once a second, and a full batch names most of an estate's pools and zones: each would be a write to memory that cores share.
//! 4. Where a hosted zone is larger than what a core keeps near, all messages of a batch are looked at before the first is answered, so that memory comes for all of them at once.
//! 5. While batches are full it gives its core to whoever waits for it when its turn is over ([`Turn`]).
//!
//! No allocation, no lock, no waiting but for the next datagram. Not here: bytes in and out (`hf-datagram`), the reply (`crate::hot`).

use std::cell::OnceCell;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hf_answer::Scratch;
use hf_config::node::RateLimit;
use hf_datagram::{BATCH, Datagrams};
use hf_hosted::Search;
use hf_model::Timestamp;
use hf_wire::fast::{self, Read};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{trace, warn};

use crate::current::{EstateCounts, Live};
use crate::hot::{self, Around};
use crate::rate::{Allowance, RateTable};
use crate::requests::{Outcome, Requests, Via};
use crate::respond::Responder;
use crate::run::{COLD_QUEUE, WORKER_TURN};
use crate::stream::{Answers, Room};
use crate::tap::Tap;

/// How long a worker waits at most before it looks whether it should stop.
const WAIT: Duration = Duration::from_millis(100);

/// After an error of the socket itself: long enough not to fill the log, short enough to be missed by few.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// For how long a busy worker keeps counts to itself.
const COUNTED_WITHIN: Duration = Duration::from_millis(10);

/// What a network may leave to the async side while that is behind.
const COLD_SHARE: RateLimit = RateLimit { per_second: 100, slip: 0, v4_bits: 24, v6_bits: 56 };

/// A message for the async side, and the socket that takes its reply.
pub(crate) struct ColdMessage {
    pub(crate) message: Box<[u8]>,
    pub(crate) from: SocketAddr,
    pub(crate) replies: Arc<UdpSocket>,
}

/// A worker's turn on its core while batches are full.
///
/// The kernel ends a turn at a tick, which comes every 4 ms at 250 Hz, however short the turn was to be; a thread of what comes into force, and another worker of the
/// same core, waits until then. Who yields before its turn is over gives the rest of it away, so a worker never does that: processor time counts since the last turn ended, not the clock.
#[derive(Debug, Default)]
struct Turn {
    /// Processor time of the thread when the turn began.
    began: Duration,
}

impl Turn {
    /// After a batch, with the thread's processor time; whether the turn is over. The next one begins with that.
    fn is_over(&mut self, is_busy: bool, used: impl FnOnce() -> Duration) -> bool {
        if !is_busy {
            return false;
        }
        let used = used();
        let is_over = used.saturating_sub(self.began) >= WORKER_TURN;
        if is_over {
            self.began = used;
        }
        is_over
    }
}

/// One worker.
pub(crate) struct Worker {
    index: usize,
    responder: Arc<Responder>,
    scratch: Scratch,
    seed: u64,
    rate: Option<RateTable>,
    /// Made when the async side is behind for the first time.
    cold_shares: Option<RateTable>,
    pending: Pending,
    cold: mpsc::Sender<ColdMessage>,
    replies: Arc<UdpSocket>,
    tap: Option<Tap>,
    on_core: Turn,
}

/// What a batch looks at.
struct Batch {
    live: arc_swap::Guard<Option<Arc<Live>>>,
    now: Timestamp,
}

impl Batch {
    /// Has memory brought near that the answers to these messages will read, where that is far: one after the other would wait for it twice each, for the slot and for
    /// the node. No answer depends on it.
    fn look_ahead(&self, messages: &mut dyn Iterator<Item = &[u8]>, scratch: &mut Scratch) {
        let Some(live) = &*self.live else { return };
        if !live.compiled.searches_far() {
            return;
        }
        let mut searches: [Option<Search<'_>>; BATCH] = [None; BATCH];
        for (search, message) in searches.iter_mut().zip(messages) {
            let Read::Query(query) = fast::read(message) else { continue };
            *search = live.compiled.search(query.name, scratch);
            if let Some(search) = search {
                hf_datagram::come_near(search.slots());
            }
        }
        for search in searches.iter().flatten() {
            if let Some(node) = search.node() {
                hf_datagram::come_near(node);
            }
        }
    }

    fn parts(&self) -> (Option<&Arc<Live>>, Timestamp) {
        (self.live.as_ref(), self.now)
    }
}

impl Worker {
    pub(crate) fn new(
        index: usize,
        responder: Arc<Responder>,
        replies: Arc<UdpSocket>,
        cold: mpsc::Sender<ColdMessage>,
        tap: Option<Tap>,
    ) -> Worker {
        Worker {
            index,
            scratch: Scratch::new(),
            seed: hf_clock::random_seed(),
            rate: responder.settings.rate_limit.map(RateTable::new),
            cold_shares: None,
            pending: Pending::default(),
            responder,
            cold,
            replies,
            tap,
            on_core: Turn::default(),
        }
    }

    /// Answers until it is told to stop.
    pub(crate) fn run(mut self, mut datagrams: Box<dyn Datagrams>, stop: &AtomicBool) {
        let (responder, mut ahead) = (self.responder.clone(), Scratch::new());
        while !stop.load(Ordering::Relaxed) {
            if let Err(why) = self.turn(&responder, &mut ahead, &mut *datagrams) {
                warn!(%why, worker = self.index, "a UDP worker of DNS failed to receive or send; trying again");
                std::thread::park_timeout(PAUSE_AFTER_ERROR);
            }
        }
    }

    fn turn(
        &mut self,
        responder: &Responder,
        ahead: &mut Scratch,
        datagrams: &mut dyn Datagrams,
    ) -> io::Result<()> {
        let (begun, index) = (OnceCell::new(), self.index);
        let begin = || {
            responder.current.grace.begin(index);
            Batch { live: responder.current.load(), now: responder.clock.now() }
        };
        let mut is_first = true;
        let came = datagrams.turn_ahead(
            WAIT,
            &mut |messages| begun.get_or_init(begin).look_ahead(messages, ahead),
            &mut |message, from, reply| {
                let batch = begun.get_or_init(begin);
                if std::mem::take(&mut is_first) {
                    self.pending.go_on(batch.live.as_ref());
                }
                self.answer(batch, message, from, reply)
            },
        );
        let batch = begun.into_inner();
        if batch.is_some() {
            self.responder.current.grace.end(self.index);
        }
        // One that was only looked at is none: what waits may be of what was in force before.
        let batch = batch.filter(|_| !is_first);
        let is_busy = came.as_ref().is_ok_and(|came| *came >= BATCH);
        match batch.as_ref().map(Batch::parts) {
            Some((Some(live), now)) => self.pending.end(live, now, is_busy),
            Some((None, _)) => {}
            None => self.pending.flush_left(),
        }
        self.tally().dropped.set(datagrams.dropped());
        if self.on_core.is_over(is_busy, hf_datagram::processor_time) {
            std::thread::yield_now();
        }
        came.map(drop)
    }

    fn tally(&self) -> &crate::counters::Tally {
        self.responder.counters.tally(self.index)
    }

    /// The reply's length; 0 for none.
    #[inline]
    fn answer(&mut self, batch: &Batch, message: &[u8], from: SocketAddr, reply: &mut [u8]) -> usize {
        let tally = self.responder.counters.tally(self.index);
        let query = match fast::read(message) {
            Read::Query(query) => query,
            Read::Ignore => {
                tally.udp.add_one();
                tally.ignored.add_one();
                return 0;
            }
            Read::Cold => {
                self.leave(message, from, batch.now);
                return 0;
            }
        };
        tally.udp.add_one();
        let settings = &self.responder.settings;
        let client = from.ip().to_canonical();
        // An odd step walks through all numbers; it is not the step inside the generator that the seed starts.
        self.seed = self.seed.wrapping_add(0xd134_2543_de82_ef95);
        let limit = query.limit(settings.udp_payload_max).min(reply.len());
        let now_s = (batch.now.0 / 1_000) as u32;
        let around = Around::new(settings, &query, client, limit, now_s, self.seed);
        if let Some(rate) = &mut self.rate
            && !around.cookie.is_some_and(|answer| answer.is_known)
        {
            match rate.take(client, batch.now.0) {
                Allowance::Answer => {}
                Allowance::Nothing => {
                    tally.limited.add_one();
                    return 0;
                }
                Allowance::Truncated => {
                    tally.slipped.add_one();
                    return hot::truncated(&around, &query, reply);
                }
            }
        }
        let Some(live) = &*batch.live else {
            tally.not_ready.add_one();
            self.responder.tell_not_ready();
            return hot::not_ready(&around, &query, reply);
        };
        let (len, outcome) = hot::answer(live, &around, &query, &mut self.scratch, reply);
        trace!(%client, rtype = query.rtype, rcode = ?outcome.rcode, "answered");
        tally.answered.add_one();
        if outcome.truncated {
            tally.truncated.add_one();
        }
        self.pending.add(&live.counts, outcome.named.iter());
        live.counts.names.count(Some(self.index), outcome.by, outcome.named.iter());
        if let Some(tap) = &mut self.tap
            && !tap.tell(from, Via::Udp, batch.now, message, &reply[..len])
        {
            tally.untold.add_one();
        }
        len
    }

    fn leave(&mut self, message: &[u8], from: SocketAddr, now: Timestamp) {
        let tally = self.responder.counters.tally(self.index);
        tally.cold.add_one();
        if self.cold.capacity() < COLD_QUEUE / 2 {
            let shares = self.cold_shares.get_or_insert_with(|| RateTable::new(COLD_SHARE));
            if shares.take(from.ip().to_canonical(), now.0) != Allowance::Answer {
                tally.cold_dropped.add_one();
                return;
            }
        }
        // A place first: what there is no room for is not even copied.
        match self.cold.try_reserve() {
            Ok(place) => {
                place.send(ColdMessage { message: message.into(), from, replies: self.replies.clone() });
            }
            Err(_) => tally.cold_dropped.add_one(),
        }
    }
}

/// Answers by pool and zone, until they go where others read them.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// By place; as many as the estate has, all zero where nothing waits.
    counts: Vec<u32>,
    places: Vec<usize>,
    /// What they were answered from, and since when they wait, if batches before this one left some. It is never the last owner: who
    /// puts another in force waits with freeing this one.
    left: Option<(Arc<Live>, Timestamp)>,
    newest: Timestamp,
}

impl Pending {
    /// Before a batch from what is in force now: what waits is of nothing else.
    #[inline]
    pub(crate) fn go_on(&mut self, live: Option<&Arc<Live>>) {
        if let Some((left, _)) = &self.left
            && live.is_none_or(|live| !Arc::ptr_eq(left, live))
        {
            self.flush_left();
        }
    }

    #[inline]
    pub(crate) fn add(
        &mut self,
        counts: &EstateCounts,
        named: impl Iterator<Item = (hf_config::estate::PoolIx, hf_config::estate::ZoneIx)>,
    ) {
        for (pool, zone) in named {
            let Some(place) = counts.place(pool, zone) else { continue };
            if place >= self.counts.len() {
                // Once for each new estate.
                self.counts.resize(counts.activity.len(), 0);
                self.places.reserve(counts.activity.len());
            }
            if self.counts[place] == 0 {
                self.places.push(place);
            }
            self.counts[place] += 1;
        }
    }

    /// After a batch.
    #[inline]
    pub(crate) fn end(&mut self, live: &Arc<Live>, now: Timestamp, is_busy: bool) {
        self.newest = now;
        if self.places.is_empty() {
            return;
        }
        let since = self.left.as_ref().map_or(now, |(_, since)| *since);
        // A clock that was set back is no reason to keep them.
        if !is_busy || now < since || now.since(since) >= COUNTED_WITHIN {
            self.flush(&live.counts);
            self.left = None;
        } else if self.left.is_none() {
            self.left = Some((live.clone(), now));
        }
    }

    fn flush_left(&mut self) {
        if let Some((left, _)) = self.left.take() {
            self.flush(&left.counts);
        }
    }

    fn flush(&mut self, counts: &EstateCounts) {
        for place in self.places.drain(..) {
            let count = std::mem::take(&mut self.counts[place]);
            counts.activity[place].dns_answers_given(u64::from(count), self.newest);
        }
    }
}

/// Answers on the async side what workers leave to it, until all of them are gone. Updates take a while; nobody waits behind them, and there
/// is a bound to how many are under way (`requests`).
pub(crate) async fn answer_cold(requests: Arc<Requests>, mut messages: mpsc::Receiver<ColdMessage>) {
    let mut slow = JoinSet::new();
    // A datagram's one answer needs nothing of it.
    let room = Room::default();
    while let Some(ColdMessage { message, from, replies }) = messages.recv().await {
        while slow.try_join_next().is_some() {}
        let _leave = requests.responder.current.grace.leave();
        match requests.take(message.into_vec(), from, Via::Udp) {
            Outcome::Ignored => {}
            Outcome::Answer(reply) => send(&requests, &replies, &reply, from),
            Outcome::Slow(work) => {
                let (requests, room) = (requests.clone(), room.clone());
                slow.spawn(async move {
                    let (answers, mut waiting) = Answers::new(room, 1);
                    work.run(&answers).await;
                    if let Ok(reply) = waiting.try_recv() {
                        send(&requests, &replies, &reply.bytes, from);
                    }
                });
            }
        }
    }
}

fn send(requests: &Requests, replies: &UdpSocket, reply: &[u8], to: SocketAddr) {
    if hf_datagram::send_now(replies, reply, to).is_err() {
        requests.counters().dropped.add_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_over_after_its_time_and_not_before() {
        let mut turn = Turn::default();
        let mut after = |us: u64, is_busy: bool| turn.is_over(is_busy, || Duration::from_micros(us));
        let over = [300, 900, 1_100, 1_200, 2_050, 2_100].map(|us| after(us, true));
        assert_eq!(over, [false, false, true, false, false, true]);
        // Who waits for a datagram sleeps anyway.
        assert!(!after(9_000, false));
        assert!(after(9_100, true));
    }
}
