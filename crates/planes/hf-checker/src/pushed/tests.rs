//! What a checker makes of what it is told.

use hf_config::estate::EstateBundle;
use hf_config::read_estate;
use hf_model::{Timestamp, ZoneId};

use super::*;

const CHECKS: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
[[health_check]]
name = "job"
kind = "pushed"
lease = "30s"
OPTIONS
[[health_check]]
name = "web"
kind = "http"
[[pool]]
name = "jobs"
health_check = "job"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "a" },
]
[[pool]]
name = "again"
health_check = "job"
endpoints = [{ address = "10.0.0.1:80", zone = "a" }]
[[pool]]
name = "web"
health_check = "web"
endpoints = [{ address = "10.0.0.1:80", zone = "a" }]
"#;

struct World {
    pushed: Pushed,
    tables: watch::Receiver<Option<Table>>,
    clock: Clock,
    _stop: watch::Sender<bool>,
}

fn estate(text: &str) -> Arc<Estate> {
    let bundle = EstateBundle { toml: text.to_owned(), ..EstateBundle::default() };
    Arc::new(read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}")))
}

impl World {
    fn new(options: &str) -> World {
        let clock = Clock::manual(Timestamp(1_000));
        let pushed = Pushed::new(NodeId::new("n1").unwrap(), clock.clone());
        let (sender, tables) = watch::channel(None);
        pushed.publish_into(sender);
        let (stop, stopped) = watch::channel(false);
        let running = pushed.clone();
        tokio::spawn(async move { running.run(stopped).await });
        let world = World { pushed, tables, clock, _stop: stop };
        world.obey(&CHECKS.replace("OPTIONS", options));
        world
    }

    fn obey(&self, text: &str) {
        let estate = estate(text);
        let empty = Bitmap::new(estate.subject_count());
        let table = Table {
            checker: NodeId::new("n1").unwrap(),
            zone: ZoneId::new("a").unwrap(),
            estate: estate.digest,
            made_at: Timestamp(1_000),
            known: empty.clone(),
            healthy: empty,
        };
        self.pushed.adopt(&estate, table);
    }

    fn push(&self, endpoint: Option<&str>, is_good: bool) -> Result<Taken, NotTaken> {
        self.pushed.push(push(endpoint, is_good))
    }

    /// Endpoints of `jobs`, `again` and `web`, then the checks.
    fn says(&self) -> String {
        let table = self.tables.borrow().clone().unwrap();
        let sign = |at| match (table.known.get(at), table.healthy.get(at)) {
            (false, _) => '?',
            (true, true) => '+',
            (true, false) => '-',
        };
        (0..table.known.len()).map(sign).collect()
    }

    /// Lets time pass, and leases run out in it.
    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        tokio::task::yield_now().await;
    }
}

fn push(endpoint: Option<&str>, is_good: bool) -> Push {
    Push {
        check: CheckName::new("job").unwrap(),
        endpoint: endpoint.map(|address| address.parse().unwrap()),
        is_good,
        text: "said so".to_owned(),
        valid_for: None,
        by: "ann".to_owned(),
    }
}

const ONE: Option<&str> = Some("10.0.0.1:80");
const TWO: Option<&str> = Some("10.0.0.2:80");

#[tokio::test(start_paused = true)]
async fn a_result_is_in_the_table_at_once_for_every_pool_that_has_the_endpoint() {
    let world = World::new("");
    assert_eq!(world.says(), "??????");
    assert_eq!(world.push(ONE, false), Ok(Taken { healthy: false, valid_for: Duration::from_secs(30) }));
    assert_eq!(world.says(), "-?-???");
    world.push(TWO, true).unwrap();
    world.push(None, true).unwrap();
    assert_eq!(world.says(), "-+-?+?");
    world.push(ONE, true).unwrap();
    assert_eq!(world.says(), "+++?+?");
    let job = CheckName::new("job").unwrap();
    let (told, left_out) = world.pushed.told(&job, 3);
    assert_eq!(left_out, 0);
    let (first, left_out) = world.pushed.told(&job, 1);
    assert_eq!((first.as_slice(), left_out), (&told[..1], 2));
    assert_eq!(world.pushed.told(&CheckName::new("web").unwrap(), 3), (Vec::new(), 0));
    let told: Vec<_> = told.iter().map(|told| (told.endpoint.map(|at| at.port()), told.healthy)).collect();
    assert_eq!(told, [(None, Some(true)), (Some(80), Some(true)), (Some(80), Some(true))]);
}

#[tokio::test(start_paused = true)]
async fn what_has_run_out_is_unknown_and_not_unhealthy() {
    let world = World::new("");
    world.push(ONE, true).unwrap();
    world.pushed.push(Push { valid_for: Some(Duration::from_secs(90)), ..push(TWO, true) }).unwrap();
    world.pass(20).await;
    world.push(ONE, true).unwrap();
    world.pass(20).await;
    assert_eq!(world.says(), "+++???", "each result begins a lease of its own");
    world.pass(11).await;
    assert_eq!(world.says(), "?+????");
    world.pass(60).await;
    assert_eq!(world.says(), "??????");
    let (told, _) = world.pushed.told(&CheckName::new("job").unwrap(), 10);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|told| told.left.is_zero() && told.healthy.is_none()));
    world.push(ONE, false).unwrap();
    assert_eq!(world.says(), "-?-???");
}

#[tokio::test(start_paused = true)]
async fn what_has_run_out_is_bad_at_once_where_the_check_says_so() {
    let world = World::new("missing = \"bad\"\nfall = 3");
    world.push(ONE, true).unwrap();
    world.pass(31).await;
    assert_eq!(world.says(), "-?-???", "who was never told of stays unknown");
    world.push(ONE, true).unwrap();
    assert_eq!(world.says(), "+?+???");
}

#[tokio::test(start_paused = true)]
async fn results_are_counted_and_turned_round_as_the_check_says() {
    let world = World::new("fall = 2\nrise = 3\ninverted = true");
    world.push(ONE, false).unwrap();
    assert_eq!(world.says(), "+?+???");
    assert!(world.push(ONE, true).unwrap().healthy);
    assert!(!world.push(ONE, true).unwrap().healthy);
    assert_eq!(world.says(), "-?-???");
}

#[tokio::test(start_paused = true)]
async fn what_was_told_moves_with_its_endpoint_and_goes_with_it() {
    let world = World::new("");
    world.push(ONE, false).unwrap();
    world.push(TWO, true).unwrap();
    world.push(None, true).unwrap();
    let all = CHECKS.replace("OPTIONS", "");
    world.obey(&all.replace("  { address = \"10.0.0.1:80\", zone = \"a\" },\n  {", "  {"));
    assert_eq!(world.says(), "+-?+?");
    world.obey(&all.replace("\"10.0.0.1:80\"", "\"10.0.0.3:80\""));
    assert_eq!(world.says(), "?+??+?");
    world.obey(&all);
    assert_eq!(world.says(), "?+??+?", "who was gone is forgotten");
    world.obey(&CHECKS.replace("OPTIONS", "disabled = true"));
    assert_eq!(world.push(TWO, true), Err(NotTaken::Unknown));
    world.pass(60).await;
    assert_eq!(world.says(), "??????");
}

#[tokio::test(start_paused = true)]
async fn probes_results_stand_beside_pushed_ones() {
    let world = World::new("");
    world.push(ONE, false).unwrap();
    let (mut known, mut healthy) = (Bitmap::new(6), Bitmap::new(6));
    known.set(3, true);
    healthy.set(3, true);
    world.pushed.publish(&known, &healthy);
    assert_eq!(world.says(), "-?-+??");
    world.push(ONE, true).unwrap();
    assert_eq!(world.says(), "+?++??");
}

#[tokio::test(start_paused = true)]
async fn bounds_refuse_and_change_nothing() {
    let world = World::new("");
    let refused = |push: Push| world.pushed.push(push).unwrap_err();
    assert_eq!(refused(push(Some("10.0.0.9:80"), true)), NotTaken::Unknown);
    assert_eq!(refused(Push { check: CheckName::new("web").unwrap(), ..push(ONE, true) }), NotTaken::Unknown);
    assert_eq!(
        refused(Push { check: CheckName::new("none").unwrap(), ..push(None, true) }),
        NotTaken::Unknown
    );
    for seconds in [0, 86_401] {
        let valid_for = Some(Duration::from_secs(seconds));
        assert_eq!(refused(Push { valid_for, ..push(ONE, true) }), NotTaken::Lease);
    }
    assert_eq!(refused(Push { text: "x".repeat(201), ..push(ONE, true) }), NotTaken::Text);
    assert_eq!(world.says(), "??????");
    let job = CheckName::new("job").unwrap();
    for _ in 0..RATE_PER_S {
        assert_eq!(world.pushed.room(&job), Ok(()), "who asks uses nothing up");
        world.push(ONE, true).unwrap();
    }
    assert_eq!(world.pushed.room(&job), Err(NotTaken::TooFast { check: job.clone() }));
    assert!(matches!(world.push(ONE, false), Err(NotTaken::TooFast { .. })));
    assert_eq!(world.says(), "+?+???");
    world.pass(1).await;
    assert_eq!(world.pushed.room(&job), Ok(()));
    world.push(ONE, false).unwrap();
    assert_eq!(world.says(), "-?-???");
}

#[test]
fn as_many_as_are_allowed_are_taken_whatever_their_gaps() {
    let began = Instant::now();
    // Room for what comes half a millisecond early, and no more.
    let mut rate = Rate { left: 2, at: began };
    let mut draw = 7_u64;
    for count in 1..=2_500_u64 {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = Duration::from_micros(2_000 * count - 500 + (draw >> 33) % 1_001);
        assert!(rate.take(began + at), "{count} after {at:?}: {rate:?}");
    }
    let at = began + Duration::from_micros(2_000 * 2_500 + 500);
    assert_eq!((0..9).filter(|_| rate.take(at)).count(), 2, "and no more than that");
}

#[tokio::test(start_paused = true)]
async fn stamps_do_not_go_back_with_the_clock() {
    let world = World::new("");
    let made_at = || world.tables.borrow().as_ref().unwrap().made_at;
    world.clock.set(Timestamp(9_000));
    world.push(None, true).unwrap();
    assert_eq!(made_at(), Timestamp(9_000));
    // Others hold a table of 9,000: what is news now must not look older than that, nor a new estate.
    world.clock.set(Timestamp(2_000));
    world.push(None, false).unwrap();
    assert_eq!(made_at(), Timestamp(9_000));
    world.obey(&CHECKS.replace("OPTIONS", "disabled = false"));
    assert_eq!(made_at(), Timestamp(9_000));
    world.clock.set(Timestamp(9_500));
    world.push(None, true).unwrap();
    assert_eq!(made_at(), Timestamp(9_500));
}
