use crate::{Config, Detector, Endpoint, Finding, Latency, Second, Step, Zone};

const LATENCY: Latency = Latency { buckets: 27, ratio: std::f64::consts::SQRT_2 };

/// A service of three zones with four endpoints each, after so many seconds of the given kind behind three quiet minutes.
fn after(seconds: u64, kind: impl Fn(usize, usize, &mut Endpoint), clients: [u32; 2]) -> (Detector, Step) {
    let mut detector = Detector::new(Config::default(), &[4; 3], LATENCY);
    let mut last = None;
    for at in 0..180 + seconds {
        let is_on = at >= 180;
        let endpoint = |zone: usize, of: usize| {
            let mut latency = vec![0; 27];
            (latency[6], latency[8], latency[12]) = (50, 45, 5);
            let faults = u32::from((at as usize + zone * 4 + of).is_multiple_of(12));
            let mut endpoint = Endpoint { requests: 100, faults, latency };
            if is_on {
                kind(zone, of, &mut endpoint);
            }
            endpoint
        };
        let zone = |zone: usize| Zone {
            endpoints: (0..4).map(|of| endpoint(zone, of)).collect(),
            worst_clients_requests: if is_on && zone == 1 { clients[0] } else { 2 },
            worst_clients_faults: if is_on && zone == 1 { clients[1] } else { 0 },
            is_marked: false,
        };
        last = Some(detector.step(&Second { zones: (0..3).map(zone).collect(), ..Second::default() }));
    }
    (detector, last.unwrap())
}

fn check(
    kind: impl Fn(usize, usize, &mut Endpoint),
    clients: [u32; 2],
    want: &[(usize, Option<usize>, &str)],
) {
    let (detector, step) = after(40, kind, clients);
    let found = detector.apart();
    let told: Vec<_> = found.iter().map(|apart| (apart.zone, apart.endpoint, apart.what)).collect();
    assert_eq!(told, want, "{found:?}");
    assert!(!matches!(step.finding, Finding::Zone(_)), "{step:?}");
}

#[test]
fn a_quiet_service_has_nothing_that_stands_apart() {
    check(|_, _, _| {}, [2, 0], &[]);
    let (detector, _) = after(40, |_, _, _| {}, [2, 0]);
    assert_eq!(detector.everywhere(), None);
}

#[test]
fn one_bad_endpoint_is_told_and_is_no_zone() {
    let fails = |zone: usize, of: usize, endpoint: &mut Endpoint| {
        if (zone, of) == (1, 2) {
            endpoint.faults = 41;
        }
    };
    check(fails, [2, 0], &[(1, Some(2), "faults")]);
    let (detector, _) = after(40, fails, [2, 0]);
    let apart = &detector.apart()[0];
    assert!((0.40..0.42).contains(&apart.rate.now) && apart.others < 0.01, "{apart:?}");
    assert!(apart.evidence > 100.0, "{apart:?}");
}

#[test]
fn a_slow_endpoint_is_told_as_slow() {
    let slow = |zone: usize, of: usize, endpoint: &mut Endpoint| {
        if (zone, of) == (0, 3) {
            endpoint.latency = vec![0; 27];
            endpoint.latency[18] = 100;
        }
    };
    let (detector, _) = after(40, slow, [2, 0]);
    let found = detector.apart();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].zone, found[0].endpoint), (0, Some(3)));
    assert!(found[0].what.starts_with("answers far above the usual "), "{found:?}");
}

#[test]
fn two_clients_with_all_the_faults_are_told_as_clients() {
    let fails = |zone: usize, _: usize, endpoint: &mut Endpoint| {
        if zone == 1 {
            endpoint.faults = 10;
        }
    };
    check(fails, [50, 40], &[(1, None, "faults")]);
}

#[test]
fn half_of_the_endpoints_are_not_told_one_by_one() {
    let fails = |zone: usize, of: usize, endpoint: &mut Endpoint| {
        if zone == 1 && of < 2 {
            endpoint.faults = 41;
        }
    };
    let (detector, _) = after(40, fails, [2, 0]);
    assert_eq!(detector.apart(), []);
}

#[test]
fn what_is_worse_in_every_zone_is_told_as_everything() {
    let fails = |_: usize, _: usize, endpoint: &mut Endpoint| endpoint.faults = 20;
    let (detector, step) = after(20, fails, [2, 0]);
    assert_eq!(detector.everywhere(), Some(("faults", vec![0, 1, 2])));
    assert!(!matches!(step.finding, Finding::Zone(_)), "{step:?}");
    assert_eq!(detector.apart(), []);
}
