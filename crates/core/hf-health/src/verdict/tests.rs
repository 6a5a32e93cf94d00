use std::collections::BTreeMap;
use std::time::Duration;

use hf_config::estate::{AllDown, CrossZone, Endpoint, Estate, Pool, Protocol, ZoneIx};
use hf_model::{Digest, NodeId, PoolName, Share, Timestamp, Weight, ZoneId};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(10_000);
const FRESH: Duration = Duration::from_secs(5);

/// An estate of pools with endpoints at `10.0.0.N`; what verdicts do not depend on is left out.
fn estate(pools: &[(&str, &[u8])]) -> Estate {
    let pool = |(name, addresses): &(&str, &[u8])| Pool {
        protocol: Protocol::Http,
        listen: None,
        health_check: None,
        cross_zone: CrossZone::Off,
        min_zones: 1,
        min_capacity: Share::ZERO,
        all_down: AllDown::Open,
        return_over: Duration::ZERO,
        dns_minimum: hf_config::estate::Minimum::default(),
        routing_minimum: hf_config::estate::Minimum::default(),
        control: None,
        ..Pool::new(
            PoolName::new(name).unwrap(),
            addresses
                .iter()
                .map(|last| Endpoint {
                    address: std::net::SocketAddr::from(([10, 0, 0, *last], 80)),
                    zone: ZoneIx(0),
                    weight: Weight::default(),
                    priority: 0,
                })
                .collect(),
        )
    };
    Estate {
        digest: Digest::of(format!("{pools:?}").as_bytes()),
        regions: vec![],
        zones: vec![],
        health_checks: vec![],
        pools: pools.iter().map(pool).collect(),
        hosted_zones: vec![],
        records: vec![],
        trees: Vec::new(),
        aliases: Vec::new(),
        cidr_collections: Vec::new(),
        control_panels: vec![],
        routing_controls: vec![],
        safety_rules: vec![],
        assignments: Vec::new(),
        services: Vec::new(),
        consumers: Vec::new(),
        closing_sources: Vec::new(),
        checking: hf_config::estate::Checking::default(),
    }
}

fn of_size(count: usize) -> Estate {
    let addresses: Vec<u8> = (0..count).map(|at| at as u8).collect();
    estate(&[("web", &addresses)])
}

/// `+` healthy, `-` unhealthy, `?` unknown: one for each endpoint.
fn table(estate: &Estate, text: &str) -> Table {
    let (mut known, mut healthy) = (Bitmap::new(text.len()), Bitmap::new(text.len()));
    for (at, c) in text.chars().enumerate() {
        known.set(at, c != '?');
        healthy.set(at, c == '+');
    }
    Table {
        checker: NodeId::new("checker").unwrap(),
        zone: ZoneId::new("a").unwrap(),
        estate: estate.digest,
        made_at: Timestamp(0),
        known,
        healthy,
    }
}

fn read(text: &str) -> Verdicts {
    let of = text.chars().map(|c| match c {
        '+' => Verdict::Healthy,
        '-' => Verdict::Unhealthy,
        _ => Verdict::Unknown,
    });
    Verdicts { of: of.collect() }
}

fn show(verdicts: &Verdicts) -> String {
    let letter = |verdict: &Verdict| match verdict {
        Verdict::Healthy => '+',
        Verdict::Unhealthy => '-',
        Verdict::Unknown => '?',
    };
    verdicts.of.iter().map(letter).collect()
}

fn received(at: Timestamp, tables: Vec<Table>) -> BTreeMap<NodeId, (Timestamp, Table)> {
    let name = |number: usize| NodeId::new(&format!("checker-{number}")).unwrap();
    tables.into_iter().enumerate().map(|(number, table)| (name(number), (at, table))).collect()
}

/// The verdicts after `last`, from the tables of several checkers.
fn check(last: &str, tables: &[&str], want: &str) {
    let estate = of_size(last.len());
    let tables = received(NOW, tables.iter().map(|text| table(&estate, text)).collect());
    assert_eq!(show(&read(last).merge(&estate, &tables, NOW, FRESH)), want, "{last} then {tables:?}");
}

#[test]
fn one_of_three_and_one_of_five_keep_an_endpoint_in() {
    check("?", &["+", "-", "-"], "+");
    check("?", &["+", "-", "-", "-", "-"], "+");
    check("?", &["-", "-", "-"], "-");
}

#[test]
fn more_than_eighteen_percent_keep_an_endpoint_in() {
    check("+", &["+", "-", "-", "-", "-", "-"], "-"); // 16.7 %
    check("+", &["+", "+", "-", "-", "-", "-", "-", "-", "-", "-", "-"], "+"); // 18.2 %
    let mut fifty = vec!["-"; 50];
    fifty[..9].fill("+"); // 18 % exactly is not more
    check("+", &fifty, "-");
    fifty[9] = "+";
    check("+", &fifty, "+");
}

#[test]
fn a_missing_report_counts_for_nothing() {
    check("?", &["?", "-"], "-");
    check("?", &["?", "+", "?"], "+");
    check("+-?", &["???", "???"], "+-?");
    check("+-?", &[], "+-?");
}

#[test]
fn a_stale_table_counts_as_missing() {
    let estate = of_size(1);
    let tables = received(Timestamp(NOW.0 - 5_001), vec![table(&estate, "-")]);
    assert_eq!(show(&read("+").merge(&estate, &tables, NOW, FRESH)), "+");
    let tables = received(Timestamp(NOW.0 - 5_000), vec![table(&estate, "-")]);
    assert_eq!(show(&read("+").merge(&estate, &tables, NOW, FRESH)), "-");
}

#[test]
fn a_table_of_another_estate_counts_as_missing() {
    let (estate, other) = (of_size(2), of_size(3));
    let tables = received(NOW, vec![table(&other, "---")]);
    assert_eq!(show(&read("+?").merge(&estate, &tables, NOW, FRESH)), "+?");
}

#[test]
fn a_table_of_a_foreign_length_knows_nothing_of_the_rest() {
    let estate = of_size(70);
    let short = table(&estate, "-");
    let verdicts = Verdicts::unknown(70).merge(&estate, &received(NOW, vec![short]), NOW, FRESH);
    assert_eq!(show(&verdicts), format!("-{}", "?".repeat(69)));
    let long = table(&estate, &"-".repeat(200));
    let verdicts = Verdicts::unknown(70).merge(&estate, &received(NOW, vec![long]), NOW, FRESH);
    assert_eq!(show(&verdicts), "-".repeat(70));
}

#[test]
fn a_new_estate_keeps_the_verdicts_of_what_stays() {
    let before = estate(&[("web", &[1, 2, 3]), ("api", &[1])]);
    let after = estate(&[("api", &[1, 9]), ("web", &[3, 2, 7])]);
    assert_eq!(show(&read("+-?-").carried_over(&before, &after)), "-??-?");
}

proptest! {
    /// Losing every checker changes no verdict.
    #[test]
    fn silence_changes_nothing(last in "[-+?]{0,150}", tables in prop::collection::vec("[-+]{150}", 0..5)) {
        let estate = of_size(last.len());
        let tables: Vec<Table> = tables.iter().map(|text| table(&estate, &text[..last.len()])).collect();
        let old = received(Timestamp(0), tables);
        prop_assert_eq!(show(&read(&last).merge(&estate, &old, NOW, FRESH)), last);
    }

    /// A cut-off minority of up to four in five checkers cannot kill an endpoint that the others see.
    #[test]
    fn a_minority_cannot_kill_an_endpoint(others in 1usize..10, cut_off in 0usize..40) {
        prop_assume!(cut_off <= 4 * others);
        let estate = of_size(1);
        let tables = (0..others + cut_off).map(|at| table(&estate, if at < others { "+" } else { "-" })).collect();
        prop_assert_eq!(show(&read("?").merge(&estate, &received(NOW, tables), NOW, FRESH)), "+");
    }

    /// Verdicts survive the way through bitmaps.
    #[test]
    fn bitmaps_hold_verdicts(text in "[-+?]{0,200}") {
        let (known, healthy) = read(&text).to_bitmaps();
        prop_assert_eq!(show(&Verdicts::from_bitmaps(&known, &healthy)), text);
    }

    /// The same estate carries every verdict over.
    #[test]
    fn an_unchanged_estate_keeps_every_verdict(text in "[-+?]{0,150}") {
        let estate = of_size(text.len());
        prop_assert_eq!(show(&read(&text).carried_over(&estate, &estate)), text);
    }
}
