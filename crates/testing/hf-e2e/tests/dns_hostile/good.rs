//! A client as one wants them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// A resolver's patience, and how often it asks.
const PATIENCE: Duration = Duration::from_secs(1);
const TRIES: usize = 3;
/// A TCP connection waits behind others in the kernel's queue.
const TCP_PATIENCE: Duration = Duration::from_secs(20);
/// One query in so many goes over TCP.
const TCP_EVERY: usize = 50;

/// Name, type, rcode, and how many answers there are.
const ASKED: [(&str, u16, u8, u8); 5] = [
    ("www.good.test", 1, 0, 1),
    ("good.test", 15, 0, 1),
    ("x.wild.good.test", 16, 0, 1),
    ("mail.good.test", 28, 0, 0),
    ("nowhere.good.test", 1, 3, 0),
];

/// What came of many queries.
#[derive(Debug, Default)]
pub struct Account {
    udp_us: Vec<u128>,
    tcp_us: Vec<u128>,
    sent_again: usize,
    connected_again: usize,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |all: &[u128], per_cent: usize| all[(all.len() - 1) * per_cent / 100];
        write!(
            f,
            "{} over UDP: p50 {} us, p99 {} us, {} sent again; {} over TCP: p50 {} us, p99 {} us, {} connected again",
            self.udp_us.len(),
            at(&self.udp_us, 50),
            at(&self.udp_us, 99),
            self.sent_again,
            self.tcp_us.len(),
            at(&self.tcp_us, 50),
            at(&self.tcp_us, 99),
            self.connected_again,
        )
    }
}

/// Asks one query after the other.
pub struct Asker {
    server: SocketAddr,
    socket: UdpSocket,
    id: u16,
    queries: BTreeMap<usize, Vec<u8>>,
}

impl Asker {
    pub fn new(server: SocketAddr) -> Asker {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.connect(server).expect("a server on this machine");
        socket.set_read_timeout(Some(PATIENCE)).expect("a patience");
        let queries = ASKED.iter().enumerate().map(|(at, (name, rtype, ..))| (at, query(name, *rtype)));
        Asker { server, socket, id: 0, queries: queries.collect() }
    }

    /// `count` queries, and more as long as `goes_on`.
    pub fn ask_many(&mut self, count: usize, mut goes_on: impl FnMut() -> bool) -> Result<Account, String> {
        let mut account = Account::default();
        let mut number = 0;
        while number < count || number % 100 != 0 || goes_on() {
            let begun = Instant::now();
            if number % TCP_EVERY == 0 {
                account.connected_again += self.ask_tcp(number)?;
                account.tcp_us.push(begun.elapsed().as_micros());
            } else {
                account.sent_again += self.ask(number)?;
                account.udp_us.push(begun.elapsed().as_micros());
            }
            number += 1;
        }
        account.udp_us.sort_unstable();
        account.tcp_us.sort_unstable();
        Ok(account)
    }

    fn next(&mut self, number: usize) -> Vec<u8> {
        self.id = self.id.wrapping_add(1);
        let mut query = self.queries[&(number % ASKED.len())].clone();
        query[..2].copy_from_slice(&self.id.to_be_bytes());
        query
    }

    /// Over UDP; says how often it had to be sent again.
    pub fn ask(&mut self, number: usize) -> Result<usize, String> {
        let query = self.next(number);
        let mut reply = [0; 2_000];
        for again in 0..TRIES {
            self.socket.send(&query).map_err(|why| format!("query {number}: {why}"))?;
            while let Ok(len) = self.socket.recv(&mut reply) {
                // An answer to an earlier try of another query comes late.
                if reply[..2] == query[..2] {
                    judge(number, &reply[..len])?;
                    return Ok(again);
                }
            }
        }
        Err(format!("query {number} was not answered in {TRIES} tries"))
    }

    /// Over TCP; says how often it had to connect again.
    fn ask_tcp(&mut self, number: usize) -> Result<usize, String> {
        let query = self.next(number);
        let mut why = String::new();
        for again in 0..TRIES {
            match self.converse(&query) {
                Ok(reply) => return judge(number, &reply).map(|()| again),
                Err(error) => why = error.to_string(),
            }
        }
        Err(format!("query {number} was not answered over TCP in {TRIES} tries: {why}"))
    }

    fn converse(&self, query: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.server, TCP_PATIENCE)?;
        stream.set_read_timeout(Some(TCP_PATIENCE))?;
        stream.write_all(&framed(query))?;
        let mut len = [0; 2];
        stream.read_exact(&mut len)?;
        let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
        stream.read_exact(&mut reply)?;
        Ok(reply)
    }
}

fn judge(number: usize, reply: &[u8]) -> Result<(), String> {
    let (name, _, rcode, answers) = ASKED[number % ASKED.len()];
    let is_right = reply.len() > 12 && reply[3] & 15 == rcode && reply[6..8] == [0, answers];
    if is_right { Ok(()) } else { Err(format!("{name} got {reply:02x?}")) }
}

/// With a length before it, as TCP wants it.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

/// A query with an OPT record.
pub fn query(name: &str, rtype: u16) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&rtype.to_be_bytes());
    bytes.extend_from_slice(&[0, 1, 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
    bytes
}
