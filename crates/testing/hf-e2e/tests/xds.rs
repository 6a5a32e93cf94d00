//! Envoy and a gRPC client without a proxy take pools over xDS: a zone is left, comes back, and stays left when every node is dead.
//!
//! Two real Envoys (state of the world, and delta) and grpcio, all in the clients' namespace. `./test` installs them into target/xds.
//! What is waited for is counted in requests, so that a slow machine takes longer and shows the same.

use std::time::Duration;

use hf_e2e::estate::ZONES;
use hf_e2e::fronts::{Front, arrivals, start_clients, statuses, tell_node};
use hf_e2e::load::now_ms;
use hf_e2e::process::{Running, output};
use hf_e2e::takers::{Caller, Envoy, Source, calls_pool, xds_section};
use hf_e2e::{World, wait_for};

/// The lenient deadline of what takes milliseconds.
const SOON: Duration = Duration::from_secs(10);
/// The deadline of what takes many requests.
const LATE: Duration = Duration::from_secs(80);
/// Requests in a row that all went elsewhere: by chance nobody leaves out one zone of three so often.
const MANY: usize = 60;
/// Requests that show that somebody goes on in a zone.
const SOME: usize = 10;

const ENVOYS: [Envoy; 2] = [
    Envoy { name: "envoy-world", source: Source::World, number: 0 },
    Envoy { name: "envoy-delta", source: Source::Delta, number: 1 },
];

/// All that takes pools from the nodes, and who asks it.
struct Takers {
    caller: Caller,
    _envoys: Vec<Front>,
    clients: Vec<Running>,
}

impl Takers {
    fn start(world: &World) -> Takers {
        let envoys: Vec<Front> = ENVOYS.iter().map(|envoy| envoy.start(world)).collect();
        let clients = start_clients(world, &envoys);
        Takers { caller: Caller::start(world), _envoys: envoys, clients }
    }

    /// When each consumer took something new in a zone, in order: milliseconds since 1970.
    fn taken_in(&self, world: &World, zone: &str) -> Vec<(&'static str, Vec<u64>)> {
        let mut taken: Vec<(&str, Vec<u64>)> =
            ENVOYS.iter().map(|envoy| (envoy.name, arrivals(world, zone, envoy.name))).collect();
        let calls = self.caller.calls().into_iter().filter(|(_, answer)| answer == zone).map(|(at, _)| at);
        taken.push(("grpc", calls.collect()));
        taken
    }

    /// When each last did.
    fn last_in(&self, world: &World, zone: &str) -> Vec<(&'static str, u64)> {
        let last = |taken: &[u64]| taken.last().copied().unwrap_or(0);
        self.taken_in(world, zone).iter().map(|(name, taken)| (*name, last(taken))).collect()
    }

    /// Waits until all of them have taken something in a zone since an instant.
    fn wait_for_use_of(&self, world: &World, zone: &str, since_ms: u64) {
        wait_for(&format!("everybody to use {zone}"), LATE, || {
            let last = self.last_in(world, zone);
            if last.iter().all(|(_, at)| *at > since_ms) { Ok(()) } else { Err(self.told(world, &last)) }
        });
    }

    /// Waits until all of them have taken much elsewhere since they last took anything in a zone; tells when that was.
    fn wait_for_leave_of(&self, world: &World, zone: &str, begun_ms: u64) -> Vec<(&'static str, u64)> {
        wait_for(&format!("everybody to leave {zone}"), LATE, || {
            let last = self.last_in(world, zone);
            let others = ZONES.into_iter().filter(|other| *other != zone);
            let elsewhere: Vec<(&str, Vec<u64>)> =
                others.flat_map(|other| self.taken_in(world, other)).collect();
            let has_left = |(name, at): &(&str, u64)| {
                let taken = elsewhere.iter().filter(|(other, _)| other == name).flat_map(|(_, taken)| taken);
                taken.filter(|later| **later > begun_ms.max(*at)).count() >= MANY
            };
            if last.iter().all(has_left) { Ok(last) } else { Err(self.told(world, &last)) }
        })
    }

    /// Waits until all of them have gone on in these zones since an instant.
    fn wait_for_more_in(&self, world: &World, zones: &[&str], since_ms: u64) {
        for zone in zones {
            wait_for(&format!("everybody to go on in {zone}"), LATE, || {
                let taken = self.taken_in(world, zone);
                let count = |taken: &[u64]| taken.iter().filter(|at| **at > since_ms).count();
                if taken.iter().all(|(_, taken)| count(taken) >= SOME) {
                    return Ok(());
                }
                Err(self.told(world, &self.last_in(world, zone)))
            });
        }
    }

    fn told(&self, world: &World, last: &[(&str, u64)]) -> String {
        let logs: String = ENVOYS.iter().map(|envoy| envoy.log(world)).collect();
        format!("{last:?}, the last call {:?}, logs: {logs}", self.caller.calls().last())
    }
}

/// What the admin of an Envoy says.
fn ask_admin(world: &World, envoy: &Envoy, what: &str) -> String {
    let mut command = world.network.command("client", "curl");
    command.args(["-s", "--max-time", "10", &format!("http://127.0.0.1:{}/{what}", 9_900 + envoy.number)]);
    String::from_utf8_lossy(&output(&mut command).stdout).into_owned()
}

/// Changes the pool's cluster, and waits until the Envoys use the new one.
fn change_cluster(world: &World) {
    let estate = world.folder().join("estate.toml");
    let text = std::fs::read_to_string(&estate).expect("the estate's file");
    let (before, after) =
        ("name = \"web\"\nprotocol", "name = \"web\"\npatience = { connect = \"3s\" }\nprotocol");
    assert!(text.contains(before), "{text}");
    std::fs::write(&estate, text.replace(before, after)).expect("the estate's file is ours");
    for envoy in &ENVOYS {
        wait_for(&format!("{} to have the new cluster", envoy.name), LATE, || {
            let active = ask_admin(world, envoy, "config_dump?resource=dynamic_active_clusters");
            if active.contains("\"connect_timeout\": \"3s\"") { Ok(()) } else { Err(active) }
        });
        // It would have used it after this wait too, with nobody to send to.
        let waits = ask_admin(world, envoy, "stats?filter=web.init_fetch_timeout");
        assert!(
            waits.contains("cluster.web.init_fetch_timeout: 0"),
            "{} waited in vain: {waits}",
            envoy.name
        );
    }
}

fn start() -> World {
    let mut world = World::build();
    world.add_to_estate(&calls_pool());
    for zone in ZONES {
        tell_node(&world, zone, &xds_section(zone));
    }
    world.start_node("control");
    for zone in ZONES {
        world.start_node(zone);
    }
    world.wait_until_serving();
    world
}

#[test]
fn a_shift_takes_the_zone_from_envoy_and_from_grpc_clients_and_they_keep_it_without_us() {
    let mut world = start();
    let takers = Takers::start(&world);
    for zone in ZONES {
        takers.wait_for_use_of(&world, zone, 0);
    }

    let begun = now_ms();
    let shift = world.json(&["shift", "start", "az2", "--for", "5m", "--reason", "end-to-end test"]);
    let acknowledged = now_ms();
    let last = takers.wait_for_leave_of(&world, "az2", begun);
    println!("az2: acknowledged by all nodes {} ms after the command began", acknowledged - begun);
    for (name, at) in &last {
        println!("az2: {name:12} took nothing new {} ms after the command began", at.saturating_sub(begun));
        assert!(*at < acknowledged + SOON.as_millis() as u64, "{name} went on in az2");
    }

    let id = shift["id"].as_str().expect("an id").to_owned();
    let canceled = now_ms();
    world.json(&["shift", "cancel", &id]);
    takers.wait_for_use_of(&world, "az2", canceled);
    println!("az2: everybody is back {} ms after the cancel", now_ms() - canceled);

    // A cluster that changes takes the place of the old one with endpoints that are the same.
    change_cluster(&world);

    // With every node dead the last state stays: the zone that was left stays left, and nothing fails.
    let begun = now_ms();
    world.json(&["shift", "start", "az3", "--for", "5m", "--reason", "end-to-end test"]);
    takers.wait_for_leave_of(&world, "az3", begun);
    for node in ZONES.iter().chain(&["control"]) {
        world.kill_node(node);
    }
    let dead = now_ms();
    takers.wait_for_more_in(&world, &["az1", "az2"], dead);
    for (name, at) in takers.last_in(&world, "az3") {
        assert!(at < dead, "{name} went back to az3 when the nodes were dead");
    }
    for (envoy, client) in ENVOYS.iter().zip(&takers.clients) {
        // Before its first endpoints Envoy answers 503; after that nothing fails.
        let asked = statuses(client);
        let failed = asked.lines().skip_while(|line| *line != "200").filter(|line| *line != "200").count();
        assert_eq!(failed, 0, "{} failed {failed} requests", envoy.name);
    }
    let served = |(_, answer): &(u64, String)| ZONES.contains(&answer.as_str());
    let calls = takers.caller.calls();
    let failed: Vec<_> = calls.iter().skip_while(|call| !served(call)).filter(|call| !served(call)).collect();
    assert!(failed.is_empty(), "calls failed: {failed:?}");
    world.assert_no_errors();
}
