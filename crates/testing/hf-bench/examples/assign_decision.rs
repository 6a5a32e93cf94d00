//! How long one assignment takes: `cargo run --release -p hf-bench --example assign_decision`.
//!
//! Nanoseconds of one thread, the best of several rounds: deciding the place of a client, signing its ticket, and checking a ticket as the place's
//! balancer does; no socket. Clients come from everywhere, in an order that no cache foresees. 10,000 decisions a second under 5 % of a core are 5,000 ns
//! each.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use hf_assign::carried::By;
use hf_assign::{Assigner, Assigners, TicketKey};
use hf_config::estate::{EstateBundle, PoolIx};
use hf_control::Intent;
use hf_health::{Verdict, Verdicts};
use hf_model::{Revision, Timestamp};
use hf_select::{Around, LatencyTable, NoGeo, Scratch};
use hf_snapshot::Snapshot;

const ROUNDS: usize = 9;
const DECISIONS: u32 = 100_000;
const PLACES: u8 = 12;
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Twelve regions with a place each, and networks by which clients are located.
fn estate() -> String {
    let mut toml = String::new();
    let (mut answers, mut places) = (Vec::new(), Vec::new());
    for at in (0..PLACES).map(i32::from) {
        let _ = write!(
            toml,
            "[[region]]\nid = \"r{at}\"\nlocation = {{ latitude = {}.0, longitude = {}.0 }}\n\
             [[zone]]\nid = \"z{at}\"\nregion = \"r{at}\"\nnetworks = [\"10.{at}.0.0/16\"]\n\
             [[pool]]\nname = \"p{at}\"\nendpoints = [{{ address = \"10.{at}.0.1:80\", zone = \"z{at}\" }}]\n",
            5 * at,
            20 * at - 170,
        );
        answers.push(format!("{{ pool = \"p{at}\", region = \"r{at}\", weight = {} }}", at + 1));
        places.push(format!("{{ pool = \"p{at}\", url = \"https://r{at}.bench.test\" }}"));
    }
    let _ = write!(
        toml,
        "[[hosted_zone]]\nname = \"bench.test.\"\n[[record]]\nname = \"chat.bench.test.\"\ntype = \"A\"\n\
         choose = [\"open\", \"near\", \"weighted\", \"take 1\"]\nanswers = [{}]\n\
         [[assignment]]\nservice = \"chat\"\nrecord = \"chat.bench.test.\"\nask_at = \"https://ask.bench.test\"\nplaces = [{}]\n",
        answers.join(", "),
        places.join(", "),
    );
    toml
}

fn snapshot() -> Snapshot {
    let bundle = EstateBundle { toml: estate(), ..EstateBundle::default() };
    let estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let verdicts = Verdicts { of: vec![Verdict::Healthy; estate.endpoint_refs().count()] };
    let intent = Intent { revision: Revision(1), estate: bundle, ..Intent::default() };
    Snapshot::build(1, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts)
}

/// The client of a number: an address of one of the zones' networks.
fn client(number: u32) -> IpAddr {
    let mixed = number.wrapping_mul(0x9E37_79B1);
    let [a, b, c, _] = mixed.to_be_bytes();
    IpAddr::from([10, a % PLACES, b, c])
}

/// The best round's nanoseconds of one call.
fn measure(what: &str, mut one: impl FnMut(u32)) -> f64 {
    let round = |_| {
        let began = Instant::now();
        (0..DECISIONS).for_each(&mut one);
        began.elapsed().as_nanos() as f64 / f64::from(DECISIONS)
    };
    let best = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("{what:40} {best:8.0} ns");
    best
}

fn main() {
    let snapshot = snapshot();
    let around = Around::new(&snapshot.estate, &LatencyTable::default());
    let assigners = Assigners::new(&snapshot);
    let assigner: &Assigner = assigners.of_service("chat").expect("it is in the estate");
    let key = TicketKey::new(&[7; 32]);
    let mut scratch = Scratch::default();
    let tickets: Vec<String> =
        assigner.places().iter().map(|place| assigner.ticket(place, NOW).signed(&key)).collect();
    let pools: Vec<PoolIx> = snapshot.estate.pool_indexes().collect();

    let around = (&around, &NoGeo as &dyn hf_select::Geo);
    let mut decide = |number: u32| {
        let place = assigner.assign(None, (client(number), None), around, u64::from(number), &mut scratch);
        place.expect("all places are open")
    };
    let deciding = measure("deciding a place", |number| _ = black_box(decide(number)));
    let whole = measure("deciding, and signing the ticket", |number| {
        let place = decide(number);
        black_box(assigner.ticket(place, NOW).signed(&key));
    });
    let checking = measure("checking a ticket at its place", |number| {
        let at = number as usize % usize::from(PLACES);
        let shown = [(By::Cookie, tickets[at].as_str())].into_iter();
        let admitted = assigner.admit(shown, pools[at], &key, NOW);
        assert!(black_box(admitted).is_ok(), "tickets are good at their places");
    });
    println!("signing alone {:.0} ns", whole - deciding);
    println!(
        "10,000 decisions a second: {:.1} % of a core; as many checks: {:.1} %",
        whole * 10_000.0 / 1e7,
        checking * 10_000.0 / 1e7
    );
}
