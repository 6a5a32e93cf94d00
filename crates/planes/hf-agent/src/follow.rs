//! One process of HAProxy follows the snapshot over its runtime socket.
//!
//! 1. It is looked at when the snapshot changes, and on a beat whether that changed or not: so one that was started again, or that
//!    somebody else changed, is put right within `every`.
//! 2. What is not as wanted is said, and looked at again: only then is the revision told as applied.
//! 3. What it cannot be told is logged in words, once a minute, and tried again on the beat. One that cannot be reached at all says nothing,
//!    so it becomes silent among the consumers.
//!
//! Not here: what is said (`servers`), how (`socket`).

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use hf_api::serve::stopped;
use hf_balance::Listing;
use hf_clock::Clock;
use hf_config::estate::PoolIx;
use hf_config::node::HaproxySocket;
use hf_consumers::{Acts, ConsumerKind, ConsumerName, InstanceId, Told};
use hf_model::{Revision, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::Consumers;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::seldom::Seldom;
use crate::servers::{
    Memory, NotUnderstood, Wanted, WantedServers, known, plan, read_refusals, read_servers, read_sessions,
    running,
};
use crate::socket::{ExchangeError, exchange};

/// Between two looks however often the snapshot changes.
const PAUSE: Duration = Duration::from_millis(20);
/// What HAProxy says of a share where its algorithm knows only all or nothing.
const STATIC: &str = "Backend is using a static LB algorithm";

/// What following needs.
#[derive(Debug)]
pub struct Followed {
    /// The socket and what it is told.
    pub socket: HaproxySocket,
    /// The node's snapshots.
    pub snapshots: Receiver<Option<Arc<Snapshot>>>,
    /// Where it is told what HAProxy obeys.
    pub consumers: Consumers,
    /// Under which instance: the node that tells it.
    pub instance: InstanceId,
    /// The node's clock.
    pub clock: Clock,
}

/// Why HAProxy is not as wanted.
#[derive(Debug, thiserror::Error)]
enum NotFollowed {
    #[error("{0}")]
    Exchange(#[from] ExchangeError),
    #[error("{0}")]
    Answer(#[from] NotUnderstood),
    #[error("HAProxy did not take `{0}`; look at its log, and whether the socket has `level admin`")]
    NotTaken(String),
    #[error("the estate has none of the pools of `backends`; change `pool` in the node's file")]
    NoPool,
    #[error(
        "no server of {0} has the address of an endpoint of its pool; look at `backends` and at HAProxy's server lines"
    )]
    NothingToFollow(String),
}

/// Has one process of HAProxy follow until `shutdown` becomes true.
pub async fn follow(followed: Followed, mut shutdown: Receiver<bool>) {
    let Followed { socket, mut snapshots, consumers, instance, clock } = followed;
    let Ok(name) = ConsumerName::new(&socket.name) else { return std::future::pending().await };
    let (mut memory, seldom) = (Memory::default(), Seldom::default());
    let mut is_well = false;
    loop {
        let begun = Instant::now();
        let snapshot = snapshots.borrow_and_update().clone();
        if let Some(snapshot) = snapshot {
            let told = |revision: Option<Revision>, running| Told {
                name: name.clone(),
                instance: instance.clone(),
                kind: ConsumerKind::HaproxySocket,
                zone: None,
                revision,
                acts: Acts::of(snapshot.acts()),
                running,
                at: clock.now(),
            };
            match look(&socket, &snapshot, &mut memory, &seldom).await {
                Ok(running) => {
                    if !is_well {
                        info!(haproxy = %socket.name, "HAProxy follows over its runtime socket");
                    }
                    is_well = true;
                    consumers.tell(told(Some(snapshot.intent.revision), Some(running)));
                }
                Err(problem) => {
                    // What answers is alive, and has not applied this.
                    if !matches!(problem, NotFollowed::Exchange(_)) {
                        consumers.tell(told(None, None));
                    }
                    is_well = false;
                    let cause = match &problem {
                        NotFollowed::Exchange(error) => error.source().map(ToString::to_string),
                        _ => None,
                    };
                    let problem = problem.to_string();
                    if seldom.is_due(&problem) {
                        warn!(haproxy = %socket.name, %problem, cause, "HAProxy does not follow; it is tried again");
                    }
                }
            }
        }
        let pause = sleep_until(Instant::now() + PAUSE);
        let beat = sleep_until(begun + socket.every);
        let changed = async {
            pause.await;
            if snapshots.changed().await.is_err() {
                std::future::pending::<()>().await; // the node is stopping
            }
        };
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            () = changed => {}
            () = beat => {}
        }
    }
}

/// Looks at HAProxy, says what is to be said, and looks again; what still runs where it was told to leave.
async fn look(
    socket: &HaproxySocket,
    snapshot: &Snapshot,
    memory: &mut Memory,
    seldom: &Seldom,
) -> Result<BTreeMap<ZoneId, u64>, NotFollowed> {
    let place = &socket.at;
    let wanted = wanted(socket, snapshot, seldom);
    let show: Vec<String> = if socket.backends.is_empty() {
        vec!["show servers state".to_owned()]
    } else {
        wanted.keys().map(|backend| format!("show servers state {backend}")).collect()
    };
    if show.is_empty() {
        // Whether it is alive is told all the same.
        exchange(place, &["show info".to_owned()]).await?;
        return Err(NotFollowed::NoPool);
    }
    let mut servers = read_servers(&exchange(place, &show).await?)?;
    let commands = plan(&servers, &wanted, memory);
    if !commands.is_empty() {
        let told: Vec<String> = commands.into_iter().map(|(_, command)| command).collect();
        info!(haproxy = %socket.name, revision = snapshot.intent.revision.0, commands = told.len(), first = %told[0], "HAProxy is told");
        let said = exchange(place, &told).await?;
        let (of_static, others): (Vec<&str>, Vec<&str>) =
            said.lines().partition(|line| line.trim().starts_with(STATIC));
        read_refusals(&others.join("\n"))?;
        let is_static = !of_static.is_empty();
        if is_static && seldom.is_due(STATIC) {
            warn!(haproxy = %socket.name, "a backend's algorithm takes no share of a weight: a zone that returns has all of it at once; use a dynamic `balance`, or `hash-type consistent`");
        }
        servers = read_servers(&exchange(place, &show).await?)?;
        let mut left = plan(&servers, &wanted, memory).into_iter();
        if let Some((_, command)) = left.find(|(_, command)| !(is_static && command.contains(" weight "))) {
            return Err(NotFollowed::NotTaken(command));
        }
    }
    let mut backends: Vec<&str> =
        known(&servers, &wanted).map(|(server, _)| server.name.backend.as_str()).collect();
    backends.dedup();
    if socket.backends.is_empty() {
        if backends.is_empty() {
            return Err(NotFollowed::NothingToFollow("any backend".to_owned()));
        }
    } else if let Some(backend) = wanted.keys().find(|backend| !backends.contains(&backend.as_str())) {
        return Err(NotFollowed::NothingToFollow(format!("backend `{backend}`")));
    }
    let show: Vec<String> = backends.iter().map(|backend| format!("show stat {backend} 4 -1")).collect();
    let sessions = read_sessions(&exchange(place, &show).await?)?;
    Ok(running(&servers, &wanted, &sessions))
}

/// What is wanted of each backend's servers. A pool that the estate does not have is passed over: its backend stays as it is.
fn wanted(socket: &HaproxySocket, snapshot: &Snapshot, seldom: &Seldom) -> WantedServers {
    let estate = &snapshot.estate;
    if socket.backends.is_empty() {
        return estate
            .pool_indexes()
            .map(|pool| (estate.pool(pool).name.to_string(), of_pool(snapshot, pool)))
            .collect();
    }
    let mut wanted = WantedServers::new();
    for of in &socket.backends {
        if let Some(pool) = estate.pool_named(&of.pool) {
            wanted.insert(of.backend.clone(), of_pool(snapshot, pool));
        } else {
            let problem = format!("the estate has no pool `{}`", of.pool);
            if seldom.is_due(&problem) {
                warn!(haproxy = %socket.name, backend = %of.backend, %problem, "this backend is left as it is; change `pool` in the node's file");
            }
        }
    }
    wanted
}

fn of_pool(snapshot: &Snapshot, pool: PoolIx) -> BTreeMap<std::net::SocketAddr, Wanted> {
    let listing = Listing::of_own(snapshot, pool);
    let wanted = listing.endpoints.iter().map(|of| {
        let zone = snapshot.estate.zone(of.zone).id.clone();
        (of.address, Wanted { zone, takes: of.takes, share: of.share })
    });
    wanted.collect()
}

#[cfg(test)]
mod tests;
