//! What each act led to, in milliseconds after it: the demo's figures.
//!
//! 1. `detected_ms`: a node first said that the zone is unhealthy (`kill`, `errors`, `slow`).
//! 2. `last_new_request_ms`: the last request that was meant for the zone: for `kill` a client's last turn to its balancer, else the last
//!    arrival at its application. Null while they still arrive when the account is closed.
//! 3. `last_open_connection_ms`: the last moment at which a client had a connection to its balancer. Null while one is open.
//! 4. `last_dns_answer_ms`: the last DNS answer that named it. Null while it is named.
//! 5. `failed_requests`: of the crowd that comes through Holdfast, until the zone's next event or the end.
//! 6. `returned_ms`: the first request that its application served after the zone's next `heal` or `cancel` (counted from this event).
//!
//! An account is closed by the next event in the same zone, or by the end of the run.

use std::sync::Arc;

use serde::Serialize;

use crate::app::ZoneApp;
use crate::measure::Measure;
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
    failed_before: u64,
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
}

impl Book {
    /// An empty book of a world that became ready at this moment.
    pub fn new(measure: Arc<Measure>, apps: Vec<Arc<ZoneApp>>) -> Self {
        let ready_at_ms = measure.now_ms();
        Book { measure, apps, ready_at_ms, accounts: Vec::new() }
    }

    /// Opens an account just before the act happens, and closes the zone's earlier one.
    pub fn open(&mut self, action: Action, zone: Option<(usize, &'static str)>) {
        let now = self.measure.now_ms();
        self.close(|account| account.zone.is_some() && account.zone == zone.map(|(at, _)| at));
        self.accounts.push(Account {
            action,
            zone: zone.map(|(at, _)| at),
            at_ms: now,
            failed_before: self.measure.ours.read().1,
            is_open: true,
            rest_told: false,
            event: Event {
                at_s: ((now - self.ready_at_ms) as f64) / 1_000.0,
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
            let watched = matches!(account.action, Action::Kill | Action::Errors | Action::Slow);
            if account.is_open
                && watched
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
        let failed = self.measure.ours.read().1;
        for account in self.accounts.iter_mut().filter(|account| account.is_open && which(account)) {
            account.is_open = false;
            account.event.failed_requests = failed - account.failed_before;
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

    /// Closes everything and sums up.
    pub fn finish(mut self, ready_ms: u64) -> Report {
        self.look();
        self.close(|_| true);
        let (requests, failed) = self.measure.ours.read();
        Report {
            ready_ms,
            requests,
            failed,
            plain_pool_failed: self.measure.plain.read().1,
            events: self.accounts.into_iter().map(|account| account.event).collect(),
        }
    }
}
