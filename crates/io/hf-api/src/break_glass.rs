//! `POST /v1/break-glass`: a signed shift for when no ledger can be reached.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::shift::Effect;

/// A shift signed by an operator's key (Ed25519).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedBreakGlass {
    /// The estate that it is for, 32 hexadecimal digits: `estate_id` of any node's status.
    pub estate: String,
    /// The zone that is left, wholly.
    pub zone: String,
    /// Why.
    pub reason: String,
    /// The name of the key.
    pub by: String,
    /// When it was signed.
    pub signed_at_ms: u64,
    /// When it ends; equal to `signed_at_ms` to cancel.
    pub ends_at_ms: u64,
    /// The signature over all of the above, base64.
    pub signature: String,
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BreakGlassAnswer {
    /// The node that took it.
    pub node: String,
    /// What it did with it.
    pub text: String,
    /// Whether nothing was changed, as asked.
    #[serde(default)]
    pub rehearsed: bool,
    /// What comes of a shift on this node, as it decides now: where it does nothing, and why.
    #[serde(default)]
    pub effect: Effect,
    /// Of a cancel: why the zone stays away on this node all the same; null when it does not.
    #[serde(default)]
    pub stays: Option<String>,
}
