//! One pool or record: acts and verdicts in, who serves out.
//!
//! 1. Acts come strongest first; each that leaves the floor whole is granted, every other is listed with why.
//! 2. Then health, in the zones that acts leave open. A zone with nobody healthy is a claim like an act; such claims
//!    are tried in the estate's order. One that the floor stops yields: the zone's endpoints serve, unhealthy as they are.
//! 3. Then single unhealthy endpoints of zones that have healthy ones: one after another in the pool's order, each
//!    leaves if enough capacity stays. (Order rather than the fewest endpoints: a later change of one verdict moves few others.)
//! 4. A pin in holds the zone, not each endpoint: beside healthy ones an unhealthy one still leaves.

use hf_config::estate::{AllDown, Endpoint, Estate, PoolIx, ZoneIx};
use hf_config::floor::{self, Floor};
use hf_control::Scope;
use hf_health::Verdict;
use hf_model::Share;

use crate::acts::{Act, Asks};
use crate::decision::{
    EndpointDecision, Mode, NotApplied, NotAppliedWhy, PoolDecision, PoolZone, Reason, Source, ZoneState,
};

/// Whose decision is made: a pool's own, or that of a record with acts of its own.
pub(crate) struct Subject<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) pool: PoolIx,
    /// `Scope::Pool` or `Scope::Record`: how refused claims name it.
    pub(crate) name: Scope,
    /// One for each endpoint of the pool, in its order.
    pub(crate) verdicts: &'a [Verdict],
}

impl Subject<'_> {
    /// Whether an act with this scope reaches the subject.
    fn is_reached_by(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Everything => true,
            Scope::Pool(name) => *name == self.estate.pool(self.pool).name,
            Scope::Record(_) => *scope == self.name,
        }
    }

    /// The verdict that counts: a pool without a check has none.
    fn verdict(&self, at: usize) -> Verdict {
        match self.estate.pool(self.pool).health_check {
            Some(_) => self.verdicts.get(at).copied().unwrap_or(Verdict::Unknown),
            None => Verdict::Unknown,
        }
    }
}

/// Decides one subject.
pub(crate) fn decide(subject: &Subject<'_>, acts: &[Act]) -> PoolDecision {
    let mut draft = Draft::new(subject);
    draft.apply_acts(acts);
    let mode = if draft.is_all_down() { draft.apply_all_down() } else { draft.apply_health() };
    draft.finish(mode)
}

struct Draft<'a> {
    subject: &'a Subject<'a>,
    floor: Floor,
    /// In the estate's order.
    zones: Vec<DraftZone>,
    not_applied: Vec<NotApplied>,
}

struct DraftZone {
    zone: ZoneIx,
    /// No endpoint of it may serve by its verdict.
    is_dead: bool,
    /// At least one endpoint has been seen to answer.
    is_seen_healthy: bool,
    word: Word,
}

/// What has been said of a zone so far.
enum Word {
    None,
    In(Reason),
    Out(Source, Reason),
    /// Health wanted it out and yielded.
    FailOpen,
}

impl<'a> Draft<'a> {
    fn new(subject: &'a Subject<'a>) -> Self {
        let pool = subject.estate.pool(subject.pool);
        let mut zones: Vec<DraftZone> = floor::pool_zones(pool)
            .into_iter()
            .map(|zone| DraftZone { zone, is_dead: true, is_seen_healthy: false, word: Word::None })
            .collect();
        for (at, endpoint) in pool.endpoints.iter().enumerate() {
            let verdict = subject.verdict(at);
            if let Ok(found) = zones.binary_search_by_key(&endpoint.zone, |z| z.zone) {
                zones[found].is_dead &= verdict == Verdict::Unhealthy;
                zones[found].is_seen_healthy |= verdict == Verdict::Healthy;
            }
        }
        Draft { subject, floor: Floor::new(subject.estate, pool), zones, not_applied: Vec::new() }
    }

    fn refuse(&mut self, source: Source, zone: ZoneIx, why: NotAppliedWhy) {
        self.not_applied.push(NotApplied { source, zone, scope: self.subject.name.clone(), why });
    }

    fn apply_acts(&mut self, acts: &[Act]) {
        for act in acts.iter().filter(|act| self.subject.is_reached_by(&act.scope)) {
            let Ok(at) = self.zones.binary_search_by_key(&act.zone, |z| z.zone) else { continue };
            let refused = match (act.asks, &self.zones[at].word) {
                (Asks::Canceled, _) => Some(NotAppliedWhy::Outranked(Source::BreakGlass)),
                (Asks::In, Word::In(_)) => None,
                (Asks::Out, Word::In(_)) => Some(NotAppliedWhy::PinnedIn),
                (_, Word::Out(stronger, _)) => Some(NotAppliedWhy::Outranked(stronger.clone())),
                (Asks::In, Word::None | Word::FailOpen) => {
                    self.zones[at].word = Word::In(act.reason.clone());
                    None
                }
                (Asks::Out, Word::None | Word::FailOpen) => match self.floor.take_zone(act.zone) {
                    Ok(()) => {
                        self.zones[at].word = Word::Out(act.source.clone(), act.reason.clone());
                        None
                    }
                    Err(short) => Some(short.into()),
                },
            };
            if let Some(why) = refused {
                self.refuse(act.source.clone(), act.zone, why);
            }
        }
    }

    /// Whether no zone that acts leave open has an endpoint that may serve; a zone that is pinned in always has.
    fn is_all_down(&self) -> bool {
        self.zones.iter().all(|z| match z.word {
            Word::Out(..) => true,
            Word::In(_) => false,
            Word::None | Word::FailOpen => z.is_dead,
        })
    }

    fn apply_all_down(&mut self) -> Mode {
        let mode = match self.subject.estate.pool(self.subject.pool).all_down {
            AllDown::Open => Mode::FailOpen,
            AllDown::Closed => Mode::Closed,
            AllDown::Fallback(to) => Mode::Fallback(to),
        };
        for at in 0..self.zones.len() {
            if matches!(self.zones[at].word, Word::Out(..)) {
                continue;
            }
            if mode == Mode::FailOpen {
                self.zones[at].word = Word::FailOpen;
                // Health asks for all of these zones at once: none would be left.
                let why = NotAppliedWhy::MinZones { needed: self.floor.min_zones(), left: 0 };
                self.refuse(Source::Health, self.zones[at].zone, why);
            } else {
                self.zones[at].word = Word::Out(Source::Health, Reason::AllDown);
            }
        }
        mode
    }

    fn apply_health(&mut self) -> Mode {
        for at in 0..self.zones.len() {
            let zone = self.zones[at].zone;
            let refused = match self.zones[at].word {
                Word::In(_) if self.zones[at].is_dead => NotAppliedWhy::PinnedIn,
                Word::None if self.zones[at].is_dead => match self.floor.take_zone(zone) {
                    Ok(()) => {
                        self.zones[at].word = Word::Out(Source::Health, Reason::Impaired);
                        continue;
                    }
                    Err(short) => {
                        self.zones[at].word = Word::FailOpen;
                        short.into()
                    }
                },
                _ => continue,
            };
            self.refuse(Source::Health, zone, refused);
        }
        Mode::Normal
    }

    fn finish(mut self, mode: Mode) -> PoolDecision {
        let endpoints: Vec<EndpointDecision> = self
            .subject
            .estate
            .pool(self.subject.pool)
            .endpoints
            .iter()
            .enumerate()
            .map(|(at, endpoint)| {
                let (serves, reason) = self.endpoint_outcome(endpoint, self.subject.verdict(at));
                EndpointDecision { serves, reason }
            })
            .collect();
        let fails_open = endpoints.iter().any(|endpoint| endpoint.reason == Reason::FailOpen);
        let mode = if mode == Mode::Normal && fails_open { Mode::FailOpen } else { mode };
        let zones = self.zones.into_iter().map(DraftZone::outcome).collect();
        PoolDecision { pool: self.subject.pool, mode, zones, endpoints, not_applied: self.not_applied }
    }

    fn endpoint_outcome(&mut self, endpoint: &Endpoint, verdict: Verdict) -> (bool, Reason) {
        let at = self
            .zones
            .binary_search_by_key(&endpoint.zone, |z| z.zone)
            .expect("a pool's zones are those of its endpoints");
        match (&self.zones[at].word, verdict) {
            (Word::Out(_, reason), _) => (false, reason.clone()),
            (_, Verdict::Healthy) => (true, Reason::Healthy),
            (_, Verdict::Unknown) => (true, Reason::Unknown),
            (Word::FailOpen, Verdict::Unhealthy) => (true, Reason::FailOpen),
            (Word::In(reason), Verdict::Unhealthy) if self.zones[at].is_dead => (true, reason.clone()),
            (Word::In(_) | Word::None, Verdict::Unhealthy) => {
                match self.floor.take_endpoint(endpoint.zone, endpoint.weight) {
                    Ok(()) => (false, Reason::Impaired),
                    Err(short) => {
                        // Once a zone: the first says how much was left.
                        let said = |n: &NotApplied| n.source == Source::Health && n.zone == endpoint.zone;
                        if !self.not_applied.iter().any(said) {
                            self.refuse(Source::Health, endpoint.zone, short.into());
                        }
                        (true, Reason::FailOpen)
                    }
                }
            }
        }
    }
}

impl DraftZone {
    fn outcome(self) -> PoolZone {
        let (state, reason) = match self.word {
            Word::Out(_, reason) => (ZoneState::Away, reason),
            Word::In(reason) => (ZoneState::Open, reason),
            Word::FailOpen => (ZoneState::Open, Reason::FailOpen),
            Word::None if self.is_seen_healthy => (ZoneState::Open, Reason::Healthy),
            Word::None => (ZoneState::Open, Reason::Unknown),
        };
        PoolZone { zone: self.zone, state, reason, share: Share::ONE }
    }
}
