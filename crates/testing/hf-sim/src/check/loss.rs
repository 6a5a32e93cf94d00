//! The quorum's rules once more, one endpoint at a time; and that no checker's own loss takes anybody out.

use std::collections::BTreeSet;

use hf_config::estate::{Estate, ZoneIx};
use hf_health::{Table, Verdict};
use hf_model::Timestamp;
use hf_snapshot::Snapshot;

use crate::check::FRESH_BEATS;
use crate::world::World;

/// What fresh tables make of each subject; none where nobody knows it.
pub fn count(estate: &Estate, tables: &[&Table]) -> Vec<Option<Verdict>> {
    let place = |table: &Table| estate.zone_named(&table.zone);
    let zone_of: Vec<Option<ZoneIx>> = estate
        .endpoint_refs()
        .map(|at| Some(estate.endpoint(at).zone))
        .chain(estate.health_checks.iter().map(|_| None))
        .collect();
    let left_out = cut_off(estate, tables, &zone_of);
    let counting: Vec<&Table> = tables
        .iter()
        .copied()
        .filter(|table| !left_out.iter().any(|out| out.checker == table.checker))
        .collect();
    (0..estate.subject_count())
        .map(|subject| {
            let own = zone_of[subject];
            let knowing = || counting.iter().copied().filter(move |table| table.known.get(subject));
            let zones = |of: &[&Table]| of.iter().map(|table| place(table)).collect::<BTreeSet<_>>().len();
            let others: Vec<&Table> =
                knowing().filter(|table| own.is_none() || place(table) != own).collect();
            // Where two other zones look, the own zone has no say.
            let heard: Vec<&Table> = if zones(&others) >= 2 { others } else { knowing().collect() };
            if heard.is_empty() {
                return None;
            }
            let accusing: Vec<&Table> =
                heard.iter().copied().filter(|table| !table.healthy.get(subject)).collect();
            let healthy = heard.len() - accusing.len();
            // More than 18 % of those who know; and one zone's word is not enough where two look.
            let is_healthy = healthy * 100 > heard.len() * 18 || zones(&heard) >= 2 && zones(&accusing) < 2;
            Some(if is_healthy { Verdict::Healthy } else { Verdict::Unhealthy })
        })
        .collect()
}

/// Checkers that see nearly nothing outside their zone, against the word of those who see more.
fn cut_off<'t>(estate: &Estate, tables: &[&'t Table], zone_of: &[Option<ZoneIx>]) -> Vec<&'t Table> {
    let place = |table: &Table| estate.zone_named(&table.zone);
    let outside = |table: &Table| -> Vec<usize> {
        let endpoints = 0..estate.endpoint_count();
        endpoints.filter(|at| zone_of[*at] != place(table) && table.known.get(*at)).collect()
    };
    let sees_nothing = |table: &Table| {
        let outside = outside(table);
        let healthy = outside.iter().filter(|at| table.healthy.get(**at)).count();
        !outside.is_empty() && healthy * 16 <= outside.len()
    };
    let (doubted, trusted): (Vec<&Table>, Vec<&Table>) =
        tables.iter().copied().partition(|table| sees_nothing(table));
    doubted
        .into_iter()
        .filter(|table| {
            // Of third zones only: nobody vouches for its own endpoints.
            let others = |at: usize| {
                let is_third =
                    move |other: &&&Table| place(other) != place(table) && place(other) != zone_of[at];
                trusted.iter().filter(is_third).filter(move |other| other.known.get(at))
            };
            let down = outside(table).into_iter().filter(|at| !table.healthy.get(*at));
            let judged: Vec<usize> = down.filter(|at| others(*at).next().is_some()).collect();
            let answer = |at: &&usize| others(**at).any(|other| other.healthy.get(**at));
            let contradicted = judged.iter().filter(answer).count();
            !judged.is_empty() && contradicted * 2 >= judged.len()
        })
        .collect()
}

impl World {
    /// A node that nobody reaches, and whose checker lost at least two other zones at once while its own answers, takes nobody
    /// outside its zone out who is not down.
    ///
    /// One thing may turn in that moment all the same, and is no word of the checker's own: what the tables of others say, which came before
    /// the cut and are still fresh. As in seed 90, two vantage zones do not reach an endpoint, and only this node's checker kept it in (one healthy
    /// word of three is more than 18 %). Silent, it is a witness no more, and two of two are a quorum: every node that hears just those two
    /// says the same. To count its old word on would be to let a checker that sees nothing overrule two that look. So the node may do what
    /// the second count makes of others' tables alone, and nothing beyond it.
    pub fn check_own_loss(&self, at: usize, before: &Snapshot, news: &Snapshot) -> Result<(), String> {
        let node = &self.nodes[at];
        let others = || (0..self.nodes.len()).filter(|other| *other != at);
        let is_alone = others().all(|other| self.net.is_cut(at, other) && self.net.is_cut(other, at));
        let (Some(zone), Some(running)) = (node.zone, &node.running) else { return Ok(()) };
        let Some(checker) = &running.checker else { return Ok(()) };
        let (answered_at, answered) = &checker.answered;
        // It had heard others, and nobody since: who is heard after the loss, over a link that passes one way, shows that it is the others'.
        let lost = answered.len() >= 2
            && Timestamp(self.now_ms).since(*answered_at)
                >= std::time::Duration::from_millis(self.plan.beat_ms / 2);
        if !is_alone
            || !lost
            || !checker.own_answers
            || running.heard_outside.is_none_or(|heard| heard > *answered_at)
        {
            return Ok(());
        }
        if before.estate.digest != news.estate.digest {
            return Ok(());
        }
        let beats = running.watch.beats;
        let is_others = |(came, table): &&(u64, Table)| {
            beats - *came <= FRESH_BEATS
                && table.estate == news.estate.digest
                && table.checker != node.config.id
        };
        let others: Vec<&Table> =
            running.watch.tables.values().filter(is_others).map(|(_, table)| table).collect();
        let by_others = count(&news.estate, &others);
        for (position, endpoint) in news.estate.endpoint_refs().enumerate() {
            let endpoint = news.estate.endpoint(endpoint);
            let others_say_so = by_others[position] == Some(Verdict::Unhealthy);
            let turned = before.verdicts.get(position) != Verdict::Unhealthy
                && news.verdicts.get(position) == Verdict::Unhealthy;
            let is_hidden = self.unreachable.contains(&(zone, endpoint.address));
            if turned
                && endpoint.zone.at() != zone
                && !is_hidden
                && !others_say_so
                && !self.down.contains(&endpoint.address)
            {
                return Err(format!(
                    "node-{at} is cut off, and takes out endpoint {position} in {}, which answers",
                    news.estate.zone(endpoint.zone).id
                ));
            }
        }
        Ok(())
    }
}
