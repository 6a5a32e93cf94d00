//! Hosted zones: DNS zones that we answer for, what stands in them and who may read or change that.

use std::net::SocketAddr;
use std::time::Duration;

use hf_model::{Cidr, DnsName};

/// A DNS zone that we answer for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZone {
    /// Its apex.
    pub name: DnsName,
    /// Start of authority: from the master file, or made up with `serial` = the ledger revision.
    pub soa: Option<Soa>,
    /// Plain records other than the SOA, of the master file and of the estate file; of one name and type the TTLs are equal (RFC 2181 5.2).
    /// Includes the apex NS set. Empty unless the source is [`ZoneSource::Estate`].
    pub plain: Vec<PlainRecord>,
    /// Where its plain records are.
    pub source: ZoneSource,
    /// Which serial its SOA shows.
    pub serial: SerialPolicy,
    /// Who may have all of it, and who is told of changes.
    pub transfers: Transfers,
    /// Who may change what of it by RFC 2136. Empty: nobody.
    pub updates: Vec<UpdateRule>,
    /// How it is signed, if it is.
    pub dnssec: Option<DnssecPolicy>,
}

impl HostedZone {
    /// An empty one that nobody may transfer or change.
    pub fn new(name: DnsName) -> Self {
        HostedZone {
            name,
            soa: None,
            plain: Vec::new(),
            source: ZoneSource::Estate,
            serial: SerialPolicy::Revision,
            transfers: Transfers::default(),
            updates: Vec::new(),
            dnssec: None,
        }
    }
}

/// Where the plain records of a hosted zone are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ZoneSource {
    /// In the estate: `file = …`, records with `values`, or nowhere.
    #[default]
    Estate,
    /// Each DNS node reads `<name>zone` in its `zone_dir`: for what is too large for the ledger.
    NodeFile,
    /// Each DNS node transfers it from these, at least one.
    Secondary(Vec<Remote>),
}

/// Another name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it listens.
    pub address: SocketAddr,
    /// The TSIG key between us; its secret is in the node file.
    pub key: Option<DnsName>,
}

/// Which serial the SOA shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialPolicy {
    /// That of the master file, of the primary. The default where there is one.
    Written,
    /// The ledger's revision. The default otherwise.
    Revision,
    /// Seconds by each node's clock, never backwards: where secondaries fetch names whose answers change between revisions.
    Time,
}

impl std::fmt::Display for SerialPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SerialPolicy::Written => "written",
            SerialPolicy::Revision => "revision",
            SerialPolicy::Time => "time",
        })
    }
}

/// Who may have all of a hosted zone, and who is told of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// One that holds is enough. Empty: nobody.
    pub allow: Vec<TransferRule>,
    /// Who is sent NOTIFY.
    pub notify: Vec<Remote>,
}

/// Who may transfer: at least one of the two is given, and all that are given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRule {
    /// Where they ask from.
    pub network: Option<Cidr>,
    /// What they sign with.
    pub key: Option<DnsName>,
}

/// Who may change what by RFC 2136.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRule {
    /// What they sign with.
    pub key: DnsName,
    /// Which names; at least one.
    pub names: Vec<NamePattern>,
    /// Which types. Empty: all that may be updated.
    pub types: Vec<u16>,
}

/// One name or many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePattern {
    /// This very name.
    Exactly(DnsName),
    /// Every name below this one, itself not included; as written: `*.x.`.
    Below(DnsName),
}

impl NamePattern {
    /// Whether `name` is one of them.
    pub fn holds(&self, name: &DnsName) -> bool {
        match self {
            NamePattern::Exactly(only) => name == only,
            NamePattern::Below(apex) => name != apex && name.is_at_or_below(apex),
        }
    }
}

/// As written.
impl std::fmt::Display for NamePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NamePattern::Exactly(name) => write!(f, "{name}"),
            NamePattern::Below(apex) if apex.as_str() == "." => f.write_str("*."),
            NamePattern::Below(apex) => write!(f, "*.{apex}"),
        }
    }
}

/// How a hosted zone is signed. The keys are the ledger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnssecPolicy {
    /// With what.
    pub algorithm: DnssecAlgorithm,
    /// For how long a signature holds; made anew when half is left. 1 day to 90 days, default 14 days: a weekend without anybody who looks,
    /// and some.
    pub validity: Duration,
}

/// What signs. The number is IANA's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DnssecAlgorithm {
    /// RFC 6605. The default: every validator knows it.
    EcdsaP256Sha256 = 13,
    /// RFC 8080.
    Ed25519 = 15,
}

/// As written.
impl std::fmt::Display for DnssecAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DnssecAlgorithm::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            DnssecAlgorithm::Ed25519 => "ed25519",
        })
    }
}

/// Start of authority (RFC 1035 3.3.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soa {
    /// Primary name server.
    pub mname: DnsName,
    /// Mailbox of who is responsible.
    pub rname: DnsName,
    /// Version.
    pub serial: u32,
    /// Seconds.
    pub refresh: u32,
    /// Seconds.
    pub retry: u32,
    /// Seconds.
    pub expire: u32,
    /// Seconds for which "no" may be kept (RFC 2308); default 5 here, since steered names come and go.
    pub minimum: u32,
    /// The record's own TTL, seconds.
    pub ttl: u32,
}

/// A record that is always the same: its data in uncompressed wire form, so that any type can be carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainRecord {
    /// Owner.
    pub name: DnsName,
    /// Type number: 1 A, 28 AAAA, …
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// RDATA, uncompressed.
    pub rdata: Vec<u8>,
}

/// A name that answers A and AAAA as another one does, also at an apex, where no CNAME can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Owner; inside one of the hosted zones.
    pub name: DnsName,
    /// Whose answers: a name of our own hosted zones, steered, plain, zonal, or another alias; no ring.
    pub to: DnsName,
    /// The hosted zone that it lies in, as a position in [`Estate::hosted_zones`](super::Estate::hosted_zones).
    pub hosted_zone: u16,
}
