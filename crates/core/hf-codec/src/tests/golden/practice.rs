//! One of each about practice runs.

use std::collections::BTreeMap;

use hf_control::{Autoshift, Command, Date, Event, Expect, Practice, PracticeConfig, Resource, Window};
use hf_model::Revision;

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
    let [region, pool, _] = resources();
    let practice = |config, autoshift, revision| Practice { config, autoshift, revision: Revision(revision) };
    BTreeMap::from([
        (region, practice(config(), Autoshift::Enabled, 30)),
        (pool, practice(PracticeConfig::default(), Autoshift::Disabled, 31)),
    ])
}

pub(super) fn commands() -> Vec<Command> {
    let [region, pool, record] = resources();
    let put = |expect| Command::PutPractice { resource: region.clone(), config: config(), expect };
    vec![
        put(Expect::Absent),
        put(Expect::Present),
        put(Expect::Any),
        Command::DeletePractice { resource: pool.clone() },
        Command::SetAutoshift { resource: pool, to: Autoshift::Enabled },
        Command::SetObserver { to: Autoshift::Disabled },
        Command::StartPractice {
            resource: record,
            zone: "euw2-az1".parse().unwrap(),
            reason: "the weekly one".to_owned(),
        },
    ]
}

pub(super) fn events() -> Vec<Event> {
    let [region, ..] = resources();
    let (before, after) = (Some("autoshift disabled".to_owned()), Some("autoshift enabled".to_owned()));
    vec![
        Event::PracticeChanged { resource: Some(region), before: before.clone(), after },
        Event::PracticeChanged { resource: None, before, after: None },
    ]
}
