//! Which returning zones have part in one question or request.
//!
//! 1. One draw for each zone and seed: all endpoints of a zone are in, or none. A question keeps its zones whatever else is drawn.
//! 2. The draws use no chance of the filters behind them: with nobody returning, a seed chooses as ever.
//!
//! Not here: how a share grows (`hf-decide`).

use hf_config::estate::ZoneIx;
use hf_decide::PoolDecision;
use hf_model::Share;

use crate::chance::Chance;

/// The zones that this question is not for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draws {
    out: Vec<ZoneIx>,
}

impl Draws {
    /// Draws for the zones of a decision. Allocates nothing while no zone is drawn out.
    pub fn new(decision: &PoolDecision, seed: u64) -> Draws {
        let returning =
            decision.zones.iter().filter(|of| of.share < Share::ONE).map(|of| (of.zone, of.share));
        Draws {
            out: returning
                .filter(|(zone, share)| !is_drawn(*zone, *share, seed))
                .map(|(zone, _)| zone)
                .collect(),
        }
    }

    /// Whether the zone has part in this question.
    pub fn lets_in(&self, zone: ZoneIx) -> bool {
        !self.out.contains(&zone)
    }
}

/// Whether a zone with this share has part in the question or request of this seed.
pub fn is_drawn(zone: ZoneIx, share: Share, seed: u64) -> bool {
    // Far from the streams of the filters, which begin at the seed itself, and from one zone to the next.
    let stream = seed.rotate_left(32) ^ 0x5bf0_3635_dcc4_9a1d ^ (u64::from(zone.0) << 17);
    Chance::new(stream).below(u64::from(Share::ONE.ppm())) < u64::from(share.ppm())
}

/// The same decision as if every zone had all of its share: for whoever draws for each request and compiles once.
#[must_use]
pub fn whole(decision: &PoolDecision) -> PoolDecision {
    let mut whole = decision.clone();
    whole.zones.iter_mut().for_each(|zone| zone.share = Share::ONE);
    whole
}
