//! One pool as one balancer uses it, compiled from a snapshot.
//!
//! Endpoints stand in one list, those of one zone together, the best tier first. Without `cross_zone` the tiers are own zone, own region, nearest
//! region, the rest; with it there is one.
//!
//! Not here: picking (`choose`).

use std::borrow::Cow;
use std::net::SocketAddr;

use hf_config::estate::{Choice, CrossZone, Estate, Filter, Minimum, PoolIx, ZoneIx};
use hf_decide::{EndpointDecision, Mode, PoolDecision, Reason, ZoneState};
use hf_model::Share;
use hf_select::{Candidate, Client, Locality, State};
use hf_snapshot::Snapshot;

use crate::ring::Ring;
use crate::spread::Spread;

/// One pool as one balancer uses it, compiled from a snapshot.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) mode: Mode,
    pub(crate) serving_pool: PoolIx,
    pub(crate) own_zone: Option<ZoneIx>,
    pub(crate) crosses: bool,
    pub(crate) way: Way,
    pub(crate) slow_start_ms: u64,
    pub(crate) minimum: Minimum,
    /// Those of one zone and tier together.
    pub(crate) picks: Vec<Pick>,
    /// The sum of weights up to and with each pick, within its group.
    pub(crate) sums: Vec<u64>,
    pub(crate) groups: Vec<Group>,
    /// For each position in the pool: its place in `picks` and plus one; 0 for those that are not picked.
    pub(crate) places: Vec<u16>,
    /// For each tier the chances of its groups; with `cross_zone` the own zone is told apart.
    pub(crate) tiers: Vec<Tier>,
    callers: Vec<u64>,
    affinity: Share,
    spill: bool,
}

/// How an endpoint of a zone is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    LeastLoaded,
    Weighted,
    Hash,
}

/// The endpoints of one zone in one tier.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) zone: ZoneIx,
    /// Where in [`Plan::picks`], from and up to.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Endpoints of the pool in this zone, serving or not.
    pub(crate) registered: usize,
    /// Of its weight: all, unless it is returning.
    pub(crate) share: Share,
    /// For the way `Hash`.
    pub(crate) ring: Ring,
}

impl Group {
    pub(crate) fn len(&self) -> usize {
        self.to - self.from
    }
}

/// Groups that are alike in nearness.
#[derive(Clone, Debug)]
pub(crate) struct Tier {
    /// The first of its groups, and the one behind its last.
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) spread: Spread,
}

/// An endpoint that may take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Its pool: the fallback's when the pool has fallen back.
    pub pool: PoolIx,
    /// Its position in that pool.
    pub at: u16,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it is.
    pub zone: ZoneIx,
    pub(crate) weight: u16,
}

/// Where requests come in: how many callers (balancers, say, or requests in a second) stand in each zone.
#[derive(Clone, Copy, Debug, Default)]
pub enum Callers<'a> {
    /// As many in each zone that serves. The default.
    #[default]
    Even,
    /// By [`ZoneIx`]; a zone beyond its end has none.
    Counted(&'a [u64]),
}

impl Plan {
    /// Compiles what `pool` means for a balancer in `own_zone`, with as many callers in each zone.
    pub fn new(snapshot: &Snapshot, pool: PoolIx, own_zone: Option<ZoneIx>) -> Plan {
        Plan::with_callers(snapshot, pool, own_zone, Callers::Even)
    }

    /// Compiles it where callers were counted. They matter only with `cross_zone`.
    pub fn with_callers(
        snapshot: &Snapshot,
        pool: PoolIx,
        own_zone: Option<ZoneIx>,
        callers: Callers<'_>,
    ) -> Plan {
        let mode = snapshot.decision.pools[pool.at()].mode;
        let serving_pool = match mode {
            Mode::Fallback(other) => other,
            _ => pool,
        };
        let estate = &snapshot.estate;
        let decision = in_use(estate, &snapshot.decision.pools[serving_pool.at()]);
        // How requests are placed is the word of the pool that has them; how endpoints are used is that of the endpoints' pool.
        let (rules, of) = (&estate.pool(pool).balancing, estate.pool(serving_pool));
        let crosses = of.cross_zone == CrossZone::On;
        let mut plan = Plan {
            mode,
            serving_pool,
            own_zone,
            crosses,
            way: match rules.choice {
                Choice::LeastLoaded => Way::LeastLoaded,
                Choice::Weighted => Way::Weighted,
                Choice::Hash(_) => Way::Hash,
            },
            slow_start_ms: of.balancing.slow_start.as_millis() as u64,
            minimum: of.routing_minimum,
            picks: Vec::new(),
            sums: Vec::new(),
            groups: Vec::new(),
            places: vec![0; of.endpoints.len()],
            tiers: Vec::new(),
            callers: match callers {
                Callers::Even => Vec::new(),
                Callers::Counted(counts) => counts.to_vec(),
            },
            affinity: rules.affinity,
            spill: rules.spill,
        };
        for tier in tiers(estate, &decision, own_zone, crosses) {
            plan.add_tier(estate, &decision, &tier);
        }
        plan.weigh(|_| true);
        plan
    }

    fn add_tier(&mut self, estate: &Estate, decision: &PoolDecision, tier: &[u16]) {
        let pool = estate.pool(self.serving_pool);
        let mut picks: Vec<Pick> = tier
            .iter()
            .map(|at| {
                let endpoint = &pool.endpoints[usize::from(*at)];
                let (address, zone, weight) = (endpoint.address, endpoint.zone, endpoint.weight.0);
                Pick { pool: self.serving_pool, at: *at, address, zone, weight }
            })
            .collect();
        if picks.is_empty() {
            return;
        }
        picks.sort_by_key(|pick| (Some(pick.zone) != self.own_zone, pick.zone, pick.at));
        let first_group = self.groups.len();
        for of_zone in picks.chunk_by(|one, other| one.zone == other.zone) {
            let (zone, from) = (of_zone[0].zone, self.picks.len());
            let mut sum = 0;
            for pick in of_zone {
                sum += u64::from(pick.weight);
                self.sums.push(sum);
                self.picks.push(*pick);
                // A pool has at most 20,000 endpoints.
                self.places[usize::from(pick.at)] = self.picks.len() as u16;
            }
            let ring = match self.way {
                Way::Hash => {
                    Ring::new(&of_zone.iter().map(|pick| (pick.address, pick.weight)).collect::<Vec<_>>())
                }
                Way::LeastLoaded | Way::Weighted => Ring::default(),
            };
            self.groups.push(Group {
                zone,
                from,
                to: self.picks.len(),
                registered: pool.endpoints.iter().filter(|endpoint| endpoint.zone == zone).count(),
                share: decision.zone(zone).map_or(Share::ONE, |of| of.share),
                ring,
            });
        }
        self.tiers.push(Tier { from: first_group, to: self.groups.len(), spread: Spread::default() });
    }

    /// Weighs the zones anew by those endpoints that this balancer finds usable, by position: whoever keeps a plan calls this when its own view of
    /// health changes. Without it zones have the capacity that the decision gives them.
    pub fn weigh(&mut self, usable: impl Fn(u16) -> bool) {
        for tier in &mut self.tiers {
            let groups = &self.groups[tier.from..tier.to];
            let capacity = |of_all: bool| -> Vec<u64> {
                let of = |group: &Group| {
                    let picks = &self.picks[group.from..group.to];
                    let in_health = picks.iter().filter(|pick| usable(pick.at)).count();
                    let counts = |pick: &&Pick| {
                        of_all || is_overrun(self.minimum, in_health, group.registered) || usable(pick.at)
                    };
                    let weight: u64 = picks.iter().filter(counts).map(|pick| u64::from(pick.weight)).sum();
                    // Without `cross_zone` a returning zone is drawn apart.
                    weight * if self.crosses { u64::from(group.share.ppm()) } else { 1 }
                };
                groups.iter().map(of).collect()
            };
            let mut capacities = capacity(false);
            if capacities.iter().all(|of| *of == 0) {
                capacities = capacity(true);
            }
            let callers: Vec<u64> = if self.callers.is_empty() {
                capacities.iter().map(|of| u64::from(*of > 0)).collect()
            } else {
                // Whoever asks is there.
                let at_least = |group: &Group| u64::from(Some(group.zone) == self.own_zone);
                let counted = |group: &Group| self.callers.get(group.zone.at()).copied().unwrap_or(0);
                groups.iter().map(|group| counted(group).max(at_least(group))).collect()
            };
            let own = groups.iter().position(|group| Some(group.zone) == self.own_zone);
            let ids = groups.iter().map(|group| u64::from(group.zone.0)).collect();
            let own = own.filter(|_| self.crosses);
            tier.spread = Spread::new(ids, capacities, &callers, own, self.affinity, self.spill);
        }
    }

    /// Takes how many callers stand in each zone by now, by [`ZoneIx`]; none at all counts as even. [`Plan::weigh`] makes use of it.
    pub fn set_callers(&mut self, callers: &[u64]) {
        self.callers.clear();
        if callers.iter().any(|count| *count > 0) {
            self.callers.extend_from_slice(callers);
        }
    }

    /// Whether requests are spread over zones by what these can carry: the only use of callers.
    pub fn crosses_zones(&self) -> bool {
        self.crosses
    }

    /// How the pool serves.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The pool whose endpoints serve: another one after a fallback.
    pub fn serving_pool(&self) -> PoolIx {
        self.serving_pool
    }

    /// Everything that may be picked, best tier first.
    pub fn serving(&self) -> impl Iterator<Item = &Pick> {
        self.picks.iter()
    }

    /// The endpoint at this position of the pool, if it may be picked.
    pub fn at(&self, at: u16) -> Option<&Pick> {
        let place = usize::from(*self.places.get(usize::from(at))?).checked_sub(1)?;
        self.picks.get(place)
    }

    /// Whether an endpoint of the balancer's own zone may be picked.
    pub fn own_zone_serves(&self) -> bool {
        self.groups.iter().any(|group| Some(group.zone) == self.own_zone)
    }

    pub(crate) fn tier_of(&self, group: usize) -> usize {
        self.tiers.iter().position(|tier| (tier.from..tier.to).contains(&group)).unwrap_or(0)
    }

    /// The group of a position in the pool.
    pub(crate) fn group_of(&self, at: u16) -> Option<usize> {
        let place = usize::from(*self.places.get(usize::from(at))?).checked_sub(1)?;
        self.groups.iter().position(|group| (group.from..group.to).contains(&place))
    }
}

/// Whether a zone with so many in health is used as if all were: there is somebody, and it is too few.
pub(crate) fn is_overrun(minimum: Minimum, in_health: usize, registered: usize) -> bool {
    in_health > 0 && !minimum.holds(in_health, registered)
}

/// The decision as balancers use it: with the unhealthy endpoints of open zones that are below the pool's routing minimum.
pub fn in_use<'a>(estate: &Estate, decision: &'a PoolDecision) -> Cow<'a, PoolDecision> {
    let pool = estate.pool(decision.pool);
    let mut used = Cow::Borrowed(decision);
    if decision.mode != Mode::Normal || pool.routing_minimum == Minimum::default() {
        return used;
    }
    for zone in decision.zones.iter().filter(|of| of.state == ZoneState::Open) {
        let here: Vec<usize> =
            (0..pool.endpoints.len()).filter(|at| pool.endpoints[*at].zone == zone.zone).collect();
        let in_health = here.iter().filter(|at| decision.endpoints[**at].is_in_health()).count();
        if is_overrun(pool.routing_minimum, in_health, here.len()) {
            for at in here {
                if decision.endpoints[at].reason == Reason::Impaired {
                    used.to_mut().endpoints[at] = EndpointDecision { serves: true, reason: Reason::FailOpen };
                }
            }
        }
    }
    used
}

/// Positions in the pool, best tier first.
fn tiers(estate: &Estate, decision: &PoolDecision, own_zone: Option<ZoneIx>, crosses: bool) -> Vec<Vec<u16>> {
    // Each pick draws for itself whether a returning zone has part in it.
    let now = State::of_pool(decision).whole();
    let client = Locality::of(own_zone.map_or(Client::default(), |zone| Client::in_zone(estate, zone)));
    let chains: &[&[Filter]] = if crosses {
        &[&[Filter::Open]]
    } else {
        &[&[Filter::Open, Filter::SameZone], &[Filter::Open, Filter::Near], &[Filter::Open]]
    };
    let mut candidates = Candidate::of_pool(estate, decision.pool);
    let mut tiers = Vec::new();
    for chain in chains {
        // What an earlier tier holds is left out, so that `same-zone` and `near` find the next best group.
        let plan = hf_select::Plan::new(estate, &candidates, chain, None);
        let mut scratch = hf_select::Scratch::with_room(candidates.len());
        let tier = plan.choose(&now, &client, 0, &mut scratch).to_vec();
        let taken: std::collections::BTreeSet<u16> = tier.iter().copied().collect();
        candidates.retain(|candidate| !taken.contains(&candidate.at));
        tiers.push(tier);
    }
    tiers
}
