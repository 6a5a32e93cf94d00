//! Who gets what while the async side is behind, and whose threads go first.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use hf_config::estate::{PoolIx, ZoneIx};
use hf_health::Verdict;
use hf_model::Timestamp;
use hickory_proto::op::ResponseCode;

use super::world::{Server, converse, decoded, message, query, question, snapshot};
use crate::run::COLD_QUEUE;
use crate::worker::Pending;

/// Above the room of the queue, far below that of a socket.
const FLOOD: u64 = 2 * COLD_QUEUE as u64;
const STEP: u64 = 128;

/// An update that nobody signed.
fn update() -> Vec<u8> {
    message(5 << 11, [1, 0, 0, 0], &[&question("example.test.", 6)])
}

#[tokio::test]
async fn a_flood_of_updates_leaves_room_for_those_of_another_network() {
    let server = Server::start(Some(snapshot(Verdict::Healthy))).await;
    let socket = |address: &str| {
        let socket = UdpSocket::bind(address).unwrap();
        socket.connect(server.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    };
    let (flood, other) = (socket("127.0.0.1:0"), socket("127.66.0.1:0"));
    let before = server.counters.report();
    // This test's thread is the async side too: until it waits, nothing is taken out of the queue.
    let came = |count: u64| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while server.counters.report().cold < before.cold + count {
            assert!(Instant::now() < deadline, "the worker takes what comes");
            std::thread::yield_now();
        }
    };
    for sent in (STEP..=FLOOD).step_by(STEP as usize) {
        for _ in 0..STEP {
            flood.send(&update()).unwrap();
        }
        came(sent);
    }
    let dropped = server.counters.report().cold_dropped - before.cold_dropped;
    assert!(
        dropped >= FLOOD - COLD_QUEUE as u64 * 3 / 4,
        "the flood has half of the queue and a share: {dropped}"
    );
    other.send(&update()).unwrap();
    came(FLOOD + 1);
    assert_eq!(server.counters.report().cold_dropped - before.cold_dropped, dropped);
    // Plain queries do not pass there at all.
    assert_eq!(server.udp(&query("www.example.test.", 1)).await.answers.len(), 2);
    let answered = tokio::task::spawn_blocking(move || {
        let mut reply = [0; 512];
        let len = other.recv(&mut reply).unwrap();
        decoded(&reply[..len]).response_code
    });
    assert_eq!(answered.await.unwrap(), ResponseCode::Refused);
    server.stop().await;
}

/// `nice` of this process' threads with names that begin so.
fn nice(names: &str) -> Vec<i32> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of = |folder: std::fs::DirEntry| {
        // One that has just ended is none.
        let stat = std::fs::read_to_string(folder.path().join("stat")).ok()?;
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        name.starts_with(names).then(|| fields.split_whitespace().nth(16)?.parse().ok())?
    };
    threads.filter_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_served_by_threads_that_stand_behind_the_workers() {
    let server = Server::start(Some(snapshot(Verdict::Healthy))).await;
    let mut stream = server.tcp().await;
    let replies = converse(&mut stream, &[&query("www.example.test.", 1)]).await;
    assert_eq!(replies[0].answers.len(), 2);
    let (workers, behind) = (nice("dns-"), nice("cold-dns"));
    assert!(!workers.is_empty() && !behind.is_empty());
    // All of them at one place, however they were started.
    let place = workers.iter().max().map(|worker| (worker + 5).min(19));
    assert!(behind.iter().all(|nice| Some(*nice) == place), "{behind:?} {workers:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_busy_worker_keeps_counts_to_itself_for_a_moment() {
    let server = Server::start(Some(snapshot(Verdict::Healthy))).await;
    let in_force = || server.names.0.load().clone().expect("there is a snapshot");
    let (live, named) = (in_force(), (PoolIx(0), ZoneIx(0)));
    let told = || {
        let zones = server.activity.report();
        let zone = zones.iter().find(|of| of.zone.as_str() == "eu-az1").expect("the pool is there");
        (zone.dns_answers, zone.last_dns_answer_at.map(|at| at.0))
    };
    let mut pending = Pending::default();
    let mut batch = |at: u64, is_busy: bool| {
        pending.go_on(Some(&live));
        pending.add(&live.counts, [named, named].into_iter());
        pending.end(&live, Timestamp(at), is_busy);
        told()
    };
    assert_eq!(batch(5_000, false), (2, Some(5_000)));
    assert_eq!(batch(6_000, true), (2, Some(5_000)));
    assert_eq!(batch(6_009, true), (2, Some(5_000)));
    assert_eq!(batch(6_010, true), (8, Some(6_010)));
    assert_eq!(batch(6_011, true), (8, Some(6_010)));
    assert_eq!(batch(6_012, false), (12, Some(6_012)), "nothing more has come");
    assert_eq!(batch(6_013, true), (12, Some(6_012)));
    // Another snapshot is in force: what waits is of the one before, with its time.
    pending.go_on(None);
    assert_eq!(told(), (14, Some(6_013)));
    server.stop().await;
}
