//! Uses an estate as a node would: decides, compiles for every plane, asks.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use hf_answer::{Answer, AnswerRecord, Asked, Asker, Compiled, ExplainTxt};
use hf_balance::Plan;
use hf_config::estate::{AddressFamily, Estate, EstateBundle};
use hf_control::Intent;
use hf_health::Verdicts;
use hf_model::{Revision, Timestamp, WireName};
use hf_snapshot::Snapshot;
use hf_wire::{Query, Rcode, RecordRef, Reply, Transport};

use crate::bundle::FILE;

/// When everything here happens.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// An estate with everything in it, ready to answer: `examples/all-options`.
pub(crate) static EXAMPLE: LazyLock<Compiled> = LazyLock::new(|| {
    let bundle = EstateBundle {
        toml: include_str!("../../../../examples/all-options/estate.toml").to_owned(),
        files: [
            (
                "example.test.zone".to_owned(),
                include_str!("../../../../examples/all-options/example.test.zone").to_owned(),
            ),
            (
                "services-ca.pem".to_owned(),
                include_str!("../../../../examples/all-options/services-ca.pem").to_owned(),
            ),
        ]
        .into(),
    };
    let estate = hf_config::read_estate(FILE, &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    Compiled::new(Arc::new(snapshot(bundle, estate)), Arc::default())
});

/// The snapshot of a node that has just got this estate and knows nothing of health.
pub(crate) fn snapshot(bundle: EstateBundle, estate: Estate) -> Snapshot {
    let intent =
        Intent { revision: Revision(1), estate_revision: Revision(1), estate: bundle, ..Intent::default() };
    let verdicts = Verdicts::unknown(estate.subject_count());
    Snapshot::build(1, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts)
}

/// Decides by an intent whose estate reads, as a node that gets it over the feed.
pub(crate) fn use_intent(intent: Intent) {
    let Ok(estate) = intent.read_estate() else { return };
    let verdicts = Verdicts::unknown(estate.subject_count());
    use_snapshot(Snapshot::build(1, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts));
}

/// Compiles a snapshot for every plane and asks each for everything that it knows.
pub(crate) fn use_snapshot(snapshot: Snapshot) {
    for pool in snapshot.estate.pool_indexes() {
        for zone in snapshot.estate.zone_indexes().map(Some).chain([None]) {
            let plan = Plan::new(&snapshot, pool, zone);
            if let Some(pick) = plan.pick(7, |_| true, |_| true, &[]) {
                assert!(
                    plan.serving().any(|served| *served == pick),
                    "{pick:?} was picked and does not serve"
                );
            }
        }
    }
    let compiled = Compiled::new(Arc::new(snapshot), Arc::default());
    let estate = &compiled.snapshot().estate;
    let asked = estate
        .records
        .iter()
        .map(|record| (&record.name, if record.family == AddressFamily::V4 { 1 } else { 28 }))
        .chain(estate.hosted_zones.iter().map(|zone| (&zone.name, 6)))
        .chain(
            estate.hosted_zones.iter().flat_map(|zone| &zone.plain).map(|plain| (&plain.name, plain.rtype)),
        );
    for (name, rtype) in asked {
        ask(&compiled, &WireName::from(name), rtype);
    }
}

/// Asks for what the estate has: the answer is ours, is not "no such name", and travels.
fn ask(compiled: &Compiled, name: &WireName, rtype: u16) {
    let question = hf_wire::Question { name: name.clone(), rtype, class: 1 };
    let query = Query { head: hf_wire::Head::default(), question, edns: None };
    let answer = answer(compiled, &query);
    let refused = matches!(answer.rcode, hf_answer::Rcode::Refused | hf_answer::Rcode::NxDomain);
    assert!(!refused, "{name} type {rtype} is in the estate: {answer:?}");
    let bytes = encode(&query, &answer, Transport::Tcp);
    assert!(bytes[3] & 15 != 2, "{name} type {rtype} does not travel: {answer:?}");
}

/// The answer to a query from a client that no zone's networks hold.
pub(crate) fn answer(compiled: &Compiled, query: &Query) -> Answer {
    let asker = Asker {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        subnet: None,
        own_zone: None,
        seed: 7,
        explain: ExplainTxt::Refused,
    };
    let asked = &query.question;
    let asked = Asked {
        name: asked.name.as_wire(),
        rtype: asked.rtype,
        class: asked.class,
        dnssec_ok: false,
        compact_ok: false,
    };
    compiled.answer(&asked, &asker)
}

/// An answer as bytes.
pub(crate) fn encode(query: &Query, answer: &Answer, transport: Transport) -> Vec<u8> {
    let rcode = match answer.rcode {
        hf_answer::Rcode::NoError => Rcode::NO_ERROR,
        hf_answer::Rcode::FormErr => Rcode::FORM_ERR,
        hf_answer::Rcode::ServFail => Rcode::SERV_FAIL,
        hf_answer::Rcode::NxDomain => Rcode::NX_DOMAIN,
        hf_answer::Rcode::Refused => Rcode::REFUSED,
        hf_answer::Rcode::YxDomain => Rcode::YX_DOMAIN,
    };
    let mut reply = Reply::to(query, rcode);
    reply.aa = answer.aa;
    reply.answers = answer.answers.iter().map(record).collect();
    reply.authority = answer.authority.iter().map(record).collect();
    reply.additional = answer.additional.iter().map(record).collect();
    reply.encode(transport)
}

fn record(record: &AnswerRecord) -> RecordRef<'_> {
    RecordRef { name: &record.name, rtype: record.rtype, ttl: record.ttl, rdata: &record.rdata }
}
