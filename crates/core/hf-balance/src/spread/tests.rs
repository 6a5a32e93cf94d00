use proptest::prelude::*;

use super::*;

/// What all balancers together send to each zone, of 2^32, when callers are spread as `callers`.
fn sums(capacity: &[u64], callers: &[u64], affinity: Share) -> Vec<u64> {
    let all: u128 = callers.iter().map(|of| u128::from(*of)).sum();
    let mut sums = vec![0_u128; capacity.len()];
    for own in 0..capacity.len() {
        let ids = (0..capacity.len() as u64).collect();
        let spread = Spread::new(ids, capacity.to_vec(), callers, Some(own), affinity, true);
        for (sum, part) in sums.iter_mut().zip(spread.parts()) {
            *sum += u128::from(part) * u128::from(callers[own]);
        }
    }
    sums.into_iter().map(|sum| (sum / all.max(1)) as u64).collect()
}

fn parts(capacity: &[u64], callers: &[u64], own: usize) -> Vec<u64> {
    let ids = (0..capacity.len() as u64).collect();
    let spread = Spread::new(ids, capacity.to_vec(), callers, Some(own), Share::ONE, true);
    spread.parts().iter().map(|part| (part * 1_000).div_ceil(WHOLE)).collect()
}

#[test]
fn four_four_three() {
    // The small zone keeps nine of eleven parts and gives the rest to those with room.
    assert_eq!(parts(&[4, 4, 3], &[1, 1, 1], 0), [1_000, 0, 0]);
    assert_eq!(parts(&[4, 4, 3], &[1, 1, 1], 2), [91, 91, 819]);
    // Equal zones keep all.
    assert_eq!(parts(&[4, 4, 4], &[1, 1, 1], 1), [0, 1_000, 0]);
    // Twice as many callers as capacity.
    assert_eq!(parts(&[1, 1], &[3, 1], 0), [667, 334]);
}

#[test]
fn affinity_sends_some_everywhere_and_no_spill_none() {
    let spread = |affinity: u32, spill: bool| {
        let affinity = Share::from_ppm(affinity * 10_000).unwrap();
        let spread = Spread::new(vec![0, 1], vec![3, 1], &[1, 1], Some(1), affinity, spill);
        spread.parts().iter().map(|part| (part * 100).div_ceil(WHOLE)).collect::<Vec<_>>()
    };
    assert_eq!(spread(100, true), [50, 50]);
    assert_eq!(spread(100, false), [0, 100]);
    assert_eq!(spread(0, true), [75, 25]);
    assert_eq!(spread(0, false), [75, 25]);
    // 85 % stay, of the rest a quarter.
    assert_eq!(spread(85, false), [12, 89]);
}

#[test]
fn without_an_own_zone_capacity_decides() {
    let spread = Spread::new(vec![0, 1], vec![3, 1], &[1, 1], None, Share::ONE, true);
    assert_eq!(spread.parts(), [WHOLE / 4 * 3, WHOLE / 4]);
    // An own zone without capacity keeps nothing.
    let spread = Spread::new(vec![0, 1, 2], vec![0, 3, 1], &[1, 1, 1], Some(0), Share::ONE, true);
    assert_eq!(spread.parts(), [0, WHOLE / 4 * 3, WHOLE / 4]);
}

#[test]
fn draws_follow_the_parts() {
    let spread = Spread::new(vec![0, 1, 2], vec![4, 4, 3], &[1, 1, 1], Some(2), Share::ONE, true);
    let mut found = [0_u32; 3];
    let mut draw = Draw::Seed(Chance::new(7));
    (0..40_000).filter_map(|_| spread.draw(&mut draw)).for_each(|at| found[at] += 1);
    let mut by_key = [0_u32; 3];
    (0..40_000).filter_map(|key| spread.draw(&mut Draw::Key(key))).for_each(|at| by_key[at] += 1);
    for found in [found, by_key] {
        for (found, want) in found.into_iter().zip([3_636_u32, 3_636, 32_727]) {
            assert!(found.abs_diff(want) < 500, "{found} of {want}");
        }
    }
}

#[test]
fn a_distance_is_minus_log2() {
    assert_eq!(distance(u64::MAX), 1);
    for bits in 1..32 {
        let found = distance(u64::MAX >> bits);
        assert!(found.abs_diff(bits << 16) <= 1, "{bits}: {found}");
    }
    // log2 of 3/4 is -0.4150.
    assert!(distance((3_u64 << 62) - (1 << 33)).abs_diff(27_199) < 3);
    assert!(distance(0) >= 32 << 16);
}

proptest! {
    /// All together every zone has its part of the capacity, whatever the sizes, callers and affinity.
    #[test]
    fn every_zone_gets_its_part(
        zones in proptest::collection::vec((1_u64..1_000, 1_u64..1_000), 1..12),
        affinity in 0_u32..=1_000_000,
    ) {
        let (capacity, callers): (Vec<u64>, Vec<u64>) = zones.into_iter().unzip();
        let total: u64 = capacity.iter().sum();
        let found = sums(&capacity, &callers, Share::from_ppm(affinity).unwrap());
        for (found, capacity) in found.iter().zip(&capacity) {
            let want = (u128::from(WHOLE) * u128::from(*capacity) / u128::from(total)) as u64;
            // A ten-thousandth for what rounding leaves.
            prop_assert!(found.abs_diff(want) <= WHOLE / 10_000, "{found} for {want}");
        }
    }

    /// One endpoint less moves no more of a zone's requests than twice that endpoint's part of any zone.
    #[test]
    fn a_small_change_moves_little(
        mut capacity in proptest::collection::vec(4_u64..50, 2..6),
        own in 0_usize..6,
        lost in 0_usize..6,
    ) {
        let (own, lost) = (own % capacity.len(), lost % capacity.len());
        let callers = vec![1; capacity.len()];
        let of = |capacity: &[u64]| {
            let ids = (0..capacity.len() as u64).collect();
            Spread::new(ids, capacity.to_vec(), &callers, Some(own), Share::ONE, true).parts()
        };
        let before = of(&capacity);
        let most = capacity.len() as u64 * WHOLE / capacity.iter().sum::<u64>();
        capacity[lost] -= 1;
        // What goes elsewhere is a fraction of what is not kept; the kept part is what must not jump.
        let after = of(&capacity);
        prop_assert!(before[own].abs_diff(after[own]) <= 2 * most, "{before:?} {after:?}");
    }

    /// With a zone's weight grown, keys move to it and from nowhere else.
    #[test]
    fn keys_move_only_to_the_zone_that_grew(mut weights in proptest::collection::vec(1_u64..100, 2..8), more in 1_u64..100, at in 0_usize..8) {
        let at = at % weights.len();
        let ids: Vec<u64> = (0..weights.len() as u64).collect();
        let of = |weights: &[u64]| (0..300).map(|key| Draw::Key(key).of(&ids, weights, |_| true)).collect::<Vec<_>>();
        let before = of(&weights);
        weights[at] += more;
        for (was, is) in before.into_iter().zip(of(&weights)) {
            prop_assert!(was == is || is == Some(at), "{was:?} {is:?}");
        }
    }
}
