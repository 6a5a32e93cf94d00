//! Those who mean harm: each on a thread of its own, until it has done its share and is told to stop.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hf_e2e::wait::observe_for;
use hf_model::{DnsName, WireName};
use hf_wire::records::Record;
use hf_wire::tsig::{self, Algorithm, Key};
use hf_wire::update;

use super::good::{framed, query};

/// The base64 of the secret below.
pub const SECRET: &str = "b25lIHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVzISE=";
const SECRET_BYTES: &[u8] = b"one secret of thirty-two bytes!!";

/// Shares that each has to do before the attack may end.
const DATAGRAMS: usize = 200_000;
const CONNECTIONS: usize = 10_000;
const DRIPS: usize = 20_000;
const UPDATES: usize = 20_000;
/// Who sends a byte now and then, and who asks and never reads.
const DRIPPERS: usize = 200;
const DEAF: usize = 50;

/// How far the attack is.
#[derive(Debug, Default)]
pub struct Attack {
    datagrams: AtomicUsize,
    connections: AtomicUsize,
    drips: AtomicUsize,
    unread: AtomicUsize,
    updates: AtomicUsize,
    stopped: AtomicBool,
}

impl Attack {
    pub fn is_done(&self) -> bool {
        let shares = [
            (&self.datagrams, DATAGRAMS),
            (&self.connections, CONNECTIONS),
            (&self.drips, DRIPS),
            (&self.updates, UPDATES),
        ];
        shares.into_iter().all(|(done, share)| done.load(Ordering::Relaxed) >= share)
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    pub fn told(&self) -> String {
        format!("hostile   {self:?}")
    }
}

fn add(count: &AtomicUsize, more: usize) {
    count.fetch_add(more, Ordering::Relaxed);
}

/// Lets all of them loose.
pub fn start(attack: &Arc<Attack>, server: SocketAddr) -> Vec<JoinHandle<()>> {
    let all: [fn(&Attack, SocketAddr); 5] = [noise, hold, drip, ask_and_never_read, flood];
    all.into_iter()
        .map(|harm| {
            let attack = attack.clone();
            std::thread::spawn(move || harm(&attack, server))
        })
        .collect()
}

fn socket(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(server).expect("a server on this machine");
    socket
}

/// Random bytes, and queries with some bytes bent.
fn noise(attack: &Attack, server: SocketAddr) {
    let (socket, mut draw) = (socket(server), Draw(0x5eed));
    let good = query("www.good.test", 1);
    while attack.goes_on() {
        for _ in 0..64 {
            let mut bytes = if draw.below(2) == 0 { vec![0; draw.below(600)] } else { good.clone() };
            let bent = if bytes.len() == good.len() { 1 + draw.below(4) } else { bytes.len() };
            for at in 0..bent {
                let at = if bent == bytes.len() { at } else { draw.below(bytes.len()) };
                bytes[at] = draw.below(256) as u8;
            }
            // A full queue is the kernel's way to say that it has enough.
            let _ = socket.send(&bytes);
        }
        add(&attack.datagrams, 64);
    }
}

/// Opens connections and keeps them open, silent or after one query.
fn hold(attack: &Attack, server: SocketAddr) {
    let mut open = Vec::with_capacity(CONNECTIONS);
    let asked = framed(&query("www.good.test", 1));
    while attack.goes_on() {
        if open.len() >= CONNECTIONS {
            open.remove(0);
        }
        match TcpStream::connect_timeout(&server, Duration::from_secs(5)) {
            Ok(mut stream) => {
                if open.len() % 2 == 0 {
                    let _ = stream.write_all(&asked);
                }
                open.push(stream);
                add(&attack.connections, 1);
            }
            Err(_) => observe_for(Duration::from_millis(10)),
        }
    }
}

/// Announces long messages and sends a byte of each now and then.
fn drip(attack: &Attack, server: SocketAddr) {
    let mut open: Vec<TcpStream> = Vec::new();
    let connect = || {
        let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(5)).ok()?;
        stream.write_all(&[0xff, 0xff]).ok()?;
        Some(stream)
    };
    while attack.goes_on() {
        open.extend((open.len()..DRIPPERS).filter_map(|_| connect()));
        let before = open.len();
        open.retain_mut(|stream| stream.write_all(&[7]).is_ok());
        add(&attack.drips, before);
        observe_for(Duration::from_millis(20));
    }
}

/// Asks as much as can be sent and never reads an answer.
fn ask_and_never_read(attack: &Attack, server: SocketAddr) {
    let asked = framed(&query("good.test", 15)).repeat(50);
    let mut open: Vec<TcpStream> = Vec::new();
    let connect = || {
        let stream = TcpStream::connect_timeout(&server, Duration::from_secs(5)).ok()?;
        stream.set_nonblocking(true).ok()?;
        Some(stream)
    };
    while attack.goes_on() {
        open.extend((open.len()..DEAF).filter_map(|_| connect()));
        let full = std::io::ErrorKind::WouldBlock;
        open.retain_mut(|stream| match stream.write(&asked) {
            Ok(len) => {
                add(&attack.unread, len);
                true
            }
            Err(error) => error.kind() == full,
        });
        observe_for(Duration::from_millis(20));
    }
}

/// Updates of all kinds over UDP and TCP.
fn flood(attack: &Attack, server: SocketAddr) {
    let name = |text: &str| WireName::from(&DnsName::new(text).expect("a name"));
    let (zone, key_name) = (name("good.test."), name("flood."));
    let key = |secret| Arc::new(Key::new(&key_name, Algorithm::HmacSha256, secret));
    let (good, wrong) = (key(SECRET_BYTES), key(b"another secret"));
    let (socket, mut stream, mut draw) = (socket(server), None::<TcpStream>, Draw(0xf100d));
    while attack.goes_on() {
        for _ in 0..32 {
            let changes: Vec<Record> = (0..=draw.below(20))
                .map(|_| Record {
                    name: name(&format!("x{}.good.test.", draw.below(50))),
                    rtype: 1,
                    class: 1,
                    ttl: 60,
                    rdata: vec![192, 0, 2, draw.below(256) as u8],
                })
                .collect();
            let mut bytes = update::write(draw.below(65_536) as u16, &zone, &[], &changes).expect("it fits");
            let now_s = hf_clock::Clock::system().now().0 / 1_000;
            match draw.below(4) {
                0 => {}
                1 => drop(tsig::sign_request(&wrong, &mut bytes, now_s)),
                _ => drop(tsig::sign_request(&good, &mut bytes, now_s)),
            }
            if draw.below(8) == 0 {
                if stream.is_none() {
                    stream = TcpStream::connect_timeout(&server, Duration::from_secs(5)).ok();
                    if let Some(stream) = &stream {
                        stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a time-out");
                    }
                }
                // When its answers fill the way back, the node reads no more: a new connection then.
                stream = stream.filter(|mut stream| (&mut stream).write_all(&framed(&bytes)).is_ok());
            } else {
                let _ = socket.send(&bytes);
            }
        }
        add(&attack.updates, 32);
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
