//! Programs of others follow one shift: HAProxy by agent check and by runtime socket, nginx by file and reload, keepalived by a file it tracks.

use std::time::Duration;

use hf_e2e::estate::ZONES;
use hf_e2e::fronts::{
    self, Front, arrivals, haproxies, start_clients, start_haproxy, statuses, tell_node, wait_until_left,
    wait_until_used,
};
use hf_e2e::load::now_ms;
use hf_e2e::process::must;
use hf_e2e::virtual_address::{self, has_address, wait_for_address};
use hf_e2e::wait::observe_for;
use hf_e2e::world::DEADLINE;
use hf_e2e::{World, wait_for};
use nix::sys::signal::Signal;

#[test]
fn one_shift_takes_the_zone_out_of_haproxy_and_nginx() {
    let mut world = World::build();
    let folder = world.place("az1");
    let eds = "[[render]]\nkind = \"envoy-eds\"\npool = \"web\"\npath = \"web.json\"\n";
    tell_node(&world, "az1", &(fronts::haproxy_section(&folder) + &fronts::nginx_section(&folder) + eds));
    for node in ["control", "az1", "az2", "az3"] {
        world.start_node(node);
    }
    world.wait_until_serving();
    wait_for("the rendered file", DEADLINE, || {
        let text = std::fs::read_to_string(folder.join("web.conf")).map_err(|error| error.to_string())?;
        if text.matches(" weight=").count() == 6 { Ok(()) } else { Err(text) }
    });

    let mut fronts = Vec::new();
    for ((name, program, libraries), number) in haproxies().into_iter().zip(1..) {
        let process = start_haproxy(&world, number, &program, libraries.as_deref());
        let (agent, socket) =
            if name == "2.6" { ("agent-2.6", "socket-2.6") } else { ("agent-2.8", "socket-2.8") };
        fronts.push(Front::in_az1(agent, 9_000 + number, None));
        fronts.push(Front::in_az1(socket, 9_010 + number, Some(process)));
    }
    fronts.push(Front::in_az1("nginx", 9_020, Some(fronts::start_nginx(&world))));
    for front in &fronts {
        front.wait_until_it_answers(&world);
    }
    let clients = start_clients(&world, &fronts);
    for front in &fronts {
        for zone in ZONES {
            wait_until_used(&world, zone, front.name, 0);
        }
    }

    let begun = now_ms();
    let shift = world.json(&["shift", "start", "az2", "--for", "10m", "--reason", "everywhere at once"]);
    println!("| consumer | its last request in the zone, after the command began |\n|---|---|");
    for front in &fronts {
        let last = wait_until_left(&world, front.name, begun);
        println!("| {} | {} ms |", front.name, last.unwrap_or(begun).saturating_sub(begun));
    }
    let listed = std::fs::read_to_string(folder.join("web.json")).expect("Envoy's file");
    assert!(listed.contains("\"az1\"") && !listed.contains("\"az2\""), "{listed}");

    // A HAProxy that is started again knows nothing; the agent and the socket tell it.
    let (_, program, libraries) = &haproxies()[0];
    fronts[1].process = None; // the old one ends here
    let again = now_ms();
    fronts[1].process = Some(start_haproxy(&world, 1, program, libraries.as_deref()));
    for front in &fronts[..2] {
        wait_until_used(&world, "az3", front.name, again);
        let last = wait_until_left(&world, front.name, again);
        println!(
            "{} started again: its last request in az2 after {} ms",
            front.name,
            last.unwrap_or(again).saturating_sub(again)
        );
    }

    // With holdfast dead they all keep what they have.
    world.kill_node("az1");
    let dead = now_ms();
    observe_for(Duration::from_secs(4));
    for front in &fronts {
        wait_until_used(&world, "az3", front.name, dead);
        let late = arrivals(&world, "az2", front.name).into_iter().filter(|at| *at > dead).count();
        assert_eq!(late, 0, "{} sent requests to az2 after holdfast was killed", front.name);
    }

    world.start_node("az1");
    world.wait_for_zone("az1", "az2", "away", |told| told["state"] == "away");
    world.json(&["shift", "cancel", shift["id"].as_str().expect("an id")]);
    let canceled = now_ms();
    for front in &fronts {
        wait_until_used(&world, "az2", front.name, canceled);
    }
    println!("az2 serves again through all of them {} ms after the shift was canceled", now_ms() - canceled);

    // While HAProxy was away its clients were refused; through the others not one request failed.
    for (client, front) in clients.iter().zip(&fronts).filter(|(_, front)| !front.name.ends_with("2.6")) {
        let text = statuses(client);
        assert!(text.lines().count() > 100, "{}: {} requests", front.name, text.lines().count());
        let failed: Vec<&str> = text.lines().filter(|status| *status != "200").collect();
        assert!(
            failed.is_empty(),
            "{}: {} of {} failed: {failed:?}",
            front.name,
            failed.len(),
            text.lines().count()
        );
    }
    drop(clients);
    // It runs as a daemon's master beside its workers: these go with it when it is told, not when it is killed.
    if let Some(nginx) = fronts.last_mut().and_then(|front| front.process.take()) {
        nginx.signal(Signal::SIGTERM);
        nginx.wait();
    }
    world.assert_no_errors();
}

#[test]
fn a_virtual_address_leaves_with_its_zone() {
    let mut world = World::build();
    for zone in ["az1", "az2"] {
        let away = format!(
            "[[render]]\nkind = \"zone-state\"\nname = \"away\"\nzone = \"{zone}\"\npath = \"zone.away\"\n"
        );
        tell_node(&world, zone, &(virtual_address::section(zone) + &away));
    }
    for node in ["control", "az1", "az2", "az3"] {
        world.start_node(node);
    }
    world.wait_until_serving();
    let running =
        [("az1", 150), ("az2", 100)].map(|(zone, priority)| virtual_address::start(&world, zone, priority));
    wait_for_address(&world, "az1", "az2");

    let begun = now_ms();
    let shift = world.json(&["shift", "start", "az1", "--for", "10m", "--reason", "the address too"]);
    wait_for_address(&world, "az2", "az1");
    println!("the address left az1 {} ms after the command began", now_ms() - begun);
    // What a check by exit code sees: `test -e`.
    must(std::process::Command::new("test").arg("-e").arg(world.place("az1").join("zone.away")));
    assert!(!world.place("az2").join("zone.away").exists());

    // With holdfast dead the address stays where it is.
    world.kill_node("az1");
    observe_for(Duration::from_secs(2));
    assert!(has_address(&world, "az2") && !has_address(&world, "az1"));
    world.start_node("az1");
    world.wait_for_zone("az1", "az1", "away", |told| told["state"] == "away");

    let canceled = now_ms();
    world.json(&["shift", "cancel", shift["id"].as_str().expect("an id")]);
    wait_for_address(&world, "az1", "az2");
    println!("the address was back {} ms after the shift was canceled", now_ms() - canceled);
    assert!(!world.place("az1").join("zone.away").exists());
    for process in running {
        process.signal(Signal::SIGTERM);
        process.wait();
    }
    world.assert_no_errors();
}

#[test]
fn a_virtual_address_leaves_by_exit_code() {
    let mut world = World::start();
    let running = [("az1", 150), ("az2", 100)]
        .map(|(zone, priority)| virtual_address::start_by_exit_code(&world, zone, priority));
    wait_for_address(&world, "az1", "az2");

    let begun = now_ms();
    let shift = world.json(&["shift", "start", "az1", "--for", "10m", "--reason", "the address too"]);
    wait_for_address(&world, "az2", "az1");
    println!("by exit code the address left az1 {} ms after the command began", now_ms() - begun);

    // Nobody can be asked: the address goes nowhere, neither back nor away.
    for zone in ["az1", "az2"] {
        world.kill_node(zone);
    }
    observe_for(Duration::from_secs(4));
    assert!(has_address(&world, "az2") && !has_address(&world, "az1"));
    for zone in ["az1", "az2"] {
        world.start_node(zone);
        world.wait_for_zone(zone, "az1", "away", |told| told["state"] == "away");
    }

    let canceled = now_ms();
    world.json(&["shift", "cancel", shift["id"].as_str().expect("an id")]);
    wait_for_address(&world, "az1", "az2");
    println!("by exit code the address was back {} ms after the shift was canceled", now_ms() - canceled);
    for process in running {
        process.signal(Signal::SIGTERM);
        process.wait();
    }
    world.assert_no_errors();
}
