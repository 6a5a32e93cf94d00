//! `holdfast whatif`: what happens if a zone or a region goes.
//!
//! On a terminal each zone has a bar: how much of its capacity it would use. Exit 1 when something would be refused, some pool would serve
//! nobody, or some zone would carry more than it is known to carry.

use std::io::IsTerminal as _;

use hf_api::{CapacityBasis, LoadFit, ProjectedLoad, WhatIf, WhatIfPath, WhatIfVerdict, WhatIfZone};

use crate::args::{Common, WhatIfArgs};
use crate::failure::Failure;
use crate::output::{columns, count, is_colourful, show};
use crate::session::client;

/// Characters of a bar.
const BAR: u64 = 20;

/// Asks and shows.
pub async fn run(args: &WhatIfArgs, common: &Common) -> Result<(), Failure> {
    let found = client(common)?.what_if(&args.lose).await?;
    let style = Style { bars: std::io::stdout().is_terminal(), colour: is_colourful() };
    show(common.output, &found, |found| in_words(found, style))?;
    if found.ok { Ok(()) } else { Err(Failure::Refused(verdict(&found).to_owned())) }
}

#[derive(Clone, Copy)]
struct Style {
    bars: bool,
    colour: bool,
}

fn verdict(found: &WhatIf) -> &'static str {
    match found.verdict {
        WhatIfVerdict::Carried => "what stays carries it",
        WhatIfVerdict::Unknown => {
            "nothing speaks against it, but not of every zone that stays it is known what it carries"
        }
        WhatIfVerdict::Unproven => {
            "a zone that stays would carry more than was ever measured; \
             declare its `capacity`, or let a practice run show it"
        }
        WhatIfVerdict::Beyond => "a zone that stays would carry more than it can; add capacity there first",
        WhatIfVerdict::Out => "a pool would serve nobody; give it endpoints in other zones, or a fallback",
        WhatIfVerdict::Refused => "an evacuation would be refused; see above what holds it",
    }
}

fn in_words(found: &WhatIf, style: Style) -> String {
    let mut text = format!(
        "if {} went, as {} sees it at revision {}\n\n",
        found.lost.join(", "),
        found.node,
        found.revision
    );
    text.push_str(&zones(&found.zones, style));
    if !found.load_known {
        text.push_str("\nnobody tells what is carried now: no balancer is heard\n");
    }
    if !found.week {
        text.push_str("\nthis node does not keep the last week; ask a control node for the peak and for measured capacities\n");
    } else if found.hours_known < 168 {
        text.push_str(&format!(
            "\nthe peak is that of {} in the last week\n",
            count(found.hours_known as usize, "hour")
        ));
    }
    for pool in &found.pools {
        if pool.out {
            text.push_str(&format!(
                "\npool/{} WOULD SERVE NOBODY: {} go nowhere\n",
                pool.name,
                rate(pool.nowhere_per_1000_s)
            ));
        }
        for zone in pool.zones.iter().filter(|zone| !zone.lost) {
            let beyond = |of: Option<ProjectedLoad>| of.filter(|of| of.fit == LoadFit::Beyond);
            if let (Some(load), Some(capacity)) = (beyond(zone.now).or(beyond(zone.peak)), zone.capacity) {
                text.push_str(&format!(
                    "\npool/{} in {}: {} of it there went badly before; it would be {}\n",
                    pool.name,
                    zone.id,
                    rate(capacity.failed_at_per_1000_s.unwrap_or(capacity.per_1000_s)),
                    rate(load.after_per_1000_s),
                ));
            }
        }
    }
    if !found.refused.is_empty() || found.shift_refused.is_some() {
        text.push_str("\nrefused:\n");
        for refused in &found.refused {
            text.push_str(&format!("  {} stays in {}: {}\n", refused.resource, refused.zone, refused.why));
        }
        if let Some(why) = &found.shift_refused {
            text.push_str(&format!("  a shift of it as a whole: {why}\n"));
        }
    }
    if !found.paths.is_empty() {
        text.push_str("\nrequests that avoid the bad zone before it is left, by whom their services call:\n");
        let rows: Vec<[String; 6]> = found.paths.iter().map(path).collect();
        text.push_str(&columns(
            ["SERVICE", "REGION", "CALLS", "AVOID IT", "ALL REGIONAL", "ALL ZONAL"],
            &rows,
        ));
    }
    text.push_str(&format!("\n{}\n", verdict(found)));
    text
}

fn path(of: &WhatIfPath) -> [String; 6] {
    let share = |exact: &str, ppm: u32| format!("{exact} = {}", percent(Some(ppm)));
    let calls = of.services.saturating_sub(1);
    [
        of.service.clone(),
        of.region.clone(),
        format!("{calls}, {} regional", of.regional_calls),
        share(&of.avoids, of.avoids_ppm),
        share(&of.if_regional, of.if_regional_ppm),
        share(&of.if_zonal, of.if_zonal_ppm),
    ]
}

fn zones(zones: &[WhatIfZone], style: Style) -> String {
    let rows: Vec<[String; 7]> = zones
        .iter()
        .map(|zone| {
            let (now, peak) = (zone.now.filter(|_| !zone.lost), zone.peak.filter(|_| !zone.lost));
            let worst = [peak, now].into_iter().flatten().max_by_key(|load| load.fit);
            let capacity = zone.capacity.map_or("-".to_owned(), |capacity| match capacity.basis {
                CapacityBasis::Declared => rate(capacity.per_1000_s),
                CapacityBasis::Measured => format!("{} measured", rate(capacity.per_1000_s)),
            });
            let bar = match (now, zone.capacity) {
                (Some(load), Some(capacity)) if style.bars => {
                    bar(&load, peak.as_ref(), capacity.per_1000_s, style)
                }
                _ => String::new(),
            };
            [
                zone.id.clone(),
                capacity,
                step(zone.now),
                step(zone.peak),
                percent(now.and_then(|load| load.headroom_ppm)),
                if zone.lost {
                    "GONE".to_owned()
                } else {
                    worst.map_or("-", |load| fit(load.fit)).to_owned()
                },
                bar,
            ]
        })
        .collect();
    columns(["ZONE", "CARRIES", "NOW", "WEEK'S PEAK", "HEADROOM", "", ""], &rows)
}

fn fit(of: LoadFit) -> &'static str {
    match of {
        LoadFit::Fits => "fits",
        LoadFit::Unknown => "unknown",
        LoadFit::Unproven => "UNPROVEN",
        LoadFit::Beyond => "BEYOND",
    }
}

fn step(of: Option<ProjectedLoad>) -> String {
    of.map_or("-".to_owned(), |of| {
        if of.before_per_1000_s == of.after_per_1000_s {
            return rate(of.after_per_1000_s);
        }
        format!("{} -> {}", rate(of.before_per_1000_s), rate(of.after_per_1000_s))
    })
}

/// `##########|----`: used now, up to the peak, free; what is beyond the capacity shows as `!`.
fn bar(now: &ProjectedLoad, peak: Option<&ProjectedLoad>, capacity: u64, style: Style) -> String {
    let cells = |load: u64| {
        let cells = u128::from(load) * u128::from(BAR) / u128::from(capacity.max(1));
        u64::try_from(cells).unwrap_or(u64::MAX).min(BAR) as usize
    };
    let used = cells(now.after_per_1000_s);
    let peaked = peak.map_or(used, |peak| cells(peak.after_per_1000_s)).max(used);
    let is_over = [Some(now), peak].into_iter().flatten().any(|load| load.after_per_1000_s > capacity);
    let text = format!(
        "[{}{}{}]{}",
        "#".repeat(used),
        "+".repeat(peaked - used),
        " ".repeat(BAR as usize - peaked),
        if is_over { "!" } else { "" }
    );
    match (style.colour, is_over) {
        (true, true) => format!("\x1b[31m{text}\x1b[0m"),
        (true, false) => format!("\x1b[32m{text}\x1b[0m"),
        (false, _) => text,
    }
}

/// Requests a second.
fn rate(per_1000_s: u64) -> String {
    match per_1000_s {
        0..=9_999 => format!("{}.{}/s", per_1000_s / 1_000, per_1000_s % 1_000 / 100),
        _ => format!("{}/s", per_1000_s / 1_000),
    }
}

fn percent(ppm: Option<u32>) -> String {
    ppm.map_or("-".to_owned(), |ppm| format!("{}.{}%", ppm / 10_000, ppm % 10_000 / 1_000))
}

#[cfg(test)]
mod tests;
