//! A running node, as whoever started it sees it.
//!
//! Not here: how it came to run (`start`).

use std::net::SocketAddr;
use std::sync::Arc;

use hf_api::tls::KeyPin;
use hf_config::node::NodeConfig;
use hf_feed::Reports;
use hf_model::PoolName;
use hf_snapshot::Snapshot;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::hub::Reached;

/// Why a node did not start, or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// All that stood in the way, one a line.
    #[error("the node cannot start:\n{}", .0.join("\n"))]
    Start(Vec<String>),
    /// A part of it ended by itself; the log says why.
    #[error("the node's {0} ended by itself; its log says why, start it again")]
    Part(&'static str),
}

/// Where a node really listens: port 0 has become a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The API.
    pub api: SocketAddr,
    /// The feed.
    pub feed: SocketAddr,
    /// Zone status, with that role.
    pub status: Option<SocketAddr>,
    /// DNS, with that role.
    pub dns: Vec<SocketAddr>,
    /// Where sessions ask for their place, with the role assign.
    pub assign: Option<SocketAddr>,
    /// Where HAProxy's agent checks ask, with the role status and `agent_listen`.
    pub agent: Option<SocketAddr>,
    /// Where Envoy and gRPC clients ask, with the role status and `[xds]`.
    pub xds: Option<SocketAddr>,
}

/// A running node. Dropped, it is told to stop and not waited for.
#[derive(Debug)]
pub struct NodeHandle {
    pub(super) addresses: Addresses,
    pub(super) snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(super) reports: watch::Receiver<Arc<Reports>>,
    pub(super) listeners: Option<watch::Receiver<Vec<hf_balancer::ListenerView>>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) running: JoinHandle<Result<(), &'static str>>,
}

impl NodeHandle {
    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What its planes are given.
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.snapshots.clone()
    }

    /// What it hears of all nodes, itself included.
    pub fn reports(&self) -> watch::Receiver<Arc<Reports>> {
        self.reports.clone()
    }

    /// Where its balancer listens for a pool now.
    pub fn balancer(&self, pool: &PoolName) -> Option<SocketAddr> {
        let listeners = self.listeners.as_ref()?.borrow();
        listeners.iter().find(|view| view.pool == *pool)?.state.clone().ok()
    }

    /// Tells it to stop and waits for that.
    pub async fn stop(self) -> Result<(), NodeError> {
        self.stop.send_replace(true);
        self.ended().await
    }

    /// Waits until it ends.
    pub async fn ended(self) -> Result<(), NodeError> {
        let NodeHandle { running, stop: _stop, .. } = self;
        match running.await {
            Ok(ended) => ended.map_err(NodeError::Part),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Where other machines reach the node: its listeners, or the feed's address where those listen on every address.
pub(super) fn reached(config: &NodeConfig, addresses: &Addresses, api_key: Option<KeyPin>) -> Reached {
    let url = |scheme: &str, mut at: SocketAddr| {
        if at.ip().is_unspecified() {
            if addresses.feed.ip().is_unspecified() {
                return None;
            }
            at.set_ip(addresses.feed.ip());
        }
        Some(format!("{scheme}://{at}"))
    };
    Reached {
        api: url(if config.api.tls.is_some() { "https" } else { "http" }, addresses.api),
        status: addresses.status.and_then(|at| url("http", at)),
        api_key: api_key.map(|key| key.to_string()),
    }
}
