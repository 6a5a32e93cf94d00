//! Everything that a node opens before any part runs: all ports, and what is read beside them.
//!
//! 1. Each problem is kept and the next is looked for, so that whoever mends sees all of them.
//! 2. What a node can serve without is missing and said; see the rules of `start`.
//!
//! Not here: what runs then (`planes`).

use std::num::NonZeroUsize;

use hf_api::tls::{KeyPin, ServerTls};
use hf_assign::TicketKey;
use hf_balancer::{BalancerConfig, NamedListener};
use hf_clock::Clock;
use hf_config::node::{NodeConfig, Role};
use hf_control_plane::{Access, AccessPlace, Api, Control};
use hf_feed::{Feed, FeedConfig, Now};
use tracing::error;

use super::api_here::{Kept, context, dns_here, open_api_tls, open_ledger};
use super::blocking;
use super::given::Given;
use super::handle::Addresses;
use super::planes::Planes;
use crate::balancer_files;
use crate::balancer_state;
use crate::boot;
use crate::elsewhere::{self, Elsewhere};
use crate::geography;
use crate::tickets;
use crate::xds_here;

/// What is open before anything runs.
pub(super) struct Opened {
    pub(super) feed: Feed,
    pub(super) api: hf_control_plane::Bound,
    pub(super) planes: Planes,
    pub(super) control: Option<Control>,
    pub(super) ledger_problem: Option<String>,
    pub(super) dns_secrets_problem: Option<String>,
    pub(super) api_key: Option<KeyPin>,
    pub(super) access: Access,
    pub(super) api_tls: Option<ServerTls>,
}

impl Opened {
    /// Opens everything; each problem is kept, and the next is looked for.
    pub(super) async fn all(
        config: &NodeConfig,
        given: &Given,
        listeners: Vec<NamedListener>,
    ) -> Result<Opened, Vec<String>> {
        let has = |role| config.roles.contains(&role);
        let mut problems = Vec::new();
        let (wanted, can_serve) = (feed_config(config, &given.clock), given.snapshots.borrow().is_some());
        let bound =
            if can_serve { Feed::bind_without_certificates(wanted).await } else { Feed::bind(wanted).await };
        let feed = keep(bound, &mut problems);
        let mut status = None;
        if has(Role::Status) {
            let (snapshots, consumers) = (given.snapshots.clone(), given.consumers.clone());
            let bound =
                hf_status::bind(config.status_listen, snapshots, given.clock.clone(), consumers).await;
            let bound = bound.map(|bound| {
                let limits = hf_status::Limits::from(&config.status);
                bound.with_limits(limits).with_counts(given.activity.status().clone())
            });
            status = keep(bound, &mut problems);
        }
        let elsewhere = Elsewhere::open(
            elsewhere::Inputs {
                config,
                snapshots: given.snapshots.clone(),
                consumers: given.consumers.clone(),
                clock: given.clock.clone(),
            },
            &mut problems,
        )
        .await;
        let (dns_config, places) = (config.dns.clone(), given.geography.clone());
        let bad_files = blocking(move || geography::open(&dns_config, &places)).await;
        if !can_serve {
            problems.extend(bad_files); // else the watchers tell
        }
        let (mut dns, mut dns_secrets_problem) = (None, None);
        if has(Role::Dns) {
            let bound = keep(hf_dns::bind(&config.dns).await, &mut problems);
            let (settings, bad_settings) =
                hf_dns::Settings::read(&config.dns, config.id.as_str(), &config.data_dir);
            let (dns_config, data_dir, clock) =
                (config.dns.clone(), config.data_dir.clone(), given.clock.clone());
            let (cold, bad_cold) =
                blocking(move || hf_dns::ColdInputs::open(&dns_config, &data_dir, clock)).await;
            dns = bound.map(|bound| ((bound, settings), cold));
            if can_serve {
                dns_secrets_problem = without_secrets(&bad_settings, &bad_cold);
            } else {
                problems.extend(bad_settings.iter().map(|problem| boot::describe(problem)));
                problems.extend(bad_cold.iter().map(|problem| boot::describe(problem)));
            }
        }
        let read = config.clone();
        let ticket_key = blocking(move || tickets::read_key(&read)).await;
        let ticket_key = without("the key of tickets", ticket_key, can_serve, &mut problems).flatten();
        let assigner = open_assigner(config, given, ticket_key.clone(), can_serve, &mut problems).await;
        let xds = open_xds(config, given, can_serve, &mut problems).await;
        let mut balancer = None;
        if has(Role::Balancer) {
            let (data_dir, now) = (config.data_dir.clone(), given.clock.now());
            let memory = blocking(move || balancer_state::load(&data_dir, now)).await;
            let named = config.balancer.clone();
            let files = blocking(move || balancer_files::read(&named)).await;
            if can_serve {
                files.tell();
            } else {
                problems.extend(files.problems());
            }
            let wanted = BalancerConfig {
                memory,
                certificates: files.certificates,
                access_log: keep(
                    balancer_files::open_access_log(config.balancer.access_log.as_ref()),
                    &mut problems,
                )
                .flatten(),
                endpoint_authorities: files.authorities,
                ticket_key,
                ..balancer_config(config, given)
            };
            let open_already = hf_balancer::Given::from(listeners);
            let bound = hf_balancer::bind_with(wanted, given.snapshots.clone(), open_already);
            balancer = keep(bound.await, &mut problems);
        }
        let Kept { control, journal, ledger_problem } = open_ledger(config, given, &mut problems).await;
        let place = match &config.api.access {
            Some(file) => AccessPlace::File(file.clone()),
            None => AccessPlace::DataDir(config.data_dir.clone()),
        };
        let clock = given.clock.clone();
        let access = keep(blocking(move || Access::open(&place, clock)).await, &mut problems);
        let api_tls = open_api_tls(config, &given.clock).await.map(|tls| keep(tls, &mut problems));
        let api_key = api_tls.as_ref().and_then(|tls| tls.as_ref()?.pin());
        let watched = (access.clone(), api_tls.clone().flatten());
        let mut api = None;
        if let Some(access) = access {
            let kept = Kept { control: control.clone(), journal, ledger_problem: ledger_problem.clone() };
            let here = dns.as_ref().map(|((bound, _), cold): &((hf_dns::Bound, _), _)| dns_here(bound, cold));
            let made = Api::new(context(config, given, kept, access, here));
            let bound = match api_tls {
                None => Some(made.bind(config.api_listen).await),
                Some(Some(tls)) => Some(made.bind_tls(config.api_listen, tls).await),
                Some(None) => None, // never in the clear for want of a certificate; the problem is kept
            };
            api = bound.and_then(|bound| keep(bound, &mut problems));
        }
        match (feed, api, watched) {
            (Some(feed), Some(api), (Some(access), api_tls)) if problems.is_empty() => Ok(Opened {
                feed,
                api,
                planes: Planes { status, dns, balancer, assigner, elsewhere, xds },
                control,
                ledger_problem,
                dns_secrets_problem,
                api_key,
                access,
                api_tls,
            }),
            (_, api, _) => {
                drop(api);
                if let Some(control) = control {
                    control.stop().await;
                }
                Err(problems)
            }
        }
    }

    pub(super) fn addresses(&self) -> Addresses {
        Addresses {
            api: self.api.address(),
            feed: self.feed.local_address(),
            status: self.planes.status.as_ref().map(hf_status::Bound::address),
            dns: self
                .planes
                .dns
                .as_ref()
                .map(|((dns, _), _)| dns.local_addresses().to_vec())
                .unwrap_or_default(),
            assign: self.planes.assigner.as_ref().map(hf_assigner::Bound::address),
            agent: self.planes.elsewhere.agent_address(),
            xds: self.planes.xds.as_ref().map(hf_xds::Bound::address),
        }
    }
}

/// Opens the role's port, with a key to sign with.
async fn open_assigner(
    config: &NodeConfig,
    given: &Given,
    key: Option<TicketKey>,
    can_serve: bool,
    problems: &mut Vec<String>,
) -> Option<hf_assigner::Bound> {
    let key = key.filter(|_| config.roles.contains(&Role::Assign))?;
    let (named, clock) = (config.clone(), given.clock.clone());
    let read = blocking(move || tickets::assigner_config(&named, key, clock)).await;
    let wanted = without("the certificate of [assign]", read, can_serve, problems)?;
    let (snapshots, geography) = (given.snapshots.clone(), given.geography.clone());
    keep(hf_assigner::bind(wanted, snapshots, geography, given.clock.clone()).await, problems)
}

/// Opens the port of `[xds]`, if there is that section.
async fn open_xds(
    config: &NodeConfig,
    given: &Given,
    can_serve: bool,
    problems: &mut Vec<String>,
) -> Option<hf_xds::Bound> {
    let wanted = xds_here::wanted(config)?.clone();
    let (listen, clock) = (wanted.listen, given.clock.clone());
    let read = blocking(move || xds_here::tls(&wanted, clock)).await;
    let tls = without("the certificate of [xds]", read, can_serve, problems)?;
    let (snapshots, consumers) = (given.snapshots.clone(), given.consumers.clone());
    keep(hf_xds::bind(listen, tls, snapshots, consumers, given.clock.clone()).await, problems)
}

/// What was read of a file, or without it: a node that can serve says so, another does not start.
fn without<T, E: std::error::Error>(
    what: &str,
    read: Result<T, E>,
    can_serve: bool,
    problems: &mut Vec<String>,
) -> Option<T> {
    match read {
        Err(problem) if can_serve => {
            let problem = boot::describe(&problem);
            error!(%problem, "the node starts without {what}; mend it and start the node again");
            None
        }
        read => keep(read, problems),
    }
}

/// What is told of secrets that a node starts without. Certificates are told by those who watch them.
fn without_secrets(settings: &[hf_dns::SettingsError], cold: &[hf_dns::ColdError]) -> Option<String> {
    let keys = cold.iter().filter(|problem| !matches!(problem, hf_dns::ColdError::Tls(_)));
    let missing: Vec<String> = settings
        .iter()
        .map(|problem| boot::describe(problem))
        .chain(keys.map(|key| boot::describe(key)))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let problem = format!(
        "{}\nmend it and start the node again; until then what needs it is refused",
        missing.join("\n")
    );
    error!(%problem, "DNS starts without some of its secrets");
    Some(problem)
}

fn balancer_config(config: &NodeConfig, given: &Given) -> BalancerConfig {
    let (clock, activity) = (given.clock.clone(), given.activity.clone());
    let defaults = BalancerConfig::new(config.id.clone(), config.zone.clone(), clock, activity);
    let workers = config.balancer.workers.and_then(|workers| NonZeroUsize::new(workers.into()));
    BalancerConfig {
        address: config.balancer.address,
        drain: config.balancer.drain,
        workers: workers.unwrap_or(defaults.workers),
        ..defaults
    }
}

fn feed_config(config: &NodeConfig, clock: &Clock) -> FeedConfig {
    FeedConfig {
        node: config.id.clone(),
        zone: config.zone.clone(),
        roles: config.roles.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        listen: config.feed_listen,
        peers: config.peers.clone(),
        tls: config.tls.clone(),
        beat: config.beat,
        now: now_of(clock),
        seed: hf_clock::random_seed(),
    }
}

fn now_of(clock: &Clock) -> Now {
    let clock = clock.clone();
    Now::new(move || clock.now())
}

fn keep<T, E: std::error::Error>(result: Result<T, E>, problems: &mut Vec<String>) -> Option<T> {
    match result {
        Ok(made) => Some(made),
        Err(error) => {
            problems.push(boot::describe(&error));
            None
        }
    }
}
