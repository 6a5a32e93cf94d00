use hf_model::Weight;
use proptest::prelude::*;

use super::*;

fn table(weights: &[(u64, u16)]) -> Table {
    let candidate = |(at, (key, weight)): (u16, &(u64, u16))| Candidate {
        at,
        zone: None,
        region: None,
        location: None,
        bias: 0,
        weight: Weight(*weight),
        priority: 0,
        geo: vec![],
        cidr: None,
        key: Chance::new(*key).number(),
    };
    let candidates: Vec<Candidate> = (0..).zip(weights).map(candidate).collect();
    Table::new(&candidates, Sticky::default())
}

fn held(table: &Table) -> Vec<usize> {
    (0..table.weights.len() as u16)
        .map(|at| table.owners().iter().filter(|owner| **owner == at).count())
        .collect()
}

#[test]
fn logarithms_are_right_at_powers_and_between() {
    assert_eq!(minus_log2(1), 64 << 32);
    assert_eq!(minus_log2(1 << 63), 1 << 32);
    // log2(1.5) = 0.5849625007
    assert!(minus_log2(3 << 62).abs_diff(1_782_572_514) < 20_000, "{}", minus_log2(3 << 62));
    assert!(minus_log2(u64::MAX) < 100);
}

#[test]
fn slots_are_held_by_weight() {
    assert_eq!(held(&table(&[(1, 0), (2, 5)])), [0, SLOTS]);
    let held_evenly = held(&table(&[(1, 0), (2, 0)]));
    assert!(held_evenly.iter().all(|held| *held > 470), "{held_evenly:?}");
    let held = held(&table(&[(1, 300), (2, 100)]));
    assert!(held[0].abs_diff(768) < 48, "{held:?}");
    assert!(table(&[]).owners().iter().all(|owner| *owner == NOBODY));
}

/// How many slots have another owner, by key.
fn moved(before: &[(u64, u16)], after: &[(u64, u16)]) -> usize {
    let owners = |of: &[(u64, u16)]| -> Vec<u64> {
        table(of).owners().iter().map(|owner| of[usize::from(*owner)].0).collect()
    };
    owners(before).iter().zip(owners(after)).filter(|(one, other)| **one != *other).count()
}

/// How many slots must move at least: what those who gain, gain.
fn must_move(before: &[(u64, u16)], after: &[(u64, u16)]) -> usize {
    let total = |of: &[(u64, u16)]| of.iter().map(|(_, weight)| usize::from(*weight)).sum::<usize>();
    let share = |of: &[(u64, u16)], key: u64| {
        let weight = of.iter().find(|(of, _)| *of == key).map_or(0, |(_, weight)| usize::from(*weight));
        weight * SLOTS / total(of)
    };
    after.iter().map(|(key, _)| share(after, *key).saturating_sub(share(before, *key))).sum()
}

proptest! {
    /// Nobody holds more than its share of the slots and a sixteenth, and every slot has an owner.
    #[test]
    fn loads_are_bounded(weights in prop::collection::vec(0_u16..300, 1..24)) {
        let weights: Vec<(u64, u16)> = (0..).zip(weights).collect();
        let table = table(&weights);
        let total: usize = table.weights.iter().map(|weight| usize::from(*weight)).sum();
        let held = held(&table);
        prop_assert_eq!(held.iter().sum::<usize>(), SLOTS);
        for (at, held) in held.iter().enumerate() {
            let bound = (SLOTS * usize::from(table.weights[at]) * 17).div_ceil(total * 16);
            prop_assert!(*held <= bound, "{} of at most {}", held, bound);
        }
    }

    /// A change of one weight moves its share and little else.
    #[test]
    fn a_change_of_weight_moves_its_share(weights in prop::collection::vec(50_u16..300, 2..12), which: prop::sample::Index, to in 50_u16..300) {
        let before: Vec<(u64, u16)> = (0..).zip(weights).collect();
        let mut after = before.clone();
        which.get_mut(&mut after).1 = to;
        let (moved, least) = (moved(&before, &after), must_move(&before, &after));
        prop_assert!(moved <= least * 3 / 2 + SLOTS / 16, "{} moved, {} must", moved, least);
    }

    /// So does one who comes or goes.
    #[test]
    fn who_goes_takes_only_its_own_slots(weights in prop::collection::vec(50_u16..300, 3..12), which: prop::sample::Index) {
        let before: Vec<(u64, u16)> = (0..).zip(weights).collect();
        let mut after = before.clone();
        after.remove(which.index(before.len()));
        for (one, other) in [(&before, &after), (&after, &before)] {
            let (moved, least) = (moved(one, other), must_move(one, other));
            prop_assert!(moved <= least * 3 / 2 + SLOTS / 16, "{} moved, {} must", moved, least);
        }
    }

    /// Whoever is closed gives up its own slots only.
    #[test]
    fn a_closed_one_gives_up_its_own_slots_only(count in 2_u16..70, closed: prop::sample::Index, v4: u32) {
        let weights: Vec<(u64, u16)> = (0..u64::from(count)).map(|key| (key, 100)).collect();
        let table = table(&weights);
        let closed = closed.index(usize::from(count)) as u16;
        let address = IpAddr::V4(v4.into());
        let first = |open: &dyn Fn(u16) -> bool| {
            let left = mask::of(2, (0..count).filter(|at| open(*at)));
            let mut order = Vec::new();
            table.order(address, (&left, &mut Vec::new()), 1, &mut order);
            order[0]
        };
        let (all, fewer) = (first(&|_| true), first(&|at| at != closed));
        let is_its_own = all == closed;
        prop_assert!(is_its_own && fewer != closed || fewer == all);
    }
}
