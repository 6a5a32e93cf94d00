//! Two balancers in two regions measure how far a client network is, and the DNS answer with `latency` follows.
//!
//! The ways are links of their own between the client and each balancer, one of them slow: a queue of a few bytes a second in front of
//! it, so that the kernel's round-trip times really grow. Then the other one is slow.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hf_e2e::estate::{CLIENT, CONTROL, address, nginx};
use hf_e2e::netns::Network;
use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;

/// Each a region of one zone.
const REGIONS: [&str; 2] = ["az1", "az2"];
/// A slow way takes some 250 ms for a request, the smoothed time moves by an eighth with each, and a table is made each few seconds.
const PATIENCE: Duration = Duration::from_secs(90);

struct World {
    /// Dropped before the namespaces.
    running: Vec<Running>,
    network: Network,
    folder: tempfile::TempDir,
}

/// The balancer's address on its own link to the client.
fn front(region: &str) -> String {
    let number = if region == REGIONS[0] { 1 } else { 2 };
    format!("10.99.{number}.1")
}

fn estate() -> String {
    let mut text = String::new();
    for region in REGIONS {
        text.push_str(&format!(
            "[[region]]\nid = \"{region}\"\n\n[[zone]]\nid = \"{region}\"\nregion = \"{region}\"\n\n"
        ));
    }
    for (pool, port, more) in [
        ("web", 8001, "protocol = \"http\"\nlisten = \"0.0.0.0:8080\"\n"),
        ("edge", 8080, "protocol = \"tcp\"\n"),
    ] {
        text.push_str(&format!("[[pool]]\nname = \"{pool}\"\n{more}min_zones = 1\nendpoints = [\n"));
        for region in REGIONS {
            text.push_str(&format!(
                "  {{ address = \"{}:{port}\", zone = \"{region}\" }},\n",
                address(region)
            ));
        }
        text.push_str("]\n\n");
    }
    text.push_str(
        "[[hosted_zone]]\nname = \"shop.test.\"\n\n[[record]]\nname = \"www.shop.test.\"\ntype = \"A\"\nttl = \"1s\"\n\
         answer = { pool = \"edge\" }\nchoose = [\"open\", \"latency\", \"take 1\"]\n",
    );
    text
}

fn node_file(node: &str) -> String {
    let (own, more) = if node == "control" {
        let dns = format!("[dns]\nlisten = \"{CONTROL}:53\"\n\n");
        (
            CONTROL.to_owned(),
            format!("roles = [\"control\", \"dns\"]\nestate = \"../estate.toml\"\nbeat = \"200ms\"\n\n{dns}"),
        )
    } else {
        let peers = format!("peers = [\"{CONTROL}:7602\"]\n");
        (address(node), format!("zone = \"{node}\"\nroles = [\"balancer\"]\n{peers}beat = \"200ms\"\n\n"))
    };
    format!(
        "[node]\nid = \"{node}\"\ndata_dir = \"data\"\n{more}[feed]\nlisten = \"{own}:7602\"\n\n\
         [tls]\nca = \"../certs/ca.pem\"\ncertificate = \"../certs/{node}.pem\"\nkey = \"../certs/{node}.key\"\n"
    )
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

impl World {
    fn start() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut network = Network::new();
        network.add("control", CONTROL);
        network.add("client", CLIENT);
        for region in REGIONS {
            network.add(region, &address(region));
        }
        let mut world = World { running: Vec::new(), network, folder };
        for region in &REGIONS {
            world.link(region);
        }
        let certs = world.folder.path().join("certs");
        must(Command::new(holdfast()).args(["cert", "authority"]).arg(&certs));
        write(&world.folder.path().join("estate.toml"), &estate());
        for node in ["control", REGIONS[0], REGIONS[1]] {
            let own = address(node);
            let made = ["cert", "node", node, "--address", &own, "--folder"];
            must(Command::new(holdfast()).args(made).arg(&certs));
            std::fs::create_dir_all(world.place(node)).expect("a folder for the node");
            write(&world.place(node).join("node.toml"), &node_file(node));
        }
        for region in REGIONS {
            let place = world.place(region);
            write(&place.join("nginx.conf"), &nginx(region, &place.display().to_string()));
            let mut command = world.network.command(region, "nginx");
            command.arg("-c").arg(place.join("nginx.conf")).arg("-e").arg(place.join("nginx-error.log"));
            world.running.push(Running::start(command, &place.join("nginx.log")));
        }
        for node in ["control", REGIONS[0], REGIONS[1]] {
            let mut command = world.network.command(node, holdfast());
            command.args(["serve", "-c"]).arg(world.place(node).join("node.toml"));
            world.running.push(Running::start(command, &world.place(node).join("node.log")));
        }
        world
    }

    fn place(&self, node: &str) -> PathBuf {
        self.folder.path().join(node)
    }

    fn ip(&self, name: &str, arguments: &[&str]) {
        must(self.network.command(name, "ip").args(arguments));
    }

    /// A link of its own between the client and a region, over which the client keeps its address.
    fn link(&self, region: &str) {
        let (client, front) = (format!("hf{}-client", std::process::id()), front(region));
        self.ip(region, &["link", "add", "way", "type", "veth", "peer", "name", region, "netns", &client]);
        self.ip(region, &["addr", "add", &format!("{front}/32"), "dev", "way"]);
        self.ip(region, &["link", "set", "way", "up"]);
        self.ip(region, &["route", "add", &format!("{CLIENT}/32"), "dev", "way", "src", &front]);
        self.ip("client", &["link", "set", region, "up"]);
        self.ip("client", &["route", "add", &format!("{front}/32"), "dev", region, "src", CLIENT]);
    }

    /// Makes a region's way to the client slow: 2,000 bytes a second.
    fn slow(&self, region: &str) {
        let queue =
            ["qdisc", "add", "dev", "way", "root", "tbf", "rate", "16kbit", "burst", "600", "latency", "3s"];
        must(self.network.command(region, "tc").args(queue));
    }

    fn fast(&self, region: &str) {
        must(self.network.command(region, "tc").args(["qdisc", "del", "dev", "way", "root"]));
    }

    /// One request over a region's own way, in a connection of its own.
    fn request(&self, region: &str) -> Result<(), String> {
        let url = format!("http://{}:8080/", front(region));
        let mut command = self.network.command("client", "curl");
        let done = output(command.args(["-s", "--max-time", "5", "-w", "%{http_code}", &url]));
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        if text.ends_with("200") { Ok(()) } else { Err(format!("{region}'s balancer says {text:?}")) }
    }

    fn dig(&self) -> String {
        let mut command = self.network.command("client", "dig");
        let done = output(command.args([
            "+short",
            "+time=1",
            "+tries=2",
            &format!("@{CONTROL}"),
            "www.shop.test",
            "A",
        ]));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Until clients that use both balancers are sent to this one.
    fn wait_for_answer(&self, region: &str) {
        wait_for(&format!("the answer to be {region}"), PATIENCE, || {
            // Not judged: a way that was just made slow may lose one.
            let told: Vec<_> = REGIONS.iter().filter_map(|region| self.request(region).err()).collect();
            let answer = self.dig();
            if answer == address(region) { Ok(()) } else { Err(format!("{answer:?}, requests: {told:?}")) }
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in ["control", REGIONS[0], REGIONS[1]] {
                let text = std::fs::read_to_string(self.place(node).join("node.log")).unwrap_or_default();
                let end: Vec<&str> = text.lines().rev().take(10).collect();
                eprintln!("-- the end of {node}'s log, newest first:\n{}", end.join("\n"));
            }
        }
    }
}

#[test]
fn answers_by_latency_follow_what_balancers_measure() {
    let world = World::start();
    for region in REGIONS {
        wait_for(&format!("{region} to serve"), PATIENCE, || world.request(region));
    }
    wait_for("an answer", PATIENCE, || {
        let answer = world.dig();
        if answer.is_empty() { Err("none".to_owned()) } else { Ok(()) }
    });
    for (slow, fast) in [(REGIONS[0], REGIONS[1]), (REGIONS[1], REGIONS[0])] {
        world.slow(slow);
        world.wait_for_answer(fast);
        world.fast(slow);
    }
    // The balancers say that they measured somebody.
    for region in REGIONS {
        let mut command = world.network.command(region, "curl");
        let page = must(command.args(["-s", "--max-time", "5", "http://127.0.0.1:7600/metrics"]));
        assert!(page.contains("\nholdfast_client_networks_measured{} 1\n"), "{page}");
        let answered = format!(
            "holdfast_balancer_requests_total{{pool=\"web\",zone=\"{region}\",outcome=\"answered\"}} "
        );
        let count = page.lines().find_map(|line| line.strip_prefix(&answered)).expect("requests are counted");
        assert!(count.parse::<u64>().is_ok_and(|count| count > 0), "{count}");
        assert!(page.contains("holdfast_balancer_first_byte_seconds_bucket{"), "{page}");
    }
}
