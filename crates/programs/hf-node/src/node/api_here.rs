//! The API's port, its certificates, and all that its answers are made of.
//!
//! Not here: the answers (`hf-control-plane`).

use std::sync::Arc;

use hf_api::tls::{ClientCertificates, ServerFiles, ServerTls};
use hf_clock::Clock;
use hf_config::node::{NodeConfig, Role};
use hf_control_plane::{Access, Context, Control, DnsHere, RingJournal};
use hf_ledger::Journal;
use tracing::{error, info};

use super::blocking;
use super::given::Given;
use crate::dns_here;
use crate::ledger;

/// What a node keeps in order.
pub(super) struct Kept {
    /// With the control role, the ledger's writer.
    pub(super) control: Option<Control>,
    pub(super) journal: Arc<dyn Journal>,
    /// Why there is no writer in spite of that role.
    pub(super) ledger_problem: Option<String>,
}

/// The ledger of a node with the control role, and the journal of every node (rule 3).
pub(super) async fn open_ledger(config: &NodeConfig, given: &Given, problems: &mut Vec<String>) -> Kept {
    let mut ledger_problem = None;
    if config.roles.contains(&Role::Control) {
        match ledger::start(config, given.clock.clone(), given.gate.clone()).await {
            Ok((control, journal)) => {
                return Kept { control: Some(control), journal, ledger_problem };
            }
            Err(problem) => {
                let can_serve = given.snapshots.borrow().is_some()
                    && config.roles.iter().any(|role| *role != Role::Control);
                if can_serve {
                    error!(%problem, "the control role does not start; the others serve from the snapshot on disk");
                    ledger_problem = Some(problem);
                } else {
                    problems.push(problem);
                }
            }
        }
    }
    Kept { control: None, journal: Arc::new(RingJournal::default()), ledger_problem }
}

pub(super) fn context(
    config: &NodeConfig,
    given: &Given,
    kept: Kept,
    access: Access,
    dns: Option<Arc<dyn DnsHere>>,
) -> Context {
    Context {
        node: config.id.clone(),
        zone: config.zone.clone(),
        roles: config.roles.clone(),
        beat: config.beat,
        control: kept.control,
        ledger_problem: kept.ledger_problem,
        journal: kept.journal,
        snapshots: given.snapshots.clone(),
        reports: given.reports.clone(),
        obeyed: given.obeyed.clone(),
        gray: given.gray.clone(),
        break_glass: given.break_glass.clone(),
        votes: given.votes.clone(),
        break_glass_keys: config.break_glass_keys.clone(),
        access,
        clock: given.clock.clone(),
        estate_file: config.estate.clone().filter(|_| config.roles.contains(&Role::Control)),
        estate_file_problem: given.file_problem.clone(),
        geography: given.geography.clone(),
        activity: given.activity.clone(),
        dns,
        sources_config: config.sources.clone(),
        sources: given.endpoint_sources.clone(),
        carried: given.carried.clone(),
        notifications: given.notifications.clone(),
        stores_config: config.stores.clone(),
        pushed: given.pushed.clone(),
        consumers: given.consumers_heard.clone(),
    }
}

pub(super) fn dns_here(bound: &hf_dns::Bound, cold: &hf_dns::ColdInputs) -> Arc<dyn DnsHere> {
    let (names, counters) = (bound.names(), bound.counters());
    Arc::new(dns_here::Here { store: cold.hosted.clone(), names, counters })
}

/// The API's certificates, if it has any; the key by which clients may know this node is told.
pub(super) async fn open_api_tls(
    config: &NodeConfig,
    clock: &Clock,
) -> Option<Result<ServerTls, hf_api::tls::TlsError>> {
    let tls = config.api.tls.clone()?;
    let clients = match (tls.client_ca, tls.require_client_certificate) {
        (None, _) => ClientCertificates::NotAsked,
        (Some(ca), false) => ClientCertificates::Welcome(ca),
        (Some(ca), true) => ClientCertificates::Required(ca),
    };
    let files = ServerFiles { certificate: tls.certificate, key: tls.key, clients };
    let clock = clock.clone();
    let loaded = blocking(move || ServerTls::load(files, clock)).await;
    if let Ok(tls) = &loaded
        && let Some(pin) = tls.pin()
    {
        info!(%pin, "the API speaks TLS; clients may know this node by this key (`--pin`)");
    }
    Some(loaded)
}
