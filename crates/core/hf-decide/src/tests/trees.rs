//! Trees, by example. The tree `top` leads to the pool `web`, the pool `spare`, the record `www` and the tree `low` (which leads to
//! `web` and to `www`), as the words after the worlds of `world` say.

use expect_test::{Expect, expect};
use hf_config::estate::{AddressFamily, Branch, BranchTo, Minimum, PoolIx, Tree, TreeDown};
use hf_control::Scope;
use hf_model::{DnsName, Ttl, Weight};

use super::world::World;
use crate::{BranchLeads, Decision, Own, TreeDecision};

fn branch(to: &str) -> Branch {
    let (to, minimum) = to.split_once('/').unwrap_or((to, "1"));
    Branch {
        to: match to {
            "web" => BranchTo::Pool(PoolIx(0)),
            "spare" => BranchTo::Pool(PoolIx(1)),
            "www" => BranchTo::Record(0),
            "top" => BranchTo::Tree(0),
            "low" => BranchTo::Tree(1),
            other => panic!("no branch leads to {other}"),
        },
        weight: Weight(100),
        priority: 0,
        region: None,
        location: None,
        bias: 0,
        geo: vec![],
        cidr: None,
        minimum: Minimum { count: minimum.parse().unwrap(), ..Minimum::default() },
        control: None,
        choose: vec![],
    }
}

fn tree(name: &str, branches: &str) -> Tree {
    Tree {
        name: DnsName::new(&format!("{name}.x.test.")).unwrap(),
        family: AddressFamily::V4,
        ttl: Ttl::new(std::time::Duration::from_secs(5)).unwrap(),
        hosted_zone: 0,
        control: None,
        choose: vec![],
        branches: branches.split_whitespace().map(branch).collect(),
        sticky: None,
        all_down: TreeDown::Open,
    }
}

fn world(text: &str, top: &str, low: &str) -> World {
    let mut world = World::read(text);
    world.estate.trees = vec![tree("top", top), tree("low", low)];
    world
}

fn show(decision: &TreeDecision) -> String {
    let mut text = format!("{:?}\n", decision.mode);
    for branch in &decision.branches {
        let sign = if branch.serves { '+' } else { '-' };
        let own = match &branch.own {
            Some(Own::Pool(own)) => format!(", of its own: {} serve", own.serving().count()),
            Some(Own::Tree(_)) => ", of its own".to_owned(),
            None => String::new(),
        };
        text += &format!("{sign} {}: {} of {}{own}\n", branch.reason, branch.in_health, branch.registered);
    }
    text
}

#[allow(clippy::needless_pass_by_value)] // `expect![…]` reads better without a `&` before each
fn check(world: &World, want: Expect) -> Decision {
    let decision = world.decide();
    want.assert_eq(&show(&decision.trees[0]));
    decision
}

#[test]
fn failure_goes_upward() {
    check(
        &world("a b", "web spare", "web"),
        expect![[r#"
        Normal
        + open: 2 of 2
        + open: 1 of 1
    "#]],
    );
    check(
        &world("a b!", "web/2 spare", "web"),
        expect![[r#"
        Normal
        - too few behind it are healthy: 1 of 2
        + open: 1 of 1
    "#]],
    );
    check(
        &world("a! b!", "web spare", "web"),
        expect![[r#"
        Normal
        - too few behind it are healthy: 0 of 2
        + open: 1 of 1
    "#]],
    );
    check(
        &world("a! b!", "low spare", "web www"),
        expect![[r#"
        Normal
        - too few behind it are healthy: 0 of 4
        + open: 1 of 1
    "#]],
    );
    check(
        &world("a b!", "low/3 spare", "web www"),
        expect![[r#"
        Normal
        - too few behind it are healthy: 2 of 4
        + open: 1 of 1
    "#]],
    );
    // A pool that closes, or falls back, has failed.
    check(
        &world("a! | closed", "web spare", "web"),
        expect![[r#"
        Normal
        - what it leads to answers nothing: 0 of 1
        + open: 1 of 1
    "#]],
    );
    check(
        &world("a! | fallback", "web spare", "web"),
        expect![[r#"
        Normal
        - too few behind it are healthy: 0 of 1
        + open: 1 of 1
    "#]],
    );
}

#[test]
fn with_no_branch_open_a_tree_does_as_it_says() {
    check(
        &world("a! b!", "web www", "web"),
        expect![[r#"
        FailOpen
        + too few behind it are healthy: 0 of 2
        + too few behind it are healthy: 0 of 2
    "#]],
    );
    let mut closed = world("a! b!", "web www", "web");
    closed.estate.trees[0].all_down = TreeDown::Closed;
    check(
        &closed,
        expect![[r#"
        Closed
        - too few behind it are healthy: 0 of 2
        - too few behind it are healthy: 0 of 2
    "#]],
    );
    // What cannot answer is not asked.
    check(
        &world("a! | closed", "web low", "web"),
        expect![[r#"
        Closed
        - what it leads to answers nothing: 0 of 1
        - what it leads to answers nothing: 0 of 1
    "#]],
    );
    // An empty ring is none that the reader lets through, and no reason to hang.
    check(
        &world("a", "low", "top"),
        expect![[r#"
        Closed
        - what it leads to answers nothing: 0 of 0
    "#]],
    );
}

#[test]
fn a_control_closes_a_branch_or_a_tree() {
    let mut off = world("a b | zone c behind p/x; off p/x at 5", "web spare", "web");
    off.estate.trees[0].branches[0].control = Some("p/x".parse().unwrap());
    check(
        &off,
        expect![[r#"
        Normal
        - control p/x off: 2 of 2
        + open: 1 of 1
    "#]],
    );
    // Health fails open before intent does.
    off.estate.trees[0].branches[1] = branch("low");
    off.verdicts.of[..2].fill(hf_health::Verdict::Unhealthy);
    check(
        &off,
        expect![[r#"
        FailOpen
        - control p/x off: 0 of 2
        + too few behind it are healthy: 0 of 2
    "#]],
    );
    off.estate.trees[0].branches[1].control = Some("p/x".parse().unwrap());
    check(
        &off,
        expect![[r#"
        Closed
        - control p/x off: 0 of 2
        - control p/x off: 0 of 2
    "#]],
    );
    let mut off = world("a b | zone c behind p/x; off p/x at 5", "web spare", "web");
    off.estate.trees[0].control = Some("p/x".parse().unwrap());
    check(
        &off,
        expect![[r#"
        Closed
        - open: 2 of 2
        - open: 1 of 1
    "#]],
    );
}

/// A shift of one tree reaches the pools that are asked through it, on every way down, and nobody else.
#[test]
fn an_act_on_a_tree_reaches_what_is_asked_through_it() {
    let mut shifted = world("a b", "web spare www low", "web");
    shifted.shift("a", Scope::Record(DnsName::new("top.x.test.").unwrap()), 100);
    let decision = check(
        &shifted,
        expect![[r#"
        Normal
        + open: 1 of 2, of its own: 1 serve
        + open: 1 of 1, of its own: 1 serve
        + open: 1 of 2, of its own: 1 serve
        + open: 1 of 2, of its own
    "#]],
    );
    assert_eq!(decision.pools[0].serving().count(), 2);
    assert!(decision.trees[1].branches.iter().all(|branch| branch.own.is_none()));
    let low = &decision.trees[0].branches[3];
    let BranchLeads::Tree(low) = decision.branch_leads(&shifted.estate, BranchTo::Tree(1), low) else {
        panic!("a tree leads to a tree")
    };
    expect![[r#"
        Normal
        + open: 1 of 2, of its own: 1 serve
    "#]]
    .assert_eq(&show(low));
    // An act on the lower tree reaches it from above, too; one on a record as well.
    let mut shifted = world("a b", "web low www", "web");
    shifted.shift("a", Scope::Record(DnsName::new("low.x.test.").unwrap()), 100);
    shifted.shift("b", Scope::Record(DnsName::new("www.x.test.").unwrap()), 100);
    check(
        &shifted,
        expect![[r#"
        Normal
        + open: 2 of 2
        + open: 1 of 2
        + open: 1 of 2
    "#]],
    );
}

/// What the floor stops of an act on a tree is told.
#[test]
fn what_yields_below_a_tree_is_listed() {
    let mut shifted = world("a b | keep 2", "web", "web");
    shifted.shift("a", Scope::Record(DnsName::new("top.x.test.").unwrap()), 100);
    let decision = check(
        &shifted,
        expect![[r#"
        Normal
        + open: 2 of 2, of its own: 2 serve
    "#]],
    );
    let told: Vec<String> =
        decision.zones[0].not_applied.iter().map(|refused| refused.words(&shifted.estate)).collect();
    expect![[r#"
        [
            "shift-1 does not apply to record/top.x.test. in a: at least 2 zones must stay, this would leave 1",
        ]
    "#]].assert_eq(&format!("{told:#?}\n"));
}

#[test]
fn a_return_to_a_tree_is_its_own() {
    let mut returning = world("a b | over 900; now 1300", "web", "web");
    returning.returned("a", Scope::Record(DnsName::new("top.x.test.").unwrap()), 1_000);
    let decision = check(
        &returning,
        expect![[r#"
        Normal
        + open: 2 of 2, of its own: 2 serve
    "#]],
    );
    let Some(Own::Pool(own)) = &decision.trees[0].branches[0].own else { panic!("it has one of its own") };
    expect![[r#"
        a open: returning, all of it at 1870 20.0% +(healthy)
        b open: healthy +
    "#]]
    .assert_eq(&super::world::show_pool(&returning, own));
    assert!(returning.next_change().is_some());
}
