//! However a node ends, its AF_XDP program is gone from the interface, and the kernel's stack has all datagrams again.
//!
//! What only this can show: that nobody has to clean up after a node that was killed (SIGKILL leaves it no time), and that a node that is
//! told to stop (SIGTERM) leaves nothing either.

use std::process::Command;

use hf_e2e::netns::{Network, enter};
use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;
use nix::sys::signal::Signal;

const SERVER: &str = "10.92.0.1";

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
name = "fast.test."
[[record]]
name = "www.fast.test."
type = "A"
answer = { pool = "web" }
"#;

fn has_program() -> bool {
    must(Command::new("ip").args(["-d", "link", "show", "dev", "eth0"])).contains("prog/xdp")
}

/// What a client in its own namespace is answered.
fn ask(network: &Network) -> String {
    let server = format!("@{SERVER}");
    let mut dig = network.command("client", "dig");
    let told = output(dig.args([&server, "+short", "+time=1", "+tries=1", "www.fast.test", "A"]));
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}

#[test]
fn a_node_that_ends_takes_its_program_along() {
    let mut network = Network::new();
    network.add("dns", SERVER);
    network.add("client", "10.92.0.2");
    enter(&network, "dns");
    // "Connection refused" comes as an ICMP message, and the kernel sends only so many a second to one client: those that are
    // asked for while a node starts would use them up, and the silence after its end would look like datagrams still taken.
    std::fs::write("/proc/sys/net/ipv4/icmp_ratelimit", "0").expect("a namespace of our own");
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("our own folder");
    write("estate.toml", ESTATE);
    for (mode, signal) in [
        ("native", Signal::SIGTERM),
        ("native", Signal::SIGKILL),
        ("generic", Signal::SIGTERM),
        ("generic", Signal::SIGKILL),
    ] {
        write(
            "node.toml",
            &format!(
                "[node]\nid = \"fast\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"dns\"]\nestate = \"estate.toml\"\n\
                 [dns]\nlisten = \"{SERVER}:53\"\nxdp = {{ interface = \"eth0\", queues = [0], mode = \"{mode}\" }}\n"
            ),
        );
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(folder.path().join("node.toml"));
        let mut node = Running::start(command, &folder.path().join("log"));
        wait_for("answers past the stack", DEADLINE, || {
            let told = ask(&network);
            if told == "192.0.2.1" && has_program() { Ok(()) } else { Err(format!("{told} {}", node.text())) }
        });
        node.signal(signal);
        wait_for("its end", DEADLINE, || node.ended().map(|_| ()).ok_or_else(|| node.text()));
        wait_for("the program to go", DEADLINE, || {
            if has_program() { Err(format!("{mode} {signal}: it is still there")) } else { Ok(()) }
        });
        // What the stack gets again: nobody listens, and the kernel says so.
        let socket = network
            .command("client", "dig")
            .args([&format!("@{SERVER}"), "+time=2", "+tries=1", "x"])
            .output();
        let told = String::from_utf8_lossy(&socket.expect("dig runs").stdout).into_owned();
        assert!(told.contains("connection refused"), "{mode} {signal}: {told}");
    }
}
