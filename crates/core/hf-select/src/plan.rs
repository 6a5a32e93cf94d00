//! One chain over one list of candidates, compiled: what a question costs is a few words and as many draws as it takes.
//!
//! 1. Filters work on a set of candidates as bits. The first one that orders (`weighted`, `sticky`, `shuffle`, `take`) makes a list of
//!    it; filters behind it thin out the list and keep its order.
//! 2. The same code answers and explains ([`Plan::choose`], [`Plan::explain`]).
//! 3. A choice allocates nothing once the [`Scratch`] has room, takes no lock and reads no clock.
//! 4. A draw stops early when a `take` follows.
//! 5. The chain that most records have (`open`, a draw, `take`) over a short list takes a way of its own ([`quick`]); the outcome is the same.
//! 6. The levels of a tree are asked with one seed; their draws do not depend on one another all the same.
//!
//! Not here: who is open ([`State`]), where a client is ([`Locality`]).

mod areas;
mod draw;
mod nearest;
mod networks;
mod quick;
mod sticky;

use hf_config::estate::{Estate, Filter, RegionIx, Sticky, ZoneIx};

use crate::account::{Account, Removed, Selection, Silent, Steps};
use crate::candidate::Candidate;
use crate::chance::Chance;
use crate::locality::{Locality, Needs, UNMEASURED};
use crate::mask::{self, Mask};
use crate::returning::is_drawn;
use crate::state::State;
use areas::Areas;
use draw::draw;
use nearest::Nearest;
use networks::Networks;
use quick::Quick;
use sticky::Table;

/// A compiled chain. Immutable; made when the estate changes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// All candidates.
    all: Mask,
    /// By position.
    weights: Box<[u16]>,
    /// Candidates with a weight.
    weighted: Mask,
    /// Candidates by zone, in order.
    zones: Vec<(ZoneIx, Mask)>,
    /// Candidates by region, in order.
    regions: Vec<(RegionIx, Mask)>,
    stages: Vec<(Filter, Stage)>,
    needs: Needs,
    sticky: Option<Sticky>,
    quick: Option<Quick>,
    /// Sets the draws of this level apart from those of the levels below it, which get the same seed.
    salt: u64,
}

#[derive(Clone, Debug)]
enum Stage {
    Open,
    Near(Nearest),
    Latency(Nearest),
    Geo(Areas),
    Cidr(Networks),
    SameZone,
    /// Lowest number first.
    Priority(Vec<Mask>),
    Weighted {
        wanted: usize,
    },
    Sticky {
        table: Table,
        wanted: usize,
    },
    Shuffle {
        wanted: usize,
    },
    Take(usize),
}

/// Room for choices; each thread that answers has its own.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    left: Vec<u64>,
    spare: Vec<u64>,
    order: Vec<u16>,
    drawn_from: usize,
}

impl Scratch {
    /// With room for plans over lists of so many candidates; over longer ones it grows once.
    pub fn with_room(candidates: usize) -> Scratch {
        let words = mask::words(candidates);
        Scratch {
            left: Vec::with_capacity(words),
            spare: Vec::with_capacity(words),
            order: Vec::with_capacity(candidates),
            drawn_from: 0,
        }
    }

    /// How long the list was that chance drew the last choice from; 0 if there was no draw.
    pub fn drawn_from(&self) -> usize {
        self.drawn_from
    }

    /// The list of the last choice.
    pub fn order(&self) -> &[u16] {
        &self.order
    }

    /// For how many candidates there is room.
    pub fn room(&self) -> usize {
        self.order.capacity().min(self.left.capacity().min(self.spare.capacity()) * 64)
    }
}

/// Candidates under the same name, in the order of the names.
fn grouped<T: Ord>(
    words: usize,
    candidates: &[Candidate],
    name: impl Fn(&Candidate) -> Option<T>,
) -> Vec<(T, Mask)> {
    let mut named: Vec<(T, u16)> =
        candidates.iter().filter_map(|candidate| Some((name(candidate)?, candidate.at))).collect();
    named.sort_unstable();
    let mut groups: Vec<(T, Mask)> = Vec::new();
    for (name, at) in named {
        match groups.last_mut().filter(|(last, _)| *last == name) {
            Some((_, mask)) => mask[usize::from(at / 64)] |= 1 << (at % 64),
            None => groups.push((name, mask::of(words, [at]))),
        }
    }
    groups
}

/// Nothing for endpoints; for branches a number that follows from all of them, so that no level has that of the one above it.
fn salt(candidates: &[Candidate]) -> u64 {
    let branches = candidates.iter().filter(|candidate| candidate.zone.is_none());
    branches.fold(0, |salt, branch| Chance::new(salt ^ branch.key).number())
}

impl Plan {
    /// Compiles a chain over candidates, each position once. `sticky` groups clients for the filter of that name; without it the
    /// default does.
    pub fn new(estate: &Estate, candidates: &[Candidate], chain: &[Filter], sticky: Option<Sticky>) -> Plan {
        let positions = candidates.iter().map(|candidate| usize::from(candidate.at) + 1).max().unwrap_or(0);
        let words = mask::words(positions);
        let mut weights = vec![0; positions].into_boxed_slice();
        for candidate in candidates {
            weights[usize::from(candidate.at)] = candidate.weight.0;
        }
        let with_weight = candidates.iter().filter(|candidate| candidate.weight.0 > 0);
        let mut plan = Plan {
            all: mask::of(words, candidates.iter().map(|candidate| candidate.at)),
            weighted: mask::of(words, with_weight.map(|candidate| candidate.at)),
            weights,
            zones: grouped(words, candidates, |candidate| candidate.zone),
            regions: grouped(words, candidates, |candidate| candidate.region),
            stages: Vec::with_capacity(chain.len()),
            needs: Needs::default(),
            sticky: None,
            quick: None,
            salt: salt(candidates),
        };
        for (at, filter) in chain.iter().enumerate() {
            let wanted = match chain.get(at + 1) {
                Some(Filter::Take(count)) => usize::from(*count),
                _ => usize::MAX,
            };
            let stage = plan.stage(estate, candidates, *filter, wanted, sticky.unwrap_or_default());
            plan.stages.push((*filter, stage));
        }
        plan.quick = Quick::of(&plan.stages, positions);
        plan
    }

    /// Compiles one filter and notes what it looks at.
    fn stage(
        &mut self,
        estate: &Estate,
        candidates: &[Candidate],
        filter: Filter,
        wanted: usize,
        sticky: Sticky,
    ) -> Stage {
        let words = self.all.len();
        match filter {
            Filter::Open => Stage::Open,
            Filter::Near => {
                let nearest = Nearest::new(estate, candidates, words);
                self.needs = self.needs | nearest.needs();
                Stage::Near(nearest)
            }
            Filter::Latency => {
                let nearest = Nearest::new(estate, candidates, words);
                self.needs = self.needs | nearest.needs();
                self.needs.latency |= self.divides(&self.regions);
                Stage::Latency(nearest)
            }
            Filter::Geo => {
                let areas = Areas::new(candidates, words);
                self.needs.geo |= !areas.is_empty();
                Stage::Geo(areas)
            }
            Filter::Cidr => Stage::Cidr(Networks::new(estate, candidates, words)),
            Filter::SameZone => {
                self.needs.networks |= self.divides(&self.zones) || self.divides(&self.regions);
                Stage::SameZone
            }
            Filter::Priority => {
                let by_priority = grouped(words, candidates, |candidate| Some(candidate.priority));
                Stage::Priority(by_priority.into_iter().map(|(_, mask)| mask).collect())
            }
            Filter::Weighted => Stage::Weighted { wanted },
            Filter::Sticky => {
                if candidates.len() > 1 {
                    self.sticky = Some(sticky);
                }
                Stage::Sticky { table: Table::new(candidates, sticky), wanted }
            }
            Filter::Shuffle => Stage::Shuffle { wanted },
            Filter::Take(count) => Stage::Take(usize::from(count)),
        }
    }

    /// Whether candidates are in one of these groups and others are not.
    fn divides<T>(&self, groups: &[(T, Mask)]) -> bool {
        groups.iter().any(|(_, group)| *group != self.all)
    }

    /// What must be known of a client.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Whether a choice depends on the seed, beside zones that are returning.
    pub fn is_drawn(&self) -> bool {
        self.stages.iter().any(|(_, stage)| matches!(stage, Stage::Weighted { .. } | Stage::Shuffle { .. }))
    }

    /// How many leading bits of the client's address an answer depends on: the scope of an EDNS Client Subnet answer. It follows from
    /// the chain and the tables that it looks at; 0 when nothing of the client matters.
    pub fn scope_bits(&self, client: &Locality<'_>) -> u8 {
        let needed = |needed: bool, bits: u8| if needed { bits } else { 0 };
        let known = needed(self.needs.networks, client.network_bits)
            .max(needed(self.needs.geo, client.geo.prefix_bits))
            .max(needed(self.needs.latency, client.latency_bits));
        let of_subnet = self.sticky.map_or(0, |sticky| sticky::bits(sticky, client.address));
        let of_networks = self.stages.iter().filter_map(|(_, stage)| match stage {
            Stage::Cidr(networks) => Some(networks.bits(client.address)),
            _ => None,
        });
        known.max(of_subnet).max(of_networks.max().unwrap_or(0))
    }

    /// Chooses: positions, best first. Allocates nothing while the scratch has room.
    pub fn choose<'s>(
        &self,
        now: &State,
        client: &Locality<'_>,
        seed: u64,
        scratch: &'s mut Scratch,
    ) -> &'s [u16] {
        match self.quick {
            Some(quick) if now.returning.is_empty() => self.choose_quickly(quick, now, seed, scratch),
            _ => self.run(now, client, seed, scratch, &mut Silent),
        }
        &scratch.order
    }

    /// The same choice with every step told.
    pub fn explain(&self, now: &State, client: &Locality<'_>, seed: u64) -> Selection {
        let mut scratch = Scratch::default();
        let mut steps = Steps::default();
        self.run(now, client, seed, &mut scratch, &mut steps);
        Selection { order: scratch.order, steps: steps.steps }
    }

    fn run(
        &self,
        now: &State,
        client: &Locality<'_>,
        seed: u64,
        scratch: &mut Scratch,
        account: &mut impl Account,
    ) {
        let Scratch { left, spare, order, drawn_from } = scratch;
        *drawn_from = 0;
        left.clear();
        left.extend_from_slice(&self.all);
        order.clear();
        let mut is_ordered = false;
        let mut chance = Chance::new(seed ^ self.salt);
        for (filter, stage) in &self.stages {
            account.begin(left);
            match stage {
                Stage::Open => self.open(now, client, seed, (left, spare), account),
                Stage::Near(nearest) => {
                    nearest.keep(client, left, spare);
                    account.took(left, Removed::Farther);
                }
                Stage::Latency(nearest) => {
                    if self.soonest(client, left, spare) {
                        account.took(left, Removed::Slower);
                    } else {
                        nearest.keep(client, left, spare);
                        account.took(left, Removed::Farther);
                    }
                }
                Stage::Geo(areas) => {
                    areas.keep(client, left);
                    account.took(left, Removed::OtherArea);
                }
                Stage::Cidr(networks) => {
                    networks.keep(client.address, left);
                    account.took(left, Removed::OtherNetwork);
                }
                Stage::SameZone => {
                    self.same_zone(client, left);
                    account.took(left, Removed::OtherZone);
                }
                Stage::Priority(groups) => {
                    if let Some(first) = groups.iter().find(|group| mask::meets(left, group)) {
                        mask::keep(left, first);
                    }
                    account.took(left, Removed::LaterPriority);
                }
                Stage::Weighted { .. } | Stage::Sticky { .. } => {
                    if mask::meets(left, &self.weighted) {
                        mask::keep(left, &self.weighted);
                    }
                    account.took(left, Removed::Spare);
                }
                Stage::Shuffle { .. } | Stage::Take(_) => {}
            }
            if is_ordered {
                order.retain(|at| mask::has(left, *at));
            }
            match stage {
                Stage::Weighted { wanted } | Stage::Shuffle { wanted } => {
                    if !is_ordered {
                        order.extend(mask::positions(left));
                    }
                    let by_weight = matches!(stage, Stage::Weighted { .. });
                    let weight =
                        |at: u16| if by_weight { u64::from(self.weights[usize::from(at)]) } else { 1 };
                    *drawn_from = (*drawn_from).max(order.len());
                    draw(order, *wanted, &mut chance, weight);
                    is_ordered = true;
                }
                Stage::Sticky { table, wanted } => {
                    order.clear();
                    table.order(client.address, (left, spare), *wanted, order);
                    is_ordered = true;
                }
                Stage::Take(count) => {
                    if !is_ordered {
                        order.extend(mask::positions(left));
                        is_ordered = true;
                    }
                    let kept = order.len().min(*count);
                    account.cut(&order[kept..], Removed::BeyondTake);
                    order.truncate(kept);
                    left.fill(0);
                    for at in order.iter() {
                        left[usize::from(at / 64)] |= 1 << (at % 64);
                    }
                }
                _ => {}
            }
            account.done(*filter, left, is_ordered.then_some(order));
        }
        if !is_ordered {
            order.extend(mask::positions(left));
        }
    }

    /// Keeps what is open; of zones that are returning, those whose part this question is of, unless nobody else is left.
    ///
    /// In a chain that is sticky a client's network decides that, not the seed: a client comes back to a zone once.
    fn open(
        &self,
        now: &State,
        client: &Locality<'_>,
        seed: u64,
        (left, spare): (&mut Vec<u64>, &mut Vec<u64>),
        account: &mut impl Account,
    ) {
        mask::keep(left, &now.open);
        account.took(left, Removed::NotServing);
        if !now.out_of_dns.is_empty() {
            mask::remove(left, &now.out_of_dns);
            account.took(left, Removed::BelowMinimum);
        }
        if now.returning.is_empty() {
            return;
        }
        let seed = self.sticky.map_or(seed, |sticky| sticky::subnet_hash(sticky, client.address));
        spare.clear();
        spare.extend_from_slice(left);
        for (zone, share) in &now.returning {
            if let Ok(at) = self.zones.binary_search_by_key(zone, |(zone, _)| *zone)
                && !is_drawn(*zone, *share, seed)
            {
                mask::remove(spare, &self.zones[at].1);
            }
        }
        // With nobody else a returning zone answers whatever its share is.
        if mask::any(spare) {
            left.copy_from_slice(spare);
            account.took(left, Removed::Returning);
        }
    }

    /// Keeps the regions with the lowest latency, if any region that is left was measured for the client.
    fn soonest(&self, client: &Locality<'_>, left: &mut [u64], spare: &mut Vec<u64>) -> bool {
        let Some(row) = client.latency else { return false };
        let latency = |region: RegionIx| row.get(region.at()).copied().unwrap_or(UNMEASURED);
        let of_left = self.regions.iter().filter(|(_, mask)| mask::meets(left, mask));
        let Some(least) =
            of_left.map(|(region, _)| latency(*region)).min().filter(|least| *least < UNMEASURED)
        else {
            return false;
        };
        spare.clear();
        spare.resize(left.len(), 0);
        let soonest = self.regions.iter().filter(|(region, _)| latency(*region) == least);
        soonest.for_each(|(_, mask)| mask::add(spare, mask));
        mask::keep(left, spare);
        true
    }

    fn same_zone(&self, client: &Locality<'_>, left: &mut [u64]) {
        let zone =
            client.zone.and_then(|zone| self.zones.iter().find(|(of, _)| *of == zone)).map(|(_, mask)| mask);
        let region = client
            .region
            .and_then(|region| self.regions.iter().find(|(of, _)| *of == region))
            .map(|(_, mask)| mask);
        if let Some(own) = zone.into_iter().chain(region).find(|own| mask::meets(left, own)) {
            mask::keep(left, own);
        }
    }
}
