use crate::{Config, Detector, Endpoint, Finding, Latency, Second, Step, Zone};

const LATENCY: Latency = Latency { buckets: 27, ratio: std::f64::consts::SQRT_2 };

/// Clients of a zone: each has as many of its requests and faults as any other.
const CLIENTS: u32 = 40;

/// Requests and faults of the two clients with most faults, as balancers tell them: a client without faults is none of them. A client in trouble has
/// those faults that others do not have.
fn worst_clients(endpoints: &[Endpoint], in_trouble: [u32; 2]) -> [u32; 2] {
    let sum = |of: fn(&Endpoint) -> u32| endpoints.iter().map(of).sum::<u32>();
    let (requests, faults) = (sum(|of| of.requests), sum(|of| of.faults) - in_trouble[1]);
    let each = requests / CLIENTS;
    // Of so many clients with a like share the two luckless ones have a fault more than the mean.
    let share = faults / CLIENTS;
    let luckless = |nth: u32| if faults > nth { (share + 1).min(each) } else { 0 };
    let ordinary = |nth: u32| [if luckless(nth) > 0 { each } else { 0 }, luckless(nth)];
    let mut clients = [in_trouble, ordinary(0), ordinary(1)];
    clients.sort_unstable_by_key(|[_, faults]| std::cmp::Reverse(*faults));
    [clients[0][0] + clients[1][0], clients[0][1] + clients[1][1]]
}

/// A service of three zones with four endpoints each, after so many seconds of the given kind behind three quiet minutes. `client` has so many requests a
/// second in the middle zone, and of these so many faults, which are among those of its endpoints.
fn after(seconds: u64, kind: impl Fn(usize, usize, &mut Endpoint), client: [u32; 2]) -> (Detector, Step) {
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
        let zone = |zone: usize| {
            let endpoints: Vec<Endpoint> = (0..4).map(|of| endpoint(zone, of)).collect();
            let client = if is_on && zone == 1 { client } else { [0, 0] };
            let [worst_clients_requests, worst_clients_faults] = worst_clients(&endpoints, client);
            Zone { endpoints, worst_clients_requests, worst_clients_faults, is_marked: false }
        };
        last = Some(detector.step(&Second { zones: (0..3).map(zone).collect(), ..Second::default() }));
    }
    (detector, last.unwrap())
}

fn check(
    kind: impl Fn(usize, usize, &mut Endpoint),
    client: [u32; 2],
    want: &[(usize, Option<usize>, &str)],
) {
    let (detector, step) = after(40, kind, client);
    let found = detector.apart();
    let told: Vec<_> = found.iter().map(|apart| (apart.zone, apart.endpoint, apart.what)).collect();
    assert_eq!(told, want, "{found:?}");
    assert!(!matches!(step.finding, Finding::Zone(_)), "{step:?}");
}

#[test]
fn a_quiet_service_has_nothing_that_stands_apart() {
    check(|_, _, _| {}, [0, 0], &[]);
    let (detector, _) = after(40, |_, _, _| {}, [0, 0]);
    assert_eq!(detector.everywhere(), None);
}

#[test]
fn one_bad_endpoint_is_told_and_is_no_zone() {
    let fails = |zone: usize, of: usize, endpoint: &mut Endpoint| {
        if (zone, of) == (1, 2) {
            endpoint.faults = 41;
        }
    };
    check(fails, [0, 0], &[(1, Some(2), "faults")]);
    let (detector, _) = after(40, fails, [0, 0]);
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
    let (detector, _) = after(40, slow, [0, 0]);
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
    let (detector, _) = after(40, fails, [0, 0]);
    assert_eq!(detector.apart(), []);
}

#[test]
fn what_is_worse_in_every_zone_is_told_as_everything() {
    let fails = |_: usize, _: usize, endpoint: &mut Endpoint| endpoint.faults = 20;
    let (detector, step) = after(20, fails, [0, 0]);
    assert_eq!(detector.everywhere(), Some(("faults", vec![0, 1, 2])));
    assert!(!matches!(step.finding, Finding::Zone(_)), "{step:?}");
    assert_eq!(detector.apart(), []);
}

/// A suspicion that everything is worse holds a verdict back; it is told as a finding only with the evidence of one.
#[test]
fn everything_is_told_with_as_much_evidence_as_a_zone() {
    let mut told = Vec::new();
    for seconds in 1..=20 {
        let (detector, _) = after(seconds, |_, _, endpoint| endpoint.faults = 8, [0, 0]);
        let least = detector.streams[0].zones.iter().map(|test| test.against_past).fold(f64::MAX, f64::min);
        let is_told = detector.everywhere().is_some();
        assert_eq!(is_told, least >= Config::default().log_a, "{seconds}: {least}");
        told.push((least > crate::detector::SUSPECT, is_told));
    }
    assert!(told.contains(&(true, false)) && told.contains(&(true, true)), "{told:?}");
}
