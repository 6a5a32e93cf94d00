//! When everything is unhealthy: what other systems do, one row each, and that we do the same or what we do instead. `docs/dns-policies.md` has it for readers.
//!
//! The balancer's half of two rows is in `hf-balance`: `a_zone_below_its_routing_minimum_is_used_whole`.

use super::*;

const ALL: [&str; 3] = [EU_A, EU_B, US_A];
const EU: [&str; 2] = [EU_A, EU_B];

/// One row: whose rule, the rule, and what an example answers.
struct Row {
    system: &'static str,
    rule: &'static str,
    /// Whether we do the same.
    is_ours: bool,
    case: fn() -> Case,
}

/// An example in some state, and all addresses that a client ever gets.
struct Case {
    example: &'static str,
    edit: fn(String) -> String,
    client: &'static str,
    sick: Vec<&'static str>,
    left: &'static [&'static str],
    want: Vec<&'static str>,
}

impl Case {
    /// Nothing edited, nobody shifted away, a client of no known place.
    fn of(example: &'static str, sick: &[&'static str], want: &[&'static str]) -> Case {
        Case {
            example,
            edit: |toml| toml,
            client: NOWHERE,
            sick: sick.to_vec(),
            left: &[],
            want: want.to_vec(),
        }
    }

    fn world(&self) -> World {
        World::edited(self.example, self.edit, &self.sick, self.left)
    }
}

/// The pool's mode in the estate of the page.
fn pool_is(toml: &str, pool: &str, all_down: &str) -> String {
    let head = format!("[[pool]]\nname = \"{pool}\"\n");
    assert!(toml.contains(&head), "{pool}");
    toml.replace(&head, &format!("{head}all_down = \"{all_down}\"\n"))
}

/// The pool has no health check: what is found of its endpoints counts for nothing.
fn unchecked(toml: &str, pool: &str) -> String {
    let head = format!("[[pool]]\nname = \"{pool}\"\n");
    let with = format!("{head}health_check = \"up\"\n");
    assert!(toml.contains(&with), "{pool}");
    toml.replace(&with, &head)
}

const ROWS: [Row; 18] = [
    Row {
        system: "Route 53, any policy",
        rule: "with all of a group bad all count as healthy and the policy applies",
        is_ours: true,
        case: || Case::of("ip-based", &ALL, &ALL),
    },
    Row {
        system: "Route 53, failover",
        rule: "with both bad the primary answers",
        is_ours: true,
        case: || Case::of("failover", &ALL, &EU),
    },
    Row {
        system: "Route 53, failover",
        rule: "a secondary without a check is always healthy",
        is_ours: true,
        case: || Case { edit: |toml| unchecked(&toml, "us"), ..Case::of("failover", &ALL, &[US_A]) },
    },
    Row {
        system: "Route 53, multivalue",
        rule: "with all bad up to eight of them answer",
        is_ours: true,
        case: || Case::of("multivalue", &ALL, &ALL),
    },
    Row {
        system: "Route 53, weighted",
        rule: "those of weight zero answer only when all others are bad",
        is_ours: true,
        case: || Case {
            edit: |toml| {
                toml.replace("weight = 1 }", "weight = 0 }")
                    .replace("  { pool = \"all\", weight = 0 },\n", "")
            },
            ..Case::of("weighted", &EU, &[US_A])
        },
    },
    Row {
        system: "Route 53, weighted",
        rule: "with all weights zero and all bad the odds are equal: each answers",
        is_ours: true,
        case: || Case {
            edit: |toml| toml.replace("weight = 3", "weight = 0").replace("weight = 1", "weight = 0"),
            ..Case::of("weighted", &ALL, &ALL)
        },
    },
    Row {
        system: "Route 53, geolocation",
        rule: "a place whose records are bad gives way to the next larger one",
        is_ours: true,
        case: || Case { client: CALIFORNIA, ..Case::of("geolocation", &[US_A], &EU) },
    },
    Row {
        system: "Route 53, alias without evaluation",
        rule: "it never leaves a dead branch; ours does not where nobody checks the branch",
        is_ours: true,
        case: || Case { edit: |toml| unchecked(&toml, "eu"), ..Case::of("latency", &ALL, &EU) },
    },
    Row {
        system: "ELB, routing",
        rule: "a zone that must stay and has too few in health gets traffic at all its targets",
        is_ours: true,
        case: || Case {
            edit: |toml| toml.replace("name = \"all\"\n", "name = \"all\"\nmin_zones = 3\n"),
            ..Case::of("multivalue", &[US_A], &ALL)
        },
    },
    Row {
        system: "ELB, DNS",
        rule: "a zone below its threshold leaves the answers",
        is_ours: true,
        case: || Case {
            edit: |toml| {
                toml.replace("name = \"all\"\n", "name = \"all\"\ndns_minimum = \"100%\"\n").replace(
                    "zone = \"us-a\" },\n]",
                    "zone = \"us-a\" },\n  { address = \"192.0.2.4:443\", zone = \"us-a\" },\n]",
                )
            },
            ..Case::of("multivalue", &["192.0.2.4"], &EU)
        },
    },
    Row {
        system: "ELB, DNS",
        rule: "with all zones below it all stay; ours go as far as the floor lets them, those with nobody in health first",
        is_ours: false,
        case: || Case {
            edit: |toml| {
                toml.replace("name = \"all\"\n", "name = \"all\"\ndns_minimum = \"100%\"\n").replace(
                    "zone = \"us-a\" },\n]",
                    "zone = \"us-a\" },\n  { address = \"192.0.2.4:443\", zone = \"us-a\" },\n]",
                )
            },
            ..Case::of("multivalue", &["192.0.2.4", EU_A, EU_B], &[US_A])
        },
    },
    Row {
        system: "ELB, zonal shift",
        rule: "while the balancer fails open a shift has no effect; ours stays, and health fails open in the zones that are left",
        is_ours: false,
        case: || Case { left: &["eu-a"], ..Case::of("multivalue", &ALL, &[EU_B, US_A]) },
    },
    Row {
        system: "gdnsd",
        rule: "a level that fails tells the one above, which takes another branch",
        is_ours: true,
        case: || Case { client: "10.152.0.1", ..Case::of("tree", &EU, &[US_A]) },
    },
    Row {
        system: "PowerDNS",
        rule: "with all down the selector goes over all of them",
        is_ours: true,
        case: || Case::of("simple", &[US_A], &[US_A]),
    },
    Row {
        system: "Cloudflare",
        rule: "with all pools critical a fallback pool answers, whatever its health",
        is_ours: true,
        case: || Case {
            edit: |toml| pool_is(&toml, "all", "fallback:us"),
            ..Case::of("multivalue", &ALL, &[US_A])
        },
    },
    Row {
        system: "Traffic Manager, Front Door",
        rule: "with all degraded every enabled one answers; what is shifted away is not enabled",
        is_ours: true,
        case: || Case { left: &["us-a"], ..Case::of("multivalue", &ALL, &EU) },
    },
    Row {
        system: "Envoy",
        rule: "in panic all hosts; or, told to fail then, none",
        is_ours: true,
        case: || Case { edit: |toml| pool_is(&toml, "all", "closed"), ..Case::of("multivalue", &ALL, &[]) },
    },
    Row {
        system: "k8gb",
        rule: "without a healthy cluster an empty list; ours answers by the policy unless told otherwise",
        is_ours: false,
        case: || Case::of("latency", &ALL, &EU),
    },
];

#[test]
fn every_row_is_as_it_says() {
    for Row { system, rule, is_ours, case } in ROWS {
        let case = case();
        let world = case.world();
        let found: BTreeSet<String> = world.answers(case.example, case.client).into_keys().collect();
        let want: BTreeSet<String> = case.want.iter().map(|address| (*address).to_owned()).collect();
        let same = if is_ours { "the same" } else { "on purpose not the same" };
        assert_eq!(found, want, "{system}: {rule} ({same})");
    }
}

/// Route 53 answers nothing where no record is for everybody else; ours refuses such an estate.
#[test]
fn a_record_by_place_without_one_for_everybody_else_is_refused() {
    let toml = format!("{}\n{}", example("estate"), example("geolocation").replace(", \"*\"", ""));
    let bundle = EstateBundle { toml, files: BTreeMap::new() };
    let told = hf_config::read_estate("estate.toml", &bundle).unwrap_err().to_string();
    assert!(told.contains("estate.toml:") && told.contains("add geo = [\"*\"]"), "{told}");
}

/// The level below, of which nothing is open, still answers who asks for it by name.
#[test]
fn a_level_that_failed_still_answers_by_itself() {
    let world = World::new("tree", &EU, &[]);
    assert_eq!(world.answers("eu", NOWHERE).into_keys().collect::<Vec<_>>(), EU);
}

/// A zone leaves DNS no later than balancers begin to spread over all of it: the other order is refused.
#[test]
fn the_minimum_of_dns_is_never_below_that_of_routing() {
    let lower = "name = \"all\"\ndns_minimum = \"50%\"\nrouting_minimum = \"100%\"\n";
    let toml = example("estate").replace("name = \"all\"\n", lower);
    let bundle = EstateBundle { toml, files: BTreeMap::new() };
    let told = hf_config::read_estate("estate.toml", &bundle).unwrap_err().to_string();
    assert!(told.contains("`dns_minimum` is") && told.contains("`routing_minimum` is"), "{told}");
}
