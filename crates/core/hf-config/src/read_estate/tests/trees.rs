//! Trees of branches, and what their filters need.

#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use super::*;

/// Two regions with two zones, a pool in each and one over both.
const BASE: &str = r#"
[[region]]
id = "eu"
location = { latitude = 51.5, longitude = -0.1 }
[[region]]
id = "us"
[[zone]]
id = "e1"
region = "eu"
[[zone]]
id = "u1"
region = "us"
[[health_check]]
name = "tcp"
kind = "tcp"
[[pool]]
name = "eu"
protocol = "tcp"
health_check = "tcp"
endpoints = [{ address = "192.0.2.1:80", zone = "e1" }]
[[pool]]
name = "us"
protocol = "tcp"
health_check = "tcp"
endpoints = [{ address = "192.0.2.2:80", zone = "u1" }]
[[pool]]
name = "both"
protocol = "tcp"
health_check = "tcp"
endpoints = [
  { address = "192.0.2.3:80", zone = "e1" },
  { address = "192.0.2.4:80", zone = "u1" },
  { address = "[2001:db8::4]:80", zone = "u1" },
]
[[pool]]
name = "unmeasured"
protocol = "tcp"
endpoints = [{ address = "192.0.2.5:80", zone = "e1" }]
[[cidr_collection]]
name = "c"
places = { office = ["198.51.100.0/24"], home = ["203.0.113.0/24", "198.51.0.0/16"] }
[[cidr_collection]]
name = "d"
places = { there = ["0.0.0.0/0"] }
[[hosted_zone]]
name = "t."
[[record]]
name = "leaf.t."
type = "A"
answer = { pool = "us" }
"#;

/// A tree of this name; each branch is what stands in its braces.
fn tree(name: &str, more: &str, branches: &[&str]) -> String {
    let branches: Vec<String> = branches.iter().map(|branch| format!("  {{ {branch} }},\n")).collect();
    format!("[[record]]\nname = \"{name}\"\ntype = \"A\"\n{more}\nanswers = [\n{}]\n", branches.concat())
}

/// The trees behind the base, or their problems; then what is advised.
fn add(text: &str, expected: Expect) {
    use std::fmt::Write as _;
    let mut out = String::new();
    // From its first line on, so that places are those of `text`.
    match read_estate_advised("estate.toml", &bundle(&format!("{text}\n{BASE}"))) {
        Ok((estate, advice)) => {
            for tree in &estate.trees {
                let chain: Vec<String> = tree.choose.iter().map(ToString::to_string).collect();
                writeln!(
                    out,
                    "{} {} {:?} [{}] {:?} {} {:?}",
                    tree.name,
                    tree.family,
                    tree.ttl,
                    chain.join(", "),
                    tree.sticky,
                    tree.all_down,
                    tree.control
                )
                .unwrap();
                for branch in &tree.branches {
                    writeln!(out, "  {branch:?}").unwrap();
                }
            }
            for problem in advice {
                writeln!(out, "advice: {problem}").unwrap();
            }
        }
        Err(problems) => writeln!(out, "{problems}").unwrap(),
    }
    expected.assert_eq(&out);
}

#[test]
fn good_trees() {
    add(
        &tree("w.t.", "", &["pool = \"eu\"", "pool = \"us\", weight = 0"]),
        expect![[r#"
        w.t. A Ttl(5) [open, weighted, take 1] None open None
          Branch { to: Pool(PoolIx(0)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
          Branch { to: Pool(PoolIx(1)), weight: Weight(0), priority: 0, region: Some(RegionIx(1)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
    "#]],
    );
    add(
        &[
            tree(
                "top.t.",
                "ttl = \"30s\"\nall_down = \"closed\"\nchoose = [\"open\", \"geo\", \"priority\", \"sticky\", \"take 1\"]",
                &[
                    "record = \"below.t.\", geo = [\"continent:EU\", \"US-CA\", \"DE\"], minimum = 2",
                    "record = \"leaf.t.\", geo = [\"*\"], priority = 1, minimum = \"50%\"",
                    "pool = \"both\", geo = [\"*\"], minimum = { count = 2, share = \"12.5%\" }, choose = [\"open\", \"take 8\"]",
                ],
            ),
            tree("below.t.", "", &["pool = \"both\""]),
        ]
        .concat(),
        expect![[r#"
            top.t. A Ttl(30) [open, geo, priority, sticky, take 1] Some(Sticky { v4_bits: 24, v6_bits: 48 }) closed None
              Branch { to: Tree(1), weight: Weight(100), priority: 0, region: None, location: None, bias: 0, geo: [Continent([69, 85]), Subdivision([85, 83], [67, 65, 0]), Country([68, 69])], cidr: None, minimum: Minimum { count: 2, share: Share(0) }, control: None, choose: [] }
              Branch { to: Record(0), weight: Weight(100), priority: 1, region: Some(RegionIx(1)), location: None, bias: 0, geo: [Default], cidr: None, minimum: Minimum { count: 1, share: Share(500000) }, control: None, choose: [] }
              Branch { to: Pool(PoolIx(2)), weight: Weight(100), priority: 0, region: None, location: None, bias: 0, geo: [Default], cidr: None, minimum: Minimum { count: 2, share: Share(125000) }, control: None, choose: [Open, Take(8)] }
            below.t. A Ttl(5) [open, weighted, take 1] None open None
              Branch { to: Pool(PoolIx(2)), weight: Weight(100), priority: 0, region: None, location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
        "#]],
    );
    add(
        &tree(
            "near.t.",
            "choose = [\"open\", \"cidr\", \"near\", \"latency\", \"weighted\", \"take 1\"]",
            &[
                "pool = \"eu\", bias = -20",
                "record = \"leaf.t.\", location = { latitude = 38.9, longitude = -77.4 }, bias = 99",
                "pool = \"both\", region = \"eu\", cidr = { collection = \"c\", places = [\"home\", \"office\"] }",
            ],
        ),
        expect![[r#"
            near.t. A Ttl(5) [open, cidr, near, latency, weighted, take 1] None open None
              Branch { to: Pool(PoolIx(0)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: -20, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
              Branch { to: Record(0), weight: Weight(100), priority: 0, region: Some(RegionIx(1)), location: Some(Location { latitude_millideg: 38900, longitude_millideg: -77400 }), bias: 99, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [] }
              Branch { to: Pool(PoolIx(2)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: 0, geo: [], cidr: Some((0, [0, 1])), minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
        "#]],
    );
}

#[test]
fn branches() {
    add(
        &tree("w.t.", "", &[]),
        expect![[r#"
        estate.toml:5:11: a tree has at least one branch, such as { pool = "web" }; add it
    "#]],
    );
    add(
        &tree(
            "w.t.",
            "",
            &[
                "",
                "pool = \"eu\", record = \"leaf.t.\"",
                "pool = \"uk\"",
                "record = \"lead.t.\"",
                "record = \"leaf.t.\", choose = [\"open\"]",
                "pool = \"eu\", weight = -1, priority = 65536, bias = 100, region = \"ue\", minimum = 0, wait = 1",
                "pool = \"eu\", choose = [\"open\", \"geo\"]",
                "pool = \"eu\", minimum = \"200%\"",
            ],
        ),
        expect![[r#"
            estate.toml:6:3: a branch needs `pool` or `record`: where it leads; add one
            estate.toml:7:27: a branch leads to a pool or to a record; remove one of the two
            estate.toml:8:12: no pool is named `uk`; did you mean `us`? there are `both`, `eu`, `unmeasured`, `us`
            estate.toml:9:14: no record with `answer` or `answers` is called lead.t. A; did you mean leaf.t.? add it, or name a pool
            estate.toml:10:34: the record that this branch leads to chooses by itself; remove `choose` here
            estate.toml:11:27: `weight` is 0 to 65535, this is -1; change it
            estate.toml:11:42: `priority` is 0 to 65535, this is 65536; change it
            estate.toml:11:56: `bias` is -99 to 99, this is 100; change it
            estate.toml:11:70: no region is named `ue`; did you mean `eu`? there are `eu`, `us`
            estate.toml:11:86: `minimum` is 1 to 10000, this is 0; change it
            estate.toml:11:89: a branch has no `wait`; remove it, there are `pool`, `record`, `weight`, `priority`, `region`, `location`, `bias`, `geo`, `cidr`, `minimum`, `control`, `choose`
            estate.toml:12:36: geo chooses among branches, and a pool has endpoints; remove it, or write `answers` with `geo` on each of them
            estate.toml:13:28: "200%" is not a share; write 0% to 100%, such as "50%"
        "#]],
    );
    let text = tree("w.t.", "", &["pool = \"eu\"", "record = \"leaf.t.\""]).replace("\"A\"", "\"AAAA\"");
    add(
        &text,
        expect![[r#"
        estate.toml:6:12: pool `eu` has no IPv6 endpoint for a record of type AAAA; add one or change the type
        estate.toml:7:14: no record with `answer` or `answers` is called leaf.t. AAAA; add it, or name a pool
    "#]],
    );
    add(
        &tree("leaf.t.", "", &["pool = \"eu\""]),
        expect![[r#"
        estate.toml:56:8: record leaf.t. A is listed twice; remove one of the two
    "#]],
    );
    add(
        &tree("w.t.", "answer = { pool = \"eu\" }\nto = \"x.\"", &["pool = \"eu\""]),
        expect![[r#"
        estate.toml:4:1: a record with `answers` has no `answer`; write `answers` or remove it
        estate.toml:5:1: a record with `answers` has no `to`; remove it, there are `name`, `type`, `ttl`, `choose`, `answers`, `all_down`, `control`, `sticky`
    "#]],
    );
    add(
        &tree("w.t.", "all_down = \"fallback:eu\"", &["pool = \"eu\""]),
        expect![[r#"
        estate.toml:4:12: "fallback:eu" is unknown here; write open or closed
    "#]],
    );
    let control = "[[control_panel]]\nname = \"p\"\n[[routing_control]]\nname = \"c\"\npanel = \"p\"\n";
    add(
        &[control, &tree("w.t.", "control = \"c\"", &["pool = \"eu\", control = \"c\""])].concat(),
        expect![[r#"
            estate.toml:9:11: while its routing control is off no branch of this record is open, and all_down = "open" would answer all the same; write all_down = "closed"
        "#]],
    );
}

#[test]
fn rings_and_depth() {
    add(
        &tree("a.t.", "", &["pool = \"eu\"", "record = \"a.t.\""]),
        expect![[r#"
        estate.toml:7:14: this branch leads back to its own record; let it lead to a pool or to another record
    "#]],
    );
    add(
        &[
            tree("a.t.", "", &["record = \"b.t.\""]),
            tree("b.t.", "", &["record = \"c.t.\"", "pool = \"eu\""]),
            tree("c.t.", "", &["record = \"a.t.\""]),
        ]
        .concat(),
        expect![[r#"
            estate.toml:21:14: this branch leads back to its own record; let it lead to a pool or to another record
        "#]],
    );
    let chain = |levels: usize| -> String {
        let level = |at: usize| tree(&format!("l{at}.t."), "", &[&format!("record = \"l{}.t.\"", at + 1)]);
        (1..levels).map(level).chain([tree(&format!("l{levels}.t."), "", &["pool = \"eu\""])]).collect()
    };
    assert!(read_estate("e", &bundle(&(chain(8) + BASE))).is_ok());
    add(
        &chain(9),
        expect![[r#"
        estate.toml:6:14: with this branch the tree has more than 8 levels; let it lead to a pool
    "#]],
    );
    // Of a chain that is far too long the first level too many is told.
    let problems = read_estate("e", &bundle(&(chain(3_000) + BASE))).unwrap_err();
    assert_eq!(problems.0.len(), 1, "{problems}");
}

#[test]
fn branches_that_are_never_open_or_always() {
    add(
        &tree(
            "w.t.",
            "",
            &["pool = \"both\", minimum = 3", "pool = \"eu\", minimum = { count = 2 }", "pool = \"us\""],
        ),
        expect![[r#"
            estate.toml:6:30: this branch is open while 3 endpoints serve, and there are 2 behind it; lower it or add endpoints
            estate.toml:7:28: this branch is open while 2 endpoints serve, and there are 1 behind it; lower it or add endpoints
        "#]],
    );
    add(
        &[
            tree("top.t.", "", &["record = \"w.t.\", minimum = 3", "record = \"w.t.\", minimum = 4"]),
            tree("w.t.", "", &["pool = \"both\"", "pool = \"us\""]),
        ]
        .concat(),
        expect![[r#"
            estate.toml:7:32: this branch is open while 4 endpoints serve, and there are 3 behind it; lower it or add endpoints
        "#]],
    );
    add(
        &tree("w.t.", "", &["pool = \"unmeasured\"", "pool = \"us\""]),
        expect![[r#"
        w.t. A Ttl(5) [open, weighted, take 1] None open None
          Branch { to: Pool(PoolIx(3)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
          Branch { to: Pool(PoolIx(1)), weight: Weight(100), priority: 0, region: Some(RegionIx(1)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
        advice: estate.toml:6:12: pool `unmeasured` has no health check, so this branch is open whatever happens there and the others are not used in its place; give the pool a `health_check`
    "#]],
    );
    add(
        &tree("w.t.", "", &["pool = \"unmeasured\""]),
        expect![[r#"
        w.t. A Ttl(5) [open, weighted, take 1] None open None
          Branch { to: Pool(PoolIx(3)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
    "#]],
    );
    add(
        &tree("w.t.", "choose = [\"open\", \"priority\", \"take 1\"]", &["pool = \"eu\"", "pool = \"us\""]),
        expect![[r#"
            w.t. A Ttl(5) [open, priority, take 1] None open None
              Branch { to: Pool(PoolIx(0)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
              Branch { to: Pool(PoolIx(1)), weight: Weight(100), priority: 0, region: Some(RegionIx(1)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
            advice: estate.toml:4:10: all branches have the same priority, so the filter priority keeps all; give them numbers
        "#]],
    );
}

#[test]
fn filters_have_what_they_need() {
    let chain = |filters: &str, branches: &[&str], expected| {
        add(&tree("w.t.", &format!("choose = [\"open\", {filters}]"), branches), expected);
    };
    chain(
        "\"near\"",
        &["pool = \"eu\"", "pool = \"us\"", "pool = \"both\", region = \"eu\""],
        expect![[r#"
            estate.toml:7:3: near needs to know where a branch is; add `location`, or `region` of a region that has one
        "#]],
    );
    chain(
        "\"latency\"",
        &["pool = \"eu\"", "pool = \"both\""],
        expect![[r#"
        estate.toml:7:3: latency is measured to regions, and the endpoints of this branch are in several; add `region`
    "#]],
    );
    chain(
        "\"geo\"",
        &["pool = \"eu\", geo = [\"DE\"]", "pool = \"us\", geo = [\"US\"]"],
        expect![[r#"
        estate.toml:4:10: clients from elsewhere, and those whose place nobody knows, would get no answer; add geo = ["*"] to a branch
    "#]],
    );
    chain(
        "\"geo\"",
        &["pool = \"eu\", geo = [\"*\"]", "pool = \"us\""],
        expect![[r#"
        estate.toml:7:3: `choose` has geo, and this branch has no area: nobody would get it; add `geo`, such as ["continent:EU"]
    "#]],
    );
    chain(
        "\"geo\"",
        &[
            "pool = \"eu\", geo = [\"*\", \"de\", \"EU-\", \"continent:XX\", \"DE-BAVA\", \"DEU\", \"DE\", \"DE\"]",
            "pool = \"us\", geo = []",
        ],
        expect![[r#"
            estate.toml:6:30: "de" is no area; write a country such as "DE", a part of one such as "US-CA", "continent:EU" (AF, AN, AS, EU, NA, OC, SA), or "*" for everywhere else
            estate.toml:6:36: "EU-" is no area; write a country such as "DE", a part of one such as "US-CA", "continent:EU" (AF, AN, AS, EU, NA, OC, SA), or "*" for everywhere else
            estate.toml:6:43: "continent:XX" is no area; write a country such as "DE", a part of one such as "US-CA", "continent:EU" (AF, AN, AS, EU, NA, OC, SA), or "*" for everywhere else
            estate.toml:6:59: "DE-BAVA" is no area; write a country such as "DE", a part of one such as "US-CA", "continent:EU" (AF, AN, AS, EU, NA, OC, SA), or "*" for everywhere else
            estate.toml:6:70: "DEU" is no area; write a country such as "DE", a part of one such as "US-CA", "continent:EU" (AF, AN, AS, EU, NA, OC, SA), or "*" for everywhere else
            estate.toml:6:83: area DE is listed twice; remove one of the two
            estate.toml:7:24: a branch is for at least one area, such as "DE", "continent:EU" or "*"; add it
        "#]],
    );
    chain(
        "\"weighted\"",
        &["pool = \"eu\", bias = 1, geo = [\"*\"], cidr = { collection = \"d\", places = [\"there\"] }"],
        expect![[r#"
            estate.toml:6:25: `bias` is for the filter near, which is not in `choose`; put it there or remove this
            estate.toml:6:34: `geo` is for the filter geo, which is not in `choose`; put it there or remove this
            estate.toml:6:48: `cidr` is for the filter cidr, which is not in `choose`; put it there or remove this
        "#]],
    );
    chain(
        "\"weighted\"",
        &["pool = \"eu\", choose = [\"open\", \"sticky\"]"],
        expect![[r#"
        w.t. A Ttl(5) [open, weighted] Some(Sticky { v4_bits: 24, v6_bits: 48 }) open None
          Branch { to: Pool(PoolIx(0)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Sticky] }
    "#]],
    );
    chain(
        "\"weighted\"]\nsticky = { v4_bits = 0 }\n# [",
        &["pool = \"eu\""],
        expect![[r#"
        estate.toml:5:22: `v4_bits` is 1 to 32, this is 0; change it
    "#]],
    );
    chain(
        "\"sticky\"]\nsticky = { v4_bits = 20, v6_bits = 56 }\n# [",
        &["pool = \"eu\""],
        expect![[r#"
        w.t. A Ttl(5) [open, sticky] Some(Sticky { v4_bits: 20, v6_bits: 56 }) open None
          Branch { to: Pool(PoolIx(0)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: 0, geo: [], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
    "#]],
    );
    chain(
        "\"sticky\", \"weighted\"",
        &["pool = \"eu\""],
        expect![[r#"
        estate.toml:4:29: weighted would undo the order before it; keep one of weighted, sticky and shuffle
    "#]],
    );
}

#[test]
fn every_client_gets_an_answer() {
    let chain = |filters: &str, branches: &[&str], expected| {
        add(&tree("w.t.", &format!("choose = [\"open\", {filters}]"), branches), expected);
    };
    let office = "cidr = { collection = \"c\", places = [\"office\"] }";
    chain(
        "\"cidr\"",
        &["pool = \"eu\""],
        expect![[r#"
        estate.toml:4:10: the filter cidr needs branches with cidr = { collection = …, places = […] }; add it or remove the filter
    "#]],
    );
    chain(
        "\"cidr\"",
        &[&format!("pool = \"eu\", {office}")],
        expect![[r#"
        estate.toml:4:10: clients of no network of the collection would get no answer; add a branch without `cidr`
    "#]],
    );
    chain(
        "\"cidr\"",
        &[
            "pool = \"eu\", cidr = { collection = \"d\", places = [\"there\"] }",
            &format!("pool = \"eu\", {office}"),
            "pool = \"us\"",
        ],
        expect![[r#"
            estate.toml:7:25: the branches of one record name one CIDR collection; put the places together
        "#]],
    );
    chain(
        "\"cidr\"",
        &[
            "pool = \"eu\", cidr = { collection = \"x\", places = [] }",
            "pool = \"us\", cidr = { collection = \"c\", places = [\"offices\", \"home\", \"home\"] }",
            "pool = \"us\", cidr = { collection = \"c\", places = [] }",
        ],
        expect![[r#"
            estate.toml:6:40: no CIDR collection is named `x`; did you mean `c`? there are `c`, `d`
            estate.toml:7:55: no place of this CIDR collection is named `offices`; did you mean `office`? there are `home`, `office`
            estate.toml:7:74: this place is listed twice; remove one of the two
            estate.toml:8:25: `cidr` names at least one place of its collection; add it
        "#]],
    );
    chain(
        "\"cidr\", \"geo\"",
        &[&format!("pool = \"eu\", geo = [\"DE\"], {office}"), "pool = \"us\", geo = [\"*\"]"],
        expect![[r#"
            estate.toml:4:10: cidr comes before geo, and some of its places have no branch for everywhere else; add geo = ["*"] to one of each
        "#]],
    );
    chain(
        "\"geo\", \"cidr\"",
        &[&format!("pool = \"eu\", geo = [\"DE\"], {office}"), "pool = \"us\", geo = [\"*\"]"],
        expect![[r#"
            estate.toml:4:10: clients of area DE and of no network would get no answer; add a branch for it without `cidr`
        "#]],
    );
    chain(
        "\"geo\", \"cidr\"",
        &[&format!("pool = \"eu\", geo = [\"DE\"], {office}"), "pool = \"us\", geo = [\"*\", \"DE\"]"],
        expect![[r#"
            w.t. A Ttl(5) [open, geo, cidr] None open None
              Branch { to: Pool(PoolIx(0)), weight: Weight(100), priority: 0, region: Some(RegionIx(0)), location: None, bias: 0, geo: [Country([68, 69])], cidr: Some((0, [1])), minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
              Branch { to: Pool(PoolIx(1)), weight: Weight(100), priority: 0, region: Some(RegionIx(1)), location: None, bias: 0, geo: [Default, Country([68, 69])], cidr: None, minimum: Minimum { count: 1, share: Share(0) }, control: None, choose: [Open, Weighted, Take(2)] }
        "#]],
    );
}

#[test]
fn collections() {
    let collection = |more: &str, expected| add(&format!("[[cidr_collection]]\n{more}"), expected);
    collection(
        "name = \"c\"\nplaces = {}",
        expect![[r#"
        estate.toml:3:10: a CIDR collection has at least one place, such as office = ["192.0.2.0/24"]; add it
        estate.toml:43:8: CIDR collection `c` is listed twice; remove one of the two
    "#]],
    );
    collection(
        "name = \"A\"",
        expect![[r#"
        estate.toml:1:1: a CIDR collection needs `places`; add it
        estate.toml:2:8: a CIDR collection's name has only a-z, 0-9 and '-', this one has 'A'; replace it
    "#]],
    );
    collection(
        "name = \"e\"\nplaces = { b = [\"10.0.0.0/8\", \"10.0.0.1/8\", \"10.0.0.0/8\"], a = [\"10.0.0.0/8\"], n = [], m = 5, \"\" = [\"::/0\"] }",
        expect![[r#"
            estate.toml:3:17: network 10.0.0.0/8 is also in place `a` of this collection; remove one of the two
            estate.toml:3:31: the address of a network has no bits behind its prefix; write 10.0.0.0/8
            estate.toml:3:45: network 10.0.0.0/8 is also in place `b` of this collection; remove one of the two
            estate.toml:3:84: place `n` has no network; add one or remove it
            estate.toml:3:92: `places` is a list in square brackets, this is a whole number; change it
            estate.toml:3:95: the label of a place has 1 to 63 bytes and no control characters; change it
        "#]],
    );
}

#[test]
fn minimums_of_pools() {
    let pool = |more: &str, expected: Expect| {
        let toml = BASE.replace("name = \"both\"\n", &format!("name = \"both\"\n{more}\n"));
        let found = match read_estate("estate.toml", &bundle(&toml)) {
            Ok(estate) => format!("{} {}\n", estate.pools[2].dns_minimum, estate.pools[2].routing_minimum),
            Err(problems) => format!("{problems}\n"),
        };
        expected.assert_eq(&found);
    };
    pool(
        "",
        expect![[r#"
        1 1
    "#]],
    );
    pool(
        "dns_minimum = 2\nrouting_minimum = \"50%\"",
        expect![[r#"
        estate.toml:28:15: `dns_minimum` is 2 and `routing_minimum` is 1 and 50%: names would lead to zones that balancers have given up; raise this one or lower the other
    "#]],
    );
    pool(
        "dns_minimum = { count = 2, share = \"50%\" }\nrouting_minimum = \"50%\"",
        expect![[r#"
        2 and 50% 1 and 50%
    "#]],
    );
    // The one that is not written is not below the other.
    pool(
        "routing_minimum = { count = 2, share = \"5%\" }",
        expect![[r#"
        2 and 5% 2 and 5%
    "#]],
    );
    pool(
        "dns_minimum = 1\nrouting_minimum = 2",
        expect![[r#"
        estate.toml:28:15: `dns_minimum` is 1 and `routing_minimum` is 2: names would lead to zones that balancers have given up; raise this one or lower the other
    "#]],
    );
    pool(
        "dns_minimum = 3",
        expect![[r#"
        estate.toml:28:15: no zone of this pool has 3 endpoints, the largest has 2; lower it
    "#]],
    );
    pool(
        "dns_minimum = 0\nrouting_minimum = { counts = 1 }",
        expect![[r#"
        estate.toml:28:15: `dns_minimum` is 1 to 10000, this is 0; change it
        estate.toml:29:21: a minimum has no `counts`; write `count` or remove it
    "#]],
    );
}

proptest! {
    /// Branches in any order and to any names get an answer, and an estate has neither rings nor deep trees.
    #[test]
    fn any_tree_is_answered(levels in prop::collection::vec(prop::collection::vec(0usize..14, 0..4), 1..12)) {
        let text: String = levels
            .iter()
            .enumerate()
            .map(|(at, branches)| {
                let branches: Vec<String> = branches
                    .iter()
                    .map(|to| if *to >= 12 { "pool = \"eu\"".to_owned() } else { format!("record = \"l{to}.t.\"") })
                    .collect();
                let branches: Vec<&str> = branches.iter().map(String::as_str).collect();
                tree(&format!("l{at}.t."), "", &branches)
            })
            .collect();
        if let Ok(estate) = read_estate("estate.toml", &bundle(&(text + BASE))) {
            let mut depth = vec![0_usize; estate.trees.len()];
            // Nine rounds reach the top of what has at most eight levels.
            for round in 0..=9 {
                let before = depth.clone();
                for (at, tree) in estate.trees.iter().enumerate() {
                    let below = tree.branches.iter().filter_map(|branch| match branch.to {
                        crate::estate::BranchTo::Tree(to) => Some(before[usize::from(to)]),
                        _ => None,
                    });
                    depth[at] = 1 + below.max().unwrap_or(0);
                }
                prop_assert!(round < 9 || before == depth, "{depth:?}");
            }
            prop_assert!(depth.iter().all(|depth| *depth <= 8));
        }
    }
}
