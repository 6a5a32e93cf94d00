//! Whole zones and what changed, to whoever may have them (RFC 5936, RFC 1995).
//!
//! 1. What is offered is one version with its history: what the zone answers, steered names as they answer now (`transfer::publish`).
//! 2. A client is let in by network and key, as the hosted zone's rules say; nobody without a rule.
//! 3. IXFR gets the steps from its serial, the SOA alone when it has the newest, and the whole zone when the history does not go back so far.
//! 4. One version is sent from its first to its last message, whatever comes meanwhile.
//!
//! Not here: how messages are laid out (`hf-wire`), signatures (`requests`).

pub(crate) mod fetch;
pub(crate) mod publish;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use hf_hosted::history::{History, is_newer};
use hf_hosted::{Contents, Rr};
use hf_model::WireName;
use hf_snapshot::Snapshot;
use hf_wire::build::{Builder, Full, Section};
use hf_wire::transfer::{Outgoing, Request};
use hf_wire::{Head, Question, Rcode};
use tracing::{debug, warn};

use crate::requests::Finish;
use crate::stream::{Answers, Gone};

/// Steps of a zone's history.
pub(crate) const HISTORY_STEPS_MAX: usize = 1_000;

/// Bytes of a zone's history.
pub(crate) const HISTORY_BYTES_MAX: usize = 8 << 20;

const SOA: u16 = 6;

/// One zone as it may be had.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) contents: Contents,
    pub(crate) history: History,
}

/// All zones that may be had, by apex.
#[derive(Debug, Default)]
pub(crate) struct Offers(RwLock<BTreeMap<WireName, Arc<Offer>>>);

impl Offers {
    pub(crate) fn get(&self, apex: &WireName) -> Option<Arc<Offer>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&apex.folded()).cloned()
    }

    pub(crate) fn put(&self, offer: Offer) {
        let apex = offer.contents.apex().folded();
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(apex, Arc::new(offer));
    }

    pub(crate) fn keep_only(&self, wanted: impl Fn(&WireName) -> bool) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|apex, _| wanted(apex));
    }
}

impl Offer {
    pub(crate) fn serial(&self) -> u32 {
        self.contents.serial()
    }

    /// The SOA as a record.
    pub(crate) fn soa(&self) -> Option<Rr> {
        let (ttl, rdata) = self.contents.soa()?.rdata().next_with_ttl()?;
        Some(Rr { owner: self.contents.apex().clone(), rtype: SOA, ttl, rdata: rdata.into() })
    }

    /// The answer to an IXFR over UDP: the SOA and nothing else.
    pub(crate) fn soa_reply(&self, head: Head, question: &Question) -> Vec<u8> {
        let limit = usize::from(hf_wire::UDP_PAYLOAD_MAX);
        let mut builder = Builder::response(head, Rcode::NO_ERROR, limit).authoritative().question(question);
        if let Some(soa) = self.soa() {
            let _ = builder.push(Section::Answer, (soa.owner.as_wire(), SOA, 1, soa.ttl), &soa.rdata);
        }
        builder.finish()
    }
}

/// Whether a hosted zone may be had from this address with this key.
///
/// # Errors
///
/// NOTAUTH for a zone that is not hosted here, REFUSED for a client that no rule lets in.
pub(crate) fn is_allowed(
    snapshot: &Snapshot,
    apex: &WireName,
    client: IpAddr,
    key: Option<&WireName>,
) -> Result<(), Rcode> {
    let zone = crate::requests::hosted_zone_at(snapshot, apex).ok_or(Rcode::NOT_AUTH)?;
    let client = client.to_canonical();
    let holds = snapshot.estate.hosted_zones[zone].transfers.allow.iter().any(|rule| {
        let network = rule.network.is_none_or(|network| network.contains(client));
        let signed = rule.key.as_ref().is_none_or(|wanted| key == Some(&WireName::from(wanted)));
        // A rule without either would let everybody in; the estate's reader refuses it, and so does this.
        network && signed && (rule.network.is_some() || rule.key.is_some())
    });
    if holds { Ok(()) } else { Err(Rcode::REFUSED) }
}

/// Sends a version, or what of it the client lacks. Ends early when nobody listens.
pub(crate) async fn send(offer: &Offer, head: Head, request: &Request, finish: Finish, answers: &Answers) {
    let Some(soa) = offer.soa() else { return };
    let out = Outgoing::new(head, &request.question, finish.room());
    let mut sending = Sending { out: Some(out), finish, answers, owner: Vec::new(), records: 0 };
    let sent = match request.held {
        Some(held) if !is_newer(offer.serial(), held) => sending.rr(&soa).await,
        Some(held) => match offer.history.since(held) {
            Some(steps) => sending.steps(&soa, &steps).await,
            None => sending.whole(offer, &soa).await,
        },
        None => sending.whole(offer, &soa).await,
    };
    let ended = match sent {
        Ok(()) => sending.end().await,
        Err(why) => Err(why),
    };
    let zone = &request.question.name;
    match ended {
        Ok(records) => debug!(%zone, records, serial = offer.serial(), "a transfer is done"),
        Err(Stopped::Gone) => debug!(%zone, "a client left before its transfer was done"),
        Err(Stopped::TooLarge) => {
            warn!(%zone, "a record does not fit into any message; the transfer is broken off, shorten the record");
        }
    }
}

/// Why a transfer is not finished.
enum Stopped {
    /// Nobody listens.
    Gone,
    /// A record that fits into no message.
    TooLarge,
}

impl From<Full> for Stopped {
    fn from(Full: Full) -> Self {
        Stopped::TooLarge
    }
}

struct Sending<'a> {
    out: Option<Outgoing>,
    finish: Finish,
    answers: &'a Answers,
    owner: Vec<u8>,
    records: u64,
}

impl Sending<'_> {
    async fn whole(&mut self, offer: &Offer, soa: &Rr) -> Result<(), Stopped> {
        for record in offer.contents.records() {
            self.owner.clear();
            record.write_owner(&mut self.owner);
            let owner = std::mem::take(&mut self.owner);
            let pushed = self.push((&owner, record.rtype, record.ttl), record.rdata).await;
            self.owner = owner;
            pushed?;
        }
        self.rr(soa).await
    }

    async fn steps(&mut self, soa: &Rr, steps: &[hf_hosted::history::Step]) -> Result<(), Stopped> {
        self.rr(soa).await?;
        for step in steps {
            for rr in step.changes.removed.iter().chain(&step.changes.added) {
                self.rr(rr).await?;
            }
        }
        self.rr(soa).await
    }

    async fn rr(&mut self, rr: &Rr) -> Result<(), Stopped> {
        self.push((rr.owner.as_wire(), rr.rtype, rr.ttl), &rr.rdata).await
    }

    async fn push(&mut self, fixed: (&[u8], u16, u32), rdata: &[u8]) -> Result<(), Stopped> {
        self.records += 1;
        let full = self.out.as_mut().map(|out| out.push(fixed, rdata)).transpose()?.flatten();
        match full {
            Some(message) => self.message(message).await,
            None => Ok(()),
        }
    }

    async fn message(&mut self, message: Vec<u8>) -> Result<(), Stopped> {
        let message = self.finish.next(message);
        self.answers.send(message).await.map_err(|Gone| Stopped::Gone)
    }

    async fn end(mut self) -> Result<u64, Stopped> {
        if let Some(out) = self.out.take() {
            self.message(out.finish()).await?;
        }
        Ok(self.records)
    }
}
