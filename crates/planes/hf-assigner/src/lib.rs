//! The assign role: tells a session's first request where to go.
//!
//! 1. `GET /assign?service=chat` answers with the place's URL and a ticket, as JSON. Any path under one of an assignment's `hosts` answers 307 to
//!    the same path at the place, the ticket in the query. Both name the place in `Alt-Svc`, for clients that keep the name and change the way.
//! 2. Whoever shows a good ticket keeps its place while that is open.
//! 3. Nothing is kept between requests: any number of assigners run side by side, and one that dies is missed by nobody.
//! 4. `GET /healthz` answers 200 once there is a snapshot: health checks of assigners ask it.
//! 5. A client is who connects, or whom the last hop that is not trusted says: only what `trusted` networks put into `X-Forwarded-For` counts.
//!
//! Not here: the decision (`hf-assign`), checking tickets (`hf-balancer`), the node file (`hf-config`).

mod client;
mod compiled;
mod routes;

use std::net::SocketAddr;
use std::sync::Arc;

use hf_api::serve::{Listener, TowerToHyperService};
use hf_api::tls::ServerTls;
use hf_assign::TicketKey;
use hf_clock::Clock;
use hf_geo::Geography;
use hf_model::{Cidr, ZoneId};
use hf_snapshot::Snapshot;
use tokio::sync::watch::Receiver;

pub use compiled::Compiled;
pub use hf_api::serve::BindError;

/// Connections at a time; further ones wait.
const CONNECTIONS: usize = 10_000;

/// How the role runs.
#[derive(Clone, Debug)]
pub struct AssignerConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it runs: for clients whose place nothing else tells.
    pub zone: Option<ZoneId>,
    /// Without it, plain HTTP.
    pub tls: Option<ServerTls>,
    /// Whose `X-Forwarded-For` counts.
    pub trusted: Vec<Cidr>,
    /// What signs tickets.
    pub key: TicketKey,
}

/// The role with its port open.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    config: AssignerConfig,
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    geography: Geography,
    clock: Clock,
}

/// Opens the role's port.
///
/// # Errors
///
/// When the port cannot be had.
pub async fn bind(
    config: AssignerConfig,
    snapshots: Receiver<Option<Arc<Snapshot>>>,
    geography: Geography,
    clock: Clock,
) -> Result<Bound, BindError> {
    let mut listener = hf_api::serve::listen("[assign] listen", config.listen).await?;
    if let Some(tls) = config.tls.clone() {
        listener = listener.with_tls(tls);
    }
    Ok(Bound { listener, config, snapshots, geography, clock })
}

impl Bound {
    /// The address, with the port that port 0 became.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Answers until `shutdown` becomes true.
    pub async fn run(self, shutdown: Receiver<bool>) {
        let (compiled, compile) = compiled::keep(self.snapshots, self.geography, self.config.zone.clone());
        let service = TowerToHyperService::new(routes::router(&self.config, compiled, self.clock));
        tokio::select! {
            () = self.listener.serve(service, CONNECTIONS, shutdown) => {}
            () = compile => {}
        }
    }
}
