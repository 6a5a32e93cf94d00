//! Answers that are chosen: steered records and zonal names.

use std::sync::Arc;

use hf_config::estate::{AddressFamily, Filter, PoolIx, ZoneIx};
use hf_decide::{Mode, PoolDecision, Reason};
use hf_health::Verdict;
use hf_select::{Candidate, Client, Step, locate};

use crate::answer::{Asker, Why};
use crate::compiled::{Compiled, Routes};
use crate::rtype;

/// Seconds for which a zonal name's addresses may be kept.
pub const ZONAL_TTL_S: u32 = 5;

/// A zonal name gives at most this many addresses, drawn by weight: Route 53's limit of a multivalue answer.
const ZONAL_TAKE: u8 = 8;

/// Whether the steps of the choice are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// They are not: the hot path.
    None,
    /// They are: `explain`.
    Kept,
}

/// Addresses that were chosen.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Seconds.
    pub ttl: u32,
    /// The addresses as RDATA, in order.
    pub rdata: Vec<Arc<[u8]>>,
    /// The pool and zones that they belong to, each once.
    pub named: Vec<(PoolIx, ZoneIx)>,
    /// How, if an account is kept.
    pub why: Option<Why>,
}

/// How far a name goes into the zonal names of a hosted zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zonal {
    /// How many of its labels below the apex exist as zonal names or between them: 0 to 3.
    pub depth: usize,
    /// The pool and zone, if the name is or lies below a zonal name.
    pub of: Option<(PoolIx, ZoneIx)>,
}

impl Zonal {
    /// Reads the folded labels below an apex from right to left: `pool`, a pool, a zone.
    pub fn read<'a>(routes: &Routes, mut from_right: impl Iterator<Item = &'a [u8]>) -> Zonal {
        if routes.per_pool.is_empty() || from_right.next() != Some(b"pool") {
            return Zonal { depth: 0, of: None };
        }
        let Some(pool) = from_right.next().and_then(|label| routes.pool(label)) else {
            return Zonal { depth: 1, of: None };
        };
        match from_right.next().and_then(|label| routes.zone_of_pool(pool, label)) {
            Some(zone) => Zonal { depth: 3, of: Some((pool, zone)) },
            None => Zonal { depth: 2, of: None },
        }
    }
}

fn family(rtype: u16) -> Option<AddressFamily> {
    match rtype {
        rtype::A => Some(AddressFamily::V4),
        rtype::AAAA => Some(AddressFamily::V6),
        _ => None,
    }
}

/// The same decision with what health took away put back; what an operator took away stays away.
fn ignoring_health(decision: &PoolDecision) -> PoolDecision {
    let mut decision = decision.clone();
    for endpoint in decision.endpoints.iter_mut().filter(|endpoint| endpoint.reason == Reason::Impaired) {
        endpoint.serves = true;
        endpoint.reason = Reason::FailOpen;
    }
    decision
}

impl Compiled {
    /// Chooses the addresses of the steered record at this position; none is NODATA.
    pub(crate) fn steer(&self, record: usize, asker: &Asker, account: Account) -> Chosen {
        let estate = &self.snapshot.estate;
        let steered = &estate.records[record];
        let own = self.snapshot.decision.for_record(record, steered.pool);
        let (decision, in_place_of) = match own.mode {
            Mode::Fallback(pool) => (&self.snapshot.decision.pools[pool.at()], Some(steered.pool)),
            Mode::Normal | Mode::FailOpen | Mode::Closed => (own, None),
        };
        // `hf-decide` has followed the chain of fallbacks; here it led to nobody.
        if matches!(decision.mode, Mode::Closed | Mode::Fallback(_)) {
            let why = Some(Why::Closed { record, pool: decision.pool }).filter(|_| account == Account::Kept);
            return Chosen { why, ..Chosen::default() };
        }
        let client = locate(estate, asker.address, asker.own_zone);
        let endpoints = &estate.pool(decision.pool).endpoints;
        let keep =
            |candidate: &Candidate| steered.family.holds(endpoints[usize::from(candidate.at)].address.ip());
        let (mut order, mut steps) =
            self.select(decision, &steered.choose, client, asker.seed, account, keep);
        // The pool may be well while this family's few endpoints are not: health fails open for the family alone.
        let mut family_fails_open = false;
        if order.is_empty() {
            let without_health = ignoring_health(decision);
            (order, steps) = self.select(&without_health, &steered.choose, client, asker.seed, account, keep);
            family_fails_open = !order.is_empty();
        }
        let why = steps.map(|steps| Why::Steered {
            record,
            pool: decision.pool,
            in_place_of,
            client,
            family_fails_open,
            steps,
        });
        self.chosen(decision.pool, &order, steered.ttl.seconds(), why)
    }

    /// Chooses the addresses of a zonal name; none if the type is no address or the zone has none of the family.
    pub(crate) fn zonal(
        &self,
        (pool, zone): (PoolIx, ZoneIx),
        rtype: u16,
        asker: &Asker,
        account: Account,
    ) -> Chosen {
        let Some(family) = family(rtype) else { return Chosen::default() };
        let estate = &self.snapshot.estate;
        let endpoints = &estate.pool(pool).endpoints;
        let in_zone = |at: usize| endpoints[at].zone == zone && family.holds(endpoints[at].address.ip());
        let first = self.routes.per_pool[pool.at()].first_endpoint;
        // Without a check an old verdict says nothing, and a routing control speaks for all endpoints, as in `hf-decide`.
        let unchecked = estate.pool(pool).health_check.is_none();
        let by_control = hf_decide::control_verdict(estate, &self.snapshot.intent, pool);
        let verdict = |at: usize| by_control.unwrap_or_else(|| self.snapshot.verdicts.get(first + at));
        let up = |at: usize| unchecked || verdict(at) != Verdict::Unhealthy;
        let by_health = (0..endpoints.len()).any(|at| in_zone(at) && up(at));
        let keep = |candidate: &Candidate| {
            let at = usize::from(candidate.at);
            in_zone(at) && (up(at) || !by_health)
        };
        let decision = &self.snapshot.decision.pools[pool.at()];
        let chain = [Filter::Weighted, Filter::Take(ZONAL_TAKE)];
        let client = Client::in_zone(estate, zone);
        let (order, steps) = self.select(decision, &chain, client, asker.seed, account, keep);
        let why = steps.map(|steps| Why::Zonal { pool, zone, by_health, steps });
        self.chosen(pool, &order, ZONAL_TTL_S, why)
    }

    fn select(
        &self,
        decision: &PoolDecision,
        chain: &[Filter],
        client: Client,
        seed: u64,
        account: Account,
        keep: impl Fn(&Candidate) -> bool,
    ) -> (Vec<u16>, Option<Vec<Step>>) {
        let estate = &self.snapshot.estate;
        match account {
            Account::None => (hf_select::order(estate, decision, chain, client, seed, keep), None),
            Account::Kept => {
                let selection = hf_select::run(estate, decision, chain, client, seed, keep);
                (selection.order, Some(selection.steps))
            }
        }
    }

    fn chosen(&self, pool: PoolIx, order: &[u16], ttl: u32, why: Option<Why>) -> Chosen {
        let rdata = &self.routes.per_pool[pool.at()].rdata;
        let endpoints = &self.snapshot.estate.pool(pool).endpoints;
        let mut chosen = Chosen { ttl, rdata: Vec::with_capacity(order.len()), named: Vec::new(), why };
        for at in order.iter().map(|at| usize::from(*at)) {
            // Two endpoints on one address differ in port only, which an address record cannot say.
            if !chosen.rdata.contains(&rdata[at]) {
                chosen.rdata.push(rdata[at].clone());
            }
            let named = (pool, endpoints[at].zone);
            if !chosen.named.contains(&named) {
                chosen.named.push(named);
            }
        }
        chosen
    }
}
