//! A small run of the health benchmark: that it works, not how fast.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Parser;
use hf_bench::health::{Options, run};

#[test]
fn a_small_run_takes_every_figure() {
    let few = [
        "health",
        "--endpoints",
        "300",
        "--interval-s",
        "2",
        "--length-s",
        "4",
        "--tables",
        "9",
        "--seconds",
        "500",
    ];
    let report = run(&Options::parse_from(few)).unwrap();
    assert_eq!(report.rows.len(), 3);
    for row in &report.rows {
        assert!(row.us_per_probe > 0.0 && row.floor_us > 0.0 && row.memory_mb > 0.0, "{row:?}");
        assert!(row.probes_per_second > 0.0 && row.late_p99_ms >= row.late_p50_ms, "{row:?}");
        assert!(row.in_flight_peak > 0.0 && row.in_flight_limit >= row.in_flight_peak, "{row:?}");
    }
    let merged =
        |zones| report.pure.iter().filter(|pure| pure.what.contains(&format!("in {zones} zones, "))).count();
    assert_eq!((report.pure.len(), merged(3), merged(4), merged(6)), (13, 4, 4, 4));
    assert!(report.pure.iter().all(|pure| pure.took_us > 0.0));
    assert!(report.to_string().contains("detector") && report.to_string().contains("peak of limit"));
}

#[test]
fn who_connects_and_asks_nothing_keeps_nobody_waiting() {
    let mut responder = Command::new(env!("CARGO_BIN_EXE_health"))
        .args(["--respond", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(responder.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    let connect = || {
        let stream = TcpStream::connect(format!("127.0.0.1:{}", port.trim())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    };
    let silent: Vec<TcpStream> = (0..300).map(|_| connect()).collect();
    let mut asking = connect();
    asking.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    let read = asking.read_to_string(&mut answer);
    drop(silent);
    responder.kill().unwrap();
    responder.wait().unwrap();
    read.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
