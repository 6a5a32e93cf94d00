//! The estate: read, compare, apply.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/estate`: the estate in force, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EstateInfo {
    /// The entry that brought it; 0 before the first one. What `If-Match` wants.
    pub revision: u64,
    /// SHA-256 of text and files, in hexadecimal.
    pub digest: String,
    /// The text of `estate.toml`; empty before the first one.
    pub toml: String,
    /// The master files: name as written in `file = …`, and content.
    pub files: BTreeMap<String, String>,
}

/// `PUT /v1/estate` and `POST /v1/estate/diff`: an estate as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyEstate {
    /// The text of `estate.toml`.
    pub toml: String,
    /// The master files that it names, and their content. All text together has at most 16 MiB.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Only if the estate in force came with this revision (0: none yet). The header `If-Match` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<u64>,
    /// Repeated, the request has its first answer again and no effect. 1 to 63 of `a-z 0-9 -`. Without one the node makes one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// The estate's revision that this was compared with; give it to `PUT` as `If-Match`.
    pub revision: u64,
    /// By kind, then by name; empty when nothing would change.
    pub changes: Vec<Change>,
}

/// One thing that would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// How.
    pub kind: ChangeKind,
    /// What: `pool web`, `record www.example.test. A`, …
    pub what: String,
    /// What of it: `endpoint 10.1.1.10:8080 weight 100 -> 50`; empty when it comes or goes as a whole.
    pub detail: String,
}

/// How something would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It stays and changes.
    Changed,
}
