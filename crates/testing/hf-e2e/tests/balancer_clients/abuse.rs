//! Clients that mean harm or are broken: they are ended, bounded, and no good request notices.
//!
//! Memory is what the system counts as resident of the whole node, before and while.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;

use super::node::{Node, open_files_max};
use super::recorder::Recorder;

const POOLS: &str = "[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8080\"\nendpoints = [{ address = \"ADDRESS:9001\", zone = \"az1\" }]\n\
                     patience = { connect = \"10s\", header = \"2s\", body_idle = \"2s\", client_idle = \"5m\" }\nbounds = { client_connections = 30000, body_bytes = 10000000 }\n\
                     ejection = { failures = 0, failure_share = \"0%\" }\n";
const GOOD: &str = "GET /good HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    stream
}

/// What comes until the end, however it ends.
fn rest(mut stream: &TcpStream) -> String {
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got);
    String::from_utf8_lossy(&got).into_owned()
}

/// How long a good request takes.
fn good(node: &Node) -> Duration {
    let begun = Instant::now();
    let mut stream = connect(node.at(8080));
    stream.write_all(GOOD.as_bytes()).expect("it goes out");
    let answer = rest(&stream);
    assert!(answer.starts_with("HTTP/1.1 200 "), "a good request is answered {answer:?}");
    begun.elapsed()
}

fn good_ones(node: &Node, count: usize) {
    let slowest = (0..count).map(|_| good(node)).max().unwrap_or_default();
    assert!(slowest < Duration::from_secs(4), "a good request took {slowest:?}");
}

/// Until the balancer ends a connection; the client reads on and sends nothing.
fn ends(stream: &TcpStream, what: &str) -> String {
    let begun = Instant::now();
    let answer = rest(stream);
    assert!(begun.elapsed() < Duration::from_secs(15), "{what} was not ended: {answer:?}");
    answer
}

#[test]
fn slow_endless_and_half_closed_clients_hold_nobody_up() {
    let mut node = Node::start(5, POOLS, "", 8080, |_| ());
    let recorder = Recorder::start(node.at(9001));
    good_ones(&node, 20);
    let before = node.memory_kib();

    // Slow heads: a byte a second keeps nobody's connection open beyond `header`.
    let slow: Vec<TcpStream> = (0..500).map(|_| connect(node.at(8080))).collect();
    let begun = Instant::now();
    let mut is_open = true;
    while is_open && begun.elapsed() < Duration::from_secs(15) {
        is_open = slow.iter().map(|mut stream| u32::from(stream.write_all(b"X").is_ok())).sum::<u32>() > 0;
        good_ones(&node, 5);
        hf_e2e::wait::observe_for(Duration::from_millis(250));
    }
    assert!(!is_open, "slow heads are still open after {:?}", begun.elapsed());

    // Slow bodies: nothing for `body_idle`, and it is over.
    let slow: Vec<TcpStream> = (0..200).map(|_| connect(node.at(8080))).collect();
    for (number, mut stream) in slow.iter().enumerate() {
        stream
            .write_all(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")
            .expect("it goes out");
        // Each opens a connection to the endpoint, which is one thread that accepts with a queue of 128.
        if number % 20 == 0 {
            good_ones(&node, 1);
        }
    }
    good_ones(&node, 20);
    for stream in &slow {
        ends(stream, "a slow body");
    }

    // Endless heads and bodies.
    for begin in
        ["GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"]
    {
        let mut stream = connect(node.at(8080));
        stream.write_all(begin.as_bytes()).expect("it goes out");
        let piece = if begin.starts_with("GET") {
            "X: yyyyyyyyyyyyyyyy\r\n".repeat(500)
        } else {
            format!("2000\r\n{}\r\n", "x".repeat(0x2000))
        };
        let sent = (0..100_000).take_while(|_| stream.write_all(piece.as_bytes()).is_ok()).count();
        assert!(sent < 100_000, "{begin:?} was taken to the end of {sent} pieces");
    }
    let mut stream = connect(node.at(8080));
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n").expect("it goes out");
    let answer = ends(&stream, "a long body");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer:?}");

    // A client that never reads its answers, with requests without end.
    let mut deaf = connect(node.at(8080));
    deaf.set_write_timeout(Some(Duration::from_secs(1))).expect("a deadline");
    let many = "GET /deaf HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
    let sent = (0..10_000).take_while(|_| deaf.write_all(many.as_bytes()).is_ok()).count();
    assert!(sent < 10_000, "answers that nobody reads have no bound");
    good_ones(&node, 20);

    // A byte at a time is a request all the same.
    let mut stream = connect(node.at(8080));
    stream.set_nodelay(true).expect("an option");
    for byte in GOOD.as_bytes() {
        stream.write_all(&[*byte]).expect("it goes out");
    }
    assert!(ends(&stream, "a byte at a time").starts_with("HTTP/1.1 200 "));

    // Who closes its half has asked and waits.
    for _ in 0..50 {
        let mut stream = connect(node.at(8080));
        stream.write_all(b"GET /half HTTP/1.1\r\nHost: a\r\n\r\n").expect("it goes out");
        stream.shutdown(Shutdown::Write).expect("half of it ends");
        let answer = ends(&stream, "a half-closed client");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok"), "{answer:?}");
    }

    // Half a head, and the end; a reset in the middle of a body.
    for _ in 0..200 {
        let mut stream = connect(node.at(8080));
        stream.write_all(b"GET / HTTP/1.1\r\nHo").expect("it goes out");
        stream.shutdown(Shutdown::Write).expect("half of it ends");
        let mut stream = connect(node.at(8080));
        let _ = stream.write_all(b"POST /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
        let _ = nix::sys::socket::setsockopt(
            &stream,
            nix::sys::socket::sockopt::Linger,
            &nix::libc::linger { l_onoff: 1, l_linger: 0 },
        );
    }
    good_ones(&node, 20);
    let after = node.memory_kib();
    println!("memory: {before} KiB before, {after} KiB after");
    assert!(after < before + 64 * 1_024, "memory grew from {before} to {after} KiB");
    assert!(recorder.take().iter().all(|seen| seen.complaints.is_empty()));
    node.nothing_went_wrong();
}

#[test]
fn as_many_open_connections_as_the_system_allows() {
    // The rest is for the node itself.
    let count = open_files_max().saturating_sub(1_000).min(20_000);
    let mut node = Node::start(6, POOLS, "", 8080, |_| ());
    let _recorder = Recorder::start(node.at(9001));
    good_ones(&node, 20);
    let before = node.memory_kib();
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = connect(node.at(8080));
        stream.write_all(b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n").expect("it goes out");
        open.push(stream);
        // Not more at once than the endpoint has threads for.
        if open.len() % 100 == 0 {
            for mut stream in &open[open.len() - 100..] {
                let mut answer = [0; 12];
                stream.read_exact(&mut answer).expect("an answer");
                assert_eq!(&answer, b"HTTP/1.1 200");
            }
        }
    }
    good_ones(&node, 50);
    let each = wait_for("idle connections to need less than 16 KiB each", DEADLINE, || {
        let each = node.memory_kib().saturating_sub(before) * 1_024 / count as u64;
        if each < 16_384 { Ok(each) } else { Err(format!("{each} bytes")) }
    });
    println!("{count} open connections: {each} bytes each");
    // They all work.
    for stream in open.iter_mut().step_by(97) {
        stream.write_all(GOOD.as_bytes()).expect("it goes out");
        let answer = rest(stream);
        assert!(answer.contains("HTTP/1.1 200 "), "{answer:?}");
    }
    drop(open);
    good_ones(&node, 20);
    node.nothing_went_wrong();
}
