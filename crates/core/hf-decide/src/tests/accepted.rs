//! `hf-control` and this crate ask one floor: what the one accepts the other obeys.

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::{PoolIx, Region, RegionIx};
use hf_config::floor::{Floor, floor_zones};
use hf_control::{Command, Entry, Outcome, PinTo, Refusal, Scope, State};
use hf_health::Verdict;
use hf_model::{Operator, RegionId, RequestId, Revision, Share, Timestamp};
use proptest::prelude::*;

use super::world::{World, zone_ix};
use crate::{NotAppliedWhy, PoolDecision, Source, ZoneState};

/// Everybody healthy, each zone its own region, so that only the floor refuses.
fn worlds() -> impl Strategy<Value = World> {
    let endpoint = (zone(), prop_oneof![2 => Just(100u16), 1 => 1u16..200, 2 => Just(0u16)])
        .prop_map(|(zone, weight)| (zone, Verdict::Healthy, weight));
    let ppm = prop_oneof![2 => Just(0u32), 1 => 0u32..=1_000_000];
    (prop::collection::vec(endpoint, 1..7), 1u16..4, ppm).prop_map(|(endpoints, min_zones, ppm)| {
        let mut world = World::new(&endpoints);
        world.estate.regions.clear();
        for (at, zone) in world.estate.zones.iter_mut().enumerate() {
            world.estate.regions.push(Region {
                id: RegionId::new(&format!("r{at}")).unwrap(),
                location: None,
                control: None,
            });
            zone.region = RegionIx(at as u16);
        }
        let web = &mut world.estate.pools[0];
        web.min_zones = min_zones.min(floor_zones(web).len() as u16);
        web.min_capacity = Share::from_ppm(ppm).unwrap();
        world
    })
}

fn zone() -> impl Strategy<Value = char> {
    prop::sample::select(vec!['a', 'b', 'c', 'd'])
}

fn act() -> impl Strategy<Value = (char, Scope, bool)> {
    let scope = prop::sample::select(vec!["everything", "pool/web", "record/www.x.test."]);
    (zone(), scope.prop_map(|scope| scope.parse().unwrap()), any::<bool>())
}

fn command((zone, scope, pins): &(char, Scope, bool)) -> Command {
    let (zone, scope) = (zone.to_string().parse().unwrap(), scope.clone());
    let (length, reason) = (Duration::from_mins(30), "test".to_owned());
    if *pins {
        Command::Pin { zone, scope, to: PinTo::Out, length, floor_overrides: vec![], reason }
    } else {
        Command::StartShift { zone, scope, length, floor_overrides: vec![], reason }
    }
}

/// Whom an act on this scope reaches: the pool, and the record if it has a decision of its own.
fn reached(world: &World, scope: &Scope) -> Vec<PoolDecision> {
    let decision = world.decide();
    let record = decision.for_record(0, PoolIx(0)).clone();
    let pool = decision.pools.into_iter().next().unwrap();
    if matches!(scope, Scope::Record(_)) { vec![record] } else { vec![pool, record] }
}

fn stops_by_floor(decision: &PoolDecision) -> bool {
    let by_floor = |why: &NotAppliedWhy| {
        matches!(why, NotAppliedWhy::MinZones { .. } | NotAppliedWhy::MinCapacity { .. })
    };
    decision.not_applied.iter().any(|refused| refused.source != Source::Health && by_floor(&refused.why))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// With everybody healthy, an act that the ledger accepts is obeyed, and one that it refuses for the floor would not be.
    #[test]
    fn what_is_accepted_is_obeyed_and_what_is_refused_is_not(
        mut world in worlds(),
        acts in prop::collection::vec(act(), 1..6),
    ) {
        let mut state = State { estate: Some(Arc::new(world.estate.clone())), ..State::default() };
        let web = &world.estate.pools[0];
        let cannot_leave = |zone| {
            floor_zones(web) == [zone] && Floor::new(&world.estate, web).take_zone(zone).is_err()
        };
        let stays: Vec<_> = world.estate.zone_indexes().filter(|zone| cannot_leave(*zone)).collect();
        let mut accepted: Vec<(char, Scope)> = Vec::new();
        for act in &acts {
            let revision = Revision(state.revision.0 + 1);
            let request = RequestId::new(&format!("r-{revision}")).unwrap();
            let entry = Entry { request, stamp: Timestamp(0), by: Operator::new("ann"), from: None, command: command(act) };
            let (outcome, _) = state.apply(revision, &entry);
            world.intent = state.intent();
            match outcome {
                Outcome::Done { .. } => accepted.push((act.0, act.1.clone())),
                Outcome::Refused(Refusal::Floor { .. }) => {
                    let mut obeyed = world.clone();
                    match &entry.command {
                        Command::Pin { .. } => obeyed.pin(&act.0.to_string(), act.1.clone(), PinTo::Out, 1_000),
                        _ => obeyed.shift(&act.0.to_string(), act.1.clone(), 1_000),
                    }
                    let stopped = reached(&obeyed, &act.1).iter().any(stops_by_floor);
                    prop_assert!(stopped, "{act:?} was refused, and yet it would be obeyed");
                }
                Outcome::Refused(_) => {}
            }
            for (zone, scope) in &accepted {
                // The pool that lives there only does not hold up the rest.
                if *scope == Scope::Everything && stays.contains(&zone_ix(*zone)) {
                    continue;
                }
                for decision in reached(&world, scope) {
                    let state = decision.zone_state(zone_ix(*zone));
                    prop_assert!(state != Some(ZoneState::Open), "{scope} out of {zone} was accepted and is not obeyed");
                }
            }
        }
    }
}
