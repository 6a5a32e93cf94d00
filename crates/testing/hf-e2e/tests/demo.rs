//! The demo plays its script on real processes and reports what it saw.

use std::process::Command;

use hf_e2e::process::{holdfast, must, output};
use serde_json::Value;

#[test]
fn the_demo_plays_a_script_and_ends_with_its_report() {
    // The second kill and the gray zone find a dead zone: they are refused in words and are no events.
    let script = "kill:use1-az1@3s, kill:use1-az1@5s, errors:use1-az1@6s, heal:use1-az1@9s, shift:use1-az2@14s, \
                  kill-control@18s, shift:euw2-az1@19s, cancel:euw2-az1@23s";
    let text =
        must(Command::new(holdfast()).args(["demo", "--script", script, "--for", "27s", "-o", "json"]));
    let report: Value = serde_json::from_str(&text).expect("one JSON object");
    let events = report["events"].as_array().expect("events");
    assert_eq!(events.len(), 6, "{report:#}");
    assert!(report["requests"].as_u64() > Some(1_000), "{report:#}");
    assert!(report["plain_pool_failed"].as_u64() > report["failed"].as_u64(), "{report:#}");
    let [kill, heal, shift, kill_control, break_glass, cancel] = events.as_slice() else {
        panic!("six events")
    };
    assert!(kill["detected_ms"].is_u64() && kill["last_new_request_ms"].is_u64(), "{kill:#}");
    assert!(kill["last_dns_answer_ms"].is_u64() && kill["returned_ms"].is_u64(), "{kill:#}");
    assert!(heal["returned_ms"].is_u64() && heal["detected_ms"].is_null(), "{heal:#}");
    for shift in [shift, break_glass] {
        assert!(
            shift["last_new_request_ms"].is_u64() && shift["last_open_connection_ms"].is_u64(),
            "{shift:#}"
        );
        assert_eq!(shift["failed_requests"], 0, "a planned shift fails nothing: {report:#}");
    }
    assert!(kill_control["zone"].is_null() && kill_control["failed_requests"] == 0, "{kill_control:#}");
    assert!(cancel["returned_ms"].is_u64(), "{cancel:#}");
}

#[test]
fn what_the_demo_ejects_passes_the_check() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ejected = folder.path().join("world");
    let told = must(Command::new(holdfast()).args(["demo", "--eject"]).arg(&ejected));
    assert!(told.contains("holdfast serve -c"), "{told}");
    let checked = must(Command::new(holdfast()).arg("check").arg(&ejected));
    assert!(checked.contains("8 files are good"), "{checked}");

    let again = output(Command::new(holdfast()).args(["demo", "--eject"]).arg(&ejected));
    assert_eq!(again.status.code(), Some(2));
    let error = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(error.contains("not an empty folder") && error.contains("nothing is overwritten"), "{error}");

    let other = folder.path().join("other");
    let told = must(Command::new(holdfast()).args(["demo", "-o", "json", "--eject"]).arg(&other));
    let told: Value = serde_json::from_str(&told).expect("one JSON object");
    assert_eq!(told["folder"].as_str(), other.to_str());
    assert!(
        told["files"].as_array().is_some_and(|files| files.iter().any(|name| name == "control.toml")),
        "{told}"
    );
}

#[test]
fn a_script_with_a_mistake_is_refused_before_anything_runs() {
    let answer = output(Command::new(holdfast()).args(["demo", "--script", "kill:mars@5s", "--for", "6s"]));
    assert_eq!(answer.status.code(), Some(2));
    let error = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(error.contains("no zone `mars`") && error.contains("ACTION:ZONE@TIME"), "{error}");
}
