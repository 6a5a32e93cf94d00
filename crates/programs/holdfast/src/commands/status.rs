//! `holdfast status`: the zones at a glance.

use std::time::Duration;

use hf_api::{BreakGlassFate, Status, ZoneState};

use super::shift::words;
use super::{consumers, deploy};
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
    for mark in &status.deployments {
        text.push_str(&format!("\n{}", deploy::in_words(mark, status.now_ms)));
    }
    text.push_str(&closing(&status.closing_sources, status.now_ms));
    if !status.not_applied.is_empty() {
        text.push_str("\nnot applied:\n");
        for act in &status.not_applied {
            text.push_str(&format!("  {} on {} in {}: {}\n", act.source, act.resource, act.zone, act.why));
        }
    }
    text.push_str(&gray(&status.gray_told, status.gray_told_more));
    text.push('\n');
    text.push_str(&pools(status));
    text.push('\n');
    text.push_str(&nodes(status));
    let known = consumers::in_table(&status.consumers);
    if !known.is_empty() {
        text.push_str(&format!("\n{known}"));
    }
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

/// What the detectors found, each as what it is; nothing when they found nothing.
fn gray(told: &[hf_api::GrayTold], more: u32) -> String {
    if told.is_empty() {
        return String::new();
    }
    let lines = told.iter().map(|told| format!("  pool/{}: {}\n", told.pool, told.text));
    let more = match more {
        0 => String::new(),
        more => format!("  and {more} more findings; `GET /v1/gray` tells them\n"),
    };
    format!("\ngray failure:\n{}{more}", lines.collect::<String>())
}

/// Closing sources that are not simply open, one line each, and how many are.
fn closing(told: &hf_api::ClosingSources, now_ms: u64) -> String {
    if told.sources.is_empty() {
        return String::new();
    }
    let is_open = |source: &&hf_api::ClosingSource| source.finding.as_deref() == Some("open");
    let silent = |source: &hf_api::ClosingSource| {
        source.stores.iter().filter(|store| store.says.as_deref() == Some("silent")).count()
    };
    let mut text = String::from("\n");
    let open = told.sources.iter().filter(is_open).count();
    if open > 0 {
        text.push_str(&format!("closing sources: open for {open} of {} zones\n", told.sources.len()));
    }
    for source in told.sources.iter().filter(|source| !is_open(source) || silent(source) > 0) {
        let Some(finding) = &source.finding else { continue };
        let since = source.since_ms.map_or(String::new(), |at| format!(" since {}", relative(at, now_ms)));
        let (name, zone, why) = (&source.name, &source.zone, &source.why);
        text.push_str(&format!(
            "closing-source/{name}: {zone} {}{since}: {why}; {}\n",
            finding.to_uppercase(),
            source.text
        ));
        if let Some(refused) = &source.refused {
            text.push_str(&format!("  THE LEDGER REFUSES to let it go: {refused}\n"));
        }
        for store in source.stores.iter().filter(|store| store.says.as_deref() == Some("silent")) {
            text.push_str(&format!("  silent: {}: {}\n", store.store, store.why));
        }
    }
    if told.sources.iter().all(|source| source.finding.is_none()) {
        let at = told.acts_at.as_deref().filter(|_| !told.acts_here);
        text.push_str(&match at {
            Some(node) => format!("closing sources: {node} looks at them; ask it for what the stores say\n"),
            None => "closing sources: nobody has looked at them yet\n".to_owned(),
        });
    }
    text
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
    use hf_api::{ClosingSource, ClosingSources, ClosingStore};

    use super::*;

    fn source(zone: &str, finding: Option<&str>, says: &str) -> ClosingSource {
        let said = || Some(says.to_owned()).filter(|_| finding.is_some());
        ClosingSource {
            name: "runbook".to_owned(),
            zone: zone.to_owned(),
            resource: "everything".to_owned(),
            quorum: 1,
            inverted: true,
            finding: finding.map(str::to_owned),
            why: format!("file /{zone} is there"),
            since_ms: finding.map(|_| 0),
            looked_at_ms: Some(1_000),
            word: Some("stay".to_owned()),
            text: "shift-3 is in force".to_owned(),
            shift: Some("shift-3".to_owned()),
            refused: (zone == "c").then(|| "the floor stands".to_owned()),
            stores: vec![ClosingStore {
                store: format!("file /{zone}"),
                says: said(),
                why: if says == "silent" { "no folder".to_owned() } else { String::new() },
            }],
        }
    }

    #[test]
    fn findings_of_the_detectors_are_told_as_what_they_are() {
        assert_eq!(gray(&[], 0), "");
        let told: Vec<hf_api::GrayTold> = serde_json::from_str(crate::commands::GRAY_TOLD).unwrap();
        expect_test::expect![[r#"

            gray failure:
              pool/clients: two clients have the faults in b: faults 41 % against 0.3 % of the others there (tolerated 1.1 %), evidence 212 of 20, likelihood ratio of rates of 10 s; the zone is not left for them
              pool/endpoint: one endpoint (10.0.1.7:80) of b is bad: faults 41 % against 0.3 % of the others there (tolerated 1.1 %), evidence 212 of 20, likelihood ratio of rates of 10 s; the zone is not left for it
              pool/everything: everything is worse than it was, 2 of 2 zones (a, b) at once have more faults: nothing is evacuated
              pool/observer: the observer a sees every zone bad where observers elsewhere see the same endpoints answer: its own evidence counts for nothing
              pool/several: several zones are bad at once: nothing is evacuated, leaving one would not help; a: faults 12 % (tolerated 1.5 %), evidence 21 of 20, sequential test of 9 s, rates of 10 s at 340 requests/s; b: faults 12 % (tolerated 1.5 %), evidence 21 of 20, sequential test of 9 s, rates of 10 s at 340 requests/s
              pool/zone: one zone (b) is bad, the others are not: faults 12 % (tolerated 1.5 %), evidence 21 of 20, sequential test of 9 s, rates of 10 s at 340 requests/s
              and 3 more findings; `GET /v1/gray` tells them
        "#]].assert_eq(&gray(&told, 3));
    }

    #[test]
    fn closing_sources_that_are_open_are_one_line() {
        let told = |sources| ClosingSources { acts_here: true, acts_at: Some("n1".to_owned()), sources };
        assert_eq!(closing(&ClosingSources::default(), 0), "");
        let all = vec![
            source("a", Some("open"), "absent"),
            source("b", Some("closed"), "there"),
            source("c", Some("undecided"), "silent"),
        ];
        let text = closing(&told(all), 60_000);
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(text.starts_with("\nclosing sources: open for 1 of 3 zones\n"), "{text}");
        assert!(text.contains("closing-source/runbook: b CLOSED since "), "{text}");
        assert!(text.contains("  THE LEDGER REFUSES to let it go: the floor stands\n"), "{text}");
        assert!(text.ends_with("  silent: file /c: no folder\n"), "{text}");
    }

    #[test]
    fn the_node_that_looks_at_stores_is_told() {
        let sources = vec![source("a", None, "")];
        let told = ClosingSources { acts_here: false, acts_at: Some("n1".to_owned()), sources };
        let text = closing(&told, 0);
        assert_eq!(text, "\nclosing sources: n1 looks at them; ask it for what the stores say\n");
    }

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
