use super::*;
use crate::tests::{returned, snapshot};
use proptest::prelude::*;

/// What a pool called `web` lists: `address weight` of those that take.
fn told(snapshot: &Snapshot, steps: u32) -> String {
    let web = snapshot.estate.pool_named(&"web".parse().unwrap()).unwrap();
    let listing = Listing::of(snapshot, web);
    let weights = listing.weights(steps);
    let lines = listing.endpoints.iter().zip(weights).filter(|(_, weight)| *weight > 0);
    lines.map(|(of, weight)| format!("{} {weight}", of.address.ip())).collect::<Vec<_>>().join(", ")
}

#[test]
fn those_that_serve_are_listed_with_their_weights() {
    assert_eq!(told(&snapshot(true, "open", &[], None), 100), "10.1.0.1 1, 10.2.0.1 1, 10.3.0.1 1");
    assert_eq!(told(&snapshot(true, "open", &[2], None), 100), "10.1.0.1 1, 10.3.0.1 1");
    assert_eq!(told(&snapshot(true, "open", &[], Some("n1")), 100), "10.2.0.1 1, 10.3.0.1 1");
}

#[test]
fn a_spare_takes_when_nobody_else_does() {
    assert_eq!(told(&snapshot(true, "open", &[0, 2, 3], None), 100), "10.1.0.2 1");
}

#[test]
fn with_nobody_healthy_the_pool_does_what_it_says() {
    let all = [0, 1, 2, 3];
    assert_eq!(told(&snapshot(true, "open", &all, None), 100), "10.1.0.1 1, 10.2.0.1 1, 10.3.0.1 1");
    assert_eq!(told(&snapshot(true, "closed", &all, None), 100), "");
    let fallen = snapshot(true, "fallback:sorry", &all, None);
    assert_eq!(told(&fallen, 100), "10.9.0.1 1");
    let web = fallen.estate.pool_named(&"web".parse().unwrap()).unwrap();
    assert!(!Listing::of_own(&fallen, web).takes());
}

#[test]
fn a_zone_that_returns_takes_its_share() {
    let half = |percent| returned(snapshot(true, "open", &[], None), &[("n2", percent)]);
    assert_eq!(told(&half(30), 10), "10.1.0.1 10, 10.2.0.1 3, 10.3.0.1 10");
    assert_eq!(told(&half(30), 4), "10.1.0.1 2, 10.2.0.1 1, 10.3.0.1 2");
    assert_eq!(told(&half(0), 4), "10.1.0.1 1, 10.3.0.1 1");
    let all = returned(snapshot(true, "open", &[], None), &[("n1", 0), ("n2", 0), ("f1", 0)]);
    assert_eq!(told(&all, 4), "10.1.0.1 1, 10.2.0.1 1, 10.3.0.1 1");
}

proptest! {
    /// Whoever takes with a weight and a share has one, nobody else has; and they fit 32 bits together.
    #[test]
    fn weights_are_those_of_who_takes(
        of in proptest::collection::vec((any::<bool>(), any::<u16>(), 0_u32..=1_000_000), 1..200),
        steps in 1_u32..=1_000,
    ) {
        let endpoints = of.iter().map(|(takes, weight, ppm)| Listed {
            address: "10.0.0.1:80".parse().unwrap(),
            zone: ZoneIx(0),
            weight: Weight(*weight),
            takes: *takes,
            share: Share::from_ppm(*ppm).unwrap(),
        });
        let listing = Listing { mode: Mode::Normal, serving_pool: PoolIx(0), endpoints: endpoints.collect() };
        let weights = listing.weights(steps);
        for (of, weight) in listing.endpoints.iter().zip(&weights) {
            prop_assert!(of.takes || *weight == 0);
            prop_assert!(!of.takes || of.weight.0 == 0 || of.share == Share::ZERO || *weight > 0);
        }
        let some = listing.endpoints.iter().any(|of| of.takes && of.share > Share::ZERO);
        prop_assert_eq!(some, weights.iter().any(|weight| *weight > 0));
        prop_assert!(weights.iter().map(|weight| u64::from(*weight)).max().unwrap_or(0) <= WEIGHT_MAX);
    }
}
