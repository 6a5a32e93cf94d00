//! `GET /v1/closing-sources`: what stores outside say of zones, and what was made of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All closing sources of the estate, each with every zone that it may close.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClosingSources {
    /// Whether the node that answers is the one that looks and acts; on others `finding` and `stores` are empty.
    pub acts_here: bool,
    /// The node that looks and acts: the first by name of those with the control role that are heard. Null: none is heard.
    pub acts_at: Option<String>,
    /// In the estate's order.
    pub sources: Vec<ClosingSource>,
}

/// One zone of one closing source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClosingSource {
    /// The source. Its shifts are begun by `closing-source/` and this.
    #[schema(example = "runbook")]
    pub name: String,
    /// The zone that it may close.
    pub zone: String,
    /// What leaves it: `everything` or `pool/NAME`.
    pub resource: String,
    /// How many stores must say the same.
    pub quorum: u8,
    /// Whether what is there closes the zone; else what is not there does.
    pub inverted: bool,
    /// `closed`, `open` or `undecided` (no quorum); null before the first look, and where another node looks.
    pub finding: Option<String>,
    /// Why, in words; empty without a finding.
    pub why: String,
    /// Since when the finding is the same, as the acting node saw it.
    pub since_ms: Option<u64>,
    /// When the newest look ended.
    pub looked_at_ms: Option<u64>,
    /// What follows of it: `quiet`, `wait`, `start`, `outranked`, `left`, `stay`, `renew`, `end` or `leave-to-expire`.
    pub word: Option<String>,
    /// The same in words.
    pub text: String,
    /// The source's shift that is in force.
    pub shift: Option<String>,
    /// Why the ledger does not let the zone go, while it is closed.
    pub refused: Option<String>,
    /// The stores, in the estate's order.
    pub stores: Vec<ClosingStore>,
}

/// One store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClosingStore {
    /// What is looked for, and where.
    #[schema(example = "file /var/lib/holdfast/closed/use1-az1")]
    pub store: String,
    /// `there`, `absent` or `silent`; null before the first look, and where another node looks.
    pub says: Option<String>,
    /// What was seen, or why it is silent; empty for `absent`.
    pub why: String,
}
