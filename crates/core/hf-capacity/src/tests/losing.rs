//! Who carries what when zones go: within the region, beyond it, under a floor, over a fallback and a tree; and who is held.

use hf_control::{Scope, Shift, ShiftKind, ShiftState};
use hf_model::{Operator, Revision, ShiftId};
use proptest::prelude::*;

use super::*;

/// One pool in all of both regions; `eu-c` has half of the weight.
const WEB: &str = "
[[pool]]
name = \"web\"
endpoints = [
  { address = \"10.0.0.1:80\", zone = \"eu-a\" }, { address = \"10.0.0.2:80\", zone = \"eu-b\" },
  { address = \"10.0.0.3:80\", zone = \"eu-c\", weight = 50 },
  { address = \"10.1.0.1:80\", zone = \"us-a\" }, { address = \"10.1.0.2:80\", zone = \"us-b\" },
]
";

/// The same with one more line.
fn web_with(line: &str) -> String {
    WEB.replace("name = \"web\"", &format!("name = \"web\"\n{line}"))
}

#[test]
fn the_region_takes_over_by_weight_and_the_busiest_hour_counts_for_each_zone() {
    check(
        WEB,
        "eu-a",
        "web@eu-a 30, web@eu-b 30, web@eu-c 15, web@us-a 40",
        &[(5, "web@eu-a 90, web@eu-b 60"), (9, "web@eu-a 60, web@eu-c 70")],
        expect![[r#"
            eu-a LOST | now 30 -> 0 100.0% Fits | peak 90 -> 0 100.0% Fits in hour 5
            eu-b | now 30 -> 50 50.0% Fits | peak 60 -> 120 0.0% Beyond in hour 5
            eu-c | now 15 -> 25 75.0% Fits | peak 70 -> 90 10.0% Fits in hour 9
            us-a | now 40 -> 40 - Unknown | peak 0 -> 0 - Unknown in hour 9
            us-b | now 0 -> 0 - Unknown | peak 0 -> 0 - Unknown in hour 9
            ap-a | now 0 -> 0 - Unknown | peak 0 -> 0 - Unknown in hour 9
            web, nowhere 0
        "#]],
    );
}

#[test]
fn a_region_goes_to_the_nearest_one() {
    check(
        WEB,
        "eu-a eu-b eu-c",
        "web@eu-a 30, web@eu-b 30, web@eu-c 15, web@us-a 40",
        &[],
        expect![[r#"
        eu-a LOST | now 30 -> 0 100.0% Fits
        eu-b LOST | now 30 -> 0 100.0% Fits
        eu-c LOST | now 15 -> 0 100.0% Fits
        us-a | now 40 -> 77 - Unknown
        us-b | now 0 -> 37 - Unknown
        ap-a | now 0 -> 0 - Unknown
        web, nowhere 0
    "#]],
    );
}

#[test]
fn without_nearness_everybody_takes_over() {
    let pools = web_with("cross_zone = true");
    check(
        &pools,
        "eu-a",
        "web@eu-a 90",
        &[],
        expect![[r#"
        eu-a LOST | now 90 -> 0 100.0% Fits
        eu-b | now 0 -> 25 74.2% Fits
        eu-c | now 0 -> 12 87.1% Fits
        us-a | now 0 -> 25 - Unknown
        us-b | now 0 -> 25 - Unknown
        ap-a | now 0 -> 0 - Unknown
        web, nowhere 0
    "#]],
    );
}

#[test]
fn a_floor_refuses_and_the_load_is_told_all_the_same() {
    let pools = web_with("min_zones = 5");
    check(
        &pools,
        "eu-a",
        "web@eu-a 30, web@eu-b 80",
        &[],
        expect![[r#"
            refused: pool/web in eu-a: at least 5 zones must stay, this would leave 4
            the ledger: Floor { pool: "pool/web", needed: "5 zones", left: "4 zones" }
            eu-a LOST | now 30 -> 0 100.0% Fits
            eu-b | now 80 -> 100 0.0% Fits
            eu-c | now 0 -> 10 90.0% Fits
            us-a | now 0 -> 0 - Unknown
            us-b | now 0 -> 0 - Unknown
            ap-a | now 0 -> 0 - Unknown
            web, nowhere 0
        "#]],
    );
}

#[test]
fn what_has_nobody_left_goes_nowhere_or_to_its_fallback() {
    let only = "[[pool]]\nname = \"web\"\nendpoints = [{ address = \"10.0.0.1:80\", zone = \"eu-a\" }]\n";
    check(
        only,
        "eu-a",
        "web@eu-a 30",
        &[],
        expect![[r#"
        refused: pool/web in eu-a: at least 1 zone must stay, this would leave 0
        eu-a LOST | now 30 -> 0 100.0% Fits
        eu-b | now 0 -> 0 100.0% Fits
        eu-c | now 0 -> 0 100.0% Fits
        us-a | now 0 -> 0 - Unknown
        us-b | now 0 -> 0 - Unknown
        ap-a | now 0 -> 0 - Unknown
        web OUT, nowhere 30
    "#]],
    );
    let fallback = format!(
        "[[health_check]]\nname = \"up\"\nkind = \"tcp\"\n{only}health_check = \"up\"\nall_down = \"fallback:spare\"\n[[pool]]\nname = \"spare\"\nendpoints = [{{ address = \"10.0.0.9:80\", zone = \"eu-b\" }}]\n"
    );
    check(
        &fallback,
        "eu-a",
        "web@eu-a 30, spare@eu-b 5",
        &[],
        expect![[r#"
        refused: pool/web in eu-a: at least 1 zone must stay, this would leave 0
        eu-a LOST | now 30 -> 0 100.0% Fits
        eu-b | now 5 -> 35 65.0% Fits
        eu-c | now 0 -> 0 100.0% Fits
        us-a | now 0 -> 0 - Unknown
        us-b | now 0 -> 0 - Unknown
        ap-a | now 0 -> 0 - Unknown
        web, nowhere 0
    "#]],
    );
}

#[test]
fn a_tree_leads_to_its_other_branch_when_a_pool_is_gone() {
    let pools = "
[[pool]]
name = \"east\"
endpoints = [{ address = \"10.0.0.1:80\", zone = \"eu-a\" }, { address = \"10.0.0.2:80\", zone = \"eu-b\" }]
[[pool]]
name = \"west\"
endpoints = [{ address = \"10.1.0.1:80\", zone = \"us-a\" }, { address = \"10.1.0.2:80\", zone = \"us-b\", weight = 300 }]
[[hosted_zone]]
name = \"x.test.\"
[[record]]
name = \"www.x.test.\"
type = \"A\"
choose = [\"open\", \"priority\"]
answers = [{ pool = \"east\", priority = 0 }, { pool = \"west\", priority = 1 }]
";
    check(
        pools,
        "eu-a eu-b",
        "east@eu-a 40, east@eu-b 40, west@us-a 1",
        &[],
        expect![[r#"
        refused: pool/east in eu-b: at least 1 zone must stay, this would leave 0
        eu-a LOST | now 40 -> 0 100.0% Fits
        eu-b LOST | now 40 -> 0 100.0% Fits
        eu-c | now 0 -> 0 100.0% Fits
        us-a | now 1 -> 21 - Unknown
        us-b | now 0 -> 60 - Unknown
        ap-a | now 0 -> 0 - Unknown
        east, nowhere 0
    "#]],
    );
}

/// All of `eu-a` is away by one shift.
fn eu_a_away(kind: ShiftKind) -> Intent {
    let mut intent = Intent::default();
    intent.shifts.push(Shift {
        id: ShiftId::new("shift-3").unwrap(),
        zone: ZoneId::new("eu-a").unwrap(),
        scope: Scope::Everything,
        reason: "broken".to_owned(),
        by: Operator::new("ann"),
        started_at: Timestamp(1),
        ends_at: Timestamp(100_000),
        state: ShiftState::Active,
        kind,
        floor_overrides: Vec::new(),
        revision: Revision(3),
    });
    intent
}

#[test]
fn what_is_away_already_changes_nothing() {
    let estate = estate(WEB);
    let intent = eu_a_away(ShiftKind::Zonal);
    let found = ask(&estate, "eu-a", "web@eu-b 45, web@eu-c 15", &[], &intent);
    assert!(!found.is_refused(), "{found:?}");
    assert_eq!(found.worst_fit(), Fit::Unknown); // of us-a and us-b nothing is declared
    assert_eq!(found.headroom_now(), Some(hf_model::Share::from_ppm(550_000).unwrap()));
    // A second zone of a region is not the ledger's to give beside the first.
    let found = ask(&estate, "eu-b", "web@eu-b 45, web@eu-c 15", &[], &intent);
    assert!(found.ledger.is_some());
}

#[test]
fn holds_name_the_zone_that_is_away() {
    let estate = estate(WEB);
    assert_eq!(decided(&estate, &Intent::default()), "");
    assert_eq!(decided(&estate, &eu_a_away(ShiftKind::Practice)), "web: eu-a 0.0%\n");
}

fn decided(estate: &Arc<Estate>, intent: &Intent) -> String {
    let verdicts = Verdicts::unknown(estate.subject_count());
    let decision = hf_decide::decide(hf_decide::Inputs {
        estate,
        intent,
        break_glass: &[],
        verdicts: &verdicts,
        now: Timestamp(1_000),
    });
    let line = |hold: &Hold| {
        format!("{}: {} {}\n", estate.pool(hold.pool).name, estate.zone(hold.zone).id, hold.share)
    };
    holds(&decision).iter().map(line).collect()
}

proptest! {
    /// Nothing is lost on the way: what is carried afterwards and what goes nowhere is what was carried before, but for rounding.
    #[test]
    fn requests_are_neither_made_nor_lost(
        loads in prop::collection::vec(0_u64..1_000_000, 5),
        lost in prop::collection::vec(any::<bool>(), 5),
        crosses in any::<bool>(),
    ) {
        const IDS: [&str; 5] = ["eu-a", "eu-b", "eu-c", "us-a", "us-b"];
        let pools = if crosses { web_with("cross_zone = true") } else { WEB.to_owned() };
        let estate = estate(&pools);
        let gone: Vec<&str> = IDS.iter().zip(&lost).filter(|(_, lost)| **lost).map(|(id, _)| *id).collect();
        prop_assume!(!gone.is_empty());
        let text: Vec<String> = IDS.iter().zip(&loads).map(|(id, load)| format!("web@{id} {load}")).collect();
        let found = ask(&estate, &gone.join(" "), &text.join(", "), &[], &Intent::default());
        let after: u64 = found.zones.iter().map(|zone| zone.now.unwrap().after).sum();
        let nowhere: u64 = found.pools.iter().map(|pool| pool.nowhere).sum();
        let before = loads.iter().sum::<u64>() * 1_000;
        prop_assert!(before.abs_diff(after + nowhere) <= 25, "{before} {after} {nowhere}");
        prop_assert_eq!(found.is_out(), gone.len() == 5);
        for zone in found.zones.iter().filter(|zone| zone.is_lost) {
            prop_assert_eq!(zone.now.unwrap().after, 0);
        }
    }
}
