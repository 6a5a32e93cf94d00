//! Hosted zones (DNS zones that we answer for): what there is, dynamic updates, DNSSEC keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/hosted-zones`: every hosted zone of the estate in force, as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostedZones {
    /// The node that answers: each DNS node reads files and primaries by itself.
    pub node: String,
    /// The revision that the list stands on.
    pub revision: u64,
    /// In the order of the estate.
    pub hosted_zones: Vec<HostedZone>,
}

/// One hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostedZone {
    /// Its name, such as `example.test.`
    pub name: String,
    /// Where its plain records come from.
    pub source: HostedZoneSource,
    /// The serial of its SOA as this node answers it; null where this node does not answer DNS or has not got the zone.
    pub serial: Option<u32>,
    /// For a secondary: since when this node has contents that a primary has not confirmed anew, in ms; null for others.
    pub age_ms: Option<u64>,
    /// Plain records, dynamic ones apart; null where this node has not got the zone.
    pub records: Option<u64>,
    /// Steered names.
    pub steered: u64,
    /// Records that updates brought (RFC 2136).
    pub dynamic_records: u64,
    /// Whom it is handed to, in words; empty: nobody.
    pub transfers: Vec<String>,
    /// Who is told of a new serial.
    pub notify: Vec<String>,
    /// Keys that may hand in updates.
    pub update_keys: Vec<String>,
    /// What the estate says of its signing; null: it is not signed.
    pub dnssec: Option<DnssecWanted>,
    /// Its keys, by tag.
    pub keys: Vec<ZoneKey>,
    /// What is wrong with it on this node; null when all is well.
    pub problem: Option<String>,
}

/// Where the plain records of a hosted zone come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HostedZoneSource {
    /// The estate: its own text, or a master file that came with it.
    Estate,
    /// A master file on each DNS node.
    Node,
    /// A primary elsewhere.
    Secondary,
}

impl HostedZoneSource {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            HostedZoneSource::Estate => "estate",
            HostedZoneSource::Node => "node",
            HostedZoneSource::Secondary => "secondary",
        }
    }
}

/// What the estate says of a hosted zone's signing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DnssecWanted {
    /// The number of the algorithm: 13 (ECDSA P-256) or 15 (Ed25519).
    pub algorithm: u8,
    /// How long a signature is valid.
    pub validity_ms: u64,
}

/// `GET /v1/hosted-zones/{name}/keys`: a hosted zone's DNSSEC keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ZoneKeys {
    /// The hosted zone.
    pub hosted_zone: String,
    /// The revision that the list stands on.
    pub revision: u64,
    /// What the estate says of its signing; null: it is not signed, whatever keys there are.
    pub dnssec: Option<DnssecWanted>,
    /// By tag.
    pub keys: Vec<ZoneKey>,
}

/// One DNSSEC key. It signs everything (a combined key, flags 257).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ZoneKey {
    /// The key tag of its DNSKEY record (RFC 4034, appendix B).
    pub tag: u16,
    /// The number of its algorithm: 13 or 15.
    pub algorithm: u8,
    /// The public key as in the DNSKEY record, base64.
    pub public: String,
    /// Where it is in its life.
    pub state: ZoneKeyState,
    /// Since when.
    pub since_at_ms: u64,
    /// When it may take the next step (be activated, lose another key's company, be removed) without force.
    pub next_at_ms: u64,
    /// The entry that last changed it.
    pub revision: u64,
}

/// Where a DNSSEC key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ZoneKeyState {
    /// In the DNSKEY set, and signs nothing but that yet.
    Published,
    /// It signs.
    Active,
    /// Still in the DNSKEY set, and signs no more.
    Retired,
}

impl ZoneKeyState {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ZoneKeyState::Published => "published",
            ZoneKeyState::Active => "active",
            ZoneKeyState::Retired => "retired",
        }
    }
}

/// `POST /v1/hosted-zones/{name}/keys`: add a key; it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddZoneKey {
    /// The key tag of its DNSKEY record.
    pub tag: u16,
    /// 13 or 15.
    pub algorithm: u8,
    /// The public key as in the DNSKEY record, base64; 64 bytes for 13, 32 for 15.
    pub public: String,
    /// The private key, sealed with the nodes' `dns.seal_file`, base64; at most 1,024 bytes. The ledger cannot open it.
    pub sealed: String,
    /// As in [`crate::SetControls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `PUT /v1/hosted-zones/{name}/keys/{tag}`: let a key take its next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveZoneKey {
    /// `active` or `retired`.
    pub to: ZoneKeyState,
    /// Without waiting until caches have let go of what was before; and the last active key may be retired.
    #[serde(default)]
    pub force: bool,
    /// As in [`crate::SetControls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `POST /v1/hosted-zones/{name}/updates`: a dynamic update (RFC 2136) whose signature the sender has checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateHostedZone {
    /// The TSIG key that signed it, such as `acme.example.test.`; the estate says what it may change.
    pub key: String,
    /// What must hold, in order.
    #[serde(default)]
    pub prerequisites: Vec<UpdatePrerequisite>,
    /// What is to change, in order, all or nothing.
    pub changes: Vec<UpdateChange>,
    /// As in [`crate::SetControls`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One prerequisite (RFC 2136 2.4). Types are numbers, data is in wire form without compression, as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UpdatePrerequisite {
    /// The name has a record.
    NameInUse {
        /// Its name.
        name: String,
    },
    /// The name has none.
    NameNotInUse {
        /// Its name.
        name: String,
    },
    /// There is a record of this type.
    SetExists {
        /// Its name.
        name: String,
        /// The number of the type.
        rtype: u16,
    },
    /// There is none.
    SetMissing {
        /// Its name.
        name: String,
        /// The number of the type.
        rtype: u16,
    },
    /// Together with the other lines of its name and type: these records and no others.
    RecordExists {
        /// Its name.
        name: String,
        /// The number of the type.
        rtype: u16,
        /// Its data.
        rdata: String,
    },
}

/// One change (RFC 2136 2.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UpdateChange {
    /// Add a record.
    Add {
        /// Its name.
        name: String,
        /// The number of the type.
        rtype: u16,
        /// Its TTL.
        ttl_s: u32,
        /// Its data.
        rdata: String,
    },
    /// Delete one record.
    Delete {
        /// Its name.
        name: String,
        /// The number of the type.
        rtype: u16,
        /// Its data.
        rdata: String,
    },
    /// Delete all records of a type.
    DeleteSet {
        /// Its name.
        name: String,
        /// The number of the type.
        rtype: u16,
    },
    /// Delete all records of a name.
    DeleteName {
        /// Its name.
        name: String,
    },
}

/// The answer to an update, done or not: for DNS both are an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateDone {
    /// The revision that did it.
    pub revision: u64,
}
