//! What is surely bad and is no zone: endpoints, clients, everything at once. For people; nobody is evacuated for it, and no verdict depends on it.
//!
//! 1. An endpoint stands apart when its rate of the last ten seconds is surely above what is tolerated beside the rest of its zone. Where half of a zone's
//!    endpoints or more would, it is no longer about endpoints, and nothing is told here.
//! 2. Clients stand apart when the two with most faults surely have more of them than all others in the zone, who have no more than usual.
//! 3. Everything is worse when more than half of the zones, two at least, are surely worse than their own past in one stream.
//!
//! "Surely" is as much evidence as a verdict on a zone wants ([`Config::log_a`](crate::Config::log_a)). What holds a verdict back needs less: a suspicion
//! that trouble is everywhere does (`peers_get_worse` and `slow_everywhere` of the detector), and is told nobody.

use super::{Detector, Evidence, Rate, Watched};
use crate::stream::{Count, log_ratio};

/// Seconds that a rate is about.
const WINDOW_S: f64 = 10.0;

/// One thing that stands apart from the rest of its zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Apart {
    /// The zone, by position.
    pub zone: usize,
    /// The endpoint of that zone; none for the two clients with most faults.
    pub endpoint: Option<usize>,
    /// Of what there is too much.
    pub what: &'static str,
    /// Its own rate over ten seconds, and what is tolerated beside the others.
    pub rate: Rate,
    /// The others' rate.
    pub others: f64,
    /// The logarithm of the evidence.
    pub evidence: f64,
}

impl Detector {
    /// Endpoints and clients that stand apart now, the strongest stream of each, in the order of zones; none in the first two minutes.
    pub fn apart(&self) -> Vec<Apart> {
        if self.second <= self.config.warm_s {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (at, watched) in self.zones.iter().enumerate() {
            let endpoints = watched.requests.len();
            let bad: Vec<Apart> =
                (0..endpoints).filter_map(|of| self.endpoint_apart(at, watched, of)).collect();
            if bad.len() * 2 < endpoints {
                found.extend(bad);
            }
            found.extend(self.clients_apart(at, watched));
        }
        found
    }

    /// In which stream everything is worse than it was, and the zones that are.
    pub fn everywhere(&self) -> Option<(&'static str, Vec<usize>)> {
        if self.second <= self.config.warm_s {
            return None;
        }
        let worse = |stream: usize| -> Vec<usize> {
            let zones = self.streams[stream].zones.iter().enumerate();
            zones.filter(|(_, test)| test.against_past >= self.config.log_a).map(|(at, _)| at).collect()
        };
        let found = (0..self.streams.len()).map(|stream| (Evidence::STREAMS[stream], worse(stream)));
        found
            .filter(|(_, zones)| zones.len() >= 2 && zones.len() * 2 > self.zones.len())
            .max_by_key(|(_, zones)| zones.len())
    }

    fn endpoint_apart(&self, zone: usize, watched: &Watched, of: usize) -> Option<Apart> {
        let requests: f64 = watched.requests.iter().sum();
        let in_stream = |stream: usize| {
            let bad: f64 = watched.bad[stream].iter().sum();
            let own = Count { all: watched.requests[of], bad: watched.bad[stream][of] };
            let others = Count { all: requests - own.all, bad: bad - own.bad };
            let (times, plus) = match stream.checked_sub(1) {
                None => (self.config.rho, self.config.delta_faults),
                Some(slow) => (self.config.rho_slow, self.config.delta_slow[slow]),
            };
            let (rate, others, evidence) = against(own, others, times, plus)?;
            let what = Evidence::STREAMS[stream];
            (evidence >= self.config.log_a).then_some(Apart {
                zone,
                endpoint: Some(of),
                what,
                rate,
                others,
                evidence,
            })
        };
        (0..self.streams.len())
            .filter_map(in_stream)
            .max_by(|one, other| one.evidence.total_cmp(&other.evidence))
    }

    fn clients_apart(&self, zone: usize, watched: &Watched) -> Option<Apart> {
        let all = Count { all: watched.requests.iter().sum(), bad: watched.bad[0].iter().sum() };
        let others =
            Count { all: all.all - watched.clients.all, bad: (all.bad - watched.clients.bad).max(0.0) };
        let usual = self.streams[0].zones[zone].past();
        let (rate, of_others, evidence) =
            against(watched.clients, others, self.config.rho, self.config.delta_faults)?;
        // The two with the most faults are others each second: by themselves they say nothing. They explain a zone that is surely worse than it was.
        let limit = (self.config.rho * usual + self.config.delta_faults).clamp(1e-4, 1.0 - 1e-6);
        let now = (all.bad / all.all).clamp(0.0, 1.0 - 1e-6);
        let whole = Count { all: all.all * WINDOW_S, bad: all.bad * WINDOW_S };
        if now <= limit || log_ratio(whole, limit, now) < self.config.log_a {
            return None;
        }
        let is_usual = of_others <= self.config.rho * usual + self.config.delta_faults;
        let what = Evidence::STREAMS[0];
        (is_usual && evidence >= self.config.log_a).then_some(Apart {
            zone,
            endpoint: None,
            what,
            rate,
            others: of_others,
            evidence,
        })
    }
}

/// A rate beside others': both, and the evidence that it is above what is tolerated; none where there are no others.
fn against(own: Count, others: Count, times: f64, plus: f64) -> Option<(Rate, f64, f64)> {
    if own.all <= 0.0 || others.all * WINDOW_S < 1.0 {
        return None;
    }
    let of_others = (others.bad / others.all).clamp(0.0, 1.0);
    let now = (own.bad / own.all).clamp(0.0, 1.0);
    let tolerated = (times * of_others + plus).clamp(1e-4, 1.0 - 1e-6);
    if now <= tolerated {
        return None;
    }
    let count = Count { all: own.all * WINDOW_S, bad: own.bad.min(own.all) * WINDOW_S };
    let evidence = log_ratio(count, tolerated, now.min(1.0 - 1e-6));
    Some((Rate { now, tolerated }, of_others, evidence))
}

#[cfg(test)]
mod tests;
