//! Good queries beside a hostile client.
//!
//! 1. Good: 5,000 queries a second over UDP from a thread that comes first on its core. It sleeps when nothing has come, so that the hostile ones run
//!    there too; it does so without them as well.
//! 2. Hostile, all at once: so many datagrams a second as the options say (20,000), random bytes, bent queries and unsigned updates; more open TCP connections than the node keeps,
//!    silent or after one query; some that announce a long message and send a byte now and then; some that ask and never read. All
//!    of it at a bounded pace, what goes over TCP in step with the datagrams: a core that has nothing left to give would measure how it is shared. The report says how much of
//!    its core the node used.
//! 3. The node has one core, its threads as equals: see `shift`.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::cases::{Case, PORT};
use super::content::Content;
use super::load::Queries;
use super::moments::Moment;
use super::servers::Server;
use super::shift::fairly;
use super::watch::{Asked, Pace, Watch};
use super::{Options, Told};
use crate::figures::milliseconds;
use crate::{cores, cpu, pace};

/// Good queries a second.
const GOOD_RATE: u32 = 5_000;
/// Hostile datagrams that go out together.
const NOISE_GROUP: u32 = 10;
/// Connections that are held, send drops, never read.
const HELD: usize = 1_200;
const DRIPPERS: usize = 200;
const DEAF: usize = 50;
/// Between two rounds over the connections, while there are so many hostile datagrams a second.
const PACE: Duration = Duration::from_millis(20);
const PACE_RATE: u32 = 20_000;
/// For a connection; and for all of them, and for the first answer.
const CONNECT: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
struct Attack {
    datagrams: AtomicU64,
    connections: AtomicU64,
    drops: AtomicU64,
    unread: AtomicU64,
    is_over: AtomicBool,
    /// Datagrams a second.
    rate: u32,
}

impl Attack {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    fn pace(&self) -> Duration {
        PACE * PACE_RATE / self.rate
    }

    fn counts(&self) -> [u64; 4] {
        [&self.datagrams, &self.connections, &self.drops, &self.unread]
            .map(|count| count.load(Ordering::Relaxed))
    }
}

/// Good queries alone, then beside the attack, round by round.
pub fn measure(options: &Options, holdfast: &Path) -> Told<Vec<Moment>> {
    let own = std::process::id().to_string();
    let mut prlimit = Command::new("prlimit");
    let raised = prlimit.args(["--pid", &own, "--nofile=8192:"]).stdin(Stdio::null()).status();
    if !raised.is_ok_and(|status| status.success()) {
        return Err("prlimit cannot raise the number of open files to 8,192".to_owned());
    }
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let content = Content::Small(1_000);
    let at = (([127, 0, 0, 1], PORT + 1).into(), content);
    let server = Server::holdfast("holdfast", &fairly(), holdfast, at, "", folder.path())?;
    let queries = Queries::new(b'h', content.zone(), content.names(), &[1, 28], false);
    let mut watch = Watch::new(server.address, vec![queries], |_| false, true)?;
    watch.run(Pace::Rate(100), |now, asked| {
        if now > DEADLINE {
            return Err(format!("no right answer came; the node says:\n{}", server.last_words()));
        }
        Ok(asked.iter().any(|asked| asked.is_right))
    })?;
    let length = Duration::from_millis(options.length_ms);
    let mut moments = Vec::new();
    for _ in 0..options.rounds {
        let calm = watch.run(Pace::Rate(GOOD_RATE), |now, _| Ok(now >= 2 * length))?;
        let (before_mb, away) = (server.memory_mb(), watch.away());
        let (attacked, counts, memory_mb, used) = beside(&mut watch, &server, length, options.hostile_rate)?;
        let mut moment = joined(&calm, &attacked, length);
        let [datagrams, connections, drops, unread] = counts;
        let a_second = |count: u64| count as f64 / (2.0 * length.as_secs_f64());
        moment.note = format!(
            "{:.0} hostile datagrams/s, {:.0} drops/s, {:.0} kB/s unread, {connections} connections; {before_mb:.0} to {memory_mb:.0} MB; the node used {:.0} % of its core; the asker was away {:.0} ms at most",
            a_second(datagrams),
            a_second(drops),
            a_second(unread) / 1e3,
            100.0 * used.as_secs_f64() / (2.0 * length.as_secs_f64()),
            milliseconds(away.max(watch.away()))
        );
        moments.push(moment);
    }
    Ok(moments)
}

/// Good queries while the attack goes on; what the attack did meanwhile (connections: since it began), the node's memory then, and its processor time.
fn beside(
    watch: &mut Watch,
    server: &Server,
    length: Duration,
    rate: u32,
) -> Told<(Vec<Asked>, [u64; 4], f64, Duration)> {
    let attack = Attack { rate: rate.max(1), ..Attack::default() };
    std::thread::scope(|scope| {
        for harm in [noise, hold, drip, never_read] {
            let attack = &attack;
            scope.spawn(move || {
                cores::stand_back();
                harm(attack, server.address);
            });
        }
        let began = Instant::now();
        while attack.counts()[1] < (HELD + DRIPPERS + DEAF) as u64 && began.elapsed() < DEADLINE {
            pace::pause(Duration::from_millis(10));
        }
        let (before, ran) = (attack.counts(), cpu::ran(server.pid()?));
        let asked = watch.run(Pace::Rate(GOOD_RATE), |now, _| Ok(now >= 2 * length));
        let (after, used) = (attack.counts(), cpu::ran(server.pid()?).saturating_sub(ran));
        let memory_mb = server.memory_mb();
        attack.is_over.store(true, Ordering::Relaxed);
        let during = [after[0] - before[0], after[1], after[2] - before[2], after[3] - before[3]];
        if during[0] == 0 {
            return Err("the hostile client did not come to run".to_owned());
        }
        Ok((asked?, during, memory_mb, used))
    })
}

/// The second half of each: the first is a warm-up.
fn joined(calm: &[Asked], attacked: &[Asked], length: Duration) -> Moment {
    let later = |asked: &Asked| Asked { at: asked.at + 2 * length, ..*asked };
    let second = |asked: &&Asked| asked.at >= length;
    let all: Vec<Asked> =
        calm.iter().filter(second).copied().chain(attacked.iter().filter(second).map(later)).collect();
    let pace = format!("{GOOD_RATE}/s");
    Moment::of(&Case::Hostile.to_string(), &pace, &all, [length, 2 * length, 4 * length + length])
}

/// Random bytes, bent queries, updates that nobody signed.
fn noise(attack: &Attack, server: SocketAddr) {
    let Ok(socket) = UdpSocket::bind("0.0.0.0:0") else { return };
    let mut draw = Draw(0x5eed);
    let mut good = Vec::new();
    Queries::new(b'h', "small.test", 1_000, &[1], true).write(1, 0, &mut good);
    let began = Instant::now();
    let mut sent = 0_u32;
    while attack.goes_on() {
        for _ in 0..NOISE_GROUP {
            let mut bytes = good.clone();
            match draw.below(3) {
                0 => {
                    bytes = (0..draw.below(600)).map(|_| draw.below(256) as u8).collect();
                }
                1 => {
                    for _ in 0..=draw.below(4) {
                        let at = draw.below(bytes.len());
                        bytes[at] = draw.below(256) as u8;
                    }
                }
                // The operation code of an update, and the query's name as its zone.
                _ => bytes[2] = 5 << 3,
            }
            // A full queue is the kernel's way to say that it has enough.
            let _ = socket.send_to(&bytes, server);
        }
        sent += NOISE_GROUP;
        attack.datagrams.fetch_add(u64::from(NOISE_GROUP), Ordering::Relaxed);
        let due = Duration::from_secs(1).mul_f64(f64::from(sent) / f64::from(attack.rate));
        pace::pause(due.saturating_sub(began.elapsed()));
    }
}

fn connect(attack: &Attack, server: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, CONNECT).ok()?;
    stream.set_nonblocking(true).ok()?;
    attack.connections.fetch_add(1, Ordering::Relaxed);
    Some(stream)
}

/// A question with its length before it, as TCP wants it.
fn framed() -> Vec<u8> {
    let mut query = Vec::new();
    Queries::new(b'h', "small.test", 1_000, &[1], false).write(1, 0, &mut query);
    [&(query.len() as u16).to_be_bytes()[..], &query].concat()
}

/// Keeps connections open, and opens others for the oldest, forty a second.
fn hold(attack: &Attack, server: SocketAddr) {
    let (mut open, asked) = (std::collections::VecDeque::new(), framed());
    while attack.goes_on() {
        if open.len() >= HELD {
            open.pop_front();
            pace::pause(attack.pace());
        }
        if let Some(mut stream) = connect(attack, server) {
            if open.len() % 2 == 0 {
                // One that the node has closed is replaced in its turn.
                let _ = stream.write(&asked);
            }
            open.push_back(stream);
        } else {
            pace::pause(PACE);
        }
    }
}

/// Announces long messages and sends a byte of each now and then.
fn drip(attack: &Attack, server: SocketAddr) {
    in_rounds(attack, server, DRIPPERS, &[0xff, 0xff], |stream| {
        let sent = stream.write(&[7])?;
        attack.drops.fetch_add(sent as u64, Ordering::Relaxed);
        Ok(())
    });
}

/// Asks and never reads an answer: 2,500 questions a second, as long as the node takes them.
fn never_read(attack: &Attack, server: SocketAddr) {
    let asked = framed();
    in_rounds(attack, server, DEAF, &[], |stream| {
        let sent = stream.write(&asked)?;
        attack.unread.fetch_add(sent as u64, Ordering::Relaxed);
        Ok(())
    });
}

fn in_rounds(
    attack: &Attack,
    server: SocketAddr,
    count: usize,
    first: &[u8],
    mut each: impl FnMut(&mut TcpStream) -> std::io::Result<()>,
) {
    let mut open: Vec<TcpStream> = Vec::new();
    while attack.goes_on() {
        while open.len() < count && attack.goes_on() {
            let Some(mut stream) = connect(attack, server) else { break };
            let _ = stream.write(first);
            open.push(stream);
        }
        open.retain_mut(|stream| match each(stream) {
            Ok(()) => true,
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        });
        pace::pause(attack.pace());
    }
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        if bound == 0 { 0 } else { (self.0 >> 16) as usize % bound }
    }
}
