//! A small estate in a line of text, and its decision as text.
//!
//! `a b! c? c*0 | keep 2; shift a; now 150`: endpoints by zone (`!` unhealthy, `?` unknown, `*N` weight), then the
//! pool's policy and what people ask for. The pool is `web`; `www.x.test.` answers from it; `spare` is another pool in
//! zone `z`, and zone `y` is empty. Acts are numbered as they stand and end at 100 unless `until N` says otherwise.
//!
//! `zone a behind p/x` (also `region`, `pool`, `record`, `check`) puts a routing control there; `off p/x at 5` and `on p/x at 5` turn it.
//! `override` lets the last shift, pin or control pass the floor of `web`. `over 90` is the pool's `return_over` in milliseconds,
//! `returned a at 5` the end of an act, `dns 2` and `dns-share 50` its `dns_minimum`. `recorded shift|ended|conflict` is the ledger's word on the last break-glass act.

use std::fmt::Write;
use std::time::Duration;

use hf_config::estate::{
    AddressFamily, AllDown, CheckIx, CheckKind, CrossZone, Endpoint, Estate, HealthCheck, Pool, PoolIx,
    Protocol, Record, Region, RegionIx, Zone, ZoneIx,
};
use hf_control::{
    BreakGlassFate, BreakGlassShift, ControlState, Intent, Origin, Pin, PinTo, RecordedBreakGlass, Return,
    RoutingControl, Scope, Shift, ShiftKind, ShiftState, Tags,
};
use hf_health::{Verdict, Verdicts};
use hf_model::{
    CheckName, ControlId, ControlPath, Digest, DnsName, EstateId, Operator, PanelId, PoolName, RegionId,
    Revision, Share, ShiftId, Switch, Timestamp, Ttl, Weight, ZoneId,
};

use crate::{Decision, Inputs, PoolDecision, decide, next_change_at};

/// All that a decision depends on, owned.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) estate: Estate,
    pub(super) intent: Intent,
    pub(super) break_glass: Vec<BreakGlassShift>,
    pub(super) verdicts: Verdicts,
    pub(super) now: Timestamp,
}

const ZONES: &str = "abcdeyz";

pub(super) fn zone_ix(name: char) -> ZoneIx {
    ZoneIx(ZONES.find(name).expect("a zone of the notation") as u16)
}

impl World {
    pub(super) fn new(endpoints: &[(char, Verdict, u16)]) -> World {
        let endpoint = |at: usize, zone: char, weight: u16| Endpoint {
            address: format!("10.0.0.{}:80", at + 1).parse().unwrap(),
            zone: zone_ix(zone),
            weight: Weight(weight),
            priority: 0,
        };
        let pool = |name: &str, endpoints| Pool {
            protocol: Protocol::Http,
            listen: None,
            health_check: Some(CheckIx(0)),
            cross_zone: CrossZone::Off,
            min_zones: 1,
            min_capacity: Share::ZERO,
            all_down: AllDown::Open,
            return_over: std::time::Duration::ZERO,
            dns_minimum: hf_config::estate::Minimum::default(),
            routing_minimum: hf_config::estate::Minimum::default(),
            control: None,
            ..Pool::new(PoolName::new(name).unwrap(), endpoints)
        };
        let web = endpoints
            .iter()
            .enumerate()
            .map(|(at, (zone, _, weight))| endpoint(at, *zone, *weight))
            .collect();
        let zone = |c: char| Zone {
            id: ZoneId::new(&c.to_string()).unwrap(),
            region: RegionIx(0),
            aliases: vec![ZoneId::new(&format!("alias-{c}")).unwrap()],
            capacity: None,
            networks: vec![],
            control: None,
        };
        let check = HealthCheck::new(CheckName::new("web").unwrap(), CheckKind::tcp());
        let record = Record {
            name: DnsName::new("www.x.test.").unwrap(),
            family: AddressFamily::V4,
            ttl: Ttl::new(std::time::Duration::from_secs(5)).unwrap(),
            pool: PoolIx(0),
            choose: vec![],
            sticky: None,
            hosted_zone: 0,
            control: None,
        };
        let estate = Estate {
            digest: Digest::of(b"world"),
            regions: vec![Region { id: RegionId::new("r").unwrap(), location: None, control: None }],
            zones: ZONES.chars().map(zone).collect(),
            health_checks: vec![check],
            pools: vec![pool("web", web), pool("spare", vec![endpoint(200, 'z', 100)])],
            hosted_zones: vec![],
            records: vec![record],
            trees: Vec::new(),
            aliases: Vec::new(),
            cidr_collections: Vec::new(),
            control_panels: vec![],
            routing_controls: vec![],
            safety_rules: vec![],
            assignments: Vec::new(),
            services: Vec::new(),
            consumers: Vec::new(),
            closing_sources: Vec::new(),
            checking: hf_config::estate::Checking::default(),
        };
        let mut of: Vec<Verdict> = endpoints.iter().map(|(_, verdict, _)| *verdict).collect();
        of.push(Verdict::Healthy);
        World {
            estate,
            intent: Intent::default(),
            break_glass: vec![],
            verdicts: Verdicts { of },
            now: Timestamp(10),
        }
    }

    pub(super) fn read(text: &str) -> World {
        let (endpoints, rest) = text.split_once('|').unwrap_or((text, ""));
        let endpoints: Vec<(char, Verdict, u16)> = endpoints.split_whitespace().map(read_endpoint).collect();
        let mut world = World::new(&endpoints);
        for statement in rest.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            world.say(statement);
        }
        world
    }

    fn say(&mut self, statement: &str) {
        let mut words: Vec<&str> = statement.split_whitespace().collect();
        let mut until = 100;
        if let Some(at) = words.iter().position(|word| *word == "until") {
            until = words[at + 1].parse().unwrap();
            words.truncate(at);
        }
        let web = &mut self.estate.pools[0];
        match words.as_slice() {
            ["keep", zones] => web.min_zones = zones.parse().unwrap(),
            ["share", percent] => {
                web.min_capacity = Share::from_ppm(percent.parse::<u32>().unwrap() * 10_000).unwrap();
            }
            ["closed"] => web.all_down = AllDown::Closed,
            ["fallback"] => web.all_down = AllDown::Fallback(PoolIx(1)),
            ["unchecked"] => web.health_check = None,
            ["now", at] => self.now = Timestamp(at.parse().unwrap()),
            ["shift", zone, scope @ ..] => self.shift(zone, read_scope(scope), until),
            ["practice", zone, scope @ ..] => self.practice(zone, read_scope(scope), until),
            ["autoshift", zone, scope @ ..] => self.autoshift(zone, read_scope(scope), until),
            ["zone", zone, "behind", path] => {
                self.estate.zones[zone_ix(zone.chars().next().unwrap()).at()].control = Some(control(path));
            }
            ["region", "behind", path] => self.estate.regions[0].control = Some(control(path)),
            ["pool", "behind", path] => web.control = Some(control(path)),
            ["record", "behind", path] => self.estate.records[0].control = Some(control(path)),
            ["check", "behind", path] => {
                self.estate.health_checks[0].kind = CheckKind::Control { control: control(path) };
            }
            ["off", path, "at", at] => self.turn(path, Switch::Off, at.parse().unwrap()),
            ["on", path, "at", at] => self.turn(path, Switch::On, at.parse().unwrap()),
            ["override", "shift"] => self.intent.shifts.last_mut().unwrap().floor_overrides = web_only(),
            ["override", "pin"] => self.intent.pins.last_mut().unwrap().floor_overrides = web_only(),
            ["override", "control"] => self.intent.controls[0].floor_overrides = web_only(),
            ["dns", count] => web.dns_minimum.count = count.parse().unwrap(),
            ["dns-share", percent] => {
                web.dns_minimum.share = Share::from_ppm(percent.parse::<u32>().unwrap() * 10_000).unwrap();
            }
            ["over", length] => web.return_over = Duration::from_millis(length.parse().unwrap()),
            ["returned", zone, scope @ .., "at", at] => {
                self.returned(zone, read_scope(scope), at.parse().unwrap());
            }
            ["recorded", fate] => self.record_glass(fate),
            ["forget", "glass"] => self.break_glass.clear(),
            ["pin", to @ ("in" | "out"), zone, scope @ ..] => {
                let to = if *to == "in" { PinTo::In } else { PinTo::Out };
                self.pin(zone, read_scope(scope), to, until);
            }
            ["glass", zone, "signed", at] => self.glass(zone, at.parse().unwrap(), until),
            ["glass", zone] => self.glass(zone, 1, until),
            ["unglass", zone, "signed", at] => self.glass(zone, at.parse().unwrap(), 0),
            other => panic!("not a statement: {other:?}"),
        }
    }

    fn acts(&self) -> u64 {
        (self.intent.shifts.len() + self.intent.pins.len()) as u64
    }

    pub(super) fn shift(&mut self, zone: &str, scope: Scope, until: u64) {
        let number = self.acts() + 1;
        self.intent.shifts.push(Shift {
            id: ShiftId::new(&format!("shift-{number}")).unwrap(),
            zone: ZoneId::new(zone).unwrap(),
            scope,
            reason: "test".to_owned(),
            by: Operator::new("ann"),
            started_at: Timestamp(1),
            ends_at: Timestamp(until),
            state: ShiftState::Active,
            kind: ShiftKind::Zonal,
            floor_overrides: vec![],
            revision: Revision(number),
        });
    }

    pub(super) fn practice(&mut self, zone: &str, scope: Scope, until: u64) {
        self.shift(zone, scope, until);
        self.intent.shifts.last_mut().unwrap().kind = ShiftKind::Practice;
    }

    pub(super) fn autoshift(&mut self, zone: &str, scope: Scope, until: u64) {
        self.shift(zone, scope, until);
        self.intent.shifts.last_mut().unwrap().kind = ShiftKind::Autoshift;
    }

    pub(super) fn returned(&mut self, zone: &str, scope: Scope, at: u64) {
        self.intent.returns.push(Return { zone: ZoneId::new(zone).unwrap(), scope, at: Timestamp(at) });
    }

    /// Puts a control of its own behind a zone.
    pub(super) fn control_behind(&mut self, zone: &str, at: u64, to: Switch) {
        let path = format!("p/{zone}");
        self.estate.zones[zone_ix(zone.chars().next().unwrap()).at()].control = Some(control(&path));
        self.turn(&path, to, at);
    }

    pub(super) fn pin(&mut self, zone: &str, scope: Scope, to: PinTo, until: u64) {
        let number = self.acts() + 1;
        self.intent.pins.push(Pin {
            zone: ZoneId::new(zone).unwrap(),
            scope,
            to,
            reason: "test".to_owned(),
            by: Operator::new("bob"),
            started_at: Timestamp(1),
            ends_at: Timestamp(until),
            floor_overrides: vec![],
            revision: Revision(number),
        });
    }

    pub(super) fn glass(&mut self, zone: &str, signed_at: u64, until: u64) {
        self.break_glass.push(BreakGlassShift {
            estate: EstateId::default(),
            zone: ZoneId::new(zone).unwrap(),
            reason: "test".to_owned(),
            by: Operator::new("key-1"),
            signed_at: Timestamp(signed_at),
            ends_at: Timestamp(until.max(signed_at)),
        });
    }

    pub(super) fn turn(&mut self, path: &str, to: Switch, at: u64) {
        let path = control(path);
        self.intent.controls.retain(|known| known.path != path);
        self.intent.controls.push(ControlState {
            path,
            id: ControlId(1),
            to,
            changed_at: Timestamp(at),
            by: Operator::new("ann"),
            floor_overrides: vec![],
        });
        self.intent.controls.sort_by(|one, other| one.path.cmp(&other.path));
    }

    /// The ledger's word on the break-glass act that was given last.
    pub(super) fn record_glass(&mut self, fate: &str) {
        let fate = match fate {
            "shift" => BreakGlassFate::Shift(ShiftId::new("shift-9").unwrap()),
            "ended" => BreakGlassFate::Ended(vec![]),
            "conflict" => BreakGlassFate::Conflicts("test".to_owned()),
            other => panic!("not a fate: {other}"),
        };
        let act = self.break_glass.last().unwrap().clone();
        self.intent.break_glass.push(RecordedBreakGlass { act, revision: Revision(9), fate });
    }

    /// Lets the board say that the only control was made and never turned.
    pub(super) fn know_of_untouched_control(&mut self) {
        let state = &self.intent.controls[0];
        let control = RoutingControl {
            id: state.id,
            panel: PanelId(1),
            name: state.path.control.clone(),
            origin: Origin::Estate,
            to: state.to,
            changed_at: state.changed_at,
            turned_at: None,
            by: state.by.clone(),
            reason: String::new(),
            floor_overrides: vec![],
            tags: Tags::new(),
            revision: Revision(1),
        };
        self.intent.board.controls.insert(state.id, control);
    }

    pub(super) fn next_change(&self) -> Option<Timestamp> {
        next_change_at(self.inputs())
    }

    pub(super) fn decide(&self) -> Decision {
        decide(self.inputs())
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            estate: &self.estate,
            intent: &self.intent,
            break_glass: &self.break_glass,
            verdicts: &self.verdicts,
            now: self.now,
        }
    }
}

fn control(path: &str) -> ControlPath {
    path.parse().unwrap()
}

fn web_only() -> Vec<PoolName> {
    vec![PoolName::new("web").unwrap()]
}

fn read_endpoint(word: &str) -> (char, Verdict, u16) {
    let (word, weight) = word.split_once('*').map_or((word, 100), |(word, w)| (word, w.parse().unwrap()));
    let verdict = match &word[1..] {
        "" => Verdict::Healthy,
        "!" => Verdict::Unhealthy,
        "?" => Verdict::Unknown,
        other => panic!("not a verdict: {other}"),
    };
    (word.chars().next().unwrap(), verdict, weight)
}

fn read_scope(words: &[&str]) -> Scope {
    match words {
        [] => Scope::Everything,
        [word] => word.parse().unwrap(),
        other => panic!("not a scope: {other:?}"),
    }
}

/// A line for each zone, `(+ serves - does not)` with the reason of an endpoint where it is not the zone's.
pub(super) fn show_pool(world: &World, decision: &PoolDecision) -> String {
    let mut text = String::new();
    if decision.mode != crate::Mode::Normal {
        writeln!(text, "mode {}", decision.mode.kind()).unwrap();
    }
    let at = |instant: Timestamp| instant.0.to_string();
    for zone in &decision.zones {
        write!(text, "{} {}: {} ", world.estate.zone(zone.zone).id, zone.state, zone.reason.words(at))
            .unwrap();
        if zone.share < Share::ONE {
            write!(text, "{} ", zone.share).unwrap();
        }
        if !zone.in_dns {
            text.push_str("not in DNS ");
        }
        for (position, endpoint) in decision.endpoints.iter().enumerate() {
            if world.estate.pool(decision.pool).endpoints[position].zone == zone.zone {
                text.push(if endpoint.serves { '+' } else { '-' });
                if endpoint.reason != zone.reason {
                    write!(text, "({})", endpoint.reason.words(at)).unwrap();
                }
            }
        }
        text.push('\n');
    }
    for refused in &decision.not_applied {
        writeln!(text, "! {}", refused.words(&world.estate)).unwrap();
    }
    text
}

pub(super) fn show_zone(world: &World, decision: &Decision, zone: char) -> String {
    let found = &decision.zones[zone_ix(zone).at()];
    let words = found.reason.words(|instant| instant.0.to_string());
    let mut text =
        format!("{zone} {}: {words}, {} of {} healthy\n", found.state, found.health.healthy, found.health.of);
    for refused in &found.not_applied {
        writeln!(text, "! {}", refused.words(&world.estate)).unwrap();
    }
    text
}
