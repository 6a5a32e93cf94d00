//! One client and one endpoint: connected, bytes both ways, cut when its time is over, counted.
//!
//! What an endpoint's counters are told: a connection that did not come about (`ConnectFailed`, `TimedOut`); a session that the endpoint
//! reset before it had sent a byte (`Reset`); all others as answered, since what a stream of bytes means is not known here.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use hf_balance::{Ask, hash_key};
use hf_config::estate::{Choice, HashKey};
use hf_stream::{End, Meter, Relaying, Stream, Way, relay_tcp};
use hf_telemetry::Outcome;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Guest;
use crate::budget::Further;
use crate::client::Client;
use crate::client_stream::ClientStream;
use crate::endpoint::{Endpoint, Standing};
use crate::endpoint_io::{self, Between, ConnectError, EndpointIo};
use crate::front::{Front, Phase};
use crate::lease::Load;
use crate::route::{Nobody, Route};
use crate::worker::{KeptShared, Worker};

/// Endpoints that one connection may be tried at: the first, and one in another zone.
const TRIES_MAX: usize = 2;

/// Endpoints that were left while the connection to them came about, one after the other; then it is given up.
const LEFT_MAX: usize = 8;

/// Bytes after which the zone's counters are told of them, while the zone is in service.
const TELL_BYTES: u64 = 256 << 10;

/// A connection to an endpoint.
pub struct Opened {
    io: EndpointIo,
    route: Arc<Route>,
    open: Open,
    connect_us: u32,
    _load: Load,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum NoEndpoint {
    /// No pool for this name.
    #[error("no pool of this listener is for the server name {0:?}")]
    NoPool(String),
    /// No endpoint.
    #[error("{0}")]
    Nobody(String),
    /// This machine is out of something.
    #[error("{0}")]
    Us(#[source] ConnectError),
}

/// Counts a connection as open while it lives.
struct Open {
    endpoint: Arc<Endpoint>,
    shared: Rc<KeptShared>,
}

impl Open {
    fn new(endpoint: Arc<Endpoint>, shared: Rc<KeptShared>) -> Self {
        endpoint.activity.connection_opened();
        Open { endpoint, shared }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.endpoint.activity.connection_closed(self.shared.clock.now());
    }
}

/// Connects an endpoint for a client.
pub async fn open(worker: &Rc<Worker>, front: &Front, client: &Client) -> Result<Opened, NoEndpoint> {
    let name = client.server_name.as_deref().unwrap_or_default();
    let between = Between { source: client.peer, destination: client.destination };
    let mut tried: Vec<u64> = Vec::new();
    let mut failed = 0;
    let mut counted = false;
    loop {
        // Anew for every try, so that none begins on an old one.
        let route = front.route_for(name, "").ok_or_else(|| NoEndpoint::NoPool(name.to_owned()))?;
        let endpoint = match choose(worker, &route, client, &tried) {
            Ok(endpoint) => endpoint.clone(),
            Err(why) => return Err(NoEndpoint::Nobody(route.explain(why))),
        };
        if !std::mem::replace(&mut counted, true) {
            worker.budgets.request(route.number, Instant::now());
        }
        let load = Load::new(endpoint.clone());
        let began = Instant::now();
        let manner = &route.manner;
        let until = began + manner.patience.connect;
        let connecting = async {
            let kept = worker.kept(&endpoint, manner);
            let _turn = kept.turn_to_connect().await;
            endpoint_io::connect(endpoint.key.address, manner, Some(between)).await
        };
        let outcome = match tokio::time::timeout_at(until, connecting).await {
            Ok(Ok(io)) if endpoint.serves() => {
                let connect_us = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX).max(1);
                endpoint.activity.request_sent(worker.shared.clock.now());
                let open = Open::new(endpoint, worker.shared.clone());
                return Ok(Opened { io, route, open, connect_us, _load: load });
            }
            // Left meanwhile: nobody's fault.
            Ok(Ok(_)) => None,
            Ok(Err(error @ ConnectError::Us(_))) => return Err(NoEndpoint::Us(error)),
            Ok(Err(ConnectError::Endpoint(error))) => {
                tracing::debug!(endpoint = %endpoint.key.address, %error, "no connection");
                Some(Outcome::ConnectFailed)
            }
            Err(_) => Some(Outcome::TimedOut),
        };
        if let Some(outcome) = outcome {
            endpoint.finished(client.peer.ip(), outcome, 0);
            failed += 1;
        }
        tried.push(endpoint.id);
        let may_retry = failed == 0 || {
            let share = route.rules().retries.budget;
            worker.budgets.grant(route.number, Further::Retry, share, Instant::now())
        };
        if failed >= TRIES_MAX || tried.len() >= LEFT_MAX || !may_retry {
            return Err(NoEndpoint::Nobody(route.explain(Nobody::AllTried)));
        }
    }
}

fn choose<'r>(
    worker: &Worker,
    route: &'r Route,
    client: &Client,
    tried: &[u64],
) -> Result<&'r Arc<Endpoint>, Nobody> {
    // Of what pools may hash, a stream of bytes has only its client.
    let key = match (&route.rules().balancing.choice, client.peer.ip()) {
        (Choice::Hash(HashKey::Client), IpAddr::V4(v4)) => Some(hash_key(&v4.octets())),
        (Choice::Hash(HashKey::Client), IpAddr::V6(v6)) => Some(hash_key(&v6.octets())),
        _ => None,
    };
    route.pick(&Ask { seed: worker.chance(), key, stuck_to: None }, client.zone, tried)
}

/// Relays until both sides are done, nothing comes for too long, or it is cut.
pub async fn carry(worker: &Worker, front: &Front, opened: Opened, guest: Guest) {
    let Opened { io, route, open, connect_us, _load } = opened;
    let Guest { stream, client, first } = guest;
    let drain = worker.shared.drain;
    let cut = cut(open.endpoint.watch_standing(), front.watch_phase(), drain);
    let untold = Rc::new(Untold { up: Cell::new(0), down: Cell::new(0), open });
    let telling = untold.clone();
    let meter = Meter::telling(move |way, count| telling.add(way, count));
    let idle = route.manner.patience.tunnel_idle;
    drop(route);
    let relaying = Relaying { first_up: first, ..Relaying::new(idle, &meter) };
    let relayed = relay_tcp(stream, io, relaying, cut).await;
    untold.tell();
    let outcome = match &relayed.ended {
        End::SecondBroke(_) if relayed.down_bytes == 0 => Outcome::Reset,
        _ => Outcome::Answered,
    };
    let endpoint = &untold.open.endpoint;
    endpoint.finished(client.peer.ip(), outcome, connect_us);
    match relayed.ended {
        End::Cut => tracing::info!(
            peer = %client.peer,
            endpoint = %endpoint.key.address,
            zone = %endpoint.key.zone,
            ?drain,
            "connection cut: its zone or its listener was left and `drain` has passed"
        ),
        ended => {
            tracing::trace!(peer = %client.peer, endpoint = %endpoint.key.address, ?ended, "connection ended");
        }
    }
}

impl Stream for ClientStream {
    fn socket(&self) -> Option<&TcpStream> {
        self.plain_socket()
    }
}

impl Stream for EndpointIo {
    fn socket(&self) -> Option<&TcpStream> {
        match self {
            EndpointIo::Plain(stream) => Some(stream),
            EndpointIo::Tls(_) => None,
        }
    }
}

/// Bytes that the zone's counters were not told of yet.
struct Untold {
    up: Cell<u64>,
    down: Cell<u64>,
    open: Open,
}

impl Untold {
    fn add(&self, way: Way, count: u64) {
        let counter = match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        };
        counter.set(counter.get() + count);
        // In a zone that was left every byte is told, so that its last one is seen when it moves.
        if self.up.get() + self.down.get() >= TELL_BYTES || !self.open.endpoint.serves() {
            self.tell();
        }
    }

    fn tell(&self) {
        let (up, down) = (self.up.take(), self.down.take());
        if up + down > 0 {
            self.open.endpoint.activity.bytes_moved(up, down, self.open.shared.clock.now());
        }
    }
}

/// Ready when the connection has to go.
async fn cut(
    mut standing: watch::Receiver<Standing>,
    mut phases: watch::Receiver<Phase>,
    drain: std::time::Duration,
) {
    let mut cut_at: Option<Instant> = None;
    loop {
        let leaves = *standing.borrow_and_update() == Standing::Leaving;
        let leaves = leaves || *phases.borrow_and_update() != Phase::Open;
        cut_at = leaves.then(|| cut_at.unwrap_or_else(|| Instant::now() + drain));
        let changed = tokio::select! {
            changed = standing.changed() => changed,
            changed = phases.changed() => changed,
            () = tokio::time::sleep_until(cut_at.unwrap_or_else(Instant::now)), if cut_at.is_some() => return,
        };
        if changed.is_err() {
            return;
        }
    }
}
