//! Observations in, tables and log lines out.
//!
//! 1. While the checker may be cut off itself (`hf_health::reach`), what does not answer goes out as unknown.
//! 2. What it could not measure because it stood still itself, or lacked something, turns nothing. But once an endpoint's newest result is older than three
//!    intervals ([`too_old`]), and its probes were not measured for as long, it goes out as unknown, until the next result: a checker that is overloaded
//!    holds nobody in by what it saw before. One probe that is not measured after a long wait for its turn does not do that.
//! 3. A check that owes a result (`owed`) and gives none says why in the log, and as a problem of the node.
//! 4. To have stood still is a problem of the node until the checker has kept up for a minute.

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::{CheckKind, Estate, HealthCheck};
use hf_health::{Bitmap, Reach, Table};
use hf_model::Timestamp;
use hf_probe::{Observation, Outcome, Prober, Sink};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::CheckerConfig;
use crate::owed::{Line, Owed, owes};
use crate::pushed::Pushed;

/// Probes that begin this much too late mean that the checker cannot keep the pace of its checks.
const LATE: Duration = Duration::from_secs(1);

/// As long as a table counts without being heard again, on the default beat: shorter stalls are not worth a word.
const OLD_MIN: Duration = Duration::from_secs(3);

/// A checker that stood still says so until it has kept up for so long.
const KEPT_UP: Duration = Duration::from_mins(1);
/// What it says.
const BEHIND: &str = "the checker stood still, or is overloaded: probes whose time ran out meanwhile are not measured, and after three intervals \
                      without a result their endpoints are unknown to it; give this machine more processor time, or the checker less to probe (intervals, `vantage_zones`)";

/// A result older than this says nothing any more where probes were not measured for as long, either: three intervals, and [`OLD_MIN`] at least.
///
/// Probes that are put off, or wait for others, come late and are results: this is not about them, nor does their waiting count.
fn too_old(check: &HealthCheck) -> Duration {
    (check.interval * 3).max(OLD_MIN)
}

/// Turns what the prober sees into the newest table.
#[derive(Debug)]
pub struct Publisher {
    config: CheckerConfig,
    prober: Prober,
    /// What others tell; the tables have both.
    pushed: Pushed,
    is_late: bool,
    /// What it has seen, cut off or not.
    known: Bitmap,
    healthy: Bitmap,
    /// Of these, the ones whose last result is too old. A new estate begins without any: the next probe that is not measured says so again.
    old: Bitmap,
    reach: Reach,
    is_cut_off: bool,
    owed: Owed,
    /// When a probe was last not measured because we stood still.
    behind_at: Option<Instant>,
    began: Instant,
}

impl Publisher {
    /// Publishes beside what others tell.
    pub fn new(config: CheckerConfig, prober: Prober, pushed: Pushed) -> Self {
        Publisher {
            config,
            prober,
            pushed,
            is_late: false,
            known: Bitmap::default(),
            healthy: Bitmap::default(),
            old: Bitmap::default(),
            reach: Reach::default(),
            is_cut_off: false,
            owed: Owed::default(),
            behind_at: None,
            began: Instant::now(),
        }
    }

    /// By this machine's steady clock: losses and words from outside are laid side by side, whatever the time of day is set to.
    fn since_began(&self, at: Instant) -> Timestamp {
        Timestamp(at.saturating_duration_since(self.began).as_millis() as u64)
    }

    /// Looks again whether this checker is cut off; says so when that has changed.
    fn watch_reach(&mut self) {
        let heard = self.config.heard_outside.as_ref().and_then(|heard| *heard.borrow());
        let heard = heard.map(|at| self.since_began(at));
        let is_cut_off = self.reach.is_cut_off(heard, self.since_began(Instant::now()));
        if is_cut_off == self.is_cut_off {
            return;
        }
        self.is_cut_off = is_cut_off;
        let (zone, problem) = (&self.config.zone, self.problem());
        if let Some(problem) = problem.filter(|_| is_cut_off) {
            warn!(%zone, %problem, "the checker is cut off");
        } else {
            info!(%zone, "the checker is not cut off any more, or it is the others that are down");
        }
        self.tell_problem();
    }

    /// The worse one first.
    fn problem(&self) -> Option<String> {
        let zone = &self.config.zone;
        if self.is_cut_off {
            return Some(format!(
                "the checker reaches nothing outside zone {zone} any more, and no node of another zone is heard: it holds itself for cut off, and \
                 what does not answer it counts as unknown; look at the network of this machine and of the zone"
            ));
        }
        if self.behind_at.is_some() {
            return Some(BEHIND.to_owned());
        }
        self.owed.problem()
    }

    /// Notes whether a check that owes a result gives one; says so when that has changed.
    fn watch_results(&mut self, seen: &Observation<'_>) {
        if !owes(seen.check, &self.config.commands) {
            return;
        }
        let (check, address) = (&seen.check.name, address(seen));
        let news = self.owed.note(check, &seen.result.outcome, Instant::now());
        match (news.line, &seen.result.outcome) {
            (Some(Line::Without), Outcome::Unmeasured(why)) => {
                warn!(%check, address, %why, "a health check gives no result, and counts for nothing");
            }
            (Some(Line::Again), _) => info!(%check, address, "a health check gives results again"),
            _ => {}
        }
        if news.is_problem {
            self.tell_problem();
        }
    }

    fn tell_problem(&self) {
        if let Some(told) = &self.config.problem {
            told.send_replace(self.problem());
        }
    }

    /// Looks whether it keeps up with its own time-outs; says so when that has changed.
    fn watch_stalls(&mut self, behind: Option<Duration>) {
        let (now, was) = (Instant::now(), self.behind_at);
        if let Some(by) = behind {
            self.behind_at = Some(now);
            if was.is_none() {
                warn!(behind_ms = by.as_millis() as u64, problem = BEHIND, "the checker was behind itself");
            }
        } else if was.is_some_and(|at| now.saturating_duration_since(at) >= KEPT_UP) {
            self.behind_at = None;
            info!("the checker keeps up with its probes again");
        }
        if was.is_some() != self.behind_at.is_some() {
            self.tell_problem();
        }
    }

    fn publish(&self) {
        let known = self.known.xor(&self.known.and(&self.old));
        let known = if self.is_cut_off { self.reach.known(&known) } else { known };
        self.pushed.publish(&known, &self.healthy.and(&known));
    }

    /// Notes whether these endpoints' last result is too old; whether that is news.
    fn watch_age(&mut self, seen: &Observation<'_>) -> bool {
        let limit = too_old(seen.check);
        let is_unmeasured = seen.result.outcome.is_good().is_none();
        let is_old = is_unmeasured && seen.unmeasured_for > limit && seen.measured_ago > limit;
        let mut is_news = false;
        for at in seen.endpoints {
            is_news |= self.old.get(*at) != is_old && self.known.get(*at);
            self.old.set(*at, is_old);
        }
        is_news
    }

    /// Says once that the pace is lost, and once that it is found again.
    fn watch_pace(&mut self) {
        let load = self.prober.load();
        if self.is_late == (load.late_by >= LATE) {
            return;
        }
        self.is_late = !self.is_late;
        let late_by_ms = load.late_by.as_millis() as u64;
        if self.is_late {
            warn!(
                late_by_ms,
                checks = load.jobs,
                max_in_flight = self.config.max_in_flight,
                "probes begin late: too many are waiting for their timeout; verdicts come later"
            );
        } else {
            info!(late_by_ms, "probes begin on time again");
        }
    }
}

/// Where the probe went, for the log; a program goes nowhere.
fn address(seen: &Observation<'_>) -> Option<tracing::field::DisplayValue<std::net::SocketAddr>> {
    let goes = !matches!(seen.check.kind, CheckKind::Command(_));
    goes.then(|| tracing::field::display(seen.address))
}

impl Sink for Publisher {
    fn estate_changed(&mut self, estate: &Arc<Estate>, known: &Bitmap, healthy: &Bitmap) {
        (self.known, self.healthy) = (known.clone(), healthy.clone());
        self.old = Bitmap::new(known.len());
        let now = self.since_began(Instant::now());
        self.reach = Reach::new(estate, &self.config.zone, &known.and(healthy), now);
        let table = Table {
            checker: self.config.node.clone(),
            zone: self.config.zone.clone(),
            estate: estate.digest,
            made_at: self.config.clock.now(),
            known: known.clone(),
            healthy: healthy.clone(),
        };
        self.pushed.adopt(estate, table);
        self.owed.keep(estate, &self.config.commands);
        self.tell_problem();
        self.watch_reach();
    }

    fn observed(&mut self, seen: &Observation<'_>) {
        self.watch_pace();
        self.watch_stalls(match seen.result.outcome {
            Outcome::Behind(by) => Some(by),
            _ => None,
        });
        self.watch_results(seen);
        if let Some(is_good) = seen.result.outcome.is_good() {
            let now = self.since_began(Instant::now());
            seen.endpoints.iter().for_each(|at| self.reach.record(*at, is_good, now));
        }
        let was_cut_off = self.is_cut_off;
        self.watch_reach();
        let aged = self.watch_age(seen);
        let flipped = seen.healthy.filter(|_| seen.flipped);
        let mut was_known = false;
        if let Some(now_healthy) = flipped {
            for at in seen.endpoints {
                was_known |= self.known.get(*at);
                self.known.set(*at, true);
                self.healthy.set(*at, now_healthy);
            }
        }
        if flipped.is_some() || aged || was_cut_off || self.is_cut_off {
            self.publish();
        }
        if flipped.is_none() {
            return;
        }
        let (check, address) = (&seen.check.name, address(seen));
        match &seen.result.outcome {
            Outcome::Bad(why) => info!(%check, address, %why, "endpoint is unhealthy"),
            // The first good result of an endpoint is what everybody expects.
            _ if was_known => info!(%check, address, "endpoint is healthy again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use hf_clock::Clock;
    use hf_config::estate::EstateBundle;
    use hf_config::read_estate;
    use hf_model::{NodeId, ZoneId};
    use hf_probe::{ProbeFailure, ProbeResult};
    use tokio::sync::watch;

    use super::*;

    const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "web"
protocol = "tcp"
health_check = "up"
endpoints = [{ address = "10.0.0.1:80", zone = "a" }]
"#;

    /// A publisher of the estate of these words, and what is wrong with its node.
    fn publisher_of(toml: &str) -> (Publisher, Arc<Estate>, watch::Receiver<Option<String>>) {
        let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
        let estate = read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
        let (node, clock) = (NodeId::new("n").unwrap(), Clock::manual(Timestamp(1)));
        let (problem_to, problem) = watch::channel(None);
        let config = CheckerConfig {
            problem: Some(problem_to),
            ..CheckerConfig::new(node.clone(), ZoneId::new("a").unwrap(), clock.clone())
        };
        let prober = Prober::new(hf_probe::ProberConfig::new(node.clone()));
        let mut publisher = Publisher::new(config, prober, Pushed::new(node, clock));
        let estate = Arc::new(estate);
        let none = Bitmap::new(estate.subject_count());
        publisher.estate_changed(&estate, &none, &none);
        (publisher, estate, problem)
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_stood_still_says_so_for_a_minute() {
        let (mut publisher, estate, problem) = publisher_of(ESTATE);
        let mut see = |outcome: Outcome| {
            let result = ProbeResult { outcome, took: Duration::from_millis(1) };
            publisher.observed(&Observation {
                estate: &estate,
                endpoints: &[0],
                address: estate.pools[0].endpoints[0].address,
                check: &estate.health_checks[0],
                began: Instant::now(),
                result: &result,
                measured_ago: Duration::ZERO,
                unmeasured_for: Duration::ZERO,
                healthy: None,
                flipped: false,
            });
            problem.borrow().clone()
        };
        assert_eq!(see(Outcome::Bad(ProbeFailure::Refused)), None);
        assert_eq!(see(Outcome::Behind(Duration::from_secs(1))).as_deref(), Some(BEHIND));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(see(Outcome::Good).as_deref(), Some(BEHIND));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(see(Outcome::Good), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_of_something_else_without_a_result_is_told_with_its_mend() {
        let toml = ESTATE.replacen(
            "kind = \"tcp\"",
            "kind = \"zone-status\"\naddress = \"10.0.0.9:7601\"\nzone = \"x\"",
            1,
        );
        let (mut publisher, estate, problem) = publisher_of(&toml);
        let mut see = |outcome: Outcome| {
            let result = ProbeResult { outcome, took: Duration::from_millis(1) };
            publisher.observed(&Observation {
                estate: &estate,
                endpoints: &[1],
                address: "10.0.0.9:7601".parse().unwrap(),
                check: &estate.health_checks[0],
                began: Instant::now(),
                result: &result,
                measured_ago: Duration::ZERO,
                unmeasured_for: Duration::ZERO,
                healthy: None,
                flipped: false,
            });
            problem.borrow().clone()
        };
        let told = see(Outcome::Unmeasured("it has no zone x; write `zone` otherwise".to_owned()));
        let want = "health check up gives no result, and counts for nothing: it has no zone x; write `zone` otherwise";
        assert_eq!(told.as_deref(), Some(want));
        assert_eq!(see(Outcome::Behind(Duration::from_secs(1))).as_deref(), Some(BEHIND));
        tokio::time::advance(KEPT_UP).await;
        assert_eq!(see(Outcome::Good), None);
    }

    /// Has the check `up` of these words give no result; where its probe went, for the log.
    fn without_result(publisher: &mut Publisher, toml: &str, why: &str) -> Option<String> {
        let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
        let estate =
            Arc::new(read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}")));
        let none = Bitmap::new(estate.subject_count());
        publisher.estate_changed(&estate, &none, &none);
        let result =
            ProbeResult { outcome: Outcome::Unmeasured(why.to_owned()), took: Duration::from_millis(1) };
        let seen = Observation {
            estate: &estate,
            endpoints: &[1],
            address: "0.0.0.0:0".parse().unwrap(),
            check: &estate.health_checks[0],
            began: Instant::now(),
            result: &result,
            measured_ago: Duration::ZERO,
            unmeasured_for: Duration::ZERO,
            healthy: None,
            flipped: false,
        };
        publisher.observed(&seen);
        address(&seen).map(|address| address.to_string())
    }

    /// Nobody would be told otherwise: what is not measured counts for nothing.
    #[tokio::test(start_paused = true)]
    async fn a_program_that_cannot_be_run_is_told_where_it_is_allowed() {
        let command = "kind = \"command\"\ncommand = [\"/none/there\"]";
        let toml = ESTATE.replacen("kind = \"tcp\"", command, 1);
        let (mut publisher, _, problem) = publisher_of(ESTATE);
        without_result(&mut publisher, &toml, "this node does not allow checks to run /none/there");
        assert_eq!(*problem.borrow(), None, "other checkers may");
        publisher.config.commands = vec!["/none/there".to_owned()];
        let address = without_result(&mut publisher, &toml, "/none/there cannot be run");
        let want = "health check up gives no result, and counts for nothing: /none/there cannot be run";
        assert_eq!(problem.borrow().as_deref(), Some(want));
        assert_eq!(address, None, "a program goes nowhere");
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_asks_no_more_is_no_problem_any_more() {
        let metric = "kind = \"metric\"\naddress = \"10.0.0.9:9090\"\nquery = \"up\"\ngood = { gt = 0 }";
        let toml = ESTATE.replacen("kind = \"tcp\"", metric, 1);
        for after in [ESTATE.to_owned(), toml.replacen("query", "disabled = true\nquery", 1)] {
            let (mut publisher, _, problem) = publisher_of(ESTATE);
            let address = without_result(&mut publisher, &toml, "connection refused");
            assert!(problem.borrow().is_some());
            assert_eq!(address.as_deref(), Some("0.0.0.0:0"));
            let bundle = EstateBundle { toml: after, ..EstateBundle::default() };
            let estate = read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
            let none = Bitmap::new(estate.subject_count());
            publisher.estate_changed(&Arc::new(estate), &none, &none);
            assert_eq!(*problem.borrow(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_that_is_too_old_says_nothing_until_there_is_another() {
        let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
        let estate = read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
        let (node, clock) = (NodeId::new("n").unwrap(), Clock::manual(Timestamp(1)));
        let config = CheckerConfig::new(node.clone(), ZoneId::new("a").unwrap(), clock.clone());
        let prober = Prober::new(hf_probe::ProberConfig::new(node.clone()));
        let (tables_to, tables) = watch::channel(None::<Table>);
        let pushed = Pushed::new(node, clock);
        pushed.publish_into(tables_to);
        let mut publisher = Publisher::new(config, prober, pushed);
        let estate = Arc::new(estate);
        let all = Bitmap::new(estate.subject_count());
        let mut first = all.clone();
        first.set(0, true);
        publisher.estate_changed(&estate, &first, &first);
        let mut see = |outcome: Outcome, measured_ago_ms: u64, unmeasured_for_ms: u64| {
            let result = ProbeResult { outcome, took: Duration::from_millis(1) };
            publisher.observed(&Observation {
                estate: &estate,
                endpoints: &[0],
                address: estate.pools[0].endpoints[0].address,
                check: &estate.health_checks[0],
                began: Instant::now(),
                result: &result,
                measured_ago: Duration::from_millis(measured_ago_ms),
                unmeasured_for: Duration::from_millis(unmeasured_for_ms),
                healthy: Some(true),
                flipped: false,
            });
            let table = tables.borrow().clone().expect("there is an estate");
            (table.known.get(0), table.healthy.get(0))
        };
        let behind = || Outcome::Behind(Duration::from_secs(1));
        assert_eq!(see(Outcome::Good, 0, 0), (true, true));
        assert_eq!(see(behind(), 4_000, 3_000), (true, true), "three intervals of a second");
        assert_eq!(see(behind(), 4_001, 3_001), (false, false));
        assert_eq!(see(Outcome::Unmeasured("no socket".to_owned()), 5_000, 4_000), (false, false));
        // One bad result turns nothing, and is a result.
        assert_eq!(see(Outcome::Bad(ProbeFailure::Refused), 0, 0), (true, true));
        // It waited for its turn until then, and was not measured once.
        assert_eq!(see(behind(), 20_000, 1_000), (true, true));
    }
}
