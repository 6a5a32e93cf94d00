use hf_config::estate::DnssecAlgorithm;
use hf_dnssec::roll::Phase;
use hf_dnssec::set::Records;
use hf_dnssec::{Signer as _, rdata, rtype};

use super::*;
use crate::pair::generate;

const APEX: &[u8] = b"\x04test\0";
const DAY: Duration = Duration::from_hours(24);

fn key(algorithm: DnssecAlgorithm, phase: Phase) -> (Arc<KeyPair>, Key) {
    let pair = KeyPair::from_pkcs8(algorithm, &generate(algorithm).unwrap()).unwrap();
    let public = pair.public_key().into();
    (Arc::new(pair), Key { algorithm, public, phase, since: Timestamp(0) })
}

fn signer(clock: &Clock, per_second: u32) -> ZoneSigner {
    let keys = vec![key(DnssecAlgorithm::Ed25519, Phase::Active)];
    ZoneSigner::new(APEX, keys, DAY, clock.clone(), Arc::new(Room::new(64, per_second)))
}

fn addresses(last: &[u8]) -> OwnedSet {
    let rdata: Vec<[u8; 4]> = last.iter().map(|last| [10, 0, 0, *last]).collect();
    OwnedSet::new(b"\x01a\x04test\0", 1, 5, rdata.iter().map(<[u8; 4]>::as_slice))
}

fn ask(signer: &ZoneSigner, owner: &[u8], rtype: u16, records: &[&[u8]]) -> Result<Vec<Vec<u8>>, Unsigned> {
    let mut rrsigs = Vec::new();
    let set = SetToSign { owner, rtype, ttl_s: 5, records: Records::List(records) };
    signer.rrsigs(&set, &mut |rrsig| rrsigs.push(rrsig.to_vec()))?;
    Ok(rrsigs)
}

#[test]
fn what_was_prepared_needs_no_budget_whatever_its_order_and_case() {
    let clock = Clock::manual(Timestamp(1_000_000_000_000));
    let signer = signer(&clock, 0);
    let prepared = signer.prepare_all(&[addresses(&[1, 2]), addresses(&[1, 3])]);
    assert_eq!(prepared, Prepared { signed: 2, kept: 0, left: 0 });
    let one = ask(&signer, b"\x01A\x04test\0", 1, &[&[10, 0, 0, 2], &[10, 0, 0, 1]]).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(ask(&signer, b"\x01a\x04test\0", 1, &[&[10, 0, 0, 1], &[10, 0, 0, 2]]), Ok(one));
    for other in [&[&[10, 0, 0, 1][..]][..], &[&[10, 0, 0, 2], &[10, 0, 0, 3]]] {
        assert_eq!(ask(&signer, b"\x01a\x04test\0", 1, other), Err(Unsigned::OverBudget));
    }
    assert_eq!(signer.counts(), Counts { ahead: 2, asked: 0, over_budget: 2, sets: 2 });
}

#[test]
fn a_change_signs_what_is_new_and_its_end_finds_what_was() {
    let clock = Clock::manual(Timestamp(1_000_000_000_000));
    let signer = signer(&clock, 0);
    let all = [addresses(&[1, 2]), addresses(&[1, 3]), addresses(&[2, 3])];
    signer.prepare_all(&all);
    assert_eq!(signer.prepare_all(&all[..1]), Prepared { signed: 0, kept: 1, left: 0 });
    assert_eq!(signer.prepare_all(&all).signed, 0);
    for _ in 0..KEPT_ROUNDS {
        signer.prepare_all(&all[..1]);
    }
    assert_eq!(signer.counts().sets, 1, "what nobody names is forgotten");
    assert_eq!(signer.prepare_all(&all).signed, 2);
}

#[test]
fn signatures_are_made_anew_when_half_is_left() {
    let clock = Clock::manual(Timestamp(1_000_000_000_000));
    let signer = signer(&clock, 0);
    let set = [addresses(&[1])];
    signer.prepare_all(&set);
    let due = signer.next_due_s().unwrap();
    clock.set(Timestamp(due * 1_000 - 1));
    assert_eq!(signer.prepare_all(&set).signed, 0);
    clock.set(Timestamp(due * 1_000));
    assert_eq!(signer.prepare_all(&set).signed, 1);
    clock.set(Timestamp(due * 1_000).plus(DAY * 2));
    let asked = ask(&signer, b"\x01a\x04test\0", 1, &[&[10, 0, 0, 1]]);
    assert_eq!(asked, Err(Unsigned::OverBudget), "what has run out is not given");
}

#[test]
fn a_deadline_leaves_the_rest_for_later_and_forgets_nothing() {
    let clock = Clock::manual(Timestamp(1_000_000_000_000));
    let signer = signer(&clock, 1);
    signer.prepare_all(&[addresses(&[9])]);
    let past = Instant::now();
    for _ in 0..2 * KEPT_ROUNDS {
        assert_eq!(signer.prepare(&[addresses(&[1]), addresses(&[2])], past).left, 2);
    }
    assert!(ask(&signer, b"\x01a\x04test\0", 1, &[&[10, 0, 0, 9]]).is_ok());
    assert!(ask(&signer, b"\x01a\x04test\0", 1, &[&[10, 0, 0, 1]]).is_ok(), "asked for: from the budget");
    assert!(ask(&signer, b"\x01a\x04test\0", 1, &[&[10, 0, 0, 1]]).is_ok(), "and kept");
    assert_eq!(ask(&signer, b"\x01a\x04test\0", 1, &[&[10, 0, 0, 2]]), Err(Unsigned::OverBudget));
}

#[test]
fn the_cache_is_bounded() {
    let clock = Clock::manual(Timestamp(1_000_000_000_000));
    let signer = signer(&clock, 1_000_000);
    for number in 0..1_000_u16 {
        ask(&signer, b"\x01a\x04test\0", 16, &[&number.to_be_bytes()]).unwrap();
    }
    let sizes = signer.room.parts.iter().map(|part| {
        let halves = part.lock().unwrap();
        halves.young.len() + halves.old.len()
    });
    assert!(sizes.sum::<usize>() <= 64 + PARTS);
}

#[test]
fn every_key_signs_the_keys_and_active_ones_the_rest() {
    let clock = Clock::manual(Timestamp(1_000_000_000_000));
    let keys = vec![
        key(DnssecAlgorithm::EcdsaP256Sha256, Phase::Active),
        key(DnssecAlgorithm::EcdsaP256Sha256, Phase::Published),
        key(DnssecAlgorithm::Ed25519, Phase::Published),
    ];
    let dnskeys: Vec<Box<[u8]>> =
        keys.iter().map(|(_, key)| rdata::dnskey(key.algorithm, &key.public)).collect();
    let signer = ZoneSigner::new(APEX, keys, DAY, clock, Arc::new(Room::new(64, 9)));
    let dnskeys: Vec<&[u8]> = dnskeys.iter().map(|key| &**key).collect();
    assert_eq!(ask(&signer, APEX, rtype::DNSKEY, &dnskeys).unwrap().len(), 3);
    let algorithms: Vec<u8> =
        ask(&signer, APEX, 16, &[b"\x01x"]).unwrap().iter().map(|rrsig| rrsig[2]).collect();
    assert_eq!(algorithms, [13, 15], "a second algorithm signs from the beginning");
}
