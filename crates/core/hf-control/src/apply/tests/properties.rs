//! Sentences that hold for every sequence of commands.

use std::time::Duration;

use hf_config::floor::{floor_zones, pool_zones, share_left};
use hf_model::{DnsName, Operator, RequestId, ShiftId, Timestamp};
use proptest::prelude::*;

use super::script::bundle;
use super::*;
use crate::intent::{PinTo, Scope, ShiftState};

const ZONES: [&str; 7] = ["a", "west-a", "b", "c", "d", "e", "x"];
const HOURS_72: Duration = Duration::from_hours(72);

/// Estates that differ in what they have and in one floor.
fn estates() -> [hf_config::estate::EstateBundle; 4] {
    [
        bundle(&[]),
        bundle(&[("min_zones = 2", "min_zones = 3")]),
        bundle(&[("\"db\"", "\"sql\"")]),
        bundle(&[("id = \"e\"", "id = \"E\"")]),
    ]
}

fn scope() -> impl Strategy<Value = Scope> {
    let names = [
        "everything",
        "pool/web",
        "pool/api",
        "pool/db",
        "pool/x",
        "record/www.example.test.",
        "record/db.example.test.",
    ];
    prop::sample::select(names.to_vec()).prop_map(|text| text.parse().unwrap())
}

fn zone() -> impl Strategy<Value = hf_model::ZoneId> {
    prop::sample::select(ZONES.to_vec()).prop_map(|text| text.parse().unwrap())
}

fn length() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (60u64..=600).prop_map(Duration::from_secs),
        1 => Just(HOURS_72),
        1 => prop::sample::select(vec![Duration::ZERO, Duration::MAX, HOURS_72 + Duration::from_nanos(1)]),
    ]
}

fn reason() -> impl Strategy<Value = String> {
    prop_oneof![9 => "[a-z]{1,9}", 1 => Just(String::new())]
}

fn id() -> impl Strategy<Value = ShiftId> {
    (0u64..30).prop_map(|number| ShiftId::new(&format!("shift-{number}")).unwrap())
}

fn if_match() -> impl Strategy<Value = Option<Revision>> {
    prop_oneof![3 => Just(None), 1 => (0u64..30).prop_map(|number| Some(Revision(number)))]
}

fn command() -> impl Strategy<Value = Command> {
    let to = prop_oneof![Just(PinTo::In), Just(PinTo::Out)];
    let estate = prop::sample::select(estates().to_vec());
    prop_oneof![
        6 => (zone(), scope(), length(), reason())
            .prop_map(|(zone, scope, length, reason)| Command::StartShift { zone, scope, length, reason, floor_overrides: Vec::new() }),
        2 => (id(), length(), if_match()).prop_map(|(id, length, if_match)| Command::UpdateShift {
            id, length: Some(length), reason: None, if_match }),
        2 => (id(), if_match()).prop_map(|(id, if_match)| Command::CancelShift { id, if_match }),
        4 => (zone(), scope(), to, length(), reason())
            .prop_map(|(zone, scope, to, length, reason)| Command::Pin { zone, scope, to, length, reason, floor_overrides: Vec::new() }),
        1 => (zone(), scope()).prop_map(|(zone, scope)| Command::Unpin { zone, scope }),
        3 => (zone(), scope(), length(), reason(), prop::collection::vec(zone(), 0..2)).prop_map(
            |(zone, scope, length, reason, zone_overrides)| Command::StartDeployment { zone, scope, length, reason, zone_overrides }),
        1 => (zone(), scope()).prop_map(|(zone, scope)| Command::EndDeployment { zone, scope }),
        1 => (estate, if_match()).prop_map(|(bundle, if_match)| Command::ApplyEstate { bundle, if_match }),
        2 => Just(Command::Expire),
    ]
}

/// Request ids repeat now and then, and stamps sometimes run backwards.
fn entry() -> impl Strategy<Value = Entry> {
    (0u32..200, 0u64..2_000_000, command()).prop_map(|(request, stamp, command)| Entry {
        request: RequestId::new(&format!("r-{request}")).unwrap(),
        stamp: Timestamp(stamp),
        by: Operator::new("ann"),
        from: None,
        command,
    })
}

fn log() -> impl Strategy<Value = Vec<Entry>> {
    let first = Entry {
        request: RequestId::new("first").unwrap(),
        stamp: Timestamp(0),
        by: Operator::new("ann"),
        from: None,
        command: Command::ApplyEstate { bundle: bundle(&[]), if_match: None },
    };
    prop::collection::vec(entry(), 0..40).prop_map(move |mut entries| {
        entries.insert(0, first.clone());
        entries
    })
}

/// Applies a log and shows each step: the state before, the entry, its outcome and events, the state after.
fn each_step(log: &[Entry], mut look: impl FnMut(&State, &Entry, &Outcome, &[Event], &State)) -> State {
    let mut state = State::default();
    for (at, entry) in log.iter().enumerate() {
        let before = state.clone();
        let (outcome, events) = state.apply(Revision(at as u64 + 1), entry);
        look(&before, entry, &outcome, &events, &state);
    }
    state
}

/// Where intent leaves a pool less than its floor, written anew and simply: zone by zone, pool by pool, record by record.
pub(super) fn below_floor(state: &State) -> Vec<(String, String)> {
    let estate = state.estate.as_ref().unwrap();
    let intent = state.intent();
    let is_off = |path: &Option<hf_model::ControlPath>| {
        let control = path.as_ref().and_then(|path| intent.control(path));
        control.is_some_and(|control| control.to == hf_model::Switch::Off)
    };
    let records = estate.records.iter().map(|record| (record.pool, Some(&record.name)));
    let views = estate.pool_indexes().map(|pool| (pool, None)).chain(records);
    let is_below = |(pool, record): &(hf_config::estate::PoolIx, Option<&DnsName>)| {
        let pool = estate.pool(*pool);
        let meets = |scope: &Scope| match scope {
            Scope::Everything => true,
            Scope::Pool(name) => pool.name == *name,
            Scope::Record(name) => *record == Some(name),
        };
        let mut open = pool_zones(pool);
        open.retain(|zone| {
            let id = &estate.zone(*zone).id;
            let mut pins: Vec<_> =
                state.pins.iter().filter(|pin| pin.zone == *id && meets(&pin.scope)).collect();
            pins.sort_by_key(|pin| match pin.scope {
                Scope::Record(_) => 0,
                Scope::Pool(_) => 1,
                Scope::Everything => 2,
            });
            if let Some(pin) = pins.first() {
                return pin.to == PinTo::In;
            }
            let region = &estate.regions[estate.zone(*zone).region.at()];
            !state.active_shifts().any(|shift| shift.zone == *id && meets(&shift.scope))
                && !is_off(&estate.zone(*zone).control)
                && !is_off(&region.control)
        });
        // Spares count only when they are all that is left.
        let counted = open.iter().filter(|zone| floor_zones(pool).contains(zone)).count();
        let zones = if counted > 0 { counted } else { open.len() };
        zones < usize::from(pool.min_zones) || share_left(estate, pool, &open) < pool.min_capacity
    };
    let name = |(pool, record): (hf_config::estate::PoolIx, Option<&DnsName>)| {
        (estate.pool(pool).name.to_string(), format!("{record:?}"))
    };
    views.filter(is_below).map(name).collect()
}

proptest! {
    /// Two replicas with one log are equal.
    #[test]
    fn replicas_are_equal(log in log()) {
        let mut told = Vec::new();
        let one = each_step(&log, |_, _, outcome, events, _| told.push((outcome.clone(), events.to_vec())));
        let mut again = told.into_iter();
        let two = each_step(&log, |_, _, outcome, events, _| {
            assert_eq!(again.next(), Some((outcome.clone(), events.to_vec())));
        });
        prop_assert_eq!(one, two);
    }

    /// A log that is lost goes on with what its nodes hold: the same intent, one entry later.
    #[test]
    fn what_nodes_hold_is_gone_on_with(log in log()) {
        let lost = each_step(&log, |_, _, _, _, _| {});
        let on = State::going_on_with(&lost.intent(), lost.stamp).unwrap();
        let revision = Revision(lost.revision.0 + 1);
        prop_assert_eq!(on.intent(), crate::Intent { revision, ..lost.intent() });
        prop_assert_eq!(on.next_end(), lost.next_end());
        prop_assert_eq!(on.estate, lost.estate);
    }

    /// What was refused changed nothing but revision, stamp and requests, and tells of no event.
    #[test]
    fn a_refusal_changes_nothing(log in log()) {
        each_step(&log, |before, _, outcome, events, after| {
            if matches!(outcome, Outcome::Refused(_)) {
                let bookkeeping =
                    State { revision: after.revision, stamp: after.stamp, requests: after.requests.clone(), ..before.clone() };
                assert_eq!(after, &bookkeeping);
                assert!(events.is_empty());
            }
        });
    }

    /// The log a second time, with the same request ids, changes nothing but revision and stamp.
    #[test]
    fn a_replay_changes_nothing(log in log()) {
        let mut first: Vec<Outcome> = Vec::new();
        let mut state = each_step(&log, |_, _, outcome, _, _| first.push(outcome.clone()));
        let before = state.clone();
        for (entry, first) in log.iter().zip(first) {
            let (outcome, events) = state.apply(Revision(state.revision.0 + 1), entry);
            assert_eq!((outcome, events), (first, Vec::new()));
        }
        prop_assert_eq!(State { revision: state.revision, ..before }, state);
    }

    /// No act of an operator takes a pool below its floor that was at or above it.
    #[test]
    fn no_act_breaks_the_floor(log in log()) {
        each_step(&log, |before, entry, outcome, _, after| {
            let is_act = matches!(entry.command, Command::StartShift { .. } | Command::Pin { .. });
            if is_act && matches!(outcome, Outcome::Done { .. }) {
                let was = below_floor(before);
                let broken: Vec<_> = below_floor(after).into_iter().filter(|view| !was.contains(view)).collect();
                assert!(broken.is_empty(), "{entry:?} broke the floor of {broken:?}");
            }
        });
    }

    /// With one estate and without pins in, which end by themselves, intent is never below the floor.
    #[test]
    fn intent_is_never_below_the_floor(log in log()) {
        let is_kept = |entry: &&Entry| !matches!(entry.command, Command::ApplyEstate { .. } | Command::Pin { to: PinTo::In, .. });
        let kept: Vec<Entry> = log[..1].iter().chain(log[1..].iter().filter(is_kept)).cloned().collect();
        each_step(&kept, |_, entry, _, _, after| {
            let broken = below_floor(after);
            assert!(broken.is_empty(), "{entry:?} left {broken:?} below the floor");
        });
    }

    /// What is in force ends within 72 h of the entry that last changed it.
    #[test]
    fn everything_ends_by_itself(log in log()) {
        let mut stamps = vec![Timestamp(0)];
        each_step(&log, |_, _, _, _, after| {
            stamps.push(after.stamp);
            let within = |revision: Revision, ends_at| ends_at <= stamps[revision.0 as usize].plus(HOURS_72);
            assert!(after.active_shifts().all(|shift| within(shift.revision, shift.ends_at)));
            assert!(after.pins.iter().all(|pin| within(pin.revision, pin.ends_at)));
        });
    }

    /// After an `Expire`, nothing in force is due.
    #[test]
    fn expire_leaves_nothing_due(log in log()) {
        each_step(&log, |before, entry, _, _, after| {
            if entry.command == Command::Expire && !before.requests.contains_key(&entry.request) {
                assert!(after.next_end().is_none_or(|end| end > after.stamp), "{after:?}");
            }
        });
    }

    /// Stamps never run backwards, revisions count, and the bounds hold.
    #[test]
    fn the_state_keeps_its_order_and_bounds(log in log()) {
        each_step(&log, |before, _, outcome, _, after| {
            assert_eq!(after.revision.0, before.revision.0 + 1);
            assert!(after.stamp >= before.stamp);
            assert!(after.pins.is_sorted_by_key(|pin| pin.revision));
            assert!(after.shifts.iter().all(|(key, shift)| key.id() == shift.id && shift.revision <= after.revision));
            if let Outcome::Done { shift: Some(shift), revision, .. } = outcome
                && *revision == after.revision
            {
                assert_eq!(after.shift(&shift.id), Some(shift));
            }
        });
    }

    /// At most one zone of a region is left by shifts for any one thing, and each only once.
    #[test]
    fn shifts_leave_one_zone_of_a_region(log in log()) {
        each_step(&log, |_, _, _, _, after| {
            let estate = after.estate.as_ref().unwrap();
            let region = |zone| estate.zone(estate.zone_named(zone).unwrap()).region;
            let active: Vec<_> = after.active_shifts().collect();
            for (at, one) in active.iter().enumerate() {
                for two in &active[at + 1..] {
                    assert!(region(&one.zone) != region(&two.zone) || !one.scope.overlaps(&two.scope), "{one:?} {two:?}");
                }
            }
        });
    }

    /// Shifts that ended stay ended.
    #[test]
    fn an_end_is_final(log in log()) {
        each_step(&log, |before, _, _, _, after| {
            for (key, shift) in &before.shifts {
                if shift.state != ShiftState::Active {
                    assert_eq!(after.shifts.get(key), Some(shift));
                }
            }
        });
    }
}
