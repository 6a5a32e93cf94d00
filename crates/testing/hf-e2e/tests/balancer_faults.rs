//! A zone that is a black hole, one that is slow, and balancers that are replaced, all under a load that does not wait for answers.
//!
//! Three zones in namespaces; the balancers of two or three of them are asked. What they lose is bounded as docs/balancer.md says.

use std::time::Duration;

use hf_e2e::estate::{ZONES, address, estate};
use hf_e2e::load::{Load, carried, counting_pool, now_ms, set_late, start_counting};
use hf_e2e::process::Running;
use hf_e2e::wait::observe_for;
use hf_e2e::world::DEADLINE;
use hf_e2e::{World, wait_for};
use serde_json::Value;

const RATE: u32 = 240;

/// Spread over all zones whichever balancer is asked, and no more than a few at once to an endpoint: twice of what it has when all is well.
const EVEN: &str = "cross_zone = true\naffinity = \"0%\"\nbounds = { in_flight_per_endpoint = 4 }";

/// The world with a pool at 8090 whose zones are preferred as always, one at 8091 that is spread evenly, and one at 8092 with two endpoints in az1: its
/// own, and that of az2 under this name.
fn world() -> (World, Vec<Running>) {
    let mut world = World::build();
    let two = format!(
        "\n[[pool]]\nname = \"two\"\nlisten = \"0.0.0.0:8092\"\nendpoints = [{{ address = \"{}:8003\", zone = \"az1\" }}, {{ address = \"{}:8003\", zone = \"az1\" }}]\n",
        address("az1"),
        address("az2")
    );
    let pools = [counting_pool("count", 8090, ""), counting_pool("even", 8091, EVEN), two].concat();
    std::fs::write(world.folder().join("estate.toml"), estate() + &pools).expect("the estate file");
    let endpoints = start_counting(&world);
    world.start_node("control");
    for zone in ZONES {
        world.start_node(zone);
    }
    world.wait_until_serving();
    for zone in ZONES {
        until_counted(&world, zone, 8091);
    }
    (world, endpoints)
}

fn until_counted(world: &World, zone: &str, port: u16) {
    wait_for(&format!("the counting pool in {zone}"), DEADLINE, || {
        let (body, status) = world.curl(&format!("http://{}:{port}/", address(zone)));
        if status == 200 { Ok(()) } else { Err(format!("{status} {body:?}")) }
    });
}

/// GET and POST at these zones' balancers.
fn places(zones: &[&str], port: u16) -> Vec<String> {
    let of = |zone: &&str| [format!("{}:{port}", address(zone)), format!("{}:{port}/post", address(zone))];
    zones.iter().flat_map(of).collect()
}

fn tell(what: &str, told: &Value) {
    println!(
        "{what}: {} requests in {} s, {} failed, {} sent again; p50 {} ms, p99 {} ms, p99.9 {} ms, worst {} ms",
        told["requests"],
        told["seconds"],
        failures(told).len(),
        told["again"],
        told["p50_ms"],
        told["p99_ms"],
        told["p999_ms"],
        told["max_ms"]
    );
}

fn failures(told: &Value) -> Vec<String> {
    told["failures"].as_array().expect("a list").iter().map(ToString::to_string).collect()
}

/// Of what a zone carried out since then, how much.
fn since(world: &World, zone: &str, at_ms: u64) -> usize {
    carried(world, zone).iter().filter(|of| of.at_ms >= at_ms && of.id != "/").count()
}

fn until_carried(world: &World, zone: &str) {
    let begun = now_ms();
    wait_for(&format!("requests in {zone}"), DEADLINE, || {
        if since(world, zone, begun) > 20 { Ok(()) } else { Err("not yet".to_owned()) }
    });
}

#[test]
fn a_black_hole_costs_only_what_was_under_way_and_may_not_be_repeated() {
    let (world, endpoints) = world();
    let load = Load::start(&world, RATE, &places(&["az1", "az3"], 8091), false);
    until_carried(&world, "az2");
    observe_for(Duration::from_secs(4));
    world.network.black_hole("az2");
    observe_for(Duration::from_secs(8));
    world.network.heal("az2");
    until_carried(&world, "az2");
    observe_for(Duration::from_secs(2));
    let told = load.end(&world);
    tell("a black hole for eight seconds", &told);
    let failed = failures(&told);
    // Requests that were there or were given to connections that were open: of 40 POST a second, each there for 10 ms, to two balancers of
    // few workers. New connections do not come about, and what waits for one is sent elsewhere.
    assert!(failed.iter().all(|line| line.contains("/post")), "what may be repeated is: {failed:?}");
    assert!(failed.len() <= 24, "{} of {RATE} a second failed: {failed:?}", failed.len());
    drop(endpoints);
}

/// Half a second late for a while: what part of the requests az2 had before and meanwhile, and what clients saw.
fn with_late_answers(world: &World, what: &str, places: &[String]) -> (usize, usize, Value) {
    let load = Load::start(world, RATE, places, false);
    until_carried(world, "az2");
    let share = |from: u64| {
        let of = |zone: &str| since(world, zone, from);
        of("az2") * 100 / (of("az1") + of("az2") + of("az3")).max(1)
    };
    let from = now_ms();
    observe_for(Duration::from_secs(4));
    let well = share(from);
    set_late(world, "az2", true);
    observe_for(Duration::from_secs(1));
    let from = now_ms();
    observe_for(Duration::from_secs(8));
    let slow = share(from);
    set_late(world, "az2", false);
    let told = load.end(world);
    tell(what, &told);
    println!("of the requests it had {well} % before and {slow} % while it was slow");
    assert_eq!(failures(&told), Vec::<String>::new());
    (well, slow, told)
}

#[test]
fn what_is_slow_is_asked_less() {
    let (world, endpoints) = world();
    // One of two endpoints of a zone: of two drawn the one that answers sooner is taken.
    let (well, slow, _) =
        with_late_answers(&world, "one endpoint of two, half a second late", &places(&["az1"], 8092));
    assert!((30..70).contains(&well), "{well} % went to one of two");
    assert!(slow <= 10, "{slow} % went to the slow one");
    // A whole zone: where requests go is decided by capacity, and what it has under way is bounded.
    let (well, slow, _) =
        with_late_answers(&world, "one zone of three, half a second late", &places(&["az1", "az3"], 8091));
    assert!((22..45).contains(&well), "{well} % went to one of three zones");
    assert!(slow <= 12, "{slow} % went to the slow zone");
    drop(endpoints);
}

#[test]
fn balancers_are_replaced_one_after_the_other_and_nothing_fails() {
    let (mut world, endpoints) = world();
    // By the hand-over of listeners: clients need to know nothing.
    let load = Load::start(&world, RATE, &places(&ZONES, 8090), false);
    for zone in ZONES {
        until_carried(&world, zone);
        world.take_over(zone);
        until_carried(&world, zone);
    }
    let told = load.end(&world);
    tell("three takeovers", &told);
    assert_eq!(failures(&told), Vec::<String>::new());
    once_each(&world, &told);

    // By stopping and starting: clients fall over to another one while it is away.
    let load = Load::start(&world, RATE, &places(&ZONES, 8090), true);
    for zone in ZONES {
        until_carried(&world, zone);
        world.stop_node(zone);
        world.start_node(zone);
        until_counted(&world, zone, 8090);
        until_carried(&world, zone);
    }
    let told = load.end(&world);
    tell("three restarts", &told);
    assert_eq!(failures(&told), Vec::<String>::new());
    world.assert_no_errors();
    drop(endpoints);
}

/// Every POST was carried out once, and none twice.
fn once_each(world: &World, told: &Value) {
    let mut ids: Vec<String> =
        ZONES.iter().flat_map(|zone| carried(world, zone)).filter(|of| of.is_post).map(|of| of.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "carried out twice");
    assert_eq!(told["posted"].as_array().expect("ids").len(), count, "answered and not carried out");
}
