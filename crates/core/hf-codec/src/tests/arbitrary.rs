//! Any value of each kind, within its bounds.

use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_control::{
    Bounded, BreakGlassShift, Command, Entry, Event, Intent, Outcome, Pin, PinTo, Refusal, Scope, Shift,
    ShiftState, State, Stop,
};
use hf_health::{Bitmap, Table, Verdict, Verdicts};
use hf_model::{
    Digest, DnsName, NodeId, Operator, PoolName, RequestId, Revision, ShiftId, Timestamp, ZoneId,
};
use proptest::prelude::*;

use crate::EntryLine;

pub(super) fn zone() -> impl Strategy<Value = ZoneId> {
    "[a-z0-9]{1,20}".prop_map(|text| ZoneId::new(&text).unwrap())
}

fn id() -> impl Strategy<Value = ShiftId> {
    prop_oneof!["shift-[1-9][0-9]{0,9}", "[a-z]{1,9}"].prop_map(|text| ShiftId::new(&text).unwrap())
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Everything),
        "[a-z0-9]{1,63}".prop_map(|text| Scope::Pool(PoolName::new(&text).unwrap())),
        r"([a-z0-9_*]{1,9}\.){0,4}[a-z]{1,3}\.".prop_map(|text| Scope::Record(DnsName::new(&text).unwrap())),
    ]
}

/// Any text at all: quotes, control characters, characters of four bytes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z \"\\\\\\n\u{0}-\u{1f}\u{2028}\u{10000}-\u{10ffff}]{0,40}"]
}

fn operator() -> impl Strategy<Value = Operator> {
    text().prop_map(|text| Operator::new(&text))
}

fn revision() -> impl Strategy<Value = Revision> {
    any::<u64>().prop_map(Revision)
}

fn at() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp)
}

fn length() -> impl Strategy<Value = Duration> {
    any::<Duration>()
}

fn to() -> impl Strategy<Value = PinTo> {
    prop_oneof![Just(PinTo::In), Just(PinTo::Out)]
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn bundle() -> impl Strategy<Value = EstateBundle> {
    (text(), prop::collection::btree_map(text(), text(), 0..3))
        .prop_map(|(toml, files)| EstateBundle { toml, files })
}

fn shift() -> impl Strategy<Value = Shift> {
    let state = prop_oneof![
        Just(ShiftState::Active),
        at().prop_map(ShiftState::Canceled),
        at().prop_map(ShiftState::Expired)
    ];
    (id(), zone(), scope(), text(), operator(), at(), at(), state, revision()).prop_map(
        |(id, zone, scope, reason, by, started_at, ends_at, state, revision)| Shift {
            id,
            zone,
            scope,
            reason,
            by,
            started_at,
            ends_at,
            state,
            revision,
        },
    )
}

fn pin() -> impl Strategy<Value = Pin> {
    (zone(), scope(), to(), text(), operator(), at(), revision()).prop_map(
        |(zone, scope, to, reason, by, ends_at, revision)| Pin {
            zone,
            scope,
            to,
            reason,
            by,
            ends_at,
            revision,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    let if_match = || prop::option::of(revision());
    prop_oneof![
        (bundle(), if_match()).prop_map(|(bundle, if_match)| Command::ApplyEstate { bundle, if_match }),
        (zone(), scope(), length(), text()).prop_map(|(zone, scope, length, reason)| Command::StartShift {
            zone,
            scope,
            length,
            reason
        }),
        (id(), length(), if_match()).prop_map(|(id, length, if_match)| Command::ExtendShift {
            id,
            length,
            if_match
        }),
        (id(), if_match()).prop_map(|(id, if_match)| Command::CancelShift { id, if_match }),
        (zone(), scope(), to(), length(), text())
            .prop_map(|(zone, scope, to, length, reason)| Command::Pin { zone, scope, to, length, reason }),
        (zone(), scope()).prop_map(|(zone, scope)| Command::Unpin { zone, scope }),
        Just(Command::Expire),
    ]
}

pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let request = "[a-z0-9]{1,63}".prop_map(|text| RequestId::new(&text).unwrap());
    (request, at(), operator(), command()).prop_map(|(request, stamp, by, command)| Entry {
        request,
        stamp,
        by,
        command,
    })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    let bounded = prop_oneof![Just(Bounded::ActiveShifts), Just(Bounded::Pins)];
    prop_oneof![
        text().prop_map(|problems| Refusal::BadEstate { problems }),
        (revision(), revision()).prop_map(|(read, newest)| Refusal::Stale { read, newest }),
        (text(), text()).prop_map(|(by, what)| Refusal::InUse { by, what }),
        (zone(), text()).prop_map(|(zone, known)| Refusal::UnknownZone { zone, known }),
        scope().prop_map(|scope| Refusal::UnknownResource { scope }),
        id().prop_map(|id| Refusal::UnknownShift { id }),
        id().prop_map(|id| Refusal::NotActive { id }),
        (id(), zone(), scope()).prop_map(|(id, zone, scope)| Refusal::AlreadyShifted { id, zone, scope }),
        (id(), zone(), scope()).prop_map(|(id, zone, scope)| Refusal::OtherZoneShifted { id, zone, scope }),
        (text(), text(), text()).prop_map(|(pool, needed, left)| Refusal::Floor { pool, needed, left }),
        length().prop_map(|length| Refusal::Length { length }),
        any::<usize>().prop_map(|len| Refusal::Reason { len }),
        (bounded, any::<usize>()).prop_map(|(what, count)| Refusal::TooMany { what, count }),
        (zone(), scope()).prop_map(|(zone, scope)| Refusal::NoPin { zone, scope }),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (revision(), prop::option::of(shift()))
            .prop_map(|(revision, shift)| Outcome::Done { revision, shift }),
        refusal().prop_map(Outcome::Refused),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let stop = || prop_oneof![Just(Stop::Canceled), Just(Stop::Expired)];
    prop_oneof![
        (prop::option::of(digest()), digest())
            .prop_map(|(before, after)| Event::EstateApplied { before, after }),
        shift().prop_map(Event::ShiftStarted),
        (shift(), shift()).prop_map(|(before, after)| Event::ShiftExtended { before, after }),
        (shift(), stop()).prop_map(|(shift, stop)| Event::ShiftEnded(shift, stop)),
        (prop::option::of(pin()), pin()).prop_map(|(before, after)| Event::Pinned { before, after }),
        (pin(), stop()).prop_map(|(pin, stop)| Event::Unpinned(pin, stop)),
    ]
}

pub(super) fn entry_line() -> impl Strategy<Value = EntryLine> {
    (revision(), at(), operator(), text(), outcome(), prop::collection::vec(event(), 0..=8)).prop_map(
        |(revision, at, by, command, outcome, events)| EntryLine {
            revision,
            at,
            by,
            command,
            outcome,
            events,
        },
    )
}

pub(super) fn intent() -> impl Strategy<Value = Intent> {
    let lists = (prop::collection::vec(shift(), 0..4), prop::collection::vec(pin(), 0..4));
    (revision(), revision(), bundle(), lists).prop_map(|(one, two, estate, (shifts, pins))| Intent {
        revision: one.max(two),
        estate_revision: one.min(two),
        estate,
        shifts,
        pins,
    })
}

pub(super) fn table() -> impl Strategy<Value = Table> {
    let checker = "[a-z0-9]{1,63}".prop_map(|text| NodeId::new(&text).unwrap());
    (checker, zone(), digest(), at(), prop::collection::vec(any::<[bool; 2]>(), 0..300)).prop_map(
        |(checker, zone, estate, made_at, bits)| {
            let (mut known, mut healthy) = (Bitmap::new(bits.len()), Bitmap::new(bits.len()));
            for (at, [is_known, is_healthy]) in bits.into_iter().enumerate() {
                known.set(at, is_known);
                healthy.set(at, is_healthy);
            }
            Table { checker, zone, estate, made_at, known, healthy }
        },
    )
}

pub(super) fn verdicts() -> impl Strategy<Value = (Digest, Verdicts)> {
    let verdict = prop_oneof![Just(Verdict::Healthy), Just(Verdict::Unhealthy), Just(Verdict::Unknown)];
    (digest(), prop::collection::vec(verdict, 0..300)).prop_map(|(estate, of)| (estate, Verdicts { of }))
}

pub(super) fn break_glass() -> impl Strategy<Value = BreakGlassShift> {
    (zone(), text(), operator(), at(), at()).prop_map(|(zone, reason, by, signed_at, ends_at)| {
        BreakGlassShift { zone, reason, by, signed_at, ends_at }
    })
}

/// States as logs build them: the golden estate, then commands that often succeed.
pub(super) fn state() -> impl Strategy<Value = State> {
    let near = (prop::sample::select(vec!["euw2-az1", "euw2-az2"]), 60u64..6_000, any::<bool>(), 0u32..9)
        .prop_map(|(zone, seconds, is_shift, number)| {
            let zone = zone.parse().unwrap();
            let (scope, length, reason) = (Scope::Everything, Duration::from_secs(seconds), "why".to_owned());
            match number {
                0..5 if is_shift => Command::StartShift { zone, scope, length, reason },
                0..5 => Command::Pin { zone, scope, to: PinTo::In, length, reason },
                5..7 => {
                    Command::CancelShift { id: format!("shift-{number}").parse().unwrap(), if_match: None }
                }
                _ => Command::Expire,
            }
        });
    let command = prop_oneof![3 => near, 1 => command()];
    prop::collection::vec((entry(), command, 0u64..10_000_000), 0..20).prop_map(|steps| {
        let mut state = State::default();
        let estate = Command::ApplyEstate { bundle: super::golden::bundle(), if_match: None };
        let commands = std::iter::once(estate).chain(steps.iter().map(|(_, command, _)| command.clone()));
        let entries = steps.iter().map(|(entry, _, stamp)| (entry.clone(), *stamp));
        for ((entry, stamp), command) in entries.zip(commands) {
            let index = Revision(state.revision.0 + 1);
            state.apply(index, &Entry { command, stamp: Timestamp(stamp), ..entry });
        }
        state
    })
}
