//! Any value of each kind, within its bounds. Large strategies are boxed: a test's stack has no room for several of them.

use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{EndpointId, EndpointSet, EstateBundle, SourcedEndpoint};
use hf_control::{
    BreakGlassFate, BreakGlassShift, Command, Deployment, Entry, Event, Intent, Outcome, Pin, PinTo,
    RecordedBreakGlass, Return, Scope, Shift, ShiftKind, ShiftState, State, Stop,
};
use hf_health::{Bitmap, Table, Verdict, Verdicts};
use hf_model::{
    Digest, DnsName, EstateId, NodeId, Operator, PoolName, RequestId, Revision, ShiftId, Timestamp, Weight,
    ZoneId,
};
use proptest::prelude::*;

use crate::EntryLine;

mod board;
mod hosted;
mod practice;
pub(super) mod refusal;

pub(super) fn zone() -> impl Strategy<Value = ZoneId> {
    "[a-z0-9]{1,20}".prop_map(|text| ZoneId::new(&text).unwrap())
}

fn id() -> impl Strategy<Value = ShiftId> {
    prop_oneof!["shift-[1-9][0-9]{0,9}", "[a-z]{1,9}"].prop_map(|text| ShiftId::new(&text).unwrap())
}

fn pool() -> impl Strategy<Value = PoolName> {
    "[a-z0-9]{1,63}".prop_map(|text| PoolName::new(&text).unwrap())
}

/// Pools whose floor may be broken.
fn floors() -> impl Strategy<Value = Vec<PoolName>> {
    prop::collection::vec(pool(), 0..3)
}

fn estate_id() -> impl Strategy<Value = EstateId> {
    any::<[u8; 16]>().prop_map(EstateId)
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Everything),
        pool().prop_map(Scope::Pool),
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

/// Sets of several pools, in their order.
fn sets() -> impl Strategy<Value = Vec<EndpointSet>> {
    let id = "[A-Za-z0-9._:@#-]{1,128}".prop_map(|text| text.parse::<EndpointId>().unwrap());
    let endpoint = (id, any::<SocketAddr>(), zone(), any::<u16>(), any::<u16>(), length());
    let endpoint = endpoint.prop_map(|(id, address, zone, weight, priority, lease)| SourcedEndpoint {
        id,
        // Flow labels and scopes have no text.
        address: SocketAddr::new(address.ip(), address.port()),
        zone,
        weight: Weight(weight),
        priority,
        lease,
    });
    let told = ("[a-z ._]{0,40}", prop::collection::vec(endpoint, 0..4));
    prop::collection::btree_map("[a-z]{1,8}", told, 0..3).prop_map(|sets| {
        let set = |(pool, (source, endpoints)): (String, (String, Vec<SourcedEndpoint>))| EndpointSet {
            pool: pool.parse().unwrap(),
            source,
            endpoints,
        };
        sets.into_iter().map(set).collect()
    })
}

fn shift() -> BoxedStrategy<Shift> {
    let state = prop_oneof![
        Just(ShiftState::Active),
        at().prop_map(ShiftState::Canceled),
        at().prop_map(ShiftState::Expired),
        at().prop_map(ShiftState::Interrupted),
        at().prop_map(ShiftState::Completed),
    ];
    let kind = prop_oneof![
        Just(ShiftKind::Zonal),
        Just(ShiftKind::BreakGlass),
        Just(ShiftKind::Practice),
        Just(ShiftKind::Autoshift),
    ];
    let act = (id(), zone(), scope(), text(), operator());
    (act, at(), at(), state, kind, floors(), revision())
        .prop_map(
            |((id, zone, scope, reason, by), started_at, ends_at, state, kind, floor_overrides, revision)| {
                Shift {
                    id,
                    zone,
                    scope,
                    reason,
                    by,
                    started_at,
                    ends_at,
                    state,
                    kind,
                    floor_overrides,
                    revision,
                }
            },
        )
        .boxed()
}

fn pin() -> BoxedStrategy<Pin> {
    (zone(), scope(), to(), text(), operator(), at(), at(), floors(), revision())
        .prop_map(|(zone, scope, to, reason, by, started_at, ends_at, floor_overrides, revision)| Pin {
            zone,
            scope,
            to,
            reason,
            by,
            started_at,
            ends_at,
            floor_overrides,
            revision,
        })
        .boxed()
}

fn zones() -> BoxedStrategy<Vec<ZoneId>> {
    prop::collection::vec(zone(), 0..3).boxed()
}

fn mark() -> BoxedStrategy<Deployment> {
    (zone(), scope(), text(), operator(), at(), at(), zones(), revision())
        .prop_map(|(zone, scope, reason, by, started_at, ends_at, zone_overrides, revision)| Deployment {
            zone,
            scope,
            reason,
            by,
            started_at,
            ends_at,
            zone_overrides,
            revision,
        })
        .boxed()
}

fn from() -> impl Strategy<Value = Option<std::net::SocketAddr>> {
    prop::option::of(any::<(std::net::IpAddr, u16)>().prop_map(Into::into))
}

fn recorded() -> BoxedStrategy<RecordedBreakGlass> {
    let fate = prop_oneof![
        id().prop_map(BreakGlassFate::Shift),
        prop::collection::vec(id(), 0..3).prop_map(BreakGlassFate::Ended),
        text().prop_map(BreakGlassFate::Conflicts),
    ];
    (break_glass(), revision(), fate)
        .prop_map(|(act, revision, fate)| RecordedBreakGlass { act, revision, fate })
        .boxed()
}

fn returning() -> impl Strategy<Value = Return> {
    (zone(), scope(), at()).prop_map(|(zone, scope, at)| Return { zone, scope, at })
}

/// Commands about acts and the estate; the others are beside.
fn act_command() -> BoxedStrategy<Command> {
    let if_match = || prop::option::of(revision());
    prop_oneof![
        (bundle(), if_match()).prop_map(|(bundle, if_match)| Command::ApplyEstate { bundle, if_match }),
        (zone(), scope(), length(), text(), floors()).prop_map(
            |(zone, scope, length, reason, floor_overrides)| Command::StartShift {
                zone,
                scope,
                length,
                reason,
                floor_overrides
            }
        ),
        (id(), prop::option::of(length()), prop::option::of(text()), if_match())
            .prop_map(|(id, length, reason, if_match)| Command::UpdateShift { id, length, reason, if_match }),
        (id(), if_match()).prop_map(|(id, if_match)| Command::CancelShift { id, if_match }),
        (zone(), scope(), to(), length(), text(), floors()).prop_map(
            |(zone, scope, to, length, reason, floor_overrides)| Command::Pin {
                zone,
                scope,
                to,
                length,
                reason,
                floor_overrides
            }
        ),
        (zone(), scope()).prop_map(|(zone, scope)| Command::Unpin { zone, scope }),
        (zone(), scope(), length(), text(), zones()).prop_map(
            |(zone, scope, length, reason, zone_overrides)| Command::StartDeployment {
                zone,
                scope,
                length,
                reason,
                zone_overrides
            }
        ),
        (zone(), scope()).prop_map(|(zone, scope)| Command::EndDeployment { zone, scope }),
        break_glass().prop_map(|act| Command::RecordBreakGlass { act }),
        Just(Command::Expire),
    ]
    .boxed()
}

fn command() -> BoxedStrategy<Command> {
    prop_oneof![
        2 => act_command(),
        1 => board::set_controls(),
        2 => board::command().prop_map(Command::Board),
        1 => practice::command(),
        1 => hosted::command(),
    ]
    .boxed()
}

pub(super) fn entry() -> BoxedStrategy<Entry> {
    let request = "[a-z0-9]{1,63}".prop_map(|text| RequestId::new(&text).unwrap());
    (request, at(), operator(), from(), command())
        .prop_map(|(request, stamp, by, from, command)| Entry { request, stamp, by, from, command })
        .boxed()
}

fn outcome() -> BoxedStrategy<Outcome> {
    prop_oneof![
        (revision(), prop::option::of(shift()), prop::option::of(board::object()))
            .prop_map(|(revision, shift, object)| Outcome::Done { revision, shift, object }),
        refusal::any_of_them().prop_map(Outcome::Refused),
    ]
    .boxed()
}

fn event() -> BoxedStrategy<Event> {
    let stop = || {
        prop_oneof![Just(Stop::Canceled), Just(Stop::Expired), Just(Stop::Interrupted), Just(Stop::Completed)]
    };
    let words = || prop::option::of(text());
    prop_oneof![
        (prop::option::of(digest()), digest())
            .prop_map(|(before, after)| Event::EstateApplied { before, after }),
        shift().prop_map(Event::ShiftStarted),
        (shift(), shift()).prop_map(|(before, after)| Event::ShiftExtended { before, after }),
        (shift(), stop()).prop_map(|(shift, stop)| Event::ShiftEnded(shift, stop)),
        (prop::option::of(pin()), pin()).prop_map(|(before, after)| Event::Pinned { before, after }),
        (pin(), stop()).prop_map(|(pin, stop)| Event::Unpinned(pin, stop)),
        (prop::option::of(mark()), mark())
            .prop_map(|(before, after)| Event::DeploymentStarted { before, after }),
        (mark(), stop()).prop_map(|(mark, stop)| Event::DeploymentEnded(mark, stop)),
        (board::path(), board::switch(), board::switch())
            .prop_map(|(path, before, after)| Event::ControlTurned { path, before, after }),
        prop::collection::vec(board::path(), 0..3).prop_map(Event::RulesOverridden),
        floors().prop_map(Event::FloorsOverridden),
        (board::object(), words(), words()).prop_map(|(object, before, after)| Event::ObjectChanged {
            object,
            before,
            after
        }),
        (prop::option::of(practice::resource()), words(), words())
            .prop_map(|(resource, before, after)| Event::PracticeChanged { resource, before, after }),
        recorded().prop_map(Event::BreakGlassRecorded),
        (hosted::name(), words(), words())
            .prop_map(|(hosted_zone, before, after)| Event::HostedZoneChanged { hosted_zone, before, after }),
        ("[a-z]{1,9}", text(), text()).prop_map(|(pool, added, removed)| Event::EndpointsChanged {
            pool: pool.parse().unwrap(),
            added,
            removed,
        }),
    ]
    .boxed()
}

pub(super) fn entry_line() -> BoxedStrategy<EntryLine> {
    let events = prop::collection::vec(event(), 0..=8);
    (revision(), at(), operator(), from(), text(), text(), outcome(), events)
        .prop_map(|(revision, at, by, from, command, reason, outcome, events)| EntryLine {
            revision,
            at,
            by,
            from,
            command,
            reason,
            outcome,
            events,
        })
        .boxed()
}

pub(super) fn intent() -> BoxedStrategy<Intent> {
    let marks = prop::collection::vec(mark(), 0..4);
    let acts = (prop::collection::vec(shift(), 0..4), prop::collection::vec(pin(), 0..4), marks);
    let ended = (prop::collection::vec(returning(), 0..4), prop::collection::vec(recorded(), 0..4));
    let boards = (board::board(), board::control_states());
    let hosted = (hosted::dynamic(), hosted::keys(), sets());
    (estate_id(), revision(), revision(), bundle(), acts, ended, (boards, hosted))
        .prop_map(
            |(
                estate_id,
                one,
                two,
                estate,
                (shifts, pins, deployments),
                (returns, break_glass),
                ((board, controls), (dynamic, zone_keys, sets)),
            )| {
                Intent {
                    estate_id,
                    revision: one.max(two),
                    estate_revision: one.min(two),
                    estate,
                    shifts,
                    pins,
                    deployments,
                    controls,
                    board,
                    returns,
                    dynamic,
                    zone_keys,
                    sets,
                    break_glass,
                }
            },
        )
        .boxed()
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
    (estate_id(), zone(), text(), operator(), at(), at()).prop_map(
        |(estate, zone, reason, by, signed_at, ends_at)| BreakGlassShift {
            estate,
            zone,
            reason,
            by,
            signed_at,
            ends_at,
        },
    )
}

/// States as logs build them (the golden estate, then commands that often succeed), with any board and practices beside.
pub(super) fn state() -> BoxedStrategy<State> {
    let near = (prop::sample::select(vec!["euw2-az1", "euw2-az2"]), 60u64..6_000, any::<bool>(), 0u32..9)
        .prop_map(|(zone, seconds, is_shift, number)| {
            let zone = zone.parse().unwrap();
            let (scope, length, reason) = (Scope::Everything, Duration::from_secs(seconds), "why".to_owned());
            let floor_overrides = Vec::new();
            match number {
                0..5 if is_shift => Command::StartShift { zone, scope, length, reason, floor_overrides },
                0..5 => Command::Pin { zone, scope, to: PinTo::In, length, reason, floor_overrides },
                5..7 => {
                    Command::CancelShift { id: format!("shift-{number}").parse().unwrap(), if_match: None }
                }
                _ => Command::Expire,
            }
        });
    let command = prop_oneof![3 => near, 1 => command()];
    let built = prop::collection::vec(
        (entry(), command, 0u64..10_000_000, any::<Option<u8>>(), board::name()),
        0..20,
    )
    .prop_map(|steps| {
        let mut state = State::default();
        let estate = Command::ApplyEstate { bundle: super::golden::bundle(), if_match: None };
        let commands = std::iter::once(estate).chain(steps.iter().map(|(_, command, ..)| command.clone()));
        let entries =
            steps.iter().map(|(entry, _, stamp, grows, name)| (entry.clone(), *stamp, *grows, name.clone()));
        for ((entry, stamp, grows, name), command) in entries.zip(commands) {
            let grown = grows.and_then(|pick| board::grow(&state, pick, name));
            let command = grown.unwrap_or(command);
            let index = Revision(state.revision.0 + 1);
            state.apply(index, &Entry { command, stamp: Timestamp(stamp), ..entry });
        }
        state
    });
    let ended = (prop::collection::vec(returning(), 0..4), prop::collection::vec(recorded(), 0..4));
    let hosted = (hosted::dynamic(), hosted::keys());
    let practiced = (practice::practices(), practice::history(), practice::refusals());
    (built, any::<bool>(), board::board(), practiced, practice::autoshift(), (ended, hosted))
        .prop_map(|(mut state, as_built, board, practiced, observer, ((returns, break_glass), hosted))| {
            let (practices, history, refusals) = practiced;
            if !as_built {
                // Their revisions are any.
                state.revision = Revision(u64::MAX);
                (state.board, state.practices, state.observer) = (board, practices, observer);
                state.practice_history = history.into();
                state.practice_refusals = refusals.into();
                (state.returns, state.break_glass) = (returns.into(), break_glass.into());
                (state.dynamic, state.zone_keys) = hosted;
            }
            state
        })
        .boxed()
}
