//! Results of pushed health checks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// All is well.
    Pass,
    /// It is not.
    Fail,
}

impl CheckResult {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckResult::Pass => "pass",
            CheckResult::Fail => "fail",
        }
    }
}

/// `POST /v1/health-checks/{check}/results`: a result, for the checker of the node that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushResult {
    /// One endpoint of a pool that names the check: `10.1.1.10:8080`. Without one it is about the check as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Whether all is well.
    pub result: CheckResult,
    /// Why, for people; at most 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How long it counts, such as `30s`: 1 s to 24 h, default the check's `lease`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<String>,
}

/// A result counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushedTo {
    /// The node whose checker has it.
    pub node: String,
    /// The check.
    pub check: String,
    /// The endpoint; null: the check as a whole.
    pub endpoint: Option<String>,
    /// What the checker holds of it now: `rise`, `fall` and `inverted` of the check counted.
    pub healthy: bool,
    /// How long the result counts.
    pub valid_for_ms: u64,
}

/// `GET /v1/health-checks/{check}/results`: what one node's checker was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckResults {
    /// The node that answers.
    pub node: String,
    /// The check.
    pub check: String,
    /// Results beyond `limit`.
    pub left_out: u64,
    /// The last one of each subject.
    pub results: Vec<ToldResult>,
}

/// The last result of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToldResult {
    /// The endpoint; null: the check as a whole.
    pub endpoint: Option<String>,
    /// What was told.
    pub result: CheckResult,
    /// Why.
    pub text: String,
    /// Who said so.
    pub by: String,
    /// How long ago.
    pub ago_ms: u64,
    /// How much longer it counts; 0: it has run out.
    pub left_ms: u64,
    /// What the checker holds of it; null: unknown.
    pub healthy: Option<bool>,
}
