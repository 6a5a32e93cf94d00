//! What every refused request is answered with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was refused, and how to put it right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// One word for programs; see [`code`].
    pub code: String,
    /// What is wrong, and where.
    pub message: String,
    /// How to put it right.
    pub mend: String,
    /// Whether the same request, with the same request id, may be taken elsewhere or a little later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retry: bool,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if !self.mend.is_empty() {
            write!(f, "; {}", self.mend)?;
        }
        Ok(())
    }
}

/// The values of [`Problem::code`]. New ones may come; a client treats one that it does not know by the HTTP status.
pub mod code {
    /// 400: the request cannot be read.
    pub const BAD_REQUEST: &str = "bad-request";
    /// 401: nothing was shown that tells who asks.
    pub const NO_TOKEN: &str = "no-token";
    /// 401: a token or certificate that this node does not know, or that has ended. 403: a signature that is not good.
    pub const BAD_TOKEN: &str = "bad-token";
    /// 403: it is known who asks, and a role or a scope is missing; the message says which.
    pub const FORBIDDEN: &str = "forbidden";
    /// 404: no such route or thing.
    pub const NOT_FOUND: &str = "not-found";
    /// 405: the route takes other methods.
    pub const METHOD: &str = "method-not-allowed";
    /// 408: the body came too slowly.
    pub const SLOW_BODY: &str = "slow-body";
    /// 409: a rule of the state forbids it.
    pub const REFUSED: &str = "refused";
    /// 409: a shift takes the same out of the zone already; the message names it.
    pub const ALREADY_SHIFTED: &str = "already-shifted";
    /// 409: another zone of the same region is being left.
    pub const OTHER_ZONE_SHIFTED: &str = "other-zone-shifted";
    /// 409: another zone of the resource is being deployed to, is away or is impaired; the message names it.
    pub const ZONE_EDGE: &str = "zone-edge";
    /// 409: too little would stay in service.
    pub const FLOOR: &str = "floor";
    /// 409: a safety rule forbids it; the message names it.
    pub const SAFETY_RULE: &str = "safety-rule";
    /// 409: a safety rule waits after an earlier change; the message says how long still.
    pub const WAITING: &str = "waiting";
    /// 409: the shift has ended.
    pub const NOT_ACTIVE: &str = "not-active";
    /// 412: the state moved on from what the caller read.
    pub const STALE: &str = "stale";
    /// 413: the body is too large.
    pub const TOO_LARGE: &str = "too-large";
    /// 422: the estate has problems; the message lists all of them, one a line.
    pub const BAD_ESTATE: &str = "bad-estate";
    /// 429: more a second than is taken; nothing was changed.
    pub const TOO_FAST: &str = "too-fast";
    /// 503: this node has no checker; the message names nodes that have one.
    pub const NO_CHECKER: &str = "no-checker";
    /// 503: this node keeps no ledger; another one does.
    pub const NO_LEDGER: &str = "no-ledger";
    /// 503: the ledger cannot be written; nothing was changed.
    pub const LEDGER_FAILED: &str = "ledger-failed";
    /// 503: the nodes hold more than the ledger, which was lost or restored; nothing was changed.
    pub const LEDGER_BEHIND: &str = "ledger-behind";
    /// 503: the ledger has no quorum, or none of its engine's endpoints answers; whether a write was made is not known.
    pub const NO_QUORUM: &str = "no-quorum";
    /// 503: too much is waiting already; retry.
    pub const BUSY: &str = "busy";
    /// 503: this node has no snapshot yet.
    pub const NOT_READY: &str = "not-ready";
    /// Updates of hosted zones, each as RFC 2136 2.2 names it: it cannot be what it says.
    pub const UPDATE_FORMERR: &str = "update-formerr";
    /// A bound is reached.
    pub const UPDATE_SERVFAIL: &str = "update-servfail";
    /// A name that should be in use is not.
    pub const UPDATE_NXDOMAIN: &str = "update-nxdomain";
    /// Not by this key, or declared in the estate.
    pub const UPDATE_REFUSED: &str = "update-refused";
    /// A name that should not be in use is.
    pub const UPDATE_YXDOMAIN: &str = "update-yxdomain";
    /// A set that should not be there is.
    pub const UPDATE_YXRRSET: &str = "update-yxrrset";
    /// A set that should be there is not.
    pub const UPDATE_NXRRSET: &str = "update-nxrrset";
    /// Not a hosted zone that updates change.
    pub const UPDATE_NOTAUTH: &str = "update-notauth";
    /// A name outside of the hosted zone.
    pub const UPDATE_NOTZONE: &str = "update-notzone";
}
