//! The seeds of the cluster: fixed ones, one from the environment, and the planted mistakes, each of which must be found.

use hf_sim::Violation;
use hf_sim::cluster::{Seen, Slip, run};

/// Seeds within which every planted mistake is found.
const SLIP_SEEDS: std::ops::Range<u64> = 0..30;

/// `HF_SEED=N` runs that seed and tells what it saw; without it, seed 0.
#[test]
fn one_cluster_seed() {
    let seed = std::env::var("HF_SEED").map_or(0, |text| text.parse().expect("HF_SEED is a number"));
    match run(seed, None) {
        Ok(seen) => println!("HF_SEED={seed}: {seen:#?}"),
        Err(violation) => panic!("\n{violation}"),
    }
}

fn check_all(seeds: [u64; 2]) {
    let mut violations = Vec::<Violation>::new();
    let mut all = Vec::<Seen>::new();
    for seed in seeds {
        match run(seed, None) {
            Ok(seen) => all.push(seen),
            Err(violation) => violations.push(violation),
        }
    }
    for violation in &violations {
        eprintln!("HF_SEED={}: {}", violation.seed, violation.what);
    }
    if let Some(first) = violations.first() {
        panic!("\n{first}");
    }
    // A cluster in which nothing happens breaks no rule.
    let seeds = all.len() as u64;
    println!("{seeds} seeds; in each, on average:");
    for (name, of, least) in [
        ("operations", (|seen| seen.operations) as fn(&Seen) -> u64, 150),
        ("changes refused", |seen| seen.refused, 20),
        ("entries that turned a control", |seen| seen.turned, 30),
        ("lost races", |seen| seen.races, 3),
        ("times without the ledger", |seen| seen.unavailable, 5),
        ("starts of control nodes", |seen| seen.starts, 8),
        ("nodes that went on from a checkpoint", |seen| seen.caught_up, 3),
        ("snapshots", |seen| seen.snapshots, 1_000),
        ("autoshifts that began", |seen| seen.autoshifts, 3),
        ("autoshifts refused", |seen| seen.autoshifts_refused, 3),
        ("dynamic updates that are done", |seen| seen.updates, 10),
        ("dynamic updates refused", |seen| seen.updates_refused, 2),
        ("dynamic updates acknowledged", |seen| seen.acknowledged, 10),
    ] {
        let mean = all.iter().map(of).sum::<u64>() / seeds;
        println!("{mean:>8} {name}");
        assert!(mean >= least, "too few {name} to show anything");
    }
}

/// The fixed seeds, in parts so that they run beside one another, each within a test's time on a slow machine. A part has a seed in
/// which much happens and one in which less does, for the averages.
#[test]
fn the_rules_of_the_cluster_hold_in_seeds_0_and_7() {
    check_all([0, 7]);
}

#[test]
fn the_rules_of_the_cluster_hold_in_seeds_1_and_6() {
    check_all([1, 6]);
}

#[test]
fn the_rules_of_the_cluster_hold_in_seeds_2_and_5() {
    check_all([2, 5]);
}

#[test]
fn the_rules_of_the_cluster_hold_in_seeds_3_and_4() {
    check_all([3, 4]);
}

/// Lines of `cluster_seeds.txt`: a seed, then the bug's name.
#[test]
fn cluster_seeds_that_found_bugs_find_them_no_more() {
    let lines = include_str!("../cluster_seeds.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let seed = line.split_whitespace().next().expect("a line that is not empty has a word");
        let seed = seed.parse().unwrap_or_else(|_| panic!("cluster_seeds.txt: {seed:?} is not a seed"));
        if let Err(violation) = run(seed, None) {
            panic!("\n{violation}");
        }
    }
}

#[test]
fn the_same_seed_of_the_cluster_has_the_same_trace() {
    for seed in 0..1 {
        let (first, second) = (run(seed, None), run(seed, None));
        assert_eq!(first.map_err(|v| v.to_string()), second.map_err(|v| v.to_string()), "HF_SEED={seed}");
    }
}

/// The test of the tester. `expected` is how each mistake may show.
fn is_found(slip: Slip, expected: &[&str]) {
    let found = SLIP_SEEDS.into_iter().find_map(|seed| run(seed, Some(slip)).err());
    let violation = found.unwrap_or_else(|| panic!("{slip:?} was planted and not found in {SLIP_SEEDS:?}"));
    println!("{slip:?}: seed {}, step {}: {}", violation.seed, violation.step, violation.what);
    assert!(
        expected.iter().any(|part| violation.what.contains(part)),
        "{slip:?} was found by something else: {}",
        violation.what
    );
}

macro_rules! slips {
    ($($name:ident: $slip:ident, $expected:expr;)*) => {
        $(#[test]
        fn $name() {
            is_found(Slip::$slip, &$expected);
        })*

        #[test]
        fn every_slip_has_its_test() {
            assert_eq!(Slip::ALL, [$(Slip::$slip),*]);
        }
    };
}

slips! {
    rules_judged_outside_apply_are_found: RuleAtTheReceiver, ["rule", "not linearizable"];
    reads_without_a_barrier_are_found: StaleReads, ["not linearizable"];
    an_answer_before_the_ledger_has_it_is_found: AcknowledgedEarly, ["the ledger has", "not linearizable"];
    a_repeated_request_that_counts_twice_is_found: NoDeduplication, ["and then", "not linearizable"];
    prerequisites_judged_outside_apply_are_found: PrerequisiteAtTheReceiver, ["prerequisite of it does not hold", "and then"];
    half_an_update_is_found: UpdateInHalves, ["half of an update"];
}
