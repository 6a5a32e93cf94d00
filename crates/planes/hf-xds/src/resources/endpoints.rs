//! Who serves of a pool, zone by zone.
//!
//! 1. Only who serves is told, all of them as good ([`Listing`], as for every other balancer that is not ours). A zone that is away, and an impaired
//!    endpoint, are not told as unhealthy but left out: with half of its endpoints unhealthy Envoy panics, and sends to all that it knows.
//!    When the decision fails open, those that it names are there.
//! 2. A zone is a locality. It weighs what its endpoints weigh together, times its share while it returns.
//! 3. The overprovisioning factor is 100: what Envoy itself finds bad takes away from its zone at once, as in our balancer. Envoy's own default
//!    of 140 loads what is left of a zone up to 1.4 times before others help.
//! 4. Priorities only for clients that are kept near their zone, and only for pools without `cross_zone`: own zone, own region, all others. There are
//!    no gaps between them: gRPC clients refuse those.

use hf_balance::{Listed, Listing};
use hf_config::estate::{CrossZone, Estate, PoolIx, ZoneIx};
use hf_snapshot::Snapshot;

use crate::messages::{
    Address, AssignmentPolicy, ClusterLoadAssignment, Endpoint, LbEndpoint, Locality, LocalityLbEndpoints,
    SocketAddress, U32,
};

/// In percent; see rule 3.
const OVERPROVISIONING_FACTOR: u32 = 100;
/// A zone's way back is told in so many steps at most.
const STEPS: u32 = 100;

/// An endpoint that serves, and its weight beside all others of the pool.
type Member<'a> = (&'a Listed, u32);

/// Who serves of the pool, for a client that is kept near a zone or not.
pub fn assignment(snapshot: &Snapshot, pool: PoolIx, near: Option<ZoneIx>) -> ClusterLoadAssignment {
    let estate = &snapshot.estate;
    let listing = Listing::of(snapshot, pool);
    let near = near.filter(|_| estate.pool(listing.serving_pool).cross_zone == CrossZone::Off);
    let weights = listing.weights(STEPS);
    let mut members: Vec<Member<'_>> =
        listing.endpoints.iter().zip(weights).filter(|(_, weight)| *weight > 0).collect();
    members.sort_by_key(|(of, _)| (distance(estate, near, of.zone), of.zone));
    let mut distances: Vec<u32> = members.iter().map(|(of, _)| distance(estate, near, of.zone)).collect();
    distances.dedup();
    let localities = members.chunk_by(|(one, _), (other, _)| one.zone == other.zone).map(|here| {
        let zone = here[0].0.zone;
        let own = distance(estate, near, zone);
        let priority = distances.iter().position(|known| *known == own).unwrap_or(0) as u32;
        locality(estate, zone, here, priority)
    });
    ClusterLoadAssignment {
        cluster_name: estate.pool(pool).name.to_string(),
        endpoints: localities.collect(),
        policy: Some(AssignmentPolicy {
            overprovisioning_factor: Some(U32 { value: OVERPROVISIONING_FACTOR }),
        }),
    }
}

/// How far a zone is: 0 own, 1 own region, 2 beyond; all 0 for a client that is not kept near.
fn distance(estate: &Estate, near: Option<ZoneIx>, zone: ZoneIx) -> u32 {
    match near {
        None => 0,
        Some(own) if own == zone => 0,
        Some(own) if estate.zone(own).region == estate.zone(zone).region => 1,
        Some(_) => 2,
    }
}

fn locality(estate: &Estate, zone: ZoneIx, members: &[Member<'_>], priority: u32) -> LocalityLbEndpoints {
    // All of them together fit, says the listing.
    let weight: u32 = members.iter().fold(0, |sum: u32, (_, weight)| sum.saturating_add(*weight));
    let zone = estate.zone(zone);
    LocalityLbEndpoints {
        locality: Some(Locality {
            region: estate.regions[zone.region.at()].id.to_string(),
            zone: zone.id.to_string(),
        }),
        lb_endpoints: members.iter().map(|(of, _)| endpoint(of)).collect(),
        load_balancing_weight: Some(U32 { value: weight }),
        priority,
    }
}

fn endpoint(of: &Listed) -> LbEndpoint {
    let address =
        SocketAddress { address: of.address.ip().to_string(), port_value: of.address.port().into() };
    LbEndpoint {
        endpoint: Some(Endpoint { address: Some(Address { socket_address: Some(address) }) }),
        // Spares are alike when they serve alone.
        load_balancing_weight: Some(U32 { value: u32::from(of.weight.0.max(1)) }),
    }
}
