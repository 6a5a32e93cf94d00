//! Every policy of `docs/dns-policies.md`, read from there and tried: who answers whom, in health and without.

#![allow(clippy::unwrap_used)] // a test file's helpers are tests, too

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hf_config::estate::{BranchTo, Estate, EstateBundle, Filter, PoolIx, Sticky, TreeDown};
use hf_control::{Intent, Scope, Shift, ShiftKind, ShiftState};
use hf_decide::{BranchLeads, Decision, Inputs, Mode, PoolDecision, TreeDecision};
use hf_health::{Verdict, Verdicts};
use hf_model::{Location, Operator, Revision, ShiftId, Timestamp, ZoneId};
use hf_select::{Around, Candidate, Geo, GeoFound, LatencyTable, Needs, Plan, Scratch, State, UNMEASURED};

#[path = "policies/all_down.rs"]
mod all_down;

const PAGE: &str = include_str!("../../../../docs/dns-policies.md");

/// The example under this word behind its fence.
fn example(name: &str) -> &'static str {
    let fence = format!("```toml {name}\n");
    let (_, rest) = PAGE.split_once(&fence).unwrap_or_else(|| panic!("the page has no example {name}"));
    rest.split_once("```").unwrap().0
}

/// Places for tests: `10.<n>.…` by the second byte.
struct Atlas;

impl Geo for Atlas {
    fn find(&self, address: IpAddr) -> GeoFound {
        let IpAddr::V4(v4) = address else { return GeoFound::default() };
        let of =
            |continent: &[u8; 2], country: &[u8; 2], part: Option<&[u8; 3]>, latitude, longitude| GeoFound {
                continent: Some(*continent),
                country: Some(*country),
                subdivision: part.copied(),
                location: Some(Location { latitude_millideg: latitude, longitude_millideg: longitude }),
                prefix_bits: 16,
            };
        match v4.octets()[1] {
            101 => of(b"NA", b"US", Some(b"CA\0"), 37_800, -122_400),
            102 => of(b"NA", b"US", Some(b"NY\0"), 40_700, -74_000),
            103 => of(b"NA", b"CA", None, 43_700, -79_400),
            104 => of(b"EU", b"DE", None, 52_500, 13_400),
            105 => of(b"AS", b"JP", None, 35_700, 139_700),
            // The middle of the Atlantic, nearer to Europe.
            106 => of(b"EU", b"PT", None, 40_000, -30_000),
            _ => GeoFound { prefix_bits: 16, ..GeoFound::default() },
        }
    }
}

struct World {
    estate: Estate,
    decision: Decision,
    around: Around,
    scratch: RefCell<Scratch>,
}

impl World {
    /// The estate of the page with an example; `sick` are addresses, `left` zones that are shifted away.
    fn new(name: &str, sick: &[&str], left: &[&str]) -> World {
        World::edited(name, |toml| toml, sick, left)
    }

    fn edited(name: &str, edit: impl Fn(String) -> String, sick: &[&str], left: &[&str]) -> World {
        let toml = edit(format!("{}\n{}", example("estate"), example(name)));
        let bundle = EstateBundle { toml, files: BTreeMap::new() };
        let estate = hf_config::read_estate("docs/dns-policies.md", &bundle)
            .unwrap_or_else(|problems| panic!("{name}: {problems}"));
        let is_sick = |address: IpAddr| sick.contains(&address.to_string().as_str());
        let of = estate.endpoint_refs().map(|at| {
            if is_sick(estate.endpoint(at).address.ip()) { Verdict::Unhealthy } else { Verdict::Healthy }
        });
        let verdicts = Verdicts { of: of.collect() };
        let intent = Intent { shifts: left.iter().map(|zone| shift(zone)).collect(), ..Intent::default() };
        let inputs = Inputs {
            estate: &estate,
            intent: &intent,
            break_glass: &[],
            verdicts: &verdicts,
            now: Timestamp(1),
        };
        let decision = hf_decide::decide(inputs);
        let measured = LatencyTable {
            rows: vec![
                ("10.150.0.0/16".parse_network(), vec![90_000, 20_000]),
                ("10.151.0.0/16".parse_network(), vec![UNMEASURED, 20_000]),
                ("10.152.0.0/16".parse_network(), vec![10_000, 20_000]),
            ],
        };
        let around = Around::new(&estate, &measured);
        World { estate, decision, around, scratch: RefCell::default() }
    }

    fn run(&self, plan: &Plan, state: &State, client: &str, seed: u64) -> Vec<u16> {
        let address: IpAddr = client.parse().unwrap();
        let needs = plan.needs();
        let locality = self.around.locate((address, 32), None, &Atlas, needs);
        if needs == Needs::default() && plan.scope_bits(&locality) == 0 {
            let other = self.around.locate(("203.0.113.9".parse().unwrap(), 32), None, &Atlas, needs);
            assert_eq!(plan.explain(state, &locality, seed), plan.explain(state, &other, seed));
        }
        let mut scratch = self.scratch.borrow_mut();
        let order = plan.choose(state, &locality, seed, &mut scratch).to_vec();
        assert_eq!(plan.explain(state, &locality, seed).order, order);
        order
    }

    fn of_pool(
        &self,
        decision: &PoolDecision,
        chain: &[Filter],
        sticky: Option<Sticky>,
        client: &str,
        seed: u64,
    ) -> Vec<String> {
        let decision = match decision.mode {
            Mode::Fallback(to) => &self.decision.pools[to.at()],
            _ => decision,
        };
        let plan = Plan::new(&self.estate, &Candidate::of_pool(&self.estate, decision.pool), chain, sticky);
        let order = self.run(&plan, &State::of_dns(&self.estate, decision), client, seed);
        let endpoints = &self.estate.pool(decision.pool).endpoints;
        order.iter().map(|at| endpoints[usize::from(*at)].address.ip().to_string()).collect()
    }

    fn of_tree(&self, at: usize, decision: &TreeDecision, client: &str, seed: u64) -> Vec<String> {
        let tree = &self.estate.trees[at];
        let candidates = Candidate::of_tree(&self.estate, tree);
        let plan = Plan::new(&self.estate, &candidates, &tree.choose, tree.sticky);
        let mut order = self.run(&plan, &State::of_tree(decision), client, seed);
        if order.is_empty() && tree.all_down == TreeDown::Open {
            order = self.run(&plan, &State::of_tree_ignoring_health(decision), client, seed);
        }
        let mut answer = Vec::new();
        for at in order.into_iter().map(usize::from) {
            let branch = &tree.branches[at];
            match (self.decision.branch_leads(&self.estate, branch.to, &decision.branches[at]), branch.to) {
                (BranchLeads::Tree(below), BranchTo::Tree(tree)) => {
                    answer.extend(self.of_tree(usize::from(tree), below, client, seed));
                }
                (BranchLeads::Pool(below), BranchTo::Record(record)) => {
                    let record = &self.estate.records[usize::from(record)];
                    answer.extend(self.of_pool(below, &record.choose, record.sticky, client, seed));
                }
                (BranchLeads::Pool(below), _) => {
                    answer.extend(self.of_pool(below, &branch.choose, tree.sticky, client, seed));
                }
                (BranchLeads::Tree(_), _) => panic!("a pool led to a tree"),
            }
        }
        answer
    }

    /// What `<name>.example.test.` answers a client.
    fn answer(&self, name: &str, client: &str, seed: u64) -> Vec<String> {
        let name = format!("{name}.example.test.");
        if let Some(at) = self.estate.records.iter().position(|record| record.name.as_str() == name) {
            let record = &self.estate.records[at];
            let decision = self.decision.for_record(at, record.pool);
            return self.of_pool(decision, &record.choose, record.sticky, client, seed);
        }
        let at = self.estate.trees.iter().position(|tree| tree.name.as_str() == name).unwrap();
        self.of_tree(at, &self.decision.trees[at], client, seed)
    }

    /// All addresses that a client ever gets, and how often of 4,000 questions.
    fn answers(&self, name: &str, client: &str) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        for seed in 0..4_000 {
            for address in self.answer(name, client, seed) {
                *found.entry(address).or_default() += 1;
            }
        }
        found
    }
}

trait ParseNetwork {
    fn parse_network(&self) -> hf_model::Cidr;
}

impl ParseNetwork for str {
    fn parse_network(&self) -> hf_model::Cidr {
        hf_model::Cidr::new(self).unwrap()
    }
}

fn shift(zone: &str) -> Shift {
    Shift {
        id: ShiftId::new(&format!("shift-{}", zone.bytes().map(u64::from).sum::<u64>())).unwrap(),
        zone: ZoneId::new(zone).unwrap(),
        scope: Scope::Everything,
        reason: "test".to_owned(),
        by: Operator::new("test"),
        started_at: Timestamp(0),
        ends_at: Timestamp(1_000_000),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(1),
    }
}

const EU_A: &str = "192.0.2.1";
const EU_B: &str = "192.0.2.2";
const US_A: &str = "192.0.2.3";

/// Everybody that answers a client of an example in some state of health.
fn check(name: &str, client: &str, sick: &[&str], want: &[&str]) {
    let world = World::new(name, sick, &[]);
    let seeds = 0..60;
    let got: BTreeSet<String> = seeds.flat_map(|seed| world.answer(name, client, seed)).collect();
    let want: BTreeSet<String> = want.iter().map(|address| (*address).to_owned()).collect();
    assert_eq!(got, want, "{name} for {client} with {sick:?} sick");
}

const CALIFORNIA: &str = "10.101.0.1";
const NEW_YORK: &str = "10.102.0.1";
const CANADA: &str = "10.103.0.1";
const GERMANY: &str = "10.104.0.1";
const JAPAN: &str = "10.105.0.1";
const ATLANTIC: &str = "10.106.0.1";
const NOWHERE: &str = "10.200.0.1";

#[test]
fn every_example_of_the_page_is_read() {
    let names: Vec<&str> =
        PAGE.split("```toml ").skip(1).map(|rest| rest.split_once('\n').unwrap().0).collect();
    assert_eq!(names.len(), 11, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "estate") {
        World::new(name, &[], &[]);
    }
}

#[test]
fn simple() {
    check("simple", NOWHERE, &[], &[US_A]);
    check("simple", NOWHERE, &[US_A], &[US_A]);
}

/// Within five standard deviations of 4,000 draws.
fn is_about(found: usize, wanted: usize) -> bool {
    found.abs_diff(wanted) < 160
}

#[test]
fn weighted() {
    let world = World::new("weighted", &[], &[]);
    let found = world.answers("weighted", NOWHERE);
    assert!(is_about(found[EU_A], 3_000) && is_about(found[US_A], 1_000), "{found:?}");
    // Both endpoints of a branch's answer: two of a pool of two.
    assert_eq!(found[EU_A], found[EU_B]);
    check("weighted", NOWHERE, &[EU_A, EU_B], &[US_A]);
    // Only the spare is left: it is a pool with an endpoint in each zone.
    let toml = |toml: String| {
        toml.replace(
            "zone = \"us-a\" }]",
            "zone = \"us-a\" }, { address = \"192.0.2.4:443\", zone = \"us-a\" }]",
        )
    };
    let all_but_spare = World::edited(
        "weighted",
        |t| {
            toml(t).replace("192.0.2.1:443\", zone = \"eu-a\" },\n  { address = \"192.0.2.2:443\", zone = \"eu-b\" },\n]\n[[pool]]\nname = \"us\"", "192.0.2.8:443\", zone = \"eu-a\" },\n]\n[[pool]]\nname = \"us\"")
        },
        &["192.0.2.8", US_A, "192.0.2.4"],
        &[],
    );
    let found: BTreeSet<String> = all_but_spare.answers("weighted", NOWHERE).into_keys().collect();
    assert_eq!(found, [EU_A.to_owned(), EU_B.to_owned()].into());
}

#[test]
fn weighted_with_all_weights_zero_has_equal_odds() {
    let zero = |toml: String| toml.replace("weight = 3", "weight = 0").replace("weight = 1", "weight = 0");
    let world = World::edited("weighted", zero, &[], &[]);
    let found = world.answers("weighted", NOWHERE);
    // A third each for `eu`, `us` and two of the three of `all`. (Levels draw apart: with one seed for both they would be in step.)
    assert!(is_about(found[US_A], 1_333 + 889), "{found:?}");
}

#[test]
fn weighted_with_everything_down_answers_as_if_all_were_open() {
    let world = World::new("weighted", &[EU_A, EU_B, US_A], &[]);
    let found = world.answers("weighted", NOWHERE);
    assert!(is_about(found[US_A], 1_000), "{found:?}");
}

#[test]
fn sticky_keeps_a_network_where_it_is() {
    let world = World::new("sticky", &[], &[]);
    let mut to_us = 0;
    for network in 0..2_000_u32 {
        let client = |last: u8| format!("10.{}.{}.{last}", 110 + network / 256, network % 256);
        let first = world.answer("sticky", &client(7), 1);
        let same = world.answer("sticky", &client(201), 99);
        assert_eq!(first.contains(&US_A.to_owned()), same.contains(&US_A.to_owned()), "{network}");
        to_us += usize::from(first.contains(&US_A.to_owned()));
    }
    assert!((400..600).contains(&to_us), "{to_us}");
}

#[test]
fn latency() {
    check("latency", "10.150.0.1", &[], &[US_A]);
    check("latency", "10.151.0.1", &[], &[US_A]);
    check("latency", "10.152.0.1", &[], &[EU_A, EU_B]);
    check("latency", "10.152.0.1", &[EU_A, EU_B], &[US_A]);
    // Not measured: by place; without a place: anybody.
    check("latency", GERMANY, &[], &[EU_A, EU_B]);
    check("latency", NEW_YORK, &[], &[US_A]);
    // `open latency take 1` with nothing known keeps the first.
    check("latency", NOWHERE, &[], &[EU_A, EU_B]);
}

#[test]
fn failover() {
    check("failover", NOWHERE, &[], &[EU_A, EU_B]);
    // `minimum = 2`.
    check("failover", NOWHERE, &[EU_A], &[US_A]);
    check("failover", NOWHERE, &[US_A], &[EU_A, EU_B]);
    // Both bad: the primary.
    check("failover", NOWHERE, &[EU_A, EU_B, US_A], &[EU_A, EU_B]);
    let closed = |toml: String| {
        toml.replace(
            "name = \"failover.example.test.\"",
            "name = \"failover.example.test.\"\nall_down = \"closed\"",
        )
    };
    let world = World::edited("failover", closed, &[EU_A, EU_B, US_A], &[]);
    assert!(world.answers("failover", NOWHERE).is_empty());
}

#[test]
fn geolocation_goes_up_the_ladder() {
    check("geolocation", CALIFORNIA, &[], &[US_A]);
    // The pool behind a branch has its own chain, with `near` in it.
    check("geolocation", NEW_YORK, &[], &[US_A]);
    check("geolocation", CANADA, &[], &[US_A]);
    check("geolocation", GERMANY, &[], &[EU_A, EU_B]);
    check("geolocation", JAPAN, &[], &[EU_A, EU_B]);
    check("geolocation", NOWHERE, &[], &[EU_A, EU_B]);
    // The part of the country is down: the country.
    check("geolocation", CALIFORNIA, &[US_A], &[EU_A, EU_B]);
    // What is for the client is down, what is for others is not: it answers all the same.
    check("geolocation", GERMANY, &[EU_A, EU_B], &[EU_A, EU_B]);
}

#[test]
fn geoproximity_bends_the_map() {
    check("geoproximity", GERMANY, &[], &[EU_A, EU_B]);
    check("geoproximity", NEW_YORK, &[], &[US_A]);
    // Nearer to Europe, but for the bias.
    check("geoproximity", ATLANTIC, &[], &[US_A]);
    let unbiased = World::edited("geoproximity", |toml| toml.replace("bias = 40", "bias = 0"), &[], &[]);
    assert!(unbiased.answer("geoproximity", ATLANTIC, 0).contains(&EU_A.to_owned()));
    check("geoproximity", GERMANY, &[EU_A, EU_B], &[US_A]);
}

#[test]
fn multivalue() {
    let world = World::new("multivalue", &[], &[]);
    assert_eq!(world.answer("multivalue", NOWHERE, 1).len(), 3);
    let firsts: BTreeSet<String> =
        (0..60).map(|seed| world.answer("multivalue", NOWHERE, seed).remove(0)).collect();
    assert_eq!(firsts.len(), 3);
    check("multivalue", NOWHERE, &[EU_A], &[EU_B, US_A]);
    check("multivalue", NOWHERE, &[EU_A, EU_B, US_A], &[EU_A, EU_B, US_A]);
}

#[test]
fn multivalue_answers_eight_at_most() {
    let many = |toml: String| {
        let more: String =
            (10..30).map(|n| format!("{{ address = \"192.0.2.{n}:443\", zone = \"us-a\" }},\n")).collect();
        toml.replace("[{ address = \"192.0.2.3:443\", zone = \"us-a\" }]", &format!("[{more}]"))
            .replace("answer = { pool = \"all\" }", "answer = { pool = \"us\" }")
    };
    let world = World::edited("multivalue", many, &[], &[]);
    assert_eq!(world.answer("multivalue", NOWHERE, 1).len(), 8);
    let sick: Vec<String> = (10..30).map(|n| format!("192.0.2.{n}")).collect();
    let sick: Vec<&str> = sick.iter().map(String::as_str).collect();
    assert_eq!(World::edited("multivalue", many, &sick, &[]).answer("multivalue", NOWHERE, 1).len(), 8);
}

#[test]
fn ip_based_takes_the_narrowest_network() {
    check("ip-based", "198.51.100.1", &[], &[US_A]);
    check("ip-based", "198.51.100.129", &[], &[EU_A, EU_B]);
    check("ip-based", "2001:db8::1", &[], &[EU_A, EU_B]);
    // The narrower is down: the network around it.
    check("ip-based", "198.51.100.129", &[EU_A, EU_B], &[US_A]);
    check("ip-based", "2001:db8::1", &[EU_A, EU_B], &[US_A]);
    check("ip-based", NOWHERE, &[], &[EU_A, EU_B, US_A]);
}

#[test]
fn a_tree_reports_failure_upward_and_still_answers_by_itself() {
    check("tree", "10.152.0.1", &[], &[EU_A, EU_B]);
    check("tree", "10.152.0.1", &[EU_A, EU_B], &[US_A]);
    check("tree", "10.152.0.1", &[EU_A, EU_B, US_A], &[EU_A, EU_B]);
    let world = World::new("tree", &[EU_A, EU_B], &[]);
    assert_eq!(world.answers("eu", NOWHERE).len(), 2);
}

/// ELB's zonal shift has no effect while the balancer fails open; ours stays in force.
#[test]
fn health_fails_open_before_a_shift_does() {
    let world = World::new("multivalue", &[EU_A, EU_B, US_A], &["eu-a"]);
    assert_eq!(world.answers("multivalue", NOWHERE).into_keys().collect::<Vec<_>>(), [EU_B, US_A]);
    // A branch whose zones are all away gives way to the others.
    let world = World::new("failover", &[], &["eu-a"]);
    assert_eq!(world.answers("failover", NOWHERE).into_keys().collect::<Vec<_>>(), [US_A]);
}

/// ELB's DNS failover: a zone below its threshold leaves the answers, unless all are below.
#[test]
fn a_zone_below_its_minimum_leaves_dns() {
    let edit = |toml: String| {
        toml.replace("name = \"all\"\n", "name = \"all\"\ndns_minimum = \"100%\"\n").replace(
            "  { address = \"192.0.2.3:443\", zone = \"us-a\" },\n]",
            "  { address = \"192.0.2.3:443\", zone = \"us-a\" },\n  { address = \"192.0.2.4:443\", zone = \"us-a\" },\n]",
        )
    };
    let answers = |sick: &[&str]| -> Vec<String> {
        World::edited("multivalue", edit, sick, &[]).answers("multivalue", NOWHERE).into_keys().collect()
    };
    assert_eq!(answers(&[]), [EU_A, EU_B, US_A, "192.0.2.4"]);
    assert_eq!(answers(&["192.0.2.4"]), [EU_A, EU_B]);
    // With all below, what is healthy stays.
    assert_eq!(answers(&["192.0.2.4", EU_A, EU_B]), [US_A]);
}

#[test]
fn pools_of_the_examples_are_where_the_page_says() {
    let world = World::new("simple", &[], &[]);
    assert_eq!(world.estate.pool(PoolIx(2)).endpoints.len(), 3);
}
