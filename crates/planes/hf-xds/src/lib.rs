//! The xDS part of the status role: Envoy, and gRPC clients without a proxy, take pools from here.
//!
//! 1. The aggregated service (ADS), and those of one type (CDS, EDS, LDS, RDS), each as state of the world and as delta, over gRPC.
//! 2. Every change of the node's snapshot is mapped to resources once (`resources`) and sent at once to whom it concerns (`session`).
//! 3. A client keeps what it has when this node is gone, and loses nothing when it asks another: versions are digests of the content.
//! 4. What each client has applied goes to this node's board of consumers: the ledger revision of the last version that it accepted.
//! 5. What a client makes this node keep is bounded for it and for all together.
//! 6. Reads only: whoever can reach the port may ask; with `client_ca` only who has a certificate of it.
//!
//! Not here: what is decided (`hf-decide`), files for Envoy (`hf-render`), other ways to ask for zone status (`hf-status`).

mod budget;
mod caller;
mod clients;
mod complaints;
mod grpc;
mod messages;
mod resources;
mod server;
mod service;
mod session;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hf_api::serve::Listener;
use hf_api::tls::ServerTls;
use hf_clock::Clock;
use hf_snapshot::Snapshot;
use hf_telemetry::consumers::Consumers;
use tokio::sync::Semaphore;
use tokio::sync::watch::{self, Receiver};

use budget::Budget;
use clients::Clients;
use complaints::Complaints;
pub use hf_api::serve::BindError;
use resources::Resources;
pub use session::{NAME_BYTES_MAX, NAMES_MAX, NEAR, TYPES_MAX};

/// The part with its port open.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    tls: Option<ServerTls>,
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    consumers: Consumers,
    clock: Clock,
    budget: Budget,
    /// For a client to take anything of what it is sent.
    stalled_after: Duration,
}

/// Opens the port; with `tls` nothing is told in the clear. That has to speak `h2` ([`ServerTls::load_for`]).
///
/// # Errors
///
/// When the port cannot be had.
pub async fn bind(
    listen: SocketAddr,
    tls: Option<ServerTls>,
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    consumers: Consumers,
    clock: Clock,
) -> Result<Bound, BindError> {
    let listener = hf_api::serve::listen("[xds] listen", listen).await?;
    let (budget, stalled_after) = (Budget::new(budget::BYTES_MAX), grpc::STALLED_AFTER);
    Ok(Bound { listener, tls, snapshots, consumers, clock, budget, stalled_after })
}

impl Bound {
    /// The address, with the port that port 0 became.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Answers until `shutdown` becomes true.
    pub async fn run(self, shutdown: Receiver<bool>) {
        let (resources_to, resources) = watch::channel(None);
        let shared = stream::Shared {
            resources,
            clients: Clients::new(self.consumers, self.clock.clone()),
            complaints: Complaints::default(),
            budget: self.budget,
            stalled_after: self.stalled_after,
            clock: self.clock,
            room: Arc::new(Semaphore::new(server::STREAMS)),
            shutdown,
        };
        tokio::select! {
            () = server::serve(self.listener, self.tls, shared) => {}
            () = map(self.snapshots, resources_to) => {}
        }
    }
}

/// Maps each snapshot to resources; of snapshots that come faster than that, the newest.
async fn map(
    mut snapshots: Receiver<Option<Arc<Snapshot>>>,
    resources: watch::Sender<Option<Arc<Resources>>>,
) {
    loop {
        let newest = snapshots.borrow_and_update().clone();
        if let Some(snapshot) = newest {
            // Some milliseconds for the largest estates: not on a thread that others wait for.
            let mapped = tokio::task::spawn_blocking(move || Resources::of(snapshot)).await;
            if let Ok(mapped) = mapped {
                resources.send_replace(Some(Arc::new(mapped)));
            }
        }
        if snapshots.changed().await.is_err() {
            return std::future::pending().await; // the node is stopping; the listener ends first
        }
    }
}

#[cfg(test)]
mod tests;
