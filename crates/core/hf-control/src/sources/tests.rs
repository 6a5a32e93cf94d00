use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use hf_config::estate::EstateBundle;

use super::*;

/// Two zones with networks, and a pool with this source.
fn estate(source: &str) -> Estate {
    let toml = format!(
        "[[region]]\nid = \"west\"\n\
         [[zone]]\nid = \"a\"\nregion = \"west\"\naliases = [\"west-a\"]\nnetworks = [\"10.1.0.0/16\"]\n\
         [[zone]]\nid = \"b\"\nregion = \"west\"\nnetworks = [\"10.2.0.0/16\"]\n\
         [[pool]]\nname = \"web\"\nendpoints = [{{ address = \"10.1.0.1:80\", zone = \"a\" }}]\nsource = {source}\n"
    );
    let bundle = EstateBundle { toml, files: BTreeMap::new() };
    crate::read_estate(&bundle).unwrap_or_else(|problems| panic!("{problems}"))
}

/// `NAME=ADDRESS[@ZONE] …`
fn told(text: &str) -> Vec<Told> {
    let one = |text: &str| {
        let (id, rest) = text.split_once('=').unwrap();
        let (address, zone) =
            rest.split_once('@').map_or((rest, None), |(address, zone)| (address, Some(zone)));
        Told {
            id: id.parse().unwrap(),
            address: address.parse().unwrap(),
            zone: zone.map(|zone| zone.parse().unwrap()),
            name: DnsName::new(id).ok(),
            weight: Weight::default(),
            priority: 0,
            lease: Duration::ZERO,
        }
    };
    text.split_whitespace().map(one).collect()
}

/// What each line in turn makes of the set.
#[track_caller]
fn check(source: &str, lines: &[&str], expected: &Expect) {
    let estate = estate(source);
    let mut before: Option<EndpointSet> = None;
    let mut shown = String::new();
    for line in lines {
        let next = next_set(&estate, &estate.pools[0], before.as_ref(), &told(line)).unwrap();
        let endpoints: Vec<String> = next
            .set
            .endpoints
            .iter()
            .map(|endpoint| format!("{}={}@{}", endpoint.id, endpoint.address, endpoint.zone))
            .collect();
        shown.push_str(&format!("[{}] {}\n", endpoints.join(" "), next.remarks.join("; ")));
        before = Some(next.set);
    }
    expected.assert_eq(&shown);
}

#[test]
fn endpoints_are_placed_and_ordered() {
    check(
        "{ register = true, zones = { \"x.test.\" = \"b\" } }",
        &[
            "two=10.2.0.2:80 one=10.1.0.2:80@west-a x.test.=10.1.0.3:80 far=192.0.2.1:80 bad=10.1.0.4:80@z zero=0.0.0.0:80",
        ],
        &expect![[r"
            [one=10.1.0.2:80@a x.test.=10.1.0.3:80@b two=10.2.0.2:80@b] `far` is left out: nothing says in which zone 192.0.2.1 is; add it to the source's `zones` or to a zone's `networks`; `bad` is left out: it says that it is in zone `z`, which the estate does not have; `zero` is left out: 0.0.0.0:80 is not the address of one machine's listener
        "]],
    );
}

#[test]
fn addresses_and_names_are_taken_once_and_none_of_the_file() {
    check(
        "{ register = true }",
        &["file=10.1.0.1:80 one=10.1.0.2:80 again=10.1.0.2:80 one=10.1.0.3:80"],
        &expect![[r"
            [one=10.1.0.2:80@a] 
        "]],
    );
}

#[test]
fn a_source_never_empties_its_pool() {
    check(
        "{ register = true }",
        &["", "one=10.1.0.2:80 two=10.1.0.3:80", "", "two=10.1.0.3:80"],
        &expect![[r"
            [] `register` tells of no endpoint yet
            [one=10.1.0.2:80@a two=10.1.0.3:80@a] 
            [one=10.1.0.2:80@a two=10.1.0.3:80@a] `register` tells of no endpoint any more; the 2 of before stay
            [two=10.1.0.3:80@a] 
        "]],
    );
    check(
        "{ register = true, min_endpoints = 0 }",
        &["one=10.1.0.2:80", ""],
        &expect![[r"
            [one=10.1.0.2:80@a] 
            [] 
        "]],
    );
}

#[test]
fn below_the_least_those_of_before_stay() {
    check(
        "{ register = true, min_endpoints = 2 }",
        &[
            "one=10.1.0.2:80 two=10.1.0.3:80 three=10.1.0.4:80",
            "three=10.1.0.4:80",
            "four=10.1.0.5:80 five=10.1.0.6:80",
        ],
        &expect![[r"
            [one=10.1.0.2:80@a two=10.1.0.3:80@a three=10.1.0.4:80@a] 
            [one=10.1.0.2:80@a three=10.1.0.4:80@a] `register` tells of too few: 1 of before stay (`min_endpoints` is 2)
            [four=10.1.0.5:80@a five=10.1.0.6:80@a] 
        "]],
    );
}

#[test]
fn beyond_the_most_those_of_before_stay() {
    check(
        "{ register = true, max_endpoints = 2 }",
        &["nine=10.1.0.9:80", "one=10.1.0.2:80 two=10.1.0.3:80 nine=10.1.0.9:80"],
        &expect![[r"
            [nine=10.1.0.9:80@a] 
            [one=10.1.0.2:80@a nine=10.1.0.9:80@a] `register` tells of 3 endpoints, 2 are taken; raise `max_endpoints`
        "]],
    );
}
