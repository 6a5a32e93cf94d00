//! Five places with etcd and control, twenty planes: harmed by seed; dead altogether; and how long a push takes.

use hf_e2e::places::run::{Length, run};

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
