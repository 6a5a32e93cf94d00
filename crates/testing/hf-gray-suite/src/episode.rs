//! One episode: a service, and what happens to it from some second on.

use hf_gray::Second;

use crate::chance::Chance;
use crate::kind::Kind;
use crate::service::{Buckets, SHAPES, Service, Trouble, WIDE_SHAPES};

/// Seconds of an episode.
pub const SECONDS: u32 = 800;

/// One episode.
#[derive(Clone, Debug)]
pub struct Episode {
    /// What it is about.
    pub kind: Kind,
    /// The zone that is to be found, or would be if anything were.
    pub zone: usize,
    /// When the trouble can be seen first.
    pub onset: u32,
    /// When it ends.
    pub ends: u32,
    /// The service.
    pub service: Service,
    plan: Plan,
    now: u32,
    chance: Chance,
}

/// An endpoint is restarted.
#[derive(Clone, Copy, Debug)]
struct Restart {
    at: u32,
    /// The share of requests that fail for so many seconds, and the load meanwhile.
    faults: f64,
    away_s: u32,
    load: f64,
    /// How slow it is, and for so many seconds from the beginning.
    slower: f64,
    slow_s: u32,
}

impl Restart {
    fn trouble(&self, now: u32) -> Trouble {
        let since = |seconds: u32| (self.at..self.at + seconds).contains(&now);
        Trouble {
            faults: if since(self.away_s) { self.faults } else { 0.0 },
            slower: if since(self.slow_s) { self.slower } else { 1.0 },
            load: if since(self.away_s.min(2)) { self.load } else { 1.0 },
            ..Trouble::default()
        }
    }
}

/// The trouble's numbers; what each means is told where it is used.
#[derive(Clone, Debug)]
struct Plan {
    begins: u32,
    ends: u32,
    endpoint: usize,
    size: f64,
    other: f64,
    /// By zone: seconds by which it comes later, and its own size.
    by_zone: Vec<(u32, f64)>,
    /// By endpoint of the zone, or of one zone after the other.
    restarts: Vec<Restart>,
    /// When which endpoints pause, for how long, and how slow they are.
    pauses: Vec<(u32, u32, u64, f64)>,
    period: u32,
}

impl Episode {
    /// Draws one. `hard` above 1 makes faults smaller and global incidents less even.
    pub fn draw(kind: Kind, seed: u64, hard: f64, buckets: Buckets) -> Episode {
        let mut chance = Chance::new(seed, kind as u64 + 1);
        let requests = if kind == Kind::LittleTraffic { (1.0, 15.0) } else { (30.0, 3_000.0) };
        let shapes = if kind.is_wide() { WIDE_SHAPES } else { SHAPES };
        let mut service = Service::draw(&mut chance, shapes, requests, buckets);
        let begins = chance.whole(320, 420) as u32;
        let ends = begins + chance.whole(250, 360) as u32;
        let zone = chance.whole(0, service.zones);
        if kind == Kind::TinyZone {
            service.thin(zone, 0.01);
        }
        let mut plan = Plan {
            begins,
            ends,
            endpoint: chance.whole(0, service.endpoints),
            size: 0.0,
            other: 0.0,
            by_zone: vec![(0, 1.0); service.zones],
            restarts: Vec::new(),
            pauses: Vec::new(),
            period: 1,
        };
        plan.draw(kind, hard, &service, &mut chance);
        let onset = match kind {
            // From two points of a hundred on.
            Kind::Ramp => begins + (200.0 * 0.02 / plan.size) as u32,
            // With the second bad endpoint.
            Kind::BadDeployment => begins + 10,
            _ => begins,
        };
        Episode { kind, zone, onset, ends: plan.ends, service, plan, now: 0, chance }
    }

    /// The next second; none after the last.
    pub fn next_second(&mut self) -> Option<Second> {
        let now = self.now;
        if now == SECONDS {
            return None;
        }
        self.now += 1;
        let (kind, zone, plan) = (self.kind, self.zone, &self.plan);
        let endpoints = self.service.endpoints;
        let trouble = |at: usize, endpoint: usize| plan.trouble(kind, (zone, endpoints), now, at, endpoint);
        let mut second = self.service.second(&mut self.chance, trouble);
        let zones = self.service.zones;
        second.probes = (0..zones)
            .map(|observer| {
                let failing =
                    |target| plan.probe_fails(kind, (zone, zones, endpoints), now, observer, target);
                (0..zones).map(|target| Some(!self.chance.happens(0.002 + failing(target)))).collect()
            })
            .collect();
        let is_deployed = matches!(kind, Kind::GoodDeployment | Kind::BadDeployment)
            && (plan.begins - 5..plan.begins + 25 * endpoints as u32 + 30).contains(&now);
        second.zones[zone].is_marked = is_deployed;
        Some(second)
    }
}

impl Plan {
    fn draw(&mut self, kind: Kind, hard: f64, service: &Service, chance: &mut Chance) {
        let (begins, lasts) = (self.begins, self.ends - self.begins);
        match kind {
            Kind::ManyFaults | Kind::AfterEverywhere => self.size = chance.between(0.08, 0.6) / hard,
            Kind::FewFaults => self.size = chance.between(0.025, 0.06) / hard,
            Kind::PacketLoss => self.size = chance.between(0.06, 0.3) / hard,
            Kind::Slow => self.size = 1.0 + chance.between(0.9, 4.0) / hard,
            Kind::SlowAfterSlow => {
                self.size = 1.0 + chance.between(0.9, 4.0) / hard;
                self.other = 1.0 + chance.between(1.0, 5.0);
            }
            Kind::SlowTail => self.size = chance.between(0.05, 0.2) / hard,
            Kind::OneClass => {
                self.size = chance.between(0.08, 0.25) * chance.between(0.5, 1.0) / hard;
            }
            Kind::Flapping => {
                self.size = chance.between(0.2, 0.8) / hard;
                self.period = chance.whole(15, 45) as u32;
                self.other = chance.between(0.25, 0.5);
            }
            Kind::Ramp => self.size = chance.between(0.1, 0.4) / hard,
            Kind::HalfTheEndpoints => {
                self.size = chance.between(0.2, 1.0) / hard;
                let share = chance.between(0.5, 0.7);
                self.other = (service.endpoints as f64 * share).ceil().max(2.0);
            }
            Kind::BadDeployment => self.size = chance.between(0.05, 0.5) / hard,
            Kind::ZoneAndEndpoint => self.size = chance.between(0.2, 0.5) / hard,
            Kind::BlackHole => self.size = chance.between(0.9, 1.0),
            Kind::OneEndpoint => self.size = chance.between(0.1, 1.0),
            Kind::OneSlowEndpoint => self.size = 1.0 + chance.between(1.0, 10.0),
            Kind::EverywhereAtOnce | Kind::EverywhereByTurns => {
                self.size = chance.between(0.03, 0.6);
                let apart = if kind == Kind::EverywhereAtOnce { 3 } else { 12 };
                for of_zone in &mut self.by_zone {
                    *of_zone = (chance.whole(0, apart) as u32, chance.between(0.75, 1.3 * hard.sqrt()));
                }
            }
            Kind::EverywhereSlow => {
                self.size = chance.between(1.0, 5.0);
                for of_zone in &mut self.by_zone {
                    *of_zone = (chance.whole(0, 3) as u32, chance.between(0.8, 1.25));
                }
            }
            Kind::GoodDeployment => {
                self.restarts = (0..service.endpoints)
                    .map(|endpoint| Restart {
                        at: begins + (endpoint * chance.whole(8, 25)) as u32,
                        faults: chance.between(0.2, 0.6),
                        slower: chance.between(1.3, 2.5),
                        away_s: 3,
                        load: 0.3,
                        slow_s: 25,
                    })
                    .collect();
            }
            Kind::LongDeployment | Kind::DeploymentEverywhere => {
                let zones = if kind == Kind::LongDeployment { 1 } else { service.zones };
                let (faults, slower) = (chance.between(0.5, 1.0), chance.between(1.0, 3.0));
                let (away_s, warm_s) = (chance.whole(2, 12), chance.whole(0, 25));
                let (load, apart) = (chance.between(0.1, 1.0), away_s + chance.whole(1, 15));
                let mut at = begins as usize;
                self.restarts.clear();
                for _ in 0..zones * service.endpoints {
                    let of = Restart {
                        at: at as u32,
                        faults,
                        away_s: away_s as u32,
                        load,
                        slower,
                        slow_s: (away_s + warm_s) as u32,
                    };
                    self.restarts.push(of);
                    at += apart + chance.whole(0, 4);
                }
            }
            Kind::ClientOnEndpoint | Kind::ClientOnZone => {
                self.size = service.requests / service.zones as f64 * chance.between(0.03, 0.3);
                self.ends = begins + chance.whole(10, 120) as u32;
            }
            Kind::Crowd => {
                self.size = chance.between(1.0, 3.0);
                self.other = chance.between(0.0, 0.02);
            }
            Kind::UnevenLoad => {
                self.size = chance.between(0.5, 2.0);
                self.other = chance.between(0.05, 0.3);
            }
            Kind::BadObserver => self.size = chance.between(0.3, 1.0),
            Kind::Blip => {
                self.size = chance.between(0.3, 1.0);
                self.other = chance.between(1.0, 10.0);
                self.ends = begins + chance.whole(1, 4) as u32;
            }
            Kind::TwoZones => {
                self.size = chance.between(0.1, 1.0);
                for of_zone in &mut self.by_zone {
                    of_zone.1 = chance.between(0.8, 1.2);
                }
            }
            Kind::LongPauses => {
                let mut at = begins;
                self.pauses.clear();
                while at < self.ends {
                    let seconds = chance.whole(1, 5) as u32;
                    self.pauses.push((at, seconds, u64::MAX, chance.between(5.0, 40.0)));
                    at += seconds + chance.whole(3, 60) as u32;
                }
            }
            Kind::Pauses => {
                self.pauses = (0..8)
                    .map(|_| {
                        let at = begins + chance.whole(0, lasts as usize) as u32;
                        let which = (chance.share() * (1_u64 << 32) as f64) as u64;
                        (at, chance.whole(1, 4) as u32, which, chance.between(5.0, 40.0))
                    })
                    .collect();
            }
            Kind::EverywhereRamp | Kind::EverywhereLate | Kind::RetryStorm => {
                self.size = chance.between(0.03, 0.6);
                let apart = match kind {
                    Kind::EverywhereRamp => 12,
                    Kind::RetryStorm => 6,
                    _ => 3,
                };
                for of_zone in &mut self.by_zone {
                    *of_zone = (chance.whole(0, apart) as u32, chance.between(0.75, 1.3 * hard.sqrt()));
                }
                self.other = if kind == Kind::EverywhereLate {
                    chance.between(3.0, 30.0)
                } else {
                    chance.between(0.5, 3.0)
                };
            }
            Kind::ColdStart => {
                // Faults at first, and how much slower; by zone the pace.
                self.size = chance.between(0.02, 0.3);
                self.other = chance.between(1.0, 5.0);
                for of_zone in &mut self.by_zone {
                    *of_zone = (chance.whole(0, 3) as u32, chance.between(15.0, 30.0 * hard));
                }
            }
            Kind::DoubledZone => {
                self.size = chance.between(0.8, 1.5);
                self.other = chance.between(0.0, 0.2);
            }
            Kind::HardDown | Kind::Quiet | Kind::TinyZone | Kind::OneLink | Kind::LittleTraffic => {}
        }
    }

    /// How much of the trouble a zone feels now, by its own delay.
    fn felt(&self, now: u32, zone: usize) -> f64 {
        let (later, size) = self.by_zone[zone];
        if (self.begins + later..self.ends + later).contains(&now) { size } else { 0.0 }
    }

    /// How much of its faults a flapping or growing zone has now.
    fn part(&self, kind: Kind, now: u32) -> f64 {
        let since = now.saturating_sub(self.begins);
        match kind {
            Kind::Flapping => {
                f64::from(u8::from(f64::from(since % self.period) < f64::from(self.period) * self.other))
            }
            Kind::Ramp | Kind::EverywhereRamp | Kind::DoubledZone => (f64::from(since) / 200.0).min(1.0),
            _ => 1.0,
        }
    }

    /// The share of faults that a zone has where all of them fail.
    fn everywhere(&self, kind: Kind, zone: usize, now: u32, at: usize) -> f64 {
        let (later, size) = self.by_zone[at];
        match kind {
            Kind::EverywhereRamp => {
                self.size * self.felt(now, at) * self.part(kind, now.saturating_sub(later))
            }
            Kind::EverywhereLate => {
                let later_end = if at == zone { self.other as u32 } else { 0 };
                let is_on = (self.begins + later..self.ends + later_end).contains(&now);
                if is_on { self.size * size } else { 0.0 }
            }
            Kind::RetryStorm => self.size * self.felt(now, at),
            Kind::ColdStart if now >= self.begins + later && now < self.ends => {
                // While an endpoint starts, more fails.
                let since = f64::from(now - self.begins - later);
                self.size * (-since / size).exp()
            }
            // For half a minute, over for two minutes when the zone fails.
            Kind::AfterEverywhere if (self.begins - 150..self.begins - 120).contains(&now) => 0.3,
            _ => 0.0,
        }
    }

    fn trouble(
        &self,
        kind: Kind,
        (zone, endpoints): (usize, usize),
        now: u32,
        at: usize,
        endpoint: usize,
    ) -> Trouble {
        let is_on = (self.begins..self.ends).contains(&now);
        let (is_here, none) = (at == zone && is_on, Trouble::default());
        let faults = |faults: f64| Trouble { faults, ..none };
        let size = self.size;
        match kind {
            Kind::HardDown if is_here => faults(1.0),
            Kind::ManyFaults | Kind::FewFaults | Kind::OneClass | Kind::ZoneAndEndpoint if is_here => {
                faults(size)
            }
            Kind::AfterEverywhere if is_here => faults(size),
            Kind::AfterEverywhere | Kind::EverywhereRamp | Kind::EverywhereLate => {
                faults(self.everywhere(kind, zone, now, at))
            }
            Kind::RetryStorm => {
                let load = if self.felt(now, at) > 0.0 { 1.0 + self.other } else { 1.0 };
                Trouble { faults: self.everywhere(kind, zone, now, at), load, ..none }
            }
            Kind::ColdStart => {
                let cold = self.everywhere(kind, zone, now, at) / size;
                Trouble { faults: size * cold, slower: 1.0 + self.other * cold, ..none }
            }
            Kind::DoubledZone if is_here => {
                let part = self.part(kind, now);
                Trouble { load: 1.0 + size * part, slower: 1.0 + self.other * part, ..none }
            }
            Kind::Flapping | Kind::Ramp if is_here => faults(size * self.part(kind, now)),
            Kind::PacketLoss if is_here => Trouble { faults: size * 0.05, retransmits: size, ..none },
            Kind::Slow | Kind::SlowAfterSlow if is_here => Trouble { slower: size, ..none },
            Kind::SlowAfterSlow if (self.begins - 180..self.begins - 120).contains(&now) => {
                Trouble { slower: self.other, ..none }
            }
            Kind::SlowTail if is_here => Trouble { tail: size, ..none },
            Kind::HalfTheEndpoints if is_here && (endpoint as f64) < self.other => faults(size),
            Kind::BadDeployment if is_here && now >= self.begins + 10 * endpoint as u32 => faults(size),
            Kind::ZoneAndEndpoint if is_on && at == (zone + 1) % self.by_zone.len() => {
                faults(0.02 + if endpoint == self.endpoint { 0.3 } else { 0.0 })
            }
            Kind::BlackHole if is_here => Trouble { load: 1.0 - size, ..none },
            Kind::OneEndpoint if is_here && endpoint == self.endpoint => faults(size),
            Kind::OneSlowEndpoint if is_here && endpoint == self.endpoint => Trouble { slower: size, ..none },
            Kind::EverywhereAtOnce | Kind::EverywhereByTurns => faults(size * self.felt(now, at)),
            Kind::EverywhereSlow => Trouble { slower: 1.0 + size * self.felt(now, at), ..none },
            Kind::GoodDeployment | Kind::LongDeployment if at == zone => self.restarts[endpoint].trouble(now),
            Kind::DeploymentEverywhere => self.restarts[at * endpoints + endpoint].trouble(now),
            Kind::ClientOnEndpoint if is_here && endpoint == self.endpoint => {
                Trouble { bad_client: size, ..none }
            }
            Kind::ClientOnZone if is_here => Trouble { bad_client: size / endpoints as f64, ..none },
            Kind::Crowd if is_on => {
                Trouble { load: 1.0 + size, slower: 1.0 + 0.4 * size, faults: self.other, ..none }
            }
            Kind::UnevenLoad if is_here => Trouble { load: 1.0 + size, slower: 1.0 + self.other, ..none },
            Kind::Blip if is_here => Trouble { faults: size, slower: self.other, ..none },
            Kind::TwoZones if is_on && (at == zone || at == (zone + 1) % self.by_zone.len()) => {
                faults(size * self.by_zone[at].1)
            }
            Kind::Pauses | Kind::LongPauses if at == zone => {
                let is_paused = |(from, seconds, which, _): &&(u32, u32, u64, f64)| {
                    (*from..from + seconds).contains(&now) && which >> endpoint & 1 == 1
                };
                let slower = self.pauses.iter().filter(is_paused).map(|(.., slower)| *slower);
                Trouble { slower: slower.fold(1.0, f64::max), ..none }
            }
            _ => none,
        }
    }

    fn probe_fails(
        &self,
        kind: Kind,
        (zone, zones, endpoints): (usize, usize, usize),
        now: u32,
        observer: usize,
        target: usize,
    ) -> f64 {
        let is_on = (self.begins..self.ends).contains(&now);
        let (to_zone, from_zone) = (target == zone && is_on, observer == zone && is_on);
        let part = |is_so: bool, share: f64| if is_so { share } else { 0.0 };
        match kind {
            Kind::HardDown => part(to_zone, 1.0),
            Kind::ManyFaults => part(to_zone, self.size),
            Kind::AfterEverywhere => part(to_zone, self.size) + self.everywhere(kind, zone, now, target),
            Kind::EverywhereRamp | Kind::EverywhereLate | Kind::RetryStorm | Kind::ColdStart => {
                self.everywhere(kind, zone, now, target)
            }
            Kind::Flapping => part(to_zone, self.size * self.part(kind, now)),
            Kind::PacketLoss => part(to_zone, self.size * 0.3) + part(from_zone, self.size * 0.3),
            Kind::HalfTheEndpoints => part(to_zone, self.size * self.other / endpoints as f64),
            Kind::ZoneAndEndpoint => part(to_zone, self.size) + part(from_zone, self.size),
            Kind::BlackHole => part(to_zone && observer != zone, 1.0),
            Kind::EverywhereAtOnce | Kind::EverywhereByTurns => part(self.felt(now, target) > 0.0, self.size),
            Kind::BadObserver => part(from_zone, self.size),
            Kind::OneLink => {
                let other = (zone + 1) % zones;
                let is_link = (observer == zone && target == other) || (observer == other && target == zone);
                part(is_on && is_link, 1.0)
            }
            Kind::Blip => part(to_zone, 0.8),
            Kind::TwoZones => part(is_on && (target == zone || target == (zone + 1) % zones), self.size),
            _ => 0.0,
        }
    }
}
