//! What changed from one snapshot to the next, in words, for the journal.
//!
//! 1. A line for each zone and each pool whose state or reason changed, with the inputs behind it. An act on a whole zone is told
//!    once, not once for each pool.
//! 2. A line for each break-glass act that the node obeys from now on, whether it came to it or over the feed; before the lines that follow
//!    from it. It is no entry of the ledger, so nobody else journals it.
//! 3. Bounded: [`BURST`] lines at once and one each [`REFILL`] after that; how many were left out is told in one line.
//!
//! Not here: who asked for it (the ledger's own lines).

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::{PoolIx, ZoneIx};
use hf_control::BreakGlassShift;
use hf_decide::{PoolZone, Reason, ZoneDecision};
use hf_health::{Verdict, endpoint_verdict};
use hf_model::{NodeId, Timestamp};
use hf_snapshot::Snapshot;

use crate::lines::{DecisionLine, VERSION};

/// Lines at once at most.
const BURST: u32 = 100;
/// Time in which one more line may be written.
const REFILL: Duration = Duration::from_millis(500);
/// Endpoints that one line names.
const NAMED: usize = 8;

/// Remembers the last snapshot and how many lines may still be written.
#[derive(Debug)]
pub struct Decisions {
    node: NodeId,
    last: Option<Arc<Snapshot>>,
    allowed: u32,
    refilled_at: Timestamp,
    left_out: u64,
}

impl Decisions {
    /// Nothing seen yet.
    pub fn new(node: NodeId, now: Timestamp) -> Self {
        Decisions { node, last: None, allowed: BURST, refilled_at: now, left_out: 0 }
    }

    /// The lines that a new snapshot is worth.
    pub fn lines(&mut self, snapshot: &Arc<Snapshot>, now: Timestamp) -> Vec<DecisionLine> {
        let changes = match self.last.replace(snapshot.clone()) {
            None => vec![first(snapshot)],
            Some(before) => {
                let mut all: Vec<Change> = acts(&before, snapshot);
                all.extend(changes(&before, snapshot));
                all
            }
        };
        self.refill(now);
        let mut lines = Vec::new();
        if self.left_out > 0 && self.allowed > 0 {
            self.allowed -= 1;
            let text = format!("{} lines about decisions were left out", self.left_out);
            let why = "more changed at once than the journal takes".to_owned();
            lines.push(self.line(snapshot, now, Change { text, why, by: None }, true));
            self.left_out = 0;
        }
        for change in changes {
            if self.allowed == 0 {
                self.left_out += 1;
                continue;
            }
            self.allowed -= 1;
            lines.push(self.line(snapshot, now, change, false));
        }
        lines
    }

    fn refill(&mut self, now: Timestamp) {
        let refill_ms = REFILL.as_millis() as u64;
        let more =
            u32::try_from(now.since(self.refilled_at).as_millis() as u64 / refill_ms).unwrap_or(u32::MAX);
        if self.allowed.saturating_add(more) >= BURST || now < self.refilled_at {
            (self.allowed, self.refilled_at) = (BURST.min(self.allowed.saturating_add(more)), now);
        } else {
            self.allowed += more;
            self.refilled_at = self.refilled_at.plus(REFILL * more);
        }
    }

    fn line(&self, snapshot: &Snapshot, now: Timestamp, change: Change, suppressed: bool) -> DecisionLine {
        DecisionLine {
            version: VERSION,
            at_ms: now.0,
            act: change.by.is_some(),
            warning: false,
            notice: None,
            by: change.by.unwrap_or_else(|| self.node.to_string()),
            revision: snapshot.intent.revision.0,
            text: change.text,
            why: change.why,
            suppressed,
        }
    }
}

struct Change {
    text: String,
    why: String,
    /// Who acted; none for what the node decided.
    by: Option<String>,
}

/// Break-glass acts that were not obeyed before.
fn acts(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let new = after.break_glass.iter().filter(|act| !before.break_glass.contains(act));
    let tell = |act: &BreakGlassShift| Change {
        text: if act.is_cancel() {
            format!("break-glass of {} canceled", act.zone)
        } else {
            format!(
                "break-glass takes everything out of {} until {}",
                act.zone,
                hf_api::instant(act.ends_at.0)
            )
        },
        why: act.reason.clone(),
        by: Some(act.by.to_string()),
    };
    new.map(tell).collect()
}

fn first(snapshot: &Snapshot) -> Change {
    let zones = snapshot.decision.zones.iter();
    let told = zones.map(|zone| format!("{} {}", snapshot.estate.zone(zone.zone).id, zone.state));
    Change {
        text: "this node serves its first snapshot".to_owned(),
        why: told.collect::<Vec<_>>().join(", "),
        by: None,
    }
}

fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    for zone in &after.decision.zones {
        let id = &after.estate.zone(zone.zone).id;
        let old = before.estate.zone_named(id).and_then(|old| before.decision.zones.get(old.at()));
        zone_changes(after, zone, old, &mut changes);
    }
    for decision in &after.decision.pools {
        let pool = after.estate.pool(decision.pool);
        let old = before.estate.pool_named(&pool.name).map(|old| &before.decision.pools[old.at()]);
        let mode = |mode: hf_decide::Mode| mode.kind();
        if let Some(old) = old
            && mode(old.mode) != mode(decision.mode)
        {
            let serving = decision.endpoints.iter().filter(|endpoint| endpoint.serves).count();
            changes.push(Change {
                text: format!("pool/{}: {} -> {}", pool.name, mode(old.mode), mode(decision.mode)),
                why: format!("{serving} of {} endpoints serve; {}", pool.endpoints.len(), stand(after)),
                by: None,
            });
        }
        for zone in &decision.zones {
            let id = &after.estate.zone(zone.zone).id;
            let old_zone = before
                .estate
                .zone_named(id)
                .and_then(|at| old.and_then(|old| old.zones.iter().find(|zone| zone.zone == at)));
            pool_zone_changes(after, decision.pool, zone, old_zone, &mut changes);
        }
    }
    changes
}

fn zone_changes(
    after: &Snapshot,
    zone: &ZoneDecision,
    old: Option<&ZoneDecision>,
    changes: &mut Vec<Change>,
) {
    let id = &after.estate.zone(zone.zone).id;
    let health = format!("{} of {} endpoints healthy", zone.health.healthy, zone.health.of);
    let Some(old) = old else {
        changes.push(Change {
            text: format!("{id}: new, {}", zone.state),
            why: because(after, &zone.reason, &health),
            by: None,
        });
        return;
    };
    if old.state != zone.state {
        let text = format!("{id}: {} -> {}", old.state, zone.state);
        changes.push(Change { text, why: because(after, &zone.reason, &health), by: None });
    } else if old.reason.to_string() != zone.reason.to_string() {
        let text = format!("{id}: {}, {} -> {}", zone.state, old.reason, zone.reason);
        changes.push(Change { text, why: because(after, &zone.reason, &health), by: None });
    } else if old.health != zone.health {
        let text = format!("{id}: {health}, was {} of {}", old.health.healthy, old.health.of);
        changes.push(Change { text, why: impaired_in(after, zone.zone, None), by: None });
    }
}

fn pool_zone_changes(
    after: &Snapshot,
    pool: PoolIx,
    zone: &PoolZone,
    old: Option<&PoolZone>,
    changes: &mut Vec<Change>,
) {
    let Some(old) = old else { return }; // the entry that brought it has its own line
    let whole_zone = &after.decision.zones[zone.zone.at()];
    if old.state == zone.state || (whole_zone.state == zone.state && whole_zone.reason == zone.reason) {
        return;
    }
    let id = &after.estate.zone(zone.zone).id;
    let health = impaired_in(after, zone.zone, Some(pool));
    changes.push(Change {
        text: format!("pool/{} in {id}: {} -> {}", after.estate.pool(pool).name, old.state, zone.state),
        why: because(after, &zone.reason, &health),
        by: None,
    });
}

fn because(snapshot: &Snapshot, reason: &Reason, inputs: &str) -> String {
    format!("{}; {inputs}; {}", reason.words(|at| hf_api::instant(at.0)), stand(snapshot))
}

fn stand(snapshot: &Snapshot) -> String {
    format!("revision {}, snapshot {}", snapshot.intent.revision, snapshot.number)
}

/// Which endpoints of a zone are unhealthy, the first few by address.
fn impaired_in(snapshot: &Snapshot, zone: ZoneIx, only: Option<PoolIx>) -> String {
    let estate = &snapshot.estate;
    let here = estate.endpoint_refs().enumerate().filter(|(_, endpoint)| {
        estate.endpoint(*endpoint).zone == zone && only.is_none_or(|only| only == endpoint.pool)
    });
    // As in `hf-decide`: without a check an old verdict says nothing, and one that is not about each endpoint speaks for all.
    let common: Vec<Option<Verdict>> = estate
        .pool_indexes()
        .map(|pool| hf_decide::common_verdict(estate, &snapshot.intent, &snapshot.verdicts, pool))
        .collect();
    let verdict = |at: usize, pool: PoolIx| {
        estate.pool(pool).health_check?;
        Some(common[pool.at()].unwrap_or_else(|| endpoint_verdict(estate, &snapshot.verdicts, pool, at)))
    };
    let unhealthy = here.filter(|(at, endpoint)| verdict(*at, endpoint.pool) == Some(Verdict::Unhealthy));
    let mut named: Vec<String> =
        unhealthy.map(|(_, endpoint)| estate.endpoint(endpoint).address.to_string()).collect();
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    match (named.is_empty(), more) {
        (true, _) => "no endpoint unhealthy".to_owned(),
        (false, 0) => format!("unhealthy: {}", named.join(", ")),
        (false, more) => format!("unhealthy: {} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests;
