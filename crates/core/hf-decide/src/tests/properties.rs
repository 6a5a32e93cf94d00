//! What holds for every estate, intent and set of verdicts.

use std::collections::BTreeSet;
use std::time::Duration;

use hf_config::estate::{AllDown, PoolIx, ZoneIx};
use hf_control::{PinTo, Scope, Shift, ShiftKind};
use hf_health::{Verdict, Verdicts};
use hf_model::{Share, Switch, Timestamp, ZoneId};
use proptest::prelude::*;

use super::world::{World, zone_ix};
use crate::{Mode, NotAppliedWhy, PoolDecision, Reason, Source, ZoneState};

/// A small world in which each rule can be met: up to eight endpoints in five zones, up to six acts.
fn worlds() -> impl Strategy<Value = World> {
    let verdict = prop_oneof![Just(Verdict::Healthy), Just(Verdict::Unhealthy), Just(Verdict::Unknown)];
    let zone = || prop::sample::select(vec!['a', 'b', 'c', 'd', 'e']);
    let endpoint = (zone(), verdict, prop_oneof![4 => Just(100u16), 2 => 1u16..200, 1 => Just(0u16)]);
    let all_down =
        prop_oneof![Just(AllDown::Open), Just(AllDown::Closed), Just(AllDown::Fallback(PoolIx(1)))];
    let scope = prop::sample::select(vec![
        "everything",
        "everything",
        "pool/web",
        "pool/spare",
        "record/www.x.test.",
    ]);
    let act = (0u8..10, zone(), scope, 2u64..100, 1u64..60);
    let ppm = prop_oneof![Just(0u32), 0u32..=1_000_000];
    (
        prop::collection::vec(endpoint, 1..9),
        (1u16..4, ppm, all_down, prop::bool::weighted(0.9)),
        prop::collection::vec(act, 0..7),
        0u64..120,
        prop::sample::select(vec![0u64, 7, 50, 90]),
    )
        .prop_map(|(endpoints, (min_zones, ppm, all_down, has_check), acts, now, over)| {
            let mut world = World::new(&endpoints);
            world.now = Timestamp(now);
            for (kind, zone, scope, until, signed_at) in acts {
                let (zone, scope): (_, Scope) = (zone.to_string(), scope.parse().unwrap());
                match kind {
                    0 | 1 => world.shift(&zone, scope, until),
                    2 => world.pin(&zone, scope, PinTo::In, until),
                    3 => world.pin(&zone, scope, PinTo::Out, until),
                    4 => world.glass(&zone, signed_at, until),
                    5 => world.practice(&zone, scope, until),
                    6 => world.control_behind(&zone, signed_at, Switch::Off),
                    7 => world.control_behind(&zone, signed_at, Switch::On),
                    8 => world.autoshift(&zone, scope, until),
                    _ => world.returned(&zone, scope, signed_at),
                }
            }
            let web = &mut world.estate.pools[0];
            web.return_over = Duration::from_millis(over);
            let zones = hf_config::floor::floor_zones(web).len() as u16;
            web.min_zones = min_zones.min(zones);
            web.min_capacity = Share::from_ppm(ppm).unwrap();
            web.all_down = all_down;
            if !has_check {
                web.health_check = None;
            }
            world
        })
}

fn web(world: &World) -> PoolDecision {
    world.decide().pools.swap_remove(0)
}

fn is_by_act(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Shifted { .. }
            | Reason::BreakGlass { .. }
            | Reason::PinnedOut { .. }
            | Reason::ControlOff { .. }
            | Reason::Autoshift { .. }
            | Reason::Practice { .. }
    )
}

/// Zones that acts took away, and what of acts yielded.
type IntentPart = (Vec<(ZoneIx, Reason)>, Vec<(Source, ZoneIx, NotAppliedWhy)>);

fn intent_part(decision: &PoolDecision) -> IntentPart {
    let away =
        decision.zones.iter().filter(|z| is_by_act(&z.reason)).map(|z| (z.zone, z.reason.clone())).collect();
    let refused = decision.not_applied.iter().filter(|n| n.source != Source::Health);
    (away, refused.map(|n| (n.source.clone(), n.zone, n.why.clone())).collect())
}

/// Endpoints that serve in zones that count, as (zones, share of the weight).
fn what_serves(world: &World, decision: &PoolDecision) -> (usize, Share) {
    let pool = &world.estate.pools[0];
    let counting = hf_config::floor::floor_zones(pool);
    let only_spares = pool.endpoints.iter().all(|e| e.weight.0 == 0);
    let weight = |at: usize| if only_spares { 1 } else { u64::from(pool.endpoints[at].weight.0) };
    let serving: Vec<usize> = decision.serving().collect();
    let zones: BTreeSet<ZoneIx> = serving.iter().map(|at| pool.endpoints[*at].zone).collect();
    let counted = zones.iter().filter(|zone| counting.contains(zone)).count();
    let zones = if counted > 0 { counted } else { zones.len() };
    let whole = (0..pool.endpoints.len()).map(weight).sum();
    (zones, Share::of(serving.into_iter().map(weight).sum(), whole))
}

/// Zone ids that a list of acts on this pool asks to leave, with their source.
fn asked_out(world: &World) -> Vec<(ZoneIx, Source)> {
    let here = |scope: &Scope| *scope == Scope::Everything || scope.to_string() == "pool/web";
    let zone = |id: &ZoneId| zone_ix(id.as_str().chars().next().unwrap());
    let shifts = world.intent.shifts.iter().filter(|s| here(&s.scope));
    let source = |shift: &Shift| match shift.kind {
        ShiftKind::Practice => Source::Practice(shift.id.clone()),
        ShiftKind::Autoshift => Source::Autoshift(shift.id.clone()),
        ShiftKind::Zonal | ShiftKind::BreakGlass => Source::Shift(shift.id.clone()),
    };
    let controls = world.intent.controls.iter().filter(|control| control.to == Switch::Off);
    let behind = controls.flat_map(|control| {
        let is_behind = |at: &ZoneIx| world.estate.zone(*at).control.as_ref() == Some(&control.path);
        world.estate.zone_indexes().filter(is_behind).map(|at| (at, Source::Control(control.path.clone())))
    });
    shifts.map(|shift| (zone(&shift.zone), source(shift))).chain(behind).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// Pins, shifts, break-glass, controls, practice runs and health together never leave less than the floor of zones and capacity in service.
    #[test]
    fn all_sources_together_never_break_the_floor(world in worlds()) {
        let decision = web(&world);
        if matches!(decision.mode, Mode::Normal | Mode::FailOpen) {
            let (zones, share) = what_serves(&world, &decision);
            let pool = &world.estate.pools[0];
            prop_assert!(zones >= usize::from(pool.min_zones), "{zones} zones serve, {} needed", pool.min_zones);
            prop_assert!(share >= pool.min_capacity, "{share} serves, {} needed", pool.min_capacity);
        }
    }

    /// What acts take away, and which of them yield, is the same whatever health says.
    #[test]
    fn health_never_changes_what_intent_decides(world in worlds(), bits in any::<u16>()) {
        let mut other = world.clone();
        other.verdicts = Verdicts {
            of: (0..9).map(|at| if bits >> at & 1 == 1 { Verdict::Healthy } else { Verdict::Unhealthy }).collect(),
        };
        prop_assert_eq!(intent_part(&web(&world)), intent_part(&web(&other)));
    }

    /// A shift, a practice run and a control that is off are obeyed unless the floor, a pin, a stronger act or a break-glass cancel
    /// stops them, and then they are listed.
    #[test]
    fn an_act_is_obeyed_or_listed_with_the_reason(world in worlds()) {
        let decision = web(&world);
        for (zone, source) in asked_out(&world) {
            let Some(found) = decision.zone(zone) else { continue };
            let obeyed = match (&found.reason, &source) {
                (Reason::Shifted { id, .. }, Source::Shift(asked))
                | (Reason::Autoshift { id, .. }, Source::Autoshift(asked))
                | (Reason::Practice { id, .. }, Source::Practice(asked)) => id == asked,
                (Reason::ControlOff { path, .. }, Source::Control(asked)) => path == asked,
                _ => false,
            };
            let listed = decision.not_applied.iter().any(|n| n.source == source && n.zone == zone);
            prop_assert!(obeyed != listed, "{source} in {zone:?}: obeyed {obeyed}, listed {listed}");
        }
    }

    /// An endpoint of a zone that people took away never serves, and of a zone that they pinned in some endpoint always does.
    #[test]
    fn health_never_outranks_intent(world in worlds()) {
        let decision = web(&world);
        for zone in &decision.zones {
            let serves = |at: &usize| world.estate.pools[0].endpoints[*at].zone == zone.zone;
            let serving = decision.serving().filter(serves).count();
            if is_by_act(&zone.reason) {
                prop_assert_eq!(zone.state, ZoneState::Away);
                prop_assert_eq!(serving, 0);
            }
            if matches!(zone.reason, Reason::PinnedIn { .. }) {
                prop_assert!(serving > 0);
            }
        }
    }

    /// Whoever is unknown serves exactly where a healthy one would.
    #[test]
    fn unknown_is_not_unhealthy(world in worlds()) {
        let mut healthy = world.clone();
        for verdict in &mut healthy.verdicts.of {
            if *verdict == Verdict::Unknown {
                *verdict = Verdict::Healthy;
            }
        }
        let (one, other) = (web(&world), web(&healthy));
        prop_assert_eq!(one.serving().collect::<Vec<_>>(), other.serving().collect::<Vec<_>>());
        prop_assert_eq!((one.mode, one.not_applied), (other.mode, other.not_applied));
    }

    /// With everybody unhealthy a pool that fails open serves from every zone that people leave open, and from no other.
    #[test]
    fn health_fails_open_before_intent_does(mut world in worlds()) {
        world.verdicts.of.fill(Verdict::Unhealthy);
        world.estate.pools[0].all_down = AllDown::Open;
        world.intent.pins.clear();
        let decision = web(&world);
        for (at, endpoint) in decision.endpoints.iter().enumerate() {
            let zone = decision.zone(world.estate.pools[0].endpoints[at].zone).unwrap();
            prop_assert_eq!(endpoint.serves, !is_by_act(&zone.reason));
        }
        prop_assert!(decision.serving().count() > 0);
    }

    /// Losing all verdicts is the same as knowing nothing of anybody, and the same as having no check.
    #[test]
    fn losing_every_verdict_is_knowing_nothing(world in worlds()) {
        let (mut lost, mut unknown, mut unchecked) = (world.clone(), world.clone(), world);
        lost.verdicts.of.clear();
        unknown.verdicts.of.fill(Verdict::Unknown);
        unchecked.estate.pools[0].health_check = None;
        prop_assert_eq!(web(&lost), web(&unknown));
        prop_assert_eq!(web(&lost), web(&unchecked));
    }

    /// With no contact, time alone moves no traffic: without break-glass acts the same endpoints serve at any later time.
    #[test]
    fn time_alone_moves_nothing(mut world in worlds(), later in 0u64..1_000) {
        world.break_glass.clear();
        let before: Vec<usize> = web(&world).serving().collect();
        world.now = Timestamp(world.now.0 + later);
        prop_assert_eq!(before, web(&world).serving().collect::<Vec<_>>());
    }

    /// The same inputs give the same decision, in whatever order the acts are listed.
    #[test]
    fn a_decision_depends_on_nothing_but_what_it_is_told(world in worlds(), turns in 0usize..7) {
        let mut other = world.clone();
        other.intent.shifts.reverse();
        other.intent.pins.reverse();
        other.intent.returns.reverse();
        let turn = turns % other.break_glass.len().max(1);
        other.break_glass.rotate_left(turn);
        prop_assert_eq!(world.decide(), world.decide());
        prop_assert_eq!(world.decide(), other.decide());
    }

    /// Whoever serves has a reason to serve, and whoever does not a reason not to.
    #[test]
    fn every_outcome_has_a_fitting_reason(world in worlds()) {
        let decision = web(&world);
        for endpoint in &decision.endpoints {
            let away = is_by_act(&endpoint.reason) || matches!(endpoint.reason, Reason::Impaired | Reason::AllDown);
            prop_assert_eq!(endpoint.serves, !away, "{:?}", endpoint);
        }
        for zone in &decision.zones {
            let away = is_by_act(&zone.reason) || matches!(zone.reason, Reason::Impaired | Reason::AllDown);
            prop_assert_eq!(zone.state == ZoneState::Away, away, "{:?}", zone);
        }
    }

    /// Where an unhealthy endpoint serves, health is listed as having yielded in its zone; and only there.
    #[test]
    fn where_health_yields_it_is_listed(world in worlds()) {
        let decision = web(&world);
        let yielded: BTreeSet<ZoneIx> =
            decision.not_applied.iter().filter(|n| n.source == Source::Health).map(|n| n.zone).collect();
        let mut serve_although: BTreeSet<ZoneIx> = BTreeSet::new();
        for at in decision.serving() {
            let is_unhealthy = world.verdicts.get(at) == Verdict::Unhealthy;
            if is_unhealthy && world.estate.pools[0].health_check.is_some() {
                serve_although.insert(world.estate.pools[0].endpoints[at].zone);
            }
        }
        prop_assert_eq!(yielded, serve_although);
    }

    /// A break-glass shift ends by itself: from its end on, the decision is the one without it.
    #[test]
    fn break_glass_ends_by_itself(mut world in worlds()) {
        world.now = Timestamp(100);
        world.estate.pools[0].return_over = Duration::ZERO;
        // What was held when it was signed is ended for good; that is another rule.
        world.intent.shifts.iter_mut().for_each(|shift| shift.ends_at = shift.ends_at.max(Timestamp(60)));
        world.intent.pins.iter_mut().for_each(|pin| pin.ends_at = pin.ends_at.max(Timestamp(60)));
        let mut without = world.clone();
        without.break_glass.retain(|act| act.ends_at <= act.signed_at);
        let later_cancel = |id: &ZoneId, at| world.break_glass.iter().any(|b| b.zone == *id && b.signed_at >= at);
        // A newer act also hides an older cancel, so only worlds where the cancels are the newest can be compared.
        prop_assume!(without.break_glass.iter().all(|cancel| {
            let newer = Timestamp(cancel.signed_at.0 + 1);
            !later_cancel(&cancel.zone, newer)
        }));
        prop_assert_eq!(web(&world), web(&without));
    }

    /// A pool none of whose endpoints is unhealthy is never impaired and never fails open.
    #[test]
    fn without_bad_news_health_asks_for_nothing(mut world in worlds()) {
        for verdict in &mut world.verdicts.of {
            if *verdict == Verdict::Unhealthy {
                *verdict = Verdict::Healthy;
            }
        }
        let decision = web(&world);
        prop_assert_eq!(decision.mode, Mode::Normal);
        prop_assert!(decision.not_applied.iter().all(|n| n.source != Source::Health));
        prop_assert!(decision.endpoints.iter().all(|e| e.serves || is_by_act(&e.reason)));
    }

    /// The floor counts zones and weights; a return takes no endpoint out of service.
    #[test]
    fn a_return_takes_nobody_out(world in worlds()) {
        let mut at_once = world.clone();
        at_once.estate.pools[0].return_over = Duration::ZERO;
        prop_assert_eq!(
            web(&world).serving().collect::<Vec<_>>(),
            web(&at_once).serving().collect::<Vec<_>>()
        );
    }

    /// With the same inputs a zone's share of a pool only grows while it is open, and it is whole in the end.
    #[test]
    fn a_share_only_grows(mut world in worlds()) {
        // No end lies ahead, as none does for a clock that goes right.
        world.now = world.now.max(Timestamp(60));
        let mut before = web(&world);
        while let Some(next) = world.next_change() {
            world.now = next;
            let after = web(&world);
            for (was, is) in before.zones.iter().zip(&after.zones) {
                if was.state == ZoneState::Open && is.state == ZoneState::Open {
                    prop_assert!(is.share >= was.share, "{was:?} became {is:?}");
                }
            }
            before = after;
        }
        prop_assert!(before.zones.iter().all(|zone| zone.share == Share::ONE));
    }

    /// Some zone of a pool that serves has all of its share: a return never leaves less than the evacuation did.
    #[test]
    fn somebody_is_there_whole(mut world in worlds()) {
        world.now = world.now.max(Timestamp(60));
        let decision = web(&world);
        if decision.serving().count() > 0 {
            let whole = |at: usize| {
                let zone = decision.zone(world.estate.pools[0].endpoints[at].zone).unwrap();
                zone.share == Share::ONE
            };
            let weighted = |decision: &PoolDecision| decision.zones.iter().any(|z| z.state == ZoneState::Open);
            prop_assert!(weighted(&decision));
            let is_health_to_blame = decision.zones.iter().any(|z| z.reason == Reason::Impaired);
            prop_assert!(is_health_to_blame || decision.serving().any(whole), "{:?}", decision.zones);
        }
    }

    /// Until the next change that is announced the decision stands as it is.
    #[test]
    fn nothing_changes_before_the_next_change(mut world in worlds(), part in 0u64..1_000) {
        let now = world.now;
        let before = world.decide();
        let next = world.next_change().unwrap_or(Timestamp(now.0 + 10_000));
        prop_assert!(next > now);
        world.now = Timestamp(now.0 + (next.0 - now.0 - 1) * part / 999);
        prop_assert_eq!(before, world.decide());
    }
}
