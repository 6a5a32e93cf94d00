//! The schedule of probes, in virtual time, against endpoints that the test makes good, bad, slow or dead.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hf_config::estate::{
    AllDown, CheckIx, CheckKind, Checking, CrossZone, Endpoint, Estate, HealthCheck, Pool, Protocol, Region,
    RegionIx, Zone, ZoneIx,
};
use hf_health::{Bitmap, Verdict, Verdicts};
use hf_model::{CheckName, Digest, NodeId, PoolName, RegionId, Share, Weight, ZoneId};
use hf_probe::{Given, Observation, Outcome, ProbeFailure, ProbeResult, Prober, ProberConfig, Probing, Sink};
use hf_telemetry::ProbeCounts;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn address(n: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 80))
}

/// Interval 1 s, timeout 500 ms, rise 2, fall 3.
fn check(name: &str) -> HealthCheck {
    HealthCheck::new(CheckName::new(name).unwrap(), CheckKind::tcp())
}

fn pool(name: &str, health_check: Option<u16>, endpoints: impl IntoIterator<Item = u16>) -> Pool {
    let endpoint =
        |n| Endpoint { address: address(n), zone: ZoneIx(0), weight: Weight::default(), priority: 0 };
    Pool {
        protocol: Protocol::Tcp,
        listen: None,
        health_check: health_check.map(CheckIx),
        cross_zone: CrossZone::Off,
        min_zones: 1,
        min_capacity: Share::ZERO,
        all_down: AllDown::Open,
        return_over: ms(0),
        dns_minimum: hf_config::estate::Minimum::default(),
        routing_minimum: hf_config::estate::Minimum::default(),
        control: None,
        ..Pool::new(PoolName::new(name).unwrap(), endpoints.into_iter().map(endpoint).collect())
    }
}

fn estate(health_checks: Vec<HealthCheck>, pools: Vec<Pool>) -> Arc<Estate> {
    let digest = Digest::of(format!("{health_checks:?} {pools:?}").as_bytes());
    Arc::new(Estate {
        digest,
        regions: vec![Region { id: RegionId::new("r").unwrap(), location: None, control: None }],
        zones: vec![Zone {
            id: ZoneId::new("z").unwrap(),
            region: RegionIx(0),
            aliases: vec![],
            capacity: None,
            networks: vec![],
            control: None,
        }],
        health_checks,
        pools,
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
        checking: Checking::default(),
    })
}

#[derive(Default)]
struct Ground {
    /// What an endpoint does; without an entry it is good at once.
    mood: BTreeMap<SocketAddr, Mood>,
    /// Every start of a probe.
    starts: Vec<(Instant, SocketAddr, String)>,
    running: usize,
    running_max: usize,
}

#[derive(Clone, Copy)]
enum Mood {
    Bad,
    Dead,
    Unmeasured,
    Panics,
}

/// The world: what is probed, and what the sink was told.
#[derive(Clone, Default)]
struct World {
    ground: Arc<Mutex<Ground>>,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    flips: Vec<(Instant, SocketAddr, bool, Vec<usize>)>,
    estates: Vec<(Vec<bool>, Vec<bool>)>,
    results: usize,
    /// Of every probe that was not measured: whose, how old the newest result was, and for how long nothing was measured.
    unmeasured: Vec<(SocketAddr, Duration, Duration)>,
}

impl Probing for World {
    async fn probe(&self, check: &HealthCheck, address: SocketAddr) -> ProbeResult {
        let mood = {
            let mut ground = self.ground.lock().unwrap();
            ground.starts.push((Instant::now(), address, check.name.to_string()));
            ground.running += 1;
            ground.running_max = ground.running_max.max(ground.running);
            ground.mood.get(&address).copied()
        };
        let outcome = match mood {
            None => Outcome::Good,
            Some(Mood::Bad) => Outcome::Bad(ProbeFailure::Refused),
            Some(Mood::Unmeasured) => Outcome::Unmeasured("no ports left".to_owned()),
            Some(Mood::Dead) => {
                // It never answers: what ends the probe is its time-out.
                let answer = tokio::time::timeout(check.timeout, std::future::pending::<()>());
                answer.await.expect_err("nobody answers");
                Outcome::Bad(ProbeFailure::NoConnection(check.timeout))
            }
            Some(Mood::Panics) => panic!("a fault of ours, on purpose"),
        };
        self.ground.lock().unwrap().running -= 1;
        ProbeResult { outcome, took: ms(1) }
    }
}

fn bits(bitmap: &Bitmap) -> Vec<bool> {
    (0..bitmap.len()).map(|at| bitmap.get(at)).collect()
}

impl Sink for World {
    fn estate_changed(&mut self, _: &Arc<Estate>, known: &Bitmap, healthy: &Bitmap) {
        self.told.lock().unwrap().estates.push((bits(known), bits(healthy)));
    }

    fn observed(&mut self, seen: &Observation<'_>) {
        let mut told = self.told.lock().unwrap();
        told.results += 1;
        if seen.result.outcome.is_good().is_none() {
            told.unmeasured.push((seen.address, seen.measured_ago, seen.unmeasured_for));
        } else {
            assert_eq!((seen.measured_ago, seen.unmeasured_for), (ms(0), ms(0)));
        }
        if seen.flipped {
            let healthy = seen.healthy.expect("a flip sets a state");
            told.flips.push((Instant::now(), seen.address, healthy, seen.endpoints.to_vec()));
        }
    }
}

/// A prober at work.
struct Running {
    world: World,
    prober: Prober,
    estates: watch::Sender<Option<Given>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    counts: Arc<ProbeCounts>,
    began: Instant,
}

impl Running {
    fn start(max_in_flight: usize) -> Running {
        Running::of(ProberConfig { max_in_flight, ..ProberConfig::new(NodeId::new("n1").unwrap()) })
    }

    /// A checker in this zone.
    fn checker(zone: &str) -> Running {
        let node = NodeId::new("n1").unwrap();
        Running::of(ProberConfig { checker_of: Some(ZoneId::new(zone).unwrap()), ..ProberConfig::new(node) })
    }

    fn of(config: ProberConfig) -> Running {
        let world = World::default();
        let counts = config.counts.clone();
        let prober = Prober::new(config);
        let (estates, source) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn({
            let (prober, world) = (prober.clone(), world.clone());
            async move { prober.run_with(world.clone(), source, Option::clone, world, stopped).await }
        });
        Running { world, prober, estates, stop, task, counts, began: Instant::now() }
    }

    fn adopt(&self, estate: &Arc<Estate>) {
        self.estates.send_replace(Some(estate.clone().into()));
    }

    fn set(&self, n: u16, mood: Option<Mood>) {
        let mut ground = self.world.ground.lock().unwrap();
        match mood {
            Some(mood) => drop(ground.mood.insert(address(n), mood)),
            None => drop(ground.mood.remove(&address(n))),
        }
    }

    /// Until virtual time has come so far: it goes on from timer to timer, whenever everybody waits, so this is a condition and takes no time.
    async fn pass(&self, length: Duration) {
        let now = Instant::now();
        let never = std::future::pending::<()>();
        tokio::time::timeout_at(now + length, never).await.expect_err("it ends with the time alone");
    }

    fn starts(&self, n: u16) -> Vec<u64> {
        let ground = self.world.ground.lock().unwrap();
        let of_it = ground.starts.iter().filter(|(_, at, _)| *at == address(n));
        of_it.map(|(at, _, _)| (*at - self.began).as_millis() as u64).collect()
    }

    fn flips(&self) -> Vec<(SocketAddr, bool)> {
        self.world.told.lock().unwrap().flips.iter().map(|(_, at, healthy, _)| (*at, *healthy)).collect()
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_turns_nothing_against_the_verdicts_on_one_probe() {
    let running = Running::start(1_000);
    let estate = estate(vec![check("web")], vec![pool("web", Some(0), 0..3)]);
    let verdicts = Verdicts { of: vec![Verdict::Healthy, Verdict::Unhealthy, Verdict::Unknown] };
    for n in [0, 2] {
        running.set(n, Some(Mood::Bad));
    }
    running.estates.send_replace(Some(Given { estate, verdicts }));
    running.pass(ms(1_005)).await;
    assert_eq!(running.flips(), [(address(2), false)], "of this one nothing was known");
    assert!(running.prober.evidence().iter().filter(|seen| seen.healthy.is_none()).count() == 2);
    running.set(0, None);
    running.pass(ms(1_000)).await;
    let flips: BTreeSet<_> = running.flips().into_iter().skip(1).collect();
    assert_eq!(flips, BTreeSet::from([(address(0), true), (address(1), true)]));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_is_known_within_a_second_and_probed_each_interval() {
    let running = Running::start(1_000);
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), 0..50)]));
    running.pass(ms(1_005)).await;
    let known: BTreeSet<_> = running.flips().into_iter().collect();
    assert_eq!(known, (0..50).map(|n| (address(n), true)).collect());
    running.pass(ms(9_000)).await;
    for n in 0..50 {
        let starts = running.starts(n);
        assert!((10..=11).contains(&starts.len()), "{n}: {starts:?}");
        for pair in starts.windows(2) {
            let gap = pair[1] - pair[0];
            assert!((995..=1_005).contains(&gap), "{n}: {starts:?}");
        }
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn probes_are_spread_over_the_interval() {
    let running = Running::start(1_000);
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), 0..1_000)]));
    running.pass(ms(10_000)).await;
    let mut in_window: BTreeMap<u128, usize> = BTreeMap::new();
    for (at, _, _) in &running.world.ground.lock().unwrap().starts {
        *in_window.entry((*at - running.began).as_millis() / 100).or_default() += 1;
    }
    for (window, count) in in_window {
        assert!((80..=120).contains(&count) || window >= 99, "window {window}: {count} starts");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_due_in_one_moment_begins_together() {
    let running = Running::start(1_000);
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), 0..450)]));
    running.pass(ms(10_000)).await;
    let starts: BTreeSet<u64> = (0..450).flat_map(|n| running.starts(n)).collect();
    assert!((450..=600).contains(&starts.len()), "it woke {} times in 10 s", starts.len());
    for n in 0..450 {
        let starts = running.starts(n);
        assert!((10..=11).contains(&starts.len()), "{n}: {starts:?}");
        assert!(
            starts.windows(2).all(|pair| (978..=1_022).contains(&(pair[1] - pair[0]))),
            "{n}: {starts:?}"
        );
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn doubt_waits_for_its_own_time_beside_others() {
    let running = Running::start(1_000);
    let mut quick = check("web");
    quick.confirm_interval = ms(300);
    running.adopt(&estate(vec![quick], vec![pool("web", Some(0), 0..450)]));
    running.pass(ms(1_500)).await;
    running.set(7, Some(Mood::Bad));
    running.pass(ms(3_000)).await;
    let starts = running.starts(7);
    let bad = starts.iter().position(|at| *at >= 1_500).expect("it was probed again");
    let confirmed = starts[bad + 1] - starts[bad];
    assert!((300..=301).contains(&confirmed), "{starts:?}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_falls_after_three_bad_and_rises_after_two_good() {
    let running = Running::start(1_000);
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), [7])]));
    running.pass(ms(500)).await;
    running.set(7, Some(Mood::Bad));
    running.pass(ms(2_000)).await;
    assert_eq!(running.flips(), [(address(7), true)]);
    running.pass(ms(1_000)).await;
    assert_eq!(running.flips(), [(address(7), true), (address(7), false)]);
    let evidence = running.prober.evidence();
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].healthy, Some(false));
    assert_eq!(evidence[0].endpoints, [0]);
    let failure = evidence[0].last_failure.clone().unwrap();
    assert_eq!(failure.text, "connection refused");
    assert_eq!(failure.ago, ms(500));
    running.set(7, None);
    running.pass(ms(2_000)).await;
    assert_eq!(running.flips().last(), Some(&(address(7), true)));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn doubt_is_confirmed_at_its_own_pace_and_costs_at_most_fall_probes() {
    let running = Running::start(1_000);
    let mut quick = check("web");
    quick.confirm_interval = ms(100);
    running.adopt(&estate(vec![quick], vec![pool("web", Some(0), [7])]));
    running.pass(ms(500)).await;
    running.set(7, Some(Mood::Bad));
    running.pass(ms(4_000)).await;
    assert_eq!(running.starts(7), [0, 1_000, 1_100, 1_200, 2_000, 3_000, 4_000]);
    let told = running.world.told.lock().unwrap().flips.last().map(|(at, _, _, _)| *at - running.began);
    assert_eq!(told, Some(ms(1_200)), "told at the third bad result");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_takes_no_more_probes_than_a_live_one() {
    let running = Running::start(1_000);
    running.set(1, Some(Mood::Dead));
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), [1, 2])]));
    running.pass(ms(20_000)).await;
    assert!(running.starts(1).len().abs_diff(running.starts(2).len()) <= 1);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_address_in_several_pools_is_probed_once_for_each_check() {
    let running = Running::start(1_000);
    let checks = vec![check("web"), check("deep")];
    let pools = vec![
        pool("one", Some(0), [1, 2]),
        pool("two", Some(0), [2, 1]),
        pool("three", Some(1), [1]),
        pool("none", None, [1, 9]),
    ];
    running.adopt(&estate(checks, pools));
    running.pass(ms(9_900)).await;
    assert_eq!(running.starts(2).len(), 10);
    assert_eq!(running.starts(1).len(), 20, "once for each of two checks");
    assert_eq!(running.starts(9).len(), 0, "a pool without a check is not probed");
    let flips = running.world.told.lock().unwrap().flips.clone();
    let mut positions: Vec<_> = flips.into_iter().map(|(_, _, _, positions)| positions).collect();
    positions.sort();
    assert_eq!(positions, [vec![0, 3], vec![1, 2], vec![4]]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn never_more_at_once_than_allowed_and_everybody_gets_a_turn() {
    let running = Running::start(10);
    for n in 0..100 {
        running.set(n, Some(Mood::Dead));
    }
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), 0..100)]));
    running.pass(ms(30_000)).await;
    assert_eq!(running.world.ground.lock().unwrap().running_max, 10);
    // Ten at once for half a second each: 20 a second, so 600 probes, six for each.
    for n in 0..100 {
        let count = running.starts(n).len();
        assert!((5..=7).contains(&count), "{n}: {count}");
    }
    let load = running.prober.load();
    assert_eq!((load.jobs, load.in_flight), (100, 10));
    assert!(load.late_by > ms(1_000), "{load:?}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_estate_keeps_what_is_known_of_those_who_stay() {
    let running = Running::start(1_000);
    running.set(2, Some(Mood::Bad));
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), [1, 2, 3])]));
    running.pass(ms(1_500)).await;
    let mut changed = check("web");
    changed.timeout = ms(400);
    running.adopt(&estate(vec![changed], vec![pool("new", Some(0), [9]), pool("web", Some(0), [2, 1])]));
    running.pass(ms(1)).await;
    let estates = running.world.told.lock().unwrap().estates.clone();
    // The last bit is that of the check itself, which does not stand by itself.
    assert_eq!(estates[0], (vec![false; 4], vec![false; 4]));
    assert_eq!(estates[1], (vec![false, true, true, false], vec![false, false, true, false]));
    assert_eq!(estates.len(), 2);
    running.pass(ms(1_500)).await;
    let flips = running.flips();
    assert_eq!(flips.len(), 4, "only the new one had to be learned: {flips:?}");
    assert_eq!(flips[3], (address(9), true));
    let gone = running.starts(3).len();
    running.pass(ms(5_000)).await;
    assert_eq!(running.starts(3).len(), gone, "who is gone is left alone");
    assert_eq!(running.prober.evidence().len(), 3);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_estate_again_and_no_estate_change_nothing() {
    let running = Running::start(1_000);
    let one = estate(vec![check("web")], vec![pool("web", Some(0), [1])]);
    running.adopt(&one);
    running.pass(ms(1_500)).await;
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), [1])]));
    running.estates.send_replace(None);
    running.pass(ms(3_400)).await;
    assert_eq!(running.starts(1), [0, 1_000, 2_000, 3_000, 4_000]);
    assert_eq!(running.world.told.lock().unwrap().estates.len(), 1);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_anybody_who_sends_estates_the_last_one_stays_in_force() {
    let mut running = Running::start(1_000);
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), [1])]));
    running.pass(ms(500)).await;
    running.estates = watch::channel(None).0;
    running.pass(ms(3_000)).await;
    assert_eq!(running.starts(1).len(), 4);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_measured_counts_for_nothing() {
    let running = Running::start(1_000);
    running.set(1, Some(Mood::Unmeasured));
    running.set(2, Some(Mood::Panics));
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), [1, 2])]));
    running.pass(ms(5_000)).await;
    assert_eq!(running.flips(), []);
    assert!(running.world.told.lock().unwrap().results >= 9, "they are tried again all the same");
    for evidence in running.prober.evidence() {
        assert_eq!(evidence.healthy, None);
        assert!(evidence.last_failure.is_some());
    }
    running.set(1, None);
    running.set(2, None);
    running.pass(ms(1_000)).await;
    assert_eq!(running.flips().len(), 2);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_told_and_when_nobody_could_tell() {
    let running = Running::start(1_000);
    running.set(1, Some(Mood::Dead));
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), [1])]));
    running.pass(ms(100)).await;
    running.end().await;
    let running = Running::start(1_000);
    drop(running.stop);
    running.task.await.unwrap();
}

/// The same address under 30 ports: 30 probes a second.
fn many_ports(budget: u32) -> Arc<Estate> {
    let mut one = pool("web", Some(0), [7]);
    let endpoint = one.endpoints[0].clone();
    one.endpoints = (0..30)
        .map(|port| Endpoint { address: SocketAddr::new(address(7).ip(), 1_000 + port), ..endpoint.clone() })
        .collect();
    let estate = Arc::unwrap_or_clone(estate(vec![check("web")], vec![one]));
    let digest = Digest::of(format!("{budget}").as_bytes());
    let checking = Checking { probes_per_second_max: budget, ..Checking::default() };
    Arc::new(Estate { checking, digest, ..estate })
}

#[tokio::test(start_paused = true)]
async fn an_address_gets_its_budget_and_no_job_is_forgotten() {
    let running = Running::checker("z");
    running.adopt(&many_ports(10));
    running.pass(ms(60_000)).await;
    let starts = running.world.ground.lock().unwrap().starts.clone();
    for (at, (first, _, _)) in starts.iter().enumerate() {
        let within = starts[at..].iter().filter(|(began, _, _)| *began - *first < ms(1_000)).count();
        assert!(within <= 10, "{within} probes in the second from {:?}", *first - running.began);
    }
    assert!((590..=600).contains(&starts.len()), "all of the budget is used: {}", starts.len());
    let mut of_each: BTreeMap<SocketAddr, usize> = BTreeMap::new();
    for (_, address, _) in &starts {
        *of_each.entry(*address).or_default() += 1;
    }
    assert_eq!(of_each.len(), 30);
    assert!(of_each.values().all(|count| (18..=22).contains(count)), "{of_each:?}");
    let totals = running.counts.totals();
    assert!(totals.put_off > 500, "{}", totals.put_off);
    assert_eq!(totals.good, starts.len() as u64);
    assert!(running.prober.load().late_by < ms(1), "waiting for leave is no want of room");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_budget_is_not_unmeasured_meanwhile() {
    let running = Running::checker("z");
    running.adopt(&many_ports(2));
    // Each of the thirty has its turn every 15 s, and two before the first that is not measured.
    running.pass(ms(30_000)).await;
    let rationed = SocketAddr::new(address(7).ip(), 1_011);
    let set = |mood| running.world.ground.lock().unwrap().mood.insert(rationed, mood);
    set(Mood::Unmeasured);
    running.pass(ms(30_000)).await;
    let taken = || std::mem::take(&mut running.world.told.lock().unwrap().unmeasured);
    let told = taken();
    let [(_, first_ago, first_for), (_, second_ago, second_for)] = told[..] else {
        panic!("two turns: {told:?}")
    };
    let turn = ms(14_000)..ms(16_500);
    assert!(turn.contains(&first_ago), "{told:?}");
    assert_eq!(first_for, ms(0), "it only waited until then");
    assert!(turn.contains(&second_for) && second_ago == first_ago + second_for, "{told:?}");
    // A result in between begins it anew.
    running.world.ground.lock().unwrap().mood.remove(&rationed);
    running.pass(ms(16_500)).await;
    set(Mood::Unmeasured);
    running.pass(ms(16_500)).await;
    let told = taken();
    assert!(matches!(told[..], [(_, _, unmeasured_for), ..] if unmeasured_for == ms(0)), "{told:?}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_suffices_puts_nothing_off() {
    let running = Running::checker("z");
    running.adopt(&many_ports(200));
    running.pass(ms(20_000)).await;
    assert_eq!(running.counts.totals().put_off, 0);
    assert!(running.counts.totals().good >= 30 * 19);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_estate_gives_those_who_wait_their_turn() {
    let running = Running::checker("z");
    running.adopt(&many_ports(2));
    running.pass(ms(3_000)).await;
    assert_eq!(running.counts.totals().good, 6);
    running.adopt(&many_ports(300));
    running.pass(ms(3_000)).await;
    let known = running.prober.evidence().iter().filter(|seen| seen.healthy == Some(true)).count();
    assert_eq!(known, 30);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn checkers_of_several_zones_share_the_endpoints() {
    let zones = ["z", "y", "x", "w", "v"];
    let with_zones = || {
        let estate = Arc::unwrap_or_clone(estate(vec![check("web")], vec![pool("web", Some(0), 0..200)]));
        let zone = |id: &str| Zone { id: ZoneId::new(id).unwrap(), ..estate.zones[0].clone() };
        let checking = Checking { vantage_zones: Some(3), ..Checking::default() };
        Arc::new(Estate { zones: zones.map(zone).into(), checking, ..estate.clone() })
    };
    let mut looking: BTreeMap<SocketAddr, usize> = BTreeMap::new();
    for zone in zones {
        let running = Running::checker(zone);
        running.adopt(&with_zones());
        running.pass(ms(1_005)).await;
        let own = running.prober.evidence();
        assert!((90..=150).contains(&own.len()), "{zone} looks at {}", own.len());
        for seen in &own {
            *looking.entry(seen.address).or_default() += 1;
        }
        running.end().await;
    }
    assert_eq!(looking.len(), 200);
    assert!(looking.values().all(|zones| *zones == 3), "{looking:?}");
    let balancer = Running::start(1_000);
    balancer.adopt(&with_zones());
    balancer.pass(ms(1_005)).await;
    assert_eq!(balancer.prober.evidence().len(), 200, "who carries requests looks at all that it carries");
    balancer.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_stall_put_off_comes_in_portions() {
    let running = Running::start(8_192);
    running.adopt(&estate(vec![check("web")], vec![pool("web", Some(0), 0..2_000)]));
    running.pass(ms(3_000)).await;
    let before = running.world.ground.lock().unwrap().starts.len();
    // All is due at once.
    tokio::time::advance(ms(1_000)).await;
    let stalled = Instant::now();
    running.pass(ms(300)).await;
    let mut at: BTreeMap<u128, usize> = BTreeMap::new();
    for (start, _, _) in &running.world.ground.lock().unwrap().starts[before..] {
        *at.entry((*start - stalled).as_millis()).or_default() += 1;
    }
    let all: usize = at.values().sum();
    assert!(all >= 1_990, "{all} of 2,000 have caught up: {at:?}");
    assert!(at.values().all(|count| *count <= 64), "{at:?}");
    // 10,000 a second, in steps of a timer's millisecond.
    let soon: usize = at.range(..100).map(|(_, count)| count).sum();
    assert!((640..=1_064).contains(&soon), "{soon} in the first 100 ms: {at:?}");
    running.end().await;
}
