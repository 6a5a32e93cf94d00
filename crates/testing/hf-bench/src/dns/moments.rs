//! How queries fared before something happened and meanwhile.

use std::time::Duration;

use serde::Serialize;

use super::watch::Asked;

/// One thing that happened.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Moment {
    /// Which case.
    pub case: String,
    /// How queries came.
    pub pace: String,
    /// Queries.
    pub asked: u64,
    /// Of these, without an answer.
    pub lost: u64,
    /// Of the answers, without records.
    pub wrong: u64,
    /// Microseconds: p50, p99 and the longest, just before.
    pub before_us: [u32; 3],
    /// The same around it.
    pub around_us: [u32; 3],
    /// Their 99th percentiles, one over the other.
    pub p99_ratio: f64,
    /// From the request to its acknowledgement, in milliseconds.
    pub acknowledged_ms: Option<f64>,
    /// From the acknowledgement until the node itself says that it obeys; in steps of its answers.
    pub said_ms: Option<f64>,
    /// From the acknowledgement to the last answer that names what should be gone; below zero if that came earlier.
    pub last_ms: Option<f64>,
    /// From the beginning to the first answer that is new.
    pub new_after_ms: Option<f64>,
    /// More about it.
    pub note: String,
}

impl Moment {
    /// Of these queries: `before` from the first instant up to the second, `around` from the second up to the third.
    pub fn of(case: &str, pace: &str, asked: &[Asked], [from, at, to]: [Duration; 3]) -> Moment {
        let us = |from: Duration, to: Duration| {
            let within = asked.iter().filter(|asked| (from..to).contains(&asked.at));
            percentiles(within.filter_map(|asked| asked.took).collect())
        };
        let (before_us, around_us) = (us(from, at), us(at, to));
        let count = |of: fn(&Asked) -> bool| asked.iter().filter(|asked| of(asked)).count() as u64;
        Moment {
            case: case.to_owned(),
            pace: pace.to_owned(),
            asked: asked.len() as u64,
            lost: count(|asked| asked.took.is_none()),
            wrong: count(|asked| asked.took.is_some() && !asked.is_right),
            before_us,
            around_us,
            p99_ratio: f64::from(around_us[1]) / f64::from(before_us[1].max(1)),
            ..Moment::default()
        }
    }
}

fn percentiles(mut all: Vec<Duration>) -> [u32; 3] {
    all.sort_unstable();
    let at = |percent: usize| {
        let rank = (all.len() * percent).div_ceil(100).max(1);
        all.get(rank - 1).map_or(0, |took| took.as_micros().try_into().unwrap_or(u32::MAX))
    };
    [at(50), at(99), at(100)]
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let us = |[p50, p99, most]: [u32; 3]| format!("{p50}/{p99}/{most}");
        let ms = |of: Option<f64>| of.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.2}"));
        write!(
            f,
            "{:9} {:8} {:8} {:5} {:5} {:>18} {:>18} {:6.2} {:>8} {:>8} {:>8} {:>8}  {}",
            self.case,
            self.pace,
            self.asked,
            self.lost,
            self.wrong,
            us(self.before_us),
            us(self.around_us),
            self.p99_ratio,
            ms(self.acknowledged_ms),
            ms(self.said_ms),
            ms(self.last_ms),
            ms(self.new_after_ms),
            self.note
        )
    }
}

/// What its columns are.
pub fn head() -> String {
    format!(
        "{:9} {:8} {:>8} {:>5} {:>5} {:>18} {:>18} {:>6} {:>8} {:>8} {:>8} {:>8}",
        "case",
        "queries",
        "asked",
        "lost",
        "wrong",
        "before p50/99/max",
        "around p50/99/max",
        "p99 x",
        "ack ms",
        "says ms",
        "last ms",
        "new ms"
    )
}
