//! The search: registers with known verdicts, histories of a correct simulation, mutations of them, size, and limits.

use std::collections::BTreeMap;

use expect_test::expect;
use hf_history::{Limits, Model, Operation, Returned, Verdict, check};
use proptest::prelude::*;

/// Registers by name: read, write, and add, which is not idempotent.
struct Registers;

#[derive(Clone, Debug, PartialEq)]
enum Ask {
    Read(&'static str),
    Write(&'static str, i64),
    Add(&'static str, i64),
}

impl Model for Registers {
    type State = BTreeMap<&'static str, i64>;
    type Input = Ask;
    /// The value after it.
    type Output = i64;

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn step(&self, state: &Self::State, input: &Ask, output: Option<&i64>) -> Option<Self::State> {
        let mut after = state.clone();
        let value = match input {
            Ask::Read(name) => state.get(name).copied().unwrap_or(0),
            Ask::Write(name, value) => *after.entry(name).insert_entry(*value).get(),
            Ask::Add(name, value) => {
                let kept = after.entry(name).or_default();
                *kept += value;
                *kept
            }
        };
        output.is_none_or(|output| *output == value).then_some(after)
    }

    fn part(&self, input: &Ask) -> Option<String> {
        let (Ask::Read(name) | Ask::Write(name, _) | Ask::Add(name, _)) = input;
        Some((*name).to_owned())
    }

    fn only_looks(&self, input: &Ask, _: &i64) -> bool {
        matches!(input, Ask::Read(_))
    }

    /// Tests write values from 1,000 on once each and add nothing to them.
    fn can_show(&self, unknown: &Ask, _: &Ask, output: &i64) -> bool {
        !matches!(unknown, Ask::Write(_, value) if *value >= 1_000 && value != output)
    }
}

type Op = Operation<Ask, i64>;

fn op(client: u32, called_us: u64, returned_us: u64, input: Ask, output: i64) -> Op {
    Operation { client, called_us, input, returned: Some(Returned { at_us: returned_us, output }) }
}

fn unknown(client: u32, called_us: u64, input: Ask) -> Op {
    Operation { client, called_us, input, returned: None }
}

#[track_caller]
fn passes(history: &[Op], expected: bool) {
    let verdict = check(&Registers, history, Limits::default()).passed();
    assert_eq!(verdict.is_ok(), expected, "{verdict:?}");
}

#[test]
fn an_empty_history_passes() {
    passes(&[], true);
}

#[test]
fn reads_may_see_a_write_under_way_or_not_but_in_one_order() {
    let write = op(1, 0, 100, Ask::Write("x", 1), 1);
    passes(&[write.clone(), op(2, 10, 20, Ask::Read("x"), 0), op(2, 30, 40, Ask::Read("x"), 1)], true);
    passes(&[write, op(2, 10, 20, Ask::Read("x"), 1), op(2, 30, 40, Ask::Read("x"), 0)], false);
}

#[test]
fn a_lost_update_is_found() {
    // Both add to nothing.
    passes(&[op(1, 0, 50, Ask::Add("x", 1), 1), op(2, 10, 60, Ask::Add("x", 1), 1)], false);
    passes(&[op(1, 0, 50, Ask::Add("x", 1), 1), op(2, 10, 60, Ask::Add("x", 1), 2)], true);
}

#[test]
fn a_stale_read_is_found() {
    passes(&[op(1, 0, 10, Ask::Write("x", 1), 1), op(2, 11, 20, Ask::Read("x"), 0)], false);
    // At one instant they overlap.
    passes(&[op(1, 0, 10, Ask::Write("x", 1), 1), op(2, 10, 20, Ask::Read("x"), 0)], true);
}

#[test]
fn a_double_apply_is_found() {
    passes(&[op(1, 0, 10, Ask::Add("x", 1), 1), op(2, 20, 30, Ask::Read("x"), 2)], false);
    // An unknown outcome explains it, once.
    let lost = unknown(1, 0, Ask::Add("x", 1));
    passes(&[lost.clone(), op(2, 20, 30, Ask::Read("x"), 1), op(2, 40, 50, Ask::Read("x"), 1)], true);
    passes(&[lost, op(2, 20, 30, Ask::Read("x"), 1), op(2, 40, 50, Ask::Read("x"), 2)], false);
}

#[test]
fn an_unknown_outcome_is_not_before_its_call() {
    passes(&[op(2, 0, 10, Ask::Read("x"), 1), unknown(1, 20, Ask::Write("x", 1))], false);
    passes(&[unknown(1, 5, Ask::Write("x", 1)), op(2, 0, 10, Ask::Read("x"), 1)], true);
}

#[test]
fn parts_are_checked_one_by_one() {
    let history = [op(1, 0, 10, Ask::Write("x", 1), 1), op(2, 0, 10, Ask::Write("y", 2), 2)];
    let Verdict::Linearizable(passed) = check(&Registers, &history, Limits::default()) else {
        panic!("a good history")
    };
    assert_eq!(passed.parts, 2);
}

#[test]
fn unknown_outcomes_that_nobody_saw_are_left_out() {
    let mut history: Vec<Op> =
        (0..60).map(|at| unknown(1, at, Ask::Write("x", 1_000 + at.cast_signed()))).collect();
    history.extend(
        (0..50)
            .map(|at| op(2, 100 + 10 * at, 105 + 10 * at, Ask::Read("x"), if at < 25 { 0 } else { 1_007 })),
    );
    let Verdict::Linearizable(passed) = check(&Registers, &history, Limits::default()) else {
        panic!("a good history")
    };
    assert_eq!((passed.left_out, passed.operations), (59, 51));
}

#[test]
fn a_search_without_an_end_gives_up_and_that_is_no_pass() {
    // Twenty additions at once, and a sum that none of their orders has.
    let mut history: Vec<Op> = (0..20).map(|at| unknown(at, 0, Ask::Add("x", 1 << at))).collect();
    history.push(op(30, 50, 60, Ask::Read("x"), -1));
    let verdict = check(&Registers, &history, Limits { situations: 1_000 });
    assert!(matches!(verdict, Verdict::GaveUp { operations: 21, .. }), "{verdict:?}");
    assert!(verdict.passed().unwrap_err().starts_with("gave up after 1001 situations of 21 operations"));
}

#[test]
fn the_shortest_beginning_that_fails_is_told() {
    let mut history: Vec<Op> =
        (0..20).map(|at| op(1, 100 * at, 100 * at + 50, Ask::Add("x", 1), at.cast_signed() + 1)).collect();
    history.insert(15, op(2, 1_460, 1_480, Ask::Read("x"), 3));
    history.push(unknown(3, 1_470, Ask::Write("x", 1_077)));
    let problem = check(&Registers, &history, Limits::default()).passed().unwrap_err();
    expect![[r#"
        not linearizable: the first 16 of 21 operations show it
        the order that explains most answers:
          (3 operations before these)
          client 1, 0.000300 s to 0.000350 s: Add("x", 1) -> 4
          client 1, 0.000400 s to 0.000450 s: Add("x", 1) -> 5
          client 1, 0.000500 s to 0.000550 s: Add("x", 1) -> 6
          client 1, 0.000600 s to 0.000650 s: Add("x", 1) -> 7
          client 1, 0.000700 s to 0.000750 s: Add("x", 1) -> 8
          client 1, 0.000800 s to 0.000850 s: Add("x", 1) -> 9
          client 1, 0.000900 s to 0.000950 s: Add("x", 1) -> 10
          client 1, 0.001000 s to 0.001050 s: Add("x", 1) -> 11
          client 1, 0.001100 s to 0.001150 s: Add("x", 1) -> 12
          client 1, 0.001200 s to 0.001250 s: Add("x", 1) -> 13
          client 1, 0.001300 s to 0.001350 s: Add("x", 1) -> 14
          client 1, 0.001400 s to 0.001450 s: Add("x", 1) -> 15
        then the state is {"x": 15}, and none of these answers can follow:
          client 2, 0.001460 s to 0.001480 s: Read("x") -> 3
    "#]]
    .assert_eq(&problem);
}

/// Numbers from a seed (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What clients of a correct register see: every operation takes effect at an instant between its call and its return; of a few the
/// answer is lost, and some of those are not done at all.
fn made(seed: u64, clients: u32, operations: usize, lost_percent: u64) -> Vec<Op> {
    let mut draw = Draw(seed);
    let mut free_at = vec![0_u64; clients as usize];
    let mut plan: Vec<(u64, Op)> = Vec::new();
    for number in 0..operations {
        let client = number % clients as usize;
        let called_us = free_at[client] + draw.below(50);
        let effect_us = called_us + 1 + draw.below(60);
        let returned_us = effect_us + 1 + draw.below(60);
        free_at[client] = returned_us + 1;
        let input = match draw.below(3) {
            0 => Ask::Read("x"),
            1 => Ask::Write("x", draw.below(5).cast_signed()),
            _ => Ask::Add("x", draw.below(3).cast_signed()),
        };
        plan.push((effect_us, op(client as u32, called_us, returned_us, input, 0)));
    }
    plan.sort_by_key(|(effect_us, _)| *effect_us);
    let mut value = 0;
    for (_, operation) in &mut plan {
        let is_lost = draw.below(100) < lost_percent;
        if !is_lost || draw.below(2) == 0 {
            match operation.input {
                Ask::Read(_) => {}
                Ask::Write(_, to) => value = to,
                Ask::Add(_, by) => value += by,
            }
        }
        let at_us = operation.returned.as_ref().map_or(0, |returned| returned.at_us);
        operation.returned = (!is_lost).then_some(Returned { at_us, output: value });
    }
    plan.into_iter().map(|(_, operation)| operation).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What a correct register answers passes, whatever overlaps and whatever answers are lost.
    #[test]
    fn correct_histories_pass(seed in any::<u64>(), clients in 1_u32..6, operations in 1_usize..80, lost in 0_u64..10) {
        let history = made(seed, clients, operations, lost);
        let verdict = check(&Registers, &history, Limits::default()).passed();
        prop_assert!(verdict.is_ok(), "{verdict:?}");
    }

    /// The order in which operations are written down does not matter.
    #[test]
    fn the_order_of_the_list_does_not_matter(seed in any::<u64>()) {
        let mut history = made(seed, 4, 40, 5);
        history.reverse();
        prop_assert!(check(&Registers, &history, Limits::default()).passed().is_ok());
    }

    /// Without concurrency, one wrong answer always fails.
    #[test]
    fn a_wrong_answer_fails_where_nothing_overlaps(seed in any::<u64>(), at in 0_usize..30) {
        let mut history = made(seed, 1, 30, 0);
        history[at].returned.as_mut().expect("none is lost").output += 1_000;
        prop_assert!(check(&Registers, &history, Limits::default()).passed().is_err());
    }
}

#[test]
fn a_wrong_answer_usually_fails_where_things_overlap() {
    let mut found = 0;
    for seed in 0..200 {
        let mut history = made(seed, 5, 60, 2);
        let mut draw = Draw(seed + 1_000);
        let at = draw.below(60) as usize;
        let Some(returned) = &mut history[at].returned else { continue };
        returned.output += 1 + draw.below(3).cast_signed();
        found += u32::from(check(&Registers, &history, Limits::default()).passed().is_err());
    }
    assert!(found > 150, "{found} of 200 wrong answers were found");
}

#[test]
fn ten_thousand_operations_of_five_clients_are_a_small_search() {
    let Verdict::Linearizable(passed) = check(&Registers, &made(7, 5, 10_000, 0), Limits::default()) else {
        panic!("a good history")
    };
    // Counted, not timed: a second holds some millions.
    assert!(passed.situations < 200_000, "{passed:?}");
}
