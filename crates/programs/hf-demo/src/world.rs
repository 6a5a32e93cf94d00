//! The plan of the local world: places, addresses, and the very files that its nodes run from.
//!
//! Two regions of three zones, each zone on addresses of its own (`127.NET.ZONE.x`), and one place outside them for the control
//! node. The files are ordinary node and estate files with comments: `holdfast demo --eject DIR` writes them for keeping.
//!
//! Not here: processes (`children`), the application (`app`).

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::DemoError;

/// Zones by number: name, region, latitude, longitude.
const ZONES: [(&str, &str); 6] = [
    ("use1-az1", "us-east-1"),
    ("use1-az2", "us-east-1"),
    ("use1-az3", "us-east-1"),
    ("euw2-az1", "eu-west-2"),
    ("euw2-az2", "eu-west-2"),
    ("euw2-az3", "eu-west-2"),
];

/// The name that clients resolve.
pub const NAME: &str = "www.shop.test.";
/// Instances of the application in each zone.
pub const INSTANCES: u8 = 3;
/// Where balancers listen, on every zone's balancer address.
pub const WEB_PORT: u16 = 8080;
const APP_PORT: u16 = 8000;
const DNS_PORT: u16 = 5300;

/// One zone of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub zone: &'static str,
    /// Its region.
    pub region: &'static str,
    /// 1 to 6: the third byte of its addresses.
    pub number: u8,
}

/// The whole world: which second byte of 127.x.y.z it lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    net: u8,
    places: Vec<Place>,
}

impl World {
    /// A world on `127.net.*.*`.
    pub fn new(net: u8) -> World {
        let places =
            ZONES.iter().zip(1..).map(|((zone, region), number)| Place { zone, region, number }).collect();
        World { net, places }
    }

    /// The first world whose ports are free: several demos can run beside one another.
    pub fn find_free() -> Result<World, DemoError> {
        (0..=9)
            .map(World::new)
            .find(|world| {
                world.listeners().iter().all(|address| std::net::TcpListener::bind(address).is_ok())
            })
            .ok_or(DemoError::NoFreeAddresses)
    }

    /// The zones, in order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The zone of this name.
    pub fn place(&self, zone: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.zone == zone)
    }

    fn address(&self, third: u8, fourth: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, self.net, third, fourth))
    }

    /// Where a zone's balancer listens.
    pub fn balancer(&self, place: &Place) -> SocketAddr {
        SocketAddr::new(self.address(place.number, 2), WEB_PORT)
    }

    /// Where a zone's DNS server listens.
    pub fn dns(&self, place: &Place) -> SocketAddr {
        SocketAddr::new(self.address(place.number, 3), DNS_PORT)
    }

    /// Where a zone's status service listens.
    pub fn status(&self, place: &Place) -> SocketAddr {
        SocketAddr::new(self.address(place.number, 4), 7601)
    }

    /// Where a zone's node serves its API.
    pub fn api(&self, place: &Place) -> SocketAddr {
        SocketAddr::new(self.address(place.number, 5), 7600)
    }

    /// Where a zone's node speaks with the others.
    pub fn feed(&self, place: &Place) -> SocketAddr {
        SocketAddr::new(self.address(place.number, 6), 7602)
    }

    /// Where the control node serves its API.
    pub fn control_api(&self) -> SocketAddr {
        SocketAddr::new(self.address(10, 5), 7600)
    }

    /// Where the control node speaks with the others.
    pub fn control_feed(&self) -> SocketAddr {
        SocketAddr::new(self.address(10, 6), 7602)
    }

    /// Where an instance of the application listens.
    pub fn instance(&self, place: &Place, number: u8) -> SocketAddr {
        SocketAddr::new(self.address(place.number, 10 + number), APP_PORT)
    }

    /// All instances of a zone.
    pub fn instances(&self, place: &Place) -> Vec<SocketAddr> {
        (0..INSTANCES).map(|number| self.instance(place, number)).collect()
    }

    /// Where a client comes from.
    pub fn client(&self, place: &Place, number: u8) -> IpAddr {
        self.address(place.number, 100 + number)
    }

    /// The zone whose balancer or instance has this address.
    pub fn zone_of(&self, address: IpAddr) -> Option<&Place> {
        let IpAddr::V4(v4) = address else { return None };
        let octets = v4.octets();
        (octets[1] == self.net).then(|| self.places.iter().find(|place| place.number == octets[2])).flatten()
    }

    fn listeners(&self) -> Vec<SocketAddr> {
        let mut all = vec![self.control_api(), self.control_feed()];
        for place in &self.places {
            all.extend([
                self.balancer(place),
                self.dns(place),
                self.status(place),
                self.api(place),
                self.feed(place),
            ]);
            all.extend(self.instances(place));
        }
        all
    }

    /// The files of the world: names and contents.
    pub fn files(&self, operator_key: &str) -> Vec<(String, String)> {
        let mut files = vec![
            ("estate.toml".to_owned(), self.estate()),
            ("shop.test.zone".to_owned(), self.master_file()),
            ("control.toml".to_owned(), self.control_node(operator_key)),
        ];
        for place in &self.places {
            files.push((format!("{}.toml", place.zone), self.zone_node(place, operator_key)));
        }
        files
    }

    /// Writes the files into `folder`, which is made when missing.
    pub fn write(&self, folder: &Path, operator_key: &str) -> Result<(), DemoError> {
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|source| DemoError::Write { path: path.to_owned(), source })
        };
        std::fs::create_dir_all(folder)
            .map_err(|source| DemoError::Write { path: folder.to_owned(), source })?;
        self.files(operator_key).iter().try_for_each(|(name, text)| write(&folder.join(name), text))
    }

    fn estate(&self) -> String {
        let mut text = String::from(ESTATE_HEAD);
        for place in &self.places {
            let _ = write!(
                text,
                "\n[[zone]]\nid = \"{}\"\nregion = \"{}\"\nnetworks = [\"{}/24\"] # clients from here count as being in the zone\n",
                place.zone,
                place.region,
                self.address(place.number, 0),
            );
        }
        text.push_str(ESTATE_CHECKS);
        text.push_str(ESTATE_WEB);
        for place in &self.places {
            for address in self.instances(place) {
                let _ = writeln!(text, "  {{ address = \"{address}\", zone = \"{}\" }},", place.zone);
            }
        }
        text.push_str("]\n");
        text.push_str(ESTATE_EDGE);
        for place in &self.places {
            let _ =
                writeln!(text, "  {{ address = \"{}\", zone = \"{}\" }},", self.balancer(place), place.zone);
        }
        text.push_str("]\n");
        text.push_str(ESTATE_NAMES);
        text
    }

    fn master_file(&self) -> String {
        let mut text = String::from(
            "; Plain records of shop.test.; what is steered stands in estate.toml.\n$TTL 60\n\
             @ SOA ns1.shop.test. hostmaster.shop.test. 1 3600 600 604800 5\n",
        );
        for place in &self.places {
            let _ = writeln!(text, "@ NS ns{}.shop.test.", place.number);
        }
        for place in &self.places {
            let _ = writeln!(text, "ns{} A {}", place.number, self.dns(place).ip());
        }
        text.push_str("@ TXT \"Holdfast demo\"\nshop CNAME www\n");
        text
    }

    fn control_node(&self, operator_key: &str) -> String {
        format!(
            "# The control node: keeps the ledger and takes the writes. It stands outside the zones; the demo can kill it (key `c`),\n\
             # and everything goes on as it was.\n\
             [node]\nid = \"control\"\ndata_dir = \"data/control\"\nroles = [\"control\"]\n\
             estate = \"estate.toml\" # watched: edit it while the world runs\n\
             beat = \"500ms\"\n\n[api]\nlisten = \"{}\"\n\n[feed]\nlisten = \"{}\"\n\n{}",
            self.control_api(),
            self.control_feed(),
            key_section(operator_key),
        )
    }

    fn zone_node(&self, place: &Place, operator_key: &str) -> String {
        // Every node dials the control node and the nodes before it: each pair has one connection, dialled from one side.
        let peers: Vec<String> = std::iter::once(self.control_feed())
            .chain(
                self.places.iter().filter(|other| other.number < place.number).map(|other| self.feed(other)),
            )
            .map(|address| format!("\"{address}\""))
            .collect();
        format!(
            "# Everything that runs in {zone}: checker, DNS, balancer, zone status.\n\
             [node]\nid = \"{zone}\"\nzone = \"{zone}\"\ndata_dir = \"data/{zone}\"\n\
             roles = [\"checker\", \"dns\", \"balancer\", \"status\"]\n\
             peers = [{peers}] # one connection a pair is enough: both sides speak\n\
             beat = \"500ms\"\n\n\
             [api]\nlisten = \"{api}\"\n\n[status]\nlisten = \"{status}\"\n\n[feed]\nlisten = \"{feed}\"\n\n\
             [dns]\nlisten = \"{dns}\"\n\n[balancer]\naddress = \"{balancer}\" # pools listen on it\n\
             drain = \"5s\" # then connections to an evacuated zone are cut\n\n{keys}",
            zone = place.zone,
            peers = peers.join(", "),
            api = self.api(place),
            status = self.status(place),
            feed = self.feed(place),
            dns = self.dns(place),
            balancer = self.balancer(place).ip(),
            keys = key_section(operator_key),
        )
    }
}

fn key_section(operator_key: &str) -> String {
    format!(
        "# Whoever holds the private half may shift a zone although no control node answers.\n\
         [[break_glass_key]]\nname = \"operator\"\npublic_key = \"{operator_key}\"\n"
    )
}

const ESTATE_HEAD: &str = r#"# The estate of the demo: what the service is. `holdfast check` reads it, `holdfast diff` compares it.

[[region]]
id = "us-east-1"
location = { latitude = 38.9, longitude = -77.4 }
control = "regions/us-east-1" # off: everything leaves the region

[[region]]
id = "eu-west-2"
location = { latitude = 51.5, longitude = -0.1 }
control = "regions/eu-west-2"

# Switches behind the regions: `holdfast control off regions/eu-west-2`, or the aws command.
[[control_panel]]
name = "regions"

[[routing_control]]
name = "us-east-1"
panel = "regions"

[[routing_control]]
name = "eu-west-2"
panel = "regions"

# One region stays, whatever anybody asks for.
[[safety_rule]]
name = "keep-one"
panel = "regions"
assert = { at_least = 1, of = ["us-east-1", "eu-west-2"] }
wait_period = "5s" # between two changes
"#;

const ESTATE_CHECKS: &str = r#"
# Every checker probes every endpoint each second; a doubt is confirmed after 200 ms instead of a second.
[[health_check]]
name = "web"
kind = "http"
path = "/healthz"
expect = { status = "200-299", body = "ok" }
interval = "1s"
timeout = "400ms"
confirm_interval = "200ms"
rise = 2
fall = 2
"#;

const ESTATE_WEB: &str = r#"
# The application: three instances in each zone, reached through the balancers.
[[pool]]
name = "web"
protocol = "http"
listen = "0.0.0.0:8080" # on each balancer's own address
health_check = "web"
cross_zone = false
min_zones = 2
all_down = "open"
return_over = "2s" # after a shift; 30s outside of a demo
endpoints = [
"#;

const ESTATE_EDGE: &str = r#"
# The balancers themselves: what the name answers with.
[[pool]]
name = "edge"
protocol = "tcp"
health_check = "web"
min_zones = 2
all_down = "open"
return_over = "2s" # after a shift; 30s outside of a demo
endpoints = [
"#;

const ESTATE_NAMES: &str = r#"
[[hosted_zone]]
name = "shop.test."
file = "shop.test.zone"

[[record]]
name = "www.shop.test."
type = "A"
ttl = "1s"
answer = { pool = "edge" }
choose = ["open", "near", "weighted", "take 2"]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_is_of_its_own() {
        let world = World::new(0);
        let mut all = world.listeners();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(world.zone_of(world.balancer(&world.places()[4]).ip()), Some(&world.places()[4]));
    }

    #[test]
    fn the_files_pass_the_check() {
        let world = World::new(3);
        let key = format!("{}=", "A".repeat(43));
        let files: std::collections::BTreeMap<String, String> = world.files(&key).into_iter().collect();
        let bundle = hf_config::estate::EstateBundle {
            toml: files["estate.toml"].clone(),
            files: [("shop.test.zone".to_owned(), files["shop.test.zone"].clone())].into(),
        };
        let estate =
            hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!((estate.zones.len(), estate.pools.len()), (6, 2));
        assert_eq!((estate.routing_controls.len(), estate.safety_rules.len()), (2, 1));
        for (name, text) in
            files.iter().filter(|(name, _)| !matches!(name.as_str(), "estate.toml" | "shop.test.zone"))
        {
            hf_config::read_node(name, text).unwrap_or_else(|problems| panic!("{problems}"));
        }
    }
}
