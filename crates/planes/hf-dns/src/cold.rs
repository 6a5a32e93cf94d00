//! The cold path put together: streams, odd datagrams, transfers, updates, NOTIFY, contents from elsewhere.
//!
//! Not here: plain queries over UDP (`worker`).

use std::path::Path;
use std::sync::Arc;

use hf_answer::HostedSet;
use hf_clock::Clock;
use hf_config::node::DnsConfig;
use hf_snapshot::Snapshot;
use hf_wire::tsig::Keys;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use crate::hosted::{HostedConfig, HostedStore};
use crate::keys::{KeyError, read_keys};
use crate::notify::Notifier;
use crate::requests::{Notified, Requests};
use crate::respond::Responder;
use crate::stream::{self, Connections, DotTls, TlsError};
use crate::transfer::Offers;
use crate::transfer::publish::Publisher;
use crate::update::Updates;

/// What the cold path is given by the node around it. With the default it answers queries over TCP, and refuses all else.
#[derive(Clone, Default)]
pub struct ColdInputs {
    /// The node's TSIG keys.
    pub keys: Keys,
    /// Contents of hosted zones that are not in the estate, and serials.
    pub hosted: Option<HostedStore>,
    /// Where updates go.
    pub updates: Option<Arc<dyn Updates>>,
    /// The certificate of DNS over TLS.
    pub tls: Option<DotTls>,
}

impl std::fmt::Debug for ColdInputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ColdInputs").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// Why the cold path cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ColdError {
    /// A TSIG key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl ColdInputs {
    /// What a node's file says, and what is on disk; blocks. Updates go nowhere yet. With it which keys and certificates cannot be had: without a
    /// key what needs it is refused, without the certificate DNS over TLS waits for one.
    pub fn open(config: &DnsConfig, data_dir: &Path, clock: Clock) -> (ColdInputs, Vec<ColdError>) {
        let (keys, problems) = read_keys(config);
        let mut problems: Vec<ColdError> = problems.into_iter().map(ColdError::from).collect();
        let tls = config.tls.as_ref().map(|tls| {
            let (tls, problem) = DotTls::load_or_wait(tls);
            problems.extend(problem.map(ColdError::from));
            tls
        });
        let hosted = HostedStore::open(HostedConfig {
            data_dir: data_dir.to_path_buf(),
            zone_dir: config.zone_dir.clone(),
            keys: keys.clone(),
            clock,
        });
        (ColdInputs { keys, hosted: Some(hosted), updates: None, tls }, problems)
    }

    /// Contents from elsewhere, now and from now on.
    pub(crate) fn contents(&self) -> watch::Receiver<Arc<HostedSet>> {
        match &self.hosted {
            Some(store) => store.subscribe(),
            None => watch::channel(Arc::default()).1,
        }
    }
}

/// The cold path of one role.
pub(crate) struct Cold {
    pub(crate) requests: Arc<Requests>,
    publisher: Arc<Publisher>,
    tls: Option<DotTls>,
    hosted: Option<HostedStore>,
}

impl Cold {
    pub(crate) fn new(responder: Arc<Responder>, inputs: ColdInputs, clock: Clock) -> Cold {
        let ColdInputs { keys, hosted, updates, tls } = inputs;
        let store = hosted.as_ref().map(|hosted| hosted.0.clone());
        let offers = Arc::new(Offers::default());
        let publisher = Arc::new(Publisher {
            offers: offers.clone(),
            notifier: Arc::new(Notifier::new(clock.clone())),
            store: store.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
        });
        let notified = store.map(|store| store as Arc<dyn Notified>);
        let requests = Arc::new(Requests::new(responder, keys, clock, offers, notified, updates));
        Cold { requests, publisher, tls, hosted }
    }

    /// Starts its tasks on that side.
    pub(crate) fn spawn(
        self,
        (tasks, side): (&mut JoinSet<()>, &Handle),
        snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
        (tcp, dot): (Vec<TcpListener>, Vec<TcpListener>),
    ) {
        if let Some(hosted) = self.hosted {
            tasks.spawn_on(hosted.run(snapshots), side);
        }
        let connections = Arc::new(Connections::default());
        for listener in tcp {
            tasks.spawn_on(stream::serve(listener, None, self.requests.clone(), connections.clone()), side);
        }
        match self.tls {
            Some(tls) => {
                for listener in dot {
                    let serving = stream::serve(
                        listener,
                        Some(tls.clone()),
                        self.requests.clone(),
                        connections.clone(),
                    );
                    tasks.spawn_on(serving, side);
                }
                tasks.spawn_on(async move { tls.watch().await }, side);
            }
            None if !dot.is_empty() => {
                warn!("DNS over TLS has listeners and no certificate; it is not spoken");
            }
            None => {}
        }
        let (publisher, current) = (self.publisher, self.requests.responder.clone());
        let publishing = async move {
            let swaps = current.current.swaps();
            publisher.follow(&current.current, swaps).await;
        };
        tasks.spawn_on(publishing, side);
    }
}
