//! All streams of all zones, second by second, and what follows from them.

mod apart;

use crate::config::Config;
use crate::observers::Observers;
use crate::probes::Probes;
use crate::second::{Latency, Second, Seen};
use crate::slow::{QUANTILES, Usual, slower};
use crate::stream::{Count, NOTHING, QUIET, Stream, Test, mean};
use crate::turns::Turns;

pub use apart::Apart;

/// Streams of requests; probes are one more.
const STREAMS: usize = 4;
/// A suspicion: as much evidence as an hour gives once by chance.
const SUSPECT: f64 = 8.188_689_124_444_2; // ln 3,600

/// How long after it slowness everywhere says nothing of one zone.
const SHARED_SLOW_S: u32 = 300;
/// The same where no zone is slower than one may be: the minute in which what is usual follows.
const USUAL_MOVES_S: u32 = 60;
/// With a smaller part of the faults at the endpoints that are left, nobody knows where the worst clients' faults were.
const PROPORTIONAL: f64 = 0.5;
/// Probes that would be so much likelier had they nothing to do with the faults do not see them: one in twenty by chance.
const UNSEEN: f64 = -3.0;
/// So long before a suspicion begins, its cause may: probes count from then on.
const BEFORE_SUSPICION_S: u32 = 2;

/// The detector of one service.
#[derive(Clone, Debug)]
pub struct Detector {
    config: Config,
    second: u32,
    streams: Vec<Stream>,
    usual: Usual,
    probes: Probes,
    observers: Observers,
    zones: Vec<Watched>,
    /// Seconds for which slowness counts as everybody's.
    shared_slow_s: u32,
    /// Seconds for which slowness is no zone's since what is usual moves: no suspicion makes it longer.
    usual_moves_s: u32,
}

/// Where a zone's past is found when zones or endpoints come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneWas {
    /// Which zone it was; none for a new one.
    pub zone: Option<usize>,
    /// Which endpoint of that zone each of its endpoints was; none for new ones.
    pub endpoints: Vec<Option<usize>>,
}

/// What is kept of one zone.
#[derive(Clone, Debug)]
struct Watched {
    /// Requests of each endpoint over ten seconds.
    requests: Vec<f64>,
    /// For each stream, the bad ones of each endpoint over ten seconds.
    bad: Vec<Vec<f64>>,
    /// For each stream, each endpoint's excess over twenty seconds.
    excess: Vec<Vec<f64>>,
    turns: Turns,
    /// Requests and faults of the two clients with most faults, over ten seconds.
    clients: Count,
    is_quiet: bool,
    /// Seconds with enough evidence for a verdict.
    convinced_s: u32,
    /// Seconds under suspicion.
    suspect_s: u32,
    /// Whether it is suspected of being slow, whatever is said of its faults and probes.
    is_slow_suspect: bool,
    /// Seconds for which its slowness counts as everybody's, since it is under suspicion from then on.
    shared_slow_s: u32,
}

impl Watched {
    fn new(endpoints: usize, config: &Config) -> Watched {
        Watched {
            requests: vec![0.0; endpoints],
            bad: vec![vec![0.0; endpoints]; STREAMS],
            excess: vec![vec![0.0; endpoints]; STREAMS],
            turns: Turns::new(STREAMS, endpoints, config),
            clients: Count::default(),
            is_quiet: true,
            convinced_s: 0,
            suspect_s: 0,
            is_slow_suspect: false,
            shared_slow_s: 0,
        }
    }

    fn carried_over(&self, was: &[Option<usize>]) -> Watched {
        let of = |old: &Vec<f64>| -> Vec<f64> {
            was.iter().map(|was| was.and_then(|at| old.get(at).copied()).unwrap_or(0.0)).collect()
        };
        Watched {
            requests: of(&self.requests),
            bad: self.bad.iter().map(of).collect(),
            excess: self.excess.iter().map(of).collect(),
            turns: self.turns.carried_over(was),
            ..*self
        }
    }
}

/// What a second came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// One for each zone.
    pub zones: Vec<Evidence>,
    /// What to do about it.
    pub finding: Finding,
    /// Zones whose own observers are in trouble: what they see is left out.
    pub observers_doubted: Vec<usize>,
}

/// What a second means for whoever acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is certain.
    Nothing,
    /// This zone is impaired and the others are not.
    Zone(usize),
    /// Several zones at once: leaving one would not help. Tell people.
    Several,
}

/// How a zone stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// As usual.
    Normal,
    /// Worse than chance explains in an hour; nobody acts.
    Suspect,
    /// Enough for a verdict, which waits to see whether it is everywhere.
    Held,
    /// A verdict.
    Impaired,
}

/// One zone's evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// How it stands.
    pub stage: Stage,
    /// The logarithm of the evidence; a verdict needs [`Evidence::threshold`].
    pub total: f64,
    /// What a verdict needs: [`Config::log_a`].
    pub threshold: f64,
    /// The same by stream, after their gates.
    pub streams: Streams,
    /// Faults a request, over ten seconds, worst endpoints and clients left out.
    pub fault_rate: f64,
    /// What is tolerated of faults.
    pub fault_rate_tolerated: f64,
    /// Answers slower than so many times what half, 95 % and 99 % of them usually are.
    pub slow: [Rate; 3],
    /// Probes by other zones' observers that failed, over eight seconds.
    pub probes_failed: Rate,
    /// Requests a second, over ten seconds.
    pub requests: f64,
    /// Seconds in a row under suspicion: the window in which the evidence grew.
    pub suspect_s: u32,
    /// Endpoints whose trouble is no evidence yet: it goes from one to the next, or comes and goes in pauses.
    pub young_endpoints: usize,
}

/// A share that was measured, and what is tolerated of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Measured.
    pub now: f64,
    /// Tolerated.
    pub tolerated: f64,
}

impl Evidence {
    /// What speaks loudest against the zone, in words, and its rate.
    pub fn strongest(&self) -> (&'static str, Rate) {
        let faults = Rate { now: self.fault_rate, tolerated: self.fault_rate_tolerated };
        let [half, most, nearly_all] = self.slow;
        let rates = [faults, half, most, nearly_all, self.probes_failed];
        let said = Self::STREAMS.into_iter().zip(rates);
        let strongest =
            said.zip(self.streams.all()).reduce(|best, next| if next.1 > best.1 { next } else { best });
        strongest.map_or((Self::STREAMS[0], faults), |(said, _)| said)
    }

    /// What each stream counts, in words.
    pub(crate) const STREAMS: [&'static str; STREAMS + 1] = [
        "faults",
        "answers far above the usual median",
        "answers far above the usual 95th percentile",
        "answers far above the usual 99th percentile",
        "failed probes",
    ];
}

/// Evidence by stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Streams {
    /// Faults.
    pub faults: f64,
    /// Answers slower than half, 95 % and 99 % of them usually are.
    pub slow: [f64; 3],
    /// Probes.
    pub probes: f64,
}

impl Streams {
    fn all(self) -> [f64; STREAMS + 1] {
        let [half, most, nearly_all] = self.slow;
        [self.faults, half, most, nearly_all, self.probes]
    }
}

impl Detector {
    /// For zones with so many endpoints each.
    pub fn new(config: Config, endpoints: &[usize], latency: Latency) -> Detector {
        let zones = endpoints.len();
        let mut streams = vec![Stream::new(zones, config.delta_faults, config.rho)];
        streams.extend(config.delta_slow.map(|delta| Stream::new(zones, delta, config.rho_slow)));
        Detector {
            usual: Usual::new(zones, latency),
            probes: Probes::new(zones),
            observers: Observers::new(zones, STREAMS),
            zones: endpoints.iter().map(|endpoints| Watched::new(*endpoints, &config)).collect(),
            streams,
            second: 0,
            shared_slow_s: 0,
            usual_moves_s: 0,
            config,
        }
    }

    /// Goes on with other zones or endpoints: those that stay keep their past, new ones have none.
    pub fn carry_over(&mut self, zones: &[ZoneWas]) {
        let was: Vec<Option<usize>> =
            zones.iter().map(|zone| zone.zone.filter(|at| *at < self.zones.len())).collect();
        self.streams.iter_mut().for_each(|stream| stream.carry_over(&was));
        self.usual.carry_over(&was);
        self.probes.carry_over(&was);
        self.observers.carry_over(&was);
        let old = std::mem::take(&mut self.zones);
        let kept = |(zone, was): (&ZoneWas, &Option<usize>)| match was.map(|at| &old[at]) {
            Some(old) => old.carried_over(&zone.endpoints),
            None => Watched::new(zone.endpoints.len(), &self.config),
        };
        self.zones = zones.iter().zip(&was).map(kept).collect();
    }

    /// Seconds until the first verdict may come.
    pub fn warm_in_s(&self) -> u32 {
        (self.config.warm_s + 1).saturating_sub(self.second)
    }

    /// Takes the next second: as many zones and endpoints as it was made for; what is missing counts as no requests.
    pub fn step(&mut self, second: &Second) -> Step {
        let config = self.config.clone();
        let caps: Vec<f64> = (0..self.zones.len())
            .map(|at| {
                let is_marked = second.zones.get(at).is_some_and(|zone| zone.is_marked);
                let turns = &self.zones[at].turns;
                // Where trouble is seen to go round young trouble does not count at all: to count the rest slowly, too, would find a bad deployment late.
                // But what comes to all at once does count, and may be the deployment: one canary, then the others together.
                let is_slow = is_marked && (!turns.go_round() || turns.is_burst_now());
                config.log_a / if is_slow { config.min_marked_s } else { config.min_s }
            })
            .collect();
        let quiet: Vec<bool> = self.zones.iter().map(|zone| zone.is_quiet).collect();
        self.second += 1;
        let shown = self.judge_requests(second, &quiet, &caps);
        self.probes.step(&second.probes, &caps, &config);
        let mut zones: Vec<Evidence> = Vec::with_capacity(self.zones.len());
        for (at, [faults, half, most, nearly_all]) in shown.into_iter().enumerate() {
            let streams =
                Streams { faults, slow: [half, most, nearly_all], probes: self.probes.evidence[at] };
            let total = mean(&streams.all());
            let rate = |stream: usize| {
                let test = &self.streams[stream].zones[at];
                Rate { now: test.rate(), tolerated: test.tolerated }
            };
            let (failed, probed) = self.probes.seen_lately(at);
            let watched = &mut self.zones[at];
            watched.suspect_s = if total >= QUIET { watched.suspect_s + 1 } else { 0 };
            // The evidence that there would be if nothing were said of faults and probes.
            watched.is_slow_suspect = mean(&[half, most, nearly_all, NOTHING, NOTHING]) >= QUIET;
            zones.push(Evidence {
                stage: if total >= SUSPECT { Stage::Suspect } else { Stage::Normal },
                total,
                threshold: config.log_a,
                streams,
                fault_rate: rate(0).now,
                fault_rate_tolerated: rate(0).tolerated,
                slow: [rate(1), rate(2), rate(3)],
                probes_failed: Rate {
                    now: f64::from(failed) / f64::from(probed).max(1.0),
                    tolerated: config.delta_probes,
                },
                requests: watched.requests.iter().sum(),
                suspect_s: watched.suspect_s,
                young_endpoints: watched.turns.left_out_count(),
            });
        }
        for (zone, of) in self.zones.iter_mut().zip(&zones) {
            zone.is_quiet = of.total < QUIET && of.young_endpoints == 0;
        }
        let quiet: Vec<bool> = self.zones.iter().map(|zone| zone.is_quiet).collect();
        self.usual.learn(second, &quiet);
        let finding = self.decide(&mut zones);
        Step { zones, finding, observers_doubted: self.observers.doubted().collect() }
    }

    /// Evidence of the streams of requests by zone, behind their gates.
    fn judge_requests(&mut self, second: &Second, quiet: &[bool], caps: &[f64]) -> Vec<[f64; STREAMS]> {
        let config = &self.config;
        let ten = (1.0 / f64::from(self.second)).max(1.0 / 10.0);
        let mut counts = vec![vec![Count::default(); self.zones.len()]; STREAMS];
        let mut proofs = counts.clone();
        let thresholds: Vec<[Option<f64>; STREAMS]> = (0..self.zones.len())
            .map(|at| {
                std::array::from_fn(|stream| {
                    let of = stream.checked_sub(1).filter(|_| self.second > 5)?;
                    Some(self.usual.threshold(at, QUANTILES[of], config.slow_times[of]))
                })
            })
            .collect();
        let bad_seen = |stream: usize, zone: usize, seen: &Seen| match thresholds[zone][stream] {
            None if stream == 0 => f64::from(seen.faults.min(seen.requests)),
            None => 0.0,
            Some(threshold) => slower(&seen.latency, threshold),
        };
        self.observers.step(&second.seen, bad_seen, config);
        let doubted: Vec<usize> = self.observers.doubted().collect();
        let mut seen: Vec<Vec<Vec<f64>>> = Vec::with_capacity(self.zones.len());
        for (at, watched) in self.zones.iter_mut().enumerate() {
            let empty = crate::Zone::default();
            let zone = second.zones.get(at).unwrap_or(&empty);
            let endpoint = |of: usize| zone.endpoints.get(of);
            let all: Vec<f64> = (0..watched.requests.len())
                .map(|of| endpoint(of).map_or(0.0, |endpoint| f64::from(endpoint.requests)))
                .collect();
            // By the seconds before this one: whoever is left out for what this second brought would take with it what chance brought.
            let left: [Vec<usize>; STREAMS] =
                std::array::from_fn(|stream| without_worst(watched, stream, config.trim));
            for (kept, new) in watched.requests.iter_mut().zip(&all) {
                *kept += (new - *kept) * ten;
            }
            let clients = &mut watched.clients;
            clients.all += (f64::from(zone.worst_clients_requests) - clients.all) * ten;
            clients.bad += (f64::from(zone.worst_clients_faults) - clients.bad) * ten;
            let mut bad_of_zone = Vec::with_capacity(STREAMS);
            for (stream, threshold) in thresholds[at].iter().enumerate() {
                let bad: Vec<f64> = (0..all.len())
                    .map(|of| match (endpoint(of), threshold) {
                        (Some(endpoint), None) if stream == 0 => {
                            f64::from(endpoint.faults.min(endpoint.requests))
                        }
                        (Some(endpoint), Some(threshold)) => slower(&endpoint.latency, *threshold),
                        _ => 0.0,
                    })
                    .collect();
                for (kept, new) in watched.bad[stream].iter_mut().zip(&bad) {
                    *kept += (new - *kept) * ten;
                }
                let test = &self.streams[stream].zones[at];
                let each = bad.iter().zip(&all).map(|(bad, all)| Count { bad: bad.min(*all), all: *all });
                watched.turns.step(stream, each, test.tolerated, test.past());
                bad_of_zone.push(bad);
            }
            for (stream, bad) in bad_of_zone.iter().enumerate() {
                let of_endpoints = |left: &mut dyn Iterator<Item = usize>| {
                    let mut count = Count::default();
                    for of in left {
                        count.bad += bad[of];
                        count.all += all[of];
                    }
                    if stream == 0 {
                        count = without_clients(count, bad.iter().sum(), zone);
                    }
                    for observer in &doubted {
                        let Some(seen) = second.seen.get(*observer).and_then(|row| row.get(at)) else {
                            continue;
                        };
                        let part = count.all / all.iter().sum::<f64>().max(1e-9);
                        count.all = (count.all - f64::from(seen.requests) * part).max(1e-9);
                        count.bad = (count.bad - bad_seen(stream, at, seen) * part).max(0.0);
                    }
                    Count { bad: count.bad.min(count.all), ..count }
                };
                let young = watched.turns.left_out(stream);
                let old = |of: &usize| !young.contains(of);
                counts[stream][at] = of_endpoints(&mut left[stream].iter().copied());
                proofs[stream][at] = of_endpoints(&mut left[stream].iter().copied().filter(old));
            }
            bad_of_zone.push(all);
            seen.push(bad_of_zone);
        }
        for (stream, (counts, proofs)) in self.streams.iter_mut().zip(counts.iter().zip(&proofs)) {
            stream.step(counts, proofs, quiet, caps, config);
        }
        self.shared_slow_s = self.shared_slow_s.saturating_sub(1);
        self.usual_moves_s = self.usual_moves_s.saturating_sub(1);
        let slow = self.streams[1..].iter().filter_map(|stream| slow_everywhere(stream, config)).max();
        if slow.is_some() {
            self.usual_moves_s = USUAL_MOVES_S;
        }
        if slow == Some(Slow::TooMuch) {
            self.shared_slow_s = SHARED_SLOW_S;
            self.usual.begins_to_be_slow();
        }
        if self.usual.is_over(second) {
            // What gets slow from now on gets slow by itself.
            (self.shared_slow_s, self.usual_moves_s) = (0, 0);
            self.zones.iter_mut().for_each(|zone| zone.shared_slow_s = 0);
        }
        if self.shared_slow_s == 0 && self.zones.iter().all(|zone| zone.shared_slow_s == 0) {
            self.usual.forget_before();
        }
        let threshold = config.log_a + libm::log((STREAMS + 1) as f64);
        let mut shown = Vec::with_capacity(self.zones.len());
        for (at, (watched, seen)) in self.zones.iter_mut().zip(&seen).enumerate() {
            let mut of_zone = [NOTHING; STREAMS];
            watched.shared_slow_s = match (self.shared_slow_s, watched.is_slow_suspect) {
                (0, false) => 0,
                (0, true) => watched.shared_slow_s.saturating_sub(1),
                (left, false) => left,
                (left, true) => config.shared_suspicion_s.max(left),
            };
            for (stream, shown) in of_zone.iter_mut().enumerate() {
                let test = &self.streams[stream].zones[at];
                let excess = &mut watched.excess[stream];
                for ((kept, bad), all) in excess.iter_mut().zip(&seen[stream]).zip(&seen[STREAMS]) {
                    *kept += ((bad - test.tolerated * all).max(-all) - *kept) / 20.0;
                }
                let endpoints = excess.len() as f64;
                let needed = (config.breadth * endpoints).max(config.breadth_min).min(0.9 * endpoints);
                let is_broad = breadth(excess) >= needed;
                let is_own = stream == 0 || watched.shared_slow_s == 0 && self.usual_moves_s == 0;
                *shown =
                    if is_broad && test.is_above && is_own { test.m } else { test.m.min(threshold - 2.0) };
            }
            shown.push(of_zone);
        }
        shown
    }

    fn decide(&mut self, zones: &mut [Evidence]) -> Finding {
        if self.second <= self.config.warm_s {
            return Finding::Nothing;
        }
        let mut impaired = Vec::new();
        for (at, zone) in zones.iter_mut().enumerate() {
            let is_convinced = zone.total >= self.config.log_a;
            let watched = &mut self.zones[at];
            watched.convinced_s = if is_convinced { watched.convinced_s + 1 } else { 0 };
            if !is_convinced {
                continue;
            }
            let peers = self.peers_get_worse(at);
            let waits_for_peers = peers > self.config.shared_ratio
                || peers > self.config.hold_ratio && self.zones[at].convinced_s < self.config.hold_s;
            let waits_for_more =
                self.zones[at].suspect_s < self.config.even_hold_s && self.may_be_global(at, zone);
            zone.stage = if waits_for_peers || waits_for_more { Stage::Held } else { Stage::Impaired };
            if zone.stage == Stage::Impaired {
                impaired.push(at);
            }
        }
        match impaired.as_slice() {
            [] => Finding::Nothing,
            [one] => Finding::Zone(*one),
            // The worst of them, while most zones are well.
            several if zones.len() > 3 && several.len() <= zones.len() / 2 => {
                let worst = several
                    .iter()
                    .copied()
                    .max_by(|one, other| zones[*one].total.total_cmp(&zones[*other].total));
                worst.map_or(Finding::Several, Finding::Zone)
            }
            _ => Finding::Several,
        }
    }

    /// By which part of this zone's rise a peer has risen in the same way, where both are surely worse than their own past. A peer to which the trouble
    /// came two seconds ago is judged by those: over ten it would look as if it had a fifth of it. And it need not be worse than what is tolerated, nor for
    /// more than a second: who accuses a zone has to be careful with single seconds, who waits has not.
    fn peers_get_worse(&self, zone: usize) -> f64 {
        let mut most: f64 = 0.0;
        for stream in &self.streams {
            let own = &stream.zones[zone];
            if own.against_past <= QUIET || own.rise <= 0.0 {
                continue;
            }
            for (_, peer) in stream.zones.iter().enumerate().filter(|(at, _)| *at != zone) {
                if peer.against_past > QUIET || peer.surely_rises > self.config.sure_rise {
                    let rise = if self.config.peers_by_now { peer.rise_now } else { peer.rise };
                    most = most.max(rise / own.rise);
                }
            }
        }
        most
    }

    /// Whether this looks as the beginning of a global incident would: a share of faults, not all of them, about the same at every endpoint, which
    /// probes see at a like rate, while the zone's own network is not in doubt.
    fn may_be_global(&self, at: usize, evidence: &Evidence) -> bool {
        let streams = evidence.streams;
        let slow = streams.slow.iter().copied().fold(NOTHING, f64::max);
        if slow > streams.faults && slow > streams.probes {
            return false;
        }
        let test = &self.streams[0].zones[at];
        let rate = test.rate_now();
        let is_total = rate > 0.93;
        let is_small = rate < self.config.even_rate_min;
        // A single failed probe of nine seconds ago says that probes see it, and many good ones that they do not.
        let (failed, probed) =
            self.probes.seen_since(self.zones[at].suspect_s.saturating_add(BEFORE_SUSPICION_S), at);
        // Whether probes fail at that rate, too, or hardly ever.
        let alike = {
            let (failed, answered) = (f64::from(failed), f64::from(probed - failed));
            let rate = rate.clamp(0.01, 0.99);
            failed * libm::log(rate / 0.01) + answered * libm::log((1.0 - rate) / 0.99)
        };
        let is_unseen = !self.config.probes_are_verdicts && failed == 0 && alike < UNSEEN;
        let excess = &self.zones[at].excess[0];
        let total: f64 = excess.iter().map(|of| of.max(0.0)).sum::<f64>() * 20.0;
        let endpoints = excess.len() as f64;
        // Even endpoints look uneven when they count little.
        let expected = endpoints / (1.0 + endpoints / total.max(1e-9));
        let is_uneven = breadth(excess) < 0.75 * expected;
        !(is_total || is_small || is_unseen || is_uneven || self.probes.is_cut(at))
    }
}

/// How slow more than half of all zones are, three at least, that surely got slower than their own past: then what is usual moves with them, and the zone that is
/// hit hardest looks slow beside the others for long after they stopped looking slow beside each other.
///
/// Where one is slower than it may be, others count that surely rose by a good third of that, though they may; where each may, those that rose by what is worth a
/// word, and by a good third of the worst.
fn slow_everywhere(stream: &Stream, config: &Config) -> Option<Slow> {
    let is_worse = |test: &Test| test.against_past > SUSPECT;
    let is_sure = |test: &Test| test.surely_rises > config.sure_rise;
    let rises = |test: &&Test| is_worse(test) || is_sure(test) && test.rise > stream.delta;
    let most = stream.zones.iter().filter(rises).map(|test| test.rise).reduce(f64::max)?;
    let is_alike = |test: &&Test| is_worse(test) || is_sure(test) && test.rise > config.shared_ratio * most;
    let slower = stream.zones.iter().filter(is_alike).count();
    let is_everywhere = slower >= 3 && slower * 2 > stream.zones.len();
    let worst = if stream.zones.iter().any(is_worse) { Slow::TooMuch } else { Slow::AsAllowed };
    is_everywhere.then_some(worst)
}

/// How slow the worst zone is while all are slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slow {
    /// Not more than one zone may be by itself.
    AsAllowed,
    /// More than that.
    TooMuch,
}

/// What is left without the worst clients: of the endpoints that count, in proportion; all of it where most faults are those of others. Then a client that
/// fails elsewhere would make the rest of the zone bad.
fn without_clients(count: Count, faults: f64, zone: &crate::Zone) -> Count {
    let part = if faults > 0.0 { count.bad / faults } else { 0.0 };
    let of_faults = if part < PROPORTIONAL { 1.0 } else { part };
    Count {
        all: (count.all - f64::from(zone.worst_clients_requests) * part).max(1e-9),
        bad: (count.bad - f64::from(zone.worst_clients_faults) * of_faults).max(0.0),
    }
}

/// The endpoints without the worst ones by rate: one bad endpoint makes no zone.
fn without_worst(watched: &Watched, stream: usize, trim: f64) -> Vec<usize> {
    let endpoints = watched.requests.len();
    let mut order: Vec<usize> = (0..endpoints).collect();
    if endpoints < 3 {
        return order;
    }
    let badness = |of: usize| {
        let bad = watched.bad[stream][of];
        bad / watched.requests[of].max(0.05) + 1e-9 * bad
    };
    order.sort_by(|one, other| badness(*other).total_cmp(&badness(*one)));
    let out = ((trim * endpoints as f64).round() as usize).max(1);
    order.split_off(out.min(endpoints))
}

/// From how many endpoints an excess comes: the inverse of Simpson's index.
fn breadth(excess: &[f64]) -> f64 {
    let positive = || excess.iter().map(|of| of.max(0.0));
    let sum: f64 = positive().sum();
    let squares: f64 = positive().map(|of| of * of).sum();
    sum * sum / squares.max(1e-12)
}

#[cfg(test)]
mod tests;
