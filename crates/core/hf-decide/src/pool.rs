//! One pool or record: acts and verdicts in, who serves out.
//!
//! 1. Acts come strongest first; each that leaves the floor whole is granted, every other is listed with why. One that names this
//!    pool among the floors that it overrides is granted, floor or no floor.
//!    A routing control behind the pool or the record itself comes before those behind zones, and asks for all zones at once.
//!    An autoshift also yields where people have taken another zone of its region.
//! 2. Then health, in the zones that acts leave open. A zone with nobody healthy is a claim like an act; such claims
//!    are tried in the estate's order. One that the floor stops yields: the zone's endpoints serve, unhealthy as they are.
//! 3. Then single unhealthy endpoints of zones that have healthy ones: one after another in the pool's order, each
//!    leaves if enough capacity stays. (Order rather than the fewest endpoints: a later change of one verdict moves few others.)
//!    A pool that acts have left without any zone (its own control is off, or its floor was overridden by name) is in its `all_down`
//!    mode; where that is `open` it answers nothing, since to open it would undo what an operator asked for by name.
//! 4. Then, for DNS answers alone, the zones with less in health than `dns_minimum`: each leaves them if the floor lets it go and another
//!    zone has enough. What serves although it is unhealthy is not in health.
//! 5. A pin in holds the zone, not each endpoint: beside healthy ones an unhealthy one still leaves.

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::{AllDown, Endpoint, Estate, PoolIx, ZoneIx};
use hf_config::floor::{self, Floor};
use hf_control::{ControlState, Scope};
use hf_health::Verdict;
use hf_model::{Share, Timestamp};

use crate::acts::{Act, Acts, Asks};
use crate::controls;
use crate::decision::{
    EndpointDecision, Mode, NotApplied, NotAppliedWhy, PoolDecision, PoolZone, Reason, Source, ZoneState,
};
use crate::returning::{Ramp, ReturnTo, Returns};

/// Whose decision is made: a pool's own, or that of a record with acts of its own.
pub(crate) struct Subject<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) pool: PoolIx,
    /// `Scope::Pool` or `Scope::Record`: how refused claims name it.
    pub(crate) name: Scope,
    /// Other names that acts may reach it by: those of the trees that it is asked through.
    pub(crate) through: &'a [Scope],
    /// One for each endpoint of the pool, in its order; unknown without a check.
    pub(crate) verdicts: &'a [Verdict],
    /// The controls that are off behind the pool and, for a record, behind that.
    pub(crate) own_controls: Vec<&'a ControlState>,
    pub(crate) returns: &'a Returns,
    pub(crate) now: Timestamp,
}

/// What became of an act that takes away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It took the zone out.
    Taken,
    /// The zone was out by a stronger act.
    Agreed,
    /// The floor stopped it.
    Stopped,
}

/// What was decided, and what each act did to it, by its position among all.
pub(crate) struct Decided {
    pub(crate) decision: PoolDecision,
    pub(crate) effects: Vec<(usize, Effect)>,
}

impl Subject<'_> {
    /// Whether an act with this scope reaches the subject.
    fn is_reached_by(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Everything => true,
            Scope::Pool(name) => *name == self.estate.pool(self.pool).name,
            Scope::Record(_) => *scope == self.name || self.through.contains(scope),
        }
    }

    fn verdict(&self, at: usize) -> Verdict {
        self.verdicts.get(at).copied().unwrap_or(Verdict::Unknown)
    }
}

/// Decides one subject.
pub(crate) fn decide(subject: &Subject<'_>, acts: &Acts<'_>) -> Decided {
    let mut draft = Draft::new(subject);
    let (above, below) = acts.all.split_at(acts.above_controls);
    draft.apply_acts(0, above);
    draft.apply_own_controls();
    draft.apply_acts(above.len(), below);
    draft.note_ramps();
    let mode = if draft.is_all_down() { draft.apply_all_down() } else { draft.apply_health() };
    draft.finish(mode)
}

struct Draft<'a> {
    subject: &'a Subject<'a>,
    floor: Floor,
    /// In the estate's order.
    zones: Vec<DraftZone>,
    not_applied: Vec<NotApplied>,
    effects: Vec<(usize, Effect)>,
    /// Zones that acts ask for, granted or not; without those that are pinned in.
    asked_out: BTreeSet<ZoneIx>,
}

struct DraftZone {
    zone: ZoneIx,
    /// No endpoint of it may serve by its verdict.
    is_dead: bool,
    /// At least one endpoint has been seen to answer.
    is_seen_healthy: bool,
    /// It comes back bit by bit.
    ramp: Option<Ramp>,
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
            .map(|zone| DraftZone {
                zone,
                is_dead: true,
                is_seen_healthy: false,
                ramp: None,
                word: Word::None,
            })
            .collect();
        for (at, endpoint) in pool.endpoints.iter().enumerate() {
            let verdict = subject.verdict(at);
            if let Ok(found) = zones.binary_search_by_key(&endpoint.zone, |z| z.zone) {
                zones[found].is_dead &= verdict == Verdict::Unhealthy;
                zones[found].is_seen_healthy |= verdict == Verdict::Healthy;
            }
        }
        Draft {
            subject,
            floor: Floor::new(subject.estate, pool),
            zones,
            not_applied: Vec::new(),
            effects: Vec::new(),
            asked_out: BTreeSet::new(),
        }
    }

    fn refuse(&mut self, source: Source, zone: ZoneIx, why: NotAppliedWhy) {
        self.not_applied.push(NotApplied { source, zone, scope: self.subject.name.clone(), why });
    }

    /// Applies acts; the first of them has the position `from` among all.
    fn apply_acts(&mut self, from: usize, acts: &[Act<'_>]) {
        let pool = &self.subject.estate.pool(self.subject.pool).name;
        for (position, act) in (from..).zip(acts).filter(|(_, act)| self.subject.is_reached_by(&act.scope)) {
            let Ok(at) = self.zones.binary_search_by_key(&act.zone, |z| z.zone) else { continue };
            if act.asks == Asks::Out && !matches!(self.zones[at].word, Word::In(_)) {
                self.asked_out.insert(act.zone);
            }
            if let Some(of_people) = self.other_zone_taken(act, at) {
                self.effects.push((position, Effect::Stopped));
                self.refuse(act.source.clone(), act.zone, NotAppliedWhy::OtherZone(of_people));
                continue;
            }
            let refused = match (act.asks, &self.zones[at].word) {
                (Asks::Canceled, _) => Some(NotAppliedWhy::Outranked(Source::BreakGlass)),
                (Asks::In, Word::In(_)) => None,
                (Asks::Out, Word::In(_)) => Some(NotAppliedWhy::PinnedIn),
                (asks, Word::Out(stronger, _)) => {
                    if asks == Asks::Out {
                        self.effects.push((position, Effect::Agreed));
                    }
                    Some(NotAppliedWhy::Outranked(stronger.clone()))
                }
                (Asks::In, Word::None | Word::FailOpen) => {
                    self.zones[at].word = Word::In(act.reason.clone());
                    None
                }
                (Asks::Out, Word::None | Word::FailOpen) => {
                    let taken = if act.overrides.contains(pool) {
                        self.floor.force_zone(act.zone);
                        Ok(())
                    } else {
                        self.floor.take_zone(act.zone)
                    };
                    let effect = if taken.is_ok() { Effect::Taken } else { Effect::Stopped };
                    self.effects.push((position, effect));
                    match taken {
                        Ok(()) => {
                            self.zones[at].word = Word::Out(act.source.clone(), act.reason.clone());
                            None
                        }
                        Err(short) => Some(short.into()),
                    }
                }
            };
            if let Some(why) = refused {
                self.refuse(act.source.clone(), act.zone, why);
            }
        }
    }

    /// Who of people took another zone of the region away, where that stops an autoshift.
    fn other_zone_taken(&self, act: &Act<'_>, at: usize) -> Option<Source> {
        let is_asked = matches!(act.source, Source::Autoshift(_)) && act.asks == Asks::Out;
        if !is_asked || matches!(self.zones[at].word, Word::In(_) | Word::Out(..)) {
            return None;
        }
        let region = |zone| self.subject.estate.zone(zone).region;
        let others = self.zones.iter().filter(|z| z.zone != act.zone && region(z.zone) == region(act.zone));
        others.into_iter().find_map(|other| match &other.word {
            Word::Out(source, _) if !matches!(source, Source::Autoshift(_)) => Some(source.clone()),
            _ => None,
        })
    }

    /// A control behind the pool or the record itself takes all of it, whatever would stay; only a pin in holds a zone.
    fn apply_own_controls(&mut self) {
        for control in &self.subject.own_controls {
            let source = Source::Control(control.path.clone());
            for at in 0..self.zones.len() {
                let zone = self.zones[at].zone;
                match &self.zones[at].word {
                    Word::In(_) => self.refuse(source.clone(), zone, NotAppliedWhy::PinnedIn),
                    // It asks for the whole pool, not for this zone: what holds the zone already is said there.
                    Word::Out(..) => {}
                    Word::None | Word::FailOpen => {
                        self.floor.force_zone(zone);
                        self.zones[at].word = Word::Out(source.clone(), controls::reason(control));
                    }
                }
            }
        }
    }

    /// Finds the zones that come back bit by bit, as far as acts alone can tell.
    fn note_ramps(&mut self) {
        let Subject { estate, returns, .. } = self.subject;
        if returns.is_empty() {
            return;
        }
        let open: Vec<ZoneIx> =
            self.zones.iter().filter(|z| matches!(z.word, Word::None)).map(|z| z.zone).collect();
        let pool = estate.pool(self.subject.pool);
        let ramps = returns.ramps(
            &ReturnTo {
                estate,
                pool,
                floor: &Floor::new(estate, pool),
                asked_out: &self.asked_out,
                is_reached_by: &|scope| self.subject.is_reached_by(scope),
            },
            &open,
        );
        for zone in &mut self.zones {
            zone.ramp = ramps.get(&zone.zone).copied();
        }
    }

    /// Whether acts have left no zone at all.
    fn is_emptied(&self) -> bool {
        self.zones.iter().all(|z| matches!(z.word, Word::Out(..)))
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
            // To ignore what an operator asked for by name would be no answer to it.
            AllDown::Open if self.is_emptied() => Mode::Closed,
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

    fn finish(mut self, mode: Mode) -> Decided {
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
        let now = self.subject.now;
        let out_of_dns = if mode == Mode::Normal || mode == Mode::FailOpen {
            self.zones_below_minimum(&endpoints)
        } else {
            Vec::new()
        };
        let outcome = |zone: DraftZone| {
            let in_dns = !out_of_dns.contains(&zone.zone);
            PoolZone { in_dns, ..zone.outcome(now) }
        };
        let zones = self.zones.into_iter().map(outcome).collect();
        let decision =
            PoolDecision { pool: self.subject.pool, mode, zones, endpoints, not_applied: self.not_applied };
        Decided { decision, effects: self.effects }
    }

    /// The zones that leave DNS answers because too little of them is in health.
    fn zones_below_minimum(&mut self, endpoints: &[EndpointDecision]) -> Vec<ZoneIx> {
        let pool = self.subject.estate.pool(self.subject.pool);
        let mut tallies: BTreeMap<ZoneIx, (usize, usize)> = BTreeMap::new();
        for (endpoint, decided) in pool.endpoints.iter().zip(endpoints) {
            let (in_health, registered) = tallies.entry(endpoint.zone).or_default();
            *in_health += usize::from(decided.is_in_health());
            *registered += 1;
        }
        let is_below = |zone: &ZoneIx| {
            let (in_health, registered) = tallies.get(zone).copied().unwrap_or_default();
            !pool.dns_minimum.holds(in_health, registered)
        };
        let named = self.zones.iter().filter(|z| !matches!(z.word, Word::Out(..)));
        let (below, enough): (Vec<ZoneIx>, Vec<ZoneIx>) = named.map(|z| z.zone).partition(is_below);
        if enough.is_empty() {
            return Vec::new();
        }
        let pinned =
            |zone: &ZoneIx| self.zones.iter().any(|z| z.zone == *zone && matches!(z.word, Word::In(_)));
        let below: Vec<ZoneIx> = below.into_iter().filter(|zone| !pinned(zone)).collect();
        below.into_iter().filter(|zone| self.floor.take_zone(*zone).is_ok()).collect()
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
    fn outcome(self, now: Timestamp) -> PoolZone {
        let zone = self.zone;
        let open =
            |reason| PoolZone { zone, state: ZoneState::Open, reason, share: Share::ONE, in_dns: true };
        let share = self.ramp.map_or(Share::ONE, |ramp| ramp.share(now));
        match (self.word, self.ramp) {
            (Word::Out(_, reason), _) => PoolZone { state: ZoneState::Away, ..open(reason) },
            (Word::In(reason), _) => open(reason),
            // What is needed although it is unhealthy is needed whole.
            (Word::FailOpen, _) => open(Reason::FailOpen),
            (Word::None, Some(ramp)) if share < Share::ONE => {
                PoolZone { share, ..open(Reason::Returning { full_at: ramp.full_at() }) }
            }
            (Word::None, _) if self.is_seen_healthy => open(Reason::Healthy),
            (Word::None, _) => open(Reason::Unknown),
        }
    }
}
