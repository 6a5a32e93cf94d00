//! Which returning zones have part in one question or request.
//!
//! 1. One draw for each zone and seed: all endpoints of a zone are in, or none. A question keeps its zones whatever else is drawn.
//! 2. The draws use no chance of the filters behind them: with nobody returning, a seed chooses as ever.
//! 3. A zone that is drawn at a share is drawn at every larger share: who has come back stays.
//!
//! Not here: how a share grows (`hf-decide`).

use hf_config::estate::ZoneIx;
use hf_model::Share;

use crate::chance::Chance;

/// Whether a zone with this share has part in the question or request of this seed.
pub fn is_drawn(zone: ZoneIx, share: Share, seed: u64) -> bool {
    // Far from the streams of the filters, which begin at the seed itself, and from one zone to the next.
    let stream = seed.rotate_left(32) ^ 0x5bf0_3635_dcc4_9a1d ^ (u64::from(zone.0) << 17);
    Chance::new(stream).below(u64::from(Share::ONE.ppm())) < u64::from(share.ppm())
}
