//! Every example passes `holdfast check`, starts on the very addresses in its files, and answers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hf_e2e::estate::address;
use hf_e2e::netns::Network;
use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::world::DEADLINE;
use hf_e2e::{World, wait_for};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples")
}

/// One node of an example: its file, its namespace, its address, the name for its certificate.
struct Node {
    file: &'static str,
    name: &'static str,
    address: &'static str,
}

const fn node(file: &'static str, name: &'static str, address: &'static str) -> Node {
    Node { file, name, address }
}

fn start_and_ask(example: &str, nodes: &[Node], dns: &[(&str, &str)], name: &str) {
    let checked = must(Command::new(holdfast()).arg("check").arg(examples().join(example)));
    assert!(checked.contains("are good"), "{checked}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    must(Command::new("cp").arg("-r").arg(examples().join(example).join(".")).arg(folder.path()));
    let certs = folder.path().join("certs");
    let mut network = Network::new();
    if nodes.len() > 1 {
        must(Command::new(holdfast()).args(["cert", "authority"]).arg(&certs));
    }
    let mut running = Vec::new();
    for node in nodes {
        network.add(node.name, node.address);
        if nodes.len() > 1 {
            let mut command = Command::new(holdfast());
            must(
                command.args(["cert", "node", node.name, "--address", node.address, "--folder"]).arg(&certs),
            );
        }
    }
    for node in nodes {
        let mut command = network.command(node.name, holdfast());
        command.args(["serve", "-c"]).arg(folder.path().join(node.file));
        running.push(Running::start(command, &folder.path().join(format!("{}.log", node.name))));
    }
    for (node, run) in nodes.iter().zip(&mut running) {
        wait_for(&format!("{} to have the estate", node.name), DEADLINE, || {
            assert!(run.ended().is_none(), "{} has ended:\n{}", node.name, run.text());
            let mut command = network.command(node.name, "curl");
            let answer = output(command.args(["-s", "--max-time", "2", "http://127.0.0.1:7600/v1/status"]));
            let status: serde_json::Value = serde_json::from_slice(&answer.stdout)
                .map_err(|_| format!("no status; its log:\n{}", run.text()))?;
            if status["revision"].as_u64() > Some(0) { Ok(()) } else { Err(status.to_string()) }
        });
    }
    for (place, server) in dns {
        wait_for(&format!("{server} to answer {name}"), DEADLINE, || {
            let (address, port) = server.split_once(' ').unwrap_or((server, "53"));
            let mut command = network.command(place, "dig");
            let answer = output(command.args([
                "+short",
                "+time=1",
                "+tries=1",
                &format!("@{address}"),
                "-p",
                port,
                name,
                "A",
            ]));
            let text = String::from_utf8_lossy(&answer.stdout).into_owned();
            if text.lines().any(|line| line.parse::<std::net::IpAddr>().is_ok()) {
                Ok(())
            } else {
                Err(format!("{text:?}"))
            }
        });
    }
    for run in &running {
        assert!(!run.text().contains("ERROR"), "an error was logged:\n{}", run.text());
    }
}

#[test]
fn single_machine() {
    start_and_ask(
        "single-machine",
        &[node("node.toml", "home", "10.9.1.1")],
        &[("home", "127.0.0.1 5300")],
        "www.home.test",
    );
}

#[test]
fn three_zones() {
    start_and_ask(
        "three-zones",
        &[
            node("node-a.toml", "node-a", "10.1.1.10"),
            node("node-b.toml", "node-b", "10.1.2.10"),
            node("node-c.toml", "node-c", "10.1.3.10"),
        ],
        &[("node-a", "10.1.3.10"), ("node-b", "10.1.1.10"), ("node-c", "10.1.2.10")],
        "www.example.test",
    );
}

#[test]
fn two_regions() {
    start_and_ask(
        "two-regions",
        &[
            node("control.toml", "control", "10.2.1.10"),
            node("use1-az1.toml", "use1-az1", "10.2.11.10"),
            node("use1-az2.toml", "use1-az2", "10.2.12.10"),
            node("euw2-az1.toml", "euw2-az1", "10.2.21.10"),
            node("euw2-az2.toml", "euw2-az2", "10.2.22.10"),
        ],
        &[("control", "10.2.11.10"), ("control", "10.2.22.10")],
        "www.example.test",
    );
}

#[test]
fn all_options_pass_the_check() {
    let checked = must(Command::new(holdfast()).arg("check").arg(examples().join("all-options")));
    assert!(checked.contains("are good"), "{checked}");
}

/// What its `kubectl` was told last.
fn last_told(calls: &Path) -> String {
    let text = std::fs::read_to_string(calls).unwrap_or_default();
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn an_autoscaler_is_held_while_a_zone_is_away() {
    let mut world = World::start();
    let folder = world.folder().join("autoscaler");
    std::fs::create_dir_all(&folder).expect("a folder");
    let calls = folder.join("calls");
    let kubectl = format!("#!/bin/sh\necho \"$*\" >>{}\n", calls.display());
    std::fs::write(folder.join("kubectl"), kubectl).expect("a stand-in for kubectl");
    must(Command::new("chmod").arg("755").arg(folder.join("kubectl")));
    // The first one answers nobody.
    let endpoints = format!("http://127.0.0.1:9,http://{}:7600", address("az1"));
    let mut command = world.network.command("az1", examples().join("autoscaler/hold-scale-in.sh"));
    command.args(["az1", "web", "web-az1"]).env("EVERY", "1").env("HOLDFAST_ENDPOINTS", endpoints);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let token = std::fs::read_to_string(world.place("az1").join("data/operator.token")).expect("a token");
    command.env("HOLDFAST_TOKEN", token.trim());
    let mut script = Running::start(command, &folder.join("log"));

    // A zone returns over 30 s, and nothing may shrink meanwhile.
    let deadline = DEADLINE + Duration::from_secs(30);
    let mut wait_until_told = |policy: &str| {
        wait_for(&format!("scaleDown.selectPolicy {policy}"), deadline, || {
            assert!(script.ended().is_none(), "it has ended: {}", script.text());
            let told = last_told(&calls);
            let body =
                format!("{{\"spec\":{{\"behavior\":{{\"scaleDown\":{{\"selectPolicy\":\"{policy}\"}}}}}}}}");
            if told == format!("--request-timeout=5s patch hpa web-az1 --type merge -p {body}") {
                Ok(())
            } else {
                Err(told)
            }
        });
    };
    wait_until_told("Max");
    let shift = world.json(&["shift", "start", "az2", "--for", "10m", "--reason", "nothing shrinks"]);
    wait_until_told("Disabled");
    world.json(&["shift", "cancel", shift["id"].as_str().expect("an id")]);
    wait_until_told("Max");
    // Nobody answers: nothing says that it may shrink.
    world.kill_node("az1");
    wait_until_told("Disabled");
    drop(script);
    world.assert_no_errors();
}
