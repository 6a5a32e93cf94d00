//! What the ledger keeps of hosted zones beside the estate: records that updates brought, and DNSSEC keys.
//!
//! 1. A dynamic record is one that the estate neither declares nor steers; there are at most [`DynamicZone::RECORDS`] of all hosted
//!    zones together.
//! 2. A key's private part is sealed before it comes here; the ledger cannot open it. A key signs everything of its hosted zone.
//! 3. A key goes one way: published, active, retired, gone. Between two steps caches have [`ZoneKey::WAIT`] to let go of what was before.
//!
//! Not here: the rules of a change (`apply::updates`, `apply::zone_keys`), signing (`hf-dnssec`), answers (`hf-answer`).

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::PlainRecord;
use hf_hosted::update::{self, Change, Part, Prerequisite, Refused};
use hf_model::{DnsName, Revision, Timestamp, WireName};

/// What updates made of one hosted zone. It stays when no record is left: the serial goes on from its revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicZone {
    /// The hosted zone.
    pub name: DnsName,
    /// The entry that last changed it.
    pub revision: Revision,
    /// In order of owner, type and data, each once; of one owner and type the TTLs are equal.
    ///
    /// Shared: every intent of a state has them, and they may be a megabyte.
    pub records: Arc<[PlainRecord]>,
}

impl DynamicZone {
    /// Dynamic records of all hosted zones at most.
    pub const RECORDS: usize = 10_000;
    /// Bytes of data of all of them at most, 2 MiB: 200 for each. A record of a certificate authority's challenge has some 50.
    pub const BYTES: usize = 2 << 20;
}

/// A dynamic update (RFC 2136) whose signature was checked by whoever hands it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedUpdate {
    /// The hosted zone.
    pub hosted_zone: DnsName,
    /// The TSIG key that signed it; the estate says what it may change.
    pub key: DnsName,
    /// What must hold.
    pub prerequisites: Vec<UpdatePrerequisite>,
    /// What is to change, in order, all or nothing.
    pub changes: Vec<UpdateChange>,
}

impl HostedUpdate {
    /// Prerequisites and changes of one update at most, each.
    pub const PARTS: usize = 1_000;

    /// Reads the sections of a message.
    ///
    /// # Errors
    ///
    /// The code that the client is told. Names with letters that no name of ours has are refused: they could not be told in an estate.
    pub fn of_message(
        hosted_zone: &DnsName,
        key: &DnsName,
        prerequisites: &[Part],
        changes: &[Part],
    ) -> Result<HostedUpdate, UpdateRcode> {
        let apex = WireName::from(hosted_zone);
        let name = |wire: &WireName| DnsName::new(&wire.to_string()).map_err(|_| UpdateRcode::Refused);
        if prerequisites.len() > HostedUpdate::PARTS || changes.len() > HostedUpdate::PARTS {
            return Err(UpdateRcode::Refused);
        }
        let prerequisites = update::prerequisites(&apex, prerequisites).map_err(UpdateRcode::of)?;
        let changes = update::changes(&apex, changes).map_err(UpdateRcode::of)?;
        let prerequisite = |part: &Prerequisite| {
            Ok(match part {
                Prerequisite::NameInUse(of) => UpdatePrerequisite::NameInUse(name(of)?),
                Prerequisite::NameNotInUse(of) => UpdatePrerequisite::NameNotInUse(name(of)?),
                Prerequisite::SetExists(of, rtype) => UpdatePrerequisite::SetExists(name(of)?, *rtype),
                Prerequisite::SetMissing(of, rtype) => UpdatePrerequisite::SetMissing(name(of)?, *rtype),
                Prerequisite::SetHolds(of, rtype, rdata) => {
                    UpdatePrerequisite::RecordExists(name(of)?, *rtype, rdata.to_vec())
                }
            })
        };
        let change = |change: &Change| {
            Ok(match change {
                Change::Add(rr) => UpdateChange::Add(PlainRecord {
                    name: name(&rr.owner)?,
                    rtype: rr.rtype,
                    ttl: rr.ttl,
                    rdata: rr.rdata.to_vec(),
                }),
                Change::DeleteSet(of, rtype) => UpdateChange::DeleteSet(name(of)?, *rtype),
                Change::DeleteName(of) => UpdateChange::DeleteName(name(of)?),
                Change::Delete(of, rtype, rdata) => UpdateChange::Delete(name(of)?, *rtype, rdata.to_vec()),
            })
        };
        Ok(HostedUpdate {
            hosted_zone: hosted_zone.clone(),
            key: key.clone(),
            prerequisites: prerequisites.iter().map(prerequisite).collect::<Result<_, _>>()?,
            changes: changes.iter().map(change).collect::<Result<_, _>>()?,
        })
    }
}

/// What must hold for an update (RFC 2136 2.4). Data is in uncompressed wire form, here and below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdatePrerequisite {
    /// The name has a record.
    NameInUse(DnsName),
    /// The name has none.
    NameNotInUse(DnsName),
    /// There is a record of this name and type.
    SetExists(DnsName, u16),
    /// There is none.
    SetMissing(DnsName, u16),
    /// Together with the other parts of this name and type: these records and no others.
    RecordExists(DnsName, u16, Vec<u8>),
}

impl UpdatePrerequisite {
    /// The name that it is about.
    pub fn name(&self) -> &DnsName {
        match self {
            UpdatePrerequisite::NameInUse(name)
            | UpdatePrerequisite::NameNotInUse(name)
            | UpdatePrerequisite::SetExists(name, _)
            | UpdatePrerequisite::SetMissing(name, _)
            | UpdatePrerequisite::RecordExists(name, ..) => name,
        }
    }
}

/// What is to change (RFC 2136 2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateChange {
    /// Add a record.
    Add(PlainRecord),
    /// Delete a record, by owner, type and data.
    Delete(DnsName, u16, Vec<u8>),
    /// Delete all records of a name and type.
    DeleteSet(DnsName, u16),
    /// Delete all records of a name.
    DeleteName(DnsName),
}

impl UpdateChange {
    /// The name that changes.
    pub fn name(&self) -> &DnsName {
        match self {
            UpdateChange::Add(record) => &record.name,
            UpdateChange::Delete(name, ..)
            | UpdateChange::DeleteSet(name, _)
            | UpdateChange::DeleteName(name) => name,
        }
    }

    /// The type that changes; none: every type of the name.
    pub fn rtype(&self) -> Option<u16> {
        match self {
            UpdateChange::Add(record) => Some(record.rtype),
            UpdateChange::Delete(_, rtype, _) | UpdateChange::DeleteSet(_, rtype) => Some(*rtype),
            UpdateChange::DeleteName(_) => None,
        }
    }
}

/// Why an update was refused, as RFC 2136 2.2 numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UpdateRcode {
    /// It cannot be what it says.
    FormErr,
    /// A bound is reached.
    ServFail,
    /// A name that should be in use is not.
    NxDomain,
    /// Not by this key, or not here.
    Refused,
    /// A name that should not be in use is.
    YxDomain,
    /// A set that should not be there is.
    YxRrset,
    /// A set that should be there is not.
    NxRrset,
    /// This is not a hosted zone that updates can change.
    NotAuth,
    /// A name outside of the hosted zone.
    NotZone,
}

impl UpdateRcode {
    /// All of them.
    pub const ALL: [UpdateRcode; 9] = [
        UpdateRcode::FormErr,
        UpdateRcode::ServFail,
        UpdateRcode::NxDomain,
        UpdateRcode::Refused,
        UpdateRcode::YxDomain,
        UpdateRcode::YxRrset,
        UpdateRcode::NxRrset,
        UpdateRcode::NotAuth,
        UpdateRcode::NotZone,
    ];

    /// The code of what RFC 2136 itself refuses.
    pub fn of(refused: Refused) -> UpdateRcode {
        match refused {
            Refused::FormErr => UpdateRcode::FormErr,
            Refused::NxDomain => UpdateRcode::NxDomain,
            Refused::YxDomain => UpdateRcode::YxDomain,
            Refused::YxRrset => UpdateRcode::YxRrset,
            Refused::NxRrset => UpdateRcode::NxRrset,
            Refused::NotZone => UpdateRcode::NotZone,
        }
    }

    /// The code of this number.
    pub fn numbered(number: u8) -> Option<UpdateRcode> {
        UpdateRcode::ALL.into_iter().find(|code| code.number() == number)
    }

    /// Its number in a message.
    pub fn number(self) -> u8 {
        match self {
            UpdateRcode::FormErr => 1,
            UpdateRcode::ServFail => 2,
            UpdateRcode::NxDomain => 3,
            UpdateRcode::Refused => 5,
            UpdateRcode::YxDomain => 6,
            UpdateRcode::YxRrset => 7,
            UpdateRcode::NxRrset => 8,
            UpdateRcode::NotAuth => 9,
            UpdateRcode::NotZone => 10,
        }
    }
}

/// As `nsupdate` writes it.
impl std::fmt::Display for UpdateRcode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            UpdateRcode::FormErr => "FORMERR",
            UpdateRcode::ServFail => "SERVFAIL",
            UpdateRcode::NxDomain => "NXDOMAIN",
            UpdateRcode::Refused => "REFUSED",
            UpdateRcode::YxDomain => "YXDOMAIN",
            UpdateRcode::YxRrset => "YXRRSET",
            UpdateRcode::NxRrset => "NXRRSET",
            UpdateRcode::NotAuth => "NOTAUTH",
            UpdateRcode::NotZone => "NOTZONE",
        })
    }
}

/// One line for journals; what changed is in the event.
impl std::fmt::Display for HostedUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "update {} by key {}:", self.hosted_zone, self.key)?;
        for change in self.changes.iter().take(SHOWN) {
            let name = change.name();
            let rtype = change.rtype().map_or_else(|| "ANY".to_owned(), hf_config::type_text);
            let verb = if matches!(change, UpdateChange::Add(_)) { "add" } else { "delete" };
            write!(f, " {verb} {name} {rtype},")?;
        }
        match self.changes.len().saturating_sub(SHOWN) {
            0 => write!(f, " {} prerequisites", self.prerequisites.len()),
            more => write!(f, " {more} more changes, {} prerequisites", self.prerequisites.len()),
        }
    }
}

/// A DNSSEC key of a hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneKey {
    /// The hosted zone.
    pub hosted_zone: DnsName,
    /// The key tag of its DNSKEY record.
    pub tag: u16,
    /// 13 (ECDSA P-256) or 15 (Ed25519).
    pub algorithm: u8,
    /// The public key as in the DNSKEY record.
    pub public: Box<[u8]>,
    /// The private key, sealed; opaque here.
    pub sealed: Box<[u8]>,
    /// Where it is in its life.
    pub state: ZoneKeyState,
    /// Since when.
    pub since: Timestamp,
    /// The entry that last changed it.
    pub revision: Revision,
}

impl ZoneKey {
    /// Keys of one hosted zone at most.
    pub const OF_A_ZONE: usize = 8;
    /// Bytes of a sealed private key at most.
    pub const SEALED_BYTES: usize = 1_024;
    /// Between two steps of a key: the largest TTL of the DNSKEY sets that we serve.
    ///
    /// How long a parent's DS records live in caches is not ours to know: whoever rolls a key over watches that.
    pub const WAIT: Duration = Duration::from_hours(1);

    /// Bytes of a public key of this algorithm; none for one that is not spoken.
    pub fn public_bytes(algorithm: u8) -> Option<usize> {
        match algorithm {
            13 => Some(64),
            15 => Some(32),
            _ => None,
        }
    }

    /// When it may take its next step without force.
    pub fn next_at(&self) -> Timestamp {
        self.since.plus(ZoneKey::WAIT)
    }
}

/// Where a DNSSEC key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ZoneKeyState {
    /// In the DNSKEY set, and signs nothing yet.
    Published,
    /// It signs.
    Active,
    /// Still in the DNSKEY set, and signs no more.
    Retired,
}

impl std::fmt::Display for ZoneKeyState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ZoneKeyState::Published => "published",
            ZoneKeyState::Active => "active",
            ZoneKeyState::Retired => "retired",
        })
    }
}

/// What may be asked about DNSSEC keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneKeyCommand {
    /// Publish a key.
    Add {
        /// The hosted zone.
        hosted_zone: DnsName,
        /// Its key tag.
        tag: u16,
        /// 13 or 15.
        algorithm: u8,
        /// As in the DNSKEY record.
        public: Box<[u8]>,
        /// Sealed; 1 to [`ZoneKey::SEALED_BYTES`] bytes.
        sealed: Box<[u8]>,
    },
    /// Let it sign.
    Activate(ZoneKeyStep),
    /// Let it sign no more.
    Retire(ZoneKeyStep),
    /// Take it out of the DNSKEY set.
    Remove(ZoneKeyStep),
}

/// Which key takes a step, and whether it waits for caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneKeyStep {
    /// The hosted zone.
    pub hosted_zone: DnsName,
    /// The key.
    pub tag: u16,
    /// Whether it waits.
    pub pace: KeyPace,
}

/// Whether a step waits until caches have let go of what was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPace {
    /// It does.
    Patient,
    /// By the operator's word it does not, and the last active key may be retired.
    Forced,
}

impl ZoneKeyCommand {
    /// The hosted zone that it is about.
    pub fn hosted_zone(&self) -> &DnsName {
        match self {
            ZoneKeyCommand::Add { hosted_zone, .. } => hosted_zone,
            ZoneKeyCommand::Activate(step) | ZoneKeyCommand::Retire(step) | ZoneKeyCommand::Remove(step) => {
                &step.hosted_zone
            }
        }
    }
}

/// One line for journals.
impl std::fmt::Display for ZoneKeyCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (verb, step) = match self {
            ZoneKeyCommand::Add { hosted_zone, tag, algorithm, .. } => {
                return write!(f, "add DNSSEC key {tag} of algorithm {algorithm} to {hosted_zone}");
            }
            ZoneKeyCommand::Activate(step) => ("activate", step),
            ZoneKeyCommand::Retire(step) => ("retire", step),
            ZoneKeyCommand::Remove(step) => ("remove", step),
        };
        write!(f, "{verb} DNSSEC key {} of {}", step.tag, step.hosted_zone)?;
        if step.pace == KeyPace::Forced { f.write_str(", without waiting for caches") } else { Ok(()) }
    }
}
