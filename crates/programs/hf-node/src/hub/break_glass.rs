//! Break-glass acts at one node: taken from operators and other nodes, the newest of each zone in force.
//!
//! Not here: signatures and the book of acts (`hf-feed`), what an act does (`hf-decide`).

use std::collections::BTreeMap;

use hf_config::estate::Estate;
use hf_control::{BreakGlassFate, BreakGlassShift, RecordedBreakGlass};
use hf_feed::break_glass::LENGTH_MAX;
use hf_feed::{BreakGlassRefused, SignedBreakGlass};
use hf_model::{ShiftId, Timestamp, ZoneId};

use super::Hub;

impl Hub {
    /// Break-glass acts that another node knows.
    pub fn take_break_glass(&mut self, list: Vec<SignedBreakGlass>, now: Timestamp) {
        for signed in list {
            if self.book.knows(&signed) {
                continue;
            }
            let (zone, by) = (signed.shift.zone.clone(), signed.shift.by.clone());
            let taken = hf_feed::break_glass::verify(&signed, &self.keys, self.estate_id(), now)
                .and_then(|()| self.book.insert(signed));
            match taken {
                Ok(true) => tracing::warn!(%zone, %by, "a break-glass act came from another node"),
                Ok(false) | Err(BreakGlassRefused::Superseded { .. } | BreakGlassRefused::TooOld) => {}
                // Every beat brings it again: at debug, so that one bad act does not fill the log.
                Err(problem) => tracing::debug!(%zone, %by, %problem, "a break-glass act is not obeyed"),
            }
        }
    }

    /// A break-glass act that an operator hands to this node.
    pub fn take_new_break_glass(
        &mut self,
        signed: SignedBreakGlass,
        now: Timestamp,
    ) -> Result<(), BreakGlassRefused> {
        let (zone, by) = (signed.shift.zone.clone(), signed.shift.by.clone());
        let (ends_at, reason) = (signed.shift.ends_at, signed.shift.reason.clone());
        self.check_new_break_glass(&signed, now)?;
        if self.book.insert(signed)? {
            tracing::warn!(%zone, %by, ends_at = ends_at.0, %reason, "a break-glass act was given to this node");
        }
        Ok(())
    }

    /// What [`Hub::take_new_break_glass`] would say; nothing is taken.
    pub fn check_new_break_glass(
        &self,
        signed: &SignedBreakGlass,
        now: Timestamp,
    ) -> Result<(), BreakGlassRefused> {
        hf_feed::break_glass::verify_new(signed, &self.keys, self.estate_id(), now)?;
        self.book.would_insert(signed).map(|_| ())
    }

    /// Break-glass acts in force, by the zones' ids: an act may name a zone by an alias, and the newest of both wins.
    ///
    /// A cancel is in force as long as it is known: it ends a shift that is held past its end because the ledger is gone. So does a
    /// shift that has ended: whoever signed it took over from what was held, which must not come back; and its zone returns from that end.
    pub(super) fn acts_in_force(&self, estate: &Estate, now: Timestamp) -> Vec<BreakGlassShift> {
        let signed = self.book.signed().into_iter().map(|signed| signed.shift);
        let mut newest: BTreeMap<ZoneId, BreakGlassShift> = BTreeMap::new();
        for mut shift in signed.chain(self.unsigned.iter().cloned()) {
            if let Some(zone) = estate.zone_named(&shift.zone) {
                shift.zone = estate.zone(zone).id.clone();
            }
            let known = newest.entry(shift.zone.clone()).or_insert_with(|| shift.clone());
            if shift.newness() > known.newness() {
                *known = shift;
            }
        }
        let counts = |shift: &BreakGlassShift| now <= shift.signed_at.plus(LENGTH_MAX);
        newest.into_values().filter(counts).collect()
    }

    /// Break-glass acts with their signatures.
    pub fn break_glass(&self) -> Vec<SignedBreakGlass> {
        self.book.signed()
    }
}

/// Says what the ledger made of a break-glass act. A contradiction wakes somebody once, at the nodes that keep the ledger.
pub(super) fn tell_fate(recorded: &RecordedBreakGlass, is_control: bool) {
    let BreakGlassShift { zone, by, ends_at, .. } = &recorded.act;
    let revision = recorded.revision;
    match &recorded.fate {
        BreakGlassFate::Shift(shift) => {
            tracing::warn!(%zone, %by, %shift, %revision, "a break-glass act is in the ledger, and goes on as a shift of it");
        }
        BreakGlassFate::Ended(shifts) => {
            let ended: Vec<&str> = shifts.iter().map(ShiftId::as_str).collect();
            tracing::warn!(%zone, %by, ?ended, %revision, "a break-glass act is in the ledger, and has ended");
        }
        BreakGlassFate::Conflicts(with) if is_control => {
            tracing::error!(%zone, %by, with, ends_at = ends_at.0, %revision, "a break-glass act contradicts the ledger; the nodes obey it until its end");
        }
        BreakGlassFate::Conflicts(with) => {
            tracing::warn!(%zone, %by, with, ends_at = ends_at.0, %revision, "a break-glass act contradicts the ledger; this node obeys it until its end");
        }
    }
}
