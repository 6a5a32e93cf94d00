//! Latencies in buckets of one ratio: fine enough to see half as much again, small enough to send every second.
//!
//! 1. [`BUCKETS`] buckets, eight to an octave: edges are 2^(1/8) (1.09) apart from 64 µs to 56 s. A detector that asks "slower than 1.5 times
//!    the median" needs edges at most 1.1 apart; wider ones lost that signal in the measurements behind it.
//! 2. The edges are the same in every process and version, in whole microseconds: counts of several balancers are added, never converted.
//! 3. Counting is two shifts, seven comparisons and one atomic addition; it allocates nothing and waits for nobody.
//!
//! Not here: what is slow (the detector of gray failures), what a request is (`endpoint`).

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of a histogram: below 64 µs, 158 between, and above 56 s.
pub const BUCKETS: usize = 160;
/// Buckets that make one octave.
const OCTAVE: usize = 8;
/// log2 of the first edge in microseconds.
const FIRST_LOG2: u32 = 6;
/// 2^(k/8) in units of 2^-16.
const STEPS: [u64; OCTAVE] = [65_536, 71_468, 77_936, 84_990, 92_682, 101_070, 110_218, 120_194];
/// The lower edges of all buckets but the first, in microseconds.
const EDGES: [u32; BUCKETS - 1] = edges();

const fn edges() -> [u32; BUCKETS - 1] {
    let mut edges = [0; BUCKETS - 1];
    let mut at = 0;
    while at < edges.len() {
        let wide = (STEPS[at % OCTAVE] << (FIRST_LOG2 as usize + at / OCTAVE)) >> 16;
        // 64 µs times 2^19.75 is 56 s: far below what 32 bits hold.
        edges[at] = wide as u32;
        at += 1;
    }
    edges
}

/// The bucket that counts a latency.
pub fn bucket_of(micros: u32) -> usize {
    let log2 = micros.max(1).ilog2();
    if log2 < FIRST_LOG2 {
        return 0;
    }
    let first = (log2 - FIRST_LOG2) as usize * OCTAVE;
    if first >= EDGES.len() {
        return BUCKETS - 1;
    }
    let octave = &EDGES[first..EDGES.len().min(first + OCTAVE)];
    first + octave.iter().filter(|edge| micros >= **edge).count()
}

/// Where a bucket ends, in microseconds, itself not included; none for the last.
pub fn upper_edge_micros(bucket: usize) -> Option<u32> {
    EDGES.get(bucket).copied()
}

/// A histogram that all workers write.
#[derive(Debug)]
pub struct LatencyHistogram {
    counts: [AtomicU64; BUCKETS],
    sum_micros: AtomicU64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        LatencyHistogram { counts: [const { AtomicU64::new(0) }; BUCKETS], sum_micros: AtomicU64::new(0) }
    }
}

impl LatencyHistogram {
    /// Counts one latency.
    pub fn count(&self, micros: u32) {
        self.counts[bucket_of(micros)].fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(u64::from(micros), Ordering::Relaxed);
    }

    /// What was counted since the start.
    pub fn totals(&self) -> LatencyTotals {
        let mut totals = LatencyTotals::default();
        for (total, count) in totals.counts.iter_mut().zip(&self.counts) {
            *total = count.load(Ordering::Relaxed);
        }
        totals.sum_micros = self.sum_micros.load(Ordering::Relaxed);
        totals
    }
}

/// A histogram's counts since a process began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencyTotals {
    /// By bucket.
    pub counts: Box<[u64; BUCKETS]>,
    /// All latencies added up.
    pub sum_micros: u64,
}

impl Default for LatencyTotals {
    fn default() -> Self {
        LatencyTotals { counts: Box::new([0; BUCKETS]), sum_micros: 0 }
    }
}

impl LatencyTotals {
    /// What came since `before`, a bucket at most what fits.
    pub(crate) fn since(&self, before: &LatencyTotals) -> LatencyCounts {
        let mut counts = LatencyCounts::default();
        for (at, count) in counts.0.iter_mut().enumerate() {
            *count = u32::try_from(self.counts[at].saturating_sub(before.counts[at])).unwrap_or(u32::MAX);
        }
        counts
    }

    /// How many in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// For each octave its end in microseconds and how many were below it: the form of a metrics histogram, without the last, endless one.
    pub fn octaves(&self) -> impl Iterator<Item = (u32, u64)> {
        // The last octave is cut short by the last edge, and goes with what is endless.
        let ends = (0..EDGES.len()).filter(|bucket| *bucket > 0 && bucket % OCTAVE == 0);
        ends.map(|bucket| (EDGES[bucket], self.counts[..=bucket].iter().sum()))
    }
}

/// The latencies of a short time, such as a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencyCounts(pub Box<[u32; BUCKETS]>);

impl Default for LatencyCounts {
    fn default() -> Self {
        LatencyCounts(Box::new([0; BUCKETS]))
    }
}

impl LatencyCounts {
    /// Counts one.
    pub fn count(&mut self, micros: u32) {
        let bucket = &mut self.0[bucket_of(micros)];
        *bucket = bucket.saturating_add(1);
    }

    /// Adds what somebody else saw.
    pub fn add(&mut self, other: &LatencyCounts) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// How many in all.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// How many took at least so long, by whole buckets: those of the bucket that `micros` falls into count.
    pub fn at_least(&self, micros: u32) -> u64 {
        self.0[bucket_of(micros)..].iter().map(|count| u64::from(*count)).sum()
    }

    /// The end of the bucket that the quantile falls into, in microseconds; none without any. `permille` 500 is the median.
    pub fn quantile_micros(&self, permille: u32) -> Option<u32> {
        let wanted = (self.len() * u64::from(permille.min(1_000))).div_ceil(1_000).max(1);
        let mut below = 0;
        let bucket = self.0.iter().position(|count| {
            below += u64::from(*count);
            below >= wanted
        })?;
        // Of what is beyond every edge nothing better is known than the last one.
        Some(upper_edge_micros(bucket).unwrap_or(EDGES[EDGES.len() - 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_at_most_a_tenth_apart() {
        assert_eq!((EDGES[0], EDGES[8], EDGES[16]), (64, 128, 256));
        for pair in EDGES.windows(2) {
            // In whole microseconds.
            let (from, to) = (u64::from(pair[0]), u64::from(pair[1]));
            assert!(from < to && (to - 1) * 100 <= from * 110, "{pair:?}");
        }
        assert_eq!(EDGES.last().map(|edge| edge / 1_000_000), Some(56));
    }

    #[test]
    fn every_latency_is_between_its_buckets_edges() {
        let near = EDGES.iter().flat_map(|edge| [edge - 1, *edge, edge + 1]);
        for micros in near.chain([0, 1, 63, u32::MAX]) {
            let bucket = bucket_of(micros);
            let lower = if bucket == 0 { 0 } else { EDGES[bucket - 1] };
            let upper = upper_edge_micros(bucket).map_or(u64::MAX, u64::from);
            assert!(lower <= micros && u64::from(micros) < upper, "{micros} in {bucket}");
        }
    }

    #[test]
    fn quantiles_and_tails_go_by_whole_buckets() {
        let mut counts = LatencyCounts::default();
        assert_eq!((counts.quantile_micros(500), counts.is_empty()), (None, true));
        (0..90).for_each(|_| counts.count(1_000));
        (0..10).for_each(|_| counts.count(80_000));
        let median = counts.quantile_micros(500).unwrap();
        assert!((1_001..=1_100).contains(&median), "{median}");
        let tail = counts.quantile_micros(990).unwrap();
        assert!((80_001..=88_000).contains(&tail), "{tail}");
        assert_eq!((counts.at_least(median * 3 / 2), counts.len()), (10, 100));
        let mut twice = counts.clone();
        twice.add(&counts);
        assert_eq!((twice.len(), twice.quantile_micros(500)), (200, Some(median)));
    }

    #[test]
    fn what_was_counted_comes_out_as_differences_and_octaves() {
        let histogram = LatencyHistogram::default();
        histogram.count(100);
        let before = histogram.totals();
        histogram.count(100);
        histogram.count(u32::MAX);
        let now = histogram.totals();
        assert_eq!((now.count(), now.since(&before).len()), (3, 2));
        let octaves: Vec<_> = now.octaves().collect();
        assert_eq!((octaves.first(), octaves.last()), (Some(&(128, 2)), Some(&(33_554_432, 2))));
    }
}
