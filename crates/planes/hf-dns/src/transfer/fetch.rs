//! Asking a primary: is there anything new, and then what.
//!
//! 1. The SOA is asked over UDP, and over TCP when nothing comes or the answer is cut. With it goes the question how long the zone may be answered
//!    from (RFC 7314): a primary may be a secondary itself. One that makes nothing of that question is asked again without it.
//! 2. What is new comes over TCP: by IXFR if we hold a version, by AXFR if not, and by AXFR too when the primary cannot do the first or it
//!    does not fit what we hold.
//! 3. With a key, every answer must be signed; one that is not is worth nothing.
//! 4. Bounds: [`BYTES_MAX`] for a transfer, [`QUIET_MAX`] between two messages of it, [`TRANSFER_MAX`] for all of it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hf_hosted::{Builder, ChangeError, Changes, ContentProblem, Contents, PushError, Rr};
use hf_model::WireName;
use hf_wire::options;
use hf_wire::soa::{Soa, is_newer};
use hf_wire::transfer::{self, Incoming, Outcome, TransferError};
use hf_wire::tsig::{self, Key, TsigError, Verifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Bytes of one transfer.
const BYTES_MAX: usize = 512 << 20;

/// For a datagram to be answered; asked twice.
const DATAGRAM_MAX: Duration = Duration::from_secs(2);

/// For a connection, and between two messages on it.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// For a whole transfer.
const TRANSFER_MAX: Duration = Duration::from_hours(1);

const SOA: u16 = 6;

/// One primary.
#[derive(Clone, Debug)]
pub(crate) struct Primary {
    pub(crate) address: SocketAddr,
    pub(crate) key: Option<Arc<Key>>,
}

/// Why a primary gave us nothing; what we hold stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FetchError {
    #[error("no connection ({0}); is the primary running, and does it let this node in?")]
    Io(#[from] io::Error),
    #[error("no answer in time; is the primary reachable over UDP and TCP?")]
    Late,
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error(transparent)]
    Tsig(#[from] TsigError),
    #[error("the transfer does not end with a signed message")]
    EndUnsigned,
    #[error("a record that cannot be in a zone: {0}")]
    Record(#[from] PushError),
    #[error("not a zone: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Zone(Vec<ContentProblem>),
    #[error("the steps do not fit what is here: {0}")]
    Steps(#[from] ChangeError),
    #[error("the primary does not have the zone (rcode {0}, not authoritative or without a SOA)")]
    NotThere(u8),
    #[error("the primary's answer cannot be read")]
    Malformed,
}

impl From<tokio::time::error::Elapsed> for FetchError {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        FetchError::Late
    }
}

/// What a primary has.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// Nothing newer than what we hold.
    Current,
    /// A new version, and how it differs if the primary said so.
    New { contents: Box<Contents>, steps: Vec<Changes> },
}

/// What a primary's SOA says.
struct Newest {
    serial: u32,
    age: Duration,
}

/// Asks one primary. With it comes how long ago its own primary, or that one's, was last heard of; nothing where it is the first or does not say.
pub(crate) async fn fetch(
    zone: &WireName,
    held: Option<&Contents>,
    primary: &Primary,
    clock: &Clock,
) -> Result<(Fetched, Duration), FetchError> {
    let newest = ask_soa(zone, primary, clock).await?;
    Ok((newer(zone, held, &newest, (primary, clock)).await?, newest.age))
}

async fn newer(
    zone: &WireName,
    held: Option<&Contents>,
    newest: &Newest,
    (primary, clock): (&Primary, &Clock),
) -> Result<Fetched, FetchError> {
    let held = held.filter(|held| held.soa().is_some());
    let Some(held) = held else { return whole(zone, primary, clock).await };
    if !is_newer(newest.serial, held.serial()) {
        return Ok(Fetched::Current);
    }
    match steps(zone, held, primary, clock).await {
        Ok(fetched) => Ok(fetched),
        // Not every primary can do it, and not every history is whole.
        Err(why) => {
            tracing::debug!(%zone, primary = %primary.address, %why, "no incremental transfer; asking for the whole zone");
            whole(zone, primary, clock).await
        }
    }
}

async fn whole(zone: &WireName, primary: &Primary, clock: &Clock) -> Result<Fetched, FetchError> {
    match transfer(zone, None, primary, clock).await? {
        Outcome::Whole(records) => build(zone, records).await,
        _ => Err(TransferError::Order.into()),
    }
}

async fn steps(
    zone: &WireName,
    held: &Contents,
    primary: &Primary,
    clock: &Clock,
) -> Result<Fetched, FetchError> {
    match transfer(zone, Some(held), primary, clock).await? {
        Outcome::Current => Ok(Fetched::Current),
        Outcome::Whole(records) => build(zone, records).await,
        Outcome::Steps(steps) => {
            let mut contents = held.clone();
            let mut changes = Vec::with_capacity(steps.len());
            for step in steps {
                let step = Changes {
                    removed: step.removed.into_iter().map(rr).collect(),
                    added: step.added.into_iter().map(rr).collect(),
                };
                contents = contents.changed(&step)?;
                changes.push(step);
            }
            Ok(Fetched::New { contents: Box::new(contents), steps: changes })
        }
        Outcome::More | Outcome::Cut => Err(TransferError::Order.into()),
    }
}

fn rr(rr: transfer::Rr) -> Rr {
    Rr { owner: rr.name, rtype: rr.rtype, ttl: rr.ttl, rdata: rr.rdata.into() }
}

async fn build(zone: &WireName, records: Vec<transfer::Rr>) -> Result<Fetched, FetchError> {
    let zone = zone.clone();
    let built = tokio::task::spawn_blocking(move || {
        let mut builder = Builder::new(&zone);
        for rr in records {
            builder.push(rr.name.as_wire(), rr.rtype, rr.ttl, &rr.rdata)?;
        }
        builder.finish().map_err(FetchError::Zone)
    });
    let contents = built.await.map_err(|_| FetchError::Malformed)??;
    Ok(Fetched::New { contents: Box::new(contents), steps: Vec::new() })
}

/// One transfer over a connection of its own.
async fn transfer(
    zone: &WireName,
    held: Option<&Contents>,
    primary: &Primary,
    clock: &Clock,
) -> Result<Outcome, FetchError> {
    let id = hf_clock::random_seed() as u16;
    let soa = held.and_then(|held| Some(held.soa()?.rdata().next()?.to_vec()));
    let mut request = transfer::query(id, zone, soa.as_deref());
    let mut verifier = sign(primary, &mut request, clock);
    let mut incoming = Incoming::new(id, zone, held.map(Contents::serial), BYTES_MAX);
    timeout(TRANSFER_MAX, async {
        let mut stream = timeout(QUIET_MAX, TcpStream::connect(primary.address)).await??;
        send_framed(&mut stream, &request).await?;
        loop {
            let mut message = timeout(QUIET_MAX, read_framed(&mut stream)).await??;
            verify(verifier.as_mut(), &mut message, clock)?;
            match incoming.take(&message)? {
                Outcome::More => {}
                _ if verifier.as_ref().is_some_and(|verifier| !verifier.is_complete()) => {
                    return Err(FetchError::EndUnsigned);
                }
                outcome => return Ok(outcome),
            }
        }
    })
    .await?
}

/// The SOA that a primary has.
async fn ask_soa(zone: &WireName, primary: &Primary, clock: &Clock) -> Result<Newest, FetchError> {
    for attempt in 0..2 {
        let id = hf_clock::random_seed() as u16;
        let mut request = match attempt {
            0 => transfer::soa_and_expire_query(id, zone),
            _ => transfer::soa_query(id, zone),
        };
        let mut verifier = sign(primary, &mut request, clock);
        let asked = timeout(DATAGRAM_MAX, exchange(primary.address, &request, id)).await;
        if let Ok(Ok(mut reply)) = asked {
            let verified = verify(verifier.as_mut(), &mut reply, clock).map_err(FetchError::from);
            match verified.and_then(|()| read_soa(&reply, zone)) {
                Ok(Some(newest)) => return Ok(newest),
                Ok(None) => break,
                // Perhaps it knows no EDNS.
                Err(_) if attempt == 0 => {}
                Err(why) => return Err(why),
            }
        }
    }
    let id = hf_clock::random_seed() as u16;
    let mut request = transfer::soa_query(id, zone);
    let mut verifier = sign(primary, &mut request, clock);
    let mut reply = timeout(QUIET_MAX, async {
        let mut stream = TcpStream::connect(primary.address).await?;
        send_framed(&mut stream, &request).await?;
        read_framed(&mut stream).await
    })
    .await??;
    verify(verifier.as_mut(), &mut reply, clock)?;
    read_soa(&reply, zone)?.ok_or(FetchError::Malformed)
}

/// The SOA; none when the answer was cut.
fn read_soa(reply: &[u8], zone: &WireName) -> Result<Option<Newest>, FetchError> {
    let parsed = hf_wire::records::parse(reply, 1_000).map_err(|_| FetchError::Malformed)?;
    if parsed.tc {
        return Ok(None);
    }
    if parsed.rcode != 0 || !parsed.aa {
        return Err(FetchError::NotThere(parsed.rcode));
    }
    let soa = parsed.answers.iter().find(|record| record.rtype == SOA && record.name.folded() == *zone);
    let soa = soa.and_then(|record| Soa::read(&record.rdata)).ok_or(FetchError::NotThere(0))?;
    let left = options::expires_in(reply).map_or(soa.expire, |seconds| Duration::from_secs(seconds.into()));
    Ok(Some(Newest { serial: soa.serial, age: soa.expire.saturating_sub(left) }))
}

/// One datagram there and one back, from a port of its own.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8], id: u16) -> io::Result<Vec<u8>> {
    let any: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    socket.send(request).await?;
    let mut buffer = vec![0; 4_096];
    loop {
        let len = socket.recv(&mut buffer).await?;
        if buffer[..len].starts_with(&id.to_be_bytes()) && len >= 12 && buffer[2] & 0x80 != 0 {
            buffer.truncate(len);
            return Ok(buffer);
        }
    }
}

pub(crate) fn sign(primary: &Primary, request: &mut Vec<u8>, clock: &Clock) -> Option<Verifier> {
    primary.key.as_ref().map(|key| tsig::sign_request(key, request, clock.now().0 / 1_000))
}

pub(crate) fn verify(
    verifier: Option<&mut Verifier>,
    reply: &mut Vec<u8>,
    clock: &Clock,
) -> Result<(), TsigError> {
    verifier.map_or(Ok(()), |verifier| verifier.verify(reply, clock.now().0 / 1_000))
}

async fn send_framed(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let framed = [&(message.len() as u16).to_be_bytes()[..], message].concat();
    stream.write_all(&framed).await
}

async fn read_framed(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let len = stream.read_u16().await?;
    let mut message = vec![0; usize::from(len)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}
