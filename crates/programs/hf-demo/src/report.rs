//! What each act led to, in milliseconds after it: the demo's figures.
//!
//! 1. `detected_ms`: a node first said that the zone is unhealthy (`kill`, `errors`, `slow`).
//! 2. `last_new_request_ms`: the last request that was meant for the zone: for `kill` a client's last turn to its balancer, else the last
//!    arrival at its application. Null while they still arrive when the account is closed.
//! 3. `last_open_connection_ms`: the last moment at which a client had a connection to its balancer. Null while one is open.
//! 4. `last_dns_answer_ms`: the last DNS answer that named it. Null while it is named.
//! 5. `failed_requests`: of the crowd that comes through Holdfast, those laid to the event's zone while its account is open: the zone
//!    answered with an error, or its balancer had the request and did not answer or could not be reached. For an event without a
//!    zone: those laid to no zone, or to one without an open account of `kill`, `errors` or `slow`.
//! 6. `returned_ms`: the first request that its application served after the zone's next `heal` or `cancel` (counted from this event).
//!
//! An account is closed by the next event in the same zone (of the control node: by its own next event), or by the end of the run.

use std::sync::Arc;

use serde::Serialize;

use crate::app::ZoneApp;
use crate::measure::{Failed, Failures, Measure, Why};
use crate::script::Action;

/// "Still going on": something that happened this shortly before the account was closed.
const STILL_MS: u64 = 1_000;

/// The whole run, as printed with `-o json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// From the start of the program to the first moment at which every zone answered.
    pub ready_ms: u64,
    /// Requests of the crowd that comes through Holdfast.
    pub requests: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Requests of the plain round-robin crowd that failed, of about as many.
    pub plain_pool_failed: u64,
    /// What was done, and what it led to.
    pub events: Vec<Event>,
    /// The first 20 failed requests.
    pub first_failed: Vec<FailedRequest>,
}

/// A failed request of the crowd that comes through Holdfast.
#[derive(Clone, Debug, Serialize)]
pub struct FailedRequest {
    /// Seconds after the world was ready.
    pub at_s: f64,
    /// To which zone it is laid; null for none.
    pub zone: Option<&'static str>,
    /// Why.
    pub why: Why,
}

/// One act and its account.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Seconds after the world was ready.
    pub at_s: f64,
    /// What.
    pub action: &'static str,
    /// Where; null for the control node.
    pub zone: Option<&'static str>,
    /// See the file's header for this and the rest.
    pub detected_ms: Option<u64>,
    /// See above.
    pub last_new_request_ms: Option<u64>,
    /// See above.
    pub last_open_connection_ms: Option<u64>,
    /// See above.
    pub last_dns_answer_ms: Option<u64>,
    /// See above.
    pub failed_requests: u64,
    /// See above.
    pub returned_ms: Option<u64>,
}

/// An event whose account may still be open.
#[derive(Debug)]
struct Account {
    action: Action,
    zone: Option<usize>,
    at_ms: u64,
    is_open: bool,
    rest_told: bool,
    event: Event,
}

impl Account {
    fn name(&self) -> &'static str {
        self.event.zone.unwrap_or("the control node")
    }
}

/// Keeps the accounts.
pub struct Book {
    measure: Arc<Measure>,
    apps: Vec<Arc<ZoneApp>>,
    ready_at_ms: u64,
    accounts: Vec<Account>,
    settled: Failures,
}

impl Book {
    /// An empty book of a world that became ready at this moment: events are told from it.
    pub fn new(measure: Arc<Measure>, apps: Vec<Arc<ZoneApp>>, ready_at_ms: u64) -> Self {
        let settled = measure.failures();
        Book { measure, apps, ready_at_ms, accounts: Vec::new(), settled }
    }

    /// Opens an account just before the act happens, and closes the zone's earlier one.
    pub fn open(&mut self, action: Action, zone: Option<(usize, &'static str)>) {
        let now = self.measure.now_ms();
        self.close(|account| account.zone == zone.map(|(at, _)| at));
        self.accounts.push(Account {
            action,
            zone: zone.map(|(at, _)| at),
            at_ms: now,
            is_open: true,
            rest_told: false,
            event: Event {
                at_s: seconds(self.ready_at_ms, now),
                action: action.as_str(),
                zone: zone.map(|(_, name)| name),
                detected_ms: None,
                last_new_request_ms: None,
                last_open_connection_ms: None,
                last_dns_answer_ms: None,
                failed_requests: 0,
                returned_ms: None,
            },
        });
    }

    /// Takes note of what a node said, asked at `asked_ms`: the zones that it counts as unhealthy. Gives the news in words.
    pub fn detected(&mut self, asked_ms: u64, is_unhealthy: impl Fn(usize) -> bool) -> Vec<String> {
        let now = self.measure.now_ms();
        let mut news = Vec::new();
        for account in &mut self.accounts {
            if account.is_open
                && account.action.does_harm()
                && account.event.detected_ms.is_none()
                && asked_ms >= account.at_ms
                && account.zone.is_some_and(&is_unhealthy)
            {
                let ms = now - account.at_ms;
                account.event.detected_ms = Some(ms);
                news.push(format!("{} is seen unhealthy, {ms} ms after it was made so", account.name()));
            }
        }
        news
    }

    /// Looks for zones that serve again or have come to rest; call it often. Gives the news in words.
    pub fn look(&mut self) -> Vec<String> {
        self.settle();
        let mut news = self.at_rest();
        for at in 0..self.accounts.len() {
            let account = &self.accounts[at];
            let (Some(zone), true) = (account.zone, account.is_open) else { continue };
            if !matches!(account.action, Action::Heal | Action::Cancel) || account.event.returned_ms.is_some()
            {
                continue;
            }
            let served_ms = self.apps[zone].last_request_ms();
            if served_ms < account.at_ms {
                continue;
            }
            let healed = &mut self.accounts[at];
            let ms = served_ms - healed.at_ms;
            healed.event.returned_ms = Some(ms);
            news.push(format!(
                "{} serves again, {ms} ms after its {}",
                healed.name(),
                healed.action.as_str()
            ));
            let left = |account: &&mut Account| {
                account.zone == Some(zone) && !matches!(account.action, Action::Heal | Action::Cancel)
            };
            if let Some(before) = self.accounts[..at].iter_mut().rev().find(left)
                && before.event.returned_ms.is_none()
            {
                before.event.returned_ms = Some(served_ms - before.at_ms);
            }
        }
        news
    }

    /// Shifted zones to which nothing new came and nothing was open for a while: told once.
    fn at_rest(&mut self) -> Vec<String> {
        let now = self.measure.now_ms();
        let mut news = Vec::new();
        for account in &mut self.accounts {
            let (Some(zone), Action::Shift) = (account.zone, account.action) else { continue };
            let last_request = self.apps[zone].last_request_ms();
            let last_open = self.measure.last_open_ms(zone);
            let newest = last_request.max(last_open).max(account.at_ms);
            if account.is_open && !account.rest_told && now.saturating_sub(newest) > STILL_MS {
                account.rest_told = true;
                news.push(format!(
                    "{} is empty: last new request {} ms, last client connection {} ms after its shift",
                    account.name(),
                    last_request.saturating_sub(account.at_ms),
                    last_open.saturating_sub(account.at_ms),
                ));
            }
        }
        news
    }

    fn close(&mut self, which: impl Fn(&Account) -> bool) {
        let now = self.measure.now_ms();
        self.settle();
        for account in self.accounts.iter_mut().filter(|account| account.is_open && which(account)) {
            account.is_open = false;
            let Some(zone) = account.zone else { continue };
            if matches!(account.action, Action::Heal | Action::Cancel) {
                continue;
            }
            let last_request = match account.action {
                Action::Kill => self.measure.last_tried_ms(zone),
                _ => self.apps[zone].last_request_ms(),
            };
            let after = |last_ms: u64| {
                let is_over = now.saturating_sub(last_ms) > STILL_MS;
                is_over.then(|| last_ms.saturating_sub(account.at_ms))
            };
            account.event.last_new_request_ms = after(last_request);
            account.event.last_open_connection_ms = after(self.measure.last_open_ms(zone));
            account.event.last_dns_answer_ms = after(self.measure.last_dns_ms(zone));
        }
    }

    /// Enters the failures since the last time into the accounts that are open.
    fn settle(&mut self) {
        let now = self.measure.failures();
        let grown: Vec<u64> = now.zones.iter().zip(&self.settled.zones).map(|(now, was)| now - was).collect();
        let is_harmed = |zone: usize| {
            let harms = |account: &Account| account.zone == Some(zone) && account.action.does_harm();
            self.accounts.iter().any(|account| account.is_open && harms(account))
        };
        let unharmed: u64 =
            grown.iter().enumerate().filter(|(zone, _)| !is_harmed(*zone)).map(|(_, grown)| grown).sum();
        let of_nobody = unharmed + now.elsewhere - self.settled.elsewhere;
        for account in self.accounts.iter_mut().filter(|account| account.is_open) {
            account.event.failed_requests += account.zone.map_or(of_nobody, |zone| grown[zone]);
        }
        self.settled = now;
    }

    /// Closes everything and sums up.
    pub fn finish(mut self, ready_ms: u64) -> Report {
        self.look();
        self.close(|_| true);
        let (requests, failed) = self.measure.ours.read();
        let told = |failed: Failed| FailedRequest {
            at_s: seconds(self.ready_at_ms, failed.at_ms),
            zone: failed.zone.map(|zone| self.apps[zone].zone()),
            why: failed.why,
        };
        let first_failed = self.measure.first_failed().into_iter().map(told).collect();
        Report {
            ready_ms,
            requests,
            failed,
            plain_pool_failed: self.measure.plain.read().1,
            events: self.accounts.into_iter().map(|account| account.event).collect(),
            first_failed,
        }
    }
}

/// From the moment at which the world was ready.
fn seconds(ready_at_ms: u64, at_ms: u64) -> f64 {
    (at_ms.saturating_sub(ready_at_ms) as f64) / 1_000.0
}

#[cfg(test)]
mod tests {
    use hf_clock::Clock;

    use super::*;
    use crate::measure::Ended;

    const EAST: Option<(usize, &str)> = Some((0, "east"));
    const WEST: Option<(usize, &str)> = Some((1, "west"));

    /// Plays acts and failures in turn; gives each event with its failed requests.
    fn check(turns: &[Turn]) -> Vec<(&'static str, u64)> {
        let clock = Clock::system();
        let measure = Arc::new(Measure::new(2, clock.clone()));
        let apps = ["east", "west"].map(|zone| ZoneApp::new(zone, clock.clone())).to_vec();
        let mut book = Book::new(measure.clone(), apps, clock.now().0);
        for turn in turns {
            match turn {
                Turn::Act(action, zone) => book.open(*action, *zone),
                Turn::Fail(zone, count) => {
                    (0..*count).for_each(|_| measure.ended(Ended::Failed(*zone, Why::NoAnswer)));
                }
            }
        }
        let report = book.finish(0);
        report.events.iter().map(|event| (event.action, event.failed_requests)).collect()
    }

    enum Turn {
        Act(Action, Option<(usize, &'static str)>),
        Fail(Option<usize>, u64),
    }
    use Turn::{Act, Fail};

    #[test]
    fn the_first_failed_requests_are_told_with_zone_and_reason() {
        let clock = Clock::system();
        let measure = Arc::new(Measure::new(2, clock.clone()));
        let apps = ["east", "west"].map(|zone| ZoneApp::new(zone, clock.clone())).to_vec();
        let book = Book::new(measure.clone(), apps, clock.now().0);
        measure.ended(Ended::Failed(Some(1), Why::ConnectionEnded));
        (0..30).for_each(|_| measure.ended(Ended::Failed(None, Why::NoConnection)));
        let report = book.finish(0);
        assert_eq!((report.failed, report.first_failed.len()), (31, 20), "the others are counted");
        let told = |at: usize| (report.first_failed[at].zone, report.first_failed[at].why);
        assert_eq!(told(0), (Some("west"), Why::ConnectionEnded));
        assert_eq!(told(19), (None, Why::NoConnection));
    }

    #[test]
    fn a_failure_counts_for_the_event_of_its_own_zone() {
        let turns = [
            Act(Action::Kill, EAST),
            Fail(Some(0), 5),
            Act(Action::Shift, WEST),
            Fail(Some(0), 7),
            Fail(None, 1),
        ];
        assert_eq!(check(&turns), [("kill", 12), ("shift", 0)]);
    }

    #[test]
    fn the_next_event_of_a_zone_takes_over_its_failures() {
        let turns = [
            Fail(Some(0), 9),
            Act(Action::Kill, EAST),
            Fail(Some(0), 5),
            Act(Action::Heal, EAST),
            Fail(Some(0), 2),
        ];
        assert_eq!(check(&turns), [("kill", 5), ("heal", 2)]);
    }

    #[test]
    fn a_dead_control_node_answers_for_what_no_harmed_zone_explains() {
        let turns = [
            Act(Action::KillControl, None),
            Fail(Some(1), 1),
            Act(Action::Errors, EAST),
            Fail(Some(0), 40),
            Fail(Some(1), 2),
            Fail(None, 4),
            Act(Action::HealControl, None),
            Fail(Some(1), 8),
        ];
        assert_eq!(check(&turns), [("kill-control", 7), ("errors", 40), ("heal-control", 8)]);
    }
}
