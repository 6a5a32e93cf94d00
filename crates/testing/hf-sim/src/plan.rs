//! What one seed is about: the size of its world, its estates, and which faults are on.
//!
//! Swarm testing: each seed first draws a subset of the faults. Runs with few faults go deep where runs with all of them would only
//! ever see a world in ruins.

use std::fmt::Write as _;

use hf_config::estate::EstateBundle;

use crate::rng::Rng;

/// Which faults are on.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // one switch for each fault is what a swarm is
pub struct Faults {
    /// Links cut both ways: one pair, or a node from everybody.
    pub cuts: bool,
    /// Links cut one way.
    pub one_way: bool,
    /// Frames lost, doubled or damaged one by one.
    pub loss: bool,
    /// Frames that overtake one another.
    pub reorder: bool,
    /// Frames that come beats later.
    pub slow: bool,
    /// Data nodes killed and started again.
    pub kills: bool,
    /// The control node killed and started again, often in the middle of an append.
    pub control_kills: bool,
    /// Nodes' disks that refuse to write.
    pub node_disks: bool,
    /// Snapshot files damaged while the node is down.
    pub damage: bool,
    /// A ledger disk that is full, fails, or does not say what it did.
    pub ledger_disk: bool,
    /// Clocks that are wrong.
    pub skew: bool,
    /// Clocks that run too fast or too slow.
    pub drift: bool,
    /// Clocks that are set while a node runs.
    pub jumps: bool,
    /// Endpoints that go down, alone, by zone, or all; or come and go, all of a zone.
    pub endpoints: bool,
    /// Endpoints that only some checkers can reach.
    pub gray: bool,
}

/// What one seed is about.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Zones, each with one node: 3 to 6.
    pub zones: usize,
    /// Regions: 1 or 2.
    pub regions: usize,
    /// Between two beats.
    pub beat_ms: u64,
    /// The harmful phase with control.
    pub safety_beats: u64,
    /// The harmful phase without.
    pub gone_beats: u64,
    /// Entries from one checkpoint of the ledger to the next.
    pub checkpoint_entries: u64,
    /// What may happen.
    pub faults: Faults,
    estates: u64,
}

impl Plan {
    /// Draws one.
    pub fn draw(rng: &mut Rng) -> Plan {
        let mut on = || rng.percent(50);
        let faults = Faults {
            cuts: on(),
            one_way: on(),
            loss: on(),
            reorder: on(),
            slow: on(),
            kills: on(),
            control_kills: on(),
            node_disks: on(),
            damage: on(),
            ledger_disk: on(),
            skew: on(),
            drift: on(),
            jumps: on(),
            endpoints: on(),
            gray: on(),
        };
        let beat_ms = *rng.pick(&[2_000, 5_000, 5_000, 10_000]);
        Plan {
            zones: rng.between(3, 6) as usize,
            regions: rng.between(1, 2) as usize,
            beat_ms,
            safety_beats: (200_000 / beat_ms).max(30),
            gone_beats: (100_000 / beat_ms).max(15),
            checkpoint_entries: rng.between(3, 20),
            faults,
            estates: rng.draw(),
        }
    }

    /// Longer, so that autoshifts are renewed and return; and endpoints do fail.
    pub fn for_autoshifts(&mut self) {
        self.safety_beats = (1_000_000 / self.beat_ms).max(200);
        self.faults.endpoints = true;
    }

    /// The name of a zone.
    pub fn zone(at: usize) -> String {
        format!("zone-{at}")
    }

    /// Version `version` of the estate: the same zones and pools, with other endpoints and floors.
    pub fn estate(&self, version: u64) -> EstateBundle {
        let mut rng = Rng::new(self.estates.wrapping_add(version));
        let mut toml = format!("# version {version}\n");
        for region in 0..self.regions {
            let _ = writeln!(toml, "[[region]]\nid = \"region-{region}\"");
        }
        for zone in 0..self.zones {
            let (id, region) = (Plan::zone(zone), zone % self.regions);
            let _ = writeln!(toml, "[[zone]]\nid = \"{id}\"\nregion = \"region-{region}\"");
        }
        toml.push_str(
            "[[health_check]]\nname = \"alive\"\nkind = \"tcp\"\ninterval = \"1s\"\nrise = 2\nfall = 3\n",
        );
        let all_down = *rng.pick(&["open", "open", "closed", "fallback:spare"]);
        let min_zones = rng.between(1, self.zones as u64 - 1);
        let min_capacity = *rng.pick(&["0%", "0%", "25%", "50%"]);
        let _ = writeln!(toml, "[[pool]]\nname = \"web\"\nhealth_check = \"alive\"\nmin_zones = {min_zones}");
        let _ = writeln!(toml, "min_capacity = \"{min_capacity}\"\nall_down = \"{all_down}\"\nendpoints = [");
        for zone in 0..self.zones {
            for number in 1..=rng.between(1, 3) {
                let weight = rng.pick(&[50, 100, 100]);
                let zone_id = Plan::zone(zone);
                let _ = writeln!(
                    toml,
                    "  {{ address = \"10.0.{zone}.{number}:80\", zone = \"{zone_id}\", weight = {weight} }},"
                );
            }
        }
        toml.push_str("]\n[[pool]]\nname = \"spare\"\nhealth_check = \"alive\"\nendpoints = [\n");
        for zone in 0..2 {
            let zone_id = Plan::zone(zone);
            let _ = writeln!(toml, "  {{ address = \"10.1.{zone}.1:80\", zone = \"{zone_id}\" }},");
        }
        toml.push_str("]\n[[hosted_zone]]\nname = \"example.test.\"\n");
        toml.push_str(
            "[[record]]\nname = \"www.example.test.\"\ntype = \"A\"\nanswer = { pool = \"web\" }\n",
        );
        EstateBundle { toml, ..EstateBundle::default() }
    }
}
