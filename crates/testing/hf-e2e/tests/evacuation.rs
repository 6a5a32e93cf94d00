//! A zone is evacuated: by a shift, by a black hole, by a dead link; with the control node alive and dead.

use std::time::{Duration, UNIX_EPOCH};

use hf_e2e::estate::{NAME, ZONES, address};
use hf_e2e::traffic::{Client, Request, arrivals};
use hf_e2e::wait::observe_for;
use hf_e2e::world::DEADLINE;
use hf_e2e::{World, wait_for};

fn now_ms() -> u64 {
    u64::try_from(UNIX_EPOCH.elapsed().expect("a clock after 1970").as_millis()).expect("milliseconds")
}

fn clients(world: &World) -> Vec<Client> {
    let clients: Vec<Client> = (0..4).map(|number| Client::start(world, number)).collect();
    for zone in ZONES {
        wait_for(&format!("requests in {zone}"), DEADLINE, || {
            let count = arrivals(&world.place(zone)).len();
            if count >= 10 { Ok(()) } else { Err(format!("{count} so far")) }
        });
    }
    clients
}

fn assert_zone_gets_nothing_after(world: &World, zone: &str, since_ms: u64) {
    let late: Vec<u64> = arrivals(&world.place(zone)).into_iter().filter(|at| *at > since_ms).collect();
    assert!(
        late.is_empty(),
        "{} requests were answered in {zone} after its shift was acknowledged, the last {} ms after",
        late.len(),
        late.last().unwrap_or(&0) - since_ms
    );
}

/// Waits until the clients have done enough since an instant, then looks at all of it.
fn assert_none_failed(clients: &[Client], since_ms: u64) {
    let later = wait_for("the clients' requests", DEADLINE, || {
        let all = clients.iter().flat_map(Client::requests);
        let later: Vec<Request> = all.filter(|request| request.begun_ms >= since_ms).collect();
        if later.len() > 40 { Ok(later) } else { Err(format!("{} so far", later.len())) }
    });
    let failed: Vec<&Request> = later.iter().filter(|request| request.status != 200).collect();
    assert!(
        failed.is_empty(),
        "{} of {} requests failed, such as {:?}",
        failed.len(),
        later.len(),
        failed.first()
    );
}

fn status_code(world: &World, zone: &str, path: &str) -> u16 {
    world.curl(&format!("http://{}:7601/{path}", address(zone))).1
}

#[test]
fn a_shift_takes_the_zone_out_of_every_path_and_nothing_fails() {
    let world = World::start();
    let clients = clients(&world);
    let begun = now_ms();
    // Returns when every node has reported the shift applied.
    let shift = world.json(&["shift", "start", "az2", "--for", "5m", "--reason", "end-to-end test"]);
    let acknowledged = now_ms();
    println!("az2: acknowledged by all nodes {} ms after the command began", acknowledged - begun);
    observe_for(Duration::from_secs(3));

    assert_zone_gets_nothing_after(&world, "az2", acknowledged);
    for zone in ZONES {
        let answer = world.dig(zone, NAME);
        assert!(!answer.is_empty() && !answer.contains(&address("az2")), "{zone} answers {answer:?}");
        assert_eq!(status_code(&world, zone, "status/az2"), 500);
        assert_eq!(status_code(&world, zone, "status/other-az2"), 500, "an alias is the same zone");
        assert_eq!(status_code(&world, zone, "closed/az2"), 200);
        assert_eq!(status_code(&world, zone, "status/az1"), 200);
        assert_eq!(status_code(&world, zone, "closed/az1"), 404);
        // The balancer of the zone that left still carries whom it is asked by, through the others.
        let (body, code) = world.curl(&format!("http://{}:8080/", address(zone)));
        assert!(code == 200 && body.trim() != "az2", "{zone} answers {code} {body:?}");
    }
    // A zonal name asks for the zone by name and is answered.
    assert_eq!(world.dig("az1", "az2.edge.pool.shop.test"), [address("az2")]);

    let id = shift["id"].as_str().expect("an id").to_owned();
    let shown = wait_for("the measured time to zero", DEADLINE, || {
        let shown = world.json(&["shift", "show", &id]);
        if shown["time_to_zero"]["measured"] == true {
            Ok(shown)
        } else {
            Err(shown["time_to_zero"].to_string())
        }
    });
    println!("az2: time to zero {}", shown["time_to_zero"]);
    let explained = world.cli(&["explain", NAME, "A", "--from", "10.77.200.1"]);
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(text.contains("az2") && text.contains(&id), "explain names the zone and its shift:\n{text}");

    // Each change of it comes back when all nodes obey.
    for change in [&["shift", "extend", &id, "--for", "10m"][..], &["shift", "cancel", &id]] {
        let changed = world.json(change);
        let nodes = changed["acknowledged"].as_array().expect("the nodes");
        let applied = nodes.iter().filter(|node| node["applied"] == true).count();
        assert_eq!((applied, nodes.len()), (ZONES.len() + 1, ZONES.len() + 1), "{change:?}: {changed}");
    }
    let canceled = now_ms();
    wait_for("az2 to serve again", DEADLINE, || {
        let newest = arrivals(&world.place("az2")).last().copied().unwrap_or(0);
        if newest > canceled { Ok(()) } else { Err("no request yet".to_owned()) }
    });
    assert_none_failed(&clients, begun);
    let journal = world.cli(&["journal"]);
    let text = String::from_utf8_lossy(&journal.stdout).into_owned();
    assert!(text.contains("end-to-end test") && text.contains(&id), "the journal tells of it:\n{text}");
    world.assert_no_errors();
}

#[test]
fn a_black_hole_is_left_within_moments_and_comes_back() {
    lose_and_regain("az3", |world| world.network.black_hole("az3"), |world| world.network.heal("az3"));
}

#[test]
fn a_zone_whose_link_is_down_is_left_and_comes_back() {
    lose_and_regain("az1", |world| world.network.link("az1", false), |world| world.network.link("az1", true));
}

fn lose_and_regain(lost: &str, lose: impl Fn(&World), regain: impl Fn(&World)) {
    let world = World::start();
    let clients = clients(&world);
    lose(&world);
    let lost_at = now_ms();
    let others: Vec<&str> = ZONES.into_iter().filter(|zone| *zone != lost).collect();
    for zone in &others {
        wait_for(&format!("{zone} to leave {lost} out"), DEADLINE, || {
            let answer = world.dig(zone, NAME);
            if !answer.is_empty() && !answer.contains(&address(lost)) {
                Ok(())
            } else {
                Err(format!("{answer:?}"))
            }
        });
    }
    let noticed = now_ms();
    println!("{lost}: out of all answers {} ms after it was lost", noticed - lost_at);
    observe_for(Duration::from_secs(3));
    // Answers that were given before may be kept for their TTL of one second; a request takes three at most.
    assert_none_failed(&clients, noticed + 2_000);
    for zone in &others {
        world.wait_for_zone(zone, lost, "impaired", |told| {
            told["healthy"] == 0 && told["reason"]["kind"] == "impaired"
        });
    }
    regain(&world);
    for zone in &others {
        wait_for(&format!("{zone} to use {lost} again"), DEADLINE, || {
            // Two of three are drawn for each answer: ask until it was among them.
            let answer = world.dig(zone, NAME);
            if answer.contains(&address(lost)) { Ok(()) } else { Err(format!("{answer:?}")) }
        });
    }
    world.wait_until_serving();
}

#[test]
fn with_the_control_node_dead_the_shift_holds_and_a_node_boots_alone() {
    let mut world = World::start();
    let shift = world.json(&["shift", "start", "az2", "--for", "1m", "--reason", "held without control"]);
    let begun = std::time::Instant::now();
    let ends_at_ms = shift["ends_at_ms"].as_u64().expect("an end");
    world.kill_node("control");
    let clients = [Client::start(&world, 0), Client::start(&world, 1)];

    // A data plane boots with the control node dead, from its own disk, and obeys the shift.
    world.kill_node("az1");
    world.start_node("az1");
    world.wait_for_zone("az1", "az2", "away", |told| told["state"] == "away");
    wait_for("az1 to answer", DEADLINE, || {
        let answer = world.dig("az1", NAME);
        if answer.is_empty() { Err("nothing yet".to_owned()) } else { Ok(()) }
    });
    let alone_since = now_ms();

    // Past its end it is held: nobody could have told these nodes that it was extended.
    wait_for("the shift's end to pass", Duration::from_secs(80), || {
        if now_ms() > ends_at_ms + 2_000 { Ok(()) } else { Err(format!("{:?} so far", begun.elapsed())) }
    });
    for zone in ZONES {
        world.wait_for_zone(zone, "az2", "held", |told| {
            told["state"] == "away" && told["reason"]["held"] == true
        });
        let answer = world.dig(zone, NAME);
        assert!(!answer.is_empty() && !answer.contains(&address("az2")), "{zone} answers {answer:?}");
    }
    assert_zone_gets_nothing_after(&world, "az2", alone_since);
    assert_none_failed(&clients, alone_since + 1_000);

    // With the control node back it ends everywhere, at one revision.
    world.start_node("control");
    let revisions: Vec<u64> = ZONES
        .iter()
        .map(|zone| {
            world.wait_for_zone(zone, "az2", "open", |told| told["state"] == "open");
            wait_for("the revision", DEADLINE, || {
                Ok::<_, String>(world.status(zone)?["revision"].as_u64().unwrap_or(0))
            })
        })
        .collect();
    assert!(revisions.iter().all(|revision| *revision == revisions[0] && *revision > 0), "{revisions:?}");
    let shown = world.json(&["shift", "show", shift["id"].as_str().expect("an id")]);
    assert_eq!(shown["state"], "expired");
}

#[test]
fn with_the_control_node_dead_break_glass_evacuates_all_the_same() {
    let mut world = World::start();
    world.kill_node("control");
    let clients = [Client::start(&world, 0), Client::start(&world, 1)];
    let refused = world.cli(&["shift", "start", "az3", "--for", "5m", "--reason", "no control"]);
    assert_eq!(refused.status.code(), Some(3), "no endpoint can be reached");
    // A node that lives and keeps no ledger changes nothing of that.
    let (dead, alive) = ("http://127.0.0.1:7600".to_owned(), format!("http://{}:7600", address("az1")));
    let start = ["shift", "start", "az3", "--for", "5m", "--reason", "no control"];
    let refused = world.cli(&[&start[..], &["--endpoint", &dead, "--endpoint", &alive]].concat());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains(&dead) && told.contains("node `az1` keeps no ledger"), "{told}");
    assert!(told.contains("holdfast shift start --break-glass"), "{told}");
    let begun = now_ms();
    let told =
        world.cli(&["shift", "start", "--break-glass", "az3", "--for", "5m", "--reason", "no control"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let acknowledged = now_ms();
    println!("az3: break-glass taken by all nodes after {} ms", acknowledged - begun);
    for zone in ZONES {
        world.wait_for_zone(zone, "az3", "away by break-glass", |told| {
            told["state"] == "away" && told["reason"]["kind"] == "break_glass"
        });
    }
    let everywhere = now_ms();
    observe_for(Duration::from_secs(2));
    assert_zone_gets_nothing_after(&world, "az3", everywhere);
    assert_none_failed(&clients, everywhere);
    let canceled = world.cli(&["shift", "cancel", "--break-glass", "az3"]);
    assert!(canceled.status.success(), "{}", String::from_utf8_lossy(&canceled.stderr));
    world.wait_for_zone("az1", "az3", "open", |told| told["state"] == "open");
}
