//! How queries fared before something happened and meanwhile.

use std::time::Duration;

use serde::Serialize;

use super::watch::Asked;

/// One thing that happened.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Moment {
    /// Which case.
    pub case: String,
    /// Which server.
    pub server: String,
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
    /// TCP connections that a hostile client had begun by its end.
    pub connections: Option<u64>,
    /// For how long the machine beneath kept the two cores meanwhile, the time just before with it; in milliseconds, in steps of 10.
    pub stolen_ms: Option<[u64; 2]>,
    /// More about it.
    pub note: String,
}

impl Moment {
    /// What it is one of.
    fn kind(&self) -> [&str; 3] {
        [&self.case, &self.server, &self.pace]
    }

    /// Whether it was measured that the machine beneath kept no core at any time.
    fn is_undisturbed(&self) -> bool {
        self.stolen_ms == Some([0, 0])
    }

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
            server: "holdfast".to_owned(),
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
            "{:9} {:9} {:8} {:8} {:5} {:5} {:>18} {:>18} {:6.2} {:>8} {:>8} {:>8} {:>8}  {}",
            self.case,
            self.server,
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
        "{:9} {:9} {:8} {:>8} {:>5} {:>5} {:>18} {:>18} {:>6} {:>8} {:>8} {:>8} {:>8}",
        "case",
        "server",
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

/// How often the 99th percentile stayed within this many times what it was before.
const WITHIN: f64 = 2.0;

/// One line for each server of what was done more than once in one way.
pub fn summaries(moments: &[Moment]) -> Vec<String> {
    let mut kinds: Vec<[&str; 3]> = Vec::new();
    for of in moments.iter().map(Moment::kind) {
        if !kinds.contains(&of) {
            kinds.push(of);
        }
    }
    let mut lines = Vec::new();
    for of in kinds {
        let all: Vec<&Moment> = moments.iter().filter(|moment| moment.kind() == of).collect();
        if all.len() < 2 {
            continue;
        }
        let ratios = sorted(all.iter().map(|moment| moment.p99_ratio));
        let p99s = |of: fn(&Moment) -> u32| sorted(all.iter().map(|moment| f64::from(of(moment))));
        let (before, around) = (p99s(|moment| moment.before_us[1]), p99s(|moment| moment.around_us[1]));
        let within = ratios.iter().filter(|ratio| **ratio <= WITHIN).count();
        let undisturbed =
            sorted(all.iter().filter(|moment| moment.is_undisturbed()).map(|moment| moment.p99_ratio));
        let undisturbed = match undisturbed.last() {
            Some(most) => format!(
                "; of the {} in which nothing was stolen from the cores in {}, {most:.2} at most",
                undisturbed.len(),
                undisturbed.iter().filter(|ratio| **ratio <= WITHIN).count(),
            ),
            None => String::new(),
        };
        let lost: u64 = all.iter().map(|moment| moment.lost).sum();
        let asked: u64 = all.iter().map(|moment| moment.asked).sum();
        let [case, server, pace] = of;
        lines.push(format!(
            "{case} {server} {pace}: p99 within {WITHIN} times in {within} of {} rounds, median {:.2} ({:.2} to {:.2}){undisturbed}; p99 before {} us, around {} us (median, least to most); {lost} of {asked} lost",
            all.len(),
            median(&ratios),
            ratios[0],
            ratios[ratios.len() - 1],
            spread(&before),
            spread(&around)
        ));
    }
    lines
}

fn sorted(all: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Of sorted ones, the mean of the middle two where their number is even.
fn median(all: &[f64]) -> f64 {
    let (low, high) = (all.len().saturating_sub(1) / 2, all.len() / 2);
    match (all.get(low), all.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => 0.0,
    }
}

fn spread(all: &[f64]) -> String {
    let (least, most) = (all.first().unwrap_or(&0.0), all.last().unwrap_or(&0.0));
    format!("{:.0} ({least:.0} to {most:.0})", median(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_of_one_kind_are_told_in_a_line() {
        let moment = |server: &str, before: u32, around: u32, stolen: u64| Moment {
            case: "hostile".to_owned(),
            server: server.to_owned(),
            pace: "5000/s".to_owned(),
            asked: 10,
            before_us: [1, before, 9],
            around_us: [1, around, 9],
            p99_ratio: f64::from(around) / f64::from(before),
            stolen_ms: (server != "echo").then_some([0, stolen]),
            ..Moment::default()
        };
        let all = [
            moment("echo", 100, 150, 0),
            moment("holdfast", 100, 100, 0),
            moment("echo", 100, 250, 0),
            moment("shift", 1, 1, 0),
            moment("echo", 200, 400, 0),
            moment("holdfast", 100, 300, 10),
        ];
        assert_eq!(
            summaries(&all),
            [
                "hostile echo 5000/s: p99 within 2 times in 2 of 3 rounds, median 2.00 (1.50 to 2.50); p99 before 100 (100 to 200) us, around 250 (150 to 400) us (median, least to most); 0 of 30 lost",
                "hostile holdfast 5000/s: p99 within 2 times in 1 of 2 rounds, median 2.00 (1.00 to 3.00); of the 1 in which nothing was stolen from the cores in 1, 1.00 at most; p99 before 100 (100 to 100) us, around 200 (100 to 300) us (median, least to most); 0 of 20 lost",
            ]
        );
        assert!(summaries(&all[..2]).is_empty());
    }
}
