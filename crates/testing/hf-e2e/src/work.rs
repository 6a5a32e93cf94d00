//! Queues with orders and a worker in each zone: the programs of `examples/workers` on NATS JetStream and on PostgreSQL with `SKIP LOCKED`.
//!
//! The queue stands in a namespace of its own, and each worker in one beside its zone: it can be cut off from nodes and not from the queue.
//!
//! Not here: what must hold of them (the tests).

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::estate::{ZONES, address};
use crate::load::now_ms;
use crate::process::{Running, must, output};
use crate::wait::wait_for;
use crate::world::{DEADLINE, World};

/// The queues' address; workers have their own.
const QUEUE: &str = "10.77.60.1";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// The namespace of a zone's worker.
pub fn place(zone: &str) -> String {
    format!("work-{zone}")
}

/// Adds the namespaces of queues and workers.
pub fn add_places(world: &mut World) {
    world.network.add("queue", QUEUE);
    for (at, zone) in ZONES.iter().enumerate() {
        world.network.add(&place(zone), &format!("10.77.{}.1", 11 + at));
    }
}

/// What a worker or a source of orders says on a line.
#[derive(Clone, Debug)]
pub struct Said {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// What happened.
    pub event: String,
    /// To which order.
    pub message: Option<u64>,
    /// All of it.
    pub line: Value,
}

/// The lines that are such words.
pub fn said(text: &str) -> Vec<Said> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = |line: Value| {
        Some(Said {
            at_ms: line["at_ms"].as_u64().unwrap_or(0),
            event: line["event"].as_str()?.to_owned(),
            message: line["message"].as_u64(),
            line,
        })
    };
    lines.filter_map(said).collect()
}

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// NATS JetStream.
    Nats,
    /// PostgreSQL.
    Postgres,
}

impl Queue {
    /// In the names of programs and consumers.
    pub fn name(self) -> &'static str {
        match self {
            Queue::Nats => "nats",
            Queue::Postgres => "postgres",
        }
    }

    fn options(self) -> [String; 2] {
        match self {
            Queue::Nats => ["--nats".to_owned(), format!("nats://{QUEUE}:4222")],
            Queue::Postgres => ["--postgres".to_owned(), QUEUE.to_owned()],
        }
    }

    fn start(self, world: &World, folder: &Path) -> Running {
        match self {
            Queue::Nats => start_nats(world, folder),
            Queue::Postgres => start_postgresql(world, folder),
        }
    }
}

/// A queue, the orders that go into it, and a worker in each zone.
#[derive(Debug)]
pub struct Work {
    /// By zone.
    pub workers: BTreeMap<&'static str, Running>,
    /// The source of orders.
    pub orders: Option<Running>,
    _queue: Running,
    _folder: tempfile::TempDir,
    kind: Queue,
    folder: PathBuf,
}

impl Work {
    /// Starts all of it and waits until each worker works. The world has the places of [`add_places`].
    ///
    /// # Panics
    ///
    /// When that does not come about.
    pub fn start(world: &World, kind: Queue) -> Work {
        // Another user than root goes in here.
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .expect("our own folder");
        let queue = kind.start(world, folder.path());
        let mut work = Work {
            workers: BTreeMap::new(),
            orders: None,
            _queue: queue,
            _folder: folder,
            kind,
            folder: world.folder().to_owned(),
        };
        let orders = work.command(world, "queue", "orders");
        work.orders = Some(Running::start(orders, &work.log("orders")));
        for zone in ZONES {
            work.start_worker(world, zone);
        }
        for zone in ZONES {
            work.wait_for_more(zone, "done", 5, 0);
        }
        work
    }

    /// The consumer's name in all that shows consumers.
    pub fn consumer(&self) -> String {
        format!("orders-{}", self.kind.name())
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}-{}.log", self.kind.name()))
    }

    fn command(&self, world: &World, place: &str, program: &str) -> Command {
        let python = root().join("target/workers/bin/python");
        assert!(python.exists(), "{} is not there; `./test` installs it", python.display());
        let mut command = world.network.command(place, python);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PYTHONPATH", root().join("clients/python/holdfast/src"));
        let script = format!("examples/workers/{}_{program}.py", self.kind.name());
        command.arg(root().join(script)).args(self.kind.options());
        command
    }

    /// Starts the worker of a zone.
    pub fn start_worker(&mut self, world: &World, zone: &'static str) {
        let mut command = self.command(world, &place(zone), "worker");
        command.env("HOLDFAST_ZONE", zone);
        for node in ZONES {
            command.args(["--status", &format!("http://{}:7601", address(node))]);
        }
        let state = self.folder.join(format!("worker-{zone}-{}.state", self.kind.name()));
        command.arg("--state-file").arg(state);
        let worker = Running::start(command, &self.log(&format!("worker-{zone}")));
        self.workers.insert(zone, worker);
    }

    /// What a zone's worker has said.
    pub fn said(&self, zone: &str) -> Vec<Said> {
        said(&std::fs::read_to_string(self.log(&format!("worker-{zone}"))).unwrap_or_default())
    }

    /// The end of it.
    pub fn tail(&self, zone: &str) -> String {
        let text = std::fs::read_to_string(self.log(&format!("worker-{zone}"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Until the zone's worker has said this so often since then; when it said it last.
    pub fn wait_for_more(&self, zone: &str, event: &str, count: usize, since_ms: u64) -> u64 {
        wait_for(&format!("{count} times `{event}` in {zone}"), DEADLINE, || {
            let said = self.said(zone);
            let found: Vec<&Said> =
                said.iter().filter(|said| said.event == event && said.at_ms >= since_ms).collect();
            match found.last() {
                Some(last) if found.len() >= count => Ok(last.at_ms),
                _ => Err(self.tail(zone)),
            }
        })
    }

    /// The other zones go on: enough of it that this one would have had its part too.
    pub fn let_the_others_work(&self, zone: &str) {
        let since = now_ms();
        for other in ZONES.iter().filter(|other| **other != zone) {
            self.wait_for_more(other, "done", 12, since);
        }
    }

    /// When a zone's worker took something after an instant.
    pub fn taken_after(&self, zone: &str, since_ms: u64) -> Vec<u64> {
        let said = self.said(zone);
        said.iter()
            .filter(|said| said.event == "taken" && said.at_ms > since_ms)
            .map(|said| said.at_ms)
            .collect()
    }
}

fn start_nats(world: &World, folder: &Path) -> Running {
    let mut command = world.network.command("queue", "nats-server");
    command.arg("-js").arg("-sd").arg(folder).args(["-a", QUEUE, "-p", "4222"]);
    let server = Running::start(command, &folder.join("nats.log"));
    wait_for("NATS", DEADLINE, || {
        if server.text().contains("Server is ready") { Ok(()) } else { Err(server.text()) }
    });
    server
}

/// PostgreSQL does not run as root.
const AS_POSTGRES: [&str; 5] = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"];

/// Debian's newest: not what stands in the path, which may be anybody's.
fn postgresql() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let bin =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max();
    bin.expect("PostgreSQL of Debian is not there; `./test` installs it")
}

/// Asks the database.
pub fn psql(world: &World) -> Command {
    let mut command = world.network.command("queue", postgresql().join("psql"));
    command.args(["-h", QUEUE, "-U", "postgres", "-At", "-v", "ON_ERROR_STOP=1", "postgres"]);
    command
}

fn start_postgresql(world: &World, folder: &Path) -> Running {
    let data = folder.join("data");
    std::fs::create_dir(&data).expect("a folder for the data");
    must(Command::new("chown").arg("postgres:").arg(&data));
    let mut initdb = Command::new(AS_POSTGRES[0]);
    initdb.args(&AS_POSTGRES[1..]).arg(postgresql().join("initdb")).current_dir(folder);
    must(initdb.args(["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]).arg(&data));
    let rules = data.join("pg_hba.conf");
    std::fs::write(&rules, "host all all 10.0.0.0/8 trust\n").expect("its rules");
    let mut command = world.network.command("queue", AS_POSTGRES[0]);
    command
        .args(&AS_POSTGRES[1..])
        .arg(postgresql().join("postgres"))
        .current_dir(folder)
        .arg("-D")
        .arg(&data);
    command.args([
        "-c",
        &format!("listen_addresses={QUEUE}"),
        "-c",
        "unix_socket_directories=",
        "-c",
        "fsync=off",
    ]);
    let server = Running::start(command, &folder.join("postgres.log"));
    wait_for("PostgreSQL", DEADLINE, || {
        let told = output(psql(world).args(["-c", "SELECT 1"]));
        if told.status.success() { Ok(()) } else { Err(server.text()) }
    });
    must(psql(world).arg("-q").arg("-f").arg(root().join("examples/workers/postgres.sql")));
    server
}
