#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use hf_control::{BreakGlassFate, RecordedBreakGlass, Scope, Shift, ShiftKind, ShiftState};
use hf_decide::ZoneState;
use hf_feed::break_glass::LENGTH_MAX;
use hf_feed::{BreakGlassRefused, OperatorKeyPair, Peer};
use hf_health::Bitmap;
use hf_model::{Operator, PoolName};

use super::*;
use crate::testing::{ESTATE, config, estate, intent};

const T: Timestamp = Timestamp(1_000_000_000);

fn at(seconds: u64) -> Timestamp {
    T.plus(Duration::from_secs(seconds))
}

fn hub() -> Hub {
    Hub::new(&config("n1"), FromDisk::default(), T)
}

/// So many beats that every table is stale, this node's own apart.
fn stale(hub: &mut Hub) {
    (0..=FRESH_BEATS).for_each(|_| hub.beat());
}

fn give(hub: &mut Hub, intent: Intent) {
    let read = match hub.judge(&intent) {
        Judged::Known => return,
        Judged::Foreign => return hub.refuse_foreign(&intent),
        Judged::SameEstate(estate) => Ok(estate),
        Judged::Read => intent.read_estate().map(Arc::new).map_err(|error| error.to_string()),
    };
    hub.take(Arc::new(intent), read);
}

fn shift(zone: &str, ends_at: Timestamp) -> Shift {
    Shift {
        id: ShiftId::new("shift-3").unwrap(),
        zone: ZoneId::new(zone).unwrap(),
        scope: Scope::Everything,
        reason: "test".to_owned(),
        by: Operator::new("anna"),
        started_at: T,
        ends_at,
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(3),
    }
}

fn table(checker: &str, made_at: Timestamp, healthy: [bool; 3]) -> Table {
    let mut table = Table {
        checker: NodeId::new(checker).unwrap(),
        zone: ZoneId::new("a").unwrap(),
        estate: estate("web").digest(),
        made_at,
        known: Bitmap::new(3),
        healthy: Bitmap::new(3),
    };
    for (at, healthy) in healthy.into_iter().enumerate() {
        table.known.set(at, true);
        table.healthy.set(at, healthy);
    }
    table
}

/// The newest snapshot in words: number, revision, and of each zone of the pool whether it is open.
fn say(hub: &mut Hub, now: Timestamp) -> String {
    hub.refresh(now);
    let Some((_, snapshot)) = &hub.published else { return "none".to_owned() };
    let pool = &snapshot.decision.pools[0];
    let zones: Vec<String> = pool
        .zones
        .iter()
        .map(|zone| {
            let open = if zone.state == ZoneState::Open { "open" } else { "away" };
            let held = if matches!(zone.reason, hf_decide::Reason::Shifted { held: true, .. }) {
                " held"
            } else {
                ""
            };
            format!("{} {open}{held}", snapshot.estate.zone(zone.zone).id)
        })
        .collect();
    let healthy = pool.endpoints.iter().filter(|endpoint| endpoint.serves).count();
    format!("#{} r{}: {}; {healthy} serve", snapshot.number, snapshot.intent.revision, zones.join(", "))
}

fn check(hub: &mut Hub, now: Timestamp, expected: Expect) {
    expected.assert_eq(&say(hub, now));
}

#[test]
fn the_newest_intent_wins_and_nothing_goes_back_or_becomes_empty() {
    let mut hub = hub();
    check(&mut hub, T, expect!["none"]);
    give(&mut hub, Intent { revision: Revision(1), ..Intent::default() });
    check(&mut hub, T, expect!["none"]);
    give(&mut hub, intent(5, "web"));
    check(&mut hub, T, expect!["#1 r5: a open, b open, c open; 3 serve"]);
    give(&mut hub, Intent { shifts: vec![shift("a", at(60))], ..intent(4, "web") });
    check(&mut hub, T, expect!["#1 r5: a open, b open, c open; 3 serve"]);
    give(&mut hub, Intent { shifts: vec![shift("a", at(60))], ..intent(6, "web") });
    check(&mut hub, T, expect!["#2 r6: a away, b open, c open; 2 serve"]);
    give(&mut hub, Intent { estate_id: ESTATE, revision: Revision(7), ..Intent::default() });
    check(&mut hub, T, expect!["#2 r6: a away, b open, c open; 2 serve"]);
}

#[test]
fn what_the_planes_obey_is_told_however_many_snapshots_come_meanwhile() {
    let config = NodeConfig { roles: vec![Role::Balancer], ..config("n1") };
    let mut hub = Hub::new(&config, FromDisk::default(), T);
    // Numbers and revisions are the same here. The planes take the newest one when they are done with another.
    let mut newest = 0;
    let mut publish = |hub: &mut Hub, count: usize| {
        for _ in 0..count {
            newest += 1;
            give(hub, intent(newest, "web"));
            assert_eq!(hub.refresh(T).unwrap().number, newest);
        }
        newest
    };
    let told = |hub: &mut Hub| {
        let report = hub.outgoing(vec![], T).report;
        assert_eq!(report.snapshot_number, report.revision.0, "a number goes with what it brought");
        report.revision.0
    };
    let mut taken = publish(&mut hub, 1);
    for _ in 0..5 {
        let next = publish(&mut hub, 40);
        hub.planes_obey(taken);
        assert_eq!(told(&mut hub), taken);
        taken = next;
    }
    // At the bound it is told late, and goes on.
    let mut before = told(&mut hub);
    for _ in 0..3 {
        let next = publish(&mut hub, WAITING_MAX * 2);
        hub.planes_obey(taken);
        let now = told(&mut hub);
        assert!(before < now && now <= taken && hub.waiting.len() <= WAITING_MAX, "{before}, {now}, {taken}");
        (before, taken) = (now, next);
    }
    hub.planes_obey(taken);
    assert_eq!((told(&mut hub), hub.waiting.len()), (taken, 0));
}

#[test]
fn an_estate_that_cannot_be_read_keeps_the_old_one_and_is_reported_once() {
    let mut hub = hub();
    give(&mut hub, intent(5, "web"));
    let mut bad = intent(6, "web");
    bad.estate.toml.push_str("\n[[pool]]\nname = 7\n");
    give(&mut hub, bad.clone());
    check(&mut hub, T, expect!["#1 r5: a open, b open, c open; 3 serve"]);
    let refused = hub.outgoing(vec![], T).report.refused_intent.unwrap();
    assert_eq!(refused.revision, Revision(6));
    assert!(refused.problem.starts_with("estate.toml:"), "{}", refused.problem);
    assert!(matches!(hub.judge(&bad), Judged::Known), "it is not read again");
    give(&mut hub, intent(7, "web"));
    check(&mut hub, T, expect!["#2 r7: a open, b open, c open; 3 serve"]);
    assert_eq!(hub.outgoing(vec![], T).report.refused_intent, None);
}

/// So many beats that a node without a snapshot is no longer new.
fn no_longer_new(hub: &mut Hub) {
    (0..NEW_BEATS).for_each(|_| hub.beat());
}

/// An intent of an estate that has this id.
fn of_estate(id: u8, revision: u64) -> Intent {
    Intent { estate_id: EstateId([id; 16]), ..intent(revision, "web") }
}

fn refused(hub: &mut Hub) -> String {
    let refused = hub.outgoing(vec![], T).report.refused_intent;
    refused.map_or("none".to_owned(), |refused| {
        let (first, _) = refused.problem.split_once(':').unwrap();
        format!("{}: {first}", refused.revision)
    })
}

#[test]
fn an_intent_of_another_estate_is_refused_and_told_while_it_is_heard() {
    let mut hub = hub();
    // Before there is one, any will do; from one without an id too.
    give(&mut hub, of_estate(0, 3));
    give(&mut hub, of_estate(7, 5));
    no_longer_new(&mut hub);
    check(&mut hub, T, expect!["#1 r5: a open, b open, c open; 3 serve"]);
    for revision in [4, 5, 6, 1_000] {
        give(&mut hub, of_estate(8, revision));
        check(&mut hub, T, expect!["#1 r5: a open, b open, c open; 3 serve"]);
    }
    let told = "1000: it is of estate 08080808080808080808080808080808, this node obeys 07070707070707070707070707070707";
    assert_eq!(refused(&mut hub), told);
    // Our own goes on, and the other one is still told.
    give(&mut hub, of_estate(7, 6));
    check(&mut hub, T, expect!["#2 r6: a open, b open, c open; 3 serve"]);
    assert_eq!(refused(&mut hub), told);
    (0..FOREIGN_BEATS).for_each(|_| hub.beat());
    assert_eq!(refused(&mut hub), told);
    hub.beat();
    assert_eq!(refused(&mut hub), "none");
    // Nor may one take over that has no id, or that came by another way than to be judged first.
    give(&mut hub, of_estate(0, 7));
    let read = hf_control::read_estate(&estate("web")).map(Arc::new).map_err(|error| error.to_string());
    hub.take(Arc::new(of_estate(9, 2_000)), read);
    check(&mut hub, T, expect!["#2 r6: a open, b open, c open; 3 serve"]);
    // A ledger without any entry is no other estate's.
    hub.beat();
    (0..FOREIGN_BEATS).for_each(|_| hub.beat());
    give(&mut hub, Intent::default());
    assert_eq!(refused(&mut hub), "none");
}

#[test]
fn a_new_node_goes_by_what_the_nodes_hold_and_not_by_a_ledger_begun_anew() {
    let mut hub = hub();
    // Its disk was lost, and its estate file made a first entry.
    give(&mut hub, of_estate(8, 1));
    give(&mut hub, Intent { shifts: vec![shift("a", at(60))], ..of_estate(7, 5) });
    check(&mut hub, T, expect!["#1 r5: a away, b open, c open; 2 serve"]);
    give(&mut hub, of_estate(8, 2));
    check(&mut hub, T, expect!["#1 r5: a away, b open, c open; 2 serve"]);
    // One that began with a snapshot is not new.
    let snapshot = hub.published.as_ref().map(|(_, snapshot)| Snapshot::clone(snapshot));
    let disk = FromDisk { snapshot, next_number: 2, break_glass: vec![] };
    let mut booted = Hub::new(&config("n1"), disk, T);
    give(&mut booted, of_estate(8, 9));
    check(&mut booted, T, expect!["#2 r5: a away, b open, c open; 2 serve"]);
}

#[test]
fn a_node_goes_along_when_its_ledger_goes_on_with_another_estate() {
    let mut hub = hub();
    give(&mut hub, of_estate(8, 1));
    no_longer_new(&mut hub);
    let ledger = Arc::new(of_estate(8, 1));
    hub.own_ledger(ledger);
    let held = Arc::new(of_estate(7, 5));
    hub.held_elsewhere(&held);
    give(&mut hub, of_estate(7, 5));
    check(&mut hub, T, expect!["#1 r1: a open, b open, c open; 3 serve"]);
    assert_eq!(hub.beyond_ledger(), Some(held), "a fresh ledger must not go on beside what the nodes hold");
    hub.adopted(ESTATE);
    assert_eq!(refused(&mut hub), "none");
    give(&mut hub, of_estate(7, 6));
    check(&mut hub, T, expect!["#2 r6: a open, b open, c open; 3 serve"]);
    // From now on, as anywhere.
    give(&mut hub, of_estate(8, 9));
    check(&mut hub, T, expect!["#2 r6: a open, b open, c open; 3 serve"]);
}

#[test]
fn a_shift_past_its_end_is_held_and_the_snapshot_says_so() {
    let mut hub = hub();
    give(&mut hub, Intent { shifts: vec![shift("b", at(60))], ..intent(5, "web") });
    check(&mut hub, at(59), expect!["#1 r5: a open, b away, c open; 2 serve"]);
    check(&mut hub, at(60), expect!["#2 r5: a open, b away held, c open; 2 serve"]);
    check(&mut hub, at(100_000), expect!["#2 r5: a open, b away held, c open; 2 serve"]);
}

#[test]
fn verdicts_hold_when_all_tables_are_missing() {
    let mut hub = hub();
    give(&mut hub, intent(5, "web"));
    hub.take_table(table("n2", T, [true, false, true]));
    check(&mut hub, T, expect!["#1 r5: a open, b away, c open; 2 serve"]);
    stale(&mut hub);
    check(&mut hub, T, expect!["#1 r5: a open, b away, c open; 2 serve"]);
    // Another checker's fresh word counts, the stale one's does not.
    hub.take_table(table("n3", T, [true, true, true]));
    check(&mut hub, T, expect!["#2 r5: a open, b open, c open; 3 serve"]);
}

#[test]
fn a_clock_that_is_set_turns_no_verdict() {
    let mut hub = hub();
    give(&mut hub, intent(5, "web"));
    for checker in ["n2", "n3", "n4"] {
        hub.take_table(table(checker, T, [true, true, true]));
    }
    check(&mut hub, T, expect!["#1 r5: a open, b open, c open; 3 serve"]);
    // An hour ahead: one word against three, not one alone.
    hub.take_table(table("n4", at(1), [true, false, true]));
    check(&mut hub, at(3_600), expect!["#1 r5: a open, b open, c open; 3 serve"]);
    // An hour back: checkers that fell silent do not count for that hour.
    stale(&mut hub);
    hub.take_table(table("n4", at(2), [true, false, true]));
    check(&mut hub, T, expect!["#2 r5: a open, b away, c open; 2 serve"]);
    // What this node's own checker says counts at once, whatever the clock said before.
    hub.take_own_table(Arc::new(table("n1", at(7_200), [true, true, true])));
    stale(&mut hub);
    check(&mut hub, T, expect!["#3 r5: a open, b open, c open; 3 serve"]);
    hub.take_own_table(Arc::new(table("n1", at(3), [false, true, true])));
    check(&mut hub, T, expect!["#4 r5: a away, b open, c open; 2 serve"]);
}

#[test]
fn a_node_whose_clock_is_set_back_is_still_believed() {
    let (mut hub, mut other) = (hub(), Hub::new(&config("n2"), FromDisk::default(), T));
    give(&mut other, intent(5, "web"));
    other.refresh(at(7_200));
    hub.take_report(other.outgoing(vec![], at(7_200)).report, T);
    let overtaken = other.outgoing(vec![], at(7_199)).report;
    assert!(!hub.take_report(overtaken, T));
    give(&mut other, intent(6, "web"));
    other.refresh(at(1));
    assert!(hub.take_report(other.outgoing(vec![], at(1)).report, T));
    let id = NodeId::new("n2").unwrap();
    assert_eq!(hub.reports()[&id].report.revision, Revision(6));
    // Nothing new but the time: an hour cannot be one message that overtook another.
    hub.take_report(other.outgoing(vec![], at(4_000)).report, T);
    hub.take_report(other.outgoing(vec![], at(2)).report, T);
    assert_eq!(hub.reports()[&id].report.sent_at, at(2));
}

#[test]
fn of_one_checkers_tables_the_newer_counts_until_it_is_stale() {
    let mut hub = hub();
    give(&mut hub, intent(5, "web"));
    hub.take_table(table("n2", at(10), [true, false, true]));
    hub.take_table(table("n2", at(9), [true, true, true]));
    check(&mut hub, T, expect!["#1 r5: a open, b away, c open; 2 serve"]);
    stale(&mut hub);
    hub.take_table(table("n2", at(3), [true, true, true]));
    check(&mut hub, T, expect!["#2 r5: a open, b open, c open; 3 serve"]);
}

#[test]
fn a_new_estate_takes_over_the_verdicts_of_the_endpoints_it_keeps() {
    let mut hub = hub();
    give(&mut hub, intent(5, "web"));
    hub.take_table(table("n2", T, [true, false, true]));
    check(&mut hub, T, expect!["#1 r5: a open, b away, c open; 2 serve"]);
    let mut changed = intent(6, "web");
    changed.estate.toml.push_str("# a comment\n");
    give(&mut hub, changed);
    check(&mut hub, T, expect!["#2 r6: a open, b away, c open; 2 serve"]);
}

#[test]
fn verdicts_and_tables_go_over_when_a_source_tells_other_endpoints() {
    use hf_config::estate::{EndpointSet, SourcedEndpoint};
    // An endpoint in front of none of the others: positions move with every set.
    let sourced = |revision, last: &[u8]| {
        let mut intent = intent(revision, "web");
        let source = "name = \"web\"\nsource = { register = true }\n";
        intent.estate.toml = intent.estate.toml.replace("name = \"web\"\n", source);
        intent.estate.toml.push_str("[[pool]]\nname = \"behind\"\nhealth_check = \"up\"\nendpoints = [{ address = \"127.0.0.9:9\", zone = \"a\" }]\n");
        let endpoint = |last: &u8| SourcedEndpoint {
            address: ([127, 0, 1, *last], 80).into(),
            id: format!("e{last}").parse().unwrap(),
            zone: ZoneId::new("a").unwrap(),
            weight: hf_model::Weight::default(),
            priority: 0,
            lease: Duration::ZERO,
        };
        intent.sets = vec![EndpointSet {
            pool: PoolName::new("web").unwrap(),
            source: "register".to_owned(),
            endpoints: last.iter().map(endpoint).collect(),
        }];
        intent
    };
    let view = |intent: &Intent, made_at, healthy: &[bool]| {
        let mut table = Table {
            estate: intent.estate_digest(),
            known: Bitmap::new(healthy.len()),
            healthy: Bitmap::new(healthy.len()),
            ..table("n2", made_at, [true; 3])
        };
        for (at, is_healthy) in healthy.iter().enumerate() {
            table.known.set(at, true);
            table.healthy.set(at, *is_healthy);
        }
        table
    };
    let mut hub = hub();
    let verdicts = |hub: &mut Hub, now| {
        let of = hub.refresh(now).map(|snapshot| snapshot.verdicts.of.clone()).unwrap_or_default();
        let sign = |verdict: &hf_health::Verdict| match verdict {
            hf_health::Verdict::Healthy => '+',
            hf_health::Verdict::Unhealthy => '-',
            hf_health::Verdict::Unknown => '?',
        };
        of.iter().map(sign).collect::<String>()
    };
    // a, b, c, the set's first and second, the pool behind, and the check, which does not stand by itself.
    let first = sourced(5, &[1, 2]);
    give(&mut hub, first.clone());
    hub.take_table(view(&first, T, &[true, false, true, false, true, false]));
    assert_eq!(verdicts(&mut hub, T), "+-+-+-?");
    // The first goes, a third comes: what stays keeps its verdict, at its new place; the new one is not known.
    let second = sourced(6, &[2, 3]);
    give(&mut hub, second.clone());
    assert_eq!(verdicts(&mut hub, T), "+-++?-?");
    // A checker that has not heard of it goes on to tell of what both have.
    hub.take_table(view(&first, at(1), &[true, true, true, true, false, true]));
    assert_eq!(verdicts(&mut hub, at(1)), "+++-?+?");
    // And the next that has, of all.
    hub.take_table(view(&second, at(2), &[true, true, true, true, true, true]));
    assert_eq!(verdicts(&mut hub, at(2)), "++++++?");
}

#[test]
fn a_node_boots_from_disk_with_its_shifts_and_numbers_go_on() {
    let mut before = hub();
    give(&mut before, Intent { shifts: vec![shift("c", at(60))], ..intent(5, "web") });
    before.take_table(table("n2", T, [false, true, true]));
    let snapshot = before.refresh(T).unwrap();
    let bytes = snapshot.encode().unwrap();
    let snapshot = Some(Snapshot::decode(&bytes, at(5_000)).unwrap());
    let disk = FromDisk { snapshot, next_number: 1_000_001, break_glass: vec![] };
    let mut after = Hub::new(&config("n1"), disk, at(5_000));
    check(&mut after, at(5_000), expect!["#1000001 r5: a away, b open, c away held; 1 serve"]);
    assert!(after.outgoing(vec![], T).report.booted_from_disk);
    let peer = Peer { node: NodeId::new("n9").unwrap(), zone: None, roles: vec![], version: String::new() };
    after.heard(&peer, Revision(5), at(5_001));
    assert!(!after.outgoing(vec![], T).report.booted_from_disk);
    assert_eq!(after.outgoing(vec![], T).report.contact, None);
    after.heard(&Peer { roles: vec![Role::Control], ..peer }, Revision(5), at(5_002));
    assert_eq!(after.outgoing(vec![], T).report.contact, Some(at(5_002)));
}

#[test]
fn break_glass_acts_count_end_by_the_clock_and_are_passed_on() {
    let pair = OperatorKeyPair::from_pkcs8(&OperatorKeyPair::generate_pkcs8()).unwrap();
    let mut config = config("n1");
    config.break_glass_keys = vec![OperatorKey { name: "anna".to_owned(), public_key: pair.public_key() }];
    let mut hub = Hub::new(&config, FromDisk::default(), T);
    give(&mut hub, intent(5, "web"));
    let act = |zone: &str, signed_at, length| {
        pair.sign(BreakGlassShift {
            estate: ESTATE,
            zone: ZoneId::new(zone).unwrap(),
            reason: "test".to_owned(),
            by: Operator::new("anna"),
            signed_at,
            ends_at: Timestamp::plus(signed_at, length),
        })
    };
    let minute = Duration::from_mins(1);
    assert_eq!(hub.take_new_break_glass(act("a", T, minute), T), Ok(()));
    check(&mut hub, T, expect!["#1 r5: a away, b open, c open; 2 serve"]);
    assert_eq!(hub.outgoing(vec![], T).break_glass.len(), 1);
    check(&mut hub, T.plus(minute), expect!["#2 r5: a open, b open, c open; 3 serve"]);

    // The alias names the same zone; the newer act, a cancel, wins.
    hub.take_break_glass(vec![act("b", T, LENGTH_MAX)], at(100));
    check(&mut hub, at(100), expect!["#3 r5: a open, b away, c open; 2 serve"]);
    hub.take_break_glass(vec![act("b-alias", at(101), Duration::ZERO)], at(101));
    check(&mut hub, at(101), expect!["#4 r5: a open, b open, c open; 3 serve"]);

    // A cancel ends a shift of the ledger that is held past its end; not one that still runs.
    give(&mut hub, Intent { shifts: vec![shift("b", at(101))], ..intent(6, "web") });
    check(&mut hub, at(101), expect!["#5 r6: a open, b open, c open; 3 serve"]);
    give(&mut hub, Intent { shifts: vec![shift("b", at(110))], ..intent(7, "web") });
    check(&mut hub, at(101), expect!["#6 r7: a open, b away, c open; 2 serve"]);
    give(&mut hub, intent(8, "web"));
    check(&mut hub, at(101), expect!["#7 r8: a open, b open, c open; 3 serve"]);

    // Nor is another estate's act, from an operator or from a node.
    let stray = pair.sign(BreakGlassShift { estate: EstateId([8; 16]), ..act("c", at(102), minute).shift });
    let refused = BreakGlassRefused::OtherEstate { found: EstateId([8; 16]), ours: ESTATE };
    assert_eq!(hub.take_new_break_glass(stray.clone(), at(102)), Err(refused));
    hub.take_break_glass(vec![stray], at(102));
    check(&mut hub, at(102), expect!["#7 r8: a open, b open, c open; 3 serve"]);

    // A stranger's act is not obeyed.
    let mut forged = act("c", at(102), minute);
    forged.signature[0] ^= 1;
    hub.take_break_glass(vec![forged], at(102));
    check(&mut hub, at(102), expect!["#7 r8: a open, b open, c open; 3 serve"]);
}

#[test]
fn a_node_without_an_estate_takes_no_break_glass_act() {
    let pair = OperatorKeyPair::from_pkcs8(&OperatorKeyPair::generate_pkcs8()).unwrap();
    let mut config = config("n1");
    config.break_glass_keys = vec![OperatorKey { name: "anna".to_owned(), public_key: pair.public_key() }];
    let act = pair.sign(BreakGlassShift {
        estate: EstateId::NONE,
        zone: ZoneId::new("a").unwrap(),
        reason: "test".to_owned(),
        by: Operator::new("anna"),
        signed_at: T,
        ends_at: at(60),
    });
    let mut hub = Hub::new(&config, FromDisk::default(), T);
    assert_eq!(hub.take_new_break_glass(act.clone(), T), Err(BreakGlassRefused::NoEstate));
    // An estate without an id is nobody's.
    give(&mut hub, of_estate(0, 5));
    assert_eq!(hub.take_new_break_glass(act, T), Err(BreakGlassRefused::NoEstate));
}

/// A key pair, and a node file's content that lists it as anna's.
fn annas() -> (OperatorKeyPair, NodeConfig) {
    let pair = OperatorKeyPair::from_pkcs8(&OperatorKeyPair::generate_pkcs8()).unwrap();
    let keys = vec![OperatorKey { name: "anna".to_owned(), public_key: pair.public_key() }];
    (pair, NodeConfig { break_glass_keys: keys, ..config("n1") })
}

fn act(zone: &str, signed_at: Timestamp, length: Duration) -> BreakGlassShift {
    BreakGlassShift {
        estate: ESTATE,
        zone: ZoneId::new(zone).unwrap(),
        reason: "test".to_owned(),
        by: Operator::new("anna"),
        signed_at,
        ends_at: signed_at.plus(length),
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn a_rehearsal_is_judged_like_the_act_and_takes_nothing() {
    let (pair, config) = annas();
    let mut hub = Hub::new(&config, FromDisk::default(), T);
    give(&mut hub, intent(5, "web"));
    let signed = pair.sign(act("a", T, HOUR));
    assert_eq!(hub.check_new_break_glass(&signed, T), Ok(()));
    check(&mut hub, T, expect!["#1 r5: a open, b open, c open; 3 serve"]);
    assert_eq!(hub.take_new_break_glass(signed.clone(), T), Ok(()));
    assert_eq!(hub.take_new_break_glass(signed, at(1)), Ok(()), "again, as after an answer that was lost");
    let older = pair.sign(act("a", Timestamp(T.0 - 5_000), HOUR));
    let refused = BreakGlassRefused::Superseded { by: Operator::new("anna"), later: Duration::from_secs(5) };
    assert_eq!(hub.check_new_break_glass(&older, T), Err(refused.clone()));
    assert_eq!(hub.take_new_break_glass(older, T), Err(refused));
    let cancel = pair.sign(act("a", at(2), Duration::ZERO));
    assert_eq!(hub.check_new_break_glass(&cancel, at(2)), Ok(()));
    check(&mut hub, at(2), expect!["#2 r5: a away, b open, c open; 2 serve"]);
}

#[test]
fn an_act_is_not_taken_from_a_clock_that_is_off_nor_again_after_its_end() {
    let (pair, config) = annas();
    let mut hub = Hub::new(&config, FromDisk::default(), T);
    give(&mut hub, intent(5, "web"));
    let signed = pair.sign(act("a", T, HOUR));
    let minutes = Duration::from_mins;
    for (now, refused) in [
        (Timestamp(T.0 - 300_000), BreakGlassRefused::FromTheFuture(minutes(5))),
        (T.plus(minutes(5)), BreakGlassRefused::Stale(minutes(5))),
        (T.plus(minutes(61)), BreakGlassRefused::Ended(minutes(1))),
    ] {
        assert_eq!(hub.take_new_break_glass(signed.clone(), now), Err(refused));
    }
    check(&mut hub, at(60), expect!["#1 r5: a open, b open, c open; 3 serve"]);
    // From another node the end counts, not the age: it was handed in there in time.
    hub.take_break_glass(vec![signed], T.plus(minutes(5)));
    check(&mut hub, T.plus(minutes(5)), expect!["#2 r5: a away, b open, c open; 2 serve"]);
    check(&mut hub, T.plus(minutes(60)), expect!["#3 r5: a open, b open, c open; 3 serve"]);
}

/// What a node that is killed now leaves on its disk.
fn on_disk(hub: &mut Hub, now: Timestamp) -> FromDisk {
    hub.refresh(now);
    let (_, snapshot) = hub.published.as_ref().unwrap();
    let snapshot = Some(Snapshot::decode(&snapshot.encode().unwrap(), now).unwrap());
    FromDisk { snapshot, next_number: 100, break_glass: hub.break_glass() }
}

#[test]
fn a_restart_keeps_acts_and_a_key_that_is_taken_out_counts_no_more() {
    let (pair, config) = annas();
    let mut before = Hub::new(&config, FromDisk::default(), T);
    give(&mut before, intent(5, "web"));
    before.take_new_break_glass(pair.sign(act("b-alias", T, HOUR)), T).unwrap();

    let mut after = Hub::new(&config, on_disk(&mut before, T), at(600));
    check(&mut after, at(600), expect!["#100 r5: a open, b away, c open; 2 serve"]);
    assert_eq!(after.break_glass(), before.break_glass(), "with its signature, to be passed on");
    // The signatures are lost: what the snapshot says still counts.
    let lost = FromDisk { break_glass: vec![], ..on_disk(&mut before, T) };
    check(
        &mut Hub::new(&config, lost, at(600)),
        at(600),
        expect!["#100 r5: a open, b away, c open; 2 serve"],
    );

    let none = NodeConfig { break_glass_keys: vec![], ..config.clone() };
    let mut after = Hub::new(&none, on_disk(&mut before, T), at(600));
    check(&mut after, at(600), expect!["#100 r5: a open, b open, c open; 3 serve"]);
    assert_eq!(after.break_glass(), []);
    // The name has another key now.
    let (_, renewed) = annas();
    check(
        &mut Hub::new(&renewed, on_disk(&mut before, T), at(600)),
        at(600),
        expect!["#100 r5: a open, b open, c open; 3 serve"],
    );
}

#[test]
fn acts_do_not_go_over_to_another_estate() {
    let (pair, config) = annas();
    let mut hub = Hub::new(&config, FromDisk::default(), T);
    give(&mut hub, intent(5, "web"));
    hub.take_new_break_glass(pair.sign(act("a", T, HOUR)), T).unwrap();
    check(&mut hub, T, expect!["#1 r5: a away, b open, c open; 2 serve"]);
    hub.adopted(EstateId([8; 16]));
    give(&mut hub, of_estate(8, 6));
    check(&mut hub, T, expect!["#2 r6: a open, b open, c open; 3 serve"]);
    assert_eq!(hub.break_glass(), []);
}

#[test]
fn the_ledgers_word_on_an_act_counts_and_its_report_names_the_act() {
    let (pair, config) = annas();
    let mut hub = Hub::new(&config, FromDisk::default(), T);
    give(&mut hub, intent(5, "web"));
    hub.take_new_break_glass(pair.sign(act("b-alias", T, HOUR)), T).unwrap();
    check(&mut hub, T, expect!["#1 r5: a open, b away, c open; 2 serve"]);
    let named = hf_feed::act_number(&act("b", T, HOUR));
    assert_eq!(hub.outgoing(vec![], T).report.break_glass, [named], "by the zone's id");
    let told = |fate| RecordedBreakGlass { act: act("b-alias", T, HOUR), revision: Revision(6), fate };
    let goes_on = told(BreakGlassFate::Shift(ShiftId::new("shift-3").unwrap()));
    let mut recorded = intent(6, "web");
    recorded.break_glass = vec![goes_on.clone()];
    recorded.shifts = vec![shift("b", at(3_600))];
    give(&mut hub, recorded);
    check(&mut hub, at(1), expect!["#2 r6: a open, b away, c open; 2 serve"]);
    // The ledger cancels its shift: the act does not come back.
    give(&mut hub, Intent { break_glass: vec![goes_on], ..intent(7, "web") });
    check(&mut hub, at(2), expect!["#3 r7: a open, b open, c open; 3 serve"]);
    give(
        &mut hub,
        Intent { break_glass: vec![told(BreakGlassFate::Conflicts("x".to_owned()))], ..intent(8, "web") },
    );
    check(&mut hub, at(3), expect!["#4 r8: a open, b away, c open; 2 serve"]);
}

#[test]
fn tables_and_reports_are_bounded() {
    let mut hub = hub();
    give(&mut hub, intent(5, "web"));
    for number in 0..NODES_MAX + 10 {
        let name = format!("n{number}");
        hub.take_table(table(&name, T, [true; 3]));
        let mut report = hub.outgoing(vec![], T).report;
        report.node = NodeId::new(&name).unwrap();
        hub.take_report(report, at(number as u64));
    }
    assert_eq!((hub.tables.len(), hub.reports.len()), (NODES_MAX, NODES_MAX));
}

#[test]
fn the_estate_of_the_tests_is_what_they_think() {
    let read = hf_control::read_estate(&estate("web")).unwrap();
    assert_eq!(read.pools[0].name, PoolName::new("web").unwrap());
    let zones: BTreeMap<_, _> =
        read.zones.iter().map(|zone| (zone.id.as_str(), zone.aliases.len())).collect();
    assert_eq!(zones, BTreeMap::from([("a", 0), ("b", 1), ("c", 0)]));
}

#[test]
fn votes_are_of_the_estate_in_force_and_of_tables_that_are_fresh() {
    let mut hub = hub();
    let digest = estate("web").digest();
    assert_eq!(hub.votes(digest, &[0]), None);
    give(&mut hub, intent(2, "web"));
    hub.take_table(table("c1", T, [true, false, true]));
    hub.refresh(T);
    let says = |hub: &Hub| {
        let votes = hub.votes(digest, &[0, 1]).unwrap();
        let votes = votes.iter().map(|votes| (votes[0].says, votes[0].weighs, votes.len()));
        votes.collect::<Vec<_>>()
    };
    let (up, down) = (hf_health::Verdict::Healthy, hf_health::Verdict::Unhealthy);
    let counts = hf_health::Weighs::Counts;
    assert_eq!(says(&hub), [(up, counts, 1), (down, counts, 1)]);
    stale(&mut hub);
    let not_heard = hf_health::Weighs::NotHeard;
    assert_eq!(says(&hub), [(up, not_heard, 1), (down, not_heard, 1)]);
}
