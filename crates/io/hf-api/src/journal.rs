//! `GET /v1/journal`: decisions and who made them, and `GET /v1/journal/export`: the same as they were written, for who checks them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Lines after a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Journal {
    /// The node whose journal this is.
    pub node: String,
    /// Whether it keeps a ledger; one that does not tells its own decisions only.
    pub ledger: bool,
    /// Oldest first.
    pub lines: Vec<JournalLine>,
    /// Ask with `after` = this for what follows.
    pub next_after: u64,
    /// Whether lines between `after` and the first one here are gone: the journal keeps the newest ones only.
    pub gap: bool,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JournalLine {
    /// Grows by one with every line of this node.
    pub number: u64,
    /// When.
    pub at_ms: u64,
    /// What sort of line.
    pub kind: JournalKind,
    /// The ledger's revision, for lines about an entry; of the snapshot, for lines about a decision.
    pub revision: u64,
    /// Who asked; the node's name for its own decisions.
    pub by: String,
    /// From which address, for what was asked over the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What happened, in one sentence.
    pub text: String,
    /// Why: the operator's reason, the refusal, or the inputs of a decision.
    pub why: String,
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JournalKind {
    /// An entry of the ledger that changed something, or a break-glass act.
    Done,
    /// An entry of the ledger that was refused; nothing was changed.
    Refused,
    /// A write that was refused before it came to the ledger: who asked may not, is not known, or sent what cannot be read.
    #[serde(rename = "request-refused")]
    RequestRefused,
    /// This node's decision on a zone changed.
    Decision,
    /// A shift or pin is close to its end.
    Warning,
    /// Lines were left out, since too many came at once.
    Suppressed,
}

/// `GET /v1/journal/export`: lines as they were journalled, with the chain through them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JournalExport {
    /// The node whose journal this is.
    pub node: String,
    /// Oldest first.
    pub lines: Vec<ExportedLine>,
    /// The newest position of the journal; 0 before the first line.
    pub newest: u64,
}

/// One line as it was journalled.
///
/// `chain` is the SHA-256 over: the chain of the line before (32 zero bytes before line 1), `position` and `revision` (0 for none)
/// as eight bytes each, most significant first, and `line` as UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportedLine {
    /// 1, 2, 3, … in the order of writing.
    pub position: u64,
    /// The entry that it tells of; null for lines about health and decisions.
    pub revision: Option<u64>,
    /// The link of the chain, 64 hexadecimal digits.
    pub chain: String,
    /// The line: a JSON object, as the very text that was journalled.
    pub line: String,
}
