//! A shift is told to a webhook whose signature Python checks, to whoever listens at a real nats-server, and as a mail; the node is killed between.
//! With the control node dead a break-glass shift is told by a node that carries it out, once.
//!
//! What only this can show: other people's NATS and hmac, a place in the journal that outlives the process, and who tells of several real nodes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use hf_e2e::World;
use hf_e2e::address::own_address;
use hf_e2e::fronts::tell_node;
use hf_e2e::load::now_ms;
use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;
use serde_json::Value;

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ESTATE: &str = r#"
[[region]]
id = "home"
[[zone]]
id = "az1"
region = "home"
[[zone]]
id = "az2"
region = "home"
[[pool]]
name = "web"
endpoints = [
  { address = "127.0.0.1:9", zone = "az1" },
  { address = "127.0.0.1:19", zone = "az2" },
]
"#;

struct Lone {
    folder: tempfile::TempDir,
    address: Ipv4Addr,
    node: Option<Running>,
}

impl Lone {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    fn start(&mut self) {
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(self.path("node.toml"));
        self.node = Some(Running::start(command, &self.path("node.log")));
        wait_for("the node", DEADLINE, || {
            let told = output(&mut self.command(&["status"]));
            if told.status.success() {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(&told.stderr).into_owned())
            }
        });
    }

    fn command(&self, arguments: &[&str]) -> Command {
        // It is there once the node has begun.
        let token = std::fs::read_to_string(self.path("data/operator.token")).unwrap_or_default();
        let mut command = Command::new(holdfast());
        command.args(["--endpoint", &format!("http://{}:7600", self.address)]).args(arguments);
        command.env("HOLDFAST_TOKEN", token.trim()).env("NO_COLOR", "1");
        command
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("node.log")).unwrap_or_default()
    }
}

/// What somebody hears who has subscribed to all of it.
fn listen(address: Ipv4Addr) -> Arc<Mutex<Vec<String>>> {
    let mut stream = TcpStream::connect((address, 4222)).expect("NATS listens");
    stream
        .write_all(b"CONNECT {\"verbose\":false,\"user\":\"me\",\"pass\":\"secret\"}\r\nSUB holdfast.> 1\r\nPING\r\n")
        .expect("it reads");
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while line != "PONG\r\n" {
        line.clear();
        let count = lines.read_line(&mut line).expect("it speaks");
        assert!(count > 0 && !line.starts_with("-ERR"), "NATS took no subscription: {line}");
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let to = heard.clone();
    std::thread::spawn(move || {
        // Ends with the server; of a message the line with its subject is kept.
        for line in lines.lines().map_while(Result::ok) {
            if let Some(subject) = line.strip_prefix("MSG ") {
                let subject = subject.split(' ').next().unwrap_or_default().to_owned();
                to.lock().unwrap_or_else(PoisonError::into_inner).push(subject);
            }
        }
    });
    heard
}

fn json_lines(of: &Running) -> Vec<Value> {
    of.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_shift_is_told_every_way_and_goes_on_after_a_kill() {
    let (folder, address) = (tempfile::tempdir().expect("a temporary folder"), own_address());
    let mut lone = Lone { folder, address, node: None };
    let mut command = Command::new("nats-server");
    command.args(["-a", &address.to_string(), "-p", "4222", "--user", "me", "--pass", "secret"]);
    let nats = Running::start(command, &lone.path("nats.log"));
    wait_for("NATS", DEADLINE, || {
        if nats.text().contains("Server is ready") { Ok(()) } else { Err(nats.text()) }
    });
    let heard = listen(address);
    let mut command = Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/notify/hook.py")).args([&address.to_string(), SECRET]);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let hook = Running::start(command, &lone.path("hook.log"));
    let port = wait_for("the webhook", DEADLINE, || {
        json_lines(&hook).first().and_then(|line| line["port"].as_u64()).ok_or_else(|| hook.text())
    });
    lone.write("pager.secret", &format!("whsec_{SECRET}\n"));
    lone.write("nats.credentials", "me:secret\n");
    lone.write("estate.toml", ESTATE);
    let mails = lone.path("mails");
    lone.write(
        "node.toml",
        &format!(
            "[node]\nid = \"lone\"\ndata_dir = \"data\"\nroles = [\"control\"]\nestate = \"estate.toml\"\n\
             [api]\nlisten = \"{address}:7600\"\n[feed]\nlisten = \"{address}:7602\"\n\
             [[notify]]\nname = \"pager\"\nwebhook = \"http://{address}:{port}/hook\"\nsecret_file = \"pager.secret\"\nkinds = [\"shift.started\", \"shift.ended\"]\n\
             [[notify]]\nname = \"bus\"\nnats = \"nats://{address}:4222\"\ncredentials_file = \"nats.credentials\"\n\
             [[notify]]\nname = \"ops\"\nmail = [\"ops@example.test\"]\ncommand = [\"/bin/sh\", \"-c\", \"cat >> {}\"]\n",
            mails.display()
        ),
    );
    lone.start();
    // A receiver is told of what happens once it has a place.
    wait_for("places", DEADLINE, || {
        let found = std::fs::read_dir(lone.path("data/notify")).map_or(0, |found| {
            found
                .filter_map(Result::ok)
                .filter(|file| file.path().extension().is_some_and(|end| end == "json"))
                .count()
        });
        if found == 3 { Ok(()) } else { Err(format!("{found} of 3\n{}", lone.log())) }
    });
    let subjects = || heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let count = |wanted: &str| subjects().iter().filter(|subject| *subject == wanted).count();
    must(&mut lone.command(&["shift", "start", "az1", "--for", "10m", "--reason", "broken switch"]));
    let deliveries =
        || json_lines(&hook).into_iter().filter(|line| line["type"].is_string()).collect::<Vec<_>>();
    let told = wait_for("the shift's start, refused once", DEADLINE, || {
        let told = deliveries();
        if told.len() >= 2 { Ok(told) } else { Err(format!("{told:?}\n{}", lone.log())) }
    });
    assert_eq!((&told[0]["status"], &told[1]["status"]), (&500.into(), &204.into()), "{told:?}");
    assert_eq!(told[0]["id"], told[1]["id"], "a repetition has the same id");
    for delivery in &told {
        assert_eq!(
            (&delivery["signed"], &delivery["type"]),
            (&true.into(), &"shift.started".into()),
            "{delivery}"
        );
        assert_eq!(
            (&delivery["data"]["zone"], &delivery["data"]["reason"]),
            (&"az1".into(), &"broken switch".into())
        );
    }
    let id = told[0]["id"].as_str().expect("an id").to_owned();
    wait_for("the same by NATS and mail", DEADLINE, || {
        let mails = std::fs::read_to_string(&mails).unwrap_or_default();
        let came =
            count("holdfast.shift.started") == 1 && mails.contains(&format!("Message-ID: <{id}@holdfast>"));
        if came { Ok(()) } else { Err(format!("{:?}\n{mails}\n{}", subjects(), lone.log())) }
    });
    // Each place is kept once its notice was taken.
    wait_for("the places", DEADLINE, || {
        let names = ["pager", "bus", "ops"];
        let at = |name: &str| -> Option<u64> {
            let text = std::fs::read_to_string(lone.path(&format!("data/notify/{name}.json"))).ok()?;
            serde_json::from_str::<Value>(&text).ok()?["position"].as_u64()
        };
        let all: Vec<Option<u64>> = names.iter().map(|name| at(name)).collect();
        let newest = id.split('-').rev().nth(1).and_then(|position| position.parse::<u64>().ok());
        if all.iter().all(|at| at >= &newest) { Ok(()) } else { Err(format!("{all:?}, {newest:?}")) }
    });
    if let Some(node) = lone.node.take() {
        node.kill();
    }
    lone.start();
    let shifts: Value =
        serde_json::from_str(&must(&mut lone.command(&["-o", "json", "shift", "list"]))).expect("JSON");
    let shift = shifts["shifts"][0]["id"].as_str().unwrap_or_else(|| panic!("no shift: {shifts}")).to_owned();
    must(&mut lone.command(&["shift", "cancel", &shift]));
    let told = wait_for("the shift's end", DEADLINE, || {
        let told = deliveries();
        let is_over = told.last().is_some_and(|last| last["type"] == "shift.ended");
        if is_over && count("holdfast.shift.ended") == 1 {
            Ok(told)
        } else {
            Err(format!("{told:?}\n{}", lone.log()))
        }
    });
    assert_eq!(told.len(), 3, "nothing is told again after a restart: {told:?}");
    assert_eq!(told[2]["data"]["outcome"], "canceled");
    assert_eq!(count("holdfast.shift.started"), 1);
}

/// The ids of mails, in their order.
fn ids(mails: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(mails).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_prefix("Message-ID: ")).map(str::to_owned).collect()
}

#[test]
fn with_the_control_node_dead_a_break_glass_shift_is_told_once() {
    let mut world = World::build();
    let mails = world.folder().join("mails");
    let section = format!(
        "[[notify]]\nname = \"ops\"\nmail = [\"ops@example.test\"]\ncommand = [\"/bin/sh\", \"-c\", \"cat >> {}\"]\nkinds = [\"shift.started\", \"shift.ended\", \"break-glass.recorded\"]\n",
        mails.display()
    );
    let nodes = ["control", "az1", "az2", "az3"];
    for node in nodes {
        tell_node(&world, node, &section);
        // Who is not heard for three beats does not count as the first: a busy machine may take seconds for a report.
        let file = world.place(node).join("node.toml");
        let text = std::fs::read_to_string(&file).expect("the node's file");
        let slower = text.replace("beat = \"200ms\"", "beat = \"2s\"");
        assert_ne!(slower, text, "{node}");
        std::fs::write(&file, slower).expect("the node's file");
    }
    for node in nodes {
        world.start_node(node);
    }
    world.wait_until_serving();
    world.tell_runbook_the_estate();
    // The control node would tell by its journal, if it lived.
    let place = world.place("control").join("data/notify/ops.json");
    wait_for("a place", DEADLINE, || if place.exists() { Ok(()) } else { Err(world.log("control")) });
    world.kill_node("control");
    must_be_taken(
        &world,
        &["shift", "start", "--break-glass", "az2", "--for", "5m", "--reason", "no ledger"],
    );
    let id = wait_for("a mail of the shift", DEADLINE, || {
        let found = ids(&mails);
        found.first().cloned().ok_or_else(|| world.log("az1"))
    });
    assert!(id.contains("-break-glass-"), "{id}");
    // Each node keeps that it told. The first by name tells; the others not as long as it lives: only after its end the next one repeats it, which shows
    // that this one had not told before. A node that had would say nothing now, and its file would be older.
    let mut since = None;
    for (node, count) in ["az1", "az2", "az3"].into_iter().zip(1..) {
        let kept = world.place(node).join("data/notify/ops.break-glass");
        wait_for(&format!("{node} to keep it"), DEADLINE, || {
            let text = std::fs::read_to_string(&kept).unwrap_or_default();
            let is_it = id.contains(text.trim_matches(['[', ']', '"'])) && !text.is_empty();
            if is_it { Ok(()) } else { Err(format!("{text}\n{}", world.log(node))) }
        });
        let kept_at = std::fs::metadata(&kept).and_then(|file| file.modified()).expect("an instant");
        let kept_ms = kept_at.duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        assert!(since.is_none_or(|since| u128::from(since) < kept_ms), "{node} told before it was the first");
        // It was told before it was kept, once by each.
        assert_eq!(ids(&mails), vec![id.clone(); count], "after {node}");
        since = Some(now_ms());
        world.kill_node(node);
    }
    world.assert_no_errors();
}

fn must_be_taken(world: &World, arguments: &[&str]) {
    let told = world.cli(arguments);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}
