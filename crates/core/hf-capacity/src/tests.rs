#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call
//! A small estate, loads, and what happens if zones go, as text.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use expect_test::{Expect, expect};
use hf_config::estate::{Estate, EstateBundle};
use hf_control::Intent;
use hf_health::Verdicts;
use hf_model::{PoolName, Timestamp, ZoneId};

use super::*;

mod losing;
mod paths;
mod weeks;

/// Three zones in one region and two in another.
const PLACES: &str = "
[[region]]
id = \"eu\"
location = { latitude = 50.0, longitude = 0.0 }
[[region]]
id = \"us\"
location = { latitude = 40.0, longitude = -75.0 }
[[region]]
id = \"ap\"
location = { latitude = 1.0, longitude = 103.0 }
[[zone]]
id = \"eu-a\"
region = \"eu\"
capacity = 100
[[zone]]
id = \"eu-b\"
region = \"eu\"
capacity = 100
[[zone]]
id = \"eu-c\"
region = \"eu\"
capacity = 100
[[zone]]
id = \"us-a\"
region = \"us\"
[[zone]]
id = \"us-b\"
region = \"us\"
[[zone]]
id = \"ap-a\"
region = \"ap\"
";

pub(super) fn estate(pools: &str) -> Arc<Estate> {
    let bundle = EstateBundle { toml: format!("{PLACES}{pools}"), ..EstateBundle::default() };
    Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}")))
}

pub(super) fn zone(estate: &Estate, id: &str) -> hf_config::estate::ZoneIx {
    estate.zone_named(&ZoneId::new(id).unwrap()).unwrap()
}

/// `web@eu-a 50`: requests a second.
pub(super) fn load(estate: &Estate, text: &str) -> Load {
    let line = |line: &str| {
        let (at, amount) = line.split_once(' ').unwrap();
        let (pool, id) = at.split_once('@').unwrap();
        let pool = estate.pool_named(&PoolName::new(pool).unwrap()).unwrap();
        ((pool, zone(estate, id)), amount.parse::<u64>().unwrap() * 1_000)
    };
    text.split(", ").filter(|line| !line.is_empty()).map(line).collect()
}

fn show(estate: &Estate, found: &WhatIf) -> String {
    let mut text = String::new();
    for refused in &found.refused {
        let zone = &estate.zone(refused.zone).id;
        writeln!(text, "refused: {} in {zone}: {}", refused.scope, refused.why).unwrap();
    }
    if let Some(refusal) = &found.ledger {
        writeln!(text, "the ledger: {refusal:?}").unwrap();
    }
    let projected = |projected: &Projected| {
        let headroom = projected.headroom.map_or("-".to_owned(), |share| share.to_string());
        let hour = projected.hour.map_or(String::new(), |hour| format!(" in hour {hour}"));
        let (before, after) = (projected.before / 1_000, projected.after / 1_000);
        format!("{before} -> {after} {headroom} {:?}{hour}", projected.fit)
    };
    let line = |of: &ZoneAfter| {
        let mut text = estate.zone(of.zone).id.to_string();
        if of.is_lost {
            text.push_str(" LOST");
        }
        for (what, found) in [("now", &of.now), ("peak", &of.peak)] {
            if let Some(found) = found {
                text.push_str(&format!(" | {what} {}", projected(found)));
            }
        }
        text
    };
    for zone in &found.zones {
        writeln!(text, "{}", line(zone)).unwrap();
    }
    for pool in &found.pools {
        let out = if pool.is_out { " OUT" } else { "" };
        writeln!(text, "{}{out}, nowhere {}", estate.pool(pool.pool).name, pool.nowhere / 1_000).unwrap();
    }
    text
}

/// What happens if `lost` (separated by spaces) goes.
#[track_caller]
pub(super) fn check(pools: &str, lost: &str, now: &str, week: &[(u64, &str)], expected: Expect) {
    let estate = estate(pools);
    let found = ask(&estate, lost, now, week, &Intent::default());
    expected.assert_eq(&show(&estate, &found));
}

pub(super) fn ask(
    estate: &Arc<Estate>,
    lost: &str,
    now: &str,
    week: &[(u64, &str)],
    intent: &Intent,
) -> WhatIf {
    let verdicts = Verdicts::unknown(estate.subject_count());
    let inputs =
        hf_decide::Inputs { estate, intent, break_glass: &[], verdicts: &verdicts, now: Timestamp(1_000) };
    let decision = hf_decide::decide(inputs);
    let lost: BTreeSet<_> = lost.split(' ').map(|id| zone(estate, id)).collect();
    let now = (!now.is_empty()).then(|| load(estate, now));
    let week: Vec<Hour> =
        week.iter().map(|(hour, text)| Hour { hour: *hour, load: load(estate, text) }).collect();
    what_if(&Inputs {
        decide: inputs,
        decision: &decision,
        estate,
        lost: &lost,
        only: None,
        now: now.as_ref(),
        week: &week,
        capacities: &Capacities::declared(estate),
    })
}
