//! What one seed of the cluster is about: which faults are on, the estate, and the rules over its controls.

use std::collections::BTreeSet;

use hf_config::estate::EstateBundle;
use hf_history::controls::{Controls, Rule, Switch};

use crate::rng::Rng;

/// Control nodes, one in each place.
pub const MEMBERS: usize = 5;
/// Data planes.
pub const PLANES: usize = 20;
/// Clients who turn controls; after them comes one operator who shifts and pins.
pub const CLIENTS: usize = 5;
/// Zones, three in one region.
pub const ZONES: usize = 3;
/// Control nodes that each hold themselves for the one that begins autoshifts, as they may while they do not hear one another: clients of their own kind,
/// after the operator.
pub const TELLERS: usize = 2;
/// Who changes DNS names by dynamic updates: the last clients.
pub const UPDATERS: usize = 2;
/// The panel of all controls.
pub const PANEL: &str = "cells";

/// Which faults are on.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // one switch for each fault is what a swarm is
pub struct Faults {
    /// Places cut from the others: one or two, and with them their part of the ledger.
    pub cuts: bool,
    /// Three places cut: no quorum for anybody.
    pub no_quorum: bool,
    /// Answers of the ledger that are lost, whatever it did.
    pub lost_answers: bool,
    /// A slow ledger: requests come after those who sent them gave up.
    pub slow: bool,
    /// Notifications of new entries that come late or never.
    pub late_watch: bool,
    /// Control nodes killed, and started again from nothing.
    pub kills: bool,
    /// Control nodes that stand still for a while and know nothing of it.
    pub pauses: bool,
    /// Answers to clients lost, and requests of clients doubled on their way.
    pub clients: bool,
    /// Planes killed, and cut from control nodes.
    pub planes: bool,
    /// Clocks that are wrong by minutes.
    pub skew: bool,
}

/// What one seed is about.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long clients and harm work.
    pub safety_ms: u64,
    /// How long the planes are alone.
    pub gone_ms: u64,
    /// Entries from one checkpoint to the next.
    pub checkpoint_entries: u64,
    /// From one operation of a client to its next, at most.
    pub think_ms: u64,
    /// What may happen.
    pub faults: Faults,
    /// So many of the first three controls stay on.
    pub at_least: u32,
    /// The wait period of the rule over the last two controls.
    pub wait_s: u64,
}

impl Plan {
    /// Draws one.
    pub fn draw(rng: &mut Rng) -> Plan {
        let mut on = || rng.percent(50);
        let faults = Faults {
            cuts: on(),
            no_quorum: on(),
            lost_answers: on(),
            slow: on(),
            late_watch: on(),
            kills: on(),
            pauses: on(),
            clients: on(),
            planes: on(),
            skew: on(),
        };
        Plan {
            safety_ms: rng.between(600_000, 1_200_000),
            gone_ms: rng.between(100_000, 200_000),
            checkpoint_entries: rng.between(20, 150),
            think_ms: *rng.pick(&[3_000, 12_000, 40_000]),
            faults,
            at_least: rng.between(1, 2) as u32,
            wait_s: *rng.pick(&[0, 0, 20]),
        }
    }

    /// The names of the controls: three behind the zones, a gate, two behind the gate, two whose rule waits.
    pub const CONTROLS: [&'static str; 8] =
        ["zone-0", "zone-1", "zone-2", "gate", "gated-0", "gated-1", "slow-0", "slow-1"];

    /// The rules over them, for the model. All controls are on at first.
    pub fn controls(&self) -> Controls {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let rule = |name: &str, of: &[&str], at_least: u32, targets: Option<&[&str]>| Rule {
            name: name.to_owned(),
            of: names(of),
            at_least,
            inverted: false,
            targets: targets.map(names),
        };
        Controls {
            initial: Plan::CONTROLS.iter().map(|name| ((*name).to_owned(), Switch::On)).collect(),
            rules: vec![
                rule("keep-zones", &["zone-0", "zone-1", "zone-2"], self.at_least, None),
                rule("behind-gate", &["gate"], 1, Some(&["gated-0", "gated-1"])),
                Rule { inverted: true, ..rule("not-both", &["gated-0", "gated-1", "gate"], 3, None) },
                rule("one-slow", &["slow-0", "slow-1"], 1, None),
            ],
        }
    }

    /// A zone of the region whose zones have no controls: autoshifts act there, where people seldom do.
    pub fn there(zone: usize) -> String {
        format!("y{zone}")
    }

    /// Whose names dynamic updates change.
    pub const HOSTED_ZONE: &'static str = "sim.test.";

    /// What autoshifts act on.
    pub const SHIFTED: [&'static str; 2] = ["pool/api", "region/there"];

    /// The estate: it declares the same. `not-both` is broken by it at first, and holds from the first change of its controls on.
    pub fn estate(&self) -> EstateBundle {
        let mut toml = String::from("[[region]]\nid = \"here\"\n");
        for zone in 0..ZONES {
            toml.push_str(&format!(
                "[[zone]]\nid = \"z{zone}\"\nregion = \"here\"\ncontrol = \"{PANEL}/zone-{zone}\"\n"
            ));
        }
        toml.push_str("[[pool]]\nname = \"web\"\nmin_zones = 1\nendpoints = [\n");
        for zone in 0..ZONES {
            toml.push_str(&format!("  {{ address = \"10.0.{zone}.1:80\", zone = \"z{zone}\" }},\n"));
        }
        toml.push_str("]\n[[region]]\nid = \"there\"\n");
        for zone in 0..ZONES {
            toml.push_str(&format!("[[zone]]\nid = \"{}\"\nregion = \"there\"\n", Plan::there(zone)));
        }
        toml.push_str("[[pool]]\nname = \"api\"\nmin_zones = 1\nendpoints = [\n");
        for zone in 0..ZONES {
            let id = Plan::there(zone);
            toml.push_str(&format!("  {{ address = \"10.1.{zone}.1:80\", zone = \"{id}\" }},\n"));
        }
        toml.push_str("]\n");
        toml.push_str(&format!("[[control_panel]]\nname = \"{PANEL}\"\n"));
        for name in Plan::CONTROLS {
            toml.push_str(&format!("[[routing_control]]\nname = \"{name}\"\npanel = \"{PANEL}\"\n"));
        }
        for rule in self.controls().rules {
            let list = |names: &BTreeSet<String>| {
                let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                format!("[{}]", quoted.join(", "))
            };
            let inverted = if rule.inverted { ", inverted = true" } else { "" };
            let count = format!("at_least = {}, of = {}{inverted}", rule.at_least, list(&rule.of));
            let what = match &rule.targets {
                None => format!("assert = {{ {count} }}"),
                Some(targets) => format!("gate = {{ {count}, targets = {} }}", list(targets)),
            };
            let wait = if rule.name == "one-slow" { self.wait_s } else { 0 };
            toml.push_str(&format!(
                "[[safety_rule]]\nname = \"{}\"\npanel = \"{PANEL}\"\nwait_period = \"{wait}s\"\n{what}\n",
                rule.name
            ));
        }
        toml.push_str(&format!(
            "[[hosted_zone]]\nname = \"{zone}\"\nfile = \"{zone}zone\"\nupdates = [{{ key = \"sim.\", names = [\"*.{zone}\"] }}]\n",
            zone = Plan::HOSTED_ZONE
        ));
        let plain = "@ 60 SOA ns hostmaster 7 3600 600 86400 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n";
        let files = [(format!("{}zone", Plan::HOSTED_ZONE), plain.to_owned())];
        EstateBundle { toml, files: files.into() }
    }
}
