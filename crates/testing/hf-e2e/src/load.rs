//! A steady load that does not wait for answers (`balancer/load.py`), and endpoints that write down what they carried out (`balancer/endpoint.py`).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::estate::{ZONES, address};
use crate::family::without_inherited;
use crate::process::Running;
use crate::wait::wait_for;
use crate::world::{DEADLINE, World};

/// The port of the endpoints that count.
pub const COUNTING_PORT: u16 = 8003;

/// A script of `balancer/`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("balancer").join(name)
}

/// The Python that has what they need.
///
/// # Panics
///
/// When `./test` has not installed it.
pub fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/balancer/bin/python");
    assert!(python.exists(), "{} is not there; `./test` installs it", python.display());
    python
}

/// Milliseconds since 1970.
///
/// # Panics
///
/// With a clock before that.
pub fn now_ms() -> u64 {
    u64::try_from(UNIX_EPOCH.elapsed().expect("a clock after 1970").as_millis()).expect("milliseconds")
}

/// A pool of one endpoint that counts in each zone, at `listen`; `more` are further lines of it.
pub fn counting_pool(name: &str, listen: u16, more: &str) -> String {
    let endpoints: Vec<String> = ZONES
        .iter()
        .map(|zone| format!("{{ address = \"{}:{COUNTING_PORT}\", zone = \"{zone}\" }}", address(zone)))
        .collect();
    format!(
        "\n[[pool]]\nname = \"{name}\"\nlisten = \"0.0.0.0:{listen}\"\nhealth_check = \"web\"\nmin_zones = 1\n{more}\nendpoints = [{}]\n",
        endpoints.join(", ")
    )
}

/// Starts the endpoints that count.
pub fn start_counting(world: &World) -> Vec<Running> {
    let start = |zone: &&str| {
        let mut command = world.network.command(zone, python());
        command
            .arg(script("endpoint.py"))
            .args([&address(zone), &COUNTING_PORT.to_string(), *zone])
            .arg(journal(world, zone));
        Running::start(command, &world.place(zone).join("endpoint.log"))
    };
    ZONES.iter().map(start).collect()
}

fn journal(world: &World, zone: &str) -> PathBuf {
    world.place(zone).join("journal")
}

/// Has a zone's counting endpoint answer half a second late, or not any more.
///
/// # Panics
///
/// When the file that says so cannot be written.
pub fn set_late(world: &World, zone: &str, late: bool) {
    let file = world.place(zone).join("journal.late");
    let done = if late { std::fs::write(file, "") } else { std::fs::remove_file(file) };
    done.expect("a file of the test's own");
}

/// One request that a counting endpoint carried out.
#[derive(Clone, Debug)]
pub struct Carried {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Whether it may be carried out once only.
    pub is_post: bool,
    /// Its name.
    pub id: String,
}

/// What a zone's counting endpoint carried out.
pub fn carried(world: &World, zone: &str) -> Vec<Carried> {
    let text = std::fs::read_to_string(journal(world, zone)).unwrap_or_default();
    let read = |line: &str| {
        let mut words = line.split(' ');
        let at_ms = words.next()?.parse().ok()?;
        let is_post = words.next()? == "POST";
        Some(Carried { at_ms, is_post, id: words.next()?.to_owned() })
    };
    text.lines().filter_map(read).collect()
}

/// The load; killed with the test.
#[derive(Debug)]
pub struct Load(Child);

impl Load {
    /// Starts `rate` requests a second to these places in turn, `ADDRESS:PORT` for GET, with `/post` behind it for POST. `falls_over`: a client that
    /// is refused goes to the next place.
    ///
    /// # Panics
    ///
    /// Without Python.
    pub fn start(world: &World, rate: u32, places: &[String], falls_over: bool) -> Load {
        Load::start_from(world, rate, places, falls_over, &[])
    }

    /// The same from these addresses of the clients' namespace in turn, each request over a connection of its own.
    pub fn start_from(
        world: &World,
        rate: u32,
        places: &[String],
        falls_over: bool,
        sources: &[String],
    ) -> Load {
        let mut command = world.network.command("client", python());
        command
            .arg(script("load.py"))
            .arg(rate.to_string())
            .arg(world.folder().join("load.json"))
            .args(places);
        if falls_over {
            command.env("FALL_OVER", "1");
        }
        if !sources.is_empty() {
            command.env("SOURCES", sources.join(" "));
        }
        let log = std::fs::File::create(world.folder().join("load.log")).expect("a log file");
        let mut command = without_inherited(command);
        Load(command.stdin(Stdio::piped()).stderr(log).spawn().expect("python runs"))
    }

    /// Ends it, and gives its summary.
    ///
    /// # Panics
    ///
    /// When it did not run to its end.
    pub fn end(mut self, world: &World) -> Value {
        self.0.stdin.take().expect("its input").write_all(b"\n").expect("it reads");
        let log = || std::fs::read_to_string(world.folder().join("load.log")).unwrap_or_default();
        wait_for("the load to end", DEADLINE, || self.0.try_wait().expect("a child").ok_or_else(log));
        let text = std::fs::read_to_string(world.folder().join("load.json"));
        serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}: {}", log()))).expect("JSON")
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
