//! The tests' world: a namespace for each zone with nginx and a node, one for the control node, one for clients.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::clock;
use crate::estate::{self, CLIENT, CONTROL, ZONES, address};
use crate::load::now_ms;
use crate::netns::Network;
use crate::process::{Running, holdfast, must, output};
use crate::wait::wait_for;

/// How long anything may take to become so: twenty times what it takes, for machines that are slow or busy. What must be quick is measured by stamps.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// So far a clock moves at once.
const STEP: Duration = Duration::from_secs(90);

/// The running world.
#[derive(Debug)]
pub struct World {
    running: BTreeMap<String, Running>,
    /// Whether nodes that are started have a clock that can be set.
    has_clock: bool,
    /// By how much it is ahead of the system's.
    passed: Duration,
    /// The namespaces.
    pub network: Network,
    folder: tempfile::TempDir,
}

impl World {
    /// Builds the namespaces, starts nginx everywhere, and writes all files. No node runs yet.
    pub fn build() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut network = Network::new();
        for zone in ZONES {
            network.add(zone, &address(zone));
        }
        network.add("control", CONTROL);
        network.add("client", CLIENT);
        let mut world =
            World { running: BTreeMap::new(), has_clock: false, passed: Duration::ZERO, network, folder };
        world.write_files();
        for zone in ZONES {
            let config = world.place(zone).join("nginx.conf");
            let mut command = world.network.command(zone, "nginx");
            command.arg("-c").arg(&config).arg("-e").arg(world.place(zone).join("nginx-error.log"));
            let log = world.place(zone).join("nginx.log");
            world.running.insert(format!("nginx-{zone}"), Running::start(command, &log));
        }
        world
    }

    /// Builds the world, starts every node, and waits until all have the estate and serve.
    pub fn start() -> World {
        let mut world = World::build();
        world.start_node("control");
        for zone in ZONES {
            world.start_node(zone);
        }
        world.wait_until_serving();
        world.tell_runbook_the_estate();
        world
    }

    /// Writes into the runbook for which estate to sign: it was made before there was one, since the nodes' files name its key.
    pub fn tell_runbook_the_estate(&self) {
        let estate = wait_for("the estate's id", DEADLINE, || {
            self.status("control")?["estate_id"].as_str().map(str::to_owned).ok_or("no estate yet".to_owned())
        });
        let path = self.folder().join("runbook.toml");
        let text = std::fs::read_to_string(&path).expect("the runbook");
        std::fs::write(&path, format!("estate = \"{estate}\"\n{text}")).expect("the runbook is ours");
    }

    fn write_files(&self) {
        let certs = self.folder().join("certs");
        must(Command::new(holdfast()).args(["cert", "authority"]).arg(&certs));
        for (node, own) in
            ZONES.iter().map(|zone| (*zone, address(zone))).chain([("control", CONTROL.to_owned())])
        {
            must(
                Command::new(holdfast())
                    .args(["cert", "node", node, "--address", &own, "--folder"])
                    .arg(&certs),
            );
            std::fs::create_dir_all(self.place(node)).expect("a folder for the node");
        }
        let key = self.make_runbook();
        write(&self.folder().join("estate.toml"), &estate::estate());
        write(&self.place("control").join("node.toml"), &estate::control_node());
        for zone in ZONES {
            write(&self.place(zone).join("node.toml"), &estate::zone_node(zone, &key));
            let folder = self.place(zone);
            write(&folder.join("nginx.conf"), &estate::nginx(zone, &folder.display().to_string()));
        }
    }

    /// Makes the operator's runbook and gives the public half of its key.
    fn make_runbook(&self) -> String {
        let mut command = Command::new(holdfast());
        command.args(["runbook", "init", "--endpoint", "http://127.0.0.1:7600"]);
        for zone in ZONES {
            command.args(["--node", &format!("http://{}:7600", address(zone))]);
        }
        let told = must(command.arg("--runbook").arg(self.folder().join("runbook.toml")));
        let key = told.lines().find_map(|line| line.strip_prefix("public_key = \"")).expect("the public key");
        key.trim_end_matches('"').to_owned()
    }

    /// The world's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A node's folder.
    pub fn place(&self, node: &str) -> PathBuf {
        self.folder().join(node)
    }

    /// Adds to the estate's file, before a node has read it.
    ///
    /// # Panics
    ///
    /// When it cannot be read or written.
    pub fn add_to_estate(&self, more: &str) {
        let path = self.folder().join("estate.toml");
        let text = std::fs::read_to_string(&path).expect("the estate's file");
        write(&path, &(text + more));
    }

    /// Starts a node.
    pub fn start_node(&mut self, node: &str) {
        let started = self.start_process(node, &[]);
        self.running.insert(node.to_owned(), started);
    }

    fn start_process(&self, node: &str, more: &[&str]) -> Running {
        let mut command = self.network.command(node, "env");
        if self.has_clock {
            command.args(clock::arguments(&self.clock()));
        }
        command.arg(holdfast()).args(["serve", "-c"]).arg(self.place(node).join("node.toml")).args(more);
        Running::start(command, &self.place(node).join("node.log"))
    }

    fn clock(&self) -> PathBuf {
        self.folder().join("clock")
    }

    /// From now on nodes are started with a clock that [`World::pass`] moves on.
    pub fn have_clock(&mut self) {
        self.has_clock = true;
        clock::set(&self.clock(), 0);
    }

    /// Lets time pass for all nodes, who must have been started with such a clock. In steps that no node takes for a clock that is wrong (five
    /// minutes), even if it has not seen the two before.
    pub fn pass(&mut self, length: Duration) {
        assert!(self.has_clock, "the nodes go by the system's clock");
        let until = self.passed + length;
        while self.passed < until {
            self.passed = until.min(self.passed + STEP);
            clock::set(&self.clock(), i64::try_from(self.passed.as_secs()).expect("not for ages"));
            let at_least = Duration::from_millis(now_ms()) + self.passed;
            for node in self.running.keys().filter(|name| !name.starts_with("nginx-")) {
                wait_for(&format!("the clock of {node}"), DEADLINE, || {
                    let status = self.status(node)?;
                    let now = Duration::from_millis(status["now_ms"].as_u64().ok_or("no clock")?);
                    if now >= at_least { Ok(()) } else { Err(format!("{now:?} of {at_least:?}")) }
                });
            }
        }
    }

    /// Starts a new process of a node, which takes over from the old one, and waits until that has ended.
    ///
    /// # Panics
    ///
    /// When there is none, or it does not end well.
    pub fn take_over(&mut self, node: &str) {
        let new = self.start_process(node, &["--takeover"]);
        let old = self.running.insert(node.to_owned(), new).expect("a running node");
        self.wait_for_end(node, old);
    }

    /// Tells a node to stop, as a service manager does, and waits until it has.
    ///
    /// # Panics
    ///
    /// When there is none, or it does not end well.
    pub fn stop_node(&mut self, node: &str) {
        let old = self.running.remove(node).expect("a running node");
        old.signal(nix::sys::signal::Signal::SIGTERM);
        self.wait_for_end(node, old);
    }

    fn wait_for_end(&self, node: &str, mut process: Running) {
        let status = wait_for(&format!("the old process of {node} to end"), DEADLINE, || {
            process.ended().ok_or_else(|| tail(&self.log(node)))
        });
        assert!(status.success(), "{node}: {status}");
    }

    /// Kills a node with SIGKILL.
    pub fn kill_node(&mut self, node: &str) {
        self.running.remove(node).expect("a running node").kill();
    }

    /// What a node has logged.
    pub fn log(&self, node: &str) -> String {
        std::fs::read_to_string(self.place(node).join("node.log")).unwrap_or_default()
    }

    /// A node's own `/v1/status`.
    pub fn status(&self, node: &str) -> Result<Value, String> {
        self.api(node, "/v1/status")
    }

    /// What a node's own API answers at a path.
    pub fn api(&self, node: &str, path: &str) -> Result<Value, String> {
        let own = if node == "control" { "127.0.0.1".to_owned() } else { address(node) };
        let token = std::fs::read_to_string(self.place(node).join("data/operator.token")).unwrap_or_default();
        let bearer = format!("Authorization: Bearer {}", token.trim());
        let mut command = self.network.command(node, "curl");
        let url = format!("http://{own}:7600{path}");
        let output = output(command.args(["-s", "--max-time", "2", "-H", &bearer, &url]));
        serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("{node} does not answer; its log:\n{}", tail(&self.log(node))))
    }

    /// Runs `holdfast` beside the control node with its token.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let token =
            std::fs::read_to_string(self.place("control").join("data/operator.token")).unwrap_or_default();
        let mut command = self.network.command("control", holdfast());
        let runbook = self.folder().join("runbook.toml");
        output(command.args(arguments).env("HOLDFAST_TOKEN", token.trim()).env("HOLDFAST_RUNBOOK", runbook))
    }

    /// Runs `holdfast … -o json`, which must end well.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.cli(&[arguments, &["-o", "json"]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "holdfast {arguments:?} ended with {}: {error}", output.status);
        serde_json::from_slice(&output.stdout).expect("-o json prints JSON")
    }

    /// Asks a zone's DNS server with dig and gives the short answer, sorted.
    pub fn dig(&self, zone: &str, name: &str) -> Vec<String> {
        let mut command = self.network.command("client", "dig");
        let text = output(command.args([
            "+short",
            "+time=1",
            "+tries=2",
            &format!("@{}", address(zone)),
            name,
            "A",
        ]));
        let mut lines: Vec<String> =
            String::from_utf8_lossy(&text.stdout).lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    }

    /// Fetches a URL from the clients' namespace: the body and the status.
    pub fn curl(&self, url: &str) -> (String, u16) {
        let mut command = self.network.command("client", "curl");
        let output = output(command.args(["-s", "--max-time", "3", "-w", "\n%{http_code}", url]));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').unwrap_or((&text, "0"));
        (body.to_owned(), status.parse().unwrap_or(0))
    }

    /// Until every zone's node has an estate, its balancer answers from its own zone, and its checks are in.
    pub fn wait_until_serving(&self) {
        for zone in ZONES {
            wait_for(&format!("{zone} to serve"), DEADLINE, || {
                let status = self.status(zone)?;
                let zones = status["zones"].as_array().ok_or("no zones yet")?;
                let well =
                    |zone: &Value| zone["healthy"] == zone["of"] && zone["reason"]["kind"] == "healthy";
                if zones.len() != ZONES.len() || !zones.iter().all(well) {
                    return Err(format!("zones: {}", status["zones"]));
                }
                let (body, code) = self.curl(&format!("http://{}:8080/", address(zone)));
                if code == 200 && body.trim() == zone {
                    Ok(())
                } else {
                    Err(format!("balancer: {code} {body:?}"))
                }
            });
        }
    }

    /// Until a node's own status says this of a zone.
    pub fn wait_for_zone(&self, node: &str, zone: &str, what: &str, is_so: impl Fn(&Value) -> bool) {
        wait_for(&format!("{node} to see {zone} {what}"), DEADLINE, || {
            let status = self.status(node)?;
            let told =
                status["zones"].as_array().and_then(|zones| zones.iter().find(|told| told["id"] == zone));
            match told {
                Some(told) if is_so(told) => Ok(()),
                told => Err(format!("it says {told:?}")),
            }
        });
    }

    /// Lines that no healthy run writes: every ERROR that the test did not expect fails it.
    pub fn assert_no_errors(&self) {
        for node in ZONES.iter().chain(&["control"]) {
            let errors: Vec<String> = self
                .log(node)
                .lines()
                .filter(|line| line.contains("ERROR") || line.contains("panicked"))
                .map(ToOwned::to_owned)
                .collect();
            assert!(errors.is_empty(), "{node} logged errors:\n{}", errors.join("\n"));
        }
    }
}

impl Drop for World {
    /// A test that fails shows what the nodes had to say.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in ZONES.iter().chain(&["control"]) {
                eprintln!("-- the end of {node}'s log:\n{}", tail(&self.log(node)));
            }
        }
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
