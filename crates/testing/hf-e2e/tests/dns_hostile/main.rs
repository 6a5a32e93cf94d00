//! A hostile client beside a good one: every good query is answered, and memory stays bounded.
//!
//! 1. Hostile, all at once: random bytes and bent queries; 10,000 open TCP connections; connections that send a byte now and then, or ask and
//!    never read; updates without a signature, with a wrong one, and with a good one, as fast as they can be sent.
//! 2. A good query is one that a resolver would send: over UDP, sent again when nothing comes for a second, three times at most; now and then over
//!    TCP. Each must get its whole answer.
//! 3. What the node takes of memory at its peak is bounded, by what `docs/dns.md` says a stranger can do.
//! 4. How long good queries took, before and meanwhile, is printed and not judged: no test stands or falls with the machine's other work.

mod good;
mod hostile;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hf_e2e::process::{Running, holdfast, must};
use hf_e2e::wait_for;

const DEADLINE: Duration = Duration::from_mins(1);

/// How much more the node may take at its peak than at the start: 48 to 56 MiB were seen of a debug build. Who holds it: the room that all connections share for answers
/// (4 MiB) and for long requests (8 MiB); 1,000 connections with a task, an answer and up to 4 KiB of requests each; 1,024 messages in wait and 64 updates under way;
/// dynamic records, and for each revision that is still looked at the zone compiled with them; and what the allocator keeps in the arenas of its threads, as many as the
/// machine's cores let it have: it is the system's, as it is in service. Without those bounds 10,000 connections alone that never read would take several times this.
const MEMORY_MORE_MAX_KIB: u64 = 64 * 1024;

/// Good queries before the attack, and at least so many during it.
const GOOD_QUERIES: usize = 2_000;

const ESTATE: &str = r#"
[[region]]
id = "home"
[[zone]]
id = "az1"
region = "home"
[[pool]]
name = "web"
endpoints = [{ address = "192.0.2.1:80", zone = "az1" }]
[[hosted_zone]]
name = "good.test."
file = "good.test.zone"
serial = "time"
updates = [{ key = "flood.", names = ["*.good.test."] }]
[[record]]
name = "www.good.test."
type = "A"
ttl = "1s"
answer = { pool = "web" }
choose = ["open"]
"#;

const ZONE: &str = "\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ MX 10 mail
ns A 127.0.0.1
mail A 192.0.2.25
*.wild TXT \"from the wildcard\"
";

fn start(folder: &Path, address: &str) -> Running {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("our own folder");
    write("estate.toml", ESTATE);
    write("good.test.zone", ZONE);
    write(
        "node.toml",
        &format!(
            "[node]\nid = \"lone\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"dns\"]\nestate = \"estate.toml\"\n\n\
             [api]\nlisten = \"{address}:7600\"\n[feed]\nlisten = \"{address}:7602\"\n[dns]\nlisten = \"{address}:5300\"\n\
             tsig_keys = [{{ name = \"flood.\", secret_file = \"flood.secret\" }}]\n"
        ),
    );
    write("flood.secret", hostile::SECRET);
    std::fs::set_permissions(folder.join("flood.secret"), std::fs::Permissions::from_mode(0o600))
        .expect("it is ours");
    let mut command = Command::new(holdfast());
    command.args(["serve", "-c"]).arg(folder.join("node.toml"));
    Running::start(command, &folder.join("log"))
}

/// A line of `/proc/PID/status`, in KiB.
fn memory_kib(node: &Running, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id())).expect("it runs");
    let found = status.lines().find_map(|text| text.strip_prefix(line)).expect("the kernel tells it");
    found.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_hostile_client_costs_good_ones_no_answer_and_the_node_no_memory() {
    // 10,000 connections are as many open files.
    let own = std::process::id().to_string();
    must(Command::new("prlimit").args(["--pid", &own, "--nofile=12000:"]));
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("127.79.1.{}", 1 + std::process::id() % 250);
    let node = start(folder.path(), &address);
    let server: SocketAddr = format!("{address}:5300").parse().expect("an address");
    let mut asker = good::Asker::new(server);
    wait_for("the node to answer", DEADLINE, || asker.ask(0).map(|_| ()).map_err(|why| why + &node.text()));

    let calm = asker.ask_many(GOOD_QUERIES, || false).expect("all are answered when nothing happens");
    let before_kib = memory_kib(&node, "VmRSS");
    let attack = Arc::new(hostile::Attack::default());
    let running = hostile::start(&attack, server);
    let mut worst_kib = before_kib;
    let during = asker.ask_many(GOOD_QUERIES, || {
        worst_kib = worst_kib.max(memory_kib(&node, "VmRSS"));
        !attack.is_done()
    });
    let during = during.unwrap_or_else(|why| panic!("{why}; {}; {}", attack.told(), node.text()));
    attack.stop();
    for thread in running {
        thread.join().expect("no attacker panics");
    }
    let peak_kib = memory_kib(&node, "VmHWM");
    println!("calm      {calm}\nattacked  {during}\n{}", attack.told());
    println!("memory: {before_kib} KiB before, {worst_kib} KiB seen, {peak_kib} KiB at the peak");
    assert!(
        peak_kib <= before_kib + MEMORY_MORE_MAX_KIB,
        "{peak_kib} KiB at the peak after {before_kib} KiB"
    );
    assert!(!node.text().contains("panicked") && !node.text().contains(" ERROR "), "{}", node.text());

    // When all have gone, it is as before: connections too.
    let after = asker.ask_many(GOOD_QUERIES, || false).expect("all are answered afterwards");
    println!("after     {after}");
}
