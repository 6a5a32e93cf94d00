//! One node's clock: wrong, running off, or set by hand; and its monotonic time, which is never set.

use hf_model::Timestamp;

use crate::rng::Rng;

/// The true time at the start of a run.
pub const EPOCH_MS: u64 = 1_800_000_000_000;

/// A clock.
#[derive(Clone, Debug, Default)]
pub struct SimClock {
    offset_ms: i64,
    drift_ppm: i64,
    /// True time and monotonic time when the drift last changed.
    anchor: (u64, u64),
}

impl SimClock {
    /// A right one, or one that is wrong and runs off.
    pub fn draw(rng: &mut Rng, is_skewed: bool, is_drifting: bool) -> SimClock {
        let mut clock = SimClock::default();
        let signed = |rng: &mut Rng, size: u64| {
            let size = i64::try_from(rng.below(size)).expect("clocks here are minutes wrong at most");
            if rng.percent(50) { size } else { -size }
        };
        if is_skewed {
            let most_ms = *rng.pick(&[500, 30_000, 300_000]);
            clock.offset_ms = signed(rng, most_ms);
        }
        if is_drifting {
            clock.drift_ppm = signed(rng, 20_000);
        }
        clock
    }

    /// Time as the kernel counts it from the start of the run: never set.
    pub fn monotonic_ms(&self, now_ms: u64) -> u64 {
        let (truth, monotonic) = self.anchor;
        let passed = i128::from(now_ms - truth) * i128::from(1_000_000 + self.drift_ppm) / 1_000_000;
        monotonic + passed as u64
    }

    /// What the clock shows.
    pub fn wall(&self, now_ms: u64) -> Timestamp {
        Timestamp((EPOCH_MS + self.monotonic_ms(now_ms)).saturating_add_signed(self.offset_ms))
    }

    /// True time that passes while the node counts `length_ms`.
    pub fn truly(&self, length_ms: u64) -> u64 {
        (i128::from(length_ms) * 1_000_000 / i128::from(1_000_000 + self.drift_ppm)).max(1) as u64
    }

    /// Somebody sets it.
    pub fn jump(&mut self, by_ms: i64) {
        self.offset_ms += by_ms;
    }

    /// Somebody mends it.
    pub fn mend(&mut self, now_ms: u64) {
        let monotonic = self.monotonic_ms(now_ms);
        self.anchor = (now_ms, monotonic);
        self.drift_ppm = 0;
        self.offset_ms = now_ms.cast_signed() - monotonic.cast_signed();
    }
}
