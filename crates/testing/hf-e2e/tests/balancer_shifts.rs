//! Zones leave and come back twenty times under a steady load: no request fails, and none that may be carried out once only is carried out twice.
//!
//! Three zones in namespaces, each with a balancer, two nginx endpoints, and a Python one that writes down the id of each POST. The load
//! does not wait for answers (`balancer/load.py`); it asks all three balancers, those of the zone that left, too.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use hf_e2e::estate::{ZONES, address, estate};
use hf_e2e::family::without_inherited;
use hf_e2e::process::Running;
use hf_e2e::traffic::arrivals;
use hf_e2e::wait::observe_for;
use hf_e2e::world::DEADLINE;
use hf_e2e::{World, wait_for};
use serde_json::Value;

const SHIFTS: usize = 20;
const RATE: &str = "240";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("balancer").join(name)
}

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/balancer/bin/python");
    assert!(python.exists(), "{} is not there; `./test` installs it", python.display());
    python
}

fn now_ms() -> u64 {
    u64::try_from(UNIX_EPOCH.elapsed().expect("a clock after 1970").as_millis()).expect("milliseconds")
}

/// The shops' estate, and a pool of the endpoints that count.
fn with_counting_pool() -> String {
    let endpoints: Vec<String> = ZONES
        .iter()
        .map(|zone| format!("{{ address = \"{}:8003\", zone = \"{zone}\" }}", address(zone)))
        .collect();
    format!(
        "{}\n[[pool]]\nname = \"count\"\nlisten = \"0.0.0.0:8090\"\nhealth_check = \"web\"\nmin_zones = 1\nendpoints = [{}]\n",
        estate(),
        endpoints.join(", ")
    )
}

/// One request that a counting endpoint carried out.
struct Carried {
    at_ms: u64,
    id: String,
}

fn carried(world: &World, zone: &str) -> Vec<Carried> {
    let text = std::fs::read_to_string(world.place(zone).join("journal")).unwrap_or_default();
    let read = |line: &str| {
        let mut words = line.split(' ');
        let at_ms = words.next()?.parse().ok()?;
        let is_post = words.next()? == "POST";
        is_post.then_some(Carried { at_ms, id: words.next()?.to_owned() })
    };
    text.lines().filter_map(read).collect()
}

fn newest(world: &World, zone: &str) -> u64 {
    let posts = carried(world, zone).last().map_or(0, |carried| carried.at_ms);
    posts.min(arrivals(&world.place(zone)).last().copied().unwrap_or(0))
}

/// The load; killed with the test.
struct Load(Child);

impl Load {
    fn start(world: &World) -> Load {
        let mut command = world.network.command("client", python());
        command.arg(script("load.py")).arg(RATE).arg(world.folder().join("load.json"));
        for zone in ZONES {
            command.arg(format!("{}:8080", address(zone))).arg(format!("{}:8090/post", address(zone)));
        }
        let log = std::fs::File::create(world.folder().join("load.log")).expect("a log file");
        let mut command = without_inherited(command);
        Load(command.stdin(Stdio::piped()).stderr(log).spawn().expect("python runs"))
    }

    /// Ends it, and gives its summary.
    fn end(mut self, world: &World) -> Value {
        self.0.stdin.take().expect("its input").write_all(b"\n").expect("it reads");
        let log = || std::fs::read_to_string(world.folder().join("load.log")).unwrap_or_default();
        wait_for("the load to end", DEADLINE, || self.0.try_wait().expect("a child").ok_or_else(log));
        let text = std::fs::read_to_string(world.folder().join("load.json"));
        serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}: {}", log()))).expect("JSON")
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn twenty_shifts_and_returns_lose_nothing_and_double_nothing() {
    let mut world = World::build();
    std::fs::write(world.folder().join("estate.toml"), with_counting_pool()).expect("the estate file");
    let endpoints: Vec<Running> = ZONES
        .iter()
        .map(|zone| {
            let mut command = world.network.command(zone, python());
            command
                .arg(script("endpoint.py"))
                .args([&address(zone), "8003", zone])
                .arg(world.place(zone).join("journal"));
            Running::start(command, &world.place(zone).join("endpoint.log"))
        })
        .collect();
    world.start_node("control");
    for zone in ZONES {
        world.start_node(zone);
    }
    world.wait_until_serving();
    for zone in ZONES {
        wait_for(&format!("the counting pool in {zone}"), DEADLINE, || {
            let (body, status) = world.curl(&format!("http://{}:8090/", address(zone)));
            if (status, body.trim()) == (200, zone) { Ok(()) } else { Err(format!("{status} {body:?}")) }
        });
    }
    let load = Load::start(&world);
    let mut late = Vec::new();
    for turn in 0..SHIFTS {
        let zone = ZONES[turn % ZONES.len()];
        let begun = now_ms();
        wait_for(&format!("requests in {zone}"), DEADLINE, || {
            if newest(&world, zone) > begun { Ok(()) } else { Err("none yet".to_owned()) }
        });
        // Returns when every node has reported the shift applied.
        let shift = world.json(&["shift", "start", zone, "--for", "5m", "--reason", "a planned one"]);
        // What was handed to an endpoint before may be read by it a moment later.
        let acknowledged = now_ms() + 250;
        observe_for(Duration::from_millis(1_500));
        let posts = carried(&world, zone).into_iter().map(|carried| carried.at_ms);
        let after = posts.chain(arrivals(&world.place(zone))).filter(|at| *at > acknowledged);
        late.extend(after.map(|at| format!("turn {turn}: {zone}, {} ms after", at - acknowledged)));
        world.json(&["shift", "cancel", shift["id"].as_str().expect("an id")]);
    }
    let told = load.end(&world);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for id in ZONES.iter().flat_map(|zone| carried(&world, zone)).map(|carried| carried.id) {
        *counts.entry(id).or_default() += 1;
    }
    let twice: Vec<&String> = counts.iter().filter(|(_, count)| **count > 1).map(|(id, _)| id).collect();
    let posted: Vec<&str> =
        told["posted"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    let lost: Vec<&&str> = posted.iter().filter(|id| !counts.contains_key(**id)).collect();
    println!(
        "{SHIFTS} shifts: {} requests in {} s, {} POSTs, {} sent again; p50 {} ms, p99 {} ms, p99.9 {} ms, worst {} ms",
        told["requests"],
        told["seconds"],
        posted.len(),
        told["again"],
        told["p50_ms"],
        told["p99_ms"],
        told["p999_ms"],
        told["max_ms"]
    );
    assert_eq!(told["failures"], Value::Array(Vec::new()), "failed requests");
    assert!(twice.is_empty(), "carried out twice: {twice:?}");
    assert!(lost.is_empty(), "answered and not carried out: {lost:?}");
    assert!(late.is_empty(), "reached a zone that had left: {late:?}");
    assert!(posted.len() > 1_000, "too few to say anything: {}", posted.len());
    world.assert_no_errors();
    drop(endpoints);
}
