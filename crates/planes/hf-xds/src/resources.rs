//! A snapshot as xDS resources: pure.
//!
//! 1. A pool is a cluster, its endpoints, a route and a listener, all of its name. What serves is what the decision says, as it is for our own
//!    balancer: zones that are away are not there, nor are impaired endpoints while anybody better serves.
//! 2. A resource's version is a digest of its bytes: every node gives the same content the same version, and a client that moves from node to node is
//!    told nothing twice.
//! 3. Listeners are for gRPC clients alone, which ask for them by name (`xds:///web`): who asks for all, as Envoy does, gets none. Clusters whose
//!    endpoints speak TLS also only come by name: which authorities to trust stands in no estate, and without TLS they would not be reached.
//! 4. A client that asks to be kept near its zone gets endpoints with priorities, made once for each zone in which such clients stand.
//!
//! Not here: who is told what and when (`session`).

mod clusters;
mod endpoints;
mod routes;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_model::{Digest, Revision, ZoneId};
use hf_snapshot::Snapshot;
use prost::Message;

use crate::messages::Any;

/// What resources there are, in the order in which changes are sent: what others refer to comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A pool: CDS.
    Cluster,
    /// Who serves of a pool: EDS.
    Endpoints,
    /// What a gRPC client looks up: LDS.
    Listener,
    /// From that to the cluster: RDS.
    Route,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Cluster, Kind::Endpoints, Kind::Listener, Kind::Route];

    /// The type's name in messages.
    pub fn type_url(self) -> &'static str {
        match self {
            Kind::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Kind::Endpoints => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Kind::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Kind::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }

    /// The kind of this name.
    pub fn named(type_url: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.type_url() == type_url)
    }

    /// What they are called in logs.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Cluster => "clusters",
            Kind::Endpoints => "endpoints",
            Kind::Listener => "listeners",
            Kind::Route => "routes",
        }
    }

    /// Whether an answer names all of them: one that is missing is gone. And whether asking for nothing by name means all.
    pub fn is_whole(self) -> bool {
        matches!(self, Kind::Cluster | Kind::Listener)
    }
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// A digest of its bytes, 16 hexadecimal digits.
    pub version: Version,
    /// Its bytes.
    pub value: Bytes,
    /// Whether who asks for all gets it.
    pub for_all: bool,
}

impl Resource {
    fn of(message: &impl Message) -> Resource {
        let value: Bytes = message.encode_to_vec().into();
        Resource { version: version(&value), value, for_all: true }
    }

    /// As it stands in answers.
    pub fn any(&self, kind: Kind) -> Any {
        Any { type_url: kind.type_url().to_owned(), value: self.value.clone() }
    }
}

/// The version of some content.
pub fn version(content: &[u8]) -> Version {
    Digest::of(content).to_string()[..16].into()
}

/// A resource's name; one allocation serves all streams that were told it.
pub type Name = Arc<str>;
/// A resource's version, likewise.
pub type Version = Arc<str>;
/// Resources of one kind by name.
pub type Table = BTreeMap<Name, Resource>;

/// All resources of one snapshot.
#[derive(Debug)]
pub struct Resources {
    snapshot: Arc<Snapshot>,
    /// In the order of [`Kind::ALL`].
    tables: [Table; 4],
    /// Endpoints for clients that are kept near a zone, by [`ZoneIx`], made when the first asks.
    near: Vec<OnceLock<Table>>,
}

impl Resources {
    /// The resources of a snapshot.
    pub fn of(snapshot: Arc<Snapshot>) -> Resources {
        let estate = &snapshot.estate;
        let by_pool = |make: &dyn Fn(PoolIx) -> Resource| -> Table {
            estate.pool_indexes().map(|pool| (estate.pool(pool).name.as_str().into(), make(pool))).collect()
        };
        let cluster = |pool| Resource {
            for_all: estate.pool(pool).to_endpoint.tls.is_none(),
            ..Resource::of(&clusters::cluster(estate.pool(pool)))
        };
        let listener =
            |pool| Resource { for_all: false, ..Resource::of(&routes::listener(estate.pool(pool))) };
        let tables = [
            by_pool(&cluster),
            by_pool(&|pool| Resource::of(&endpoints::assignment(&snapshot, pool, None))),
            by_pool(&listener),
            by_pool(&|pool| Resource::of(&routes::route(estate.pool(pool)))),
        ];
        let near = estate.zones.iter().map(|_| OnceLock::new()).collect();
        Resources { snapshot, tables, near }
    }

    /// The ledger revision that they stand on.
    pub fn revision(&self) -> Revision {
        self.snapshot.intent.revision
    }

    /// The zone of this id or alias, if the estate has it.
    pub fn zone(&self, name: &ZoneId) -> Option<ZoneIx> {
        self.estate().zone_named(name)
    }

    /// The estate's.
    pub fn estate(&self) -> &Estate {
        &self.snapshot.estate
    }

    /// Those of one kind, for a client that is kept near a zone or not.
    pub fn table(&self, kind: Kind, near: Option<ZoneIx>) -> &Table {
        match near.and_then(|zone| Some((zone, self.near.get(zone.at())?))) {
            Some((zone, made)) if kind == Kind::Endpoints => made.get_or_init(|| {
                let estate = self.estate();
                let of = |pool| Resource::of(&endpoints::assignment(&self.snapshot, pool, Some(zone)));
                estate.pool_indexes().map(|pool| (estate.pool(pool).name.as_str().into(), of(pool))).collect()
            }),
            _ => &self.tables[kind as usize],
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
