//! Who stands where in the world of five places: names, addresses, the estate, and every node's file.
//!
//! 1. Five places with an etcd member and a control node each; three zones with the data planes; one namespace for clients.
//! 2. A data plane dials all control nodes and the plane before it, so that news go round with every control node gone.
//! 3. Every other plane tells zone status, the others answer DNS.
//!
//! Not here: processes (`places`, `etcd`).

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use hf_history::controls::{Controls, Rule, Switch};

/// Places, with an etcd member and a control node each.
pub const PLACES: usize = 5;
/// Data planes.
pub const PLANES: usize = 20;
/// Zones that they stand in.
pub const ZONES: [&str; 3] = ["az1", "az2", "az3"];
/// The clients' namespace.
pub const CLIENT: &str = "client";
/// The clients' address.
pub const CLIENT_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 200, 1);
/// The panel of all controls.
pub const PANEL: &str = "cells";
/// The name that the DNS planes answer.
pub const NAME: &str = "www.cells.test";
/// All controls: one for each zone, a gate, two behind it.
pub const CONTROLS: [&str; 6] = ["zone-1", "zone-2", "zone-3", "gate", "gated-1", "gated-2"];

/// A place's namespace and folder; places count from 0, names from 1.
pub fn place_name(place: usize) -> String {
    format!("place-{}", place + 1)
}

/// A control node's id.
pub fn control_name(place: usize) -> String {
    format!("control-{}", place + 1)
}

/// An etcd member's name.
pub fn member_name(place: usize) -> String {
    format!("m{}", place + 1)
}

/// A plane's id.
pub fn plane_name(plane: usize) -> String {
    format!("plane-{:02}", plane + 1)
}

/// The zone of a plane, by its place in [`ZONES`].
pub fn zone_of(plane: usize) -> usize {
    plane % ZONES.len()
}

/// Whether a plane tells zone status; the others answer DNS.
pub fn tells_status(plane: usize) -> bool {
    (plane / ZONES.len()).is_multiple_of(2)
}

/// A place's address.
pub fn place_address(place: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, place as u8 + 1, 1)
}

/// A plane's address, in its zone's namespace.
pub fn plane_address(plane: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 101 + zone_of(plane) as u8, (plane / ZONES.len()) as u8 + 1)
}

/// A node's API.
pub fn api(address: Ipv4Addr) -> String {
    format!("http://{address}:7600")
}

/// Where etcd serves clients.
pub fn etcd_client(place: usize) -> SocketAddr {
    SocketAddr::from((place_address(place), 2379))
}

/// Where members speak to one another.
pub fn etcd_peer(place: usize) -> String {
    format!("http://{}:2380", place_address(place))
}

/// The controls before the first operation, and the rules over them, for the model.
pub fn controls() -> Controls {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let rule = |name: &str, of: &[&str], targets: Option<&[&str]>| Rule {
        name: name.to_owned(),
        of: names(of),
        at_least: 1,
        inverted: false,
        targets: targets.map(names),
    };
    Controls {
        initial: CONTROLS.iter().map(|name| ((*name).to_owned(), Switch::On)).collect(),
        rules: vec![
            rule("keep-one", &["zone-1", "zone-2", "zone-3"], None),
            rule("behind-gate", &["gate"], Some(&["gated-1", "gated-2"])),
        ],
    }
}

/// The estate: the same rules, and a control behind each zone.
pub fn estate() -> String {
    let mut text = String::from("[[region]]\nid = \"test\"\n");
    for (at, zone) in ZONES.iter().enumerate() {
        text.push_str(&format!(
            "\n[[zone]]\nid = \"{zone}\"\nregion = \"test\"\ncontrol = \"{PANEL}/zone-{}\"\n",
            at + 1
        ));
    }
    text.push_str("\n[[pool]]\nname = \"web\"\nmin_zones = 1\nreturn_over = \"0s\"\nendpoints = [\n");
    for (at, zone) in ZONES.iter().enumerate() {
        text.push_str(&format!("  {{ address = \"{}:80\", zone = \"{zone}\" }},\n", endpoint(at)));
    }
    text.push_str(&format!(
        "]\n\n[[hosted_zone]]\nname = \"cells.test.\"\n\n[[record]]\nname = \"{NAME}.\"\ntype = \"A\"\nttl = \"1s\"\n\
         answer = {{ pool = \"web\" }}\nchoose = [\"open\"]\n\n[[control_panel]]\nname = \"{PANEL}\"\n"
    ));
    for name in CONTROLS {
        text.push_str(&format!("\n[[routing_control]]\nname = \"{name}\"\npanel = \"{PANEL}\"\n"));
    }
    for rule in controls().rules {
        let list = |names: &BTreeSet<String>| format!("{:?}", names.iter().collect::<Vec<_>>());
        let count = format!("at_least = {}, of = {}", rule.at_least, list(&rule.of));
        let what = match &rule.targets {
            None => format!("assert = {{ {count} }}"),
            Some(targets) => format!("gate = {{ {count}, targets = {} }}", list(targets)),
        };
        text.push_str(&format!(
            "\n[[safety_rule]]\nname = \"{}\"\npanel = \"{PANEL}\"\nwait_period = \"0s\"\n{what}\n",
            rule.name
        ));
    }
    text
}

/// The address that DNS answers for a zone.
pub fn endpoint(zone: usize) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, zone as u8 + 1)
}

/// A control node's file: everything that it keeps is on its place's disk.
pub fn control_node(place: usize) -> String {
    let (name, own) = (control_name(place), place_address(place));
    let endpoints: Vec<String> =
        (0..PLACES).map(|at| format!("\"http://{}\"", etcd_client((place + at) % PLACES))).collect();
    let peers: Vec<String> = (0..place).map(|other| format!("\"{}:7602\"", place_address(other))).collect();
    format!(
        "[node]\nid = \"{name}\"\ndata_dir = \"disk/node\"\nroles = [\"control\"]\npeers = [{}]\n\n\
         [api]\nlisten = \"{own}:7600\"\nplain = true\naccess = \"../access.toml\"\n\n[feed]\nlisten = \"{own}:7602\"\n\n\
         [ledger]\nengine = \"etcd\"\nendpoints = [{}]\n\n{}",
        peers.join(", "),
        endpoints.join(", "),
        tls(&name)
    )
}

/// A plane's file, with the key of the operator who may break the glass.
pub fn plane_node(plane: usize, key: &str) -> String {
    let (name, own) = (plane_name(plane), plane_address(plane));
    let before = (plane > 0).then(|| plane_address(plane - 1));
    let peers: Vec<String> =
        (0..PLACES).map(place_address).chain(before).map(|address| format!("\"{address}:7602\"")).collect();
    let (role, listens) = if tells_status(plane) {
        ("status", format!("[status]\nlisten = \"{own}:7601\""))
    } else {
        ("dns", format!("[dns]\nlisten = \"{own}:53\""))
    };
    format!(
        "[node]\nid = \"{name}\"\nzone = \"{}\"\ndata_dir = \"data\"\nroles = [\"{role}\"]\npeers = [{}]\n\n\
         [api]\nlisten = \"{own}:7600\"\nplain = true\naccess = \"../access.toml\"\n\n[feed]\nlisten = \"{own}:7602\"\n\n{listens}\n\n{}\n{}",
        ZONES[zone_of(plane)],
        peers.join(", "),
        tls(&name),
        break_glass_key(key)
    )
}

/// Whose break-glass acts a node obeys.
pub fn break_glass_key(key: &str) -> String {
    format!("[[break_glass_key]]\nname = \"operator\"\npublic_key = \"{key}\"\n")
}

fn tls(node: &str) -> String {
    format!(
        "[tls]\nca = \"../certs/ca.pem\"\ncertificate = \"../certs/{node}.pem\"\nkey = \"../certs/{node}.key\"\n"
    )
}
