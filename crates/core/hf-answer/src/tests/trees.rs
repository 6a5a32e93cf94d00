//! Trees: records that lead to pools and other records.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use hf_config::estate::EstateBundle;
use hf_control::{Intent, Scope, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{DnsName, Operator, Revision, ShiftId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;

use super::world::show;
use crate::Compiled;

const ESTATE: &str = r#"
[[region]]
id = "eu"
[[zone]]
id = "a"
region = "eu"
[[zone]]
id = "b"
region = "eu"
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "web"
health_check = "up"
dns_minimum = 2
endpoints = [
  { address = "10.0.1.1:80", zone = "a" },
  { address = "10.0.1.2:80", zone = "a" },
  { address = "10.0.2.1:80", zone = "b" },
  { address = "10.0.2.2:80", zone = "b" },
]
[[pool]]
name = "spare"
health_check = "up"
endpoints = [{ address = "10.9.1.1:80", zone = "a" }, { address = "10.9.2.1:80", zone = "b" }]
[[hosted_zone]]
name = "x.test."
[[record]]
name = "top.x.test."
type = "A"
ttl = "9s"
choose = ["open", "priority", "take 1"]
answers = [{ record = "low.x.test." }, { pool = "spare", priority = 1, choose = ["open"] }]
[[record]]
name = "low.x.test."
type = "A"
ttl = "3s"
choose = ["open", "take 1"]
answers = [{ pool = "web", choose = ["open"] }]
[[record]]
name = "geo.x.test."
type = "A"
ttl = "3s"
choose = ["open", "geo", "take 1"]
answers = [{ pool = "web", geo = ["*"], choose = ["open"] }, { pool = "spare", geo = ["DE"], choose = ["open"] }]
"#;

/// Asks with some endpoints unhealthy (by position over both pools) and zone `a` shifted away from one name.
#[allow(clippy::needless_pass_by_value)] // `expect![…]` reads better without a `&` before each
fn check(sick: &[usize], shifted: Option<&str>, question: &str, want: Expect) {
    let bundle = EstateBundle { toml: ESTATE.to_owned(), files: BTreeMap::new() };
    let estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let mut verdicts = Verdicts { of: vec![Verdict::Healthy; 6] };
    for at in sick {
        verdicts.of[*at] = Verdict::Unhealthy;
    }
    let shift = |name: &str| Shift {
        id: ShiftId::new("shift-1").unwrap(),
        zone: ZoneId::new("a").unwrap(),
        scope: Scope::Record(DnsName::new(name).unwrap()),
        reason: "test".to_owned(),
        by: Operator::new("test"),
        started_at: Timestamp(0),
        ends_at: Timestamp(1_000_000),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(1),
    };
    let intent = Intent {
        revision: Revision(1),
        shifts: shifted.map(shift).into_iter().collect(),
        ..Intent::default()
    };
    let snapshot = Snapshot::build(1, Timestamp(5), Arc::new(intent), Arc::new(estate), Vec::new(), verdicts);
    want.assert_eq(&show(&Compiled::new(Arc::new(snapshot), Arc::default()), question));
}

#[test]
fn a_tree_answers_from_its_branch_with_the_shortest_ttl_on_the_way() {
    check(
        &[],
        None,
        "top.x.test. A",
        expect![[r#"
        NoError aa
        top.x.test. 3 A 10.0.1.1
        top.x.test. 3 A 10.0.1.2
        top.x.test. 3 A 10.0.2.1
        top.x.test. 3 A 10.0.2.2
        named web/a web/b
    "#]],
    );
}

#[test]
fn failure_goes_upward_and_the_lower_level_still_answers() {
    check(
        &[0, 1, 2, 3],
        None,
        "top.x.test. A",
        expect![[r#"
        NoError aa
        top.x.test. 9 A 10.9.1.1
        top.x.test. 9 A 10.9.2.1
        named spare/a spare/b
    "#]],
    );
    check(
        &[0, 1, 2, 3],
        None,
        "low.x.test. A",
        expect![[r#"
        NoError aa
        low.x.test. 3 A 10.0.1.1
        low.x.test. 3 A 10.0.1.2
        low.x.test. 3 A 10.0.2.1
        low.x.test. 3 A 10.0.2.2
        named web/a web/b
    "#]],
    );
    check(
        &[0, 1, 2, 3, 4, 5],
        None,
        "top.x.test. A",
        expect![[r#"
        NoError aa
        top.x.test. 3 A 10.0.1.1
        top.x.test. 3 A 10.0.1.2
        top.x.test. 3 A 10.0.2.1
        top.x.test. 3 A 10.0.2.2
        named web/a web/b
    "#]],
    );
}

#[test]
fn a_zone_below_its_minimum_is_not_named() {
    check(
        &[0],
        None,
        "low.x.test. A",
        expect![[r#"
        NoError aa
        low.x.test. 3 A 10.0.2.1
        low.x.test. 3 A 10.0.2.2
        named web/b
    "#]],
    );
}

#[test]
fn a_shift_of_a_tree_holds_for_whom_asks_through_it() {
    check(
        &[],
        Some("top.x.test."),
        "top.x.test. A",
        expect![[r#"
        NoError aa
        top.x.test. 3 A 10.0.2.1
        top.x.test. 3 A 10.0.2.2
        named web/b
    "#]],
    );
    check(
        &[],
        Some("top.x.test."),
        "low.x.test. A",
        expect![[r#"
        NoError aa
        low.x.test. 3 A 10.0.1.1
        low.x.test. 3 A 10.0.1.2
        low.x.test. 3 A 10.0.2.1
        low.x.test. 3 A 10.0.2.2
        named web/a web/b
    "#]],
    );
    check(
        &[],
        Some("low.x.test."),
        "top.x.test. A",
        expect![[r#"
        NoError aa
        top.x.test. 3 A 10.0.2.1
        top.x.test. 3 A 10.0.2.2
        named web/b
    "#]],
    );
}

/// The only branch for this client has failed; the other one is for others.
#[test]
fn a_client_whose_branches_have_all_failed_gets_what_there_is() {
    check(
        &[0, 1, 2, 3],
        None,
        "geo.x.test. A",
        expect![[r#"
        NoError aa
        geo.x.test. 3 A 10.0.1.1
        geo.x.test. 3 A 10.0.1.2
        geo.x.test. 3 A 10.0.2.1
        geo.x.test. 3 A 10.0.2.2
        named web/a web/b
    "#]],
    );
}
