use super::*;

fn second(seed: u32) -> Second {
    let count = |of: u32| (seed.wrapping_mul(2_654_435_761).wrapping_add(of * 40_503) >> 7) % 1_000;
    let latency = |of: u32| {
        (0..160).map(|at| if (at + of).is_multiple_of(9) { count(at) * 100_000 } else { 0 }).collect()
    };
    let endpoint = |of: u32| Endpoint { requests: count(of), faults: u32::MAX - of, latency: latency(of) };
    let zone = |at: u32| Zone {
        endpoints: (0..3).map(|of| endpoint(at * 3 + of)).collect(),
        worst_clients_faults: count(at),
        worst_clients_requests: count(at + 1),
        is_marked: at == 1,
    };
    let seen = |of: u32| Seen { requests: count(of), faults: 1, latency: latency(of) };
    Second {
        zones: (0..2).map(zone).collect(),
        probes: vec![vec![Some(true), Some(false)], vec![None, Some(true)]],
        seen: vec![vec![seen(1), Seen::default()], vec![seen(2), seen(3)]],
    }
}

#[test]
fn a_second_comes_back_as_it_was() {
    for seed in 0..200 {
        assert_eq!(Recorded::new(7, None, &second(seed)).second(), second(seed));
    }
    assert_eq!(Recorded::new(7, None, &Second::default()).second(), Second::default());
}

#[test]
fn the_oldest_go_at_the_bounds() {
    let mut recording = Recording::new(Latency { buckets: 160, ratio: 1.1 });
    (1..=10_000).for_each(|t| recording.push(Recorded::new(t, None, &Second::default()), usize::MAX));
    let first = recording.after(0).next().unwrap().t;
    assert!((SECONDS - BLOCK..=SECONDS).contains(&recording.seconds()), "{}", recording.seconds());
    assert_eq!(first as usize, 10_001 - recording.seconds());
    assert_eq!(recording.after(9_998).map(|recorded| recorded.t).collect::<Vec<_>>(), [9_999, 10_000]);
    let mut recording = Recording::new(Latency { buckets: 160, ratio: 1.1 });
    let bytes = Recorded::new(0, None, &second(1)).memory();
    (1..=1_000).for_each(|t| recording.push(Recorded::new(t, None, &second(1)), bytes * 200));
    assert!((140..=200).contains(&recording.seconds()), "{}", recording.seconds());
    assert_eq!(recording.bytes, recording.seconds() * bytes);
}

/// The bound is on memory: a second with no counts at all takes some, and so does what came and went before it.
#[test]
fn what_a_second_takes_beside_its_counts_is_within_the_bound() {
    const MOST: usize = 64 << 10;
    let was: Arc<[ZoneWas]> = vec![ZoneWas { zone: Some(0), endpoints: vec![Some(1); 100] }; 3].into();
    for (was, counts) in [(None, Second::default()), (Some(was), Second::default()), (None, second(3))] {
        let mut recording = Recording::new(Latency { buckets: 160, ratio: 1.1 });
        for t in 1..=2_000 {
            recording.push(Recorded::new(t, was.clone(), &counts), MOST);
            let kept: Vec<&Recorded> = recording.after(0).collect();
            let of = |recorded: &&Recorded| {
                let was = recorded.was.iter().flat_map(|was| was.iter());
                let of_was: usize = was.map(|was| size_of::<ZoneWas>() + 16 * was.endpoints.len()).sum();
                size_of::<Recorded>() + recorded.bytes.len() + of_was
            };
            let memory: usize = kept.iter().map(of).sum();
            assert!(memory <= MOST, "{memory} bytes of {} seconds", kept.len());
            assert!(kept.last().is_some_and(|newest| newest.t == t));
        }
    }
}

/// Where a minute alone is beyond the bound less than a minute is kept.
#[test]
fn large_seconds_do_not_stay_for_a_minute() {
    let bytes = Recorded::new(0, None, &second(1)).memory();
    let mut recording = Recording::new(Latency { buckets: 160, ratio: 1.1 });
    (1..=100).for_each(|t| recording.push(Recorded::new(t, None, &second(1)), bytes * 16));
    assert!((12..=16).contains(&recording.seconds()), "{}", recording.seconds());
    (101..=200).for_each(|t| recording.push(Recorded::new(t, None, &second(1)), 1));
    assert_eq!(recording.seconds(), 1);
}
