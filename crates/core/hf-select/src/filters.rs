//! What each filter does to the list.

use hf_config::estate::{Estate, Filter, RegionIx};

use crate::chance::Chance;
use crate::client::Client;
use crate::{Candidate, Draws, Removed};

/// What filters look at beside the candidates.
pub struct Around<'a> {
    pub estate: &'a Estate,
    pub client: Client,
    pub draws: Draws,
}

/// Applies one filter; `next` is the one behind it (a draw stops early when a `take` follows).
pub fn apply(
    around: &Around<'_>,
    filter: Filter,
    next: Option<&Filter>,
    chance: &mut Chance,
    left: &mut Vec<Candidate>,
) -> Vec<(u16, Removed)> {
    let wanted = match next {
        Some(Filter::Take(count)) => usize::from(*count),
        _ => usize::MAX,
    };
    match filter {
        Filter::Open => open(&around.draws, left),
        Filter::Near => near(around.estate, around.client, left),
        // Records carry none of these: endpoints have no latency, area or networks of clients of their own.
        Filter::Latency | Filter::Geo | Filter::Cidr => Vec::new(),
        Filter::SameZone => same_zone(around.client, left),
        Filter::Priority => {
            let first = left.iter().map(|candidate| candidate.priority).min();
            retain(left, Removed::LaterPriority, |candidate| Some(candidate.priority) == first)
        }
        Filter::Weighted | Filter::Sticky => {
            draw(left, wanted, chance, |candidate| u64::from(candidate.weight.0));
            Vec::new()
        }
        Filter::Shuffle => {
            draw(left, wanted, chance, |_| 1);
            Vec::new()
        }
        Filter::Take(count) => {
            let beyond = left.split_off(left.len().min(usize::from(count)));
            beyond.iter().map(|candidate| (candidate.at, Removed::BeyondTake)).collect()
        }
    }
}

fn retain(left: &mut Vec<Candidate>, why: Removed, keep: impl Fn(&Candidate) -> bool) -> Vec<(u16, Removed)> {
    let removed = left.iter().filter(|candidate| !keep(candidate)).map(|c| (c.at, why)).collect();
    left.retain(keep);
    removed
}

fn open(draws: &Draws, left: &mut Vec<Candidate>) -> Vec<(u16, Removed)> {
    let mut removed = retain(left, Removed::NotServing, |candidate| candidate.serves);
    let is_in = |candidate: &Candidate| draws.lets_in(candidate.zone);
    // With nobody else a returning zone answers whatever its share is.
    if left.iter().any(is_in) {
        removed.extend(retain(left, Removed::Returning, is_in));
    }
    removed
}

/// Without a place for the client, or for any region, the list stays: a guess would be worse than a spread.
fn near(estate: &Estate, client: Client, left: &mut Vec<Candidate>) -> Vec<(u16, Removed)> {
    let Some(from) = client.region else { return Vec::new() };
    let distance = |region: RegionIx| -> u64 {
        if region == from {
            return 0;
        }
        let place = |region: RegionIx| estate.regions[region.at()].location;
        match (place(from), place(region)) {
            (Some(here), Some(there)) => here.order_distance(there).max(1),
            _ => u64::MAX,
        }
    };
    let nearest = left.iter().map(|candidate| distance(candidate.region)).min();
    retain(left, Removed::Farther, |candidate| Some(distance(candidate.region)) == nearest)
}

fn same_zone(client: Client, left: &mut Vec<Candidate>) -> Vec<(u16, Removed)> {
    if left.iter().any(|candidate| Some(candidate.zone) == client.zone) {
        retain(left, Removed::OtherZone, |candidate| Some(candidate.zone) == client.zone)
    } else if left.iter().any(|candidate| Some(candidate.region) == client.region) {
        retain(left, Removed::OtherZone, |candidate| Some(candidate.region) == client.region)
    } else {
        Vec::new()
    }
}

/// Moves up to `wanted` candidates to the front, each drawn by weight from those not drawn yet. Those of weight 0 come
/// behind all others, by even chance.
fn draw(left: &mut [Candidate], wanted: usize, chance: &mut Chance, weight: impl Fn(&Candidate) -> u64) {
    let mut total: u64 = left.iter().map(&weight).sum();
    for front in 0..left.len().min(wanted) {
        let rest = &left[front..];
        let drawn = if total == 0 {
            chance.below(rest.len() as u64) as usize
        } else {
            let mut ticket = chance.below(total);
            rest.iter()
                .position(|candidate| {
                    let share = weight(candidate);
                    let hit = ticket < share;
                    ticket = ticket.saturating_sub(share);
                    hit
                })
                .unwrap_or(0)
        };
        left.swap(front, front + drawn);
        total -= weight(&left[front]);
    }
}
