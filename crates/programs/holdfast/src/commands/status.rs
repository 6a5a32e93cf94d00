//! `holdfast status`: the zones at a glance.

use std::time::Duration;

use hf_api::{BreakGlassFate, Status, ZoneState};

use super::shift::words;
use crate::args::{Common, StatusArgs};
use crate::failure::Failure;
use crate::output::{columns, is_colourful, relative, rough, say, show};
use crate::session::client;

/// How long after its end the ledger's word on a break-glass act is shown.
const RECORDED_SHOWN_MS: u64 = 3_600_000;

/// Shows the status once, or every second until Ctrl-C.
pub async fn run(args: &StatusArgs, common: &Common) -> Result<(), Failure> {
    let client = client(common)?;
    if !args.watch {
        return show(common.output, &client.status().await?, in_tables);
    }
    let mut pace = tokio::time::interval(Duration::from_secs(1));
    loop {
        pace.tick().await;
        match client.status().await {
            Ok(status) => {
                if is_colourful() {
                    say("\x1b[2J\x1b[H");
                }
                show(common.output, &status, in_tables)?;
            }
            Err(error) => eprintln!("holdfast: {error}"),
        }
    }
}

fn in_tables(status: &Status) -> String {
    let mut text = format!("revision {} as {} sees it\n\n", status.revision, status.node);
    if let Some(problem) = &status.estate_file_problem {
        text.push_str(&format!("THE ESTATE FILE IS NOT IN FORCE: {problem}\n\n"));
    }
    text.push_str(&zones(status));
    for shift in &status.break_glass {
        text.push_str(&format!("\n{}", words::break_glass(shift, status.now_ms)));
    }
    for act in &status.break_glass_recorded {
        let is_new = act.ends_at_ms.max(act.signed_at_ms) + RECORDED_SHOWN_MS > status.now_ms;
        if is_new && act.fate == BreakGlassFate::Ended {
            let what = if act.ends_at_ms == act.signed_at_ms { "cancel" } else { "shift" };
            text.push_str(&format!("\nbreak-glass {what} of {} by {}: {}\n", act.zone, act.by, act.text));
        }
    }
    for control in &status.controls_off {
        text.push_str(&format!(
            "\n{} is OFF since {}, by {}: takes away {}\n",
            control.path,
            relative(control.since_ms, status.now_ms),
            control.by,
            if control.behind.is_empty() { "nothing".to_owned() } else { control.behind.join(", ") },
        ));
    }
    for floor in &status.floors_overridden {
        text.push_str(&format!("\nTHE FLOOR of pool/{} may be broken by {}\n", floor.pool, floor.by));
    }
    for back in &status.returning {
        let full = back
            .full_at_ms
            .map_or(String::new(), |at| format!(", all of it {}", relative(at, status.now_ms)));
        text.push_str(&format!(
            "\n{} returns to pool/{}: {} of its share{full}\n",
            back.zone,
            back.pool,
            percent(Some(back.share_ppm)),
        ));
    }
    for shift in &status.shifts {
        text.push('\n');
        text.push_str(&words::in_words(shift, status.now_ms));
    }
    for pin in &status.pins {
        let direction = if pin.to == hf_api::PinTo::In { "in" } else { "out" };
        text.push_str(&format!(
            "\n{} is pinned {direction} for {} by {}, ends {}: {}\n",
            pin.zone,
            pin.resource,
            pin.by,
            relative(pin.ends_at_ms, status.now_ms),
            pin.reason
        ));
        for line in words::not_applied(pin.effect.as_ref()) {
            text.push_str(&format!("{line}\n"));
        }
    }
    if !status.not_applied.is_empty() {
        text.push_str("\nnot applied:\n");
        for act in &status.not_applied {
            text.push_str(&format!("  {} on {} in {}: {}\n", act.source, act.resource, act.zone, act.why));
        }
    }
    text.push('\n');
    text.push_str(&pools(status));
    text.push('\n');
    text.push_str(&nodes(status));
    text
}

fn percent(ppm: Option<u32>) -> String {
    ppm.map_or("-".to_owned(), |ppm| format!("{:.1}%", f64::from(ppm) / 10_000.0))
}

fn zones(status: &Status) -> String {
    let rows: Vec<[String; 7]> = status
        .zones
        .iter()
        .map(|zone| {
            [
                zone.id.clone(),
                zone.region.clone(),
                if zone.state == ZoneState::Away { "AWAY".to_owned() } else { "open".to_owned() },
                format!("{}/{}", zone.healthy, zone.of),
                percent(zone.share_ppm),
                percent(zone.headroom_ppm),
                why(status, zone),
            ]
        })
        .collect();
    columns(["ZONE", "REGION", "STATE", "HEALTHY", "TRAFFIC", "HEADROOM", "WHY"], &rows)
}

/// Why a zone is as it is, and what detectors have against it.
fn why(status: &Status, zone: &hf_api::Zone) -> String {
    let here = status.gray.iter().filter(|gray| gray.zone == zone.id);
    let gray = here.map(|gray| {
        let (evidence, _) = gray.text.split_once(", sequential").unwrap_or((&gray.text, ""));
        let stage =
            if gray.stage == "impaired" { "gray".to_owned() } else { format!("gray? ({})", gray.stage) };
        format!("{stage}: pool/{} {evidence}", gray.pool)
    });
    std::iter::once(zone.reason.text.clone()).chain(gray).collect::<Vec<_>>().join("; ")
}

fn pools(status: &Status) -> String {
    let rows: Vec<[String; 4]> = status
        .pools
        .iter()
        .map(|pool| {
            let away: Vec<&str> = pool
                .zones
                .iter()
                .filter(|zone| zone.state == ZoneState::Away)
                .map(|zone| zone.zone.as_str())
                .collect();
            let mode = match &pool.fallback {
                Some(fallback) => format!("{} to {fallback}", pool.mode.as_str()),
                None => pool.mode.as_str().to_owned(),
            };
            [pool.name.clone(), mode, format!("{}/{}", pool.serving, pool.of), away.join(", ")]
        })
        .collect();
    columns(["POOL", "MODE", "SERVING", "AWAY"], &rows)
}

fn nodes(status: &Status) -> String {
    let rows: Vec<[String; 6]> = status
        .nodes
        .iter()
        .map(|node| {
            let mut notes = Vec::new();
            if node.stale {
                notes.push("STALE".to_owned());
            }
            if node.booted_from_disk {
                notes.push("serves what it had on disk".to_owned());
            }
            notes.extend(node.problem.as_deref().map(one_line));
            [
                node.id.clone(),
                node.zone.clone().unwrap_or_else(|| "-".to_owned()),
                node.roles.join(","),
                node.revision.to_string(),
                format!("{} ago", rough(node.last_heard_ms)),
                notes.join("; "),
            ]
        })
        .collect();
    columns(["NODE", "ZONE", "ROLES", "REVISION", "HEARD", "NOTES"], &rows)
}

/// The first of several problems, and how many more there are: a table has one line for each node.
fn one_line(problem: &str) -> String {
    let mut lines = problem.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    match lines.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_problems_are_one_line_of_a_table() {
        assert_eq!(one_line("estate.toml:1:1: no"), "estate.toml:1:1: no");
        assert_eq!(
            one_line("estate.toml:1:1: no\nestate.toml:2:1: no\n\nx"),
            "estate.toml:1:1: no and 2 more"
        );
        assert_eq!(one_line(""), "");
    }
}
