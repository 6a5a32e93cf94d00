//! RFC 2136 UPDATE: what a signed message asks for, handed to whoever can change the ledger.
//!
//! 1. Only signed updates, by a key that the hosted zone's `updates` name; else REFUSED.
//! 2. Only hosted zones whose records are the estate's: NOTAUTH for what is not ours, REFUSED for a zone that comes from a file on this
//!    node or from a primary.
//! 3. The form is judged here, as RFC 2136 3.2 and 3.4.1 have it: classes, TTLs, empty data, names inside of the zone. Whether prerequisites
//!    hold and the key may change this very name is judged where the change is made, in one place for all nodes.
//! 4. The same message again (UDP loses answers) carries the same request id, and has its effect once.
//!
//! Not here: the change itself (`hf-control`), the way to a control node (`hf-node`).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use hf_config::estate::{PlainRecord, ZoneSource};
use hf_control::{UpdateChange, UpdatePrerequisite};
use hf_model::{Digest, DnsName, RequestId, WireName};
use hf_snapshot::Snapshot;
use hf_wire::Rcode;
use hf_wire::records::Record;
use hf_wire::tsig::Signer;
use hf_wire::update::Update;

/// For a control node to answer; then SERVFAIL, and the client asks again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Classes as they are used here (RFC 2136 1.2).
mod class {
    pub const IN: u16 = 1;
    pub const NONE: u16 = 254;
    pub const ANY: u16 = 255;
}

/// Every type.
const ANY: u16 = 255;

/// An update that may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRequest {
    /// The hosted zone.
    pub hosted_zone: DnsName,
    /// Who signed it.
    pub key: DnsName,
    /// What must hold.
    pub prerequisites: Vec<UpdatePrerequisite>,
    /// What is to change, in order, all or nothing.
    pub changes: Vec<UpdateChange>,
    /// The same for the same message.
    pub request_id: RequestId,
}

/// An answer that takes a while.
pub type Answering = Pin<Box<dyn Future<Output = Rcode> + Send>>;

/// Whoever can change the ledger.
pub trait Updates: Send + Sync {
    /// Tries it, and says how it went with an rcode of RFC 2136 2.2.
    fn update(&self, request: UpdateRequest) -> Answering;
}

/// Judges the form of an update and who sent it.
///
/// # Errors
///
/// The rcode to answer.
pub(crate) fn check(
    snapshot: &Snapshot,
    update: &Update,
    signer: Option<&Signer>,
) -> Result<UpdateRequest, Rcode> {
    let zone = crate::requests::hosted_zone_at(snapshot, &update.question.name).ok_or(Rcode::NOT_AUTH)?;
    let hosted = &snapshot.estate.hosted_zones[zone];
    let signer = signer.ok_or(Rcode::REFUSED)?;
    let key = dns_name(signer.key_name()).ok_or(Rcode::REFUSED)?;
    if hosted.source != ZoneSource::Estate || !hosted.updates.iter().any(|rule| rule.key == key) {
        return Err(Rcode::REFUSED);
    }
    let inside = |record: &Record| match dns_name(&record.name) {
        Some(name) if name.is_at_or_below(&hosted.name) => Ok(name),
        Some(_) => Err(Rcode::NOT_ZONE),
        // A name that a hosted zone cannot have: nothing about it can be changed.
        None => Err(Rcode::REFUSED),
    };
    let prerequisites = update.prerequisites.iter().map(|record| prerequisite(record, inside(record)?));
    let changes = update.changes.iter().map(|record| change(record, inside(record)?));
    Ok(UpdateRequest {
        prerequisites: prerequisites.collect::<Result<_, _>>()?,
        changes: changes.collect::<Result<_, _>>()?,
        request_id: request_id(signer.prior(), &key),
        hosted_zone: hosted.name.clone(),
        key,
    })
}

/// As a name of the estate; none when it has letters that such a name cannot have.
fn dns_name(name: &WireName) -> Option<DnsName> {
    DnsName::new(&name.folded().to_string()).ok()
}

/// The signature covers the message and the second, so it is the same only for the same message sent again.
fn request_id(signature: &[u8], key: &DnsName) -> RequestId {
    let digest = Digest::of(&[key.as_str().as_bytes(), b"\n", signature].concat());
    let text: String = digest.to_string().chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    RequestId::new(&format!("update-{}", text.to_ascii_lowercase())).expect("letters and digits, below 63")
}

/// RFC 2136 3.2.
fn prerequisite(record: &Record, name: DnsName) -> Result<UpdatePrerequisite, Rcode> {
    if record.ttl != 0 {
        return Err(Rcode::FORM_ERR);
    }
    let empty = record.rdata.is_empty();
    match (record.class, record.rtype) {
        (class::ANY, ANY) if empty => Ok(UpdatePrerequisite::NameInUse(name)),
        (class::ANY, rtype) if empty => Ok(UpdatePrerequisite::SetExists(name, rtype)),
        (class::NONE, ANY) if empty => Ok(UpdatePrerequisite::NameNotInUse(name)),
        (class::NONE, rtype) if empty => Ok(UpdatePrerequisite::SetMissing(name, rtype)),
        (class::IN, rtype) if !is_meta(rtype) => {
            Ok(UpdatePrerequisite::RecordExists(name, rtype, record.rdata.clone()))
        }
        _ => Err(Rcode::FORM_ERR),
    }
}

/// RFC 2136 3.4.1.
fn change(record: &Record, name: DnsName) -> Result<UpdateChange, Rcode> {
    let unset = record.ttl == 0;
    match (record.class, record.rtype) {
        (class::IN, rtype) if !is_meta(rtype) => {
            Ok(UpdateChange::Add(PlainRecord { name, rtype, ttl: record.ttl, rdata: record.rdata.clone() }))
        }
        (class::ANY, ANY) if unset && record.rdata.is_empty() => Ok(UpdateChange::DeleteName(name)),
        (class::ANY, rtype) if unset && record.rdata.is_empty() && !is_meta(rtype) => {
            Ok(UpdateChange::DeleteSet(name, rtype))
        }
        (class::NONE, rtype) if unset && !is_meta(rtype) => {
            Ok(UpdateChange::Delete(name, rtype, record.rdata.clone()))
        }
        _ => Err(Rcode::FORM_ERR),
    }
}

/// Types that stand in messages only: OPT, the signatures of messages, questions.
fn is_meta(rtype: u16) -> bool {
    matches!(rtype, 0 | 41 | 128..=255)
}
