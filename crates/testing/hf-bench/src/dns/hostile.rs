//! Good queries beside a hostile client.
//!
//! 1. Good: 5,000 queries a second over UDP from a thread that comes first on its core. It sleeps when nothing has come, so that the hostile ones run
//!    there too; it does so without them as well.
//! 2. Hostile, all at once: so many datagrams a second as the options say (20,000), random bytes, bent queries and unsigned updates; so many open TCP connections (10,000), from
//!    several addresses, silent or after one query; some that announce a long message and send a byte now and then; some that ask and never read. All
//!    of it at a bounded pace, what goes over TCP in step with the datagrams: a core that has nothing left to give would measure how it is shared. The report says how much of
//!    its core the server used.
//! 3. A server may close connections or take no more of them. Who attacks opens another for its oldest one all the time, [`ANEW`] a second. Told are: how many it
//!    began, and had, while the figures were taken; how many of its oldest ones the server had closed by then.
//! 4. The servers have one core, each its threads as equals: see `shift`. The floor is the bare echo, which takes connections on a thread of its own, keeps as many as our node and
//!    says nothing on them: what the hostile client does to the good one on their own core, and the kernel's work for it, is in its figures too.
//! 5. Servers are attacked in turns, round by round; the next one begins when the one before is idle again.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::cases::{Case, PORT};
use super::content::Content;
use super::load::{Queries, Wanted};
use super::moments::Moment;
use super::servers::Server;
use super::shift::fairly;
use super::watch::{Asked, Pace, Watch};
use super::{Options, Told, peers};
use crate::figures::milliseconds;
use crate::{cores, cpu, pace};

/// Good queries a second.
const GOOD_RATE: u32 = 5_000;
/// Hostile datagrams that go out together.
const NOISE_GROUP: u32 = 10;
/// Of the connections those that send drops, and those that never read. All others are held.
const DRIPPERS: usize = 200;
const DEAF: usize = 50;
/// Addresses that connections come from, 127.0.0.2 and up.
const ADDRESSES: u8 = 16;
/// Connections that are opened for the oldest ones, a second, while there are [`PACE_RATE`] hostile datagrams.
const ANEW: u32 = 1_000;
/// Between two rounds over the drippers and the deaf, while there are so many hostile datagrams a second.
const PACE: Duration = Duration::from_millis(20);
const PACE_RATE: u32 = 20_000;
/// What the bare echo keeps: as our node.
const ECHO_KEEPS: usize = 1_000;
/// Open files beside the connections.
const OTHER_FILES: u64 = 256;
/// For a connection; and for all of them: a server may be slow to take any, and is then attacked by those that stand.
const CONNECT: Duration = Duration::from_secs(2);
const STANDING: Duration = Duration::from_secs(10);
/// For the first answer, and for a server to come to rest.
const DEADLINE: Duration = Duration::from_mins(1);
/// A server that uses less than a tenth of its core for so long is idle again.
const IDLE: Duration = Duration::from_millis(50);

/// What the attack did so far.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    datagrams: u64,
    /// Connections that were begun; that came to stand; that were let go because others took their place; of these, how many the server had closed.
    attempts: u64,
    connected: u64,
    replaced: u64,
    closed: u64,
    drops: u64,
    unread: u64,
}

#[derive(Debug, Default)]
struct Attack {
    datagrams: AtomicU64,
    attempts: AtomicU64,
    connected: AtomicU64,
    replaced: AtomicU64,
    closed: AtomicU64,
    drops: AtomicU64,
    unread: AtomicU64,
    is_over: AtomicBool,
    /// Datagrams a second.
    rate: u32,
    /// Connections that are held.
    held: usize,
}

impl Attack {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// What is `PACE` at `PACE_RATE`.
    fn paced(&self, at_that_rate: Duration) -> Duration {
        at_that_rate * PACE_RATE / self.rate
    }

    fn counts(&self) -> Counts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            datagrams: of(&self.datagrams),
            attempts: of(&self.attempts),
            connected: of(&self.connected),
            replaced: of(&self.replaced),
            closed: of(&self.closed),
            drops: of(&self.drops),
            unread: of(&self.unread),
        }
    }
}

/// Good queries alone, then beside the attack, round by round: at the echo, at our node, at the peers.
pub fn measure(options: &Options, holdfast: &Path) -> Told<Vec<Moment>> {
    raise_files(options.hostile_connections as u64 + OTHER_FILES)?;
    let _first = cores::SessionFirst::begin();
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let (content, wrap, place) = (Content::Small(1_000), fairly(), folder.path());
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mut servers = vec![
        Server::echo(&wrap, at(PORT), place)?,
        Server::holdfast("holdfast", &wrap, holdfast, (at(PORT + 1), content), "", place)?,
    ];
    if !options.alone {
        for start in peers::starts(at(PORT + 2), content, place, &wrap) {
            servers.extend(start()?);
        }
    }
    let mut running = Vec::new();
    for server in servers {
        let queries = Queries::new(b'h', content.zone(), content.names(), &[1, 28], false);
        let mut watch = Watch::new(server.address, vec![queries], |_| false, true)?;
        if server.name == "echo" {
            watch = watch.wants(Wanted::Echo);
        }
        watch.run(Pace::Rate(100), |now, asked| {
            if now > DEADLINE {
                return Err(format!("no right answer came; {} says:\n{}", server.name, server.last_words()));
            }
            Ok(asked.iter().any(|asked| asked.is_right))
        })?;
        running.push((server, watch));
    }
    let mut moments = Vec::new();
    for _ in 0..options.rounds {
        for (server, watch) in &mut running {
            moments.push(round(server, watch, options)?);
        }
    }
    Ok(moments)
}

/// So many files at least may be open here.
fn raise_files(wanted: u64) -> Told<()> {
    let told = |why| {
        format!(
            "this process cannot have {wanted} files open: {why}; raise its limit (`ulimit -n`), or ask for less with --hostile-connections"
        )
    };
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).map_err(told)?;
    if now >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, most.max(wanted)).map_err(told)
}

fn round(server: &Server, watch: &mut Watch, options: &Options) -> Told<Moment> {
    let length = Duration::from_millis(options.length_ms);
    settle(server)?;
    let stolen = cpu::stolen();
    let calm = watch.run(Pace::Rate(GOOD_RATE), |now, _| Ok(now >= 2 * length))?;
    let stolen_before = cpu::stolen_since(stolen);
    let (before_mb, away) = (server.memory_mb(), watch.away());
    let Beside { asked, counts: [begun, ended], memory_mb, used, stolen } = beside(watch, server, options)?;
    let mut moment = joined(&calm, &asked, length);
    moment.server.clone_from(&server.name);
    moment.connections = Some(ended.attempts);
    let seconds = 2.0 * length.as_secs_f64();
    let a_second = |of: fn(&Counts) -> u64| (of(&ended) - of(&begun)) as f64 / seconds;
    let replaced = (ended.replaced - begun.replaced).max(1);
    moment.note = format!(
        "{:.0} hostile datagrams/s, {:.0} drops/s, {:.0} kB/s unread; {} connections open of {} tried, {:.0} tried/s meanwhile, {:.0} % of the oldest closed by the server; {before_mb:.0} to {memory_mb:.0} MB, at most {:.0}; it used {:.0} % of its core; the asker was away {:.2} and {:.2} ms at most; stolen from the cores {} and {} ms",
        a_second(|of| of.datagrams),
        a_second(|of| of.drops),
        a_second(|of| of.unread) / 1e3,
        ended.connected - ended.replaced,
        ended.attempts,
        a_second(|of| of.attempts),
        100.0 * (ended.closed - begun.closed) as f64 / replaced as f64,
        server.memory_max_mb(),
        100.0 * used.as_secs_f64() / seconds,
        milliseconds(away),
        milliseconds(watch.away()),
        slashed(stolen_before),
        slashed(stolen)
    );
    moment.stolen_ms = Some([0, 1].map(|core| stolen_before[core] + stolen[core]));
    Ok(moment)
}

/// Until it has nothing left to do for connections that are gone.
fn settle(server: &Server) -> Told<()> {
    let began = Instant::now();
    loop {
        let before = cpu::ran(server.pid()?);
        pace::pause(IDLE);
        if cpu::ran(server.pid()?).saturating_sub(before) < IDLE / 10 {
            return Ok(());
        }
        if began.elapsed() > DEADLINE {
            return Err(format!("{} does not come to rest; it says:\n{}", server.name, server.last_words()));
        }
    }
}

fn slashed([first, second]: [u64; 2]) -> String {
    format!("{first}/{second}")
}

/// What was seen beside an attack.
struct Beside {
    asked: Vec<Asked>,
    /// What the attack had done when good queries began and when they ended.
    counts: [Counts; 2],
    /// Of the server, then.
    memory_mb: f64,
    /// Processor time of the server.
    used: Duration,
    stolen: [u64; 2],
}

/// Good queries while the attack goes on.
fn beside(watch: &mut Watch, server: &Server, options: &Options) -> Told<Beside> {
    let length = Duration::from_millis(options.length_ms);
    let all = options.hostile_connections;
    let held = all.saturating_sub(DRIPPERS + DEAF).max(1);
    let attack = Attack { rate: options.hostile_rate.max(1), held, ..Attack::default() };
    std::thread::scope(|scope| {
        for harm in [noise, hold, drip, never_read] {
            let attack = &attack;
            scope.spawn(move || {
                cores::stand_back();
                harm(attack, server.address);
            });
        }
        let began = Instant::now();
        while attack.counts().connected < all as u64 && began.elapsed() < STANDING {
            pace::pause(Duration::from_millis(10));
        }
        let done: Told<Beside> = (|| {
            let (begun, ran, stolen) = (attack.counts(), cpu::ran(server.pid()?), cpu::stolen());
            let asked = watch.run(Pace::Rate(GOOD_RATE), |now, _| Ok(now >= 2 * length))?;
            let (ended, used) = (attack.counts(), cpu::ran(server.pid()?).saturating_sub(ran));
            let memory_mb = server.memory_mb();
            Ok(Beside { asked, counts: [begun, ended], memory_mb, used, stolen: cpu::stolen_since(stolen) })
        })();
        attack.is_over.store(true, Ordering::Relaxed);
        let done = done?;
        let [begun, ended] = done.counts;
        if ended.datagrams == begun.datagrams {
            return Err("the hostile client did not come to run".to_owned());
        }
        Ok(done)
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

/// From one of several addresses, in turns.
fn connect(attack: &Attack, server: SocketAddr) -> Option<TcpStream> {
    let turn = attack.attempts.fetch_add(1, Ordering::Relaxed);
    let from = Ipv4Addr::new(127, 0, 0, 2 + (turn % u64::from(ADDRESSES)) as u8);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).ok()?;
    // A port is only taken when it is known where to: there are as many of them for each server.
    setsockopt(&socket, sockopt::IpBindAddressNoPort, &true).ok()?;
    socket.bind(&SocketAddr::from((from, 0)).into()).ok()?;
    socket.connect_timeout(&server.into(), CONNECT).ok()?;
    socket.set_nonblocking(true).ok()?;
    attack.connected.fetch_add(1, Ordering::Relaxed);
    Some(socket.into())
}

/// A question with its length before it, as TCP wants it.
fn framed() -> Vec<u8> {
    let mut query = Vec::new();
    Queries::new(b'h', "small.test", 1_000, &[1], false).write(1, 0, &mut query);
    [&(query.len() as u16).to_be_bytes()[..], &query].concat()
}

/// Whether the other side has closed it. What it has said before is read.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 512];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(why) => return why.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Keeps connections open, and opens others for the oldest.
fn hold(attack: &Attack, server: SocketAddr) {
    let (mut open, asked) = (VecDeque::new(), framed());
    let step = attack.paced(Duration::from_secs(1) / ANEW);
    let mut due = Instant::now();
    while attack.goes_on() {
        if open.len() >= attack.held
            && let Some(mut oldest) = open.pop_front()
        {
            attack.closed.fetch_add(u64::from(is_closed(&mut oldest)), Ordering::Relaxed);
            attack.replaced.fetch_add(1, Ordering::Relaxed);
            drop(oldest);
            // Those that were missed while it did not come to run are not made up for.
            due = (due + step).max(Instant::now());
            pace::pause(due.saturating_duration_since(Instant::now()));
        }
        if let Some(mut stream) = connect(attack, server) {
            if open.len() % 2 == 0 {
                // One that the server has closed is replaced in its turn.
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

/// Asks and never reads an answer: 2,500 questions a second, as long as the server takes them.
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
        let before = open.len();
        open.retain_mut(|stream| match each(stream) {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
        let gone = (before - open.len()) as u64;
        attack.replaced.fetch_add(gone, Ordering::Relaxed);
        attack.closed.fetch_add(gone, Ordering::Relaxed);
        pace::pause(attack.paced(PACE));
    }
}

/// The echo's other side: takes connections and keeps the latest, silently. Until its process ends.
pub fn keep_connections(listener: &TcpListener) {
    let mut open = VecDeque::new();
    loop {
        // One that went before it was taken is none.
        let Ok((stream, _)) = listener.accept() else { continue };
        if open.len() >= ECHO_KEEPS {
            open.pop_front();
        }
        open.push_back(stream);
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
