//! Endpoints of pools: what there is, where it comes from, registrations with a lease.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/endpoints`: the endpoints of every pool, in the order that every node has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Endpoints {
    /// The node that answers.
    pub node: String,
    /// The revision that its planes obey.
    pub revision: u64,
    /// Pools, as the estate has them.
    pub pools: Vec<PoolEndpoints>,
}

/// The endpoints of one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolEndpoints {
    /// The pool.
    pub pool: String,
    /// Where further endpoints come from, such as `srv _web._tcp.example.test.` or `register`; null: the estate file has them all.
    pub source: Option<String>,
    /// What is wrong with the source, or was left out; told by the one control node that asks it, null on others.
    pub problem: Option<String>,
    /// Whether the source does not tell now, and its endpoints are those of before.
    pub stale: bool,
    /// When it last told something that could be used; null where that is not known.
    pub told_at_ms: Option<u64>,
    /// All of them.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Endpoint {
    /// Where it listens.
    pub address: String,
    /// Where it is.
    pub zone: String,
    /// Its share beside its peers.
    pub weight: u16,
    /// For the filter `priority`.
    pub priority: u16,
    /// What its source calls it; null: it stands in the estate file.
    pub id: Option<String>,
    /// What is left of its lease; null without one, and on nodes that do not keep it.
    pub lease_left_ms: Option<u64>,
}

/// `PUT /v1/pools/{pool}/endpoints/{id}`: a service registers itself, or renews.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterEndpoint {
    /// Where it listens: `10.1.1.10:8080`.
    pub address: String,
    /// A zone's id or alias. Without one the pool's source or the zones' networks say where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its share beside its peers, 0 to 65535. Default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// For the filter `priority`. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// Without a renewal it is out after this many seconds. 3 to 86,400, default 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_s: Option<u32>,
}

/// A registration stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndpointRegistered {
    /// The revision that has it.
    pub revision: u64,
    /// Whether it was there already, and only its lease is new.
    pub renewed: bool,
    /// How long it lasts from now on. Renew after a third of it.
    pub lease_ms: u64,
}
