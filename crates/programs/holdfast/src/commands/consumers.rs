//! Consumers of zone status for people, and the wait of `shift start --wait-consumers`.
//!
//! Not here: who counts as silent (`hf-consumers`), the shift around them (`shift`).

use std::time::Duration;

use hf_api::{Client, ConsumerGroup, ConsumerStanding, Consumers, Shift, ShiftConsumers};
use tokio::time::{Instant, interval};

use crate::output::{columns, count, rough};

/// How long nobody may be known before a wait for consumers concludes that there are none: a node tells several times a second.
const NOBODY: Duration = Duration::from_secs(3);

/// All of them: laggards first, and what is not in the table.
pub fn in_table(known: &Consumers) -> String {
    if known.groups.is_empty() {
        return String::new();
    }
    let mut text = table(&known.groups);
    if known.left_out > 0 {
        text.push_str(&format!("and {} more that are not listed\n", count(known.left_out as usize, "group")));
    }
    if known.forgotten > 0 {
        text.push_str(&format!("{} instances had to make room for others\n", known.forgotten));
    }
    for node in &known.silent_nodes {
        text.push_str(&format!("{node} is not heard: whom only it knew is shown as silent\n"));
    }
    text
}

/// The groups of a shift as a table, laggards first.
pub fn of_shift(consumers: &ShiftConsumers) -> String {
    if consumers.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}", table(&consumers.groups));
    if consumers.left_out > 0 {
        text.push_str(&format!("and {} more\n", count(consumers.left_out as usize, "group")));
    }
    text
}

/// The lines of a shift's page on its consumers.
pub fn summary(consumers: &ShiftConsumers) -> String {
    if consumers.is_empty() {
        return String::new();
    }
    let when = |at: Option<u64>, not_yet: String| match at {
        Some(0) => "none since the start".to_owned(),
        Some(ms) => rough(ms),
        None => not_yet,
    };
    let unsaid = match consumers.work_not_told {
        all if consumers.groups.iter().map(|group| u64::from(group.instances)).sum::<u64>() == all => {
            String::new()
        }
        0 => String::new(),
        some => format!(" (unknown for {}: never said what runs)", count(some as usize, "instance")),
    };
    format!(
        "consumers     {}\n  all had applied it    {}\n  last work in zone     {}{unsaid}\n",
        applied_by(consumers),
        match consumers.applied_ms {
            Some(ms) => rough(ms),
            None => "not yet".to_owned(),
        },
        when(
            consumers.last_work_ms,
            if consumers.running > 0 {
                format!("{} still running", consumers.running)
            } else if consumers.applied + consumers.lagging + consumers.not_told == 0 {
                "unknown: nobody is heard".to_owned()
            } else if consumers.groups.iter().all(|group| group.work_not_told == group.instances) {
                "unknown: nobody says what runs".to_owned()
            } else if consumers.not_told > 0 {
                "unknown: not all have said".to_owned()
            } else {
                "unknown: no work was seen".to_owned()
            }
        ),
    )
}

/// `applied by 3 of 4 instances that are heard, 1 lags; 2 SILENT`.
fn applied_by(consumers: &ShiftConsumers) -> String {
    let ShiftConsumers { applied, lagging, not_told, silent, .. } = consumers;
    let mut text =
        format!("applied by {applied} of {} instances that are heard", applied + lagging + not_told);
    if *lagging > 0 {
        text.push_str(&format!(", {lagging} behind"));
    }
    if *not_told > 0 {
        text.push_str(&format!(", {not_told} have not said"));
    }
    if *silent > 0 {
        text.push_str(&format!("; {silent} SILENT"));
    }
    text
}

fn table(groups: &[ConsumerGroup]) -> String {
    let rows: Vec<[String; 8]> = groups.iter().map(row).collect();
    columns(["CONSUMER", "KIND", "ZONE", "STATE", "INSTANCES", "REVISION", "RUNNING", "HEARD"], &rows)
}

fn row(group: &ConsumerGroup) -> [String; 8] {
    let mut running: Vec<String> =
        group.running.iter().filter(|(_, n)| **n > 0).map(|(zone, n)| format!("{n} in {zone}")).collect();
    if group.work_not_told > 0 {
        running.push(match group.instances - group.work_not_told.min(group.instances) {
            0 => "not said".to_owned(),
            _ => format!("{} not said", group.work_not_told),
        });
    }
    let revision = match (group.lowest_revision, group.highest_revision) {
        (Some(lowest), Some(highest)) if lowest == highest => lowest.to_string(),
        (Some(lowest), Some(highest)) => format!("{lowest} to {highest}"),
        _ => "-".to_owned(),
    };
    let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    [
        group.name.clone(),
        group.kind.clone(),
        group.zone.clone().unwrap_or_else(|| "-".to_owned()),
        state(group),
        group.instances.to_string(),
        revision,
        dash(running.join(", ")),
        group.last_heard_ms.map_or("never".to_owned(), |ms| format!("{} ago", rough(ms))),
    ]
}

/// What is not fine, loudest first; `applied 850ms` when all is.
fn state(group: &ConsumerGroup) -> String {
    if group.instances == 0 {
        return "SILENT: never heard of".to_owned();
    }
    let mut parts = Vec::new();
    if group.lagging > 0 {
        parts.push(format!("{} LAG", group.lagging));
    }
    if group.not_told > 0 {
        parts.push(format!("{} not said", group.not_told));
    }
    if group.silent > 0 {
        parts.push(format!("{} SILENT", group.silent));
    }
    if parts.is_empty() {
        return group.applied_ms.map_or("applied".to_owned(), |ms| format!("applied {}", rough(ms)));
    }
    let named = if group.laggards.is_empty() {
        String::new()
    } else {
        let worst = group.lagging + group.not_told + group.silent;
        let more = if worst as usize > group.laggards.len() { ", …" } else { "" };
        format!(": {}{more}", group.laggards.join(", "))
    };
    format!("{}{named}", parts.join(", "))
}

/// What a wait says when it ends because nobody is known.
fn nobody(known: &ShiftConsumers, waited: Duration, length: Duration) -> Option<String> {
    if !known.is_empty() || waited < NOBODY.min(length) {
        return None;
    }
    let words = "no consumer of zone status is known";
    if length >= NOBODY {
        return Some(words.to_owned());
    }
    // A node that was asked a moment ago may not have heard of them yet.
    Some(format!("{words} after {}", rough(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))))
}

/// Until every consumer that is heard says that it has applied the shift, `length` at most; nobody waits for silent ones.
pub async fn wait(client: &Client, mut shift: Shift, length: Duration) -> Shift {
    let begun = Instant::now();
    let mut pace = interval(Duration::from_millis(250));
    let mut told = String::new();
    loop {
        let known = &shift.consumers;
        if let Some(line) = nobody(known, begun.elapsed(), length) {
            eprintln!("{line}");
            return shift;
        }
        if !known.is_empty() {
            let line = applied_by(known);
            if line != told {
                eprintln!("consumers: {line}");
                told = line;
            }
            if known.all_applied() {
                return shift;
            }
        }
        if begun.elapsed() >= length {
            let behind = known
                .groups
                .iter()
                .filter(|group| matches!(group.standing, ConsumerStanding::Lags | ConsumerStanding::NotTold));
            let behind: Vec<&str> = behind.map(|group| group.name.as_str()).collect();
            eprintln!(
                "not all consumers that are heard have applied it after {}: {}; `holdfast shift show {}` goes on telling",
                rough(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)),
                behind.join(", "),
                shift.id
            );
            return shift;
        }
        pace.tick().await;
        // What cannot be read now is read with the next beat; the shift stands.
        if let Ok(newer) = client.shift(&shift.id).await
            && newer.revision >= shift.revision
        {
            shift = newer;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;

    use super::*;

    fn group(name: &str, counts: [u32; 4], laggards: &[&str]) -> ConsumerGroup {
        let [instances, lagging, not_told, silent] = counts;
        ConsumerGroup {
            name: name.to_owned(),
            kind: "worker".to_owned(),
            zone: Some("use1-az1".to_owned()),
            standing: ConsumerStanding::Applied,
            instances,
            silent,
            lagging,
            not_told,
            lowest_revision: (instances > 0).then_some(6),
            highest_revision: (instances > 0).then_some(if lagging > 0 { 7 } else { 6 }),
            running: BTreeMap::from([("use1-az1".to_owned(), u64::from(lagging)), ("b".to_owned(), 0)]),
            work_not_told: 0,
            laggards: laggards.iter().map(|id| (*id).to_owned()).collect(),
            last_heard_ms: (instances > 0).then_some(900),
            declared: false,
            nodes: vec!["s1".to_owned()],
            applied_ms: (lagging + not_told + silent == 0).then_some(850),
        }
    }

    fn consumers() -> ShiftConsumers {
        ShiftConsumers {
            applied: 5,
            lagging: 4,
            not_told: 1,
            silent: 3,
            running: 4,
            work_not_told: 0,
            applied_ms: None,
            last_work_ms: None,
            groups: vec![
                group("orders", [5, 4, 0, 1], &["o-1", "o-2", "o-3"]),
                group("mail", [2, 0, 1, 1], &["m-1", "m-2"]),
                group("never", [0, 0, 0, 0], &[]),
                group("fine", [5, 0, 0, 0], &[]),
            ],
            left_out: 1,
        }
    }

    #[test]
    fn who_lags_and_who_is_silent_is_loud() {
        expect![[r#"

            CONSUMER  KIND    ZONE      STATE                              INSTANCES  REVISION  RUNNING        HEARD
            orders    worker  use1-az1  4 LAG, 1 SILENT: o-1, o-2, o-3, …  5          6 to 7    4 in use1-az1  900ms ago
            mail      worker  use1-az1  1 not said, 1 SILENT: m-1, m-2     2          6         -              900ms ago
            never     worker  use1-az1  SILENT: never heard of             0          -         -              never
            fine      worker  use1-az1  applied 850ms                      5          6         -              900ms ago
            and 1 group more
        "#]]
        .assert_eq(&of_shift(&consumers()));
    }

    #[test]
    fn a_shifts_page_says_how_far_they_are() {
        expect![[r#"
            consumers     applied by 5 of 10 instances that are heard, 4 behind, 1 have not said; 3 SILENT
              all had applied it    not yet
              last work in zone     4 still running
        "#]]
        .assert_eq(&summary(&consumers()));
        let done = ShiftConsumers {
            applied: 5,
            applied_ms: Some(850),
            last_work_ms: Some(0),
            groups: vec![group("fine", [5, 0, 0, 0], &[])],
            ..ShiftConsumers::default()
        };
        expect![[r#"
            consumers     applied by 5 of 5 instances that are heard
              all had applied it    850ms
              last work in zone     none since the start
        "#]]
        .assert_eq(&summary(&done));
        assert_eq!(summary(&ShiftConsumers::default()), "", "nobody is known: nothing is said");
    }

    #[test]
    fn who_never_says_what_runs_is_not_taken_for_idle() {
        let mut proxies = group("haproxy", [2, 0, 0, 0], &[]);
        (proxies.work_not_told, proxies.running) = (2, BTreeMap::new());
        let mut known = ShiftConsumers {
            applied: 2,
            work_not_told: 2,
            applied_ms: Some(850),
            groups: vec![proxies],
            ..ShiftConsumers::default()
        };
        expect![[r#"
            consumers     applied by 2 of 2 instances that are heard
              all had applied it    850ms
              last work in zone     unknown: nobody says what runs
        "#]]
        .assert_eq(&summary(&known));
        known.groups.push(group("fine", [5, 0, 0, 0], &[]));
        (known.applied, known.last_work_ms) = (7, Some(0));
        expect![[r#"
            consumers     applied by 7 of 7 instances that are heard
              all had applied it    850ms
              last work in zone     none since the start (unknown for 2 instances: never said what runs)
        "#]]
        .assert_eq(&summary(&known));
        assert!(of_shift(&known).contains("not said"), "{}", of_shift(&known));
    }

    #[test]
    fn a_short_wait_for_nobody_ends_with_words() {
        let (known, nobody_known) = (consumers(), ShiftConsumers::default());
        let (second, ten) = (Duration::from_secs(1), Duration::from_secs(10));
        assert_eq!(nobody(&nobody_known, second / 2, second), None);
        let words = nobody(&nobody_known, second, second);
        assert_eq!(words.as_deref(), Some("no consumer of zone status is known after 1s"));
        assert_eq!(nobody(&nobody_known, second, ten), None, "one may be heard of yet");
        let words = nobody(&nobody_known, NOBODY, ten);
        assert_eq!(words.as_deref(), Some("no consumer of zone status is known"));
        assert_eq!(nobody(&known, ten, ten), None);
    }

    #[test]
    fn what_is_not_in_the_table_is_said() {
        let known = Consumers {
            revision: 6,
            groups: vec![group("fine", [5, 0, 0, 0], &[])],
            left_out: 2,
            forgotten: 7,
            silent_nodes: vec!["s2".to_owned()],
        };
        let text = in_table(&known);
        assert!(text.contains("and 2 groups more that are not listed\n"), "{text}");
        assert!(text.contains("s2 is not heard: whom only it knew is shown as silent\n"), "{text}");
        assert_eq!(in_table(&Consumers::default()), "");
    }
}
