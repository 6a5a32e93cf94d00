use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn percent(of: u32) -> Share {
    Share::from_ppm(of * 10_000).unwrap()
}

/// Endpoints of zones: `aabbb` is 0 and 1 in a, 2 to 4 in b.
fn ejector(zones: &str, rules: Ejection) -> Ejector<usize, char> {
    let mut ejector = Ejector::new(rules);
    ejector.set_endpoints(zones.chars().enumerate());
    ejector
}

/// Fails each of the first so many until it is out, one after the other.
fn fail_all_out(ejector: &mut Ejector<usize, char>, count: usize, now_ms: u64) {
    for at in 0..count {
        fail_out(ejector, at, now_ms);
    }
}

/// Fails `endpoint` until it is out, at most 1,000 times.
fn fail_out(ejector: &mut Ejector<usize, char>, endpoint: usize, now_ms: u64) -> Option<Ejected> {
    (0..1_000).find_map(|_| ejector.failed(&endpoint, now_ms))
}

fn out(ejector: &Ejector<usize, char>, now_ms: u64) -> Vec<usize> {
    ejector.out(now_ms).copied().collect()
}

#[test]
fn failures_in_a_row_eject_and_a_success_begins_anew() {
    let mut ejector = ejector("aaa", Ejection::default());
    for _ in 0..4 {
        assert_eq!(ejector.failed(&0, 5), None);
    }
    ejector.succeeded(&0, 1, 5);
    for _ in 0..4 {
        assert_eq!(ejector.failed(&0, 6), None);
    }
    let want = Ejected { why: Why::InRow(5), for_ms: 10_000, times: 1 };
    assert_eq!(ejector.failed(&0, 7), Some(want));
    assert_eq!(want.why.to_string(), "5 failures in a row");
    assert_eq!((ejector.is_out(&0, 10_006), ejector.is_out(&0, 10_007)), (true, false));
    assert_eq!(ejector.until_ms(&0, 8), Some(10_007));
    // What is still under way changes nothing while it is out.
    assert_eq!(ejector.failed(&0, 8), None);
}

#[test]
fn a_share_of_enough_requests_ejects() {
    let rules = Ejection { failures: 0, ..Ejection::default() };
    let mut ejector = ejector("aaa", rules);
    for _ in 0..24 {
        ejector.succeeded(&0, 1, 1_000);
        assert_eq!(ejector.failed(&0, 1_000), None);
    }
    ejector.succeeded(&0, 1, 1_500);
    let why = ejector.failed(&0, 9_000).map(|ejected| ejected.why);
    assert_eq!(why, Some(Why::Share { failures: 25, requests: 50 }));
    // Over ten seconds only.
    for _ in 0..49 {
        assert_eq!(ejector.failed(&1, 1_000), None);
    }
    assert_eq!(ejector.failed(&1, 11_500), None);
    // Never for a share, never in a row.
    ejector.set_rules(Ejection { failures: 0, failure_share: Share::ZERO, ..Ejection::default() });
    assert_eq!(fail_out(&mut ejector, 2, 20_000), None);
}

#[test]
fn it_takes_longer_each_time_and_is_forgiven_in_service() {
    let mut ejector = ejector("aaa", Ejection { time_max: Duration::from_secs(25), ..Ejection::default() });
    let mut now = 1_000;
    let mut next = |after_ms: u64| {
        now += after_ms;
        let found = fail_out(&mut ejector, 0, now).map(|ejected| (ejected.times, ejected.for_ms / 1_000));
        now += found.map_or(0, |(_, length_s)| length_s * 1_000);
        found
    };
    assert_eq!(next(0), Some((1, 10)));
    assert_eq!(next(1), Some((2, 20)));
    assert_eq!(next(1), Some((3, 25)));
    // 20 s in service take two of three back.
    assert_eq!(next(20_000), Some((2, 20)));
    assert_eq!(next(1_000_000), Some((1, 10)));
}

#[test]
fn a_share_of_a_zone_goes_one_at_least_and_never_all() {
    for (zones, want) in [("a", 0), ("aa", 1), ("aaa", 1), ("aaaa", 1), ("aaaaaa", 2), ("aaaaaaaaa", 3)] {
        let mut ejector = ejector(zones, Ejection::default());
        fail_all_out(&mut ejector, zones.len(), 5);
        assert_eq!(out(&ejector, 6).len(), want, "{zones}");
    }
    let mut whole = ejector("aaa", Ejection { share_max: Share::ONE, ..Ejection::default() });
    fail_all_out(&mut whole, 3, 5);
    assert_eq!(out(&whole, 6), [0, 1]);
    // Who had no room goes when there is some and it still fails.
    assert_eq!(whole.failed(&2, 10_005).map(|ejected| ejected.times), Some(1));
}

#[test]
fn an_endpoint_that_is_all_of_its_zone_is_never_out() {
    for share_max in [Share::ONE, percent(34)] {
        let mut ejector = ejector("abc", Ejection { share_max, ..Ejection::default() });
        fail_all_out(&mut ejector, 3, 5);
        assert_eq!(out(&ejector, 6), [0; 0], "out with it is the zone: the detector's to leave");
        // A second one in the zone, and the first may go.
        ejector.set_endpoints([(0, 'a'), (1, 'b'), (2, 'c'), (3, 'a')]);
        fail_all_out(&mut ejector, 3, 7);
        assert_eq!(out(&ejector, 8), [0]);
    }
}

#[test]
fn zones_do_not_take_the_room_of_others() {
    let mut ejector = ejector("aaabbb", Ejection::default());
    fail_all_out(&mut ejector, 6, 5);
    assert_eq!(out(&ejector, 6), [0, 3]);
}

#[test]
fn a_new_estate_keeps_what_is_known_of_those_that_stay() {
    let mut ejector = ejector("aaabbb", Ejection::default());
    fail_out(&mut ejector, 0, 5);
    fail_out(&mut ejector, 3, 5);
    // 3 moved to another zone; 6 is new.
    ejector.set_endpoints([(0, 'a'), (1, 'a'), (3, 'a'), (6, 'b')]);
    assert_eq!(out(&ejector, 6), [0]);
    assert_eq!(ejector.failed(&99, 6), None);
}

#[test]
fn a_restart_keeps_who_is_out() {
    let mut before = ejector("aaabbb", Ejection::default());
    fail_out(&mut before, 0, 5);
    fail_out(&mut before, 3, 4_005);
    let saved = before.saved(10_005);
    assert_eq!(
        saved.iter().map(|of| (of.key, of.left_ms, of.times)).collect::<Vec<_>>(),
        [(0, 0, 1), (3, 4_000, 1)]
    );
    // Another clock.
    let mut after = ejector("aaabbb", Ejection::default());
    after.restore(saved, 77);
    assert_eq!((out(&after, 4_076), out(&after, 4_077)), (vec![3], vec![]));
    assert_eq!(fail_out(&mut after, 0, 78).map(|ejected| ejected.times), Some(2));
    // A file that says all are out for ever is not believed.
    let mut after = ejector("aaa", Ejection::default());
    let forever = |key| SavedEjection { key, left_ms: u64::MAX, times: u32::MAX };
    after.restore((0..9).map(forever), 77);
    assert_eq!((out(&after, 78), out(&after, 77 + 300_000)), (vec![0], vec![]));
}

proptest! {
    /// Whatever happens, in each zone no more than the share (or one) is out, and never all.
    #[test]
    fn caps_hold_whatever_happens(
        zones in "[abc]{1,12}",
        share in 0_u32..=100,
        failures in 0_u16..4,
        steps in proptest::collection::vec((0_usize..14, 0_u64..9_000, any::<bool>()), 1..200),
    ) {
        let rules = Ejection { share_max: percent(share), failures, ..Ejection::default() };
        let mut ejector = ejector(&zones, rules);
        let mut now = 0;
        for (at, passed, good) in steps {
            now += passed;
            if good {
                ejector.succeeded(&at, 3, now);
            } else {
                ejector.failed(&at, now);
            }
            for zone in zones.chars() {
                let all = zones.chars().filter(|other| *other == zone).count();
                let out = ejector.out(now).filter(|at| zones.chars().nth(**at) == Some(zone)).count();
                let most = (all * share as usize / 100).max(1).min(all - 1);
                prop_assert!(out <= most, "{out} of {all} out in {zone}");
            }
            let mut restored = Ejector::new(Ejection::default());
            restored.set_endpoints(zones.chars().enumerate());
            restored.restore(ejector.saved(now), 1);
        }
    }
}
