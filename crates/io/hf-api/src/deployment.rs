//! Marks of deployments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::shift::everything;

/// `POST /v1/deployments`: mark a zone as being deployed to, or give its mark a new end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartDeployment {
    /// A zone's id or alias.
    #[schema(example = "use1-az1")]
    pub zone: String,
    /// What is deployed: `everything` (the default) or `pool/NAME`.
    #[serde(default = "everything")]
    #[schema(default = "everything", example = "pool/web")]
    pub resource: String,
    /// How long at most: `1m` to `4h`, default `20m`.
    #[serde(rename = "for", default = "usual_length")]
    #[schema(default = "20m")]
    pub length: String,
    /// Why; 0 to 500 characters.
    #[serde(default)]
    pub reason: String,
    /// Zones beside which it may go on all the same; none is the rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub override_zone: Vec<String>,
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`. Without one the node makes one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// How long a mark lasts unless another length is asked for.
pub fn usual_length() -> String {
    "20m".to_owned()
}

/// `GET /v1/deployments`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deployments {
    /// Those that somebody told, oldest first; then those that were noticed, by pool and zone.
    pub deployments: Vec<Deployment>,
}

/// A zone that counts as being deployed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// The zone.
    pub zone: String,
    /// `everything` or `pool/NAME`.
    pub resource: String,
    /// How it is known.
    pub known_by: DeploymentKnownBy,
    /// Why, in the words of who deploys; may be empty.
    pub reason: String,
    /// Who told; null for one that was noticed.
    pub by: Option<String>,
    /// When it was first told; null for one that was noticed.
    pub started_at_ms: Option<u64>,
    /// When it ends by itself.
    pub ends_at_ms: u64,
    /// Zones beside which it goes on by explicit word.
    #[serde(default)]
    pub zone_overrides: Vec<String>,
    /// The entry that last changed it; null for one that was noticed.
    pub revision: Option<u64>,
}

/// How a deployment is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeploymentKnownBy {
    /// Somebody told; the ledger keeps it, and deployments elsewhere wait for it.
    Told,
    /// Endpoints of the pool came or went there: the detector of the answering node reckons with restarts. Nothing waits for it.
    Endpoints,
}

impl DeploymentKnownBy {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            DeploymentKnownBy::Told => "told",
            DeploymentKnownBy::Endpoints => "endpoints",
        }
    }
}
