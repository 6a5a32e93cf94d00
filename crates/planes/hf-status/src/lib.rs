//! The zone status role: tells anything that can ask over HTTP whether a zone is to be used.
//!
//! 1. `GET /status/{zone}` answers 200 while the zone is open and 500 while it is away; `GET /closed/{zone}` the inverse: 200
//!    exactly while it is away, else 404, for checks that can only look for a 200. Ids and aliases both name a zone.
//! 2. `?resource=pool/web` or `record/www.example.test.` asks for one pool or name instead of everything.
//! 3. Every answer has a tag: a client that has it already is answered 304, at once or, with `?wait=`, when there is another one.
//! 4. `/watch` tells the whole table at once and on every change, and something on every beat, so that a watcher that hears nothing knows that the
//!    connection is dead. A watcher that does not read is dropped, never waited for; with its tag it goes on where it was.
//! 5. Answers come from this node's own snapshot, however old: `age_ms` says how old. Before the first one all answer 503.
//! 6. Everything is on one thread of its own. Everything is bounded; at a bound it is 503 with `Retry-After`.
//!
//! The wire is described for its users in `docs/status.md`.
//!
//! Not here: what is decided (`hf-decide`), snapshots (`hf-node`), operators' API (`hf-control-plane`).

mod acknowledge;
mod alone;
mod answer;
mod bounds;
mod compiled;
mod connection;
pub mod frames;
mod listen;
pub mod request;
mod shared;
mod table;
mod tables;
mod tag;
mod watchers;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hf_api::serve::stopped;
use hf_clock::Clock;
use hf_snapshot::Snapshot;
use hf_telemetry::{Consumers, StatusCounts};
use tokio::net::TcpListener;
use tokio::sync::watch::Receiver;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

pub use bounds::{FilesLeft, Limits};
pub use hf_api::serve::BindError;

use shared::Shared;
use watchers::Watchers;

/// For answers that are under way once a stop is announced.
const FAREWELL: Duration = Duration::from_secs(2);
/// Between two looks at who is still there then.
const LOOK: Duration = Duration::from_millis(20);
/// Between two rounds of consumers who have applied a revision because it changed nothing for them.
const REVISED: Duration = Duration::from_secs(1);

/// The role with its port open.
#[derive(Debug)]
pub struct Bound {
    listener: std::net::TcpListener,
    address: SocketAddr,
    limits: Limits,
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    clock: Clock,
    consumers: Consumers,
    counts: Arc<StatusCounts>,
}

/// Opens the role's port. What consumers say of themselves goes to `consumers`.
#[allow(clippy::unused_async, reason = "as its neighbours")]
pub async fn bind(
    listen: SocketAddr,
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    clock: Clock,
    consumers: Consumers,
) -> Result<Bound, BindError> {
    let listener = listen::open(listen)?;
    let failed = |source| BindError { what: "status_listen", address: listen, source };
    let address = listener.local_addr().map_err(failed)?;
    let counts = Arc::default();
    Ok(Bound { listener, address, limits: Limits::default(), snapshots, clock, consumers, counts })
}

impl Bound {
    /// The address, with the port that port 0 became.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets so many in, as far as the limit of open files allows.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Bound {
        Bound { limits, ..self }
    }

    /// Counts there what happens.
    #[must_use]
    pub fn with_counts(self, counts: Arc<StatusCounts>) -> Bound {
        Bound { counts, ..self }
    }

    fn limits_here(wanted: Limits) -> Limits {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limits = wanted.within_files(files.map_or(usize::MAX, |files| files as usize));
        if limits != wanted {
            let (wanted, watchers_max) = (wanted.watchers_max, limits.watchers_max);
            info!(
                wanted,
                watchers_max,
                ?files,
                "the limit of open files allows fewer watchers than zone status may have; raise it (LimitNOFILE) if they are needed"
            );
        }
        limits
    }

    /// Answers on a thread of its own until `shutdown` becomes true.
    pub async fn run(self, shutdown: Receiver<bool>) {
        alone::run(move || self.run_here(shutdown)).await;
    }

    /// Answers on this thread, within a runtime or set of tasks that stay on it.
    pub async fn run_here(self, mut shutdown: Receiver<bool>) {
        let Bound { listener, address, limits, snapshots, clock, consumers, counts } = self;
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return warn!(%error, "zone status cannot wait for connections"),
        };
        let shared = Shared::new(Bound::limits_here(limits), clock, consumers, counts);
        // Before the first question.
        if let Some(snapshot) = snapshots.borrow().clone() {
            shared.tables.take(snapshot);
        }
        tokio::select! {
            () = stopped(&mut shutdown) => {}
            () = listen::accept(&shared, &listener) => {}
            () = obey(&shared, snapshots) => {}
            () = revise(&shared) => {}
            () = Watchers::tell(&shared) => {}
            () = Watchers::tick(&shared) => {}
        }
        drop(listener);
        info!(%address, watchers = shared.watchers.count(), "zone status stops");
        shared.stops.set(true);
        shared.stopping.notify_waiters();
        shared.watchers.stop();
        let deadline = Instant::now() + FAREWELL;
        while shared.bounds.connections() > 0 && Instant::now() < deadline {
            sleep(LOOK).await;
        }
    }
}

/// Takes in each new snapshot. When nobody gives any more, what was said last is said for ever.
async fn obey(shared: &Rc<Shared>, mut snapshots: Receiver<Option<Arc<Snapshot>>>) {
    while snapshots.changed().await.is_ok() {
        let Some(snapshot) = snapshots.borrow_and_update().clone() else { continue };
        let news = shared.tables.take(snapshot);
        if news.has_changed {
            shared.watchers.news.notify_one();
        }
        // Whole before the next snapshot: else the last of many resources would never have its turn.
        while let Some(has_changed) = shared.tables.renew_some() {
            if has_changed {
                shared.watchers.news.notify_one();
            }
            yield_now().await;
        }
        if news.is_revised {
            shared.register.revised.notify_one();
        }
    }
    std::future::pending::<()>().await;
}

/// Tells the board who has applied a revision because it changed nothing for them: some time after it, so that several are one round.
async fn revise(shared: &Rc<Shared>) {
    loop {
        shared.register.revised.notified().await;
        sleep(REVISED).await;
        let mut last = None;
        loop {
            last = shared.register.revise_some(&shared.tables, shared.clock.now(), last.as_ref());
            if last.is_none() {
                break;
            }
            yield_now().await;
        }
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
