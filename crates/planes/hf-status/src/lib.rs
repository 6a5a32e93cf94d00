//! The zone status role: tells anything that can ask over HTTP whether a zone is to be used.
//!
//! 1. `GET /status/{zone}` answers 200 while the zone is open and 500 while it is away; `GET /closed/{zone}` the inverse: 200
//!    exactly while it is away, else 404, for checks that can only look for a 200. Ids and aliases both name a zone.
//! 2. `?resource=pool/web` or `record/www.example.test.` asks for one pool or name instead of everything.
//! 3. `/watch` is a WebSocket: the whole table at once, on every change and every ten seconds, so that a watcher that hears
//!    nothing knows that the connection is dead. A watcher that does not read is dropped, never waited for.
//! 4. Answers come from this node's own snapshot, however old: `age_ms` says how old. Before the first one all answer 503.
//!
//! Not here: what is decided (`hf-decide`), snapshots (`hf-node`), operators' API (`hf-control-plane`).

mod routes;
mod table;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use hf_api::serve::{Listener, TowerToHyperService};
use hf_clock::Clock;
use hf_snapshot::Snapshot;
use tokio::sync::watch::Receiver;

pub use hf_api::serve::BindError;
pub use table::{Table, ZoneStatus};

/// Connections at a time, watchers not counted; further ones wait.
const CONNECTIONS: usize = 1_024;

/// The role with its port open.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    clock: Clock,
}

/// Opens the role's port.
pub async fn bind(
    listen: SocketAddr,
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    clock: Clock,
) -> Result<Bound, BindError> {
    let listener = hf_api::serve::listen("status_listen", listen).await?;
    Ok(Bound { listener, snapshots, clock })
}

impl Bound {
    /// The address, with the port that port 0 became.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Answers until `shutdown` becomes true.
    pub async fn run(self, shutdown: Receiver<bool>) {
        let (tables, compile) = watch::compiler(self.snapshots.clone());
        let context = routes::Context::new(self.snapshots, tables, self.clock, shutdown.clone());
        let service = TowerToHyperService::new(routes::router(context));
        tokio::select! {
            () = self.listener.serve(service, CONNECTIONS, shutdown) => {}
            () = compile => {}
        }
    }
}
