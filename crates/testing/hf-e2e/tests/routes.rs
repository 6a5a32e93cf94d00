//! Speakers of BGP withdraw a zone's route: BIRD by a file that it includes, ExaBGP by exit code and by a file.

use std::time::Duration;

use hf_e2e::World;
use hf_e2e::estate::ZONES;
use hf_e2e::fronts::tell_node;
use hf_e2e::load::now_ms;
use hf_e2e::routes::{learned, section, start_router, start_speaker, wait_until_learned};
use hf_e2e::wait::observe_for;

#[test]
fn a_shift_withdraws_the_route_of_its_zone() {
    let mut world = World::build();
    for zone in ZONES {
        tell_node(&world, zone, &section(&world, zone));
    }
    for node in ["control", "az1", "az2", "az3"] {
        world.start_node(node);
    }
    world.wait_until_serving();
    let mut running = vec![start_router(&mut world)];
    running.extend(ZONES.map(|zone| start_speaker(&world, zone)));
    wait_until_learned(&world, &ZONES);

    println!(
        "| speaker | its route is gone, after the command began | it is back, after the cancel began |\n|---|---|---|"
    );
    let speakers = ["BIRD, included file", "ExaBGP, `holdfast watch --once`", "ExaBGP, file"];
    for (zone, speaker) in ZONES.into_iter().zip(speakers) {
        let others: Vec<&str> = ZONES.into_iter().filter(|other| *other != zone).collect();
        let begun = now_ms();
        let (shift, gone) = std::thread::scope(|scope| {
            let told = scope
                .spawn(|| world.json(&["shift", "start", zone, "--for", "10m", "--reason", "the route too"]));
            wait_until_learned(&world, &others);
            let gone = now_ms() - begun;
            (told.join().expect("it is started"), gone)
        });

        // With its node dead a speaker keeps what it has, and takes it up again with the node.
        world.kill_node(zone);
        observe_for(Duration::from_secs(3));
        assert_eq!(learned(&world), others, "{speaker}, with the node dead");
        world.start_node(zone);
        world.wait_for_zone(zone, zone, "away", |told| told["state"] == "away");
        assert_eq!(learned(&world), others, "{speaker}, with the node back");

        let canceled = now_ms();
        world.json(&["shift", "cancel", shift["id"].as_str().expect("an id")]);
        wait_until_learned(&world, &ZONES);
        println!("| {speaker} | {gone} ms | {} ms |", now_ms() - canceled);
    }

    // And where the zone is open: nobody's node is needed.
    for zone in ZONES {
        world.kill_node(zone);
    }
    observe_for(Duration::from_secs(3));
    assert_eq!(learned(&world), ZONES);
    drop(running);
    world.assert_no_errors();
}
