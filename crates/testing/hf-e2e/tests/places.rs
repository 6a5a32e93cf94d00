//! Five places with etcd and control, twenty planes: harmed by seed; dead altogether; and how long a push takes.

use std::time::Instant;

use hf_e2e::places::etcd::Joins;
use hf_e2e::places::layout::{
    CLIENT_ADDRESS, PLACES, PLANES, ZONES, member_name, place_address, place_name, plane_name, zone_of,
};
use hf_e2e::places::run::{Length, run};
use hf_e2e::places::watch::Watcher;
use hf_e2e::places::{DEADLINE, Places, Special, measure};
use hf_e2e::wait_for;

/// Short runs of three seeds: together they have every kind of harm. `HF_SEED` repeats another one.
fn seed(fixed: u64) {
    let chosen = std::env::var("HF_SEED").ok().and_then(|text| text.parse().ok());
    println!("{}", run(chosen.unwrap_or(fixed), Length::SHORT));
}

#[test]
fn five_places_hold_while_two_are_dead_and_the_rest_is_cut() {
    seed(0);
}

#[test]
fn five_places_hold_while_disks_fill_and_links_go_one_way() {
    seed(1);
}

#[test]
fn five_places_hold_while_processes_stand_still_and_planes_die() {
    seed(2);
}

#[test]
fn a_lost_member_of_etcd_is_replaced_while_another_is_behind() {
    let mut world = Places::build(Special::default());
    (0..PLACES).for_each(|place| world.start_member(place, Joins::Founder));
    wait_for("etcd's leader", DEADLINE, || world.leader().ok_or_else(|| "nobody".to_owned()));
    // The one behind is the first that the lost one will ask.
    let (behind, lost) = (0, 2);
    world.kill(&member_name(lost));
    std::fs::remove_dir_all(world.disk(lost).join("etcd")).expect("what the member kept");
    let unheard = [1, 3, 4].map(|place| place_address(place).to_string());
    wait_for("a change of members that one member does not hear of", DEADLINE, || {
        world.remove_member(lost);
        world.network.deaf_to(&place_name(behind), &unheard);
        let added = world.try_to_add_member(lost);
        if added.is_ok() && world.list_however_old(behind)?.id_of(lost).is_none() {
            return Ok(());
        }
        world.network.deaf_to(&place_name(behind), &[]);
        Err(format!("{added:?}"))
    });
    assert!(world.is_known(lost).is_err(), "the one behind does not know it");
    world.network.deaf_to(&place_name(behind), &[]);
    world.wait_until_known(lost);
    world.start_member(lost, Joins::Existing);
    world.members_hold_the_same();
}

#[test]
fn with_everything_dead_break_glass_evacuates_and_the_ledger_hears_of_it() {
    let mut world = Places::start(Special::default());
    let watcher = world.runtime.block_on(Watcher::begin(world.folder()));
    wait_for("the watcher to hear all planes", DEADLINE, || {
        let heard = watcher.planes().len();
        if heard == PLANES { Ok(()) } else { Err(format!("{heard} so far")) }
    });
    world.kill_places(&(0..PLACES).collect::<Vec<_>>());
    // The operator does not reach the planes of one zone; the others do.
    let far = ZONES[2];
    world.network.deaf_to(far, &[CLIENT_ADDRESS.to_string()]);
    let reachable: Vec<usize> = (0..PLANES).filter(|plane| ZONES[zone_of(*plane)] != far).collect();
    let begun = Instant::now();
    let start = ["shift", "start", "--break-glass", "az2", "--for", "15m", "--reason", "everything is dead"];
    let told = world.cli(&start);
    let text = String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
    println!("the command came back after {} ms: {text}", begun.elapsed().as_millis());
    let all = wait_for("every reachable plane to obey", DEADLINE, || {
        let planes = watcher.planes();
        let since = |plane: &usize| planes[&plane_name(*plane)].broke_glass.ok_or_else(|| plane_name(*plane));
        reachable.iter().map(since).collect::<Result<Vec<_>, _>>()
    });
    let last = all.into_iter().max().expect("planes") - begun;
    println!("{} reachable planes obey {} ms after the command began", reachable.len(), last.as_millis());
    let gone = |plane: usize| {
        wait_for(&format!("{} to leave az2", plane_name(plane)), DEADLINE, || match world.serves(plane)? {
            [true, false, true] => Ok(()),
            serves => Err(format!("{serves:?}")),
        });
    };
    for plane in &reachable {
        gone(*plane);
    }
    // Those that the operator did not reach have heard of it from the planes beside them.
    world.network.deaf_to(far, &[]);
    (0..PLANES).filter(|plane| !reachable.contains(plane)).for_each(gone);

    // Everything comes back: the ledger has it, and nothing moves by that.
    world.revive();
    for place in 0..PLACES {
        let client = world.client(&[place]);
        let recorded = wait_for("the ledger to have it", DEADLINE, || {
            let status = world.runtime.block_on(client.status()).map_err(|error| error.to_string())?;
            let of = |recorded: &&hf_api::RecordedBreakGlass| recorded.zone == "az2";
            status.break_glass_recorded.iter().find(of).cloned().ok_or_else(|| "not yet".to_owned())
        });
        assert_eq!(recorded.reason, "everything is dead", "{recorded:?}");
        assert_eq!(recorded.fate, hf_api::BreakGlassFate::Shift, "{recorded:?}");
    }
    (0..PLANES).for_each(|plane| {
        let serves = wait_for("an answer", DEADLINE, || world.serves(plane));
        assert_eq!(serves, [true, false, true], "{}", plane_name(plane));
    });
    assert_eq!(watcher.wrong(), None);
}

#[test]
fn a_commit_reaches_twenty_planes() {
    let world = Places::start(Special::default());
    let watcher = world.runtime.block_on(Watcher::begin(world.folder()));
    // How long it takes is for the report: this machine may be busy. That it comes everywhere is not.
    let push = measure::push(&world, &watcher, 30).unwrap_or_else(|what| panic!("{what}"));
    println!("{push}\nmemory of all processes: {} MiB", world.memory_kib() >> 10);
    assert_eq!(watcher.wrong(), None);
    assert_eq!(world.errors(|_, _| false), Vec::<String>::new());
}
