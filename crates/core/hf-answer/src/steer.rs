//! Answers that are chosen: steered records, trees and zonal names.

use hf_config::estate::{AddressFamily, BranchTo, PoolIx, ZoneIx};
use hf_select::{Client, Locality, Needs, Plan, State, Step};

use crate::answer::{AnsweredBy, Chooser, Why};
use crate::message::{Full, Owner, Section};
use crate::rtype;
use crate::signed::{draw_seed, has_many_variants};
use crate::standing::{Leads, LeafStanding};
use crate::walk::Walk;

/// Seconds for which a zonal name's addresses may be kept.
pub const ZONAL_TTL_S: u32 = 5;

/// Branches of one level that one answer is put together from: as many as the largest `take`.
const BRANCHES_MAX: usize = 8;

/// Levels of a tree; the estate's reader sees to it that there are no more.
const LEVELS_MAX: usize = hf_config::estate::limits::TREE_DEPTH + 1;

/// A record of an address: owner (a pointer), type, class, TTL, length, address.
const RECORD_BYTES_MAX: usize = 12 + 16;
/// The same of IPv4.
const RECORD_BYTES_V4: usize = 12 + 4;

impl<'a> Walk<'a, '_, '_> {
    /// Writes the addresses of a steered record; none is for the caller to say.
    pub fn steer_record(&mut self, record: u16) -> Result<(), Full> {
        let record = usize::from(record);
        let ttl = self.compiled.snapshot.estate.records[record].ttl.seconds();
        let standing = self.compiled.standing.records[record];
        self.leaf(standing, ttl, Chooser::Record(record))
    }

    /// Writes the addresses of a tree.
    pub fn steer_tree(&mut self, tree: u16) -> Result<(), Full> {
        let ttl = self.compiled.snapshot.estate.trees[usize::from(tree)].ttl.seconds();
        self.level(usize::from(tree), ttl, 0)
    }

    /// Writes what the chosen branches of one level answer; `at` is its position in the standing.
    fn level(&mut self, at: usize, ttl: u32, depth: usize) -> Result<(), Full> {
        let compiled = self.compiled;
        let Some(standing) = compiled.standing.trees.get(at) else { return Ok(()) };
        let tree = usize::from(standing.tree);
        let estate = &compiled.snapshot.estate;
        let branches = &estate.trees[tree].branches;
        let plan = &compiled.routes.plans.trees[tree].plan;
        let client = self.client(plan);
        let mut steps = self.choose(plan, &standing.state, &client);
        let mut is_down = standing.is_down;
        // Branches are open, and none of them is for this client: those that are for it answer as well as they can.
        if self.choice.order().is_empty()
            && let Some(ignoring_health) = &standing.ignoring_health
        {
            steps = self.choose(plan, ignoring_health, &client);
            is_down = true;
        }
        let mut chosen = [0; BRANCHES_MAX];
        let count = self.choice.order().len().min(BRANCHES_MAX);
        chosen[..count].copy_from_slice(&self.choice.order()[..count]);
        let chosen = &chosen[..count];
        if let Some(steps) = steps {
            let client = client.client();
            self.tell(|| Why::Tree { tree, client, is_down, steps });
        }
        if depth == 0
            && let Some(branch) = chosen.first()
        {
            self.outcome.by = AnsweredBy::Branch { tree: standing.tree, branch: *branch };
        }
        for number in chosen.iter().map(|number| usize::from(*number)) {
            let Some(leads) = standing.leads.get(number) else { continue };
            match (leads, branches[number].to) {
                (Leads::Leaf(leaf), BranchTo::Record(record)) => {
                    let record = usize::from(record);
                    let ttl = ttl.min(estate.records[record].ttl.seconds());
                    self.leaf(*leaf, ttl, Chooser::Record(record))?;
                }
                (Leads::Leaf(leaf), _) => {
                    self.leaf(*leaf, ttl, Chooser::Branch { tree, branch: number })?;
                }
                (Leads::Tree(below), BranchTo::Tree(other)) if depth < LEVELS_MAX => {
                    let ttl = ttl.min(estate.trees[usize::from(other)].ttl.seconds());
                    self.level(*below as usize, ttl, depth + 1)?;
                }
                (Leads::Tree(_), _) => {}
            }
        }
        Ok(())
    }

    /// Writes the addresses that a chain over a pool's endpoints chooses.
    #[inline]
    fn leaf(&mut self, standing: LeafStanding, ttl: u32, of: Chooser) -> Result<(), Full> {
        let compiled = self.compiled;
        let (pool, in_place_of, leaf, states) = match standing {
            LeafStanding::Open { pool, in_place_of, leaf, states } => (pool, in_place_of, leaf, states),
            LeafStanding::Closed { pool } => {
                self.tell(|| Why::Closed { of, pool });
                return Ok(());
            }
        };
        let plan = &compiled.routes.plans.leaves[leaf as usize].plan;
        let states = &compiled.standing.states[states as usize];
        let client = self.client(plan);
        let mut steps = self.choose(plan, &states.serving, &client);
        // The pool may be well while this family's few endpoints are not: health fails open for the family alone.
        let mut family_fails_open = false;
        if self.choice.order().is_empty() {
            steps = self.choose(plan, &states.ignoring_health, &client);
            family_fails_open = !self.choice.order().is_empty();
        }
        if let Some(steps) = steps {
            let client = client.client();
            self.tell(|| Why::Steered { of, pool, in_place_of, client, family_fails_open, steps });
        }
        self.emit_addresses(pool, ttl)
    }

    /// Writes the addresses of a zonal name; none if the type is no address or the zone has none of the family.
    ///
    /// Health inside the zone counts while anything is healthy there.
    pub fn steer_zonal(&mut self, pool: PoolIx, zone: ZoneIx) -> Result<(), Full> {
        let compiled = self.compiled;
        let family = if self.rtype == rtype::A { AddressFamily::V4 } else { AddressFamily::V6 };
        let Some(leaf) = compiled.routes.plans.of_zone(pool, zone, family) else { return Ok(()) };
        let states = &compiled.standing.zonal[pool.at()];
        let client = Locality::of(Client::in_zone(&compiled.snapshot.estate, zone));
        let mut steps = self.choose(&leaf.plan, &states.up, &client);
        let by_health = !self.choice.order().is_empty();
        if !by_health {
            steps = self.choose(&leaf.plan, &states.all, &client);
        }
        if let Some(steps) = steps {
            self.tell(|| Why::Zonal { pool, zone, by_health, steps });
        }
        self.emit_addresses(pool, ZONAL_TTL_S)
    }

    /// Runs a chain; its order is in the scratch. The steps are there if an account is kept.
    #[inline]
    fn choose(&mut self, plan: &Plan, state: &State, client: &Locality<'_>) -> Option<Vec<Step>> {
        let mut seed = self.asker.seed;
        plan.choose(state, client, seed, self.choice);
        if self.is_signed() && has_many_variants(self.choice.drawn_from(), self.choice.order().len()) {
            seed = draw_seed(seed);
            plan.choose(state, client, seed, self.choice);
        }
        self.account.as_ref().map(|_| plan.explain(state, client, seed).steps)
    }

    /// Where the client is, as far as a chain asks; and how many bits of its address tell.
    #[inline]
    fn client(&mut self, plan: &Plan) -> Locality<'a> {
        let compiled = self.compiled;
        let address = match self.asker.subnet {
            Some(subnet) => subnet,
            None if self.asker.address.is_ipv4() => (self.asker.address, 32),
            None => (self.asker.address, 128),
        };
        let needs: Needs = plan.needs();
        let client = compiled.around.locate(address, self.asker.own_zone, &*compiled.geo.0, needs);
        if let Some(scope) = &mut self.outcome.scope_bits {
            *scope = plan.scope_bits(&client).max(*scope);
        }
        client
    }

    /// Writes the addresses of the endpoints that the scratch holds, under the current name: one place for every steered set.
    fn emit_addresses(&mut self, pool: PoolIx, ttl: u32) -> Result<(), Full> {
        let routes = &self.compiled.routes.per_pool[pool.at()];
        let order = self.choice.order();
        let mut record = [0; RECORD_BYTES_MAX];
        record[..2].copy_from_slice(&[0xc0, 0x0c]);
        record[2..4].copy_from_slice(&self.rtype.to_be_bytes());
        record[5] = 1;
        record[6..10].copy_from_slice(&ttl.to_be_bytes());
        for (done, at) in order.iter().enumerate() {
            let endpoint = &routes.endpoints[usize::from(*at)];
            self.outcome.named.add(pool, endpoint.zone);
            let is_twin =
                |other: &u16| routes.endpoints[usize::from(*other)].first_twin == endpoint.first_twin;
            if routes.has_twins && order[..done].iter().any(is_twin) {
                continue;
            }
            let rdata = endpoint.rdata();
            if self.owner_at == crate::message::ASKED_AT {
                record[11] = rdata.len() as u8;
                record[12..].copy_from_slice(endpoint.padded_rdata());
                match record.first_chunk::<RECORD_BYTES_V4>() {
                    Some(short) if rdata.len() == 4 => self.out.finished_one(Section::Answer, short)?,
                    _ => self.out.finished_one(Section::Answer, &record)?,
                }
            } else {
                self.out.record(Section::Answer, Owner::At(self.owner_at), self.rtype, ttl, rdata)?;
            }
        }
        Ok(())
    }
}
