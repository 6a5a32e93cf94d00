//! A service as it is on any day: its zones, endpoints, load, faults and latencies, and what drifts.

use hf_gray::{Endpoint, Latency, Second, Zone};

use crate::chance::{Chance, Drift};

/// Zones and endpoints in each.
pub const SHAPES: &[(usize, usize)] = &[(3, 6), (3, 3), (4, 8), (5, 6)];
/// The same with zones of few endpoints, and of many.
pub const WIDE_SHAPES: &[(usize, usize)] = &[(3, 2), (3, 3), (3, 4), (4, 2), (4, 3), (5, 4), (3, 6), (3, 12)];

/// The buckets in which latencies are counted: the first begins at this many milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Buckets {
    /// How many, and how far apart.
    pub latency: Latency,
    /// Where the first one ends and the others begin, in milliseconds.
    pub first_ms: f64,
}

impl Buckets {
    /// As balancers count: eight to an octave, from 64 µs.
    pub const FINE: Buckets =
        Buckets { latency: Latency { buckets: 160, ratio: 1.090_507_732_665_257_7 }, first_ms: 0.064 };
    /// Two to an octave, from 1 ms: as recordings may be.
    pub const COARSE: Buckets =
        Buckets { latency: Latency { buckets: 27, ratio: std::f64::consts::SQRT_2 }, first_ms: 1.0 };

    fn of(&self, ms: f64) -> usize {
        let at = (ms / self.first_ms).ln() / self.latency.ratio.ln();
        (at.max(0.0) as usize).min(self.latency.buckets - 1)
    }
}

/// What trouble does in one second to one endpoint; nothing by default.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// Added to the probability of a fault.
    pub faults: f64,
    /// The latency is so many times as long.
    pub slower: f64,
    /// Added to the share of slow answers.
    pub tail: f64,
    /// The share of answers that come after a retransmit.
    pub retransmits: f64,
    /// The load is so many times as much.
    pub load: f64,
    /// Requests each second of a client whose requests all fail.
    pub bad_client: f64,
}

impl Default for Trouble {
    fn default() -> Self {
        Trouble { faults: 0.0, slower: 1.0, tail: 0.0, retransmits: 0.0, load: 1.0, bad_client: 0.0 }
    }
}

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// How many zones.
    pub zones: usize,
    /// Endpoints in each.
    pub endpoints: usize,
    /// Requests each second, about.
    pub requests: f64,
    buckets: Buckets,
    weights: Vec<Vec<f64>>,
    load: Drift,
    load_of_zone: Vec<Drift>,
    faults: f64,
    faults_of: Vec<Vec<f64>>,
    faults_drift: Drift,
    faults_of_zone: Vec<Drift>,
    median_ms: Vec<Vec<f64>>,
    shape: f64,
    tail: f64,
    slowness: Drift,
    slowness_of_zone: Vec<Drift>,
    heavy_client: f64,
    /// Seconds of pause that an endpoint has left, and by how much it is slower.
    pauses: Vec<Vec<(u32, f64)>>,
    /// A small client in trouble: where, seconds left, requests each second.
    burst: (usize, usize, u32, f64),
}

impl Service {
    /// Draws one of these shapes, with between so many requests a second.
    pub fn draw(
        chance: &mut Chance,
        shapes: &[(usize, usize)],
        (low, high): (f64, f64),
        buckets: Buckets,
    ) -> Service {
        let (zones, endpoints) = shapes[chance.whole(0, shapes.len())];
        let requests = chance.log_between(low, high);
        let grid = |chance: &mut Chance, deviation: f64| -> Vec<Vec<f64>> {
            (0..zones).map(|_| (0..endpoints).map(|_| chance.normal(deviation).exp()).collect()).collect()
        };
        let drifts = |chance: &mut Chance, deviation: f64, seconds: f64| -> Vec<Drift> {
            (0..zones).map(|_| Drift::new(chance, deviation, seconds)).collect()
        };
        let mut weights = grid(chance, 0.08);
        let of_zone: Vec<f64> = (0..zones).map(|_| chance.normal(0.15).exp()).collect();
        let sum: f64 = of_zone.iter().sum();
        for (weights, of_zone) in weights.iter_mut().zip(&of_zone) {
            let own: f64 = weights.iter().sum();
            for weight in weights.iter_mut() {
                *weight *= of_zone / sum / own;
            }
        }
        let usual_ms = chance.log_between(4.0, 80.0);
        let mut median_ms = grid(chance, 0.04);
        for of_zone in &mut median_ms {
            let factor = usual_ms * chance.normal(0.08).exp();
            for median in of_zone.iter_mut() {
                *median *= factor;
            }
        }
        Service {
            weights,
            load: Drift::new(chance, 0.06, 20.0),
            load_of_zone: drifts(chance, 0.05, 10.0),
            faults: chance.log_between(1e-4, 8e-3),
            faults_of: grid(chance, 0.3),
            faults_drift: Drift::new(chance, 0.25, 60.0),
            faults_of_zone: drifts(chance, 0.15, 120.0),
            median_ms,
            shape: chance.between(2.6, 4.5),
            tail: chance.between(0.003, 0.02),
            slowness: Drift::new(chance, 0.05, 30.0),
            slowness_of_zone: drifts(chance, 0.04, 15.0),
            heavy_client: chance.between(0.005, 0.15),
            pauses: vec![vec![(0, 1.0); endpoints]; zones],
            burst: (0, 0, 0, 0.0),
            zones,
            endpoints,
            requests,
            buckets,
        }
    }

    /// Leaves this share of its traffic to a zone.
    pub fn thin(&mut self, zone: usize, share: f64) {
        self.weights[zone].iter_mut().for_each(|weight| *weight *= share);
    }

    /// The next second, in this trouble; probes are the caller's.
    pub fn second(&mut self, chance: &mut Chance, trouble: impl Fn(usize, usize) -> Trouble) -> Second {
        let load = self.load.factor(chance);
        let (faults, slowness) = (self.faults_drift.factor(chance), self.slowness.factor(chance));
        self.begin_small_troubles(chance);
        let mut zones = Vec::with_capacity(self.zones);
        for zone in 0..self.zones {
            let load_here = load * self.load_of_zone[zone].factor(chance);
            let faults = faults * self.faults_of_zone[zone].factor(chance);
            let slowness = slowness * self.slowness_of_zone[zone].factor(chance) * load.powf(0.25);
            let mut all = Zone::default();
            let (mut requests, mut failed, mut small, mut large) = (0, 0, 0, 0);
            for endpoint in 0..self.endpoints {
                let trouble = trouble(zone, endpoint);
                let (left, paused) = &mut self.pauses[zone][endpoint];
                let slower = if *left > 0 { *paused } else { 1.0 };
                *left = left.saturating_sub(1);
                let mean = self.requests * load_here * self.weights[zone][endpoint] * trouble.load;
                let fault = (self.faults * faults * self.faults_of[zone][endpoint] + trouble.faults).min(1.0);
                let body = Body {
                    median_ms: self.median_ms[zone][endpoint] * slowness * trouble.slower * slower,
                    tail: (self.tail + trouble.tail).min(1.0),
                    retransmits: trouble.retransmits,
                    shape: self.shape,
                };
                let mut of = Endpoint {
                    requests: chance.poisson(mean),
                    faults: 0,
                    latency: vec![0; self.buckets.latency.buckets],
                };
                of.faults = chance.binomial(of.requests, fault);
                requests += of.requests;
                failed += of.faults;
                let (at_zone, at_endpoint, seconds, rate) = self.burst;
                let is_here = (zone, endpoint) == (at_zone, at_endpoint) && seconds > 0;
                let more = if is_here { chance.poisson(rate) } else { 0 };
                let most = chance.poisson(trouble.bad_client);
                small += more;
                large += most;
                of.requests += more + most;
                of.faults += more + most;
                for _ in 0..of.requests {
                    of.latency[self.buckets.of(body.draw(chance))] += 1;
                }
                all.endpoints.push(of);
            }
            // The two clients with most faults, of an ordinary heavy one and those in trouble.
            let of_heavy = chance.binomial(requests, self.heavy_client);
            let failed_heavy = chance.binomial(failed, self.heavy_client).min(of_heavy);
            let mut clients = [(failed_heavy, of_heavy), (small, small), (large, large)];
            clients.sort_unstable_by_key(|(faults, _)| std::cmp::Reverse(*faults));
            all.worst_clients_faults = clients[0].0 + clients[1].0;
            all.worst_clients_requests = clients[0].1 + clients[1].1;
            zones.push(all);
        }
        self.burst.2 = self.burst.2.saturating_sub(1);
        Second { zones, ..Second::default() }
    }

    /// What happens on any day: an endpoint pauses twice an hour, a small client fails six times an hour.
    fn begin_small_troubles(&mut self, chance: &mut Chance) {
        for endpoint in self.pauses.iter_mut().flatten() {
            if chance.happens(2.0 / 3_600.0) {
                *endpoint = (chance.whole(1, 3) as u32, chance.between(5.0, 40.0));
            }
        }
        if chance.happens(6.0 / 3_600.0) {
            let rate = chance.between(0.5, 5.0) * (self.requests / 300.0).max(1.0);
            let (zone, endpoint) = (chance.whole(0, self.zones), chance.whole(0, self.endpoints));
            self.burst = (zone, endpoint, chance.whole(2, 20) as u32, rate);
        }
    }
}

/// How long answers take.
struct Body {
    median_ms: f64,
    tail: f64,
    retransmits: f64,
    shape: f64,
}

impl Body {
    /// Log-logistic; a slow answer is eight times as slow, and a retransmitted one comes after 200 ms to a second.
    fn draw(&self, chance: &mut Chance) -> f64 {
        if self.retransmits > 0.0 && chance.happens(self.retransmits) {
            return chance.log_between(200.0, 1_000.0);
        }
        let median = if chance.happens(self.tail) { 8.0 * self.median_ms } else { self.median_ms };
        let share = chance.share().clamp(1e-9, 1.0 - 1e-9);
        median * (share / (1.0 - share)).powf(1.0 / self.shape)
    }
}
