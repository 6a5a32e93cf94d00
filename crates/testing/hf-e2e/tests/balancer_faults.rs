//! A zone that is a black hole, under a load that does not wait for answers.
//!
//! Three zones in namespaces; the balancers of two of them are asked. What they lose is bounded as docs/balancer.md says.

use std::time::Duration;

use hf_e2e::estate::{ZONES, address, estate};
use hf_e2e::load::{Load, carried, counting_pool, now_ms, start_counting};
use hf_e2e::process::Running;
use hf_e2e::wait::observe_for;
use hf_e2e::world::DEADLINE;
use hf_e2e::{World, wait_for};
use serde_json::Value;

const RATE: u32 = 240;

/// Spread over all zones whichever balancer is asked, and no more than a few at once to an endpoint: twice of what it has when all is well.
const EVEN: &str = "cross_zone = true\naffinity = \"0%\"\nbounds = { in_flight_per_endpoint = 4 }";

/// The world with a pool at 8090 whose zones are preferred as always, and one at 8091 that is spread evenly.
fn world() -> (World, Vec<Running>) {
    let mut world = World::build();
    let pools = [counting_pool("count", 8090, ""), counting_pool("even", 8091, EVEN)].concat();
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
