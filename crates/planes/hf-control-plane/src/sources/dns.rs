//! Sources in DNS: the SRV records of a name, or the addresses of one.
//!
//! 1. The resolvers of the node file are asked, else those of `/etc/resolv.conf`, which is read again for each look. One after the other,
//!    each for [`PATIENCE`], over UDP, and over TCP what was cut.
//! 2. Replies count that come from the server that was asked, with the id and the question that we sent; the id and the port are of chance.
//! 3. A name that is not there, or that has no such records, is no word: a name that somebody took away by mistake empties no pool.
//! 4. A target of an SRV record that does not resolve keeps the addresses that it had; one that does not exist has none.
//! 5. At most [`TARGETS_MAX`] targets are looked up, eight at a time.
//!
//! Not here: caching (each look asks a resolver, which caches), DNSSEC (a validating resolver's word is taken).

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use hf_config::estate::EndpointId;
use hf_control::sources::Told;
use hf_model::{DnsName, Weight, WireName};
use hf_wire::Question;
use hf_wire::build::Builder;
use hf_wire::records::{Parsed, Record, parse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::watch::{Found, Watcher, Word};

/// Targets of SRV records that are looked up.
pub const TARGETS_MAX: usize = 500;
/// How long one server may take.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Servers that are asked, one after the other.
const SERVERS_MAX: usize = 4;
/// Look-ups of targets at a time.
const TOGETHER: usize = 8;
/// Records of a reply that are read.
const RECORDS_MAX: u32 = 4_000;
/// Names of a chain of CNAME records.
const CHAIN_MAX: usize = 8;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NX_DOMAIN: u8 = 3;

/// Whom to ask.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    /// Those of the node file; none: those of `/etc/resolv.conf`.
    pub servers: Vec<SocketAddr>,
}

/// Why a look-up has no answer.
enum Miss {
    /// There is no such name.
    NoName,
    /// There may be, but nobody said.
    Problem(String),
}

impl Resolver {
    /// Records of one name and type.
    async fn look_up(&self, name: &DnsName, rtype: u16) -> Result<Vec<Record>, Miss> {
        let servers = self.servers().await;
        let mut problem = "no resolver is known; name some under [sources] in the node file".to_owned();
        for server in servers {
            match ask(server, name, rtype).await {
                Ok(reply) if reply.rcode == NX_DOMAIN => return Err(Miss::NoName),
                Ok(reply) if reply.rcode == 0 => return Ok(answers(&reply, name, rtype)),
                Ok(reply) => problem = format!("the resolver {server} answers with code {}", reply.rcode),
                Err(error) => problem = format!("the resolver {server} does not answer ({error})"),
            }
        }
        Err(Miss::Problem(problem))
    }

    /// IPv4 and IPv6 addresses of a name.
    async fn addresses(&self, name: &DnsName) -> Result<Vec<IpAddr>, Miss> {
        let (v4, v6) = tokio::join!(self.look_up(name, A), self.look_up(name, AAAA));
        let mut found = Vec::new();
        for record in v4?.iter().chain(&v6?) {
            let ip: Option<IpAddr> = match (record.rtype, record.rdata.as_slice()) {
                (A, bytes) => <[u8; 4]>::try_from(bytes).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
                (_, bytes) => <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
            };
            found.extend(ip);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    async fn servers(&self) -> Vec<SocketAddr> {
        if !self.servers.is_empty() {
            return self.servers.iter().take(SERVERS_MAX).copied().collect();
        }
        let read = tokio::fs::read_to_string("/etc/resolv.conf").await;
        name_servers(&read.unwrap_or_default())
    }
}

/// The servers that a `resolv.conf` names.
pub fn name_servers(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let address = line.trim().strip_prefix("nameserver")?.split_whitespace().next()?;
        // `fe80::1%eth0`: the zone of a link is not ours to know.
        let ip: IpAddr = address.split('%').next()?.parse().ok()?;
        Some(SocketAddr::new(ip, 53))
    };
    text.lines().filter_map(server).take(SERVERS_MAX).collect()
}

/// Asks one server, and again over TCP if its reply was cut.
async fn ask(server: SocketAddr, name: &DnsName, rtype: u16) -> Result<Parsed, String> {
    let late = |_| format!("not within {} s", PATIENCE.as_secs());
    let reply = timeout(PATIENCE, over_udp(server, name, rtype)).await.map_err(late)?;
    let reply = reply.map_err(|error| error.to_string())?;
    if !reply.tc {
        return Ok(reply);
    }
    timeout(PATIENCE, over_tcp(server, name, rtype)).await.map_err(late)?.map_err(|error| error.to_string())
}

/// A query with recursion desired, and its id.
fn query(name: &DnsName, rtype: u16) -> (u16, Vec<u8>) {
    let id = u16::from_le_bytes(hf_clock::random_bytes());
    let mut bytes = Builder::request(id, 0, 512)
        .question(&Question { name: WireName::from(name), rtype, class: 1 })
        .finish();
    bytes[2] |= 1; // RD
    (id, bytes)
}

/// The reply, if it is one to this query.
fn reply_to(bytes: &[u8], id: u16, name: &DnsName, rtype: u16) -> Option<Parsed> {
    let reply = parse(bytes, RECORDS_MAX).ok()?;
    let asked = reply.question.as_ref()?;
    let is_ours = reply.qr
        && reply.head.id == id
        && asked.rtype == rtype
        && asked.name.folded() == WireName::from(name).folded();
    is_ours.then_some(reply)
}

async fn over_udp(server: SocketAddr, name: &DnsName, rtype: u16) -> std::io::Result<Parsed> {
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    let (id, bytes) = query(name, rtype);
    socket.send(&bytes).await?;
    let mut buffer = vec![0; 4_096];
    loop {
        let len = socket.recv(&mut buffer).await?;
        if let Some(reply) = reply_to(&buffer[..len], id, name, rtype) {
            return Ok(reply);
        }
    }
}

async fn over_tcp(server: SocketAddr, name: &DnsName, rtype: u16) -> std::io::Result<Parsed> {
    let mut stream = TcpStream::connect(server).await?;
    let (id, bytes) = query(name, rtype);
    let len = u16::try_from(bytes.len()).expect("a question has less than 300 bytes");
    let mut message = len.to_be_bytes().to_vec();
    message.extend_from_slice(&bytes);
    stream.write_all(&message).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    let unreadable = || std::io::Error::new(std::io::ErrorKind::InvalidData, "its reply cannot be read");
    reply_to(&reply, id, name, rtype).ok_or_else(unreadable)
}

/// The records that answer, at the end of a chain of CNAME records.
fn answers(reply: &Parsed, name: &DnsName, rtype: u16) -> Vec<Record> {
    let mut owner = WireName::from(name).folded();
    for _ in 0..CHAIN_MAX {
        let at = |record: &&Record| record.name.folded() == owner && record.class == 1;
        let found: Vec<Record> =
            reply.answers.iter().filter(at).filter(|record| record.rtype == rtype).cloned().collect();
        if !found.is_empty() {
            return found;
        }
        let next = reply.answers.iter().filter(at).find(|record| record.rtype == CNAME);
        let Some(next) = next.and_then(|record| WireName::from_wire(&record.rdata).ok()) else { break };
        owner = next.folded();
    }
    Vec::new()
}

/// What one SRV record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    priority: u16,
    weight: u16,
    port: u16,
    target: DnsName,
}

/// Reads a record; none for one that is not of the form, and for the target `.`: no such service (RFC 2782).
pub fn read_srv(rdata: &[u8]) -> Option<Srv> {
    let (numbers, target) = rdata.split_at_checked(6)?;
    let number = |at: usize| u16::from_be_bytes([numbers[at], numbers[at + 1]]);
    let target = DnsName::new(&WireName::from_wire(target).ok()?.to_string()).ok()?;
    let srv = Srv { priority: number(0), weight: number(2), port: number(4), target };
    (srv.target.as_str() != "." && srv.port != 0).then_some(srv)
}

/// Looks SRV records up.
#[derive(Debug)]
pub struct SrvWatcher {
    resolver: Resolver,
    name: DnsName,
    /// The addresses that each target had when it last resolved.
    had: BTreeMap<DnsName, Vec<IpAddr>>,
}

impl SrvWatcher {
    /// For the records of `name`.
    pub fn new(resolver: Resolver, name: DnsName) -> Self {
        SrvWatcher { resolver, name, had: BTreeMap::new() }
    }

    async fn records(&mut self) -> Word {
        let records = match self.resolver.look_up(&self.name, SRV).await {
            Ok(records) => records,
            Err(Miss::NoName) => return Err(format!("there is no name {} in DNS", self.name)),
            Err(Miss::Problem(problem)) => return Err(problem),
        };
        let found: Vec<Srv> =
            records.iter().filter_map(|record| read_srv(&record.rdata)).take(TARGETS_MAX).collect();
        if found.is_empty() {
            return Err(format!("{} has no SRV records in DNS", self.name));
        }
        let mut targets: Vec<DnsName> = found.iter().map(|srv| srv.target.clone()).collect();
        targets.sort();
        targets.dedup();
        self.had.retain(|target, _| targets.contains(target));
        let mut problem = None;
        for some in targets.chunks(TOGETHER) {
            let mut looking = tokio::task::JoinSet::new();
            for target in some.iter().cloned() {
                let resolver = self.resolver.clone();
                looking.spawn(async move {
                    let found = resolver.addresses(&target).await;
                    (target, found)
                });
            }
            while let Some(looked) = looking.join_next().await {
                match looked {
                    Ok((target, Ok(addresses))) => _ = self.had.insert(target, addresses),
                    Ok((target, Err(Miss::NoName))) => _ = self.had.remove(&target),
                    Ok((target, Err(Miss::Problem(why)))) if self.had.contains_key(&target) => {
                        problem = Some(format!("{target}: {why}; its addresses of before stay"));
                    }
                    Ok((target, Err(Miss::Problem(why)))) => return Err(format!("{target}: {why}")),
                    Err(error) => return Err(format!("a look-up failed: {error}")),
                }
            }
        }
        let are_weighted = found.iter().any(|srv| srv.weight > 0);
        let told = found.iter().flat_map(|srv| {
            let addresses = self.had.get(&srv.target).map_or(&[][..], Vec::as_slice);
            addresses.iter().filter_map(move |ip| told(srv, *ip, are_weighted))
        });
        Ok(Found { told: told.collect(), problem })
    }
}

/// Weight 0 beside others is "hardly ever" (RFC 2782), not "never"; where all are 0 they are alike.
fn told(srv: &Srv, ip: IpAddr, are_weighted: bool) -> Option<Told> {
    let address = SocketAddr::new(ip, srv.port);
    let weight = if are_weighted { Weight(srv.weight.max(1)) } else { Weight::default() };
    named(&address.to_string(), address, Some(srv.target.clone()), weight, srv.priority)
}

fn named(
    id: &str,
    address: SocketAddr,
    name: Option<DnsName>,
    weight: Weight,
    priority: u16,
) -> Option<Told> {
    let id = EndpointId::new(id).ok()?;
    Some(Told { id, address, zone: None, name, weight, priority, lease: Duration::ZERO })
}

impl Watcher for SrvWatcher {
    fn look(&mut self) -> Pin<Box<dyn Future<Output = Word> + Send + '_>> {
        Box::pin(self.records())
    }
}

/// Looks the addresses of one name up.
#[derive(Debug)]
pub struct AddressWatcher {
    resolver: Resolver,
    name: DnsName,
    port: u16,
}

impl AddressWatcher {
    /// For the addresses of `name`, all at `port`.
    pub fn new(resolver: Resolver, name: DnsName, port: u16) -> Self {
        AddressWatcher { resolver, name, port }
    }

    async fn addresses(&self) -> Word {
        match self.resolver.addresses(&self.name).await {
            Ok(addresses) if addresses.is_empty() => Err(format!("{} has no addresses in DNS", self.name)),
            Ok(addresses) => {
                let at = |ip: &IpAddr| {
                    let address = SocketAddr::new(*ip, self.port);
                    named(&address.to_string(), address, Some(self.name.clone()), Weight::default(), 0)
                };
                Ok(Found { told: addresses.iter().filter_map(at).collect(), problem: None })
            }
            Err(Miss::NoName) => Err(format!("there is no name {} in DNS", self.name)),
            Err(Miss::Problem(problem)) => Err(problem),
        }
    }
}

impl Watcher for AddressWatcher {
    fn look(&mut self) -> Pin<Box<dyn Future<Output = Word> + Send + '_>> {
        Box::pin(self.addresses())
    }
}

#[cfg(test)]
mod tests;
