//! The verdict on health checks themselves: what alarms, calculated checks and pools under one verdict go by.
//!
//! 1. A disabled check is healthy.
//! 2. One that stands by itself: its own bit. A pushed one that nobody has told a result of its own: as 3.
//! 3. One that goes to endpoints: healthy while at least half of the endpoints that are known under it are; unknown while none is.
//! 4. A calculated one: healthy with enough healthy ones, unhealthy once those that are not unhealthy are too few, unknown between. A majority: its
//!    own bit, which was decided with the tables (`majority`).
//! 5. A control: as it is switched; one that nobody knows is on.
//! 6. Kinds that send nothing are turned round here when they are inverted; the results of all others were, before they were counted.
//! 7. Each check is judged once, however many calculated ones count it.
//!
//! Not here: the quorum (`quorum`), what follows (`hf-decide`).

use std::cell::RefCell;
use std::collections::BTreeMap;

use hf_config::estate::{Calculated, CheckIx, CheckKind, Estate, HealthCheck, Needs, PoolIx};
use hf_model::{CheckName, ControlPath};

use crate::verdict::{Verdict, Verdicts};

/// The verdict on every check of the estate, by name.
pub fn check_verdicts(
    estate: &Estate,
    verdicts: &Verdicts,
    is_on: impl Fn(&ControlPath) -> Option<bool>,
) -> BTreeMap<CheckName, Verdict> {
    let judge = Checks::new(estate, verdicts, &is_on);
    let of = |at: CheckIx| (estate.health_check(at).name.clone(), judge.verdict(at));
    estate.check_indexes().map(of).collect()
}

/// The verdict on one check.
pub fn check_verdict(
    estate: &Estate,
    verdicts: &Verdicts,
    is_on: impl Fn(&ControlPath) -> Option<bool>,
    check: CheckIx,
) -> Verdict {
    Checks::new(estate, verdicts, &is_on).verdict(check)
}

/// The one verdict on all endpoints of a pool whose check is not about each of them; none for any other pool.
pub fn common_verdict(
    estate: &Estate,
    verdicts: &Verdicts,
    is_on: impl Fn(&ControlPath) -> Option<bool>,
    pool: PoolIx,
) -> Option<Verdict> {
    let at = estate.pool(pool).health_check?;
    (!is_of_each(estate.health_check(at))).then(|| check_verdict(estate, verdicts, is_on, at))
}

/// Whether a check has a verdict on each endpoint under it, rather than one on all: each is probed, or results are pushed for it.
pub fn is_of_each(check: &HealthCheck) -> bool {
    check.probes_endpoints() || (matches!(check.kind, CheckKind::Pushed(_)) && !check.disabled)
}

/// The verdict on an endpoint at `subject` of a pool whose check goes to each: its own, or where that is unknown and the check is pushed, the
/// one that was told of all.
pub fn endpoint_verdict(estate: &Estate, verdicts: &Verdicts, pool: PoolIx, subject: usize) -> Verdict {
    let own = verdicts.get(subject);
    let Some(at) = estate.pool(pool).health_check else { return own };
    let is_pushed = matches!(estate.health_check(at).kind, CheckKind::Pushed(_));
    if own == Verdict::Unknown && is_pushed { verdicts.get(estate.check_subject(at)) } else { own }
}

struct Checks<'a, F> {
    estate: &'a Estate,
    verdicts: &'a Verdicts,
    is_on: &'a F,
    /// By check, what was made of it: layers of calculated checks come to each check below them by very many ways.
    judged: RefCell<Vec<Option<Verdict>>>,
}

impl<'a, F: Fn(&ControlPath) -> Option<bool>> Checks<'a, F> {
    fn new(estate: &'a Estate, verdicts: &'a Verdicts, is_on: &'a F) -> Self {
        let judged = RefCell::new(vec![None; estate.health_checks.len()]);
        Checks { estate, verdicts, is_on, judged }
    }

    fn verdict(&self, at: CheckIx) -> Verdict {
        self.verdict_at(at, 0)
    }

    /// `level` bounds the work for an estate that was not read but made.
    fn verdict_at(&self, at: CheckIx, level: usize) -> Verdict {
        let Some(check) = self.estate.health_checks.get(at.at()) else { return Verdict::Unknown };
        let is_calculated = matches!(check.kind, CheckKind::Calculated(_)) && !check.disabled;
        if is_calculated && level > Calculated::DEPTH {
            return Verdict::Unknown;
        }
        let known = self.judged.borrow()[at.at()];
        known.unwrap_or_else(|| {
            let verdict = self.judge(at, check, level);
            self.judged.borrow_mut()[at.at()] = Some(verdict);
            verdict
        })
    }

    fn judge(&self, at: CheckIx, check: &HealthCheck, level: usize) -> Verdict {
        if check.disabled {
            return Verdict::Healthy;
        }
        let told = match &check.kind {
            CheckKind::Control { control } => match (self.is_on)(control) {
                Some(false) => Verdict::Unhealthy,
                Some(true) | None => Verdict::Healthy,
            },
            CheckKind::Calculated(calculated) => match calculated.needs {
                Needs::AtLeast(needed) => self.at_least(needed.into(), &calculated.of, level),
                Needs::Majority => self.verdicts.get(self.estate.check_subject(at)),
            },
            _ => return self.measured(at, check.is_standing()),
        };
        match (told, check.inverted) {
            (Verdict::Healthy, true) => Verdict::Unhealthy,
            (Verdict::Unhealthy, true) => Verdict::Healthy,
            (told, _) => told,
        }
    }

    fn measured(&self, at: CheckIx, is_standing: bool) -> Verdict {
        let own = self.verdicts.get(self.estate.check_subject(at));
        let is_pushed = matches!(self.estate.health_check(at).kind, CheckKind::Pushed(_));
        if is_standing && (own != Verdict::Unknown || !is_pushed) {
            return own;
        }
        let (mut known, mut healthy) = (0_usize, 0_usize);
        let mut first = 0;
        for pool in &self.estate.pools {
            let subjects = first..first + pool.endpoints.len();
            first = subjects.end;
            if pool.health_check == Some(at) {
                for verdict in subjects.map(|subject| self.verdicts.get(subject)) {
                    known += usize::from(verdict != Verdict::Unknown);
                    healthy += usize::from(verdict == Verdict::Healthy);
                }
            }
        }
        match (known, healthy) {
            (0, _) => Verdict::Unknown,
            (known, healthy) if 2 * healthy >= known => Verdict::Healthy,
            _ => Verdict::Unhealthy,
        }
    }

    fn at_least(&self, needed: usize, of: &[CheckIx], level: usize) -> Verdict {
        let (mut healthy, mut unknown) = (0_usize, 0_usize);
        for of in of {
            match self.verdict_at(*of, level + 1) {
                Verdict::Healthy => healthy += 1,
                Verdict::Unknown => unknown += 1,
                Verdict::Unhealthy => {}
            }
        }
        if healthy >= needed {
            Verdict::Healthy
        } else if healthy + unknown < needed {
            Verdict::Unhealthy
        } else {
            Verdict::Unknown
        }
    }
}

#[cfg(test)]
mod tests;
