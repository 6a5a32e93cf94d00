//! Those who watch: told at once, each with bytes that all share.
//!
//! 1. A change is one walk over all watchers, [`TOGETHER`] at a time, between which questions are answered: each is written to straight, without
//!    waking it. Who has the table already is passed over, so changes of many resources are one walk too. A walk goes to its end whatever comes
//!    meanwhile: each is told what is newest at its turn, so no stream of changes keeps the last from being told.
//! 2. Heartbeats have no timers: on each of [`TICKS`] ticks of a beat another part of all is told, so that 50,000 are never due in one moment.
//! 3. What a watcher does not take at once waits as the rest of one message, shared with all others; a newer table replaces older ones behind
//!    it. Who does not take it within the message time is slow: it is told nothing more, has as long again to take that rest and the reason behind it,
//!    and is dropped. It comes back with its tag.
//! 4. A watcher's own task only hears it go, reads its words, and writes such rests. It holds no buffers, and is two pointers and a number.
//! 5. Only consumers that say who they are get a ping with each beat: their answers are signs of life, until the consumer says good-bye elsewhere.
//!
//! Not here: what is told (`tables`), frames (`frames`).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hf_telemetry::StatusEvent;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, info};

use crate::acknowledge::{Life, Who};
use crate::answer::Watch;
use crate::bounds::{Admitted, Lasting};
use crate::compiled::Transport;
use crate::frames::{self, BadFrame, Heard, Reader};
use crate::shared::Shared;
use crate::tables::Channel;
use crate::tag::Tag;

/// Between two beats of one watcher.
pub const BEAT: Duration = Duration::from_secs(10);
/// Parts of a beat.
const TICKS: usize = 100;
/// Watchers that are told before others have their turn.
const TOGETHER: usize = 64;
/// Bytes that are read of a watcher before others have their turn.
const READ_BYTES: usize = 4 << 10;
/// Between two lines of the log about those who are slow.
const SAID: Duration = Duration::from_mins(1);

/// Why a watcher's connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The other side went.
    Gone,
    /// The other side said good-bye.
    Closed,
    /// It did not take what it was sent.
    Slow,
    /// What it sent is against the protocol.
    Bad(BadFrame),
    /// The node stops.
    Stops,
}

impl End {
    /// The code and the reason to close with; none where nobody would read them.
    fn words(self, message_time: Duration) -> Option<(u16, String)> {
        match self {
            End::Gone => None,
            End::Closed => Some((1000, String::new())),
            End::Slow => Some((
                1013,
                format!(
                    "too slow: a message was not taken within {} s; connect again with your tag",
                    message_time.as_secs()
                ),
            )),
            End::Bad(bad) => Some((bad.code(), bad.to_string())),
            End::Stops => Some((1001, "this node stops; connect again, or to another node".to_owned())),
        }
    }

    fn event(self) -> StatusEvent {
        match self {
            End::Gone => StatusEvent::EndGone,
            End::Closed => StatusEvent::EndClosed,
            End::Slow => StatusEvent::EndSlow,
            End::Bad(_) => StatusEvent::EndProtocol,
            End::Stops => StatusEvent::EndStopped,
        }
    }
}

/// One that watches.
#[derive(Debug)]
struct Watcher {
    stream: TcpStream,
    channel: Rc<Channel>,
    transport: Transport,
    since: Instant,
    state: RefCell<State>,
    _places: (Admitted, Lasting),
}

#[derive(Debug)]
struct State {
    /// The table that it was sent last.
    told: Tag,
    /// The rest of a message that it has not taken yet.
    rest: Option<Box<Rest>>,
    /// It stands in the queue of those that are slow.
    is_queued: bool,
    end: Option<End>,
    farewell: Farewell,
    reader: Reader,
    who: Option<Box<Who>>,
    waker: Option<Waker>,
}

/// What one that is slow still gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// It is not slow.
    None,
    /// The rest of the message that it has begun to take, then the reason.
    Due,
    /// The reason: it is what is left to be taken.
    Said,
}

#[derive(Debug)]
struct Rest {
    bytes: Bytes,
    /// Something of the message is out already: nothing else may be put before the rest of it.
    is_begun: bool,
    since: Instant,
    /// When what it tells came to be; none of what is no news.
    news_of: Option<Instant>,
}

/// All that watch.
#[derive(Debug, Default)]
pub struct Watchers {
    places: RefCell<Places>,
    /// Those that did not take something at once, in the order in which they are looked at.
    slow: RefCell<VecDeque<(Instant, usize)>>,
    slow_said: Cell<Said>,
    tick: Cell<u64>,
    /// There may be something new for them.
    pub news: Notify,
}

/// What the log has of those who were slow: one line a minute.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    at: Option<Instant>,
    others: u64,
}

impl Said {
    /// One more. If that is to be written: how many were not, since the line before.
    fn count(&mut self, now: Instant) -> Option<u64> {
        if self.at.is_some_and(|at| now.duration_since(at) < SAID) {
            self.others += 1;
            return None;
        }
        self.at = Some(now);
        Some(std::mem::take(&mut self.others))
    }
}

#[derive(Debug, Default)]
struct Places {
    all: Vec<Option<Rc<Watcher>>>,
    free: Vec<usize>,
    by_transport: [usize; 2],
}

impl Places {
    fn take(&mut self, watcher: Rc<Watcher>) -> usize {
        self.by_transport[watcher.transport as usize] += 1;
        if let Some(at) = self.free.pop() {
            self.all[at] = Some(watcher);
            return at;
        }
        self.all.push(Some(watcher));
        self.all.len() - 1
    }

    fn leave(&mut self, at: usize) {
        if let Some(watcher) = self.all[at].take() {
            self.by_transport[watcher.transport as usize] -= 1;
            self.free.push(at);
        }
    }
}

/// Serves one watcher until it goes, falls behind, or the node stops. `held` is what it sent right behind its request.
pub fn watch(
    shared: Rc<Shared>,
    stream: TcpStream,
    watch: Watch,
    held: &[u8],
    admitted: Admitted,
) -> impl Future<Output = ()> + use<> {
    let Watch { channel, transport, first, is_begun, told, who, place } = watch;
    let since = Instant::now();
    let rest = (!first.is_empty()).then(|| Box::new(Rest { bytes: first, is_begun, since, news_of: None }));
    let state = State {
        told,
        is_queued: rest.is_some(),
        rest,
        end: None,
        farewell: Farewell::None,
        reader: Reader::default(),
        who: who.map(Box::new),
        waker: None,
    };
    let watcher = Rc::new(Watcher {
        stream,
        channel,
        transport,
        since,
        state: RefCell::new(state),
        _places: (admitted, place),
    });
    let at = shared.watchers.places.borrow_mut().take(watcher.clone());
    if watcher.has_rest() {
        shared.watchers.slow.borrow_mut().push_back((since, at));
    }
    if !held.is_empty() {
        watcher.hear(&shared, at, held);
    }
    // What changed since its first table was written.
    watcher.catch_up(&shared, at);
    if shared.stops.get() {
        watcher.end(End::Stops);
    }
    Watching { shared, watcher, at }
}

/// The task of one watcher. An async function of the same would keep all that it was given as long as the watcher is there.
struct Watching {
    shared: Rc<Shared>,
    watcher: Rc<Watcher>,
    at: usize,
}

impl Future for Watching {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Watching { shared, watcher, at } = &*self;
        let Poll::Ready(end) = watcher.poll(shared, *at, context) else { return Poll::Pending };
        watcher.say_last(shared, end);
        // Who goes while it is told why was dropped all the same.
        let is_slow = watcher.state.borrow().farewell != Farewell::None && end != End::Stops;
        let end = if is_slow { End::Slow } else { end };
        shared.counts.count(end.event());
        let from = watcher.stream.peer_addr().ok();
        if is_slow {
            shared.watchers.say_slow(from);
        } else if matches!(end, End::Bad(_)) {
            debug!(?end, ?from, "a watcher was dropped");
        }
        Poll::Ready(())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // However it ends.
        self.shared.watchers.places.borrow_mut().leave(self.at);
    }
}

impl Watchers {
    /// Tells all what they have not been told yet, whenever there may be something.
    pub async fn tell(shared: &Shared) {
        loop {
            shared.watchers.news.notified().await;
            let mut at = 0;
            loop {
                let few = shared.watchers.behind(at..at + TOGETHER);
                let Some(few) = few else { break };
                for (at, watcher) in few {
                    watcher.catch_up(shared, at);
                }
                at += TOGETHER;
                yield_now().await;
            }
        }
    }

    /// Beats, and drops who is slow.
    pub async fn tick(shared: &Shared) {
        let mut ticks = interval(BEAT / TICKS as u32);
        // None is left out: each is the turn of other watchers.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let tick = shared.watchers.tick.get() + 1;
            shared.watchers.tick.set(tick);
            let now = shared.clock.now();
            let due: Vec<(usize, Rc<Watcher>)> = {
                let places = shared.watchers.places.borrow();
                let part = (tick % TICKS as u64) as usize;
                let due = (part..places.all.len()).step_by(TICKS);
                due.filter_map(|at| Some((at, places.all[at].clone()?))).collect()
            };
            for few in due.chunks(TOGETHER) {
                for (at, watcher) in few {
                    watcher.beat(shared, *at, tick, now);
                }
                yield_now().await;
            }
            shared.watchers.drop_slow(shared.bounds.limits().message_time);
            shared.count_load();
        }
    }

    /// Has all of them end.
    pub fn stop(&self) {
        let all: Vec<Rc<Watcher>> = self.places.borrow().all.iter().flatten().cloned().collect();
        for watcher in all {
            watcher.end(End::Stops);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.counts().iter().sum()
    }

    /// How many there are by transport.
    pub fn counts(&self) -> [usize; 2] {
        self.places.borrow().by_transport
    }

    /// Those in these places who have not been told the newest; none behind the last place.
    ///
    /// All of them are looked at before the first is written to: of 50,000 each lies somewhere else in memory, and what is fetched for one does not
    /// depend on what is fetched for another, so the processor waits for several at a time.
    fn behind(&self, range: std::ops::Range<usize>) -> Option<Vec<(usize, Rc<Watcher>)>> {
        let places = self.places.borrow();
        let end = range.end.min(places.all.len());
        if range.start >= end {
            return None;
        }
        let behind = (range.start..end).filter_map(|at| {
            let watcher = places.all[at].as_ref()?;
            watcher.is_behind().then(|| (at, watcher.clone()))
        });
        Some(behind.collect())
    }

    fn say_slow(&self, from: Option<SocketAddr>) {
        let mut said = self.slow_said.get();
        let unsaid = said.count(Instant::now());
        self.slow_said.set(said);
        if let Some(unsaid) = unsaid {
            info!(
                ?from,
                unsaid, "a watcher did not take what it was sent and was dropped; it comes back with its tag"
            );
        }
    }

    /// Who does not take what it was sent has as long again for the reason, then its connection is cut.
    fn drop_slow(&self, message_time: Duration) {
        let now = Instant::now();
        loop {
            let first = {
                let mut slow = self.slow.borrow_mut();
                match slow.front() {
                    Some((since, _)) if now.duration_since(*since) >= message_time => slow.pop_front(),
                    _ => return,
                }
            };
            let Some((_, at)) = first else { return };
            let Some(watcher) = self.places.borrow().all.get(at).cloned().flatten() else { continue };
            let again = {
                let mut state = watcher.state.borrow_mut();
                state.is_queued = false;
                match &state.rest {
                    Some(rest) if now.duration_since(rest.since) >= message_time => {
                        if state.farewell == Farewell::None {
                            state.is_queued = true;
                            watcher.begin_farewell(&mut state, message_time, now);
                            Some(now)
                        } else {
                            None
                        }
                    }
                    Some(rest) => {
                        let since = rest.since;
                        state.is_queued = true;
                        Some(since)
                    }
                    None => continue,
                }
            };
            match again {
                Some(since) => self.slow.borrow_mut().push_back((since, at)),
                None => watcher.end(End::Slow),
            }
        }
    }
}

impl Watcher {
    /// Whether it can be told something, and has not been told the newest.
    fn is_behind(&self) -> bool {
        let state = self.state.borrow();
        state.rest.is_none() && state.end.is_none() && state.told != self.channel.tag()
    }

    /// Sends the newest table, if it is another one than the last.
    fn catch_up(&self, shared: &Shared, at: usize) {
        if !self.is_behind() {
            return;
        }
        let mut state = self.state.borrow_mut();
        let newest = self.channel.newest();
        state.told = newest.tag;
        shared.counts.count(StatusEvent::Table);
        let news_of = self.channel.changed_at();
        self.send(&mut state, newest.message(self.transport), news_of, shared, at);
    }

    fn beat(&self, shared: &Shared, at: usize, tick: u64, now: hf_model::Timestamp) {
        let mut state = self.state.borrow_mut();
        if state.rest.is_some() || state.end.is_some() {
            return;
        }
        let beat = self.channel.beat(tick, self.transport, now);
        shared.counts.count(StatusEvent::Beat);
        self.send(&mut state, &beat, None, shared, at);
        if state.who.is_some() && self.transport == Transport::WebSocket && state.rest.is_none() {
            self.send(&mut state, &frames::ping(), None, shared, at);
        }
    }

    /// Writes at once what goes at once. Nothing may be left of an earlier message.
    ///
    /// It asks the system, not the runtime, which keeps what it knows of a socket elsewhere in memory. The runtime learns that there is no room when the
    /// rest is sent.
    fn send(&self, state: &mut State, bytes: &Bytes, news_of: Option<Instant>, shared: &Shared, at: usize) {
        let sent = match send(&self.stream, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) => sent,
            Err(Errno::AGAIN) => 0,
            Err(_) => return state.end_with(End::Gone),
        };
        shared.counts.sent(sent);
        if sent == bytes.len() {
            return count_push(shared, news_of);
        }
        let since = Instant::now();
        let (bytes, is_begun) = (bytes.slice(sent..), sent > 0);
        state.rest = Some(Box::new(Rest { bytes, is_begun, since, news_of }));
        if !state.is_queued {
            state.is_queued = true;
            shared.watchers.slow.borrow_mut().push_back((since, at));
        }
        // Its task waits until there is room.
        state.wake();
    }

    /// It is slow: nothing but the reason goes behind what it has begun to take.
    fn begin_farewell(&self, state: &mut State, message_time: Duration, now: Instant) {
        let Some(rest) = &mut state.rest else { return };
        rest.since = now;
        state.farewell = Farewell::Due;
        if !rest.is_begun {
            self.say_farewell(state, message_time);
        }
    }

    fn say_farewell(&self, state: &mut State, message_time: Duration) {
        let since = state.rest.as_ref().map_or_else(Instant::now, |rest| rest.since);
        let bytes = self.last_words(End::Slow, message_time).unwrap_or_default();
        state.farewell = Farewell::Said;
        state.rest = Some(Box::new(Rest { bytes, is_begun: false, since, news_of: None }));
        state.wake();
    }

    fn end(&self, end: End) {
        self.state.borrow_mut().end_with(end);
    }

    fn poll(&self, shared: &Shared, at: usize, context: &mut Context<'_>) -> Poll<End> {
        {
            let mut state = self.state.borrow_mut();
            if !state.waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
                state.waker = Some(context.waker().clone());
            }
        }
        while self.has_rest() {
            if self.stream.poll_write_ready(context).is_pending() {
                break;
            }
            self.send_rest(shared);
            if !self.has_rest() {
                self.catch_up(shared, at);
            }
        }
        if let Some(end) = self.state.borrow().end {
            return Poll::Ready(end);
        }
        if self.stream.poll_read_ready(context).is_pending() {
            return Poll::Pending;
        }
        let mut scratch = shared.scratch.borrow_mut();
        match self.stream.try_read(&mut scratch[..READ_BYTES]) {
            Ok(0) => return Poll::Ready(End::Gone),
            Ok(len) => {
                shared.counts.received(len);
                self.hear(shared, at, &scratch[..len]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Poll::Ready(End::Gone),
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn has_rest(&self) -> bool {
        let state = self.state.borrow();
        state.rest.is_some() && state.end.is_none()
    }

    fn send_rest(&self, shared: &Shared) {
        let mut state = self.state.borrow_mut();
        let Some(rest) = &mut state.rest else { return };
        match self.stream.try_write(&rest.bytes) {
            Ok(sent) => {
                shared.counts.sent(sent);
                rest.bytes = rest.bytes.slice(sent..);
                rest.is_begun = true;
                if rest.bytes.is_empty() {
                    count_push(shared, rest.news_of);
                    match state.farewell {
                        Farewell::None => state.rest = None,
                        Farewell::Due => self.say_farewell(&mut state, shared.bounds.limits().message_time),
                        Farewell::Said => state.end_with(End::Slow),
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => state.end_with(End::Gone),
        }
    }

    /// What it said; over Server-Sent Events nothing has a meaning. However much came at once, it is answered with one pong, to the last ping
    /// (RFC 6455, section 5.5.3), and one refusal.
    fn hear(&self, shared: &Shared, at: usize, bytes: &[u8]) {
        if self.transport == Transport::Events {
            return;
        }
        let mut all = Vec::new();
        let mut state = self.state.borrow_mut();
        let taken = state.reader.take(bytes, |heard| all.push(heard));
        let has_spoken = !all.is_empty();
        let (mut refused, mut pong) = (None, None);
        for heard in all {
            match heard {
                Heard::Text(text) => refused = state.take(shared, &text, self.since).or(refused),
                Heard::Ping(payload) => pong = Some(frames::pong(&payload)),
                Heard::Pong => {}
                Heard::Close(_) => return state.end_with(End::Closed),
            }
        }
        let life = state.who.as_ref().filter(|_| has_spoken);
        let life = life.map(|who| shared.register.is_alive(who, shared.clock.now(), self.since));
        if life == Some(Life::Left) {
            state.who = None;
        }
        for answer in refused.into_iter().chain(pong) {
            if state.rest.is_none() {
                self.send(&mut state, &answer, None, shared, at);
            }
        }
        if let Err(bad) = taken {
            state.end_with(End::Bad(bad));
        }
    }

    /// Says why it ends, where that can still be written.
    fn say_last(&self, shared: &Shared, end: End) {
        {
            let state = self.state.borrow();
            if state.farewell == Farewell::Said || state.rest.as_ref().is_some_and(|rest| rest.is_begun) {
                return;
            }
        }
        if let Some(words) = self.last_words(end, shared.bounds.limits().message_time) {
            let _ = self.stream.try_write(&words); // it goes either way
        }
    }

    fn last_words(&self, end: End, message_time: Duration) -> Option<Bytes> {
        let (code, reason) = end.words(message_time)?;
        match self.transport {
            Transport::WebSocket => Some(frames::close(code, &reason)),
            Transport::Events if end == End::Slow => {
                let data = serde_json::json!({ "kind": "dropped", "reason": reason });
                Some(format!("event: dropped\ndata: {data}\n\n").into())
            }
            Transport::Events => None,
        }
    }
}

impl State {
    /// Takes an acknowledgement; an answer if it is none.
    fn take(&mut self, shared: &Shared, text: &str, since: Instant) -> Option<Bytes> {
        match shared.register.take(text.as_bytes(), &shared.tables, shared.clock.now(), since) {
            Ok(who) => {
                shared.counts.count(StatusEvent::Acknowledged);
                self.who = who.map(Box::new);
                None
            }
            Err(why) => {
                let refused = serde_json::json!({
                    "kind": "refused", "code": "bad-request", "message": why.to_string()
                });
                Some(frames::text(&refused.to_string()))
            }
        }
    }

    fn end_with(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// Counts how long news took to a watcher.
fn count_push(shared: &Shared, news_of: Option<Instant>) {
    if let Some(news_of) = news_of {
        shared.counts.pushed(news_of.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_a_line_a_minute_of_those_who_are_slow() {
        let (mut said, begin) = (Said::default(), Instant::now());
        assert_eq!(said.count(begin), Some(0));
        for second in 1..60 {
            assert_eq!(said.count(begin + Duration::from_secs(second)), None);
        }
        assert_eq!(said.count(begin + SAID), Some(59));
        assert_eq!(said.count(begin + SAID * 2), Some(0));
    }
}
