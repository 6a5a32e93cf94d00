//! Queries from one socket of core 1, and what came back.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use hf_datagram::{Datagrams, Sockets, send_in_segments};

use crate::{Told, cpu, pace};

/// Queries that may be unanswered.
const WINDOW: usize = 256;
/// Queries sent with one call.
const BURST: usize = 32;
/// A query that is unanswered for so long is lost.
const LOST_AFTER: Duration = Duration::from_millis(100);
/// Queries of the paced load that go out together.
const PACED: u32 = 4;

/// The queries of a case: all of one length.
#[derive(Clone, Debug)]
pub struct Queries {
    template: Vec<u8>,
    digits_at: usize,
    rtype_at: usize,
    subnet_at: Option<usize>,
    names: u32,
    rtypes: &'static [u16],
}

impl Queries {
    /// Random ones of `<letter>0000000.<zone>` and up.
    pub fn new(letter: u8, zone: &str, names: u32, rtypes: &'static [u16], with_options: bool) -> Queries {
        let mut template = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(with_options)];
        template.extend([8, letter]);
        let digits_at = template.len();
        template.extend(*b"0000000");
        for label in zone.split('.').filter(|label| !label.is_empty()) {
            template.push(label.len() as u8);
            template.extend(label.as_bytes());
        }
        template.push(0);
        let rtype_at = template.len();
        template.extend([0, 1, 0, 1]);
        let mut subnet_at = None;
        if with_options {
            // OPT with a client's network of 24 bits and a client cookie.
            template.extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 23]);
            template.extend([0, 8, 0, 7, 0, 1, 24, 0]);
            subnet_at = Some(template.len());
            template.extend([10, 0, 0]);
            template.extend([0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        }
        Queries { template, digits_at, rtype_at, subnet_at, names, rtypes }
    }

    /// The same with EDNS, 1,232 bytes and DO: signatures are wanted.
    pub fn with_do(mut self) -> Queries {
        self.template[11] = 1;
        self.template.extend([0, 0, 41, 4, 0xd0, 0, 0, 0x80, 0, 0, 0]);
        self
    }

    /// The bytes of each.
    pub fn len(&self) -> usize {
        self.template.len()
    }

    /// Appends one, chosen by chance.
    pub fn write(&self, id: u16, chance: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.template);
        let query = &mut out[start..];
        query[..2].copy_from_slice(&id.to_be_bytes());
        let mut number = ((chance >> 32) * u64::from(self.names)) >> 32;
        for digit in query[self.digits_at..self.digits_at + 7].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        let rtype = self.rtypes[(chance & 0xff) as usize % self.rtypes.len()];
        query[self.rtype_at + 1] = rtype as u8;
        if let Some(at) = self.subnet_at {
            query[at + 1..at + 3].copy_from_slice(&(chance as u16).to_be_bytes());
        }
    }
}

/// What a load did.
#[derive(Clone, Debug, Default)]
pub struct Fired {
    /// Replies.
    pub answered: u64,
    /// Of these, with the response code that was wanted, and with records where they are wanted.
    pub right: u64,
    /// Queries that got nothing.
    pub lost: u64,
    /// Microseconds of the server's threads for a reply.
    pub us_per_answer: f64,
    /// Replies a second.
    pub per_second: f64,
    /// Microseconds, of the paced load, sorted.
    pub latencies_us: Vec<u32>,
}

/// What a right reply looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Records.
    Records,
    /// Records and their signature.
    Signed,
    /// "No such name".
    NoSuchName,
    /// The query, as a response.
    Echo,
}

impl Wanted {
    /// Whether this is one.
    pub fn is(self, reply: &[u8]) -> bool {
        let (Some(rcode), Some(count)) = (reply.get(3).map(|byte| byte & 15), reply.get(7)) else {
            return false;
        };
        match self {
            Wanted::Records => rcode == 0 && *count > 0,
            Wanted::Signed => rcode == 0 && *count > 1,
            Wanted::NoSuchName => rcode == 3,
            Wanted::Echo => true,
        }
    }
}

/// The asking side, towards one server.
#[derive(Debug)]
pub struct Load {
    out: UdpSocket,
    back: Sockets,
    queries: Queries,
    wanted: Wanted,
    chance: u64,
    id: u16,
    buffer: Vec<u8>,
}

impl Load {
    /// A socket for this server.
    pub fn new(server: SocketAddr, queries: Queries, wanted: Wanted) -> Told<Load> {
        let told = |error: std::io::Error| format!("{server}: {error}");
        let any: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
        let out = UdpSocket::bind(any).map_err(told)?;
        out.connect(server).map_err(told)?;
        send_in_segments(&out, queries.template.len() as u16).map_err(told)?;
        let back = Sockets::new(out.try_clone().map_err(told)?, 16).map_err(told)?;
        // It looks again and again instead of waiting: being woken would cost more than the answer.
        out.set_nonblocking(true).map_err(told)?;
        Ok(Load { out, back, queries, wanted, chance: 1, id: 0, buffer: Vec::new() })
    }

    fn send(&mut self, count: usize) -> Told<()> {
        self.buffer.clear();
        for _ in 0..count {
            self.chance =
                self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.id = self.id.wrapping_add(1);
            self.queries.write(self.id, self.chance, &mut self.buffer);
        }
        loop {
            match self.out.send(&self.buffer) {
                Ok(_) => return Ok(()),
                Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => {}
                // A server that is not there yet.
                Err(why) if why.kind() == std::io::ErrorKind::ConnectionRefused => return Ok(()),
                Err(why) => return Err(format!("cannot send queries: {why}")),
            }
        }
    }

    /// Asks until the first right reply.
    pub fn first_answer(&mut self, deadline: Duration, mut is_alive: impl FnMut() -> bool) -> Told<()> {
        let began = Instant::now();
        while began.elapsed() < deadline && is_alive() {
            self.send(1)?;
            let asked = Instant::now();
            while asked.elapsed() < Duration::from_millis(20) {
                let (wanted, mut right) = (self.wanted, false);
                // A refusal by a closed port counts for nothing here.
                let _ = self.back.turn(Duration::ZERO, &mut |reply, _, _| {
                    right |= wanted.is(reply);
                    0
                });
                if right {
                    return Ok(());
                }
            }
        }
        Err("no right answer came in time".to_owned())
    }

    /// As many as the server answers, from a window.
    pub fn full(&mut self, length: Duration, server: u32) -> Told<Fired> {
        let mut fired = Fired::default();
        let mut outstanding = 0;
        let mut last = Instant::now();
        let warm_up = length / 4;
        let began = Instant::now();
        let mut measured: Option<(Instant, Duration)> = None;
        loop {
            while outstanding + BURST <= WINDOW {
                self.send(BURST)?;
                outstanding += BURST;
            }
            let (wanted, mut came, mut right) = (self.wanted, 0, 0);
            let turned = self.back.turn(Duration::ZERO, &mut |reply, _, _| {
                came += 1;
                right += u64::from(wanted.is(reply));
                0
            });
            turned.map_err(|error| format!("cannot receive replies: {error}"))?;
            let now = Instant::now();
            outstanding = outstanding.saturating_sub(came);
            if came > 0 {
                last = now;
            } else if now.duration_since(last) > LOST_AFTER {
                fired.lost += outstanding as u64;
                (outstanding, last) = (0, now);
            }
            match measured {
                None if now.duration_since(began) >= warm_up => {
                    fired = Fired::default();
                    measured = Some((now, cpu::ran(server)));
                }
                None => {}
                Some((since, before)) => {
                    fired.answered += came as u64;
                    fired.right += right;
                    let passed = now.duration_since(since);
                    if passed >= length {
                        let used = cpu::ran(server).saturating_sub(before);
                        let answers = fired.answered.max(1) as f64;
                        fired.us_per_answer = used.as_secs_f64() * 1e6 / answers;
                        fired.per_second = fired.answered as f64 / passed.as_secs_f64();
                        self.drain();
                        return Ok(fired);
                    }
                }
            }
        }
    }

    /// So many a second, in small groups: how long each takes.
    pub fn paced(&mut self, length: Duration, rate: u32) -> Told<Fired> {
        let mut fired = Fired::default();
        let step = Duration::from_secs(1) * PACED / rate;
        let mut sent_at = vec![None; 1 << 16];
        let began = Instant::now();
        let (mut next, mut asked) = (began, 0);
        let mut breaths = pace::Breaths::begin();
        loop {
            let now = Instant::now();
            let passed = now.duration_since(began);
            // The last ones have their time too.
            if passed >= length && (asked == fired.answered || passed >= length + LOST_AFTER) {
                break;
            }
            if now >= next && passed < length {
                asked += u64::from(PACED);
                for step in 1..=PACED as u16 {
                    sent_at[usize::from(self.id.wrapping_add(step))] = Some(now);
                }
                self.send(PACED as usize)?;
                next += step;
            }
            let wanted = self.wanted;
            let turned = self.back.turn(Duration::ZERO, &mut |reply, _, _| {
                let Some(id) = reply.first_chunk::<2>() else { return 0 };
                if let Some(at) = sent_at[usize::from(u16::from_be_bytes(*id))].take() {
                    fired.answered += 1;
                    fired.right += u64::from(wanted.is(reply));
                    fired.latencies_us.push(Instant::now().duration_since(at).as_micros() as u32);
                }
                0
            });
            turned.map_err(|error| format!("cannot receive replies: {error}"))?;
            if asked == fired.answered {
                // Now no reply waits for it.
                breaths.take(now);
            }
        }
        fired.lost = sent_at.iter().flatten().count() as u64;
        fired.latencies_us.sort_unstable();
        self.drain();
        Ok(fired)
    }

    /// Takes what is still under way, so that it does not count for the next.
    fn drain(&mut self) {
        let mut last = Instant::now();
        while last.elapsed() < Duration::from_millis(5) {
            if self.back.turn(Duration::ZERO, &mut |_, _, _| 0).is_ok_and(|came| came > 0) {
                last = Instant::now();
            }
        }
    }
}
