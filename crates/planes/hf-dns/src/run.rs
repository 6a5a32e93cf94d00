//! The role at work.

use std::sync::Arc;

use hf_clock::Clock;
use hf_model::ZoneId;
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;

use crate::bind::Bound;
use crate::respond::Responder;
use crate::tcp::Connections;
use crate::{tcp, udp};

/// What the role is given by the node around it.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// What to answer from; none until the node has one. When nobody is left to send, the last one stays.
    pub snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    /// Stamps the activity.
    pub clock: Clock,
    /// Where answers that name a zone's endpoints are counted.
    pub activity: Arc<Activity>,
    /// Where this node runs, by id or alias.
    pub own_zone: Option<ZoneId>,
}

impl Bound {
    /// Answers until `shutdown` turns true or its sender is gone; then closes ports and connections.
    ///
    /// # Panics
    ///
    /// When one of its tasks did: half a DNS server is worse than one that is restarted.
    pub async fn run(self, inputs: Inputs, mut shutdown: watch::Receiver<bool>) {
        let Inputs { snapshots, clock, activity, own_zone } = inputs;
        let responder = Arc::new(Responder::new(self.counters, clock));
        let connections = Arc::new(Connections::default());
        let mut tasks = JoinSet::new();
        let follower = responder.clone();
        tasks.spawn(async move {
            follower.current.follow(snapshots, own_zone, activity).await;
            std::future::pending::<()>().await;
        });
        for socket in self.udp {
            tasks.spawn(udp::serve(socket, responder.clone()));
        }
        for listener in self.tcp {
            tasks.spawn(tcp::serve(listener, responder.clone(), connections.clone()));
        }
        info!(addresses = ?self.addresses, "DNS answers");
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => info!("DNS stops"),
            Some(Err(why)) = tasks.join_next() => {
                if why.is_panic() {
                    std::panic::resume_unwind(why.into_panic());
                }
            }
        }
    }
}
