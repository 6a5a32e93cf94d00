//! Queries of which each is followed: when it was sent, how long its answer took, what the answer names.
//!
//! 1. From several sockets, since the kernel spreads askers over workers by their ports.
//! 2. Paced: a few queries at each step. Full: a window for each socket.
//! 3. A query without an answer by half a second after the last one was sent is lost.
//! 4. With pauses: it sleeps some microseconds when nothing has come, so that other threads of this core run; without, it looks again at once.
//! 5. It breathes in every case, some microseconds each millisecond: it comes before all else on its core, and the kernel's own threads there finish what
//!    the node's disk has done. Without a breath an acknowledgement waited up to half a second for one of them.
//! 6. How long it was away itself is told: what came meanwhile looks slow, and is not.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use hf_datagram::{Datagrams, Sockets, send_in_segments};

use super::load::{Queries, Wanted};
use crate::{Told, pace};

/// Queries of one socket that may be unanswered under full load.
const WINDOW: usize = 32;
/// Of them, sent with one call.
const BURST: usize = 16;
/// Above so many a second they go out in groups of four.
const SINGLE_RATE_MAX: u32 = 10_000;
/// After the last query.
const LOST_AFTER: Duration = Duration::from_millis(500);
/// Under full load a socket without an answer for so long sends again. Earlier, a stall would make the queue twice as long, and the kernel would drop.
const STUCK_AFTER: Duration = LOST_AFTER;
/// A pause.
const PAUSE: Duration = Duration::from_micros(20);

/// How queries come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many a second.
    Rate(u32),
    /// As many as are answered.
    Full,
}

/// One query.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Since the watch began.
    pub at: Duration,
    /// Until its answer; none is lost.
    pub took: Option<Duration>,
    /// Whether the answer has records, or is what else was wanted.
    pub is_right: bool,
    /// Whether an address in it is one that should go.
    pub names_it: bool,
}

/// The asking side.
#[derive(Debug)]
pub struct Watch {
    flows: Vec<Flow>,
    /// Which addresses should go.
    going: fn(Ipv4Addr) -> bool,
    wanted: Wanted,
    pauses: bool,
    chance: u64,
    buffer: Vec<u8>,
    away: Duration,
}

#[derive(Debug)]
struct Flow {
    out: UdpSocket,
    back: Sockets,
    queries: Queries,
    id: u16,
    /// For each id the place of its query, and one; 0 is none.
    pending: Vec<usize>,
    outstanding: usize,
    last: Duration,
}

impl Watch {
    /// A socket for each of these; all queries are of one length.
    pub fn new(
        server: SocketAddr,
        queries: Vec<Queries>,
        going: fn(Ipv4Addr) -> bool,
        pauses: bool,
    ) -> Told<Watch> {
        let told = |error: std::io::Error| format!("{server}: {error}");
        let flow = |queries: Queries| {
            let out = UdpSocket::bind("0.0.0.0:0").map_err(told)?;
            out.connect(server).map_err(told)?;
            send_in_segments(&out, queries.len() as u16).map_err(told)?;
            let back = Sockets::new(out.try_clone().map_err(told)?, 16).map_err(told)?;
            out.set_nonblocking(true).map_err(told)?;
            let pending = vec![0; 1 << 16];
            Ok(Flow { out, back, queries, id: 0, pending, outstanding: 0, last: Duration::ZERO })
        };
        let flows = queries.into_iter().map(flow).collect::<Told<_>>()?;
        let wanted = Wanted::Records;
        Ok(Watch { flows, going, wanted, pauses, chance: 1, buffer: Vec::new(), away: Duration::ZERO })
    }

    /// The same with other right answers than those with records.
    pub fn wants(self, wanted: Wanted) -> Watch {
        Watch { wanted, ..self }
    }

    /// How long it did not come to look at most, in its last run.
    pub fn away(&self) -> Duration {
        self.away
    }

    /// Asks until `step` says that it is enough. That is told the time since the beginning and all queries so far, at each turn.
    pub fn run(
        &mut self,
        pace: Pace,
        mut step: impl FnMut(Duration, &[Asked]) -> Told<bool>,
    ) -> Told<Vec<Asked>> {
        let mut asked = Vec::new();
        let began = Instant::now();
        let (mut next, mut turn) = (Duration::ZERO, 0);
        let (mut breaths, mut looked) = (pace::Breaths::begin(), Duration::ZERO);
        self.away = Duration::ZERO;
        for flow in &mut self.flows {
            (flow.outstanding, flow.last) = (0, Duration::ZERO);
            flow.pending.fill(0);
        }
        loop {
            let now = began.elapsed();
            self.away = self.away.max(now.saturating_sub(looked));
            looked = now;
            if step(now, &asked)? {
                break;
            }
            match pace {
                Pace::Rate(rate) => {
                    let group = if rate > SINGLE_RATE_MAX { 4 } else { 1 };
                    if now >= next {
                        self.send(turn, group, now, &mut asked)?;
                        (next, turn) = (next + Duration::from_secs(1) * group as u32 / rate, turn + 1);
                    }
                }
                Pace::Full => {
                    for at in 0..self.flows.len() {
                        let flow = &mut self.flows[at];
                        if now.saturating_sub(flow.last) > STUCK_AFTER {
                            (flow.outstanding, flow.last) = (0, now);
                        }
                        if flow.outstanding + BURST <= WINDOW {
                            self.send(at, BURST, now, &mut asked)?;
                        }
                    }
                }
            }
            if self.receive(began, &mut asked)? == 0 && self.pauses {
                pace::pause(PAUSE);
            } else {
                breaths.take(began + now);
            }
        }
        let ended = began.elapsed();
        while began.elapsed() < ended + LOST_AFTER && self.flows.iter().any(|flow| flow.outstanding > 0) {
            self.receive(began, &mut asked)?;
        }
        Ok(asked)
    }

    fn send(&mut self, turn: usize, count: usize, now: Duration, asked: &mut Vec<Asked>) -> Told<()> {
        let at = turn % self.flows.len();
        let flow = &mut self.flows[at];
        self.buffer.clear();
        for _ in 0..count {
            self.chance =
                self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            flow.id = flow.id.wrapping_add(1);
            flow.queries.write(flow.id, self.chance, &mut self.buffer);
            asked.push(Asked { at: now, took: None, is_right: false, names_it: false });
            flow.pending[usize::from(flow.id)] = asked.len();
        }
        flow.outstanding += count;
        loop {
            match flow.out.send(&self.buffer) {
                Ok(_) => return Ok(()),
                Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => {}
                // A server that is not there yet.
                Err(why) if why.kind() == std::io::ErrorKind::ConnectionRefused => return Ok(()),
                Err(why) => return Err(format!("cannot send queries: {why}")),
            }
        }
    }

    fn receive(&mut self, began: Instant, asked: &mut [Asked]) -> Told<usize> {
        let (going, wanted, mut all) = (self.going, self.wanted, 0);
        for flow in &mut self.flows {
            let (pending, mut came) = (&mut flow.pending, 0);
            let turned = flow.back.turn(Duration::ZERO, &mut |reply, _, _| {
                let Some(id) = reply.first_chunk::<2>() else { return 0 };
                let place = std::mem::take(&mut pending[usize::from(u16::from_be_bytes(*id))]);
                if let Some(asked) = place.checked_sub(1).and_then(|place| asked.get_mut(place)) {
                    came += 1;
                    asked.took = Some(began.elapsed().saturating_sub(asked.at));
                    asked.is_right = wanted.is(reply);
                    asked.names_it = addresses(reply).is_some_and(|mut all| all.any(going));
                }
                0
            });
            match turned {
                Err(why) if why.kind() != std::io::ErrorKind::ConnectionRefused => {
                    return Err(format!("cannot receive replies: {why}"));
                }
                _ => {}
            }
            flow.outstanding = flow.outstanding.saturating_sub(came);
            if came > 0 {
                flow.last = began.elapsed();
            }
            all += came;
        }
        Ok(all)
    }
}

/// The IPv4 addresses in the answers of a reply to one question; none of one that is no such reply.
fn addresses(reply: &[u8]) -> Option<impl Iterator<Item = Ipv4Addr>> {
    let count = u16::from_be_bytes([*reply.get(6)?, *reply.get(7)?]);
    let mut at = after_name(reply, 12)? + 4;
    Some(
        (0..count)
            .map_while(move |_| {
                let fixed = after_name(reply, at)?;
                let head = reply.get(fixed..fixed + 10)?;
                let len = usize::from(u16::from_be_bytes([head[8], head[9]]));
                let data = reply.get(fixed + 10..fixed + 10 + len)?;
                at = fixed + 10 + len;
                let is_address = head[..2] == [0, 1];
                Some(data.first_chunk::<4>().filter(|_| is_address).map(|bytes| Ipv4Addr::from(*bytes)))
            })
            .flatten(),
    )
}

fn after_name(reply: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *reply.get(at)? {
            0 => return Some(at + 1),
            192.. => return Some(at + 2),
            len => at += 1 + usize::from(len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_answers() {
        let mut reply = vec![0, 1, 0x84, 0, 0, 1, 0, 2, 0, 0, 0, 0];
        reply.extend(*b"\x01x\x04test\x00\x00\x01\x00\x01");
        reply.extend(*b"\xc0\x0c\x00\x2e\x00\x01\x00\x00\x00\x05\x00\x04abcd");
        reply.extend(*b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x07");
        let of = |reply: &[u8]| addresses(reply).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        assert_eq!(of(&reply), [Ipv4Addr::new(10, 0, 0, 7)]);
        for len in 0..reply.len() {
            assert!(of(&reply[..len]).is_empty());
        }
    }
}
