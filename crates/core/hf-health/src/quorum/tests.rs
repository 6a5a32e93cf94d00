use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_model::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::table::Bitmap;

/// Zones `a`, `b`, …, each with so many endpoints of one pool, in that order.
pub(crate) fn estate(endpoints: &[usize], quorum_percent: u32) -> Estate {
    let mut toml = "[[region]]\nid = \"r\"\n".to_owned();
    let name = |zone: usize| char::from(b'a' + zone as u8);
    for zone in 0..endpoints.len() {
        writeln!(toml, "[[zone]]\nid = \"{}\"\nregion = \"r\"", name(zone)).unwrap();
    }
    toml.push_str("[[health_check]]\nname = \"alive\"\nkind = \"tcp\"\n");
    toml.push_str("[[pool]]\nname = \"web\"\nhealth_check = \"alive\"\nendpoints = [\n");
    for (zone, count) in endpoints.iter().enumerate() {
        for at in 0..*count {
            let (high, low) = (at / 250, at % 250 + 1);
            writeln!(toml, "{{ address = \"10.{zone}.{high}.{low}:80\", zone = \"{}\" }},", name(zone))
                .unwrap();
        }
    }
    toml.push_str("]\n");
    let mut estate =
        hf_config::read_estate("estate.toml", &EstateBundle { toml, ..EstateBundle::default() }).unwrap();
    estate.health_checks[0].quorum = Share::from_ppm(quorum_percent * 10_000).unwrap();
    estate
}

/// `ZONE: + healthy, - unhealthy, ? unknown`, one for each endpoint; spaces do not count.
pub(crate) fn table(estate: &Estate, number: usize, text: &str) -> Table {
    let (zone, seen) = text.split_once(':').unwrap();
    let count = estate.subject_count();
    let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
    for (at, letter) in seen.chars().filter(|letter| *letter != ' ').enumerate() {
        known.set(at, letter != '?');
        healthy.set(at, letter == '+');
    }
    Table {
        checker: NodeId::new(&format!("checker-{number}")).unwrap(),
        zone: ZoneId::new(zone).unwrap(),
        estate: estate.digest,
        made_at: Timestamp(0),
        known,
        healthy,
    }
}

fn merged(estate: &Estate, last: Verdict, tables: &[&str]) -> Merged {
    let tables: BTreeMap<NodeId, (Timestamp, Table)> = tables
        .iter()
        .enumerate()
        .map(|(number, text)| table(estate, number, text))
        .map(|table| (table.checker.clone(), (Timestamp(0), table)))
        .collect();
    let last = Verdicts { of: vec![last; estate.subject_count()] };
    last.merge_and_tell(estate, &tables, Timestamp(0), Duration::from_secs(3))
}

/// The verdicts on all endpoints that were healthy before, and which checkers were left out.
fn check(estate: &Estate, tables: &[&str], want: &str) {
    let Merged { verdicts, cut_off } = merged(estate, Verdict::Healthy, tables);
    let letter = |at| match verdicts.get(at) {
        Verdict::Healthy => '+',
        Verdict::Unhealthy => '-',
        Verdict::Unknown => '?',
    };
    let mut got: String = (0..estate.endpoint_count()).map(letter).collect();
    for checker in &cut_off {
        write!(got, " without {checker}").unwrap();
    }
    assert_eq!(got, want, "{tables:?}");
}

fn three() -> Estate {
    estate(&[2, 2, 2], 18)
}

#[test]
fn a_dead_zone_is_down_whatever_its_own_checker_says() {
    check(&three(), &["a: ++++--", "b: ++++--", "c: ++++++"], "++++--");
    check(&three(), &["a: ++++--", "b: ++++--"], "++++--");
}

#[test]
fn where_one_other_zone_looks_the_own_zone_has_a_say() {
    check(&three(), &["a: ++++--", "c: ++++++"], "++++++");
    check(&three(), &["a: ++++--", "c: ++++--"], "++++--");
}

#[test]
fn a_checker_that_is_cut_off_counts_for_nothing() {
    check(&three(), &["a: ++++--", "b: ++++--", "c: ----++"], "++++-- without checker-2");
    check(&three(), &["a: ++++++", "b: ++++++", "c: ------"], "++++++ without checker-2");
    // One endpoint that still answers it through a hole in the cut changes nothing.
    let large = estate(&[40, 40, 40], 18);
    let (up, down) = ("+".repeat(40), "-".repeat(40));
    let nearly = format!("c: +{}{down}{up}", &down[1..]);
    let tables = [format!("a: {up}{up}{down}"), format!("b: {up}{up}{down}"), nearly];
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    check(&large, &tables, &format!("{up}{up}{down} without checker-2"));
}

#[test]
fn a_zone_that_nobody_reaches_does_not_show_by_its_own_word_that_another_is_cut_off() {
    // All that `a` probes outside is `b`, which is unreachable and still tells that it is well; `c` sees both.
    let observed = estate(&[2, 2, 0], 18);
    check(&observed, &["a: ++--", "b: ++++", "c: ++--"], "++--");
    // Where `c` does see `b` answer, it is `a` that is cut off.
    check(&observed, &["a: ++--", "b: ++++", "c: ++++"], "++++ without checker-0");
}

#[test]
fn what_is_well_where_nothing_answers_hides_no_cut() {
    // A second pool under an inverted check, in `a` and `b`: a checker that reaches nobody finds it well.
    let with = |inverted: bool| {
        let mut estate = three();
        let mut quiet = estate.pools[0].clone();
        quiet.endpoints.truncate(4);
        estate.health_checks.push(estate.health_checks[0].clone());
        estate.health_checks[1].inverted = inverted;
        quiet.health_check = estate.check_indexes().last();
        estate.pools.push(quiet);
        estate
    };
    let tables = ["a: ++++-- ++++", "b: ++++-- ++++", "c: ----++ ++++"];
    check(&with(true), &tables, "++++--++++ without checker-2");
    check(&with(false), &tables, "++++--++++");
}

#[test]
fn a_real_outage_of_everything_is_told() {
    check(&three(), &["a: ------", "b: ------", "c: ------"], "------");
    check(&three(), &["a: ++----", "b: ------", "c: ------"], "------");
    check(&three(), &["a: ------"], "------");
}

#[test]
fn two_zones_that_lost_each_other_hold_nobody_down() {
    let two = estate(&[2, 2], 18);
    check(&two, &["a: ++--", "b: --++"], "++++");
    check(&two, &["a: +---", "b: --++"], "+-++");
    check(&two, &["a: ++--", "b: --+-"], "+++-");
}

#[test]
fn many_checkers_in_one_zone_are_one_view() {
    let tables = ["a: ++++++", "b: ++++++", "c: --++++", "c: --++++", "c: --++++", "c: --++++", "c: --++++"];
    check(&estate(&[2, 2, 2], 60), &tables, "++++++");
    check(&estate(&[2, 2, 2], 60), &["a: ++++++", "b: --++++", "c: --++++", "c: --++++"], "--++++");
}

#[test]
fn the_share_is_the_health_checks_own() {
    let tables = ["a: ++++++", "b: -+++++", "c: -+++++", "d: ++++++"];
    for (quorum, want) in [(18, "++++++"), (33, "++++++"), (34, "-+++++")] {
        check(&estate(&[2, 2, 2, 0], quorum), &tables, want);
    }
}

#[test]
fn a_checker_without_a_place_in_the_estate_is_a_view_of_its_own() {
    check(&three(), &["x: ++++--", "a: ++++--"], "++++--");
    check(&three(), &["x: ++++--", "a: ++++++"], "++++++");
}

#[test]
fn unknown_counts_for_nothing() {
    check(&three(), &["a: ??????", "b: ??????"], "++++++");
    check(&three(), &["a: ????--", "b: ??????"], "++++--");
}

/// The rules again, one endpoint and one checker at a time.
fn counted(estate: &Estate, last: Verdict, tables: &[Table], subject: usize) -> Verdict {
    let own = estate.endpoint_refs().nth(subject).map(|at| estate.zone(estate.endpoint(at).zone).id.clone());
    counted_at(&own.unwrap(), estate.health_checks[0].quorum, last, tables, subject)
}

fn counted_at(own: &ZoneId, quorum: Share, last: Verdict, tables: &[Table], subject: usize) -> Verdict {
    let knowing: Vec<&Table> = tables.iter().filter(|table| table.known.get(subject)).collect();
    let zones = |of: &[&Table]| of.iter().map(|table| table.zone.clone()).collect::<BTreeSet<_>>();
    let is_own = |table: &&Table| table.zone == *own;
    let others: Vec<&Table> = knowing.iter().copied().filter(|table| !is_own(table)).collect();
    let counting = if zones(&others).len() >= 2 { others } else { knowing };
    if counting.is_empty() {
        return last;
    }
    let healthy = counting.iter().filter(|table| table.healthy.get(subject)).count() as u64;
    let accusing: Vec<&Table> =
        counting.iter().copied().filter(|table| !table.healthy.get(subject)).collect();
    let is_one_view = zones(&counting).len() >= 2 && zones(&accusing).len() < 2;
    if is_one_view || Share::of(healthy, counting.len() as u64) > quorum {
        Verdict::Healthy
    } else {
        Verdict::Unhealthy
    }
}

proptest! {
    /// The comparison without a division is that of shares.
    #[test]
    fn more_than_a_share(knowing in 1_u16.., part in any::<u16>(), ppm in 0_u32..=1_000_000) {
        let (healthy, share) = (part % knowing, Share::from_ppm(ppm).unwrap());
        for healthy in [healthy, knowing] {
            let want = Share::of(healthy.into(), knowing.into()) > share;
            prop_assert_eq!(is_more(healthy, knowing, share), want);
        }
    }

    /// Counting by words gives what counting one by one gives.
    #[test]
    fn words_and_heads_agree(
        seen in prop::collection::vec((0_usize..5, "[-+?]{90}"), 0..12),
        quorum in 0_u32..100,
    ) {
        let estate = estate(&[30, 30, 30], quorum);
        let tables: Vec<Table> = seen
            .iter()
            .enumerate()
            .map(|(number, (zone, seen))| {
                table(&estate, number, &format!("{}:{seen}", char::from(b'a' + *zone as u8)))
            })
            .collect();
        let refs: Vec<&Table> = tables.iter().collect();
        let last = Verdicts { of: vec![Verdict::Unknown; estate.subject_count()] };
        let merged = merge(&last, &estate, &refs);
        let counting: Vec<Table> =
            tables.iter().filter(|table| !merged.cut_off.contains(&table.checker)).cloned().collect();
        for subject in 0..estate.endpoint_count() {
            let want = counted(&estate, Verdict::Unknown, &counting, subject);
            prop_assert_eq!(merged.verdicts.get(subject), want, "endpoint {}", subject);
        }
    }

    /// Whatever one zone's checkers say, alone they take out nothing outside that two other zones see.
    #[test]
    fn one_vantage_zone_evacuates_nobody(lies in prop::collection::vec("[-+?]{9}", 1..9), quorum in 0_u32..100) {
        let estate = estate(&[3, 3, 3], quorum);
        let mut tables = vec!["a: +++++++++".to_owned(), "b: +++++++++".to_owned()];
        tables.extend(lies.iter().map(|lie| format!("c: {lie}")));
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        let verdicts = merged(&estate, Verdict::Healthy, &tables).verdicts;
        prop_assert!((0..9).all(|at| verdicts.get(at) == Verdict::Healthy), "{:?}", verdicts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The same over more subjects than are gone through together, with shares that differ from pool to pool.
    #[test]
    fn blocks_and_heads_agree(seed in any::<u64>(), checkers in 2_usize..40, quorum in 0_u32..100) {
        let mut estate = estate(&[700, 700, 700], 18);
        let mut second = estate.pools[0].clone();
        estate.health_checks.push(estate.health_checks[0].clone());
        estate.health_checks[1].quorum = Share::from_ppm(quorum * 10_000).unwrap();
        second.health_check = estate.check_indexes().last();
        second.endpoints.truncate(900);
        estate.pools.push(second);
        let mut drawn = seed;
        let mut letters = || {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ['-', '+', '+', '?'][(drawn >> 62) as usize]
        };
        let tables: Vec<Table> = (0..checkers)
            .map(|number| {
                let seen: String = (0..estate.endpoint_count()).map(|_| letters()).collect();
                table(&estate, number, &format!("{}:{seen}", char::from(b'a' + (number % 3) as u8)))
            })
            .collect();
        let refs: Vec<&Table> = tables.iter().collect();
        let last = Verdicts { of: vec![Verdict::Unknown; estate.subject_count()] };
        let merged = merge(&last, &estate, &refs);
        prop_assert!(merged.cut_off.is_empty());
        for (subject, at) in estate.endpoint_refs().enumerate().step_by(7) {
            let quorum = estate.health_checks[at.pool.at()].quorum;
            let own = &estate.zone(estate.endpoint(at).zone).id;
            let want = counted_at(own, quorum, Verdict::Unknown, &tables, subject);
            prop_assert_eq!(merged.verdicts.get(subject), want, "endpoint {}", subject);
        }
    }
}
