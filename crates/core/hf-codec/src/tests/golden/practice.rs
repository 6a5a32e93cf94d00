//! One of each about practice runs.

use std::collections::BTreeMap;
use std::time::Duration;

use hf_control::{
    Autoshift, Command, Date, Event, Expect, Practice, PracticeConfig, PracticeOutcome, PracticeRecord,
    PracticeRefusal, PracticeSeen, Resource, Window,
};
use hf_model::{Operator, Revision, Share, Timestamp};

fn resources() -> [Resource; 3] {
    ["region/eu-west-2", "pool/web", "record/www.example.test."].map(|text| text.parse().unwrap())
}

fn config() -> PracticeConfig {
    PracticeConfig {
        outcome_alarms: vec!["errors of web".to_owned(), "latency of web".to_owned()],
        blocking_alarms: vec!["release under way".to_owned()],
        blocked_windows: vec![Window::parse("Mon:09:00-Mon:17:30").unwrap()],
        allowed_windows: vec![Window::parse("Sun:00:00-Sun:23:59").unwrap()],
        blocked_dates: vec![Date::parse("2026-12-24").unwrap()],
    }
}

pub(super) fn practices() -> BTreeMap<Resource, Practice> {
    let [region, pool, record] = resources();
    let practice = |config, autoshift, revision| {
        let configured_at = Timestamp(1_699_990_000_000 + revision);
        Practice { config, autoshift, configured_at, revision: Revision(revision) }
    };
    BTreeMap::from([
        (region, practice(config(), Autoshift::Enabled, 30)),
        (pool, practice(PracticeConfig::default(), Autoshift::Disabled, 31)),
        (record, practice(PracticeConfig::default(), Autoshift::Advise, 32)),
    ])
}

fn seen() -> PracticeSeen {
    let share = |ppm| Some(Share::from_ppm(ppm).unwrap());
    PracticeSeen {
        time_to_zero_ms: Some(812),
        headroom_before: share(410_000),
        headroom_during: share(225_000),
        headroom_after: None,
    }
}

pub(super) fn history() -> Vec<PracticeRecord> {
    let [region, pool, _] = resources();
    let record = |number, resource, ended_at, outcome, seen, why: &str| PracticeRecord {
        id: format!("shift-{number}").parse().unwrap(),
        resource,
        zone: "euw2-az1".parse().unwrap(),
        started_at: Timestamp(1_700_000_000_000),
        ended_at,
        outcome,
        seen,
        why: why.to_owned(),
        revision: Revision(number),
    };
    let end = Some(Timestamp(1_700_001_800_000));
    let nothing = PracticeSeen::default;
    vec![
        record(30, region.clone(), end, PracticeOutcome::Succeeded, seen(), "no alarm went off"),
        record(31, region.clone(), end, PracticeOutcome::Failed, seen(), "alarm `errors of web`"),
        record(32, region.clone(), end, PracticeOutcome::Interrupted, nothing(), "a stronger act came"),
        record(33, region, end, PracticeOutcome::CapacityCheckFailed, nothing(), "too full"),
        record(34, pool, None, PracticeOutcome::Pending, nothing(), ""),
    ]
}

pub(super) fn refusals() -> Vec<PracticeRefusal> {
    let [_, pool, _] = resources();
    vec![PracticeRefusal {
        resource: pool,
        zone: "euw2-az1".parse().unwrap(),
        why: "outcome alarm errors-high has gone off".to_owned(),
        by: Operator::new("practice of control-1"),
        first_at: Timestamp(1_700_000_000_000),
        last_at: Timestamp(1_700_000_600_000),
        times: 2,
        revision: Revision(42),
    }]
}

/// Autoshifts, and what the scheduler tells of practice runs.
fn automatic() -> Vec<Command> {
    let [region, ..] = resources();
    let (id, length) = ("shift-42".parse().unwrap(), Duration::from_mins(10));
    let end = |outcome| Command::EndPractice {
        id: "shift-34".parse().unwrap(),
        outcome,
        seen: seen(),
        why: "judged".to_owned(),
    };
    vec![
        end(PracticeOutcome::Succeeded),
        end(PracticeOutcome::Failed),
        end(PracticeOutcome::CapacityCheckFailed),
        Command::RecordPractice { id: "shift-34".parse().unwrap(), seen: PracticeSeen::default() },
        Command::RecordPracticeRefusal {
            resource: region.clone(),
            zone: "euw2-az1".parse().unwrap(),
            why: "blocking alarm errors-high has gone off".to_owned(),
        },
        Command::StartAutoshift {
            resource: region,
            zone: "euw2-az1".parse().unwrap(),
            length,
            reason: "errors 9.0% against 0.1% elsewhere".to_owned(),
        },
        Command::RenewAutoshift { id, length, reason: "as before".to_owned() },
        Command::EndAutoshift { id: "shift-42".parse().unwrap(), reason: "it is well".to_owned() },
    ]
}

pub(super) fn commands() -> Vec<Command> {
    let [region, pool, record] = resources();
    let put = |expect| Command::PutPractice { resource: region.clone(), config: config(), expect };
    let mut commands = vec![
        put(Expect::Absent),
        put(Expect::Present),
        put(Expect::Any),
        Command::DeletePractice { resource: pool.clone() },
        Command::SetAutoshift { resource: pool.clone(), to: Autoshift::Enabled },
        Command::SetAutoshift { resource: pool, to: Autoshift::Advise },
        Command::SetObserver { to: Autoshift::Disabled },
        Command::StartPractice {
            resource: record,
            zone: "euw2-az1".parse().unwrap(),
            reason: "the weekly one".to_owned(),
        },
    ];
    commands.extend(automatic());
    commands
}

pub(super) fn events() -> Vec<Event> {
    let [region, ..] = resources();
    let (before, after) = (Some("autoshift disabled".to_owned()), Some("autoshift enabled".to_owned()));
    vec![
        Event::PracticeChanged { resource: Some(region), before: before.clone(), after },
        Event::PracticeChanged { resource: None, before, after: None },
    ]
}
