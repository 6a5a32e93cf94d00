//! The clients: they resolve the name through our DNS and send HTTP through our balancers, all the time.
//!
//! They behave as good HTTP clients do: they keep a connection for a visit of forty requests, obey the record's TTL, try the next address when one does not
//! connect, and repeat a request once if a kept connection turns out to be closed. Nothing else is repeated: what fails is counted.
//! The plain crowd beside them sends the same requests straight to the instances of its region, round robin, as a client without Holdfast.
//!
//! Not here: counting rules (`measure`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use hf_model::{DnsName, WireName};
use hf_wire::{Family, address_query, read_answer};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use crate::app::{PLAIN_HEADER, ZONE_HEADER};
use crate::measure::{Ended, Measure, OpenMark, Why};
use crate::world::{NAME, Place, WEB_PORT, World};

/// Clients in each zone.
pub const CLIENTS: u8 = 4;
/// From the start of one request of a client to the start of its next.
const PACE: Duration = Duration::from_millis(50);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Requests that a client sends over one connection before it makes a new one, as a visitor does who goes and comes back.
const VISIT: u32 = 40;
const DNS_TIMEOUT: Duration = Duration::from_millis(200);

/// Starts all clients of both crowds; they run until the set is dropped.
pub fn start(world: &Arc<World>, measure: &Arc<Measure>) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for place in world.places() {
        for number in 0..CLIENTS {
            let client = Client::new(world.clone(), measure.clone(), place, number);
            tasks.spawn(client.run());
            tasks.spawn(plain(world.clone(), measure.clone(), place.clone(), number));
        }
    }
    tasks
}

/// Whether a zone's DNS server names somebody and its balancer answers well.
pub async fn answers(world: &World, place: &Place) -> bool {
    let source = world.client(place, CLIENTS);
    let named = timeout(DNS_TIMEOUT, ask(source, world.dns(place))).await;
    if !matches!(named, Ok(Some((addresses, _))) if !addresses.is_empty()) {
        return false;
    }
    let answer = async {
        let mut sender = dial(source, world.balancer(place)).await?;
        let request =
            Request::get("/healthz").header("host", NAME.trim_end_matches('.')).body(Empty::new()).ok()?;
        read(&mut sender, request).await.ok()
    };
    matches!(timeout(CONNECT_TIMEOUT, answer).await, Ok(Some(response)) if response.status().is_success())
}

struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    zone: Option<usize>,
    left: u32,
    _open: Option<OpenMark>,
}

struct Client {
    world: Arc<World>,
    measure: Arc<Measure>,
    source: IpAddr,
    servers: Vec<SocketAddr>,
    addresses: Vec<IpAddr>,
    resolve_at: Instant,
    connection: Option<Connection>,
    /// This client's place among all, 0 to 1: when it begins, and when it asks DNS.
    spread: f64,
    /// Requests of the next visit.
    visit: u32,
}

impl Client {
    fn new(world: Arc<World>, measure: Arc<Measure>, place: &Place, number: u8) -> Self {
        // Its zone's DNS server first, then the others in order.
        let servers = std::iter::once(place)
            .chain(world.places().iter().filter(|other| *other != place))
            .map(|place| world.dns(place))
            .collect();
        let source = world.client(place, number);
        let clients = u32::from(CLIENTS) * world.places().len() as u32;
        let position = u32::from(place.number - 1) * u32::from(CLIENTS) + u32::from(number);
        Client {
            source,
            servers,
            addresses: Vec::new(),
            resolve_at: Instant::now(),
            connection: None,
            spread: f64::from(position) / f64::from(clients),
            visit: 1 + VISIT * position / clients,
            world,
            measure,
        }
    }

    async fn run(mut self) {
        let mut pace = tokio::time::interval_at(Instant::now() + PACE.mul_f64(self.spread), PACE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if Instant::now() >= self.resolve_at {
                self.resolve().await;
            }
            if self.addresses.is_empty() {
                // Nobody has ever answered: there is no request to speak of yet.
                continue;
            }
            let ended = self.request().await;
            self.measure.ended(ended);
        }
    }

    /// Asks the servers in turn; without an answer the old addresses stay.
    async fn resolve(&mut self) {
        for server in self.servers.clone() {
            if let Ok(Some((addresses, ttl))) = timeout(DNS_TIMEOUT, ask(self.source, server)).await {
                for zone in addresses.iter().filter_map(|address| zone_index(&self.world, *address)) {
                    self.measure.named(zone);
                }
                // The first answer is kept for a part of its TTL only, so that the clients do not ask in step ever after.
                let part = if self.addresses.is_empty() { self.spread } else { 1.0 };
                self.addresses = addresses;
                self.resolve_at = Instant::now() + ttl.mul_f64(part);
                return;
            }
        }
        self.resolve_at = Instant::now() + Duration::from_millis(500);
    }

    async fn request(&mut self) -> Ended {
        if let Some(mut connection) = self.connection.take_if(|kept| kept.left > 0 && kept.sender.is_ready())
        {
            match self.exchange(&mut connection).await {
                Exchange::Answered(ended) => {
                    self.connection = Some(connection);
                    return ended;
                }
                Exchange::NeverSent => {}
                Exchange::Failed(why) => return Ended::Failed(connection.zone, why),
            }
        }
        self.connection = None;
        let Some(mut connection) = self.connect().await else {
            let first = self.addresses.first().and_then(|first| zone_index(&self.world, *first));
            return Ended::Failed(first, Why::NoConnection);
        };
        match self.exchange(&mut connection).await {
            Exchange::Answered(ended) => {
                self.connection = Some(connection);
                ended
            }
            Exchange::NeverSent => Ended::Failed(connection.zone, Why::ConnectionEnded),
            Exchange::Failed(why) => Ended::Failed(connection.zone, why),
        }
    }

    async fn connect(&mut self) -> Option<Connection> {
        // The first visit is cut short, so that the clients do not come and go in step ever after.
        let visit = std::mem::replace(&mut self.visit, VISIT);
        for address in &self.addresses {
            let zone = zone_index(&self.world, *address);
            if let Some(zone) = zone {
                self.measure.tried(zone);
            }
            let dialled =
                timeout(CONNECT_TIMEOUT, dial(self.source, SocketAddr::new(*address, WEB_PORT))).await;
            if let Ok(Some(sender)) = dialled {
                return Some(Connection {
                    sender,
                    zone,
                    left: visit,
                    _open: zone.map(|zone| self.measure.opened(zone)),
                });
            }
        }
        None
    }

    async fn exchange(&self, connection: &mut Connection) -> Exchange {
        connection.left = connection.left.saturating_sub(1);
        if let Some(zone) = connection.zone {
            self.measure.tried(zone);
        }
        let started = Instant::now();
        let request = Request::get("/").header("host", NAME.trim_end_matches('.')).body(Empty::new());
        let Ok(request) = request else { return Exchange::NeverSent };
        match timeout(REQUEST_TIMEOUT, read(&mut connection.sender, request)).await {
            Ok(Ok(response)) => {
                let served = response.headers().get(ZONE_HEADER).and_then(|zone| zone.to_str().ok());
                let error = response.status().is_server_error();
                let served = served.and_then(|zone| self.world.place(zone));
                let served = served.map(|place| usize::from(place.number - 1));
                if let Some(zone) = served {
                    let marks = self.measure.zone(zone);
                    marks.answered.fetch_add(1, Ordering::Relaxed);
                    marks.errors.fetch_add(u64::from(error), Ordering::Relaxed);
                    marks.latency_us.fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
                }
                let zone = served.or(connection.zone);
                let ended = if error { Ended::Failed(zone, Why::ErrorAnswer) } else { Ended::Well };
                Exchange::Answered(ended)
            }
            Ok(Err(error)) if error.is_canceled() => Exchange::NeverSent,
            Ok(Err(_)) => Exchange::Failed(Why::ConnectionEnded),
            Err(_) => Exchange::Failed(Why::NoAnswer),
        }
    }
}

enum Exchange {
    Answered(Ended),
    NeverSent,
    Failed(Why),
}

fn zone_index(world: &World, address: IpAddr) -> Option<usize> {
    world.zone_of(address).map(|place| usize::from(place.number - 1))
}

async fn read(
    sender: &mut SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
) -> hyper::Result<Response<Bytes>> {
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}

async fn dial(source: IpAddr, address: SocketAddr) -> Option<SendRequest<Empty<Bytes>>> {
    let socket = TcpSocket::new_v4().ok()?;
    // A port is chosen at the connect, not at the bind: thousands of connections leave one address.
    socket.set_reuseaddr(true).ok()?;
    socket.bind(SocketAddr::new(source, 0)).ok()?;
    let stream: TcpStream = socket.connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(async move {
        // The sender sees how the connection ends.
        let _: hyper::Result<()> = connection.await;
    });
    Some(sender)
}

async fn ask(source: IpAddr, server: SocketAddr) -> Option<(Vec<IpAddr>, Duration)> {
    let name = WireName::from(&DnsName::new(NAME).ok()?);
    let id = hf_clock::random_seed() as u16;
    let socket = UdpSocket::bind(SocketAddr::new(source, 0)).await.ok()?;
    socket.connect(server).await.ok()?;
    socket.send(&address_query(id, &name, Family::V4)).await.ok()?;
    let mut buffer = [0; 1_500];
    loop {
        let length = socket.recv(&mut buffer).await.ok()?;
        if let Ok(answer) = read_answer(&buffer[..length], id, &name) {
            let ttl = answer.addresses.iter().map(|(_, ttl)| *ttl).min()?;
            let addresses = answer.addresses.iter().map(|(address, _)| *address).collect();
            return Some((addresses, Duration::from_secs(u64::from(ttl))));
        }
    }
}

/// The plain round-robin client: the instances of its region in turn, no health, nothing repeated.
async fn plain(world: Arc<World>, measure: Arc<Measure>, place: Place, number: u8) {
    let instances: Vec<SocketAddr> = world
        .places()
        .iter()
        .filter(|other| other.region == place.region)
        .flat_map(|other| world.instances(other))
        .collect();
    let source = world.client(&place, number);
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut turn = usize::from(number);
    let mut kept: Vec<Option<SendRequest<Empty<Bytes>>>> = instances.iter().map(|_| None).collect();
    loop {
        pace.tick().await;
        turn = (turn + 1) % instances.len();
        let mut sender = kept[turn].take().filter(SendRequest::is_ready);
        if sender.is_none() {
            sender = timeout(CONNECT_TIMEOUT, dial(source, instances[turn])).await.ok().flatten();
        }
        let Some(mut sender) = sender else {
            measure.plain.ended(false);
            continue;
        };
        let Ok(request) =
            Request::get("/").header("host", "plain").header(PLAIN_HEADER, "1").body(Empty::new())
        else {
            continue;
        };
        let well = match timeout(REQUEST_TIMEOUT, read(&mut sender, request)).await {
            Ok(Ok(response)) => {
                kept[turn] = Some(sender);
                !response.status().is_server_error()
            }
            _ => false,
        };
        measure.plain.ended(well);
    }
}
