//! Any practice configuration, and any command about one.

use std::collections::BTreeMap;

use hf_control::{
    Autoshift, Command, Date, Expect, Practice, PracticeConfig, PracticeOutcome, PracticeRecord,
    PracticeRefusal, PracticeSeen, Resource, Window,
};
use hf_model::{RegionId, Share};
use proptest::prelude::*;

use super::{at, id, length, operator, pool, revision, scope, text, zone};

pub(super) fn resource() -> impl Strategy<Value = Resource> {
    prop_oneof![
        "[a-z0-9]{1,9}".prop_map(|text| Resource::Region(RegionId::new(&text).unwrap())),
        pool().prop_map(Resource::Pool),
        scope().prop_filter_map("a record", |scope| scope.to_string().parse().ok()),
    ]
}

pub(super) fn autoshift() -> impl Strategy<Value = Autoshift> {
    prop_oneof![Just(Autoshift::Enabled), Just(Autoshift::Advise), Just(Autoshift::Disabled)]
}

fn window() -> impl Strategy<Value = Window> {
    (prop::sample::select(vec!["Mon", "Thu", "Sun"]), 0u16..12, 12u16..24, 0u16..60).prop_map(
        |(day, from, to, minute)| {
            Window::parse(&format!("{day}:{from:02}:{minute:02}-{day}:{to:02}:59")).unwrap()
        },
    )
}

fn date() -> impl Strategy<Value = Date> {
    (1970u16..=9999, 1u8..=12, 1u8..=28)
        .prop_map(|(year, month, day)| Date::parse(&format!("{year:04}-{month:02}-{day:02}")).unwrap())
}

fn config() -> impl Strategy<Value = PracticeConfig> {
    let alarms = || prop::collection::vec(text(), 0..3);
    let windows = || prop::collection::vec(window(), 0..3);
    (alarms(), alarms(), windows(), windows(), prop::collection::vec(date(), 0..3)).prop_map(
        |(outcome_alarms, blocking_alarms, blocked_windows, allowed_windows, blocked_dates)| PracticeConfig {
            outcome_alarms,
            blocking_alarms,
            blocked_windows,
            allowed_windows,
            blocked_dates,
        },
    )
}

pub(super) fn practices() -> BoxedStrategy<BTreeMap<Resource, Practice>> {
    let practice =
        (config(), autoshift(), at(), revision()).prop_map(|(config, autoshift, configured_at, revision)| {
            Practice { config, autoshift, configured_at, revision }
        });
    prop::collection::btree_map(resource(), practice, 0..4).boxed()
}

fn outcome() -> impl Strategy<Value = PracticeOutcome> {
    prop::sample::select(vec![
        PracticeOutcome::Pending,
        PracticeOutcome::Succeeded,
        PracticeOutcome::Failed,
        PracticeOutcome::Interrupted,
        PracticeOutcome::CapacityCheckFailed,
    ])
}

fn seen() -> impl Strategy<Value = PracticeSeen> {
    let share = || prop::option::of((0u32..=1_000_000).prop_map(|ppm| Share::from_ppm(ppm).unwrap()));
    (any::<Option<u64>>(), share(), share(), share()).prop_map(
        |(time_to_zero_ms, headroom_before, headroom_during, headroom_after)| PracticeSeen {
            time_to_zero_ms,
            headroom_before,
            headroom_during,
            headroom_after,
        },
    )
}

pub(super) fn history() -> BoxedStrategy<Vec<PracticeRecord>> {
    let when = (at(), prop::option::of(at()));
    let record = (id(), resource(), zone(), when, outcome(), seen(), text(), revision()).prop_map(
        |(id, resource, zone, (started_at, ended_at), outcome, seen, why, revision)| PracticeRecord {
            id,
            resource,
            zone,
            started_at,
            ended_at,
            outcome,
            seen,
            why,
            revision,
        },
    );
    prop::collection::vec(record, 0..4).boxed()
}

pub(super) fn refusals() -> BoxedStrategy<Vec<PracticeRefusal>> {
    let when = (at(), at(), any::<u32>());
    let refusal = (resource(), zone(), text(), operator(), when, revision()).prop_map(
        |(resource, zone, why, by, (first_at, last_at, times), revision)| PracticeRefusal {
            resource,
            zone,
            why,
            by,
            first_at,
            last_at,
            times,
            revision,
        },
    );
    prop::collection::vec(refusal, 0..4).boxed()
}

/// Autoshifts, and what the scheduler tells of practice runs.
fn automatic() -> BoxedStrategy<Command> {
    prop_oneof![
        (id(), outcome(), seen(), text()).prop_map(|(id, outcome, seen, why)| Command::EndPractice {
            id,
            outcome,
            seen,
            why
        }),
        (id(), seen()).prop_map(|(id, seen)| Command::RecordPractice { id, seen }),
        (resource(), zone(), text()).prop_map(|(resource, zone, why)| Command::RecordPracticeRefusal {
            resource,
            zone,
            why
        }),
        (resource(), zone(), length(), text()).prop_map(|(resource, zone, length, reason)| {
            Command::StartAutoshift { resource, zone, length, reason }
        }),
        (id(), length(), text()).prop_map(|(id, length, reason)| Command::RenewAutoshift {
            id,
            length,
            reason
        }),
        (id(), text()).prop_map(|(id, reason)| Command::EndAutoshift { id, reason }),
    ]
    .boxed()
}

pub(super) fn command() -> BoxedStrategy<Command> {
    let expect = prop_oneof![Just(Expect::Absent), Just(Expect::Present), Just(Expect::Any)];
    prop_oneof![
        automatic(),
        (resource(), config(), expect).prop_map(|(resource, config, expect)| Command::PutPractice {
            resource,
            config,
            expect
        }),
        resource().prop_map(|resource| Command::DeletePractice { resource }),
        (resource(), autoshift()).prop_map(|(resource, to)| Command::SetAutoshift { resource, to }),
        autoshift().prop_map(|to| Command::SetObserver { to }),
        (resource(), zone(), text()).prop_map(|(resource, zone, reason)| Command::StartPractice {
            resource,
            zone,
            reason
        }),
    ]
    .boxed()
}
