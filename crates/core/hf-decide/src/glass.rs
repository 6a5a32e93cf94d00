//! What operators said straight to the nodes, and what has become of it since.
//!
//! 1. Of two acts on one zone the newer counts: a cancel ends an earlier shift, a newer shift replaces an older one.
//! 2. The ledger's word counts for what it has recorded: an act that goes on as a shift, or that has ended, is not obeyed by itself
//!    any more. It still stands before older acts on its zone, so that none of those comes back.
//! 3. An act that the ledger has recorded as contradicting it is obeyed until its end, also by nodes that heard of it from the ledger
//!    only: all obey the same.
//! 4. A shift ends at its instant by `now`.
//!
//! Not here: signatures, and whether an act is meant for this estate (`hf-feed`).

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::ZoneIx;
use hf_control::{BreakGlassFate, BreakGlassShift, Scope};
use hf_model::{Operator, Timestamp};

use crate::Inputs;
use crate::acts::{Act, Asks};
use crate::decision::{Reason, Source};

/// The newest act of each zone.
pub(crate) struct Glass<'a> {
    newest: BTreeMap<ZoneIx, Newest<'a>>,
}

struct Newest<'a> {
    act: &'a BreakGlassShift,
    /// The ledger goes on with it, or has ended it.
    is_settled: bool,
}

impl<'a> Glass<'a> {
    pub(crate) fn new(inputs: &Inputs<'a>) -> Self {
        let intent = inputs.intent;
        let named = |act: &'a BreakGlassShift| Some((inputs.estate.zone_named(&act.zone)?, act));
        let name = |zone: ZoneIx, act: &'a BreakGlassShift| (zone, act.signed_at, &act.by);
        let settled: BTreeSet<(ZoneIx, Timestamp, &Operator)> = intent
            .break_glass
            .iter()
            .filter(|recorded| !matches!(recorded.fate, BreakGlassFate::Conflicts(_)))
            .filter_map(|recorded| named(&recorded.act))
            .map(|(zone, act)| name(zone, act))
            .collect();
        let recorded = intent.break_glass.iter().map(|recorded| &recorded.act);
        let mut newest: BTreeMap<ZoneIx, Newest<'a>> = BTreeMap::new();
        for (zone, act) in inputs.break_glass.iter().chain(recorded).filter_map(named) {
            let is_settled = settled.contains(&name(zone, act));
            let found = Newest { act, is_settled };
            if newest.get(&zone).is_none_or(|known| act.newness() > known.act.newness()) {
                newest.insert(zone, found);
            }
        }
        Glass { newest }
    }

    /// Whether what is held past `end` was ended by the newest act of its zone.
    pub(crate) fn has_ended(&self, zone: ZoneIx, end: Timestamp) -> bool {
        self.newest.get(&zone).is_some_and(|newest| newest.act.signed_at >= end)
    }

    /// The shifts that are obeyed.
    pub(crate) fn acts(&self, now: Timestamp) -> Vec<Act<'a>> {
        let mut live: Vec<_> =
            self.unsettled().filter(|(_, act)| !act.is_cancel() && now < act.ends_at).collect();
        live.sort_by_key(|(zone, act)| (act.signed_at, *zone));
        live.into_iter()
            .map(|(zone, act)| Act {
                source: Source::BreakGlass,
                zone,
                scope: Scope::Everything,
                asks: Asks::Out,
                overrides: &[],
                reason: Reason::BreakGlass { by: act.by.clone(), until: act.ends_at },
            })
            .collect()
    }

    /// When each act that has ended did so, and when it was signed; a cancel ended what it met at that instant.
    pub(crate) fn ended(&self, now: Timestamp) -> impl Iterator<Item = (ZoneIx, Timestamp, Timestamp)> {
        self.unsettled().filter(move |(_, act)| act.is_cancel() || act.ends_at <= now).map(|(zone, act)| {
            let at = if act.is_cancel() { act.signed_at } else { act.ends_at };
            (zone, at, act.signed_at)
        })
    }

    /// When those that are obeyed will end.
    pub(crate) fn ends_ahead(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.unsettled().map(|(_, act)| act.ends_at).filter(move |at| *at > now)
    }

    fn unsettled(&self) -> impl Iterator<Item = (ZoneIx, &'a BreakGlassShift)> {
        let unsettled = self.newest.iter().filter(|(_, newest)| !newest.is_settled);
        unsettled.map(|(zone, newest)| (*zone, newest.act))
    }
}
